// SPDX-License-Identifier: GPL-2.0-only
#include "maps/classic_walk.h"

#include "base/cursor.h"

/* Chains longer than this do not come from hashing. A cycle is given up here. */
enum { CHAIN_LEVELS_MAX = 64 };

/* Buckets that the walk still has to visit. */
struct bucket_chain {
	VEC(uint64_t) addrs;
};

static void bucket_chain_fini(struct bucket_chain *c)
{
	vec_fini(&c->addrs);
}

int classic_bucket_filled(const uint8_t *bucket)
{
	uint64_t top = load_u64(bucket, 0);

	/* Sets the high bit of each byte that has it, or is at least TOPHASH_FILLED_MIN: what
	 * is added to the other seven bits carries into the high bit from there on. */
	top |= (top & EACH_BYTE * 0x7f) + EACH_BYTE * (0x80 - TOPHASH_FILLED_MIN);
	return byte_cnt(top >> 7 & EACH_BYTE);
}

/* Accounts for one overflow bucket; false when there cannot be one at its address. */
static bool classic_add_overflow(const struct classic_decoder *d, struct classic_work *w,
				 struct classic_array *a, uint64_t addr)
{
	const struct heap *heap = d->reader->heap;
	uint64_t *doubt = &d->batch->cands[w->at].doubt;
	struct object o;

	/* Hashing chains far fewer buckets: a cycle, or not a bucket at all. */
	if (++a->tally.overflow_cnt > 16 * a->cnt + 65536)
		return false;
	if (addr >= a->addr && addr < a->o.slot + a->o.size) {
		*doubt = a->addr;
		return (addr - a->addr) % w->bucket_sz == 0;
	}
	*doubt = addr;
	if (!heap_object(heap, addr, &o)) {
		if (!heap_is_unread(heap, addr))
			return false;
		/* Chained after the heap was read: the map is busy. */
		d->batch->cands[w->at].moved = d->batch->cands[w->at].outdated = true;
		w->unread = true;
		return true;
	}
	if (o.start != addr || !shape_alloc_fits(heap, &o, w->bucket_sz))
		return false;
	a->tally.overflow_bytes += o.size;
	a->tally.overflow_class = o.span->spanclass;
	a->tally.overflow_resident += batch_resident(d->reader, d->batch, w->at, &o);
	return true;
}

/* Counts one bucket and notes where its chain goes on. */
static struct err *classic_visit_bucket(const struct classic_decoder *d, struct classic_work *w,
					struct classic_array *a, const uint8_t *bucket,
					struct bucket_chain *next)
{
	uint64_t overflow = load_u64(bucket, w->bucket_sz - 8);

	a->tally.filled += classic_bucket_filled(bucket);
	if (!overflow)
		return NULL;
	w->sane = classic_add_overflow(d, w, a, overflow);
	return !w->sane || vec_push(&next->addrs, overflow) ? NULL : err_nomem();
}

static struct err *classic_visit_buckets(const struct classic_decoder *d, struct classic_work *w,
					 struct classic_array *a, const uint8_t *buckets, size_t n,
					 struct bucket_chain *next)
{
	struct err *err = NULL;

	for (size_t i = 0; i < n && w->sane && !err; i++)
		err = classic_visit_bucket(d, w, a, buckets + i * w->bucket_sz, next);
	if (!err && w->sane && d->visitor)
		w->sane = d->visitor->visit(d->visitor->ctx, buckets, n);
	return err;
}

static struct err *classic_walk_base(const struct classic_decoder *d, struct classic_work *w,
				     struct classic_array *a, struct bucket_chain *next)
{
	struct err *err = NULL;

	if (a->ahead)
		return classic_visit_buckets(d, w, a, a->ahead, a->cnt, next);
	uint64_t a_read = BUCKETS_READ_SZ / w->bucket_sz;
	for (uint64_t done = a->first; done < a->end && w->sane && !err; done += a_read) {
		uint64_t n = a->end - done < a_read ? a->end - done : a_read;
		struct mem_req req = { a->addr + done * w->bucket_sz, n * w->bucket_sz, false,
				       d->buf };

		err = residency_read(d->reader->residency, d->reader->mem, &req);
		w->sane = req.ok;
		w->failed |= !err && !req.ok;
		if (!err)
			err = classic_visit_buckets(d, w, a, d->buf, n, next);
	}
	return err;
}

