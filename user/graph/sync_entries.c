// SPDX-License-Identifier: GPL-2.0-only
/*
 * Counts the entries of a sync.Map of maps: go-runtime facts 13.1.
 *
 * An entry is an object of one word: a pointer to the value; nil when the key was deleted; or the
 * pointer of the variable sync.expunged when the key was deleted before the dirty map was made,
 * which then does not have it. Each value has a word pair of its own, so no package variable leads
 * to one: that tells what is expunged.
 */
#include <string.h>

#include "base/cursor.h"
#include "graph/sync_search.h"
#include "maps/buckets.h"
#include "maps/kinds.h"

enum {
	ENTRIES_A_READ = 4096,
	ENTRY_SZ = 8,
	VALUE_SZ = 16, /* what a value's interface takes */
	ROOTS_A_READ = 64 << 10,
	EXPUNGED_MAX = 1 << 16,
	TINY_SZ = 16, /* smaller objects without pointers share a slot */
};

/* ---- what is expunged ---- */

static bool is_value_pointer(const struct heap *heap, uint64_t addr)
{
	struct object o;

	return heap_object(heap, addr, &o) && o.size == VALUE_SZ && o.start == addr &&
	       !span_noscan(o.span);
}

static struct err *expunged_list_range(struct sync_search *y, const struct data_range *r,
				       uint64_t *buf)
{
	const uint64_t words = data_range_words(r);

	for (uint64_t w = 0; w < words; w += ROOTS_A_READ / 8) {
		uint64_t n = words - w < ROOTS_A_READ / 8 ? words - w : ROOTS_A_READ / 8;
		struct mem *mem = data_range_mem(y->s->heap->prog, r);
		struct mem_req req = { r->start + 8 * w, 8 * n, false, buf };
		struct err *err = mem->read_reqs(mem, &req, 1);

		if (err)
			return err;
		for (uint64_t i = 0; req.ok && i < n && y->expunged.len < EXPUNGED_MAX; i++)
			if (data_range_is_pointer(r, w + i) &&
			    is_value_pointer(y->s->heap, buf[i]) && !vec_push(&y->expunged, buf[i]))
				return err_nomem();
	}
	return NULL;
}

/* Keeps those that are empty interfaces, as `new(any)` is. */
static struct err *expunged_keep_empty(struct sync_search *y)
{
	size_t cnt = y->expunged.len, kept = 0;
	_cleanup_free_ struct mem_req *reqs = calloc(cnt + 1, sizeof(*reqs));
	_cleanup_free_ uint64_t *values = calloc(2 * cnt + 2, sizeof(*values));

	if (!reqs || !values)
		return err_nomem();
	for (size_t i = 0; i < cnt; i++)
		reqs[i] = (struct mem_req){ y->expunged.data[i], VALUE_SZ, false, values + 2 * i };
	struct err *err = mem_gather(&y->s->heap->prog->target->mem, reqs, cnt);
	for (size_t i = 0; !err && i < cnt; i++) {
		const uint64_t *v = reqs[i].dst;

		if (reqs[i].ok && !v[0] && !v[1])
			y->expunged.data[kept++] = reqs[i].addr;
	}
	y->expunged.len = kept;
	return err;
}

