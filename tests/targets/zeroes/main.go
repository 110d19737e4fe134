// zeroes keeps maps in which some values are zero, and tells how many: it asks
// each map for its values, and reflect whether they are.
//
// It prints one line when it is ready, then one line of JSON for every command
// it reads from standard input; see the README beside it.
package main

import (
	"bufio"
	"flag"
	"math"
	"os"
	"reflect"
	"runtime"
	"strconv"
	"time"

	_ "maptrace/tests/targets/lib/external"
	"maptrace/tests/targets/lib/gomap"
	"maptrace/tests/targets/lib/jsonw"
)

var (
	large = flag.Int("large", 0, "make so `many` maps of 60,000 keys, besides the others")
	many  = flag.Int("many", 0, "make so `many` maps of 5 keys, besides the others")
)

// entry is a map that the program keeps, and how to count in it.
type entry struct {
	name  string
	typ   string
	m     gomap.Map
	keep  any
	count func() (zero, total int)
	drop  func() gomap.Map // delete the zeroes, and copy the rest into a fresh map
}

var zoo []entry

// isZero goes by the fields of a struct, since padding may be anything. What
// reflect thinks of -0.0 depends on its version; we mean what has no bits set.
func isZero(v any) bool {
	if f, ok := v.(*float64); ok {
		return math.Float64bits(*f) == 0
	}
	return reflect.ValueOf(v).Elem().IsZero()
}

func add[K comparable, V any](name string, m map[K]V) {
	zoo = append(zoo, entry{name, gomap.TypeName(m), gomap.Of(m), m, func() (zero, total int) {
		for k := range m {
			v := m[k]
			if isZero(&v) {
				zero++
			}
			total++
		}
		return
	}, func() gomap.Map {
		for k := range m {
			if v := m[k]; isZero(&v) {
				delete(m, k)
			}
		}
		fresh := make(map[K]V, len(m))
		for k, v := range m {
			fresh[k] = v
		}
		return gomap.Of(fresh)
	}})
}

// fill gives every key a value, and then some of them the zero value.
func fill[K comparable, V any](name string, n int, zeroes float64, key func(i int) K, value func(i int) V) map[K]V {
	var zero V

	m := make(map[K]V)
	for i := 0; i < n; i++ {
		m[key(i)] = value(i)
	}
	for i := 0; i < n; i++ {
		// A multiplicative hash: which keys are zero has no pattern of theirs.
		if float64(uint32(i*2654435761)) < zeroes*(1<<32) {
			m[key(i)] = zero
		}
	}
	add(name, m)
	return m
}

func intKey(i int) int         { return i }
func stringKey(i int) string   { return "key-" + strconv.Itoa(i) }
func byteKey(i int) uint8      { return uint8(i) }
func idKey(i int) (k [16]byte) { k[3], k[7], k[9] = byte(i), byte(i>>8), byte(i>>16); return }
func bigKey(i int) (k [200]byte) {
	k[3], k[70], k[199] = byte(i), byte(i>>8), byte(i>>16)
	return
}

type session struct {
	user string
	seen int64
}

type mixed struct {
	a int8
	b int64
	c string
}

type record [4096]byte

// Only the last byte tells that it is not zero.
func lastByte(i int) (r record) { r[len(r)-1] = 1; return }

func wide(i int) (v [200]byte) { v[i%200] = 1; return }

