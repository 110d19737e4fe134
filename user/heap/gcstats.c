// SPDX-License-Identifier: GPL-2.0-only
#include "heap/gcstats.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/cursor.h"
#include "base/log.h"
#include "process/dataroots.h"

enum {
	/* A cycle may end while we read its counters. */
	TRIES = 5,

	/* Go source: runtime/mgcpacer.go memoryLimitHeapGoal. The room below a memory limit is 1
	 * MiB; from 1.21 on 3 % if that is more. */
	GOAL_HEADROOM_MIN = 1 << 20,
	GOAL_HEADROOM_PERCENT = 3,
	GOAL_HEADROOM_MINOR = 21,
	GOAL_MIN_RUNWAY = 64 << 10,

	/* The heap changes between the reading of spans and the reading of counters. */
	IN_USE_SLACK = 64 << 20,
	PERCENT_MAX = 1 << 24,
	PROCS_MAX = 1 << 16,
	FIXALLOC_CHUNK = 16 << 10, /* of descriptors; Go source: runtime/mfixalloc.go */
};

static const uint64_t DESCRIPTORS_MAX = 1ull << 40;

static double load_f64(const void *p, size_t off)
{
	double v;

	memcpy(&v, (const uint8_t *)p + off, sizeof(v));
	return v;
}

static struct err *gcstats_contradiction(const char *what)
{
	return err_new(ERR_FORMAT, "the collector's counters contradict each other: %s", what);
}

/* ---- memstats ---- */

static void decode_memstats(const struct gc_layout *l, const uint8_t *m, struct gc_sample *s)
{
	s->cycles = load_u32(m, l->numgc);
	s->forced_cycles = load_u32(m, l->numforcedgc);
	s->pause_total_ns = load_u64(m, l->pause_total_ns);
	s->last_gc_unix_ns = load_u64(m, l->last_gc_unix);
	s->cpu_fraction = load_f64(m, l->cpu_fraction);
	memcpy(s->pause_ns, m + l->pause_ns, sizeof(s->pause_ns));
	memcpy(s->pause_end_unix_ns, m + l->pause_end, sizeof(s->pause_end_unix_ns));
}

static size_t memstats_size(const struct gc_layout *l)
{
	const uint32_t ends[] = {
		l->last_gc_unix + 8,	    l->pause_total_ns + 8, l->pause_ns + 8 * GC_RING,
		l->pause_end + 8 * GC_RING, l->numgc + 4,	   l->numforcedgc + 4,
		l->cpu_fraction + 8,
	};
	size_t size = 0;

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		size = ends[i] > size ? ends[i] : size;
	return size;
}

/* Says what is wrong; NULL when nothing is. Between cycles this always holds: the latest entry of
 * the ring is the latest cycle's, and until the ring is full it holds all pauses. */
static const char *memstats_flaw(const struct gc_sample *s)
{
	uint64_t ring_total = 0;

	if (s->forced_cycles > s->cycles)
		return "more forced cycles than cycles";
	if (!(s->cpu_fraction >= 0 && s->cpu_fraction <= 1))
		return "the share of CPU time is not between 0 and 1";
	if (s->cycles && (!s->last_gc_unix_ns ||
			  s->pause_end_unix_ns[(s->cycles - 1) % GC_RING] != s->last_gc_unix_ns))
		return "the time of the last cycle";
	for (size_t i = 0; i < GC_RING; i++) {
		if (s->pause_ns[i] > s->pause_total_ns)
			return "a pause longer than all pauses";
		ring_total += s->pause_ns[i];
	}
	if (s->cycles <= GC_RING ? ring_total != s->pause_total_ns : ring_total > s->pause_total_ns)
		return "the sum of the pauses";
	return NULL;
}

static struct err *gcstats_read_memstats(const struct gcstats *g, uint64_t addr,
					 struct gc_sample *s)
{
	const struct gc_layout *l = &g->prog->layout.gc;
	size_t size = memstats_size(l);
	_cleanup_free_ uint8_t *m = malloc(size);
	const char *flaw = NULL;

	if (!m)
		return err_nomem();
	for (int i = 0; i < TRIES; i++) {
		struct err *err = mem_read(&g->prog->target->mem, addr, m, size);

		if (err)
			return err;
		decode_memstats(l, m, s);
		flaw = memstats_flaw(s);
		if (!flaw)
			return NULL;
	}
	return gcstats_contradiction(flaw);
}

