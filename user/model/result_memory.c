// SPDX-License-Identifier: GPL-2.0-only
/* Fills the parts of a result about memory: the ledger, spans, memory that is not returned, and the
 * garbage collector. */
#include <math.h>
#include <time.h>

#include "base/clock.h"
#include "model/result_fill.h"

enum {
	PINNED_CLASSES = 3, /* at most this many size classes are listed */
	PINNED_CLASS_MIN = 1 << 20, /* bytes: a class that pins less is not listed */
};

/* ---- the ledger ---- */

static const char *addrspace_source_name(enum addrspace_source source)
{
	switch (source) {
	case ADDRSPACE_SCAN:
		return "pagemap_scan";
	case ADDRSPACE_PAGEMAP:
		return "pagemap";
	case ADDRSPACE_SMAPS:
		return "smaps";
	}
	return "?";
}

static void ledger_fill_rows(struct pool *pool, struct result_ledger *to, const struct ledger *l)
{
	pool_list(pool, &to->rows, ROW_CNT);
	for (enum ledger_row i = 0; i < to->rows.len; i++)
		to->rows.data[i] = (struct result_ledger_row){
			.row = i,
			.resident_bytes = l->rows[i],
			.remedy = ledger_row_remedy(i),
			.gives_back_bytes = l->gives_back[i],
		};
	pool_list(pool, &to->regions, REGION_CNT);
	for (enum ledger_region i = 0; i < to->regions.len; i++)
		to->regions.data[i] = (struct result_ledger_region){
			.region = i,
			.resident_bytes = l->regions[i].bytes,
			.swap_bytes = l->regions[i].swap_bytes,
			.huge_page_bytes =
				opt_if(l->source == ADDRSPACE_SCAN, l->regions[i].huge_bytes),
		};
}

static void ledger_fill_outside(struct pool *pool, struct result_outside *to,
				const struct outside *o)
{
	*to = (struct result_outside){
		.has_libc = o->has_libc,
		.c_heap_bytes = o->brk_bytes,
		.c_arenas = o->arena_cnt,
		.c_arena_bytes = o->arena_bytes,
		.other_bytes = o->other_bytes,
		.data_file_bytes = o->data_file_bytes,
		.largest_file_bytes = o->largest_file_bytes,
		.largest_file = *o->largest_file ? pool_text(pool, o->largest_file) : NULL,
	};
}

static struct result_ledger *ledger_result(struct pool *pool, const struct ledger *l)
{
	struct result_ledger *to = pool_alloc(pool, sizeof(*to));

	if (!to)
		return NULL;
	*to = (struct result_ledger){
		.rss_bytes = l->rss_bytes,
		.unexplained_bytes = l->unexplained_bytes,
		.moving = ledger_is_moving(l),
		.swap_bytes = l->sums.swap_bytes,
		.huge_page_bytes = opt_if(l->source != ADDRSPACE_PAGEMAP, l->sums.huge_bytes),
		.hugetlb_bytes = l->hugetlb_bytes,
		.lazy_free_bytes = opt_if(l->released.lazy_known, l->released.bytes[RELEASED_LAZY]),
		.locked_bytes = l->locked_bytes,
		.source = addrspace_source_name(l->source),
		.coarse_because = l->source == ADDRSPACE_SMAPS ? pool_text(pool, l->why_coarse)
							       : NULL,
		.missing = l->missing,
	};
	for (int i = 0; i < ROW_CNT; i++)
		to->row_bytes[i] = l->rows[i];
	ledger_fill_rows(pool, to, l);
	ledger_fill_outside(pool, &to->outside, &l->outside);
	return to;
}

/* ---- spans ---- */

static struct result_span_class span_class_result(struct pool *pool, const struct watch *w,
						  unsigned int spanclass)
{
	const struct class_use *c = &w->snap->ledger.occupancy.classes[spanclass];
	uint64_t tables = w->snap->census->class_bytes[spanclass];
	struct result_span_class to = {
		.slot_bytes = opt_if(spanclass > 1, sizeclass_bytes(spanclass >> 1)),
		.pointers = !(spanclass & 1),
		.spans = c->span_cnt,
		.span_bytes = c->span_bytes,
		.slots = c->slot_cnt,
		.objects = c->object_cnt,
		.object_bytes = c->object_bytes,
		.map_table_bytes = tables < c->object_bytes ? tables : c->object_bytes,
		.resident_bytes = c->resident.bytes,
		.free_resident_bytes = c->free_resident_bytes,
		.pinned_bytes = class_pinned_bytes(c),
		.unswept_spans = c->unswept_cnt,
	};

	_Static_assert((int)RESULT_TENTHS == (int)OCCUPANCY_BINS, "the same bins");
	pool_list(pool, &to.spans_by_tenths, RESULT_TENTHS);
	for (size_t i = 0; i < to.spans_by_tenths.len; i++)
		to.spans_by_tenths.data[i] = c->bins[i];
	return to;
}

