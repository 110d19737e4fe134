// SPDX-License-Identifier: GPL-2.0-only
/* Finds large maps that are cleared again and again with few keys in them, and says so. */
#include <inttypes.h>
#include <math.h>

#include "base/units.h"
#include "model/finding_words.h"
#include "model/result_fill.h"

enum {
	CLEARED_MIN_SLOTS = 1 << 20,
	CLEARED_MAX_SHARE = 8, /* more than an eighth of the slots in use is worth the work */
	CLEARED_MAPS = 64, /* no more maps are looked into */
	CLEARED_TABLE_SLOTS = 1024, /* of a table of a large Swiss map */
	SKIPS_EMPTY_MINOR = 25, /* since Go 1.25 a table without keys is not gone over */
};

/* Less than this in a second is a small part of the time of one core. */
#define CLEARED_MIN_BYTES_PER_S (100.0 * (1 << 20))

/* The clears of one map that found keys in it. */
struct clears {
	uint64_t seen; /* with or without keys */
	uint64_t cnt;
	double keys; /* before each of them, on average */
};

static struct clears clears_of(const struct trace_result *trace, uint64_t map)
{
	struct clears c = { 0 };
	double keys = 0;

	for (size_t i = 0; i < trace->event_cnt; i++) {
		const struct trace_event *e = &trace->events[i];

		if (e->op != ABI_OP_CLEAR || e->map != map || !e->live_known)
			continue;
		c.seen++;
		c.cnt += e->live_keys > 0;
		keys += (double)e->live_keys;
	}
	c.keys = c.cnt ? keys / (double)c.cnt : 0;
	return c;
}

/* The part of the tables that a clear goes over: all, or those that probably have a key. */
static double cleared_share(const struct watch *w, const struct map_info *m, double keys)
{
	double tables = (double)map_slots(m) / CLEARED_TABLE_SLOTS;

	if (w->prog->image.build.minor < SKIPS_EMPTY_MINOR || m->buckets)
		return 1;
	return 1 - exp(-keys / tables);
}

static bool is_clear_of_much(const struct watch *w, const struct map_info *m,
			     const struct activity_op *op, struct finding *ret)
{
	struct clears c = clears_of(w->traced, m->addr);

	if (c.cnt < 2 || c.keys * CLEARED_MAX_SHARE > (double)map_slots(m))
		return false;
	double share = cleared_share(w, m, c.keys);
	double per_s = op->per_s * (double)c.cnt / (double)c.seen;
	double bytes_per_s = per_s * share * (double)m->table_bytes;

	*ret = (struct finding){
		.kind = FINDING_CLEAR_COST,
		.severity = SEVERITY_INFO,
		.map = *m,
		.map_cnt = 1,
		.live_keys = m->live_keys,
		.slots = map_slots(m),
		.resident_bytes = m->resident_bytes,
		.figures = { (uint64_t)llround(c.keys),
			     (uint64_t)llround(share * (double)map_slots(m)) },
		.rates = { per_s, bytes_per_s },
	};
	return bytes_per_s >= CLEARED_MIN_BYTES_PER_S;
}

/* Iterations are not traced, so loops over such a map are not found. */
struct err *findings_add_clears(struct findings *f, const struct finding_sources *s)
{
	const struct watch *w = s->from->w;
	const struct activities *as = &s->from->activities;
	unsigned int looked_into = 0;
	struct err *err = NULL;

	for (size_t i = 0; !err && w->traced && i < as->maps.len; i++) {
		const struct activity *a = &as->maps.data[i];
		const struct activity_op *op = &a->ops[ABI_OP_CLEAR];
		ssize_t row = a->addr && op->hits > 1 && !op->missing
				      ? rows_find(&w->snap->census->maps, a->addr)
				      : ROWS_NONE;
		struct finding finding;

		if (row == ROWS_NONE)
			continue;
		struct map_info m = census_map(w->snap->census, (size_t)row);
		if (map_slots(&m) < CLEARED_MIN_SLOTS || looked_into++ >= CLEARED_MAPS)
			continue;
		if (!is_clear_of_much(w, &m, op, &finding))
			continue;
		finding.caller = result_caller_with_stack(s->pool, s->from, op->caller, op->stack);
		err = finding_add(f, &finding);
	}
	return err;
}

struct finding_words finding_words_clears(struct pool *pool, const struct finding_facts *x)
{
	const struct finding *f = x->f;
	const char *maps = "";

	if (f->map_cnt > 1)
		maps = pool_printf(pool, " (%s)", text_counted(f->map_cnt, "map").s);
	return (struct finding_words){
		.headline = pool_printf(pool, "%s%s: cleared %s times a second, for %s each time.",
					x->label, maps ? maps : "", text_rate(f->rates[0]).s,
					text_counted(f->figures[0], "key").s),
		.evidence = pool_printf(pool,
					"A clear goes over about %s of its %s, by the rules of "
					"this Go version: %s a second.",
					text_count(f->figures[1]).s,
					text_counted(f->slots, "slot").s,
					text_bytes(f->rates[1]).s),
		.remedy = "Maps never shrink, so a clear costs as much as when it was full. Make a "
			  "new map instead (m = make(...)).",
	};
}
