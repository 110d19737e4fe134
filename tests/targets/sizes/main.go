// sizes rebuilds maps over and over, and tells what that took on average; see the
// README beside it.
package main

import (
	"bufio"
	"encoding/binary"
	"flag"
	"math"
	"os"
	"runtime"
	"strconv"

	_ "maptrace/tests/targets/lib/external"
	"maptrace/tests/targets/lib/gomap"
	"maptrace/tests/targets/lib/jsonw"
)

var large = flag.Bool("large", false, "also maps that once had half a million keys")

// A mean is of as many rebuilds as insert insertsEach keys, but of at least this many.
const (
	insertsEach   = 20000
	leastRebuilds = 30
	leastOfLarge  = 3
)

// keyFull are lengths around which the runtime takes the next larger table: of 8
// buckets and groups, 13 keys to two buckets (12 in Go 1.21), and 7/8 of a table.
var keyFull = []int{1, 5, 8, 9, 12, 13, 14, 20, 26, 27, 28, 29, 40, 52, 53, 80, 104, 105, 150, 208,
	224, 300, 416, 448, 449, 600, 832, 896, 897, 1000, 1400, 1664, 1792, 1793}

// tested is one map: its variable, and what rebuilding it took.
type tested struct {
	name     string
	typ      string
	view     func() any
	rebuilds int
	mean     float64
	sigma    float64 // of the mean
}

var (
	maps []*tested
	w    jsonw.Writer
)

// tableBytes is what a fresh copy of m takes, which is ranged over as m is: a classic
// map without pointers keeps something of that.
func tableBytes[K comparable, V any](m map[K]V) float64 {
	fresh := make(map[K]V, len(m))
	for k, v := range m {
		fresh[k] = v
	}
	for range fresh {
		break
	}
	return float64(gomap.Of(fresh).Inspect().TableBytes)
}

// add makes a map of n keys that once had peak keys, and rebuilds it.
func add[K comparable, V any](name string, key func(i uint64) K, peak, n, least int) {
	m := make(map[K]V)
	var v V
	for i := 0; i < peak; i++ {
		m[key(uint64(i))] = v
	}
	for i := 0; i < peak; i++ {
		// The ones that stay are spread evenly.
		if i*n%peak >= n {
			delete(m, key(uint64(i)))
		}
	}
	if len(m) != n {
		panic(name + ": " + strconv.Itoa(len(m)) + " keys, not " + strconv.Itoa(n))
	}

	rebuilds := insertsEach / n
	if rebuilds < least {
		rebuilds = least
	}
	var sum, squares float64
	for i := 0; i < rebuilds; i++ {
		x := tableBytes(m)
		sum += x
		squares += x * x
	}
	mean := sum / float64(rebuilds)
	variance := math.Max(squares/float64(rebuilds)-mean*mean, 0)
	maps = append(maps, &tested{
		name:     name + "/" + strconv.Itoa(peak) + "/" + strconv.Itoa(n),
		typ:      gomap.TypeName(m),
		view:     func() any { return m },
		rebuilds: rebuilds,
		mean:     mean,
		sigma:    math.Sqrt(variance / float64(rebuilds-1)),
	})
}

// addAll makes maps of one type of many lengths and fill levels, none of which ever
// had more than most keys.
func addAll[K comparable, V any](name string, key func(i uint64) K, most int) {
	for _, n := range keyFull {
		if 2*n <= most {
			add[K, V](name, key, 2*n, n, leastRebuilds)
		}
	}
	for _, perMille := range []int{1, 10, 50, 100, 200, 350, 500, 700, 800, 900} {
		if n := most * perMille / 1000; n > 0 {
			add[K, V](name, key, most, n, leastRebuilds)
		}
	}
}

type item struct{ n uint64 }

var items [1 << 13]item

func integer[K uint8 | uint16 | uint32 | uint64](i uint64) K { return K(i) }
func float(i uint64) float64                                 { return float64(i) + 0.5 }
func text(i uint64) string                                   { return strconv.FormatUint(i, 36) }
func pointer(i uint64) *item                                 { return &items[i] }

func b16(i uint64) (k [16]byte)     { binary.LittleEndian.PutUint64(k[:], i); return }
func b64(i uint64) (k [64]byte)     { binary.LittleEndian.PutUint64(k[:], i); return }
func b128(i uint64) (k [128]byte)   { binary.LittleEndian.PutUint64(k[:], i); return }
func b4096(i uint64) (k [4096]byte) { binary.LittleEndian.PutUint64(k[:], i); return }

func build() {
	addAll[uint8, uint8]("1_1", integer[uint8], 250)
	addAll[uint16, struct{}]("2_0", integer[uint16], 5000)
	addAll[uint32, uint8]("4_1", integer[uint32], 5000)
	addAll[uint64, [3]byte]("8_3", integer[uint64], 5000)
	addAll[uint64, uint64]("8_8", integer[uint64], 7000)
	addAll[uint64, [24]byte]("8_24", integer[uint64], 4000)
	addAll[[16]byte, [64]byte]("16_64", b16, 4000)
	addAll[uint64, [100]byte]("8_100", integer[uint64], 3000)
	addAll[uint64, [128]byte]("8_128", integer[uint64], 3000)
	addAll[[128]byte, [128]byte]("128_128", b128, 3000)
	addAll[float64, int32]("float", float, 3000)
	// More than 128 bytes are kept apart, and the table has a pointer.
	addAll[uint64, [129]byte]("8_129", integer[uint64], 2000)
	addAll[uint64, [1024]byte]("8_1024", integer[uint64], 1000)
	addAll[uint64, [4096]byte]("8_4096", integer[uint64], 200)
	addAll[[4096]byte, uint8]("4096_1", b4096, 200)

	addAll[uint64, *item]("8_ptr", integer[uint64], 5000)
	addAll[string, *item]("text_ptr", text, 5000)
	addAll[string, string]("text_text", text, 5000)
	addAll[string, [100]byte]("text_100", text, 3000)
	addAll[string, [128]byte]("text_128", text, 3000)
	addAll[*item, struct{}]("ptr_0", pointer, 5000)
	addAll[[64]byte, [16]*item]("64_128ptr", b64, 3000)
	addAll[uint64, any]("8_any", integer[uint64], 3000)
	if *large {
		for _, n := range []int{500, 5000, 60000, 200000, 450000} {
			add[uint64, uint64]("large_8_8", integer[uint64], 500000, n, leastOfLarge)
			add[string, *item]("large_text_ptr", text, 500000, n, leastOfLarge)
		}
	}
}

func print() {
	w.Reset()
	w.Open()
	w.String("go", runtime.Version())
	w.String("kind", gomap.Kind)
	w.OpenArray("maps")
	for _, t := range maps {
		info := gomap.Of(t.view()).Inspect()
		w.Open()
		w.String("name", t.name)
		w.String("type", t.typ)
		w.Addr("addr", info.Addr)
		w.Uint("live_keys", info.LiveKeys)
		w.Uint("buckets", info.Buckets)
		w.Uint("table_bytes", info.TableBytes)
		w.Int("rebuilds", int64(t.rebuilds))
		w.Float("rebuild_bytes", t.mean)
		w.Float("rebuild_bytes_sigma", t.sigma)
		w.Close()
	}
	w.CloseArray()
	w.Close()
	if w.Flush() != nil {
		os.Exit(1)
	}
}

func main() {
	flag.Parse()
	build()
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
		print()
	}
	runtime.KeepAlive(maps)
}