/* Visits the buckets in level and notes their successors in next. */
static struct err *classic_walk_level(const struct classic_decoder *d, struct classic_work *w,
				      struct classic_array *a, const struct bucket_chain *level,
				      struct bucket_chain *next)
{
	size_t a_read = BUCKETS_READ_SZ / w->bucket_sz;
	_cleanup_free_ struct mem_req *reqs = malloc(a_read * sizeof(*reqs));
	struct err *err = reqs ? NULL : err_nomem();

	for (size_t done = 0; done < level->addrs.len && w->sane && !err; done += a_read) {
		size_t left = level->addrs.len - done;
		size_t n = left < a_read ? left : a_read;

		for (size_t i = 0; i < n; i++)
			reqs[i] = (struct mem_req){ level->addrs.data[done + i], w->bucket_sz,
						    false, d->buf + i * w->bucket_sz };
		err = mem_gather(d->reader->mem, reqs, n);
		for (size_t i = 0; i < n && !err; i++) {
			w->sane &= reqs[i].ok;
			w->failed |= !reqs[i].ok;
		}
		if (!err)
			err = classic_visit_buckets(d, w, a, d->buf, n, next);
	}
	return err;
}

struct err *classic_walk_array(const struct classic_decoder *d, struct classic_work *w,
			       struct classic_array *a)
{
	_cleanup_(bucket_chain_fini) struct bucket_chain level = { 0 };
	struct err *err;

	a->tally = (struct classic_tally){ 0 };
	if (!a->cnt)
		return NULL;
	err = classic_walk_base(d, w, a, &level);
	for (int depth = 0; level.addrs.len && w->sane && !err; depth++) {
		struct bucket_chain next = { 0 };

		w->sane = depth < CHAIN_LEVELS_MAX;
		err = classic_walk_level(d, w, a, &level, &next);
		bucket_chain_fini(&level);
		level = next;
	}
	return err;
}

struct err *classic_try_size(const struct classic_decoder *d, struct classic_work *w,
			     uint16_t bucket_sz)
{
	w->bucket_sz = bucket_sz;
	w->sane = classic_array_has_room(&w->now, bucket_sz) &&
		  (!w->grows || classic_array_has_room(&w->old, bucket_sz));
	struct err *err = w->sane && w->grows ? classic_walk_array(d, w, &w->old) : NULL;

	return err || !w->sane ? err : classic_walk_array(d, w, &w->now);
}

bool classic_adds_up(const struct classic_work *w, uint64_t found, bool several)
{
	return found == w->h.count && (!several || w->now.tally.overflow_cnt == w->h.noverflow);
}

static bool is_closer(uint64_t a, uint64_t b, uint64_t to)
{
	uint64_t off_a = a > to ? a - to : to - a, off_b = b > to ? b - to : to - b;

	return off_a < off_b;
}

struct err *classic_try_sizes(const struct classic_decoder *d, struct classic_work *w,
			      const struct shape *shape, struct classic_sizes *ret)
{
	bool any_sane = false;

	ret->cnt = 0;
	for (uint8_t i = 0; i < shape->size_cnt; i++) {
		struct err *err = classic_try_size(d, w, shape->sizes[i]);

		if (err)
			return err;
		if (!w->sane)
			continue;
		uint64_t found = w->now.tally.filled + (w->grows ? w->old.tally.filled : 0);
		if (!any_sane || is_closer(found, w->found, w->h.count))
			w->found = found;
		any_sane = true;
		if (!classic_adds_up(w, found, shape->size_cnt > 1))
			continue;
		if (!ret->cnt)
			ret->now = w->now.tally;
		if (!ret->cnt && w->grows)
			ret->old = w->old.tally;
		ret->sizes[ret->cnt++] = w->bucket_sz;
	}
	w->sane = any_sane;
	w->adds_up = ret->cnt;
	return NULL;
}
