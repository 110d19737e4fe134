// Package truth prints all that an outside reader should find out about a map.
package truth

import (
	"maptrace/tests/targets/lib/gomap"
	"maptrace/tests/targets/lib/jsonw"
	"maptrace/tests/targets/lib/pagemap"
)

// Map prints the row of one map. index is its place among many of the same name,
// or -1. It allocates nothing.
func Map(w *jsonw.Writer, name string, index int, typ string, m gomap.Map, onHeap bool) {
	info, resident := m.Inspect(), uint64(0)
	m.EachSlot(func(addr, size uintptr) { resident += pagemap.Resident(addr, size) })

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
