// SPDX-License-Identifier: GPL-2.0-only
#include "heap/goroutines.h"

#include "base/cursor.h"
#include "base/log.h"

enum {
	GOROUTINES_MAX = 1 << 24,
	BATCH = 8192,
	TRIES = 4, /* for a stack that moves while we read */

	STACK_SZ_MIN = 2048,
	STACK_SZ_MAX = 1 << 30,
};

enum goroutine_kind {
	KIND_NONE, /* it has no frames */
	KIND_LIVE,
	KIND_UNREAD, /* its stack is in no span of stacks that we have read */
	KIND_INSANE,
};

static bool is_stack(uint64_t lo, uint64_t hi)
{
	uint64_t sz = hi - lo;

	/* stackalloc() makes only sizes that are powers of two. */
	return lo < hi && sz >= STACK_SZ_MIN && sz <= STACK_SZ_MAX && !(sz & (sz - 1)) &&
	       lo % STACK_SZ_MIN == 0;
}

/* The bytes that we read of a runtime.g. */
static uint32_t goroutine_bytes(const struct heap *heap)
{
	return heap->prog->layout.g.status + 4;
}

static bool goroutine_stack_fits(const struct goroutine *g, const struct span *s)
{
	return s && g->hi <= span_base(s) + span_bytes(s);
}

/* Fills in the stack of a goroutine from the bytes of its runtime.g. */
static enum goroutine_kind goroutine_decode(const struct heap *heap, const uint8_t *bytes,
					    struct goroutine *g)
{
	uint32_t status = load_u32(bytes, heap->prog->layout.g.status) & ~G_SCAN;

	g->lo = load_u64(bytes, G_STACK_LO);
	g->hi = load_u64(bytes, G_STACK_HI);
	g->sp = load_u64(bytes, G_SCHED_SP);
	switch (status) {
	case G_RUNNABLE:
	case G_SYSCALL: /* entersyscall() also notes where the frames begin */
	case G_WAITING:
	case G_PREEMPTED:
	case G_LEAKED:
		g->running = false;
		break;
	case G_RUNNING:
	case G_COPYSTACK:
		g->running = true;
		break;
	case G_IDLE:
	case G_DEAD:
	case G_DEADEXTRA:
		return KIND_NONE;
	default:
		return KIND_INSANE;
	}
	if (!is_stack(g->lo, g->hi))
		return KIND_INSANE;
	/* It was read while it changed its state, so nothing is known, as for a running one. */
	g->running |= g->sp < g->lo || g->sp > g->hi || g->sp % 8;
	if (g->running)
		g->sp = g->lo;
	return goroutine_stack_fits(g, heap_manual_span(heap, g->lo)) ? KIND_LIVE : KIND_UNREAD;
}

/*
 * Looks for the stack of a goroutine in the heap as it is now. A goroutine gets another stack at
 * any time, in a span that may be newer than those that we have read. bytes are as long as for
 * goroutine_decode().
 */
static struct err *goroutine_find_stack(const struct heap *heap, struct goroutine *g,
					uint8_t *bytes, enum goroutine_kind *kind)
{
	struct mem *mem = &heap->prog->target->mem;
	struct err *err = NULL;

	for (int i = 0; !err && *kind == KIND_UNREAD && i < TRIES; i++) {
		struct span now;

		err = heap_read_span(heap, mem, g->lo, &now);
		if (!err && now.state == SPAN_MANUAL && goroutine_stack_fits(g, &now)) {
			*kind = KIND_LIVE;
			return NULL;
		}
		if (!err)
			err = mem_read(mem, g->g, bytes, goroutine_bytes(heap));
		if (!err)
			*kind = goroutine_decode(heap, bytes, g);
	}
	if (*kind == KIND_UNREAD)
		*kind = KIND_INSANE;
	if (!err_is(err, ERR_FAULT))
		return err;
	err_free(err);
	return NULL;
}

/* Reads up to BATCH goroutines at their `g`. kinds[i] tells the result for each. */
static struct err *goroutines_read_batch(struct heap *heap, struct goroutine *list, size_t n,
					 enum goroutine_kind *kinds)
{
	uint32_t sz = goroutine_bytes(heap);
	_cleanup_free_ struct mem_req *reqs = malloc(n * sizeof(*reqs) + 1);
	_cleanup_free_ uint8_t *buf = malloc(n * sz + 1);

	if (!reqs || !buf)
		return err_nomem();
	for (size_t i = 0; i < n; i++) {
		kinds[i] = KIND_INSANE;
		reqs[i] = (struct mem_req){ list[i].g, sz, false, buf + i * sz };
	}
	struct err *err = mem_gather(&heap->prog->target->mem, reqs, n);
	for (size_t r = 0; !err && r < n; r++) {
		size_t i = ((uint8_t *)reqs[r].dst - buf) / sz;

		if (reqs[r].ok)
			kinds[i] = goroutine_decode(heap, reqs[r].dst, &list[i]);
		if (kinds[i] == KIND_UNREAD)
			err = goroutine_find_stack(heap, &list[i], reqs[r].dst, &kinds[i]);
	}
	return err;
}

