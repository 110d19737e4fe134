/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * growing.h - maps that gain keys all the time while they are watched.
 *
 * The numbers of keys at the censuses (history.h) decide, not the operations that were traced: an
 * insert may be of a key that the map has. A map grows steadily if it gains keys from the
 * beginning to the end, never falls back by much, and does not stand still at the end. So a cache
 * that fills and is full, or a map that is cleared now and then, is not among them.
 *
 * Steady growth for some seconds is not a leak yet: a map may be filled once, or replaced every
 * hour. What speaks against a leak is a doubt.
 */
#ifndef MAPTRACE_MODEL_GROWING_H
#define MAPTRACE_MODEL_GROWING_H

#include <stdint.h>

#include "base/vec.h"
#include "maps/census.h"
#include "maps/entry_weight.h"
#include "model/history.h"
#include "process/layout.h"

/* Maps of one type that grow, each by itself; or, if none does, all of them together. */
struct growing {
	struct map_info map; /* the one that gains most, as the latest census has it */
	uint64_t map_gained_keys;
	uint64_t map_cnt;
	uint64_t live_keys;
	uint64_t table_bytes;
	uint64_t gained_keys; /* while they were watched */
	uint64_t observed_ns;
	double keys_per_s;
	bool weight_known; /* set by growing_weigh(), as the next one */
	struct entry_weight weight; /* of some entries of `map` */
};

struct growing_maps {
	VEC(struct growing) list; /* most keys per second first */
};

/*
 * Finds them. Only maps that are in the latest census, and were followed from the beginning on,
 * count. The only error is that memory ran out. Free with growing_fini(); after an error there is
 * nothing to free.
 */
struct err *growing_find(const struct history *history, const struct census *census,
			 struct growing_maps *ret);
void growing_fini(struct growing_maps *maps);

/* Finds out what the keys and values of the fastest ones weigh. An error means that the target
 * cannot be read any more, or that memory ran out. */
struct err *growing_weigh(struct growing_maps *maps, const struct census *census);

/* About how many bytes of tables each new key takes. A table doubles when it is full, so it is
 * three quarters full on average. 0: the size of a slot is unknown. */
double growing_key_bytes(const struct growing *g, const struct go_layout *layout);

/* Growth at its present rate for less than this may be the filling of a map. */
bool growing_is_young(const struct growing *g);

/* Why steady growth may be no leak, in words that follow "but"; NULL: nothing speaks against it.
 * `uptime_ns` is the age of the process. Static. */
const char *growing_doubt(const struct growing *g, const struct go_layout *layout,
			  uint64_t uptime_ns);

#endif
