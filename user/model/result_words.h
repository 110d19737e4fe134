/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * result_words.h - the values that a result is made of, and the words for them.
 *
 * Each enum has one table: the name in JSON and the words for people stand in the same
 * row. Code that decides by such a value has a switch without a default, so that a value
 * that is added without its words, or without its case, does not compile or fails
 * tests/unit/test_result.c.
 */
#ifndef MAPTRACE_MODEL_RESULT_WORDS_H
#define MAPTRACE_MODEL_RESULT_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A number that may be unknown: null in JSON. */
struct opt_u64 {
	uint64_t v;
	bool known;
};

static inline struct opt_u64 opt_if(bool known, uint64_t v)
{
	return (struct opt_u64){ known ? v : 0, known };
}

struct word {
	const char *name; /* in JSON; NULL: the value is null there */
	const char *text; /* for people; NULL: never shown */
};

/* Where resident memory is; the rows of the ledger, in their order. */
enum ledger_row {
	ROW_MAP_LIVE, /* map tables: share of the live keys */
	ROW_MAP_HOLES, /* map tables: the rest */
	ROW_OTHER_HEAP, /* other objects */
	ROW_FREE_SLOTS, /* free slots of spans, and their ends */
	ROW_FREE, /* REGION_FREE */
	ROW_RELEASED, /* REGION_RELEASED without the next one */
	ROW_HUGE_EXCESS, /* RELEASED_HUGE: in memory because of a huge page around it */
	ROW_STACKS,
	ROW_RUNTIME,
	ROW_FILES,
	ROW_ANON,
	ROW_CNT,
};
extern const struct word ledger_row_words[ROW_CNT];

/* What makes the bytes of a ledger row come back. */
enum ledger_remedy {
	REMEDY_NONE,
	REMEDY_REBUILD_MAPS, /* copy the live keys into a new map, drop the old one */
	REMEDY_FREE_OS_MEMORY, /* debug.FreeOSMemory(), or a memory limit */
	REMEDY_MOVE_OBJECTS, /* allocate the few that are left anew, together */
	REMEDY_CNT,
};
extern const struct word ledger_remedy_words[REMEDY_CNT];

enum ledger_remedy ledger_row_remedy(enum ledger_row row);

/* Who owns pages; all but the unexplained bytes are whole pages. */
enum ledger_region {
	REGION_SPANS, /* objects of the heap, with free slots between them */
	REGION_FREE, /* free pages that Go keeps */
	REGION_RELEASED, /* pages that Go has given back, or never used */
	REGION_STACKS, /* goroutine stacks and other spans of the runtime */
	REGION_RUNTIME, /* the runtime's own memory */
	REGION_FILES, /* the program, libraries, files, shared memory */
	REGION_ANON, /* C code's and other anonymous memory */
	REGION_CNT,
};
extern const struct word ledger_region_words[REGION_CNT];

/* Why memory that the program has no use for is resident all the same. */
enum reclaim_cause {
	CAUSE_NOT_SCAVENGED, /* free pages of Go's page allocator, never given back */
	CAUSE_PINNED_BY_MAP, /* holes that no madvise reaches while the map lives */
	CAUSE_SPAN_PINNED, /* pages kept by a few live objects */
	CAUSE_LAZY_FREE, /* given back with MADV_FREE: counted until the kernel needs it */
	CAUSE_REFILLED, /* given back, and resident again */
	CAUSE_CALL_FAILED, /* madvise fails: the memory is locked, or it said so */
	CAUSE_GRANULARITY, /* free, but less than a physical page */
	CAUSE_CNT,
};
/* `text`: why such memory never comes back by itself; NULL where it depends. */
extern const struct word reclaim_cause_words[CAUSE_CNT];

/* Who made a memory call. */
enum mem_reason {
	MEM_REASON_UNKNOWN, /* the stack could not be read */
	MEM_REASON_BACKGROUND_SCAVENGER, /* gives back what has been free for long */
	MEM_REASON_FREE_OS_MEMORY, /* debug.FreeOSMemory() */
	MEM_REASON_ALLOCATION, /* the heap grows, or makes room below a memory limit */
	MEM_REASON_RUNTIME, /* the runtime, for anything else */
	MEM_REASON_PROGRAM, /* a system call of the program itself */
	MEM_REASON_C, /* no Go function on the stack */
	MEM_REASON_CNT,
};
extern const struct word mem_reason_words[MEM_REASON_CNT];

/* What is done to a map; the same numbers as enum abi_op. */
enum map_op {
	MAP_OP_MAKE,
	MAP_OP_INSERT, /* a new key, or an update of an old one */
	MAP_OP_DELETE,
	MAP_OP_CLEAR,
	MAP_OP_GROW,
	MAP_OP_CLONE,
	MAP_OP_PRUNE, /* a swiss table looks for tombstones that it can drop */
	MAP_OP_CNT,
};
extern const struct word map_op_words[MAP_OP_CNT];

/* What is worth acting on. To add one: a value here, a row in finding_words.c, and what
 * finds it in finding.c. */
enum finding_kind {
	FINDING_MAP_HOLES, /* the tables of maps of one type are far larger than their keys need */
	FINDING_ZERO_VALUES, /* maps of one type keep entries whose value is zero */
	FINDING_FREE_HEAP, /* free pages that Go has not returned to the OS */
	FINDING_CNT,
};
extern const struct word finding_kind_words[FINDING_CNT];

/* What a reader should know before believing the rest. */
enum doubt_code {
	DOUBT_TARGET_HALTED, /* the target gets no CPU, or got none for a while */
	DOUBT_OTHER_RUNTIMES, /* the process has more Go runtimes: this is one of them */
	DOUBT_EXE_DELETED, /* the program's file was deleted or replaced on disk */
	DOUBT_LAYOUT_NEAREST, /* the Go version is unknown; read with its neighbour's layout */
	DOUBT_MADE_TYPES, /* not all types that reflect.MapOf made were found */
	DOUBT_TARGET_GONE, /* the target exited: this is what was learnt until then */
	DOUBT_CNT,
};
extern const struct word doubt_words[DOUBT_CNT];

#endif