/* ---- gcController ---- */

/* Go source: runtime/mgcpacer.go memoryLimitHeapGoal. */
static uint64_t limit_goal(const struct gcstats *g, const struct gc_sample *s, const uint8_t *c)
{
	const struct gc_layout *l = &g->prog->layout.gc;
	uint64_t limit = s->memory_limit_bytes;
	uint64_t ready = load_u64(c, l->mapped_ready);
	uint64_t heap =
		s->heap_free_bytes + load_u64(c, l->total_alloc) - load_u64(c, l->total_free);
	uint64_t other = ready > heap ? ready - heap : 0;
	uint64_t overage = ready > limit ? ready - limit : 0;

	if (other + overage >= limit)
		return s->heap_marked_bytes;
	uint64_t goal = limit - (other + overage);
	uint64_t headroom = goal / 100 * GOAL_HEADROOM_PERCENT;
	if (headroom < GOAL_HEADROOM_MIN || g->prog->image.build.minor < GOAL_HEADROOM_MINOR)
		headroom = GOAL_HEADROOM_MIN;
	goal = goal < 2 * headroom ? headroom : goal - headroom;
	return goal < s->heap_marked_bytes ? s->heap_marked_bytes : goal;
}

/* Go source: runtime/mgcpacer.go heapGoalInternal. The runtime computes it whenever somebody
 * asks. */
static uint64_t heap_goal(const struct gcstats *g, struct gc_sample *s, const uint8_t *c)
{
	const struct gc_layout *l = &g->prog->layout.gc;
	uint64_t goal = load_u64(c, l->percent_goal);
	uint64_t by_limit = limit_goal(g, s, c);
	uint64_t sweep = load_u64(c, l->sweep_min_trigger);
	uint64_t triggered = load_u64(c, l->triggered);

	s->limit_binds = by_limit < goal && s->memory_limit_bytes != INT64_MAX;
	if (by_limit < goal)
		return by_limit;
	if (sweep > goal)
		goal = sweep;
	if (triggered != UINT64_MAX && goal < triggered + GOAL_MIN_RUNWAY)
		goal = triggered + GOAL_MIN_RUNWAY;
	return goal;
}

static const char *controller_flaw(const struct gc_sample *s)
{
	if (s->percent < -1 || s->percent > PERCENT_MAX)
		return "GOGC";
	if (!s->memory_limit_bytes || s->memory_limit_bytes > INT64_MAX)
		return "the memory limit";
	if (s->heap_in_use_bytes % GO_PAGE_SZ || s->heap_free_bytes % GO_PAGE_SZ ||
	    s->heap_released_bytes % GO_PAGE_SZ)
		return "parts of pages";
	return NULL;
}

static struct err *gcstats_read_controller(const struct gcstats *g, uint64_t addr,
					   struct gc_sample *s)
{
	const struct gc_layout *l = &g->prog->layout.gc;
	uint8_t c[1024];
	size_t size = l->mapped_ready + 8;

	/* mapped_ready is the last of the fields in all versions, and all of them are in one
	 * structure. */
	if (size > sizeof(c) || l->total_free > l->mapped_ready || l->heap_free > l->mapped_ready)
		return err_new(ERR_UNSUPPORTED, "gcControllerState is of an unknown form");
	struct err *err = mem_read(&g->prog->target->mem, addr, c, size);
	if (err)
		return err;
	s->percent = (int32_t)load_u32(c, l->percent);
	s->memory_limit_bytes = load_u64(c, l->memory_limit);
	s->heap_live_bytes = load_u64(c, l->heap_live);
	s->heap_marked_bytes = load_u64(c, l->heap_marked);
	s->scannable_bytes = load_u64(c, l->heap_scan);
	s->last_scannable_bytes = load_u64(c, l->last_heap_scan);
	s->heap_in_use_bytes = load_u64(c, l->heap_in_use);
	s->heap_free_bytes = load_u64(c, l->heap_free);
	s->heap_released_bytes = load_u64(c, l->heap_released);
	s->heap_goal_bytes = heap_goal(g, s, c);
	const char *flaw = controller_flaw(s);
	return flaw ? gcstats_contradiction(flaw) : NULL;
}

