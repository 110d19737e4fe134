// SPDX-License-Identifier: GPL-2.0-only
#include "maps/rows.h"

#include <string.h>

#include "base/cleanup.h"

/* What the rest of a row is made of, from its lowest bit on. */
enum {
	LIVE_KEYS = 0,
	LIVE_KEYS_MAX = 15,
	CONSISTENCY = 4,
	TYPE_SOURCE = 6,
	ON_STACK = 9,
	GARBAGE = 11,
	SMALL = 12,
	NOSCAN = 13,
	TABLE_CNT = 14,
	IS_WHOLE = 15,
};

static unsigned int rest_of(const struct packed_map *p, unsigned int at, unsigned int mask)
{
	return p->rest >> at & mask;
}

static bool is_whole(const struct packed_map *p)
{
	return rest_of(p, IS_WHOLE, 1);
}

/* Of a type that is none of the table's: more than any. */
static uint64_t type_index(const struct map_rows *r, const struct map_type *type)
{
	size_t i = ((uintptr_t)type - (uintptr_t)r->types) / sizeof(*type);

	if (!type)
		return 0;
	return i < r->type_cnt && &r->types[i] == type ? i + 1 : UINT64_MAX;
}

static bool fits(const struct map_rows *r, const struct map_info *m)
{
	return m->buckets == 1 && m->live_keys <= LIVE_KEYS_MAX && m->table_cnt <= 1 &&
	       (m->table_bytes | m->resident_bytes | m->rebuild_bytes) <= UINT16_MAX &&
	       !(m->old_bytes | m->tombstones | m->overflow_buckets) &&
	       type_index(r, m->type) <= UINT32_MAX;
}

/* Field by field: a row that was put together and copied would have to wait for itself. */
static void pack(const struct map_rows *r, const struct map_info *m, struct packed_map *p)
{
	p->addr = m->addr;
	p->bucket_sz = m->bucket_sz;
	p->type = type_index(r, m->type);
	p->table_bytes = m->table_bytes;
	p->resident_bytes = m->resident_bytes;
	p->rebuild_bytes = m->rebuild_bytes;
	p->type_candidates = m->type_candidates;
	p->shape_candidates = m->shape_candidates;
	p->rest = m->live_keys << LIVE_KEYS | m->consistency << CONSISTENCY |
		  m->type_source << TYPE_SOURCE | m->on_stack << ON_STACK | m->garbage << GARBAGE |
		  m->small << SMALL | m->noscan << NOSCAN | m->table_cnt << TABLE_CNT;
}

static struct map_info unpack(const struct map_rows *r, const struct packed_map *p)
{
	return (struct map_info){
		.addr = p->addr,
		.bucket_sz = p->bucket_sz,
		.live_keys = rest_of(p, LIVE_KEYS, LIVE_KEYS_MAX),
		.type = p->type ? &r->types[p->type - 1] : NULL,
		.table_bytes = p->table_bytes,
		.resident_bytes = p->resident_bytes,
		.rebuild_bytes = p->rebuild_bytes,
		.type_candidates = p->type_candidates,
		.shape_candidates = p->shape_candidates,
		.consistency = rest_of(p, CONSISTENCY, 3),
		.type_source = rest_of(p, TYPE_SOURCE, 7),
		.on_stack = rest_of(p, ON_STACK, 3),
		.garbage = rest_of(p, GARBAGE, 1),
		.small = rest_of(p, SMALL, 1),
		.noscan = rest_of(p, NOSCAN, 1),
		.table_cnt = rest_of(p, TABLE_CNT, 1),
		.buckets = 1,
	};
}

static struct packed_map place_of(const struct map_info *m, size_t index)
{
	return (struct packed_map){ .addr = m->addr, .type = index, .rest = 1 << IS_WHOLE };
}

/* The row of a map, which is kept whole where it has to be. */
static bool make(struct map_rows *r, const struct map_info *m, struct packed_map *ret)
{
	if (fits(r, m)) {
		pack(r, m, ret);
		return true;
	}
	*ret = place_of(m, r->whole.len);
	return r->whole.len <= UINT32_MAX && vec_push(&r->whole, *m);
}

bool rows_push(struct map_rows *r, const struct map_info *m)
{
	if (!vec_reserve(r, r->len + 1) || !make(r, m, &r->data[r->len]))
		return false;
	r->len++;
	return true;
}

bool rows_set(struct map_rows *r, size_t i, const struct map_info *m)
{
	struct packed_map row;

	if (is_whole(&r->data[i])) {
		r->whole.data[r->data[i].type] = *m;
		return true;
	}
	if (!make(r, m, &row))
		return false;
	r->data[i] = row;
	return true;
}

struct map_info rows_get(const struct map_rows *r, size_t i)
{
	const struct packed_map *p = &r->data[i];

	return is_whole(p) ? r->whole.data[p->type] : unpack(r, p);
}

bool rows_append(struct map_rows *r, struct map_rows *from)
{
	size_t first = r->whole.len, whole = from->whole.len;

	if (!from->len)
		return true;
	if (first + whole > UINT32_MAX || !vec_reserve(r, r->len + from->len) ||
	    (whole && !vec_reserve(&r->whole, first + whole)))
		return false;
	memcpy(r->data + r->len, from->data, from->len * sizeof(*r->data));
	for (size_t i = 0; whole && i < from->len; i++) {
		struct packed_map *p = &r->data[r->len + i];

		if (is_whole(p))
			*p = place_of(&from->whole.data[p->type], first + p->type);
	}
	if (whole)
		memcpy(r->whole.data + first, from->whole.data, whole * sizeof(*r->whole.data));
	r->len += from->len;
	r->whole.len += whole;
	from->len = from->whole.len = 0;
	return true;
}

static int cmp_row(const void *a, const void *b)
{
	uint64_t x = ((const struct packed_map *)a)->addr, y = ((const struct packed_map *)b)->addr;

	return x < y ? -1 : x > y;
}

bool rows_merge(struct map_rows *r, struct map_rows *from)
{
	_cleanup_free_ struct packed_map *late = NULL;
	size_t left = r->len, late_cnt = from->len;

	if (!late_cnt)
		return true;
	late = malloc(late_cnt * sizeof(*late));
	if (!late || !rows_append(r, from))
		return false;
	memcpy(late, r->data + left, late_cnt * sizeof(*late));
	qsort(late, late_cnt, sizeof(*late), cmp_row);
	for (size_t at = r->len; late_cnt; at--) {
		if (left && r->data[left - 1].addr > late[late_cnt - 1].addr)
			r->data[at - 1] = r->data[--left];
		else
			r->data[at - 1] = late[--late_cnt];
	}
	return true;
}

ssize_t rows_find(const struct map_rows *r, uint64_t addr)
{
	struct packed_map key = { .addr = addr };
	const struct packed_map *p = key.addr == addr ? vec_search(r, &key, cmp_row) : NULL;

	return p ? p - r->data : ROWS_NONE;
}

void rows_fini(struct map_rows *r)
{
	vec_fini(r);
	vec_fini(&r->whole);
}
