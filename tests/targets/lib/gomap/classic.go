//go:build !go1.24 || (!go1.26 && !goexperiment.swissmap)

package gomap

import "unsafe"

// Kind names the map implementation of this binary.
const Kind = "classic"

// hmap is runtime.hmap.
type hmap struct {
	count      int
	flags      uint8
	b          uint8 // 1<<b base buckets
	_          uint16
	_          uint32
	buckets    unsafe.Pointer
	oldbuckets unsafe.Pointer
	_          uintptr
	_          clearSeq
	extra      *mapExtra
}

// mapExtra is runtime.mapextra. The lists have all overflow buckets of the array
// and of the old one, those inside the arrays too, but only where nothing in a
// bucket is a pointer: else the bucket keeps the next one alive.
type mapExtra struct {
	overflow, oldOverflow *[]unsafe.Pointer
	_                     unsafe.Pointer
}

// mapType is runtime.maptype, later internal/abi.OldMapType.
type mapType struct {
	rtype
	_          *rtype // key
	_          *rtype // elem
	bucket     *rtype
	_          unsafe.Pointer
	_          uint8
	_          uint8
	bucketSize uint16
	flags      uint32
}

const (
	flagIndirectKey  = 1
	flagIndirectElem = 2

	flagSameSizeGrow = 8

	tophashEmptyOne = 1
	tophashMin      = 5 // and above: a filled cell
)

// chains is what a walk over a bucket array and its overflow chains counts.
type chains struct {
	full, emptyOne, overflow, separate uint64
}

// arrayBytes is the size asked for when the array of 1<<b base buckets was
// made: from b == 4 on it has 1/16 more, spare overflow buckets.
func (t *mapType) arrayBytes(b uint8) uintptr {
	n := uintptr(1) << b
	if b >= 4 {
		n += uintptr(1) << (b - 4)
	}
	return n * uintptr(t.bucketSize)
}

// eachBucket calls f for every bucket of an array and those chained to it, and
// says which of them are chained, and which are objects of their own.
func (t *mapType) eachBucket(array unsafe.Pointer, b uint8, f func(bucket unsafe.Pointer, chained, separate bool)) {
	size := uintptr(t.bucketSize)
	start, n := slot(array, t.arrayBytes(b), t.bucket.pointers())

	for i := uintptr(0); i < uintptr(1)<<b; i++ {
		bucket, chained := unsafe.Add(array, i*size), false
		for bucket != nil {
			a := uintptr(bucket)
			f(bucket, chained, a < start || a >= start+n)
			bucket, chained = *(*unsafe.Pointer)(unsafe.Add(bucket, size-8)), true
		}
	}
}

func (t *mapType) walk(array unsafe.Pointer, b uint8) (c chains) {
	t.eachBucket(array, b, func(bucket unsafe.Pointer, chained, separate bool) {
		for _, top := range (*[slotsPerBucket]uint8)(bucket) {
			if top >= tophashMin {
				c.full++
			} else if top == tophashEmptyOne {
				c.emptyOne++
			}
		}
		if chained {
			c.overflow++
		}
		if separate {
			c.separate++
		}
	})
	return c
}

// oldB is the logarithm of the number of buckets in the old array, if any.
func (h *hmap) oldB() uint8 {
	if h.flags&flagSameSizeGrow != 0 {
		return h.b
	}
	return h.b - 1
}

// Room is of swiss maps: see there.
func (m Map) Room() (addr uintptr, left int) { return 0, 0 }

// eachExtra calls f for every object that a map has beside its buckets, and says
// how many bytes were asked for. All of these have pointers.
func (h *hmap) eachExtra(f func(p unsafe.Pointer, n uintptr)) {
	if h.extra == nil {
		return
	}
	f(unsafe.Pointer(h.extra), unsafe.Sizeof(*h.extra))
	for _, list := range [...]*[]unsafe.Pointer{h.extra.overflow, h.extra.oldOverflow} {
		if list == nil {
			continue
		}
		f(unsafe.Pointer(list), unsafe.Sizeof(*list))
		if all := (*list)[:cap(*list)]; len(all) > 0 {
			f(unsafe.Pointer(&all[0]), uintptr(len(all))*unsafe.Sizeof(all[0]))
		}
	}
}

