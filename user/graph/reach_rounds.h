/* SPDX-License-Identifier: GPL-2.0-only */
/* reach_rounds.h - looks again for what was not marked: the rounds of reach.h; private to it. */
#ifndef MAPTRACE_GRAPH_REACH_ROUNDS_H
#define MAPTRACE_GRAPH_REACH_ROUNDS_H

#include "graph/reach.h"
#include "graph/reach_roots.h"

/* One round: marks what it finds. *saved_ret: the number of objects. *same_ret: no collection has
 * ended since the objects were numbered; else nothing was marked. */
struct err *reach_round(struct reach *r, struct reach_roots *rr, const struct reach_opts *opts,
			uint64_t *saved_ret, bool *same_ret);

#endif
