/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * result_words.h - the values that a result is made of, and the words for them.
 *
 * Each list below is one table: a row has the value, its name in JSON, and the words for
 * people or whatever else belongs to it. The enum and the arrays are made from the rows,
 * so a value cannot be added without its words. Code that decides by such a value has a
 * switch without a default, so that a value without its case does not compile.
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

/* What makes an enumerator, or a struct word, of a row. */
#define WORD_VALUE(value, ...) value,
#define WORD_ROW(value, name, text, ...) [value] = { name, text },

/* clang-format off */

/* What makes the bytes of a ledger row come back. */
#define LEDGER_REMEDIES(X) \
	X(REMEDY_NONE, NULL, NULL) \
	X(REMEDY_REBUILD_MAPS, "rebuild_maps", "by a rebuild") \
	X(REMEDY_FREE_OS_MEMORY, "free_os_memory", "with debug.FreeOSMemory") \
	X(REMEDY_MOVE_OBJECTS, "move_objects", "if reallocated")

/*
 * Where resident memory is; the rows of the ledger, in their order, with the remedy.
 *	MAP_LIVE	map tables: share of the live keys
 *	MAP_HOLES	map tables: the rest
 *	FREE_SLOTS	slots of spans without an object, and the ends of spans
 *	RELEASED	REGION_RELEASED without the next one
 *	HUGE_EXCESS	in memory only because of a huge page around it
 */
#define LEDGER_ROWS(X) \
	X(ROW_MAP_LIVE, "map_live", "map tables: live keys", REMEDY_NONE) \
	X(ROW_MAP_HOLES, "map_hole", "map tables: holes", REMEDY_REBUILD_MAPS) \
	X(ROW_OTHER_HEAP, "other_heap", "other heap objects", REMEDY_NONE) \
	X(ROW_FREE_SLOTS, "free_slot", "free slots in spans", REMEDY_MOVE_OBJECTS) \
	X(ROW_FREE, "free", "free, kept by Go", REMEDY_FREE_OS_MEMORY) \
	X(ROW_RELEASED, "released_resident", "returned, but in memory", REMEDY_NONE) \
	X(ROW_HUGE_EXCESS, "huge_excess", "huge-page excess", REMEDY_NONE) \
	X(ROW_STACKS, "stack", "stacks and runtime spans", REMEDY_NONE) \
	X(ROW_RUNTIME, "runtime", "Go runtime metadata", REMEDY_NONE) \
	X(ROW_FILES, "file", "program, files, shared", REMEDY_NONE) \
	X(ROW_ANON, "anon", "C and other anonymous", REMEDY_NONE)

/*
 * Who owns pages; all but the unexplained bytes are whole pages.
 *	SPANS		objects of the heap, with free slots between them
 *	FREE		free pages that Go keeps
 *	RELEASED	pages that Go has given back, or never used
 *	STACKS		goroutine stacks and other spans of the runtime
 *	RUNTIME		the runtime's own memory
 *	FILES		the program, libraries, files, shared memory
 *	ANON		C code's and other anonymous memory
 */
#define LEDGER_REGIONS(X) \
	X(REGION_SPANS, "heap_spans", NULL) \
	X(REGION_FREE, "heap_free", NULL) \
	X(REGION_RELEASED, "heap_released", NULL) \
	X(REGION_STACKS, "stack", NULL) \
	X(REGION_RUNTIME, "runtime", NULL) \
	X(REGION_FILES, "file", NULL) \
	X(REGION_ANON, "anon", NULL)

/*
 * Why memory that the program has no use for is resident all the same; the words say why
 * it never comes back by itself, NULL where that depends.
 *	NOT_SCAVENGED	free pages of Go's page allocator, never given back
 *	PINNED_BY_MAP	holes that no madvise reaches while the map lives
 *	SPAN_PINNED	pages kept by a few live objects
 *	LAZY_FREE	given back with MADV_FREE: counted until the kernel needs it
 *	REFILLED	given back, and resident again
 *	CALL_FAILED	madvise fails: the memory is locked, or it said so
 *	GRANULARITY	free, but less than a physical page
 */
#define RECLAIM_CAUSES(X) \
	X(CAUSE_NOT_SCAVENGED, "not_scavenged", NULL) \
	X(CAUSE_PINNED_BY_MAP, "pinned_by_map", "maps never shrink") \
	X(CAUSE_SPAN_PINNED, "span_pinned", \
	  "until the last object in each span is freed (Go cannot compact)") \
	X(CAUSE_LAZY_FREE, "lazy_free", NULL) \
	X(CAUSE_REFILLED, "refilled", "Go counts it as returned and will not return it again") \
	X(CAUSE_CALL_FAILED, "call_failed", "the memory is locked, so madvise fails") \
	X(CAUSE_GRANULARITY, "granularity", "it is less than a physical page")

