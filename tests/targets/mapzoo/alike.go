package main

import (
	"strconv"
	"unsafe"
)

// alikeKey makes buckets large, so that many sizes of them fit one size class.
type alikeKey [128]byte

func alikeEntry(i int) (k alikeKey) {
	id := key16(i)
	copy(k[:], id[:])
	return k
}

// addAlike makes maps of one bucket and of several, each of them twice: full, and
// emptied, which leaves nothing but its overflow buckets to tell its bucket size by.
func addAlike[V any]() {
	var none V
	in := new([]map[alikeKey]V)
	for _, n := range []int{1, 5, 8, 13, 50, 200} {
		full, emptied := make(map[alikeKey]V), make(map[alikeKey]V)
		for i := 0; i < n; i++ {
			full[alikeEntry(i)] = none
			emptied[alikeEntry(i)] = none
		}
		for i := 0; i < n; i++ {
			delete(emptied, alikeEntry(i))
		}
		*in = append(*in, full, emptied)
	}
	addMany("alike"+strconv.Itoa(int(unsafe.Sizeof(none))), in)
}

// buildAlike has 31 types whose buckets differ by eight bytes from one to the next.
func buildAlike() {
	addAlike[[96]byte]()
	addAlike[[97]byte]()
	addAlike[[98]byte]()
	addAlike[[99]byte]()
	addAlike[[100]byte]()
	addAlike[[101]byte]()
	addAlike[[102]byte]()
	addAlike[[103]byte]()
	addAlike[[104]byte]()
	addAlike[[105]byte]()
	addAlike[[106]byte]()
	addAlike[[107]byte]()
	addAlike[[108]byte]()
	addAlike[[109]byte]()
	addAlike[[110]byte]()
	addAlike[[111]byte]()
	addAlike[[112]byte]()
	addAlike[[113]byte]()
	addAlike[[114]byte]()
	addAlike[[115]byte]()
	addAlike[[116]byte]()
	addAlike[[117]byte]()
	addAlike[[118]byte]()
	addAlike[[119]byte]()
	addAlike[[120]byte]()
	addAlike[[121]byte]()
	addAlike[[122]byte]()
	addAlike[[123]byte]()
	addAlike[[124]byte]()
	addAlike[[125]byte]()
	addAlike[[126]byte]()
}
