// SPDX-License-Identifier: GPL-2.0-only
/*
 * Classic maps (Go 1.23 and earlier, runtime.hmap; noswissmap of 1.24 and 1.25).
 *
 * A header points to an array of 1 << B buckets of 8 slots. A full bucket chains
 * overflow buckets: from B == 4 on the array ends in some preallocated ones, the
 * rest are objects of their own. While a map grows, the old array is evacuated
 * bucket by bucket, by writes only: a key is in one of the two arrays, and the
 * control bytes of evacuated slots say so.
 *
 * What a bucket holds, and where its chain goes on, only the bucket tells, so the
 * arrays are read whole; the keys found must be as many as the header counts.
 */
#include <string.h>

#include "base/cursor.h"
#include "base/vec.h"
#include "heap/sizeclass.h"
#include "maps/buckets.h"
#include "maps/census.h"
#include "maps/classic_extra.h"
#include "maps/shape.h"
#include "maps/sizing.h"

enum {
	B_MAX = 40,

	BUCKET_SZ_MIN = 8 + 8, /* keys and elems may have no bytes */
	BUCKET_SZ_MAX = 8 + 8 * 256 + 8,

	READ_SZ = BUCKETS_READ_SZ,
	/* Arrays up to this size are read ahead, many in one call. */
	AHEAD_ARRAY_MAX = 4096,
	WALK_MIN = 2048, /* bytes of an array whose walks are counted */
	/* Chains longer than this do not come from hashing; a cycle is given up here. */
	CHAIN_LEVELS_MAX = 64,
};

struct header {
	uint64_t count;
	uint8_t flags;
	uint8_t b;
	uint16_t noverflow; /* chained buckets of the present array; a guess from B 16 on */
	uint32_t hash0;
	uint64_t buckets;
	uint64_t oldbuckets;
	uint64_t extra;
};

static struct header parse_header(const struct classic_layout *l, const uint8_t *p)
{
	return (struct header){
		.count = load_u64(p, HMAP_COUNT),
		.flags = load_u8(p, HMAP_FLAGS),
		.b = load_u8(p, HMAP_B),
		.noverflow = load_u16(p, HMAP_NOVERFLOW),
		.hash0 = load_u32(p, HMAP_HASH0),
		.buckets = load_u64(p, l->buckets),
		.oldbuckets = load_u64(p, l->oldbuckets),
		.extra = load_u64(p, l->extra),
	};
}

/* What a walk over an array and its chains found. */
struct tally {
	uint64_t filled;
	uint64_t overflow_cnt; /* chained buckets, wherever they are */
	uint64_t overflow_bytes; /* of those outside the array */
	uint64_t overflow_resident;
	uint8_t overflow_class; /* their spanclass */
};

struct array {
	struct object o;
	uint64_t addr;
	uint64_t cnt; /* base buckets; 0: there is no such array */
	uint64_t first; /* base buckets [first, end) are walked: all of them, as a rule */
	uint64_t end;
	const uint8_t *ahead; /* its bytes, when they were read ahead */
	uint32_t ahead_place; /* of these in the blocks of the batch */
	struct tally tally;
};

struct work {
	size_t at; /* in the batch */
	struct header h;
	uint16_t bucket_sz;
	bool grows; /* there is an old array */
	bool sane; /* the memory of the buckets makes sense */
	bool adds_up; /* ... and holds as many keys as the header counts */
	bool unread; /* some overflow bucket is in memory that was not there yet */
	uint64_t found; /* keys, with the candidate size that comes closest */
	uint32_t after_place; /* in the second blocks of the batch */
	const uint8_t *after; /* the header, read again behind the buckets; NULL: gone */
	struct array now;
	struct evidence evidence; /* of the present array; written before it is read */

	/* Most maps need none of this, nor room for it in the processor's cache. */
	struct array old; /* when it grows */
	size_t extra; /* of the decoder's, when the header has one */
	uint8_t own_after[MAP_HEADER_SZ_MAX];
};

/* Field by field, as all of a work is: a short memset() is a slow one. */
static void array_init(struct array *a)
{
	a->o.span = NULL;
	a->cnt = a->first = a->end = 0;
	a->ahead = NULL;
	a->tally = (struct tally){ 0 };
}

