// SPDX-License-Identifier: GPL-2.0-only
/* Finds what is wrong with maps: all maps of one type make one finding of a kind. */
#include "base/table.h"
#include "maps/fuller.h"
#include "model/finding.h"
#include "model/result_fill.h"

enum {
	OVERSIZED_MIN = 1 << 20, /* bytes: maps with less to give back are not looked into */
	OVERSIZED_MAPS = 64, /* nor are more than so many */
	SWARM_MAPS = 10000, /* so many tiny maps of one type are a swarm */
	TINY_TABLE_MAX = 4096,
	MAP_HEADER_SZ = 48, /* of both kinds */
};

/* Finds or adds the finding for the type of a map. by_type holds findings of one kind; its keys
 * stand for types (map_kind_key()). */
static struct err *finding_for(struct findings *f, struct table *by_type, enum finding_kind kind,
			       const struct map_info *m, struct finding **ret)
{
	size_t i = table_get(by_type, map_kind_key(m));

	if (i == TABLE_NONE) {
		i = f->list.len;
		if (!vec_push(&f->list,
			      ((struct finding){ .kind = kind, .severity = SEVERITY_WARN })) ||
		    !table_put(by_type, map_kind_key(m), i))
			return err_nomem();
	}
	*ret = &f->list.data[i];
	return NULL;
}

static void finding_add_map(struct finding *finding, const struct map_info *m, uint64_t bytes)
{
	bool exact = m->consistency == MAP_EXACT;

	finding->certainty = exact && finding->certainty != SURE_LIKELY ? SURE_CERTAIN
									: SURE_LIKELY;
	finding->bytes += bytes;
	finding->gives_back = opt_if(true, finding->bytes);
	finding->map_cnt++;
	finding->live_keys += m->live_keys;
	finding->slots += map_slots(m);
	finding->resident_bytes += m->resident_bytes;
	if (!finding->map.addr || bytes > finding->map_bytes) {
		finding->map = *m;
		finding->map_bytes = bytes;
	}
}

/* Kinds of findings for maps that have something to give back, and what their types are keyed by. */
struct holes_finder {
	struct findings *f;
	const struct finding_sources *s;
	struct table by_type[FINDING_CNT];
	unsigned int looked_into; /* maps whose tables were read */
};

/* After a growth about this part of the slots is in use, so a map with as many keys takes the same
 * table. */
static bool fills_its_table(const struct map_info *m, uint64_t keys)
{
	return keys >= map_slots(m) / 5 * 2;
}

/* Whether the map was nearly empty at one census, and full at a later one: it fills up again, so a
 * rebuild helps nothing. */
static bool map_refills(const struct watch *w, const struct map_info *m)
{
	const struct map_history *h = history_find(&w->history, m->addr);
	bool low = false;

	for (size_t i = 0; h && i < w->history.point_cnt && i < HISTORY_POINTS; i++) {
		if (h->points[i] == HISTORY_UNSEEN)
			continue;
		if (low && fills_its_table(m, h->points[i]))
			return true;
		low |= !fills_its_table(m, 2 * h->points[i]);
	}
	return false;
}

static bool is_emptied_member(const struct holes_finder *hf, size_t row, const struct map_info *m)
{
	const struct result_holder *holder = held_maps_holder(&hf->s->from->held, row);

	return !m->live_keys && holder && holder->certain && holder->kind == HELD_BY_MAP;
}

/* Whether it was made with a size hint that is too large. Only large maps are looked into. */
static bool is_oversized(struct holes_finder *hf, const struct map_info *m)
{
	const struct snapshot *snap = hf->s->from->w->snap;
	enum fuller was;

	if (map_gives_back_resident(m) < OVERSIZED_MIN || m->tombstones || m->overflow_buckets ||
	    hf->s->from->w->gone || hf->looked_into >= OVERSIZED_MAPS)
		return false;
	hf->looked_into++;
	was = fuller_of(snap->heap, &snap->residency, m);
	return was == FULLER_NEVER || was == FULLER_NEVER_OR_CLEARED;
}

static enum finding_kind holes_kind(struct holes_finder *hf, size_t row, const struct map_info *m)
{
	if (is_emptied_member(hf, row, m))
		return FINDING_EMPTIED_MEMBERS;
	if (map_refills(hf->s->from->w, m))
		return FINDING_REFILLING_MAP;
	return is_oversized(hf, m) ? FINDING_OVERSIZED_MAP : FINDING_MAP_HOLES;
}

static struct err *holes_add(struct holes_finder *hf, size_t row, const struct map_info *m)
{
	enum finding_kind kind = holes_kind(hf, row, m);
	struct finding *finding;
	struct err *err = finding_for(hf->f, &hf->by_type[kind], kind, m, &finding);

