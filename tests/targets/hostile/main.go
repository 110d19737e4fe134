// hostile forges objects that look like headers of maps; see the README beside it.
package main

import (
	"bufio"
	"flag"
	"os"
	"runtime"
	"strconv"
	"unsafe"

	"maptrace/tests/targets/lib/gomap"
)

var (
	copies  = flag.Int("copies", 0, "copies of the header of a map with -keys keys")
	keys    = flag.Int("keys", 1<<16, "keys of that map")
	arrays  = flag.Int("arrays", 0, "headers of one large array that is no map's")
	entries = flag.Int("entries", 1<<18, "entries or buckets of the array")
)

// The words of a header, with the pointers that one has.
type classic struct {
	count      int
	flags, b   uint8
	noverflow  uint16
	hash0      uint32
	buckets    unsafe.Pointer
	oldbuckets unsafe.Pointer
	nevacuate  uintptr
	extra      unsafe.Pointer
}

type swiss struct {
	used, seed    uint64
	dir           unsafe.Pointer
	dirLen        int
	depth, shift  uint8
	writing, tomb uint8
	clearSeq      uint64
}

var (
	keep  []any
	whole = map[int64]int64{}
)

func log2(n int) (bits uint8) {
	for 1<<bits < n {
		bits++
	}
	return bits
}

// Addresses where nothing is: run with GODEBUG=invalidptr=0.
func forgeSwiss() {
	dir := make([]unsafe.Pointer, *entries)
	words := unsafe.Slice((*uintptr)(unsafe.Pointer(&dir[0])), len(dir))
	for i := range words {
		words[i] = uintptr(0x10000 + 4096*i)
	}
	bits := log2(*entries)
	for i := 0; i < *arrays; i++ {
		keep = append(keep, &swiss{used: 9, seed: 1<<40 + uint64(i)<<32, dir: unsafe.Pointer(&dir[0]),
			dirLen: *entries, depth: bits, shift: 64 - bits})
	}
}

// Buckets that are all empty, of headers that count keys.
func forgeClassic() {
	const bucket = 8 + 8*8 + 8*8 + 8
	array := make([]byte, (*entries+*entries>>4)*bucket)
	for i := 0; i < len(array); i += 4096 {
		array[i] = 0 // a page of its own
	}
	for i := 0; i < *arrays; i++ {
		keep = append(keep, &classic{count: 7, b: log2(*entries), hash0: uint32(i)<<8 | 1,
			buckets: unsafe.Pointer(&array[0])})
	}
}

func main() {
	flag.Parse()
	for i := int64(0); i < int64(*keys); i++ {
		whole[i] = i
	}
	header := *(*unsafe.Pointer)(unsafe.Pointer(&whole))
	for i := 0; i < *copies; i++ {
		if gomap.Kind == "classic" {
			h := *(*classic)(header)
			keep = append(keep, &h)
		} else {
			h := *(*swiss)(header)
			keep = append(keep, &h)
		}
	}
	if *arrays > 0 && gomap.Kind == "classic" {
		forgeClassic()
	} else if *arrays > 0 {
		forgeSwiss()
	}
	runtime.GC()
	os.Stdout.WriteString(`{"ready":true,"pid":` + strconv.Itoa(os.Getpid()) + "}\n")
	bufio.NewReader(os.Stdin).ReadString('\n')
	runtime.KeepAlive(whole)
}
