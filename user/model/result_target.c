// SPDX-License-Identifier: GPL-2.0-only
/* Fills the parts of a result about the target, the doubts and the census. */

#include "base/units.h"
#include "model/names.h"
#include "model/result_fill.h"

enum { OTHERS_NAMED = 3 };

/* ---- identity ---- */

static const char *layout_source_name(enum layout_match match)
{
	switch (match) {
	case LAYOUT_KNOWN:
		return "table";
	case LAYOUT_NEAREST:
		return "nearest";
	case LAYOUT_DWARF:
		return "dwarf";
	}
	return "?";
}

static void target_fill_images(struct result *r, const struct goimage *image)
{
	struct result_target *t = &r->target;

	pool_list(&r->pool, &t->plugins, image->plugins.len);
	for (size_t i = 0; i < t->plugins.len; i++)
		t->plugins.data[i] = pool_text(&r->pool, image->plugins.data[i].path);
	pool_list(&r->pool, &t->other_go_images, image->others.len);
	for (size_t i = 0; i < t->other_go_images.len; i++)
		t->other_go_images.data[i] = pool_text(&r->pool, image->others.data[i]);
}

static void target_fill_process(struct result *r, const struct target *t)
{
	struct pool *pool = &r->pool;

	r->target.pid = t->pid;
	r->target.command = pool_text(pool, t->command);
	r->target.command_line = pool_text(pool, t->command_line);
	r->target.executable = pool_text(pool, t->exe);
	r->target.executable_deleted = t->exe_deleted;
	r->target.start_time_unix_s = t->started_at_s;
	r->target.uptime_ns = t->uptime_ns;
	r->target.cgroup_limit_bytes = t->cgroup_limit_bytes;
	r->target.container_id = *t->container.id ? pool_text(pool, t->container.id) : NULL;
	r->target.pod_uid = *t->container.pod_uid ? pool_text(pool, t->container.pod_uid) : NULL;
	r->target.other_pid_namespace = t->other_pid_ns;
	r->target.other_mount_namespace = t->other_mnt_ns;
}

static void target_fill_program(struct result *r, const struct program *prog)
{
	struct pool *pool = &r->pool;

	r->target.runtime_in_shared_library = !prog->image.mapped->is_exe;
	target_fill_images(r, &prog->image);
	r->target.go_version = pool_text(pool, prog->image.build.version);
	r->target.go_experiments = pool_text(pool, prog->image.build.experiments);
	r->target.main_package = pool_text(pool, prog->image.build.main_path);
	r->target.map_kind = name_map_kind(prog->layout.kind);
	r->target.layout = pool_text(pool, prog->layout.name);
	r->target.layout_source = layout_source_name(prog->layout_match);
	r->target.layout_is_of_this_version = prog->layout_match != LAYOUT_NEAREST;
	r->target.stripped = prog->stripped;
	r->target.has_dwarf = prog->has_dwarf;
}

void result_fill_target(struct result *r, const struct watch *w)
{
	target_fill_process(r, w->target);
	target_fill_program(r, w->prog);
	r->target.rss_bytes = w->rss.rss_bytes;
	r->target.swap_bytes = w->rss.swap_bytes;
	r->target.cgroup_left_bytes = (struct opt_u64){ w->cgroup_left_bytes, w->cgroup_limited };
	r->target.stopped_by = name_halt(w->halts.now);
	r->target.gone = pool_text(&r->pool, w->gone ? w->gone->msg : NULL);
}

/* ---- doubts ---- */

/* Each returns the text of a doubt, in the pool. NULL: there is no reason for this doubt, or
 * memory ran out. */
typedef const char *(*doubt_text)(struct pool *pool, const struct watch *w);

/* A process that gets no CPU does nothing, so an empty trace says nothing about it. */
static const char *halted_text(struct pool *pool, const struct watch *w)
{
	static const char *const how[HALT_CNT] = {
		[HALT_SIGNAL] = "stopped by a signal",
		[HALT_TRACER] = "stopped by a debugger or tracer",
		[HALT_CGROUP] = "frozen by its cgroup",
	};
	const struct halts *h = &w->halts;
	const char *how_long = "";

	if (h->last == HALT_NONE)
		return NULL;
	if (w->trace)
		how_long = pool_printf(pool,
				       " It got none for about %s of the time observed; rates "
				       "are over all of it.",
				       text_duration(h->halted_ns).s);
	if (h->now != HALT_NONE)
		return pool_printf(pool, "THE TARGET GETS NO CPU: it is %s, nothing happens.%s",
				   how[h->now], how_long);
	return pool_printf(pool, "The target was %s for a while and got no CPU.%s", how[h->last],
			   how_long);
}

/* A C program may load several libraries that are written in Go. */
static const char *others_text(struct pool *pool, const struct watch *w)
{
	const struct goimage *image = &w->prog->image;
	const char *names = "";

	if (!image->others.len)
		return NULL;
	for (size_t i = 0; names && i < image->others.len && i < OTHERS_NAMED; i++)
		names = pool_printf(pool, "%s%s%s", names, i ? ", " : "",
				    file_base(image->others.data[i]));
	return pool_printf(pool,
			   "This is one of %zu Go runtimes in the process. The maps and the "
			   "memory of %s%s are not in this report.",
			   1 + image->others.len, names ? names : "?",
			   image->others.len > OTHERS_NAMED ? " and others" : "");
}

static const char *deleted_text(struct pool *pool, const struct watch *w)
{
	if (!w->target->exe_deleted)
		return NULL;
	return pool_printf(pool, "Its file %s was deleted or replaced on disk.", w->target->exe);
}

