/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * result_maps.h - all maps of a result, one view at a time.
 *
 * A process may have a million maps that differ only in their address. What such maps have in
 * common is in struct map_same, which is made without knowing any address. So a renderer may
 * make its text once for all maps with the same `same_no`. What belongs to a single map is in
 * struct map_view. Since the code that makes a map_same knows no address, no field in it can
 * differ between the maps that share it.
 */
#ifndef MAPTRACE_MODEL_RESULT_MAPS_H
#define MAPTRACE_MODEL_RESULT_MAPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/pool.h"
#include "model/result_activity.h"
#include "model/result_holder.h"
#include "model/result_path.h"

/* The type of maps, as far as it is known. */
struct result_map_type {
	const char *name; /* "map[string]*main.Session"; NULL: unknown, or several fit */
	/* Declared types (type M map[K]V) with the same memory layout: any may be the real one. */
	POOL_LIST(const char *) declared;
};

/* How many entries have the zero value. */
struct result_zero_values {
	uint64_t count; /* an estimate if sampled */
	bool sampled;
	uint64_t low; /* if sampled, the 95 % interval; else both are equal to count */
	uint64_t high;
	uint64_t slots_read;
	const char *consistency; /* as map_same.consistency */
	uint64_t rebuild_bytes; /* size of a new map that has only the other entries */
};

/* When a map grows next, and what that takes. */
struct result_growth {
	const char *event; /* "double": one larger table; "split": tables split, one by one */
	uint64_t at_live_keys; /* it starts when the map has this many; of splits: about */
	uint64_t half_at_live_keys; /* half of the splits are done, about; else as at_live_keys */
	uint64_t ends_at_live_keys; /* all splits are done, about; else as at_live_keys */
	uint64_t allocates_bytes; /* in all; old memory is in use until the next collection */
	uint64_t step_bytes; /* of that, what one split allocates; else all of it */
	uint64_t needs_bytes; /* what has to be free for it: see struct forecast */
	double keys_per_s; /* NAN: not watched for long enough, or it did not grow steadily */
	struct opt_u64 in_ns; /* time until it starts, at that rate */
	struct opt_u64 half_in_ns; /* the same for half_at_live_keys and ends_at_live_keys */
	struct opt_u64 ends_in_ns;
	int8_t fits_cgroup; /* 1: needs_bytes are left in the cgroup; 0: not; -1: no limit */
};

/*
 * What all maps of a kind have in common. Sizes in bytes are those of the tables: buckets or groups
 * and directories as allocated, without the header. `hole_bytes` are the part of the tables that
 * is not the share of the live keys. `gives_back_bytes` come back if the map is rebuilt: the
 * tables minus rebuild_bytes, the tables of a new map with as many keys.
 */
struct map_same {
	const struct result_map_type *type; /* never NULL */
	const char *type_source; /* how the type is known: header, probe, unique-shape, ... */
	uint64_t type_candidates; /* types of the binary that fit */
	const char *consistency; /* "exact", "moving" or "suspect" */
	bool garbage; /* unreachable, but not freed yet; in no sum */
	int8_t reachable; /* 1: yes; 0: it is garbage; -1: not known */
	const char *part_of; /* "sync.Map": its keys and tables are counted there; NULL: nothing */
	bool on_stack; /* the header is on the stack of a goroutine, so it may move */
	int8_t goroutine_runs; /* 1: yes, so the frame may be gone; 0: no; -1: not on a stack */
	uint64_t live_keys;
	uint64_t slots;
	uint64_t buckets; /* groups, for a swiss map */
	uint64_t tables;
	double load; /* live_keys / slots */
	uint64_t tombstones;
	uint64_t overflow_buckets;
	uint64_t old_bytes; /* part of table_bytes: the array whose entries are being moved */
	uint64_t table_bytes;
	uint64_t resident_bytes; /* part of table_bytes */
	/* The next five are unknown if the size of a bucket is: */
	struct opt_u64 bucket_bytes;
	struct opt_u64 hole_bytes;
	struct opt_u64 rebuild_bytes;
	struct opt_u64 gives_back_bytes;
	struct opt_u64 gives_back_resident_bytes;
	bool has_zero_values; /* values of some maps were counted: the next two are set */
	struct result_zero_values zero_values; /* valid if zero_values_reason is NULL */
	const char *zero_values_reason; /* why those of this map were not; NULL: they were */
	bool has_next_growth; /* next_growth is valid */
	struct result_growth next_growth;
};

