// SPDX-License-Identifier: GPL-2.0-only
#include "maps/contents.h"

#include <string.h>

#include "base/cursor.h"
#include "heap/ptrbits.h"
#include "maps/buckets.h"
#include "maps/shape.h"
#include "maps/sizing.h"

enum {
	BUCKETS_MAX = 16, /* with keys, that are looked at */
	BUCKET_WORDS_MAX = (8 + 8 * 256 + 8) / 8,
	LOOK_MIN = 64, /* buckets of a map, if it has them */
	BUDGET = 128 << 20, /* bytes of buckets, of all maps */
	REFS_MAX = 1024, /* words of them that point into the heap */
	/* Without MAP_ANONYMOUS at zero nothing is below; user space ends at 2^47. */
	ADDRESS_MIN = 4096,
};
#define ADDRESS_MAX (1ull << 47)
#define LEN_MAX (1ull << 40)

/* Some buckets of a map, in the order of its arrays. */
struct taken {
	size_t cnt;
	uint64_t seen; /* buckets, the empty ones, too */
	uint64_t at[BUCKETS_MAX]; /* each one's place among them */
	uint8_t bytes[BUCKETS_MAX][BUCKET_WORDS_MAX * 8];
};

/* Where a word of a bucket points to. */
struct ref {
	struct object o;
	bool has_mask;
	uint64_t mask; /* of the words from there on: which of them are pointers */
	uint8_t mask_words;
	struct ptrbits bits;
	uint8_t bit_bytes[POINTEE_WORDS_MAX / 4 + 1 + PTRBITS_PAD];
};

struct contents {
	struct census *census;
	struct heap *heap;
	struct mem *mem;
	enum map_kind kind;
	uint16_t bucket_sz;
	uint64_t left; /* bytes of buckets that may still be read */
	struct taken now, again;
	uint16_t ref_at[BUCKETS_MAX][BUCKET_WORDS_MAX]; /* index + 1 into refs; 0: unknown */
	struct ref refs[REFS_MAX];
	struct span spans[REFS_MAX];
	size_t ref_cnt;
	uint8_t buf[BUCKETS_READ_SZ];
};

/* ---- what a map holds ---- */

static bool has_key(const struct contents *c, const uint8_t *bucket)
{
	for (int i = 0; i < BUCKET_SLOTS; i++)
		if (bucket_slot_is_full(c->kind, bucket[i]))
			return true;
	return false;
}

struct taking {
	const struct contents *c;
	struct taken *taken;
};

static bool take_buckets(void *ctx, const uint8_t *buckets, size_t n)
{
	const struct taking *taking = ctx;
	const struct contents *c = taking->c;
	struct taken *t = taking->taken;

	for (size_t i = 0; i < n && t->cnt < BUCKETS_MAX; i++, t->seen++) {
		const uint8_t *bucket = buckets + i * c->bucket_sz;

		if (!has_key(c, bucket))
			continue;
		t->at[t->cnt] = t->seen;
		memcpy(t->bytes[t->cnt++], bucket, c->bucket_sz);
	}
	return t->cnt < BUCKETS_MAX;
}

/* How many buckets to look at, from the first one on: as many as should have some keys
 * among them. */
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

static struct err *take(struct contents *c, const struct buckets *b, struct taken *t)
{
	struct taking taking = { c, t };
	struct bucket_visitor visitor = { take_buckets, &taking, c->buf };
	uint64_t n = buckets_to_take(c, b);
	bool whole; /* what was taken counts, whether or not the rest can be read */

	t->cnt = t->seen = 0;
	struct err *err = buckets_visit(b, 0, n, &visitor, &whole);
	uint64_t cost = t->seen * c->bucket_sz;
	c->left -= cost < c->left ? cost : c->left;
	return err;
}

/* Keeps the buckets that were the same at both times. */
static void keep_unchanged(struct contents *c)
{
	const struct taken *now = &c->now, *again = &c->again;

	for (size_t i = 0, j = 0; i < now->cnt; i++) {
		while (j < again->cnt && again->at[j] < now->at[i])
			j++;
		if (j == again->cnt || again->at[j] != now->at[i] ||
		    memcmp(now->bytes[i], again->bytes[j], c->bucket_sz))
			memset(c->now.bytes[i],
			       c->kind == MAP_SWISS ? SWISS_CTRL_FILLED_MAX + 1 : 0,
			       BUCKET_SLOTS); /* it has no key */
	}
}

/* ---- what that points to ---- */

