package main

import (
	"os"
	"runtime"
	"strconv"
	"syscall"

	"maptrace/tests/targets/lib/gomap"
	"maptrace/tests/targets/lib/jsonw"
	"maptrace/tests/targets/lib/pagemap"
)

// truth renders the line that tells about all maps and the memory. Rendering
// allocates nothing once the buffers have their size, so that the figures in
// the line still hold when it has been printed.
type truth struct {
	w     jsonw.Writer
	stats runtime.MemStats
	statm [128]byte
}

func newTruth() *truth { return &truth{} }

// row prints one map. index is its place among many of the same name, or -1.
func (t *truth) row(name string, index int, typ string, m gomap.Map, onHeap bool) {
	info, resident := m.Inspect(), uint64(0)
	m.EachSlot(func(addr, size uintptr) { resident += pagemap.Resident(addr, size) })

	w := &t.w
	w.Open()
	if index < 0 {
		w.String("name", name)
	} else {
		w.Indexed("name", name, index)
	}
	w.String("type", typ)
	w.Addr("addr", info.Addr)
	w.Uint("live_keys", info.LiveKeys)
	w.Uint("slots", info.Slots)
	w.Uint("buckets", info.Buckets)
	w.Uint("tombstones", info.Tombstones)
	w.Uint("empty_one", info.EmptyOne)
	w.Uint("overflow_buckets", info.OverflowBuckets)
	w.Uint("old_overflow_buckets", info.OldOverflow)
	w.Uint("old_bytes", info.OldBytes)
	w.Uint("table_bytes", info.TableBytes)
	w.Uint("resident_bytes", resident)
	w.Uint("tables", info.Tables)
	w.Uint("dir_len", info.DirLen)
	w.Uint("bucket_bytes", info.BucketBytes)
	w.Bool("growing", info.Growing)
	w.Bool("same_size_growth", info.SameSize)
	w.Bool("indirect_key", info.IndirectKey)
	w.Bool("indirect_elem", info.IndirectElem)
	w.Bool("on_heap", onHeap)
	w.Close()
}

func (t *truth) memstats() {
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
func (t *truth) rss() uint64 {
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
func (t *truth) render() {
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
		runtime.ReadMemStats(&t.stats)
		t.memstats()
		w.Uint("rss_bytes", t.rss())
		w.Close()
	}
}

func (t *truth) print() {
	t.render()
	if t.w.Flush() != nil {
		os.Exit(1)
	}
}

func (t *truth) fail(why string) {
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
