/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * result_since.h - the part of a result that says what changed since an earlier report (--since).
 */
#ifndef MAPTRACE_MODEL_RESULT_SINCE_H
#define MAPTRACE_MODEL_RESULT_SINCE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/pool.h"
#include "model/result_words.h"

struct result;

/* Maps of one identity, or of one type (result_diff.h), that changed. */
struct result_since_map {
	const char *id; /* of the identity; NULL: compared by type */
	const char *label; /* short, for people */
	const char *type; /* NULL: not known */
	const char *holder; /* its text; NULL: not known */
	uint64_t maps; /* now; 0: they are gone */
	uint64_t before_keys;
	uint64_t live_keys;
	uint64_t before_table_bytes;
	uint64_t table_bytes;
	/* NAN: not two times of one process */
	double keys_per_s;
	double table_bytes_per_s;
};

/* A finding that the earlier report has, and this one does not. */
struct result_since_gone {
	enum finding_kind kind;
	uint64_t before_bytes;
	const char *headline; /* as it was */
};

struct result_since {
	const char *status; /* "ok" or "refused" */
	const char *reason; /* why it is refused, or has no rates; NULL: neither */
	uint64_t unix_time_ns; /* when the earlier report was made */
	struct opt_u64 between_ns; /* unknown: not two times of one process */
	uint64_t before_rss_bytes;
	uint64_t rss_bytes;
	bool by_type; /* maps were compared by type */
	uint64_t maps_total; /* rows that changed; `maps` has at most SINCE_MAPS of them */
	POOL_LIST(struct result_since_map) maps; /* the largest change of tables first */
	POOL_LIST(struct result_since_gone) gone;
};

enum { SINCE_MAPS = 100 };

/* Compares a finished result with an earlier one, and keeps what changed in it: r->since. Nothing
 * of it points to `before`. False: out of memory. */
bool result_add_since(struct result *r, const struct result *before);

#endif
