// SPDX-License-Identifier: GPL-2.0-only
#include "report/text_parts.h"

#include "report/names.h"

enum { DETAIL_INDENT = 5 };

/* Bytes of a key and its elem, with their control byte's bucket share taken off:
 * 8 control bytes, and in classic buckets the overflow pointer. */
static unsigned int slot_bytes(const struct page *p, const struct map_info *m)
{
	unsigned int fixed = p->w->prog->layout.kind == MAP_CLASSIC ? 16 : 8;

	return m->bucket_sz > fixed ? (m->bucket_sz - fixed) / BUCKET_SLOTS : 0;
}

static void type_text(const struct page *p, const struct map_info *m, char *buf, size_t buf_sz)
{
	if (m->type)
		name_short(m->type->name, buf, buf_sz);
	else if (m->bucket_sz)
		snprintf(buf, buf_sz, "map of %u-byte slots", slot_bytes(p, m));
	else
		snprintf(buf, buf_sz, "map of unknown slots");
}

void flow_type(const struct page *p, struct flow *f, int blanks, const struct map_info *m)
{
	char type[NAME_SZ];

	type_text(p, m, type, sizeof(type));
	flow_add(f, blanks, "%s", type);
	if (!m->type)
		flow_add(f, 1, "(%s fit%s)", COUNTED(m->type_candidates, "type"),
			 m->type_candidates == 1 ? "s" : "");
}

static void print_place(const struct page *p, size_t place, const struct ranked *r)
{
	struct flow f = { .out = p->out, .indent = DETAIL_INDENT };

	flow_add(&f, 0, "%3zu %10s %10s %11s %5.1f%% %8s%s", place,
		 r->map.bucket_sz ? BYTES(r->gives_back_bytes) : "?", COUNT(r->live_keys),
		 COUNT(r->slots), percent(r->live_keys, r->slots), BYTES(r->resident_bytes),
		 r->moving ? "~" : "");
	flow_type(p, &f, r->moving ? 1 : 2, &r->map);
	if (r->map_cnt > 1)
		flow_add(&f, 2, "(%s)", COUNTED(r->map_cnt, "map"));
	flow_end(&f);
}

static void print_history(const struct page *p, const struct map_info *m)
{
	const struct map_history *h = history_find(&p->w->history, m->addr);
	struct flow f = { .out = p->out, .indent = DETAIL_INDENT };

	if (!h || h->samples < 2 || h->live_keys.min == h->live_keys.max)
		return;
	bool resized = h->buckets.min != h->buckets.max;
	flow_add(&f, 0, "     live keys %s to %s, now %s%s", COUNT(h->live_keys.min),
		 COUNT(h->live_keys.max), COUNT(h->last_live_keys), resized ? ";" : "");
	if (resized)
		flow_add(&f, 1, "buckets %s to %s", COUNT(h->buckets.min), COUNT(h->buckets.max));
	flow_add(&f, 1, "(%s)", COUNTED(h->samples, "census"));
	flow_end(&f);
}

/* One bin behind the other, on as many lines as they take. */
static void print_bins(const struct page *p, const char *name, const struct histogram *h)
{
	uint64_t total = histogram_total_ns(h);
	struct flow f = { .out = p->out, .indent = 22 };

	flow_add(&f, 0, "     %-15s", name);
	for (unsigned int b = 0; b < HISTORY_BINS; b++) {
		double share_percent = percent(h->ns[b], total);
		char share[16] = "<1 %";

		if (!h->ns[b])
			continue;
		if (share_percent >= 0.5)
			snprintf(share, sizeof(share), "%.0f %%", share_percent);
		flow_add(&f, 2, "[%s, %s) %s", COUNT(histogram_bin_low(b)),
			 COUNT(histogram_bin_high(b)), share);
	}
	flow_end(&f);
}

static void print_histograms(const struct page *p, const struct map_info *m)
{
	const struct map_history *h = history_find(&p->w->history, m->addr);

	if (!h || !histogram_total_ns(&h->live_keys))
		return;
	print_bins(p, "live keys", &h->live_keys);
	print_bins(p, "buckets", &h->buckets);
	print_bins(p, "resident bytes", &h->resident_bytes);
}

