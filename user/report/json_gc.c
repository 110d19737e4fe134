// SPDX-License-Identifier: GPL-2.0-only
#include "report/json_parts.h"

#include "report/json_value.h"

static json_t *gc_window_object(const struct gc_window *win)
{
	json_t *o = json_object();

	set_u64(o, "cycles", win->cycles);
	set_u64(o, "forced_cycles", win->forced_cycles);
	set_u64(o, "pause_total_ns", win->pause_total_ns);
	set_known(o, "pause_max_ns", win->cycles && win->pause_max_known, win->pause_max_ns);
	set_known(o, "pause_last_ns", win->cycles, win->pause_last_ns);
	set_known_real(o, "cpu_share", win->cpu_share_known, win->cpu_share);
	return o;
}

static void set_gc_heap(json_t *o, const struct watch *w)
{
	const struct gc_sample *s = &w->gc_last;

	set_u64(o, "heap_live_bytes", s->heap_live_bytes);
	set_u64(o, "heap_marked_bytes", s->heap_marked_bytes);
	set_u64(o, "heap_goal_bytes", s->heap_goal_bytes);
	set_u64(o, "heap_in_use_bytes", s->heap_in_use_bytes);
	set_u64(o, "heap_free_bytes", s->heap_free_bytes);
	set_u64(o, "heap_released_bytes", s->heap_released_bytes);
	set_u64(o, "scannable_bytes", s->scannable_bytes);
	set_u64(o, "last_scannable_bytes", s->last_scannable_bytes);
	set_known(o, "map_scannable_bytes", w->snap,
		  w->snap ? w->snap->census->totals.scan_bytes : 0);
}

/* As of the last sample; cycles, pauses and CPU time since the start of the program. */
json_t *json_gc(const struct watch *w)
{
	const struct gc_sample *s = &w->gc_last;
	bool limited = s->memory_limit_bytes != INT64_MAX;
	struct gc_window win;
	json_t *o = json_object();

	if (w->gc_err) {
		set_status(o, "refused", w->gc_err->msg);
		return o;
	}
	set_status(o, "ok", NULL);
	set_u64(o, "cycles", s->cycles);
	set_u64(o, "forced_cycles", s->forced_cycles);
	set_u64(o, "pause_total_ns", s->pause_total_ns);
	set_known(o, "pause_last_ns", s->cycles, s->pause_ns[(s->cycles - 1) % GC_RING]);
	set_nonzero(o, "last_gc_unix_ns", s->last_gc_unix_ns);
	set_real(o, "cpu_share", s->cpu_fraction);
	set_known(o, "cpu_gc_ns", s->cpu_known, s->cpu_gc_ns);
	set_known(o, "cpu_all_ns", s->cpu_known, s->cpu_all_ns);
	set(o, "gogc_percent", s->percent < 0 ? json_null() : json_integer(s->percent));
	set_known(o, "memory_limit_bytes", limited, s->memory_limit_bytes);
	set_gc_heap(o, w);
	set(o, "watched", gc_window(&w->gc_first, s, &win) ? gc_window_object(&win) : json_null());
	return o;
}
