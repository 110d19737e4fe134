// SPDX-License-Identifier: GPL-2.0-only
#include "graph/specials.h"

#include <string.h>

#include "base/cursor.h"
#include "base/radix.h"
#include "base/vec.h"

enum {
	SPECIALS_BATCH = 4096,
	SPECIALS_MAX = 1 << 24, /* in a heap: lists of a hostile target may be rings */
	DESCS_MAX = 1 << 26,

	/* Offsets in runtime.special: an uint16 offset up to 1.23, an uintptr from 1.24 on (Go
	 * source: runtime/mheap.go special). What the kind keeps follows after it. */
	SPECIAL_NEXT = 0,
	SPECIAL_OFFSET = 8,
	SPECIAL_KIND_OLD = 10,
	SPECIAL_KIND = 16,
	SPECIAL_WORDS_OLD = 16,
	SPECIAL_WORDS_AT = 24,
	SPECIAL_SZ = 24, /* all kinds have that much */
	SPECIAL_SZ_MAX = 56,
};

/* What kind an object's special is, as far as it matters. */
enum special_kind {
	SPECIAL_NOTHING, /* a sample of a profile, a counter of pins, debugging */
	SPECIAL_KEEPS, /* the object: a finalizer or a weak handle */
	SPECIAL_HAS, /* only what is in it: a cleanup */
};

/* Go source: runtime/mheap.go _KindSpecialFinalizer and the others (go-runtime facts 4.8). */
static enum special_kind special_kind_of(unsigned int minor, uint8_t kind)
{
	uint8_t finalizer = minor >= 25 ? 2 : 1;
	uint8_t weak = minor >= 25 ? 3 : minor >= 23 ? 2 : 0;
	uint8_t cleanup = minor >= 25 ? 7 : minor == 24 ? 6 : 0;

	if (kind == finalizer || (weak && kind == weak))
		return SPECIAL_KEEPS;
	return cleanup && kind == cleanup ? SPECIAL_HAS : SPECIAL_NOTHING;
}

/* A special to read, and the span that it is of. */
struct special_place {
	uint64_t addr;
	uint64_t span_base;
};

struct specials_reader {
	const struct heap *heap;
	struct mem *mem;
	special_fn visit;
	void *ctx;
	unsigned int minor;
	VEC(struct special_place) todo;
	uint64_t seen;
};

static struct err *specials_decode(struct specials_reader *r, const struct special_place *at,
				   const uint8_t *bytes)
{
	bool old = r->minor < 24;
	uint64_t off = old ? load_u16(bytes, SPECIAL_OFFSET) : load_u64(bytes, SPECIAL_OFFSET);
	enum special_kind kind =
		special_kind_of(r->minor, bytes[old ? SPECIAL_KIND_OLD : SPECIAL_KIND]);
	struct special sp = { .object = kind == SPECIAL_KEEPS ? at->span_base + off : 0 };
	struct special_place next = { load_u64(bytes, SPECIAL_NEXT), at->span_base };

	memcpy(sp.words, bytes + (old ? SPECIAL_WORDS_OLD : SPECIAL_WORDS_AT), sizeof(sp.words));
	struct err *err = kind == SPECIAL_NOTHING ? NULL : r->visit(r->ctx, &sp);
	if (!err && next.addr && !vec_push(&r->todo, next))
		err = err_nomem();
	return err;
}

/* Reads the specials that are to be read, up to a batch of them: mostly the last ones. */
static struct err *specials_read_batch(struct specials_reader *r)
{
	size_t n = r->todo.len < SPECIALS_BATCH ? r->todo.len : SPECIALS_BATCH;
	_cleanup_free_ uint8_t *buf = calloc(n + 1, SPECIAL_SZ_MAX);
	_cleanup_free_ struct mem_req *reqs = malloc((n + 1) * sizeof(*reqs));
	_cleanup_free_ struct special_place *at = malloc((n + 1) * sizeof(*at));
	struct err *err = buf && reqs && at ? NULL : err_nomem();

