// churn changes maps at known rates and counts exactly what it did; see the
// README beside it.
package main

import (
	"bufio"
	"flag"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	_ "maptrace/tests/targets/lib/external"
	"maptrace/tests/targets/lib/gomap"
	"maptrace/tests/targets/lib/jsonw"
)

var (
	insertRate   = flag.Float64("inserts-per-s", 1000, "new keys a second, over all maps")
	updateRate   = flag.Float64("updates-per-s", 0, "assignments a second to keys that exist")
	deleteRate   = flag.Float64("deletes-per-s", 1000, "deletes a second")
	mapCount     = flag.Int("maps", 1, "number of maps")
	goroutines   = flag.Int("goroutines", 1, "number of goroutines that the maps are dealt out to")
	liveKeys     = flag.Int("live", 10000, "entries of each map at the start")
	kinds        = flag.String("kind", "faststr", "comma separated, in turn: fast32, fast64, fast64ptr, faststr, generic")
	growTo       = flag.Int("grow", 0, "also grow a new map to this many entries, over and over")
	growEvery    = flag.Duration("grow-every", 5*time.Second, "how long -grow takes for one map")
	clearEvery   = flag.Duration("clear", 0, "clear all maps, but not that of -grow, in this interval")
	madviseEvery = flag.Duration("madvise", 0, "allocate and give back 64 MiB in this interval")
	busy         = flag.Bool("busy", false, "no rates: insert, update and delete as fast as possible")
	busyAfter    = flag.Duration("busy-after", 0, "-busy begins so long after the ready line: from nothing to all there is")
	bursts       = flag.Int("bursts", 0, "no rates: insert, update and delete so often, then wait for -pause, again and again")
	pauseFor     = flag.Duration("pause", time.Millisecond, "between -bursts")
	threads      = flag.Bool("threads", false, "each of the goroutines has a thread of its own, and works less often the more there are")
	hammer       = flag.Int("hammer", 0, "with -busy: so many threads, each with a CPU if there is one, take turns on the first map")
	cycle        = flag.Duration("cycle", 0, "the rates are means: all is done at the beginning of each interval of this length")
	duty         = flag.Float64("duty", 0.1, "in this part of the -cycle")
	maker        = flag.Bool("maker", false, "make maps with a size as fast as possible")
	clearer      = flag.Bool("clearer", false, "fill and clear a map as fast as possible")
	latencies    = flag.Bool("latencies", false, "with -busy: time every 16th operation; lines have the largest but 1 in 1000")
	countGrowths = flag.Bool("growths", true, "count growths, which takes time; off with -busy unless asked for")
	every        = flag.Duration("every", time.Second, "interval of the lines, 0 for none but on demand")
)

const madviseBytes = 64 << 20

var (
	loads         []*load
	growing       *load // the last of loads, with -grow
	start         time.Time
	madviseCycles uint64
	madviseSink   []byte
)

func usage(message string) {
	os.Stderr.WriteString("churn: " + message + "\n")
	os.Exit(2)
}

// monotonic is the clock that the kernel's tracing uses.
func monotonic() uint64 {
	const clockMonotonic = 1

	var ts syscall.Timespec
	syscall.Syscall(syscall.SYS_CLOCK_GETTIME, clockMonotonic, uintptr(unsafe.Pointer(&ts)), 0)
	return uint64(ts.Nano())
}

// reporter prints lines, for two callers: the clock and standard input.
type reporter struct {
	sync.Mutex
	w        jsonw.Writer
	lastOps  uint64
	lastTime time.Time
	paused   bool
	pausedAt time.Time
}

// pause stops all changes, until the next call.
func (r *reporter) pause(on bool) {
	r.Lock()
	defer r.Unlock()
	if on != r.paused {
		if on {
			counting.Lock()
			r.pausedAt = time.Now()
		} else {
			atomic.AddInt64(&standstill, int64(time.Since(r.pausedAt)))
			counting.Unlock()
		}
		r.paused = on
	}
}

// report prints where all counters stand. full adds what takes a walk.
func (r *reporter) report(full bool) {
	r.Lock()
	defer r.Unlock()
	if !r.paused {
		counting.Lock()
	}
	r.render(full)
	if !r.paused {
		counting.Unlock()
	}
	if r.w.Flush() != nil {
		os.Exit(1)
	}
}

func (r *reporter) render(full bool) {
	var ops uint64
	for _, l := range loads {
		ops += l.ops()
	}
	now := time.Now()

	w := &r.w
	w.Reset()
	w.Open()
	w.String("go", runtime.Version())
	w.String("kind", gomap.Kind)
	w.Uint("mono_ns", monotonic())
	w.Int("elapsed_ns", int64(now.Sub(start)))
	w.Uint("ops", ops)
	w.Uint("ops_per_s", uint64(float64(ops-r.lastOps)/now.Sub(r.lastTime).Seconds()))
	w.Uint("madvise_cycles", madviseCycles)
	w.Uint("made", made)
	w.Uint("cleared", clearedOften)
	if *latencies {
		w.Uint("latency_p999_ns", takeLatency())
	}
	w.OpenArray("maps")
	for _, l := range loads {
		row(w, l, full)
	}
	w.CloseArray()
	w.Close()
	r.lastOps, r.lastTime = ops, now
}