static void fragmentation_fill_pages(struct result_fragmentation *to, const struct snapshot *snap)
{
	const struct pagealloc *pa = &snap->pages;

	to->pages.free_ranges = pa->free.len;
	for (size_t i = 0; i < pa->free.len; i++) {
		uint64_t len = (uint64_t)pa->free.data[i].npages * GO_PAGE_SZ;

		if (len > to->pages.largest_free_bytes)
			to->pages.largest_free_bytes = len;
	}
	to->pages.busy_chunk_bytes = snap->ledger.free_busy.bytes;
	to->pages.partial_page_bytes = snap->ledger.free_partial_bytes;
	to->pages.huge_excess_bytes = snap->ledger.rows[ROW_HUGE_EXCESS];
}

static struct result_fragmentation *fragmentation_result(struct pool *pool, const struct watch *w)
{
	struct result_fragmentation *to = pool_alloc(pool, sizeof(*to));
	const struct class_use *classes = w->snap->ledger.occupancy.classes;
	size_t cnt = 0;

	if (!to)
		return NULL;
	for (unsigned int i = 0; i < SPANCLASS_CNT; i++)
		cnt += classes[i].span_cnt != 0;
	pool_list(pool, &to->span_classes, cnt);
	for (size_t i = 0, at = 0; i < SPANCLASS_CNT && at < to->span_classes.len; i++)
		if (classes[i].span_cnt)
			to->span_classes.data[at++] = span_class_result(pool, w, i);
	fragmentation_fill_pages(to, w->snap);
	return to;
}

static struct result_heap *heap_result(struct pool *pool, const struct snapshot *snap)
{
	struct result_heap *to = pool_alloc(pool, sizeof(*to));
	uint64_t objects = snap->ledger.occupancy.total.object_bytes;

	if (to)
		*to = (struct result_heap){
			.in_use_bytes = snap->heap->in_use_bytes,
			.manual_bytes = snap->heap->manual_bytes,
			.free_bytes = snap->pages.free_bytes,
			.released_bytes = snap->pages.released_bytes,
			.spans_in_use = snap->heap->span_cnt,
			.object_bytes = objects,
			/* Freed chunks of user arenas are objects, but not in use. */
			.unused_bytes = snap->heap->in_use_bytes > objects
						? snap->heap->in_use_bytes - objects
						: 0,
			.dropped_descriptors = snap->heap->dropped_cnt,
			.dropped_bytes = snap->heap->dropped_bytes,
		};
	return to;
}

void result_fill_memory(struct result *r, const struct watch *w)
{
	if (!w->snap)
		return;
	r->memory = ledger_result(&r->pool, &w->snap->ledger);
	if (r->memory)
		r->memory->garbage_bytes = watch_garbage_bytes(w);
	r->fragmentation = fragmentation_result(&r->pool, w);
	r->heap = heap_result(&r->pool, w->snap);
}

/* ---- not returned ---- */

/* Whether the memory was given back by a call before: then the result names that call. */
static bool cause_was_given_back(enum reclaim_cause cause)
{
	return cause == CAUSE_LAZY_FREE || cause == CAUSE_REFILLED || cause == CAUSE_CALL_FAILED;
}

static struct result_range_call *range_call(struct pool *pool, const struct watch *w,
					    const struct reclaim_row *row, size_t i)
{
	struct result_range_call *call = pool_alloc(pool, sizeof(*call));
	uint64_t call_ns = row->ranges[i].call_ns;
	uint64_t end_ns = call_ns ? w->traced->end_ns : 0;

	if (call) {
		call->ago_ns = opt_if(call_ns, end_ns > call_ns ? end_ns - call_ns : 0);
		call->error = row->ranges[i].call_errno;
	}
	return call;
}

static void cause_fill_ranges(struct pool *pool, struct result_cause *to, const struct watch *w)
{
	const struct reclaim_row *row = &w->reclaim.rows[to->cause];

	pool_list(pool, &to->ranges, row->range_cnt);
	for (size_t i = 0; i < to->ranges.len; i++)
		to->ranges.data[i] = (struct result_range){
			.addr = row->ranges[i].addr,
			.bytes = row->ranges[i].bytes,
			.call = cause_was_given_back(to->cause) ? range_call(pool, w, row, i)
								: NULL,
		};
}

