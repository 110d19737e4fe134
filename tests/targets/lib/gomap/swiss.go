//go:build go1.26 || (go1.24 && goexperiment.swissmap)

package gomap

import (
	"math/bits"
	"unsafe"
)

// Kind names the map implementation of this binary.
const Kind = "swiss"

// swissMap is internal/runtime/maps.Map up to its first version-dependent field.
type swissMap struct {
	used        uint64
	_           uintptr
	dirPtr      unsafe.Pointer
	dirLen      int
	globalDepth uint8
	globalShift uint8
}

// table is internal/runtime/maps.table.
type table struct {
	used       uint16
	capacity   uint16
	growthLeft uint16
	localDepth uint8
	index      int
	groups     unsafe.Pointer
	lengthMask uint64
}

const (
	flagIndirectKey  = 4
	flagIndirectElem = 8

	ctrlEmpties = 0x8080808080808080 // the top bit of each control byte
	ctrlDeleted = 0xfe
)

// ctrl counts the filled and the deleted slots of one group.
func ctrl(group unsafe.Pointer) (full, deleted uint64) {
	word := *(*uint64)(group)
	full = slotsPerBucket - uint64(bits.OnesCount64(word&ctrlEmpties))
	for ; word != 0; word >>= 8 {
		if word&0xff == ctrlDeleted {
			deleted++
		}
	}
	return full, deleted
}

// inspectTable adds one table to info and returns its filled slots.
func (m Map) inspectTable(t *table, info *Info) uint64 {
	var full, deleted uint64

	groups := t.lengthMask + 1
	for i := uint64(0); i < groups; i++ {
		f, d := ctrl(unsafe.Add(t.groups, uintptr(i)*m.typ.groupSize))
		full += f
		deleted += d
	}
	if full != uint64(t.used) {
		m.fail("filled slots of a table", full, uint64(t.used))
	}
	if groups*slotsPerBucket != uint64(t.capacity) {
		m.fail("slots of a table", groups*slotsPerBucket, uint64(t.capacity))
	}
	limit := uint64(t.capacity) * 7 / 8
	if t.capacity == slotsPerBucket {
		limit = slotsPerBucket - 1
	}
	if got := full + deleted + uint64(t.growthLeft); got != limit {
		m.fail("used, deleted and still free slots of a table", got, limit)
	}

	info.Tables++
	info.Buckets += groups
	info.Tombstones += deleted
	info.TableBytes += allocSize(uintptr(groups)*m.typ.groupSize, m.typ.group.pointers()) +
		allocSize(unsafe.Sizeof(table{}), true)
	return full
}

// eachTable calls f once for every table: one may fill several directory
// entries in a row.
func (m Map) eachTable(f func(*table)) {
	var last *table

	h := (*swissMap)(m.hdr)
	for i := 0; i < h.dirLen; i++ {
		t := *(**table)(unsafe.Add(h.dirPtr, i*8))
		if t != last {
			f(t)
		}
		last = t
	}
}

// Inspect reads the map. No other goroutine may write to it meanwhile.
func (m Map) Inspect() Info {
	h := (*swissMap)(m.hdr)
	info := Info{
		Addr:         uintptr(m.hdr),
		LiveKeys:     h.used,
		DirLen:       uint64(h.dirLen),
		BucketBytes:  uint64(m.typ.groupSize),
		IndirectKey:  m.typ.flags&flagIndirectKey != 0,
		IndirectElem: m.typ.flags&flagIndirectElem != 0,
	}

	var full uint64
	switch {
	case h.dirPtr == nil:
	case h.dirLen == 0:
		full, info.Tombstones = ctrl(h.dirPtr)
		info.Buckets = 1
		info.TableBytes = allocSize(m.typ.groupSize, m.typ.group.pointers())
	default:
		if h.dirLen != 1<<h.globalDepth {
			m.fail("directory length", uint64(h.dirLen), 1<<h.globalDepth)
		}
		m.eachTable(func(t *table) { full += m.inspectTable(t, &info) })
		info.TableBytes += allocSize(uintptr(h.dirLen)*8, true)
	}
	if full != h.used {
		m.fail("filled slots", full, h.used)
	}
	info.Slots = info.Buckets * slotsPerBucket
	return info
}

// Room is how many more keys the only table of a map takes before it has to do
// something about it; 0, 0 for a map that has not just one.
func (m Map) Room() (addr uintptr, left int) {
	h := (*swissMap)(m.hdr)
	if h.dirLen != 1 {
		return 0, 0
	}
	t := *(**table)(h.dirPtr)
	return uintptr(unsafe.Pointer(t)), int(t.growthLeft)
}

// EachSlot calls f for the memory of every object that TableBytes counts.
func (m Map) EachSlot(f func(addr, size uintptr)) {
	h, pointers := (*swissMap)(m.hdr), m.typ.group.pointers()
	switch {
	case h.dirPtr == nil:
	case h.dirLen == 0:
		f(slot(h.dirPtr, m.typ.groupSize, pointers))
	default:
		f(slot(h.dirPtr, uintptr(h.dirLen)*8, true))
		m.eachTable(func(t *table) {
			f(slot(unsafe.Pointer(t), unsafe.Sizeof(table{}), true))
			f(slot(t.groups, uintptr(t.lengthMask+1)*m.typ.groupSize, pointers))
		})
	}
}

// Growing is always false: a swiss table grows in one go.
func (m Map) Growing() (growing, sameSize bool) { return false, false }

// Growths counts the growths of one map, from its header and tables alone.
// Call Look after every insert. A growth is a small map that becomes a table,
// a table that doubles, or one that splits; the first group is none.
type Growths struct {
	Grown    uint64
	SameSize uint64 // always 0: only the classic kind has such growths

	tables []*table // as of the last walk
	next   []*table
	small  bool
	idle   uint64 // inserts that cannot make any table grow
}

// Look compares the tables with how they were at the last call. It walks them
// only when one can have grown: an insert takes one free place of one table,
// so the smallest growthLeft is the number of calls to let pass. Hence also at
// most one growth between two walks.
func (g *Growths) Look(m Map) {
	if g.idle > 0 {
		g.idle--
		return
	}

	h := (*swissMap)(m.hdr)
	if h.dirLen == 0 {
		g.small = h.dirPtr != nil
		return
	}
	g.idle = 1 << 16
	same := true
	m.eachTable(func(t *table) {
		i := len(g.next)
		same = same && i < len(g.tables) && g.tables[i] == t
		g.next = append(g.next, t)
		if left := uint64(t.growthLeft); left < g.idle {
			g.idle = left
		}
	})
	if g.small || (len(g.tables) > 0 && !same) {
		g.Grown++
	}
	g.small = false

	// A table that is gone must not be kept alive from here.
	g.tables, g.next = g.next, g.tables
	for i := range g.next {
		g.next[i] = nil
	}
	g.next = g.next[:0]
}

// Forget makes the next call of Look the first one, for a new map.
func (g *Growths) Forget() {
	for i := range g.tables {
		g.tables[i] = nil
	}
	g.tables, g.small, g.idle = g.tables[:0], false, 0
}
