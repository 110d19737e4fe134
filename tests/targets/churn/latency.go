package main

import (
	"math/bits"
	"time"
)

// histogram counts times by their four highest bits.
type histogram [64 * 8]uint64

func slotOf(ns uint64) int {
	if ns < 16 {
		return int(ns)
	}
	shift := uint(bits.Len64(ns)) - 4
	return int(shift)*8 + int(ns>>shift)
}

// upTo is the end of what a slot counts.
func upTo(slot int) uint64 {
	if slot < 16 {
		return uint64(slot) + 1
	}
	shift := uint(slot/8 - 1)
	return (uint64(slot)%8 + 9) << shift
}

// timed does an operation, and every 16th time with a look at the clock.
func (l *load) timed(f func(*load)) {
	l.turn++
	if l.turn%16 != 0 {
		f(l)
		return
	}
	start := time.Now()
	f(l)
	if slot := slotOf(uint64(time.Since(start))); slot < len(l.times) {
		l.times[slot]++
	}
}

// takeLatency returns what 999 of 1000 operations since the last call stayed below.
func takeLatency() uint64 {
	var all histogram
	var total, sum uint64

	for _, l := range loads {
		for i, n := range l.times {
			all[i] += n
			total += n
		}
		l.times = histogram{}
	}
	for i, n := range all {
		sum += n
		if sum > 0 && sum >= total-total/1000 {
			return upTo(i)
		}
	}
	return 0
}
