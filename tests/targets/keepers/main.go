// keepers keeps maps that keep much or little alive. Each has a type of its own, by which a test
// finds it. It answers "drop NAME" with the bytes by which HeapAlloc fell when the map was dropped
// and collected, and "copy NAME" with those that came back when its strings became copies.
package main

import (
	"bufio"
	"os"
	"runtime"
	"strconv"
	"strings"

	"maptrace/tests/targets/lib/jsonw"
)

type (
	uniformKey int    // values of one size
	skewedKey  int    // 2 % of the values have nearly all of the bytes
	leftKey    int    // half of its values are those of `right`, too
	rightKey   int    // see left
	outerKey   string // values are maps, of slices of strings
	innerKey   int    // see outer
	shardKey   int    // 64 small maps; half of the values are in two of them
	wordsKey   int    // lists that lead from one element to the next
	pinKey     string // parts of large strings
	ownKey     string // the same, copied
	lentKey    string // parts of large strings that a slice has, too
	valueKey   int    // its values are parts of large strings
	usedKey    string // parts that are nearly all of the large strings
)

type item struct {
	name string
	data []byte
}

type element struct {
	next *element
	data [6]uint64
}

var (
	uniform = map[uniformKey]*item{}
	skewed  = map[skewedKey][]byte{}
	left    = map[leftKey]*item{}
	right   = map[rightKey]*item{}
	outer   = map[outerKey]map[innerKey][]string{}
	shards  [64]map[shardKey]*item
	words   = map[wordsKey]*element{}
	pins    = map[pinKey]int{}
	owns    = map[ownKey]int{}
	lent    = map[lentKey]int{}
	lenders []string
	values  = map[valueKey]string{}
	used    = map[usedKey]int{}
	w       jsonw.Writer
)

func newItem(i, size int) *item {
	return &item{"item number " + strconv.Itoa(i), make([]byte, size)}
}

func fillItems() {
	for i := 0; i < 20000; i++ {
		uniform[uniformKey(i)] = newItem(i, 200)
		size := 64
		if i%50 == 0 {
			size = 20000
		}
		skewed[skewedKey(i)] = make([]byte, size)
		it := newItem(i, 300)
		left[leftKey(i)] = it
		if i%2 == 0 {
			right[rightKey(i)] = it
		}
		right[rightKey(-1-i)] = newItem(i, 100)
	}
}

func fillNested() {
	for i := range shards {
		shards[i] = map[shardKey]*item{}
	}
	for i := 0; i < 6400; i++ {
		it := newItem(i, 500)
		shards[i%64][shardKey(i)] = it
		if i%2 == 0 {
			shards[(i+1)%64][shardKey(i)] = it
		}
	}
	for i := 0; i < 500; i++ {
		inner := map[innerKey][]string{}
		for j := 0; j < 20; j++ {
			n := strconv.Itoa(i*j + 1000000)
			inner[innerKey(j)] = []string{"first string " + n, "second string " + n}
		}
		outer[outerKey("name of the map "+strconv.Itoa(i))] = inner
	}
	for i := 0; i < 2000; i++ {
		for j := 0; j < 20; j++ {
			words[wordsKey(i)] = &element{next: words[wordsKey(i)]}
		}
	}
}

// large returns a string of 64 KiB with memory of its own.
func large(i int) string {
	return strings.Repeat("text of "+strconv.Itoa(i+10000000)+"; ", 4200)[:65536]
}

func fillStrings() {
	for i := 0; i < 200; i++ {
		s, lender, of := large(i), large(-i), large(i)
		for j := 0; j < 10; j++ {
			pins[pinKey(s[j*6000:j*6000+20])] = j
			owns[ownKey(strings.Clone(s[j*6000:j*6000+19]+strconv.Itoa(j)))] = j
			lent[lentKey(lender[j*6000:j*6000+20])] = j
		}
		lenders = append(lenders, lender)
		values[valueKey(i)] = of[100:130]
		used[usedKey(large(i)[:50000])] = i
	}
}

func heapAlloc() uint64 {
	var m runtime.MemStats

	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func drop(name string) {
	switch name {
	case "uniform":
		uniform = nil
	case "skewed":
		skewed = nil
	case "left":
		left = nil
	case "outer":
		outer = nil
	case "shards":
		shards = [64]map[shardKey]*item{}
	case "words":
		words = nil
	}
}

func copyStrings(name string) {
	switch name {
	case "pins":
		n := make(map[pinKey]int, len(pins))
		for k, v := range pins {
			n[pinKey(strings.Clone(string(k)))] = v
		}
		pins = n
	case "values":
		for k, v := range values {
			values[k] = strings.Clone(v)
		}
	}
}

func answer(line string) {
	before := heapAlloc()
	if command, name, ok := strings.Cut(line, " "); ok && command == "drop" {
		drop(name)
	} else if ok {
		copyStrings(name)
	}
	after := heapAlloc()
	w.Reset()
	w.Open()
	w.Uint("heap_alloc", before)
	w.Uint("fell", before-after)
	w.Uint("keys", uint64(len(pins)+len(owns)+len(lent)+len(lenders)+len(values)+len(used)))
	w.Close()
	if w.Flush() != nil {
		os.Exit(1)
	}
}

func main() {
	done := make(chan bool)
	go func() {
		fillItems()
		fillNested()
		fillStrings()
		close(done)
	}()
	<-done
	heapAlloc()
	os.Stdout.WriteString(`{"ready":true,"pid":` + strconv.Itoa(os.Getpid()) + "}\n")
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		answer(in.Text())
	}
	runtime.KeepAlive(right)
}
