/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * result_words.h - the enums of a result, and the words for their values.
 *
 * Each list below is one table. A row has a value of the enum, its name in JSON, its words for
 * the text report, and sometimes more. The macros make the enum and the arrays from the rows,
 * so nobody can add a value without its words. Code that decides by such a value has a
 * switch without a default: then a value without its case does not compile.
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
	const char *name; /* in JSON; NULL: JSON has null for this value */
	const char *text; /* in the text report; NULL: the text does not show it */
};

/* They turn a row into an enumerator, or into an element of an array of struct word. */
#define WORD_VALUE(value, ...) value,
#define WORD_ROW(value, name, text, ...) [value] = { name, text },

/* clang-format off */

/* A remedy: what the user can do to get the bytes of a ledger row back. */
#define LEDGER_REMEDIES(X) \
	X(REMEDY_NONE, NULL, NULL) \
	X(REMEDY_REBUILD_MAPS, "rebuild_maps", "by a rebuild") \
	X(REMEDY_FREE_OS_MEMORY, "free_os_memory", "with debug.FreeOSMemory") \
	X(REMEDY_MOVE_OBJECTS, "move_objects", "if reallocated")

/*
 * The rows of the ledger, in the order in which they are shown: where resident memory is. The last
 * column is the remedy.
 *	MAP_LIVE	map tables: the share of the live keys
 *	MAP_HOLES	map tables: the rest
 *	USER_ARENAS	chunks of package arena (GOEXPERIMENT=arenas)
 *	GARBAGE		objects that nothing reaches any more; 0 where that is not known
 *	FREE_SLOTS	slots of spans without an object, and the unused ends of spans
 *	RELEASED	REGION_RELEASED without HUGE_EXCESS
 *	HUGE_EXCESS	resident only because of a huge page around it
 */
#define LEDGER_ROWS(X) \
	X(ROW_MAP_LIVE, "map_live", "map tables: live keys", REMEDY_NONE) \
	X(ROW_MAP_HOLES, "map_hole", "map tables: holes", REMEDY_REBUILD_MAPS) \
	X(ROW_OTHER_HEAP, "other_heap", "other heap objects", REMEDY_NONE) \
	X(ROW_USER_ARENAS, "user_arena", "user arenas", REMEDY_NONE) \
	X(ROW_GARBAGE, "garbage_resident", "garbage, not yet collected", REMEDY_NONE) \
	X(ROW_FREE_SLOTS, "free_slot", "free slots in spans", REMEDY_MOVE_OBJECTS) \
	X(ROW_FREE, "free", "free, kept by Go", REMEDY_FREE_OS_MEMORY) \
	X(ROW_RELEASED, "released_resident", "returned, but in memory", REMEDY_NONE) \
	X(ROW_HUGE_EXCESS, "huge_excess", "huge-page excess", REMEDY_NONE) \
	X(ROW_STACKS, "stack", "stacks and runtime spans", REMEDY_NONE) \
	X(ROW_RUNTIME, "runtime", "Go runtime metadata", REMEDY_NONE) \
	X(ROW_FILES, "file", "program, files, shared", REMEDY_NONE) \
	X(ROW_ANON, "anon", "C and other anonymous", REMEDY_NONE)

/*
 * The regions of the ledger: who owns which pages. A region consists of whole pages.
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
 * Why memory that the program does not use is resident. The words say why it never comes back by
 * itself; they are NULL if that depends on more than the cause.
 *	NOT_SCAVENGED	free pages of Go's page allocator that were not given back
 *	PINNED_BY_MAP	holes in map tables: they stay as long as the map
 *	SPAN_PINNED	free slots in spans that a few live objects keep
 *	LAZY_FREE	given back with MADV_FREE: counts in RSS until the kernel needs it
 *	REFILLED	given back, and resident again
 *	CALL_FAILED	the memory is locked, so madvise fails
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
 * Who made a memory call, or why.
 *	UNKNOWN			the stack could not be read
 *	BACKGROUND_SCAVENGER	Go's goroutine that gives back free pages
 *	FREE_OS_MEMORY		debug.FreeOSMemory()
 *	ALLOCATION		the heap grows, or an allocation makes room below a memory limit
 *	RUNTIME			the runtime, for another reason
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
 * Operations on a map. The numbers are those of enum abi_op.
 *	INSERT	inserts a new key, or updates the value of an old one
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

/* How certain the numbers of a map are. The words are the mark next to it in tables of the text
 * report. */