static int cmp_addresses(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

struct err *sync_find_expunged(struct sync_search *y)
{
	_cleanup_free_ uint64_t *buf = malloc(ROOTS_A_READ);
	struct err *err = buf ? NULL : err_nomem();

	for (size_t i = 0; !err && i < y->s->roots.cnt; i++)
		if (y->s->roots.ranges[i].mask)
			err = expunged_list_range(y, &y->s->roots.ranges[i], buf);
	if (!err)
		err = expunged_keep_empty(y);
	vec_sort(&y->expunged, cmp_addresses);
	return err;
}

/* ---- one map ---- */

struct entry_ref {
	uint64_t entry;
	uint64_t key_type; /* of the interface that the key is */
	uint64_t key_data;
};

struct entry_count {
	struct sync_search *y;
	const struct map_type *form;
	const struct map_kind_ops *ops;
	uint64_t live, deleted, expunged;
	uint64_t odd; /* slots without an entry, as a map that changes may have */
	uint64_t key_bytes; /* of keys whose entry is deleted or expunged */
	uint64_t expunged_key_bytes; /* of them: expunged */
	size_t cnt;
	struct entry_ref *refs; /* ENTRIES_A_READ of them, as of the next two */
	uint64_t *values;
	struct mem_req *reqs;
	struct err *err;
};

/* Bytes of the object that a key is in; 0: it is none of its own. */
static uint64_t key_bytes(const struct entry_count *c, const struct entry_ref *r)
{
	const struct cat_type *t = catalogue_find(c->y->s->cat, r->key_type);
	struct object o;

	if (!t || t->direct || !heap_object(c->y->s->heap, r->key_data, &o))
		return 0;
	if (span_noscan(o.span) && t->size < TINY_SZ)
		return t->size;
	return r->key_data == o.start ? o.size : 0;
}

static void entry_judge(struct entry_count *c, const struct entry_ref *r, uint64_t value)
{
	const struct sync_search *y = c->y;
	bool expunged = value && vec_search(&y->expunged, &value, cmp_addresses);

	if (value && !expunged) {
		c->live++;
		return;
	}
	uint64_t bytes = key_bytes(c, r);

	c->key_bytes += bytes;
	c->expunged_key_bytes += expunged ? bytes : 0;
	c->deleted += !expunged;
	c->expunged += expunged;
}

/* Looks at the entries that were put off. */
static bool entries_flush(struct entry_count *c)
{
	struct heap *heap = c->y->s->heap;
	struct object o;
	size_t n = 0;

	for (size_t i = 0; i < c->cnt; i++) {
		if (!heap_object(heap, c->refs[i].entry, &o) || o.size != ENTRY_SZ)
			c->odd++;
		else
			c->reqs[n++] =
				(struct mem_req){ c->refs[i].entry, 8, false, c->values + i };
	}
	c->cnt = 0;
	c->err = n ? mem_gather(&heap->prog->target->mem, c->reqs, n) : NULL;
	for (size_t i = 0; !c->err && i < n; i++) {
		const uint64_t *value = c->reqs[i].dst;

		if (c->reqs[i].ok)
			entry_judge(c, &c->refs[value - c->values], *value);
		else
			c->odd++;
	}
	return !c->err;
}

/* A buckets_visit_fn. */
static bool entries_visit(void *ctx, const uint8_t *buckets, size_t n)
{
	struct entry_count *c = ctx;
	const struct slots *slots = &c->form->slots;

	for (const uint8_t *b = buckets; n; n--, b += c->form->bucket_sz)
		for (unsigned int i = 0; i < BUCKET_SLOTS; i++) {
			const uint8_t *key = b + slots->keys_off + i * slots->key_stride;
			const uint8_t *elem = b + slots->elems_off + i * slots->elem_stride;

			if (!slot_is_full(c->ops, b[i]))
				continue;
			c->refs[c->cnt++] = (struct entry_ref){ load_u64(elem, 0), load_u64(key, 0),
								load_u64(key, 8) };
			if (c->cnt == ENTRIES_A_READ && !entries_flush(c))
				return false;
		}
	return true;
}

static struct err *entries_read(struct entry_count *c, const struct buckets *b, bool *whole_ret)
{
	_cleanup_free_ uint8_t *buf = malloc(BUCKETS_READ_SZ);
	struct bucket_visitor visitor = { entries_visit, c, buf };

	if (!buf)
		return err_nomem();
	struct err *err = buckets_visit(b, 0, b->cnt, &visitor, whole_ret);
	if (!err && !c->err)
		entries_flush(c);
	if (!err)
		return take_ptr(c->err);
	err_free(c->err);
	c->err = NULL;
	return err;
}

static struct err *entries_count_map(struct entry_count *c, uint32_t row, bool *steady_ret)
{
	const struct census *census = c->y->s->census;
	struct map_info m = census_map(census, row);
	struct buckets b;
	bool found, whole = false, still = false;

	m.bucket_sz = c->form->bucket_sz;
	struct err *err = buckets_init(&b, c->y->s->heap, census->residency, &m, &found);
	if (!err && found)
		err = entries_read(c, &b, &whole);
	if (!err && found)
		err = buckets_stand_still(&b, &still);
	*steady_ret = whole && still && !c->odd &&
		      c->live + c->deleted + c->expunged == b.live_keys;
	buckets_fini(&b);
	return err;
}

static struct err *entry_count_init(struct entry_count *c, struct sync_search *y)
{
	const struct heap *heap = y->s->heap;

	*c = (struct entry_count){
		.y = y,
		.form = gotypes_find(heap->prog->types, y->map_type->addr),
		.ops = kinds_ops_of(heap),
		.refs = calloc(ENTRIES_A_READ, sizeof(*c->refs)),
		.values = calloc(ENTRIES_A_READ, sizeof(*c->values)),
		.reqs = calloc(ENTRIES_A_READ, sizeof(*c->reqs)),
	};
	return c->refs && c->values && c->reqs ? NULL : err_nomem();
}

static void entry_count_fini(struct entry_count *c)
{
	free(c->refs);
	free(c->values);
	free(c->reqs);
}

/* ---- both maps ---- */

/* Adds the tables of one of its maps, and what they have beyond those of a fresh map. */
static void sync_add_tables(const struct sync_search *y, struct sync_map *m, uint32_t row,
			    uint16_t bucket_sz)
{
	const struct heap *heap = y->s->heap;
	struct table_shape shape = {
		.bucket_sz = bucket_sz,
		.malloc_headers = heap_malloc_headers(heap),
		.load_num = heap->prog->layout.classic.load_num,
	};

	uint64_t fresh = kinds_ops_of(heap)->fresh_bytes(m->live, &shape), tables = 0;

	if (row != UINT32_MAX)
		tables = census_map(y->s->census, row).table_bytes;
	m->bytes += tables;
	m->tables_give_back_bytes += tables > fresh ? tables - fresh : 0;
}

/*
 * The dirty map, if there is one, has all entries but the expunged ones: those are in the read-only
 * map alone. Each value takes an object, too, which goes with the key. A new sync.Map is taken to
 * have two maps again if this one has two.
 */
static void sync_sum(struct sync_search *y, struct sync_map *m, const struct entry_count *read,
		     const struct entry_count *dirty, uint16_t bucket_sz)
{
	bool both = m->dirty_row != UINT32_MAX;
	const struct entry_count *main = both ? dirty : read;

	m->live = main->live;
	m->deleted = main->deleted + main->expunged;
	m->deleted_key_bytes = main->key_bytes;
	if (both) {
		m->deleted += read->expunged;
		m->deleted_key_bytes += read->expunged_key_bytes;
	}
	m->bytes = (m->live + m->deleted) * ENTRY_SZ + m->live * VALUE_SZ;
	sync_add_tables(y, m, m->read_row, bucket_sz);
	sync_add_tables(y, m, m->dirty_row, bucket_sz);
	m->gives_back_bytes = m->tables_give_back_bytes + m->deleted * ENTRY_SZ;
}

struct err *sync_entries_count(struct sync_search *y, struct sync_map *m)
{
	_cleanup_(entry_count_fini) struct entry_count read = { 0 }, dirty = { 0 };
	struct err *err = entry_count_init(&read, y);
	bool steady = true;

	if (!err)
		err = entry_count_init(&dirty, y);
	if (err || !read.form)
		return err;
	if (m->read_row != UINT32_MAX)
		err = entries_count_map(&read, m->read_row, &steady);
	m->moving |= !steady;
	if (!err && m->dirty_row != UINT32_MAX)
		err = entries_count_map(&dirty, m->dirty_row, &steady);
	m->moving |= !steady;
	if (!err)
		sync_sum(y, m, &read, &dirty, read.form->bucket_sz);
	return err;
}
