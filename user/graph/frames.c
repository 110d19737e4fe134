// SPDX-License-Identifier: GPL-2.0-only
#include "graph/frames.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/radix.h"
#include "process/lines.h"

enum {
	STACK_READ_SZ = 64 << 10,
	FRAMES_MAX = 512,
	HEAD_SZ = 2048,
};

struct err *frames_init(struct frames *f, struct heap *heap)
{
	*f = (struct frames){ .heap = heap };
	struct err *err = goroutines_init(&f->goroutines, heap);

	f->known = !err;
	for (size_t i = 0; !err && i < f->goroutines.list.len; i++) {
		struct frames_stack stack = { f->goroutines.list.data[i].lo, i };

		if (!vec_push(&f->by_stack, stack))
			err = err_nomem();
	}
	radix_sort(f->by_stack.data, f->by_stack.len, sizeof(*f->by_stack.data),
		   offsetof(struct frames_stack, lo));
	if (!err_is_refusal(err))
		return err;
	log_debug("no frames: %s", err->msg);
	err_free(err);
	return NULL;
}

void frames_fini(struct frames *f)
{
	goroutines_fini(&f->goroutines);
	vec_fini(&f->by_stack);
	table_fini(&f->size_by_pc);
}

static struct err *frames_scan_one(const struct frames *f, uint32_t nth, frames_wants_fn wants,
				   void *ctx, uint64_t *buf, struct stack_words *ret)
{
	const struct goroutine *g = &f->goroutines.list.data[nth];

	for (uint64_t at = g->sp & ~7ull; at + 8 <= g->hi; at += STACK_READ_SZ) {
		uint64_t n = g->hi - at < STACK_READ_SZ ? g->hi - at : STACK_READ_SZ;
		struct mem *mem = &f->heap->prog->target->mem;
		struct mem_req req = { at, n, false, buf };
		struct err *err = mem->read_reqs(mem, &req, 1);

		if (err)
			return err;
		for (uint64_t i = 0; req.ok && i < n / 8; i++) {
			struct stack_word w = { at + 8 * i, buf[i], nth };

			if (wants(ctx, buf[i]) && !vec_push(&ret->list, w))
				return err_nomem();
		}
	}
	return NULL;
}

struct err *frames_scan(const struct frames *f, uint64_t bytes_max, frames_wants_fn wants,
			void *ctx, struct stack_words *ret)
{
	_cleanup_free_ uint64_t *buf = malloc(STACK_READ_SZ);
	uint64_t bytes = 0;
	struct err *err = buf ? NULL : err_nomem();

	for (size_t i = 0; !err && f->known && i < f->goroutines.list.len; i++) {
		const struct goroutine *g = &f->goroutines.list.data[i];

		bytes += g->hi - g->sp;
		if (bytes > bytes_max) {
			ret->cut = true;
			break;
		}
		err = frames_scan_one(f, i, wants, ctx, buf, ret);
	}
	return err;
}

