// SPDX-License-Identifier: GPL-2.0-only
#include "maps/contents.h"

#include <string.h>

#include "base/cursor.h"
#include "heap/ptrbits.h"
#include "maps/buckets.h"
#include "maps/kinds.h"
#include "maps/shape.h"

enum {
	BUCKETS_MAX = 16, /* buckets with keys of a map that are looked at */
	BUCKET_WORDS_MAX = CLASSIC_BUCKET_SZ_MAX / 8, /* a group is shorter */
	LOOK_MIN = 64, /* buckets of a map that are read, if it has them */
	BUDGET = 128 << 20, /* bytes of buckets that are read of all maps */
	REFS_MAX = 1024, /* words of a map's buckets that point into the heap */
	/* Nothing is mapped below, unless a program maps page 0 itself; user space ends at 2^47. */
	ADDRESS_MIN = 4096,
};
#define ADDRESS_MAX (1ull << 47)
#define LEN_MAX (1ull << 40)

/* Some buckets of a map, in the order of its arrays. */
struct taken_buckets {
	size_t cnt;
	uint64_t seen; /* buckets, including the empty ones */
	uint64_t at[BUCKETS_MAX]; /* the number of each among those seen */
	uint8_t bytes[BUCKETS_MAX][BUCKET_WORDS_MAX * 8];
};

/* What a word of a bucket points to. */
struct bucket_ref {
	struct object o;
	bool has_mask;
	uint64_t mask; /* which of the words from there on are pointers */
	uint8_t mask_words;
	struct ptrbits bits;
	uint8_t bit_bytes[POINTEE_WORDS_MAX / 4 + 1 + PTRBITS_PAD];
};

struct contents {
	struct heap *heap;
	struct mem *mem;
	const struct residency *residency; /* NULL: read untouched pages, too */
	uint32_t sweepgen;
	const struct map_kind_ops *ops;
	uint16_t bucket_sz;
	uint64_t left; /* bytes of buckets that may still be read, of all maps */
	struct taken_buckets now, again; /* read twice: what differs counts for nothing */
	uint16_t ref_at[BUCKETS_MAX]
		       [BUCKET_WORDS_MAX]; /* by bucket and word: index + 1 into refs; 0:
							 * unknown */
	struct bucket_ref refs[REFS_MAX];
	struct span spans[REFS_MAX];
	size_t ref_cnt;
	uint8_t buf[BUCKETS_READ_SZ];
};

/* ---- what a map holds ---- */

static bool bucket_has_key(const struct contents *c, const uint8_t *bucket)
{
	for (int i = 0; i < BUCKET_SLOTS; i++)
		if (slot_is_full(c->ops, bucket[i]))
			return true;
	return false;
}

/* The context of contents_take_buckets(). */
struct bucket_taking {
	const struct contents *c;
	struct taken_buckets *taken;
};

static bool contents_take_buckets(void *ctx, const uint8_t *buckets, size_t n)
{
	const struct bucket_taking *taking = ctx;
	const struct contents *c = taking->c;
	struct taken_buckets *t = taking->taken;

	for (size_t i = 0; i < n && t->cnt < BUCKETS_MAX; i++, t->seen++) {
		const uint8_t *bucket = buckets + i * c->bucket_sz;

		if (!bucket_has_key(c, bucket))
			continue;
		t->at[t->cnt] = t->seen;
		memcpy(t->bytes[t->cnt++], bucket, c->bucket_sz);
	}
	return t->cnt < BUCKETS_MAX;
}

/* How many buckets to look at, from the first one on, so that BUCKETS_MAX of them may well have a
 * key. */
static uint64_t buckets_to_take(const struct contents *c, const struct buckets *b)
{
	uint64_t most = c->left / c->bucket_sz;
	unsigned __int128 n = (unsigned __int128)b->cnt * 2 * BUCKETS_MAX / b->live_keys;

	if (n < LOOK_MIN)
		n = LOOK_MIN;
	if (n > most)
		n = most;
	return n < b->cnt ? (uint64_t)n : b->cnt;
}

static struct err *contents_take(struct contents *c, const struct buckets *b,
				 struct taken_buckets *t)
{
	struct bucket_taking taking = { c, t };
	struct bucket_visitor visitor = { contents_take_buckets, &taking, c->buf };
	uint64_t n = buckets_to_take(c, b);
	bool whole; /* does not matter: what was taken counts */

