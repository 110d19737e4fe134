// SPDX-License-Identifier: GPL-2.0-only
#include "base/terminal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

enum { DIGITS_MAX = 4 };

/* The number in COLUMNS; 0: it is not set, or not to a sane number. */
static int columns_of_environment(void)
{
	const char *s = getenv("COLUMNS");
	size_t len = s ? strlen(s) : 0;

	if (!len || len > DIGITS_MAX || strspn(s, "0123456789") != len)
		return 0;
	return atoi(s);
}

/* 0: the stream leads to no terminal, or to one that does not know its width. */
static int columns_of_stream(FILE *stream)
{
	int fd = fileno(stream);
	struct winsize size;

	return fd >= 0 && !ioctl(fd, TIOCGWINSZ, &size) ? size.ws_col : 0;
}

int terminal_columns(FILE *stream)
{
	int columns = columns_of_environment();

	if (!columns)
		columns = columns_of_stream(stream);
	if (!columns)
		columns = TERMINAL_COLUMNS;
	if (columns < TERMINAL_COLUMNS_MIN)
		return TERMINAL_COLUMNS_MIN;
	return columns > TERMINAL_COLUMNS_MAX ? TERMINAL_COLUMNS_MAX : columns;
}