bool frames_find(const struct frames *f, uint64_t addr, uint32_t *ret)
{
	size_t lo = 0, hi = f->by_stack.len;

	while (lo < hi) { /* finds the last one that starts at or before addr */
		size_t mid = lo + (hi - lo) / 2;

		if (f->by_stack.data[mid].lo <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (!lo)
		return false;
	*ret = f->by_stack.data[lo - 1].goroutine;
	return addr < f->goroutines.list.data[*ret].hi;
}

/* Reads what a goroutine was doing when it stopped: its stack pointer and pc, and its number. */
static bool frames_read_start(const struct frames *f, const struct goroutine *g, uint64_t *sp,
			      uint64_t *pc, uint64_t *goid)
{
	struct mem *mem = &f->heap->prog->target->mem;
	uint32_t goid_off = f->heap->prog->layout.g.goid;
	struct mem_req reqs[] = {
		{ g->g + G_SCHED_SP, 8, false, sp },
		{ g->g + G_SCHED_PC, 8, false, pc },
		{ g->g + goid_off, 8, false, goid },
	};
	_cleanup_err_ struct err *err = mem->read_reqs(mem, reqs, goid_off == OFF_NONE ? 2 : 3);

	return !err && reqs[0].ok && reqs[1].ok;
}

/* The first bytes of the frames of a goroutine, which most walks are done with. */
struct frames_head {
	uint64_t sp;
	uint64_t len;
	uint64_t words[HEAD_SZ / 8];
};

static void frames_read_head(const struct frames *f, const struct goroutine *g, uint64_t sp,
			     struct frames_head *ret)
{
	struct mem *mem = &f->heap->prog->target->mem;
	uint64_t len = sp >= g->lo && sp < g->hi ? g->hi - sp : 0;
	struct mem_req req = { sp, len < HEAD_SZ ? len : HEAD_SZ, false, ret->words };
	_cleanup_err_ struct err *err = req.len ? mem->read_reqs(mem, &req, 1) : NULL;

	ret->sp = sp;
	ret->len = !err && req.ok ? req.len : 0;
}

static bool frames_word(const struct frames *f, const struct frames_head *head, uint64_t addr,
			uint64_t *ret)
{
	if (addr % 8 == head->sp % 8 && addr >= head->sp && addr - head->sp + 8 <= head->len) {
		*ret = head->words[(addr - head->sp) / 8];
		return true;
	}
	_cleanup_err_ struct err *err = mem_read_u64(&f->heap->prog->target->mem, addr, ret);

	return !err;
}

/* What lines_frame_size() says; most goroutines wait in few places. */
static bool frames_size(struct frames *f, uint64_t pc, uint32_t *ret)
{
	size_t known = table_get(&f->size_by_pc, pc);

	if (known == TABLE_NONE) {
		known = lines_frame_size(f->heap->prog->lines, pc, ret) ? *ret + 1ull : 0;
		if (!table_put(&f->size_by_pc, pc, known))
			return false;
	}
	*ret = known - 1;
	return known;
}

/* Walks up the frames until the one that has addr. The walk ends where something does not
 * fit. */
static bool frames_walk(struct frames *f, const struct goroutine *g, uint64_t sp, uint64_t pc,
			uint64_t addr, uint64_t *pc_ret)
{
	struct frames_head head;

	frames_read_head(f, g, sp, &head);
	for (int i = 0; i < FRAMES_MAX && sp >= g->lo && sp < g->hi; i++) {
		uint64_t in = i ? pc - 1 : pc;
		uint32_t size;

		if (!frames_size(f, in, &size) || size > g->hi - sp)
			return false;
		/* Above the return address there are arguments, which are the caller's. */
		if (addr < sp + size + 8) {
			*pc_ret = in;
			return addr >= sp;
		}
		sp += size;
		if (!frames_word(f, &head, sp, &pc))
			return false;
		sp += 8;
	}
	return false;
}

static bool frames_name(const struct program *prog, uint64_t pc, char *buf, size_t buf_sz)
{
	const struct place *place = lines_of_call(prog->lines, pc + 1);

	if (!place->cnt)
		return false;
	snprintf(buf, buf_sz, "%s", place->frames[place->cnt - 1].function);
	return true;
}

struct err *frames_place(struct frames *f, uint32_t goroutine, uint64_t addr,
			 struct frame_place *ret)
{
	const struct goroutine *g = &f->goroutines.list.data[goroutine];
	uint64_t sp = 0, pc = 0, in;

	*ret = (struct frame_place){ .running = g->running };
	if (!frames_read_start(f, g, &sp, &pc, &ret->goid) || g->running)
		return NULL;
	if (!frames_walk(f, g, sp, pc, addr, &in) ||
	    !frames_name(f->heap->prog, in, ret->function, sizeof(ret->function)))
		ret->function[0] = '\0';
	return NULL;
}