static void work_init(struct work *w, size_t at, const struct classic_layout *l,
		      const uint8_t *header)
{
	w->at = at;
	w->h = parse_header(l, header);
	w->bucket_sz = 0;
	w->grows = w->h.oldbuckets;
	w->sane = w->adds_up = w->unread = false;
	w->found = 0;
	w->after = NULL;
	array_init(&w->now);
	if (w->grows)
		array_init(&w->old);
}

struct decoder {
	struct census *census;
	struct census_batch *batch;
	struct mem *mem;
	struct work *works;
	size_t work_cnt;
	struct classic_extras extras; /* of the works */
	uint8_t *buf; /* READ_SZ */
	const struct bucket_visitor *visitor; /* NULL: the census, which only counts */
};

/* Buckets that the walk still has to visit. */
struct chain {
	VEC(uint64_t) addrs;
};

static void chain_fini(struct chain *c)
{
	vec_fini(&c->addrs);
}

static int bucket_filled(const uint8_t *bucket)
{
	uint64_t top = load_u64(bucket, 0);

	/* The high bit of each byte: of its own, or by what lacks to it from the limit. */
	top |= (top & EACH_BYTE * 0x7f) + EACH_BYTE * (0x80 - TOPHASH_FILLED_MIN);
	return byte_cnt(top >> 7 & EACH_BYTE);
}

/* Accounts for one overflow bucket; false when its address is none. */
static bool add_overflow(const struct decoder *d, struct work *w, struct array *a, uint64_t addr)
{
	const struct heap *heap = d->census->heap;
	uint64_t *stray = &d->batch->cands[w->at].stray;
	struct object o;

	/* Far more buckets than hashing can chain: a cycle, or no bucket at all. */
	if (++a->tally.overflow_cnt > 16 * a->cnt + 65536)
		return false;
	if (addr >= a->addr && addr < a->o.slot + a->o.size) {
		*stray = a->addr;
		return (addr - a->addr) % w->bucket_sz == 0;
	}
	*stray = addr;
	if (!heap_object(heap, addr, &o)) {
		if (!heap_is_unread(heap, addr))
			return false;
		/* Chained after the heap was read: a busy map. */
		d->batch->cands[w->at].moved = d->batch->cands[w->at].outdated = true;
		w->unread = true;
		return true;
	}
	if (o.start != addr ||
	    o.size != alloc_size(w->bucket_sz, span_noscan(o.span), heap_malloc_headers(heap)))
		return false;
	a->tally.overflow_bytes += o.size;
	a->tally.overflow_class = o.span->spanclass;
	a->tally.overflow_resident += census_resident(d->census, w->at, &o);
	return true;
}

/* Counts one bucket and notes where its chain goes on. */
static struct err *visit_bucket(const struct decoder *d, struct work *w, struct array *a,
				const uint8_t *bucket, struct chain *next)
{
	uint64_t overflow = load_u64(bucket, w->bucket_sz - 8);

	a->tally.filled += bucket_filled(bucket);
	if (!overflow)
		return NULL;
	w->sane = add_overflow(d, w, a, overflow);
	return !w->sane || vec_push(&next->addrs, overflow) ? NULL : err_nomem();
}

static struct err *visit_buckets(const struct decoder *d, struct work *w, struct array *a,
				 const uint8_t *buckets, size_t n, struct chain *next)
{
	struct err *err = NULL;

	for (size_t i = 0; i < n && w->sane && !err; i++)
		err = visit_bucket(d, w, a, buckets + i * w->bucket_sz, next);
	if (!err && w->sane && d->visitor)
		w->sane = d->visitor->visit(d->visitor->ctx, buckets, n);
	return err;
}

static struct err *walk_base(const struct decoder *d, struct work *w, struct array *a,
			     struct chain *next)
{
	struct err *err = NULL;

	if (a->ahead)
		return visit_buckets(d, w, a, a->ahead, a->cnt, next);
	uint64_t a_read = READ_SZ / w->bucket_sz;
	for (uint64_t done = a->first; done < a->end && w->sane && !err; done += a_read) {
		uint64_t n = a->end - done < a_read ? a->end - done : a_read;
		struct mem_req req = { a->addr + done * w->bucket_sz, n * w->bucket_sz, false,
				       d->buf };

		err = residency_read(d->census->residency, d->mem, &req);
		w->sane = req.ok;
		if (!err)
			err = visit_buckets(d, w, a, d->buf, n, next);
	}
	return err;
}

