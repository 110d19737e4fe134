// SPDX-License-Identifier: GPL-2.0-only
#include "report/text_parts.h"

enum { COLUMNS = 80 };

/* Bytes of a key and its elem, with their control byte's bucket share taken off:
 * 8 control bytes, and in classic buckets the overflow pointer. */
static unsigned int slot_bytes(const struct page *p, const struct map_info *m)
{
	unsigned int fixed = p->w->prog->layout.kind == MAP_CLASSIC ? 16 : 8;

	return m->bucket_sz > fixed ? (m->bucket_sz - fixed) / BUCKET_SLOTS : 0;
}

void type_text(const struct page *p, const struct map_info *m, char *buf, size_t buf_sz)
{
	if (m->type)
		snprintf(buf, buf_sz, "%s", m->type->name);
	else if (m->bucket_sz)
		snprintf(buf, buf_sz, "map of %u-byte slots (%u types fit)", slot_bytes(p, m),
			 m->type_candidates);
	else
		snprintf(buf, buf_sz, "map of unknown slots (%u types fit)", m->type_candidates);
}

static void print_place(const struct page *p, size_t place, const struct ranked *r)
{
	char type[NAME_SZ];

	type_text(p, &r->map, type, sizeof(type));
	fprintf(p->out, "%3zu %10s %10s %12s %6.1f%% %9s%c %s", place,
		r->map.bucket_sz ? BYTES(r->gives_back_bytes) : "?", COUNT(r->live_keys),
		COUNT(r->slots), percent(r->live_keys, r->slots), BYTES(r->resident_bytes),
		r->moving ? '~' : ' ', type);
	if (r->map_cnt > 1)
		fprintf(p->out, "  (%s maps)", COUNT(r->map_cnt));
	fputc('\n', p->out);
}

static void print_history(const struct page *p, const struct map_info *m)
{
	const struct map_history *h = history_find(&p->w->history, m->addr);

	if (!h || h->samples < 2 || h->live_keys.min == h->live_keys.max)
		return;
	fprintf(p->out, "     live keys %s to %s, now %s", COUNT(h->live_keys.min),
		COUNT(h->live_keys.max), COUNT(h->last_live_keys));
	if (h->buckets.min != h->buckets.max)
		fprintf(p->out, "; buckets %s to %s", COUNT(h->buckets.min), COUNT(h->buckets.max));
	fprintf(p->out, " (%u censuses)\n", h->samples);
}

/* One bin behind the other, on as many lines as they take. */
static void print_bins(const struct page *p, const char *name, const struct histogram *h)
{
	uint64_t total = histogram_total_ns(h);
	int column = fprintf(p->out, "     %-15s", name);

	for (unsigned int b = 0; b < HISTORY_BINS; b++) {
		double share_percent = percent(h->ns[b], total);
		char bin[80], share[16] = "<1 %";

		if (!h->ns[b])
			continue;
		if (share_percent >= 0.5)
			snprintf(share, sizeof(share), "%.0f %%", share_percent);
		int len = snprintf(bin, sizeof(bin), "  [%s, %s) %s", COUNT(histogram_bin_low(b)),
				   COUNT(histogram_bin_high(b)), share);
		if (column + len > COLUMNS)
			column = fprintf(p->out, "\n     %-15s", "") - 1;
		column += fprintf(p->out, "%s", bin);
	}
	fputc('\n', p->out);
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

	if (!z->map_cnt || !z->zero)
		return;
	fprintf(p->out, "     %s%s of %s values are zero", z->sampled ? "about " : "",
		COUNT(z->zero), COUNT(z->live_keys));
	if (z->map_cnt > 1)
		fprintf(p->out, " (%s maps)", COUNT(z->map_cnt));
	else if (z->sampled)
		fprintf(p->out, " (95 %%: %s to %s)", COUNT(z->low), COUNT(z->high));
	fputc('\n', p->out);
}

static void print_values_footnotes(const struct page *p)
{
	const struct values *v = p->w->values;
	uint64_t by_status[VALUES_STATUS_CNT] = { 0 };

	for (size_t i = 0; i < v->census->maps.len; i++)
		by_status[v->rows[i].status]++;
	for (int s = VALUES_TYPE_UNKNOWN; s < VALUES_STATUS_CNT; s++)
		if (by_status[s])
			fprintf(p->out, "     %s maps not searched for zero values: %s\n",
				COUNT(by_status[s]), value_status_text(s));
}

static void print_footnotes(const struct page *p)
{
	const struct map_totals *t = &p->w->snap->census->totals;

	if (t->moving_cnt)
		fprintf(p->out, "     ~ busy while it was read: within the values of two reads\n");
	if (t->suspect_cnt)
		fprintf(p->out,
			"     %s maps contradicted themselves: in no sum (--json has them)\n",
			COUNT(t->suspect_cnt));
	if (t->on_stack_cnt)
		fprintf(p->out, "     headers of %s maps are on goroutine stacks\n",
			COUNT(t->on_stack_cnt));
	if (t->garbage_cnt)
		fprintf(p->out, "     %s dead maps await the sweep of the last GC: in no sum\n",
			COUNT(t->garbage_cnt));
	if (p->w->values)
		print_values_footnotes(p);
	if (t->unknown_size_cnt)
		fprintf(p->out, "     %s maps of unknown bucket size: no holes, no rebuild\n",
			COUNT(t->unknown_size_cnt));
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
		fprintf(p->out, "     and %s more rows (--top, --json)\n",
			COUNT(p->ranking.places.len - p->opts->top));
}

void print_maps(const struct page *p)
{
	if (p->w->census_err) {
		fprintf(p->out, "\nMAPS  refused: %s\n", p->w->census_err->msg);
		return;
	}
	if (!p->w->snap)
		return;

	const struct map_totals *t = &p->w->snap->census->totals;

	fprintf(p->out, "\nMAPS  %s with %s of tables (%s resident), most to win first\n",
		COUNT(t->map_cnt), BYTES(t->table_bytes), BYTES(t->resident_bytes));
	if (t->map_cnt)
		fprintf(p->out, "%3s %10s %10s %12s %7s %9s  %s\n", "#", "gives back", "live keys",
			"slots", "load", "resident", "type");
	print_places(p);
	print_footnotes(p);
}
