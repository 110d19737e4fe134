// SPDX-License-Identifier: GPL-2.0-only
/* Swiss maps of up to 8 keys: one group, whose control word is all there is. */
#include <string.h>

#include "base/cursor.h"
#include "maps/swiss.h"

enum {
	CTRL_SZ = 8,
	EQUAL_MIN = 6, /* bytes, of a group that is none */
};

/*
 * Control bytes of full slots are seven bits of a hash. Text and small numbers are
 * not: six equal bytes, or eight below 16, come from hashing once in 10 million
 * full groups.
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

static void fill(struct map_info *m, const struct swiss_small *w, const struct shape *shape,
		 uint64_t resident)
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
	if (m->bucket_sz && m->live_keys) /* a fresh map of so few keys is such a group, too */
		m->rebuild_bytes = w->evidence.o.size;
}

static enum verdict finish_small(const struct swiss_decoder *d, const struct swiss_small *w)
{
	struct candidate *c = &d->batch->cands[w->at];
	uint64_t ctrl = load_u64(w->group, 0);
	int full = swiss_ctrl_full(ctrl, /* small= */ true);

	/* The header was read before the group, which is no group when the map has outgrown
	 * it meanwhile. */
	if (full < 0 || !looks_hashed(ctrl, full)) {
		c->stray = 0; /* whatever span it is in */
		struct swiss_header h = swiss_parse_header(c->header);
		return swiss_misfit(&h, c);
	}
	if ((uint64_t)full != w->used) {
		/* In the middle of an insert or delete, at whose end nothing may come. */
		c->moved |= swiss_parse_header(c->header).writing &&
			    ((uint64_t)full + 1 == w->used || (uint64_t)full == w->used + 1);
		census_is_busy(c, full);
		return VERDICT_CHANGED;
	}
	struct small_shape *small =
		shape_of_small(d->census->heap, d->census->shapes, &w->evidence);
	const struct shape *shape = small ? &small->shape
					  : shape_of(d->census->heap, d->census->shapes,
						     &w->evidence, 1, /* only_sz= */ 0);
	/* Memory without pointers gives no other evidence than its content, and that
	 * may have been torn. */
	if (span_noscan(w->evidence.o.span) && !shape_fits_group(shape, w->group))
		return VERDICT_CHANGED;
	uint64_t resident = census_resident(d->census, w->at, &w->evidence.o);
	uint32_t *kind = census_kind_at(d->census, small, c, w->used, resident, w->evidence.o.size);
	if (!census_set_kind(d->census, d->batch, w->at, kind, w->evidence.o.span)) {
		census_own(d->census, w->at, &w->evidence.o);
		fill(&d->batch->maps[w->at], w, shape, resident);
		d->batch->maps[w->at].addr = c->addr;
		census_keep_kind(d->census, d->batch, w->at, kind);
	}
	return VERDICT_MAP;
}

/*
 * What is read of a small map's group. Without pointers all of it, for its content is the
 * evidence; else the control word.
 */
static uint32_t group_bytes(const struct swiss_small *w)
{
	return span_noscan(w->evidence.o.span) ? w->evidence.o.slot + w->evidence.o.size - w->addr
					       : CTRL_SZ;
}

/* Reads the groups that lie together, with what tells their types. */
static struct err *read_blocks(struct swiss_decoder *d)
{
	struct blocks *blocks = d->census->blocks;

	blocks_begin(blocks);
	for (size_t i = 0; i < d->small_cnt; i++) {
		struct swiss_small *w = &d->smalls[i];

		evidence_want(&w->evidence, blocks);
		w->place = blocks_want(blocks, w->addr, group_bytes(w));
	}
	return blocks_read(blocks, d->mem);
}

/* Those that lie alone: places in works, and the bytes of their groups. */
struct rest {
	VEC(uint32_t) list;
	size_t group_bytes;
};

/* Decides the maps of which all was read; the others are the rest. */
static struct err *finish_read(struct swiss_decoder *d, struct rest *rest)
{
	struct blocks *blocks = d->census->blocks;

	for (size_t i = 0; i < d->small_cnt; i++) {
		struct swiss_small *w = &d->smalls[i];

		w->group = blocks_at(blocks, w->place, w->addr);
		if (evidence_take(&w->evidence, blocks) && w->group) {
			d->batch->verdicts[w->at] = finish_small(d, w);
			continue;
		}
		if (!vec_push(&rest->list, i))
			return err_nomem();
		rest->group_bytes += w->group ? 0 : group_bytes(w);
	}
	return NULL;
}

/* Reads and decides the rest, one by one. */
static struct err *finish_rest(struct swiss_decoder *d, const struct rest *rest)
{
	size_t each = 1 + SHAPE_READS, n = 0;
	_cleanup_free_ struct mem_req *reqs = malloc((each * rest->list.len + 1) * sizeof(*reqs));
	_cleanup_free_ uint8_t *groups = malloc(rest->group_bytes + 1);
	uint8_t *group = groups;

	if (!reqs || !groups)
		return err_nomem();
	for (size_t i = 0; i < rest->list.len; i++) {
		struct swiss_small *w = &d->smalls[rest->list.data[i]];

		n += evidence_ask(&w->evidence, &reqs[n]);
		if (w->group)
			continue;
		w->group = group;
		reqs[n++] = (struct mem_req){ w->addr, group_bytes(w), false, group };
		group += group_bytes(w);
	}
	struct err *err = mem_gather(d->mem, reqs, n);
	for (size_t i = 0; !err && i < n; i++)
		if (!reqs[i].ok) /* an unreadable slot of a live span: it went away */
			memset(reqs[i].dst, 0xff, reqs[i].len);
	for (size_t i = 0; !err && i < rest->list.len; i++) {
		struct swiss_small *w = &d->smalls[rest->list.data[i]];

		d->batch->verdicts[w->at] = finish_small(d, w);
	}
	return err;
}

struct err *swiss_decode_small(struct swiss_decoder *d)
{
	struct rest rest = { 0 };
	struct err *err = read_blocks(d);

	if (!err)
		err = finish_read(d, &rest);
	if (!err && rest.list.len)
		err = finish_rest(d, &rest);
	vec_fini(&rest.list);
	return err;
}
