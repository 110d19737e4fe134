/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * census.h - every map on the heap of the target, read without stopping it.
 */
#ifndef MAPTRACE_MAPS_CENSUS_H
#define MAPTRACE_MAPS_CENSUS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/vec.h"
#include "heap/heap.h"
#include "heap/occupancy.h"
#include "heap/residency.h"
#include "maps/footing.h"
#include "maps/owners.h"
#include "maps/rows.h"
#include "maps/scan.h"
#include "maps/shape.h"
#include "maps/stacks.h"
#include "maps/totals.h"

struct census {
	struct heap *heap;
	struct mem *mem; /* what the heap is read through */
	const struct residency *residency; /* NULL: resident bytes stay 0 */
	struct shape_cache *shapes;
	struct blocks *blocks; /* what the decoders read a batch with */
	struct footing *footing; /* of the batch; NULL: nobody asks */
	struct owners *owners; /* of all tables on the heap; NULL: nobody asks */
	struct claims claims; /* of the batch */
	struct map_rows maps; /* ascending by address */
	struct map_rows late; /* empty but while the census is taken */
	struct map_totals totals; /* of maps, when the census is done */
	uint64_t lookalike_cnt; /* header-like objects whose table was none */
	uint64_t empty_cnt; /* headers without a table: they hold no memory */
	/* Bytes of the objects that tables are made of, by spanclass; those of maps in no sum
	 * count too. */
	uint64_t class_bytes[SPANCLASS_CNT];
	uint32_t sweepgen; /* the collector's cycle when it began */
	struct stacks *stacks; /* what was searched of the goroutines' stacks */
};

/* Takes the census. heap and residency must outlive it. ERR_UNSUPPORTED: of this build none
 * can be taken. Free with census_free(). */
struct err *census_take(struct heap *heap, const struct residency *residency, struct census **ret);
void census_free(struct census *census);
DEFINE_CLEANUP_PTR(struct census *, census_free, cleanup_census)
#define _cleanup_census_ _cleanup_(cleanup_census)

/* What a thread that decodes needs: its own shapes and blocks. */
struct err *census_tools_init(struct census *census);
void census_tools_fini(struct census *census);

/* The i-th map. */
static inline struct map_info census_map(const struct census *census, size_t i)
{
	return rows_get(&census->maps, i);
}

enum verdict {
	VERDICT_MAP, /* its row is known */
	VERDICT_EMPTY, /* a header without a table, or none: no memory either way */
	VERDICT_LOOKALIKE, /* no map */
	VERDICT_SUSPECT, /* the table may be another map's */
	VERDICT_MISFIT, /* no map, unless its header was torn: read it again */
	VERDICT_CHANGED, /* contradicts itself: read it again */
};

struct census_batch {
	struct candidate *cands;
	enum verdict *verdicts; /* one a candidate */
	uint32_t *kinds; /* one a candidate, of the census' rows; or ROWS_NO_KIND: see maps */
	uint32_t *spans; /* one a candidate, valid with a kind: that of its only object */
	struct map_info *maps; /* one a candidate, valid with VERDICT_MAP */
	size_t cnt;
};

/*
 * Whether the keys in a map's tables, which are not as many as its header counts, may
 * be those of a busy map: some read of it differed from another. A cache deletes as
 * often as it inserts, so that its count hardly shows it. What stands still is no map.
 * Notes what was found for the next read.
 */
bool census_is_busy(struct candidate *c, uint64_t found);

/* Whether the keys found in a busy map's tables are about as many as it counts: a map
 * that changes while it is read is off by what changed, and not by its size. */
static inline bool census_is_near(uint64_t found, uint64_t count)
{
	return found <= 2 * count + 64 && count <= 2 * found + 64;
}

/* What each kind of map implements: decodes a batch, with few reads for many
 * maps. swiss.c and classic.c. */
struct err *swiss_decode(struct census *census, struct census_batch *batch);
struct err *classic_decode(struct census *census, struct census_batch *batch);

/* Whether the bytes, with nothing else to vouch for them, can be the header of a map with
 * tables on the heap. What the heap that was read knows of their memory does not count: it
 * may be another by now. */
bool swiss_may_be_map(const struct heap *heap, const uint8_t *header);
bool classic_may_be_map(const struct heap *heap, const uint8_t *header);

/* Decodes candidates until they are decided. */
struct err *census_take_batch(struct census *census, struct candidate *cands, size_t cnt);

/*
 * The row of a map whose table is one bucket follows, as a rule, from its shape and keys:
 * most of a million maps need none built. Where the kind of that row is kept; NULL: of this
 * map there is more to tell.
 */
static inline uint32_t *census_kind_at(const struct census *census, struct small_shape *small,
				       const struct candidate *c, uint64_t live_keys,
				       uint64_t resident, uint64_t size)
{
	bool plain = small && c->on_stack == MAP_ON_HEAP && !c->garbage &&
		     (resident == size || !census->residency);

	return plain && live_keys <= BUCKET_SLOTS ? &small->kinds[live_keys] : NULL;
}

/* Sets the kind of the row of a map that is made of an object of that span. False when it is
 * not known: the row has to be built, and the object to be claimed. */
static inline bool census_set_kind(const struct census *census, struct census_batch *batch,
				   size_t at, const uint32_t *kind, const struct span *s)
{
	batch->kinds[at] = kind ? *kind - 1 : ROWS_NO_KIND;
	batch->spans[at] = s - census->heap->spans.data;
	return batch->kinds[at] != ROWS_NO_KIND;
}

/* Keeps the kind of the row that was built. */
void census_keep_kind(struct census *census, struct census_batch *batch, size_t at, uint32_t *kind);

/* Builds the row from its kind, for more to be told of the map. */
void census_own_row(struct census *census, struct census_batch *batch, size_t at);

/* Bytes in memory of an object that the map of the at-th candidate of the batch is made of;
 * 0 without a residency. Notes what the map rests on. */
static inline uint64_t census_resident(struct census *census, size_t at, const struct object *o)
{
	if (census->footing)
		footing_note(census->footing, census->heap, o->span, at);
	return census->residency ? residency_bytes(census->residency, o->slot, o->size) : 0;
}

/* Notes an object that has to be the map's alone: all but that of a map with a kind, and buckets
 * that are chained one by one, of which there may be millions. */
static inline void census_own(struct census *census, size_t at, const struct object *o)
{
	if (census->owners)
		claims_note(&census->claims, o->span - census->heap->spans.data, at);
}

/* The same, and its bytes in memory. */
static inline uint64_t census_claim(struct census *census, size_t at, const struct object *o)
{
	census_own(census, at, o);
	return census_resident(census, at, o);
}

/* Counts a walk of the directory or array of a candidate; *verdict says what it is when there
 * were enough of them. */
struct err *census_walk(struct census *census, struct candidate *c, uint64_t table,
			enum verdict *verdict);

#endif
