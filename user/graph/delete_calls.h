/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * delete_calls.h - whether the code of a package deletes from maps of a type.
 *
 * A call of delete() names the type: its address goes into a register before it, and no other call
 * comes in between. So one scan
 * of the code for that address finds all such calls, except those of generic functions, which get
 * their types from a dictionary.
 */
#ifndef MAPTRACE_GRAPH_DELETE_CALLS_H
#define MAPTRACE_GRAPH_DELETE_CALLS_H

#include <stdbool.h>
#include <stdint.h>

struct err;
struct program;

/* *ret is true if a function of the same package as `function` deletes from maps whose type is at
 * `type`. False is no proof: see above. *stop ends the scan early; stop may be NULL. */
struct err *delete_calls_find(const struct program *prog, uint64_t type, const char *function,
			      const volatile bool *stop, bool *ret);

#endif
