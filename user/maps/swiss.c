// SPDX-License-Identifier: GPL-2.0-only
#include "maps/swiss.h"

#include "maps/swiss_small.h"
#include "maps/swiss_table.h"

enum { WALK_MIN = 2 }; /* walks of directories with at least as many entries are counted */

struct swiss_decoder {
	const struct map_reader *reader;
	struct map_batch *batch;
	struct swiss_small *smalls; /* maps of one group */
	size_t small_cnt;
	struct swiss_work *works; /* maps with tables */
	size_t work_cnt;
};

static void swiss_add_small(struct swiss_decoder *d, size_t at, const struct swiss_header *h)
{
	struct swiss_small *w = &d->smalls[d->small_cnt++];

	w->at = at;
	w->used = h->used;
	w->addr = h->dir_ptr;
	evidence_place(d->reader->heap, &w->evidence);
}

/* Checks the header of a candidate. One that may be a map's is to be decoded. */
static struct err *swiss_start(struct swiss_decoder *d, size_t at)
{
	const struct heap *heap = d->reader->heap;
	enum verdict *ret = &d->batch->verdicts[at];
	struct err *err = NULL;
	struct candidate *c = &d->batch->cands[at];
	struct swiss_header h = swiss_parse_header(c->header);
	enum verdict v = swiss_check_header(heap, &h);

	c->doubt = 0;
	if (v == VERDICT_MAP) {
		v = swiss_check_dir(heap, &h,
				    h.dir_len ? &d->works[d->work_cnt].dir
					      : &d->smalls[d->small_cnt].evidence.o);
		c->doubt = h.dir_ptr;
	}
	c->moved |= v == VERDICT_CHANGED; /* the heap has, while we read */
	*ret = v == VERDICT_MISFIT ? swiss_misfit(&h, c) : v;
	if (v == VERDICT_MAP && h.dir_len >= WALK_MIN)
		err = batch_count_walk(d->reader, c, h.dir_ptr, ret);
	if (!err && *ret == VERDICT_MAP && h.dir_len)
		swiss_work_init(&d->works[d->work_cnt++], at, &h);
	else if (!err && *ret == VERDICT_MAP)
		swiss_add_small(d, at, &h);
	return err;
}

static struct err *swiss_decode(const struct map_reader *r, struct map_batch *b)
{
	_cleanup_free_ struct swiss_small *smalls = malloc((b->cnt + 1) * sizeof(*smalls));
	_cleanup_free_ struct swiss_work *works = malloc((b->cnt + 1) * sizeof(*works));
	struct swiss_decoder d = { .reader = r, .batch = b, .smalls = smalls, .works = works };
	struct err *err = smalls && works ? NULL : err_nomem();

	for (size_t i = 0; !err && i < b->cnt; i++)
		err = swiss_start(&d, i);
	if (!err)
		err = swiss_decode_small(r, b, smalls, d.small_cnt);
	return err ? err : swiss_decode_tables(r, b, works, d.work_cnt);
}

/* ---- the groups of one map ---- */

/* Groups have no chains, and the runtime wrote their control words, so no page of them is
 * untouched. */
static struct err *swiss_visit(const struct buckets *b, const struct bucket_array *array,
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

static uint64_t swiss_allocated_buckets(uint64_t cnt)
{
	return cnt;
}

const struct map_kind_ops swiss_ops = {
	.decode = swiss_decode,
	.may_be_map = swiss_may_be_map,
	.may_be_table = swiss_may_be_table,
	.tables_of = swiss_tables_of,
	.is_writing = swiss_is_writing,
	.table_off = swiss_table_off,
	.find_arrays = swiss_find_arrays,
	.visit = swiss_visit,
	.allocated_buckets = swiss_allocated_buckets,
	.fresh_bytes = sizing_swiss,
	.self_describing = true,
	.filled_min = 0,
	.filled_max = SWISS_CTRL_FILLED_MAX,
	.vacant = SWISS_CTRL_EMPTY,
};
