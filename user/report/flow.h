/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * flow.h - lines for a terminal. A line is made of pieces that stay whole, and is broken
 * between two of them where it would go beyond the last column.
 *
 * Pieces may have text of the target's in them: what is no printable character of UTF-8
 * is printed as '?', so that no name can move the cursor or change colours.
 */
#ifndef MAPTRACE_REPORT_FLOW_H
#define MAPTRACE_REPORT_FLOW_H

#include <stdarg.h>
#include <stdio.h>

struct flow {
	FILE *out;
	int columns; /* a line has at most this many */
	int indent; /* of all lines but the first */
	int column; /* 0: the first line has nothing yet */
	const char *style; /* an escape sequence for the pieces that are added; NULL: none */
	int padding; /* blanks at the end of the last piece: printed if the line goes on */
};

/*
 * Adds a piece, with this many blanks before it. Where the line is broken, the indent
 * takes the place of the blanks. A piece that is longer than a line is printed whole,
 * beyond the last column.
 */
__attribute__((format(printf, 3, 4))) void flow_add(struct flow *f, int blanks, const char *fmt,
						    ...);

/* Adds each word of a text, with a blank before it. A number and its unit ("2.91 GiB",
 * "12 %") are one word. */
void flow_words(struct flow *f, const char *text);

/* The same for a formatted text, with `blanks` before its first word. */
__attribute__((format(printf, 3, 4))) void flow_sentence(struct flow *f, int blanks,
							 const char *fmt, ...);
__attribute__((format(printf, 3, 0))) void flow_vsentence(struct flow *f, int blanks,
							  const char *fmt, va_list ap);

void flow_end(struct flow *f);

#endif
