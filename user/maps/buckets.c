// SPDX-License-Identifier: GPL-2.0-only
#include "maps/buckets.h"

#include <string.h>

#include "base/cursor.h"

static struct err *read_header(const struct buckets *b, uint8_t *dst, bool *ok_ret)
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
	struct err *err = read_header(b, b->header, found_ret);
	if (err || !*found_ret)
		return err;
	b->live_keys = load_u64(b->header, 0); /* hmap.count and Map.used come first */
	err = heap->prog->layout.kind == MAP_SWISS ? swiss_find_arrays(b, found_ret)
						   : classic_find_arrays(b, found_ret);
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
	struct err *err = read_header(b, now, &ok);

	*ret = !err && ok && !memcmp(now, b->header, layout_map_header_sz(&b->heap->prog->layout));
	return err;
}

/* Swiss: groups have no chains, and the runtime wrote their control words: no page of
 * them is untouched. */
static struct err *visit_groups(const struct buckets *b, const struct bucket_array *array,
				uint64_t first, uint64_t n, const struct bucket_visitor *visitor,
				bool *whole_ret)
{
	struct mem *mem = &b->heap->prog->target->mem;
	uint64_t a_read = BUCKETS_READ_SZ / b->bucket_sz;

	for (uint64_t done = 0; done < n; done += a_read) {
		uint64_t now = n - done < a_read ? n - done : a_read;
		struct mem_req req = { array->addr + (first + done) * b->bucket_sz,
				       now * b->bucket_sz, false, visitor->buf };
		struct err *err = mem->read_reqs(mem, &req, 1);

		*whole_ret = !err && req.ok && visitor->visit(visitor->ctx, visitor->buf, now);
		if (!*whole_ret)
			return err;
	}
	return NULL;
}

static struct err *visit_array(const struct buckets *b, const struct bucket_array *array,
			       uint64_t first, uint64_t n, const struct bucket_visitor *visitor,
			       bool *whole_ret)
{
	return b->heap->prog->layout.kind == MAP_SWISS
		       ? visit_groups(b, array, first, n, visitor, whole_ret)
		       : classic_visit(b, array, first, n, visitor, whole_ret);
}

struct err *buckets_visit(const struct buckets *b, uint64_t first, uint64_t n,
			  const struct bucket_visitor *visitor, bool *whole_ret)
{
	uint64_t end = first + n, start = 0; /* of the array, in the count through all */
	struct err *err = NULL;

	*whole_ret = true;
	for (size_t i = 0; i < b->arrays.len && start < end && *whole_ret && !err; i++) {
		const struct bucket_array *a = &b->arrays.data[i];
		uint64_t from = first > start ? first - start : 0;
		uint64_t to = end - start < a->cnt ? end - start : a->cnt;

		if (from < to)
			err = visit_array(b, a, from, to - from, visitor, whole_ret);
		start += a->cnt;
	}
	return err;
}
