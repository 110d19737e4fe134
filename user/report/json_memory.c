// SPDX-License-Identifier: GPL-2.0-only
/* Memory by what it is used for, by span class and by the runtime's own count. */
#include "report/json_shapes.h"

#include "model/result.h"

static const struct json_member ledger_row_members[] = {
	JSON_WORD("row", result_ledger_row, row, ledger_row, ledger_row_words,
		  "What the memory is used for."),
	JSON_U64("resident_bytes", result_ledger_row, resident_bytes, "Resident bytes."),
	JSON_WORD("remedy", result_ledger_row, remedy, ledger_remedy, ledger_remedy_words,
		  "What makes bytes of it come back; null: nothing."),
	JSON_U64("gives_back_bytes", result_ledger_row, gives_back_bytes,
		 "Bytes that the remedy brings back."),
};
static const struct json_shape result_ledger_row_json =
	JSON_SHAPE(result_ledger_row, "memory_row", "Memory of one use.", ledger_row_members);

static const struct json_member ledger_region_members[] = {
	JSON_WORD("region", result_ledger_region, region, ledger_region, ledger_region_words,
		  "Who owns the pages."),
	JSON_U64("resident_bytes", result_ledger_region, resident_bytes, "Resident bytes."),
	JSON_U64("swap_bytes", result_ledger_region, swap_bytes, "Swapped bytes."),
	JSON_OPT_U64("huge_page_bytes", result_ledger_region, huge_page_bytes, 0,
		     "Resident bytes in huge pages; null: not known."),
};
static const struct json_shape result_ledger_region_json = JSON_SHAPE(
	result_ledger_region, "memory_region", "Pages of one owner.", ledger_region_members);

static const struct json_member outside_members[] = {
	JSON_BOOL("has_libc", result_outside, has_libc, "A C library is loaded."),
	JSON_U64("c_heap_bytes", result_outside, c_heap_bytes, "Resident bytes of [heap]."),
	JSON_U64("c_arenas", result_outside, c_arenas,
		 "Arenas of glibc's malloc beside [heap], of up to 64 MiB each."),
	JSON_U64("c_arena_bytes", result_outside, c_arena_bytes, "Their resident bytes."),
	JSON_U64("other_bytes", result_outside, other_bytes,
		 "Resident bytes of other anonymous memory."),
	JSON_U64("data_file_bytes", result_outside, data_file_bytes,
		 "Resident bytes of mapped files without code, and of shared memory."),
	JSON_U64("largest_file_bytes", result_outside, largest_file_bytes,
		 "Of them: bytes of the mapping that has most."),
	JSON_TEXT("largest_file", result_outside, largest_file, 0,
		  "The path of its file; null: not known."),
};
static const struct json_shape result_outside_json =
	JSON_SHAPE(result_outside, "memory_outside",
		   "Memory that is neither Go's nor the program's file.", outside_members);

/* "map_live_bytes", ...: a member for each row of the ledger. */
#define ROW_BYTES(row, name, words, ...)                                                           \
	JSON_U64(name "_bytes", result_ledger, row_bytes[row], "Resident bytes of " words "."),

static const struct json_member ledger_members[] = {
	JSON_U64("rss_bytes", result_ledger, rss_bytes,
		 "Resident bytes as the kernel counts them; the sum of the rows and of "
		 "unexplained_bytes."),
	LEDGER_ROWS(ROW_BYTES)
		JSON_I64("unexplained_bytes", result_ledger, unexplained_bytes,
			 "What the kernel counts beyond the rows, in bytes; may be negative."),
	JSON_BOOL("moving", result_ledger, moving,
		  "More than 5 % are unexplained: the heap swung while it was read."),
	JSON_OPT_U64("garbage_bytes", result_ledger, garbage_bytes, 0,
		     "Bytes of objects that nothing reaches any more, resident or not; null: not "
		     "known, and garbage_resident_bytes is 0."),
	JSON_U64("swap_bytes", result_ledger, swap_bytes, "Swapped bytes."),
	JSON_OPT_U64("huge_page_bytes", result_ledger, huge_page_bytes, 0,
		     "Resident bytes of anonymous memory in huge pages; null: not known."),
	JSON_U64("hugetlb_bytes", result_ledger, hugetlb_bytes,
		 "Bytes of hugetlbfs, which are in no RSS."),
	JSON_OPT_U64("lazy_free_bytes", result_ledger, lazy_free_bytes, 0,
		     "Resident bytes of Go's heap, given back with MADV_FREE; null: not known."),
	JSON_U64("locked_bytes", result_ledger, locked_bytes,
		 "Bytes of locked mappings, resident or not."),
	JSON_TEXT("source", result_ledger, source, 0,
		  "Where residency comes from: \"pagemap_scan\", \"pagemap\" or \"smaps\"."),
	JSON_TEXT("coarse_because", result_ledger, coarse_because, 0,
		  "Why only smaps could be read; null: pages could."),
	JSON_TEXT("missing", result_ledger, missing, 0,
		  "Which of the runtime's memory could not be told apart; null: none."),
	JSON_LIST("rows", result_ledger, rows, result_ledger_row, 0, "Memory by its use."),
	JSON_LIST("regions", result_ledger, regions, result_ledger_region, 0,
		  "Memory by its owner."),
	JSON_INNER("outside", result_ledger, outside, result_outside,
		   "Memory that is neither Go's nor the program's file."),
};
const struct json_shape result_ledger_json =
	JSON_SHAPE(result_ledger, "memory", "Where every resident byte is.", ledger_members);

