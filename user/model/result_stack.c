// SPDX-License-Identifier: GPL-2.0-only
/* Adds stacks to callers, and finds the program's own code in them. */
#include <string.h>

#include "graph/path_steps.h"
#include "model/result_fill.h"
#include "process/lines.h"

enum { PACKAGE_SZ = 512 };

/* Whether a function is of the module of the main package, or of one beside it. */
static bool is_own_function(const char *function, const char *main_path)
{
	char package[PACKAGE_SZ];

	if (!function)
		return false;
	const char *slash = strrchr(function, '/');
	const char *from = slash ? slash : function;
	size_t len = (size_t)(from - function) + strcspn(from, ".");
	if (len >= sizeof(package))
		return false;
	memcpy(package, function, len);
	package[len] = 0;
	return path_owner_of(package, main_path) == PATH_OF_USER;
}

/* Counts the frames of the calls that led to the caller, and with `to` copies them. */
static size_t stack_frames(struct pool *pool, const struct result_source *from,
			   const struct trace_stack *s, struct result_frame *to)
{
	bool outside = false;
	size_t cnt = 0;

	for (size_t i = 0; i < ABI_STACK_MAX && s->addr[i]; i++) {
		if (!outside) { /* the caller itself has its place already */
			outside = s->addr[i] == s->caller;
			continue;
		}
		const struct place *p = lines_of_call(from->w->prog->lines, s->addr[i]);

		for (size_t f = 0; f < p->cnt; f++, cnt++)
			if (to)
				to[cnt] = result_frame_of(pool, &p->frames[f]);
	}
	return cnt;
}

static const struct result_frame *own_frame_of(const struct result_caller *c, const char *main_path)
{
	if (is_own_function(c->function, main_path))
		return NULL;
	for (size_t i = 0; i < c->inlined_into.len; i++)
		if (is_own_function(c->inlined_into.data[i].function, main_path))
			return &c->inlined_into.data[i];
	for (size_t i = 0; i < c->stack.len; i++)
		if (is_own_function(c->stack.data[i].function, main_path))
			return &c->stack.data[i];
	return NULL;
}

const struct result_caller *result_caller_with_stack(struct pool *pool,
						     const struct result_source *from,
						     uint64_t return_addr, uint32_t stack)
{
	const struct result_caller *plain =
		result_caller_of(pool, from->w->prog->lines, return_addr);
	struct result_caller *to = plain ? pool_alloc(pool, sizeof(*to)) : NULL;

	if (!to)
		return NULL;
	*to = *plain;
	if (stack) {
		const struct trace_stack *s = &from->w->traced->stacks[stack - 1];

		pool_list(pool, &to->stack, stack_frames(pool, from, s, NULL));
		if (to->stack.len)
			stack_frames(pool, from, s, to->stack.data);
	}
	to->user_frame = own_frame_of(to, from->w->prog->image.build.main_path);
	return to;
}
