// SPDX-License-Identifier: GPL-2.0-only
/*
 * The report for programs: one document; bytes, counts, nanoseconds. Addresses are
 * strings, since a JSON number cannot hold 64 bits everywhere. Null: not known.
 *
 * Sections are built with jansson one at a time, and maps row by row, so that a
 * million maps need no memory here.
 */
#include <math.h>
#include <jansson.h>

#include "base/vec.h"
#include "model/growth.h"
#include "model/memcaller.h"
#include "model/refaults.h"
#include "report/json_rows.h"
#include "report/json_value.h"
#include "report/names.h"
#include "report/report.h"

enum {
	SCHEMA = 1,
	DUMP_FLAGS = JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(9),
};

struct doc {
	const struct watch *w;
	FILE *out;
	VEC(char) buf; /* a value at a time: jansson writes it in tiny pieces */
	bool failed; /* out of memory */
};

/* ---- writing ---- */

/* The length of the text of a value, which is in the buffer then; 0: out of memory. */
static size_t dump(struct doc *d, const json_t *value)
{
	size_t len = json_dumpb(value, d->buf.data, d->buf.cap, DUMP_FLAGS);

	if (len <= d->buf.cap)
		return len;
	return vec_reserve(&d->buf, len) ? json_dumpb(value, d->buf.data, len, DUMP_FLAGS) : 0;
}

/* Writes and releases a value; a NULL one means that memory ran out. A broken stream is
 * the caller's to notice: it knows why. */
static void emit(struct doc *d, json_t *value)
{
	size_t len = value ? dump(d, value) : 0;

	if (len)
		fwrite(d->buf.data, 1, len, d->out);
	else
		d->failed = true;
	json_decref(value);
}

static void emit_section(struct doc *d, const char *key, json_t *value, bool first)
{
	fprintf(d->out, "%s\n\"%s\":", first ? "{" : ",", key);
	emit(d, value);
}

/* ---- sections ---- */

static const char *layout_source(enum layout_match match)
{
	static const char *const names[] = {
		[LAYOUT_KNOWN] = "table",
		[LAYOUT_NEAREST] = "nearest",
		[LAYOUT_DWARF] = "dwarf",
	};

	return names[match];
}

static json_t *target_section(const struct watch *w)
{
	const struct target *t = w->target;
	const struct program *prog = w->prog;
	json_t *o = json_object();

	set_u64(o, "pid", t->pid);
	set_text(o, "command", t->command);
	set_text(o, "command_line", t->command_line);
	set_text(o, "executable", t->exe);
	set_bool(o, "executable_deleted", t->exe_deleted);
	set_bool(o, "runtime_in_shared_library", !prog->image.mapped->is_exe);
	set_u64(o, "start_time_unix_s", t->started_at_s);
	set_u64(o, "uptime_ns", t->uptime_ns);
	set_text(o, "go_version", prog->image.build.version);
	set_text(o, "go_experiments", prog->image.build.experiments);
	set_text(o, "main_package", prog->image.build.main_path);
	set_text(o, "map_kind", name_map_kind(prog->layout.kind));
	set_text(o, "layout", prog->layout.name);
	set_text(o, "layout_source", layout_source(prog->layout_match));
	set_bool(o, "layout_is_of_this_version", prog->layout_match != LAYOUT_NEAREST);
	set_bool(o, "stripped", prog->stripped);
	set_bool(o, "has_dwarf", prog->has_dwarf);
	set_u64(o, "rss_bytes", w->rss.rss_bytes);
	set_u64(o, "swap_bytes", w->rss.swap_bytes);
	set_nonzero(o, "cgroup_limit_bytes", t->cgroup_limit_bytes);
	set_known(o, "cgroup_left_bytes", w->cgroup_limited, w->cgroup_left_bytes);
	set_bool(o, "other_pid_namespace", t->other_pid_ns);
	set_bool(o, "other_mount_namespace", t->other_mnt_ns);
	set_text(o, "stopped_by", name_halt(w->halts.now));
	set_text(o, "gone", w->gone ? w->gone->msg : NULL);
	return o;
}

/* Resident bytes: the rows and what is unexplained sum to rss_bytes. */
static json_t *memory_rows(const struct ledger *l)
{
	json_t *a = json_array();

	for (enum ledger_row i = 0; i < ROW_CNT; i++) {
		json_t *o = json_object();

		set_text(o, "row", ledger_row_name(i));
		set_u64(o, "resident_bytes", l->rows[i]);
		set_text(o, "remedy", ledger_remedy_name(ledger_row_remedy(i)));
		set_u64(o, "gives_back_bytes", l->gives_back[i]);
		json_array_append_new(a, o);
	}
	return a;
}

static json_t *memory_regions(const struct ledger *l)
{
	json_t *a = json_array();

	for (enum ledger_region i = 0; i < REGION_CNT; i++) {
		json_t *o = json_object();

		set_text(o, "region", ledger_region_name(i));
		set_u64(o, "resident_bytes", l->regions[i].bytes);
		set_u64(o, "swap_bytes", l->regions[i].swap_bytes);
		set_known(o, "huge_page_bytes", l->source == ADDRSPACE_SCAN,
			  l->regions[i].huge_bytes);
		json_array_append_new(a, o);
	}
	return a;
}