static void add_ref(struct contents *c, size_t bucket, size_t word)
{
	struct ref *r = &c->refs[c->ref_cnt];
	uint64_t addr = load_u64(c->now.bytes[bucket], word * 8);

	if (c->ref_cnt == REFS_MAX || !heap_object(c->heap, addr, &r->o))
		return;
	uint64_t words = (r->o.slot + r->o.size - addr) / 8;

	r->mask_words = words < POINTEE_WORDS_MAX ? words : POINTEE_WORDS_MAX;
	r->has_mask = ptrbits_place(c->heap, r->o.span, addr, r->mask_words, &r->bits);
	/* Where the pointers of an object end is told from its start on. */
	if (c->heap->prog->layout.bitmap == HEAP_BITMAP_ARENA_2BIT && addr != r->o.start)
		r->has_mask = false;
	c->spans[c->ref_cnt] = *r->o.span;
	c->ref_at[bucket][word] = ++c->ref_cnt;
}

static struct err *read_masks(struct contents *c)
{
	struct mem_req reqs[REFS_MAX];
	size_t n = 0;

	for (size_t i = 0; i < c->ref_cnt; i++) {
		struct ref *r = &c->refs[i];

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
		struct ref *r = &c->refs[i];

		if (r->has_mask)
			r->mask = ptrbits_object_mask(&r->bits, r->bit_bytes, r->mask_words);
	}
	return err;
}

/* Finds the objects that the words of the buckets point to. */
static struct err *find_refs(struct contents *c)
{
	c->ref_cnt = 0;
	memset(c->ref_at, 0, sizeof(c->ref_at));
	for (size_t i = 0; i < c->now.cnt; i++)
		for (size_t w = 1; w < c->bucket_sz / 8u; w++)
			add_ref(c, i, w);
	return read_masks(c);
}

/* A span that is another one by now says nothing. */
static struct err *drop_stale_refs(struct contents *c)
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

/* ---- whether a type may hold that ---- */

static bool is_address(uint64_t v)
{
	return v >= ADDRESS_MIN && v < ADDRESS_MAX;
}

/* What the word at off points to, where that is known to be in the heap, or NULL. */
static const struct ref *ref_of(const struct contents *c, size_t bucket, uint64_t off)
{
	uint16_t at = off % 8 ? 0 : c->ref_at[bucket][off / 8];

	return at ? &c->refs[at - 1] : NULL;
}

/* Whether n pointees may start where the word at off of a bucket points to. */
static bool may_point(const struct contents *c, size_t bucket, uint64_t off,
		      const struct word_type *t, uint64_t n)
{
	uint64_t addr = load_u64(c->now.bytes[bucket], off), need;

	if (__builtin_mul_overflow(n, t->size, &need))
		return false;
	if (!need)
		return true;
	if (!is_address(addr))
		return false;
	const struct ref *r = ref_of(c, bucket, off);
	if (!r)
		return true;
	if (addr % t->align || addr < r->o.start || need > r->o.slot + r->o.size - addr ||
	    (t->has_ptrs && span_noscan(r->o.span)))
		return false;
	uint8_t words = t->mask_words < r->mask_words ? t->mask_words : r->mask_words;
	uint64_t diff = words ? (t->mask ^ r->mask) << (64 - words) : 0;
	return !r->has_mask || !diff;
}

static bool may_hold_word(const struct contents *c, size_t bucket, unsigned int slot,
			  const struct word_type *t)
{
	static const struct word_type byte = { .size = 1, .align = 1 };
	const uint8_t *bytes = c->now.bytes[bucket];
	uint64_t off = t->off + (uint64_t)slot * t->stride;

	switch ((enum word_kind)t->kind) {
	case WORD_BOOL:
		return bytes[off] <= 1;
	case WORD_POINTER:
		return load_u64(bytes, off) ? may_point(c, bucket, off, t, 1) : !t->not_nil;
	case WORD_SLICE:
		return load_u64(bytes, off + 8) <= load_u64(bytes, off + 16) &&
		       load_u64(bytes, off + 16) < LEN_MAX &&
		       may_point(c, bucket, off, t, load_u64(bytes, off + 16));
	case WORD_STRING:
		return load_u64(bytes, off + 8) < LEN_MAX &&
		       may_point(c, bucket, off, &byte, load_u64(bytes, off + 8));
	case WORD_INTERFACE:
		return !load_u64(bytes, off) ||
		       (is_address(load_u64(bytes, off)) && !ref_of(c, bucket, off));
	}
	return true;
}

static bool may_hold_slot(const struct contents *c, size_t bucket, unsigned int slot,
			  const struct map_type *t)
{
	for (uint32_t i = 0; i < t->word_cnt; i++)
		if (!may_hold_word(c, bucket, slot, &t->words[i]))
			return false;
	return true;
}

static bool may_be(void *ctx, const struct map_type *t)
{
	const struct contents *c = ctx;

	for (size_t i = 0; i < c->now.cnt; i++)
		for (unsigned int slot = 0; slot < BUCKET_SLOTS; slot++)
			if (bucket_slot_is_full(c->kind, c->now.bytes[i][slot]) &&
			    !may_hold_slot(c, i, slot, t))
				return false;
	return true;
}

