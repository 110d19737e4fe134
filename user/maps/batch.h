/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * batch.h - candidates that are decoded together, and what the decoders say of them.
 *
 * A decoder sets a verdict for each candidate. For a map it also builds a row, or names the
 * kind of its row (rows.h), and claims the objects that the map's tables are made of.
 */
#ifndef MAPTRACE_MAPS_BATCH_H
#define MAPTRACE_MAPS_BATCH_H

#include "base/vec.h"
#include "maps/candidate.h"
#include "maps/footing.h"
#include "maps/reader.h"
#include "maps/rows.h"
#include "maps/shape.h"

enum verdict {
	VERDICT_MAP, /* its row is known */
	VERDICT_EMPTY, /* a header without a table, or not a header: no memory either way */
	VERDICT_LOOKALIKE, /* not a map */
	VERDICT_SUSPECT, /* the table may be another map's */
	VERDICT_MISFIT, /* not a map, unless its header was torn: read it again */
	VERDICT_CHANGED, /* contradicts itself: read it again */
};

/*
 * Claims: the objects that the maps of a batch are made of. No two maps have one object in
 * common, so whoever decides the batch (taker.h) holds the claims against what the spans
 * have room for.
 */
struct map_claims {
	/* One for each object: candidate << 32 | index of the object's span. */
	VEC(uint64_t) objects;
	/* The chained buckets of classic maps, which are objects of their own. */
	VEC(struct chained_claim {
		uint32_t at; /* candidate */
		uint8_t spanclass;
		uint64_t bytes;
	})
	chained;
	bool incomplete; /* some are missing, for lack of memory */
};

/* Release with batch_fini(). */
struct map_batch {
	struct candidate *cands; /* the caller's */
	size_t cnt; /* CANDIDATES_MAX at most, the room of the next four */
	enum verdict *verdicts; /* one for each candidate */
	uint32_t *kinds; /* one for each, of `rows`; ROWS_NO_KIND: the row is in `maps` */
	uint32_t *spans; /* one for each, valid with a kind: that of the map's only object */
	struct map_info *maps; /* one for each, valid with VERDICT_MAP and ROWS_NO_KIND */
	struct map_rows *rows; /* where the kinds of rows are kept */
	struct map_claims claims;
	struct footing *footing; /* NULL: nobody asks which spans the figures depend on */
};

/* Makes room for candidates. rows outlive the batch. */
struct err *batch_init(struct map_batch *b, struct map_rows *rows);
void batch_fini(struct map_batch *b);

/* Starts with other candidates, CANDIDATES_MAX at most. */
void batch_begin(struct map_batch *b, struct candidate *cands, size_t cnt);

/* Forgets the claims: the batch is to be decoded, or to be decoded again. */
void batch_forget_claims(struct map_batch *b);

/*
 * Where the kind of a map's row is kept, or NULL when more has to be told of the map than a
 * kind does. The row of a map whose table is one bucket follows, as a rule, from its shape and
 * its number of keys, so most of a million maps need no row built.
 */
static inline uint32_t *batch_kind_at(const struct map_reader *r, struct small_shape *small,
				      const struct candidate *c, uint64_t live_keys,
				      uint64_t resident, uint64_t size)
{
	bool plain = small && c->on_stack == MAP_ON_HEAP && !c->garbage &&
		     (resident == size || !r->residency);

	return plain && live_keys <= BUCKET_SLOTS ? &small->kinds[live_keys] : NULL;
}

/* Sets the kind of the row of a map that is made of one object, in span s. Returns false when
 * the kind is not known yet: the row has to be built, and the object to be claimed. */
static inline bool batch_set_kind(const struct map_reader *r, struct map_batch *b, size_t at,
				  const uint32_t *kind, const struct span *s)
{
	b->kinds[at] = kind ? *kind - 1 : ROWS_NO_KIND;
	b->spans[at] = s - r->heap->spans.data;
	return b->kinds[at] != ROWS_NO_KIND;
}

/* Keeps the kind of the row that was built, for the next map like it. kind: from
 * batch_kind_at(). */
void batch_keep_kind(struct map_batch *b, size_t at, uint32_t *kind);

/* Builds a row of its own for a map with a kind, because more has to be told of it. */
void batch_expand_row(struct map_batch *b, size_t at);

/* Bytes in memory of an object that the map of the at-th candidate is made of; 0 without a
 * residency. Notes that the figures of the map depend on the object's span. */
static inline uint64_t batch_resident(const struct map_reader *r, struct map_batch *b, size_t at,
				      const struct object *o)
{
	if (b->footing)
		footing_note(b->footing, r->heap, o->span, at);
	return r->residency ? residency_bytes(r->residency, o->slot, o->size) : 0;
}

/* Claims an object of that span for a map. */
static inline void batch_claim_span(struct map_batch *b, size_t at, uint32_t span)
{
	if (!vec_push(&b->claims.objects, (uint64_t)at << 32 | span))
		b->claims.incomplete = true;
}

/* Claims an object for a map. Two kinds of objects are claimed otherwise: that of a map with a
 * kind, by the kind, and chained buckets, of which there may be millions, all together. */
static inline void batch_claim(const struct map_reader *r, struct map_batch *b, size_t at,
			       const struct object *o)
{
	batch_claim_span(b, at, o->span - r->heap->spans.data);
}

/* Claims an object, and returns its bytes in memory. */
static inline uint64_t batch_claim_resident(const struct map_reader *r, struct map_batch *b,
					    size_t at, const struct object *o)
{
	batch_claim(r, b, at, o);
	return batch_resident(r, b, at, o);
}

/* Claims the chained buckets of a map. */
void batch_claim_chained(struct map_batch *b, size_t at, uint8_t spanclass, uint64_t bytes);

/* Counts a walk of the directory or array that a candidate leads to. Sets *verdict when there
 * were enough walks of it: the candidate is not to be decoded in this round. */
struct err *batch_count_walk(const struct map_reader *r, struct candidate *c, uint64_t table,
			     enum verdict *verdict);

#endif
