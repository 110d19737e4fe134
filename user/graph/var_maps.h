/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * var_maps.h - the types of maps in package variables, by what code does with them.
 *
 * A map has no pointer to its type. But code that uses a variable gives both to the functions of
 * the runtime, and code that sets it has made the map with its type. Only functions that refer to
 * a variable that somebody asks for are decoded.
 */
#ifndef MAPTRACE_GRAPH_VAR_MAPS_H
#define MAPTRACE_GRAPH_VAR_MAPS_H

#include <stdint.h>

#include "arch/arch.h"
#include "base/table.h"
#include "base/vec.h"
#include "graph/code_uses.h"
#include "process/program.h"

struct map_callee {
	uint64_t addr;
	enum code_call call;
};

struct var_maps {
	const struct program *prog;
	struct code_uses *uses;
	VEC(struct map_callee) calls; /* functions of the runtime */
	struct table call_at; /* index in calls, by address */
	struct table walked; /* functions that were decoded, by address */
	VEC(uint64_t) types; /* UINT64_MAX: code does not agree */
	struct table by_var; /* index in types, by address of the variable */
	uint64_t bytes; /* of code that was decoded */
	bool opened;
};

/* Nothing is done until somebody asks. Both must outlive it. Release with var_maps_fini(). */
void var_maps_init(struct var_maps *vm, const struct program *prog, struct code_uses *uses);
void var_maps_fini(struct var_maps *vm);

/* The address of the type of the maps in the variable at addr, a word of the module; 0: not known.
 * The caller has to see to it that there is a map type. Time counts as that of `uses`. */
uint64_t var_maps_find(struct var_maps *vm, uint32_t module, uint64_t addr);

#endif
