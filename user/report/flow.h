/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * flow.h - lines for a terminal: made of pieces that stay whole, and broken between
 * them where they would go beyond the last column.
 */
#ifndef MAPTRACE_REPORT_FLOW_H
#define MAPTRACE_REPORT_FLOW_H

#include <stdio.h>

enum { COLUMNS = 80 };

struct flow {
	FILE *out;
	int indent; /* of all lines but the first */
	int column; /* 0: the first line has nothing yet */
};

/*
 * A piece, with as many blanks before it, which go where the line is broken. One that
 * is longer than a line is printed whole, beyond the last column.
 */
__attribute__((format(printf, 3, 4))) void flow_add(struct flow *f, int blanks, const char *fmt,
						    ...);

/* Each word of a text, with a blank before it. */
void flow_words(struct flow *f, const char *text);

void flow_end(struct flow *f);

#endif