func row(w *jsonw.Writer, l *load, full bool) {
	w.Open()
	w.Indexed("name", l.name, l.index)
	w.String("type", l.typ)
	w.Addr("addr", l.m.of().Addr())
	w.Uint("live_keys", uint64(l.m.len()))
	w.Uint("inserts_new", l.inserts)
	w.Uint("updates", l.updates)
	w.Uint("deletes", l.deletes)
	w.Uint("clears", l.clears)
	w.Uint("cleared_keys", l.cleared)
	w.Uint("makes", l.makes)
	w.Uint("goroutine", l.goroutine)
	if *countGrowths {
		w.Uint("growths", l.growths.Grown)
		w.Uint("same_size_growths", l.growths.SameSize)
	}
	if full {
		info := l.m.of().Inspect()
		w.Uint("slots", info.Slots)
		w.Uint("table_bytes", info.TableBytes)
		w.Uint("tombstones", info.Tombstones)
		w.Uint("overflow_buckets", info.OverflowBuckets)
	}
	w.Close()
}

// madvise takes memory and gives it back for good.
func madvise() {
	for range time.Tick(*madviseEvery) {
		madviseSink = make([]byte, madviseBytes)
		for i := 0; i < len(madviseSink); i += 4096 {
			madviseSink[i] = 1
		}
		madviseSink = nil
		debug.FreeOSMemory()
		counting.Lock()
		madviseCycles++
		counting.Unlock()
	}
}

// clearAll does so with everybody else held, since a map is its worker's own.
func clearAll() {
	for range time.Tick(*clearEvery) {
		counting.Lock()
		for _, l := range loads {
			if l != growing {
				l.clear()
			}
		}
		counting.Unlock()
	}
}

// setUp makes and fills the maps.
func setUp() {
	if *mapCount < 1 || *goroutines < 1 || *liveKeys < 0 || *growTo < 0 {
		usage("-maps and -goroutines need at least 1, -live and -grow 0")
	}
	growthsAsked := false
	flag.Visit(func(f *flag.Flag) { growthsAsked = growthsAsked || f.Name == "growths" })
	if *duty <= 0 || *duty > 1 {
		usage("-duty is a part of 1")
	}
	if *busy && !growthsAsked {
		*countGrowths = false
	}

	ring := uint64(1 << 18)
	for ring < 4*uint64(*liveKeys) || ring < 2*uint64(*growTo) {
		ring *= 2
	}
	makeRings(ring)

	turn := strings.Split(*kinds, ",")
	for i := 0; i < *mapCount; i++ {
		kind := turn[i%len(turn)]
		m := newKeyed(kind)
		if m == nil {
			usage("no kind '" + kind + "'")
		}
		l := newLoad(kind, i, m)
		l.prefill(*liveKeys)
		loads = append(loads, l)
	}
	if *growTo > 0 {
		growing = newLoad("grow", 0, newKeyed(turn[0]))
		loads = append(loads, growing)
	}
}

// launch starts the goroutines.
func launch() {
	for g := 0; g < *hammer && *busy; g++ {
		go hammerOn(loads[0])
	}
	for g := 0; g < *goroutines && g < *mapCount && *hammer == 0; g++ {
		var mine []*load
		for i := g; i < *mapCount; i += *goroutines {
			mine = append(mine, loads[i])
		}
		if *busy {
			go flatOut(mine)
		} else if *bursts > 0 {
			go inBursts(mine)
		} else {
			go steady(mine, float64(len(mine))/float64(*mapCount))
		}
	}
	if *maker {
		go makeFlatOut()
	}
	if *clearer {
		go clearFlatOut()
	}
	if growing != nil {
		go grower(growing, *growTo, *growEvery)
	}
	if *clearEvery > 0 {
		go clearAll()
	}
	if *madviseEvery > 0 {
		go madvise()
	}
}

func main() {
	flag.Parse()
	setUp()
	runtime.GC()

	start = time.Now()
	r := &reporter{lastTime: start}
	r.w.Open()
	r.w.Bool("ready", true)
	r.w.Int("pid", int64(os.Getpid()))
	r.w.Uint("mono_ns", monotonic())
	r.w.Close()
	if r.w.Flush() != nil {
		os.Exit(1)
	}
	launch()
	if *every > 0 {
		go func() {
			for range time.Tick(*every) {
				r.report(false)
			}
		}()
	}

	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		switch in.Text() {
		case "truth":
			r.report(true)
		case "pause":
			r.pause(true)
			r.report(true)
		case "resume":
			r.pause(false)
			r.report(true)
		case "quit":
			os.Exit(0)
		}
	}
	for {
		time.Sleep(time.Hour)
	}
}
