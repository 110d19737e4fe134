package main

import (
	"container/list"
	"context"
	"fmt"
	"sync"
	"sync/atomic"

	"maptrace/tests/targets/holders/depot"
)

// filled makes a map with n keys, of a type that no other has: small integers are too common.
func filled[V any](n int) map[string]V {
	m := make(map[string]V)
	for i := 0; i < n; i++ {
		var v V
		m[fmt.Sprint("key", i)] = v
	}
	return m
}

func numbered[K ~int | ~int16 | ~int32 | ~uint32 | ~int64 | ~uint64, V any](n int) map[K]V {
	m := make(map[K]V)
	for i := 0; i < n; i++ {
		var v V
		m[K(i)] = v
	}
	return m
}

// ---- variables ----

type board struct {
	title string
	slots [3]int
	marks map[string]uint16
	busy  bool
}

var (
	atStart   = map[string]int{"a": 1, "b": 2, "c": 3}
	atRuntime map[string]int64
	pointed   *map[string]int8
	inZeroes  board                               // in bss
	inData    = board{title: "board", busy: true} // in data
	wrapped   any
	atom      atomic.Value
	someMaps  [5]map[int16]bool
)

func makeVariables() {
	atRuntime = filled[int64](30)
	m := filled[int8](40)
	pointed = &m
	inZeroes.marks = filled[uint16](30)
	inData.marks = filled[uint16](50)
	wrapped = filled[float32](20)
	atom.Store(filled[complex64](20))
	someMaps[3] = numbered[int16, bool](20)

	note("at_start", atStart, expected{kinds: "variable", says: "main.", name: "main.atStart"})
	note("at_runtime", atRuntime, expected{kinds: "variable", says: "main.", name: "main.atRuntime"})
	note("pointed", *pointed, expected{kinds: "variable", says: "main.", name: "main.pointed"})
	note("in_bss", inZeroes.marks, expected{kinds: "variable|field", says: "main.", name: "main.inZeroes"})
	note("in_data", inData.marks, expected{kinds: "variable|field", says: "main.", name: "main.inData"})
	note("wrapped", wrapped, expected{kinds: "variable|interface", says: "main.", name: "main.wrapped"})
	note("atomic", atom.Load(), expected{kinds: "variable|interface|field", says: "main.", name: "main.atom"})
	note("variable_array", someMaps[3], expected{kinds: "variable|element", says: "main.", name: "main.someMaps"})
}

// ---- structs that are variables ----

type teller interface{ tell() int }

type desk struct {
	title  string
	drawer struct {
		lock  sync.Mutex
		cards map[string]uint16
	}
	lamps int
}

func (d *desk) tell() int { return d.lamps + len(d.drawer.cards) }

// rack is only called by its name: no interface ever has one.
type rack struct {
	n     int
	rows  [3]lane
	total int64
}

type lane struct {
	speed int
	cars  map[int16]uint16
}

//go:noinline
func (r *rack) park(m map[int16]uint16) { r.rows[1].cars = m }

type drawers struct {
	desk
	spare map[string]complex64
}

//go:noinline
func (d *drawers) store(m map[string]complex64) { d.spare = m }

var (
	theDesk   desk
	toldDesk  teller = &theDesk
	theRack   rack
	theLanes  [4]lane
	theDrawer = drawers{desk: desk{title: "drawer"}}
)

func makeStatics() {
	theDesk.drawer.cards = filled[uint16](35)
	theRack.park(numbered[int16, uint16](25))
	theLanes[2].cars = numbered[int16, uint16](26)
	theDrawer.store(filled[complex64](25))

	is := func(name string) expected { return expected{kinds: "variable", says: "main.", name: name} }
	note("static_shown", theDesk.drawer.cards, expected{kinds: "variable",
		says: "main. drawer.cards", name: "main.theDesk.drawer.cards"})
	note("static_called", theRack.rows[1].cars, is("main.theRack"))
	note("static_array", theLanes[2].cars, is("main.theLanes"))
	note("static_embeds", theDrawer.spare, is("main.theDrawer"))
}

//go:noinline
func useStatics() int {
	return toldDesk.tell() + len(theRack.rows[1].cars) + len(theLanes[2].cars) + len(theDrawer.spare)
}

// ---- fields ----

type leaf struct {
	weight float64
	counts map[string]uint32
}

type branch struct {
	id   int
	leaf *leaf
}

type trunk struct {
	name     string
	branches []*branch
	only     *branch
}

