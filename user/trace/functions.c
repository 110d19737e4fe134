// SPDX-License-Identifier: GPL-2.0-only
#include "trace/functions.h"

/*
 * A program has the functions that its version of Go has and that it uses; that
 * most of these are absent is normal. What makes the list complete:
 *
 *  - reflect in Go 1.24 and later calls (*Map).Delete, (*Map).Clear and NewMap
 *    directly, everybody else through runtime.map*. A profile-guided build may
 *    inline them into those. So both are probed, and a hit that comes from the
 *    outer one is dropped. The same for rehash, which calls grow or split.
 *  - maps.Clone is mapclone2 up to 1.24, (*Map).Clone since 1.25. It copies with
 *    (*Map).Put in 1.24, which has no other user and is left out.
 *  - 32-bit variants (mapassign_fast32ptr, makemap64) are left out: no 32-bit
 *    target is supported.
 *  - (*Map).growToSmall is left out. It is the first insert into a map without
 *    groups, so it comes as often as a program makes small maps, and the record
 *    of that insert shows it already (no group before, nothing in the map).
 *  - So are growWork and evacuate, the instalments of a growth that hashGrow has
 *    decided.
 *
 * The group is a matter of how often a sane program calls the function. Growth
 * is seldom compared with inserts (a table doubles, or splits after some hundred
 * inserts); clear and clone usually are. Where not, the quota of the group ends
 * the matter. A make with a size is seldom too, but where it is not it must not
 * use up the quota of growth, so it has one of its own; makemap_small, for maps
 * made without a size, comes at any rate.
 */
#define MAPS "internal/runtime/maps."

const struct map_function map_functions[] = {
	{ "runtime.mapassign", ABI_OP_INSERT, ABI_GROUP_HOT, ABI_ARGS_T_M, false },
	{ "runtime.mapassign_fast32", ABI_OP_INSERT, ABI_GROUP_HOT, ABI_ARGS_T_M, false },
	{ "runtime.mapassign_fast64", ABI_OP_INSERT, ABI_GROUP_HOT, ABI_ARGS_T_M, false },
	{ "runtime.mapassign_fast64ptr", ABI_OP_INSERT, ABI_GROUP_HOT, ABI_ARGS_T_M, false },
	{ "runtime.mapassign_faststr", ABI_OP_INSERT, ABI_GROUP_HOT, ABI_ARGS_T_M, false },

	/* Pointer keys are deleted by mapdelete_fast64. */
	{ "runtime.mapdelete", ABI_OP_DELETE, ABI_GROUP_HOT, ABI_ARGS_T_M, false },
	{ "runtime.mapdelete_fast32", ABI_OP_DELETE, ABI_GROUP_HOT, ABI_ARGS_T_M, false },
	{ "runtime.mapdelete_fast64", ABI_OP_DELETE, ABI_GROUP_HOT, ABI_ARGS_T_M, false },
	{ "runtime.mapdelete_faststr", ABI_OP_DELETE, ABI_GROUP_HOT, ABI_ARGS_T_M, false },
	{ MAPS "(*Map).Delete", ABI_OP_DELETE, ABI_GROUP_HOT, ABI_ARGS_M_T, true },

	{ "runtime.makemap_small", ABI_OP_MAKE, ABI_GROUP_HOT, ABI_ARGS_NONE, false },
	{ "runtime.makemap", ABI_OP_MAKE, ABI_GROUP_MAKE, ABI_ARGS_T_N_M, false },
	{ MAPS "NewMap", ABI_OP_MAKE, ABI_GROUP_MAKE, ABI_ARGS_T_N_M, true },

	{ "runtime.mapclear", ABI_OP_CLEAR, ABI_GROUP_RARE, ABI_ARGS_T_M, false },
	{ MAPS "(*Map).Clear", ABI_OP_CLEAR, ABI_GROUP_RARE, ABI_ARGS_M_T, true },

	{ "runtime.hashGrow", ABI_OP_GROW, ABI_GROUP_RARE, ABI_ARGS_T_M, false },
	{ MAPS "(*Map).growToTable", ABI_OP_GROW, ABI_GROUP_RARE, ABI_ARGS_M_T, false },
	{ MAPS "(*table).rehash", ABI_OP_GROW, ABI_GROUP_RARE, ABI_ARGS_TAB_T_M, false },
	{ MAPS "(*table).grow", ABI_OP_GROW, ABI_GROUP_RARE, ABI_ARGS_TAB_T_M, true },
	{ MAPS "(*table).split", ABI_OP_GROW, ABI_GROUP_RARE, ABI_ARGS_TAB_T_M, true },

	{ MAPS "(*table).pruneTombstones", ABI_OP_PRUNE, ABI_GROUP_RARE, ABI_ARGS_TAB_T_M, false },

	{ "runtime.mapclone2", ABI_OP_CLONE, ABI_GROUP_RARE, ABI_ARGS_T_M, false },
	{ MAPS "(*Map).Clone", ABI_OP_CLONE, ABI_GROUP_RARE, ABI_ARGS_M_T, true },
};

const size_t map_function_cnt = sizeof(map_functions) / sizeof(map_functions[0]);

_Static_assert(sizeof(map_functions) / sizeof(map_functions[0]) <= ABI_PRICED_FIRST,
	       "the cookie of a probe is an index below ABI_PRICED_FIRST");

size_t priced_function_of(enum placement_kind kind, enum abi_group_id group)
{
	return ARCH_PRICED_WAYS * kind + (group != ABI_GROUP_HOT);
}

enum abi_group_id priced_function_group(size_t i)
{
	return i % ARCH_PRICED_WAYS ? ABI_GROUP_RARE : ABI_GROUP_HOT;
}

const struct arch_priced *priced_function(size_t i)
{
	return &arch_host()->priced[i / ARCH_PRICED_WAYS][i % ARCH_PRICED_WAYS];
}
