/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * sync_maps.h - every sync.Map, and what it keeps.
 *
 * Up to Go 1.23, and in 1.24 and 1.25 if built so, a sync.Map has two maps of type
 * map[any]*sync.entry: a read-only one and a dirty one, with the same entries. A key that was
 * deleted stays in its map, with an entry that says so. From Go 1.24 on it is a trie, which
 * forgets what is deleted. The package unique has tries, too.
 *
 *	maps with that type -> words that lead to them -> sync.Map     sync_pairs.c
 *	its maps            -> entries -> live or deleted              sync_entries.c
 *	nodes without a parent -> words that lead to them -> sync.Map  sync_tries.c
 *
 * A sync.Map counts only if something leads to what it keeps, so that what is garbage does not.
 */
#ifndef MAPTRACE_GRAPH_SYNC_MAPS_H
#define MAPTRACE_GRAPH_SYNC_MAPS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/vec.h"

enum sync_map_kind { SYNC_MAP, SYNC_UNIQUE, SYNC_TRIE };

enum sync_map_form { SYNC_OF_MAPS, SYNC_OF_NODES };

struct sync_map {
	uint64_t addr; /* of the sync.Map, or of what has the root of another trie */
	enum sync_map_kind kind;
	enum sync_map_form form;
	const char *type; /* of the entries of a trie, "[string,weak.Pointer[string]]"; NULL: not
			   * known, or of maps. Belongs to the struct holders */
	uint32_t holder; /* its number (holders.h); HOLDERS_NO_HOLDER: not known */
	bool moving; /* it changed while it was read, or some of it could not be read */
	uint64_t live; /* keys that Load() finds */
	uint64_t deleted; /* keys that it does not find, and that take memory all the same */
	uint64_t nodes; /* of a trie */
	uint32_t read_row, dirty_row; /* rows of its maps in the census; UINT32_MAX: none */
	uint64_t bytes; /* of tables and entries, or of nodes and entries, as allocated */
	uint64_t
		gives_back_bytes; /* of them: what a new sync.Map with the live keys does not take */
	uint64_t tables_give_back_bytes; /* of gives_back_bytes: of tables of maps */
	/* Of the deleted keys themselves, as far as they are objects of their own; what they lead to
	 * does not count. They are freed with the map, unless something else has them. */
	uint64_t deleted_key_bytes;
};

struct sync_maps {
	VEC(struct sync_map) list; /* largest first */
	uint64_t unlisted; /* maps and tries that were left out, because they are too small for a
			    * pass over this heap */
};

struct holder_search;

/* Finds them all. The holders must have been found. Release with sync_maps_fini(). */
struct err *sync_maps_find(struct holder_search *s, struct sync_maps *ret);
void sync_maps_fini(struct sync_maps *m);

#endif