type base struct {
	kind  int
	attrs map[string][2]int
}

type extended struct {
	n uint64
	base
	more *extended
}

type session struct {
	sync.Mutex
	user string
	seen map[string]struct{}
}

type guarded struct {
	sync.RWMutex
	state map[uint64]*session
}

type twin struct {
	first, second, third map[string]int16
}

type trie struct {
	children map[rune]*trie
	end      bool
}

type byPointer struct {
	n  int
	pm *map[string]uint8
}

type index map[string]float64

type indexed struct {
	lock sync.Mutex
	by   index
	rows []string
}

type arrays struct {
	n      int8
	shards [4]struct {
		mu    sync.Mutex
		items map[int]string
	}
}

type leftover struct {
	since int64
	rest  map[string][4]uint32
	note  string
}

var (
	emptied    *leftover
	theTrunk   *trunk
	extension  = &extended{} // in bss, like any composite literal of a package
	stretched  *extended
	theGuard   *guarded
	twins      []*twin
	root       *trie
	thePointer *byPointer
	theIndex   *indexed
	theArrays  *arrays
)

func makeFields() {
	l := &leaf{2, filled[uint32](100)}
	theTrunk = &trunk{"t", []*branch{{1, nil}, {2, nil}}, &branch{3, l}}
	extension.attrs = filled[[2]int](60)
	stretched = &extended{n: 1, base: base{2, filled[[2]int](50)}, more: &extended{}}
	theGuard = &guarded{state: map[uint64]*session{}}
	for i := uint64(0); i < 20; i++ {
		theGuard.state[i] = &session{user: fmt.Sprint(i), seen: filled[struct{}](9)}
	}
	twins = []*twin{{filled[int16](3), filled[int16](300), filled[int16](30)}, {}}
	root = &trie{children: map[rune]*trie{}}
	for r := 'a'; r < 'k'; r++ {
		root.children[r] = &trie{children: map[rune]*trie{'x': {end: true}, 'y': {end: true}}}
	}
	m := filled[uint8](20)
	thePointer = &byPointer{1, &m}
	theIndex = &indexed{by: index{"x": 1, "y": 2}}
	theArrays = &arrays{}
	theArrays.shards[2].items = numbered[int, string](12)

	emptied = &leftover{rest: filled[[4]uint32](5000)}
	for k := range emptied.rest {
		if len(emptied.rest) > 10 {
			delete(emptied.rest, k)
		}
	}

	field := func(typ, field string) expected { return expected{kinds: "field", typ: typ, field: field} }
	note("chain", l.counts, field("main.leaf", "counts"))
	note("embedded", stretched.attrs, field("main.extended|main.base", "base.attrs|attrs"))
	note("embedded_static", extension.attrs,
		expected{kinds: "field|variable", typ: "main.extended|main.base", field: "base.attrs|attrs"})
	note("emptied", emptied.rest, field("main.leftover", "rest"))
	note("guarded", theGuard.state, field("main.guarded", "state"))
	note("mutexed", theGuard.state[7].seen, field("main.session", "seen"))
	note("twin_first", twins[0].first, field("main.twin", "first"))
	note("twin_second", twins[0].second, field("main.twin", "second"))
	note("twin_third", twins[0].third, field("main.twin", "third"))
	note("trie_root", root.children, field("main.trie", "children"))
	note("trie_child", root.children['c'].children, field("main.trie", "children"))
	note("by_pointer", m, field("main.byPointer", "pm|*pm"))
	note("named_type", theIndex.by, field("main.indexed", "by"))
	note("shard", theArrays.shards[2].items, field("main.arrays", "shards[2].items|shards[*].items"))
}

// Objects with a malloc header, and of their own span.
type header struct {
	pad   [600]byte
	table map[string]complex128
	next  *header
}

type huge struct {
	pointers [3000]*int
	last     map[string][3]int8
	pad      [40000]byte
}

var (
	theHeader *header
	theHuge   *huge
)

func makeLarge() {
	theHeader = &header{table: filled[complex128](20)}
	theHuge = &huge{last: filled[[3]int8](20)}

	note("large", theHeader.table, expected{kinds: "field", typ: "main.header", field: "table"})
	note("huge", theHuge.last, expected{kinds: "field", typ: "main.huge", field: "last"})
}

// ---- generic types ----

type cache[K comparable, V any] struct {
	lock    sync.Mutex
	entries map[K]V
	limit   int
}

type page struct {
	text string
	n    int
}

var (
	pages *cache[string, page]
	users *cache[int32, *page]
)

