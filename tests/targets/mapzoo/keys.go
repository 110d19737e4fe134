package main

import (
	"math"

	"maptrace/tests/targets/lib/gomap"
)

// Maps whose keys or states are special.
var (
	floats       map[float64]int32
	smallFloats  []map[float32]int8
	nans         []map[float64]float64
	smallEmptied []map[int64]int64
	emptiedPtr   []map[string]*Session
	wideBoth     map[Wide][200]byte
	iterated     map[int64]int64
	iteratedHalf map[string]*Session

	never = make(chan struct{})
)

// buildFloats has keys that an update rewrites (+0 and -0 are one key), and NaNs,
// of which each is a key of its own with the same bits.
func buildFloats() {
	fill("floats", &floats, func(i int) (float64, int32) { return math.Sqrt(float64(i)), 1 }, scaled(5000))
	for i := 0; i < 300; i++ {
		floats[math.NaN()] = int32(i)
	}
	floats[math.Copysign(0, -1)] = 2
	for i := 0; i < scaled(100); i++ {
		m := make(map[float32]int8)
		for j := 0; j <= i%8; j++ {
			m[float32(j)/3] = 1
		}
		smallFloats = append(smallFloats, m)
		n := make(map[float64]float64)
		for j := 0; j <= i%12; j++ {
			n[math.NaN()] = float64(j)
		}
		nans = append(nans, n)
	}
	addMany("small_floats", &smallFloats)
	addMany("nans", &nans)
}

// buildEmptied has small maps that keep their group or bucket, and a map whose keys
// and elems are both too large for a slot.
func buildEmptied() {
	for i := 0; i < scaled(100); i++ {
		m, p := make(map[int64]int64), make(map[string]*Session)
		for j := 0; j <= i%8; j++ {
			m[int64(j)] = 1
			p[hex("e-", j)] = &Session{}
		}
		for j := 0; j <= i%8; j++ {
			delete(m, int64(j))
			delete(p, hex("e-", j))
		}
		smallEmptied, emptiedPtr = append(smallEmptied, m), append(emptiedPtr, p)
	}
	addMany("small_emptied", &smallEmptied)
	addMany("small_emptied_ptr", &emptiedPtr)
	fill("wide_both", &wideBoth, func(i int) (k Wide, v [200]byte) {
		id := key16(i)
		copy(k[:], id[:])
		return k, v
	}, scaled(2000))
	for i := 0; i < 500; i++ {
		var k Wide
		id := key16(i)
		copy(k[:], id[:])
		delete(wideBoth, k)
	}
}

// buildIterated leaves goroutines in the middle of an iteration that began when the
// map was small: what it looks at is not part of the map any more. A classic map is
// in the middle of its growth in one case, and through with it in the other.
func buildIterated() {
	full := gomap.FullAt(8)
	fill("iterated", &iterated, func(i int) (int64, int64) { return int64(i), 1 }, full)
	fill("iterated_half", &iteratedHalf, sessionEntry, full)
	stopped := make(chan struct{})
	go func() {
		n := 0
		for range iterated {
			if n++; n == 100 {
				for i := 0; i < 20*full; i++ {
					iterated[int64(i)] = 1
				}
				stopped <- struct{}{}
				<-never
			}
		}
	}()
	go func() {
		n := 0
		for range iteratedHalf {
			if n++; n == 100 {
				for i := full; i < full+50; i++ {
					k, v := sessionEntry(i)
					iteratedHalf[k] = v
				}
				stopped <- struct{}{}
				<-never
			}
		}
	}()
	<-stopped
	<-stopped
}
