// SPDX-License-Identifier: GPL-2.0-only
/*
 * The maps: those with most to give back in a table of their own, which needs no script; and rows
 * of all others as data for the script, which makes the treemap, the histograms and the table.
 *
 * Maps that have the same figures and the same holder are one row. Rows come largest first, until
 * HTML_DATA_MAX is used up; the maps of the others are in the sums of `rest`.
 */
#include "report/html_parts.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/printable.h"
#include "base/vec.h"
#include "report/intern.h"

enum { TOP_MAPS = 10, NUMBER_SZ = 24, ROW_SZ = 12 * NUMBER_SZ, BASE_36 = 36 };

/* Figures are those of one of the maps, but for `retained`. */
struct html_row {
	const char *type; /* of the pool of the result, or of `names` */
	const struct result_holder *holder; /* NULL: not known */
	uint64_t maps;
	uint64_t live_keys;
	uint64_t slots;
	uint64_t table_bytes;
	uint64_t resident_bytes;
	struct opt_u64 gives_back_bytes;
	struct opt_u64 retained_bytes; /* of all of them */
	uint64_t addr; /* of the first of them */
};

/* What makes two maps one row. Equal texts of a result have one address. */
struct html_row_key {
	uintptr_t type;
	uint64_t holder_no;
	uint64_t live_keys;
	uint64_t slots;
	uint64_t table_bytes;
	uint64_t resident_bytes;
	uint64_t gives_back_bytes; /* UINT64_MAX: not known */
};

struct html_rows {
	struct html *h;
	struct intern keys;
	VEC(struct html_row) list;
	struct intern strings; /* types and holders, in the order in which rows name them */
	uint64_t base; /* the lowest address */
	uint64_t above; /* bytes of the tables of the last row that was written; 0: none was */
	bool failed;
};

/* ---- rows ---- */

static const char *html_type_of(const struct map_same *m)
{
	if (m->type->name)
		return m->type->name;
	return m->type_candidates ? "map (several types fit)" : "map (its type is not known)";
}

/* A sync.Map is rebuilt as a whole, so its maps give nothing back by themselves. */
static struct opt_u64 html_gives_back(const struct map_same *m)
{
	return m->part_of ? opt_if(true, 0) : m->gives_back_resident_bytes;
}

static struct html_row html_row_of(const struct map_view *m)
{
	return (struct html_row){
		.type = html_type_of(m->same),
		.holder = m->holder,
		.live_keys = m->same->live_keys,
		.slots = m->same->slots,
		.table_bytes = m->same->table_bytes,
		.resident_bytes = m->same->resident_bytes,
		.gives_back_bytes = html_gives_back(m->same),
		.retained_bytes = { .known = true },
		.addr = m->addr,
	};
}

/* Garbage and maps that contradict themselves are in no sum, so they are in no row. */
static bool html_row_counts(const struct map_same *m)
{
	return !m->garbage && strcmp(m->consistency ? m->consistency : "", "suspect");
}

static struct html_row_key html_row_key_of(const struct map_view *m)
{
	struct opt_u64 gives_back = html_gives_back(m->same);

	return (struct html_row_key){
		.type = (uintptr_t)html_type_of(m->same),
		.holder_no = m->holder_no,
		.live_keys = m->same->live_keys,
		.slots = m->same->slots,
		.table_bytes = m->same->table_bytes,
		.resident_bytes = m->same->resident_bytes,
		.gives_back_bytes = gives_back.known ? gives_back.v : UINT64_MAX,
	};
}

static void html_rows_add(struct html_rows *rows, size_t i)
{
	struct map_view m;

	result_map(rows->h->r->maps, i, /* wants_same= */ true, &m);
	if (!html_row_counts(m.same))
		return;
	struct html_row_key key = html_row_key_of(&m);
	size_t no = intern_add(&rows->keys, &key, sizeof(key));

	if (rows->keys.failed ||
	    (no == rows->list.len && !vec_push(&rows->list, html_row_of(&m)))) {
		rows->failed = true;
		return;
	}
	struct html_row *row = &rows->list.data[no];
	row->maps++;
	row->retained_bytes.known &= m.retained_bytes.known;
	row->retained_bytes.v += m.retained_bytes.v;
}

