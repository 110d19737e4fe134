// SPDX-License-Identifier: GPL-2.0-only
#include "maps/classic.h"

#include <string.h>

#include "base/cursor.h"
#include "maps/classic_row.h"

enum {
	/* Arrays up to this size are read ahead of the walk, many in one call. */
	AHEAD_ARRAY_MAX = 4096,
	WALK_MIN = 2048, /* walks of arrays with at least as many bytes are counted */
};

/* ---- a batch ---- */

/* The bytes of an array that is read ahead; 0: it is not. */
static uint32_t classic_ahead_bytes(const struct classic_work *w)
{
	uint64_t len = w->now.o.slot + w->now.o.size - w->now.addr;

	return len <= AHEAD_ARRAY_MAX ? len : 0;
}

/* Reads small arrays that lie together, with what tells their types. */
static struct err *classic_read_blocks(const struct classic_decoder *d)
{
	struct blocks *blocks = d->reader->blocks;

	blocks_begin(blocks);
	for (size_t i = 0; i < d->work_cnt; i++) {
		struct classic_work *w = &d->works[i];

		w->evidence.o = w->now.o;
		evidence_place(d->reader->heap, &w->evidence);
		evidence_want(&w->evidence, blocks);
		if (classic_ahead_bytes(w))
			w->now.ahead_place =
				blocks_want(blocks, w->now.addr, classic_ahead_bytes(w));
	}
	return blocks_read(blocks, d->reader->mem);
}

/* Works whose bytes were not all in the blocks. */
struct classic_rest {
	VEC(struct classic_work *) list;
	size_t bytes; /* of those arrays that are to be read ahead */
};

static void classic_rest_fini(struct classic_rest *rest)
{
	vec_fini(&rest->list);
}

/* Decodes the maps whose bytes were all read; the others are the rest. */
static struct err *classic_decode_read(const struct classic_decoder *d, struct classic_rest *rest)
{
	struct blocks *blocks = d->reader->blocks;
	struct err *err = NULL;

	for (size_t i = 0; !err && i < d->work_cnt; i++) {
		struct classic_work *w = &d->works[i];
		uint32_t len = classic_ahead_bytes(w);

		if (len)
			w->now.ahead = blocks_at(blocks, w->now.ahead_place, w->now.addr);
		if (evidence_take(&w->evidence, blocks) && (!len || w->now.ahead)) {
			err = classic_decode_one(d, w);
			continue;
		}
		rest->bytes += w->now.ahead ? 0 : len;
		err = vec_push(&rest->list, w) ? NULL : err_nomem();
	}
	return err;
}

/* Reads the rest, one by one; buf has room for its arrays. */
static struct err *classic_read_rest(const struct classic_decoder *d,
				     const struct classic_rest *rest, uint8_t *buf)
{
	size_t n = 0, each = 1 + SHAPE_READS;
	_cleanup_free_ struct mem_req *reqs = malloc((each * rest->list.len + 1) * sizeof(*reqs));

	if (!reqs)
		return err_nomem();
	for (size_t i = 0; i < rest->list.len; i++) {
		struct classic_work *w = rest->list.data[i];
		uint32_t len = classic_ahead_bytes(w);

		n += evidence_ask(&w->evidence, &reqs[n]);
		if (!len || w->now.ahead)
			continue;
		w->now.ahead = buf;
		reqs[n++] = (struct mem_req){ w->now.addr, len, false, buf };
		buf += len;
	}
	struct err *err = mem_gather(d->reader->mem, reqs, n);
	for (size_t i = 0; !err && i < n; i++)
		if (!reqs[i].ok) /* gone: the walk finds no map in these bytes */
			memset(reqs[i].dst, 0xff, reqs[i].len);
	return err;
}

static struct err *classic_decode_rest(const struct classic_decoder *d,
				       const struct classic_rest *rest)
{
	_cleanup_free_ uint8_t *ahead = malloc(rest->bytes + 1);
	struct err *err = ahead ? classic_read_rest(d, rest, ahead) : err_nomem();

	for (size_t i = 0; !err && i < rest->list.len; i++)
		err = classic_decode_one(d, rest->list.data[i]);
	return err;
}

