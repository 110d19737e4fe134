/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * functions.h - the Go functions that change maps, of all versions and both kinds.
 */
#ifndef MAPTRACE_TRACE_FUNCTIONS_H
#define MAPTRACE_TRACE_FUNCTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "abi.h"

struct map_function {
	const char *name; /* as in pclntab */
	enum abi_op op;
	enum abi_group_id group;
	enum abi_args args;
	bool nested; /* also called by other functions of the same op, and is no new op then */
};

extern const struct map_function map_functions[];
extern const size_t map_function_cnt; /* at most ABI_FUNC_MAX */

#endif
