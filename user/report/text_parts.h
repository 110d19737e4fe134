/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * text_parts.h - what the sections of the report for people have in common: the page
 * that they are printed on, and the kinds of lines that they are made of.
 */
#ifndef MAPTRACE_REPORT_TEXT_PARTS_H
#define MAPTRACE_REPORT_TEXT_PARTS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/units.h"
#include "model/result.h"
#include "report/flow.h"
#include "report/report.h"

#define BYTES(v) text_bytes(v).s
#define COUNT(v) text_count(v).s
#define COUNTED(v, noun) text_counted(v, noun).s
#define DURATION(v) text_duration(v).s

/* Styles of a text, for text_style(). */
#define STYLE_BOLD "\033[1m"
#define STYLE_GOOD "\033[1;32m"
#define STYLE_WARN "\033[1;33m"
#define STYLE_BAD "\033[1;31m"
#define STYLE_HINT "\033[36m"

struct page {
	struct result *r;
	const struct report_opts *opts;
	FILE *out;
	int columns;
};

static inline double percent(double part, double whole)
{
	return whole ? 100.0 * part / whole : 0;
}

/* A text of the result for printf(): those that should be there may be missing in a report
 * that was read from a file. */
static inline const char *known_text(const char *s)
{
	return s ? s : "?";
}

/* Whether a section was wanted, but could not be made; its reason says why. */
bool is_refused(const char *status);

/* An empty line of the page; `indent` is that of the lines that it is broken into. */
struct flow page_flow(const struct page *p, int indent);

/* The style of a flow; NULL where the page has no colours. */
static inline const char *text_style(const struct page *p, const char *style)
{
	return p->opts->color ? style : NULL;
}

/* Prints words, on as many lines as they take: the first line begins after `first` blanks,
 * all others after `hang`. */
__attribute__((format(printf, 4, 5))) void page_words(const struct page *p, int first, int hang,
						      const char *fmt, ...);

/* The same with a style. */
__attribute__((format(printf, 5, 6))) void page_words_in(const struct page *p, const char *style,
							 int first, int hang, const char *fmt, ...);

/* Prints a heading of its own after an empty line: "MAPS  the rest". */
__attribute__((format(printf, 3, 4))) void page_heading(const struct page *p, const char *name,
							const char *fmt, ...);

/* Adds what a row is about: "map[string]int", or "map of 16-byte slots (3 types fit)". It
 * may be broken before what is in brackets, and between two blanks. */
void flow_label(struct flow *f, int blanks, const char *label);

/* Prints who holds the maps of a group, or the main map of a finding; nothing if it is not known. */
void print_group_holders(const struct page *p, const struct result_group *g);
void print_finding_holder(const struct page *p, const struct result_finding *f);

/* Prints the large sync.Maps. */
void print_sync_maps(const struct page *p);

/* Prints "held by" with a holder, if it is known. */
void print_held_by(const struct page *p, const struct result_holder *h);

/* Says why holders are not known, if they were wanted. */
void print_graph_footnote(const struct page *p);

/* The sections, in their order. A section that has nothing to say prints nothing. */
void print_memory(const struct page *p);
void print_reclaim(const struct page *p);
void print_maps(const struct page *p);
void print_objects(const struct page *p);
/* What the next collection frees. */
void print_garbage(const struct page *p);
void print_activity(const struct page *p);
void print_growing(const struct page *p);
void print_next_growths(const struct page *p);
void print_since(const struct page *p);
void print_goroutines(const struct page *p);
void print_gc(const struct page *p);
void print_memcalls(const struct page *p);
void print_verdict(const struct page *p);
void print_cost(const struct page *p);

#endif
