// SPDX-License-Identifier: GPL-2.0-only
#include "graph/holder_set.h"

#include <string.h>

static uint64_t hash_text(uint64_t h, const char *s)
{
	for (; s && *s; s++)
		h = (h ^ (uint8_t)*s) * 0x100000001b3;
	return (h ^ 0xff) * 0x100000001b3;
}

/* What tells holders apart. used_by follows from the text, which has all of it. */
static uint64_t holder_hash(const struct holder *h)
{
	uint64_t hash = hash_text(0xcbf29ce484222325, h->text);

	hash = hash_text(hash, h->type);
	hash = hash_text(hash, h->field);
	hash = (hash ^ h->kind ^ (uint64_t)h->candidates << 8 ^ h->certain) * 0x100000001b3;
	return (hash ^ h->map_type) * 0x100000001b3;
}

static bool texts_equal(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

static bool holder_equals(const struct holder *a, const struct holder *b)
{
	return a->kind == b->kind && a->certain == b->certain && a->candidates == b->candidates &&
	       a->map_type == b->map_type && texts_equal(a->text, b->text) &&
	       texts_equal(a->type, b->type) && texts_equal(a->field, b->field) &&
	       texts_equal(a->package, b->package);
}

uint32_t holder_set_add(struct holder_set *set, const struct holder *holder)
{
	uint64_t hash = holder_hash(holder);
	size_t at = table_get(&set->by_hash, hash);

	/* Two that have the same hash are there more than once: that costs room alone. */
	if (at != TABLE_NONE && holder_equals(&set->list.data[at], holder))
		return at;
	struct holder own = *holder;
	own.text = pool_text(&set->pool, holder->text);
	own.type = pool_text(&set->pool, holder->type);
	own.field = pool_text(&set->pool, holder->field);
	own.package = pool_text(&set->pool, holder->package);
	own.function = pool_text(&set->pool, holder->function);
	for (uint32_t i = 0; i < own.used_by_cnt; i++)
		own.used_by[i] = pool_text(&set->pool, holder->used_by[i]);
	if (set->pool.failed || set->list.len >= HOLDERS_NO_HOLDER - 1 ||
	    !vec_push(&set->list, own) ||
	    (at == TABLE_NONE && !table_put(&set->by_hash, hash, set->list.len - 1)))
		return HOLDERS_NO_HOLDER;
	return set->list.len - 1;
}

void holder_set_fini(struct holder_set *set)
{
	vec_fini(&set->list);
	table_fini(&set->by_hash);
	pool_fini(&set->pool);
}
