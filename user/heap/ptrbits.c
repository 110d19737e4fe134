// SPDX-License-Identifier: GPL-2.0-only
#include "heap/ptrbits.h"

#include "heap/sizeclass.h"

enum {
	/* Green Tea keeps its mark bits after the pointer bits, but not in spans of 8-byte objects
	 * (Go source: runtime/mgcmark_greenteagc.go gcUsesSpanInlineMarkBits). */
	INLINE_MARKS_SZ = 128,
	INLINE_MARKS_ELEM_MIN = 16,
	SPAN_BITS_SZ = GO_PAGE_SZ / 8 / 8,
};

static uint64_t ptrbits_inline_marks_sz(const struct heap *heap, const struct span *s)
{
	return heap->prog->layout.inline_marks && span_elemsize(s) >= INLINE_MARKS_ELEM_MIN
		       ? INLINE_MARKS_SZ
		       : 0;
}

bool ptrbits_place(const struct heap *heap, const struct span *s, uint64_t addr, uint32_t words,
		   struct ptrbits *ret)
{
	const struct go_layout *layout = &heap->prog->layout;
	uint64_t bits, word;

	if (span_noscan(s) || addr % 8 || !words)
		return false;
	if (layout->bitmap == HEAP_BITMAP_SPAN) {
		if (span_elemsize(s) > MALLOC_HEADER_MIN)
			return false;
		bits = span_base(s) + GO_PAGE_SZ - SPAN_BITS_SZ - ptrbits_inline_marks_sz(heap, s);
		word = (addr - span_base(s)) / 8;
	} else {
		bits = heap_arena_meta(heap, addr);
		word = (addr & ((1ull << ARENA_SHIFT) - 1)) / 8;
	}
	if (!bits)
		return false;

	uint8_t shift = layout->bitmap == HEAP_BITMAP_ARENA_2BIT ? 2 : 3;
	uint32_t a_byte = 1u << shift, first = word & (a_byte - 1);
	*ret = (struct ptrbits){
		.addr = bits + (word >> shift),
		.len = (first + words + a_byte - 1) >> shift,
		.shift = shift,
		.first = first,
	};
	return true;
}
