// SPDX-License-Identifier: GPL-2.0-only
#include "maps/classic_row.h"

#include <string.h>

#include "base/cursor.h"
#include "maps/sizing.h"

/* ---- rows ---- */

static void classic_build_row(const struct classic_decoder *d, const struct classic_work *w,
			      const struct shape *shape, uint64_t resident)
{
	struct map_info *m = &d->batch->maps[w->at];
	const struct classic_array *now = &w->now, *old = &w->old;
	const struct classic_extra *extra = w->h.extra ? &d->extras.list.data[w->extra] : NULL;
	struct table_shape table = {
		.noscan = span_noscan(now->o.span),
		.listed = extra && extra->listed,
		.malloc_headers = heap_malloc_headers(d->reader->heap),
		.load_num = d->reader->heap->prog->layout.classic.load_num,
	};

	*m = (struct map_info){
		.addr = d->batch->cands[w->at].addr,
		.live_keys = w->h.count,
		.buckets = now->cnt + now->tally.overflow_cnt,
		.overflow_buckets = now->tally.overflow_cnt,
		.table_bytes = now->o.size + now->tally.overflow_bytes,
		.resident_bytes = resident + now->tally.overflow_resident,
		.table_cnt = 1,
		.listed = table.listed,
		.noscan = table.noscan,
	};
	if (extra) {
		m->table_bytes += extra->bytes;
		m->resident_bytes += extra->resident;
	}
	if (w->grows) {
		m->old_bytes = old->o.size;
		m->table_bytes += old->o.size + old->tally.overflow_bytes;
		m->resident_bytes += batch_claim_resident(d->reader, d->batch, w->at, &old->o) +
				     old->tally.overflow_resident;
	}
	shape_apply(shape, m);
	table.bucket_sz = m->bucket_sz;
	if (m->bucket_sz)
		m->rebuild_bytes = sizing_classic(m->live_keys, &table);
}

static void classic_claim_overflow(const struct classic_decoder *d, const struct classic_work *w,
				   const struct classic_tally *t)
{
	if (t->overflow_bytes)
		batch_claim_chained(d->batch, w->at, t->overflow_class, t->overflow_bytes);
}

/* small: what may know the kind of the row; or NULL. */
static void classic_set_row(const struct classic_decoder *d, const struct classic_work *w,
			    const struct shape *shape, struct small_shape *small)
{
	uint64_t resident = batch_resident(d->reader, d->batch, w->at, &w->now.o);
	bool plain = !w->grows && !w->h.extra && !w->now.tally.overflow_cnt && w->adds_up;
	uint32_t *kind = batch_kind_at(d->reader, plain ? small : NULL, &d->batch->cands[w->at],
				       w->h.count, resident, w->now.o.size);

	classic_claim_overflow(d, w, &w->now.tally);
	if (w->grows)
		classic_claim_overflow(d, w, &w->old.tally);
	if (batch_set_kind(d->reader, d->batch, w->at, kind, w->now.o.span))
		return;
	batch_claim(d->reader, d->batch, w->at, &w->now.o);
	classic_build_row(d, w, shape, resident);
	batch_keep_kind(d->batch, w->at, kind);
}

/*
 * Whether the keys that were not found may be in pages that we cannot see: those that fail to be
 * read, and those that are not in memory, which are taken for zeroes and not read. The latter is
 * wrong for a page that a userfaultfd has yet to fill.
 */
static bool classic_is_lacking(const struct classic_decoder *d, const struct classic_work *w)
{
	const struct residency *r = d->reader->residency;
	const struct object *o = &w->now.o;

	if (w->failed)
		return true;
	return r && w->sane && w->found < w->h.count &&
	       residency_bytes(r, o->slot, o->size) < o->size;
}

enum verdict classic_judge(const struct classic_decoder *d, const struct classic_work *w)
{
	const struct classic_layout *l = &d->reader->heap->prog->layout.classic;
	struct map_info *m = &d->batch->maps[w->at];

	if (!w->after)
		return VERDICT_CHANGED;
	/* A writer may be off its processor for as long as we look, and then nothing moves. */
	struct classic_header after = classic_parse_header(l, w->after);
	bool writing = (w->h.flags | after.flags) & HMAP_FLAG_WRITING;
	d->batch->cands[w->at].moved |= writing;
	d->batch->cands[w->at].lacking = classic_is_lacking(d, w);
	if (!w->sane || after.buckets != w->h.buckets || after.oldbuckets != w->h.oldbuckets ||
	    after.extra != w->h.extra)
		return VERDICT_CHANGED;
	if (after.count == w->h.count && w->adds_up && !w->unread && !writing)
		return VERDICT_MAP;
	bool busy = candidate_note_round(&d->batch->cands[w->at], w->found);
	if (!map_count_is_near(w->found, after.count) || (after.count == w->h.count && !busy))
		return VERDICT_CHANGED;
	batch_expand_row(d->batch, w->at);
	/* It has chained more buckets since we read them. */
	if (after.count > map_slots(m))
		return VERDICT_CHANGED;
	m->consistency = MAP_MOVING;
	m->live_keys = after.count;
	return VERDICT_MAP;
}

