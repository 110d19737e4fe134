/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * html_parts.h - what the sections of the page for browsers have in common.
 *
 * The target names types, functions and files, and may name them "<script>". So all text goes
 * through html_text() or what uses it; html_raw() is for what is written in our source.
 */
#ifndef MAPTRACE_REPORT_HTML_PARTS_H
#define MAPTRACE_REPORT_HTML_PARTS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/units.h"
#include "model/result.h"
#include "report/report.h"
#include "report/text_parts.h"

struct html {
	struct result *r;
	const struct report_opts *opts;
	FILE *out;
	size_t data_left; /* bytes that rows of maps may still take */
};

enum {
	HTML_TEXT_MAX = 1000, /* bytes of one text; what is cut off ends in "..." */
	HTML_DATA_MAX = 340 << 10, /* bytes of all rows of maps, with their strings */
};

/* Markup, as it is. */
void html_raw(const struct html *h, const char *markup);

/* A text with nothing in it that a browser would take for markup, in an element or in the quotes
 * of an attribute. */
void html_text(FILE *out, const char *text);

/* An element with a text: html_element(h, "td class=\"n\"", "%s", name). */
__attribute__((format(printf, 3, 4))) void html_element(const struct html *h, const char *tag,
							const char *fmt, ...);

/* An attribute with a text, with a blank before it. */
__attribute__((format(printf, 3, 4))) void html_attribute(const struct html *h, const char *name,
							  const char *fmt, ...);

/* Begins a section with a heading; html_raw(h, "</section>\n") ends it. `id` is a word. */
__attribute__((format(printf, 4, 5))) void html_section(const struct html *h, const char *id,
							const char *title, const char *fmt, ...);

/* Begins a table in a box that scrolls; html_table_end() ends it. `columns` are the titles with a
 * '|' between them; a title that begins with '#' is above numbers. */
void html_table(const struct html *h, const char *caption, const char *columns);
void html_table_end(const struct html *h);

/* The name of a holder, "(guessed)" where it is. */
void html_holder(const struct html *h, const char *tag, const char *lead,
		 const struct result_holder *holder);

/* The sections, in their order. A section that has nothing to say writes nothing. */
void html_verdict(const struct html *h);
void html_course(const struct html *h);
void html_memory(const struct html *h);
void html_causes(const struct html *h);
struct err *html_maps(struct html *h);
void html_sync_maps(const struct html *h);
void html_activity(const struct html *h);
void html_goroutines(const struct html *h);
void html_objects(const struct html *h);
void html_growing(const struct html *h);
void html_events(const struct html *h);
void html_gc(const struct html *h);
void html_cost(const struct html *h);

#endif
