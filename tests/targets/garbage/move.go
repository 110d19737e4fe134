package main

import (
	"runtime/debug"
	"sync"
	"time"
)

// A slot whose maps come from others and go to others.
type shelf struct {
	mu   sync.Mutex
	maps []dict
}

var (
	ring   = make(chan dict, 64)
	back   = make(chan dict) // from hand to hand: there is no buffer
	shelfs [4]shelf
	lent   sync.Pool
	total  uint64
	heavy  []byte // so that collections are seconds apart
)

// Takes the last one, and puts all others into a new slice, as append does.
func (s *shelf) take() dict {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.maps) == 0 {
		return nil
	}
	m := s.maps[len(s.maps)-1]
	s.maps = append(make([]dict, 0, len(s.maps)), s.maps[:len(s.maps)-1]...)
	return m
}

func (s *shelf) put(m dict) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.maps = append(s.maps[:len(s.maps):len(s.maps)], m)
}

//go:noinline
func use(m dict, writes bool) {
	for i := 0; i < 20; i++ {
		if writes && i == 10 {
			m[i]++
		}
		total += uint64(m[i])
	}
}

func pass(nth int) {
	for i := 0; ; i++ {
		m := <-ring
		use(m, nth == 0)
		s := &shelfs[i%len(shelfs)]
		s.put(m)
		if i%16 == 0 {
			time.Sleep(200 * time.Microsecond)
		}
		if m = s.take(); m == nil {
			continue
		}
		if nth%2 == 0 {
			back <- m
			continue
		}
		ring <- m
	}
}

func repass() {
	for m := range back {
		box := &node{next: &node{m: m}} // new each time
		use(box.next.m, false)
		ring <- box.next.m
	}
}

// Lets n maps go round.
func move(n int) {
	heavy = make([]byte, 512<<20) // nobody writes to it
	debug.SetGCPercent(100)
	for i := 0; i < n; i++ {
		m := fresh(20)
		moving = append(moving, addr(m))
		if i < 40 {
			ring <- m
			continue
		}
		shelfs[i%len(shelfs)].put(m)
	}
	for i := 0; i < 4; i++ {
		go pass(i)
	}
	go repass()
	go repass()
}
