// SPDX-License-Identifier: GPL-2.0-only
#include "maps/rows.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/cursor.h"

enum { SLOTS_MIN = 256 };

/* Multiplies each word by a different odd number: no product has to wait for another one. */
static uint64_t hash_facts(const uint64_t *facts)
{
	uint64_t h = 0;

#pragma GCC unroll 11 /* this and same_facts() run for every row that has to be built */
	for (size_t i = 0; i < ROW_FACTS; i++)
		h += facts[i] * (0x9e3779b97f4a7c15 * (2 * i + 3));
	return h ^ h >> 32;
}

static bool same_facts(const uint64_t *a, const uint64_t *b)
{
	uint64_t differ = 0;

#pragma GCC unroll 11
	for (size_t i = 0; i < ROW_FACTS; i++)
		differ |= a[i] ^ b[i];
	return !differ;
}

/* The slot of a kind, or the empty slot that it belongs in; there always is one. */
static uint32_t *rows_find_slot(const struct map_rows *r, const uint64_t *facts)
{
	size_t i = hash_facts(facts) & (r->slot_cnt - 1);

	while (r->slots[i] && !same_facts(r->kinds.data[r->slots[i] - 1].facts, facts))
		i = (i + 1) & (r->slot_cnt - 1);
	return &r->slots[i];
}

/* Makes room for one more kind; at least a quarter of the slots stay empty. */
static bool rows_reserve_slot(struct map_rows *r)
{
	if (4 * (r->kinds.len + 1) <= 3 * r->slot_cnt)
		return true;

	size_t cnt = r->slot_cnt ? 2 * r->slot_cnt : SLOTS_MIN;
	uint32_t *slots = calloc(cnt, sizeof(*slots));

	if (!slots)
		return false;
	free(r->slots);
	r->slots = slots;
	r->slot_cnt = cnt;
	for (size_t i = 0; i < r->kinds.len; i++)
		*rows_find_slot(r, r->kinds.data[i].facts) = i + 1;
	return true;
}

static uint32_t rows_kind_of(struct map_rows *r, const uint64_t *facts)
{
	struct row_kind kind = { .cnt = 0 };

	if (!rows_reserve_slot(r))
		return ROWS_NO_KIND;

	uint32_t *slot = rows_find_slot(r, facts);
	if (!*slot) {
		memcpy(kind.facts, facts, sizeof(kind.facts));
		if (r->kinds.len >= ROWS_NO_KIND - 1 || !vec_push(&r->kinds, kind))
			return ROWS_NO_KIND;
		*slot = r->kinds.len;
	}
	return *slot - 1;
}

uint32_t rows_kind(struct map_rows *r, const struct map_info *m)
{
	uint64_t facts[ROW_FACTS];

	memcpy(facts, (const uint64_t *)m + 1, sizeof(facts));
	return rows_kind_of(r, facts);
}

bool rows_push(struct map_rows *r, const struct map_info *m)
{
	uint32_t kind = rows_kind(r, m);

	return kind != ROWS_NO_KIND && rows_push_kind(r, m->addr, kind);
}

bool rows_set(struct map_rows *r, size_t i, const struct map_info *m)
{
	uint32_t kind = rows_kind(r, m);

	if (kind == ROWS_NO_KIND)
		return false;
	r->kinds.data[r->data[i].kind].cnt--;
	r->kinds.data[kind].cnt++;
	r->data[i].kind = kind;
	return true;
}

static void rows_clear(struct map_rows *r)
{
	r->len = r->kinds.len = 0;
	if (r->slot_cnt)
		memset(r->slots, 0, r->slot_cnt * sizeof(*r->slots));
}

bool rows_append(struct map_rows *r, struct map_rows *from)
{
	_cleanup_free_ uint32_t *kinds = malloc((from->kinds.len + 1) * sizeof(*kinds));

	if (!kinds || !vec_reserve(r, r->len + from->len))
		return false;
	for (size_t i = 0; i < from->kinds.len; i++) {
		kinds[i] = rows_kind_of(r, from->kinds.data[i].facts);
		if (kinds[i] == ROWS_NO_KIND)
			return false;
	}
	for (size_t i = 0; i < from->kinds.len; i++)
		r->kinds.data[kinds[i]].cnt += from->kinds.data[i].cnt;
	for (size_t i = 0; i < from->len; i++) {
		r->data[r->len] = from->data[i];
		r->data[r->len++].kind = kinds[from->data[i].kind];
	}
	rows_clear(from);
	return true;
}

static int cmp_row(const void *a, const void *b)
{
	uint64_t x = row_addr(a), y = row_addr(b);

	return x < y ? -1 : x > y;
}

bool rows_merge(struct map_rows *r, struct map_rows *from)
{
	size_t left = r->len, late_cnt = from->len;
	_cleanup_free_ struct map_row *late = malloc((late_cnt + 1) * sizeof(*late));

	if (!late || !rows_append(r, from))
		return false;
	memcpy(late, r->data + left, late_cnt * sizeof(*late));
	qsort(late, late_cnt, sizeof(*late), cmp_row);
	for (size_t at = r->len; late_cnt; at--) {
		if (left && row_addr(&r->data[left - 1]) > row_addr(&late[late_cnt - 1]))
			r->data[at - 1] = r->data[--left];
		else
			r->data[at - 1] = late[--late_cnt];
	}
	return true;
}

ssize_t rows_find(const struct map_rows *r, uint64_t addr)
{
	struct map_row key = { (uint32_t)addr, addr >> 32, 0 };
	const struct map_row *row = vec_search(r, &key, cmp_row);

	return row ? row - r->data : ROWS_NONE;
}

void rows_fini(struct map_rows *r)
{
	vec_fini(r);
	vec_fini(&r->kinds);
	free(r->slots);
	r->slots = NULL;
	r->slot_cnt = 0;
}
