// What plugged loads.
package main

import (
	"syscall"
	"time"

	"maptrace/tests/targets/lib/listed"
)

type key struct{ a, b int32 }

var (
	floats = map[key][3]float32{}
	flags  = map[[5]uint16]bool{}
	wide   = map[key][7]uint16{}
	refs   = map[key]*key{}
	words  = map[string]key{}
	shared = map[uint64]string{}
	churn  = map[key]uint64{}
)

// Fill makes small maps and large ones.
func Fill() {
	for i := int32(0); i < 2000; i++ {
		k := key{i, 3 * i}
		if i < 5 {
			floats[k] = [3]float32{1}
			flags[[5]uint16{uint16(i)}] = true
			shared[uint64(i)] = "plugin"
		}
		if i < 50 {
			wide[k] = [7]uint16{1}
			words[string(rune('a'+i))] = k
		}
		refs[k] = &k
	}
	listed.Add("floats", floats)
	listed.Add("flags", flags)
	listed.Add("wide", wide)
	listed.Add("refs", refs)
	listed.Add("words", words)
	listed.Add("shared_of_plugin", shared)
}

// Churn has a map change, and memory come and go, for ever.
func Churn() {
	go func() {
		for i := int32(0); ; i++ {
			insert(i)
			delete(churn, key{i - 100, i})
			if i%10 == 0 {
				remap()
				time.Sleep(time.Millisecond)
			}
		}
	}()
}

//go:noinline
func insert(i int32) { churn[key{i, i + 100}] = uint64(i) }

//go:noinline
func remap() {
	m, err := syscall.Mmap(-1, 0, 4096, syscall.PROT_READ, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err == nil {
		syscall.Munmap(m)
	}
}

func main() {}