static int html_row_compare(const void *a, const void *b)
{
	const struct html_row *x = a, *y = b;
	uint64_t x_bytes = x->maps * x->table_bytes, y_bytes = y->maps * y->table_bytes;

	if (x_bytes != y_bytes)
		return x_bytes < y_bytes ? 1 : -1;
	return x->addr < y->addr ? -1 : x->addr > y->addr;
}

static void html_rows_take(struct html_rows *rows)
{
	struct result_maps *maps = rows->h->r->maps;

	for (size_t i = 0; i < result_maps_cnt(maps) && !rows->failed; i++)
		html_rows_add(rows, i);
	if (rows->failed || !rows->list.len)
		return;
	qsort(rows->list.data, rows->list.len, sizeof(rows->list.data[0]), html_row_compare);
	rows->base = UINT64_MAX;
	for (size_t i = 0; i < rows->list.len; i++)
		if (rows->list.data[i].addr < rows->base)
			rows->base = rows->list.data[i].addr;
}

/* ---- data ---- */

/* In base 36, with a ',' after it; nothing for what the script takes it for: `usual`. */
static char *html_number(char *to, uint64_t v, uint64_t usual)
{
	char digits[NUMBER_SZ];
	int len = 0;

	if (v != usual) {
		do
			digits[len++] = "0123456789abcdefghijklmnopqrstuvwxyz"[v % BASE_36];
		while (v /= BASE_36);
	}
	while (len)
		*to++ = digits[--len];
	*to++ = ',';
	return to;
}

static char *html_opt_number(char *to, struct opt_u64 v, uint64_t usual)
{
	if (v.known)
		return html_number(to, v.v, usual);
	memcpy(to, "?,", 2);
	return to + 2;
}

/* The number of a string, from 1 on; 0: there is none. What it takes is used up if it is new. */
static uint64_t html_string_no(struct html_rows *rows, const char *s)
{
	size_t cnt = rows->strings.pieces.len, len = s ? strnlen(s, HTML_TEXT_MAX) : 0;

	if (!s)
		return 0;
	size_t no = intern_add(&rows->strings, s, len);
	if (no == cnt)
		rows->h->data_left -= len < rows->h->data_left ? len : rows->h->data_left;
	rows->failed |= rows->strings.failed;
	return no + 1;
}

static uint64_t left_of(uint64_t whole, uint64_t part)
{
	return whole > part ? whole - part : 0;
}

/* Writes a row with the difference to the one above it, which is short, or nothing if there is no room. */
static bool html_row_write(struct html_rows *rows, const struct html_row *row)
{
	uint64_t bytes = row->maps * row->table_bytes;
	char text[ROW_SZ], *to = text;

	to = html_number(to, html_string_no(rows, row->type), 0);
	to = html_number(to, html_string_no(rows, row->holder ? row->holder->text : NULL), 0);
	to = html_number(to, row->holder && !row->holder->certain, 0);
	to = html_number(to, row->maps, 1);
	to = html_number(to, row->live_keys, 0);
	to = html_number(to, row->slots, 0);
	to = html_number(to, rows->above ? left_of(rows->above, bytes) : bytes, 0);
	to = html_number(to, left_of(row->table_bytes, row->resident_bytes), 0);
	to = html_opt_number(to, row->gives_back_bytes, 0);
	to = html_opt_number(to, row->retained_bytes, 0);
	to = html_number(to, row->addr - rows->base, 0);
	to[-1] = ';';
	size_t len = (size_t)(to - text);
	if (len > rows->h->data_left || rows->failed)
		return false;
	rows->h->data_left -= len;
	rows->above = bytes;
	fwrite(text, 1, len, rows->h->out);
	return true;
}

/* A string of JSON in a script element: a browser looks for "</script" and "<!--" there. */
static void html_json_string(FILE *out, const char *s, size_t len)
{
	fputc('"', out);
	for (size_t i = 0; i < len;) {
		int char_len = printable_len(s + i);

		if (strchr("<>&\"\\", s[i]))
			fprintf(out, "\\u%04x", (unsigned int)s[i]);
		else
			fwrite(char_len ? s + i : "?", 1, char_len ? (size_t)char_len : 1, out);
		i += char_len ? (size_t)char_len : 1;
	}
	fputc('"', out);
}

