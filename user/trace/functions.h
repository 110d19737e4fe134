/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * functions.h - the Go functions that change maps, of all versions and both kinds.
 */
#ifndef MAPTRACE_TRACE_FUNCTIONS_H
#define MAPTRACE_TRACE_FUNCTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "abi.h"
#include "arch/arch.h"

struct map_function {
	const char *name; /* as in pclntab */
	enum abi_op op;
	enum abi_group_id group;
	enum abi_args args;
	bool nested; /* other functions of the same op call it, too: then it is not a new op */
};

extern const struct map_function map_functions[];
extern const size_t map_function_cnt; /* at most ABI_PRICED_FIRST */

/*
 * Priced functions are ours: calibrate.h measures on them what a hit costs. There is one
 * for each kind of placement, without and with the record of a rare event. To the BPF
 * programs number i is the function ABI_PRICED_FIRST + i.
 */
#define PRICED_FUNCTION_CNT (ARCH_PRICED_WAYS * PLACEMENT_KIND_CNT)
_Static_assert(ABI_PRICED_FIRST + PRICED_FUNCTION_CNT <= ABI_FUNC_MAX, "one index each");

/* The number of the one that stands for functions of this group with such a placement. */
size_t priced_function_of(enum placement_kind kind, enum abi_group_id group);

/* The group that number i stands for. */
enum abi_group_id priced_function_group(size_t i);

/* Number i itself: code of our own program. */
const struct arch_priced *priced_function(size_t i);

#endif
