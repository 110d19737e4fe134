// SPDX-License-Identifier: GPL-2.0-only
/* Finds memory of the Go heap that is resident without use: by the causes in reclaim.h. */
#include "base/clock.h"
#include "model/finding.h"
#include "model/result_fill.h"

/*
 * The scavenger's pace. It may use 1 % of the CPU time, in which it returns some tens of MiB each
 * second; a quiet or slow machine makes it slower. Free heap above its goal is a finding only if
 * that does not explain it.
 */
enum {
	SCAVENGER_PACE_MIB = 4, /* each second, at least */
	SCAVENGER_START_S = 20, /* it starts late, and sweeping goes before it */
};

static const struct result_cause *cause_of(const struct finding_sources *s, enum reclaim_cause kind)
{
	for (size_t i = 0; i < s->r->reclaim->causes.len; i++)
		if (s->r->reclaim->causes.data[i].cause == kind)
			return &s->r->reclaim->causes.data[i];
	return NULL;
}

static uint64_t least_of(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t less(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

/* ---- free pages ---- */

/* Whether the scavenger should have returned so much since the last cycle, which set its goal. */
static bool scavenger_is_late(const struct finding_sources *s, uint64_t bytes)
{
	const struct result_gc_read *gc = s->r->gc.read;
	uint64_t pace = (uint64_t)SCAVENGER_PACE_MIB << 20;
	uint64_t needs_ns = (bytes / pace + SCAVENGER_START_S) * NS_PER_S;

	return gc && gc->last_gc_ago_ns.known && gc->last_gc_ago_ns.v > needs_ns;
}

/* Whether the runtime has no goal at all: the collector is off, and no memory limit is near. */
static bool scavenger_has_no_goal(const struct finding_sources *s)
{
	const struct result_scavenger *sc = s->r->reclaim->scavenger;
	const struct result_gc_read *gc = s->r->gc.read;

	return sc && gc && !gc->gogc_percent.known && !sc->mapped_goal_bytes.known;
}

/* What of the free pages the scavenger should have returned. *sure_ret: it is known what it is to
 * do. */
static uint64_t free_heap_bytes(const struct finding_sources *s, const struct result_cause *c,
				bool *sure_ret)
{
	uint64_t busy = s->r->fragmentation ? s->r->fragmentation->pages.busy_chunk_bytes : 0;

	*sure_ret = s->r->reclaim->scavenger != NULL;
	if (!*sure_ret)
		return c->bytes;
	if (scavenger_has_no_goal(s))
		return less(least_of(c->bytes, c->least_bytes), busy);
	return scavenger_is_late(s, c->not_yet_bytes.v) ? c->not_yet_bytes.v : 0;
}

struct err *findings_add_free_heap(struct findings *f, const struct finding_sources *s)
{
	const struct result_cause *c = cause_of(s, CAUSE_NOT_SCAVENGED);
	bool sure;
	uint64_t bytes = c ? free_heap_bytes(s, c, &sure) : 0;

	if (!bytes)
		return NULL;
	return finding_add(f, &(struct finding){
				      .kind = FINDING_FREE_HEAP,
				      .severity = sure ? SEVERITY_WARN : SEVERITY_INFO,
				      .bytes = bytes,
				      .gives_back = opt_if(true, bytes),
				      .certainty = sure ? SURE_CERTAIN : SURE_LIKELY,
				      .figures = { sure, scavenger_has_no_goal(s) },
			      });
}

/* ---- given back, and slots ---- */

static struct err *add_cause(struct findings *f, enum finding_kind kind, uint64_t bytes,
			     enum finding_certainty certainty)
{
	if (!bytes)
		return NULL;
	return finding_add(f, &(struct finding){
				      .kind = kind,
				      .severity = SEVERITY_WARN,
				      .bytes = bytes,
				      .gives_back = opt_if(certainty != SURE_UNKNOWN, bytes),
				      .certainty = certainty,
			      });
}

/* Free slots are everywhere between two cycles. Those that the next cycle's objects won't need are
 * worth a warning only if they are a large part of all memory: nobody can get them back quickly. */
static struct err *add_pinned(struct findings *f, const struct finding_sources *s)
{
	const struct result_cause *c = cause_of(s, CAUSE_SPAN_PINNED);
	uint64_t bytes = c ? least_of(c->never_bytes.v, c->least_bytes) : 0;
	bool large = bytes >= s->r->memory->rss_bytes / 4;

	if (!bytes)
		return NULL;
	return finding_add(f, &(struct finding){
				      .kind = FINDING_SPAN_PINNED,
				      .severity = large ? SEVERITY_WARN : SEVERITY_INFO,
				      .bytes = bytes,
				      .gives_back = opt_if(true, bytes),
				      .certainty = SURE_ESTIMATE,
			      });
}

struct err *findings_add_causes(struct findings *f, const struct finding_sources *s)
{
	const struct result_cause *lazy = cause_of(s, CAUSE_LAZY_FREE);
	const struct result_cause *refilled = cause_of(s, CAUSE_REFILLED);
	const struct result_cause *locked = cause_of(s, CAUSE_CALL_FAILED);
	uint64_t huge = s->r->memory->row_bytes[ROW_HUGE_EXCESS];
	uint64_t drift = s->from->w->reclaim.refill_drift_bytes;
	struct err *err = NULL;

	if (lazy)
		err = add_cause(f, FINDING_LAZY_FREE, least_of(lazy->bytes, lazy->least_bytes),
				SURE_CERTAIN);
	if (!err && refilled) {
		uint64_t all = less(least_of(refilled->bytes, refilled->least_bytes), drift);

		huge = least_of(huge, all);
		err = add_cause(f, FINDING_HUGE_EXCESS, huge, SURE_LIKELY);
		if (!err)
			err = add_cause(f, FINDING_REFILLED, all - huge, SURE_UNKNOWN);
	}
	if (!err && locked)
		err = add_cause(f, FINDING_LOCKED, least_of(locked->bytes, locked->least_bytes),
				SURE_LIKELY);
	return err ? err : add_pinned(f, s);
}
