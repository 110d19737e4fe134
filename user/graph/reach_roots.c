// SPDX-License-Identifier: GPL-2.0-only
#include "graph/reach_roots.h"

#include <string.h>

#include "graph/specials.h"
#include "heap/goroutines.h"
#include "heap/metadata.h"

enum {
	ROOT_BUF_SZ = 256 << 10,
	STACK_REQS = 64,
	/* Smaller stacks have no page that nobody ever wrote to. */
	STACK_SPARSE_MIN = 16 << 10,
};

/* More than this is not read: it would take seconds. */
#define STACKS_BYTES_MAX (1ull << 30)

struct root_reader {
	struct reach_roots *rr;
	reach_root_fn visit;
	void *ctx;
	uint64_t *buf; /* ROOT_BUF_SZ bytes */
};

static struct err *root_word(const struct root_reader *r, uint64_t value, enum graph_root_kind kind,
			     uint64_t word)
{
	uint32_t nth = objects_number(r->rr->objs, value);
	struct graph_root root = { nth, kind, word };

	return nth != OBJECT_NO_NUMBER && objects_is_used(r->rr->objs, nth)
		       ? r->visit(r->ctx, &root)
		       : NULL;
}

/* ---- variables ---- */

static struct err *root_read_range(struct root_reader *r, const struct data_range *range)
{
	const struct program *prog = r->rr->objs->heap->prog;
	struct mem *mem = data_range_mem(prog, range);
	uint64_t words = data_range_words(range);
	struct err *err = NULL;

	for (uint64_t w = 0; !err && w < words; w += ROOT_BUF_SZ / 8) {
		uint64_t n = words - w < ROOT_BUF_SZ / 8 ? words - w : ROOT_BUF_SZ / 8;
		struct mem_req req = { range->start + 8 * w, 8 * n, false, r->buf };

		err = mem->read_reqs(mem, &req, 1);
		if (!err && !req.ok)
			err = err_new(ERR_UNSUPPORTED, "some variables could not be read");
		for (uint64_t i = 0; !err && i < n; i++)
			if (data_range_is_pointer(range, w + i))
				err = root_word(r, r->buf[i], ROOT_VARIABLE,
						range->start + 8 * (w + i));
	}
	return err;
}

static struct err *root_read_variables(struct root_reader *r)
{
	const struct data_roots *d = &r->rr->variables;
	struct err *err = NULL;

	for (size_t i = 0; !err && i < d->cnt; i++)
		if (d->ranges[i].mask)
			err = root_read_range(r, &d->ranges[i]);
	return err;
}

/* ---- stacks ---- */

/* A part of a stack that is read. */
struct stack_part {
	const struct goroutine *g;
	struct seen_stack *seen;
	uint64_t addr;
	uint32_t len;
	bool last; /* of its stack */
};

struct stack_reader {
	struct root_reader *r;
	struct stack_part parts[STACK_REQS];
	struct mem_req reqs[STACK_REQS];
	size_t cnt;
	uint32_t bytes; /* in the buffer */
	uint64_t hash; /* of the stack that is read in parts */
	uint64_t first; /* index in `words` of its first word */
	/* The words of a stack that lead to objects, until it is known whether it changed. */
	VEC(struct graph_root) words;
};

static struct err *stack_end(struct stack_reader *s, const struct stack_part *p)
{
	struct root_reader *r = s->r;
	struct seen_stack *seen = p->seen;
	bool known = seen->read_cnt;
	struct err *err = NULL;

	seen->active |= p->g->running || (known && (seen->hash != s->hash || seen->sp != p->g->sp ||
						    seen->lo != p->g->lo));
	seen->lo = p->g->lo;
	seen->sp = p->g->sp;
	seen->hash = s->hash;
	seen->read_cnt = r->rr->read_cnt;
	for (size_t i = 0; !err && i < s->words.len; i++)
		if (seen->active || s->words.data[i].word >= p->g->sp)
			err = r->visit(r->ctx, &s->words.data[i]);
	s->words.len = 0;
	s->hash = 0;
	return err;
}

