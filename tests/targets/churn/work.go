package main

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"maptrace/tests/targets/lib/gomap"
)

// Workers hold counting for reading while they change maps and counters, a few
// hundred operations at a time; who prints holds it for writing. So a printed
// line is exact: all maps and all counters at one moment.
var counting sync.RWMutex

// shared is held for the operations of hammerOn.
var shared sync.Mutex

const batch = 256

// counts is what happened to one map since the start.
type counts struct {
	inserts, updates, deletes, clears, cleared, makes uint64
}

func (c *counts) ops() uint64 { return c.inserts + c.updates + c.deletes }

// load is one map under load. Its keys are the numbers from first to next.
type load struct {
	counts
	name        string
	index       int
	typ         string
	m           keyed
	first, next uint64
	random      uint64
	growths     gomap.Growths
	goroutine   uint64 // that works on it
	turn        uint64 // of timed
	times       histogram
}

func newLoad(name string, index int, m keyed) *load {
	m.make()
	return &load{name: name, index: index, typ: m.typeName(), m: m, random: uint64(index)*2 + 1}
}

// prefill brings the map to n entries, which do not count.
func (l *load) prefill(n int) {
	for i := 0; i < n; i++ {
		l.insert()
	}
	l.counts = counts{}
	l.growths.Grown, l.growths.SameSize = 0, 0
}

// insert adds a new key; a map as large as the rings is updated instead.
func (l *load) insert() {
	if l.next-l.first > ringMask {
		l.update()
		return
	}
	l.m.put(l.next)
	l.next++
	l.inserts++
	if *countGrowths {
		l.growths.Look(l.m.of())
	}
}

func (l *load) update() {
	if l.first == l.next {
		return
	}
	// xorshift: any key will do, but not always the same.
	l.random ^= l.random << 13
	l.random ^= l.random >> 7
	l.random ^= l.random << 17
	l.m.put(l.first + l.random%(l.next-l.first))
	l.updates++
}

func (l *load) remove() {
	if l.first == l.next {
		return
	}
	l.m.remove(l.first)
	l.first++
	l.deletes++
}

func (l *load) clear() {
	l.cleared += l.next - l.first
	l.m.clear()
	l.first = l.next
	l.clears++
}

// restart drops the map for a new, empty one.
func (l *load) restart() {
	l.m.make()
	l.growths.Forget()
	l.first = l.next
	l.makes++
}

// pace says how many operations are due at a rate.
type pace struct {
	perSecond float64
	done      uint64
}

func (p *pace) due(elapsed time.Duration) uint64 {
	all := uint64(elapsed.Seconds() * p.perSecond)
	if all <= p.done {
		return 0
	}
	n := all - p.done
	p.done = all
	return n
}

// several does f on the loads in turn, n times, in batches.
func several(loads []*load, turn *int, n uint64, f func(*load)) {
	for n > 0 {
		counting.RLock()
		for i := 0; i < batch && n > 0; i++ {
			f(loads[*turn%len(loads)])
			*turn++
			n--
		}
		counting.RUnlock()
	}
}

// own says who works on the maps from now on.
func own(loads []*load) {
	for _, l := range loads {
		l.goroutine = goroutineID()
	}
}

// goroutineID is the number in "goroutine 18 [running]:".
func goroutineID() (id uint64) {
	var buf [64]byte

	for _, c := range buf[len("goroutine "):runtime.Stack(buf[:], false)] {
		if c < '0' || c > '9' {
			break
		}
		id = id*10 + uint64(c-'0')
	}
	return id
}

// steady keeps up the asked for rates, of which this worker has its share.
func steady(loads []*load, share float64) {
	inserts := pace{perSecond: *insertRate * share}
	updates := pace{perSecond: *updateRate * share}
	deletes := pace{perSecond: *deleteRate * share}
	var insertTurn, updateTurn, deleteTurn int
	own(loads)
	nap := 5 * time.Millisecond
	if *threads {
		runtime.LockOSThread()
		nap += nap * time.Duration(*goroutines) / 16
	}

	for start := time.Now(); ; time.Sleep(nap) {
		elapsed := squeeze(atWork(start))
		several(loads, &insertTurn, inserts.due(elapsed), (*load).insert)
		several(loads, &updateTurn, updates.due(elapsed), (*load).update)
		several(loads, &deleteTurn, deletes.due(elapsed), (*load).remove)
	}
}