static json_t *memory_section(const struct watch *w)
{
	static const char *const sources[] = {
		[ADDRSPACE_SCAN] = "pagemap_scan",
		[ADDRSPACE_PAGEMAP] = "pagemap",
		[ADDRSPACE_SMAPS] = "smaps",
	};
	json_t *o = json_object();

	if (!w->snap)
		return json_null();
	const struct ledger *l = &w->snap->ledger;
	set_u64(o, "rss_bytes", l->rss_bytes);
	for (enum ledger_row i = 0; i < ROW_CNT; i++) {
		char key[32];

		snprintf(key, sizeof(key), "%s_bytes", ledger_row_name(i));
		set_u64(o, key, l->rows[i]);
	}
	set(o, "unexplained_bytes", json_integer(l->unexplained_bytes));
	set_u64(o, "swap_bytes", l->sums.swap_bytes);
	set_u64(o, "huge_page_bytes", l->sums.huge_bytes);
	set_u64(o, "hugetlb_bytes", l->hugetlb_bytes);
	set_u64(o, "lazy_free_bytes", l->sums.lazy_free_bytes);
	set_u64(o, "locked_bytes", l->sums.locked_bytes);
	set_text(o, "source", sources[l->source]);
	set_text(o, "coarse_because", l->source == ADDRSPACE_SMAPS ? l->why_coarse : NULL);
	set_text(o, "missing", l->missing);
	set(o, "rows", memory_rows(l));
	set(o, "regions", memory_regions(l));
	return o;
}

static json_t *class_row(const struct watch *w, unsigned int spanclass)
{
	const struct class_use *c = &w->snap->ledger.occupancy.classes[spanclass];
	json_t *o = json_object(), *bins_list = json_array();
	uint64_t tables = w->snap->census->class_bytes[spanclass];

	set_known(o, "slot_bytes", spanclass > 1, sizeclass_bytes(spanclass >> 1));
	set_bool(o, "pointers", !(spanclass & 1));
	set_u64(o, "spans", c->span_cnt);
	set_u64(o, "span_bytes", c->span_bytes);
	set_u64(o, "slots", c->slot_cnt);
	set_u64(o, "objects", c->object_cnt);
	set_u64(o, "object_bytes", c->object_bytes);
	set_u64(o, "map_table_bytes", tables < c->object_bytes ? tables : c->object_bytes);
	set_u64(o, "resident_bytes", c->resident.bytes);
	set_u64(o, "free_resident_bytes", c->free_resident_bytes);
	set_u64(o, "pinned_bytes", class_pinned_bytes(c));
	set_u64(o, "unswept_spans", c->unswept_cnt);
	for (int i = 0; i < OCCUPANCY_BINS; i++)
		json_array_append_new(bins_list, json_u64(c->bins[i]));
	set(o, "spans_by_tenths_in_use", bins_list);
	return o;
}

static json_t *free_pages(const struct watch *w)
{
	const struct pagealloc *pa = &w->snap->pages;
	uint64_t largest = 0;
	json_t *o = json_object();

	for (size_t i = 0; i < pa->free.len; i++) {
		uint64_t len = (uint64_t)pa->free.data[i].npages * GO_PAGE_SZ;

		largest = len > largest ? len : largest;
	}
	set_u64(o, "free_ranges", pa->free.len);
	set_u64(o, "largest_free_bytes", largest);
	set_u64(o, "busy_chunk_bytes", w->snap->ledger.free_busy.bytes);
	set_u64(o, "partial_page_bytes", w->snap->ledger.free_partial_bytes);
	set_u64(o, "huge_excess_bytes", w->snap->ledger.rows[ROW_HUGE_EXCESS]);
	return o;
}

static json_t *fragmentation_section(const struct watch *w)
{
	json_t *o = json_object(), *classes = json_array();

	if (!w->snap) {
		json_decref(o);
		json_decref(classes);
		return json_null();
	}
	for (unsigned int i = 0; i < SPANCLASS_CNT; i++)
		if (w->snap->ledger.occupancy.classes[i].span_cnt)
			json_array_append_new(classes, class_row(w, i));
	set(o, "span_classes", classes);
	set(o, "pages", free_pages(w));
	return o;
}

static json_t *reclaim_range(const struct watch *w, enum reclaim_cause cause, size_t i)
{
	const struct reclaim_row *row = &w->reclaim.rows[cause];
	uint64_t call_ns = row->ranges[i].call_ns;
	uint64_t end_ns = call_ns ? trace_result(w->trace)->end_ns : 0;
	json_t *o = json_object();

	set_address(o, "address", row->ranges[i].addr);
	set_u64(o, "bytes", row->ranges[i].bytes);
	if (cause < CAUSE_LAZY_FREE || cause > CAUSE_CALL_FAILED)
		return o;
	set_known(o, "given_back_ago_ns", call_ns, end_ns > call_ns ? end_ns - call_ns : 0);
	set_error(o, "call_error", row->ranges[i].call_errno);
	return o;
}

static json_t *reclaim_row(const struct watch *w, enum reclaim_cause cause)
{
	const struct reclaim *rc = &w->reclaim;
	const struct reclaim_row *row = &rc->rows[cause];
	bool judged = cause != CAUSE_NOT_SCAVENGED || rc->scavenger_known;
	json_t *o = json_object(), *ranges = json_array();

	set_text(o, "cause", reclaim_cause_name(cause));
	set_u64(o, "bytes", row->bytes);
	set_known(o, "not_yet_bytes", judged, row->not_yet_bytes);
	set_known(o, "never_bytes", judged, row->never_bytes);
	set_text(o, "not_yet_because", row->not_yet);
	set_text(o, "never_because", row->never);
	set_nonzero(o, "age_ns", row->age_ns);
	for (size_t i = 0; i < row->range_cnt; i++)
		json_array_append_new(ranges, reclaim_range(w, cause, i));
	set_u64(o, "ranges_total", row->range_total);
	set(o, "ranges", ranges);
	return o;
}