static void classic_settle(const struct classic_decoder *d, const struct classic_work *w)
{
	d->batch->verdicts[w->at] = classic_judge(d, w);
}

/* Reads the headers again that lie together, and judges their maps; the others are the rest. */
static struct err *classic_judge_read(const struct classic_decoder *d, struct classic_rest *rest)
{
	uint32_t sz = d->reader->heap->prog->layout.classic.header_sz;
	struct blocks *blocks = d->reader->blocks;

	blocks_begin(blocks);
	for (size_t i = 0; i < d->work_cnt; i++)
		d->works[i].after_place =
			blocks_want(blocks, d->batch->cands[d->works[i].at].addr, sz);
	struct err *err = blocks_read(blocks, d->reader->mem);
	for (size_t i = 0; !err && i < d->work_cnt; i++) {
		struct classic_work *w = &d->works[i];

		w->after = blocks_at(blocks, w->after_place, d->batch->cands[w->at].addr);
		if (w->after)
			classic_settle(d, w);
		else
			err = vec_push(&rest->list, w) ? NULL : err_nomem();
	}
	return err;
}

static struct err *classic_judge_rest(const struct classic_decoder *d,
				      const struct classic_rest *rest)
{
	uint32_t sz = d->reader->heap->prog->layout.classic.header_sz;
	_cleanup_free_ struct mem_req *reqs = malloc((rest->list.len + 1) * sizeof(*reqs));

	if (!reqs)
		return err_nomem();
	for (size_t i = 0; i < rest->list.len; i++) {
		struct classic_work *w = rest->list.data[i];

		reqs[i] = (struct mem_req){ d->batch->cands[w->at].addr, sz, false, w->own_after };
	}
	struct err *err = mem_gather(d->reader->mem, reqs, rest->list.len);
	for (size_t i = 0; !err && i < rest->list.len; i++) {
		const uint8_t *after = reqs[i].dst;
		size_t at = (after - (uint8_t *)d->works) / sizeof(*d->works);

		d->works[at].after = reqs[i].ok ? after : NULL;
		classic_settle(d, &d->works[at]);
	}
	return err;
}

static struct err *classic_read_extras(struct classic_decoder *d)
{
	struct err *err = classic_extra_read(d->reader, d->batch, &d->extras);

	for (size_t i = 0; !err && i < d->extras.list.len; i++)
		d->works[d->extras.list.data[i].work].unread |= d->extras.list.data[i].unread;
	return err;
}

static struct err *classic_decode_works(struct classic_decoder *d)
{
	_cleanup_(classic_rest_fini) struct classic_rest unread = { 0 }, apart = { 0 };
	struct err *err = classic_read_extras(d);

	if (!err)
		err = classic_read_blocks(d);
	if (!err)
		err = classic_decode_read(d, &unread);
	if (!err)
		err = classic_decode_rest(d, &unread);
	if (!err)
		err = classic_judge_read(d, &apart);
	return err ? err : classic_judge_rest(d, &apart);
}

/* Notes that the map of the last work has a mapextra. */
static struct err *classic_note_extra(struct classic_decoder *d)
{
	struct classic_work *w = &d->works[d->work_cnt - 1];
	struct classic_extra extra = {
		.work = d->work_cnt - 1,
		.at = w->at,
		.addr = w->h.extra,
		.noscan = span_noscan(w->now.o.span),
	};

	w->extra = d->extras.list.len;
	return vec_push(&d->extras.list, extra) ? NULL : err_nomem();
}

/* Sorts out the headers of the batch. Those that may be maps become works. */
static struct err *classic_check_headers(struct classic_decoder *d)
{
	const struct classic_layout *layout = &d->reader->heap->prog->layout.classic;
	struct map_batch *b = d->batch;
	struct err *err = NULL;

