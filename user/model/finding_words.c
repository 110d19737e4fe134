// SPDX-License-Identifier: GPL-2.0-only
#include "model/finding_words.h"

#include <stdio.h>

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

struct finding_words finding_words_holes(struct pool *pool, const struct finding_facts *x)
{
	const struct finding *f = x->f;
	const char *keep = f->map_cnt > 1 ? "keep" : "keeps";

	return (struct finding_words){
		.headline = pool_printf(pool, "%s%s %s %s for %s (%s).", x->label,
					maps_text(" (%s)", f->map_cnt).s, keep,
					BYTES(f->resident_bytes), COUNTED(f->live_keys, "key"),
					COUNTED(f->slots, "slot")),
		.remedy = pool_printf(
			pool, "Maps never shrink. %s and drop the old one: %s comes back.",
			f->live_keys ? "Copy the live keys into a new map" : "Assign a new map",
			BYTES(f->bytes)),
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
