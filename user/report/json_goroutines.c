// SPDX-License-Identifier: GPL-2.0-only
/* What the goroutines wait for. */
#include "report/json_shapes.h"

#include "model/result.h"

static const struct json_member goroutine_group_members[] = {
	JSON_TEXT("status", result_goroutine_group, status, JSON_NEVER_NULL,
		  "\"waiting\", \"syscall\", \"runnable\", \"running\", \"preempted\", "
		  "\"leaked\" or \"other\"."),
	JSON_TEXT("wait_reason", result_goroutine_group, wait_reason, 0,
		  "Why they wait, in Go's words; null: they don't, or it is not known."),
	JSON_FLAT(result_goroutine_group, where, result_frame),
	JSON_POINTER("user", result_goroutine_group, user, result_frame, 0,
		     "The innermost function that does not come with Go; null: there is none, or "
		     "it is not known."),
	JSON_POINTER("created_by", result_goroutine_group, created_by, result_frame, 0,
		     "The go statement that started them; null: not known, or none."),
	JSON_U64("count", result_goroutine_group, count, "Goroutines."),
	JSON_U64("stack_bytes", result_goroutine_group, stack_bytes, "Bytes of their stacks."),
	JSON_U64("stack_resident_bytes", result_goroutine_group, stack_resident_bytes,
		 "Of them: bytes in memory."),
	JSON_OPT_U64("wait_max_ns", result_goroutine_group, wait_max_ns, 0,
		     "The longest has waited for at least this; nanoseconds; null: not known."),
	JSON_OPT_U64("wait_median_ns", result_goroutine_group, wait_median_ns, 0,
		     "Half of them have waited for at least this; nanoseconds; null: not known, "
		     "most began after the last collection."),
	JSON_OPT_U64("maps", result_goroutine_group, maps, 0,
		     "Maps that only their frames hold; null: not known."),
	JSON_OPT_U64("map_bytes", result_goroutine_group, map_bytes, 0,
		     "Bytes of the tables of these maps; null: not known."),
};
static const struct json_shape result_goroutine_group_json =
	JSON_SHAPE(result_goroutine_group, "goroutine_group",
		   "Goroutines at one place: function, file and line are the innermost that are "
		   "not the runtime's.",
		   goroutine_group_members);

#define GOROUTINES(name, text) JSON_U64(#name, result_goroutines_read, name, text)

static const struct json_member goroutines_read_members[] = {
	GOROUTINES(duration_ns, "How long it took to look; nanoseconds."),
	GOROUTINES(total, "Goroutines that have not ended: the sum of the next five."),
	GOROUTINES(running, "They run."),
	GOROUTINES(runnable, "They wait for a processor."),
	GOROUTINES(syscall, "They are in a system call, or in C."),
	GOROUTINES(waiting, "They wait."),
	GOROUTINES(other, "All others."),
	GOROUTINES(stack_bytes, "Bytes of all their stacks."),
	GOROUTINES(stack_resident_bytes, "Of them: bytes in memory."),
	GOROUTINES(dead, "Ended ones that Go keeps to use them again."),
	GOROUTINES(dead_stack_bytes, "Bytes of stacks that these still have."),
	GOROUTINES(groups_total, "Different groups."),
	JSON_LIST("groups", result_goroutines_read, groups, result_goroutine_group, 0,
		  "Up to 50 groups, that of most stack bytes first."),
};
static const struct json_shape result_goroutines_read_json =
	JSON_SHAPE(result_goroutines_read, "goroutines_read", "What the goroutines wait for.",
		   goroutines_read_members);

static const struct json_member goroutines_members[] = {
	JSON_TEXT("status", result_goroutines, status, JSON_NEVER_NULL,
		  "\"ok\", \"partial\" or \"refused\"."),
	JSON_TEXT("reason", result_goroutines, reason, 0,
		  "Why it is refused, or what is left out; null: nothing is."),
	JSON_FLAT_POINTER(result_goroutines, read, result_goroutines_read, 0),
};
const struct json_shape result_goroutines_json = JSON_SHAPE(
	result_goroutines, "goroutines", "The goroutines of the program.", goroutines_members);
