// SPDX-License-Identifier: GPL-2.0-only
#include "model/result_course.h"

_Static_assert(FINDING_CNT <= 32, "course_row.findings");

static void course_fill_census(struct course_row *row, const struct result_census_taken *taken)
{
	row->table_bytes = opt_if(true, taken->totals.table_bytes);
	row->live_keys = opt_if(true, taken->totals.live_keys);
	row->hole_bytes = opt_if(true, taken->totals.hole_bytes);
}

struct err *course_add(struct course *course, const struct result *r)
{
	struct course_row row = {
		.unix_time_ns = r->unix_time_ns,
		.pid = r->target.pid,
		.rss_bytes = r->memory ? r->memory->rss_bytes : r->target.rss_bytes,
		.state = r->verdict.state,
	};

	if (r->gc.read)
		row.heap_live_bytes = opt_if(true, r->gc.read->heap_live_bytes);
	if (r->census.taken)
		course_fill_census(&row, r->census.taken);
	if (r->memory)
		row.garbage_bytes = r->memory->garbage_bytes;
	if (r->goroutines.read)
		row.goroutines = opt_if(true, r->goroutines.read->total);
	for (size_t i = 0; i < r->findings.len; i++)
		row.findings |= UINT32_C(1) << r->findings.data[i].kind;
	return vec_push(&course->rows, row) ? NULL : err_nomem();
}

void course_fini(struct course *course)
{
	vec_fini(&course->rows);
}