/* Of the maps that share a place; the interval of a sample only where it is one map. */
static void print_zero_values(const struct page *p, size_t place)
{
	const struct zero_sum *z = &p->zeroes[place];
	struct flow f = { .out = p->out, .indent = DETAIL_INDENT };

	if (!z->map_cnt || !z->zero)
		return;
	flow_add(&f, 0, "     %s%s of %s %s zero", z->sampled ? "about " : "", COUNT(z->zero),
		 COUNTED(z->live_keys, "value"), z->zero == 1 ? "is" : "are");
	if (z->map_cnt > 1)
		flow_add(&f, 1, "(%s)", COUNTED(z->map_cnt, "map"));
	else if (z->sampled)
		flow_add(&f, 1, "(95 %%: %s to %s)", COUNT(z->low), COUNT(z->high));
	flow_end(&f);
}

static void print_values_footnotes(const struct page *p)
{
	const struct values *v = p->w->values;
	uint64_t by_status[VALUES_STATUS_CNT] = { 0 };
	char what[80];

	for (size_t i = 0; i < v->census->maps.len; i++)
		by_status[v->rows[i].status]++;
	for (int s = VALUES_TYPE_UNKNOWN; s < VALUES_STATUS_CNT; s++) {
		if (!by_status[s])
			continue;
		snprintf(what, sizeof(what), "     zero values not counted in %s",
			 COUNTED(by_status[s], "map"));
		print_reason(p, what, value_status_text(s));
	}
}

static void print_footnotes(const struct page *p)
{
	const struct map_totals *t = &p->w->snap->census->totals;

	if (t->moving_cnt)
		fprintf(p->out, "     ~ busy while it was read: within the values of two reads\n");
	if (t->suspect_cnt)
		fprintf(p->out, "     %s with contradictions: in no sum (--json has them)\n",
			COUNTED(t->suspect_cnt, "map"));
	if (t->on_stack_cnt)
		fprintf(p->out, "     %s with the header on a goroutine stack\n",
			COUNTED(t->on_stack_cnt, "map"));
	if (t->garbage_cnt)
		fprintf(p->out, "     %s left to the sweep of the last GC: in no sum\n",
			COUNTED(t->garbage_cnt, "dead map"));
	if (p->w->values)
		print_values_footnotes(p);
	if (t->unknown_size_cnt)
		fprintf(p->out, "     %s of unknown bucket size: no holes, no rebuild\n",
			COUNTED(t->unknown_size_cnt, "map"));
}

static void print_places(const struct page *p)
{
	for (size_t i = 0; i < p->ranking.places.len && i < p->opts->top; i++) {
		const struct ranked *r = &p->ranking.places.data[i];

		print_place(p, i + 1, r);
		if (p->zeroes)
			print_zero_values(p, i);
		if (r->map_cnt > 1)
			continue;
		print_history(p, &r->map);
		if (p->opts->verbose)
			print_histograms(p, &r->map);
	}
	if (p->ranking.places.len > p->opts->top)
		fprintf(p->out, "     and %s (--top, --json)\n",
			COUNTED(p->ranking.places.len - p->opts->top, "more row"));
}

void print_maps(const struct page *p)
{
	if (p->w->census_err) {
		fputc('\n', p->out);
		print_reason(p, "MAPS  refused", p->w->census_err->msg);
		return;
	}
	if (!p->w->snap)
		return;

	const struct map_totals *t = &p->w->snap->census->totals;

	fprintf(p->out, "\nMAPS  %s with %s of tables (%s resident), most to win first\n",
		COUNT(t->map_cnt), BYTES(t->table_bytes), BYTES(t->resident_bytes));
	if (t->map_cnt)
		fprintf(p->out, "%3s %10s %10s %11s %6s %8s  %s\n", "#", "gives back", "live keys",
			"slots", "load", "resident", "type");
	print_places(p);
	print_footnotes(p);
}
