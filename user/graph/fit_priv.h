/* SPDX-License-Identifier: GPL-2.0-only */
/* fit_priv.h - the inside of a fitter, for the files fit*.c. */
#ifndef MAPTRACE_GRAPH_FIT_PRIV_H
#define MAPTRACE_GRAPH_FIT_PRIV_H

#include "base/table.h"
#include "base/vec.h"
#include "graph/fit.h"

enum {
	FIT_PAGE_SZ = 4096,
	FIT_PAGES_MAX = 4096, /* that are kept: 16 MiB */
	FIT_MASK_WORDS = 64, /* words of an object that are compared as one mask */
	FIT_LEAVES_MAX = 1024, /* of one type */
	FIT_ELEMS_MAX = 32, /* elems of an array whose values are looked at */
};

/* A type, by what the allocator knows of an object of that type. */
struct fit_print {
	uint64_t slot; /* bytes that one takes in the heap */
	uint64_t mask; /* of its first words */
	uint32_t nth; /* the type */
};

/* A part of a type that does not fit every value. */
struct fit_leaf {
	uint64_t off;
	const struct cat_type *type;
};

struct fit_leaves {
	struct fit_leaf *data; /* NULL: not asked yet */
	uint32_t cnt;
};

struct fitter {
	struct fit_world world;
	const struct program *prog;
	struct mem *mem;
	struct err *err; /* the target is gone */

	/* Memory that was read. */
	struct table page_at; /* index into pages, by address / FIT_PAGE_SZ */
	VEC(uint8_t *) pages; /* NULL: it cannot be read */

	/* Types with pointers. */
	VEC(struct fit_print) values; /* ascending by slot, mask, nth */
	VEC(struct fit_print) elems; /* the same, by the size of the type in place of the slot */
	struct fit_leaves *leaves; /* of each type of the catalogue */
	uint8_t *flags; /* of each type: FIT_TYPE_* */
	struct table map_of_bucket; /* nth of the map type, by that of its bucket type */
};

enum {
	FIT_TYPE_SLICED = 1, /* there is a slice type of it */
	FIT_TYPE_SHAPE = 2, /* it stands for several types in generic code */
	FIT_TYPE_CLOSURE = 4, /* struct {F uintptr; ...} */
};

/* ---- fit_reads.c ---- */

/* Reads memory of the target, pages at a time. False when it cannot be read. */
bool fit_read(struct fitter *f, uint64_t addr, void *dst, size_t len);
bool fit_read_u64(struct fitter *f, uint64_t addr, uint64_t *ret);
void fit_reads_fini(struct fitter *f);

/* The type that the allocator noted for an object; NULL: none, or unknown. *noted_ret: there is
 * something. */
const struct cat_type *fit_noted_type(struct fitter *f, const struct object *o, bool *noted_ret);

/* The pointer mask of `words` words (at most FIT_MASK_WORDS) at addr, which is in the object.
 * False when there is none. */
bool fit_mask_at(struct fitter *f, const struct object *o, uint64_t addr, uint32_t words,
		 uint64_t *ret);

/* Whether a function begins at addr. */
bool fit_is_function(const struct fitter *f, uint64_t addr);

/* ---- fit_index.c ---- */

struct err *fit_index_init(struct fitter *f);
void fit_index_fini(struct fitter *f);

/* The leaves of a type. NULL when memory ran out. */
const struct fit_leaves *fit_leaves_of(struct fitter *f, const struct cat_type *t);

/* The map type whose buckets or groups have that type, or NULL. */
const struct cat_type *fit_map_of_bucket(const struct fitter *f, const struct cat_type *bucket);

/* ---- fit_values.c ---- */

struct fit_verdict {
	bool fits;
	uint32_t strong; /* facts that hardly any other type would have */
	int score;
};

/* Whether n values of the type can be at the start of the object. deep: also reads what its
 * pointers lead to. */
struct fit_verdict fit_values(struct fitter *f, const struct fit_object *o,
			      const struct cat_type *t, uint64_t n, bool deep);

#endif