/* ---- spans ---- */

static const struct json_member span_class_members[] = {
	JSON_OPT_U64("slot_bytes", result_span_class, slot_bytes, 0,
		     "Bytes of a slot; null: large objects, one in each span."),
	JSON_BOOL("pointers", result_span_class, pointers, "The objects may hold pointers."),
	JSON_U64("spans", result_span_class, spans, "Spans of the class."),
	JSON_U64("span_bytes", result_span_class, span_bytes, "Their bytes."),
	JSON_U64("slots", result_span_class, slots, "Their slots."),
	JSON_U64("objects", result_span_class, objects,
		 "Slots given out; garbage that is not swept yet counts, too."),
	JSON_U64("object_bytes", result_span_class, object_bytes, "Bytes of these slots."),
	JSON_U64("map_table_bytes", result_span_class, map_table_bytes,
		 "Of object_bytes: tables of maps."),
	JSON_U64("resident_bytes", result_span_class, resident_bytes, "Resident bytes."),
	JSON_U64("free_resident_bytes", result_span_class, free_resident_bytes,
		 "Resident bytes of free slots."),
	JSON_U64("pinned_bytes", result_span_class, pinned_bytes,
		 "Bytes that come back when the objects are allocated anew, together."),
	JSON_U64("unswept_spans", result_span_class, unswept_spans, "Spans not swept yet."),
	JSON_NUMBERS("spans_by_tenths_in_use", result_span_class, spans_by_tenths,
		     "Spans by the part of their slots in use: up to a tenth, two tenths, ..."),
};
static const struct json_shape result_span_class_json = JSON_SHAPE(
	result_span_class, "span_class", "Spans for objects of one size.", span_class_members);

#define PAGES(name, text) JSON_U64(#name, result_fragmentation, pages.name, text)

static const struct json_member free_pages_members[] = {
	PAGES(free_ranges, "Ranges of free pages."),
	PAGES(largest_free_bytes, "Bytes of the largest one."),
	PAGES(busy_chunk_bytes, "Free bytes in chunks that the scavenger skips."),
	PAGES(partial_page_bytes, "Free bytes that are less than a physical page."),
	PAGES(huge_excess_bytes, "Bytes resident because of a huge page around them."),
};
static const struct json_shape free_pages_part = JSON_SHAPE(
	result_fragmentation, "free_pages", "The free pages of the heap.", free_pages_members);

static const struct json_member fragmentation_members[] = {
	JSON_LIST("span_classes", result_fragmentation, span_classes, result_span_class, 0,
		  "The classes that have spans."),
	JSON_PART("pages", free_pages_part, "The free pages."),
};
const struct json_shape result_fragmentation_json =
	JSON_SHAPE(result_fragmentation, "fragmentation", "How full spans and pages are.",
		   fragmentation_members);

/* ---- the runtime's count ---- */

static const struct json_member heap_members[] = {
	JSON_U64("in_use_bytes", result_heap, in_use_bytes, "Bytes of spans with objects."),
	JSON_U64("manual_bytes", result_heap, manual_bytes,
		 "Bytes of stacks and other spans without objects."),
	JSON_U64("free_bytes", result_heap, free_bytes, "Bytes of free pages."),
	JSON_U64("released_bytes", result_heap, released_bytes, "Bytes given back."),
	JSON_U64("spans_in_use", result_heap, spans_in_use, "Spans with objects."),
	JSON_U64("object_bytes", result_heap, object_bytes, "Bytes of objects."),
	JSON_U64("unused_bytes", result_heap, unused_bytes, "in_use_bytes - object_bytes."),
	JSON_U64("dropped_descriptors", result_heap, dropped_descriptors,
		 "Descriptors of spans that contradict themselves: those spans are in no figure."),
	JSON_U64("dropped_bytes", result_heap, dropped_bytes,
		 "Bytes of those spans, as far as they say."),
};
const struct json_shape result_heap_json = JSON_SHAPE(
	result_heap, "heap", "The heap in the runtime's own terms, resident or not.", heap_members);
