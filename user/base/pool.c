// SPDX-License-Identifier: GPL-2.0-only
#include "base/pool.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

enum { BLOCK_SZ = 64 << 10, POOL_ALIGN = _Alignof(max_align_t) };

struct pool_block {
	struct pool_block *next;
	size_t size; /* of data */
	_Alignas(POOL_ALIGN) char data[];
};

static bool pool_grow(struct pool *pool, size_t size)
{
	size_t room = size > BLOCK_SZ ? size : BLOCK_SZ;
	struct pool_block *block =
		room < SIZE_MAX - sizeof(*block) ? calloc(1, sizeof(*block) + room) : NULL;

	if (!block)
		return false;
	block->size = room;
	block->next = pool->blocks;
	pool->blocks = block;
	pool->left = room;
	pool->bytes += room;
	return true;
}

void *pool_alloc(struct pool *pool, size_t size)
{
	size_t rounded = (size + POOL_ALIGN - 1) & ~(size_t)(POOL_ALIGN - 1);

	if (!size)
		return NULL;
	if (rounded < size || (rounded > pool->left && !pool_grow(pool, rounded))) {
		pool->failed = true;
		return NULL;
	}

	void *p = pool->blocks->data + pool->blocks->size - pool->left;
	pool->left -= rounded;
	return p;
}

const char *pool_text(struct pool *pool, const char *s)
{
	size_t len = s ? strlen(s) + 1 : 0;
	char *copy = s ? pool_alloc(pool, len) : NULL;

	return copy ? memcpy(copy, s, len) : NULL;
}

const char *pool_printf(struct pool *pool, const char *fmt, ...)
{
	_cleanup_free_ char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	int len = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (len < 0) {
		text = NULL;
		pool->failed = true;
	}
	return pool_text(pool, text);
}

void *pool_alloc_list(struct pool *pool, size_t *len, size_t elem_sz)
{
	void *data = *len <= SIZE_MAX / elem_sz ? pool_alloc(pool, *len * elem_sz) : NULL;

	if (!data) {
		pool->failed |= *len != 0;
		*len = 0;
	}
	return data;
}

void pool_fini(struct pool *pool)
{
	while (pool->blocks) {
		struct pool_block *block = pool->blocks;

		pool->blocks = block->next;
		free(block);
	}
	*pool = (struct pool){ 0 };
}
