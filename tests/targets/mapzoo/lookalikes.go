package main

// Objects of the size of a map header, with a pointer where a header has one,
// that are no maps. The first word could be a count and the memory pointed at
// control bytes or tophashes: ASCII reads as filled slots, 0x80 as empty ones.

type block [208]byte

// Pointer at offset 16: the table pointer of both kinds.
type alikeTable struct {
	n       int
	h       uint64
	p       *block
	a, b, c int
}

// Pointers all the way: a linked record.
type alikeLinked struct {
	n          int
	h          uint64
	p          *block
	prev, next *alikeLinked
	q          *block
}

// A slice, which is data, length and capacity, behind a count.
type alikeSlice struct {
	n    int
	h    uint64
	data []byte
	tail *block
}

// A pointer at offset 16 to another object with pointers.
type alikeNode struct {
	n    int
	h    uint64
	node *alikeNode
	b    *block
	size [2]int
}

func buildLookalikes() {
	const patterns = "AAAAAAAA\x80\x80\x80\x80\x80\x80\x80\x80A\x80\x80\x80\x80\x80\x80\x80\x00\x00\x00\x00\x00\x00\x00\x00\x05\x06\x07\x08\x01\x01\x01\x01"

	blocks := make([]*block, 1000)
	for i := range blocks {
		pattern := patterns[i%5*8:]
		b := new(block)
		for j := range b {
			// The pattern, then 0x80 or ASCII to the end.
			switch {
			case j < 8:
				b[j] = pattern[j]
			case i/5%2 == 0:
				b[j] = 0x80
			default:
				b[j] = 'a' + byte(j%26)
			}
		}
		blocks[i] = b
	}

	var last *alikeLinked
	var node *alikeNode
	for i := 0; i < scaled(200000); i++ {
		// A block of any pattern with any small count, so that some of the
		// counts fit what the block says.
		n, p := i/4%9, blocks[(i*7)%len(blocks)]
		switch i % 4 {
		case 0:
			// The second word as random seed, or as flags, B and hash0.
			h := uint64(i) * 0x9e3779b97f4a7c15
			if i%8 == 0 {
				h = h &^ 0xffffffff
			}
			lookalikes = append(lookalikes, &alikeTable{n: n, h: h, p: p})
		case 1:
			last = &alikeLinked{n: n, p: p, q: blocks[i%len(blocks)], prev: last}
			lookalikes = append(lookalikes, last)
		case 2:
			lookalikes = append(lookalikes, &alikeSlice{n: n, h: uint64(i), data: p[:0:n]})
		case 3:
			node = &alikeNode{n: n, h: uint64(i), node: node, b: p, size: [2]int{1, 0}}
			lookalikes = append(lookalikes, node)
		}
	}
}