#define CONSISTENCIES(X) \
	X(CONSISTENT_EXACT, "exact", "") \
	X(CONSISTENT_MOVING, "moving", "~") \
	X(CONSISTENT_SUSPECT, "suspect", "!")

/* How bad a finding is.
 *	INFO		good to know; nothing has to be done
 *	WARN		somebody should act on it; `report` exits with 1
 *	CRITICAL	the process is in danger
 */
#define SEVERITIES(X) \
	X(SEVERITY_INFO, "info", "for information: ") \
	X(SEVERITY_WARN, "warn", "") \
	X(SEVERITY_CRITICAL, "critical", "CRITICAL: ")

/* How sure it is that as many bytes come back as a finding says.
 *	UNKNOWN		nobody can say how many come back
 *	CERTAIN		counted on the live process
 *	LIKELY		counted, but the process may still use a part of it
 *	ESTIMATE	computed from a sample or from a mean
 */
#define CERTAINTIES(X) \
	X(SURE_UNKNOWN, NULL, NULL) \
	X(SURE_CERTAIN, "certain", "certain") \
	X(SURE_LIKELY, "likely", "likely") \
	X(SURE_ESTIMATE, "estimate", "an estimate")

/* What the verdict says of the process as a whole, from the best to the worst. */
#define VERDICT_STATES(X) \
	X(STATE_NOT_JUDGED, NULL, NULL) \
	X(STATE_FINE, "fine", "fine") \
	X(STATE_WASTEFUL, "wasteful", "wasteful") \
	X(STATE_GROWING, "growing", "growing") \
	X(STATE_IN_DANGER, "in_danger", "in danger")

/*
 * Kinds of findings (see finding.h). The columns of a row:
 *	the value, and its name in JSON
 *	NULL: it has no short words, but a function that makes sentences
 *	how the name of that function ends: finding_words_*()
 *	whether it is about maps: then the result has sums over them
 *	whether it is about zero values
 *	what the verdict says of a process with such a finding of WARN or more. One that is
 *	STATE_WASTEFUL is dropped if it has less than --min-waste
 *	how the number of its bytes is known
 */
