// SPDX-License-Identifier: GPL-2.0-only
#include "report/json_parts.h"

#include "report/json_value.h"

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

json_t *json_reclaim(const struct watch *w)
{
	if (!w->snap)
		return json_null();

	const struct reclaim *rc = &w->reclaim;
	json_t *o = json_object(), *causes = json_array();

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