/* The span class with most pinned bytes among those that are not taken; -1: none of them has
 * PINNED_CLASS_MIN. */
static int class_most_pinned(const struct class_use *classes, const bool *taken)
{
	uint64_t most = PINNED_CLASS_MIN - 1;
	int at = -1;

	for (int i = 0; i < SPANCLASS_CNT; i++)
		if (!taken[i] && class_pinned_bytes(&classes[i]) > most) {
			most = class_pinned_bytes(&classes[i]);
			at = i;
		}
	return at;
}

static void cause_fill_pinned(struct pool *pool, struct result_cause *to,
			      const struct snapshot *snap)
{
	const struct class_use *classes = snap->ledger.occupancy.classes;
	bool taken[SPANCLASS_CNT] = { false };
	size_t cnt = 0;
	int at;

	pool_list(pool, &to->classes, PINNED_CLASSES);
	while (cnt < to->classes.len && (at = class_most_pinned(classes, taken)) >= 0) {
		const struct class_use *c = &classes[at];

		taken[at] = true;
		to->classes.data[cnt++] = (struct result_pinned_class){
			.slot_bytes = sizeclass_bytes(at >> 1),
			.pinned_bytes = class_pinned_bytes(c),
			.objects = c->object_cnt,
			.spans = c->span_cnt,
			.map_table_share = c->object_bytes ? (double)snap->census->class_bytes[at] /
								     (double)c->object_bytes
							   : 0,
		};
	}
	to->classes.len = cnt;
}

static struct result_cause cause_result(struct pool *pool, const struct watch *w,
					enum reclaim_cause cause)
{
	const struct reclaim_row *row = &w->reclaim.rows[cause];
	bool judged = cause != CAUSE_NOT_SCAVENGED || w->reclaim.scavenger_known;
	struct result_cause to = {
		.cause = cause,
		.bytes = row->bytes,
		.not_yet_bytes = opt_if(judged, row->not_yet_bytes),
		.never_bytes = opt_if(judged, row->never_bytes),
		.not_yet_because = row->not_yet,
		.never_because = row->never,
		.least_bytes = w->reclaim.least_bytes[cause],
		.age_ns = row->age_ns,
		.ranges_total = row->range_total,
	};

	cause_fill_ranges(pool, &to, w);
	if (cause == CAUSE_SPAN_PINNED)
		cause_fill_pinned(pool, &to, w->snap);
	return to;
}

static struct result_scavenger *scavenger_result(struct pool *pool, const struct reclaim *rc)
{
	const struct scavenger *s = &rc->scavenger;
	struct result_scavenger *to = rc->scavenger_known ? pool_alloc(pool, sizeof(*to)) : NULL;

	if (to)
		*to = (struct result_scavenger){
			.retained_bytes = s->retained_bytes,
			.retained_goal_bytes = opt_if(s->percent_active, s->percent_goal_bytes),
			.mapped_bytes = s->ready_bytes,
			.mapped_goal_bytes = opt_if(s->limit_active, s->limit_goal_bytes),
			.pending_bytes = scavenger_pending(s),
		};
	return to;
}

void result_fill_reclaim(struct result *r, const struct watch *w)
{
	const struct reclaim *rc = &w->reclaim;
	struct result_reclaim *to = w->snap ? pool_alloc(&r->pool, sizeof(*to)) : NULL;

	r->reclaim = to;
	if (!to)
		return;
	pool_list(&r->pool, &to->causes, CAUSE_CNT);
	for (enum reclaim_cause i = 0; i < to->causes.len; i++)
		to->causes.data[i] = cause_result(&r->pool, w, i);
	to->scavenger = scavenger_result(&r->pool, rc);
	to->returned_bytes = opt_if(rc->traced, rc->returned_bytes);
	to->returned_bytes_per_s = rc->traced ? rc->returned_per_s : NAN;
	to->failed_calls = opt_if(rc->traced, rc->failed_calls);
	to->failed_bytes = opt_if(rc->traced, rc->failed_bytes);
	to->failed_error = rc->failed_calls ? rc->failed_errno : 0;
	to->lazy_free_by_page = w->snap->ledger.released.lazy_by_page;
}

/* ---- the collector ---- */

static struct result_gc_watched *gc_watched_result(struct pool *pool, const struct watch *w)
{
	struct gc_window win;
	struct result_gc_watched *to = NULL;