/*
 * Who made a memory call.
 *	UNKNOWN			the stack could not be read
 *	BACKGROUND_SCAVENGER	gives back what has been free for long
 *	FREE_OS_MEMORY		debug.FreeOSMemory()
 *	ALLOCATION		the heap grows, or makes room below a memory limit
 *	RUNTIME			the runtime, for anything else
 *	PROGRAM			a system call of the program itself
 *	C			no Go function on the stack
 */
#define MEM_REASONS(X) \
	X(MEM_REASON_UNKNOWN, "unknown", "unknown callers") \
	X(MEM_REASON_BACKGROUND_SCAVENGER, "background_scavenger", "Go's background scavenger") \
	X(MEM_REASON_FREE_OS_MEMORY, "free_os_memory", "debug.FreeOSMemory") \
	X(MEM_REASON_ALLOCATION, "allocation", "allocations (to make room)") \
	X(MEM_REASON_RUNTIME, "runtime", "the Go runtime") \
	X(MEM_REASON_PROGRAM, "program", "the program itself") \
	X(MEM_REASON_C, "c", "C code")

/*
 * What is done to a map; the same numbers as enum abi_op.
 *	INSERT	a new key, or an update of an old one
 *	PRUNE	a swiss table looks for tombstones that it can drop
 */
#define MAP_OPS(X) \
	X(MAP_OP_MAKE, "make", "make") \
	X(MAP_OP_INSERT, "insert", "insert") \
	X(MAP_OP_DELETE, "delete", "delete") \
	X(MAP_OP_CLEAR, "clear", "clear") \
	X(MAP_OP_GROW, "grow", "grow") \
	X(MAP_OP_CLONE, "clone", "clone") \
	X(MAP_OP_PRUNE, "prune", "prune")

/* How sure the figures of a map are; the words are the mark in tables of the text. */
#define CONSISTENCIES(X) \
	X(CONSISTENT_EXACT, "exact", "") \
	X(CONSISTENT_MOVING, "moving", "~") \
	X(CONSISTENT_SUSPECT, "suspect", "!")

/*
 * What is worth acting on. A row: value, name in JSON, NULL, and the beginning of the names
 * of its functions in finding_words.c, *_headline() and *_remedy(); whether it is about
 * maps, whose sums are told; whether about zero values; how its bytes are known. What
 * finds it is in finding.c.
 */
#define FINDINGS(X) \
	X(FINDING_MAP_HOLES, "map_holes", NULL, holes, true, false, \
	  "resident bytes of the tables, less what a new map of as many keys takes by the " \
	  "runtime's own sizing rules") \
	X(FINDING_ZERO_VALUES, "zero_values", NULL, zeroes, true, true, \
	  "values read from the tables; the bytes are what deleting the zero ones gives " \
	  "beyond a rebuild with all keys") \
	X(FINDING_FREE_HEAP, "free_heap", NULL, free, false, false, \
	  "resident pages that Go's page allocator has as free and not returned")

/* What a reader should know before believing the rest. A row: value, name in JSON, NULL,
 * and the beginning of the name of the function *_text() in result_target.c. */
#define DOUBTS(X) \
	X(DOUBT_TARGET_HALTED, "target_halted", NULL, halted) \
	X(DOUBT_OTHER_RUNTIMES, "other_runtimes", NULL, others) \
	X(DOUBT_EXE_DELETED, "executable_deleted", NULL, deleted) \
	X(DOUBT_LAYOUT_NEAREST, "layout_nearest", NULL, layout) \
	X(DOUBT_MADE_TYPES, "made_types_incomplete", NULL, made) \
	X(DOUBT_TARGET_GONE, "target_gone", NULL, gone)

enum ledger_remedy { LEDGER_REMEDIES(WORD_VALUE) REMEDY_CNT };
enum ledger_row { LEDGER_ROWS(WORD_VALUE) ROW_CNT };
enum ledger_region { LEDGER_REGIONS(WORD_VALUE) REGION_CNT };
enum reclaim_cause { RECLAIM_CAUSES(WORD_VALUE) CAUSE_CNT };
enum mem_reason { MEM_REASONS(WORD_VALUE) MEM_REASON_CNT };
enum map_op { MAP_OPS(WORD_VALUE) MAP_OP_CNT };
enum consistency_mark { CONSISTENCIES(WORD_VALUE) CONSISTENT_CNT };
enum finding_kind { FINDINGS(WORD_VALUE) FINDING_CNT };
enum doubt_code { DOUBTS(WORD_VALUE) DOUBT_CNT };

/* clang-format on */

extern const struct word ledger_remedy_words[REMEDY_CNT];
extern const struct word ledger_row_words[ROW_CNT];
extern const struct word ledger_region_words[REGION_CNT];
extern const struct word reclaim_cause_words[CAUSE_CNT];
extern const struct word mem_reason_words[MEM_REASON_CNT];
extern const struct word map_op_words[MAP_OP_CNT];
extern const struct word consistency_words[CONSISTENT_CNT];
extern const struct word finding_kind_words[FINDING_CNT];
extern const struct word doubt_words[DOUBT_CNT];

enum ledger_remedy ledger_row_remedy(enum ledger_row row);

#endif
