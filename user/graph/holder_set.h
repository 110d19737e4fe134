/* SPDX-License-Identifier: GPL-2.0-only */
/* holder_set.h - holders, each of which is there once, however many maps have it. */
#ifndef MAPTRACE_GRAPH_HOLDER_SET_H
#define MAPTRACE_GRAPH_HOLDER_SET_H

#include "base/pool.h"
#include "base/table.h"
#include "base/vec.h"
#include "graph/holders.h"

struct holder_set {
	struct pool pool; /* owns all texts */
	VEC(struct holder) list;
	struct table by_hash; /* index in list */
};

/* Finds or adds a holder that is equal to this one, and copies its texts. HOLDERS_NO_HOLDER: out
 * of memory. */
uint32_t holder_set_add(struct holder_set *set, const struct holder *holder);

void holder_set_fini(struct holder_set *set);

#endif
