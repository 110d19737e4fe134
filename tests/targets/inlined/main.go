// inlined changes maps from functions that the compiler inlines into each other,
// and tells where: what runtime.Callers says beside each operation.
package main

import (
	"bufio"
	"os"
	"runtime"
	"time"

	"maptrace/tests/targets/lib/gomap"
	"maptrace/tests/targets/lib/jsonw"
)

var (
	deep = map[uint64]uint64{}
	flat = map[string]int{}
	note bool
	said = map[string][]runtime.Frame{}
)

// here keeps the frames of its caller, once for each kind of operation.
//
//go:noinline
func here(op string) {
	var pcs [16]uintptr

	if !note || said[op] != nil {
		return
	}
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs[:])])
	for {
		f, more := frames.Next()
		said[op] = append(said[op], f)
		if !more || f.Function == "main.work" || f.Function == "main.set" {
			return
		}
	}
}

type store struct{ m map[uint64]uint64 }

func (s *store) put(k uint64) {
	here("insert")
	s.m[k] = k
}

func (s *store) add(k uint64) { s.put(k) }

func addTo(s *store, k uint64) {
	s.add(k)
}

func (s *store) drop(k uint64) {
	here("delete")
	delete(s.m, k)
}

//go:noinline
func set(k string) {
	here("set")
	flat[k]++
}

//go:noinline
func work(k uint64) {
	s := &store{deep}
	addTo(s, k)
	if k >= 100 {
		s.drop(k - 100)
	}
	set("k")
}

func report() {
	var w jsonw.Writer

	w.Open()
	w.Bool("ready", true)
	w.Addr("deep", gomap.Of(deep).Addr())
	w.Addr("flat", gomap.Of(flat).Addr())
	for _, op := range []string{"insert", "delete", "set"} {
		w.OpenArray(op)
		for i, f := range said[op] {
			line := f.Line
			if i == 0 {
				line++ // the operation is on the line behind
			}
			w.Open()
			w.String("function", f.Function)
			w.String("file", f.File)
			w.Int("line", int64(line))
			w.Close()
		}
		w.CloseArray()
	}
	w.Close()
	if w.Flush() != nil {
		os.Exit(1)
	}
}

func main() {
	note = true
	for k := uint64(0); k < 200; k++ {
		work(k)
	}
	note = false
	report()
	go func() {
		for k := uint64(200); ; k++ {
			work(k)
			time.Sleep(2 * time.Millisecond)
		}
	}()
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		if in.Text() == "quit" {
			return
		}
	}
}