func build() {
	fill("pointers", 30000, 0.9, stringKey, func(i int) *session { return &session{seen: 1} })
	fill("pointers_dense", 3000, 0.02, intKey, func(i int) *session { return &session{seen: 1} })
	fill("strings", 20000, 0.5, intKey, func(i int) string { return "x" })
	fill("interfaces", 9000, 0.3, stringKey, func(i int) any { return i })
	fill("slices", 5000, 0.4, intKey, func(i int) []int { return []int{1} })
	fill("maps", 3000, 0.4, stringKey, func(i int) map[int]int { return map[int]int{} })
	fill("chans", 3000, 0.4, stringKey, func(i int) chan int { return make(chan int) })
	fill("bytes", 20000, 0.25, idKey, func(i int) byte { return 1 })
	fill("bools", 200, 0.5, byteKey, func(i int) bool { return true })
	fill("structs", 12000, 0.6, idKey, func(i int) mixed { return mixed{c: "x"} })
	fill("wide", 4000, 0.7, intKey, wide)
	fill("records", 900, 0.5, stringKey, lastByte)
	fill("big_keys", 2000, 0.5, bigKey, func(i int) *int { return new(int) })
	fill("floats", 6000, 0.5, stringKey, func(i int) float64 {
		if i%2 == 0 {
			return math.Copysign(0, -1)
		}
		return 1
	})
	fill("sets", 10000, 0, stringKey, func(i int) struct{} { return struct{}{} })
	fill("all_zero", 10000, 1, stringKey, func(i int) *session { return &session{} })
	fill("no_zero", 10000, 0, stringKey, func(i int) *session { return &session{} })
	fill("small", 5, 0.5, stringKey, func(i int) *session { return &session{} })
	fill("small_wide", 7, 0.5, stringKey, wide)
	fill("one", 1, 1, stringKey, func(i int) any { return 1 })
	emptied := fill("emptied", 5000, 0.5, stringKey, func(i int) *mixed { return &mixed{} })
	for i := 0; i < 5000; i++ {
		delete(emptied, stringKey(i))
	}
	thinned := fill("thinned", 20000, 0.5, stringKey, func(i int) **mixed { return new(*mixed) })
	for i := 0; i < 20000; i += 3 {
		delete(thinned, stringKey(i))
	}
	growing()
	for i := 0; i < 1000; i++ {
		churned[stringKey(i)] = nil
	}
	add("churned", churned)
	for i := 0; i < *large; i++ {
		share := math.Pow(float64(i)/float64(*large), 3)
		fill("large_"+strconv.Itoa(i), 60000, share, intKey, func(i int) *session { return &session{} })
	}
	for i := 0; i < *many; i++ {
		fill("many_"+strconv.Itoa(i), 5, 0.5, stringKey, func(i int) []string { return []string{} })
	}
}

// growing leaves a classic map between two arrays.
func growing() {
	m := make(map[string][]byte)
	g := gomap.Of(m)
	for i := 0; i < 20000; i++ {
		m[stringKey(i)] = nil
		if i%3 == 0 {
			m[stringKey(i)] = []byte{1}
		}
		if under, _ := g.Growing(); under && i > 6000 {
			break
		}
	}
	add("growing", m)
}

// On the heap, header and all. Its first 1,000 keys stay, and keep nil.
var churned = make(map[string]*[]int)

// churn has other keys come and go for as long as the program runs.
func churn() {
	for {
		for i := 1000; i < 50000; i++ {
			churned[stringKey(i)] = &[]int{1}
		}
		for i := 1000; i < 50000; i++ {
			delete(churned, stringKey(i))
		}
	}
}

func truth(w *jsonw.Writer) {
	w.Open()
	w.String("kind", gomap.Kind)
	w.OpenArray("maps")
	for i := range zoo {
		e := &zoo[i]
		zero, total := e.count()
		growing, _ := e.m.Growing()
		w.Open()
		w.String("name", e.name)
		w.String("type", e.typ)
		w.Addr("address", e.m.Addr())
		w.Int("zero", int64(zero))
		w.Int("live_keys", int64(total))
		w.Bool("growing", growing)
		w.Close()
	}
	w.CloseArray()
	w.Close()
}

// drop tells what each map took before, and what it takes without its zeroes.
func drop(w *jsonw.Writer) {
	w.Open()
	w.OpenArray("maps")
	for i := range zoo {
		e := &zoo[i]
		before := e.m.Inspect().TableBytes
		fresh := e.drop()
		w.Open()
		w.String("name", e.name)
		w.Uint("table_bytes", before)
		w.Uint("rebuilt_bytes", fresh.Inspect().TableBytes)
		w.Close()
	}
	w.CloseArray()
	w.Close()
}

func main() {
	flag.Parse()
	build()
	runtime.GC()
	runtime.GC()

	var w jsonw.Writer
	w.Open()
	w.Bool("ready", true)
	w.Int("pid", int64(os.Getpid()))
	w.Close()
	if w.Flush() != nil {
		os.Exit(1)
	}

	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		w.Reset()
		switch in.Text() {
		case "truth":
			truth(&w)
		case "drop":
			drop(&w)
		case "churn":
			go churn()
			time.Sleep(100 * time.Millisecond)
			w.Open()
			w.Bool("churning", true)
			w.Close()
		case "quit":
			return
		default:
			w.Open()
			w.String("error", "unknown command")
			w.Close()
		}
		if w.Flush() != nil {
			return
		}
	}
	runtime.KeepAlive(zoo)
}