#define FINDINGS(X) \
	X(FINDING_MAP_HOLES, "map_holes", NULL, holes, true, false, STATE_WASTEFUL, \
	  "resident bytes of the tables, less what a new map of as many keys takes by the " \
	  "runtime's own sizing rules") \
	X(FINDING_OVERSIZED_MAP, "oversized_map", NULL, oversized, true, false, STATE_WASTEFUL, \
	  "resident bytes of the tables, less what a new map of as many keys takes; empty slots " \
	  "were sampled, and none had been used") \
	X(FINDING_EMPTIED_MEMBERS, "emptied_members", NULL, members, true, false, STATE_WASTEFUL, \
	  "resident bytes of the tables of empty maps that are values of a map") \
	X(FINDING_REFILLING_MAP, "refilling_map", NULL, refilling, true, false, STATE_WASTEFUL, \
	  "resident bytes of the tables, less what a new map of as many keys takes now") \
	X(FINDING_SWARM, "swarm", NULL, swarm, true, false, STATE_WASTEFUL, \
	  "resident bytes of the tables, and 48 bytes for each header") \
	X(FINDING_ZERO_VALUES, "zero_values", NULL, zeroes, true, true, STATE_WASTEFUL, \
	  "values read from the tables; the bytes are what deleting the zero ones gives " \
	  "beyond a rebuild with all keys") \
	X(FINDING_SYNC_DELETED, "sync_map_deleted", NULL, sync, false, false, STATE_WASTEFUL, \
	  "entries read from the maps of each sync.Map; the bytes are tables and entries beyond " \
	  "those of a new one, and the deleted keys, without what these lead to") \
	X(FINDING_PINNED_BY_KEYS, "pinned_by_keys", NULL, strings, true, false, STATE_WASTEFUL, \
	  "objects to which, by the graph of the heap, only the tables of the maps lead, less " \
	  "what copies of the strings take; all strings of the maps were read") \
	X(FINDING_FREE_HEAP, "free_heap", NULL, free, false, false, STATE_WASTEFUL, \
	  "resident pages that Go's page allocator has as free, beyond what its scavenger is " \
	  "to keep") \
	X(FINDING_LAZY_FREE, "lazy_free", NULL, lazy, false, false, STATE_WASTEFUL, \
	  "resident pages that were given back with MADV_FREE") \
	X(FINDING_REFILLED, "refilled", NULL, refilled, false, false, STATE_WASTEFUL, \
	  "resident pages that Go's page allocator has as given back; the least of all censuses") \
	X(FINDING_HUGE_EXCESS, "huge_excess", NULL, huge, false, false, STATE_WASTEFUL, \
	  "pages that Go gave back or never used, in memory as parts of huge pages") \
	X(FINDING_LOCKED, "locked", NULL, locked, false, false, STATE_WASTEFUL, \
	  "pages that Go gave back, in locked mappings") \
	X(FINDING_SPAN_PINNED, "span_pinned", NULL, pinned, false, false, STATE_WASTEFUL, \
	  "free slots beyond the spans that the objects need, less what is allocated before the " \
	  "next cycle") \
	X(FINDING_C_MEMORY, "c_memory", NULL, c, false, false, STATE_WASTEFUL, \
	  "resident pages of [heap], of glibc's arenas and of other anonymous mappings") \
	X(FINDING_MAPPED_MEMORY, "mapped_memory", NULL, mapped, false, false, STATE_WASTEFUL, \
	  "resident pages of mappings that are neither Go's nor of a program or library") \
	X(FINDING_GOROUTINES, "goroutines", NULL, goroutines, false, false, STATE_WASTEFUL, \
	  "resident pages of the stacks of goroutines that wait at one place") \
	X(FINDING_GC_THRASH, "gc_thrash", NULL, thrash, false, false, STATE_IN_DANGER, \
	  "the collector's counters") \
	X(FINDING_NEAR_LIMIT, "near_limit", NULL, limit, false, false, STATE_IN_DANGER, \
	  "the kernel's counts of the cgroup, less pages of files") \
	X(FINDING_GROWING_MAP, "growing_map", NULL, growing, true, false, STATE_GROWING, \
	  "keys at each census of the watch") \
	X(FINDING_CLEAR_COST, "clear_cost", NULL, clears, true, false, STATE_FINE, \
	  "clears that were traced, and the keys that each of them found")

/*
 * Kinds of holders, the things that have a pointer to a map; with examples of their texts:
 *	FIELD		of a struct on the heap: *scrape.scrapeCache.seriesPrev
 *	ELEMENT		of an array or a slice: []map[string]int[*]
 *	CHANNEL		in its buffer: chan map[string]int
 *	INTERFACE	an interface that nothing else names
 *	CLOSURE		a variable that a function captured: main.mk.func1 (closure)
 *	MAP		a value of another map: map[string]map[string]int[*]
 *	VARIABLE	of a package, or a part of one: main.sessions
 *	FRAME		a variable in a frame of a goroutine: goroutine 12 main.worker
 *	OBJECT		an object of unknown type
 */
#define HOLDER_KINDS(X) \
	X(HELD_BY_FIELD, "field", NULL) \
	X(HELD_BY_ELEMENT, "element", NULL) \
	X(HELD_BY_CHANNEL, "channel", NULL) \
	X(HELD_BY_INTERFACE, "interface", NULL) \
	X(HELD_BY_CLOSURE, "closure", NULL) \
	X(HELD_BY_MAP, "map", NULL) \
	X(HELD_BY_VARIABLE, "variable", NULL) \
	X(HELD_BY_FRAME, "frame", NULL) \
	X(HELD_BY_OBJECT, "object", NULL)

/*
 * Kinds of maps that package sync and others made of maps or nodes. The words are what a row of the
 * text report begins with.
 *	UNIQUE	of the package unique
 *	TRIE	another internal/sync.HashTrieMap
 */
#define SYNC_KINDS(X) \
	X(SYNC_KIND_MAP, "sync_map", "sync.Map") \
	X(SYNC_KIND_UNIQUE, "unique", "unique") \
	X(SYNC_KIND_TRIE, "trie", "HashTrieMap")

