// garbage has maps that all kinds of things hold, maps that nothing holds, and maps that move from
// hand to hand. It says which is which, and collects when told to.
package main

import (
	"bufio"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"time"
	"unsafe"

	"maptrace/tests/targets/lib/jsonw"
)

type dict = map[int]int

type node struct {
	next *node
	up   map[*node]dict
	m    dict
}

// Addresses are numbers here: they hold nothing.
type named struct {
	name string
	addr uintptr
}

var (
	held    []named
	garbage []uintptr
	moving  []uintptr
	w       jsonw.Writer

	global    dict
	chain     *node
	queue     = make(chan dict, 8)
	anything  interface{}
	outer     = map[string]dict{}
	pool      sync.Pool
	timer     *time.Timer
	closure   func() int
	stopped   = make(chan struct{}) // nobody ever closes it
	finalized = make(chan struct{})
	set       sync.Map
)

func addr(m dict) uintptr {
	return *(*uintptr)(unsafe.Pointer(&m))
}

func fresh(n int) dict {
	m := dict{}
	for i := 0; i < n; i++ {
		m[i] = i
	}
	return m
}

func keep(name string) dict {
	m := fresh(20)
	held = append(held, named{name, addr(m)})
	return m
}

// The stacks of what is made here are gone afterwards.
func apart(f func()) {
	done := make(chan struct{})
	go func() {
		f()
		close(done)
	}()
	<-done
}

//go:noinline
func waits(m dict, ready chan struct{}) int {
	close(ready)
	<-stopped
	return len(m)
}

func waitsWithDefer(m dict, ready chan struct{}) {
	defer func() { m[0]++ }()
	close(ready)
	<-stopped
}

func holdByGoroutines() {
	a, b, c := make(chan struct{}), make(chan struct{}), make(chan struct{})
	apart(func() {
		go waits(keep("stack"), a)
		go waitsWithDefer(keep("defer"), b)
		m := keep("send") // in the frame, and in a sudog
		go func() {
			close(c)
			(chan dict)(nil) <- m
		}()
	})
	<-a
	<-b
	<-c
}

// What only a finalizer holds, by its closure or by its object, and what waits in the queue behind
// one that does not end.
func holdByFinalizers() {
	apart(func() {
		first, second := &node{m: fresh(1)}, &node{}
		runtime.SetFinalizer(first, func(*node) { close(finalized); <-stopped })
		m := keep("queued finalizer")
		runtime.SetFinalizer(second, func(n *node) { n.m = m })
	})
	runtime.GC()
	<-finalized
	runtime.GC()
	apart(func() {
		m := keep("finalizer")
		runtime.SetFinalizer(&node{m: keep("finalized object")}, func(n *node) { n.m = m })
	})
}

func hold() {
	global = keep("global")
	chain = &node{next: &node{next: &node{m: keep("chain")}}}
	chain.up = map[*node]dict{chain: keep("value of a map")}
	queue <- keep("channel")
	anything = &struct{ i interface{} }{keep("interface")}
	outer["a"] = keep("value")
	pool.Put(keep("pool"))
	m := keep("timer")
	timer = time.AfterFunc(time.Hour, func() { m[0]++ })
	c := keep("closure")
	closure = func() int { return len(c) }
	set.Store("a", keep("sync.Map"))
}

func drop() {
	m := fresh(100)
	garbage = append(garbage, addr(m))
	n := &node{m: fresh(3)}
	n.next, n.up = n, map[*node]dict{n: m}
	garbage = append(garbage, addr(n.m), *(*uintptr)(unsafe.Pointer(&n.up)))
}

// A stale word of what ran before may keep one of them.
func dropAll() {
	garbage = make([]uintptr, 0, 6000)
	apart(func() {
		for i := 0; i < 2000; i++ {
			drop()
		}
	})
}

func truth() {
	var m runtime.MemStats

	runtime.ReadMemStats(&m)
	w.Reset()
	w.Open()
	w.Uint("heap_alloc", m.HeapAlloc)
	w.Uint("cycles", uint64(m.NumGC))
	w.OpenField("held")
	for _, h := range held {
		w.Addr(h.name, h.addr)
	}
	w.Close()
	list := func(name string, addrs []uintptr) {
		w.OpenField(name)
		for i, a := range addrs {
			w.Addr(strconv.Itoa(i), a)
		}
		w.Close()
	}
	list("garbage", garbage)
	list("moving", moving)
	w.Close()
	if w.Flush() != nil {
		os.Exit(1)
	}
}

func main() {
	debug.SetGCPercent(-1)
	runtime.GC()
	holdByFinalizers()
	hold()
	holdWeak()
	holdByGoroutines()
	dropAll()
	w.Open()
	w.Bool("ready", true)
	w.Close()
	w.Flush()
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		command, arg, _ := strings.Cut(in.Text(), " ")
		n, _ := strconv.Atoi(arg)
		switch command {
		case "collect":
			runtime.GC()
		case "gogc":
			debug.SetGCPercent(n)
		case "limit":
			debug.SetMemoryLimit(int64(n) << 20)
		case "move":
			move(n)
		}
		truth()
	}
	runtime.KeepAlive(closure)
}
