// holders has maps that are held in every way that there is, and tells for each of them what
// holds it. Nothing else has a pointer to them: the truth is a list of addresses.
package main

import (
	"bufio"
	"flag"
	"fmt"
	"os"
	"runtime"

	"maptrace/tests/targets/holders/depot"
	"maptrace/tests/targets/lib/gomap"
	"maptrace/tests/targets/lib/jsonw"
)

// expected is what an outside reader should say about the holder of a map. Strings with several
// choices have a | between them.
type expected struct {
	kinds string // its kind is one of these
	typ   string // its type is one of these; "": it does not matter
	field string // its field is one of these; "": it does not matter
	says  string // its text has all of these, separated by a blank
	name  string // with a symbol table its text has this, too
	vague bool   // several holders fit: a guess may be wrong
}

type row struct {
	name, typ string
	addr      uintptr
	expected
}

var rows []row

// note keeps the address of a map, as a number.
func note(name string, m any, e expected) {
	rows = append(rows, row{name, gomap.TypeName(m), gomap.Of(m).Addr(), e})
}

func noteDepot(name string, m any) {
	const pkg = "holders/depot."
	e := map[string]expected{
		"stock":  {kinds: "variable", says: "depot.", name: "depot.stock"},
		"prices": {kinds: "variable", says: "depot.", name: "depot.Prices"},
		"index":  {kinds: "field", typ: pkg + "shelf", field: "index"},
		"items":  {kinds: "field", typ: pkg + "crate", field: "items"},
	}[name]
	note("depot_"+name, m, e)
}

// build runs in a goroutine that ends, so that its frames hold nothing afterwards.
func build(done chan bool) {
	makeVariables()
	makeStatics()
	makeFields()
	makeLarge()
	makeGeneric()
	makeAlike()
	makeElements()
	makeChannels()
	makeInterfaces()
	makeClosures()
	makeGenericClosures()
	makeNested()
	makeLocals()
	depot.Fill(20)
	depot.Visit(noteDepot)
	done <- true
}

func writeTruth(w *jsonw.Writer) {
	w.Reset()
	w.Open()
	w.String("go", runtime.Version())
	w.OpenArray("maps")
	for i := range rows {
		r := &rows[i]
		w.Open()
		w.String("name", r.name)
		w.String("type", r.typ)
		w.Addr("addr", r.addr)
		w.String("kinds", r.kinds)
		w.String("holder_type", r.expected.typ)
		w.String("field", r.field)
		w.String("says", r.says)
		w.String("symbol", r.expected.name)
		w.Bool("vague", r.vague)
		w.Close()
	}
	w.CloseArray()
	w.Close()
	w.Flush()
}

// kept are objects that come and go, so that each place in the heap has one type after the other.
var kept [1000]any

func churn() {
	for i := 0; ; i++ {
		at := &kept[i*7919%len(kept)]
		switch i % 6 {
		case 0:
			*at = &twin{second: filled[int16](i % 20)}
		case 1:
			*at = &alikeTwo{i, filled[uint64](3)}
		case 2:
			*at = &trie{children: map[rune]*trie{'x': {}}}
		case 3:
			*at = []map[int]uint8{nil, numbered[int, uint8](i % 30)}
		case 4:
			*at = map[string]map[string]int{"a": filled[int](2), "b": filled[int](i % 15)}
		case 5:
			*at = &session{seen: filled[struct{}](4)}
		}
	}
}

func main() {
	var w jsonw.Writer
	done := make(chan bool)
	busy := flag.Bool("churn", false, "have other maps come and go")
	flag.Parse()

	go build(done)
	<-done
	runtime.GC()
	runtime.GC()
	if *busy {
		go churn()
	}
	fmt.Printf("{\"ready\":true,\"pid\":%d,\"used\":%d}\n", os.Getpid(), use())
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		writeTruth(&w)
	}
	fmt.Fprintln(os.Stderr, use())
}
