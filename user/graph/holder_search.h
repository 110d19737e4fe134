/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * holder_search.h - a search for holders in progress; private to holders.c and holder_objects.c.
 */
#ifndef MAPTRACE_GRAPH_HOLDER_SEARCH_H
#define MAPTRACE_GRAPH_HOLDER_SEARCH_H

#include "graph/held_objects.h"
#include "graph/naming.h"
#include "graph/referrers.h"
#include "maps/census.h"

struct holders {
	struct holder_set set;
	uint32_t *by_row;
	size_t row_cnt;
	struct holders_cost cost;
};

/* A word that leads to a map, or to a variable that has the map. */
struct leading_word {
	uint64_t word; /* its address */
	uint32_t target; /* in search.targets */
	uint32_t span; /* of the word; UINT32_MAX: it is in no span */
};

struct holder_search {
	struct heap *heap;
	const struct census *census;
	const struct holders_opts *opts;
	uint64_t deadline_ns; /* 0: none */
	struct holders *ret;
	uint8_t *scores; /* by row: how good its holder is; 0: it has none */

	struct catalogue *cat;
	struct fitter *fitter;
	struct data_roots roots;
	struct varrefs *vars; /* NULL: not known */
	struct naming naming;

	/*
	 * What is looked for: the headers of the rows, except those on stacks, then objects of one
	 * word that lead to a header. A program makes these when a variable of a map's type
	 * outlives its frame.
	 */
	struct pass_targets targets;
	VEC(uint32_t) target_rows;
	size_t header_cnt; /* the targets before this one are headers */

	VEC(struct leading_word) words; /* in objects of the heap */
	VEC(struct leading_word) root_words; /* in data and bss */
};

/* Whether the search has to end now. Says so in the cost. */
bool search_is_late(struct holder_search *s);

/* Says what is missing from the result; the first reason stays. */
void search_lacks(struct holder_search *s, const char *reason);

/* Gives a row this holder, unless it has a better one. */
void search_set(struct holder_search *s, uint32_t row, uint32_t holder);

/* The type of the map of a row, if the census knows it; else NULL. */
const struct cat_type *search_row_type(const struct holder_search *s, uint32_t row);

/* Names the words in objects of the heap. */
struct err *search_name_objects(struct holder_search *s);

#endif
