/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * naming.h - makes a holder from a word that leads to a map: from the type of the object that the
 * word is in, from the variable, or from the frame.
 */
#ifndef MAPTRACE_GRAPH_NAMING_H
#define MAPTRACE_GRAPH_NAMING_H

#include "graph/catalogue.h"
#include "graph/fit.h"
#include "graph/frames.h"
#include "graph/holder_set.h"
#include "graph/varrefs.h"
#include "process/dataroots.h"

struct naming {
	struct heap *heap;
	const struct catalogue *cat;
	struct varrefs *vars; /* NULL: not known */
	struct fitter *fitter; /* NULL: types of variables are not told */
	const struct data_roots *roots;
	struct holder_set *set; /* where the holders are added */
	uint64_t frame_cnt; /* frames named so far */
	struct table by_use; /* index in uses: the holder for a type and offset */
	VEC(struct naming_use {
		struct fit fit;
		uint64_t off;
		const struct cat_type *held;
		bool indirect;
		uint32_t holder;
	})
	uses;
};

void naming_fini(struct naming *n);

/* A word in an object. */
struct held_word {
	const struct fit_object *object;
	const struct fit *fit; /* of the object */
	uint64_t off; /* of the word, from the object's start */
	const struct cat_type *held; /* the type of the map, if the census knows it; else NULL */
	/* A type that an interface names, as the word before this one says: 0 if it is none. */
	uint64_t word_before;
	/* The word leads to a variable that has the map, not to the map itself. */
	bool indirect;
};

/* What the word is, as far as the fit says. */
enum naming_verdict {
	NAMING_HOLDER, /* *ret is the number of the holder */
	NAMING_PASSES, /* the object is a variable of the map's type: look for what points to it */
	NAMING_REFUSED, /* the word cannot be a map: the type is wrong, or the word is stale */
};

enum naming_verdict naming_object(struct naming *n, const struct held_word *w, uint32_t *ret);

/* The type of what an interface has, by its first word; NULL: the word leads to no type. */
const struct cat_type *naming_dynamic_type(const struct naming *n, uint64_t word);

/* Puts a star in place of each index of an array: "shards[3].items" becomes "shards[*].items". */
void naming_path(const char *path, char *buf, size_t buf_sz);

/* The part of a path in a bucket that comes after its slot: "slots[3].elem.m", "elems[3].m" and
 * "keys[3]" say where the key or value itself has the word. */
const char *naming_slot_path(const char *path, bool *is_key);

/* The holder that is a channel, given the fit of its buffer. */
uint32_t naming_channel(struct naming *n, const struct held_word *w, const struct cat_type *elem);

/* The holder for a word of data or bss, which has no object. Where the type of the map is not known,
 * it is looked for in the code. */
uint32_t naming_variable(struct naming *n, uint64_t addr, const struct held_word *w);

/* What a variable is called: its name, or its package and the functions that use it. */
void naming_variable_text(const struct varref *v, char *buf, size_t buf_sz);

/* The holder for a word in a frame. own: the map's header itself is in the frame. */
uint32_t naming_frame(struct naming *n, const struct frame_place *place, bool own);

#endif