static json_t *scavenger_object(const struct reclaim *rc)
{
	const struct scavenger *s = &rc->scavenger;
	json_t *o = json_object();

	set_u64(o, "retained_bytes", s->retained_bytes);
	set_known(o, "retained_goal_bytes", s->percent_active, s->percent_goal_bytes);
	set_u64(o, "mapped_bytes", s->ready_bytes);
	set_known(o, "mapped_goal_bytes", s->limit_active, s->limit_goal_bytes);
	set_u64(o, "pending_bytes", scavenger_pending(s));
	return o;
}

static json_t *reclaim_section(const struct watch *w)
{
	const struct reclaim *rc = &w->reclaim;
	json_t *o = json_object(), *causes = json_array();

	if (!w->snap) {
		json_decref(o);
		json_decref(causes);
		return json_null();
	}
	for (enum reclaim_cause i = 0; i < CAUSE_CNT; i++)
		json_array_append_new(causes, reclaim_row(w, i));
	set(o, "causes", causes);
	set(o, "scavenger", rc->scavenger_known ? scavenger_object(rc) : json_null());
	set_known(o, "returned_bytes", rc->traced, rc->returned_bytes);
	set_known_real(o, "returned_bytes_per_s", rc->traced, rc->returned_per_s);
	set_known(o, "failed_calls", rc->traced, rc->failed_calls);
	set_known(o, "failed_bytes", rc->traced, rc->failed_bytes);
	set_error(o, "failed_error", rc->failed_calls ? rc->failed_errno : 0);
	set_bool(o, "lazy_free_by_page", w->snap->ledger.released.lazy_by_page);
	return o;
}

/* The runtime's own terms (MemStats, gcController), resident or not. */
static json_t *heap_section(const struct watch *w)
{
	json_t *o = json_object();

	if (!w->snap)
		return json_null();
	set_u64(o, "in_use_bytes", w->snap->heap->in_use_bytes);
	set_u64(o, "manual_bytes", w->snap->heap->manual_bytes);
	set_u64(o, "free_bytes", w->snap->pages.free_bytes);
	set_u64(o, "released_bytes", w->snap->pages.released_bytes);
	set_u64(o, "spans_in_use", w->snap->heap->span_cnt);
	const struct class_use *use = &w->snap->ledger.occupancy.total;
	set_u64(o, "object_bytes", use->object_bytes);
	set_u64(o, "unused_bytes", w->snap->heap->in_use_bytes - use->object_bytes);
	return o;
}

static json_t *totals(const struct map_totals *t)
{
	json_t *o = json_object();

	set_u64(o, "maps", t->map_cnt);
	set_u64(o, "exact", t->exact_cnt);
	set_u64(o, "moving", t->moving_cnt);
	set_u64(o, "suspect", t->suspect_cnt);
	set_u64(o, "garbage", t->garbage_cnt);
	set_u64(o, "on_stack", t->on_stack_cnt);
	set_u64(o, "unknown_bucket_size", t->unknown_size_cnt);
	set_u64(o, "live_keys", t->live_keys);
	set_u64(o, "slots", t->slots);
	set_u64(o, "table_bytes", t->table_bytes);
	set_u64(o, "resident_bytes", t->resident_bytes);
	set_u64(o, "hole_bytes", t->hole_bytes);
	set_u64(o, "old_bytes", t->old_bytes);
	set_u64(o, "gives_back_bytes", t->gives_back_bytes);
	set_u64(o, "gives_back_resident_bytes", t->gives_back_resident_bytes);
	return o;
}

/* The search for maps on goroutine stacks. */
static json_t *stacks_section(const struct stacks *stacks)
{
	json_t *o = json_object();

	set_status(o, stacks_refusal(stacks) ? "refused" : "ok", stacks_refusal(stacks));
	set_u64(o, "goroutines", stacks_goroutine_cnt(stacks));
	return o;
}

static json_t *census_section(const struct watch *w)
{
	json_t *o = json_object();

	if (w->census_err) {
		set_status(o, "refused", w->census_err->msg);
		return o;
	}
	set_status(o, "ok", NULL);
	set_u64(o, "duration_ns", w->snap->take_ns);
	set_u64(o, "censuses", w->census_cnt);
	set_u64(o, "lookalikes_rejected", w->snap->census->lookalike_cnt);
	set_u64(o, "headers_without_table", w->snap->census->empty_cnt);
	set(o, "stacks", stacks_section(w->snap->census->stacks));
	set(o, "totals", totals(&w->snap->census->totals));
	return o;
}

static json_t *values_section(const struct watch *w)
{
	json_t *o = json_object();

	if (!w->values) {
		set_status(o, "off", w->snap ? NULL : "no census");
		return o;
	}
	set_status(o, "ok", NULL);
	set_u64(o, "duration_ns", w->values->take_ns);
	set_u64(o, "budget_bytes", w->opts.values.budget_bytes);
	set_u64(o, "bytes", w->values->bytes);
	set_u64(o, "maps_counted", w->values->counted);
	set_u64(o, "maps_sampled", w->values->sampled);
	return o;
}

static void set_line(json_t *o, const struct frame *f)
{
	set_text(o, "file", f->file);
	set_nonzero(o, "line", f->line);
}

static json_t *inlined_into(const struct place *p)
{
	json_t *a = json_array();

	for (size_t i = 1; i < p->cnt; i++) {
		json_t *o = json_object();

		set_text(o, "function", p->frames[i].function);
		set_line(o, &p->frames[i]);
		json_array_append_new(a, o);
	}
	return a;
}

