// SPDX-License-Identifier: GPL-2.0-only
#include "report/text_parts.h"

#include <inttypes.h>
#include <string.h>

enum { PROTECTION_NONE = 0 };

/* What sets calls of one name apart: the advice, or whether mmap only reserves. */
static void memcall_detail(const struct result_memsum *s, char *buf, size_t buf_sz)
{
	*buf = '\0';
	if (s->advice && s->advice->name)
		snprintf(buf, buf_sz, "%s", s->advice->name);
	else if (s->advice)
		snprintf(buf, buf_sz, "advice %" PRIu64, s->advice->number);
	else if (s->protection.known && s->protection.v == PROTECTION_NONE)
		snprintf(buf, buf_sz, "reserve");
}

static void print_memsum(const struct page *p, const struct result_memsum *s)
{
	struct flow f = page_flow(p, 11);
	char detail[32];

	memcall_detail(s, detail, sizeof(detail));
	flow_add(&f, 2, "%-8s %-16s", known_text(s->call), detail);
	flow_add(&f, 1, "%14s", COUNTED(s->calls, "call"));
	flow_add(&f, 1, "%11s", BYTES(s->bytes));
	if (s->error)
		flow_sentence(&f, 2, "FAILED: %s", strerror(s->error));
	flow_end(&f);
}

/* Who gave memory back; only calls that are listed one by one count. */
static void print_given_back(const struct page *p)
{
	const struct result_memcalls *m = &p->r->memory_calls;

	if (m->given_back_by.len)
		page_words(p, 2, 4, "given back by");
	for (size_t i = 0; i < m->given_back_by.len; i++) {
		const struct result_given_back *g = &m->given_back_by.data[i];
		struct flow f = page_flow(p, 12);

		flow_add(&f, 2, "%6.0f %%", 100 * g->share);
		flow_sentence(&f, 2, "%s", mem_reason_words[g->reason].text);
		flow_end(&f);
	}
}

/* Memory that was given back for nothing. */
static void print_refaults(const struct page *p, const struct result_refaults_watched *w)
{
	uint64_t not_watched = w->not_watched_bytes.table_full + w->not_watched_bytes.call_too_long;

	if (w->pauses)
		page_words(p, 2, 4, "page faults watched for %s, then the budget was used up",
			   DURATION(w->watched_ns));
	if (not_watched)
		page_words(p, 2, 4, "given back, but not watched for page faults: %s",
			   BYTES(not_watched));
	if (!w->faults)
		return;
	page_words(p, 2, 4, "touched again, of %s given back: %s, %swithin %s",
		   BYTES(w->watched_bytes), COUNTED(w->faults, "page fault"),
		   w->faults == 1 ? "" : "half ", DURATION(w->half_within_ns));
	if (w->heap_swings)
		page_words(p, 4, 4,
			   "Go gives back what it needs again soon: the heap swings around its "
			   "goal. With a higher %s, Go would keep that memory.",
			   p->r->gc.read && p->r->gc.read->limit_binds ? "GOMEMLIMIT" : "GOGC");
}

void print_memcalls(const struct page *p)
{
	const struct result_memcalls *m = &p->r->memory_calls;

	if (!p->r->trace.traced)
		return;
	if (!m->traced) {
		page_heading(p, "MEMORY CALLS", "not traced: %s", known_text(m->reason));
		return;
	}
	if (m->totals.len)
		page_heading(p, "MEMORY CALLS", "%s", "");
	else
		page_heading(p, "MEMORY CALLS", "no mmap, munmap or madvise seen");
	for (size_t i = 0; i < m->totals.len; i++)
		print_memsum(p, &m->totals.data[i]);
	print_given_back(p);
	if (m->traced->refaults.watched)
		print_refaults(p, m->traced->refaults.watched);
}
