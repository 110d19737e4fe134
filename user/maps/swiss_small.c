// SPDX-License-Identifier: GPL-2.0-only
/* Swiss maps of up to 8 keys: one group, whose control word is all there is. */
#include <string.h>

#include "base/cursor.h"
#include "maps/swiss.h"

/*
 * Control bytes of full slots are seven bits of a hash. Text and small numbers are
 * not: six equal bytes, or eight below 16, come from hashing once in 10 million
 * full groups.
 */
static bool looks_hashed(uint64_t ctrl)
{
	const uint64_t low = SWISS_EACH_BYTE * 0x7f;

	for (int i = 0; i < 3; i++) { /* of six equal bytes one is among the first three */
		uint8_t c = ctrl >> (8 * i);
		uint64_t diff = ctrl ^ SWISS_EACH_BYTE * c;
		uint64_t differs = (((diff & low) + low) | diff) >> 7 & SWISS_EACH_BYTE;

		if (c < 0x80 && BUCKET_SLOTS - swiss_byte_cnt(differs) >= 6)
			return false;
	}
	return ctrl & SWISS_EACH_BYTE * 0xf0;
}

static enum verdict finish_small(const struct swiss_decoder *d, const struct swiss_work *w)
{
	struct map_info *m = &d->batch->maps[w->at];
	int full = swiss_ctrl_full(w->ctrl, /* small= */ true);

	if (full < 0 || !looks_hashed(w->ctrl))
		return VERDICT_LOOKALIKE;
	if ((uint64_t)full != w->h.used) {
		/* In the middle of an insert or delete, at whose end nothing may come. */
		d->batch->cands[w->at].moved |= w->h.writing && ((uint64_t)full + 1 == w->h.used ||
								 (uint64_t)full == w->h.used + 1);
		return VERDICT_CHANGED;
	}
	*m = (struct map_info){
		.addr = d->batch->cands[w->at].addr,
		.live_keys = w->h.used,
		.buckets = 1,
		.table_bytes = w->dir.size,
		.resident_bytes = census_resident(d->census, &w->dir),
		.consistency = MAP_EXACT,
		.small = true,
		.noscan = span_noscan(w->dir.span),
	};
	struct shape shape =
		shape_of(d->census->heap, d->census->shapes, &w->evidence, 1, /* only_sz= */ 0);
	/* Memory without pointers gives no other evidence than its content, and that
	 * may have been torn. */
	if (w->group && !shape_fits_group(&shape, w->group))
		return VERDICT_CHANGED;
	shape_apply(&shape, m);
	if (m->bucket_sz && m->live_keys) /* a fresh map of so few keys is such a group, too */
		m->rebuild_bytes = w->dir.size;
	return VERDICT_MAP;
}

/*
 * Appends the reads for one small map. Of memory without pointers the whole group is
 * read, for its content is the evidence; else the control word and what the allocator
 * noted. Returns their number.
 */
static size_t start_small(const struct swiss_decoder *d, struct swiss_work *w, uint8_t *buf,
			  struct mem_req reqs[1 + SHAPE_READS])
{
	size_t n = evidence_start(d->census->heap, &w->dir, &w->evidence, reqs);

	if (span_noscan(w->dir.span)) {
		w->group = buf;
		reqs[n++] = (struct mem_req){ w->h.dir_ptr,
					      w->dir.slot + w->dir.size - w->h.dir_ptr, false,
					      buf };
	} else {
		reqs[n++] = (struct mem_req){ w->h.dir_ptr, 8, false, &w->ctrl };
	}
	return n;
}

static size_t group_bytes(const struct swiss_work *w)
{
	return !w->h.dir_len && span_noscan(w->dir.span) ? w->dir.size : 0;
}

/* Reads the control words of all small maps, and what tells their types. */
struct err *swiss_decode_small(struct swiss_decoder *d)
{
	size_t each = 1 + SHAPE_READS, n = 0, used = 0, sz = 0;

	for (size_t i = 0; i < d->work_cnt; i++)
		sz += group_bytes(&d->works[i]);
	_cleanup_free_ struct mem_req *reqs = malloc(each * (d->work_cnt + 1) * sizeof(*reqs));
	_cleanup_free_ uint8_t *groups = malloc(sz + 1);

	if (!reqs || !groups)
		return err_nomem();
	for (size_t i = 0; i < d->work_cnt; i++) {
		struct swiss_work *w = &d->works[i];

		if (w->h.dir_len)
			continue;
		n += start_small(d, w, groups + used, &reqs[n]);
		used += group_bytes(w);
	}
	struct err *err = mem_gather(d->mem, reqs, n);
	if (err)
		return err;
	for (size_t i = 0; i < n; i++)
		if (!reqs[i].ok) /* an unreadable slot of a live span: it went away */
			memset(reqs[i].dst, 0xff, reqs[i].len);
	for (size_t i = 0; i < d->work_cnt; i++) {
		struct swiss_work *w = &d->works[i];

		if (w->h.dir_len)
			continue;
		if (w->group)
			w->ctrl = load_u64(w->group, 0);
		d->batch->verdicts[w->at] = finish_small(d, w);
	}
	return NULL;
}
