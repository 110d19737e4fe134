/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * holder_search.h - a search for holders in progress; private to holders.c and holder_objects.c.
 */
#ifndef MAPTRACE_GRAPH_HOLDER_SEARCH_H
#define MAPTRACE_GRAPH_HOLDER_SEARCH_H

#include "base/table.h"
#include "graph/held_objects.h"
#include "graph/naming.h"
#include "graph/referrers.h"
#include "maps/census.h"

struct holders {
	struct holder_set set;
	uint32_t *by_row;
	uint32_t *places; /* by row: see holders_place() */
	size_t row_cnt;
	struct holders_cost cost;
	struct holder_search *search; /* kept for paths_take(); else NULL */
	struct sync_maps sync_maps;
	struct objtypes objtypes;
	VEC(struct held_in_frame) in_frames;
};

/* A word that leads to a map, or to a variable that has the map. */
struct leading_word {
	uint64_t word; /* its address */
	uint32_t target; /* in search.targets */
	uint32_t span; /* of the word; UINT32_MAX: it is in no span */
};

/* A word of data or bss that leads to a target. */
struct root_word {
	uint64_t word;
	uint64_t word_before; /* what is before it: the type, if it is of an interface */
	uint32_t target;
};

struct root_words {
	struct root_word *data; /* a VEC() */
	size_t len;
	size_t cap;
};

struct holder_search {
	struct heap *heap;
	const struct census *census;
	struct holders_opts opts;
	uint64_t deadline_ns; /* 0: none */
	struct holders *ret;
	struct table framed_rows; /* those in ret->in_frames */
	uint8_t *scores; /* by row: how good its holder is; 0: it has none */

	struct catalogue *cat;
	struct fitter *fitter;
	struct data_roots roots;
	struct varrefs *vars; /* NULL: not known */
	bool vars_asked; /* search_open_vars() was called */
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
	struct root_words root_words;
};

/* Finds the words of data and bss that lead to some targets. */
struct err *search_root_words(struct holder_search *s, const struct pass_targets *targets,
			      struct root_words *ret);

/* Reads the code that uses variables, so that they can be named, unless that was done. */
struct err *search_open_vars(struct holder_search *s);

/* Whether the search has to end now. Says so in the cost. */
bool search_is_late(struct holder_search *s);

/* Says what is missing from the result; the first reason stays. */
void search_lacks(struct holder_search *s, const char *reason);

/* Gives a row this holder, unless it has a better one. Of two that are as good the same one is taken
 * in each process of a build. place: see holders_place(). */
void search_set(struct holder_search *s, uint32_t row, uint32_t holder, uint32_t place);

/* The type of the map of a row, if the census knows it; else NULL. */
const struct cat_type *search_row_type(const struct holder_search *s, uint32_t row);

/* An object of the heap with words that lead to maps. */
struct held_object {
	struct object o;
	size_t first; /* its words: indexes in search.words */
	size_t cnt;
	uint32_t owner; /* the row of the map that has the object as a table; UINT32_MAX: none */
	bool settled; /* its type is certain */
	bool by_chan; /* the parent is a channel, and this its buffer */
	bool by_slice; /* the parent has a slice of this */
	bool sure; /* the type of that parent is certain */
	const struct cat_type *expected; /* what its parent says that it is; NULL: not known */
	struct fit fit; /* what it was called by first */
};

/* Names the words in objects of the heap. */
struct err *search_name_objects(struct holder_search *s);

/* Sets what their parents say of objects that are not settled; those first whose own type is
 * certain. b is for its use. */
struct err *search_ask_parents(struct holder_search *s, struct held_object *objects, size_t cnt,
			       struct object_batch *b);

#endif
