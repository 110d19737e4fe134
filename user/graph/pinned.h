/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * pinned.h - maps whose strings keep much larger objects alive.
 *
 * A string that was cut out of a larger one points into the larger one's memory, and keeps all of
 * it. So a map whose keys are parts of files or messages keeps these, though nothing else needs
 * them. A copy of the string (strings.Clone) has memory of its own.
 *
 * What counts is an object without pointers to which only the tables of the one map lead, and of
 * which the map's strings use at most half.
 */
#ifndef MAPTRACE_GRAPH_PINNED_H
#define MAPTRACE_GRAPH_PINNED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/vec.h"
#include "graph/retained.h"

struct pinned_map {
	size_t row; /* of the census */
	bool keys; /* strings in keys keep such objects */
	bool values; /* strings in values do */
	uint64_t objects; /* that are kept */
	uint64_t object_bytes; /* of their slots */
	uint64_t largest_bytes; /* of the largest of them */
	uint64_t strings; /* that point into them */
	uint64_t string_bytes; /* their lengths */
	/* What comes back if each of these strings is a copy: the objects, less the slots of the
	 * copies; in all, and of memory that is resident. */
	uint64_t gives_back_bytes;
	uint64_t gives_back_resident_bytes;
};

struct pinned {
	VEC(struct pinned_map) maps; /* that keep at least one such object, by row */
	uint64_t unread; /* maps that may keep some, but have larger tables than might be read */
};

struct pinned_opts {
	const struct residency *residency; /* NULL: nothing counts as resident */
	uint64_t min_bytes; /* leave out maps that can give back less */
	uint64_t budget_bytes; /* of tables to read, of all maps */
};

/* Finds these maps. Fails as reads do. Release with pinned_fini(), also after an error. */
struct err *pinned_find(const struct retained *r, const struct pinned_opts *opts,
			struct pinned *ret);
void pinned_fini(struct pinned *p);

#endif