static struct err *stack_add_words(struct stack_reader *s, const struct stack_part *p,
				   const uint64_t *words)
{
	const struct objects *objs = s->r->rr->objs;

	for (uint32_t i = 0; i < p->len / 8; i++) {
		uint32_t nth = objects_number(objs, words[i]);
		struct graph_root root = { nth, ROOT_STACK, p->addr + 8 * i };

		s->hash = (s->hash ^ words[i]) * 0x9e3779b97f4a7c15;
		s->hash ^= s->hash >> 29;
		if (nth != OBJECT_NO_NUMBER && objects_is_used(objs, nth) &&
		    !vec_push(&s->words, root))
			return err_nomem();
	}
	return NULL;
}

static struct err *stack_read_reqs(struct stack_reader *s)
{
	struct mem *mem = &s->r->rr->objs->heap->prog->target->mem;
	const struct residency *residency = s->r->rr->residency;
	struct mem_req plain[STACK_REQS];
	size_t of[STACK_REQS], n = 0;
	struct err *err = NULL;

	for (size_t i = 0; !err && i < s->cnt; i++) {
		if (s->parts[i].g->hi - s->parts[i].g->lo >= STACK_SPARSE_MIN) {
			err = residency_read(residency, mem, &s->reqs[i]);
			continue;
		}
		of[n] = i;
		plain[n++] = s->reqs[i];
	}
	if (!err && n)
		err = mem->read_reqs(mem, plain, n);
	for (size_t i = 0; !err && i < n; i++)
		s->reqs[of[i]].ok = plain[i].ok;
	return err;
}

static struct err *stack_flush(struct stack_reader *s)
{
	struct err *err = stack_read_reqs(s);

	for (size_t i = 0; !err && i < s->cnt; i++) {
		struct stack_part *p = &s->parts[i];

		/* The stack is gone: its goroutine has another one, or has ended. */
		if (!s->reqs[i].ok)
			p->seen->active = true;
		else
			err = stack_add_words(s, p, s->reqs[i].dst);
		if (!err && p->last)
			err = stack_end(s, p);
	}
	s->cnt = s->bytes = 0;
	return err;
}

static struct err *stack_add(struct stack_reader *s, const struct goroutine *g,
			     struct seen_stack *seen)
{
	struct err *err = NULL;

	for (uint64_t at = g->lo; !err && at < g->hi;) {
		if (s->cnt == STACK_REQS || s->bytes == ROOT_BUF_SZ)
			err = stack_flush(s);
		uint64_t room = ROOT_BUF_SZ - s->bytes, left = g->hi - at;
		uint32_t len = left < room ? left : room;

		if (err)
			return err;
		s->parts[s->cnt] = (struct stack_part){ g, seen, at, len, len == left };
		s->reqs[s->cnt++] =
			(struct mem_req){ at, len, false, (uint8_t *)s->r->buf + s->bytes };
		s->bytes += len;
		at += len;
	}
	return err;
}

/* What is known of the goroutine's stack; SIZE_MAX: out of memory. */
static size_t root_seen_stack(struct reach_roots *rr, uint64_t g)
{
	size_t i = table_get(&rr->by_goroutine, g);

	if (i != TABLE_NONE)
		return i;
	if (!vec_push(&rr->stacks, (struct seen_stack){ 0 }) ||
	    !table_put(&rr->by_goroutine, g, rr->stacks.len - 1))
		return SIZE_MAX;
	return rr->stacks.len - 1;
}

static struct err *root_list_stacks(struct reach_roots *rr, const struct goroutines *gs)
{
	rr->stack_bytes = 0;
	for (size_t i = 0; i < gs->list.len; i++) {
		const struct goroutine *g = &gs->list.data[i];

		rr->stack_bytes += g->hi - g->lo;
		if (root_seen_stack(rr, g->g) == SIZE_MAX)
			return err_nomem();
	}
	if (rr->stack_bytes > STACKS_BYTES_MAX)
		return err_new(ERR_UNSUPPORTED, "goroutines have more than 1 GiB of stacks");
	return NULL;
}

static struct err *root_read_stacks(struct root_reader *r)
{
	_cleanup_(goroutines_fini) struct goroutines gs = { 0 };
	struct stack_reader s = { .r = r };
	struct reach_roots *rr = r->rr;
	struct err *err = goroutines_init(&gs, rr->objs->heap);

