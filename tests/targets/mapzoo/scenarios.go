package main

import (
	"math"
	"reflect"
	"runtime"
	"strconv"

	"maptrace/tests/targets/lib/gomap"
)

// Session is what most maps here are about. A pointer to it makes slots that
// the garbage collector has to scan.
type Session struct {
	ID      uint64
	User    string
	Token   [16]byte
	Expires int64
}

// Registry is a map type with a name of its own.
type Registry map[string]int

// Wide is a key too large to be stored in a slot.
type Wide [160]byte

// The maps, one package-level variable each, so that all are reachable.
var (
	filledEmptied map[string]*Session
	ints          map[int64]int64
	structs       map[[16]byte][64]byte
	bigval        map[string][256]byte
	bigkey        map[Wide]int32
	sets          map[uint32]struct{}
	nested        map[string]map[string]int
	emptyAlloc    map[string]int
	neverUsed     map[string]uint16
	cleared       map[uint64]string
	presized      map[int64]int64
	presizedFew   map[string]*Session
	growing       map[int64]int64
	growingHalf   map[string]*Session
	growingSame   map[int64]uint32
	churnedInts   map[int64]uint64
	churned       map[[16]byte]int64
	ptrkeys       map[*Session]int
	iface         map[any]any
	overflow      map[int64]int32
	overflowPtr   map[string][]byte
	overflowLarge map[uint64]int64
	registry      Registry
	byReflect     reflect.Value

	smallInts     []map[string]int
	smallStrings  []map[int64]string
	smallSets     []map[uint32]struct{}
	smallSessions []map[string]*Session
	dense         []map[string]int64

	sessions   []*Session // the keys of ptrkeys
	lookalikes []any
)

func keepAlive() {
	runtime.KeepAlive(lookalikes)
	runtime.KeepAlive(zoo)
}

type scenario struct {
	name  string
	build func()
	large bool
}

// Filled by init: the builders use what in turn refers to the table.
var scenarioTable []scenario

func init() {
	scenarioTable = []scenario{
		{"filled_emptied", buildFilledEmptied, true},
		{"ints", buildInts, false},
		{"structs", buildStructs, false},
		{"bigval", buildBigval, false},
		{"sets", buildSets, false},
		{"nested", buildNested, false},
		{"small", buildSmall, false},
		{"empty_alloc", buildEmptyAlloc, false},
		{"cleared", buildCleared, false},
		{"presized", buildPresized, true},
		{"growing", buildGrowing, false},
		{"churned", buildChurned, false},
		{"dense", buildDense, false},
		{"ptrkeys", buildPtrkeys, false},
		{"iface", buildIface, false},
		{"overflow", buildOverflow, false},
		{"named", buildNamed, false},
		{"reflected", buildReflected, false},
		{"stack", buildStack, false},
		{"lookalikes", buildLookalikes, false},
		{"floats", buildFloats, false},
		{"emptied", buildEmptied, false},
		{"iterated", buildIterated, false},
		{"alike", buildAlike, false},
		{"noscan", buildNoscan, true},
	}
}

func sessionEntry(i int) (string, *Session) {
	return hex("sess-", i), &Session{ID: uint64(i), User: "user"}
}

// key16 spreads i over 16 bytes.
func key16(i int) (k [16]byte) {
	for j, x := 0, uint64(i)*0x9e3779b97f4a7c15; j < 8; j, x = j+1, x>>8 {
		k[j], k[15-j] = byte(x), byte(uint64(i)>>(8*uint(j)))
	}
	return k
}

func buildFilledEmptied() {
	n, keep := scaled(1000000), scaled(12041)
	fill("filled_emptied", &filledEmptied, sessionEntry, n)
	for i := 0; i < n; i++ {
		// The ones that stay are spread evenly.
		if i*keep%n >= keep {
			delete(filledEmptied, hex("sess-", i))
		}
	}
}

func buildInts() {
	fill("ints", &ints, func(i int) (int64, int64) { return int64(i), int64(-i) }, scaled(100000))
}

func buildStructs() {
	fill("structs", &structs, func(i int) ([16]byte, [64]byte) { return key16(i), [64]byte{1} }, scaled(50000))
}

func buildBigval() {
	fill("bigval", &bigval, func(i int) (string, [256]byte) { return hex("big-", i), [256]byte{1} }, scaled(5000))
	fill("bigkey", &bigkey, func(i int) (k Wide, v int32) {
		id := key16(i)
		copy(k[:], id[:])
		return k, int32(i)
	}, scaled(3000))
}