func makeGeneric() {
	pages = &cache[string, page]{entries: filled[page](20), limit: 3}
	users = &cache[int32, *page]{entries: numbered[int32, *page](20)}

	note("generic", pages.entries, expected{kinds: "field", typ: "main.cache[string,main.page]", field: "entries"})
	note("generic_pointer", users.entries,
		expected{kinds: "field", typ: "main.cache[int32,*main.page]", field: "entries"})
}

// ---- types that look the same ----

type alikeOne struct {
	n      int
	lookup map[string]uint64
}

type alikeTwo struct {
	count int
	other map[string]uint64
}

type looker interface{ look() int }

func (a *alikeTwo) look() int { return a.count + len(a.other) }

var (
	one    *alikeOne
	others []*alikeTwo
	shown  looker
)

func makeAlike() {
	one = &alikeOne{1, filled[uint64](20)}
	others = []*alikeTwo{{1, filled[uint64](21)}}
	shown = &alikeTwo{2, filled[uint64](22)}

	note("alike_one", one.lookup, expected{kinds: "field", typ: "main.alikeOne", field: "lookup", vague: true})
	note("alike_slice", others[0].other, expected{kinds: "field", typ: "main.alikeTwo", field: "other", vague: true})
	note("alike_shown", shown.(*alikeTwo).other,
		expected{kinds: "field", typ: "main.alikeTwo", field: "other", vague: true})
}

// ---- elements ----

type entry struct {
	key   string
	stock map[string]uintptr
}

var (
	entries   []entry
	mapSlice  []map[int]uint8
	mapArray  *[6]map[int]uint16
	linked    = list.New()
	manyMaps  []map[int]uint32
	pointerTo []*map[int]int8
)

func makeElements() {
	entries = make([]entry, 5)
	entries[3].stock = filled[uintptr](20)
	mapSlice = []map[int]uint8{nil, numbered[int, uint8](10), nil}
	mapArray = &[6]map[int]uint16{}
	mapArray[5] = numbered[int, uint16](10)
	linked.PushBack(numbered[int, float32](10))
	for i := 0; i < 1000; i++ {
		manyMaps = append(manyMaps, numbered[int, uint32](3))
	}
	m := numbered[int, int8](30)
	pointerTo = []*map[int]int8{nil, &m, nil}

	note("slice_of_structs", entries[3].stock, expected{kinds: "field|element", says: "main.entry stock"})
	note("slice_of_maps", mapSlice[1], expected{kinds: "element", says: "map[int]uint8", vague: true})
	note("array_of_maps", mapArray[5], expected{kinds: "element", says: "map[int]uint16"})
	note("list", linked.Front().Value, expected{kinds: "field|interface", says: "list.Element"})
	note("many", manyMaps[777], expected{kinds: "element", says: "map[int]uint32"})
	note("slice_of_pointers", m, expected{kinds: "element", says: "map[int]int8"})
}

// ---- channels ----

type job struct {
	id   int
	args map[string]error
}

var (
	queue   = make(chan map[string]rune, 4)
	jobs    = make(chan job, 4)
	orders  = make(chan *job, 1)
	results = make(chan any, 2)
)

func makeChannels() {
	first, second := filled[rune](20), filled[error](20)
	third, fourth := filled[error](25), filled[[]byte](20)
	queue <- first
	jobs <- job{1, second}
	orders <- &job{2, third}
	results <- fourth

	note("channel", first, expected{kinds: "channel", says: "chan map[string]int32"})
	note("channel_of_structs", second, expected{kinds: "channel|field", says: "main.job"})
	note("channel_of_pointers", third, expected{kinds: "field", typ: "main.job", field: "args"})
	note("channel_of_any", fourth, expected{kinds: "channel|interface", says: "chan"})
}

// ---- interfaces ----

type holder struct {
	v any
	n int
}

type mapper interface{ size() int }

type sized map[string]*page

func (s sized) size() int { return len(s) }

type withMapper struct {
	m mapper
	n int
}

type ctxKey int

var (
	inField  *holder
	mappers  *withMapper
	anys     []any
	anyOf    = map[string]any{}
	valueCtx context.Context
)

