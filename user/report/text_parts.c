// SPDX-License-Identifier: GPL-2.0-only
#include "report/text_parts.h"

#include <ctype.h>
#include <stdarg.h>
#include <string.h>

bool is_refused(const char *status)
{
	return status && !strcmp(status, "refused");
}

struct flow page_flow(const struct page *p, int indent)
{
	return (struct flow){ .out = p->out, .columns = p->columns, .indent = indent };
}

void page_words(const struct page *p, int first, int hang, const char *fmt, ...)
{
	struct flow f = page_flow(p, hang);
	va_list ap;

	va_start(ap, fmt);
	flow_vsentence(&f, first, fmt, ap);
	va_end(ap);
	flow_end(&f);
}

void page_words_in(const struct page *p, const char *style, int first, int hang, const char *fmt,
		   ...)
{
	struct flow f = page_flow(p, hang);
	va_list ap;

	f.style = text_style(p, style);
	va_start(ap, fmt);
	flow_vsentence(&f, first, fmt, ap);
	va_end(ap);
	flow_end(&f);
}

void page_heading(const struct page *p, const char *name, const char *fmt, ...)
{
	struct flow f = page_flow(p, 6);
	va_list ap;

	fputc('\n', p->out);
	f.style = text_style(p, STYLE_BOLD);
	flow_add(&f, 0, "%s", name);
	f.style = NULL;
	va_start(ap, fmt);
	flow_vsentence(&f, 2, fmt, ap);
	va_end(ap);
	flow_end(&f);
}

/* Where a label may be broken next: before blanks, or at its end. */
static size_t label_piece_len(const char *s)
{
	size_t len = 1;

	for (; s[len]; len++)
		if (s[len] == ' ' && (s[len + 1] == ' ' ||
				      (s[len + 1] == '(' && isdigit((unsigned char)s[len + 2]))))
			break;
	return len;
}

void flow_label(struct flow *f, int blanks, const char *label)
{
	while (*label) {
		size_t len = label_piece_len(label);

		flow_add(f, blanks, "%.*s", (int)len, label);
		label += len;
		blanks = strspn(label, " ");
		label += blanks;
	}
}
