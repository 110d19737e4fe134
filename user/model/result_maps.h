/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * result_maps.h - all maps of a result, one view at a time.
 *
 * A process may have a million maps that differ in nothing but their address. What such
 * maps have in common is a type of its own, struct map_same, and is made without knowing
 * any address: a renderer may make its text once for all maps with one `same_no`. What
 * belongs to one map alone is in struct map_view, beside it. So a field that differs from
 * map to map cannot be shared by mistake: map_same has no place to take it from.
 */
#ifndef MAPTRACE_MODEL_RESULT_MAPS_H
#define MAPTRACE_MODEL_RESULT_MAPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/pool.h"
#include "model/result_activity.h"

/* The type of maps, as far as it is known. */
struct result_map_type {
	const char *name; /* "map[string]*main.Session"; NULL: unknown, or several fit */
	/* Declared types (type M map[K]V) whose memory looks the same: it may be one of them. */
	POOL_LIST(const char *) declared;
};

/* Entries whose value is the zero value. */
struct result_zero_values {
	uint64_t count; /* sampled: an estimate */
	bool sampled;
	uint64_t low; /* sampled: the 95 % interval; else both are count */
	uint64_t high;
	uint64_t slots_read;
	const char *consistency; /* as map_same.consistency */
	uint64_t rebuild_bytes; /* of a fresh map with the other entries */
};

/* When a map grows next, and what that takes. */
struct result_growth {
	const char *event; /* "double": one larger table; "split": all tables split in two */
	uint64_t at_live_keys; /* for swiss tables: about */
	uint64_t allocates_bytes; /* the old memory is in use until the next collection */
	double keys_per_s; /* NAN: not watched for long enough, or it did not grow steadily */
	struct opt_u64 in_ns; /* at that rate */
	int8_t fits_cgroup; /* 1, 0; -1: there is no limit */
};

/* What all maps of one kind have in common. Bytes are of tables: buckets or groups and
 * directories as allocated, without the header. */
struct map_same {
	const struct result_map_type *type; /* never NULL */
	const char *type_source; /* how the type is known: header, probe, unique-shape, ... */
	uint64_t type_candidates; /* types of the binary that fit */
	const char *consistency; /* "exact", "moving" or "suspect" */
	bool garbage; /* unreachable, not swept yet: in no sum */
	bool on_stack; /* the header is in a frame of a goroutine: its address may move */
	int8_t goroutine_runs; /* 1: that frame may have ended; -1: not on a stack */
	uint64_t live_keys;
	uint64_t slots;
	uint64_t buckets; /* groups, for a swiss map */
	uint64_t tables;
	double load; /* live_keys / slots */
	uint64_t tombstones;
	uint64_t overflow_buckets;
	uint64_t old_bytes; /* of table_bytes: the array that is being evacuated */
	uint64_t table_bytes;
	uint64_t resident_bytes; /* of table_bytes */
	/* Unknown with the bucket size: */
	struct opt_u64 bucket_bytes;
	struct opt_u64 hole_bytes;
	struct opt_u64 rebuild_bytes;
	struct opt_u64 gives_back_bytes;
	struct opt_u64 gives_back_resident_bytes;
	bool has_zero_values; /* values were counted at all: the next two are set */
	struct result_zero_values zero_values; /* valid without zero_values_reason */
	const char *zero_values_reason; /* why there is no count; NULL: there is one */
	bool has_next_growth;
	struct result_growth next_growth;
};

enum { RESULT_BINS = 49 };

/* How a size was distributed over time. Bin 0 holds zeroes, bin i values in
 * [2^(i-1), 2^i); the last one all above. */
struct result_histogram {
	uint64_t min;
	uint64_t max;
	uint64_t ns[RESULT_BINS]; /* how long the value was in each bin */
};

struct result_history {
	uint64_t censuses;
	uint64_t observed_ns;
	uint64_t last_live_keys;
	struct result_histogram live_keys;
	struct result_histogram buckets;
	struct result_histogram resident_bytes;
};

/* Maps with this number share it with no other map. */
#define MAP_SAME_NONE SIZE_MAX

struct map_view {
	uint64_t addr; /* of the header */
	size_t same_no; /* two maps with one number have an equal `same` */
	const struct map_same *same; /* valid until the next call for a view */
	const struct result_activity *activity; /* NULL: nothing seen */
	const struct result_history *history; /* NULL: not followed */
};

struct result_maps;

size_t result_maps_cnt(const struct result_maps *maps);

/* How many maps there were before --top left some out. */
uint64_t result_maps_total(const struct result_maps *maps);

/* The i-th map, in the order of their addresses. `same` may be made for the occasion: with
 * `wants_same` false it is NULL, for a caller that has what it needs by `same_no`. */
void result_map(struct result_maps *maps, size_t i, bool wants_same, struct map_view *ret);

/* Finds a map by its address; false when there is none. */
bool result_map_find(struct result_maps *maps, uint64_t addr, struct map_view *ret);

/*
 * For those who fill a result from something else than a census. A map is appended after
 * those with lower addresses. *view->same is copied, what it and *view point to is not;
 * maps whose `same` has equal bytes share a number, so its padding has to be zero and
 * equal texts need one address. view->same_no is ignored. False: out of memory.
 */
struct result_maps *result_maps_new(void);
bool result_maps_push(struct result_maps *maps, const struct map_view *view);
void result_maps_set_total(struct result_maps *maps, uint64_t total);

void result_maps_free(struct result_maps *maps);

/* Bounds of a bin: [low, high). */
uint64_t result_bin_low(unsigned int bin);
uint64_t result_bin_high(unsigned int bin);

#endif
