/* SPDX-License-Identifier: GPL-2.0-only */
/* path_steps.h - names the steps of a way; private to paths.c. */
#ifndef MAPTRACE_GRAPH_PATH_STEPS_H
#define MAPTRACE_GRAPH_PATH_STEPS_H

#include "base/pool.h"
#include "base/vec.h"
#include "graph/holder_search.h"
#include "graph/objects.h"
#include "graph/path_search.h"
#include "graph/paths.h"

enum {
	PATH_TEXT_MAX = 2048,
	PATH_PIECE_SZ = 64 << 10, /* of a large object */
};

/* Whose code has something. */
enum path_owner {
	PATH_OF_USER, /* the module of package main, or one beside it */
	PATH_OF_MODULE, /* another one */
	PATH_OF_GO, /* it comes with Go */
	PATH_OF_RUNTIME,
};

/* The owner of a package, by its import path and that of package main. package: NULL if it is not
 * known. */
enum path_owner path_owner_of(const char *package, const char *main_path);

/* What the naming of steps needs. */
struct path_namer {
	struct holder_search *s;
	const struct objects *objs;
	const struct heap_graph *graph;
	struct frames *frames;
	struct object_batch *batch; /* for one object at a time */
	uint8_t *piece; /* of a large object */
	struct pool *pool; /* of all texts */
};

/* Reads one object into the batch. *ok: it could be read. */
struct err *path_read_object(struct path_namer *n, uint32_t object, bool *ok);

/* The offset of a word of the object in the batch that leads to another object. *off is
 * PATH_NO_WORD: there is none now. words: the one before it, and that word. */
#define PATH_NO_WORD UINT64_MAX
struct err *path_find_word(struct path_namer *n, const struct object *to, uint64_t *off,
			   uint64_t words[2]);

/* Where a root is. */
struct path_root {
	enum holder_kind kind;
	bool certain;
	enum path_owner owner;
	char text[PATH_TEXT_MAX]; /* with the functions that use a variable */
	char name[PATH_TEXT_MAX]; /* to be followed by what is behind it */
};

struct err *path_root_name(struct path_namer *n, const struct graph_root *root,
			   struct path_root *ret);

enum path_verdict {
	PATH_NAMED,
	/* Another way would say more: it goes through something that nobody looks for there. */
	PATH_GUESSED, /* an object whose type is a guess */
	PATH_CLOSURE, /* a callback that a variable has */
	PATH_UNTYPED, /* an object of an unknown type */
	PATH_OF_TIMER, /* an object of the runtime's */
	PATH_STALE, /* no way: an object has no word any more that leads to the next one */
};

/* What is wrong with a way; the worst of all. */
struct path_fault {
	enum path_verdict verdict;
	uint32_t object; /* that one */
};

/* Names the steps of a way to the map of that row. */
struct err *path_name(struct path_namer *n, const struct found_path *way, uint32_t row,
		      struct map_path *ret, struct path_fault *fault);

/* Whether an object that leads right to a map is what its holder names. */
struct err *path_object_is_holder(struct path_namer *n, uint32_t object, uint32_t target,
				  const struct holder *holder, bool *ret);

#endif