/* Visits the buckets in level and notes their successors in next. */
static struct err *walk_level(const struct decoder *d, struct work *w, struct array *a,
			      const struct chain *level, struct chain *next)
{
	size_t a_read = READ_SZ / w->bucket_sz;
	_cleanup_free_ struct mem_req *reqs = malloc(a_read * sizeof(*reqs));
	struct err *err = reqs ? NULL : err_nomem();

	for (size_t done = 0; done < level->addrs.len && w->sane && !err; done += a_read) {
		size_t left = level->addrs.len - done;
		size_t n = left < a_read ? left : a_read;

		for (size_t i = 0; i < n; i++)
			reqs[i] = (struct mem_req){ level->addrs.data[done + i], w->bucket_sz,
						    false, d->buf + i * w->bucket_sz };
		err = mem_gather(d->mem, reqs, n);
		for (size_t i = 0; i < n && !err; i++)
			w->sane &= reqs[i].ok;
		if (!err)
			err = visit_buckets(d, w, a, d->buf, n, next);
	}
	return err;
}

/* Counts an array's keys as if buckets had w->bucket_sz bytes; clears w->sane when
 * they can't have. */
static struct err *walk_array(const struct decoder *d, struct work *w, struct array *a)
{
	_cleanup_(chain_fini) struct chain level = { 0 };
	struct err *err;

	a->tally = (struct tally){ 0 };
	if (!a->cnt)
		return NULL;
	err = walk_base(d, w, a, &level);
	for (int depth = 0; level.addrs.len && w->sane && !err; depth++) {
		struct chain next = { 0 };

		w->sane = depth < CHAIN_LEVELS_MAX;
		err = walk_level(d, w, a, &level, &next);
		chain_fini(&level);
		level = next;
	}
	return err;
}

static bool is_closer(uint64_t a, uint64_t b, uint64_t to)
{
	uint64_t off_a = a > to ? a - to : to - a, off_b = b > to ? b - to : to - b;

	return off_a < off_b;
}

/* Whether buckets of that size fit. There are at most 1 << B_MAX of them. */
static bool has_room(const struct array *a, uint16_t bucket_sz)
{
	return a->o.size >= a->cnt * bucket_sz;
}

/* Counts as if buckets had that many bytes: w->sane, and the tallies of the arrays. */
static struct err *try_size(const struct decoder *d, struct work *w, uint16_t bucket_sz)
{
	w->bucket_sz = bucket_sz;
	w->sane = has_room(&w->now, bucket_sz) && (!w->grows || has_room(&w->old, bucket_sz));
	struct err *err = w->sane && w->grows ? walk_array(d, w, &w->old) : NULL;

	return err || !w->sane ? err : walk_array(d, w, &w->now);
}

/*
 * Whether what was counted is what the header says. Of several sizes more than one may see
 * as many keys, most of all in a map that was emptied; a wrong one rarely sees as many
 * chained buckets. Only arrays of less than 2^16 buckets leave several sizes.
 */
static bool adds_up(const struct work *w, uint64_t found, bool several)
{
	return found == w->h.count && (!several || w->now.tally.overflow_cnt == w->h.noverflow);
}

/* The bucket sizes that explain a map. */
struct explanation {
	uint8_t cnt;
	uint16_t sizes[SHAPE_SIZES_MAX];
	struct tally now, old; /* with the first of them */
};

/* Tries the candidate bucket sizes. */
static struct err *try_sizes(const struct decoder *d, struct work *w, const struct shape *shape,
			     struct explanation *ret)
{
	bool any_sane = false;

