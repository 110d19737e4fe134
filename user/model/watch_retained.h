/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * watch_retained.h - what the maps of the latest census keep alive.
 */
#ifndef MAPTRACE_MODEL_WATCH_RETAINED_H
#define MAPTRACE_MODEL_WATCH_RETAINED_H

#include "graph/pinned.h"
#include "graph/retained.h"
#include "model/ranking.h"

struct watch;

struct watch_retained {
	uint64_t *by_row; /* of the census; RETAINED_UNKNOWN: not known */
	size_t row_cnt;
	uint64_t by_place[RETAINED_SETS_MAX]; /* of the ranking; the same */
	size_t place_cnt;
	uint64_t known; /* rows that are known */
	struct pinned pinned; /* empty: none were found */
	uint64_t duration_ns;
	uint64_t peak_bytes; /* of our own memory, without the graph */
};

/* Finds it, by the graph in w->reach, for the maps of w->snap and the first places of the ranking
 * of its census. Why it failed is in w->retained_err; the only error is that memory ran out. */
struct err *watch_find_retained(struct watch *w, const struct ranking *ranking);
void watch_retained_free(struct watch_retained *r);
DEFINE_CLEANUP_PTR(struct watch_retained *, watch_retained_free, cleanup_watch_retained)
#define _cleanup_watch_retained_ _cleanup_(cleanup_watch_retained)

#endif
