// Package gomap reads the headers of the program's own maps, so that a test
// program can print the truth about them.
//
// It is written against the runtime's sources, on purpose by other means than
// maptrace: mirror structs instead of offset tables, and the runtime's own
// append for size classes instead of a class table. What one of the two gets
// wrong, the other shows.
package gomap

import (
	"fmt"
	"reflect"
	"unsafe"
)

// slotsPerBucket is the number of key places in a classic bucket and in a
// swiss group.
const slotsPerBucket = 8

// Map is a map seen from below: its header and its type descriptor.
type Map struct {
	hdr unsafe.Pointer
	typ *mapType
}

// Of returns m's header and type. m is a map, of any type.
func Of(m any) Map {
	// A map in an interface is the type word and the header's address.
	words := (*[2]unsafe.Pointer)(unsafe.Pointer(&m))
	return Map{hdr: words[1], typ: (*mapType)(words[0])}
}

// Addr is the header's address.
func (m Map) Addr() uintptr { return uintptr(m.hdr) }

// Info is all that an outside reader should find out about one map.
type Info struct {
	Addr              uintptr
	LiveKeys          uint64
	Slots             uint64
	Buckets           uint64 // classic: base and chained overflow buckets; swiss: groups
	Tombstones        uint64 // swiss: deleted control bytes
	EmptyOne          uint64 // classic: cells with more behind them in their chain
	OverflowBuckets   uint64 // classic: chained from the current array
	OldOverflow       uint64 // classic: chained from the old array
	OldBytes          uint64 // classic: the old array
	TableBytes        uint64 // everything but the header
	Tables            uint64 // swiss
	DirLen            uint64 // swiss
	BucketBytes       uint64 // one bucket or group
	Growing, SameSize bool   // classic
	IndirectKey       bool
	IndirectElem      bool
}

// rtype is the descriptor common to all types (internal/abi.Type).
type rtype struct {
	size     uintptr
	ptrBytes uintptr
	_        uint32
	_        [4]uint8
	_        unsafe.Pointer
	_        unsafe.Pointer
	_        int32
	_        int32
}

func (t *rtype) pointers() bool { return t.ptrBytes != 0 }

// FullAt is the number of entries that 1<<b classic buckets take, b > 0,
// before the next one makes the map grow.
func FullAt(b uint) int { return loadFactorTwice << b >> 1 }

const (
	pageSize         = 8192
	maxSmallSize     = 32768
	mallocHeaderSize = 8
	minHeaderObject  = 512 // larger small objects with pointers have the header
)

// allocSize returns what the allocator sets aside for an object of n bytes.
func allocSize(n uintptr, pointers bool) uint64 {
	if n == 0 {
		return 0
	}
	if mallocHeaders && pointers && n > minHeaderObject {
		if n <= maxSmallSize-mallocHeaderSize {
			return classSize(n + mallocHeaderSize)
		}
	} else if n <= maxSmallSize {
		return classSize(n)
	}
	return uint64(n+pageSize-1) / pageSize * pageSize
}

// slot returns the memory that the allocator set aside for an object of n bytes
// at p: before it there may be a header.
func slot(p unsafe.Pointer, n uintptr, pointers bool) (addr, size uintptr) {
	addr, size = uintptr(p), uintptr(allocSize(n, pointers))
	if mallocHeaders && pointers && n > minHeaderObject && n <= maxSmallSize-mallocHeaderSize {
		addr -= mallocHeaderSize
	}
	return addr, size
}

// sizes remembers answers of append, so that asking again allocates nothing.
var sizes [maxSmallSize + 1]uint16

// classSize rounds n up to a size class, by asking the runtime: append gives a
// slice all of its slot as capacity.
func classSize(n uintptr) uint64 {
	if sizes[n] == 0 {
		sizes[n] = uint16(cap(append([]byte(nil), make([]byte, n)...)) - 1)
	}
	return uint64(sizes[n]) + 1
}

// TypeName returns the type as reflect writes it.
func TypeName(m any) string { return reflect.TypeOf(m).String() }

// fail reports a header that contradicts itself: the truth would be none.
func (m Map) fail(what string, got, want uint64) {
	// Not the pointer itself: a map on the stack must not escape from here.
	panic(fmt.Sprintf("gomap: map at %#x: %s: %d, expected %d", uintptr(m.hdr), what, got, want))
}