static void html_strings_write(struct html_rows *rows)
{
	FILE *out = rows->h->out;

	fputs("\"strings\":[", out);
	for (size_t i = 0; i < rows->strings.pieces.len; i++) {
		char text[HTML_TEXT_MAX + 1] = "";
		size_t len = rows->strings.pieces.data[i].len;

		memcpy(text, intern_get(&rows->strings, i), len);
		if (i)
			fputc(',', out);
		html_json_string(out, text, len);
	}
	fputs("],", out);
}

/* The maps that are in no row. */
static void html_rest_write(struct html_rows *rows, size_t written)
{
	uint64_t maps = 0, table_bytes = 0, resident_bytes = 0;

	for (size_t i = written; i < rows->list.len; i++) {
		maps += rows->list.data[i].maps;
		table_bytes += rows->list.data[i].maps * rows->list.data[i].table_bytes;
		resident_bytes += rows->list.data[i].maps * rows->list.data[i].resident_bytes;
	}
	fprintf(rows->h->out,
		"\"rest\":{\"maps\":%" PRIu64 ",\"table_bytes\":%" PRIu64
		",\"resident_bytes\":%" PRIu64 "}",
		maps, table_bytes, resident_bytes);
}

static void html_data(struct html_rows *rows)
{
	size_t written = 0;

	fputs("<script type=\"application/json\" id=\"data\">{\"rows\":\"", rows->h->out);
	while (written < rows->list.len && html_row_write(rows, &rows->list.data[written]))
		written++;
	fprintf(rows->h->out, "\",\"base\":\"%" PRIx64 "\",\n", rows->base);
	html_strings_write(rows);
	html_rest_write(rows, written);
	html_raw(rows->h, "}</script>\n");
}

/* ---- the maps with most to give back ---- */

static double html_bins_max(const struct result_histogram *hist, unsigned int *first,
			    unsigned int *last)
{
	double max = 0;

	*first = RESULT_BINS;
	*last = 0;
	for (unsigned int b = 0; b < RESULT_BINS; b++) {
		if (!hist->ns[b])
			continue;
		*first = b < *first ? b : *first;
		*last = b;
		max = (double)hist->ns[b] > max ? (double)hist->ns[b] : max;
	}
	return max;
}

/* How long the map had how many live keys: a bar for each power of two. */
static void html_history(const struct html *h, const struct result_history *history)
{
	const struct result_histogram *keys = &history->live_keys;
	unsigned int first, last;
	double max = html_bins_max(keys, &first, &last);

	html_element(h, "p", "%s to %s", COUNT(keys->min), COUNT(keys->max));
	if (max <= 0 || first == last)
		return;
	fprintf(h->out,
		"<svg class=\"bins\" viewBox=\"0 0 %u 20\" preserveAspectRatio=\"none\" "
		"aria-hidden=\"true\">",
		(last - first + 1) * 10);
	for (unsigned int b = first; b <= last; b++) {
		double height = 20 * (double)keys->ns[b] / max;

		fprintf(h->out,
			"<rect class=\"up\" x=\"%u\" y=\"%.1f\" width=\"8\" height=\"%.1f\"/>",
			(b - first) * 10 + 1, 20 - height, height);
	}
	html_raw(h, "</svg>");
}

static void html_group_history(const struct html *h, const struct result_group *g)
{
	struct map_view m;

	html_raw(h, "<td class=\"n\">");
	if (g->maps == 1 && result_map_find(h->r->maps, g->largest_map, &m) && m.history &&
	    m.history->censuses > 1 && m.history->live_keys.min < m.history->live_keys.max)
		html_history(h, m.history);
	html_raw(h, "</td>");
}

