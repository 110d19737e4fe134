// SPDX-License-Identifier: GPL-2.0-only
#include "report/sheet.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "base/printable.h"

enum { SHEET_TEXT_SZ = 1024, SPARK_STEPS = 8, SPARK_SZ = 4, SPARK_FLAT = 50 };

/* Bytes of the character that s begins with, and its columns. */
static int sheet_char(const struct sheet *s, const char *text, int *columns_ret)
{
	int len = printable_len(text);
	wchar_t wide = 0;
	mbstate_t state = { 0 };

	*columns_ret = 1;
	if (len <= 1)
		return len;
	if (!s->utf8)
		return -len;
	if (mbrtowc(&wide, text, (size_t)len, &state) != (size_t)len)
		return -len;
	*columns_ret = wcwidth(wide);
	return *columns_ret < 1 ? -len : len;
}

/* Copies what fits into some columns. Returns the columns that it takes; *left_ret: something
 * did not fit. */
static int sheet_copy(const struct sheet *s, const char *text, int columns, char *to,
		      bool *left_ret)
{
	size_t at = 0;
	int used = 0;

	*left_ret = false;
	while (*text && !*left_ret) {
		int width = 1, len = sheet_char(s, text, &width);
		int bytes = len > 0 ? len : len < 0 ? -len : 1;

		if (len <= 0)
			width = 1;
		if (used + width > columns || at + (size_t)bytes + 1 > SHEET_TEXT_SZ) {
			*left_ret = true;
		} else if (len > 0) {
			memcpy(to + at, text, (size_t)len);
			at += (size_t)len;
			used += width;
		} else {
			to[at++] = '?';
			used++;
		}
		text += bytes;
	}
	to[at] = 0;
	return used;
}

static void sheet_push(struct sheet *s, enum sheet_style style, const char *text, int columns)
{
	struct sheet_run run = { .style = style, .columns = columns, .text = strdup(text) };

	if (!run.text || !vec_push(&s->runs, run)) {
		free(run.text);
		s->failed = true;
		return;
	}
	s->at += columns;
}

void sheet_put(struct sheet *s, enum sheet_style style, const char *fmt, ...)
{
	char text[SHEET_TEXT_SZ], fits[SHEET_TEXT_SZ];
	bool left;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	int columns = sheet_copy(s, text, s->columns - s->at, fits, &left);
	if (columns)
		sheet_push(s, style, fits, columns);
}

static void sheet_blanks(struct sheet *s, enum sheet_style style, int cnt)
{
	if (cnt > 0)
		sheet_put(s, style, "%*s", cnt, "");
}

void sheet_cell(struct sheet *s, enum sheet_style style, int columns, const char *text)
{
	int width = columns < 0 ? -columns : columns;
	char fits[SHEET_TEXT_SZ];
	bool left;

	if (width > s->columns - s->at)
		width = s->columns - s->at;
	if (width <= 0)
		return;
	int used = sheet_copy(s, text, width, fits, &left);
	if (left)
		used = sheet_copy(s, text, width - 1, fits, &left);
	if (columns < 0)
		sheet_blanks(s, style, width - used - left);
	sheet_put(s, style, "%s%s", fits, left ? "~" : "");
	if (columns > 0)
		sheet_blanks(s, style, width - used - left);
}

void sheet_fill(struct sheet *s, enum sheet_style style, int column)
{
	sheet_blanks(s, style, column - s->at);
}

void sheet_spark(struct sheet *s, enum sheet_style style, const uint64_t *values, size_t cnt)
{
	static const char blocks[SPARK_STEPS][SPARK_SZ] = {
		"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"
	};
	static const char ascii[SPARK_STEPS + 1] = "_.,-=+*#";
	uint64_t low = UINT64_MAX, high = 0;

	for (size_t i = 0; i < cnt; i++) {
		low = values[i] < low ? values[i] : low;
		high = values[i] > high ? values[i] : high;
	}
	for (size_t i = 0; i < cnt; i++) {
		double share = high - low > high / SPARK_FLAT
				       ? (double)(values[i] - low) / (double)(high - low)
				       : 0;
		int step = (int)(share * (SPARK_STEPS - 1) + 0.5);

		if (s->utf8)
			sheet_put(s, style, "%s", blocks[step]);
		else
			sheet_put(s, style, "%c", ascii[step]);
	}
}

void sheet_end(struct sheet *s)
{
	sheet_push(s, SHEET_PLAIN, "", 0);
	if (s->runs.len)
		s->runs.data[s->runs.len - 1].ends_line = true;
	s->lines++;
	s->at = 0;
}

void sheet_print(const struct sheet *s, FILE *out)
{
	int blanks = 0;

	for (size_t i = 0; i < s->runs.len; i++) {
		const struct sheet_run *run = &s->runs.data[i];

		for (const char *c = run->text; *c; c++) {
			if (*c == ' ') {
				blanks++;
				continue;
			}
			fprintf(out, "%*s%c", blanks, "", *c);
			blanks = 0;
		}
		if (run->ends_line) {
			fputc('\n', out);
			blanks = 0;
		}
	}
}

void sheet_clear(struct sheet *s)
{
	for (size_t i = 0; i < s->runs.len; i++)
		free(s->runs.data[i].text);
	s->runs.len = 0;
	s->lines = 0;
	s->at = 0;
}

void sheet_fini(struct sheet *s)
{
	sheet_clear(s);
	vec_fini(&s->runs);
}
