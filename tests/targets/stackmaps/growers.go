package main

import (
	"runtime"
	"runtime/debug"
	"sync/atomic"
	"time"

	"maptrace/tests/targets/lib/gomap"
	"maptrace/tests/targets/lib/jsonw"
)

const (
	growBatch  = 32      // keys between two pauses
	growMost   = 1 << 13 // keys of a map
	litterMost = 1 << 14 // objects of a kind
)

// grower has one map after the other in a frame of its own. They grow all the time.
type grower struct {
	addr uint64
	made uint64 // odd while a map is there, and has tables on the heap
	keys uint64 // at least; growBatch more at most
	most uint64 // the next one begins here
}

// Objects of the sizes of directories.
type (
	single struct{ next *single }
	double struct {
		next  *double
		bytes *[]byte
	}
)

var (
	growers []*grower
	singles [litterMost]*single
	doubles [litterMost]*double
	slices  [litterMost][]byte
)

// pause tells about the map, which is to get its n-th key now, and waits for a
// moment. False: it is large enough.
//
//go:noinline
func (g *grower) pause(m gomap.Map, n uint64) bool {
	if n == growBatch {
		return true // it may be in the frame altogether
	}
	atomic.StoreUint64(&g.keys, n-1)
	if n == 2*growBatch {
		atomic.StoreUint64(&g.addr, uint64(m.Addr()))
		atomic.AddUint64(&g.made, 1)
	}
	time.Sleep(time.Millisecond)
	if n < g.most {
		return true
	}
	g.most = growMost >> (atomic.AddUint64(&g.made, 1) / 2 % 5)
	return false
}

func growInts(g *grower) {
	for {
		m := make(map[int64]int64)
		for n := uint64(1); n%growBatch != 0 || g.pause(gomap.Of(m), n); n++ {
			m[int64(n)] = 1
		}
		m[0]++
	}
}

func growSessions(g *grower) {
	for {
		m := make(map[string]*Session)
		for n := uint64(1); n%growBatch != 0 || g.pause(gomap.Of(m), n); n++ {
			m[key(int(n))] = nil
		}
		delete(m, "")
	}
}

func growWide(g *grower) {
	for {
		m := make(map[uint32][5]*Session)
		for n := uint64(1); n%growBatch != 0 || g.pause(gomap.Of(m), n); n++ {
			m[uint32(n)] = [5]*Session{}
		}
		delete(m, 0)
	}
}

// forget has a map that it does not use any more: the memory of its table becomes
// that of others, and of much else.
func forget() {
	m := make(map[int64]int64)
	for i := 0; i < 2*growBatch; i++ {
		m[int64(i)] = 1
	}
	<-make(chan struct{})
}

// litter has objects come and go: spans are freed, and used for those of other sizes.
func litter() {
	for i := 0; ; i++ {
		at, from := i*31%litterMost, i*29%litterMost
		slices[at] = make([]byte, i*7%3000)
		singles[at] = &single{singles[from]}
		doubles[at] = &double{doubles[from], &slices[at]}
		// No endless chains.
		if s := singles[i*37%litterMost]; s != nil {
			s.next = nil
		}
		if d := doubles[i*37%litterMost]; d != nil {
			d.next = nil
		}
		if i%1024 == 0 {
			runtime.Gosched()
		}
	}
}

// startGrowers starts n goroutines whose maps grow, and as many with one that is dead.
// They have room on their stacks for all that they will ever do: while nobody shrinks
// them, the headers stay in their places.
func startGrowers(n int) {
	if n == 0 {
		return
	}
	for i := 0; i < n; i++ {
		g := &grower{most: growMost}
		grow := []func(*grower){growInts, growSessions, growWide}[i%3]
		growers = append(growers, g)
		go forget()
		go func() {
			descend(500, func() {})
			grow(g)
		}()
	}
	for _, g := range growers {
		for atomic.LoadUint64(&g.made) == 0 {
			time.Sleep(time.Millisecond)
		}
	}
	runtime.GC()
	runtime.GC()
	debug.SetGCPercent(100)
	go litter()
}

func growersTruth(w *jsonw.Writer) {
	w.OpenArray("growers")
	for i, g := range growers {
		made := atomic.LoadUint64(&g.made)
		w.Open()
		w.Indexed("name", "grower", i)
		w.Bool("there", made%2 == 1)
		w.Uint("made", made)
		w.Addr("addr", uintptr(atomic.LoadUint64(&g.addr)))
		w.Uint("live_keys_least", atomic.LoadUint64(&g.keys))
		w.Uint("live_keys_most", atomic.LoadUint64(&g.keys)+growBatch)
		w.Close()
	}
	w.CloseArray()
}
