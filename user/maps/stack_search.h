/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * stack_search.h - searches the stacks of goroutines for headers of maps.
 *
 * A header may start at every word. What can be one is handed on as a candidate.
 */
#ifndef MAPTRACE_MAPS_STACK_SEARCH_H
#define MAPTRACE_MAPS_STACK_SEARCH_H

#include "maps/candidate.h"
#include "maps/stacks.h"

/* Searches all stacks and hands the candidates to visit, which adds those that are maps to
 * `stacks`. Where the stacks cannot be searched this is noted there, and not an error. To be
 * done before the heap is scanned. */
struct err *stacks_search(struct stacks *stacks, struct heap *heap, candidates_visit_fn visit,
			  void *ctx);

#endif