func buildSets() {
	fill("sets", &sets, func(i int) (uint32, struct{}) { return uint32(i) * 2654435761, struct{}{} }, scaled(100000))
}

func buildNested() {
	entry := func(i int) (string, map[string]int) {
		m := make(map[string]int)
		for j := 0; j <= i%8; j++ {
			m[hex("in-", j)] = j
		}
		return hex("out-", i), m
	}
	fill("nested", &nested, entry, scaled(2000))
	addInner("nested_inner", &nested)
}

func buildSmall() {
	n := scaled(10000)
	for i := 0; i < n; i++ {
		entries := i/4%8 + 1
		switch i % 4 {
		case 0:
			m := make(map[string]int)
			for j := 0; j < entries; j++ {
				m[hex("small-", j)] = j
			}
			smallInts = append(smallInts, m)
		case 1:
			m := make(map[int64]string, entries)
			for j := 0; j < entries; j++ {
				m[int64(j)] = "v"
			}
			smallStrings = append(smallStrings, m)
		case 2:
			m := make(map[uint32]struct{})
			for j := 0; j < entries; j++ {
				m[uint32(j)] = struct{}{}
			}
			smallSets = append(smallSets, m)
		case 3:
			m := make(map[string]*Session)
			for j := 0; j < entries; j++ {
				m[hex("small-", j)] = nil
			}
			smallSessions = append(smallSessions, m)
		}
	}
	addMany("small_ints", &smallInts)
	addMany("small_strings", &smallStrings)
	addMany("small_sets", &smallSets)
	addMany("small_sessions", &smallSessions)
}

func buildEmptyAlloc() {
	emptyAlloc = make(map[string]int, 100)
	add("empty_alloc", &emptyAlloc, func(i int) (string, int) { return hex("e-", i), i }, 0)
	neverUsed = make(map[string]uint16)
	add("never_used", &neverUsed, func(i int) (string, uint16) { return hex("e-", i), 1 }, 0)
}

func buildCleared() {
	fill("cleared", &cleared, func(i int) (uint64, string) { return uint64(i), "payload" }, scaled(50000))
	// The compiler makes one call of the runtime's clear out of this loop.
	for k := range cleared {
		delete(cleared, k)
	}
}

// buildPresized makes maps far larger than what they will hold. Classic arrays of
// that size come from the OS as zeroes, and stay untouched where no key is.
func buildPresized() {
	n := scaled(1000000)
	presized = make(map[int64]int64, n)
	add("presized", &presized, func(i int) (int64, int64) { return int64(i), 1 }, 0)
	presizedFew = make(map[string]*Session, n)
	for i := 0; i < 100; i++ {
		presizedFew[hex("few-", i)] = nil
	}
	add("presized_few", &presizedFew, sessionEntry, 100)
}

// buildGrowing leaves classic maps in the middle of a growth: at its start,
// half way, and in one that keeps the size. A swiss map has no such state.
func buildGrowing() {
	full := gomap.FullAt(10)
	i64 := func(i int) (int64, int64) { return int64(i), 1 }
	u32 := func(i int) (int64, uint32) { return int64(i), 1 }
	fill("growing", &growing, i64, full)
	fill("growing_half", &growingHalf, sessionEntry, full)
	fill("growing_same", &growingSame, u32, full)
	if gomap.Kind != "classic" {
		return
	}

	growing[int64(full)] = 1
	// Each insert moves one or two of the 1<<10 old buckets.
	for i := full; i < full+1<<10/3; i++ {
		k, v := sessionEntry(i)
		growingHalf[k] = v
	}
	// Replacing entries at full load collects overflow buckets until the
	// runtime tidies up.
	for i := 0; i < 5000000; i++ {
		if _, same := gomap.Of(growingSame).Growing(); same {
			break
		}
		delete(growingSame, int64(i))
		growingSame[int64(i+full)] = 1
	}
}

// buildChurned replaces every entry many times over at constant length, and
// ends with deletes: swiss tables keep tombstones of them.
func buildChurned() {
	const rounds = 20

	n := scaled(10000)
	fill("churned_ints", &churnedInts, func(i int) (int64, uint64) { return int64(i), 1 }, n)
	for i := 0; i < rounds*n; i++ {
		delete(churnedInts, int64(i))
		churnedInts[int64(i+n)] = 1
	}
	for i := rounds * n; i < rounds*n+n/3; i++ {
		delete(churnedInts, int64(i))
	}
	fill("churned", &churned, func(i int) ([16]byte, int64) { return key16(i), 1 }, n)
	for i := 0; i < rounds*n; i++ {
		delete(churned, key16(i))
		churned[key16(i+n)] = 1
	}
	for i := rounds * n; i < rounds*n+n/3; i++ {
		delete(churned, key16(i))
	}
}

