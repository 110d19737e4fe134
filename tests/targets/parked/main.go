// parked has goroutines that wait for everything that there is to wait for, and tells where each of
// them waits: by the runtime's own tracebacks. See the README beside it.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"
	"unsafe"
)

const (
	few  = 7
	many = 3000
)

// What is waited for never comes.
var (
	never  = make(chan int) // has receivers only
	over   = make(chan int) // is closed by "release"
	full   = make(chan int) // has senders only
	lock   sync.Mutex
	rw     sync.RWMutex
	cond   = sync.NewCond(new(sync.Mutex))
	group  sync.WaitGroup
	kept   sync.Mutex
	keeper []any
)

type sink interface{ take(depth int) }

type tank struct{ c chan int }

//go:noinline
func (t *tank) take(depth int) {
	if depth > 0 {
		t.take(depth - 1)
		return
	}
	t.c <- 1
}

func receive()    { <-never }
func send()       { full <- 1 }
func selectTwo()  { forTwo(never, make(chan int)) }
func selectNone() { select {} }
func nilChannel() { var c chan int; <-c }
func mutex()      { lock.Lock() }
func readLock()   { rw.RLock() }
func writeLock()  { rw.Lock() }
func condition()  { cond.L.Lock(); cond.Wait() }
func waitGroup()  { group.Wait() }
func asleep()     { time.Sleep(1000 * time.Hour) }
func deep()       { sink(&tank{full}).take(400) }
func inlined()    { inner(never) }

func inner(c chan int) { <-c }

//go:noinline
func forTwo(a, b chan int) {
	select {
	case <-a:
	case b <- 1:
	}
}

// withMap has a map that nothing but its frame holds.
func withMap() {
	m := map[int]int{}
	for i := 0; i < 40; i++ {
		m[i] = i
	}
	<-over
	m[1]++
}

func ioWait() {
	r, w, err := os.Pipe()
	check(err)
	keep(w)
	r.Read(make([]byte, 1))
}

// library waits far below the program's own function.
func library() {
	here, there := pair()
	keep(there)
	var v any
	json.NewDecoder(io.TeeReader(bufio.NewReader(here), io.Discard)).Decode(&v)
}

func accepting() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(err)
	l.Accept()
}

// systemCall blocks in the kernel, in a thread of its own.
func systemCall() {
	var fds [2]int
	check(syscall.Pipe(fds[:]))
	syscall.Read(fds[0], make([]byte, 1))
}

func pair() (net.Conn, net.Conn) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(err)
	defer l.Close()
	there, err := net.Dial("tcp", l.Addr().String())
	check(err)
	here, err := l.Accept()
	check(err)
	return here, there
}

func keep(v any) {
	kept.Lock()
	keeper = append(keeper, v)
	kept.Unlock()
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func spin() {
	for {
		runtime.Gosched()
	}
}

func burn(n *uint64) {
	for {
		*n++
	}
}

//go:noinline
func start(n int, f func()) {
	for i := 0; i < n; i++ {
		go f()
	}
}

// ---- the truth ----

type where struct {
	Reason, Function, User, Starter string // functions have their lines: "main.f:12"
}

// ownedByRuntime is true for the functions that the runtime leaves out of places.
func ownedByRuntime(f string) bool {
	return strings.HasPrefix(f, "runtime.") || strings.Contains(f, ".runtime_")
}

// withLine makes "main.f:12" of two lines of a traceback.
func withLine(call, at string) string {
	line := at[strings.LastIndex(at, ":")+1:]
	return call + ":" + strings.Fields(line)[0]
}

// parse reads the traceback of one goroutine.
func parse(trace string) (w where) {
	lines := strings.Split(strings.TrimSpace(trace), "\n")
	reason := lines[0][strings.Index(lines[0], "[")+1 : strings.LastIndex(lines[0], "]")]
	w.Reason = strings.Split(reason, ",")[0]
	for i := 1; i+1 < len(lines); i += 2 {
		if strings.HasPrefix(lines[i], "...") {
			i-- // frames were left out
			continue
		}
		if call := strings.TrimPrefix(lines[i], "created by "); call != lines[i] {
			w.Starter = withLine(strings.Split(call, " in goroutine")[0], lines[i+1])
			continue
		}
		call := lines[i][:strings.LastIndex(lines[i], "(")]
		if w.Function == "" && !ownedByRuntime(call) {
			w.Function = withLine(call, lines[i+1])
		}
		if w.User == "" && strings.HasPrefix(call, "main.") {
			w.User = withLine(call, lines[i+1])
		}
	}
	return w
}

func tracebacks() string {
	for buf := make([]byte, 1<<20); ; buf = make([]byte, 2*len(buf)) {
		if n := runtime.Stack(buf, true); n < len(buf) {
			return string(buf[:n])
		}
	}
}

func groups() map[where]int {
	g := map[where]int{}
	for _, trace := range strings.Split(tracebacks(), "\n\n") {
		g[parse(trace)]++
	}
	return g
}

// monotonic is what the runtime's nanotime() is, and CLOCK_MONOTONIC.
func monotonic() int64 {
	var ts syscall.Timespec
	syscall.Syscall(syscall.SYS_CLOCK_GETTIME, 1, uintptr(unsafe.Pointer(&ts)), 0)
	return ts.Nano()
}

// stacks is what Go has for stacks after it has freed those of goroutines that ended.
func stacks() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.StackInuse
}

var started = monotonic()

func answer(question string) any {
	switch question {
	case "collect":
		runtime.GC()
		return map[string]int64{"started": started, "collected": monotonic()}
	case "release":
		before := stacks()
		close(over)
		for runtime.NumGoroutine() > len(kinds)*few+2 {
			time.Sleep(20 * time.Millisecond)
		}
		return map[string]uint64{"before": before, "after": stacks()}
	case "groups":
		type row struct {
			where
			Count int
		}
		rows := []row{}
		for w, n := range groups() {
			rows = append(rows, row{w, n})
		}
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return map[string]any{"groups": rows, "stack_bytes": m.StackInuse}
	}
	return nil
}

func settled() bool {
	waiting := 0
	for w, n := range groups() {
		if w.Reason != "runnable" && w.Reason != "running" {
			waiting += n
		}
	}
	return waiting >= len(kinds)*few+many
}

var kinds = []func(){receive, send, selectTwo, selectNone, nilChannel, mutex, readLock, writeLock,
	condition, waitGroup, asleep, deep, inlined, ioWait, library, accepting, systemCall}

func main() {
	if len(os.Args) > 1 && os.Args[1] == "busy" {
		start(1, spin)
		var n uint64
		start(1, func() { burn(&n) })
	}
	signal.Ignore(syscall.SIGPIPE)
	lock.Lock()
	rw.Lock()
	group.Add(1)
	for _, f := range kinds {
		start(few, f)
	}
	start(many, withMap)
	for !settled() {
		time.Sleep(20 * time.Millisecond)
	}
	fmt.Printf("{\"ready\":true,\"pid\":%d}\n", os.Getpid())
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		text, err := json.Marshal(answer(in.Text()))
		check(err)
		os.Stdout.Write(append(text, '\n'))
	}
}
