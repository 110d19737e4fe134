/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * frames.h - words on the stacks of goroutines, and the frames that they are in.
 *
 * Where the frames of a running goroutine are is not known: a word on its stack may be left over.
 */
#ifndef MAPTRACE_GRAPH_FRAMES_H
#define MAPTRACE_GRAPH_FRAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/table.h"
#include "base/vec.h"
#include "heap/goroutines.h"
#include "heap/heap.h"

enum { FRAME_NAME_MAX = 512 };

/* A word on a stack that leads to something that was looked for. */
struct stack_word {
	uint64_t word; /* its address */
	uint64_t value;
	uint32_t goroutine; /* an index into frames.goroutines */
};

struct frames_stack {
	uint64_t lo;
	uint64_t goroutine; /* an index into frames.goroutines */
};

struct frames {
	struct heap *heap;
	struct goroutines goroutines;
	bool known; /* false: the goroutines could not be listed, so there are no words */
	VEC(struct frames_stack) by_stack; /* ascending by lo */
	struct table size_by_pc; /* bytes of a frame, plus 1; 0: not known */
};

/* Lists the goroutines. Release with frames_fini(). */
struct err *frames_init(struct frames *f, struct heap *heap);
void frames_fini(struct frames *f);

/* Decides whether a word is looked for. */
typedef bool (*frames_wants_fn)(void *ctx, uint64_t value);

struct stack_words {
	VEC(struct stack_word) list;
	bool cut; /* there was more of stacks than we read */
};

/* Appends the words in the used part of all stacks that are looked for. Reads at most bytes_max
 * bytes. */
struct err *frames_scan(const struct frames *f, uint64_t bytes_max, frames_wants_fn wants,
			void *ctx, struct stack_words *ret);

/* The goroutine whose stack has that address; false when there is none. */
bool frames_find(const struct frames *f, uint64_t addr, uint32_t *ret);

/* What is known of the frame that has an address of a goroutine's stack. */
struct frame_place {
	uint64_t goid; /* 0: not known */
	bool running;
	char function[FRAME_NAME_MAX]; /* "": not known */
};

struct err *frames_place(struct frames *f, uint32_t goroutine, uint64_t addr,
			 struct frame_place *ret);

#endif
