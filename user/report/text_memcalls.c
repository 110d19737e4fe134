// SPDX-License-Identifier: GPL-2.0-only
#include "report/text_parts.h"

#include <string.h>
#include <sys/mman.h>

#include "model/memcaller.h"
#include "model/refault_sums.h"
#include "report/names.h"

/* What sets calls of one name apart: the advice, or whether mmap only reserves. */
static void detail_text(const struct trace_memsum *s, char *buf, size_t buf_sz)
{
	const char *advice = s->call == ABI_CALL_MADVISE ? name_advice(s->detail) : NULL;

	*buf = '\0';
	if (advice)
		snprintf(buf, buf_sz, "%s", advice);
	else if (s->call == ABI_CALL_MADVISE)
		snprintf(buf, buf_sz, "advice %u", s->detail);
	else if (s->call == ABI_CALL_MMAP)
		snprintf(buf, buf_sz, "%s", s->detail == PROT_NONE ? "reserve" : "");
}

static void print_memsum(const struct page *p, const struct trace_memsum *s)
{
	struct flow f = { .out = p->out, .indent = 11 };
	char detail[32];

	detail_text(s, detail, sizeof(detail));
	flow_add(&f, 0, "  %-8s %-16s %14s %11s", name_memcall(s->call), detail,
		 COUNTED(s->calls, "call"), BYTES(s->bytes));
	if (s->error)
		flow_add(&f, 2, "FAILED: %s", strerror(s->error));
	flow_end(&f);
}

/* Who gave memory back; of single calls, so without those beyond the budget. */
static void print_givers(const struct page *p, const struct trace_result *tr)
{
	uint64_t bytes[MEM_REASON_CNT] = { 0 }, sum = 0;

	for (size_t i = 0; i < tr->memcall_cnt; i++) {
		const struct trace_memcall *c = &tr->memcalls[i];
		bool gives = c->call == ABI_CALL_MUNMAP ||
			     (c->call == ABI_CALL_MADVISE &&
			      (c->detail == MADV_DONTNEED || c->detail == MADV_FREE));

		if (gives && c->result >= 0) {
			bytes[memcaller_of(p->w->prog->lines, c->stack).reason] += c->length;
			sum += c->length;
		}
	}
	if (!sum)
		return;
	fprintf(p->out, "  given back by\n");
	for (enum mem_reason r = 0; r < MEM_REASON_CNT; r++)
		if (bytes[r])
			fprintf(p->out, "  %6.0f %%  %s\n", percent(bytes[r], sum),
				mem_reason_text(r));
}

/* What was given back for nothing. */
static void print_refaults(const struct page *p, const struct trace_refaults *r)
{
	struct refault_sum sum;
	uint64_t unwatched = 0;

	for (int i = 0; i < ABI_UNWATCHED_CNT; i++)
		unwatched += r->unwatched_pages[i];
	if (r->pauses)
		fprintf(p->out, "  page faults watched for %s, then the budget was used up\n",
			text_duration(r->watched_ns).s);
	if (unwatched)
		fprintf(p->out, "  given back, not watched for what is touched again: %s\n",
			BYTES(unwatched * r->page_sz));
	if (!r->faults)
		return;
	fprintf(p->out, "  touched again (of %s): %s, %swithin %s\n", BYTES(r->pages * r->page_sz),
		COUNTED(r->faults, "page fault"), r->faults == 1 ? "" : "half ",
		text_duration(refaults_half_ns(r)).s);
	sum = refaults_sum(p->w->prog->lines, r);
	if (refaults_swing(&sum, r->page_sz))
		fprintf(p->out, "    Go gives back what it needs again soon: the heap swings "
				"around its goal.\n"
				"    With a higher GOGC or GOMEMLIMIT it would keep that.\n");
}

void print_memcalls(const struct page *p)
{
	const struct trace_result *tr = p->w->trace ? trace_result(p->w->trace) : NULL;

	if (!tr)
		return;
	if (tr->memcalls_missing) {
		fputc('\n', p->out);
		print_reason(p, "MEMORY CALLS  not traced", tr->memcalls_missing);
		return;
	}
	fprintf(p->out, "\nMEMORY CALLS%s\n", tr->memsum_cnt ? "" : "  none");
	for (size_t i = 0; i < tr->memsum_cnt; i++)
		print_memsum(p, &tr->memsums[i]);
	print_givers(p, tr);
	print_refaults(p, &tr->refaults);
}