func makeInterfaces() {
	inField = &holder{filled[int32](20), 1}
	mappers = &withMapper{sized(filled[*page](20)), 1}
	anys = []any{1, "two", numbered[int32, int8](20)}
	anyOf["m"] = numbered[int32, int16](20)
	valueCtx = context.WithValue(context.Background(), ctxKey(1), numbered[int32, int32](20))

	note("any_in_field", inField.v, expected{kinds: "field|interface", says: "main.holder v"})
	note("interface_in_field", mappers.m, expected{kinds: "field|interface", says: "main.withMapper m"})
	note("slice_of_any", anys[2], expected{kinds: "element|interface", vague: true})
	note("map_of_any", anyOf["m"], expected{kinds: "map|interface", says: "map[string]interface"})
	note("context", valueCtx.Value(ctxKey(1)), expected{kinds: "field|interface", says: "context.valueCtx val"})
}

// ---- closures ----

// Generic closures: what they capture has the type of a type argument, or one made of it.
//
//go:noinline
func lazily[T any](make func() T) func() T {
	var (
		once  sync.Once
		value T
	)
	return func() T {
		once.Do(func() { value = make() })
		return value
	}
}

//go:noinline
func counts[K comparable, V any](m map[K]V) func() int { return func() int { return len(m) } }

type tally struct {
	by map[int64]float64
	n  int
}

func (t *tally) size() int { return len(t.by) + t.n }

var (
	lazy    func() map[uint64]string
	generic func() int
	ofTally func() int
)

func makeGenericClosures() {
	lazy = lazily(func() map[uint64]string { return numbered[uint64, string](20) })
	m := numbered[uint64, rune](20)
	generic = counts(m)
	t := &tally{by: numbered[int64, float64](20)}
	ofTally = t.size

	note("closure_lazy", lazy(), expected{kinds: "closure|element", says: "main.lazily"})
	note("closure_generic", m, expected{kinds: "closure", says: "main.counts"})
	note("method_value_pointer", t.by, expected{kinds: "field", typ: "main.tally", field: "by"})
}

var (
	counter  func() int
	changer  func(int)
	boundLen func() int
	handlers = map[string]func() int{}
)

//go:noinline
func makeCounter(m map[int64]bool) func() int { return func() int { return len(m) } }

// The map changes after it was captured, so the closure has a pointer to the variable.
//
//go:noinline
func makeChanger() (func(int), map[int64]int) {
	m := numbered[int64, int](10)
	f := func(n int) {
		if n > 1000 {
			m = nil
		}
		m[int64(n)] = n
	}
	f(3)
	return f, m
}

//go:noinline
func makeHandler(m map[int64]string, n int) func() int { return func() int { return len(m) + n } }

func makeClosures() {
	m := numbered[int64, bool](20)
	counter = makeCounter(m)
	f, changed := makeChanger()
	changer = f
	bound := sized(filled[*page](22))
	boundLen = bound.size
	handled := numbered[int64, string](20)
	handlers["h"] = makeHandler(handled, 3)

	note("closure", m, expected{kinds: "closure", says: "main.makeCounter.func1"})
	note("closure_by_reference", changed, expected{kinds: "closure", says: "main.makeChanger.func1"})
	note("method_value", bound, expected{kinds: "closure", says: "main.sized.size-fm"})
	note("closure_in_map", handled, expected{kinds: "closure", says: "main.makeHandler.func1"})
}

// ---- maps in maps ----

type slot struct {
	n int
	m map[string]bool
}

type bigSlot struct {
	pad [20]int
	m   map[string]byte
}

type tree map[string]map[string]map[string]int

var (
	oneOuter   = map[string]map[string]string{}
	fewOuter   = map[int]map[string]string{}
	manyOuter  = map[string]map[int]string{}
	intOuter   = map[uint32]map[int]int{}
	threeDeep  = tree{}
	structVals = map[string]slot{}
	bigVals    = map[string]bigSlot{}
	pointers   = map[string]*slot{}
	inner      *struct {
		by map[string]map[int32]float64
	}
)

func makeNested() {
	oneOuter["a"] = filled[string](1)
	for i := 0; i < 6; i++ {
		fewOuter[i] = filled[string](10)
	}
	for i := 0; i < 5000; i++ {
		manyOuter[fmt.Sprint("outer", i)] = numbered[int, string](2)
		intOuter[uint32(i)] = numbered[int, int](1)
	}
	for i := 0; i < 20; i++ {
		k := fmt.Sprint(i)
		threeDeep[k] = map[string]map[string]int{k: filled[int](12), "b": filled[int](1)}
		structVals[k] = slot{i, filled[bool](10)}
		bigVals[k] = bigSlot{m: filled[byte](10)}
		pointers[k] = &slot{i, filled[bool](11)}
	}
	inner = &struct {
		by map[string]map[int32]float64
	}{map[string]map[int32]float64{}}
	for i := 0; i < 30; i++ {
		inner.by[fmt.Sprint(i)] = numbered[int32, float64](i + 1)
	}
	noteNested()
}

