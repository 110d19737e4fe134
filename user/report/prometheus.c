// SPDX-License-Identifier: GPL-2.0-only
/*
 * Metrics for Prometheus: text that its textfile collector, a scrape and OpenMetrics take. What is
 * not known has no line.
 */
#include "report/report.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/printable.h"
#include "report/prometheus_parts.h"

enum { LABEL_MAX = 200 };

/* ---- lines ---- */

void prom_family(struct prom *p, const char *name, const char *help)
{
	p->family = name;
	fprintf(p->out, "# HELP maptrace_%s %s\n# TYPE maptrace_%s gauge\n", name, help, name);
}

static void prom_start(const struct prom *p, const char *labels)
{
	fprintf(p->out, "maptrace_%s{%s%s%s} ", p->family, p->target, labels ? "," : "",
		labels ? labels : "");
}

void prom_count(const struct prom *p, const char *labels, uint64_t value)
{
	prom_start(p, labels);
	fprintf(p->out, "%" PRIu64 "\n", value);
}

static void prom_number(const struct prom *p, const char *labels, double value)
{
	if (!isfinite(value))
		return;
	prom_start(p, labels);
	fprintf(p->out, "%.9g\n", value); /* as many digits as a saved report has */
}

static void prom_seconds(const struct prom *p, uint64_t ns)
{
	prom_start(p, NULL);
	fprintf(p->out, "%" PRIu64 ".%09" PRIu64 "\n", ns / NS_PER_S, ns % NS_PER_S);
}

static void prom_signed(const struct prom *p, const char *labels, int64_t value)
{
	prom_start(p, labels);
	fprintf(p->out, "%" PRId64 "\n", value);
}

static void prom_optional(struct prom *p, const char *name, const char *help, struct opt_u64 value)
{
	if (!value.known)
		return;
	prom_family(p, name, help);
	prom_count(p, NULL, value.v);
}

/* ---- labels ---- */

const char *prom_text(struct pool *pool, const char *s)
{
	size_t len = 0;
	int next = 1;

	/* Whole characters only. */
	while (s[len] && len + (size_t)next <= LABEL_MAX) {
		next = printable_len(s + len);
		next = next ? next : 1;
		len += len + (size_t)next <= LABEL_MAX ? (size_t)next : 0;
	}
	char *text = pool_alloc(pool, len + 1);
	if (!text)
		return NULL;
	memcpy(text, s, len);
	printable_make(text);
	return text;
}

const char *prom_label(struct pool *pool, const char *name, const char *value)
{
	char *escaped = value ? pool_alloc(pool, 2 * strlen(value) + 1) : NULL, *to = escaped;

	if (!escaped)
		return NULL;
	for (const char *c = value; *c; c++) {
		if (*c == '\\' || *c == '"' || *c == '\n')
			*to++ = '\\';
		*to++ = *c == '\n' ? 'n' : *c;
	}
	return pool_printf(pool, "%s=\"%s\"", name, escaped);
}

/* The same, of a text of the target's. */
static const char *prom_own_label(struct pool *pool, const char *name, const char *s)
{
	return prom_label(pool, name, prom_text(pool, s ? s : ""));
}

static const char *prom_target_labels(struct pool *pool, const struct result_target *t)
{
	const char *command = prom_own_label(pool, "command", t->command);

	if (!t->container_id)
		return command;
	return pool_printf(pool, "%s,%s", command,
			   prom_own_label(pool, "container_id", t->container_id));
}

/* ---- the parts ---- */

static void prom_info(struct prom *p)
{
	const struct result_target *t = &p->r->target;
	const char *labels = pool_printf(
		p->pool, "%s,%s,%s,%s,%s", prom_own_label(p->pool, "executable", t->executable),
		prom_own_label(p->pool, "go_version", t->go_version),
		prom_own_label(p->pool, "map_kind", t->map_kind),
		prom_own_label(p->pool, "pod_uid", t->pod_uid),
		prom_own_label(p->pool, "maptrace_version", p->r->maptrace));

	prom_family(p, "target_info", "The process that was looked at, and by which maptrace.");
	prom_count(p, labels, 1);
}

static void prom_scan(struct prom *p)
{
	const struct result *r = p->r;

	prom_family(p, "scan_timestamp_seconds", "When maptrace looked, since the epoch.");
	prom_seconds(p, r->unix_time_ns);
	prom_family(p, "scan_cpu_seconds", "CPU time that maptrace took.");
	prom_seconds(p, r->cost.cpu_ns);
	if (r->census.taken) {
		prom_family(p, "scan_duration_seconds", "How long the census of the maps took.");
		prom_seconds(p, r->census.taken->duration_ns);
	}
	if (r->cost.receipt) {
		prom_family(p, "target_cost_ratio",
			    "What the probes cost the process, as a share of one core.");
		prom_number(p, NULL, r->cost.receipt->share_of_core);
	}
}