func buildDense() {
	for i := 0; i < scaled(1000); i++ {
		m := make(map[string]int64)
		for j := 0; j < 8; j++ {
			m[hex("dense-", j)] = int64(j)
		}
		dense = append(dense, m)
	}
	addMany("dense", &dense)
}

func buildPtrkeys() {
	n := scaled(10000)
	entry := func(i int) (*Session, int) {
		s := &Session{ID: uint64(i)}
		sessions = append(sessions, s)
		return s, i
	}
	fill("ptrkeys", &ptrkeys, entry, n)
}

func buildIface() {
	iface = make(map[any]any)
	for i := 0; i < scaled(10000); i++ {
		switch i % 4 {
		case 0:
			iface[i] = strconv.Itoa(i)
		case 1:
			iface[strconv.Itoa(i)] = i
		case 2:
			iface[[2]int{i, i}] = nil
		case 3:
			iface[math.Sqrt(float64(i))] = &Session{}
		}
	}
	addView("iface", func() any { return iface })
}

// buildOverflow fills classic maps to just below the next growth, where one
// bucket in five has overflowed. From 1<<16 buckets on, the header's own count
// of overflow buckets is only approximate.
func buildOverflow() {
	fill("overflow", &overflow, func(i int) (int64, int32) { return int64(i), 1 }, gomap.FullAt(12))
	fill("overflow_ptr", &overflowPtr, func(i int) (string, []byte) { return hex("o-", i), nil }, gomap.FullAt(12))
	fill("overflow_large", &overflowLarge, func(i int) (uint64, int64) { return uint64(i), 1 }, gomap.FullAt(16))
}

// emptied fills a map of its own with n entries, and leaves keep of them in it.
func emptied[K comparable, V any](name string, entry func(i int) (K, V), n, keep int) {
	where := new(map[K]V)
	fill(name, where, entry, n)
	for i := keep; i < n; i++ {
		k, _ := entry(i)
		delete(*where, k)
	}
}

// buildNoscan empties maps without pointers that were as full as can be: classic ones
// have long lists of overflow buckets then, which count as buckets are small.
func buildNoscan() {
	full := gomap.FullAt(15)
	for _, left := range []struct {
		name string
		keep int
	}{{"few", 1000}, {"third", full / 3}, {"most", full / 10 * 9}} {
		emptied("4_0_"+left.name, func(i int) (uint32, struct{}) { return uint32(i), struct{}{} }, full, left.keep)
		emptied("4_1_"+left.name, func(i int) (uint32, bool) { return uint32(i), true }, full, left.keep)
		emptied("8_0_"+left.name, func(i int) (uint64, struct{}) { return uint64(i), struct{}{} }, full, left.keep)
		emptied("8_8_"+left.name, func(i int) (int64, int64) { return int64(i), 1 }, full, left.keep)
	}
}

func buildNamed() {
	registry = make(Registry)
	for i := 0; i < scaled(1000); i++ {
		registry[hex("reg-", i)] = i
	}
	addView("named", func() any { return registry })
}

// buildReflected makes a map of a type that no one wrote down: its descriptor
// is on the heap.
func buildReflected() {
	typ := reflect.MapOf(reflect.TypeOf(int16(0)), reflect.TypeOf(complex64(0)))
	byReflect = reflect.MakeMap(typ)
	for i := 0; i < scaled(1000); i++ {
		byReflect.SetMapIndex(reflect.ValueOf(int16(i)), reflect.ValueOf(complex64(1)))
	}
	addView("reflected", byReflect.Interface)
}

func buildStack() {
	s := &onStack{
		name: "stack",
		typ:  gomap.TypeName(map[int64]uint8(nil)),
		ask:  make(chan *zooTruth),
		told: make(chan struct{}),
	}
	n := scaled(1000)
	go func() {
		m := make(map[int64]uint8)
		for i := 0; i < n; i++ {
			m[int64(i)] = 1
		}
		for t := range s.ask {
			gomap.Of(m).Inspect() // the first time may move the stack
			t.row(s.name, -1, s.typ, gomap.Of(m), false)
			s.told <- struct{}{}
		}
	}()
	zoo = append(zoo, s)
}
