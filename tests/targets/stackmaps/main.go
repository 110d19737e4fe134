// stackmaps has maps whose headers are on the stacks of its goroutines, and tells
// the truth about them; see the README beside it.
package main

import (
	"bufio"
	"flag"
	"os"
	"runtime"
	"runtime/debug"
	"sync/atomic"
	"syscall"

	_ "maptrace/tests/targets/lib/external"
	"maptrace/tests/targets/lib/gomap"
	"maptrace/tests/targets/lib/jsonw"
)

var (
	many = flag.Int("many", 100, "goroutines with a map of 20 entries each")
	idle = flag.Int("idle", 0, "goroutines without a map")
	grow = flag.Int("growers", 0, "goroutines whose maps grow, while garbage is collected")
)

// holder is a goroutine with a map in a frame of its own, which it alone may
// look at.
type holder struct {
	name     string
	typ      string
	inFrame  bool // what the header points to, too
	computes bool
	ask      chan struct{}
	told     chan gomap.Info
	last     gomap.Info
}

var holders []*holder

func newHolder(name string, m any) *holder {
	h := &holder{
		name: name,
		typ:  gomap.TypeName(m),
		ask:  make(chan struct{}),
		told: make(chan gomap.Info),
	}
	holders = append(holders, h)
	return h
}

// inspect asks twice: the first call may move the stack.
func inspect(m any) gomap.Info {
	gomap.Of(m).Inspect()
	return gomap.Of(m).Inspect()
}

// truth prints all maps. Those of goroutines that cannot answer are as they
// were when they stopped answering.
func truth(w *jsonw.Writer) {
	w.Reset()
	w.Open()
	w.String("go", runtime.Version())
	w.String("kind", gomap.Kind)
	w.Int("goroutines", int64(runtime.NumGoroutine()))
	w.OpenArray("maps")
	for _, h := range holders {
		if h.ask != nil {
			h.ask <- struct{}{}
			h.last = <-h.told
		}
		row(w, h)
	}
	w.CloseArray()
	growersTruth(w)
	w.Close()
}

func row(w *jsonw.Writer, h *holder) {
	info := &h.last
	w.Open()
	w.String("name", h.name)
	w.String("type", h.typ)
	w.Bool("in_frame", h.inFrame)
	w.Bool("computes", h.computes)
	w.Addr("addr", info.Addr)
	w.Uint("live_keys", info.LiveKeys)
	w.Uint("slots", info.Slots)
	w.Uint("buckets", info.Buckets)
	w.Uint("tombstones", info.Tombstones)
	w.Uint("overflow_buckets", info.OverflowBuckets)
	w.Uint("old_bytes", info.OldBytes)
	w.Uint("table_bytes", info.TableBytes)
	w.Uint("tables", info.Tables)
	w.Uint("bucket_bytes", info.BucketBytes)
	w.Bool("growing", info.Growing)
	w.Close()
}

// settle lets stacks and buffers reach their size, and then keeps the collector
// from moving stacks: it shrinks those that are hardly used.
func settle(w *jsonw.Writer) {
	truth(w)
	runtime.GC()
	runtime.GC()
	debug.SetGCPercent(-1)
	truth(w)
}

func main() {
	flag.Parse()
	startParked()
	for i := 0; i < *many; i++ {
		go holdMany(newHolder("many", map[int64]int64(nil)))
	}
	for i := 0; i < *idle; i++ {
		go func() { select {} }()
	}

	var w jsonw.Writer
	settle(&w)
	startBusy()
	truth(&w)
	startGrowers(*grow)

	var ready jsonw.Writer
	ready.Open()
	ready.Bool("ready", true)
	ready.Int("pid", int64(os.Getpid()))
	ready.Close()
	if ready.Flush() != nil {
		os.Exit(1)
	}
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		truth(&w)
		if w.Flush() != nil {
			os.Exit(1)
		}
	}
}

// startBusy starts the goroutines that do not wait for questions: one is in a
// system call, two compute.
func startBusy() {
	var pipe [2]int
	if syscall.Pipe(pipe[:]) != nil {
		os.Exit(1)
	}
	for _, start := range []func(*holder, *uint32){
		// Runs the collector, so it comes first.
		func(h *holder, ready *uint32) { go holdNoMore(h, ready) },
		func(h *holder, ready *uint32) { go holdInSyscall(h, ready, pipe[0]) },
		func(h *holder, ready *uint32) { go holdAndCompute(h, ready) },
	} {
		h := &holder{typ: gomap.TypeName(map[int64]int64(nil))}
		ready := new(uint32)
		start(h, ready)
		for atomic.LoadUint32(ready) == 0 {
			runtime.Gosched()
		}
		if h.name != "" {
			holders = append(holders, h)
		}
	}
}
