// SPDX-License-Identifier: GPL-2.0-only
#include "maps/buckets.h"

#include <string.h>

#include "base/cursor.h"
#include "maps/kinds.h"

static struct err *buckets_read_header(const struct buckets *b, uint8_t *dst, bool *ok_ret)
{
	struct mem *mem = &b->heap->prog->target->mem;
	struct mem_req req = { b->map, layout_map_header_sz(&b->heap->prog->layout), false, dst };
	struct err *err = mem->read_reqs(mem, &req, 1);

	*ok_ret = req.ok;
	return err;
}

struct err *buckets_init(struct buckets *b, struct heap *heap, const struct residency *residency,
			 const struct map_info *m, bool *found_ret)
{
	*b = (struct buckets){
		.heap = heap,
		.residency = residency,
		.map = m->addr,
		.bucket_sz = m->bucket_sz,
	};
	struct err *err = buckets_read_header(b, b->header, found_ret);
	if (err || !*found_ret)
		return err;
	b->live_keys = load_u64(b->header, MAP_LIVE_KEYS);
	err = kinds_ops_of(heap)->find_arrays(b, found_ret);
	for (size_t i = 0; i < b->arrays.len; i++)
		b->cnt += b->arrays.data[i].cnt;
	if (err)
		buckets_fini(b);
	return err;
}

void buckets_fini(struct buckets *b)
{
	vec_fini(&b->arrays);
}

struct err *buckets_stand_still(const struct buckets *b, bool *ret)
{
	uint8_t now[MAP_HEADER_SZ_MAX];
	bool ok;
	struct err *err = buckets_read_header(b, now, &ok);

	*ret = !err && ok && !memcmp(now, b->header, layout_map_header_sz(&b->heap->prog->layout));
	return err;
}

struct err *buckets_visit(const struct buckets *b, uint64_t first, uint64_t n,
			  const struct bucket_visitor *visitor, bool *whole_ret)
{
	const struct map_kind_ops *ops = kinds_ops_of(b->heap);
	uint64_t end = first + n, start = 0; /* number of the array's first bucket */
	struct err *err = NULL;

	*whole_ret = true;
	for (size_t i = 0; i < b->arrays.len && start < end && *whole_ret && !err; i++) {
		const struct bucket_array *a = &b->arrays.data[i];
		uint64_t from = first > start ? first - start : 0;
		uint64_t to = end - start < a->cnt ? end - start : a->cnt;

		if (from < to)
			err = ops->visit(b, a, from, to - from, visitor, whole_ret);
		start += a->cnt;
	}
	return err;
}
