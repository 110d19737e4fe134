// SPDX-License-Identifier: GPL-2.0-only
#include "report/flow.h"

#include <stdarg.h>
#include <string.h>

/* Of a piece that counts: more characters than a line has, whatever they are. */
enum { MEASURED_SZ = 512 };

/* Bytes that go on with a character of UTF-8 take no column. */
static int columns_of(const char *s)
{
	int columns = 0;

	for (; *s; s++)
		columns += (*s & 0xc0) != 0x80;
	return columns;
}

void flow_add(struct flow *f, int blanks, const char *fmt, ...)
{
	char piece[MEASURED_SZ];
	va_list ap, again;

	va_start(ap, fmt);
	va_copy(again, ap);
	vsnprintf(piece, sizeof(piece), fmt, ap);
	va_end(ap);
	int columns = columns_of(piece);
	if (f->column > f->indent && f->column + blanks + columns > COLUMNS) {
		fputc('\n', f->out);
		blanks = f->indent;
		f->column = 0;
	}
	fprintf(f->out, "%*s", blanks, "");
	vfprintf(f->out, fmt, again);
	va_end(again);
	f->column += blanks + columns;
}

void flow_words(struct flow *f, const char *text)
{
	while (*(text += strspn(text, " "))) {
		int len = strcspn(text, " ");

		flow_add(f, 1, "%.*s", len, text);
		text += len;
	}
}

void flow_end(struct flow *f)
{
	fputc('\n', f->out);
	f->column = 0;
}