	if (err)
		return err;
	/* Deleting a key gives back its map as a whole. */
	finding_add_map(finding, m,
			kind == FINDING_EMPTIED_MEMBERS ? m->resident_bytes
							: map_gives_back_resident(m));
	if (kind == FINDING_EMPTIED_MEMBERS)
		finding->certainty = SURE_LIKELY;
	if (kind == FINDING_REFILLING_MAP) {
		finding->severity = SEVERITY_INFO;
		finding->gives_back = opt_if(false, 0);
	}
	return NULL;
}

/* Types that have too little each may have enough together. */
static struct err *holes_add_rest(struct findings *f, size_t first)
{
	struct finding rest = {
		.kind = FINDING_MAP_HOLES,
		.severity = SEVERITY_WARN,
		.certainty = SURE_LIKELY,
	};

	for (size_t i = first; i < f->list.len; i++) {
		const struct finding *one = &f->list.data[i];

		if (one->bytes >= f->min_bytes || one->severity == SEVERITY_INFO)
			continue;
		rest.bytes += one->bytes;
		rest.map_cnt += one->map_cnt;
		rest.live_keys += one->live_keys;
		rest.slots += one->slots;
		rest.resident_bytes += one->resident_bytes;
		rest.figures[0]++;
	}
	rest.gives_back = opt_if(true, rest.bytes);
	return rest.figures[0] > 1 && rest.bytes >= f->min_bytes ? finding_add(f, &rest) : NULL;
}

struct err *findings_add_holes(struct findings *f, const struct finding_sources *s)
{
	const struct census *census = s->from->w->snap->census;
	struct holes_finder hf = { .f = f, .s = s };
	size_t first = f->list.len;
	struct err *err = NULL;

	for (size_t i = 0; !err && i < census->maps.len; i++) {
		struct map_info m = census_map(census, i);

		/* Only maps that have something to give back belong to the finding. */
		if (map_stands_alone(&m) && m.bucket_sz && map_gives_back_resident(&m))
			err = holes_add(&hf, i, &m);
	}
	for (int i = 0; i < FINDING_CNT; i++)
		table_fini(&hf.by_type[i]);
	return err ? err : holes_add_rest(f, first);
}

/* A map of a few keys takes a header and a whole bucket or group. */
static bool is_tiny(const struct map_info *m)
{
	return map_stands_alone(m) && m->live_keys && m->live_keys <= BUCKET_SLOTS &&
	       m->table_bytes <= TINY_TABLE_MAX && m->on_stack == MAP_ON_HEAP;
}

/* Finds types of which there are very many maps of a few keys each. */
struct err *findings_add_swarms(struct findings *f, const struct finding_sources *s)
{
	const struct census *census = s->from->w->snap->census;
	_cleanup_(table_fini) struct table by_type = { 0 };
	size_t first = f->list.len, kept = first;
	struct err *err = NULL;

	for (size_t i = 0; !err && i < census->maps.len; i++) {
		struct map_info m = census_map(census, i);
		struct finding *finding;

		if (!is_tiny(&m))
			continue;
		err = finding_for(f, &by_type, FINDING_SWARM, &m, &finding);
		if (!err)
			finding_add_map(finding, &m, m.resident_bytes + MAP_HEADER_SZ);
	}
	for (size_t i = first; i < f->list.len; i++) {
		struct finding *finding = &f->list.data[i];

		finding->severity = SEVERITY_INFO;
		finding->gives_back = opt_if(false, 0);
		if (finding->map_cnt >= SWARM_MAPS)
			f->list.data[kept++] = *finding;
	}
	f->list.len = kept;
	return err;
}

struct err *findings_add_zero_values(struct findings *f, const struct finding_sources *s)
{
	const struct values *values = s->from->w->values;
	_cleanup_(table_fini) struct table by_type = { 0 };
	struct err *err = NULL;

	for (size_t i = 0; values && i < values->census->maps.len; i++) {
		struct map_info m = census_map(values->census, i);
		const struct value_count *v = &values->rows[i];
		uint64_t all = 0, holes = map_gives_back_resident(&m);
		struct finding *finding;

		if (map_stands_alone(&m) && v->status == VALUES_OK && v->zero &&
		    v->rebuild_bytes < m.resident_bytes)
			all = m.resident_bytes - v->rebuild_bytes;
		if (all <= holes)
			continue;
		err = finding_for(f, &by_type, FINDING_ZERO_VALUES, &m, &finding);
		if (err)
			return err;
		finding_add_map(finding, &m, all - holes);
		finding->zero_values += v->zero;
		finding->all_bytes += all;
		finding->sampled |= v->sampled;
		if (finding->sampled)
			finding->certainty = SURE_ESTIMATE;
	}
	return NULL;
}
