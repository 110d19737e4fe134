// SPDX-License-Identifier: GPL-2.0-only
#include "model/result_words.h"

const struct word ledger_row_words[ROW_CNT] = {
	[ROW_MAP_LIVE] = { "map_live", "map tables: live keys" },
	[ROW_MAP_HOLES] = { "map_hole", "map tables: holes" },
	[ROW_OTHER_HEAP] = { "other_heap", "other heap objects" },
	[ROW_FREE_SLOTS] = { "free_slot", "free slots in spans" },
	[ROW_FREE] = { "free", "free, kept by Go" },
	[ROW_RELEASED] = { "released_resident", "given back, yet resident" },
	[ROW_HUGE_EXCESS] = { "huge_excess", "huge-page excess" },
	[ROW_STACKS] = { "stack", "stacks and runtime spans" },
	[ROW_RUNTIME] = { "runtime", "Go runtime metadata" },
	[ROW_FILES] = { "file", "program, files, shared" },
	[ROW_ANON] = { "anon", "C and other anonymous" },
};

const struct word ledger_remedy_words[REMEDY_CNT] = {
	[REMEDY_NONE] = { NULL, NULL },
	[REMEDY_REBUILD_MAPS] = { "rebuild_maps", "by a rebuild" },
	[REMEDY_FREE_OS_MEMORY] = { "free_os_memory", "with debug.FreeOSMemory" },
	[REMEDY_MOVE_OBJECTS] = { "move_objects", "if packed anew" },
};

enum ledger_remedy ledger_row_remedy(enum ledger_row row)
{
	switch (row) {
	case ROW_MAP_HOLES:
		return REMEDY_REBUILD_MAPS;
	case ROW_FREE:
		return REMEDY_FREE_OS_MEMORY;
	case ROW_FREE_SLOTS:
		return REMEDY_MOVE_OBJECTS;
	case ROW_MAP_LIVE:
	case ROW_OTHER_HEAP:
	case ROW_RELEASED:
	case ROW_HUGE_EXCESS:
	case ROW_STACKS:
	case ROW_RUNTIME:
	case ROW_FILES:
	case ROW_ANON:
	case ROW_CNT:
		break;
	}
	return REMEDY_NONE;
}

const struct word ledger_region_words[REGION_CNT] = {
	[REGION_SPANS] = { "heap_spans", NULL },
	[REGION_FREE] = { "heap_free", NULL },
	[REGION_RELEASED] = { "heap_released", NULL },
	[REGION_STACKS] = { "stack", NULL },
	[REGION_RUNTIME] = { "runtime", NULL },
	[REGION_FILES] = { "file", NULL },
	[REGION_ANON] = { "anon", NULL },
};

const struct word reclaim_cause_words[CAUSE_CNT] = {
	[CAUSE_NOT_SCAVENGED] = { "not_scavenged", NULL },
	[CAUSE_PINNED_BY_MAP] = { "pinned_by_map", "maps never shrink" },
	[CAUSE_SPAN_PINNED] = { "span_pinned",
				"Go cannot compact: a span is freed with its last object" },
	[CAUSE_LAZY_FREE] = { "lazy_free", NULL },
	[CAUSE_REFILLED] = { "refilled", "Go counts it as returned and will not return it again" },
	[CAUSE_CALL_FAILED] = { "call_failed", "the memory is locked, so madvise fails" },
	[CAUSE_GRANULARITY] = { "granularity", "it is less than a physical page" },
};

const struct word mem_reason_words[MEM_REASON_CNT] = {
	[MEM_REASON_UNKNOWN] = { "unknown", "callers unknown" },
	[MEM_REASON_BACKGROUND_SCAVENGER] = { "background_scavenger", "background scavenger" },
	[MEM_REASON_FREE_OS_MEMORY] = { "free_os_memory", "debug.FreeOSMemory" },
	[MEM_REASON_ALLOCATION] = { "allocation", "allocations" },
	[MEM_REASON_RUNTIME] = { "runtime", "the runtime" },
	[MEM_REASON_PROGRAM] = { "program", "the program itself" },
	[MEM_REASON_C] = { "c", "C code" },
};

const struct word map_op_words[MAP_OP_CNT] = {
	[MAP_OP_MAKE] = { "make", "make" },	  [MAP_OP_INSERT] = { "insert", "insert" },
	[MAP_OP_DELETE] = { "delete", "delete" }, [MAP_OP_CLEAR] = { "clear", "clear" },
	[MAP_OP_GROW] = { "grow", "grow" },	  [MAP_OP_CLONE] = { "clone", "clone" },
	[MAP_OP_PRUNE] = { "prune", "prune" },
};

const struct word finding_kind_words[FINDING_CNT] = {
	[FINDING_MAP_HOLES] = { "map_holes", NULL },
	[FINDING_ZERO_VALUES] = { "zero_values", NULL },
	[FINDING_FREE_HEAP] = { "free_heap", NULL },
};

const struct word doubt_words[DOUBT_CNT] = {
	[DOUBT_TARGET_HALTED] = { "target_halted", NULL },
	[DOUBT_OTHER_RUNTIMES] = { "other_runtimes", NULL },
	[DOUBT_EXE_DELETED] = { "executable_deleted", NULL },
	[DOUBT_LAYOUT_NEAREST] = { "layout_nearest", NULL },
	[DOUBT_MADE_TYPES] = { "made_types_incomplete", NULL },
	[DOUBT_TARGET_GONE] = { "target_gone", NULL },
};
