/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * result_sync.h - the part of a result that has the sync.Maps: go-runtime facts 13.
 *
 * Up to Go 1.23 a sync.Map has two maps, which the census finds, too: their rows say that they are
 * a part of one. From 1.24 on it is a trie.
 */
#ifndef MAPTRACE_MODEL_RESULT_SYNC_H
#define MAPTRACE_MODEL_RESULT_SYNC_H

#include <stdbool.h>
#include <stdint.h>

#include "model/result_holder.h"

struct result_sync_map {
	uint64_t addr; /* of the sync.Map, or of what has the root of another trie */
	enum result_sync_kind kind;
	enum result_sync_form form;
	const char
		*type; /* "[string,weak.Pointer[string]]", of a trie; NULL: not known, or of maps */
	const struct result_holder *holder; /* NULL: not known */
	bool moving; /* it changed while it was read */
	uint64_t live_keys; /* that Load() finds */
	uint64_t deleted_keys; /* that it does not find, and that take memory all the same */
	uint64_t nodes; /* of a trie */
	uint64_t read_map; /* address of the header of the read-only map; 0: none */
	uint64_t dirty_map; /* the same, of the dirty map */
	uint64_t bytes; /* of tables and entries, or of nodes and entries, as allocated */
	uint64_t
		gives_back_bytes; /* of them: what a new sync.Map with the live keys does not take */
	uint64_t deleted_key_bytes; /* of the deleted keys themselves, without what they lead to */
};

#endif
