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

static const char *holes_headline(struct pool *pool, const struct finding *f, const char *label)
{
	return pool_printf(pool, "%s%s %s %s for %s (%s).", label, maps_text(" (%s)", f->map_cnt).s,
			   f->map_cnt > 1 ? "keep" : "keeps", BYTES(f->resident_bytes),
			   COUNTED(f->live_keys, "key"), COUNTED(f->slots, "slot"));
}

static const char *holes_remedy(struct pool *pool, const struct finding *f)
{
	return pool_printf(pool, "Maps never shrink. %s and drop the old one: %s comes back.",
			   f->live_keys ? "Copy the live keys into a new map" : "Assign a new map",
			   BYTES(f->bytes));
}

static const char *zeroes_headline(struct pool *pool, const struct finding *f, const char *label)
{
	return pool_printf(pool, "%s: %s%s of %s%s %s zero.", label, f->sampled ? "about " : "",
			   COUNT(f->zero_values), COUNTED(f->live_keys, "value"),
			   maps_text(" in %s", f->map_cnt).s, f->zero_values == 1 ? "is" : "are");
}

static const char *zeroes_remedy(struct pool *pool, const struct finding *f)
{
	const char *more = "";

	if (f->all_bytes > f->bytes)
		more = pool_printf(pool, ", %s more than by the copy alone", BYTES(f->bytes));
	return pool_printf(pool,
			   "m[k] = zero frees nothing. Call delete(m, k), then copy the rest into "
			   "a new map: %s comes back%s.",
			   BYTES(f->all_bytes), more ? more : "");
}

static const char *free_headline(struct pool *pool, const struct finding *f, const char *label)
{
	(void)label;
	return pool_printf(pool, "Go keeps %s of free heap that the OS could have.",
			   BYTES(f->bytes));
}

static const char *free_remedy(struct pool *pool, const struct finding *f)
{
	(void)f;
	return pool_text(pool, "debug.FreeOSMemory() returns it now; a GOMEMLIMIT keeps it small.");
}

#define FINDING_ROW(kind, name, text, stem, maps, zeroes, how)                                     \
	[kind] = {                                                                                 \
		.headline = stem##_headline,                                                       \
		.remedy = stem##_remedy,                                                           \
		.measured = how,                                                                   \
		.of_maps = maps,                                                                   \
		.of_zeroes = zeroes,                                                               \
	},

const struct finding_row *finding_row(enum finding_kind kind)
{
	static const struct finding_row rows[FINDING_CNT] = { FINDINGS(FINDING_ROW) };

	return &rows[kind];
}