/* ---- work ---- */

static struct err *gcstats_read_u64s(const struct gcstats *g, uint64_t addr, const uint32_t *offs,
				     uint64_t *ret, size_t cnt)
{
	struct err *err = NULL;

	for (size_t i = 0; !err && i < cnt; i++)
		err = mem_read_u64(&g->prog->target->mem, addr + offs[i], &ret[i]);
	return err;
}

/*
 * From 1.20 on. At the end of the latest cycle the runtime computed the share in memstats from
 * these times (Go source: runtime/mgc.go gcMarkTermination), so they must yield exactly the same
 * value. While a cycle runs, its pauses are already in the collector's time; then the time at the
 * end of the latest cycle follows from the share.
 */
static struct err *gcstats_read_cpu(const struct gcstats *g, uint64_t work, bool in_cycle,
				    struct gc_sample *s)
{
	const struct gc_layout *l = &g->prog->layout.gc;
	const uint32_t offs[] = { l->cpu_gc, l->cpu_gc_idle, l->cpu_all };
	uint64_t max = PROCS_MAX * (g->prog->target->uptime_ns + (1ull << 40));
	uint64_t v[3];
	struct err *err = gcstats_read_u64s(g, work, offs, v, 3);

	if (err)
		return err;
	if (v[1] > v[0] || v[2] < v[0] || v[2] > max)
		return gcstats_contradiction("CPU times");
	uint64_t gc = v[0] - v[1];
	uint64_t at_end = llround(s->cpu_fraction * v[2]);
	if (s->cycles && !in_cycle && (double)gc / (double)v[2] != s->cpu_fraction)
		return gcstats_contradiction("the share of CPU time");
	if (in_cycle && gc < at_end)
		return gcstats_contradiction("the share of CPU time");
	s->cpu_gc_ns = in_cycle ? at_end : gc;
	s->cpu_all_ns = v[2];
	return NULL;
}

/* Up to 1.19. The runtime keeps only the collector's time; the share tells of what. */
static struct err *gcstats_read_cpu_1_19(const struct gcstats *g, uint64_t work,
					 struct gc_sample *s)
{
	uint64_t max = PROCS_MAX * (g->prog->target->uptime_ns + (1ull << 40));
	uint64_t gc;
	struct err *err = gcstats_read_u64s(g, work, &g->prog->layout.gc.cpu_gc_1_19, &gc, 1);

	if (err)
		return err;
	if (!gc != !(s->cpu_fraction > 0) || gc > INT64_MAX)
		return gcstats_contradiction("CPU times");
	double all = gc ? gc / s->cpu_fraction : 0;
	if (all > max)
		return gcstats_contradiction("the share of CPU time");
	s->cpu_gc_ns = gc;
	s->cpu_all_ns = llround(all);
	return NULL;
}

static struct err *gcstats_read_work(const struct gcstats *g, uint64_t work, bool in_cycle,
				     struct gc_sample *s)
{
	const struct gc_layout *l = &g->prog->layout.gc;

	if (l->cpu_gc != OFF_NONE && l->cpu_gc_idle != OFF_NONE && l->cpu_all != OFF_NONE)
		return gcstats_read_cpu(g, work, in_cycle, s);
	if (l->cpu_gc_1_19 != OFF_NONE)
		return gcstats_read_cpu_1_19(g, work, s);
	return err_new(ERR_UNSUPPORTED, "workType is of an unknown form");
}

/* ---- finding them ---- */

/*
 * The heap's sweep generation grows by two at the end of each cycle (Go source: runtime/mgc.go
 * gcSweep). And memory for the descriptors of all spans was taken from the OS, in pieces; without
 * that test most of memstats is zero before the first cycle, like much other memory.
 */
