// SPDX-License-Identifier: GPL-2.0-only
/* What of maptrace works with a process. */
#include <inttypes.h>
#include <string.h>

#include "base/units.h"
#include "model/checkup_fill.h"

static void check_program(struct checkup *c, const struct result_target *t)
{
	struct pool *pool = &c->pool;

	checkup_ok(c, "process",
		   pool_printf(pool, "%" PRIu64 ", %s, %s, RSS %s", t->pid, t->command,
			       t->go_version, text_bytes(t->rss_bytes).s));
	if (t->stopped_by)
		checkup_limit(c, "running", pool_printf(pool, "stopped (%s)", t->stopped_by),
			      "nothing happens in a watch");
	if (!t->stripped)
		checkup_ok(c, "symbols", "the program has them");
	else if (t->has_dwarf)
		checkup_ok(c, "symbols", "in a separate debug file");
	else
		checkup_note(c, "symbols", "stripped, without a debug file",
			     "package variables have no name, but the functions that use them");
	const char *layout =
		pool_printf(pool, "%s maps, %s (%s)", t->map_kind, t->layout, t->layout_source);
	if (t->layout_is_of_this_version)
		checkup_ok(c, "layout", layout);
	else
		checkup_limit(c, "layout", layout,
			      "this version of Go is newer than maptrace: what does not fit is "
			      "refused");
}

static void check_census(struct checkup *c, const struct result_census *census)
{
	const struct result_census_taken *taken = census->taken;

	if (!taken)
		checkup_fail(c, "census", EXIT_UNREADABLE, pool_text(&c->pool, census->reason),
			     "no maps in a report");
	else if (taken->totals.suspect)
		checkup_limit(c, "census",
			      pool_printf(&c->pool, "%s in %s, %" PRIu64 " suspect",
					  text_counted(taken->totals.maps, "map").s,
					  text_duration(taken->duration_ns).s,
					  taken->totals.suspect),
			      "suspect maps contradict themselves, and are in no sum");
	else
		checkup_ok(c, "census",
			   pool_printf(&c->pool, "%s in %s, none contradicts itself",
				       text_counted(taken->totals.maps, "map").s,
				       text_duration(taken->duration_ns).s));
}

static void check_memory_limit(struct checkup *c, const struct result_target *t)
{
	if (t->cgroup_limit_bytes)
		checkup_ok(c, "memory_limit",
			   pool_printf(&c->pool, "%s of its cgroup",
				       text_bytes(t->cgroup_limit_bytes).s));
	else
		checkup_ok(c, "memory_limit", "its cgroup has none");
}

/* Names the first function that is there and has no probe. */
static void check_sites(struct checkup *c, const struct result_traced *traced)
{
	const struct result_probe_site *without = NULL;
	size_t probed = 0;

	for (size_t i = 0; i < traced->sites.len; i++) {
		const struct result_probe_site *s = &traced->sites.data[i];

		probed += s->probe != 0;
		if (!s->probe && !without)
			without = s;
	}
	const char *found = pool_printf(&c->pool, "%zu of the %zu map functions in the program",
					probed, traced->sites.len);
	if (without)
		checkup_limit(c, "probe_sites",
			      pool_printf(&c->pool, "%s; %s: %s", found, without->function,
					  without->reason),
			      "what these functions do is not seen");
	else
		checkup_ok(c, "probe_sites", found);
}

/* What the process lets us read. *goes_on_ret: a trace can be tried. */
static struct err *check_reading(struct checkup *c, pid_t pid, const struct watch_opts *opts,
				 bool *goes_on_ret)
{
	_cleanup_watch_ struct watch *w = NULL;
	_cleanup_result_ struct result *r = NULL;
	struct err *err = watch_run(pid, opts, &w);

	if (!err)
		err = watch_publish(w, &r);
	if (err_is(err, ERR_NOMEM) || err_is(err, ERR_STOPPED))
		return err;
	*goes_on_ret = !err;
	if (err) {
		checkup_fail_err(c, "process", err);
		return NULL;
	}
	check_program(c, &r->target);
	check_memory_limit(c, &r->target);
	check_census(c, &r->census);
	return NULL;
}

static struct err *check_tracing(struct checkup *c, pid_t pid, const struct watch_opts *opts)
{
	_cleanup_result_ struct result *r = NULL;
	struct err *err = watch_plan(pid, opts, &r);

	if (err_is(err, ERR_NOMEM) || err_is(err, ERR_STOPPED))
		return err;
	if (!err) {
		check_sites(c, r->trace.traced);
		return NULL;
	}
	checkup_limit(c, "probe_sites", pool_text(&c->pool, err->msg), "no trace");
	err_free(err);
	return NULL;
}

struct err *checkup_process(struct checkup *c, pid_t pid, const struct watch_opts *opts)
{
	struct watch_opts look = *opts;
	bool goes_on = false;

	look.duration_ns = 0;
	look.holders = look.full_graph = false;
	look.paths = 0;
	struct err *err = check_reading(c, pid, &look, &goes_on);
	if (!err && goes_on)
		err = check_tracing(c, pid, &look);
	if (!err && c->pool.failed)
		err = err_nomem();
	return err;
}
