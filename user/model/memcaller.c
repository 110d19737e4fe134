// SPDX-License-Identifier: GPL-2.0-only
#include "model/memcaller.h"

#include <stdbool.h>
#include <string.h>

static bool starts_with(const char *s, const char *prefix)
{
	return !strncmp(s, prefix, strlen(prefix));
}

static bool is_library(const char *name)
{
	static const char *const prefixes[] = {
		"runtime.", "runtime/", "internal/", "syscall.", "golang.org/x/sys/",
	};

	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
		if (starts_with(name, prefixes[i]))
			return true;
	return false;
}

/* What a function of the runtime or of package syscall says of all calls below it. */
static enum mem_reason reason_of(const char *name)
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
		if (starts_with(name, known[i].prefix))
			return known[i].reason;
	return MEM_REASON_RUNTIME;
}

/* Functions of a place are inlined into each other, innermost first. Returns the first
 * one that is no library's, or NULL. */
static const struct frame *add_place(const struct place *place, enum mem_reason *reason)
{
	for (size_t i = 0; i < place->cnt; i++) {
		const char *name = place->frames[i].function;
		enum mem_reason r = reason_of(name);

		if (!is_library(name))
			return &place->frames[i];
		/* The outer call says why the inner one was made; `runtime.` alone doesn't. */
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

		m.frame = add_place(place, &m.reason);
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
