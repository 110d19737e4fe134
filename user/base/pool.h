/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * pool.h - memory that is released all at once.
 *
 * For a tree of plain data whose parts live as long as the whole: nobody has to know who
 * owns which string. A pool that ran out of memory says so once, at the end, so that the
 * code that fills a tree needs no check after each string:
 *
 *	struct pool pool = { 0 };
 *	tree->name = pool_text(&pool, name);
 *	tree->rows = pool_alloc(&pool, cnt * sizeof(*tree->rows));
 *	...
 *	if (pool.failed) return err_nomem();	the tree may have NULLs where it should not
 *	pool_fini(&pool);
 */
#ifndef MAPTRACE_BASE_POOL_H
#define MAPTRACE_BASE_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pool_block;

/* All zero: empty, ready for use. */
struct pool {
	struct pool_block *blocks; /* the newest first */
	size_t left; /* bytes that are free at the end of the newest block */
	size_t bytes; /* of all blocks */
	bool failed; /* an allocation failed, now or before */
};

/* Zeroed memory, aligned for any type. NULL when memory ran out, or for 0 bytes. */
void *pool_alloc(struct pool *pool, size_t size);

/* A copy of a string. NULL for NULL, and when memory ran out. */
const char *pool_text(struct pool *pool, const char *s);

/* A formatted string. NULL when memory ran out. */
const char *pool_printf(struct pool *pool, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Releases everything; the pool is empty then. */
void pool_fini(struct pool *pool);

/* A list whose elements are in a pool: a fixed number, allocated at once. */
#define POOL_LIST(type)                                                                            \
	struct {                                                                                   \
		type *data;                                                                        \
		size_t len;                                                                        \
	}

/* Makes a list of cnt zeroed elements; an empty one when memory ran out. */
#define pool_list(pool, list, cnt)                                                                 \
	((list)->len = (cnt),                                                                      \
	 (list)->data = pool_alloc_list((pool), &(list)->len, sizeof(*(list)->data)))

void *pool_alloc_list(struct pool *pool, size_t *len, size_t elem_sz);

#endif