// EachSlot calls f for the memory of every object that TableBytes counts.
func (m Map) EachSlot(f func(addr, size uintptr)) {
	h, t := (*hmap)(m.hdr), m.typ
	pointers := t.bucket.pointers()
	each := func(array unsafe.Pointer, b uint8) {
		if array == nil {
			return
		}
		f(slot(array, t.arrayBytes(b), pointers))
		t.eachBucket(array, b, func(bucket unsafe.Pointer, _, separate bool) {
			if separate {
				f(slot(bucket, uintptr(t.bucketSize), pointers))
			}
		})
	}
	each(h.buckets, h.b)
	each(h.oldbuckets, h.oldB())
	h.eachExtra(func(p unsafe.Pointer, n uintptr) { f(slot(p, n, true)) })
}

// Inspect reads the map. No other goroutine may write to it meanwhile.
func (m Map) Inspect() Info {
	h, t := (*hmap)(m.hdr), m.typ
	pointers := t.bucket.pointers()
	info := Info{
		Addr:         uintptr(m.hdr),
		LiveKeys:     uint64(h.count),
		BucketBytes:  uint64(t.bucketSize),
		IndirectKey:  t.flags&flagIndirectKey != 0,
		IndirectElem: t.flags&flagIndirectElem != 0,
	}

	var cur, old chains
	if h.buckets != nil {
		cur = t.walk(h.buckets, h.b)
		info.Buckets = uint64(1)<<h.b + cur.overflow
		info.TableBytes = allocSize(t.arrayBytes(h.b), pointers)
	}
	if h.oldbuckets != nil {
		info.Growing = true
		info.SameSize = h.flags&flagSameSizeGrow != 0
		old = t.walk(h.oldbuckets, h.oldB())
		info.OldBytes = allocSize(t.arrayBytes(h.oldB()), pointers)
		info.TableBytes += info.OldBytes
	}
	if full := cur.full + old.full; full != info.LiveKeys {
		m.fail("filled cells", full, info.LiveKeys)
	}

	info.Slots = info.Buckets * slotsPerBucket
	info.EmptyOne = cur.emptyOne
	info.OverflowBuckets = cur.overflow
	info.OldOverflow = old.overflow
	info.TableBytes += (cur.separate + old.separate) * allocSize(uintptr(t.bucketSize), pointers)
	h.eachExtra(func(_ unsafe.Pointer, n uintptr) { info.TableBytes += allocSize(n, true) })
	return info
}

// Growing says whether a growth is under way, and whether it is one of those
// that only tidy up overflow buckets.
func (m Map) Growing() (growing, sameSize bool) {
	h := (*hmap)(m.hdr)
	growing = h.oldbuckets != nil
	return growing, growing && h.flags&flagSameSizeGrow != 0
}

// Growths counts the growths of one map, from its header alone. Look after
// every insert: a growth replaces the array.
type Growths struct {
	Grown    uint64 // doubled
	SameSize uint64
	buckets  unsafe.Pointer
	b        uint8
}

// Look compares the header with how it was at the last call. The first array
// of a map is no growth.
func (g *Growths) Look(m Map) {
	h := (*hmap)(m.hdr)
	if h.buckets == g.buckets {
		return
	}
	if g.buckets != nil {
		if h.b == g.b {
			g.SameSize++
		} else {
			g.Grown++
		}
	}
	g.buckets, g.b = h.buckets, h.b
}

// Forget makes the next call of Look the first one, for a new map.
func (g *Growths) Forget() { g.buckets = nil }
