// Command objects keeps known numbers of objects of known types, and tells how many.
//
// After the ready line it answers each line with `objects`: the type as an outside reader should
// name it, how many there are, and how many bytes the allocator sets aside for them; and with
// heap_bytes, the bytes of all objects by the runtime's own count.
package main

import (
	"bufio"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"unsafe"

	"maptrace/tests/targets/lib/jsonw"
)

// Types with different words, sizes and fields, so that each is told from the others.
type session struct {
	id     uint64
	name   string
	next   *session
	scores [9]uint64
	err    error
	live   bool
}

type document struct { // more than 512 bytes: the allocator notes its type from Go 1.22 on
	title string
	pages [160]*session
}

type event struct {
	kind  interface{}
	at    int64
	owner *session
}

type failure struct{ code int }

func (f *failure) Error() string { return strconv.Itoa(f.code) }

const (
	sessionCnt  = 20000
	documentCnt = 1500
	eventCnt    = 8000
	sliceCnt    = 700
	bytesCnt    = 2000
	chanCnt     = 900
	closureCnt  = 3000
	mapCnt      = 400
	deadCnt     = 8000 // sessions that are garbage, as are a tenth as many documents
)

var (
	first     *session
	documents []*document
	events    []*event
	slices    [][]*session
	blobs     [][]byte
	chans     []chan *session
	closures  []func() uint64
	maps      []map[string]*session
	numbers   []map[uint64]uint64 // their tables have no pointers
	large     []*session
)

func makeClosure(s *session, n uint64) func() uint64 {
	return func() uint64 { return s.id + n }
}

func fill() {
	problem := &failure{7}
	for i := 0; i < sessionCnt; i++ {
		first = &session{id: uint64(i), name: "session", next: first, err: problem, live: i%2 == 0}
	}
	for i := 0; i < documentCnt; i++ {
		d := &document{title: "document"}
		d.pages[i%160] = first
		documents = append(documents, d)
	}
	for i := 0; i < eventCnt; i++ {
		events = append(events, &event{kind: problem, at: int64(i), owner: first})
	}
	for i := 0; i < sliceCnt; i++ {
		s := make([]*session, 100)
		s[i%100] = first
		slices = append(slices, s)
	}
	for i := 0; i < bytesCnt; i++ {
		blobs = append(blobs, make([]byte, 4096))
	}
	for i := 0; i < chanCnt; i++ {
		chans = append(chans, make(chan *session, 1))
	}
	for i := 0; i < closureCnt; i++ {
		closures = append(closures, makeClosure(first, uint64(i)))
	}
	for i := 0; i < mapCnt; i++ {
		m := make(map[string]*session)
		for k := 0; k < 50; k++ {
			m[strconv.Itoa(k)] = first
		}
		maps = append(maps, m)
	}
	for i := 0; i < mapCnt/2; i++ {
		m := make(map[uint64]uint64)
		for k := uint64(0); k < 500; k++ {
			m[k] = k
		}
		numbers = append(numbers, m)
	}
	large = make([]*session, 100000)
	large[5] = first
}

type row struct {
	typ   string
	cnt   int // with the garbage
	size  uintptr
	dead  int  // how many of them are garbage
	noted bool // the allocator notes it from Go 1.22 on
}

var rows = []row{
	{"main.session", sessionCnt + deadCnt, unsafe.Sizeof(session{}), deadCnt, false},
	{"main.document", documentCnt + deadCnt/10, unsafe.Sizeof(document{}), deadCnt / 10, true},
	{"main.event", eventCnt, unsafe.Sizeof(event{}), 0, false},
	{"makeClosure.func1 (closure)", closureCnt, 24, 0, false},
	{"chan *main.session", chanCnt, 96, 0, false},
}

func truth(w *jsonw.Writer) {
	var m runtime.MemStats

	runtime.ReadMemStats(&m)
	w.Open()
	w.String("go", runtime.Version())
	w.Uint("heap_bytes", m.HeapAlloc)
	w.Int("blobs", bytesCnt)
	w.Int("slices", sliceCnt)
	w.OpenArray("objects")
	for _, r := range rows {
		w.Open()
		w.String("type", r.typ)
		w.Int("count", int64(r.cnt))
		w.Uint("least_bytes", uint64(r.cnt)*uint64(r.size))
		w.Int("dead", int64(r.dead))
		w.Bool("noted", r.noted)
		w.Close()
	}
	w.CloseArray()
	w.Close()
}

// Nothing leads to what it makes, and no collection comes. No object leads to another one: a word that
// is left over somewhere would hold all of them.
//
//go:noinline
func makeGarbage() {
	for i := 0; i < deadCnt; i++ {
		droppedSession = &session{id: uint64(i), name: "garbage"}
		if i%10 == 0 {
			droppedDocument = &document{title: "garbage"}
		}
	}
	droppedSession, droppedDocument = nil, nil
}

var (
	droppedSession  *session
	droppedDocument *document
)

func main() {
	fill()
	for i := 0; i < 3; i++ {
		runtime.GC()
	}
	debug.SetGCPercent(-1)
	makeGarbage()
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
		truth(&w)
		if w.Flush() != nil {
			return
		}
	}
	runtime.KeepAlive([]interface{}{first, documents, events, slices, blobs, chans, closures, maps, numbers, large})
}