static void html_group_name(const struct html *h, const struct result_group *g)
{
	struct map_view m;

	html_raw(h, "<th scope=\"row\" class=\"code\">");
	html_text(h->out, known_text(g->type ? g->type : g->label));
	if (g->maps > 1)
		html_element(h, "p", "%s", COUNTED(g->maps, "map"));
	for (size_t i = 0; i < g->held_by.len; i++)
		html_holder(h, "p", "held by ", g->held_by.data[i].holder);
	if (g->largest_map && result_map_find(h->r->maps, g->largest_map, &m) && m.path &&
	    m.path->steps.len > 1)
		html_element(h, "p", "from %s%s", known_text(m.path->text),
			     m.path->certain ? "" : " (guessed)");
	html_raw(h, "</th>");
}

static void html_group(const struct html *h, const struct result_group *g)
{
	html_raw(h, "<tr>");
	html_group_name(h, g);
	html_element(h, "td class=\"n\"", "%s",
		     g->gives_back_resident_bytes.known ? BYTES(g->gives_back_resident_bytes.v)
							: "?");
	html_element(h, "td class=\"n\"", "%s", COUNT(g->live_keys));
	html_element(h, "td class=\"n\"", "%s", COUNT(g->slots));
	html_element(h, "td class=\"n\"", "%.1f %%", percent(g->live_keys, g->slots));
	html_element(h, "td class=\"n\"", "%s%s", BYTES(g->resident_bytes), g->moving ? " ~" : "");
	html_element(h, "td class=\"n\"", "%s",
		     g->retained_bytes.known ? BYTES(g->retained_bytes.v) : "?");
	html_group_history(h, g);
	html_raw(h, "</tr>\n");
}

static void html_groups(const struct html *h)
{
	size_t cnt = h->r->groups.len < TOP_MAPS ? h->r->groups.len : TOP_MAPS;

	html_table(h, "Maps with most to give back",
		   "type, and what holds it|#gives back|#live keys|#slots|#load|#resident|"
		   "#keeps alive|#keys while observed");
	for (size_t i = 0; i < cnt; i++)
		html_group(h, &h->r->groups.data[i]);
	html_table_end(h);
}

/* ---- the section ---- */

static void html_maps_note(const struct html *h, uint64_t maps, const char *what)
{
	if (maps)
		html_element(h, "p class=\"note\"", "%s %s", COUNTED(maps, "map"), what);
}

static void html_maps_notes(const struct html *h, const struct result_totals *t)
{
	const struct result_graph *g = &h->r->graph;

	html_maps_note(h, t->suspect, "with contradictions: left out of all sums");
	html_maps_note(h, t->garbage, "that nothing reaches any more: left out of all sums");
	html_maps_note(h, t->unknown_bucket_size,
		       "of unknown slot size: no figures of holes or of a rebuild");
	html_maps_note(h, result_maps_total(h->r->maps) - result_maps_cnt(h->r->maps),
		       "left out by --top");
	if (is_refused(g->status) && g->reason)
		html_element(h, "p class=\"note\"", "what holds the maps is not known: %s",
			     g->reason);
}

static struct err *html_all_maps(struct html *h)
{
	struct html_rows rows = { .h = h };

	html_rows_take(&rows);
	if (!rows.failed) {
		html_raw(h, "<div id=\"all\"></div>\n");
		html_data(&rows);
	}
	bool failed = rows.failed || rows.strings.failed;
	intern_fini(&rows.keys);
	intern_fini(&rows.strings);
	vec_fini(&rows.list);
	return failed ? err_nomem() : NULL;
}

struct err *html_maps(struct html *h)
{
	const struct result_census_taken *taken = h->r->census.taken;
	struct err *err = NULL;

	if (!taken) {
		html_section(h, "maps", "Maps", "cannot be read: %s",
			     known_text(h->r->census.reason));
		html_raw(h, "</section>\n");
		return NULL;
	}
	html_section(h, "maps", "Maps",
		     "%s with %s of tables, %s of it resident; %s comes back if all "
		     "are rebuilt",
		     COUNTED(taken->totals.maps, "map"), BYTES(taken->totals.table_bytes),
		     BYTES(taken->totals.resident_bytes),
		     BYTES(taken->totals.gives_back_resident_bytes));
	if (h->r->groups.len)
		html_groups(h);
	if (result_maps_cnt(h->r->maps))
		err = html_all_maps(h);
	html_maps_notes(h, &taken->totals);
	html_raw(h, "</section>\n");
	return err;
}