/* The function of the source that calls, and what it was inlined into. */
static void set_caller(json_t *o, const struct watch *w, uint64_t return_addr)
{
	const struct place *p = lines_of_call(w->prog->lines, return_addr);

	set_text(o, "caller", p->cnt ? p->frames[0].function : NULL);
	set_address(o, "caller_pc", return_addr);
	if (!p->cnt)
		return;
	set_line(o, &p->frames[0]);
	if (p->cnt > 1)
		set(o, "inlined_into", inlined_into(p));
}

/* A rate, its 95 % interval, and what is known of who did it. */
static json_t *activity_op(const struct watch *w, const struct activity_op *op)
{
	double all = w->activities.per_s;
	json_t *row = json_object();

	set_u64(row, "hits", op->hits);
	set_known_real(row, "per_s", !op->missing, op->per_s);
	set_text(row, "per_s_reason", op->missing);
	set_bool(row, "per_s_is_rough", op->rough);
	set_real(row, "per_s_low", op->per_s_low);
	set_known_real(row, "per_s_high", !isnan(op->per_s_high), op->per_s_high);
	if (!op->hits)
		return row;
	set_real(row, "share_of_operations", all > 0 ? op->per_s / all : 0);
	set_nonzero(row, "goroutine", op->goroutine);
	return row;
}

/* Of inserts and deletes: how many of those that could be told did change the length. */
static void set_changes(json_t *row, const struct activity_op *op)
{
	set_u64(row, "hits_told", op->told);
	set_u64(row, "hits_that_changed_length", op->changed);
}

static json_t *activity_ops(const struct watch *w, const struct activity *a)
{
	json_t *o = json_object();

	for (int i = 0; i < ABI_OP_CNT; i++) {
		const struct activity_op *op = &a->ops[i];
		json_t *row = activity_op(w, op);

		if (i == ABI_OP_INSERT || i == ABI_OP_DELETE)
			set_changes(row, op);
		if (op->hits)
			set_caller(row, w, op->caller);
		set(o, name_op(i), row);
	}
	return o;
}

static json_t *bins(const struct histogram *h)
{
	json_t *o = json_object(), *list = json_array();

	for (unsigned int b = 0; b < HISTORY_BINS; b++) {
		json_t *bin;

		if (!h->ns[b])
			continue;
		bin = json_object();
		set_u64(bin, "ge", histogram_bin_low(b));
		set_u64(bin, "lt", histogram_bin_high(b));
		set_u64(bin, "ns", h->ns[b]);
		json_array_append_new(list, bin);
	}
	set_u64(o, "min", h->min);
	set_u64(o, "max", h->max);
	set(o, "bins", list);
	return o;
}

static json_t *histograms(const struct map_history *h)
{
	json_t *o = json_object();

	set_u64(o, "censuses", h->samples);
	set_u64(o, "observed_ns", histogram_total_ns(&h->live_keys));
	set(o, "live_keys", bins(&h->live_keys));
	set(o, "buckets", bins(&h->buckets));
	set(o, "resident_bytes", bins(&h->resident_bytes));
	return o;
}

/* Declared types (type M map[K]V) with the memory of the map's type: it may be one. */
static json_t *declared_types(const struct watch *w, const struct map_type *type)
{
	size_t cnt;
	const struct map_type *types = gotypes_maps(w->prog->types, &cnt);
	json_t *a = json_array();

	for (size_t i = 0; i < cnt; i++)
		if (types[i].bucket == type->bucket && &types[i] != type)
			json_array_append_new(a, json_text(types[i].name));
	return a;
}

/* What was seen of the map, and not of another that had its address before. */
static const struct activity *activity_of(const struct watch *w, const struct map_info *m)
{
	const struct activity *a = activities_find(&w->activities, m->addr);

	return a && (!a->type || !m->type || a->type == m->type) ? a : NULL;
}

static void set_zero_values(json_t *o, const struct value_count *v)
{
	json_t *zero = v->status == VALUES_OK ? json_object() : json_null();

	if (v->status == VALUES_OK) {
		set_u64(zero, "count", v->zero);
		set_bool(zero, "sampled", v->sampled);
		set_u64(zero, "low", v->low);
		set_u64(zero, "high", v->high);
		set_u64(zero, "slots_read", v->read);
		set_text(zero, "consistency", name_consistency(v->consistency));
		set_u64(zero, "rebuild_bytes", v->rebuild_bytes);
	}
	set(o, "zero_values", zero);
	set_text(o, "zero_values_reason", value_status_text(v->status));
}

static json_t *next_growth(const struct watch *w, const struct map_info *m,
			   const struct map_history *h)
{
	struct forecast f;

	if (!forecast_of(w->prog, m, h, &f))
		return json_null();
	json_t *o = json_object();
	set_text(o, "event", f.event == FORECAST_DOUBLE ? "double" : "split");
	set_u64(o, "at_live_keys", f.at_live_keys);
	set_u64(o, "allocates_bytes", f.allocates_bytes);
	set_known_real(o, "keys_per_s", f.rate_known, f.keys_per_s);
	set_known(o, "in_ns", f.rate_known, f.in_ns);
	set(o, "fits_cgroup",
	    w->cgroup_limited ? json_boolean(f.allocates_bytes <= w->cgroup_left_bytes)
			      : json_null());
	return o;
}

