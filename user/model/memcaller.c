// SPDX-License-Identifier: GPL-2.0-only
#include "model/memcaller.h"

#include <stdbool.h>
#include <string.h>

static bool name_starts_with(const char *s, const char *prefix)
{
	return !strncmp(s, prefix, strlen(prefix));
}

static bool is_library_func(const char *name)
{
	static const char *const prefixes[] = {
		"runtime.", "runtime/", "internal/", "syscall.", "golang.org/x/sys/",
	};

	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
		if (name_starts_with(name, prefixes[i]))
			return true;
	return false;
}

/* The reason for all memory calls that a function of the runtime or of package syscall makes,
 * itself or in functions that it calls. */
static enum mem_reason func_reason(const char *name)
{
	static const struct {
		const char *prefix;
		enum mem_reason reason;
	} known[] = {
		{ "runtime.bgscavenge", MEM_REASON_BACKGROUND_SCAVENGER },
		{ "runtime/debug.freeOSMemory", MEM_REASON_FREE_OS_MEMORY },
		{ "runtime/debug.FreeOSMemory", MEM_REASON_FREE_OS_MEMORY },
		{ "runtime.mallocgc", MEM_REASON_ALLOCATION },
		{ "runtime.(*mheap).alloc", MEM_REASON_ALLOCATION },
		{ "runtime.(*mheap).grow", MEM_REASON_ALLOCATION },
		{ "syscall.", MEM_REASON_PROGRAM },
		{ "golang.org/x/sys/", MEM_REASON_PROGRAM },
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (name_starts_with(name, known[i].prefix))
			return known[i].reason;
	return MEM_REASON_RUNTIME;
}

/* A place (process/lines.h) is one return address on the stack. Its functions are inlined into
 * each other, innermost first. Returns the first one of the program, and not of a library; NULL if
 * there is none. Updates *reason with the functions before it. */
static const struct frame *place_reason(const struct place *place, enum mem_reason *reason)
{
	for (size_t i = 0; i < place->cnt; i++) {
		const char *name = place->frames[i].function;
		enum mem_reason r = func_reason(name);

		if (!is_library_func(name))
			return &place->frames[i];
		/* An outer function knows better why the call was made than an inner one. But a
		 * function of the runtime that is not in the table knows nothing. */
		if (r != MEM_REASON_RUNTIME || *reason == MEM_REASON_UNKNOWN)
			*reason = r;
	}
	return NULL;
}

struct memcaller memcaller_of(struct lines *lines, const uint64_t stack[ABI_MEM_STACK_MAX])
{
	struct memcaller m = { .reason = MEM_REASON_UNKNOWN };

	for (size_t i = 0; i < ABI_MEM_STACK_MAX && stack[i]; i++) {
		const struct place *place = lines_of_call(lines, stack[i]);

		m.frame = place_reason(place, &m.reason);
		if (!m.frame)
			continue;
		m.return_addr = stack[i];
		if (m.reason == MEM_REASON_UNKNOWN)
			m.reason = MEM_REASON_PROGRAM;
		break;
	}
	if (m.reason == MEM_REASON_UNKNOWN && stack[0])
		m.reason = MEM_REASON_C;
	return m;
}
