/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * result_growing.h - the part of a result that says which maps gain keys all the time.
 */
#ifndef MAPTRACE_MODEL_RESULT_GROWING_H
#define MAPTRACE_MODEL_RESULT_GROWING_H

#include "model/result_activity.h"
#include "model/result_holder.h"

/* The memory limit that is reached first. */
struct result_growing_limit {
	const char *kind; /* "cgroup" or "GOMEMLIMIT" */
	uint64_t bytes;
	uint64_t left_bytes;
	struct opt_u64 in_ns; /* about when, at the present rate; unknown if bytes_per_s is */
};

/* Maps of one type that gain keys all the time (growing.h). */
struct result_growing {
	uint64_t map; /* address of the one that gains most */
	const char *label; /* as that of a group */
	const char *type; /* NULL: not known */
	const struct result_holder *holder; /* of `map`; NULL: not known */
	uint64_t maps;
	uint64_t live_keys; /* sums over them, as the next two */
	uint64_t table_bytes;
	uint64_t gained_keys; /* while they were watched */
	uint64_t observed_ns;
	double keys_per_s;
	double table_bytes_per_s; /* of their tables, on average; NAN: not known */
	/* What keys and values lead to; NAN: not known. */
	double contents_bytes_per_s;
	bool contents_lead_on; /* that memory leads to more, which is not counted */
	double bytes_per_s; /* tables and contents; NAN: not known */
	/* Traced, of `map`; NAN: not known. */
	double inserts_per_s;
	double deletes_per_s;
	bool deletes_seen;
	const struct result_caller *caller; /* of most inserts into `map`; NULL: not known */
	const struct result_growing_limit *limit; /* NULL: there is none */
	const char *doubt; /* why it may be no leak; NULL: nothing speaks against it */
};

#endif
