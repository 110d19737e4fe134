// SPDX-License-Identifier: GPL-2.0-only
#include "maps/swiss_small.h"

#include <string.h>

#include "base/cursor.h"
#include "maps/swiss_header.h"

enum {
	CTRL_SZ = 8,
	EQUAL_MIN = 6, /* a word with this many equal bytes is not a control word */
};

/* The maps of one group in a batch. */
struct swiss_smalls {
	const struct map_reader *reader;
	struct map_batch *batch;
	struct swiss_small *list;
	size_t cnt;
};

/*
 * Whether the control bytes of full slots look like seven bits of a hash, which text and small
 * numbers do not: hashing makes six equal bytes, or eight below 16, once in 10 million full
 * groups.
 */
static bool looks_hashed(uint64_t ctrl, int full)
{
	const uint64_t low = EACH_BYTE * 0x7f;

	/* Of six equal bytes one is among the first three. */
	for (int i = 0; i < 3 && full >= EQUAL_MIN; i++) {
		uint8_t c = ctrl >> (8 * i);
		uint64_t diff = ctrl ^ EACH_BYTE * c;
		uint64_t differs = (((diff & low) + low) | diff) >> 7 & EACH_BYTE;

		if (c < 0x80 && BUCKET_SLOTS - byte_cnt(differs) >= EQUAL_MIN)
			return false;
	}
	return ctrl & EACH_BYTE * 0xf0;
}

static void small_fill_row(struct map_info *m, const struct swiss_small *w,
			   const struct shape *shape, uint64_t resident)
{
	*m = (struct map_info){
		.live_keys = w->used,
		.buckets = 1,
		.table_bytes = w->evidence.o.size,
		.resident_bytes = resident,
		.consistency = MAP_EXACT,
		.small = true,
		.noscan = span_noscan(w->evidence.o.span),
	};
	shape_apply(shape, m);
	if (m->bucket_sz && m->live_keys) /* a fresh map of at most 8 keys is such a group, too */
		m->rebuild_bytes = w->evidence.o.size;
}

static enum verdict small_decide(const struct swiss_smalls *d, const struct swiss_small *w)
{
	struct candidate *c = &d->batch->cands[w->at];
	uint64_t ctrl = load_u64(w->group, 0);
	int full = swiss_ctrl_full(ctrl, /* small= */ true);

	/* The header was read before the group. When the map has outgrown the group meanwhile,
	 * this is not a group any more. */
	if (full < 0 || !looks_hashed(ctrl, full)) {
		c->doubt = 0; /* whatever span it is in */
		struct swiss_header h = swiss_parse_header(c->header);
		return swiss_misfit(&h, c);
	}
	if ((uint64_t)full != w->used) {
		/* In the middle of an insert or a delete. No other change may follow. */
		c->moved |= swiss_parse_header(c->header).writing &&
			    ((uint64_t)full + 1 == w->used || (uint64_t)full == w->used + 1);
		candidate_note_round(c, full);
		return VERDICT_CHANGED;
	}
	struct small_shape *small =
		shape_of_small(d->reader->heap, d->reader->shapes, &w->evidence);
	const struct shape *shape = small ? &small->shape
					  : shape_of(d->reader->heap, d->reader->shapes,
						     &w->evidence, 1, /* only_sz= */ 0);
	/* Memory without pointers gives no evidence but its contents, which may have been torn. */
	if (span_noscan(w->evidence.o.span) && !shape_fits_group(shape, w->group))
		return VERDICT_CHANGED;
	uint64_t resident = batch_resident(d->reader, d->batch, w->at, &w->evidence.o);
	uint32_t *kind = batch_kind_at(d->reader, small, c, w->used, resident, w->evidence.o.size);
	if (!batch_set_kind(d->reader, d->batch, w->at, kind, w->evidence.o.span)) {
		batch_claim(d->reader, d->batch, w->at, &w->evidence.o);
		small_fill_row(&d->batch->maps[w->at], w, shape, resident);
		d->batch->maps[w->at].addr = c->addr;
		batch_keep_kind(d->batch, w->at, kind);
	}
	return VERDICT_MAP;
}