/* The heap changes while we read it, so a few misfits are expected, and many are not. */
static bool goroutines_tolerate(uint64_t bad, uint64_t all)
{
	return bad * 50 <= all;
}

static void goroutines_add_dead(struct goroutines *gs, const struct goroutine *g)
{
	gs->dead_cnt++;
	if (is_stack(g->lo, g->hi))
		gs->dead_stack_bytes += g->hi - g->lo;
}

/* Reads the goroutines in the slice at addr, as if it were runtime.allgs. */
static struct err *goroutines_load(struct goroutines *gs, struct heap *heap, uint64_t addr)
{
	uint64_t slice[3]; /* pointer, len, cap */
	uint64_t good = 0, bad = 0;
	struct mem *mem = &heap->prog->target->mem;
	struct object o;
	struct span now; /* a list that has grown is newer than the heap that we have read */
	struct err *err = mem_read(mem, addr, slice, sizeof(slice));

	gs->list.len = 0;
	gs->dead_cnt = gs->dead_stack_bytes = 0;
	if (!err)
		err = heap_read_span(heap, mem, slice[0], &now);
	if (err)
		return err;
	if (!slice[1] || slice[1] > slice[2] || slice[2] > GOROUTINES_MAX || slice[0] % 8 ||
	    now.state != SPAN_IN_USE || !span_object(heap, &now, slice[0], &o) ||
	    o.slot + o.size - slice[0] < slice[2] * 8)
		return err_new(ERR_UNSUPPORTED, "not a slice");

	_cleanup_free_ uint64_t *ptrs = malloc(slice[1] * sizeof(*ptrs));
	_cleanup_free_ struct goroutine *batch = malloc(BATCH * sizeof(*batch));
	_cleanup_free_ enum goroutine_kind *kinds = malloc(BATCH * sizeof(*kinds));
	if (!ptrs || !batch || !kinds)
		return err_nomem();
	err = mem_read(mem, slice[0], ptrs, slice[1] * sizeof(*ptrs));
	for (uint64_t done = 0; !err && done < slice[1]; done += BATCH) {
		size_t n = slice[1] - done < BATCH ? slice[1] - done : BATCH;

		for (size_t i = 0; i < n; i++)
			batch[i] = (struct goroutine){ .g = ptrs[done + i] };
		err = goroutines_read_batch(heap, batch, n, kinds);
		for (size_t i = 0; !err && i < n; i++) {
			good += kinds[i] == KIND_LIVE;
			bad += kinds[i] == KIND_INSANE;
			if (kinds[i] == KIND_NONE)
				goroutines_add_dead(gs, &batch[i]);
			if (kinds[i] == KIND_LIVE && !vec_push(&gs->list, batch[i]))
				err = err_nomem();
		}
	}
	if (!err && (!good || !goroutines_tolerate(bad, good + bad)))
		err = err_new(ERR_UNSUPPORTED, "%llu of %llu are not goroutines",
			      (unsigned long long)bad, (unsigned long long)slice[1]);
	return err;
}

struct err *goroutines_init(struct goroutines *gs, struct heap *heap)
{
	uint64_t candidates[ALLGS_CANDIDATES_MAX];
	size_t cnt = program_allgs_candidates(heap->prog, candidates);

	*gs = (struct goroutines){ 0 };
	for (size_t i = 0; i < cnt; i++) {
		struct err *err = goroutines_load(gs, heap, candidates[i]);

		if (!err) {
			log_debug("runtime.allgs at 0x%llx, %zu goroutines",
				  (unsigned long long)candidates[i], gs->list.len);
			return NULL;
		}
		if (!err_is(err, ERR_UNSUPPORTED) && !err_is(err, ERR_FAULT)) {
			goroutines_fini(gs);
			return err;
		}
		err_free(err);
	}
	goroutines_fini(gs);
	return err_new(ERR_UNSUPPORTED, "runtime.allgs cannot be found");
}

void goroutines_fini(struct goroutines *gs)
{
	vec_fini(&gs->list);
}

struct err *goroutines_reread(struct heap *heap, struct goroutine *list, size_t n)
{
	_cleanup_free_ enum goroutine_kind *kinds = malloc(BATCH * sizeof(*kinds));
	struct err *err = kinds ? NULL : err_nomem();

	for (size_t done = 0; !err && done < n; done += BATCH) {
		size_t now = n - done < BATCH ? n - done : BATCH;

		err = goroutines_read_batch(heap, list + done, now, kinds);
		for (size_t i = 0; !err && i < now; i++)
			if (kinds[i] != KIND_LIVE)
				list[done + i].lo = list[done + i].hi = list[done + i].sp = 0;
	}
	return err;
}
