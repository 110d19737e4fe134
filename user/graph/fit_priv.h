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

/* A type to choose from, as one value or an array of n. */
struct fit_choice {
	uint32_t nth;
	uint8_t rank; /* one of a lower rank counts only where none of a higher one fits */
	uint64_t n;
};

/* What objects of a size class with these pointers can be. */
struct fit_group {
	uint64_t slot;
	uint64_t mask;
	uint32_t map_word; /* the first word that leads to a map's header, plus 1; 0: none does */
	uint32_t first; /* index into the choices */
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
	struct table group_at; /* index into the groups, by a hash of what they have in common */
	VEC(struct fit_group) groups;
	VEC(struct fit_choice) choices;
	struct table map_of_bucket; /* nth of the map type, by that of its bucket type */
};

enum {
	FIT_TYPE_SLICED = 1, /* there is a slice type or a channel type of it */
	FIT_TYPE_SHAPE = 2, /* it stands for several types in generic code */
	FIT_TYPE_SLOT = 8, /* a key and elem in a group: never an object of its own */
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

/* ---- fit_index.c ---- */

struct err *fit_index_init(struct fitter *f);
void fit_index_fini(struct fitter *f);

/* The leaves of a type. NULL when memory ran out. */
const struct fit_leaves *fit_leaves_of(struct fitter *f, const struct cat_type *t);

/* The map type whose buckets or groups have that type, or NULL. */
const struct cat_type *fit_map_of_bucket(const struct fitter *f, const struct cat_type *bucket);

/* The first print that is not below the key, among cnt in ascending order. */
size_t fit_first_print(const struct fit_print *p, size_t cnt, uint64_t slot, uint64_t mask);

/* ---- fit_object.c ---- */

/* An object that is being typed. */
struct fit_job {
	struct fitter *f;
	const struct fit_object *o;
	uint64_t slot; /* bytes of its slot, with the malloc header */
	uint64_t mask; /* of its first words */
	uint32_t map_word; /* the first word that leads to a map's header, plus 1; 0: none does */
	struct fit *ret;
};

/* A word of the object; false when it was not read. */
bool fit_word(const struct fit_object *o, uint64_t off, uint64_t *ret);

/* Whether a word is a pointer; bits of up to 64 words, 0 after the object; the number of words up
 * to the last pointer. */
bool fit_mask_bit(const struct fit_object *o, uint64_t word);
uint64_t fit_mask_words(const struct fit_object *o, uint64_t from, uint64_t n);
uint64_t fit_ptr_words(const struct fit_object *o);

/* Whether the allocator takes the object's slot for n values of that size. */
bool fit_is_exact(const struct fit_job *j, uint64_t size, uint64_t n);

/* Whether the object's pointers are those of n values of the type, and no others. */
bool fit_mask_is(const struct fit_job *j, const struct cat_type *t, uint64_t n);

/* The number of values of the type that have as many pointers as the object; 0: none. */
uint64_t fit_elems_by_mask(const struct fit_job *j, const struct cat_type *t);

/* Set the result, as certain. They return true. */
bool fit_set(const struct fit_job *j, enum fit_kind kind, enum fit_source source,
	     const struct cat_type *type);
bool fit_set_closure(const struct fit_job *j, enum fit_source source, const struct cat_type *t,
		     uint64_t func);

/* ---- fit_print.c ---- */

/* Types the object by its fingerprint. The only error is a lack of memory. */
struct err *fit_by_print(struct fit_job *j);
void fit_groups_fini(struct fitter *f);

/* ---- fit_values.c ---- */

/* Whether the census has a map with its header there. */
bool fit_is_map_header(const struct fitter *f, uint64_t addr, struct map_info *ret);

/* Whether it is the runtime's type of map headers, which its own code has pointers to. */
bool fit_is_header_type(const struct fitter *f, const struct cat_type *t);

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
