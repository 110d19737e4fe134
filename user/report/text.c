// SPDX-License-Identifier: GPL-2.0-only
/*
 * The report for people: at most 80 columns but for a name that is longer than a
 * line, numbers with units, the verdict last but for the cost.
 */
#include "report/report.h"

#include <stdlib.h>

#include "report/names.h"
#include "report/text_parts.h"

enum { OTHERS_SHOWN = 3 };

void print_reason(const struct page *p, const char *what, const char *why)
{
	struct flow f = { .out = p->out, .indent = 6 };

	flow_add(&f, 0, "%s:", what);
	flow_words(&f, why);
	flow_end(&f);
}

/* Nothing seen in a process that gets no CPU says nothing about the process. */
static void print_halts(const struct page *p)
{
	static const char *const how[HALT_CNT] = {
		[HALT_SIGNAL] = "stopped by a signal",
		[HALT_TRACER] = "stopped by a debugger or tracer",
		[HALT_CGROUP] = "frozen by its cgroup",
	};
	const struct halts *h = &p->w->halts;

	if (h->now != HALT_NONE)
		fprintf(p->out, "THE TARGET GETS NO CPU: it is %s, nothing happens\n", how[h->now]);
	else if (h->last != HALT_NONE)
		fprintf(p->out, "the target was %s for a while: it got no CPU\n", how[h->last]);
	if (p->w->trace && h->last != HALT_NONE)
		fprintf(p->out, "  for about %s of the time watched; rates are over all of it\n",
			text_duration(h->halted_ns).s);
}

static void print_identity(const struct page *p)
{
	const struct target *t = p->w->target;
	const struct program *prog = p->w->prog;
	struct flow f = { .out = p->out, .indent = 2 };

	flow_add(&f, 0, "%s", t->command);
	flow_add(&f, 2, "pid %d", t->pid);
	flow_add(&f, 2, "%s,", prog->image.build.version);
	flow_add(&f, 1, "%s maps%s", name_map_kind(prog->layout.kind),
		 prog->stripped ? ", stripped" : "");
	flow_add(&f, 2, "up %s", text_duration(t->uptime_ns).s);
	flow_end(&f);
}

/* A C program may load several libraries that are written in Go. */
static void print_others(const struct page *p)
{
	const struct goimage *image = &p->w->prog->image;
	struct flow f = { .out = p->out, .indent = 2 };

	if (!image->others.len)
		return;
	flow_add(&f, 0, "this is one of %zu Go runtimes in the process,", 1 + image->others.len);
	flow_words(&f, "without the maps and memory of");
	for (size_t i = 0; i < image->others.len && i < OTHERS_SHOWN; i++)
		flow_add(&f, 1, "%s%s", file_base(image->others.data[i]),
			 i + 1 < image->others.len ? "," : "");
	if (image->others.len > OTHERS_SHOWN)
		flow_words(&f, "and others");
	flow_end(&f);
}

static void print_doubts(const struct page *p)
{
	const struct program *prog = p->w->prog;
	struct flow f = { .out = p->out, .indent = 2 };

	if (p->w->target->exe_deleted) {
		flow_add(&f, 0, "its file");
		flow_add(&f, 1, "%s", p->w->target->exe);
		flow_words(&f, "was deleted or replaced on disk");
		flow_end(&f);
	}
	if (prog->layout_match == LAYOUT_NEAREST) {
		flow_add(&f, 0, "%s", prog->image.build.version);
		flow_words(&f, "is not in the tables: read with the layout of");
		flow_add(&f, 1, "%s,", prog->layout.name);
		flow_words(&f, p->w->snap ? "which passed all proofs"
					  : "which did not pass its proofs");
		flow_end(&f);
	}
	if (prog->made.searched && !prog->made.complete)
		fprintf(p->out,
			"of the types that reflect made not all were found: the heap has too\n"
			"  many objects of that size, so types of maps may be wrong\n");
	if (p->w->gone) {
		print_reason(p, "THE TARGET IS GONE", p->w->gone->msg);
		fprintf(p->out, "This is what was learnt until then.\n");
	}
}

static void print_head(const struct page *p)
{
	const struct watch *w = p->w;
	/* When somebody else stopped it, that follows. */
	const char *stopped = w->halts.last == HALT_NONE ? "never stopped"
							 : "not stopped by maptrace";

	print_identity(p);
	if (w->trace)
		fprintf(p->out, "watched %s, %s\n", text_duration(w->watched_ns).s, stopped);
	else
		fprintf(p->out, "not traced, %s\n", stopped);
	print_halts(p);
	print_others(p);
	print_doubts(p);
}

/* Adds the counts of the maps to their places in the ranking. */
static struct err *sum_zeroes(struct page *p)
{
	const struct values *values = p->w->values;

	p->zeroes = calloc(p->ranking.places.len + 1, sizeof(*p->zeroes));
	if (!p->zeroes)
		return err_nomem();
	for (size_t i = 0; i < values->census->maps.len; i++) {
		struct map_info m = census_map(values->census, i);
		const struct value_count *v = &values->rows[i];
		size_t place = ranking_place(&p->ranking, &m);

		if (!place || v->status != VALUES_OK)
			continue;
		struct zero_sum *z = &p->zeroes[place - 1];
		z->map_cnt++;
		z->live_keys += m.live_keys;
		z->zero += v->zero;
		z->low += v->low;
		z->high += v->high;
		z->sampled |= v->sampled;
	}
	return NULL;
}

static struct err *page_init(struct page *p)
{
	struct busy_sources from = {
		.activities = &p->w->activities,
		.trace = p->w->trace ? trace_result(p->w->trace) : NULL,
		.census = p->w->snap ? p->w->snap->census : NULL,
		.ranking = &p->ranking,
		.top = p->opts->top,
	};
	struct err *err = from.census ? ranking_init(&p->ranking, from.census) : NULL;

	if (!err && p->w->values)
		err = sum_zeroes(p);
	return err ? err : busiest_init(&p->busiest, &from);
}

static void page_fini(struct page *p)
{
	busiest_fini(&p->busiest);
	free(p->zeroes);
	ranking_fini(&p->ranking);
}

struct err *report_text(const struct watch *w, const struct report_opts *opts, FILE *out)
{
	_cleanup_(page_fini) struct page p = { .w = w, .opts = opts, .out = out };
	struct err *err = page_init(&p);

	if (err)
		return err;
	print_head(&p);
	print_memory(&p);
	print_reclaim(&p);
	print_maps(&p);
	print_activity(&p);
	err = print_next_growths(&p);
	print_gc(&p);
	print_memcalls(&p);
	print_verdict(&p);
	print_cost(&p);
	return err;
}
