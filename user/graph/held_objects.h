/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * held_objects.h - reads objects of the heap, and which of their words are pointers, many at a
 * time.
 */
#ifndef MAPTRACE_GRAPH_HELD_OBJECTS_H
#define MAPTRACE_GRAPH_HELD_OBJECTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "graph/fit.h"
#include "heap/heap.h"

enum {
	OBJECTS_A_READ = 128,
	OBJECT_BYTES_MAX = 4096, /* that are read of one */
	OBJECT_MASK_WORDS = 8192, /* an object with more words has no mask */
};

/* Objects that are read together. For one thread. */
struct object_batch {
	size_t cnt;
	struct object objects[OBJECTS_A_READ];
	struct fit_object read[OBJECTS_A_READ]; /* set by objects_read() */
	bool ok[OBJECTS_A_READ]; /* this one was read */
	uint8_t *bytes;
	uint64_t *masks;
	uint8_t *bits;
};

/* NULL: out of memory. Free with object_batch_free(). */
struct object_batch *object_batch_new(void);
void object_batch_free(struct object_batch *b);

/* Reads the first cnt objects of the batch. */
struct err *objects_read(struct heap *heap, struct object_batch *b);

#endif
