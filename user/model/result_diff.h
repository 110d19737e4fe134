/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * result_diff.h - what changed between two results: of one process at two times, of two pods of one
 * build, before and after a fix. Plain data, as a result is.
 *
 * Maps are compared by identity: their ids without the number that tells equal ones apart (see
 * map_ids.h). All maps of one identity make one row. Where a result does not list all of its maps
 * (--top), or has no ids, its groups are compared by their types instead.
 */
#ifndef MAPTRACE_MODEL_RESULT_DIFF_H
#define MAPTRACE_MODEL_RESULT_DIFF_H

#include "model/result.h"

/* What became of a row or a finding. */
#define DIFF_FATES(X)                                                                              \
	X(FATE_SAME, "same", "same")                                                               \
	X(FATE_GREW, "grew", "grew")                                                               \
	X(FATE_SHRANK, "shrank", "shrank")                                                         \
	X(FATE_NEW, "new", "new")                                                                  \
	X(FATE_GONE, "gone", "gone")

enum diff_fate { DIFF_FATES(WORD_VALUE) FATE_CNT };

extern const struct word diff_fate_words[FATE_CNT];

/* One of the two results. */
struct diff_look {
	const char *host; /* NULL: not known */
	uint64_t pid;
	const char *command;
	const char *go_version;
	uint64_t start_time_unix_s; /* of the process */
	uint64_t unix_time_ns; /* when it was looked at */
	uint64_t rss_bytes;
	uint64_t maps;
};

/* Sums over the maps of a row, at one of the two times. */
struct diff_sums {
	uint64_t maps;
	uint64_t live_keys;
	uint64_t slots;
	uint64_t table_bytes;
	uint64_t resident_bytes;
};

struct diff_map {
	const char *id; /* of the identity; NULL: compared by type */
	const char *type; /* NULL: unknown, or several fit */
	const char *label; /* short, for people */
	const struct result_holder *holder; /* NULL: not known */
	enum diff_fate fate; /* by table_bytes, then by live_keys */
	struct diff_sums before;
	struct diff_sums after;
	int64_t grew_bytes; /* of the tables */
	int64_t grew_keys;
	double keys_per_s; /* NAN: these are not two times of one process */
};

struct diff_row {
	enum ledger_row row;
	uint64_t before_bytes;
	uint64_t after_bytes;
	int64_t grew_bytes;
};

struct diff_finding {
	enum finding_kind kind;
	enum finding_severity severity;
	enum diff_fate fate;
	uint64_t before_bytes; /* 0 where it is new */
	uint64_t after_bytes; /* 0 where it is gone */
	const char *headline; /* as it is now; of a finding that is gone: as it was */
};

struct result_diff {
	struct pool pool; /* owns everything below, but not what points into the two results */
	const char *schema;
	const char *maptrace;
	struct diff_look before;
	struct diff_look after;
	bool same_process; /* of one host, pid and start */
	bool same_program; /* one command, Go version and main package */
	bool by_type; /* maps were compared by type: a result lacks maps or ids */
	struct opt_u64 between_ns; /* unknown: not two times of one process */
	int64_t grew_bytes; /* of RSS */
	const char *verdict;
	POOL_LIST(struct diff_row) memory; /* empty: one of them has no ledger */
	POOL_LIST(struct diff_map) maps; /* the largest change of table_bytes first */
	POOL_LIST(struct diff_finding)
	findings; /* new ones, then others, then those that are gone */
};

#define DIFF_SCHEMA "maptrace.diff/1"

/* Compares two results, which have to outlive the comparison. NULL: out of memory. Free with
 * diff_free(). */
struct result_diff *diff_new(const struct result *before, const struct result *after);
void diff_free(struct result_diff *d);
DEFINE_CLEANUP_PTR(struct result_diff *, diff_free, cleanup_diff)
#define _cleanup_diff_ _cleanup_(cleanup_diff)

#endif
