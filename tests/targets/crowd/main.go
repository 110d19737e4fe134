// crowd is the target of the benchmarks: many maps, huge maps, a large heap, and a
// worker that notices when it is held up; see the README beside it.
package main

import (
	"bufio"
	"flag"
	"math"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	_ "maptrace/tests/targets/lib/external"
	"maptrace/tests/targets/lib/jsonw"
)

var (
	mapCount = flag.Int("maps", 0, "number of small maps, of 1 to 8 keys")
	slots    = flag.Int("slots", 0, "slots of one map[uint32]uint8 that is nearly empty")
	ballast  = flag.Int("ballast", 0, "MiB of other objects")
	object   = flag.Int("object", 4096, "bytes of each of these objects")
	busy     = flag.Bool("busy", false, "update and look up in maps as fast as possible")
	allocate = flag.Bool("allocate", false, "the busy worker makes garbage, too")
	mapping  = flag.Bool("mapping", false, "map and unmap a page all the time")
)

const (
	sparseKeys = 1000
	tableKeys  = 50000 // of the map that the worker uses
	turn       = 256   // operations between two looks at the clock
)

// What there is stays reachable by these.
var (
	byName  []map[string]int64
	byID    []map[uint64]uint64
	sparse  map[uint32]uint8
	objects [][]byte
	garbage []byte
)

func fillMaps(n int) {
	names := make([]string, 8)
	for i := range names {
		names[i] = "key " + strconv.Itoa(i)
	}
	for i := 0; i < n; i++ {
		if i%2 == 0 {
			m := make(map[string]int64)
			for k := 0; k <= i/2%8; k++ {
				m[names[k]] = int64(i)
			}
			byName = append(byName, m)
			continue
		}
		m := make(map[uint64]uint64)
		for k := 0; k <= i/2%8; k++ {
			m[uint64(i+k)] = uint64(k)
		}
		byID = append(byID, m)
	}
}

// fillSparse makes a map whose size is set by its hint: 7 keys fill 8 slots.
func fillSparse(slots int) {
	sparse = make(map[uint32]uint8, slots/8*7)
	for i := uint32(0); i < sparseKeys; i++ {
		sparse[i*2654435761] = uint8(i)
	}
}

// fillBallast touches each page, so that all of it is resident.
func fillBallast(bytes, each int) {
	for done := 0; done < bytes; done += each {
		o := make([]byte, each)
		for i := 0; i < each; i += 4096 {
			o[i] = 1
		}
		objects = append(objects, o)
	}
}

// worker counts what it does, and the longest time between two looks at the clock.
type worker struct {
	ops     uint64 // atomic
	longest uint64 // atomic; ns
}

func (w *worker) run() {
	m := make(map[uint64]uint64, tableKeys)
	last := time.Now()
	for key := uint64(0); ; {
		for i := 0; i < turn; i++ {
			key = (key + 7919) % tableKeys
			m[key] += key
		}
		if *allocate {
			garbage = make([]byte, 4096)
		}
		now := time.Now()
		if gap := uint64(now.Sub(last)); gap > atomic.LoadUint64(&w.longest) {
			atomic.StoreUint64(&w.longest, gap)
		}
		last = now
		atomic.AddUint64(&w.ops, turn)
	}
}

// mapper notes what each pair of mmap and munmap takes: how many took 1 to 1.125 us, up to
// 1.266 us, and so on.
type mapper struct {
	mu   sync.Mutex
	bins [bins]uint64
}

const (
	bins    = 160
	binStep = 1.125
)

func (m *mapper) run() {
	runtime.LockOSThread()
	for {
		start := time.Now()
		page, err := syscall.Mmap(-1, 0, 4096, syscall.PROT_READ|syscall.PROT_WRITE,
			syscall.MAP_PRIVATE|syscall.MAP_ANON)
		if err != nil || syscall.Munmap(page) != nil {
			panic(err)
		}
		took := time.Since(start)
		bin := int(math.Log(float64(took)/1000) / math.Log(binStep))
		switch {
		case bin < 0:
			bin = 0
		case bin >= bins:
			bin = bins - 1
		}
		m.mu.Lock()
		m.bins[bin]++
		m.mu.Unlock()
		for end := time.Now().Add(100 * time.Microsecond); time.Now().Before(end); {
		}
	}
}

// quantile is the upper end of the bin that the quantile is in.
func (m *mapper) quantile(q float64) uint64 {
	var all, sum uint64
	for _, n := range m.bins {
		all += n
	}
	for i, n := range m.bins {
		if sum += n; float64(sum) >= q*float64(all) {
			return uint64(1000 * math.Pow(binStep, float64(i+1)))
		}
	}
	return 0
}

// cpuTime is what all threads have taken.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// lap prints what has happened since the lap before.
type lap struct {
	w      jsonw.Writer
	worker worker
	mapper mapper
	start  time.Time
	cpu    time.Duration
	ops    uint64
}

func (l *lap) print() {
	now, cpu, ops := time.Now(), cpuTime(), atomic.LoadUint64(&l.worker.ops)
	l.w.Reset()
	l.w.Open()
	l.w.Uint("duration_ns", uint64(now.Sub(l.start)))
	l.w.Uint("cpu_ns", uint64(cpu-l.cpu))
	l.w.Uint("operations", ops-l.ops)
	l.w.Uint("longest_gap_ns", atomic.SwapUint64(&l.worker.longest, 0))
	l.mapper.mu.Lock()
	l.w.Uint("mmap_p999_ns", l.mapper.quantile(0.999))
	l.w.Uint("mmap_longest_ns", l.mapper.quantile(1))
	l.mapper.bins = [bins]uint64{}
	l.mapper.mu.Unlock()
	l.w.Close()
	if l.w.Flush() != nil {
		os.Exit(1)
	}
	l.start, l.cpu, l.ops = now, cpu, ops
}

func main() {
	flag.Parse()
	debug.SetGCPercent(-1) // while it fills, which is quicker
	fillMaps(*mapCount)
	if *slots > 0 {
		fillSparse(*slots)
	}
	fillBallast(*ballast<<20, *object)
	debug.SetGCPercent(100)
	runtime.GC()
	runtime.GC()

	l := lap{start: time.Now()}
	if *busy {
		go l.worker.run()
	}
	if *mapping {
		go l.mapper.run()
	}
	os.Stdout.WriteString(`{"ready":true,"pid":` + strconv.Itoa(os.Getpid()) + "}\n")
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		switch line := strings.TrimSpace(in.Text()); line {
		case "lap":
			l.print()
		case "quit":
			return
		default:
			os.Stdout.WriteString(`{"error":"no command '` + line + "'\"}\n")
		}
	}
}
