// busy changes maps on all processors, and yet knows what their tables take; see
// the README beside it.
package main

import (
	"bufio"
	"flag"
	"os"
	"runtime"
	"strconv"
	"sync"

	_ "maptrace/tests/targets/lib/external"
	"maptrace/tests/targets/lib/gomap"
	"maptrace/tests/targets/lib/jsonw"
)

var (
	copies = flag.Int("copies", 10, "maps of each type and role")
	keys   = flag.Int("keys", 10000, "keys of a map")
)

// What may happen to a map.
const (
	still   = "still"   // nothing
	toggled = "toggled" // some keys go, then as many others come
	cleared = "cleared" // all keys go, then come again
)

const (
	batch    = 64   // changes between two looks at the lock
	grownTo  = 4000 // keys of the maps that grow
	growers  = 2
	garbages = 1 << 16
)

// Workers change maps while they hold this for reading.
var changing sync.RWMutex

var (
	known []anyMap
	grown [growers]map[uint64]*[8]byte
	waste [][]byte
	w     jsonw.Writer
)

// worker does f for all of its maps, over and over.
func worker(f func(m anyMap), mine []anyMap) {
	for {
		for _, m := range mine {
			changing.RLock()
			f(m)
			changing.RUnlock()
		}
	}
}

// grower fills maps that nobody made room for. When one is full it is garbage, and
// collected before the next one is: two of them exist at most.
func grower(i int) {
	for {
		m := make(map[uint64]*[8]byte)
		changing.RLock()
		grown[i] = m
		changing.RUnlock()
		for k := 0; k < grownTo; k += batch {
			changing.RLock()
			for j := k; j < k+batch; j++ {
				m[uint64(j)] = nil
			}
			changing.RUnlock()
		}
		runtime.GC()
	}
}

// waster has objects come and go, in many sizes.
func waster() {
	waste = make([][]byte, garbages)
	for i := 0; ; i++ {
		waste[i%garbages] = make([]byte, i*7%600)
	}
}

func start() {
	workers := runtime.GOMAXPROCS(0)
	var clearing []anyMap
	toggling := make([][]anyMap, workers)
	for i, m := range known {
		switch m.role() {
		case toggled:
			toggling[i%workers] = append(toggling[i%workers], m)
		case cleared:
			clearing = append(clearing, m)
		}
	}
	for _, mine := range toggling {
		go worker(anyMap.toggle, mine)
	}
	go worker(anyMap.refill, clearing)
	for i := range grown {
		go grower(i)
	}
	go waster()
}

// print tells about all maps of known size, at one moment.
func print() {
	changing.Lock()
	defer changing.Unlock()
	w.Reset()
	w.Open()
	w.String("go", runtime.Version())
	w.String("kind", gomap.Kind)
	w.OpenArray("maps")
	for i, m := range known {
		info := m.of().Inspect()
		least, most := m.bounds()
		w.Open()
		w.Indexed("name", m.role(), i)
		w.String("role", m.role())
		w.String("type", m.typeName())
		w.Addr("addr", info.Addr)
		w.Uint("live_keys", info.LiveKeys)
		w.Int("live_keys_least", int64(least))
		w.Int("live_keys_most", int64(most))
		w.Uint("table_bytes", info.TableBytes)
		w.Uint("buckets", info.Buckets)
		w.Uint("slots", info.Slots)
		w.Uint("tombstones", info.Tombstones)
		w.Uint("overflow_buckets", info.OverflowBuckets)
		w.Close()
	}
	w.CloseArray()
	w.Uint("growing_bytes_most", growingMost())
	w.Close()
	if w.Flush() != nil {
		os.Exit(1)
	}
}

// growingMost is what the maps of unknown size take at most: for each grower one
// that is garbage, and one that grows, of which the runtime may have two tables.
func growingMost() uint64 {
	full := make(map[uint64]*[8]byte)
	for k := 0; k < grownTo+batch; k++ {
		full[uint64(k)] = nil
	}
	return 3 * growers * gomap.Of(full).Inspect().TableBytes
}

func main() {
	flag.Parse()
	for _, role := range []string{still, toggled} {
		for i := 0; i < *copies; i++ {
			known = append(known, makeMaps(role, *keys)...)
		}
	}
	known = append(known, makeMaps(cleared, *keys/100)...)
	runtime.GC()
	runtime.GC()

	w.Open()
	w.Bool("ready", true)
	w.Int("pid", int64(os.Getpid()))
	w.Close()
	if w.Flush() != nil {
		os.Exit(1)
	}
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		switch in.Text() {
		case "truth":
		case "start":
			start()
		default:
			os.Stderr.WriteString("busy: unknown command " + strconv.Quote(in.Text()) + "\n")
			os.Exit(2)
		}
		print()
	}
}