static json_t *map_row(const struct watch *w, size_t i)
{
	const struct map_info row = census_map(w->snap->census, i), *m = &row;
	const struct map_history *h = history_find(&w->history, m->addr);
	const struct activity *a = activity_of(w, m);
	bool sized = m->bucket_sz != 0;
	json_t *o = json_object();

	set_address(o, "address", m->addr);
	set_type(o, m->type);
	set_text(o, "type_source", name_type_source(m->type_source));
	set_u64(o, "type_candidates", m->type_candidates);
	if (m->type && m->type_candidates > 1)
		set(o, "declared_types", declared_types(w, m->type));
	set_text(o, "consistency", name_consistency(m->consistency));
	set_bool(o, "garbage", m->garbage);
	set_bool(o, "on_stack", m->on_stack);
	if (m->on_stack)
		set_bool(o, "goroutine_runs", m->on_stack == MAP_ON_RUNNING_STACK);
	set_u64(o, "live_keys", m->live_keys);
	set_u64(o, "slots", map_slots(m));
	set_u64(o, "buckets", m->buckets);
	set_u64(o, "tables", m->table_cnt);
	set_real(o, "load", map_load(m));
	set_u64(o, "tombstones", m->tombstones);
	set_u64(o, "overflow_buckets", m->overflow_buckets);
	set_u64(o, "old_bytes", m->old_bytes);
	set_u64(o, "table_bytes", m->table_bytes);
	set_u64(o, "resident_bytes", m->resident_bytes);
	set_known(o, "bucket_bytes", sized, m->bucket_sz);
	set_known(o, "hole_bytes", sized, sized ? map_hole_bytes(m) : 0);
	set_known(o, "rebuild_bytes", sized, m->rebuild_bytes);
	set_known(o, "gives_back_bytes", sized, sized ? map_gives_back(m) : 0);
	set_known(o, "gives_back_resident_bytes", sized, sized ? map_gives_back_resident(m) : 0);
	if (w->values)
		set_zero_values(o, &w->values->rows[i]);
	if (a)
		set(o, "activity", activity_ops(w, a));
	if (h && h->samples)
		set(o, "histograms", histograms(h));
	set(o, "next_growth", next_growth(w, m, h));
	return o;
}

static void emit_maps(struct doc *d)
{
	fprintf(d->out, ",\n\"maps\":[");
	for (size_t i = 0; d->w->snap && i < d->w->snap->census->maps.len; i++) {
		fputs(i ? ",\n" : "\n", d->out);
		emit(d, map_row(d->w, i));
	}
	fprintf(d->out, "]");
}

/* ---- trace ---- */

static json_t *group(const struct trace_group *g)
{
	json_t *o = json_object();

	set_status(o, g->missing ? "refused" : "ok", g->missing);
	set_u64(o, "windows", g->windows);
	set_u64(o, "windows_ended_by_hits", g->saturated);
	set_u64(o, "hits", g->hits);
	set_u64(o, "late_hits", g->late);
	set_u64(o, "open_ns", g->open_ns);
	set_u64(o, "attached_ns", g->attached_ns);
	set_u64(o, "windows_that_slowed_target", g->disturbed);
	set_u64(o, "quota_hits", g->quota.hits);
	set_u64(o, "period_ns", g->quota.period_ns);
	set_bool(o, "out_of_budget", g->out_of_budget);
	return o;
}

static json_t *sites(const struct watch *w)
{
	size_t cnt;
	const struct trace_site *list = trace_sites(w->trace, &cnt);
	const struct trace_result *tr = trace_result(w->trace);
	json_t *a = json_array();

	for (size_t i = 0; i < cnt; i++) {
		json_t *o;

		if (!list[i].present)
			continue;
		o = json_object();
		set_text(o, "function", list[i].name);
		set_text(o, "operation", name_op(list[i].op));
		set_address(o, "probe", list[i].missing ? 0 : list[i].probe_addr);
		set_u64(o, "hits", tr->cost.func_hits[i]);
		set_u64(o, "late_hits", tr->cost.func_late[i]);
		set_real(o, "price_ns", tr->cost.price_ns[i]);
		set_real(o, "late_price_ns", tr->cost.late_price_ns[i]);
		set_text(o, "instruction", list[i].missing ? NULL : list[i].placement.insn);
		set_text(o, "reason", list[i].missing ? list[i].missing : list[i].placement.reason);
		json_array_append_new(a, o);
	}
	return a;
}

static json_t *call_sites(const struct watch *w)
{
	json_t *a = json_array();

	for (size_t i = 0; i < w->activities.sites.len; i++) {
		const struct call_site *site = &w->activities.sites.data[i];
		json_t *o = activity_op(w, &site->did);

		set_text(o, "operation", name_op(site->op));
		set_type(o, site->type);
		if (site->op == ABI_OP_INSERT || site->op == ABI_OP_DELETE)
			set_changes(o, &site->did);
		set_caller(o, w, site->caller);
		json_array_append_new(a, o);
	}
	return a;
}

static json_t *overflow(const struct trace_overflow *v)
{
	json_t *o = json_object();

	set_u64(o, "rows", v->rows);
	set_u64(o, "maps", v->maps);
	set_u64(o, "events", v->events);
	set_u64(o, "memory_calls", v->memcalls);
	set_u64(o, "windows", v->windows);
	set_u64(o, "samples", v->samples);
	set_u64(o, "untold", v->untold);
	return o;
}

/* What it means that a map has no activity, or none of an operation. */
static json_t *coverage(const struct trace_result *tr)
{
	static const char *const names[] = {
		[TRACE_COVER_NONE] = "none",
		[TRACE_COVER_WINDOWS] = "windows",
		[TRACE_COVER_ALL] = "all",
	};
	json_t *o = json_object();

	for (enum abi_op op = 0; op < ABI_OP_CNT; op++)
		set_text(o, name_op(op), names[tr->covers[op]]);
	return o;
}

