// SPDX-License-Identifier: GPL-2.0-only
#include "model/names.h"

#include <sys/mman.h>

#include "model/result_words.h"

const char *name_map_kind(enum map_kind kind)
{
	return kind == MAP_CLASSIC ? "classic" : "swiss";
}

_Static_assert((int)MAP_EXACT == (int)CONSISTENT_EXACT &&
		       (int)MAP_MOVING == (int)CONSISTENT_MOVING &&
		       (int)MAP_SUSPECT == (int)CONSISTENT_SUSPECT,
	       "consistency_mark is consistency");

const char *name_consistency(enum consistency c)
{
	return consistency_words[c].name;
}

const char *name_type_source(enum type_source s)
{
	static const char *const names[] = {
		[TYPE_UNKNOWN] = "unknown",
		[TYPE_AMBIGUOUS] = "ambiguous",
		[TYPE_UNIQUE_SHAPE] = "unique-shape",
		[TYPE_CONTENTS] = "contents",
		[TYPE_HEADER] = "header",
		[TYPE_HOLDER] = "holder",
		[TYPE_PROBE] = "probe",
	};

	return names[s];
}

const char *name_growth(enum trace_growth g)
{
	static const char *const names[] = {
		[TRACE_GROWTH_NONE] = "unknown",
		[TRACE_GROWTH_DOUBLE] = "double",
		[TRACE_GROWTH_SAME_SIZE] = "same_size",
		[TRACE_GROWTH_SMALL_TO_TABLE] = "small_to_table",
		[TRACE_GROWTH_TABLE_DOUBLE] = "table_double",
		[TRACE_GROWTH_TABLE_SPLIT] = "table_split",
	};

	return names[g];
}

const char *name_memcall(enum abi_memcall call)
{
	static const char *const names[] = {
		[ABI_CALL_MMAP] = "mmap",
		[ABI_CALL_MUNMAP] = "munmap",
		[ABI_CALL_MADVISE] = "madvise",
	};

	return names[call];
}

const char *name_mechanism(enum trace_attach a)
{
	return a == TRACE_ATTACH_MULTI ? "uprobe_multi" : "perf_event";
}

const char *name_halt(enum halt h)
{
	static const char *const names[HALT_CNT] = {
		[HALT_SIGNAL] = "signal",
		[HALT_TRACER] = "tracer",
		[HALT_CGROUP] = "cgroup",
	};

	return names[h];
}

const char *name_advice(uint32_t advice)
{
	static const struct {
		uint32_t advice;
		const char *name;
	} names[] = {
		{ MADV_DONTNEED, "MADV_DONTNEED" }, { MADV_FREE, "MADV_FREE" },
		{ MADV_HUGEPAGE, "MADV_HUGEPAGE" }, { MADV_NOHUGEPAGE, "MADV_NOHUGEPAGE" },
		{ MADV_WILLNEED, "MADV_WILLNEED" }, { MADV_REMOVE, "MADV_REMOVE" },
		{ MADV_DONTDUMP, "MADV_DONTDUMP" }, { MADV_COLD, "MADV_COLD" },
		{ MADV_PAGEOUT, "MADV_PAGEOUT" },   { 25, "MADV_COLLAPSE" },
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].advice == advice)
			return names[i].name;
	return NULL;
}
