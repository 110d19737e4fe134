// SPDX-License-Identifier: GPL-2.0-only
#include "model/result_since.h"

#include <math.h>

#include "model/result_diff.h"

/* Why a comparison has no rates, or is not made at all; NULL: neither. */
static const char *since_reason(const struct result_diff *d)
{
	if (!d->same_program)
		return "the earlier report is of another program";
	if (!d->same_process)
		return "the earlier report is of another process of the program, so there are no "
		       "rates";
	return d->between_ns.known ? NULL : "the earlier report is not older than this one";
}

static struct result_since_map since_map_of(struct pool *pool, const struct result_diff *d,
					    const struct diff_map *m)
{
	return (struct result_since_map){
		.id = pool_text(pool, m->id),
		.label = pool_text(pool, m->label),
		.type = pool_text(pool, m->type),
		.holder = pool_text(pool, m->holder ? m->holder->text : NULL),
		.maps = m->after.maps,
		.before_keys = m->before.live_keys,
		.live_keys = m->after.live_keys,
		.before_table_bytes = m->before.table_bytes,
		.table_bytes = m->after.table_bytes,
		.keys_per_s = m->keys_per_s,
		.table_bytes_per_s = d->between_ns.known
					     ? (double)m->grew_bytes * 1e9 / (double)d->between_ns.v
					     : NAN,
	};
}

static void since_fill_maps(struct pool *pool, struct result_since *since,
			    const struct result_diff *d)
{
	size_t len = 0;

	for (size_t i = 0; i < d->maps.len; i++)
		since->maps_total += d->maps.data[i].fate != FATE_SAME;
	pool_list(pool, &since->maps,
		  since->maps_total < SINCE_MAPS ? since->maps_total : SINCE_MAPS);
	for (size_t i = 0; i < d->maps.len && len < since->maps.len; i++)
		if (d->maps.data[i].fate != FATE_SAME)
			since->maps.data[len++] = since_map_of(pool, d, &d->maps.data[i]);
}

static void since_fill_gone(struct pool *pool, struct result_since *since,
			    const struct result_diff *d)
{
	size_t len = 0;

	pool_list(pool, &since->gone, d->findings.len);
	for (size_t i = 0; i < d->findings.len && len < since->gone.len; i++) {
		const struct diff_finding *f = &d->findings.data[i];

		if (f->fate == FATE_GONE)
			since->gone.data[len++] = (struct result_since_gone){
				.kind = f->kind,
				.before_bytes = f->before_bytes,
				.headline = pool_text(pool, f->headline),
			};
	}
	since->gone.len = len;
}

bool result_add_since(struct result *r, const struct result *before)
{
	_cleanup_diff_ struct result_diff *d = diff_new(before, r);
	struct result_since *since = pool_alloc(&r->pool, sizeof(*since));

	if (!d || !since)
		return false;
	*since = (struct result_since){
		.status = d->same_program ? "ok" : "refused",
		.reason = since_reason(d),
		.unix_time_ns = before->unix_time_ns,
		.between_ns = d->between_ns,
		.before_rss_bytes = d->before.rss_bytes,
		.rss_bytes = d->after.rss_bytes,
		.by_type = d->by_type,
	};
	if (d->same_program) {
		since_fill_maps(&r->pool, since, d);
		since_fill_gone(&r->pool, since, d);
	}
	r->since = since;
	return !r->pool.failed;
}
