// SPDX-License-Identifier: GPL-2.0-only
/* Fills the findings of a result, and the verdict that they make. */
#include <string.h>

#include "base/units.h"
#include "model/finding_words.h"
#include "model/result_fill.h"

#define BYTES(v) text_bytes(v).s

enum {
	NEAR_LIMIT_PERCENT = 75, /* of a limit: RSS is near it */
	VERDICT_TEXT_SZ = 1024,
};

/* ---- findings ---- */

static struct result_finding_maps *finding_maps(struct pool *pool, const struct finding *f)
{
	struct result_finding_maps *to = pool_alloc(pool, sizeof(*to));

	if (to)
		*to = (struct result_finding_maps){ f->map_cnt, f->live_keys, f->slots,
						    f->resident_bytes };
	return to;
}

static struct result_finding_zeroes *finding_zeroes(struct pool *pool, const struct finding *f)
{
	struct result_finding_zeroes *to = pool_alloc(pool, sizeof(*to));

	if (to)
		*to = (struct result_finding_zeroes){ f->zero_values, f->sampled, f->all_bytes };
	return to;
}

static const struct result_holder *finding_holder(const struct result_source *from,
						  const struct finding *f)
{
	ssize_t row = f->map.addr ? rows_find(&from->w->snap->census->maps, f->map.addr)
				  : ROWS_NONE;

	if (f->holder)
		return f->holder;
	return row == ROWS_NONE ? NULL : held_maps_holder(&from->held, row);
}

static struct result_finding finding_result(struct result *r, const struct result_source *from,
					    const struct finding *f)
{
	const struct finding_row *row = finding_row(f->kind);
	struct pool *pool = &r->pool;
	const char *label = f->map.addr ? result_label(pool, &from->w->prog->layout, &f->map) : "";
	struct finding_facts facts = { f, r, label ? label : "?" };
	struct finding_words words = row->words(pool, &facts);

	return (struct result_finding){
		.kind = f->kind,
		.severity = f->severity,
		.bytes = f->bytes,
		.gives_back_bytes = f->gives_back,
		.certainty = f->gives_back.known ? f->certainty : SURE_UNKNOWN,
		.map = f->map.addr,
		.type = pool_text(pool, f->map.type ? f->map.type->name : NULL),
		.holder = finding_holder(from, f),
		.caller = f->caller,
		.maps = row->of_maps ? finding_maps(pool, f) : NULL,
		.zeroes = row->of_zeroes ? finding_zeroes(pool, f) : NULL,
		.headline = words.headline,
		.evidence = words.evidence,
		.remedy = words.remedy,
		.measured = row->measured,
	};
}

/* ---- thresholds ---- */

static bool verdict_is_near(uint64_t rss, uint64_t limit)
{
	return limit && rss >= limit / 100 * NEAR_LIMIT_PERCENT;
}

/* What shares are of: RSS, or a limit that it is near to. */
static uint64_t verdict_share_of(const struct result *r)
{
	const struct result_gc_read *gc = r->gc.read;
	uint64_t rss = r->memory->rss_bytes;

	if (verdict_is_near(rss, r->target.cgroup_limit_bytes))
		return r->target.cgroup_limit_bytes;
	if (gc && gc->memory_limit_bytes.known && verdict_is_near(rss, gc->memory_limit_bytes.v))
		return gc->memory_limit_bytes.v;
	return rss;
}

/* ---- the verdict ---- */

/* What the rows of the ledger do not explain is said if it is as large as waste would have to be. */
static void verdict_fill_besides(struct result *r)
{
	int64_t bytes = r->memory->unexplained_bytes;
	uint64_t size = bytes < 0 ? -(uint64_t)bytes : (uint64_t)bytes;

	if (!size || size < r->verdict.min_waste_bytes)
		return;
	pool_list(&r->pool, &r->verdict.besides, 1);
	if (r->verdict.besides.len)
		r->verdict.besides.data[0] = pool_printf(
			&r->pool,
			bytes > 0 ? "Besides, %s of RSS are in no row: the memory changed while it "
				    "was read."
				  : "Besides, the rows have %s more than RSS: the memory changed "
				    "while it was read.",
			BYTES(size));
}

