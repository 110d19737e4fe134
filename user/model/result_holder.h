/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * result_holder.h - the part of a result that says who holds each map.
 *
 * The holder of a map is the nearest thing with a name that has a pointer to it: a field of a
 * struct, a variable of a package, another map. Millions of maps have few different holders, so
 * each holder is there once, and a map has its number.
 */
#ifndef MAPTRACE_MODEL_RESULT_HOLDER_H
#define MAPTRACE_MODEL_RESULT_HOLDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/pool.h"
#include "model/result_retained.h"
#include "model/result_words.h"

struct result_holder {
	/*
	 * In one line, with full names of packages; HOLDER_KINDS has more examples:
	 *	*github.com/prometheus/prometheus/scrape.scrapeCache.seriesPrev
	 *	github.com/gogo/protobuf/proto.<var> used by RegisterType, writeProto3Any
	 */
	const char *text;
	enum result_holder_kind kind;
	const char *type; /* what has the field, elements or values; NULL: not known, or none */
	const char *field; /* the path from the start of that type; NULL: there is none */
	const char *package; /* of a variable; NULL: not known, or it is something else */
	POOL_LIST(const char *) used_by; /* up to three functions that refer to the variable */
	bool certain; /* false: a guess */
	uint64_t candidates; /* how many holders fit; 1: only this one */
};

/* The holders of a list, and which of them each map of the census has. The memory is in a pool. */
struct held_maps {
	POOL_LIST(struct result_holder) holders; /* no two are equal */
	uint32_t *by_row; /* index in holders, by row of the census; NULL: there are no holders */
	size_t row_cnt;
};

/* The number of a holder that is not known. */
#define HELD_BY_NONE UINT32_MAX

/* Makes room for `holder_cnt` holders of `row_cnt` maps; no map has one yet. The caller fills
 * held->holders.data, and calls held_maps_set(). If memory ran out, pool->failed is set and there
 * are no holders. */
void held_maps_init(struct held_maps *held, struct pool *pool, size_t holder_cnt, size_t row_cnt);

/* Says which holder the map of a row has. A number without a holder counts as HELD_BY_NONE. */
static inline void held_maps_set(struct held_maps *held, size_t row, uint32_t no)
{
	if (held->by_row && row < held->row_cnt && no < held->holders.len)
		held->by_row[row] = no;
}

/* The number of the holder of a map; HELD_BY_NONE: not known. */
static inline uint32_t held_maps_no(const struct held_maps *held, size_t row)
{
	return held->by_row && row < held->row_cnt ? held->by_row[row] : HELD_BY_NONE;
}

static inline const struct result_holder *held_maps_holder(const struct held_maps *held, size_t row)
{
	uint32_t no = held_maps_no(held, row);

	return no == HELD_BY_NONE ? NULL : &held->holders.data[no];
}

struct result_graph_read {
	uint64_t duration_ns;
	uint64_t bytes_read; /* of the target's heap */
	uint64_t peak_bytes; /* of maptrace's own memory that it took, about */
	uint64_t maps_held; /* maps with a holder */
	uint64_t maps_certain; /* those of them whose holder is certain */
	uint64_t holders; /* different ones */
};

/* The search for what is reachable: for garbage that no collection has found yet. */
struct result_reach {
	const char *status; /* "ok", "partial", "refused" or "off" */
	const char *reason; /* what is not known, and why; NULL: all is, or it is off */
	/* The next ones are unknown if what is garbage is. */
	struct opt_u64 garbage_bytes; /* of slots of objects that nothing reaches */
	struct opt_u64 garbage_objects;
	struct opt_u64 garbage_maps;
	struct opt_u64 garbage_table_bytes; /* of these maps */
	uint64_t passes; /* how often the heap was read for it */
	uint64_t objects; /* in use */
	uint64_t duration_ns;
	uint64_t bytes_read;
	uint64_t peak_bytes; /* of maptrace's own memory that it took, about */
	uint64_t memory_max_bytes; /* what it was allowed to take */
};

/* The search for holders. */
struct result_graph {
	const char *status; /* "ok", "partial", "refused" or "off" */
	const char *reason; /* why it is refused, or what is left out */
	struct result_graph_read *read; /* NULL: refused or off */
	struct result_retained retained; /* what maps keep alive */
	uint64_t paths; /* ways to maps that were found */
	const char *paths_reason; /* why there may be others or better ones; NULL: no reason */
	struct result_reach reach;
};

#endif
