// SPDX-License-Identifier: GPL-2.0-only
#include "graph/static_types.h"

#include <stdlib.h>

#include "graph/naming.h"

enum {
	STATIC_SZ_MAX = 1 << 16, /* bytes from the start of a value to the word */
	STATIC_POINTERS_LOOKED_AT = 256,
};

/* Whether the words of data or bss at addr are pointers just where the type has them. */
static bool static_mask_is(const struct data_range *r, uint64_t addr, const struct cat_type *t)
{
	uint64_t first = (addr - r->start) / 8, words = (t->size + 7) / 8;
	_cleanup_free_ uint64_t *mask = calloc(words / 64 + 1, sizeof(*mask));

	if (!mask || addr % 8 || t->size > r->end - addr || !cat_type_mask(t, mask, words))
		return false;
	for (uint64_t i = 0; i < words; i++)
		if (data_range_is_pointer(r, first + i) != (mask[i / 64] >> i % 64 & 1))
			return false;
	return true;
}

/* The type of the struct that an interface with its second word at `at` leads to; else NULL. */
static const struct cat_type *static_shown_type(const struct naming *n, uint64_t at)
{
	const struct data_range *r = data_roots_find(n->roots, at);
	const struct cat_type *t;
	uint64_t word;

	if (!r || at - r->start < 8)
		return NULL;
	_cleanup_err_ struct err *err =
		mem_read(data_range_mem(n->heap->prog, r), at - 8, &word, sizeof(word));
	t = err ? NULL : naming_dynamic_type(n, word);
	return t && t->kind == CAT_POINTER && t->elem && t->elem->kind == CAT_STRUCT ? t->elem
										     : NULL;
}

static bool static_type_is(const struct naming *n, const struct data_range *r, uint64_t base,
			   const struct cat_type *t)
{
	return t->size <= STATIC_SZ_MAX && static_mask_is(r, base, t) &&
	       fit_is_static(n->fitter, base, t);
}

bool static_type_find(const struct naming *n, uint64_t addr, struct static_type *ret)
{
	const struct data_range *r = data_roots_find(n->roots, addr);
	size_t cnt = 0;

	if (!n->vars || !n->fitter || !r || !r->mask)
		return false;
	const struct static_pointer *pointers = varrefs_pointers(n->vars, addr, &cnt);
	for (size_t i = cnt; i-- > 0 && cnt - i <= STATIC_POINTERS_LOOKED_AT;) {
		uint64_t base = pointers[i].to;
		const struct cat_type *t;

		if (base < r->start || addr - base > STATIC_SZ_MAX)
			break;
		t = static_shown_type(n, pointers[i].at);
		if (!t || addr - base >= t->size || !static_type_is(n, r, base, t))
			continue;
		*ret = (struct static_type){ t, base };
		return true;
	}
	return false;
}
