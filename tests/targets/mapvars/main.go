// mapvars has maps in package variables, set in all the ways that there are, and many types of maps
// that look alike in memory: only the code tells which variable has which. See the README beside it.
package main

import (
	"bufio"
	"fmt"
	"os"
	"runtime"

	"maptrace/tests/targets/lib/gomap"
	"maptrace/tests/targets/lib/jsonw"
)

// Types whose tables cannot be told apart.
type (
	red    string
	green  string
	blue   string
	redID  uint64
	blueID uint64
	ledger map[redID]blueID
	pair   struct{ a, b map[green]int64 }
	colour interface{ ~string }
)

var (
	literal = map[red]int64{"a": 1, "b": 2, "c": 3}
	large   = map[green]uint64{"a": 1, "b": 2, "c": 3, "d": 4, "e": 5, "f": 6, "g": 7, "h": 8, "i": 9, "j": 10,
		"k": 11, "l": 12, "m": 13, "n": 14, "o": 15, "p": 16, "q": 17, "r": 18, "s": 19, "t": 20, "u": 21, "v": 22,
		"w": 23, "x": 24, "y": 25, "z": 26, "aa": 27, "ab": 28, "ac": 29, "ad": 30}
	nested = map[blue]map[red]int64{"x": {"y": 1}, "z": {"w": 2}}
	called = filled[blue](4)
	named  = ledger{1: 2, 3: 4}

	madeInInit   map[redID]int64
	madeLater    map[blueID]int64
	madeBySize   map[redID]redID
	chosen       map[blueID]redID
	replaced     map[blue]int64
	viaPointer   map[red]uint64
	viaArgument  map[red]int64
	viaTwo       map[green]int64
	onlyRead     map[blueID]uint64
	array        [3]map[redID]uint64
	both         pair
	cleared      map[redID]int32
	neverTouched map[red]red
)

func filled[K colour](n int) map[K]int64 {
	m := map[K]int64{}
	for i := 0; i < n; i++ {
		m[K(fmt.Sprint(i))] = int64(i)
	}
	return m
}

func init() {
	madeInInit = make(map[redID]int64)
	madeInInit[redID(len(os.Args))] = 1
	neverTouched = map[red]red{"a": "b"}
}

//go:noinline
func makeLater(n int) {
	madeLater = map[blueID]int64{}
	madeBySize = make(map[redID]redID, n)
	for i := 0; i < n; i++ {
		madeLater[blueID(i)] = int64(i)
		madeBySize[redID(i)] = redID(i)
	}
	if n > 3 {
		chosen = map[blueID]redID{1: 1}
	} else {
		chosen = make(map[blueID]redID, n)
	}
	chosen[7] = 7
}

//go:noinline
func replace() {
	for i := 0; i < 3; i++ {
		m := map[blue]int64{"m": 1}
		m[blue(fmt.Sprint(i))] = 2
		replaced = m
	}
}

//go:noinline
func through(p *map[red]uint64) {
	*p = map[red]uint64{"p": 1}
}

//go:noinline
func put(m map[red]int64, k red) map[red]int64 {
	m[k]++
	return m
}

//go:noinline
func makeBoth() (map[green]int64, map[blueID]uint64) {
	return map[green]int64{"g": 1}, map[blueID]uint64{1: 1}
}

//go:noinline
func fill() {
	makeLater(5)
	replace()
	through(&viaPointer)
	viaArgument = put(map[red]int64{}, "q")
	viaTwo, onlyRead = makeBoth()
	for i := range array {
		array[i] = map[redID]uint64{redID(i): 1}
	}
	array[2][9] = 9
	both = pair{map[green]int64{"a": 1}, filled[green](2)}
	both.a["z"] = 1
	cleared = map[redID]int32{1: 1, 2: 2}
	for k := range cleared {
		delete(cleared, k)
	}
	cleared[3] = 3
}

// used keeps the compiler from leaving variables out.
func used() int {
	n := len(literal) + len(large) + len(nested) + len(called) + len(named) + len(neverTouched) + len(both.b)
	for k := range onlyRead {
		n += int(k)
	}
	return n + int(viaTwo["g"]) + int(large["k"]) + len(nested["x"])
}

func writeTruth(w *jsonw.Writer) {
	row := func(name string, m any) {
		w.Open()
		w.String("name", name)
		w.String("type", gomap.TypeName(m))
		w.Addr("addr", gomap.Of(m).Addr())
		w.Close()
	}
	w.Reset()
	w.Open()
	w.OpenArray("maps")
	row("literal", literal)
	row("large", large)
	row("nested", nested)
	row("called", called)
	row("named", named)
	row("madeInInit", madeInInit)
	row("madeLater", madeLater)
	row("madeBySize", madeBySize)
	row("chosen", chosen)
	row("replaced", replaced)
	row("viaPointer", viaPointer)
	row("viaArgument", viaArgument)
	row("viaTwo", viaTwo)
	row("onlyRead", onlyRead)
	row("array", array[2])
	row("both.a", both.a)
	row("both.b", both.b)
	row("cleared", cleared)
	row("neverTouched", neverTouched)
	w.CloseArray()
	w.Close()
	w.Flush()
}

func main() {
	var w jsonw.Writer

	fill()
	runtime.GC()
	fmt.Printf("{\"ready\":true,\"pid\":%d,\"used\":%d}\n", os.Getpid(), used())
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		writeTruth(&w)
	}
	fmt.Fprintln(os.Stderr, used())
}
