package main

import (
	"runtime"
	"strconv"
	"sync/atomic"
	"syscall"

	"maptrace/tests/targets/lib/gomap"
)

// Each function here keeps its map in its own frame: nothing in it may escape.

// Session makes slots that the collector has to scan.
type Session struct {
	ID   uint64
	User string
}

// number is a value that the compiler does not know.
//
//go:noinline
func number(n int) int { return n }

func key(i int) string { return "key-" + strconv.Itoa(i) }

func startParked() {
	go holdInts(newHolder("ints", map[int64]uint8(nil)))
	go holdEmptied(newHolder("emptied", map[string]*Session(nil)))
	go holdNoKeys(newHolder("no_keys", map[string]*Session(nil)))
	go holdNoKeysNoPointers(newHolder("no_keys_no_pointers", map[int64]int64(nil)))
	go holdHint(newHolder("hint", map[string]int(nil)))
	go holdSmall(newHolder("small", map[uint32]*Session(nil)))
	go holdInFrame(newHolder("in_frame", map[int64]int64(nil)))
	go holdGrowing(newHolder("growing", map[int64]int64(nil)))
	go holdIterating(newHolder("iterating", map[int64]int64(nil)))
	go holdDeep(newHolder("deep", map[string]int(nil)))
	go holdMoved(newHolder("moved", map[int64]string(nil)))
	go holdTwo(newHolder("two_a", map[int64]int32(nil)), newHolder("two_b", map[string]string(nil)))
	held := make(chan struct{})
	go holdDead(held)
	<-held
}

func holdInts(h *holder) {
	m := make(map[int64]uint8)
	for i := 0; i < 1000; i++ {
		m[int64(i)] = 1
	}
	for range h.ask {
		h.told <- inspect(m)
	}
}

func holdMany(h *holder) {
	m := make(map[int64]int64)
	for i := 0; i < 20; i++ {
		m[int64(i)] = 1
	}
	for range h.ask {
		h.told <- inspect(m)
	}
}

// holdEmptied has a large table, and few keys.
func holdEmptied(h *holder) {
	m := make(map[string]*Session)
	for i := 0; i < 100000; i++ {
		m[key(i)] = nil
	}
	for i := 12; i < 100000; i++ {
		delete(m, key(i))
	}
	for range h.ask {
		h.told <- inspect(m)
	}
}

func holdNoKeys(h *holder) {
	m := make(map[string]*Session)
	for i := 0; i < 10000; i++ {
		m[key(i)] = nil
	}
	for i := 0; i < 10000; i++ {
		delete(m, key(i))
	}
	for range h.ask {
		h.told <- inspect(m)
	}
}

func holdNoKeysNoPointers(h *holder) {
	m := make(map[int64]int64, number(1000))
	for range h.ask {
		h.told <- inspect(m)
	}
}

func holdHint(h *holder) {
	m := make(map[string]int, number(5000))
	for i := 0; i < 3000; i++ {
		m[key(i)] = i
	}
	for range h.ask {
		h.told <- inspect(m)
	}
}

// holdSmall has all of its map in its frame, for any hint up to 8.
func holdSmall(h *holder) {
	h.inFrame = true
	m := make(map[uint32]*Session, number(5))
	for i := 0; i < 5; i++ {
		m[uint32(i)] = &Session{ID: uint64(i)}
	}
	for range h.ask {
		h.told <- inspect(m)
	}
}

// holdInFrame has all of its map in its frame.
func holdInFrame(h *holder) {
	h.inFrame = true
	m := make(map[int64]int64)
	for i := 0; i < 3; i++ {
		m[int64(i)] = 1
	}
	for range h.ask {
		h.told <- inspect(m)
	}
}

// holdGrowing stops right where a classic map begins to grow.
func holdGrowing(h *holder) {
	full := gomap.FullAt(8)
	m := make(map[int64]int64)
	for i := 0; i <= full; i++ {
		m[int64(i)] = 1
	}
	for range h.ask {
		h.told <- inspect(m)
	}
}

// holdIterating stops in the middle of an iteration that began with a much
// smaller table.
func holdIterating(h *holder) {
	m := make(map[int64]int64)
	for i := 0; i < 1000; i++ {
		m[int64(i)] = 1
	}
	seen := 0
	for range m {
		if seen++; seen != 100 {
			continue
		}
		for i := 0; i < 50000; i++ {
			m[int64(i)] = 1
		}
		for range h.ask {
			h.told <- inspect(m)
		}
	}
}

// holdDeep has a long way of frames below that of the map.
func holdDeep(h *holder) {
	m := make(map[string]int)
	for i := 0; i < 500; i++ {
		m[key(i)] = i
	}
	descend(20000, func() {
		for range h.ask {
			h.told <- inspect(m)
		}
	})
}

//go:noinline
func descend(n int, f func()) int {
	if n == 0 {
		f()
		return 0
	}
	return descend(n-1, f) + 1
}

// holdMoved has its stack copied, and leaves the old ones behind.
func holdMoved(h *holder) {
	m := make(map[int64]string)
	for i := 0; i < 300; i++ {
		m[int64(i)] = "v"
	}
	descend(1000, func() {})
	for i := 300; i < 3000; i++ {
		m[int64(i)] = "v"
	}
	for range h.ask {
		h.told <- inspect(m)
	}
}

func holdTwo(a, b *holder) {
	m := make(map[int64]int32)
	n := make(map[string]string)
	for i := 0; i < 200; i++ {
		m[int64(i)] = 1
		n[key(i)] = "v"
	}
	for {
		select {
		case <-a.ask:
			a.told <- inspect(m)
		case <-b.ask:
			b.told <- inspect(n)
		}
	}
}

// holdDead has a map that it does not use any more: when the collector has run,
// its table is free.
func holdDead(held chan struct{}) {
	m := make(map[int64]int64)
	for i := 0; i < 5000; i++ {
		m[int64(i)] = 1
	}
	held <- struct{}{}
	<-make(chan struct{})
}

func holdInSyscall(h *holder, ready *uint32, fd int) {
	m := make(map[int64]int64)
	for i := 0; i < 700; i++ {
		m[int64(i)] = 1
	}
	h.name = "in_syscall"
	h.last = inspect(m)
	atomic.StoreUint32(ready, 1)
	for {
		var b [1]byte
		syscall.Read(fd, b[:])
		m[int64(b[0])]++
	}
}

func holdAndCompute(h *holder, ready *uint32) {
	m := make(map[int64]int64)
	for i := 0; i < 600; i++ {
		m[int64(i)] = 1
	}
	h.name = "computing"
	h.computes = true
	h.last = inspect(m)
	atomic.StoreUint32(ready, 1)
	for atomic.LoadUint32(ready) == 1 {
	}
	m[0]++
}

// holdNoMore computes where a call that has ended left the header of its map
// behind. The collector has run since.
func holdNoMore(h *holder, ready *uint32) {
	callWithMap()
	runtime.GC()
	runtime.GC()
	atomic.StoreUint32(ready, 1)
	for atomic.LoadUint32(ready) == 1 {
	}
}

//go:noinline
func callWithMap() {
	m := make(map[int64]int64)
	for i := 0; i < 5000; i++ {
		m[int64(i)] = 1
	}
	m[0]++
}