/* What maps without an address of their own did. */
static json_t *unplaced(const struct watch *w)
{
	json_t *a = json_array();

	for (size_t i = 0; i < w->activities.maps.len; i++) {
		const struct activity *act = &w->activities.maps.data[i];
		json_t *o;

		if (w->snap && act->addr && rows_find(&w->snap->census->maps, act->addr) >= 0)
			continue;
		o = json_object();
		set_address(o, "address", act->addr);
		set_type(o, act->type);
		set_bool(o, "on_stack", act->on_stack);
		set_bool(o, "nil_map", act->nil_map);
		set(o, "activity", activity_ops(w, act));
		json_array_append_new(a, o);
	}
	return a;
}

static void set_growth(json_t *o, const struct watch *w, const struct trace_event *e)
{
	struct growth g = growth_of(w->prog, e);
	bool classic = w->prog->layout.kind == MAP_CLASSIC;

	set_known(o, "bytes_from", g.bytes_known, g.bytes_from);
	set_known(o, "bytes_to", g.bytes_known, g.bytes_to);
	set_known(o, "tables", e->live_known && !classic, e->tables);
	set_known(o, "tombstones", !classic, e->tombstones);
	set_known(o, "overflow_buckets", e->live_known && classic, e->overflow_buckets);
	set_text(o, "because", !e->growth ? NULL : g.churn ? "churn" : "keys");
}

json_t *json_event(const struct watch *w, const struct trace_event *e, uint64_t start_ns)
{
	const struct map_type *type = gotypes_find(w->prog->types, e->type);
	json_t *o = json_object();

	set_u64(o, "time_ns", e->ktime_ns > start_ns ? e->ktime_ns - start_ns : 0);
	set_text(o, "operation", name_op(e->op));
	if (e->op == ABI_OP_GROW)
		set_text(o, "growth", name_growth(e->growth));
	set_address(o, "map", e->map);
	set_bool(o, "on_stack", e->on_stack);
	set_type(o, type);
	set_known(o, "live_keys", e->live_known, e->live_keys);
	set_nonzero(o, "slots_from", e->slots_from);
	set_nonzero(o, "slots_to", e->slots_to);
	if (e->op == ABI_OP_GROW)
		set_growth(o, w, e);
	if (e->op == ABI_OP_MAKE)
		set_u64(o, "hint", e->hint);
	set_u64(o, "thread", e->tid);
	set_nonzero(o, "goroutine", e->goroutine);
	set_caller(o, w, e->caller);
	return o;
}

static json_t *events(const struct watch *w, const struct trace_result *tr)
{
	json_t *a = json_array();

	for (size_t i = 0; i < tr->event_cnt; i++)
		json_array_append_new(a, json_event(w, &tr->events[i], tr->start_ns));
	return a;
}

static json_t *trace_section(const struct watch *w)
{
	json_t *o = json_object();

	if (!w->trace) {
		set_status(o, w->trace_err ? "refused" : "off",
			   w->trace_err ? w->trace_err->msg : "--duration 0");
		return o;
	}
	const struct trace_result *tr = trace_result(w->trace);
	set_status(o, "ok", NULL);
	set_u64(o, "duration_ns", w->watched_ns);
	set_u64(o, "target_stopped_ns", w->halts.halted_ns);
	set_text(o, "target_stopped_by", name_halt(w->halts.last));
	set_text(o, "mechanism", name_mechanism(tr->mechanism));
	set(o, "hot", group(&tr->groups[ABI_GROUP_HOT]));
	set(o, "rare", group(&tr->groups[ABI_GROUP_RARE]));
	set(o, "make", group(&tr->groups[ABI_GROUP_MAKE]));
	set(o, "coverage", coverage(tr));
	set(o, "sites", sites(w));
	set(o, "call_sites", call_sites(w));
	set(o, "events", events(w, tr));
	set(o, "not_in_census", unplaced(w));
	set(o, "left_out", overflow(&tr->overflow));
	return o;
}

/* ---- garbage collector ---- */

static json_t *gc_window_object(const struct gc_window *win)
{
	json_t *o = json_object();

	set_u64(o, "cycles", win->cycles);
	set_u64(o, "forced_cycles", win->forced_cycles);
	set_u64(o, "pause_total_ns", win->pause_total_ns);
	set_known(o, "pause_max_ns", win->cycles && win->pause_max_known, win->pause_max_ns);
	set_known(o, "pause_last_ns", win->cycles, win->pause_last_ns);
	set_known_real(o, "cpu_share", win->cpu_share_known, win->cpu_share);
	return o;
}

/* As of the last sample; cycles, pauses and CPU time since the start of the program. */
static json_t *gc_section(const struct watch *w)
{
	const struct gc_sample *s = &w->gc_last;
	bool limited = s->memory_limit_bytes != INT64_MAX;
	struct gc_window win;
	json_t *o = json_object();

	if (w->gc_err) {
		set_status(o, "refused", w->gc_err->msg);
		return o;
	}
	set_status(o, "ok", NULL);
	set_u64(o, "cycles", s->cycles);
	set_u64(o, "forced_cycles", s->forced_cycles);
	set_u64(o, "pause_total_ns", s->pause_total_ns);
	set_known(o, "pause_last_ns", s->cycles, s->pause_ns[(s->cycles - 1) % GC_RING]);
	set_nonzero(o, "last_gc_unix_ns", s->last_gc_unix_ns);
	set_real(o, "cpu_share", s->cpu_fraction);
	set_known(o, "cpu_gc_ns", s->cpu_known, s->cpu_gc_ns);
	set_known(o, "cpu_all_ns", s->cpu_known, s->cpu_all_ns);
	set(o, "gogc_percent", s->percent < 0 ? json_null() : json_integer(s->percent));
	set_known(o, "memory_limit_bytes", limited, s->memory_limit_bytes);
	set_u64(o, "heap_live_bytes", s->heap_live_bytes);
	set_u64(o, "heap_marked_bytes", s->heap_marked_bytes);
	set_u64(o, "heap_goal_bytes", s->heap_goal_bytes);
	set_u64(o, "heap_in_use_bytes", s->heap_in_use_bytes);
	set_u64(o, "heap_free_bytes", s->heap_free_bytes);
	set_u64(o, "heap_released_bytes", s->heap_released_bytes);
	set_u64(o, "scannable_bytes", s->scannable_bytes);
	set_u64(o, "last_scannable_bytes", s->last_scannable_bytes);
	set_known(o, "map_scannable_bytes", w->snap,
		  w->snap ? w->snap->census->totals.scan_bytes : 0);
	set(o, "watched", gc_window(&w->gc_first, s, &win) ? gc_window_object(&win) : json_null());
	return o;
}

