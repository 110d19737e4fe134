// SPDX-License-Identifier: GPL-2.0-only
/* Swiss maps of up to 8 keys: one group, whose control word is all there is. */
#include <string.h>

#include "maps/swiss.h"

/*
 * Control bytes of full slots are seven bits of a hash. Text and small numbers are
 * not: six equal bytes, or eight below 16, come from hashing once in 10 million
 * full groups.
 */
static bool looks_hashed(uint64_t ctrl)
{
	uint8_t most = 0, high = 0;

	for (int i = 0; i < BUCKET_SLOTS; i++) {
		uint8_t c = ctrl >> (8 * i), equal = 0;

		for (int j = 0; j < BUCKET_SLOTS; j++)
			equal += (uint8_t)(ctrl >> (8 * j)) == c;
		if (c < 0x80 && equal > most)
			most = equal;
		high += c >= 16;
	}
	return most < 6 && high;
}

static enum verdict finish_small(const struct swiss_decoder *d, const struct swiss_work *w)
{
	struct map_info *m = &d->batch->maps[w->at];
	int full = swiss_ctrl_full(w->ctrl, /* small= */ true);

	if (full < 0 || !looks_hashed(w->ctrl))
		return VERDICT_LOOKALIKE;
	if ((uint64_t)full != w->h.used)
		return VERDICT_CHANGED;
	*m = (struct map_info){
		.addr = d->batch->cands[w->at].addr,
		.live_keys = w->h.used,
		.buckets = 1,
		.table_bytes = w->dir.size,
		.resident_bytes = census_resident(d->census, &w->dir),
		.consistency = MAP_EXACT,
		.small = true,
	};
	struct shape shape =
		shape_of(d->census->heap, d->census->shapes, &w->evidence, 1, /* only_sz= */ 0);
	/* Memory without pointers gives no other evidence than its content, and that
	 * may have changed since the control word was read. */
	if (w->group && !shape_fits_group(&shape, w->group))
		return VERDICT_CHANGED;
	shape_apply(&shape, m);
	swiss_set_rebuild(d, m, &w->dir);
	return VERDICT_MAP;
}

/* Reads the groups without pointers whole: their content is the evidence. */
static struct err *read_small_groups(struct swiss_decoder *d, uint8_t **buf_ret)
{
	_cleanup_free_ struct mem_req *reqs = malloc((d->work_cnt + 1) * sizeof(*reqs));
	size_t n = 0, sz = 0;

	for (size_t i = 0; i < d->work_cnt; i++)
		if (!d->works[i].h.dir_len && span_noscan(d->works[i].dir.span))
			sz += d->works[i].dir.size;
	uint8_t *buf = calloc(1, sz + 1);
	if (!reqs || !buf) {
		free(buf);
		return err_nomem();
	}
	*buf_ret = buf;
	for (size_t i = 0; i < d->work_cnt; i++) {
		struct swiss_work *w = &d->works[i];

		if (w->h.dir_len || !span_noscan(w->dir.span))
			continue;
		w->group = buf;
		reqs[n++] = (struct mem_req){ w->h.dir_ptr,
					      w->dir.slot + w->dir.size - w->h.dir_ptr, false,
					      buf };
		buf += w->dir.size;
	}
	return mem_gather(d->mem, reqs, n);
}

/* Reads the control words of all small maps, and what tells their types. */
struct err *swiss_decode_small(struct swiss_decoder *d)
{
	size_t each = 1 + SHAPE_READS;
	_cleanup_free_ struct mem_req *reqs = malloc(each * (d->work_cnt + 1) * sizeof(*reqs));
	_cleanup_free_ uint8_t *groups = NULL;
	size_t n = 0;

	if (!reqs)
		return err_nomem();
	for (size_t i = 0; i < d->work_cnt; i++) {
		struct swiss_work *w = &d->works[i];

		if (w->h.dir_len)
			continue;
		reqs[n++] = (struct mem_req){ w->h.dir_ptr, 8, false, &w->ctrl };
		n += evidence_start(d->census->heap, &w->dir, &w->evidence, &reqs[n]);
	}
	struct err *err = mem_gather(d->mem, reqs, n);
	if (err)
		return err;
	for (size_t i = 0; i < n; i++)
		if (!reqs[i].ok) /* an unreadable slot of a live span: it went away */
			memset(reqs[i].dst, 0xff, reqs[i].len);
	err = read_small_groups(d, &groups);
	for (size_t i = 0; !err && i < d->work_cnt; i++)
		if (!d->works[i].h.dir_len)
			d->batch->verdicts[d->works[i].at] = finish_small(d, &d->works[i]);
	return err;
}
