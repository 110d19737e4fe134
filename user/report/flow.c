// SPDX-License-Identifier: GPL-2.0-only
#include "report/flow.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/printable.h"

/* Most pieces fit here; longer ones take memory. */
enum { PIECE_SZ = 256 };

struct flow_piece {
	char buf[PIECE_SZ];
	char *longer; /* NULL: the text is in buf */
};

/* Formats a piece; free with flow_piece_fini(). One that is too long for the memory there
 * is gets cut. */
static const char *flow_piece_init(struct flow_piece *piece, const char *fmt, va_list ap)
{
	va_list again;

	va_copy(again, ap);
	int len = vsnprintf(piece->buf, sizeof(piece->buf), fmt, ap);
	piece->longer = len >= PIECE_SZ ? malloc(len + 1) : NULL;
	if (piece->longer)
		vsnprintf(piece->longer, len + 1, fmt, again);
	va_end(again);
	return piece->longer ? piece->longer : piece->buf;
}

static void flow_piece_fini(struct flow_piece *piece)
{
	free(piece->longer);
}

/* Columns of a text as flow_print() prints it: each character takes one. */
static int flow_columns(const char *s)
{
	int columns = 0;

	for (; *s; columns++) {
		int len = printable_len(s);

		s += len ? len : 1;
	}
	return columns;
}

static void flow_print(FILE *out, const char *s, int columns)
{
	for (; columns > 0; columns--) {
		int len = printable_len(s);

		if (len)
			fwrite(s, len, 1, out);
		else
			fputc('?', out);
		s += len ? len : 1;
	}
}

static void flow_print_styled(const struct flow *f, const char *s, int columns)
{
	if (f->style)
		fputs(f->style, f->out);
	flow_print(f->out, s, columns);
	if (f->style)
		fputs("\033[0m", f->out);
}

static int trailing_blanks(const char *s)
{
	size_t len = strlen(s), blanks = 0;

	while (blanks < len && s[len - 1 - blanks] == ' ')
		blanks++;
	return blanks;
}

void flow_add(struct flow *f, int blanks, const char *fmt, ...)
{
	struct flow_piece piece;
	va_list ap;

	va_start(ap, fmt);
	const char *text = flow_piece_init(&piece, fmt, ap);
	va_end(ap);
	int padding = trailing_blanks(text), columns = flow_columns(text) - padding;

	if (f->column + f->padding > f->indent &&
	    f->column + f->padding + blanks + columns + padding > f->columns) {
		fputc('\n', f->out);
		blanks = f->indent;
		f->column = f->padding = 0;
	}
	f->padding += blanks;
	if (columns) {
		fprintf(f->out, "%*s", f->padding, "");
		flow_print_styled(f, text, columns);
		f->column += f->padding + columns;
		f->padding = 0;
	}
	f->padding += padding;
	flow_piece_fini(&piece);
}

/* Whether a text begins with a unit, as a word of its own. */
static bool begins_with_unit(const char *s)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB",
					     "%", "us",	 "ms",	"s",   "k",   "M" };

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		size_t len = strlen(units[i]);

		if (!strncmp(s, units[i], len) && (!s[len] || strchr(" \n.,;:)/", s[len])))
			return true;
	}
	return false;
}

/* The length of a word, with the unit behind a number. */
static int word_len(const char *s)
{
	size_t len = strcspn(s, " \n");

	if (len && s[len - 1] >= '0' && s[len - 1] <= '9' && s[len] == ' ' &&
	    begins_with_unit(s + len + 1))
		len += 1 + strcspn(s + len + 1, " \n");
	return len;
}

static void flow_text(struct flow *f, int blanks, const char *text)
{
	while (*(text += strspn(text, " \n"))) {
		int len = word_len(text);

		flow_add(f, blanks, "%.*s", len, text);
		text += len;
		blanks = 1;
	}
}

void flow_words(struct flow *f, const char *text)
{
	flow_text(f, 1, text);
}

void flow_vsentence(struct flow *f, int blanks, const char *fmt, va_list ap)
{
	struct flow_piece piece;

	flow_text(f, blanks, flow_piece_init(&piece, fmt, ap));
	flow_piece_fini(&piece);
}

void flow_sentence(struct flow *f, int blanks, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	flow_vsentence(f, blanks, fmt, ap);
	va_end(ap);
}

void flow_end(struct flow *f)
{
	fputc('\n', f->out);
	f->column = f->padding = 0;
}
