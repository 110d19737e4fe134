// SPDX-License-Identifier: GPL-2.0-only
#include "report/json_shapes.h"

#include "model/result.h"

static const struct json_member advice_members[] = {
	JSON_TEXT("advice", result_advice, name, 0,
		  "Of madvise: the name, such as \"MADV_DONTNEED\"; null: without a name here."),
	JSON_U64("advice_number", result_advice, number, "Of madvise: the number."),
};
static const struct json_shape result_advice_json =
	JSON_SHAPE(result_advice, "advice", "What madvise was told.", advice_members);

static const struct json_member memsum_members[] = {
	JSON_TEXT("call", result_memsum, call, 0, "\"mmap\", \"munmap\" or \"madvise\"."),
	JSON_FLAT_POINTER(result_memsum, advice, result_advice, 0),
	JSON_OPT_U64("protection", result_memsum, protection, JSON_LEFT_OUT,
		     "Of mmap: the bits PROT_*."),
	JSON_ERROR("error", result_memsum, error, "How they failed; null: they did not."),
	JSON_U64("calls", result_memsum, calls, "The calls."),
	JSON_U64("bytes", result_memsum, bytes, "Their bytes."),
	JSON_U64("duration_ns", result_memsum, duration_ns, "What they took; nanoseconds."),
	JSON_DOUBLE("calls_per_s", result_memsum, calls_per_s, 0, "Calls a second."),
	JSON_DOUBLE("bytes_per_s", result_memsum, bytes_per_s, 0, "Bytes a second."),
};
static const struct json_shape result_memsum_json = JSON_SHAPE(
	result_memsum, "memory_call_total", "Calls of one kind, summed up.", memsum_members);

static const struct json_member memcall_advice_members[] = {
	JSON_TEXT("advice", result_memcall_advice, name, 0,
		  "Of madvise: the name, such as \"MADV_DONTNEED\"; null: without a name here."),
};
static const struct json_shape result_memcall_advice_json =
	JSON_SHAPE(result_memcall_advice, "memory_call_advice", "What madvise was told.",
		   memcall_advice_members);

static const struct json_member memcall_members[] = {
	JSON_U64("time_ns", result_memcall, time_ns,
		 "When; nanoseconds since the start of the trace."),
	JSON_TEXT("call", result_memcall, call, 0, "\"mmap\", \"munmap\" or \"madvise\"."),
	JSON_ADDRESS("address", result_memcall, addr, "Its first argument."),
	JSON_U64("bytes", result_memcall, bytes, "Its length."),
	JSON_FLAT_POINTER(result_memcall, advice, result_memcall_advice, 0),
	JSON_ERROR("error", result_memcall, error, "How it failed; null: it did not."),
	JSON_ADDRESS("result", result_memcall, result, "Of mmap: what it returned; else null."),
	JSON_U64("thread", result_memcall, thread, "Id of the thread."),
	JSON_U64("duration_ns", result_memcall, duration_ns, "What it took; nanoseconds."),
	JSON_WORD("reason", result_memcall, reason, mem_reason, mem_reason_words, "Who made it."),
	JSON_TEXT("caller", result_memcall, caller, 0,
		  "The first function that is not of the runtime; null: not known."),
	JSON_ADDRESS("caller_pc", result_memcall, caller_pc, "The return address there."),
	JSON_FLAT_POINTER_AS(result_memcall, at, result_frame, json_line_json),
};
const struct json_shape result_memcall_json =
	JSON_SHAPE(result_memcall, "memory_call", "A call that changes memory.", memcall_members);

static const struct json_member given_back_members[] = {
	JSON_WORD("reason", result_given_back, reason, mem_reason, mem_reason_words, "By whom."),
	JSON_U64("bytes", result_given_back, bytes, "Bytes given back."),
	JSON_DOUBLE("share", result_given_back, share, 0,
		    "Part of all that was given back by the calls that are listed; 0 to 1."),
};
static const struct json_shape result_given_back_json = JSON_SHAPE(
	result_given_back, "given_back", "Memory given back by one party.", given_back_members);

/* ---- refaults ---- */

static const struct json_member refault_age_members[] = {
	JSON_U64("ge", result_refault_age, ge_ns, "At least this old; nanoseconds."),
	JSON_U64("lt", result_refault_age, lt_ns, "Younger than this; nanoseconds."),
	JSON_U64("faults", result_refault_age, faults, "Page faults."),
};
static const struct json_shape result_refault_age_json =
	JSON_SHAPE(result_refault_age, "refault_age",
		   "Page faults by the time since the page was given back.", refault_age_members);

