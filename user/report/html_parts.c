// SPDX-License-Identifier: GPL-2.0-only
#include "report/html_parts.h"

#include <stdarg.h>
#include <string.h>

#include "base/printable.h"

void html_raw(const struct html *h, const char *markup)
{
	fputs(markup, h->out);
}

static const char *html_entity(char c)
{
	switch (c) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '"':
		return "&quot;";
	case '\'':
		return "&#39;";
	default:
		return NULL;
	}
}

void html_text(FILE *out, const char *text)
{
	const char *end = text + HTML_TEXT_MAX;

	while (*text && text < end) {
		const char *entity = html_entity(*text);
		int len = printable_len(text);

		if (entity)
			fputs(entity, out);
		else
			fwrite(len ? text : "?", 1, len ? (size_t)len : 1, out);
		text += len ? len : 1;
	}
	if (*text)
		fputs("...", out);
}

static void html_vtext(FILE *out, const char *fmt, va_list ap)
{
	char text[HTML_TEXT_MAX + 8];

	vsnprintf(text, sizeof(text), fmt, ap);
	html_text(out, text);
}

void html_element(const struct html *h, const char *tag, const char *fmt, ...)
{
	va_list ap;

	fprintf(h->out, "<%s>", tag);
	va_start(ap, fmt);
	html_vtext(h->out, fmt, ap);
	va_end(ap);
	fprintf(h->out, "</%.*s>", (int)strcspn(tag, " "), tag);
}

void html_attribute(const struct html *h, const char *name, const char *fmt, ...)
{
	va_list ap;

	fprintf(h->out, " %s=\"", name);
	va_start(ap, fmt);
	html_vtext(h->out, fmt, ap);
	va_end(ap);
	fputc('"', h->out);
}

void html_section(const struct html *h, const char *id, const char *title, const char *fmt, ...)
{
	va_list ap;

	fprintf(h->out, "<section id=\"%s\" aria-labelledby=\"h-%s\"><h2 id=\"h-%s\">%s</h2>", id,
		id, id, title);
	if (*fmt) {
		fputs("<p class=\"lead\">", h->out);
		va_start(ap, fmt);
		html_vtext(h->out, fmt, ap);
		va_end(ap);
		fputs("</p>", h->out);
	}
	fputc('\n', h->out);
}

void html_table(const struct html *h, const char *caption, const char *columns)
{
	html_raw(h, "<div class=\"wide\" tabindex=\"0\" role=\"region\"");
	html_attribute(h, "aria-label", "%s", caption);
	html_raw(h, "><table>");
	html_element(h, "caption", "%s", caption);
	html_raw(h, "<thead><tr>");
	while (*columns) {
		bool number = *columns == '#';
		int len = (int)strcspn(columns += number, "|");

		html_element(h, number ? "th scope=\"col\" class=\"n\"" : "th scope=\"col\"",
			     "%.*s", len, columns);
		columns += len;
		columns += *columns == '|';
	}
	html_raw(h, "</tr></thead><tbody>\n");
}

void html_table_end(const struct html *h)
{
	html_raw(h, "</tbody></table></div>\n");
}

void html_holder(const struct html *h, const char *tag, const char *lead,
		 const struct result_holder *holder)
{
	if (holder && holder->text)
		html_element(h, tag, "%s%s%s", lead, holder->text,
			     holder->certain ? "" : " (guessed)");
}
