// SPDX-License-Identifier: GPL-2.0-only
#include "report/text_parts.h"

static void print_memory_row(const struct page *p, const char *name, int64_t bytes,
			     const char *remedy)
{
	const char *sign = bytes < 0 ? "-" : "";
	uint64_t size = bytes < 0 ? -(uint64_t)bytes : (uint64_t)bytes;
	char text[64];

	snprintf(text, sizeof(text), "%s%s", sign, BYTES(size));
	fprintf(p->out, "  %-26s %10s  %3.0f %%%s%s\n", name, text,
		percent(size, p->w->snap->ledger.rss_bytes), remedy ? "  <- " : "",
		remedy ? remedy : "");
}

static void print_rss(const struct page *p)
{
	const struct watch *w = p->w;
	uint64_t rss = w->snap ? w->snap->ledger.rss_bytes : w->rss.rss_bytes;

	fprintf(p->out, "\nRSS %s", BYTES(rss));
	if (w->target->cgroup_limit_bytes)
		fprintf(p->out, "  (cgroup limit %s)", BYTES(w->target->cgroup_limit_bytes));
	else
		fprintf(p->out, "  (no cgroup limit)");
	if (w->rss.swap_bytes)
		fprintf(p->out, "  and %s in swap", BYTES(w->rss.swap_bytes));
	fputc('\n', p->out);
}

static void remedy_text(const struct ledger *l, enum ledger_row row, char *buf, size_t buf_sz)
{
	static const char *const deeds[] = {
		[REMEDY_REBUILD_MAPS] = "by a rebuild",
		[REMEDY_FREE_OS_MEMORY] = "with debug.FreeOSMemory",
		[REMEDY_MOVE_OBJECTS] = "if packed anew",
	};
	const char *deed = deeds[ledger_row_remedy(row)];

	*buf = '\0';
	if (!deed || !l->gives_back[row])
		return;
	if (l->gives_back[row] == l->rows[row])
		snprintf(buf, buf_sz, "back %s", deed);
	else
		snprintf(buf, buf_sz, "%s back %s", BYTES(l->gives_back[row]), deed);
}

/* How the rows are not quite what they say. */
static void print_memory_notes(const struct page *p, const struct ledger *l)
{
	if (l->source == ADDRSPACE_SMAPS) {
		print_reason(p, "  no page of it is known", l->why_coarse);
		fprintf(p->out, "      what Go uses or keeps is taken as resident\n");
	}
	if (l->missing)
		fprintf(p->out, "  %s cannot be followed: metadata is in the last rows\n",
			l->missing);
}

void print_memory(const struct page *p)
{
	static const char *const names[ROW_CNT] = {
		[ROW_MAP_LIVE] = "map tables: live keys",
		[ROW_MAP_HOLES] = "map tables: holes",
		[ROW_OTHER_HEAP] = "other heap objects",
		[ROW_FREE_SLOTS] = "free slots in spans",
		[ROW_FREE] = "free, kept by Go",
		[ROW_RELEASED] = "given back, yet resident",
		[ROW_HUGE_EXCESS] = "huge-page excess",
		[ROW_STACKS] = "stacks and runtime spans",
		[ROW_RUNTIME] = "Go runtime metadata",
		[ROW_FILES] = "program, files, shared",
		[ROW_ANON] = "C and other anonymous",
	};
	char remedy[64];

	print_rss(p);
	if (!p->w->snap)
		return;
	const struct ledger *l = &p->w->snap->ledger;
	for (enum ledger_row i = 0; i < ROW_CNT; i++) {
		if (!l->rows[i] && (i == ROW_RELEASED || i == ROW_HUGE_EXCESS))
			continue;
		remedy_text(l, i, remedy, sizeof(remedy));
		print_memory_row(p, names[i], l->rows[i], *remedy ? remedy : NULL);
	}
	if (l->unexplained_bytes)
		print_memory_row(p, "unexplained", l->unexplained_bytes, NULL);
	print_memory_notes(p, l);
}
