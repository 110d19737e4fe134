// SPDX-License-Identifier: GPL-2.0-only
#include "report/json_parts.h"

#include "report/json_value.h"

void set_line(json_t *o, const struct frame *f)
{
	set_text(o, "file", f->file);
	set_nonzero(o, "line", f->line);
}

static json_t *inlined_into(const struct place *p)
{
	json_t *a = json_array();

	for (size_t i = 1; i < p->cnt; i++) {
		json_t *o = json_object();

		set_text(o, "function", p->frames[i].function);
		set_line(o, &p->frames[i]);
		json_array_append_new(a, o);
	}
	return a;
}

/* The function of the source that calls, and what it was inlined into. */
void set_caller(json_t *o, const struct watch *w, uint64_t return_addr)
{
	const struct place *p = lines_of_call(w->prog->lines, return_addr);

	set_text(o, "caller", p->cnt ? p->frames[0].function : NULL);
	set_address(o, "caller_pc", return_addr);
	if (!p->cnt)
		return;
	set_line(o, &p->frames[0]);
	if (p->cnt > 1)
		set(o, "inlined_into", inlined_into(p));
}