	ret->cnt = 0;
	for (uint8_t i = 0; i < shape->size_cnt; i++) {
		struct err *err = try_size(d, w, shape->sizes[i]);

		if (err)
			return err;
		if (!w->sane)
			continue;
		uint64_t found = w->now.tally.filled + (w->grows ? w->old.tally.filled : 0);
		if (!any_sane || is_closer(found, w->found, w->h.count))
			w->found = found;
		any_sane = true;
		if (!adds_up(w, found, shape->size_cnt > 1))
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

/* ---- headers ---- */

/* Finds the memory behind a header's pointer; false when it is newer than the heap. */
static bool find_array(const struct heap *heap, uint64_t addr, struct array *a)
{
	a->addr = addr;
	return heap_object(heap, addr, &a->o) || !heap_is_unread(heap, addr);
}

/* Whether an array fits the memory that was found. */
static bool array_fits(struct array *a, unsigned int b)
{
	a->cnt = a->end = 1ull << b;
	return a->o.span && a->o.start == a->addr &&
	       a->o.slot + a->o.size - a->addr >= sizing_classic_array(b) * BUCKET_SZ_MIN;
}

static bool extra_fits(const struct heap *heap, uint64_t addr)
{
	struct object o;

	return !addr || (heap_object(heap, addr, &o) && o.start == addr && o.size == HMAP_EXTRA_SZ);
}

/* Whether the memory that was found is that of the arrays. */
static enum verdict check_arrays(struct work *w, struct candidate *c)
{
	const struct header *h = &w->h;
	bool same_size = h->flags & HMAP_FLAG_SAME_SIZE_GROW;

	/* Of two arrays this is the newer one. */
	c->stray = h->buckets;
	if (!h->buckets)
		return h->count || h->oldbuckets ? VERDICT_MISFIT : VERDICT_EMPTY;
	if (!array_fits(&w->now, h->b))
		return VERDICT_MISFIT;
	if (!h->oldbuckets)
		return VERDICT_MAP;
	if (!same_size && h->b == 0)
		return VERDICT_MISFIT;
	if (array_fits(&w->old, same_size ? h->b : h->b - 1))
		return VERDICT_MAP;
	c->stray = h->oldbuckets;
	return VERDICT_MISFIT;
}

/* A map doubles by several stores to its header, B first and buckets last, and the writer
 * may be off its processor between two of them for as long as we look. */
static bool is_doubling(const struct work *w)
{
	struct array now = w->now;
	bool before = !w->h.oldbuckets || w->h.oldbuckets == w->h.buckets;

	return w->h.flags & HMAP_FLAG_WRITING && w->h.b && before && array_fits(&now, w->h.b - 1);
}

/* What the header alone tells, and the places of its arrays. */
static enum verdict check_header(const struct heap *heap, struct work *w, struct candidate *c)
{
	const struct header *h = &w->h;

	/* hash0 is 32 random bits, and set before the first bucket is. Only what rests on
	 * nothing but the header is for good: the heap may be another by now. */
	if (h->b > B_MAX || h->flags > HMAP_FLAGS_MAX || (h->buckets && !h->hash0))
		return VERDICT_LOOKALIKE;
	bool now = find_array(heap, h->buckets, &w->now);
	if (!now || (w->grows && !find_array(heap, h->oldbuckets, &w->old))) {
		c->moved = true; /* the heap has, under our feet */
		c->stray = now ? h->oldbuckets : h->buckets;
		return VERDICT_CHANGED;
	}
	c->stray = h->extra;
	if (!extra_fits(heap, h->extra))
		return VERDICT_MISFIT;
	enum verdict v = check_arrays(w, c);
	if (v != VERDICT_MISFIT || !is_doubling(w))
		return v;
	c->moved = true;
	return VERDICT_CHANGED;
}

static bool may_be_pointer(const struct heap *heap, uint64_t word)
{
	return word % 8 == 0 && heap_may_hold(heap, word);
}

/* The allocator's note of pointers vouches for none of the words. */
bool classic_may_be_map(const struct heap *heap, const uint8_t *bytes)
{
	const struct classic_layout *l = &heap->prog->layout.classic;
	struct header h = parse_header(l, bytes);

	/* A frame that has the header has the only bucket, too. */
	return h.b && h.b <= B_MAX && h.flags <= HMAP_FLAGS_MAX && h.hash0 &&
	       h.count <= (uint64_t)BUCKET_SLOTS << h.b &&
	       load_u64(bytes, l->nevacuate) <= 1ull << h.b && may_be_pointer(heap, h.buckets) &&
	       (!h.oldbuckets || may_be_pointer(heap, h.oldbuckets)) &&
	       (!h.extra || may_be_pointer(heap, h.extra));
}

/* ---- a batch ---- */

static void build_row(const struct decoder *d, const struct work *w, const struct shape *shape,
		      uint64_t resident)
{
	struct map_info *m = &d->batch->maps[w->at];
	const struct array *now = &w->now, *old = &w->old;
	const struct classic_extra *extra = w->h.extra ? &d->extras.list.data[w->extra] : NULL;
	struct table_shape table = {
		.noscan = span_noscan(now->o.span),
		.listed = extra && extra->listed,
		.malloc_headers = heap_malloc_headers(d->census->heap),
		.load_num = d->census->heap->prog->layout.classic.load_num,
	};

	*m = (struct map_info){
		.addr = d->batch->cands[w->at].addr,
		.live_keys = w->h.count,
		.buckets = now->cnt + now->tally.overflow_cnt,
		.overflow_buckets = now->tally.overflow_cnt,
		.table_bytes = now->o.size + now->tally.overflow_bytes,
		.resident_bytes = resident + now->tally.overflow_resident,
		.table_cnt = 1,
		.listed = table.listed,
		.noscan = table.noscan,
	};
	if (extra) {
		m->table_bytes += extra->bytes;
		m->resident_bytes += extra->resident;
	}
	if (w->grows) {
		m->old_bytes = old->o.size;
		m->table_bytes += old->o.size + old->tally.overflow_bytes;
		m->resident_bytes +=
			census_claim(d->census, w->at, &old->o) + old->tally.overflow_resident;
	}
	shape_apply(shape, m);
	table.bucket_sz = m->bucket_sz;
	if (m->bucket_sz)
		m->rebuild_bytes = sizing_classic(m->live_keys, &table);
}

static void claim_overflow(const struct decoder *d, const struct work *w, const struct tally *t)
{
	if (t->overflow_bytes && d->census->owners)
		claims_note_chained(&d->census->claims, t->overflow_class, t->overflow_bytes,
				    w->at);
}

/* small: where the row may be known from; or NULL. */
static void set_row(const struct decoder *d, const struct work *w, const struct shape *shape,
		    struct small_shape *small)
{
	uint64_t resident = census_resident(d->census, w->at, &w->now.o);
	bool plain = !w->grows && !w->h.extra && !w->now.tally.overflow_cnt && w->adds_up;
	uint32_t *kind = census_kind_at(d->census, plain ? small : NULL, &d->batch->cands[w->at],
					w->h.count, resident, w->now.o.size);

	claim_overflow(d, w, &w->now.tally);
	if (w->grows)
		claim_overflow(d, w, &w->old.tally);
	if (census_set_kind(d->census, d->batch, w->at, kind, w->now.o.span))
		return;
	census_own(d->census, w->at, &w->now.o);
	build_row(d, w, shape, resident);
	census_keep_kind(d->census, d->batch, w->at, kind);
}

/* The header must be the same behind the walk as before it. */
static enum verdict judge(const struct decoder *d, const struct work *w)
{
	const struct classic_layout *l = &d->census->heap->prog->layout.classic;
	struct map_info *m = &d->batch->maps[w->at];

	if (!w->after)
		return VERDICT_CHANGED;
	/* A writer may be off its processor for as long as we look: nothing moves then. */
	struct header after = parse_header(l, w->after);
	bool writing = (w->h.flags | after.flags) & HMAP_FLAG_WRITING;
	d->batch->cands[w->at].moved |= writing;
	if (!w->sane || after.buckets != w->h.buckets || after.oldbuckets != w->h.oldbuckets ||
	    after.extra != w->h.extra)
		return VERDICT_CHANGED;
	if (after.count == w->h.count && w->adds_up && !w->unread && !writing)
		return VERDICT_MAP;
	bool busy = census_is_busy(&d->batch->cands[w->at], w->found);
	if (!census_is_near(w->found, after.count) || (after.count == w->h.count && !busy))
		return VERDICT_CHANGED;
	census_own_row(d->census, d->batch, w->at);
	/* It has chained more buckets since they were read. */
	if (after.count > map_slots(m))
		return VERDICT_CHANGED;
	m->consistency = MAP_MOVING;
	m->live_keys = after.count;
	return VERDICT_MAP;
}

/*
 * A map type made at run time (reflect.MapOf) is in no section of the binary. The
 * bucket sizes that would take just this array remain to be tried.
 */
static void add_possible_sizes(const struct heap *heap, const struct work *w, uint64_t n,
			       struct shape *shape)
{
	bool noscan = span_noscan(w->now.o.span);
	uint64_t largest = (w->now.o.slot + w->now.o.size - w->now.addr) / n;

	if (largest > BUCKET_SZ_MAX)
		largest = BUCKET_SZ_MAX;
	for (uint64_t sz = largest & ~7ull; sz >= BUCKET_SZ_MIN; sz -= 8) {
		if (shape->size_cnt == SHAPE_SIZES_MAX ||
		    alloc_size(sz * n, noscan, heap_malloc_headers(heap)) != w->now.o.size)
			break;
		shape->sizes[shape->size_cnt++] = sz;
	}
}

static void set_tallies(struct work *w, const struct tally *now, const struct tally *old)
{
	w->now.tally = *now;
	if (w->grows)
		w->old.tally = *old;
}

/* The shape when its bucket size is one of those. */
static struct shape narrow_sizes(const struct decoder *d, const struct work *w, uint64_t n,
				 const struct shape *shape, const struct explanation *fit)
{
	struct shape s = *shape;

	if (fit->cnt == 1 && s.candidates)
		return *shape_of(d->census->heap, d->census->shapes, &w->evidence, n,
				 fit->sizes[0]);
	s.size_cnt = fit->cnt;
	memcpy(s.sizes, fit->sizes, fit->cnt * sizeof(*s.sizes));
	s.candidates = 0;
	for (uint8_t i = 0; shape->candidates && i < fit->cnt; i++)
		s.candidates +=
			shape_of(d->census->heap, d->census->shapes, &w->evidence, n, fit->sizes[i])
				->candidates;
	return s;
}

/* What the buckets tell of a map of which several sizes are possible. */
static struct err *decode_sizes(const struct decoder *d, struct work *w, uint64_t n,
				const struct shape *possible)
{
	static const struct tally nothing = { 0 };
	struct shape shape = *possible;
	struct explanation fit;
	struct err *err = try_sizes(d, w, &shape, &fit);

	if (err)
		return err;
	/* A moving map proves none of them. */
	if (w->adds_up)
		set_tallies(w, &fit.now, &fit.old);
	else if (shape.size_cnt > 1)
		set_tallies(w, &nothing, &nothing);
	if (w->adds_up && fit.cnt < shape.size_cnt)
		shape = narrow_sizes(d, w, n, &shape, &fit);
	set_row(d, w, &shape, NULL);
	return NULL;
}

/* Whether the only bucket of a map is there, and chains no other: no walk then. */
static bool is_alone(const struct work *w, uint16_t bucket_sz)
{
	return w->now.ahead && !w->grows && has_room(&w->now, bucket_sz) &&
	       !load_u64(w->now.ahead, bucket_sz - 8);
}

/* Most maps have one bucket, of one possible size. */
static struct err *decode_small(const struct decoder *d, struct work *w, struct small_shape *small)
{
	uint16_t bucket_sz = small->shape.sizes[0];
	struct err *err = NULL;

	w->sane = is_alone(w, bucket_sz);
	if (w->sane)
		w->now.tally.filled = bucket_filled(w->now.ahead);
	else
		err = try_size(d, w, bucket_sz);
	w->found = w->now.tally.filled + (w->grows ? w->old.tally.filled : 0);
	w->adds_up = w->sane && adds_up(w, w->found, /* several= */ false);
	if (!err)
		set_row(d, w, &small->shape, small);
	return err;
}

static struct err *decode_one(const struct decoder *d, struct work *w)
{
	const struct heap *heap = d->census->heap;
	uint64_t n = sizing_classic_array(w->h.b);
	struct small_shape *small = n == 1 ? shape_of_small(heap, d->census->shapes, &w->evidence)
					   : NULL;

	if (small && small->shape.size_cnt == 1)
		return decode_small(d, w, small);
	struct shape shape = *shape_of(heap, d->census->shapes, &w->evidence, n, /* only_sz= */ 0);
	if (!shape.size_cnt)
		add_possible_sizes(heap, w, n, &shape);
	return decode_sizes(d, w, n, &shape);
}

/* The bytes of an array that is read ahead; 0: it is not. */
static uint32_t ahead_bytes(const struct work *w)
{
	uint64_t len = w->now.o.slot + w->now.o.size - w->now.addr;

	return len <= AHEAD_ARRAY_MAX ? len : 0;
}

/* Reads small arrays that lie together, with what tells their types. */
static struct err *read_blocks(const struct decoder *d)
{
	struct blocks *blocks = d->census->blocks;

	blocks_begin(blocks);
	for (size_t i = 0; i < d->work_cnt; i++) {
		struct work *w = &d->works[i];

		w->evidence.o = w->now.o;
		evidence_place(d->census->heap, &w->evidence);
		evidence_want(&w->evidence, blocks);
		if (ahead_bytes(w))
			w->now.ahead_place = blocks_want(blocks, w->now.addr, ahead_bytes(w));
	}
	return blocks_read(blocks, d->mem);
}

/* Works of which not all was in the blocks. */
struct rest {
	VEC(struct work *) list;
	size_t bytes; /* of their arrays that are read ahead */
};

static void rest_fini(struct rest *rest)
{
	vec_fini(&rest->list);
}

/* Decodes the maps of which all was read; the others are the rest. */
static struct err *decode_read(const struct decoder *d, struct rest *rest)
{
	struct blocks *blocks = d->census->blocks;
	struct err *err = NULL;

	for (size_t i = 0; !err && i < d->work_cnt; i++) {
		struct work *w = &d->works[i];
		uint32_t len = ahead_bytes(w);

		if (len)
			w->now.ahead = blocks_at(blocks, w->now.ahead_place, w->now.addr);
		if (evidence_take(&w->evidence, blocks) && (!len || w->now.ahead)) {
			err = decode_one(d, w);
			continue;
		}
		rest->bytes += w->now.ahead ? 0 : len;
		err = vec_push(&rest->list, w) ? NULL : err_nomem();
	}
	return err;
}

/* Reads the rest, one by one; buf has room for its arrays. */
static struct err *read_rest(const struct decoder *d, const struct rest *rest, uint8_t *buf)
{
	size_t n = 0, each = 1 + SHAPE_READS;
	_cleanup_free_ struct mem_req *reqs = malloc((each * rest->list.len + 1) * sizeof(*reqs));

	if (!reqs)
		return err_nomem();
	for (size_t i = 0; i < rest->list.len; i++) {
		struct work *w = rest->list.data[i];
		uint32_t len = ahead_bytes(w);

		n += evidence_ask(&w->evidence, &reqs[n]);
		if (!len || w->now.ahead)
			continue;
		w->now.ahead = buf;
		reqs[n++] = (struct mem_req){ w->now.addr, len, false, buf };
		buf += len;
	}
	struct err *err = mem_gather(d->mem, reqs, n);
	for (size_t i = 0; !err && i < n; i++)
		if (!reqs[i].ok) /* gone: the walk finds no map in this */
			memset(reqs[i].dst, 0xff, reqs[i].len);
	return err;
}

static struct err *decode_rest(const struct decoder *d, const struct rest *rest)
{
	_cleanup_free_ uint8_t *ahead = malloc(rest->bytes + 1);
	struct err *err = ahead ? read_rest(d, rest, ahead) : err_nomem();

	for (size_t i = 0; !err && i < rest->list.len; i++)
		err = decode_one(d, rest->list.data[i]);
	return err;
}

static void settle(const struct decoder *d, const struct work *w)
{
	d->batch->verdicts[w->at] = judge(d, w);
}

/* Reads the headers again, and judges the maps whose headers lie together. */
static struct err *judge_read(const struct decoder *d, struct rest *rest)
{
	uint32_t sz = d->census->heap->prog->layout.classic.header_sz;
	struct blocks *blocks = d->census->blocks;

	blocks_begin(blocks);
	for (size_t i = 0; i < d->work_cnt; i++)
		d->works[i].after_place =
			blocks_want(blocks, d->batch->cands[d->works[i].at].addr, sz);
	struct err *err = blocks_read(blocks, d->mem);
	for (size_t i = 0; !err && i < d->work_cnt; i++) {
		struct work *w = &d->works[i];

		w->after = blocks_at(blocks, w->after_place, d->batch->cands[w->at].addr);
		if (w->after)
			settle(d, w);
		else
			err = vec_push(&rest->list, w) ? NULL : err_nomem();
	}
	return err;
}

static struct err *judge_rest(const struct decoder *d, const struct rest *rest)
{
	uint32_t sz = d->census->heap->prog->layout.classic.header_sz;
	_cleanup_free_ struct mem_req *reqs = malloc((rest->list.len + 1) * sizeof(*reqs));

	if (!reqs)
		return err_nomem();
	for (size_t i = 0; i < rest->list.len; i++) {
		struct work *w = rest->list.data[i];

		reqs[i] = (struct mem_req){ d->batch->cands[w->at].addr, sz, false, w->own_after };
	}
	struct err *err = mem_gather(d->mem, reqs, rest->list.len);
	for (size_t i = 0; !err && i < rest->list.len; i++) {
		const uint8_t *after = reqs[i].dst;
		size_t at = (after - (uint8_t *)d->works) / sizeof(*d->works);

		d->works[at].after = reqs[i].ok ? after : NULL;
		settle(d, &d->works[at]);
	}
	return err;
}

static struct err *read_extras(struct decoder *d)
{
	struct err *err = classic_extra_read(d->census, d->batch, &d->extras);

	for (size_t i = 0; !err && i < d->extras.list.len; i++)
		d->works[d->extras.list.data[i].work].unread |= d->extras.list.data[i].unread;
	return err;
}

static struct err *decode_works(struct decoder *d)
{
	_cleanup_(rest_fini) struct rest unread = { 0 }, apart = { 0 };
	struct err *err = read_extras(d);

	if (!err)
		err = read_blocks(d);
	if (!err)
		err = decode_read(d, &unread);
	if (!err)
		err = decode_rest(d, &unread);
	if (!err)
		err = judge_read(d, &apart);
	return err ? err : judge_rest(d, &apart);
}

/* Notes that the map of the last work keeps something beside its buckets. */
static struct err *note_extra(struct decoder *d)
{
	struct work *w = &d->works[d->work_cnt - 1];
	struct classic_extra extra = {
		.work = d->work_cnt - 1,
		.at = w->at,
		.addr = w->h.extra,
		.noscan = span_noscan(w->now.o.span),
	};

	w->extra = d->extras.list.len;
	return vec_push(&d->extras.list, extra) ? NULL : err_nomem();
}

struct err *classic_decode(struct census *census, struct census_batch *batch)
{
	_cleanup_free_ uint8_t *buf = malloc(READ_SZ);
	_cleanup_free_ struct work *works = malloc((batch->cnt + 1) * sizeof(*works));
	struct decoder d = {
		.census = census,
		.batch = batch,
		.mem = census->mem,
		.works = works,
		.buf = buf,
	};

	struct err *err = buf && works ? NULL : err_nomem();
	for (size_t i = 0; !err && i < batch->cnt; i++) {
		struct work *w = &works[d.work_cnt];

		work_init(w, i, &census->heap->prog->layout.classic, batch->cands[i].header);
		batch->verdicts[i] = check_header(census->heap, w, &batch->cands[i]);
		if (batch->verdicts[i] == VERDICT_MAP && w->now.o.size >= WALK_MIN)
			err = census_walk(census, &batch->cands[i], w->now.addr,
					  &batch->verdicts[i]);
		d.work_cnt += batch->verdicts[i] == VERDICT_MAP;
		if (batch->verdicts[i] == VERDICT_MAP && w->h.extra)
			err = note_extra(&d);
	}
	if (!err)
		err = decode_works(&d);
	classic_extras_fini(&d.extras);
	return err;
}

/* ---- the buckets of one map ---- */

static bool add_array(struct buckets *b, const struct array *a)
{
	return vec_push(&b->arrays, ((struct bucket_array){ .addr = a->addr, .cnt = a->cnt }));
}

struct err *classic_find_arrays(struct buckets *b, bool *found_ret)
{
	struct candidate c = { .addr = b->map };
	struct work w;

	work_init(&w, 0, &b->heap->prog->layout.classic, b->header);
	*found_ret = check_header(b->heap, &w, &c) == VERDICT_MAP &&
		     has_room(&w.now, b->bucket_sz) && (!w.grows || has_room(&w.old, b->bucket_sz));
	if (!*found_ret)
		return NULL;
	return add_array(b, &w.now) && (!w.grows || add_array(b, &w.old)) ? NULL : err_nomem();
}

struct err *classic_visit(const struct buckets *b, const struct bucket_array *array, uint64_t first,
			  uint64_t n, const struct bucket_visitor *visitor, bool *whole_ret)
{
	struct census census = { .heap = b->heap, .residency = b->residency };
	struct candidate cand = { .addr = b->map };
	struct census_batch batch = { .cands = &cand, .cnt = 1 };
	struct decoder d = {
		.census = &census,
		.batch = &batch,
		.mem = &b->heap->prog->target->mem,
		.buf = visitor->buf,
		.visitor = visitor,
	};
	struct work w = {
		.now = { .addr = array->addr, .cnt = array->cnt, .first = first, .end = first + n },
		.bucket_sz = b->bucket_sz,
	};

	w.sane = heap_object(b->heap, array->addr, &w.now.o);
	struct err *err = w.sane ? walk_array(&d, &w, &w.now) : NULL;

	*whole_ret = w.sane && !w.unread;
	return err;
}
