// SPDX-License-Identifier: GPL-2.0-only
/* Finds memory outside of the Go heap, and limits that are near. */
#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "model/finding.h"
#include "model/result_fill.h"

enum {
	LIMIT_LEFT_PERCENT = 10, /* of a cgroup's limit: less is danger */
	LIMIT_LEFT_CAPPED_PERCENT = 3, /* the same, where Go's own limit keeps it below */
	/* Room for new objects, of the live heap. GOGC=100 gives 100. */
	THRASH_ROOM_PERCENT = 50, /* with less room, cycles may follow each other */
	THRASH_ROOM_LITTLE_PERCENT = 10, /* with less they do, if the program allocates at all */
	THRASH_CPU_WARN_PERCENT = 5,
	THRASH_CPU_CRITICAL_PERCENT = 25,
};

/* ---- outside of Go ---- */

static bool memcall_is_mapping(const struct result_memcall *c)
{
	return c->reason == MEM_REASON_PROGRAM && !c->error && c->call && !strcmp(c->call, "mmap");
}

/* What the program itself mapped and unmapped during the trace: the difference. Sets *who_ret to the
 * frame that mapped most in one call. */
static uint64_t outside_growth(const struct result *r, const struct result_memcall **who_ret)
{
	const struct result_memcalls *calls = &r->memory_calls;
	uint64_t mapped = 0, unmapped = 0;

	*who_ret = NULL;
	for (size_t i = 0; i < calls->calls.len; i++) {
		const struct result_memcall *c = &calls->calls.data[i];

		if (c->reason == MEM_REASON_PROGRAM && c->call && !strcmp(c->call, "munmap"))
			unmapped += c->bytes;
		if (!memcall_is_mapping(c))
			continue;
		mapped += c->bytes;
		if (c->at && (!*who_ret || c->bytes > (*who_ret)->bytes))
			*who_ret = c;
	}
	return mapped > unmapped ? mapped - unmapped : 0;
}

static const struct result_caller *outside_caller(struct pool *pool, const struct result_memcall *c)
{
	struct result_caller *to = c ? pool_alloc(pool, sizeof(*to)) : NULL;

	if (to)
		*to = (struct result_caller){ .function = c->caller,
					      .pc = c->caller_pc,
					      .at = c->at };
	return to;
}

static struct err *add_c_memory(struct findings *f, const struct result *r)
{
	return finding_add(f, &(struct finding){
				      .kind = FINDING_C_MEMORY,
				      .severity = SEVERITY_WARN,
				      .bytes = r->memory->row_bytes[ROW_ANON],
			      });
}

/* Memory that the program mapped itself is in use, as far as we know: only its growth is worth a
 * warning. figures[0]: what it grew by while it was watched; figures[1]: whether it is of files. */
static struct err *add_mapped(struct findings *f, const struct finding_sources *s, bool files)
{
	const struct result_outside *o = &s->r->memory->outside;
	const struct result_memcall *who;
	uint64_t grown = outside_growth(s->r, &who);
	uint64_t bytes = files ? o->data_file_bytes : s->r->memory->row_bytes[ROW_ANON];

	return finding_add(f, &(struct finding){
				      .kind = FINDING_MAPPED_MEMORY,
				      .severity = grown && !files ? SEVERITY_WARN : SEVERITY_INFO,
				      .bytes = bytes,
				      .caller = files ? NULL : outside_caller(s->pool, who),
				      .figures = { grown, files },
			      });
}

struct err *findings_add_outside(struct findings *f, const struct finding_sources *s)
{
	const struct result_outside *o = &s->r->memory->outside;
	uint64_t malloced = o->c_heap_bytes + o->c_arena_bytes;
	struct err *err = malloced > o->other_bytes ? add_c_memory(f, s->r)
						    : add_mapped(f, s, /* files= */ false);

	return err ? err : add_mapped(f, s, /* files= */ true);
}

/* ---- limits ---- */

static struct err *add_near_limit(struct findings *f, const struct result *r)
{
	const struct result_gc_read *gc = r->gc.read;
	uint64_t limit = r->target.cgroup_limit_bytes, left = r->target.cgroup_left_bytes.v;
	bool capped = gc && gc->memory_limit_bytes.known && gc->memory_limit_bytes.v <= limit;
	unsigned int percent = capped ? LIMIT_LEFT_CAPPED_PERCENT : LIMIT_LEFT_PERCENT;

	if (!limit || !r->target.cgroup_left_bytes.known || left >= limit / 100 * percent)
		return NULL;
	return finding_add(f, &(struct finding){
				      .kind = FINDING_NEAR_LIMIT,
				      .severity = SEVERITY_CRITICAL,
				      .figures = { left, limit },
			      });
}

static double collector_share(const struct result_gc_read *gc)
{
	bool watched = gc->watched && !isnan(gc->watched->cpu_share);

	return watched ? gc->watched->cpu_share : gc->cpu_share;
}

static bool collector_is_busy(const struct result_gc_read *gc, uint64_t room, uint64_t live)
{
	bool often = gc->last_gc_ago_ns.known && gc->last_gc_ago_ns.v < NS_PER_S;
	bool little = room < live / 100 * THRASH_ROOM_LITTLE_PERCENT;

	return collector_share(gc) * 100 >= THRASH_CPU_WARN_PERCENT || (often && little);
}

/* A memory limit binds, and the live heap leaves the collector little room below it. figures: room,
 * limit, live heap; rates[0]: the collector's share of CPU time. */
static struct err *add_thrash(struct findings *f, const struct result_gc_read *gc)
{
	uint64_t room, live = gc ? gc->heap_marked_bytes : 0;
	bool much;

	if (!gc || !live || !gc->limit_binds || !gc->memory_limit_bytes.known)
		return NULL;
	room = gc->heap_goal_bytes > live ? gc->heap_goal_bytes - live : 0;
	if (room >= live / 100 * THRASH_ROOM_PERCENT || !collector_is_busy(gc, room, live))
		return NULL;
	much = collector_share(gc) * 100 >= THRASH_CPU_CRITICAL_PERCENT;
	return finding_add(f, &(struct finding){
				      .kind = FINDING_GC_THRASH,
				      .severity = much ? SEVERITY_CRITICAL : SEVERITY_WARN,
				      .figures = { room, gc->memory_limit_bytes.v, live },
				      .rates = { collector_share(gc) },
			      });
}

struct err *findings_add_limits(struct findings *f, const struct finding_sources *s)
{
	struct err *err = add_near_limit(f, s->r);

	return err ? err : add_thrash(f, s->r->gc.read);
}