/* ---- bucket sizes ---- */

/*
 * Adds the bucket sizes that would take just this array. That is all there is to go by for a map
 * type made at run time (reflect.MapOf), which is in no section of the binary.
 */
static void classic_add_possible_sizes(const struct heap *heap, const struct classic_work *w,
				       uint64_t n, struct shape *shape)
{
	uint64_t largest = (w->now.o.slot + w->now.o.size - w->now.addr) / n;

	if (largest > CLASSIC_BUCKET_SZ_MAX)
		largest = CLASSIC_BUCKET_SZ_MAX;
	for (uint64_t sz = largest & ~7ull; sz >= CLASSIC_BUCKET_SZ_MIN; sz -= 8) {
		if (shape->size_cnt == SHAPE_SIZES_MAX ||
		    !shape_alloc_fits(heap, &w->now.o, sz * n))
			break;
		shape->sizes[shape->size_cnt++] = sz;
	}
}

static void classic_set_tallies(struct classic_work *w, const struct classic_tally *now,
				const struct classic_tally *old)
{
	w->now.tally = *now;
	if (w->grows)
		w->old.tally = *old;
}

/* Narrows a shape to the bucket sizes that fit. */
static struct shape classic_narrow_sizes(const struct classic_decoder *d,
					 const struct classic_work *w, uint64_t n,
					 const struct shape *shape, const struct classic_sizes *fit)
{
	struct shape s = *shape;

	if (fit->cnt == 1 && s.candidates)
		return *shape_of(d->reader->heap, d->reader->shapes, &w->evidence, n,
				 fit->sizes[0]);
	s.size_cnt = fit->cnt;
	memcpy(s.sizes, fit->sizes, fit->cnt * sizeof(*s.sizes));
	s.candidates = 0;
	for (uint8_t i = 0; shape->candidates && i < fit->cnt; i++)
		s.candidates +=
			shape_of(d->reader->heap, d->reader->shapes, &w->evidence, n, fit->sizes[i])
				->candidates;
	return s;
}

/* Decodes a map by what its buckets tell, as several bucket sizes are possible. */
static struct err *classic_decode_sizes(const struct classic_decoder *d, struct classic_work *w,
					uint64_t n, const struct shape *possible)
{
	static const struct classic_tally nothing = { 0 };
	struct shape shape = *possible;
	struct classic_sizes fit;
	struct err *err = classic_try_sizes(d, w, &shape, &fit);

	if (err)
		return err;
	/* A moving map proves none of the sizes. */
	if (w->adds_up)
		classic_set_tallies(w, &fit.now, &fit.old);
	else if (shape.size_cnt > 1)
		classic_set_tallies(w, &nothing, &nothing);
	if (w->adds_up && fit.cnt < shape.size_cnt)
		shape = classic_narrow_sizes(d, w, n, &shape, &fit);
	classic_set_row(d, w, &shape, NULL);
	return NULL;
}

/* Whether the only bucket of a map is read already, and chains no other: no walk is needed. */
static bool classic_is_alone(const struct classic_work *w, uint16_t bucket_sz)
{
	return w->now.ahead && !w->grows && classic_array_has_room(&w->now, bucket_sz) &&
	       !load_u64(w->now.ahead, bucket_sz - 8);
}

/* Decodes a map of one bucket with one possible size, which most maps are. */
static struct err *classic_decode_small(const struct classic_decoder *d, struct classic_work *w,
					struct small_shape *small)
{
	uint16_t bucket_sz = small->shape.sizes[0];
	struct err *err = NULL;

	w->sane = classic_is_alone(w, bucket_sz);
	if (w->sane)
		w->now.tally.filled = classic_bucket_filled(w->now.ahead);
	else
		err = classic_try_size(d, w, bucket_sz);
	w->found = w->now.tally.filled + (w->grows ? w->old.tally.filled : 0);
	w->adds_up = w->sane && classic_adds_up(w, w->found, /* several= */ false);
	if (!err)
		classic_set_row(d, w, &small->shape, small);
	return err;
}

struct err *classic_decode_one(const struct classic_decoder *d, struct classic_work *w)
{
	const struct heap *heap = d->reader->heap;
	uint64_t n = sizing_classic_array(w->h.b);
	struct small_shape *small = n == 1 ? shape_of_small(heap, d->reader->shapes, &w->evidence)
					   : NULL;

	if (small && small->shape.size_cnt == 1)
		return classic_decode_small(d, w, small);
	struct shape shape = *shape_of(heap, d->reader->shapes, &w->evidence, n, /* only_sz= */ 0);
	if (!shape.size_cnt)
		classic_add_possible_sizes(heap, w, n, &shape);
	return classic_decode_sizes(d, w, n, &shape);
}