static const char *layout_text(struct pool *pool, const struct watch *w)
{
	const struct program *prog = w->prog;

	if (prog->layout_match != LAYOUT_NEAREST)
		return NULL;
	return pool_printf(pool, "%s is not in the tables: read with the layout of %s, which %s.",
			   prog->image.build.version, prog->layout.name,
			   w->snap ? "passed all proofs" : "did not pass its proofs");
}

static const char *made_text(struct pool *pool, const struct watch *w)
{
	if (!w->prog->made.searched || w->prog->made.complete)
		return NULL;
	return pool_text(pool, "Not all types that reflect made were found, since the heap has too "
			       "many objects of that size: types of maps may be wrong.");
}

static const char *cut_short_text(struct pool *pool, const struct watch *w)
{
	bool late = w->opts.late && *w->opts.late;

	if (w->stuck)
		return pool_printf(pool,
				   "NOT COMPLETE: a system call for the process did not return%s. "
				   "This is what the latest census found.",
				   late ? " before the time was over (--deadline)" : "");
	if (!late)
		return NULL;
	return pool_text(pool, "NOT COMPLETE: the time was over (--deadline).");
}

static const char *gone_text(struct pool *pool, const struct watch *w)
{
	if (!w->gone)
		return NULL;
	return pool_printf(pool, "THE TARGET IS GONE: %s. This is what was learnt until then.",
			   w->gone->msg);
}

#define DOUBT_TEXT(code, name, text, stem) [code] = stem##_text,

void result_fill_doubts(struct result *r, const struct watch *w)
{
	static const doubt_text texts[DOUBT_CNT] = { DOUBTS(DOUBT_TEXT) };
	const char *found[DOUBT_CNT];
	size_t cnt = 0;

	for (int i = 0; i < DOUBT_CNT; i++) {
		found[i] = texts[i](&r->pool, w);
		cnt += found[i] != NULL;
	}
	pool_list(&r->pool, &r->doubts, cnt);
	for (size_t i = 0, at = 0; i < DOUBT_CNT && at < r->doubts.len; i++)
		if (found[i])
			r->doubts.data[at++] = (struct result_doubt){ i, found[i] };
}

/* ---- census ---- */

static struct result_totals totals_result(const struct map_totals *t)
{
	return (struct result_totals){
		.maps = t->map_cnt,
		.exact = t->exact_cnt,
		.moving = t->moving_cnt,
		.suspect = t->suspect_cnt,
		.garbage = t->garbage_cnt,
		.on_stack = t->on_stack_cnt,
		.unknown_bucket_size = t->unknown_size_cnt,
		.live_keys = t->live_keys,
		.slots = t->slots,
		.table_bytes = t->table_bytes,
		.resident_bytes = t->resident_bytes,
		.hole_bytes = t->hole_bytes,
		.old_bytes = t->old_bytes,
		.gives_back_bytes = t->gives_back_bytes,
		.gives_back_resident_bytes = t->gives_back_resident_bytes,
	};
}

static struct result_made_types *made_types_result(struct pool *pool, const struct program *prog)
{
	struct result_made_types *made = prog->made.searched ? pool_alloc(pool, sizeof(*made))
							     : NULL;

	if (made)
		*made = (struct result_made_types){ prog->made.cnt, prog->made.complete };
	return made;
}

static void census_fill_taken(struct result *r, const struct watch *w)
{
	const struct census *census = w->snap->census;
	struct result_census_taken *t = pool_alloc(&r->pool, sizeof(*t));

	r->census.status = "ok";
	r->census.taken = t;
	if (!t)
		return;
	t->duration_ns = w->snap->take_ns;
	t->censuses = w->census_cnt;
	t->lookalikes_rejected = census->lookalike_cnt;
	t->headers_without_table = census->empty_cnt;
	t->stacks.status = stacks_refusal(census->stacks) ? "refused" : "ok";
	t->stacks.reason = pool_text(&r->pool, stacks_refusal(census->stacks));
	t->stacks.goroutines = stacks_goroutine_cnt(census->stacks);
	t->made_types = made_types_result(&r->pool, w->prog);
	t->totals = totals_result(&census->totals);
}

static void values_fill_not_counted(struct result *r, const struct values *v)
{
	struct result_values_counted *c = r->values.counted;
	uint64_t by_status[VALUES_STATUS_CNT] = { 0 };
	size_t cnt = 0;

	for (size_t i = 0; i < v->census->maps.len; i++)
		by_status[v->rows[i].status]++;
	for (int s = VALUES_TYPE_UNKNOWN; s < VALUES_STATUS_CNT; s++)
		cnt += by_status[s] != 0;
	pool_list(&r->pool, &c->not_counted, cnt);
	for (size_t s = VALUES_TYPE_UNKNOWN, at = 0; at < c->not_counted.len; s++)
		if (by_status[s])
			c->not_counted.data[at++] =
				(struct result_not_counted){ value_status_text(s), by_status[s] };
}

static void result_fill_values(struct result *r, const struct watch *w)
{
	const struct values *v = w->values;
	struct result_values_counted *c = v ? pool_alloc(&r->pool, sizeof(*c)) : NULL;

	r->values.status = v ? "ok" : "off";
	r->values.reason = v || w->snap ? NULL : "no census";
	r->values.counted = c;
	if (!c)
		return;
	c->duration_ns = v->take_ns;
	c->budget_bytes = w->opts.values.budget_bytes;
	c->bytes = v->bytes;
	c->maps_counted = v->counted;
	c->maps_sampled = v->sampled;
	values_fill_not_counted(r, v);
}

void result_fill_census(struct result *r, const struct watch *w)
{
	if (w->snap) {
		census_fill_taken(r, w);
	} else {
		r->census.status = "refused";
		r->census.reason = pool_text(&r->pool, w->census_err ? w->census_err->msg : NULL);
	}
	result_fill_values(r, w);
}