/* Bytes to read of a group: all of it when it has no pointers, for then its contents are the
 * evidence; else the control word. */
static uint32_t small_group_bytes(const struct swiss_small *w)
{
	return span_noscan(w->evidence.o.span) ? w->evidence.o.slot + w->evidence.o.size - w->addr
					       : CTRL_SZ;
}

/* Reads the groups that lie together, with what tells their types. */
static struct err *small_read_blocks(const struct swiss_smalls *d)
{
	struct blocks *blocks = d->reader->blocks;

	blocks_begin(blocks);
	for (size_t i = 0; i < d->cnt; i++) {
		struct swiss_small *w = &d->list[i];

		evidence_want(&w->evidence, blocks);
		w->place = blocks_want(blocks, w->addr, small_group_bytes(w));
	}
	return blocks_read(blocks, d->reader->mem);
}

/* The maps whose bytes were not all in the blocks. */
struct small_rest {
	VEC(uint32_t) list; /* indexes into the smalls */
	size_t group_bytes; /* of their groups */
};

/* Decides the maps whose bytes were all read; the others are the rest. */
static struct err *small_decide_read(const struct swiss_smalls *d, struct small_rest *rest)
{
	struct blocks *blocks = d->reader->blocks;

	for (size_t i = 0; i < d->cnt; i++) {
		struct swiss_small *w = &d->list[i];

		w->group = blocks_at(blocks, w->place, w->addr);
		if (evidence_take(&w->evidence, blocks) && w->group) {
			d->batch->verdicts[w->at] = small_decide(d, w);
			continue;
		}
		if (!vec_push(&rest->list, i))
			return err_nomem();
		rest->group_bytes += w->group ? 0 : small_group_bytes(w);
	}
	return NULL;
}

/* Reads and decides the rest, one by one. */
static struct err *small_decide_rest(const struct swiss_smalls *d, const struct small_rest *rest)
{
	size_t each = 1 + SHAPE_READS, n = 0;
	_cleanup_free_ struct mem_req *reqs = malloc((each * rest->list.len + 1) * sizeof(*reqs));
	_cleanup_free_ uint8_t *groups = malloc(rest->group_bytes + 1);
	_cleanup_free_ size_t *asked = calloc(rest->list.len + 1, sizeof(*asked));
	uint8_t *group = groups;

	if (!reqs || !groups || !asked)
		return err_nomem();
	for (size_t i = 0; i < rest->list.len; i++) {
		struct swiss_small *w = &d->list[rest->list.data[i]];

		n += evidence_ask(&w->evidence, &reqs[n]);
		if (w->group)
			continue;
		w->group = group;
		asked[i] = n + 1;
		reqs[n++] = (struct mem_req){ w->addr, small_group_bytes(w), false, group };
		group += small_group_bytes(w);
	}
	struct err *err = mem_gather(d->reader->mem, reqs, n);
	for (size_t i = 0; !err && i < n; i++)
		if (!reqs[i].ok)
			memset(reqs[i].dst, 0xff, reqs[i].len);
	for (size_t i = 0; !err && i < rest->list.len; i++) {
		struct swiss_small *w = &d->list[rest->list.data[i]];

		d->batch->cands[w->at].lacking |= asked[i] && !reqs[asked[i] - 1].ok;
		d->batch->verdicts[w->at] = small_decide(d, w);
	}
	return err;
}

struct err *swiss_decode_small(const struct map_reader *r, struct map_batch *b,
			       struct swiss_small *smalls, size_t cnt)
{
	const struct swiss_smalls d = { .reader = r, .batch = b, .list = smalls, .cnt = cnt };
	struct small_rest rest = { 0 };
	struct err *err = small_read_blocks(&d);

	if (!err)
		err = small_decide_read(&d, &rest);
	if (!err && rest.list.len)
		err = small_decide_rest(&d, &rest);
	vec_fini(&rest.list);
	return err;
}