	if (gc_window(&w->gc_first, &w->gc_last, &win))
		to = pool_alloc(pool, sizeof(*to));
	if (to)
		*to = (struct result_gc_watched){
			.cycles = win.cycles,
			.forced_cycles = win.forced_cycles,
			.pause_total_ns = win.pause_total_ns,
			.pause_max_ns = opt_if(win.cycles && win.pause_max_known, win.pause_max_ns),
			.pause_last_ns = opt_if(win.cycles, win.pause_last_ns),
			.cpu_share = win.cpu_share_known ? win.cpu_share : NAN,
		};
	return to;
}

/* Without allocations a cycle starts two minutes after the last one, unless the collector is off
 * (Go source: runtime/proc.go forcegcperiod). */
#define FORCED_GC_NS (120 * NS_PER_S)

/* At the pace since the last cycle, the heap reaches its goal then; or a cycle is forced before. */
static struct opt_u64 gc_next_in(const struct gc_sample *s, uint64_t ago_ns, uint64_t since,
				 bool *forced_ret)
{
	uint64_t left = s->heap_goal_bytes > s->heap_live_bytes
				? s->heap_goal_bytes - s->heap_live_bytes
				: 0;
	bool off = s->percent < 0;
	double ns = since ? (double)left / (double)since * (double)ago_ns : HUGE_VAL;

	if (off && !s->limit_binds)
		return opt_if(false, 0);
	bool forced = !off && (ago_ns >= FORCED_GC_NS || ns > (double)(FORCED_GC_NS - ago_ns));

	*forced_ret = forced;
	if (forced)
		ns = ago_ns < FORCED_GC_NS ? (double)(FORCED_GC_NS - ago_ns) : 0;
	return opt_if(ns < 0x1p62, ns < 0x1p62 ? (uint64_t)ns : 0);
}

static void gc_fill_pace(struct result_gc_read *to, const struct gc_sample *s)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	uint64_t now_ns = (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
	bool known = s->cycles && s->last_gc_unix_ns && now_ns >= s->last_gc_unix_ns &&
		     s->heap_live_bytes >= s->heap_marked_bytes;

	to->limit_binds = s->limit_binds;
	if (!known)
		return;
	to->last_gc_ago_ns = opt_if(true, now_ns - s->last_gc_unix_ns);
	to->allocated_since_bytes = opt_if(true, s->heap_live_bytes - s->heap_marked_bytes);
	to->next_gc_in_ns = gc_next_in(s, to->last_gc_ago_ns.v, to->allocated_since_bytes.v,
				       &to->next_gc_forced);
}

static void gc_fill_heap(struct result_gc_read *to, const struct watch *w)
{
	const struct gc_sample *s = &w->gc_last;

	to->heap_live_bytes = s->heap_live_bytes;
	to->heap_marked_bytes = s->heap_marked_bytes;
	to->heap_goal_bytes = s->heap_goal_bytes;
	to->heap_in_use_bytes = s->heap_in_use_bytes;
	to->heap_free_bytes = s->heap_free_bytes;
	to->heap_released_bytes = s->heap_released_bytes;
	to->scannable_bytes = s->scannable_bytes;
	to->last_scannable_bytes = s->last_scannable_bytes;
	to->map_scannable_bytes = opt_if(w->snap, w->snap ? w->snap->census->totals.scan_bytes : 0);
}

/* Values are those of the last sample. Cycles, pauses and CPU time count from the start of the
 * program; what happened while it was watched is in to->watched. */
void result_fill_gc(struct result *r, const struct watch *w)
{
	const struct gc_sample *s = &w->gc_last;
	struct result_gc_read *to = w->gc_err ? NULL : pool_alloc(&r->pool, sizeof(*to));

	r->gc.status = w->gc_err ? "refused" : "ok";
	r->gc.reason = pool_text(&r->pool, w->gc_err ? w->gc_err->msg : NULL);
	r->gc.read = to;
	if (!to)
		return;
	*to = (struct result_gc_read){
		.cycles = s->cycles,
		.forced_cycles = s->forced_cycles,
		.pause_total_ns = s->pause_total_ns,
		.pause_last_ns = opt_if(s->cycles, s->pause_ns[(s->cycles - 1) % GC_RING]),
		.last_gc_unix_ns = s->last_gc_unix_ns,
		.cpu_share = s->cpu_fraction,
		.cpu_gc_ns = opt_if(s->cpu_known, s->cpu_gc_ns),
		.cpu_all_ns = opt_if(s->cpu_known, s->cpu_all_ns),
		.gogc_percent = opt_if(s->percent >= 0, s->percent),
		.memory_limit_bytes =
			opt_if(s->memory_limit_bytes != INT64_MAX, s->memory_limit_bytes),
		.watched = gc_watched_result(&r->pool, w),
	};
	gc_fill_heap(to, w);
	gc_fill_pace(to, s);
}