	if (!err)
		err = root_list_stacks(rr, &gs);
	for (size_t i = 0; !err && i < gs.list.len; i++) {
		const struct goroutine *g = &gs.list.data[i];

		err = stack_add(&s, g, &rr->stacks.data[root_seen_stack(rr, g->g)]);
	}
	if (!err)
		err = stack_flush(&s);
	vec_fini(&s.words);
	return err;
}

/* ---- what the runtime has beside the heap ---- */

static struct err *root_read_special(void *ctx, const struct special *sp)
{
	struct root_reader *r = ctx;
	struct err *err = root_word(r, sp->object, ROOT_SPECIAL, 0);

	for (size_t i = 0; !err && i < SPECIAL_WORDS; i++)
		err = root_word(r, sp->words[i], ROOT_SPECIAL, 0);
	return err;
}

/* The words of a block, but not those of span descriptors in it, which are sorted. */
static struct err *root_read_block(struct root_reader *r, const struct address_range *b,
				   const struct span_descs *descs)
{
	struct mem *mem = &r->rr->objs->heap->prog->target->mem;
	uint32_t desc_sz = r->rr->objs->heap->prog->layout.mspan.size;
	size_t next = span_descs_after(descs, b->base);
	struct err *err = NULL;

	for (uint64_t at = b->base; !err && at < b->limit; at += ROOT_BUF_SZ) {
		uint64_t len = b->limit - at < ROOT_BUF_SZ ? b->limit - at : ROOT_BUF_SZ;
		struct mem_req req = { at, len, false, r->buf };

		err = residency_read(r->rr->residency, mem, &req);
		if (!err && !req.ok)
			err = err_new(ERR_UNSUPPORTED, "memory of the runtime could not be read");
		for (uint64_t i = 0; !err && i < len / 8; i++) {
			uint64_t word = at + 8 * i;

			while (next < descs->cnt && descs->addrs[next] + desc_sz <= word)
				next++;
			if (next == descs->cnt || word < descs->addrs[next])
				err = root_word(r, r->buf[i], ROOT_RUNTIME, word);
		}
	}
	return err;
}

static struct err *root_read_runtime(struct root_reader *r)
{
	_cleanup_(metadata_fini) struct metadata md = { 0 };
	_cleanup_(span_descs_fini) struct span_descs descs = { 0 };
	struct heap *heap = r->rr->objs->heap;
	struct err *err = metadata_init_persistent(&md, heap);

	if (!err && md.missing)
		err = err_new(ERR_UNSUPPORTED, "%s cannot be found", md.missing);
	if (!err)
		err = span_descs_read(heap, &descs);
	for (size_t i = 0; !err && i < md.blocks.len; i++)
		err = root_read_block(r, &md.blocks.data[i], &descs);
	return err;
}

/* ---- all of them ---- */

struct err *reach_roots_init(struct reach_roots *rr, const struct objects *objs,
			     const struct residency *residency)
{
	*rr = (struct reach_roots){ .objs = objs, .residency = residency };
	struct err *err = data_roots_read(objs->heap->prog, &rr->variables);

	if (!err && rr->variables.left_out)
		err = err_new(ERR_UNSUPPORTED, "the variables of a module are not known");
	return err;
}

void reach_roots_fini(struct reach_roots *rr)
{
	data_roots_fini(&rr->variables);
	table_fini(&rr->by_goroutine);
	vec_fini(&rr->stacks);
}

struct err *reach_roots_read(struct reach_roots *rr, reach_root_fn visit, void *ctx)
{
	_cleanup_free_ uint64_t *buf = malloc(ROOT_BUF_SZ);
	struct root_reader r = { .rr = rr, .visit = visit, .ctx = ctx, .buf = buf };

	if (!buf)
		return err_nomem();
	rr->read_cnt++;
	struct err *err = root_read_stacks(&r);
	if (!err)
		err = root_read_variables(&r);
	if (!err)
		err = specials_visit(rr->objs->heap, root_read_special, &r);
	return err ? err : root_read_runtime(&r);
}