static bool memstats_fits(const struct gcstats *g, const struct heap *heap, uint64_t addr)
{
	const struct go_layout *l = &g->prog->layout;
	struct mem *mem = &heap->prog->target->mem;
	uint64_t descriptors = heap->spans.len * l->mspan.size;
	uint64_t chunk = FIXALLOC_CHUNK / l->mspan.size * l->mspan.size;
	uint64_t mspan_sys = 0, mcache_sys = 0;
	struct gc_sample s;
	uint32_t sweepgen = 0;
	_cleanup_err_ struct err *err = gcstats_read_memstats(g, addr, &s);

	if (!err)
		err = mem_read(mem, heap->mheap + l->mheap.sweepgen, &sweepgen, sizeof(sweepgen));
	if (!err)
		err = mem_read_u64(mem, addr + l->gc.mspan_sys, &mspan_sys);
	if (!err)
		err = mem_read_u64(mem, addr + l->gc.mcache_sys, &mcache_sys);
	return !err && s.cycles == sweepgen / 2 && mspan_sys >= descriptors &&
	       mspan_sys < DESCRIPTORS_MAX && mspan_sys % chunk == 0 && mcache_sys &&
	       mcache_sys < DESCRIPTORS_MAX;
}

/* The runtime's count of pages in spans with objects, in bytes. */
static struct err *gcstats_read_in_use(const struct heap *heap, uint64_t *ret)
{
	uint64_t pages = 0;
	struct err *err = mem_read_u64(&heap->prog->target->mem,
				       heap->mheap + heap->prog->layout.mheap.pages_in_use, &pages);

	*ret = pages > UINT64_MAX / GO_PAGE_SZ ? UINT64_MAX : pages * GO_PAGE_SZ;
	return err;
}

/* Compares with what the heap has in use right before and after, since a busy one may be another
 * one than when its spans were read. */
static bool controller_fits(const struct gcstats *g, const struct heap *heap, uint64_t addr)
{
	uint64_t before = 0, after = 0, low, high, slack;
	struct gc_sample s;
	_cleanup_err_ struct err *err = gcstats_read_in_use(heap, &before);

	if (!err)
		err = gcstats_read_controller(g, addr, &s);
	if (!err)
		err = gcstats_read_in_use(heap, &after);
	if (err)
		return false;
	low = before < after ? before : after;
	high = before < after ? after : before;
	slack = high / 4 + IN_USE_SLACK;
	return s.heap_in_use_bytes && s.heap_in_use_bytes <= high + slack &&
	       low <= s.heap_in_use_bytes + slack;
}

/* At the end of a cycle, CPU times and share change one after the other. */
static struct err *gcstats_read_times(const struct gcstats *g, uint64_t work, struct gc_sample *s)
{
	struct err *err = NULL;

	for (int i = 0; i < TRIES; i++) {
		err_free(err);
		err = gcstats_read_memstats(g, g->memstats, s);
		if (!err)
			err = gcstats_read_work(g, work, /* in_cycle= */ i == TRIES - 1, s);
		if (!err)
			break;
	}
	return err;
}

static bool work_fits(const struct gcstats *g, const struct heap *heap, uint64_t addr)
{
	struct gc_sample s;
	_cleanup_err_ struct err *err = gcstats_read_times(g, addr, &s);

	(void)heap;
	/* Before the first cycle has ended all times are 0, like most other memory. */
	return !err && s.cycles;
}

typedef bool (*fits_fn)(const struct gcstats *g, const struct heap *heap, uint64_t addr);

/* Drops what cannot be a variable of the runtime: those are aligned, and in data or bss. */
static size_t gcstats_drop_others(const struct program *prog, uint64_t *candidates, size_t cnt)
{
	_cleanup_data_roots_ struct data_roots roots = { 0 };
	_cleanup_err_ struct err *err = data_roots_read(prog, &roots);
	size_t kept = 0;

	for (size_t i = 0; i < cnt; i++)
		if (candidates[i] % 8 == 0 && (err || data_roots_find(&roots, candidates[i])))
			candidates[kept++] = candidates[i];
	return kept;
}

/* heap may be NULL for work_fits(). */
static uint64_t gcstats_find(const struct gcstats *g, const struct heap *heap,
			     enum gc_global global, fits_fn fits)
{
	uint64_t candidates[GC_CANDIDATES_MAX];
	size_t cnt = gcstats_drop_others(g->prog, candidates,
					 program_gc_candidates(g->prog, global, candidates));
	const struct timespec pause = { .tv_nsec = NS_PER_MS };

