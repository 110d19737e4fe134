// SPDX-License-Identifier: GPL-2.0-only
#include "model/result_diff.h"

#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/short_name.h"
#include "base/table.h"
#include "base/units.h"
#include "base/vec.h"

enum { DIFF_LABEL_SZ = 256 };

const struct word diff_fate_words[FATE_CNT] = { DIFF_FATES(WORD_ROW) };

/* Rows while they are collected; their number is not known before. */
struct diff_rows {
	struct result_diff *d;
	VEC(struct diff_map) list;
	struct table by_key; /* a hash of what they are compared by, to an index in list */
};

/* ---- the two looks ---- */

static struct diff_look diff_look_of(const struct result *r)
{
	return (struct diff_look){
		.host = r->host.name,
		.pid = r->target.pid,
		.command = r->target.command,
		.go_version = r->target.go_version,
		.start_time_unix_s = r->target.start_time_unix_s,
		.unix_time_ns = r->unix_time_ns,
		.rss_bytes = r->memory ? r->memory->rss_bytes : r->target.rss_bytes,
		.maps = result_maps_total(r->maps),
	};
}

static bool diff_same_text(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

/* The start is worked out from the uptime, so it may be off by a second. */
static bool diff_same_process(const struct result *a, const struct result *b)
{
	uint64_t x = a->target.start_time_unix_s, y = b->target.start_time_unix_s;

	return a->target.pid == b->target.pid && (x > y ? x - y : y - x) <= 1 &&
	       diff_same_text(a->host.boot_id, b->host.boot_id);
}

static bool diff_same_program(const struct result *a, const struct result *b)
{
	return diff_same_text(a->target.command, b->target.command) &&
	       diff_same_text(a->target.go_version, b->target.go_version) &&
	       diff_same_text(a->target.main_package, b->target.main_package);
}

/* ---- maps ---- */

/* FNV-1a, made odd or even by what the text is, so that an id never equals a type. */
static uint64_t diff_key(const char *text, size_t len, bool is_id)
{
	uint64_t h = 0xcbf29ce484222325;

	for (size_t i = 0; i < len; i++)
		h = (h ^ (unsigned char)text[i]) * 0x100000001b3;
	return h << 1 | is_id;
}

/* Length of the part of an id that equal maps have in common. */
static size_t diff_id_len(const char *id)
{
	return strcspn(id, ".-");
}

/* Finds or adds the row of a key; NULL: out of memory. */
static struct diff_map *diff_row_for(struct diff_rows *rows, uint64_t key)
{
	size_t i = table_get(&rows->by_key, key);

	if (i == TABLE_NONE) {
		i = rows->list.len;
		if (!vec_push(&rows->list, ((struct diff_map){ 0 })) ||
		    !table_put(&rows->by_key, key, i)) {
			rows->d->pool.failed = true;
			return NULL;
		}
	}
	return &rows->list.data[i];
}

static const char *diff_label(struct pool *pool, const char *type)
{
	char name[DIFF_LABEL_SZ];

	if (!type)
		return "map of an unknown type";
	name_short(type, name, sizeof(name));
	return pool_text(pool, name);
}

static void diff_add_sums(struct diff_sums *to, const struct diff_sums *s)
{
	to->maps += s->maps;
	to->live_keys += s->live_keys;
	to->slots += s->slots;
	to->table_bytes += s->table_bytes;
	to->resident_bytes += s->resident_bytes;
}

static void diff_add_map(struct diff_rows *rows, const struct map_view *view, bool is_after)
{
	const struct map_same *m = view->same;
	struct pool *pool = &rows->d->pool;
	size_t len = view->id ? diff_id_len(view->id) : 0;
	const struct diff_sums sums = { 1, m->live_keys, m->slots, m->table_bytes,
					m->resident_bytes };

	if (!view->id || m->garbage || diff_same_text(m->consistency, "suspect"))
		return;
	struct diff_map *row = diff_row_for(rows, diff_key(view->id, len, /* is_id= */ true));
	if (!row)
		return;
	if (!row->id) {
		row->id = pool_printf(pool, "%.*s", (int)len, view->id);
		row->type = pool_text(pool, m->type->name);
		row->label = diff_label(pool, m->type->name);
		row->holder = view->holder;
	}
	diff_add_sums(is_after ? &row->after : &row->before, &sums);
}

static void diff_add_maps(struct diff_rows *rows, const struct result *r, bool is_after)
{
	for (size_t i = 0; i < result_maps_cnt(r->maps); i++) {
		struct map_view view;

		result_map(r->maps, i, /* wants_same= */ true, &view);
		diff_add_map(rows, &view, is_after);
	}
}

static void diff_add_groups(struct diff_rows *rows, const struct result *r, bool is_after)
{
	for (size_t i = 0; i < r->groups.len; i++) {
		const struct result_group *g = &r->groups.data[i];
		const char *key = g->type ? g->type : g->label;
		const struct diff_sums sums = { g->maps, g->live_keys, g->slots, g->table_bytes,
						g->resident_bytes };
		struct diff_map *row = key ? diff_row_for(rows, diff_key(key, strlen(key), false))
					   : NULL;

		if (!row)
			continue;
		row->type = g->type;
		row->label = g->label ? g->label : diff_label(&rows->d->pool, g->type);
		row->holder = g->holder;
		diff_add_sums(is_after ? &row->after : &row->before, &sums);
	}
}

/* Whether each map of a result is listed, with its id where it is held. */
static bool diff_has_all_maps(const struct result *r)
{
	size_t cnt = result_maps_cnt(r->maps);
	struct map_view view;

	if (cnt < result_maps_total(r->maps))
		return false;
	if (!cnt)
		return true;
	result_map(r->maps, 0, /* wants_same= */ false, &view);
	return view.id;
}

static enum diff_fate diff_fate_of(const struct diff_map *m)
{
	if (!m->before.maps || !m->after.maps)
		return m->before.maps ? FATE_GONE : FATE_NEW;
	if (m->grew_bytes)
		return m->grew_bytes > 0 ? FATE_GREW : FATE_SHRANK;
	if (m->grew_keys)
		return m->grew_keys > 0 ? FATE_GREW : FATE_SHRANK;
	return FATE_SAME;
}

static uint64_t diff_size(int64_t v)
{
	return v < 0 ? -(uint64_t)v : (uint64_t)v;
}

static int cmp_diff_map(const void *a, const void *b)
{
	const struct diff_map *x = a, *y = b;

	if (diff_size(x->grew_bytes) != diff_size(y->grew_bytes))
		return diff_size(x->grew_bytes) < diff_size(y->grew_bytes) ? 1 : -1;
	if (diff_size(x->grew_keys) != diff_size(y->grew_keys))
		return diff_size(x->grew_keys) < diff_size(y->grew_keys) ? 1 : -1;
	return strcmp(x->label ? x->label : "", y->label ? y->label : "");
}

static void diff_finish_maps(struct diff_rows *rows)
{
	struct result_diff *d = rows->d;

	for (size_t i = 0; i < rows->list.len; i++) {
		struct diff_map *m = &rows->list.data[i];

		m->grew_bytes = (int64_t)(m->after.table_bytes - m->before.table_bytes);
		m->grew_keys = (int64_t)(m->after.live_keys - m->before.live_keys);
		m->keys_per_s = d->between_ns.known && d->between_ns.v
					? (double)m->grew_keys * 1e9 / (double)d->between_ns.v
					: NAN;
		m->fate = diff_fate_of(m);
	}
	vec_sort(&rows->list, cmp_diff_map);
	pool_list(&d->pool, &d->maps, rows->list.len);
	if (d->maps.len)
		memcpy(d->maps.data, rows->list.data, d->maps.len * sizeof(*d->maps.data));
}

static void diff_fill_maps(struct result_diff *d, const struct result *before,
			   const struct result *after)
{
	struct diff_rows rows = { .d = d };

	d->by_type = !diff_has_all_maps(before) || !diff_has_all_maps(after);
	if (d->by_type) {
		diff_add_groups(&rows, before, /* is_after= */ false);
		diff_add_groups(&rows, after, /* is_after= */ true);
	} else {
		diff_add_maps(&rows, before, /* is_after= */ false);
		diff_add_maps(&rows, after, /* is_after= */ true);
	}
	diff_finish_maps(&rows);
	vec_fini(&rows.list);
	table_fini(&rows.by_key);
}

/* ---- memory ---- */

static void diff_fill_memory(struct result_diff *d, const struct result_ledger *before,
			     const struct result_ledger *after)
{
	if (!before || !after)
		return;
	pool_list(&d->pool, &d->memory, ROW_CNT);
	for (size_t i = 0; i < d->memory.len; i++)
		d->memory.data[i] = (struct diff_row){
			.row = i,
			.before_bytes = before->row_bytes[i],
			.after_bytes = after->row_bytes[i],
			.grew_bytes = (int64_t)(after->row_bytes[i] - before->row_bytes[i]),
		};
}

/* ---- findings ---- */

/* The finding of a result that is about the same thing; NULL: it has none. */
static const struct result_finding *diff_find_finding(const struct result *r,
						      const struct result_finding *f)
{
	for (size_t i = 0; i < r->findings.len; i++) {
		const struct result_finding *other = &r->findings.data[i];

		if (other->kind == f->kind && diff_same_text(other->type, f->type) &&
		    diff_same_text(other->holder ? other->holder->text : NULL,
				   f->holder ? f->holder->text : NULL))
			return other;
	}
	return NULL;
}

static struct diff_finding diff_finding_of(const struct result_finding *before,
					   const struct result_finding *after)
{
	const struct result_finding *f = after ? after : before;
	struct diff_finding ret = {
		.kind = f->kind,
		.severity = f->severity,
		.before_bytes = before ? before->bytes : 0,
		.after_bytes = after ? after->bytes : 0,
		.headline = f->headline,
	};

	if (!before || !after)
		ret.fate = before ? FATE_GONE : FATE_NEW;
	else if (ret.before_bytes != ret.after_bytes)
		ret.fate = ret.before_bytes < ret.after_bytes ? FATE_GREW : FATE_SHRANK;
	return ret;
}

static void diff_fill_findings(struct result_diff *d, const struct result *before,
			       const struct result *after)
{
	size_t len = 0;

	pool_list(&d->pool, &d->findings, before->findings.len + after->findings.len);
	if (!d->findings.len)
		return;
	for (int wants_new = 1; wants_new >= 0; wants_new--)
		for (size_t i = 0; i < after->findings.len; i++) {
			const struct result_finding *f = &after->findings.data[i];
			const struct result_finding *old = diff_find_finding(before, f);

			if ((old ? 0 : 1) == wants_new)
				d->findings.data[len++] = diff_finding_of(old, f);
		}
	for (size_t i = 0; i < before->findings.len; i++)
		if (!diff_find_finding(after, &before->findings.data[i]))
			d->findings.data[len++] = diff_finding_of(&before->findings.data[i], NULL);
	d->findings.len = len;
}

/* ---- the verdict ---- */

static const char *diff_signed(struct pool *pool, int64_t bytes)
{
	return pool_printf(pool, "%s%s", bytes < 0 ? "-" : "+", text_bytes(diff_size(bytes)).s);
}

/* "Most of it: map[string]int of main.sessions, +34.0 MiB." NULL: no map has a large part in it. */
static const char *diff_main_map(struct result_diff *d)
{
	const struct diff_map *m = d->maps.len ? &d->maps.data[0] : NULL;
	char holder[DIFF_LABEL_SZ] = "";

	if (!m || diff_size(m->grew_bytes) < diff_size(d->grew_bytes) / 10 || !m->grew_bytes)
		return NULL;
	if (m->holder)
		name_short(m->holder->text ? m->holder->text : "?", holder, sizeof(holder));
	return pool_printf(&d->pool,
			   " The largest change of maps: %s%s%s, tables %s, %s to %s keys.",
			   m->label, m->holder ? " held by " : "", holder,
			   diff_signed(&d->pool, m->grew_bytes), text_count(m->before.live_keys).s,
			   text_count(m->after.live_keys).s);
}

static void diff_fill_verdict(struct result_diff *d)
{
	struct pool *pool = &d->pool;
	const char *what = d->same_process   ? ""
			   : d->same_program ? "Two processes of one program. "
					     : "These are two different programs. ";
	const char *map = diff_main_map(d);
	const char *over = d->between_ns.known
				   ? pool_printf(pool, " in %s", text_duration(d->between_ns.v).s)
				   : "";

	if (!d->grew_bytes)
		d->verdict = pool_printf(pool, "%sRSS is %s, as it was%s%s.%s", what,
					 text_bytes(d->after.rss_bytes).s, *over ? over + 3 : "",
					 *over ? " before" : "", map ? map : "");
	else
		d->verdict = pool_printf(pool, "%sRSS %s%s, from %s to %s.%s", what,
					 diff_signed(pool, d->grew_bytes), over,
					 text_bytes(d->before.rss_bytes).s,
					 text_bytes(d->after.rss_bytes).s, map ? map : "");
}

/* ---- all of it ---- */

static void diff_fill(struct result_diff *d, const struct result *before,
		      const struct result *after)
{
	d->schema = DIFF_SCHEMA;
	d->maptrace = MAPTRACE_VERSION;
	d->before = diff_look_of(before);
	d->after = diff_look_of(after);
	d->same_process = diff_same_process(before, after);
	d->same_program = diff_same_program(before, after);
	d->between_ns = opt_if(d->same_process && after->unix_time_ns > before->unix_time_ns,
			       after->unix_time_ns - before->unix_time_ns);
	d->grew_bytes = (int64_t)(d->after.rss_bytes - d->before.rss_bytes);
	diff_fill_memory(d, before->memory, after->memory);
	diff_fill_maps(d, before, after);
	diff_fill_findings(d, before, after);
	diff_fill_verdict(d);
}

struct result_diff *diff_new(const struct result *before, const struct result *after)
{
	struct result_diff *d = calloc(1, sizeof(*d));

	if (!d)
		return NULL;
	diff_fill(d, before, after);
	if (d->pool.failed) {
		diff_free(d);
		return NULL;
	}
	return d;
}

void diff_free(struct result_diff *d)
{
	if (!d)
		return;
	pool_fini(&d->pool);
	free(d);
}