static const struct json_member refault_reason_members[] = {
	JSON_WORD("reason", result_refault_reason, reason, mem_reason, mem_reason_words,
		  "Who gave the pages back."),
	JSON_U64("watched_bytes", result_refault_reason, watched_bytes, "Bytes given back."),
	JSON_U64("faults", result_refault_reason, faults, "Page faults on them."),
};
static const struct json_shape result_refault_reason_json =
	JSON_SHAPE(result_refault_reason, "refault_reason",
		   "Page faults by who gave the pages back.", refault_reason_members);

static const struct json_member not_watched_members[] = {
	JSON_U64("table_full", result_refaults_watched, not_watched_bytes.table_full,
		 "Bytes that there was no room for."),
	JSON_U64("call_too_long", result_refaults_watched, not_watched_bytes.call_too_long,
		 "Bytes of calls that are too long to be watched."),
};
static const struct json_shape not_watched_part = JSON_SHAPE(result_refaults_watched, "not_watched",
							     "Pages given back, but not watched.",
							     not_watched_members);

static const struct json_member refaults_watched_members[] = {
	JSON_U64("watched_ns", result_refaults_watched, watched_ns, "How long; nanoseconds."),
	JSON_U64("pauses", result_refaults_watched, pauses,
		 "Pauses, because faults were too many for the budget."),
	JSON_U64("faults", result_refaults_watched, faults,
		 "First page faults on pages that were given back."),
	JSON_DOUBLE("faults_per_s", result_refaults_watched, faults_per_s, 0, "Faults a second."),
	JSON_U64("page_bytes", result_refaults_watched, page_bytes, "Bytes of a page."),
	JSON_U64("watched_bytes", result_refaults_watched, watched_bytes,
		 "Bytes given back, as often as they were."),
	JSON_PART("not_watched_bytes", not_watched_part, "Bytes given back, but not watched."),
	JSON_U64("times_all_forgotten", result_refaults_watched, times_all_forgotten,
		 "Times that all pages were forgotten."),
	JSON_LIST("ages_ns", result_refaults_watched, ages, result_refault_age, 0,
		  "Faults by the time since the page was given back."),
	JSON_LIST("by_reason", result_refaults_watched, by_reason, result_refault_reason, 0,
		  "Faults by who gave the pages back."),
	JSON_NONZERO("half_within_ns", result_refaults_watched, half_within_ns,
		     "Half of the faults came sooner than this after the page was given back; "
		     "nanoseconds; null: there were none."),
	JSON_BOOL("heap_swings", result_refaults_watched, heap_swings,
		  "Go gives back what it needs again soon."),
};
static const struct json_shape result_refaults_watched_json =
	JSON_SHAPE(result_refaults_watched, "refaults_watched", "Page faults on pages given back.",
		   refaults_watched_members);

static const struct json_member refaults_members[] = {
	JSON_TEXT("status", result_refaults, status, JSON_NEVER_NULL, "\"ok\" or \"unavailable\"."),
	JSON_TEXT("reason", result_refaults, reason, 0, "Why it is unavailable."),
	JSON_FLAT_POINTER(result_refaults, watched, result_refaults_watched, 0),
};
static const struct json_shape result_refaults_json = JSON_SHAPE(
	result_refaults, "refaults", "Memory given back that was needed again.", refaults_members);

/* ---- all ---- */

static const struct json_member memcalls_traced_members[] = {
	JSON_TEXT("mechanism", result_memcalls_traced, mechanism, 0,
		  "How they are seen: \"fentry\" or \"tracepoint\"."),
	JSON_U64("not_listed", result_memcalls_traced, not_listed,
		 "Calls that are in totals, but not in calls."),
	JSON_INNER("refaults", result_memcalls_traced, refaults, result_refaults,
		   "Memory given back that was needed again."),
};
static const struct json_shape result_memcalls_traced_json =
	JSON_SHAPE(result_memcalls_traced, "memory_calls_traced", "How memory calls were watched.",
		   memcalls_traced_members);

static const struct json_member memcalls_members[] = {
	JSON_TEXT("status", result_memcalls, status, JSON_NEVER_NULL,
		  "\"ok\", \"refused\" or \"off\"."),
	JSON_TEXT("reason", result_memcalls, reason, 0, "Why it is refused."),
	JSON_FLAT_POINTER(result_memcalls, traced, result_memcalls_traced, 0),
	JSON_LIST("totals", result_memcalls, totals, result_memsum, 0, "Calls by kind."),
	JSON_LIST("calls", result_memcalls, calls, result_memcall, 0, "Calls one by one."),
	JSON_LIST("given_back_by", result_memcalls, given_back_by, result_given_back, 0,
		  "Who gave memory back, by the calls."),
};
const struct json_shape result_memcalls_json =
	JSON_SHAPE(result_memcalls, "memory_calls", "mmap, munmap and madvise.", memcalls_members);
