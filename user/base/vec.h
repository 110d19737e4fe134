/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vec.h - growable arrays of any element type.
 *
 *	VEC(struct span) spans = { 0 };
 *	if (!vec_push(&spans, ((struct span){ .base = 1 })))
 *		return err_nomem();
 *	for (size_t i = 0; i < spans.len; i++) use(spans.data[i]);
 *	vec_fini(&spans);
 */
#ifndef MAPTRACE_BASE_VEC_H
#define MAPTRACE_BASE_VEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#define VEC(type)                                                                                  \
	struct {                                                                                   \
		type *data;                                                                        \
		size_t len;                                                                        \
		size_t cap;                                                                        \
	}

/* Makes room for want elements of elem_sz bytes; false when out of memory. */
static inline bool vec_reserve_raw(void **data, size_t *cap, size_t want, size_t elem_sz)
{
	if (want <= *cap)
		return true;

	size_t cap_new = *cap ? *cap + *cap / 2 : 16;
	if (cap_new < want)
		cap_new = want;
	if (cap_new > SIZE_MAX / elem_sz)
		return false;

	void *grown = realloc(*data, cap_new * elem_sz);
	if (!grown)
		return false;
	*data = grown;
	*cap = cap_new;
	return true;
}

#define vec_reserve(v, want)                                                                       \
	vec_reserve_raw((void **)&(v)->data, &(v)->cap, (want), sizeof(*(v)->data))

/* Appends one element; false when out of memory. */
#define vec_push(v, elem)                                                                          \
	(vec_reserve((v), (v)->len + 1) ? ((v)->data[(v)->len++] = (elem), true) : false)

/* qsort() and bsearch() over the whole vector. Both must not get the NULL of an empty one. */
#define vec_sort(v, cmp)                                                                           \
	do {                                                                                       \
		if ((v)->len)                                                                      \
			qsort((v)->data, (v)->len, sizeof(*(v)->data), (cmp));                     \
	} while (0)
#define vec_search(v, key, cmp)                                                                    \
	((v)->len ? bsearch((key), (v)->data, (v)->len, sizeof(*(v)->data), (cmp)) : NULL)

#define vec_fini(v) (free((v)->data), (v)->data = NULL, (v)->len = (v)->cap = 0)

#endif
