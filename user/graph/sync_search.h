/* SPDX-License-Identifier: GPL-2.0-only */
/* sync_search.h - the search for sync.Maps in progress; private to the files sync_*.c. */
#ifndef MAPTRACE_GRAPH_SYNC_SEARCH_H
#define MAPTRACE_GRAPH_SYNC_SEARCH_H

#include "graph/holder_search.h"
#include "graph/sync_maps.h"

/* An object that a sync.Map leads to: a readOnly of maps, or the root of a trie. */
struct sync_part {
	uint64_t addr;
	uint32_t row; /* of the map that a readOnly has; UINT32_MAX: it is a root */
	uint8_t form; /* of a root: its index in sync_search.forms */
	bool found; /* a sync.Map leads to it */
};

/* How the nodes of one package's tries are laid out. */
struct sync_node_form {
	const struct cat_type *type; /* a struct indirect[...] */
	uint32_t parent_off;
	uint32_t children_off;
	uint32_t child_cnt;
	uint64_t mask; /* of its pointers */
	bool of_unique; /* package unique, else internal/sync */
};

/* A type of the entries of a trie. */
struct sync_entry_type {
	const struct cat_type *type;
	uint64_t mask;
	bool of_unique;
	bool of_sync_map; /* [interface {},interface {}] */
};

enum { SYNC_FORMS_MAX = 4 };

struct sync_search {
	struct holder_search *s;
	struct sync_maps *ret;
	struct object_batch *batch;

	/* Of maps: */
	const struct cat_type *map_type; /* map[interface {}]*sync.entry; NULL: none is there */
	uint32_t read_off; /* the pointer to the readOnly */
	uint32_t dirty_off;
	VEC(uint64_t) pairs; /* sync.Maps whose dirty map is known */
	VEC(uint64_t) expunged; /* what the entry of a key may have that is in no dirty map */

	/* Of tries: */
	struct sync_node_form forms[SYNC_FORMS_MAX];
	uint32_t form_cnt;
	VEC(struct sync_entry_type) entry_types;

	VEC(struct sync_part) parts; /* ascending by address */
	struct pass_targets part_targets; /* their addresses, in the same order */
	struct table by_addr; /* index in ret->list */
	struct table by_row; /* the same, by a row that it has: a map is of one sync.Map */
};

/* The bytes at stake below which no pass over a large heap is made. */
enum { SYNC_SMALL = 64 << 10 };

/* ---- sync_pairs.c ---- */

/* Finds the maps of type map[any]*sync.entry, their readOnlys, and the sync.Maps that lead to them
 * by their dirty map. */
struct err *sync_pairs_list(struct sync_search *y);

/* Adds the latter. The parts must have been indexed. */
struct err *sync_pairs_add_known(struct sync_search *y);

/* Notes that this word leads to a readOnly. */
struct err *sync_pairs_add(struct sync_search *y, uint64_t word, struct sync_part *part);

/* ---- sync_entries.c ---- */

/* Finds what stands for an expunged entry. */
struct err *sync_find_expunged(struct sync_search *y);

/* Counts the entries of a sync.Map of maps. */
struct err *sync_entries_count(struct sync_search *y, struct sync_map *m);

/* ---- sync_tries.c ---- */

/* Finds the nodes without a parent. */
struct err *sync_tries_list(struct sync_search *y);

/* Notes that this word leads to a root, and walks its trie. */
struct err *sync_tries_add(struct sync_search *y, uint64_t word, struct sync_part *part);

/* ---- sync_maps.c ---- */

/* Adds one, and names its holder. member: a field of it, and where that is: ".dirty". */
struct err *sync_add(struct sync_search *y, struct sync_map *m, const char *member,
		     uint32_t member_off);

#endif