	/* At the end of a cycle nothing fits for a moment. */
	for (int try = 0; try < TRIES; try++) {
		for (size_t i = 0; i < cnt; i++)
			if (fits(g, heap, candidates[i]))
				return candidates[i];
		nanosleep(&pause, NULL);
	}
	return 0;
}

/* A heap that changes by an eighth in a moment cannot be compared with anything. */
static struct err *gcstats_no_controller(const struct heap *heap)
{
	const struct timespec pause = { .tv_nsec = 5 * NS_PER_MS };
	uint64_t a = 0, b = 0;

	err_free(gcstats_read_in_use(heap, &a));
	nanosleep(&pause, NULL);
	err_free(gcstats_read_in_use(heap, &b));
	return err_new(ERR_UNSUPPORTED, "runtime.gcController cannot be found%s",
		       (a > b ? a - b : b - a) > a / 8 ? ": the heap moved too fast" : "");
}

struct err *gcstats_open(const struct heap *heap, struct gcstats *ret, struct gc_sample *first_ret)
{
	struct gcstats g = { .prog = heap->prog };

	if (g.prog->layout.gc.numgc == OFF_NONE)
		return err_new(ERR_UNSUPPORTED,
			       "the program's DWARF lacks the collector's counters");
	g.memstats = gcstats_find(&g, heap, GC_MEMSTATS, memstats_fits);
	if (!g.memstats)
		return err_new(ERR_UNSUPPORTED, "runtime.memstats cannot be found");
	g.controller = gcstats_find(&g, heap, GC_CONTROLLER_STATE, controller_fits);
	if (!g.controller)
		return gcstats_no_controller(heap);
	struct err *err = gcstats_read(&g, first_ret);
	if (err)
		return err;
	log_debug("runtime.memstats at 0x%llx, gcController at 0x%llx, work at 0x%llx",
		  (unsigned long long)g.memstats, (unsigned long long)g.controller,
		  (unsigned long long)g.work);
	*ret = g;
	return NULL;
}

struct err *gcstats_read(struct gcstats *g, struct gc_sample *ret)
{
	struct gc_sample s = { 0 };
	struct err *err = gcstats_read_memstats(g, g->memstats, &s);

	if (!err)
		err = gcstats_read_controller(g, g->controller, &s);
	/* Once the first cycle has ended it can be proved. */
	if (!err && !g->work && s.cycles != g->sought_at) {
		g->sought_at = s.cycles;
		g->work = gcstats_find(g, NULL, GC_WORK, work_fits);
	}
	if (!err && g->work) {
		err = gcstats_read_times(g, g->work, &s);
		s.cpu_known = !err;
		if (err_is(err, ERR_FORMAT)) {
			err_free(err);
			err = gcstats_read_memstats(g, g->memstats, &s);
		}
	}
	if (!err)
		*ret = s;
	return err;
}

/* ---- windows ---- */

bool gc_window(const struct gc_sample *from, const struct gc_sample *to, struct gc_window *ret)
{
	struct gc_window w = { .pause_max_known = true };

	if (to->cycles < from->cycles || to->forced_cycles < from->forced_cycles ||
	    to->pause_total_ns < from->pause_total_ns)
		return false;
	w.cycles = to->cycles - from->cycles;
	w.forced_cycles = to->forced_cycles - from->forced_cycles;
	w.pause_total_ns = to->pause_total_ns - from->pause_total_ns;
	w.pause_max_known = w.cycles <= GC_RING;
	for (uint64_t i = 0; i < w.cycles && i < GC_RING; i++) {
		uint64_t ns = to->pause_ns[(to->cycles - 1 - i) % GC_RING];

		w.pause_max_ns = ns > w.pause_max_ns ? ns : w.pause_max_ns;
	}
	if (w.cycles)
		w.pause_last_ns = to->pause_ns[(to->cycles - 1) % GC_RING];
	if (w.cycles && from->cpu_known && to->cpu_known && to->cpu_gc_ns >= from->cpu_gc_ns &&
	    to->cpu_all_ns > from->cpu_all_ns) {
		w.cpu_share = (double)(to->cpu_gc_ns - from->cpu_gc_ns) /
			      (double)(to->cpu_all_ns - from->cpu_all_ns);
		w.cpu_share_known = w.cpu_share <= 1;
	}
	*ret = w;
	return true;
}