/* ---- one map, and all ---- */

static struct err *narrow(struct contents *c, const struct buckets *b, struct map_info *m)
{
	const struct bucket_array *a = &b->arrays.data[0];
	uint64_t n = c->kind == MAP_SWISS ? a->cnt : sizing_classic_array(__builtin_ctzll(a->cnt));
	struct evidence evidence;
	bool known;
	struct err *err = evidence_read(c->heap, a->addr, &evidence, &known);

	if (err || !known)
		return err;
	struct shape shape = shape_narrow(c->heap, &evidence, n, c->bucket_sz, may_be, c);
	if (!shape.candidates || shape.candidates > m->type_candidates)
		return NULL;
	m->type = shape.type;
	m->type_candidates = shape.candidates;
	if (m->type)
		m->type_source = TYPE_CONTENTS;
	return NULL;
}

/* Whether nothing was freed since the census began, and the map stood still. What a map
 * that is garbage points to may be freed and be something else, with the map as it was. */
static struct err *still_holds(struct contents *c, const struct buckets *b, bool *ret)
{
	uint32_t sweepgen;
	struct err *err = heap_read_sweepgen(c->heap, c->mem, &sweepgen);

	*ret = false;
	return err || sweepgen != c->census->sweepgen ? err : buckets_stand_still(b, ret);
}

static struct err *look_into(struct contents *c, const struct buckets *b, struct map_info *m)
{
	bool still = false;
	struct err *err = take(c, b, &c->now);

	if (!err && !c->now.cnt)
		return NULL;
	if (!err)
		err = find_refs(c);
	if (!err)
		err = drop_stale_refs(c);
	if (!err)
		err = take(c, b, &c->again);
	if (!err)
		err = still_holds(c, b, &still);
	if (err || !still)
		return err;
	keep_unchanged(c);
	return narrow(c, b, m);
}

static struct err *narrow_map(struct contents *c, struct map_info *m)
{
	struct buckets b;
	bool found;
	struct err *err = buckets_init(&b, c->heap, c->census->residency, m, &found);

	c->bucket_sz = m->bucket_sz;
	if (!err && found && b.cnt && b.live_keys && b.live_keys == m->live_keys)
		err = look_into(c, &b, m);
	buckets_fini(&b);
	return err;
}

/* A row that may be looked into. */
struct job {
	size_t row;
	uint64_t table_bytes;
};

static int cmp_largest(const void *a, const void *b)
{
	const struct job *x = a, *y = b;

	if (x->table_bytes != y->table_bytes)
		return x->table_bytes < y->table_bytes ? 1 : -1;
	return x->row < y->row ? -1 : x->row > y->row;
}

static bool may_tell(const struct map_info *m)
{
	return m->type_source == TYPE_AMBIGUOUS && m->bucket_sz && m->live_keys &&
	       m->consistency == MAP_EXACT && m->on_stack == MAP_ON_HEAP && map_counts(m) &&
	       m->table_bytes >= CONTENTS_TABLE_MIN;
}

/* The maps to look into, the largest ones first. */
struct jobs {
	VEC(struct job) list;
};

static struct err *find_jobs(const struct map_rows *rows, struct jobs *jobs)
{
	_cleanup_free_ bool *may = malloc(rows->kinds.len + 1);
	bool any = false;

	if (!may)
		return err_nomem();
	for (size_t i = 0; i < rows->kinds.len; i++) {
		struct map_info m = rows_kind_info(rows, i, 0);

		any |= may[i] = may_tell(&m);
	}
	for (size_t i = 0; i < rows->len && any; i++) {
		if (!may[rows->data[i].kind])
			continue;
		struct job job = { i, rows_get(rows, i).table_bytes };

		if (!vec_push(&jobs->list, job))
			return err_nomem();
	}
	vec_sort(&jobs->list, cmp_largest);
	return NULL;
}

static struct err *narrow_row(struct contents *c, struct census *census, size_t row)
{
	struct map_info m = census_map(census, row);
	struct err *err = narrow_map(c, &m);

	return err || rows_set(&census->maps, row, &m) ? err : err_nomem();
}

struct err *contents_narrow(struct census *census)
{
	struct jobs jobs = { 0 };
	_cleanup_free_ struct contents *c = malloc(sizeof(*c));
	struct err *err = c ? find_jobs(&census->maps, &jobs) : err_nomem();

	if (!err) {
		c->census = census;
		c->heap = census->heap;
		c->mem = census->mem;
		c->left = BUDGET;
		c->kind = census->heap->prog->layout.kind;
	}
	for (size_t i = 0; i < jobs.list.len && i < CONTENTS_MAPS_MAX && !err; i++)
		err = narrow_row(c, census, jobs.list.data[i].row);
	vec_fini(&jobs.list);
	return err;
}