	if (err)
		return err;
	r->todo.len -= n;
	memcpy(at, r->todo.data + r->todo.len, n * sizeof(*at));
	for (size_t i = 0; i < n; i++)
		reqs[i] = (struct mem_req){ at[i].addr, SPECIAL_SZ_MAX, false,
					    buf + i * SPECIAL_SZ_MAX };
	err = mem_gather(r->mem, reqs, n);
	for (size_t i = 0; !err && i < n; i++) {
		uint8_t *bytes = reqs[i].dst;
		struct mem_req part = { reqs[i].addr, SPECIAL_SZ, false, bytes };

		/* The last ones of a mapping may be smaller. */
		if (!reqs[i].ok)
			err = r->mem->read_reqs(r->mem, &part, 1);
		if (!err && (reqs[i].ok || part.ok))
			err = specials_decode(r, &at[(bytes - buf) / SPECIAL_SZ_MAX], bytes);
	}
	r->seen += n;
	if (!err && r->seen > SPECIALS_MAX)
		err = err_new(ERR_UNSUPPORTED, "the lists of finalizers have no end");
	return err;
}

/* Adds the first special of each of cnt spans. */
static struct err *specials_add_spans(struct specials_reader *r, const struct span *spans,
				      size_t cnt, uint64_t *firsts, struct mem_req *reqs)
{
	size_t n = 0;

	memset(firsts, 0, cnt * sizeof(*firsts));
	for (size_t i = 0; i < cnt; i++)
		if (spans[i].state == SPAN_IN_USE)
			reqs[n++] = (struct mem_req){ span_desc(&spans[i]) +
							      r->heap->prog->layout.mspan.specials,
						      8, false, &firsts[i] };
	struct err *err = mem_gather(r->mem, reqs, n);
	for (size_t i = 0; !err && i < n; i++)
		if (!reqs[i].ok)
			*(uint64_t *)reqs[i].dst = 0;
	for (size_t i = 0; !err && i < cnt; i++) {
		struct special_place at = { firsts[i], span_base(&spans[i]) };

		if (firsts[i] && !vec_push(&r->todo, at))
			err = err_nomem();
	}
	return err;
}

struct err *specials_visit(const struct heap *heap, special_fn visit, void *ctx)
{
	_cleanup_free_ struct mem_req *reqs = malloc(SPECIALS_BATCH * sizeof(*reqs));
	_cleanup_free_ uint64_t *firsts = malloc(SPECIALS_BATCH * sizeof(*firsts));
	struct specials_reader r = {
		.heap = heap,
		.mem = &heap->prog->target->mem,
		.visit = visit,
		.ctx = ctx,
		.minor = heap->prog->image.build.minor,
	};
	struct err *err = reqs && firsts ? NULL : err_nomem();

	if (!err && heap->prog->layout.mspan.specials == OFF_NONE)
		err = err_new(ERR_UNSUPPORTED, "the lists of finalizers cannot be found");
	for (size_t i = 0; !err && i < heap->spans.len; i += SPECIALS_BATCH) {
		size_t left = heap->spans.len - i;

		err = specials_add_spans(&r, &heap->spans.data[i],
					 left < SPECIALS_BATCH ? left : SPECIALS_BATCH, firsts,
					 reqs);
		while (!err && r.todo.len)
			err = specials_read_batch(&r);
	}
	vec_fini(&r.todo);
	return err;
}

/* ---- descriptors ---- */

struct err *span_descs_read(const struct heap *heap, struct span_descs *ret)
{
	struct mem *mem = &heap->prog->target->mem;
	uint64_t slice[3];
	struct err *err = mem_read(mem, heap->mheap + heap->prog->layout.mheap.allspans, slice,
				   sizeof(slice));

	if (!err && (!slice[1] || slice[1] > slice[2] || slice[1] > DESCS_MAX))
		err = err_new(ERR_UNSUPPORTED, "allspans is not a slice");
	if (err)
		return err;
	ret->addrs = malloc(slice[1] * sizeof(*ret->addrs));
	if (!ret->addrs)
		return err_nomem();
	ret->cnt = slice[1];
	err = mem_read(mem, slice[0], ret->addrs, slice[1] * sizeof(*ret->addrs));
	if (!err)
		radix_sort(ret->addrs, ret->cnt, sizeof(*ret->addrs), 0);
	return err;
}

void span_descs_fini(struct span_descs *descs)
{
	free(descs->addrs);
	*descs = (struct span_descs){ 0 };
}

size_t span_descs_after(const struct span_descs *descs, uint64_t addr)
{
	size_t lo = 0, hi = descs->cnt;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (descs->addrs[mid] + MSPAN_SZ_MAX <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}
