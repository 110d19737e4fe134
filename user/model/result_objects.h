/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * result_objects.h - the part of a result that has the other objects of the heap by type: all but
 * the tables and headers of maps.
 *
 * Bytes are those of slots, resident or not, and so are their sums. Garbage that was not swept yet
 * counts.
 */
#ifndef MAPTRACE_MODEL_RESULT_OBJECTS_H
#define MAPTRACE_MODEL_RESULT_OBJECTS_H

#include <stdbool.h>
#include <stdint.h>

#include "model/result_words.h"

struct result_object_group {
	const char *type; /* "main.session", "[]main.session", "chan int"; NULL: not known */
	enum result_object_source source;
	uint64_t
		slot_bytes; /* of a slot, where the type is not known; 0: it is, or they are large */
	bool pointers; /* they have pointers */
	bool certain; /* the type is */
	bool estimated; /* by a sample: the next two are about so many */
	uint64_t count;
	uint64_t bytes;
	uint64_t bytes_low; /* the 95 % interval of an estimate; else all three are equal */
	uint64_t bytes_high;
	struct opt_u64 garbage_bytes; /* of bytes: what nothing leads to */
};

struct result_objects_total {
	uint64_t count;
	uint64_t bytes;
	uint64_t looked_at; /* objects with pointers that were looked at */
	uint64_t groups;
};

#endif
