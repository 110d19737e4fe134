/* SPDX-License-Identifier: GPL-2.0-only */
/* terminal.h - how wide the lines of a text may be. */
#ifndef MAPTRACE_BASE_TERMINAL_H
#define MAPTRACE_BASE_TERMINAL_H

#include <stdio.h>

enum {
	TERMINAL_COLUMNS = 80, /* when nothing tells more */
	TERMINAL_COLUMNS_MIN = 40,
	TERMINAL_COLUMNS_MAX = 200,
};

/*
 * Columns for what is printed to a stream: the environment variable COLUMNS if that is a
 * number from 1 to 9999, else the width of the terminal behind the stream, else 80. At
 * least TERMINAL_COLUMNS_MIN, at most TERMINAL_COLUMNS_MAX.
 */
int terminal_columns(FILE *stream);

#endif
