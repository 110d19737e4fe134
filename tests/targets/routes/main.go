// routes has maps that it gets to in ways that it tells: each from a variable or a goroutine.
// There are shorter ways to some of them, which say less: through a timer, or a callback.
package main

import (
	"bufio"
	"fmt"
	"os"
	"runtime"
	"time"

	"maptrace/tests/targets/lib/gomap"
	"maptrace/tests/targets/lib/jsonw"
)

type base struct {
	name  string
	attrs map[string]int32
}

type store struct {
	name     string
	sessions map[uint64]*session
}

type session struct {
	user string
	seen time.Time
}

type server struct {
	base
	addr     string
	stores   []store
	byTenant map[string]map[uint32]string
	quota    map[int32]float64
}

type mux struct {
	pattern string
	routes  map[string]bool
}

func (m *mux) handle() int { return len(m.routes) }

type handler interface{ handle() int }

type node struct {
	next  *node
	words map[uint16]uint64
}

type job struct {
	id   int
	args map[uint64]string
}

type conn struct {
	peer  string
	state map[uint64]uint16
}

var (
	srv   *server
	front handler
	hook  func(uint64) int
	jobs  = make(chan job, 4)
	list  *node
	flags map[uint64]bool
	timer *time.Timer
	after []func() int
)

type row struct {
	name, path string
	addr       uintptr
}

var rows []row

func note(name string, m any, path string) {
	rows = append(rows, row{name, path, gomap.Of(m).Addr()})
}

// fill makes a map of so many entries that it has a row of its own in the ranking.
func fill[K comparable, V any](key func(int) K, value V) map[K]V {
	m := map[K]V{}
	for i := 0; i < 10000; i++ {
		m[key(i)] = value
	}
	return m
}

func number[T ~uint16 | ~uint32 | ~uint64 | ~int32](i int) T { return T(i) }

func text(i int) string { return fmt.Sprint(i) }

func makeServer() {
	srv = &server{base: base{"base", fill(text, int32(1))}, addr: "127.0.0.1:1"}
	srv.stores = []store{{}, {"first", fill(number[uint64], &session{user: "u"})}, {}}
	srv.byTenant = map[string]map[uint32]string{"tenant": fill(number[uint32], "t")}
	srv.quota = fill(number[int32], 1.5)
	quota := srv.quota
	timer = time.AfterFunc(time.Hour, func() { fmt.Println(len(quota)) })
	// What a metrics library does with those who register.
	after = append(after, func() int { return len(quota) })
	note("embedded", srv.attrs, "main.srv.(*main.server).base.attrs")
	note("element", srv.stores[1].sessions, "main.srv.(*main.server).stores[*].sessions")
	note("value", srv.byTenant["tenant"], "main.srv.(*main.server).byTenant[*]")
	note("timer", srv.quota, "main.srv.(*main.server).quota")
}

func makeHook() {
	m := fill(number[uint64], uint8(1))
	hook = func(k uint64) int { return len(m) + int(m[k]) }
	note("closure", m, "main.hook.(main.makeHook.func1 closure)")
}

func makeOthers() {
	front = &mux{"/", fill(text, true)}
	note("interface", front.(*mux).routes, "main.front.(*main.mux).routes")
	jobs <- job{}
	jobs <- job{1, fill(number[uint64], "a")}
	<-jobs
	j := <-jobs
	jobs <- j
	note("channel", j.args, "main.jobs.(chan main.job).args")
	list = &node{next: &node{next: &node{words: fill(number[uint16], uint64(1))}}}
	note("chain", list.next.next.words, "main.list.(*main.node).next.next.words")
	flags = fill(number[uint64], true)
	note("variable", flags, "main.flags")
}

// serve holds its map alone.
func serve(ready chan *conn, end chan bool) {
	c := &conn{peer: "p"}
	ready <- c
	<-end
	runtime.KeepAlive(c)
}

func fillConn(c *conn, done chan bool) {
	c.state = fill(number[uint64], uint16(1))
	note("goroutine", c.state, "goroutine N main.serve: (*main.conn).state")
	done <- true
}

// makeAll runs in a goroutine that ends, so that its frames hold nothing afterwards.
func makeAll(done chan bool) {
	makeServer()
	makeHook()
	makeOthers()
	done <- true
}

func writeTruth(w *jsonw.Writer) {
	w.Reset()
	w.Open()
	w.OpenArray("maps")
	for i := range rows {
		w.Open()
		w.String("name", rows[i].name)
		w.String("path", rows[i].path)
		w.Addr("addr", rows[i].addr)
		w.Close()
	}
	w.CloseArray()
	w.Close()
	w.Flush()
}

//go:noinline
func startServe(started, end chan bool) {
	ready, done := make(chan *conn), make(chan bool)
	go serve(ready, end)
	go fillConn(<-ready, done)
	<-done
	started <- true
}

func main() {
	var w jsonw.Writer
	done, end := make(chan bool), make(chan bool)

	go makeAll(done)
	<-done
	go startServe(done, end)
	<-done
	runtime.GC()
	runtime.GC()
	fmt.Printf("{\"ready\":true,\"pid\":%d}\n", os.Getpid())
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		writeTruth(&w)
	}
	end <- true
	fmt.Fprintln(os.Stderr, len(srv.stores), front.handle(), hook(1), len(jobs), list.next, len(flags), timer, len(after))
}
