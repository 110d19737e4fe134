package main

import (
	"math"
	"strconv"

	"maptrace/tests/targets/lib/gomap"
)

// anyMap is a map variable of any type.
type anyMap interface {
	step()
	of() gomap.Map
	typeName() string
	made() int
}

// variable is a map and how to make its keys from numbers.
type variable[K comparable, V any] struct {
	m    map[K]V
	key  func(i int) K
	keys int // numbers that make keys
	maps int // that the variable has had
}

func (v *variable[K, V]) of() gomap.Map    { return gomap.Of(v.m) }
func (v *variable[K, V]) typeName() string { return gomap.TypeName(v.m) }
func (v *variable[K, V]) made() int        { return v.maps }

func (v *variable[K, V]) set(m map[K]V) {
	v.m = m
	v.maps++
}

// step does one thing to the map.
func (v *variable[K, V]) step() {
	if v.m == nil {
		v.set(make(map[K]V))
	}
	switch dice.below(20) {
	case 0:
		v.m = nil
	case 1:
		v.set(make(map[K]V, dice.some()))
	case 2:
		v.clear()
	case 3:
		v.set(clone(v.m))
	case 4:
		v.rebuild()
	case 5:
		v.deleteWhileRanging(1 + dice.below(4))
	case 6:
		v.insertWhileRanging()
	case 7:
		v.churn(dice.some())
	case 8, 9, 10, 11, 12:
		v.delete(dice.some())
	default:
		v.insert(dice.some())
	}
}

// random is one of the keys, which may be in the map or not.
func (v *variable[K, V]) random() K { return v.key(dice.below(v.keys)) }

func (v *variable[K, V]) insert(n int) {
	var elem V
	for ; n > 0; n-- {
		v.m[v.random()] = elem
	}
}

func (v *variable[K, V]) delete(n int) {
	for ; n > 0; n-- {
		delete(v.m, v.random())
	}
}

// churn keeps the length about what it is, and leaves tombstones or overflow.
func (v *variable[K, V]) churn(n int) {
	for ; n > 0; n-- {
		v.insert(1)
		v.delete(1)
	}
}

// clear is one call of the runtime's for most types.
func (v *variable[K, V]) clear() {
	for k := range v.m {
		delete(v.m, k)
	}
}

func (v *variable[K, V]) rebuild() {
	fresh := make(map[K]V, len(v.m))
	for k, elem := range v.m {
		fresh[k] = elem
	}
	v.set(fresh)
}

// deleteWhileRanging leaves one key in n, and all of them behind some place.
func (v *variable[K, V]) deleteWhileRanging(n int) {
	left := 1 + dice.some()
	for k := range v.m {
		if left--; left == 0 {
			break
		}
		if dice.below(n) == 0 {
			delete(v.m, k)
		}
	}
}

// insertWhileRanging has the map grow under its iterator.
func (v *variable[K, V]) insertWhileRanging() {
	left := dice.some()
	for range v.m {
		if left--; left < 0 {
			break
		}
		v.insert(2)
	}
}

type item struct {
	n    uint64
	name string
}

// compound is a key that no fast variant of the runtime's functions takes.
type compound struct {
	name string
	n    int32
}

const most = 10000

var items [most]item

func integer[K uint8 | uint16 | uint32 | int64](i int) K { return K(i) }
func text(i int) string                                  { return strconv.Itoa(i) }
func pointer(i int) *item                                { return &items[i] }
func either(i int) bool                                  { return i > 0 }
func nothing(int) struct{}                               { return struct{}{} }
func pair(i int) compound                                { return compound{strconv.Itoa(i / 3), int32(i % 3)} }

func bytes16(i int) (k [16]byte) {
	copy(k[:], strconv.Itoa(i))
	return k
}

func bytes200(i int) (k [200]byte) {
	copy(k[:], strconv.Itoa(i))
	return k
}

// float has keys that are not equal to themselves: nothing but clear gets rid of
// those, where the runtime has it.
func float(i int) float64 {
	if i%50 == 0 {
		return math.NaN()
	}
	return float64(i) / 2
}

func makeMaps() []anyMap {
	return []anyMap{
		&variable[int64, int64]{key: integer[int64], keys: most},
		&variable[int64, uint8]{key: integer[int64], keys: most},
		&variable[uint32, struct{}]{key: integer[uint32], keys: most},
		&variable[uint32, *item]{key: integer[uint32], keys: most},
		&variable[uint16, string]{key: integer[uint16], keys: most},
		&variable[uint8, uint8]{key: integer[uint8], keys: 256},
		&variable[bool, int64]{key: either, keys: 2},
		&variable[bool, struct{}]{key: either, keys: 2},
		&variable[struct{}, struct{}]{key: nothing, keys: 1},
		&variable[string, *item]{key: text, keys: most},
		&variable[string, string]{key: text, keys: most},
		&variable[string, [128]byte]{key: text, keys: most},
		&variable[*item, int32]{key: pointer, keys: most},
		&variable[float64, int32]{key: float, keys: most},
		&variable[compound, any]{key: pair, keys: most},
		&variable[[16]byte, [64]byte]{key: bytes16, keys: most},
		&variable[int64, [200]byte]{key: integer[int64], keys: most},
		&variable[[200]byte, *item]{key: bytes200, keys: 1000},
		&variable[int64, map[int64]int64]{key: integer[int64], keys: most},
	}
}