func noteNested() {
	value := func(typ string) expected { return expected{kinds: "map", typ: typ} }
	note("one_outer", oneOuter["a"], value("map[string]map[string]string"))
	note("few_outer", fewOuter[4], value("map[int]map[string]string"))
	note("many_outer", manyOuter["outer777"], value("map[string]map[int]string"))
	note("int_outer", intOuter[4321], value("map[uint32]map[int]int"))
	note("three_deep_middle", threeDeep["7"], value("main.tree|map[string]map[string]map[string]int"))
	note("three_deep", threeDeep["7"]["7"], value("map[string]map[string]int"))
	note("three_deep_tiny", threeDeep["9"]["b"], value("map[string]map[string]int"))
	note("struct_value", structVals["5"].m, expected{kinds: "map|field", says: "main.slot"})
	note("large_value", bigVals["5"].m, expected{kinds: "map|field", says: "main.bigSlot"})
	note("pointer_value", pointers["5"].m, expected{kinds: "field", typ: "main.slot", field: "m", vague: true})
	note("field_of_maps", inner.by["29"], value("map[string]map[int32]float64"))
	note("only_field", inner.by, expected{kinds: "field|variable"})
}

// ---- goroutines ----

var forever = make(chan bool)

// What is returned is in the heap, and does not move with the stack.
//
//go:noinline
func newLocal() map[int16]string { return numbered[int16, string](50) }

//go:noinline
func newArgument() map[int16]int32 { return numbered[int16, int32](50) }

//go:noinline
func holdLocal(ready chan bool) {
	m := newLocal()
	note("frame", m, expected{kinds: "frame", says: "main.holdLocal"})
	ready <- true
	<-forever
	m[1] = "end"
}

// The argument is kept in a place that the frame of the caller has for it.
//
//go:noinline
func holdArgument(m map[int16]int32, ready chan bool) {
	note("argument", m, expected{kinds: "frame", says: "main."})
	ready <- true
	<-forever
	m[1] = 1
}

//go:noinline
func newLeaf() *leaf { return &leaf{1, filled[uint32](50)} }

//go:noinline
func holdStruct(l *leaf, ready chan bool) {
	note("field_from_frame", l.counts, expected{kinds: "field", typ: "main.leaf", field: "counts"})
	ready <- true
	<-forever
	l.counts["end"] = 1
}

func makeLocals() {
	ready := make(chan bool)
	go holdLocal(ready)
	<-ready
	go func() { holdArgument(newArgument(), ready) }()
	<-ready
	go func() { holdStruct(newLeaf(), ready) }()
	<-ready
}

// use refers to all variables, from functions of its own.
//
//go:noinline
func use() int { return useVariables() + useStatics() + useFields() + useOthers() + useNested() + depot.Count() }

//go:noinline
func useVariables() int {
	return len(atStart) + len(atRuntime) + len(*pointed) + len(inZeroes.marks) + len(inData.marks) +
		len(inData.title) + len(wrapped.(map[string]float32)) + len(atom.Load().(map[string]complex64)) +
		len(someMaps[3])
}

//go:noinline
func useFields() int {
	return len(theTrunk.only.leaf.counts) + len(emptied.rest) + len(extension.attrs) + len(stretched.attrs) + len(theGuard.state) + len(twins) +
		len(root.children) + len(*thePointer.pm) + len(theIndex.by) + len(theArrays.shards) +
		len(theHeader.table) + len(theHuge.last) + len(pages.entries) + len(users.entries) +
		len(one.lookup) + len(others) + shown.look()
}

//go:noinline
func useOthers() int {
	changer(3)
	return len(entries) + len(mapSlice) + len(mapArray) + linked.Len() + len(manyMaps) + len(pointerTo) +
		len(queue) + len(jobs) + len(orders) + len(results) + inField.n + mappers.m.size() + len(anys) +
		len(anyOf) + counter() + len(lazy()) + generic() + ofTally() + boundLen() + handlers["h"]()
}

//go:noinline
func useNested() int {
	return len(oneOuter) + len(fewOuter) + len(manyOuter) + len(intOuter) + len(threeDeep) + len(structVals) +
		len(bigVals) + len(pointers) + len(inner.by)
}