static void prom_memory(struct prom *p)
{
	const struct result_ledger *m = p->r->memory;

	if (!m)
		return;
	prom_family(p, "rss_bytes", "Resident memory of the process.");
	prom_count(p, NULL, m->rss_bytes);
	prom_family(p, "memory_bytes", "Where the resident memory is; the rows sum to rss_bytes.");
	for (size_t i = 0; i < m->rows.len && i < ROW_CNT; i++)
		prom_count(p,
			   prom_label(p->pool, "row", ledger_row_words[m->rows.data[i].row].name),
			   m->rows.data[i].resident_bytes);
	prom_signed(p, "row=\"unexplained\"", m->unexplained_bytes);
	prom_optional(p, "garbage_bytes", "Objects that the next collection frees.",
		      m->garbage_bytes);
}

static void prom_limit(struct prom *p)
{
	const struct result_target *t = &p->r->target;

	prom_optional(p, "cgroup_limit_bytes", "The lowest memory limit of the cgroups.",
		      opt_if(t->cgroup_limit_bytes, t->cgroup_limit_bytes));
	prom_optional(p, "cgroup_left_bytes", "What is left up to that limit.",
		      t->cgroup_left_bytes);
}

static void prom_reclaim(struct prom *p)
{
	const struct result_reclaim *reclaim = p->r->reclaim;

	if (!reclaim)
		return;
	prom_family(p, "not_returned_bytes", "Resident memory without use, by cause.");
	for (size_t i = 0; i < reclaim->causes.len && i < CAUSE_CNT; i++) {
		const struct result_cause *c = &reclaim->causes.data[i];

		prom_count(p, prom_label(p->pool, "cause", reclaim_cause_words[c->cause].name),
			   c->bytes);
	}
}

static void prom_findings(struct prom *p)
{
	const struct result *r = p->r;
	uint64_t count[SEVERITY_CNT] = { 0 };

	if (!r->verdict.judged)
		return;
	for (size_t i = 0; i < r->findings.len; i++)
		count[r->findings.data[i].severity]++;
	prom_family(p, "findings", "Findings of the report, by severity.");
	for (int i = 0; i < SEVERITY_CNT; i++)
		prom_count(p, prom_label(p->pool, "severity", finding_severity_words[i].name),
			   count[i]);
	prom_family(p, "verdict", "1 for what the verdict says of the process, else 0.");
	for (int i = STATE_FINE; i < STATE_CNT; i++)
		prom_count(p, prom_label(p->pool, "state", verdict_state_words[i].name),
			   r->verdict.state == (enum verdict_state)i);
}

static void prom_gc(struct prom *p)
{
	const struct result_gc_read *gc = p->r->gc.read;

	if (!gc)
		return;
	prom_family(p, "gc_live_heap_bytes", "What the last collection left in the heap.");
	prom_count(p, NULL, gc->heap_marked_bytes);
	prom_family(p, "gc_goal_bytes", "The size of the heap that starts the next collection.");
	prom_count(p, NULL, gc->heap_goal_bytes);
	prom_family(p, "gc_cpu_ratio", "The collector's share of the CPU time of the program.");
	prom_number(p, NULL, gc->cpu_share);
}

static void prom_goroutines(struct prom *p)
{
	const struct result_goroutines_read *g = p->r->goroutines.read;

	if (!g)
		return;
	prom_family(p, "goroutines", "Goroutines that have not ended.");
	prom_count(p, NULL, g->total);
	prom_family(p, "goroutine_stack_bytes", "Their stacks, resident or not.");
	prom_count(p, NULL, g->stack_bytes);
}

struct err *report_prometheus(struct result *r, FILE *out)
{
	struct pool pool = { 0 };
	struct prom p = { .out = out, .r = r, .pool = &pool };

	p.target = prom_target_labels(&pool, &r->target);
	prom_info(&p);
	prom_scan(&p);
	prom_memory(&p);
	prom_limit(&p);
	prom_reclaim(&p);
	prom_maps(&p);
	prom_findings(&p);
	prom_gc(&p);
	prom_goroutines(&p);
	fputs("# EOF\n", out);

	bool failed = pool.failed;
	pool_fini(&pool);
	return failed ? err_nomem() : NULL;
}
