package main

import "maptrace/tests/targets/lib/gomap"

// keyed is a map whose keys are made from numbers. Each type below goes
// through another variant of the runtime's functions. The methods are not
// inlined, so that a trace shows them as callers, and not generic, so that the
// names stay simple.
type keyed interface {
	make()
	put(i uint64)
	remove(i uint64)
	clear()
	len() int
	of() gomap.Map
	typeName() string
}

// newKeyed returns the map type that a kind stands for, or nil.
func newKeyed(kind string) keyed {
	switch kind {
	case "fast32":
		return &fast32{}
	case "fast64":
		return &fast64{}
	case "fast64ptr":
		return &fast64ptr{}
	case "faststr":
		return &faststr{}
	case "generic":
		return &generic{}
	}
	return nil
}

// Item is what values and pointer keys point to.
type Item struct{ n uint64 }

// Key is a key that none of the fast variants takes.
type Key struct{ hi, lo uint64 }

// Keys that are memory of their own come from rings, so that nothing is
// allocated while the program counts. A ring is larger than any map gets.
var (
	ringMask uint64
	items    []Item
	names    []string
)

func makeRings(size uint64) {
	const width = 16

	ringMask = size - 1
	items = make([]Item, size)
	names = make([]string, size)
	text := make([]byte, size*width)
	for i := range names {
		b := text[i*width : (i+1)*width]
		for j := range b {
			b[j] = "0123456789abcdef"[uint64(i)>>(4*uint(width-1-j))&15]
		}
		names[i] = string(b)
	}
}

// spread makes neighbours look unlike each other, and keeps different numbers
// different, since the factor is odd.
func spread(i uint64) uint64 { return i * 0x9e3779b97f4a7c15 }

type fast32 struct{ m map[uint32]uint64 }

func (t *fast32) make()            { t.m = make(map[uint32]uint64) }
func (t *fast32) len() int         { return len(t.m) }
func (t *fast32) of() gomap.Map    { return gomap.Of(t.m) }
func (t *fast32) typeName() string { return gomap.TypeName(t.m) }

//go:noinline
func (t *fast32) put(i uint64) { t.m[uint32(i)] = i }

//go:noinline
func (t *fast32) remove(i uint64) { delete(t.m, uint32(i)) }

//go:noinline
func (t *fast32) clear() {
	for k := range t.m {
		delete(t.m, k)
	}
}

type fast64 struct{ m map[uint64]uint64 }

func (t *fast64) make()            { t.m = make(map[uint64]uint64) }
func (t *fast64) len() int         { return len(t.m) }
func (t *fast64) of() gomap.Map    { return gomap.Of(t.m) }
func (t *fast64) typeName() string { return gomap.TypeName(t.m) }

//go:noinline
func (t *fast64) put(i uint64) { t.m[spread(i)] = i }

//go:noinline
func (t *fast64) remove(i uint64) { delete(t.m, spread(i)) }

//go:noinline
func (t *fast64) clear() {
	for k := range t.m {
		delete(t.m, k)
	}
}

type fast64ptr struct{ m map[*Item]uint64 }

func (t *fast64ptr) make()            { t.m = make(map[*Item]uint64) }
func (t *fast64ptr) len() int         { return len(t.m) }
func (t *fast64ptr) of() gomap.Map    { return gomap.Of(t.m) }
func (t *fast64ptr) typeName() string { return gomap.TypeName(t.m) }

//go:noinline
func (t *fast64ptr) put(i uint64) { t.m[&items[i&ringMask]] = i }

//go:noinline
func (t *fast64ptr) remove(i uint64) { delete(t.m, &items[i&ringMask]) }

//go:noinline
func (t *fast64ptr) clear() {
	for k := range t.m {
		delete(t.m, k)
	}
}

type faststr struct{ m map[string]*Item }

func (t *faststr) make()            { t.m = make(map[string]*Item) }
func (t *faststr) len() int         { return len(t.m) }
func (t *faststr) of() gomap.Map    { return gomap.Of(t.m) }
func (t *faststr) typeName() string { return gomap.TypeName(t.m) }

//go:noinline
func (t *faststr) put(i uint64) { t.m[names[i&ringMask]] = &items[i&ringMask] }

//go:noinline
func (t *faststr) remove(i uint64) { delete(t.m, names[i&ringMask]) }

//go:noinline
func (t *faststr) clear() {
	for k := range t.m {
		delete(t.m, k)
	}
}

type generic struct{ m map[Key]uint32 }

func (t *generic) make()            { t.m = make(map[Key]uint32) }
func (t *generic) len() int         { return len(t.m) }
func (t *generic) of() gomap.Map    { return gomap.Of(t.m) }
func (t *generic) typeName() string { return gomap.TypeName(t.m) }

//go:noinline
func (t *generic) put(i uint64) { t.m[Key{i, spread(i)}] = uint32(i) }

//go:noinline
func (t *generic) remove(i uint64) { delete(t.m, Key{i, spread(i)}) }

//go:noinline
func (t *generic) clear() {
	for k := range t.m {
		delete(t.m, k)
	}
}
