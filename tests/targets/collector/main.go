// collector makes garbage and collects it when told to, and tells what the runtime
// counts of that.
package main

import (
	"bufio"
	"math"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"strconv"
	"strings"
	"time"

	"maptrace/tests/targets/lib/jsonw"
)

var (
	sink  []byte
	index = map[int]*int{} // tables that have to be scanned
	plain = map[int]int{}  // tables that have not
	w     jsonw.Writer
)

// Not all versions have all of them.
var samples = []metrics.Sample{
	{Name: "/gc/heap/live:bytes"},
	{Name: "/gc/scan/heap:bytes"},
	{Name: "/cpu/classes/gc/total:cpu-seconds"},
	{Name: "/cpu/classes/gc/mark/idle:cpu-seconds"},
}

func nanoseconds(i int) uint64 {
	return uint64(math.Round(samples[i].Value.Float64() * 1e9))
}

func truth() {
	var m runtime.MemStats

	runtime.ReadMemStats(&m)
	metrics.Read(samples)
	w.Reset()
	w.Open()
	w.Uint("cycles", uint64(m.NumGC))
	w.Uint("forced_cycles", uint64(m.NumForcedGC))
	w.Uint("pause_total_ns", m.PauseTotalNs)
	w.Uint("pause_last_ns", m.PauseNs[(m.NumGC+255)%256])
	w.Uint("last_gc_unix_ns", m.LastGC)
	w.String("cpu_share", strconv.FormatFloat(m.GCCPUFraction, 'g', 9, 64))
	w.Uint("heap_goal_bytes", m.NextGC)
	w.Uint("heap_in_use_bytes", m.HeapInuse)
	w.Uint("heap_free_bytes", m.HeapIdle-m.HeapReleased)
	w.Uint("heap_released_bytes", m.HeapReleased)
	if samples[0].Value.Kind() == metrics.KindUint64 {
		w.Uint("heap_marked_bytes", samples[0].Value.Uint64())
		w.Uint("scannable_bytes", samples[1].Value.Uint64())
	}
	if samples[2].Value.Kind() == metrics.KindFloat64 {
		w.Uint("cpu_gc_ns", nanoseconds(2)-nanoseconds(3))
	}
	w.Close()
	if w.Flush() != nil {
		os.Exit(1)
	}
}

func garbage(mib int) {
	for i := 0; i < mib; i++ {
		sink = make([]byte, 1<<20)
	}
	sink = nil
}

func main() {
	debug.SetGCPercent(150)
	for i := 0; i < 50000; i++ {
		v := i
		index[i], plain[i] = &v, i
	}
	runtime.GC()
	time.Sleep(100 * time.Millisecond)
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
			for i := 0; i < n; i++ {
				runtime.GC()
			}
		case "garbage":
			garbage(n)
		case "limit":
			debug.SetMemoryLimit(int64(n) << 20)
		}
		truth()
	}
}
