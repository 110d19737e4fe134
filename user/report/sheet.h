/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * sheet.h - lines of styled text for a screen of a certain width.
 *
 * Text is the target's or ours: what is no printable character becomes '?', and where the
 * terminal knows ASCII only, so does everything else. No line is wider than the sheet.
 */
#ifndef MAPTRACE_REPORT_SHEET_H
#define MAPTRACE_REPORT_SHEET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/vec.h"

enum sheet_style {
	SHEET_PLAIN,
	SHEET_BOLD,
	SHEET_DIM,
	SHEET_HEADER, /* the titles of columns */
	SHEET_SELECTED,
	SHEET_GOOD,
	SHEET_WARN,
	SHEET_BAD,
	SHEET_SEGMENT, /* of a bar: this one and the next ones, up to SHEET_CNT */
	SHEET_CNT = SHEET_SEGMENT + 9,
};

/* Text of one style; a line is some of them. */
struct sheet_run {
	enum sheet_style style;
	int columns; /* that it takes on the screen */
	char *text;
	bool ends_line;
};

struct sheet {
	int columns; /* of each line */
	bool utf8; /* the terminal knows more than ASCII */
	int at; /* columns of the present line that are taken */
	bool failed; /* memory ran out: something is missing */
	size_t lines; /* that have ended */
	VEC(struct sheet_run) runs;
};

/* Adds text to the line, cut to what fits. */
__attribute__((format(printf, 3, 4))) void sheet_put(struct sheet *s, enum sheet_style style,
						     const char *fmt, ...);

/* Adds a text that takes so many columns, blanks included; negative: it stands at the right. Text
 * that is cut ends in '~'. */
void sheet_cell(struct sheet *s, enum sheet_style style, int columns, const char *text);

/* Adds blanks up to a column. */
void sheet_fill(struct sheet *s, enum sheet_style style, int column);

/*
 * Adds a sparkline: one column for each value, from the lowest to the highest. Where these are
 * within 2 %, it is flat.
 */
void sheet_spark(struct sheet *s, enum sheet_style style, const uint64_t *values, size_t cnt);

/* Ends the line. */
void sheet_end(struct sheet *s);

/* Prints the text of all lines, without styles and without blanks at their ends. */
void sheet_print(const struct sheet *s, FILE *out);

/* Drops all lines, for the next picture. */
void sheet_clear(struct sheet *s);
void sheet_fini(struct sheet *s);

#endif