enum { RESULT_BINS = 49 };

/* How a size was distributed over time. Bin 0 holds zeroes, bin i values in [2^(i-1), 2^i), the
 * last bin all larger ones. */
struct result_histogram {
	uint64_t min;
	uint64_t max;
	uint64_t ns[RESULT_BINS]; /* how long the value was in each bin */
};

/* How the size of one map changed while it was watched; see history.h. */
struct result_history {
	uint64_t censuses; /* that had the map */
	uint64_t observed_ns; /* time that the histograms cover */
	uint64_t last_live_keys; /* at the last of these censuses */
	struct result_histogram live_keys;
	struct result_histogram buckets;
	struct result_histogram resident_bytes;
};

/* The same_no of a map that shares its map_same with no other map. */
#define MAP_SAME_NONE SIZE_MAX

/* The holder_no of a map whose holder is not known. */
#define MAP_HOLDER_NONE SIZE_MAX

struct map_view {
	uint64_t addr; /* of the header */
	/* The same in each process of a build, see map_ids.h; valid until the next call that makes
	 * a view. NULL: not known, or not looked for. */
	const char *id;
	bool id_certain; /* else another process may have it for another map */
	size_t same_no; /* maps with equal numbers have equal `same` */
	/* What would be out of reach without the map (graph/retained.h), with its header and tables.
	 * Unknown: see result_graph.retained_reason, or nothing leads to the map, or its header
	 * is on a stack. */
	struct opt_u64 retained_bytes;
	const struct map_same *same; /* valid until the next call that makes a view */
	size_t holder_no; /* maps with equal numbers have the same holder */
	const struct result_holder *holder; /* NULL: not known */
	const struct result_path *path; /* NULL: not known, or not looked for */
	const struct result_activity *activity; /* NULL: nothing was seen */
	const struct result_history *history; /* NULL: the map is not followed */
};

struct result_maps;

/* The number of maps that are listed. */
size_t result_maps_cnt(const struct result_maps *maps);

/* The number of maps in the census, before --top left some out. */
uint64_t result_maps_total(const struct result_maps *maps);

/* Makes a view of the i-th map that is listed; they are in ascending order of address. If
 * `wants_same` is false, ret->same may be NULL: that saves time if the caller already knows what it
 * needs about this same_no. */
void result_map(struct result_maps *maps, size_t i, bool wants_same, struct map_view *ret);

/* Finds a map by its address, also one that is not listed. False: there is none. */
bool result_map_find(struct result_maps *maps, uint64_t addr, struct map_view *ret);

/* An empty set of maps; NULL: out of memory. Free with result_maps_free(). */
struct result_maps *result_maps_new(void);

/*
 * Adds a map to a set that does not come from a census; maps have to come in ascending order of
 * address. *view->same is copied; what it and *view point to is not, and has to outlive the set.
 * view->same_no is ignored: maps whose `same` has equal bytes share a number. So padding in it has
 * to be zero, and equal texts need the same address. view->holder_no is ignored, too: maps that
 * point to the same holder share a number. False: out of memory.
 */
bool result_maps_push(struct result_maps *maps, const struct map_view *view);

/* Sets what result_maps_total() returns, if more maps existed than were pushed. */
void result_maps_set_total(struct result_maps *maps, uint64_t total);

void result_maps_free(struct result_maps *maps);

/* Bounds of a bin: values in [low, high). */
uint64_t result_bin_low(unsigned int bin);
uint64_t result_bin_high(unsigned int bin);

#endif
