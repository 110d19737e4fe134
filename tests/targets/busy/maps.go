package main

import (
	"strconv"

	"maptrace/tests/targets/lib/gomap"
)

// anyMap is a map of a type and a role.
type anyMap interface {
	role() string
	of() gomap.Map
	typeName() string
	bounds() (least, most int) // of its length
	toggle()
	refill()
}

// roomy is a map with room for many times its keys, which are always some of a set
// that fits: its tables stay what they are.
type roomy[K comparable, V any] struct {
	does string
	m    map[K]V
	set  []K // all keys that it may have
	next int // the first one to take out, of the half of them that is in
}

func newRoomy[K comparable, V any](role string, key func(i int) K, n int) anyMap {
	r := &roomy[K, V]{does: role, m: make(map[K]V, 4*n)}
	for i := 0; i < 2*n; i++ {
		r.set = append(r.set, key(i))
	}
	// All of them once, so that no bucket has to overflow later: where there are no
	// pointers, the first to do so makes a classic map keep a list.
	r.put(0, 2*n)
	for _, k := range r.set[n:] {
		delete(r.m, k)
	}
	return r
}

func (r *roomy[K, V]) role() string     { return r.does }
func (r *roomy[K, V]) of() gomap.Map    { return gomap.Of(r.m) }
func (r *roomy[K, V]) typeName() string { return gomap.TypeName(r.m) }

func (r *roomy[K, V]) bounds() (least, most int) {
	half := len(r.set) / 2
	switch r.does {
	case toggled:
		return half - batch, half
	case cleared:
		return 0, half
	}
	return half, half
}

// put inserts n keys of the set from the i-th one on.
func (r *roomy[K, V]) put(i, n int) {
	var elem V
	for ; n > 0; i, n = i+1, n-1 {
		r.m[r.set[i%len(r.set)]] = elem
	}
}

func (r *roomy[K, V]) toggle() {
	for i := 0; i < batch; i++ {
		delete(r.m, r.set[(r.next+i)%len(r.set)])
	}
	r.put(r.next+len(r.set)/2, batch)
	r.next = (r.next + batch) % len(r.set)
}

func (r *roomy[K, V]) refill() {
	for k := range r.m {
		delete(r.m, k)
	}
	r.put(0, len(r.set)/2)
}

type item struct{ n uint64 }

func integer[K uint32 | int64](i int) K { return K(i) }
func text(i int) string                 { return strconv.Itoa(i) }

func bytes16(i int) (k [16]byte) {
	copy(k[:], strconv.Itoa(i))
	return k
}

func makeMaps(role string, n int) []anyMap {
	return []anyMap{
		newRoomy[int64, int64](role, integer[int64], n),
		newRoomy[uint32, struct{}](role, integer[uint32], n),
		newRoomy[string, *item](role, text, n),
		newRoomy[string, string](role, text, n),
		newRoomy[[16]byte, [64]byte](role, bytes16, n),
	}
}
