// SPDX-License-Identifier: GPL-2.0-only
/* Finds maps whose strings keep much larger objects alive; all maps of one type make a finding. */
#include "base/table.h"
#include "base/units.h"
#include "model/finding_words.h"
#include "model/result_fill.h"
#include "model/watch_retained.h"

/* The figures of such a finding. */
enum {
	PINNED_OBJECTS,
	PINNED_BYTES, /* of these objects */
	PINNED_LARGEST, /* bytes of the largest of them */
	PINNED_STRINGS, /* that point into them */
	PINNED_LENGTHS, /* of these strings, in all */
	PINNED_IN, /* bits: where they are */
};
enum { PINNED_IN_KEYS = 1, PINNED_IN_VALUES = 2 };

/* ---- the finder ---- */

static void finding_add_pinned_map(struct finding *f, const struct map_info *m,
				   const struct pinned_map *p)
{
	bool exact = m->consistency == MAP_EXACT;
	uint64_t largest = f->figures[PINNED_LARGEST];

	f->certainty = exact && f->certainty != SURE_LIKELY ? SURE_CERTAIN : SURE_LIKELY;
	f->bytes += p->gives_back_resident_bytes;
	f->gives_back = opt_if(true, f->bytes);
	f->map_cnt++;
	f->live_keys += m->live_keys;
	f->slots += map_slots(m);
	f->resident_bytes += m->resident_bytes;
	f->figures[PINNED_OBJECTS] += p->objects;
	f->figures[PINNED_BYTES] += p->object_bytes;
	f->figures[PINNED_LARGEST] = p->largest_bytes > largest ? p->largest_bytes : largest;
	f->figures[PINNED_STRINGS] += p->strings;
	f->figures[PINNED_LENGTHS] += p->string_bytes;
	f->figures[PINNED_IN] |= (p->keys ? PINNED_IN_KEYS : 0) |
				 (p->values ? PINNED_IN_VALUES : 0);
	if (!f->map.addr || p->gives_back_resident_bytes > f->map_bytes) {
		f->map = *m;
		f->map_bytes = p->gives_back_resident_bytes;
	}
}

struct err *findings_add_pinned(struct findings *f, const struct finding_sources *s)
{
	const struct watch *w = s->from->w;
	_cleanup_(table_fini) struct table by_type = { 0 };

	for (size_t i = 0; w->retained && i < w->retained->pinned.maps.len; i++) {
		const struct pinned_map *p = &w->retained->pinned.maps.data[i];
		struct map_info m = census_map(w->snap->census, p->row);
		const struct finding empty = {
			.kind = FINDING_PINNED_BY_KEYS,
			.severity = SEVERITY_WARN,
		};
		size_t at = table_get(&by_type, map_kind_key(&m));

		if (!map_counts(&m))
			continue;
		if (at == TABLE_NONE) {
			at = f->list.len;
			if (!vec_push(&f->list, empty) ||
			    !table_put(&by_type, map_kind_key(&m), at))
				return err_nomem();
		}
		finding_add_pinned_map(&f->list.data[at], &m, p);
	}
	return NULL;
}

/* ---- its words ---- */

struct finding_words finding_words_strings(struct pool *pool, const struct finding_facts *x)
{
	const uint64_t *figures = x->f->figures;
	const char *noun = figures[PINNED_IN] == PINNED_IN_KEYS	    ? "key"
			   : figures[PINNED_IN] == PINNED_IN_VALUES ? "value"
								    : "string";
	const char *maps = "", *whose = x->f->map_cnt > 1 ? "their" : "its";

	if (x->f->map_cnt > 1)
		maps = pool_printf(pool, " (%s)", text_counted(x->f->map_cnt, "map").s);
	return (struct finding_words){
		.headline = pool_printf(pool, "%s%s: %s %ss pin %s in %s, and use %s of them.",
					x->label, maps ? maps : "", whose, noun,
					text_bytes(figures[PINNED_BYTES]).s,
					text_counted(figures[PINNED_OBJECTS], "object").s,
					text_bytes(figures[PINNED_LENGTHS]).s),
		.evidence = pool_printf(pool,
					"%s were cut out of larger strings of up to %s, to which "
					"nothing else leads.",
					text_counted(figures[PINNED_STRINGS], noun).s,
					text_bytes(figures[PINNED_LARGEST]).s),
		.remedy = pool_printf(pool,
				      "Put copies into the map, by strings.Clone: %s comes back "
				      "once all %ss are copies.",
				      text_bytes(x->f->bytes).s, noun),
	};
}
