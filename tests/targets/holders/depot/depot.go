// Package depot has variables and types of its own, which main cannot see.
package depot

import "sync"

var stock map[string]int32

// Prices is set by this package, and read by others as well.
var Prices = map[uint16]float64{}

type crate struct {
	label string
	items map[int32]string
}

type shelf struct {
	lock   sync.RWMutex
	crates []*crate
	index  map[string]*crate
}

var storeroom *shelf

// Fill makes the maps of this package.
func Fill(n int) {
	stock = make(map[string]int32)
	storeroom = &shelf{}
	storeroom.index = make(map[string]*crate)
	for i := 0; i < n; i++ {
		stock[string(rune('a'+i))] = int32(i)
		Prices[uint16(i)] = float64(i)
	}
	for i := 0; i < 3; i++ {
		c := &crate{label: string(rune('k' + i)), items: make(map[int32]string)}
		for k := 0; k < n; k++ {
			c.items[int32(k)] = c.label
		}
		storeroom.crates = append(storeroom.crates, c)
		storeroom.index[c.label] = c
	}
}

// Visit hands out all maps.
func Visit(f func(name string, m any)) {
	storeroom.lock.RLock()
	defer storeroom.lock.RUnlock()
	f("stock", stock)
	f("prices", Prices)
	f("index", storeroom.index)
	f("items", storeroom.crates[1].items)
}

// Count reads the variables.
//
//go:noinline
func Count() int { return len(stock) + len(Prices) + len(storeroom.crates) }
