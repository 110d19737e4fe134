//go:build cgo

package main

// #include <stdlib.h>
// #include <string.h>
import "C"

import "unsafe"

var foreignBlocks []unsafe.Pointer

// foreign takes memory from C's allocator, half of it in blocks that malloc(3) maps
// one by one, half of it in its arena.
func foreign() uint64 {
	for n := 0; n < *size*mib; {
		for _, bytes := range []int{mib, 64 << 10} {
			p := C.malloc(C.size_t(bytes))
			C.memset(p, 1, C.size_t(bytes))
			foreignBlocks = append(foreignBlocks, p)
			n += bytes
		}
	}
	return uint64(len(foreignBlocks)/2) * (mib + 64<<10)
}

func freeForeign() {
	for _, p := range foreignBlocks {
		C.free(p)
	}
}