	t->cnt = t->seen = 0;
	struct err *err = buckets_visit(b, 0, n, &visitor, &whole);
	uint64_t cost = t->seen * c->bucket_sz;
	c->left -= cost < c->left ? cost : c->left;
	return err;
}

/* Keeps the buckets that were the same both times. */
static void contents_keep_unchanged(struct contents *c)
{
	const struct taken_buckets *now = &c->now, *again = &c->again;

	for (size_t i = 0, j = 0; i < now->cnt; i++) {
		while (j < again->cnt && again->at[j] < now->at[i])
			j++;
		if (j == again->cnt || again->at[j] != now->at[i] ||
		    memcmp(now->bytes[i], again->bytes[j], c->bucket_sz))
			memset(c->now.bytes[i], c->ops->vacant, BUCKET_SLOTS);
	}
}

/* ---- what the words of its buckets point to ---- */

static void contents_add_ref(struct contents *c, size_t bucket, size_t word)
{
	struct bucket_ref *r = &c->refs[c->ref_cnt];
	uint64_t addr = load_u64(c->now.bytes[bucket], word * 8);

	if (c->ref_cnt == REFS_MAX || !heap_object(c->heap, addr, &r->o))
		return;
	uint64_t words = (r->o.slot + r->o.size - addr) / 8;

	r->mask_words = words < POINTEE_WORDS_MAX ? words : POINTEE_WORDS_MAX;
	r->has_mask = ptrbits_place(c->heap, r->o.span, addr, r->mask_words, &r->bits);
	/* This bitmap tells where the pointers of an object end only from its start on. */
	if (c->heap->prog->layout.bitmap == HEAP_BITMAP_ARENA_2BIT && addr != r->o.start)
		r->has_mask = false;
	c->spans[c->ref_cnt] = *r->o.span;
	c->ref_at[bucket][word] = ++c->ref_cnt;
}

static struct err *contents_read_masks(struct contents *c)
{
	struct mem_req reqs[REFS_MAX];
	size_t n = 0;

	for (size_t i = 0; i < c->ref_cnt; i++) {
		struct bucket_ref *r = &c->refs[i];

		if (r->has_mask)
			reqs[n++] =
				(struct mem_req){ r->bits.addr, r->bits.len, false, r->bit_bytes };
	}
	struct err *err = mem_gather(c->mem, reqs, n);
	for (size_t i = 0; !err && i < n; i++)
		if (!reqs[i].ok)
			c->refs[((uint8_t *)reqs[i].dst - (uint8_t *)c->refs) / sizeof(*c->refs)]
				.has_mask = false;
	for (size_t i = 0; !err && i < c->ref_cnt; i++) {
		struct bucket_ref *r = &c->refs[i];

		if (r->has_mask)
			r->mask = ptrbits_object_mask(&r->bits, r->bit_bytes, r->mask_words);
	}
	return err;
}

/* Finds the objects that the words of the buckets point to. */
static struct err *contents_find_refs(struct contents *c)
{
	c->ref_cnt = 0;
	memset(c->ref_at, 0, sizeof(c->ref_at));
	for (size_t i = 0; i < c->now.cnt; i++)
		for (size_t w = 1; w < c->bucket_sz / 8u; w++)
			contents_add_ref(c, i, w);
	return contents_read_masks(c);
}

/* Drops the refs into spans that are other spans by now: they say nothing. */
static struct err *contents_drop_stale_refs(struct contents *c)
{
	struct err *err =
		heap_reread_spans(c->heap, c->mem, c->spans, /* bits= */ NULL, c->ref_cnt);

	for (size_t i = 0; !err && i < c->now.cnt; i++)
		for (size_t w = 0; w < c->bucket_sz / 8u; w++) {
			uint16_t *at = &c->ref_at[i][w];

			if (*at && c->spans[*at - 1].state == SPAN_DEAD)
				*at = 0;
		}
	return err;
}

/* ---- whether a type may hold them ---- */

static bool is_address(uint64_t v)
{
	return v >= ADDRESS_MIN && v < ADDRESS_MAX;
}