static json_t *memsum(const struct trace_memsum *s, uint64_t over_ns)
{
	json_t *o = json_object();

	set_text(o, "call", name_memcall(s->call));
	if (s->call == ABI_CALL_MADVISE) {
		set_text(o, "advice", name_advice(s->detail));
		set_u64(o, "advice_number", s->detail);
	}
	if (s->call == ABI_CALL_MMAP)
		set_u64(o, "protection", s->detail);
	set_error(o, "error", s->error);
	set_u64(o, "calls", s->calls);
	set_u64(o, "bytes", s->bytes);
	set_u64(o, "duration_ns", s->ns);
	set_real(o, "calls_per_s", over_ns ? s->calls * 1e9 / over_ns : 0);
	set_real(o, "bytes_per_s", over_ns ? s->bytes * 1e9 / over_ns : 0);
	return o;
}

json_t *json_memcall(const struct watch *w, const struct trace_memcall *c, uint64_t start_ns)
{
	struct memcaller by = memcaller_of(w->prog->lines, c->stack);
	json_t *o = json_object();

	set_u64(o, "time_ns", c->ktime_ns > start_ns ? c->ktime_ns - start_ns : 0);
	set_text(o, "call", name_memcall(c->call));
	set_address(o, "address", c->addr);
	set_u64(o, "bytes", c->length);
	if (c->call == ABI_CALL_MADVISE)
		set_text(o, "advice", name_advice(c->detail));
	set_error(o, "error", c->result < 0 ? -c->result : 0);
	set_address(o, "result", c->call == ABI_CALL_MMAP && c->result > 0 ? c->result : 0);
	set_u64(o, "thread", c->tid);
	set_u64(o, "duration_ns", c->ns);
	set_text(o, "reason", mem_reason_name(by.reason));
	set_text(o, "caller", by.frame ? by.frame->function : NULL);
	set_address(o, "caller_pc", by.return_addr);
	if (by.frame)
		set_line(o, by.frame);
	return o;
}

static json_t *refault_reasons(const struct watch *w, const struct trace_refaults *r)
{
	struct refault_sum sum = refaults_sum(w->prog->lines, r);
	json_t *list = json_array();

	for (enum mem_reason i = 0; i < MEM_REASON_CNT; i++) {
		json_t *row;

		if (!sum.pages[i] && !sum.faults[i])
			continue;
		row = json_object();
		set_text(row, "reason", mem_reason_name(i));
		set_u64(row, "watched_bytes", sum.pages[i] * r->page_sz);
		set_u64(row, "faults", sum.faults[i]);
		json_array_append_new(list, row);
	}
	return list;
}

static json_t *refault_ages(const struct trace_refaults *r)
{
	json_t *list = json_array();

	for (unsigned int i = 0; i < ABI_AGE_BINS; i++) {
		json_t *bin;

		if (!r->ages[i])
			continue;
		bin = json_object();
		set_u64(bin, "ge", i ? 1ULL << i : 0);
		set_u64(bin, "lt", i + 1 < 64 ? 1ULL << (i + 1) : UINT64_MAX);
		set_u64(bin, "faults", r->ages[i]);
		json_array_append_new(list, bin);
	}
	return list;
}

static json_t *refaults_object(const struct watch *w, const struct trace_result *tr)
{
	const struct trace_refaults *r = &tr->refaults;
	json_t *o = json_object(), *unwatched;

	set_status(o, r->missing ? "unavailable" : "ok", r->missing);
	if (r->missing)
		return o;
	unwatched = json_object();
	set_u64(o, "watched_ns", r->watched_ns);
	set_u64(o, "pauses", r->pauses);
	set_u64(o, "faults", r->faults);
	set_real(o, "faults_per_s", r->watched_ns ? r->faults * 1e9 / r->watched_ns : 0);
	set_u64(o, "page_bytes", r->page_sz);
	set_u64(o, "watched_bytes", r->pages * r->page_sz);
	set_u64(unwatched, "table_full", r->unwatched_pages[ABI_UNWATCHED_TABLE_FULL] * r->page_sz);
	set_u64(unwatched, "call_too_long",
		r->unwatched_pages[ABI_UNWATCHED_CALL_TOO_LONG] * r->page_sz);
	set(o, "not_watched_bytes", unwatched);
	set_u64(o, "times_all_forgotten", r->voids);
	set(o, "ages_ns", refault_ages(r));
	set(o, "by_reason", refault_reasons(w, r));
	return o;
}