	for (size_t i = 0; !err && i < b->cnt; i++) {
		struct classic_work *w = &d->works[d->work_cnt];
		struct candidate *c = &b->cands[i];

		classic_work_init(w, i, layout, c->header);
		b->verdicts[i] = classic_check_header(d->reader->heap, w, c);
		if (b->verdicts[i] == VERDICT_MAP && w->now.o.size >= WALK_MIN)
			err = batch_count_walk(d->reader, c, w->now.addr, &b->verdicts[i]);
		d->work_cnt += b->verdicts[i] == VERDICT_MAP;
		if (b->verdicts[i] == VERDICT_MAP && w->h.extra)
			err = classic_note_extra(d);
	}
	return err;
}

static struct err *classic_decode(const struct map_reader *r, struct map_batch *b)
{
	_cleanup_free_ uint8_t *buf = malloc(BUCKETS_READ_SZ);
	_cleanup_free_ struct classic_work *works = malloc((b->cnt + 1) * sizeof(*works));
	struct classic_decoder d = { .reader = r, .batch = b, .works = works, .buf = buf };
	struct err *err = buf && works ? classic_check_headers(&d) : err_nomem();

	if (!err)
		err = classic_decode_works(&d);
	classic_extras_fini(&d.extras);
	return err;
}

/* ---- the buckets of one map ---- */

static bool classic_push_array(struct buckets *b, const struct classic_array *a)
{
	return vec_push(&b->arrays, ((struct bucket_array){ .addr = a->addr, .cnt = a->cnt }));
}

static struct err *classic_find_arrays(struct buckets *b, bool *found_ret)
{
	struct candidate c = { .addr = b->map };
	struct classic_work w;

	classic_work_init(&w, 0, &b->heap->prog->layout.classic, b->header);
	*found_ret = classic_check_header(b->heap, &w, &c) == VERDICT_MAP &&
		     classic_array_has_room(&w.now, b->bucket_sz) &&
		     (!w.grows || classic_array_has_room(&w.old, b->bucket_sz));
	if (!*found_ret)
		return NULL;
	return classic_push_array(b, &w.now) && (!w.grows || classic_push_array(b, &w.old))
		       ? NULL
		       : err_nomem();
}

static struct err *classic_visit(const struct buckets *b, const struct bucket_array *array,
				 uint64_t first, uint64_t n, const struct bucket_visitor *visitor,
				 bool *whole_ret)
{
	const struct map_reader reader = {
		.heap = b->heap,
		.mem = &b->heap->prog->target->mem,
		.residency = b->residency,
	};
	struct candidate cand = { .addr = b->map };
	struct map_batch batch = { .cands = &cand, .cnt = 1 };
	const struct classic_decoder d = {
		.reader = &reader,
		.batch = &batch,
		.buf = visitor->buf,
		.visitor = visitor,
	};
	struct classic_work w = {
		.now = { .addr = array->addr, .cnt = array->cnt, .first = first, .end = first + n },
		.bucket_sz = b->bucket_sz,
	};

	w.sane = heap_object(b->heap, array->addr, &w.now.o);
	struct err *err = w.sane ? classic_walk_array(&d, &w, &w.now) : NULL;

	*whole_ret = w.sane && !w.unread;
	return err;
}

static uint64_t classic_allocated_buckets(uint64_t cnt)
{
	return sizing_classic_array(__builtin_ctzll(cnt));
}

const struct map_kind_ops classic_ops = {
	.decode = classic_decode,
	.may_be_map = classic_may_be_map,
	.may_be_table = classic_may_be_table,
	.tables_of = classic_tables_of,
	.is_writing = classic_is_writing,
	.table_off = classic_table_off,
	.find_arrays = classic_find_arrays,
	.visit = classic_visit,
	.allocated_buckets = classic_allocated_buckets,
	.fresh_bytes = sizing_classic,
	.self_describing = false,
	.filled_min = TOPHASH_FILLED_MIN,
	.filled_max = UINT8_MAX,
	.vacant = 0,
};