/* What the word at off points to, or NULL when it is not known to point into the heap. */
static const struct bucket_ref *contents_ref_at(const struct contents *c, size_t bucket,
						uint64_t off)
{
	uint16_t at = off % 8 ? 0 : c->ref_at[bucket][off / 8];

	return at ? &c->refs[at - 1] : NULL;
}

/* Whether n values of type t may start where the word at off of a bucket points to. */
static bool contents_may_point(const struct contents *c, size_t bucket, uint64_t off,
			       const struct word_type *t, uint64_t n)
{
	uint64_t addr = load_u64(c->now.bytes[bucket], off), need;

	if (__builtin_mul_overflow(n, t->size, &need))
		return false;
	if (!need)
		return true;
	if (!is_address(addr))
		return false;
	const struct bucket_ref *r = contents_ref_at(c, bucket, off);
	if (!r)
		return true;
	if (addr % t->align || addr < r->o.start || need > r->o.slot + r->o.size - addr ||
	    (t->has_ptrs && span_noscan(r->o.span)))
		return false;
	uint8_t words = t->mask_words < r->mask_words ? t->mask_words : r->mask_words;
	uint64_t diff = words ? (t->mask ^ r->mask) << (64 - words) : 0;
	return !r->has_mask || !diff;
}

static bool contents_may_hold_word(const struct contents *c, size_t bucket, unsigned int slot,
				   const struct word_type *t)
{
	static const struct word_type byte = { .size = 1, .align = 1 };
	const uint8_t *bytes = c->now.bytes[bucket];
	uint64_t off = t->off + (uint64_t)slot * t->stride;

	switch ((enum word_kind)t->kind) {
	case WORD_BOOL:
		return bytes[off] <= 1;
	case WORD_POINTER:
		return load_u64(bytes, off) ? contents_may_point(c, bucket, off, t, 1)
					    : !t->not_nil;
	case WORD_SLICE:
		return load_u64(bytes, off + 8) <= load_u64(bytes, off + 16) &&
		       load_u64(bytes, off + 16) < LEN_MAX &&
		       contents_may_point(c, bucket, off, t, load_u64(bytes, off + 16));
	case WORD_STRING:
		return load_u64(bytes, off + 8) < LEN_MAX &&
		       contents_may_point(c, bucket, off, &byte, load_u64(bytes, off + 8));
	case WORD_INTERFACE:
		return !load_u64(bytes, off) ||
		       (is_address(load_u64(bytes, off)) && !contents_ref_at(c, bucket, off));
	}
	return true;
}

static bool contents_may_hold_slot(const struct contents *c, size_t bucket, unsigned int slot,
				   const struct map_type *t)
{
	for (uint32_t i = 0; i < t->word_cnt; i++)
		if (!contents_may_hold_word(c, bucket, slot, &t->words[i]))
			return false;
	return true;
}

/* A shape_may_be_fn. */
static bool contents_may_be(void *ctx, const struct map_type *t)
{
	const struct contents *c = ctx;

	for (size_t i = 0; i < c->now.cnt; i++)
		for (unsigned int slot = 0; slot < BUCKET_SLOTS; slot++)
			if (slot_is_full(c->ops, c->now.bytes[i][slot]) &&
			    !contents_may_hold_slot(c, i, slot, t))
				return false;
	return true;
}

/* ---- one map, and all ---- */

static struct err *contents_narrow_types(struct contents *c, const struct buckets *b,
					 struct map_info *m)
{
	const struct bucket_array *a = &b->arrays.data[0];
	uint64_t n = c->ops->allocated_buckets(a->cnt);
	struct evidence evidence;
	bool known;
	struct err *err = evidence_read(c->heap, a->addr, &evidence, &known);

	if (err || !known)
		return err;
	struct shape shape = shape_narrow(c->heap, &evidence, n, c->bucket_sz, contents_may_be, c);
	if (!shape.candidates || shape.candidates > m->type_candidates)
		return NULL;
	m->type = shape.type;
	m->type_candidates = shape.candidates;
	if (m->type)
		m->type_source = TYPE_CONTENTS;
	return NULL;
}

/* Whether nothing was freed since the census began, and the map stood still. Otherwise the map may
 * be garbage: what it points to may have been freed and be something else, while the map is as it
 * was. */
