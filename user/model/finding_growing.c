// SPDX-License-Identifier: GPL-2.0-only
/* Finds maps that will use up memory if they go on growing, and says so. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/short_name.h"
#include "base/units.h"
#include "model/finding_words.h"
#include "model/result_fill.h"
#include "process/lines.h"

enum { GROWING_NAME_SZ = 256 };

/* Growth matters if it adds up to so much in so long a time: a tenth of RSS, but at least
 * GROWING_MIN_BYTES. Where keys are deleted, too, and it began minutes ago, that they will stay
 * fewer for hours is not known: a busy free list looks like that. */
#define GROWING_HORIZON_S (6 * 3600.0)
#define GROWING_YOUNG_HORIZON_S 3600.0
#define GROWING_MIN_BYTES (8 << 20)
#define GROWING_RSS_PART 10

/* Sooner than this the limit leaves no time to look into it. */
#define GROWING_CRITICAL_NS (300 * NS_PER_S)

static double known_bytes_per_s(const struct result_growing *g)
{
	return !isnan(g->bytes_per_s)	      ? g->bytes_per_s
	       : !isnan(g->table_bytes_per_s) ? g->table_bytes_per_s
					      : 0;
}

static bool growing_matters(const struct result *r, const struct result_growing *g, bool young)
{
	double least = (double)r->memory->rss_bytes / GROWING_RSS_PART;
	bool swings = young && g->deletes_seen;

	if (least < GROWING_MIN_BYTES)
		least = GROWING_MIN_BYTES;
	return known_bytes_per_s(g) * (swings ? GROWING_YOUNG_HORIZON_S : GROWING_HORIZON_S) >=
	       least;
}

static enum finding_severity growing_severity(const struct result_growing *g)
{
	if (g->doubt)
		return SEVERITY_INFO;
	return g->limit && g->limit->in_ns.known && g->limit->in_ns.v < GROWING_CRITICAL_NS
		       ? SEVERITY_CRITICAL
		       : SEVERITY_WARN;
}

struct err *findings_add_growing(struct findings *f, const struct finding_sources *s)
{
	struct err *err = NULL;

	for (size_t i = 0; !err && i < s->r->growing.len; i++) {
		const struct result_growing *g = &s->r->growing.data[i];
		struct finding finding = {
			.kind = FINDING_GROWING_MAP,
			.severity = growing_severity(g),
			.map = s->from->growing.list.data[i].map,
			.map_cnt = g->maps,
			.live_keys = g->live_keys,
			.resident_bytes = g->table_bytes,
			.holder = g->holder,
			.caller = g->caller,
			.figures = { i }, /* in result.growing */
		};

		if (growing_matters(s->r, g, growing_is_young(&s->from->growing.list.data[i])))
			err = finding_add(f, &finding);
	}
	return err;
}

/* ---- its words ---- */

static const char *growing_deletes_text(struct pool *pool, const struct result_growing *g)
{
	if (isnan(g->deletes_per_s))
		return "deletes not known";
	if (!g->deletes_seen)
		return "0 deletes";
	return pool_printf(pool, "%s deletes/s", text_rate(g->deletes_per_s).s);
}

/* " (main.handleRequest main.go:23)": the caller, or what called the library; or nothing. */
static const char *growing_caller_text(struct pool *pool, const struct result_caller *c)
{
	char name[GROWING_NAME_SZ];

	const struct result_frame *at = c && c->user_frame ? c->user_frame : c ? c->at : NULL;
	if (!at || !at->function)
		return "";
	name_short(at->function, name, sizeof(name));
	if (!at->file || !at->line)
		return pool_printf(pool, " (%s)", name);
	return pool_printf(pool, " (%s %s:%" PRIu64 ")", name, file_base(at->file), at->line);
}

static const char *growing_limit_text(struct pool *pool, const struct result_growing_limit *l)
{
	if (!l || !l->in_ns.known)
		return "";
	return pool_printf(pool, "; %s limit (%s) in about %s", text_bytes(l->bytes).s, l->kind,
			   text_duration(l->in_ns.v).s);
}

/* The name of a variable or a field that certainly holds it; else "". */
static const char *growing_holder_text(struct pool *pool, const struct result_holder *h)
{
	char name[GROWING_NAME_SZ];

	if (!h || !h->certain || !h->text || strchr(h->text, '<') || strchr(h->text, ' '))
		return "";
	name_short(h->text, name, sizeof(name));
	return pool_printf(pool, " %s", name);
}

static const char *growing_headline(struct pool *pool, const struct result_growing *g)
{
	const char *holder = growing_holder_text(pool, g->holder);
	const char *caller = growing_caller_text(pool, g->caller);
	const char *limit = growing_limit_text(pool, g->limit);
	const char *deletes = growing_deletes_text(pool, g);
	const char *maps = "";

	if (g->maps > 1)
		maps = pool_printf(pool, " (%s)", text_counted(g->maps, "map").s);
	return pool_printf(pool, "%s%s%s +%s keys/s, %s%s%s.", g->label ? g->label : "?",
			   holder ? holder : "", maps ? maps : "", text_rate(g->keys_per_s).s,
			   deletes ? deletes : "", caller ? caller : "", limit ? limit : "");
}

static const char *growing_evidence(struct pool *pool, const struct result_growing *g)
{
	const char *bytes = "";

	if (!isnan(g->bytes_per_s))
		bytes = pool_printf(
			pool, " Tables, keys and values take about %s%s more each second.",
			g->contents_lead_on ? "at least " : "", text_bytes(g->bytes_per_s).s);
	else if (!isnan(g->table_bytes_per_s))
		bytes = pool_printf(pool, " Tables alone take about %s more each second.",
				    text_bytes(g->table_bytes_per_s).s);
	return pool_printf(pool, "It gained %s in %s, all the time, and has %s.%s",
			   text_counted(g->gained_keys, "key").s, text_duration(g->observed_ns).s,
			   text_count(g->live_keys).s, bytes ? bytes : "");
}

static const char *growing_remedy(struct pool *pool, const struct result_growing *g)
{
	if (g->doubt)
		return pool_printf(pool,
				   "It may be no leak: %s. Watch it for longer (--duration 5m).",
				   g->doubt);
	if (g->deletes_seen)
		return "Deletes do not keep up. Find the keys that are never deleted, or bound the "
		       "map.";
	return "Delete keys that are no longer needed, or bound the map.";
}

struct finding_words finding_words_growing(struct pool *pool, const struct finding_facts *x)
{
	const struct result_growing *g = &x->r->growing.data[x->f->figures[0]];

	return (struct finding_words){
		.headline = growing_headline(pool, g),
		.evidence = growing_evidence(pool, g),
		.remedy = growing_remedy(pool, g),
	};
}
