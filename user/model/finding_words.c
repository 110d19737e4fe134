// SPDX-License-Identifier: GPL-2.0-only
#include "model/finding_words.h"

#include <stdio.h>
#include <string.h>

#include "base/units.h"

#define BYTES(v) text_bytes(v).s
#define COUNT(v) text_count(v).s
#define COUNTED(v, noun) text_counted(v, noun).s

/* Text for the number of maps, in place: "3 maps" in `fmt`, or nothing for one map. */
struct maps_text {
	char s[64];
};

static struct maps_text maps_text(const char *fmt, uint64_t cnt)
{
	struct maps_text t = { "" };

	if (cnt > 1)
		snprintf(t.s, sizeof(t.s), fmt, COUNTED(cnt, "map"));
	return t;
}

/* What the maps of several types are called: each type has too little for a finding of its own. */
static const char *holes_label(struct pool *pool, const struct finding_facts *x)
{
	const char *label = x->label;

	if (!x->f->map.addr)
		label = pool_printf(pool, "Maps of %s", COUNTED(x->f->figures[0], "type"));
	return label ? label : "?";
}

static const char *holes_headline(struct pool *pool, const struct finding_facts *x)
{
	const struct finding *f = x->f;

	return pool_printf(pool, "%s%s %s %s for %s (%s).", holes_label(pool, x),
			   maps_text(" (%s)", f->map_cnt).s, f->map_cnt > 1 ? "keep" : "keeps",
			   BYTES(f->resident_bytes), COUNTED(f->live_keys, "key"),
			   COUNTED(f->slots, "slot"));
}

struct finding_words finding_words_holes(struct pool *pool, const struct finding_facts *x)
{
	const struct finding *f = x->f;
	bool never_full = f->map.addr && !f->map.tombstones && !f->map.overflow_buckets &&
			  f->live_keys < f->slots / 8;

	return (struct finding_words){
		.headline = holes_headline(pool, x),
		.evidence = never_full
				    ? "Keys were deleted, or a size hint was too large: with one "
				      "it is as large after a restart."
				    : NULL,
		.remedy = pool_printf(
			pool, "Maps never shrink. %s and drop the old one: %s comes back.",
			f->live_keys ? "Copy the live keys into a new map" : "Assign a new map",
			BYTES(f->bytes)),
	};
}

struct finding_words finding_words_oversized(struct pool *pool, const struct finding_facts *x)
{
	bool classic = x->r->target.map_kind && !strcmp(x->r->target.map_kind, "classic");

	return (struct finding_words){
		.headline = holes_headline(pool, x),
		.evidence =
			classic ? "It was never fuller, or it was cleared: a sample of its empty "
				  "slots holds no old keys."
				: "It was never fuller: a sample of its empty slots holds no old "
				  "keys.",
		.remedy = pool_printf(pool,
				      "The size hint of make(map, hint) is too large: make it "
				      "smaller, or it is as large after a restart. A copy gives "
				      "back %s now.",
				      BYTES(x->f->bytes)),
	};
}

struct finding_words finding_words_members(struct pool *pool, const struct finding_facts *x)
{
	const struct finding *f = x->f;

	return (struct finding_words){
		.headline = pool_printf(pool, "%s%s: empty, and still values of a map, with %s.",
					x->label, maps_text(" (%s)", f->map_cnt).s,
					BYTES(f->resident_bytes)),
		.remedy = pool_printf(pool,
				      "Delete their keys from the map that holds them, then copy "
				      "the rest of it into a new map: %s or more comes back.",
				      BYTES(f->bytes)),
	};
}

struct finding_words finding_words_refilling(struct pool *pool, const struct finding_facts *x)
{
	const struct finding *f = x->f;

	return (struct finding_words){
		.headline = pool_printf(pool, "%s%s %s %s of holes now.", x->label,
					maps_text(" (%s)", f->map_cnt).s,
					f->map_cnt > 1 ? "have" : "has", BYTES(f->bytes)),
		.evidence = "While it was watched, it was nearly empty, and then full again.",
		.remedy = "Leave it: a new map would grow to the same size.",
	};
}

struct finding_words finding_words_swarm(struct pool *pool, const struct finding_facts *x)
{
	const struct finding *f = x->f;

	return (struct finding_words){
		.headline = pool_printf(pool, "%s%s take %s for %s in all.", x->label,
					maps_text(" (%s)", f->map_cnt).s, BYTES(f->bytes),
					COUNTED(f->live_keys, "key")),
		.evidence = pool_printf(pool, "That is %s for each key.",
					BYTES(f->live_keys ? f->bytes / f->live_keys : 0)),
		.remedy = "For a few keys a slice of pairs takes less, and one map with a key of "
			  "two parts does.",
	};
}

struct finding_words finding_words_zeroes(struct pool *pool, const struct finding_facts *x)
{
	const struct finding *f = x->f;
	const char *more = "";

	if (f->all_bytes > f->bytes)
		more = pool_printf(pool, ", %s more than by the copy alone", BYTES(f->bytes));
	return (struct finding_words){
		.headline = pool_printf(
			pool, "%s: %s%s of %s%s %s zero.", x->label, f->sampled ? "about " : "",
			COUNT(f->zero_values), COUNTED(f->live_keys, "value"),
			maps_text(" in %s", f->map_cnt).s, f->zero_values == 1 ? "is" : "are"),
		.remedy = pool_printf(
			pool,
			"m[k] = zero frees nothing. Call delete(m, k), then copy the rest into "
			"a new map: %s comes back%s.",
			BYTES(f->all_bytes), more ? more : ""),
	};
}

#define FINDING_ROW(kind, name, text, stem, maps, zeroes, state_, how)                             \
	[kind] = {                                                                                 \
		.words = finding_words_##stem,                                                     \
		.measured = how,                                                                   \
		.state = state_,                                                                   \
		.of_maps = maps,                                                                   \
		.of_zeroes = zeroes,                                                               \
	},

const struct finding_row *finding_row(enum finding_kind kind)
{
	static const struct finding_row rows[FINDING_CNT] = { FINDINGS(FINDING_ROW) };

	return &rows[kind];
}
