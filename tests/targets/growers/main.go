// growers keeps maps that grow in different ways: some are leaks, the others have a size that
// they come back to or stay at. Each has a type of its own. It answers a line of input with the
// number of keys that each of them gained since the start, and whether it leaks.
package main

import (
	"bufio"
	"context"
	"os"
	"strconv"
	"sync"
	"time"

	"maptrace/tests/targets/lib/jsonw"
)

type (
	leakKey    string // inserts, no deletes
	behindKey  int    // deletes, but of half of the keys
	burstKey   int    // inserts once a second
	shardKey   int    // a leak over many maps
	cacheKey   int    // full, and then as many deletes as inserts
	fillKey    int    // filled until it has enough
	bufferKey  int    // two maps: one is filled, the other cleared
	clearKey   int    // filled and cleared again
	replaceKey int    // filled and replaced by a new map
	memoKey    int    // keys from a small set: ever fewer are new
	sizedKey   int    // made with a size, and filled
	warmKey    int    // a cache that is not full yet
)

var (
	mu       sync.Mutex
	leaks    = map[leakKey]struct{}{}
	behind   = map[behindKey][4]int{}
	bursts   = map[burstKey]int{}
	shards   [256]map[shardKey]int
	cache    = map[cacheKey]int{}
	fill     = map[fillKey]int{}
	buffers  = [2]map[bufferKey]int{{}, {}}
	cleared  = map[clearKey]int{}
	replaced = map[replaceKey]int{}
	memo     = map[memoKey]int{}
	sized    = make(map[sizedKey]int, 4000000)
	warm     = map[warmKey]int{}
	n        int

	parent, _ = context.WithCancel(context.Background())
	forgotten context.CancelFunc
	w        jsonw.Writer
)

// runQuery leaks in a map of the library.
//
//go:noinline
func runQuery() { _, forgotten = context.WithCancel(parent) }

// step is done 100 times a second.
func step() {
	n++
	for i := 0; i < 20; i++ {
		id := n*20 + i
		leaks[leakKey("request number "+strconv.Itoa(id))] = struct{}{}
		behind[behindKey(id)] = [4]int{id}
		if i%2 == 0 {
			delete(behind, behindKey(id))
		}
		shards[id%len(shards)][shardKey(id)] = id
		cache[cacheKey(id)] = id
		delete(cache, cacheKey(id-20000))
		cleared[clearKey(id)] = id
		replaced[replaceKey(id)] = id
		sized[sizedKey(id)] = id
		warm[warmKey(id)] = id
		runQuery()
		if len(warm) > 10000000 {
			delete(warm, warmKey(id-10000000))
		}
		if len(fill) < 40000 {
			fill[fillKey(id)] = id
		}
		buffers[n/100%2][bufferKey(id)] = id
		memo[memoKey(id*7919%1000)] = id
	}
	if n%100 == 0 {
		for i := 0; i < 2000; i++ {
			bursts[burstKey(n*20+i)] = i
		}
		for k := range cleared {
			delete(cleared, k)
		}
		for k := range buffers[(n/100)%2] {
			delete(buffers[(n/100)%2], k)
		}
	}
	if n%150 == 0 {
		replaced = map[replaceKey]int{}
	}
}

func prefill() {
	for i := range shards {
		shards[i] = map[shardKey]int{}
	}
	for i := -40000; i < 0; i++ {
		if i >= -20000 {
			cache[cacheKey(i+20)] = i
		}
		fill[fillKey(i)] = i
		shards[-i%len(shards)][shardKey(i)] = i
	}
	for i := 0; i < 3000; i++ {
		step()
	}
}

func truth() {
	mu.Lock()
	defer mu.Unlock()
	of := 0
	for _, m := range shards {
		of += len(m)
	}
	w.Reset()
	w.Open()
	w.Uint("leakKey", uint64(len(leaks)))
	w.Uint("behindKey", uint64(len(behind)))
	w.Uint("burstKey", uint64(len(bursts)))
	w.Uint("shardKey", uint64(of))
	w.Close()
	if w.Flush() != nil {
		os.Exit(1)
	}
}

func main() {
	prefill()
	go func() {
		for range time.Tick(10 * time.Millisecond) {
			mu.Lock()
			step()
			mu.Unlock()
		}
	}()
	os.Stdout.WriteString(`{"ready":true,"pid":` + strconv.Itoa(os.Getpid()) + "}\n")
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		truth()
	}
}