/* The state that a finding puts the process into. */
static enum verdict_state finding_state(const struct result_finding *f)
{
	return f->severity >= SEVERITY_WARN ? finding_row(f->kind)->state : STATE_FINE;
}

static enum verdict_state verdict_state_of(const struct result *r)
{
	enum verdict_state state = STATE_FINE;

	for (size_t i = 0; i < r->findings.len; i++)
		if (finding_state(&r->findings.data[i]) > state)
			state = finding_state(&r->findings.data[i]);
	return state;
}

/* "10 % (12.3 MiB)", or "32.0 MiB" where the share plays no part. */
static const char *threshold_text(struct pool *pool, const struct threshold *t, uint64_t bytes)
{
	if (bytes == t->bytes)
		return pool_text(pool, BYTES(bytes));
	return pool_printf(pool, "%s (%s)", text_percent(t->share).s, BYTES(bytes));
}

static const char *waste_text(struct result *r, const struct threshold *min)
{
	uint64_t bytes = 0, cnt = 0, rss = r->memory->rss_bytes;

	for (size_t i = 0; i < r->findings.len; i++)
		if (finding_state(&r->findings.data[i]) == STATE_WASTEFUL) {
			bytes += r->findings.data[i].bytes;
			cnt++;
		}
	if (!cnt)
		return pool_printf(&r->pool, "No waste of %s or more.",
				   threshold_text(&r->pool, min, r->verdict.min_waste_bytes));
	bytes = bytes < rss ? bytes : rss;
	return pool_printf(&r->pool, "WASTEFUL: %s (%s of RSS) in %s.", BYTES(bytes),
			   text_percent(rss ? (double)bytes / (double)rss : 0).s,
			   text_counted(cnt, "finding").s);
}

/* Appends the headline of the first finding that leads to a state. */
static void verdict_add_state(struct result *r, enum verdict_state state, const char *title)
{
	for (size_t i = 0; i < r->findings.len; i++) {
		const struct result_finding *f = &r->findings.data[i];

		if (finding_state(f) != state || !f->headline || !r->verdict.text)
			continue;
		r->verdict.text =
			pool_printf(&r->pool, "%s %s: %s", r->verdict.text, title, f->headline);
		return;
	}
}

static void verdict_fill(struct result *r, const struct watch *w)
{
	r->verdict.state = verdict_state_of(r);
	r->verdict.text = waste_text(r, &w->opts.min_waste);
	verdict_add_state(r, STATE_GROWING, "GROWING");
	verdict_add_state(r, STATE_IN_DANGER, "IN DANGER");
	verdict_fill_besides(r);
}

/* Waste of less than this is not listed. A --fail-on of less than --min-waste is honoured. */
static uint64_t verdict_list_from(const struct result_verdict *v, const struct watch *w)
{
	uint64_t fail = w->opts.fail_on ? threshold_bytes(w->opts.fail_on, v->share_of_bytes)
					: UINT64_MAX;

	return fail < v->min_waste_bytes ? fail : v->min_waste_bytes;
}

struct err *result_fill_findings(struct result *r, struct result_source *from)
{
	const struct watch *w = from->w;
	struct result_verdict *v = &r->verdict;
	struct finding_sources sources = { r, from, &r->pool };

	v->judged = w->snap != NULL;
	v->share_of_bytes = r->memory ? verdict_share_of(r) : 0;
	v->min_waste_bytes = threshold_bytes(&w->opts.min_waste, v->share_of_bytes);
	if (!w->snap || !r->memory || !r->reclaim)
		return NULL;
	struct err *err = findings_init(&from->findings, verdict_list_from(v, w), &sources);
	if (err)
		return err;
	pool_list(&r->pool, &r->findings, from->findings.list.len);
	for (size_t i = 0; i < r->findings.len; i++)
		r->findings.data[i] = finding_result(r, from, &from->findings.list.data[i]);
	verdict_fill(r, w);
	return NULL;
}
