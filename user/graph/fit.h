/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * fit.h - of which type an object of the heap is.
 *
 * Sources, the first one that says something decides:
 *  1. the allocator: malloc header or type of a large object (Go 1.22 and later, above 512 B);
 *  2. the runtime's own structures, by their contents: swiss tables and directories, map headers;
 *     channels, closures;
 *  3. what a parent says of it, if the object also fits that type;
 *  4. a fingerprint: types of that size class whose words are pointers just where the object's
 *     are; then the values must be possible: where pointers lead, tables of interface methods,
 *     types of maps and channels, functions.
 */
#ifndef MAPTRACE_GRAPH_FIT_H
#define MAPTRACE_GRAPH_FIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "graph/catalogue.h"
#include "heap/heap.h"
#include "maps/census.h"

/* An object that the caller has read. */
struct fit_object {
	uint64_t addr; /* its start: after the malloc header, if it has one */
	uint64_t size; /* bytes from there to the end of the slot */
	uint8_t spanclass;
	const uint8_t *bytes; /* from addr on */
	size_t bytes_len; /* at most size; a part is enough for a large object */
	/* Bit i: word i (of size / 8) is a pointer; 0 after the last pointer. Not known for
	 * objects with a malloc header, or of a large type. */
	const uint64_t *ptr_mask;
	bool mask_known;
};

struct fit_world {
	struct heap *heap;
	const struct catalogue *cat;
	const struct census
		*census; /* the types of map headers, as they are when asked; NULL: none */
};

enum fit_kind {
	FIT_NONE, /* nothing fits */
	FIT_VALUE, /* one value of the type */
	FIT_ARRAY, /* an array of values of the type, from its start on */
	FIT_CLOSURE, /* of the function `func`; type: its struct {F uintptr; X0 ...}, or NULL */
	FIT_CHAN, /* a channel; type: of its elems, which may follow in the same object */
	FIT_CHAN_BUFFER, /* an array of the elems of a channel (only by a parent) */
	FIT_MAP_HEADER,
	FIT_SWISS_TABLE,
	FIT_SWISS_DIRECTORY,
	FIT_BUCKETS, /* an array of buckets or groups of the map type `type` */
};

enum fit_source { FIT_BY_NOTHING, FIT_BY_HEADER, FIT_BY_CONTENTS, FIT_BY_PARENT, FIT_BY_PRINT };

/*
 * Candidates may differ in what is around a field only: T and struct{T}. So where several are left
 * the field that the object's first map is in may be certain: `owner` is the struct that declares
 * it in all candidates, at the same place.
 */
struct fit {
	const struct cat_type *type; /* the only or best candidate; of a guess the first best */
	uint64_t func; /* of a closure: the address of its function; else 0 */
	uint32_t candidates; /* types that are as good as this one, with it; 0: none */
	const struct cat_type
		*owner; /* of the first map of the object; NULL: they differ, or none */
	bool owner_certain;
	bool certain; /* with a parent: as certain as that parent */
	uint8_t kind; /* enum fit_kind */
	uint8_t source; /* enum fit_source */
};

struct fitter;

/* The world must outlive it. A fitter reads the target's memory and keeps what it read, for one
 * look at a process; it is for one thread. Close with fit_close(). */
struct err *fit_open(const struct fit_world *world, struct fitter **ret);
void fit_close(struct fitter *f);

/*
 * Finds the type. expected: what a pointer to the object says: T for a field of type *T or []T,
 * or for interface words that name *T; the map type for a bucket or group array that a header
 * leads to; NULL: nothing is known.
 */
void fit_types(struct fitter *f, const struct fit_object *o, const struct cat_type *expected,
	       struct fit *ret);

/* Whether a value of the type can be at addr in data or bss. */
bool fit_is_static(struct fitter *f, uint64_t addr, const struct cat_type *t);

/* Whether a function of the program begins at addr. */
bool fit_is_function(const struct fitter *f, uint64_t addr);

/* Why the target could not be read, or NULL; the fitter's. From then on nothing fits. */
const struct err *fit_error(const struct fitter *f);

#endif
