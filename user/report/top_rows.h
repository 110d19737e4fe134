/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * top_rows.h - the table of `maptrace top`: which maps or groups it has, in which order, and what
 * is in its cells.
 */
#ifndef MAPTRACE_REPORT_TOP_ROWS_H
#define MAPTRACE_REPORT_TOP_ROWS_H

#include "base/vec.h"
#include "report/top_page.h"

enum { TOP_CELL_SZ = 64 };

/* What is not known is NAN. */
struct top_row {
	char key[TOP_KEY_SZ]; /* of its trail */
	const char *type; /* in short form or what is known instead; never NULL */
	const struct result_holder *holder; /* NULL: not known */
	const struct result_path *path; /* of a map; NULL: not known, or a group */
	const struct result_activity *activity; /* NULL: nothing seen, or not watched */
	const struct trail *trail; /* NULL: none */
	const struct result_group *group; /* NULL: it is a map */
	uint64_t map; /* address of the header of the largest one */
	double values[TOP_COLUMN_CNT];
	bool lower_bounds[TOP_COLUMN_CNT];
};

struct top_rows {
	VEC(struct top_row) rows;
	bool failed; /* memory ran out: some are missing */
};

/* The rows that pass the filter, in the order of the view. They live as long as the result. */
void top_rows_make(struct top_rows *t, const struct top_state *state, const struct top_view *view);
void top_rows_fini(struct top_rows *t);

/* The text of a cell: "71.1 MiB", "12.3 k", "-". */
void top_cell(const struct top_row *row, enum top_column column, char ret[TOP_CELL_SZ]);

#endif
