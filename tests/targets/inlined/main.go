// inlined changes maps from functions that the compiler inlines into each other,
// and tells where: what runtime.Callers says beside each operation. Two functions fill two maps
// through the same library.
package main

import (
	"bufio"
	"encoding/json"
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
	all  = map[string][]runtime.Frame{} // to the start of the goroutine

	parsed = map[string]int{}
	loaded = map[string]int{}
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
	for more, near := true, true; more; {
		var f runtime.Frame

		f, more = frames.Next()
		all[op] = append(all[op], f)
		if near {
			said[op] = append(said[op], f)
		}
		near = near && f.Function != "main.work" && f.Function != "main.set"
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

// nest is more calls deep than a hit of a probe can tell.
//
//go:noinline
func nest(depth int) {
	if depth > 0 {
		nest(depth - 1)
	} else {
		set("k")
	}
}

//go:noinline
func parse() {
	if json.Unmarshal([]byte(`{"a": 1}`), &parsed) != nil {
		os.Exit(1)
	}
}

//go:noinline
func load() {
	if json.Unmarshal([]byte(`{"b": 1}`), &loaded) != nil {
		os.Exit(1)
	}
}

//go:noinline
func work(k uint64) {
	s := &store{deep}
	addTo(s, k)
	if k >= 100 {
		s.drop(k - 100)
	}
	nest(10)
	parse()
	load()
}

func printFrames(w *jsonw.Writer, name string, frames []runtime.Frame) {
	w.OpenArray(name)
	for i, f := range frames {
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

func report() {
	var w jsonw.Writer

	w.Open()
	w.Bool("ready", true)
	w.Addr("deep", gomap.Of(deep).Addr())
	w.Addr("flat", gomap.Of(flat).Addr())
	w.Addr("parsed", gomap.Of(parsed).Addr())
	w.Addr("loaded", gomap.Of(loaded).Addr())
	for _, op := range []string{"insert", "delete", "set"} {
		printFrames(&w, op, said[op])
		printFrames(&w, op+"_all", all[op])
	}
	w.Close()
	if w.Flush() != nil {
		os.Exit(1)
	}
}

func main() {
	note = true
	go func() {
		for k := uint64(0); ; k++ {
			work(k)
			if k == 200 {
				note = false
				report()
			}
			if k >= 200 {
				time.Sleep(2 * time.Millisecond)
			}
		}
	}()
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		if in.Text() == "quit" {
			return
		}
	}
}
