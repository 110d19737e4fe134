/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * code_place.h - what a walk up a stack has to know of each address in the code: how large the
 * frame is there, and whose code it is.
 *
 * Thousands of goroutines are in few places, so each address is looked up once.
 */
#ifndef MAPTRACE_GRAPH_CODE_PLACE_H
#define MAPTRACE_GRAPH_CODE_PLACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/table.h"
#include "base/vec.h"
#include "process/lines.h"
#include "process/program.h"

enum code_owner {
	CODE_RUNTIME,
	CODE_LIBRARY, /* Go's own, but not the runtime */
	CODE_USER,
};

/* Whose code a function is, by its full name. */
enum code_owner code_owner_of(const char *function);

struct code_place {
	bool known; /* false: the walk cannot go on here */
	bool is_end; /* the first frame of every goroutine */
	uint32_t frame_sz; /* from the stack pointer to the return address */
	/* Functions that the code comes from, innermost first; NULL: none of this owner. They belong
	 * to the lines of the program. */
	const struct frame *first; /* not of the runtime */
	const struct frame *user; /* of the program itself or of a module that it uses */
	const struct frame *outermost;
};

struct code_places {
	const struct program *prog;
	VEC(struct code_place) list;
	struct table by_addr;
};

/* The place of the call that returns to an address. NULL: out of memory. It is valid until the
 * next call. */
const struct code_place *code_place_of_call(struct code_places *places, uint64_t return_addr);

/* The same for where a goroutine stopped. A new one has not begun with its function. */
const struct code_place *code_place_of_stop(struct code_places *places, uint64_t pc);

void code_places_fini(struct code_places *places);

#endif
