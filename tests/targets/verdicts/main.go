// verdicts gets into a state that a report has to judge: something is wrong with the
// memory, or nearly. On `remedy` it does what would help, collects, and gives back.
//
// It prints one line when it is ready, then one for every command: the RSS that the
// kernel counts. It ends with its input.
package main

import (
	"bufio"
	"flag"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

var state = flag.String("state", "", "the `state` to get into")

type hints struct{ costs map[uint64]int64 }

type members map[string]struct{}

type shard struct{ items map[string]string }

var (
	hinted  = &hints{}
	sets    map[string]members
	shards  []*shard
	kept    map[int]*[1024]byte
	index   map[int]*[100]byte
	chunks  [][]byte
	buffers [2]map[int]int
	scratch map[int]int
	clears  atomic.Int64
)

// A map that was made for two million keys, and got three thousand.
func presized() {
	hinted.costs = make(map[uint64]int64, 2000000)
	for i := uint64(0); i < 3000; i++ {
		hinted.costs[i*0x9e3779b97f4a7c15] = 1
	}
}

func rebuildHinted() {
	n := make(map[uint64]int64, len(hinted.costs))
	for k, v := range hinted.costs {
		n[k] = v
	}
	hinted.costs = n
}

// The same map, with as many keys as it was made for.
func full() {
	hinted.costs = make(map[uint64]int64, 2000000)
	for i := uint64(0); i < 2000000; i++ {
		hinted.costs[i*0x9e3779b97f4a7c15] = 1
	}
}

// A map that grows key by key.
func filled() {
	hinted.costs = map[uint64]int64{}
	for i := uint64(0); i < 1000000; i++ {
		hinted.costs[i*0x9e3779b97f4a7c15] = 1
	}
}

// A map of as many keys, of which most were deleted.
func emptied() {
	full()
	for i := uint64(3000); i < 2000000; i++ {
		delete(hinted.costs, i*0x9e3779b97f4a7c15)
	}
}

// Sets in a map: nearly all are emptied, and stay.
func emptySets() {
	sets = map[string]members{}
	for i := 0; i < 200000; i++ {
		name := fmt.Sprintf("namespace-%08x", uint32(i)*2654435761)
		sets[name] = members{name + "/object": {}}
		if i >= 1000 {
			old := fmt.Sprintf("namespace-%08x", uint32(i-1000)*2654435761)
			delete(sets[old], old+"/object")
		}
	}
}

func dropEmpty() {
	n := map[string]members{}
	for k, v := range sets {
		if len(v) > 0 {
			n[k] = v
		}
	}
	sets = n
}

// Each map is small, all of them are not.
func sharded() {
	for i := 0; i < 256; i++ {
		s := &shard{map[string]string{}}
		for k := 0; k < 2000; k++ {
			s.items[fmt.Sprint("key-", i, "-", k)] = "value"
		}
		for k := 0; k < 2000; k++ {
			if k%100 != 0 {
				delete(s.items, fmt.Sprint("key-", i, "-", k))
			}
		}
		shards = append(shards, s)
	}
}

func rebuildShards() {
	for _, s := range shards {
		n := make(map[string]string, len(s.items))
		for k, v := range s.items {
			n[k] = v
		}
		s.items = n
	}
}

// A burst of 64 MiB that is over: the runtime gives it back at its own pace.
func burst() {
	filled()
	kept = map[int]*[1024]byte{}
	for i := 0; i < 64<<10; i++ {
		kept[i] = new([1024]byte)
	}
	kept = nil
	runtime.GC()
	runtime.GC()
}

// The live heap is near a memory limit, and the program allocates on.
func memlimit() {
	index = map[int]*[100]byte{}
	for i := 0; i < 400000; i++ {
		index[i] = new([100]byte)
	}
	go func() {
		for {
			for i := 0; i < 40; i++ {
				sink = make([]byte, 16<<10)
			}
			time.Sleep(2 * time.Millisecond)
		}
	}()
}

var sink []byte

// Memory that the program maps itself, and maps more of.
func mapped() {
	mapMore(64 << 20)
	go func() {
		for {
			time.Sleep(500 * time.Millisecond)
			mapMore(1 << 20)
		}
	}()
}

func mapMore(size int) {
	c, err := syscall.Mmap(-1, 0, size, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		panic(err)
	}
	for i := 0; i < len(c); i += 4096 {
		c[i] = 1
	}
	chunks = append(chunks, c)
}

// Two maps that take turns: one is emptied, the other one filled.
func doubleBuffer() {
	buffers = [2]map[int]int{{}, {}}
	fill := func(m map[int]int) {
		for k := range m {
			delete(m, k)
		}
		for i := 0; i < 300000; i++ {
			m[i] = i
		}
	}
	fill(buffers[0])
	fill(buffers[1])
	go func() {
		for i := 0; ; i++ {
			for k := range buffers[i%2] {
				delete(buffers[i%2], k)
			}
			time.Sleep(300 * time.Millisecond)
			fill(buffers[i%2])
			time.Sleep(300 * time.Millisecond)
		}
	}()
}

// A small process with more holes than anything else.
func small() {
	hinted.costs = map[uint64]int64{}
	for i := uint64(0); i < 500000; i++ {
		hinted.costs[i] = 1
	}
	for i := uint64(10); i < 500000; i++ {
		delete(hinted.costs, i)
	}
}

// 300 MB come, are dropped and given back, again and again.
func swinging() {
	go func() {
		for {
			var s [][]byte
			for i := 0; i < 300; i++ {
				b := make([]byte, 1<<20)
				for k := 0; k < len(b); k += 4096 {
					b[k] = 1
				}
				s = append(s, b)
			}
			runtime.KeepAlive(s)
			s = nil
			debug.FreeOSMemory()
		}
	}()
}

// A map with room for many keys, into which a few are put and cleared again.
func clearer(room, keys int, pause time.Duration) func() {
	return func() {
		scratch = make(map[int]int, room)
		go func() {
			for {
				for i := 0; i < keys; i++ {
					scratch[i] = i
				}
				for k := range scratch {
					delete(scratch, k)
				}
				clears.Add(1)
				time.Sleep(pause)
			}
		}()
	}
}

var states = map[string]struct{ enter, remedy func() }{
	"presized":      {presized, rebuildHinted},
	"full":          {full, func() {}},
	"emptied":       {emptied, rebuildHinted},
	"filled":        {filled, func() {}},
	"empty_sets":    {emptySets, dropEmpty},
	"sharded":       {sharded, rebuildShards},
	"burst":         {burst, func() {}},
	"memlimit":      {memlimit, func() { index = nil }},
	"mapped":        {mapped, func() {}},
	"double_buffer": {doubleBuffer, func() {}},
	"small":         {small, rebuildHinted},
	"swinging":      {swinging, func() {}},
	"cleared":       {clearer(2000000, 10000, 40*time.Millisecond), func() {}},
	"small_cleared": {clearer(20000, 10000, 40*time.Millisecond), func() {}},
	"seldom":        {clearer(2000000, 10000, 2*time.Second), func() {}},
}

func rss() string {
	b, err := os.ReadFile("/proc/self/smaps_rollup")
	if err != nil {
		return "null"
	}
	for _, line := range strings.Split(string(b), "\n") {
		if f := strings.Fields(line); len(f) > 1 && f[0] == "Rss:" {
			return f[1] + "000"
		}
	}
	return "null"
}

func main() {
	flag.Parse()
	s, ok := states[*state]
	if !ok {
		fmt.Fprintln(os.Stderr, "no such state")
		os.Exit(2)
	}
	s.enter()
	fmt.Println(`{"ready":true}`)
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		if in.Text() == "remedy" {
			s.remedy()
			runtime.GC()
			debug.FreeOSMemory()
		}
		fmt.Printf(`{"rss":%s,"clears":%d,"ms":%d}`+"\n", rss(), clears.Load(), time.Now().UnixMilli())
	}
}