// standstill is the time in which all changes were stopped, so far, in ns; atomic.
var standstill int64

// atWork is the time since start without that: who was stopped does not catch up.
func atWork(start time.Time) time.Duration {
	return time.Since(start) - time.Duration(atomic.LoadInt64(&standstill))
}

// squeeze makes time pass in the first part of each cycle, and stand still in
// the rest of it.
func squeeze(elapsed time.Duration) time.Duration {
	if *cycle <= 0 {
		return elapsed
	}
	part := time.Duration(float64(elapsed%*cycle) / *duty)
	if part > *cycle {
		part = *cycle
	}
	return elapsed / *cycle * *cycle + part
}

// hammerOn is flatOut on a map that is shared with others, from a thread of its
// own.
func hammerOn(l *load) {
	runtime.LockOSThread()
	time.Sleep(*busyAfter)
	for {
		counting.RLock()
		for i := 0; i < batch; i++ {
			shared.Lock()
			l.insert()
			l.update()
			l.remove()
			shared.Unlock()
		}
		counting.RUnlock()
	}
}

// flatOut does as much as it can: an insert, an update and a delete in turn,
// at constant length.
func flatOut(loads []*load) {
	own(loads)
	time.Sleep(*busyAfter)
	for {
		for _, l := range loads {
			counting.RLock()
			if *latencies {
				timedBatch(l)
			} else {
				plainBatch(l)
			}
			counting.RUnlock()
		}
	}
}

// inBursts does a number of operations of each kind at once, and then waits.
func inBursts(loads []*load) {
	own(loads)
	for turn := 0; ; turn++ {
		l := loads[turn%len(loads)]
		counting.RLock()
		for i := 0; i < *bursts; i++ {
			l.insert()
			l.update()
			l.remove()
		}
		counting.RUnlock()
		time.Sleep(*pauseFor)
	}
}

func plainBatch(l *load) {
	for i := 0; i < batch; i++ {
		l.insert()
		l.update()
		l.remove()
	}
}

func timedBatch(l *load) {
	for i := 0; i < batch; i++ {
		l.timed((*load).insert)
		l.timed((*load).update)
		l.timed((*load).remove)
	}
}

// grower grows a new map from nothing to n entries in every period.
func grower(l *load, n int, period time.Duration) {
	self, turn := []*load{l}, 0
	own(self)
	for {
		counting.RLock()
		l.restart()
		counting.RUnlock()
		p := pace{perSecond: float64(n) / period.Seconds()}
		for start := time.Now(); ; time.Sleep(5 * time.Millisecond) {
			elapsed := time.Since(start)
			if elapsed > period {
				elapsed = period
			}
			several(self, &turn, p.due(elapsed), (*load).insert)
			if elapsed == period {
				break
			}
		}
	}
}

var made, clearedOften uint64 // of the next two

//go:noinline
func makeOne(size int) map[uint64]uint64 { return make(map[uint64]uint64, size) }

// makeFlatOut makes maps that are garbage at once.
func makeFlatOut() {
	time.Sleep(*busyAfter)
	for size := 9; ; {
		counting.RLock()
		for i := 0; i < batch; i++ {
			makeOne(size)
			made++
		}
		counting.RUnlock()
	}
}

// clearFlatOut works on a map that nobody else knows.
func clearFlatOut() {
	time.Sleep(*busyAfter)
	m := make(map[uint64]uint64)
	for {
		counting.RLock()
		for i := 0; i < batch; i++ {
			m[1] = 1
			for k := range m {
				delete(m, k)
			}
			clearedOften++
		}
		counting.RUnlock()
	}
}