/* What they are made of. */
#define SYNC_FORMS(X) \
	X(SYNC_FORM_MAPS, "maps", NULL) \
	X(SYNC_FORM_TRIE, "trie", NULL)

/* How the type of objects is known. */
#define OBJECT_SOURCES(X) \
	X(OBJECT_SOURCE_NOTED, "noted", NULL) \
	X(OBJECT_SOURCE_FITTED, "fitted", NULL) \
	X(OBJECT_SOURCE_SIZE, "size", NULL)

/*
 * Doubts: reasons why the rest of a result may be incomplete or wrong. The columns of a row:
 *	the value, and its name in JSON
 *	NULL: it has no short words, but a function that makes sentences
 *	how the name of that function in result_target.c begins: *_text()
 */
#define DOUBTS(X) \
	X(DOUBT_TARGET_HALTED, "target_halted", NULL, halted) \
	X(DOUBT_OTHER_RUNTIMES, "other_runtimes", NULL, others) \
	X(DOUBT_EXE_DELETED, "executable_deleted", NULL, deleted) \
	X(DOUBT_LAYOUT_NEAREST, "layout_nearest", NULL, layout) \
	X(DOUBT_MADE_TYPES, "made_types_incomplete", NULL, made) \
	X(DOUBT_CUT_SHORT, "cut_short", NULL, cut_short) \
	X(DOUBT_TARGET_GONE, "target_gone", NULL, gone)

enum ledger_remedy { LEDGER_REMEDIES(WORD_VALUE) REMEDY_CNT };
enum ledger_row { LEDGER_ROWS(WORD_VALUE) ROW_CNT };
enum ledger_region { LEDGER_REGIONS(WORD_VALUE) REGION_CNT };
enum reclaim_cause { RECLAIM_CAUSES(WORD_VALUE) CAUSE_CNT };
enum mem_reason { MEM_REASONS(WORD_VALUE) MEM_REASON_CNT };
enum map_op { MAP_OPS(WORD_VALUE) MAP_OP_CNT };
enum consistency_mark { CONSISTENCIES(WORD_VALUE) CONSISTENT_CNT };
enum finding_severity { SEVERITIES(WORD_VALUE) SEVERITY_CNT };
enum finding_certainty { CERTAINTIES(WORD_VALUE) SURE_CNT };
enum verdict_state { VERDICT_STATES(WORD_VALUE) STATE_CNT };
enum finding_kind { FINDINGS(WORD_VALUE) FINDING_CNT };
enum result_holder_kind { HOLDER_KINDS(WORD_VALUE) HELD_BY_CNT };
enum result_sync_kind { SYNC_KINDS(WORD_VALUE) SYNC_KIND_CNT };
enum result_sync_form { SYNC_FORMS(WORD_VALUE) SYNC_FORM_CNT };
enum result_object_source { OBJECT_SOURCES(WORD_VALUE) OBJECT_SOURCE_CNT };
enum doubt_code { DOUBTS(WORD_VALUE) DOUBT_CNT };

/* clang-format on */

extern const struct word ledger_remedy_words[REMEDY_CNT];
extern const struct word ledger_row_words[ROW_CNT];
extern const struct word ledger_region_words[REGION_CNT];
extern const struct word reclaim_cause_words[CAUSE_CNT];
extern const struct word mem_reason_words[MEM_REASON_CNT];
extern const struct word map_op_words[MAP_OP_CNT];
extern const struct word consistency_words[CONSISTENT_CNT];
extern const struct word finding_severity_words[SEVERITY_CNT];
extern const struct word finding_certainty_words[SURE_CNT];
extern const struct word verdict_state_words[STATE_CNT];
extern const struct word finding_kind_words[FINDING_CNT];
extern const struct word holder_kind_words[HELD_BY_CNT];
extern const struct word sync_kind_words[SYNC_KIND_CNT];
extern const struct word sync_form_words[SYNC_FORM_CNT];
extern const struct word object_source_words[OBJECT_SOURCE_CNT];
extern const struct word doubt_words[DOUBT_CNT];

/* The remedy in the table of ledger rows. */
enum ledger_remedy ledger_row_remedy(enum ledger_row row);

#endif
