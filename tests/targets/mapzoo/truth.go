package main

import (
	"os"
	"runtime"
	"strconv"
	"syscall"

	"maptrace/tests/targets/lib/gomap"
	"maptrace/tests/targets/lib/jsonw"
	"maptrace/tests/targets/lib/truth"
)

// zooTruth renders the line that tells about all maps and the memory. Rendering
// allocates nothing once the buffers have their size, so that the figures in
// the line still hold when it has been printed.
type zooTruth struct {
	w     jsonw.Writer
	stats runtime.MemStats
	statm [128]byte
}

func newTruth() *zooTruth { return &zooTruth{} }

// row prints one map. index is its place among many of the same name, or -1.
func (t *zooTruth) row(name string, index int, typ string, m gomap.Map, onHeap bool) {
	truth.Map(&t.w, name, index, typ, m, onHeap)
}

func (t *zooTruth) memstats() {
	w, s := &t.w, &t.stats
	w.OpenField("memstats")
	for _, f := range [...]struct {
		name  string
		value uint64
	}{
		{"alloc", s.Alloc}, {"total_alloc", s.TotalAlloc}, {"sys", s.Sys},
		{"mallocs", s.Mallocs}, {"frees", s.Frees},
		{"heap_alloc", s.HeapAlloc}, {"heap_sys", s.HeapSys}, {"heap_idle", s.HeapIdle},
		{"heap_inuse", s.HeapInuse}, {"heap_released", s.HeapReleased},
		{"heap_objects", s.HeapObjects},
		{"stack_inuse", s.StackInuse}, {"stack_sys", s.StackSys},
		{"mspan_inuse", s.MSpanInuse}, {"mspan_sys", s.MSpanSys},
		{"mcache_inuse", s.MCacheInuse}, {"mcache_sys", s.MCacheSys},
		{"buck_hash_sys", s.BuckHashSys}, {"gc_sys", s.GCSys}, {"other_sys", s.OtherSys},
		{"next_gc", s.NextGC}, {"num_gc", uint64(s.NumGC)},
	} {
		w.Uint(f.name, f.value)
	}
	w.Close()
}

// rss is the resident size, from the second number of /proc/self/statm.
func (t *zooTruth) rss() uint64 {
	fd, err := syscall.Open("/proc/self/statm", syscall.O_RDONLY, 0)
	if err != nil {
		return 0
	}
	defer syscall.Close(fd)
	n, err := syscall.Read(fd, t.statm[:])
	if err != nil {
		return 0
	}

	pages := uint64(0)
	for i, field := 0, 0; i < n && field < 2; i++ {
		switch c := t.statm[i]; {
		case c == ' ':
			field++
		case field == 1:
			pages = pages*10 + uint64(c-'0')
		}
	}
	return pages * uint64(os.Getpagesize())
}

// render fills the buffer, over again when it had to grow for that.
func (t *zooTruth) render() {
	w := &t.w
	for before := -1; before != w.Cap(); {
		before = w.Cap()
		w.Reset()
		w.Open()
		w.String("go", runtime.Version())
		w.String("kind", gomap.Kind)
		w.OpenArray("maps")
		for _, m := range zoo {
			m.each(t)
		}
		w.CloseArray()
		rss := t.rss() // allocates a little, so before the statistics
		runtime.ReadMemStats(&t.stats)
		t.memstats()
		w.Uint("rss_bytes", rss)
		w.Close()
	}
}

func (t *zooTruth) print() {
	t.render()
	if t.w.Flush() != nil {
		os.Exit(1)
	}
}

func (t *zooTruth) fail(why string) {
	t.w.Reset()
	t.w.Open()
	t.w.String("error", why)
	t.w.Close()
	if t.w.Flush() != nil {
		os.Exit(1)
	}
}

// hex is what most string keys end in.
func hex(prefix string, i int) string {
	const width = 8
	b := append(make([]byte, 0, len(prefix)+width), prefix...)
	b = append(b, "00000000"...)
	s := strconv.AppendUint(nil, uint64(i), 16)
	copy(b[len(b)-len(s):], s)
	return string(b)
}