static struct err *contents_still_holds(struct contents *c, const struct buckets *b, bool *ret)
{
	uint32_t sweepgen;
	struct err *err = heap_read_sweepgen(c->heap, c->mem, &sweepgen);

	*ret = false;
	return err || sweepgen != c->sweepgen ? err : buckets_stand_still(b, ret);
}

static struct err *contents_look_into(struct contents *c, const struct buckets *b,
				      struct map_info *m)
{
	bool still = false;
	struct err *err = contents_take(c, b, &c->now);

	if (!err && !c->now.cnt)
		return NULL;
	if (!err)
		err = contents_find_refs(c);
	if (!err)
		err = contents_drop_stale_refs(c);
	if (!err)
		err = contents_take(c, b, &c->again);
	if (!err)
		err = contents_still_holds(c, b, &still);
	if (err || !still)
		return err;
	contents_keep_unchanged(c);
	return contents_narrow_types(c, b, m);
}

static struct err *contents_narrow_map(struct contents *c, struct map_info *m)
{
	struct buckets b;
	bool found;
	struct err *err = buckets_init(&b, c->heap, c->residency, m, &found);

	c->bucket_sz = m->bucket_sz;
	if (!err && found && b.cnt && b.live_keys && b.live_keys == m->live_keys)
		err = contents_look_into(c, &b, m);
	buckets_fini(&b);
	return err;
}

/* A row to look into. */
struct contents_job {
	size_t row;
	uint64_t table_bytes;
};

static int cmp_contents_job(const void *a, const void *b)
{
	const struct contents_job *x = a, *y = b;

	if (x->table_bytes != y->table_bytes)
		return x->table_bytes < y->table_bytes ? 1 : -1;
	return x->row < y->row ? -1 : x->row > y->row;
}

static bool contents_may_tell(const struct map_info *m)
{
	return m->type_source == TYPE_AMBIGUOUS && m->bucket_sz && m->live_keys &&
	       m->consistency == MAP_EXACT && m->on_stack == MAP_ON_HEAP && map_counts(m) &&
	       m->table_bytes >= CONTENTS_TABLE_MIN;
}

/* The maps to look into, the largest ones first. */
struct contents_jobs {
	VEC(struct contents_job) list;
};

static struct err *contents_find_jobs(const struct map_rows *rows, struct contents_jobs *jobs)
{
	_cleanup_free_ bool *may = malloc(rows->kinds.len + 1);
	bool any = false;

	if (!may)
		return err_nomem();
	for (size_t i = 0; i < rows->kinds.len; i++) {
		struct map_info m = rows_kind_info(rows, i, 0);

		any |= may[i] = contents_may_tell(&m);
	}
	for (size_t i = 0; i < rows->len && any; i++) {
		if (!may[rows->data[i].kind])
			continue;
		struct contents_job job = { i, rows_get(rows, i).table_bytes };

		if (!vec_push(&jobs->list, job))
			return err_nomem();
	}
	vec_sort(&jobs->list, cmp_contents_job);
	return NULL;
}

static struct err *contents_narrow_row(struct contents *c, struct map_rows *rows, size_t row)
{
	struct map_info m = rows_get(rows, row);
	struct err *err = contents_narrow_map(c, &m);

	return err || rows_set(rows, row, &m) ? err : err_nomem();
}

struct err *contents_narrow(struct heap *heap, const struct residency *residency, uint32_t sweepgen,
			    struct map_rows *rows)
{
	struct contents_jobs jobs = { 0 };
	_cleanup_free_ struct contents *c = malloc(sizeof(*c));
	struct err *err = c ? contents_find_jobs(rows, &jobs) : err_nomem();

	if (!err) {
		c->heap = heap;
		c->mem = &heap->prog->target->mem;
		c->residency = residency;
		c->sweepgen = sweepgen;
		c->ops = kinds_ops_of(heap);
		c->left = BUDGET;
	}
	for (size_t i = 0; i < jobs.list.len && i < CONTENTS_MAPS_MAX && !err; i++)
		err = contents_narrow_row(c, rows, jobs.list.data[i].row);
	vec_fini(&jobs.list);
	return err;
}
