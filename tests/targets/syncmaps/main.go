// Command syncmaps keeps sync.Maps in all their states, and tells what is in them: by what it did
// to them, and by asking them.
//
// After the ready line it answers `truth` with a row for each: the address, how many keys Load()
// finds, and how many were deleted and stay in the read-only map of Go up to 1.23. `renew NAME`
// replaces one by a new one with the same keys, and says by how much the heap got smaller.
package main

import (
	"bufio"
	"os"
	"runtime"
	"sync"
	"unsafe"

	"maptrace/tests/targets/lib/jsonw"
)

// A key is an object of its own, of 32 bytes without pointers.
type key [4]uint64

type server struct {
	name     string
	requests uint64
	sessions sync.Map
}

type shard struct {
	items sync.Map
	owner *server
}

var (
	stored    sync.Map // all keys in the read-only map
	fresh     sync.Map // all keys in the dirty map
	amended   sync.Map // some in each
	thinned   sync.Map // some deleted, no dirty map
	expunged  sync.Map // some deleted before the dirty map was made, some after
	emptied   sync.Map // all deleted
	nils      sync.Map // values that are nil
	untouched sync.Map
	theServer = &server{name: "server"}
	shards    = make([]shard, 4)
	alone     = new(sync.Map)
	uniques   interface{} // see unique.go
)

// A row of the truth. stays: deleted keys that take memory in Go up to 1.23.
type row struct {
	name  string
	m     *sync.Map
	stays int
	field string // of the holder's text, where it is in the heap
}

var rows = []row{
	{"stored", &stored, 0, ""}, {"fresh", &fresh, 0, ""}, {"amended", &amended, 0, ""},
	{"thinned", &thinned, 9000, ""}, {"expunged", &expunged, 2000, ""},
	{"emptied", &emptied, 20000, ""}, {"nils", &nils, 100, ""},
	{"sessions", &theServer.sessions, 500, "main.server.sessions"},
	{"shard0", &shards[0].items, 0, "main.shard.items"},
	{"shard1", &shards[1].items, 0, "main.shard.items"},
	{"shard3", &shards[3].items, 0, "main.shard.items"},
	{"alone", alone, 0, "sync.Map"},
}

func store(m *sync.Map, from, to int) {
	for i := from; i < to; i++ {
		m.Store(key{uint64(i)}, i)
	}
}

func remove(m *sync.Map, from, to int) {
	for i := from; i < to; i++ {
		m.Delete(key{uint64(i)})
	}
}

// Range makes the dirty map the read-only one.
func count(m *sync.Map) (n int) {
	m.Range(func(k, v interface{}) bool { n++; return true })
	return n
}

// Asks without making the dirty map the read-only one.
func found(m *sync.Map) (n int) {
	for i := 0; i < 30000; i++ {
		if _, ok := m.Load(key{uint64(i)}); ok {
			n++
		}
	}
	return n
}

func fill() {
	store(&stored, 0, 5000)
	count(&stored)
	store(&fresh, 0, 3000)
	store(&amended, 0, 3000)
	count(&amended)
	store(&amended, 3000, 4000)
	store(&thinned, 0, 10000)
	count(&thinned)
	remove(&thinned, 0, 9000)
	store(&expunged, 0, 4000)
	count(&expunged)
	remove(&expunged, 0, 1500)
	store(&expunged, 4000, 4100) // makes a dirty map without the deleted keys
	remove(&expunged, 1500, 2000)
	remove(&expunged, 4000, 4050) // only in the dirty map: these are gone
	store(&emptied, 0, 20000)
	count(&emptied)
	remove(&emptied, 0, 20000)
	for i := 0; i < 1000; i++ {
		nils.Store(key{uint64(i)}, nil)
	}
	count(&nils)
	remove(&nils, 0, 100)
	store(&theServer.sessions, 0, 2500)
	count(&theServer.sessions)
	remove(&theServer.sessions, 0, 500)
	for i, n := range []int{300, 1700, 0, 900} {
		store(&shards[i].items, 0, n)
		count(&shards[i].items)
	}
	store(alone, 0, 600)
	count(alone)
	uniques = makeUniques(2000)
}

// How many keys Load() finds. To ask would change the state, since misses count: `found` does so
// at the end, and the test compares.
var live = map[string]int{"stored": 5000, "fresh": 3000, "amended": 4000, "thinned": 1000,
	"expunged": 2050, "emptied": 0, "nils": 900, "sessions": 2000, "shard0": 300,
	"shard1": 1700, "shard3": 900, "alone": 600}

func truth(w *jsonw.Writer) {
	w.Open()
	w.String("go", runtime.Version())
	w.Int("uniques", 2000)
	w.OpenArray("maps")
	for _, r := range rows {
		w.Open()
		w.String("name", r.name)
		w.Uint("addr", uint64(uintptr(unsafe.Pointer(r.m))))
		w.Int("live", int64(live[r.name]))
		w.Int("stays", int64(r.stays))
		w.String("field", r.field)
		w.Close()
	}
	w.CloseArray()
	w.Close()
}

func heapAlloc() uint64 {
	var m runtime.MemStats

	for i := 0; i < 3; i++ {
		runtime.GC()
	}
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// renew does what the report advises, and checks what the truth says.
func renew(w *jsonw.Writer, name string) {
	w.Open()
	for _, r := range rows {
		if r.name != name {
			continue
		}
		before := heapAlloc()
		old := r.m
		var keys []interface{}
		old.Range(func(k, v interface{}) bool { keys = append(keys, k); return true })
		n := len(keys)
		values := make([]interface{}, n)
		for i, k := range keys {
			values[i], _ = old.Load(k)
		}
		*old = sync.Map{}
		for i, k := range keys {
			old.Store(k, values[i])
		}
		count(old)
		keys, values = nil, nil
		after := heapAlloc()
		w.String("name", name)
		w.Int("live", int64(n))
		w.Int("freed", int64(before)-int64(after))
	}
	w.Close()
}

func main() {
	fill()
	dropped := new(sync.Map)
	store(dropped, 0, 700)
	count(dropped)
	dropped = nil
	heapAlloc()

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
		switch words := in.Text(); {
		case words == "truth":
			truth(&w)
		case words == "found":
			w.Open()
			for _, r := range rows {
				w.Int(r.name, int64(found(r.m)))
			}
			w.Close()
		case len(words) > 6 && words[:6] == "renew ":
			renew(&w, words[6:])
		default:
			w.Open()
			w.String("error", "unknown command")
			w.Close()
		}
		if w.Flush() != nil {
			return
		}
	}
	runtime.KeepAlive(&untouched)
	runtime.KeepAlive(uniques)
}