static json_t *memcalls_section(const struct watch *w)
{
	const struct trace_result *tr = w->trace ? trace_result(w->trace) : NULL;
	json_t *o = json_object(), *sums = json_array(), *calls = json_array();

	if (!tr || tr->memcalls_missing)
		set_status(o, tr ? "refused" : "off", tr ? tr->memcalls_missing : NULL);
	else
		set_status(o, "ok", NULL);
	if (tr && !tr->memcalls_missing)
		set_text(o, "mechanism",
			 tr->memcalls_by == TRACE_MEMCALLS_FUNCTIONS ? "fentry" : "tracepoint");
	for (size_t i = 0; tr && i < tr->memsum_cnt; i++)
		json_array_append_new(sums, memsum(&tr->memsums[i], tr->end_ns - tr->start_ns));
	for (size_t i = 0; tr && i < tr->memcall_cnt; i++)
		json_array_append_new(calls, json_memcall(w, &tr->memcalls[i], tr->start_ns));
	if (tr && !tr->memcalls_missing)
		set_u64(o, "not_listed",
			tr->overflow.memcalls + tr->cost.memcalls.over_budget +
				tr->cost.memcalls.ring_full);
	if (tr && !tr->memcalls_missing)
		set(o, "refaults", refaults_object(w, tr));
	set(o, "totals", sums);
	set(o, "calls", calls);
	return o;
}

/* ---- findings and cost ---- */

static json_t *findings_section(const struct watch *w)
{
	json_t *a = json_array();

	for (size_t i = 0; i < w->findings.list.len; i++) {
		const struct finding *f = &w->findings.list.data[i];
		json_t *o = json_object();

		set_text(o, "kind", finding_name(f->kind));
		set_u64(o, "bytes", f->bytes);
		set_address(o, "map", f->map.addr);
		set_type(o, f->map.type);
		if (f->kind == FINDING_MAP_HOLES || f->kind == FINDING_ZERO_VALUES) {
			set_u64(o, "maps", f->map_cnt);
			set_u64(o, "live_keys", f->live_keys);
			set_u64(o, "slots", f->slots);
			set_u64(o, "resident_bytes", f->resident_bytes);
		}
		if (f->kind == FINDING_ZERO_VALUES) {
			set_u64(o, "zero_values", f->zero_values);
			set_bool(o, "sampled", f->sampled);
			set_u64(o, "bytes_with_rebuild", f->all_bytes);
		}
		json_array_append_new(a, o);
	}
	return a;
}

/* What the probes cost the target, and what they were allowed to. */
static void set_receipt(json_t *o, const struct watch *w)
{
	const struct trace_result *tr = trace_result(w->trace);
	const struct trace_cost *cost = &tr->cost;
	const struct watch_cost *c = &w->cost;
	json_t *lost = json_object();

	set_real(o, "hits_ns", c->hits_ns);
	set_real(o, "price_ns", c->hits ? c->hits_ns / (double)c->hits : 0);
	set_u64(o, "page_faults", cost->page_faults);
	set_real(o, "page_faults_ns", cost->faults_ns);
	set_real(o, "page_fault_price_ns", cost->fault_price_ns);
	set_real(o, "other_page_fault_price_ns", cost->any_fault_ns);
	set_u64(o, "run_ns", tr->end_ns - tr->start_ns);
	set_real(o, "share_of_core", c->share);
	set_real(o, "max_overhead", cost->max_overhead);
	set_real(o, "budget_ns", cost->budget_ns);
	set_bool(o, "budget_held", c->held);
	set_u64(o, "attach_calls", cost->attach_calls);
	set_u64(o, "attach_ns", cost->attach_ns);
	set_u64(o, "detach_calls", cost->detach_calls);
	set_u64(o, "detach_ns", cost->detach_ns);
	set_u64(lost, "ring_full", cost->counts[ABI_COUNT_RING_FULL]);
	set_u64(lost, "bad_record", cost->bad_records);
	set_u64(lost, "header_unreadable", cost->counts[ABI_COUNT_HEADER_FAULT]);
	set_u64(lost, "caller_unreadable", cost->counts[ABI_COUNT_STACK_FAULT]);
	set(o, "lost", lost);
}

static json_t *cost_section(const struct watch *w)
{
	const struct watch_cost *c = &w->cost;
	json_t *o = json_object();

	set_u64(o, "probe_hits", c->hits);
	set_u64(o, "attached_ns", c->attached_ns);
	set_u64(o, "records_lost", c->lost_records);
	if (w->trace)
		set_receipt(o, w);
	set_u64(o, "cpu_ns", c->cpu_ns);
	set_u64(o, "peak_rss_bytes", c->peak_rss_bytes);
	set_u64(o, "bytes_read", c->bytes_read);
	return o;
}

struct err *report_json(const struct watch *w, FILE *out)
{
	struct doc d = { .w = w, .out = out };

	emit_section(&d, "schema", json_integer(SCHEMA), /* first= */ true);
	emit_section(&d, "maptrace", json_text(MAPTRACE_VERSION), false);
	emit_section(&d, "target", target_section(w), false);
	emit_section(&d, "memory", memory_section(w), false);
	emit_section(&d, "fragmentation", fragmentation_section(w), false);
	emit_section(&d, "reclaim", reclaim_section(w), false);
	emit_section(&d, "heap", heap_section(w), false);
	emit_section(&d, "census", census_section(w), false);
	emit_section(&d, "values", values_section(w), false);
	emit_section(&d, "findings", findings_section(w), false);
	emit_section(&d, "trace", trace_section(w), false);
	emit_section(&d, "gc", gc_section(w), false);
	emit_section(&d, "memory_calls", memcalls_section(w), false);
	emit_section(&d, "cost", cost_section(w), false);
	emit_maps(&d);
	fprintf(out, "\n}\n");
	vec_fini(&d.buf);
	return d.failed ? err_nomem() : NULL;
}
