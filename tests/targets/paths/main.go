// paths changes maps in every way that leads to a map function of the runtime by
// another path than usual: through reflect, by maps.Clone, at constant length.
//
// Each of the maps that take turns has a goroutine of its own that inserts a key and
// deletes it, over and over: so of both there are as many at any time. The rest is
// done when told to, and counted; see the README beside it.
package main

import (
	"bufio"
	"os"
	"reflect"
	"strconv"
	"strings"
	"time"

	_ "maptrace/tests/targets/lib/external"
	"maptrace/tests/targets/lib/gomap"
	"maptrace/tests/targets/lib/jsonw"
	_ "maptrace/tests/targets/lib/profile"
)

// Key is a key that none of the fast variants takes.
type Key struct{ hi, lo uint64 }

// Hints that tell makes apart.
const (
	directHint  = 1001
	reflectHint = 1002
)

var (
	viaStruct = map[Key]uint64{}
	viaString = map[string]uint64{}
	viaUint64 = map[uint64]uint64{}
	plain32   = map[uint32]uint64{}
	plain64   = map[uint64]uint64{}
	plainPtr  = map[*Key]uint64{}
	plainStr  = map[string]uint64{}
	plainAny  = map[Key]uint64{}
	cleared   = map[uint64]uint64{}
	emptied   = map[uint64]uint64{}
	cloned    = map[uint64]uint64{1: 1}
	churned   = map[uint64]uint64{}
	made      map[uint64]uint64
	sink      any
)

var keys [256]Key

// turns is a map that takes turns.
type turns struct {
	name string
	m    any
	pair func(i uint64)
}

var names = func() (list [256]string) {
	for i := range list {
		list[i] = "key " + strconv.Itoa(i)
	}
	return
}()

// throughReflect makes a pair of operations on a map by reflect alone.
func throughReflect(m any, key func(i uint64) any) func(uint64) {
	v, one, none := reflect.ValueOf(m), reflect.ValueOf(uint64(1)), reflect.Value{}
	return func(i uint64) {
		k := reflect.ValueOf(key(i))
		v.SetMapIndex(k, one)
		v.SetMapIndex(k, none)
	}
}

//go:noinline
func pair32(i uint64) {
	plain32[uint32(i)] = i
	delete(plain32, uint32(i))
}

//go:noinline
func pair64(i uint64) {
	plain64[i] = i
	delete(plain64, i)
}

//go:noinline
func pairPtr(i uint64) {
	plainPtr[&keys[i%256]] = i
	delete(plainPtr, &keys[i%256])
}

//go:noinline
func pairStr(i uint64) {
	plainStr[names[i%256]] = i
	delete(plainStr, names[i%256])
}

//go:noinline
func pairAny(i uint64) {
	plainAny[Key{i, 1}] = i
	delete(plainAny, Key{i, 1})
}

// makeInsert makes maps that take turns with inserts: one into each.
//
//go:noinline
func makeInsert(i uint64) {
	made = make(map[uint64]uint64)
	made[i] = i
}

var all = []turns{
	{"reflect, struct", viaStruct, throughReflect(viaStruct, func(i uint64) any { return Key{i, 1} })},
	{"reflect, string", viaString, throughReflect(viaString, func(i uint64) any { return names[i%256] })},
	{"reflect, uint64", viaUint64, throughReflect(viaUint64, func(i uint64) any { return i })},
	{"fast32", plain32, pair32},
	{"fast64", plain64, pair64},
	{"fast64ptr", plainPtr, pairPtr},
	{"faststr", plainStr, pairStr},
	{"generic", plainAny, pairAny},
}

// fill makes a map that grows in every way there is, and counts how often.
//
//go:noinline
func fill() uint64 {
	var g gomap.Growths

	m := make(map[uint64]uint64)
	sink = m
	of := gomap.Of(m)
	for i := uint64(0); i < 3000; i++ {
		m[i] = i
		g.Look(of)
	}
	return g.Grown + g.SameSize
}

// take does some 2,000 pairs a second; busy ones are for a profile.
func take(t turns) {
	for i := uint64(0); ; i++ {
		t.pair(i)
		if i%10 == 0 && !profiled {
			time.Sleep(5 * time.Millisecond)
		}
	}
}

// room is what the only table of a map has left.
type room struct {
	table uintptr
	left  int
}

// pruned says whether an insert has made the table do without tombstones, which it tries
// when it has no room left.
func (old room) pruned(now room) bool {
	return old.left == 0 && now.table == old.table && now.left > 0
}

func (old room) grown(now room) bool { return now.table != old.table }

// churn replaces keys at a length at which a table is filled with tombstones.
func churn(n uint64) (pruned, grown uint64) {
	m := gomap.Of(churned)
	for i := first; i < first+n; i++ {
		delete(churned, i)
		table, left := m.Room()
		churned[i+length] = i
		tableNow, leftNow := m.Room()
		before, after := room{table, left}, room{tableNow, leftNow}
		if before.pruned(after) {
			pruned++
		}
		if before.grown(after) {
			grown++
		}
	}
	first += n
	return
}

const length = 300

var first uint64

// rare does everything n times, but for what has many growths.
func rare(n int) (pruned, grown, filled uint64) {
	for i := 0; i < n; i++ {
		cleared[1] = 1
		clearByReflect(cleared)
		emptied[1] = 1
		for k := range emptied {
			delete(emptied, k)
		}
		sink = make(map[uint64]uint64, directHint)
		sink = reflect.MakeMapWithSize(reflect.TypeOf(cloned), reflectHint).Interface()
		sink = clone(cloned)
		p, g := churn(500)
		pruned, grown = pruned+p, grown+g
		if i%10 == 0 {
			filled += fill()
		}
		time.Sleep(2 * time.Millisecond)
	}
	return
}

func report(w *jsonw.Writer) {
	w.Bool("ready", true)
	w.Bool("has_clone_and_clear", hasCloneAndClear)
	w.Addr("cleared", gomap.Of(cleared).Addr())
	w.Addr("emptied", gomap.Of(emptied).Addr())
	w.Addr("cloned", gomap.Of(cloned).Addr())
	w.Addr("churned", gomap.Of(churned).Addr())
	w.OpenArray("turns")
	for _, t := range all {
		w.Open()
		w.String("name", t.name)
		w.Addr("addr", gomap.Of(t.m).Addr())
		w.Close()
	}
	w.CloseArray()
}

func say(f func(w *jsonw.Writer)) {
	var w jsonw.Writer

	w.Open()
	f(&w)
	w.Close()
	if w.Flush() != nil {
		os.Exit(1)
	}
}

func main() {
	for i := uint64(0); i < length; i++ {
		churned[i] = i
	}
	for _, t := range all {
		go take(t)
	}
	go take(turns{pair: makeInsert})
	say(report)
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		words := strings.Fields(in.Text())
		if len(words) != 2 || words[0] != "rare" {
			continue
		}
		n, _ := strconv.Atoi(words[1])
		pruned, grown, filled := rare(n)
		say(func(w *jsonw.Writer) {
			w.Uint("pruned", pruned)
			w.Uint("grown", grown)
			w.Uint("filled", filled)
		})
	}
	time.Sleep(time.Hour)
}
