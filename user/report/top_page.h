/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * top_page.h - the picture of `maptrace top`: what a screen shows of one look at a process, and of the
 * looks before it.
 */
#ifndef MAPTRACE_REPORT_TOP_PAGE_H
#define MAPTRACE_REPORT_TOP_PAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/result.h"
#include "model/result_trail.h"
#include "report/sheet.h"

enum { TOP_COLUMNS_MIN = 40, TOP_LINES_MIN = 14, TOP_FILTER_SZ = 64, TOP_KEY_SZ = 96 };

/* The columns, in the order of the screen. */
enum top_column {
	TOP_TABLES,
	TOP_KEYS,
	TOP_SLOTS,
	TOP_LOAD,
	TOP_BACK,
	TOP_RETAINED,
	TOP_MAPS,
	TOP_INSERTS,
	TOP_DELETES,
	TOP_GAIN,
	TOP_COLUMN_CNT,
};

enum top_page { TOP_LIST, TOP_DETAILS, TOP_HELP };

/* What the user chose to see. */
struct top_view {
	enum top_page page;
	enum top_column sort;
	bool reverse; /* least first */
	bool single; /* maps; else groups of them */
	bool filtering; /* the filter is being typed */
	char filter[TOP_FILTER_SZ]; /* rows that have it in a type or holder */
	size_t selected; /* row, from 0 on */
	char key[TOP_KEY_SZ]; /* of that row, which is found by it again after the next look */
	bool moved; /* `selected` is right, and not `key` */
	size_t first; /* row, or line of the details, that is shown first */
};

/* What there is to see. */
struct top_state {
	struct result *r; /* NULL: nothing yet */
	const struct trails *trails;
	uint64_t looks;
	uint64_t every_ns;
	bool looking; /* a look is under way */
	bool paused;
	const char *message; /* of ours, or why a look failed; NULL: there is none */
};

/* Words for columns, as in --sort: "tables". */
extern const char *const top_column_names[TOP_COLUMN_CNT];

/* Notes a look: the process, each group and each map that it lists. */
void top_note(struct trails *trails, struct result *r, uint64_t now_ns);

/*
 * Draws a picture of so many lines; 0: as many as it takes, for --once. Puts view->selected and
 * view->first into their bounds.
 */
void top_draw(struct sheet *s, const struct top_state *state, struct top_view *view, int lines);

#endif
