/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * values.h - entries of maps whose value is the zero value.
 *
 * A program that "deletes" by m[k] = nil (or 0, "", T{}) frees nothing. No header
 * counts such entries, so the tables have to be read, up to a budget. Of maps above the
 * budget a sample of the tables is read (interval.h).
 *
 * A value is zero when all its bytes are, except those of padding and blank fields. These are
 * the bytes that Go makes for `var v T`. Only -0.0 is equal to it and has other bytes.
 */
#ifndef MAPTRACE_MAPS_VALUES_H
#define MAPTRACE_MAPS_VALUES_H

#include <stdbool.h>
#include <stdint.h>

#include "maps/census.h"

enum value_status {
	VALUES_NOT_COUNTED, /* suspect, or garbage */
	VALUES_OK,
	VALUES_NONE, /* map[K]struct{}: elems without bytes */
	VALUES_TYPE_UNKNOWN,
	VALUES_TYPE_AMBIGUOUS, /* the types that fit keep their elems in different places */
	VALUES_OVER_BUDGET,
	VALUES_CHANGED, /* the tables moved away while they were read */
	VALUES_TOO_FEW, /* no key in the sample */
	VALUES_GONE, /* the target exited first */
	VALUES_STATUS_CNT,
};

/* The count of one map. A million of these may exist. */
struct value_count {
	uint64_t zero; /* entries with a zero value; sampled: an estimate */
	uint64_t low; /* sampled: the 95 % interval; else as `zero` */
	uint64_t high;
	uint64_t read; /* entries that were looked at */
	uint64_t rebuild_bytes; /* what a fresh map with only the other entries takes */
	uint8_t status; /* enum value_status; the rest is set only with VALUES_OK */
	uint8_t consistency; /* MAP_EXACT: the map was exact, and its header stayed the same */
	bool sampled;
};

struct values_opts {
	uint64_t budget_bytes; /* to read, of tables and of values that they point to */
	uint64_t seed; /* for the random choice of samples */
};

struct values {
	const struct census *census;
	struct value_count *rows; /* one for each map of the census */
	uint64_t bytes; /* read, of tables and values */
	uint64_t take_ns; /* how long it took */
	uint64_t counted; /* maps with VALUES_OK */
	uint64_t sampled; /* of the counted ones */
};

/* Counts in all maps of the census, which must outlive the result. When the target exits
 * meanwhile, *gone_ret is ERR_GONE, and the rest of the rows is VALUES_GONE.
 * Free with values_free(). */
struct err *values_take(const struct census *census, const struct values_opts *opts,
			struct values **ret, struct err **gone_ret);
void values_free(struct values *values);
DEFINE_CLEANUP_PTR(struct values *, values_free, cleanup_values)
#define _cleanup_values_ _cleanup_(cleanup_values)

/* Why a map has no count, in words for people; NULL with VALUES_OK. */
const char *value_status_text(enum value_status status);

#endif
