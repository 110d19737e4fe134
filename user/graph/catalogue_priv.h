/* SPDX-License-Identifier: GPL-2.0-only */
/* catalogue_priv.h - the inside of a catalogue, for the files catalogue*.c. */
#ifndef MAPTRACE_GRAPH_CATALOGUE_PRIV_H
#define MAPTRACE_GRAPH_CATALOGUE_PRIV_H

#include "base/pool.h"
#include "base/table.h"
#include "graph/catalogue.h"
#include "process/typesection.h"

/* Types that nest deeper are not followed: hostile ones may nest in themselves. */
enum { CAT_DEPTH_MAX = 32 };

struct cat_text {
	const char *linked; /* the linker's name, with the last part of the package's path */
	const char *package; /* the path of a named type's package; NULL: none */
	const char *full; /* what cat_type_name() returned before */
};

struct catalogue {
	struct cat_type *types;
	struct cat_text *texts; /* of each type */
	size_t cnt;
	struct table by_addr; /* index of the type by the address of each of its descriptors */
	struct pool pool; /* fields, and all texts */
};

/* Fills the catalogue with what the section has. */
struct err *catalogue_parse(struct catalogue *cat, const struct section *s);

#endif
