// oddtypes has maps of types that take some finding: whose names are longer than any
// that people write, and which the binary lacks, as reflect has made them.
package main

import (
	_ "maptrace/tests/targets/lib/external"
	"maptrace/tests/targets/lib/listed"
)

// Twice as long with every step, as in code that is generated.
type (
	pair[A, B any] struct{ a, b int8 }
	node[A, B any] struct{ left, right *int8 }

	p2 = pair[pair[int8, int8], pair[int8, int8]]
	p4 = pair[pair[p2, p2], pair[p2, p2]]
	p6 = pair[pair[p4, p4], pair[p4, p4]]
	p8 = pair[pair[p6, p6], pair[p6, p6]]
	n9 = node[p8, p8]
	p9 = pair[p8, p8]
)

func main() {
	small, large := map[int16]p9{}, map[int16]p9{}
	pointers := map[int16]n9{}

	for i := int16(0); i < 500; i++ {
		if i < 5 {
			small[i] = p9{1, 2}
		}
		large[i] = p9{1, 2}
		pointers[i] = n9{new(int8), nil}
	}
	listed.Add("long_small", small)
	listed.Add("long_large", large)
	listed.Add("long_pointers", pointers)
	listed.Serve()
}
