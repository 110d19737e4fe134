// SPDX-License-Identifier: GPL-2.0-only
/*
 * Swiss maps with tables: a directory of 1 << globalDepth pointers to tables of at
 * most 1024 slots. A table with localDepth < globalDepth fills
 * 1 << (globalDepth - localDepth) consecutive entries.
 *
 * The slots need not be read: a table's `used` and `growthLeft` tell live keys and
 * tombstones, and the tables' `used` add up to the map's.
 */
#include <string.h>

#include "base/cursor.h"
#include "maps/buckets.h"
#include "maps/swiss.h"

enum {
	TABLE_USED = 0,
	TABLE_CAPACITY = 2,
	TABLE_GROWTH_LEFT = 4,
	TABLE_LOCAL_DEPTH = 6,
	TABLE_INDEX = 8,
	TABLE_GROUPS = 16,
	TABLE_LENGTH_MASK = 24,
	TABLE_SZ = 32,

	DIR_BATCH = 1 << 18, /* directory entries */
	/* Groups whose control words decide between candidate types. */
	SIZE_PROBE_MAX = SWISS_TABLE_SLOTS_MAX / BUCKET_SLOTS,
};

struct table {
	uint16_t used;
	uint16_t capacity;
	uint16_t growth_left;
	uint8_t local_depth;
	int64_t index;
	uint64_t groups;
	uint64_t length_mask;
};

static struct table parse_table(const uint8_t *b)
{
	return (struct table){
		.used = load_u16(b, TABLE_USED),
		.capacity = load_u16(b, TABLE_CAPACITY),
		.growth_left = load_u16(b, TABLE_GROWTH_LEFT),
		.local_depth = load_u8(b, TABLE_LOCAL_DEPTH),
		.index = (int64_t)load_u64(b, TABLE_INDEX),
		.groups = load_u64(b, TABLE_GROUPS),
		.length_mask = load_u64(b, TABLE_LENGTH_MASK),
	};
}

/* A run of equal directory entries is one table. */
static size_t run_len(const uint64_t *dir, size_t len, size_t at)
{
	size_t end = at + 1;

	while (end < len && dir[end] == dir[at])
		end++;
	return end - at;
}

static bool table_is_sane(const struct table *t, const struct swiss_header *h, size_t at,
			  size_t run)
{
	uint16_t limit = t->capacity == BUCKET_SLOTS ? 7 : t->capacity / 8 * 7;

	return t->capacity >= BUCKET_SLOTS && t->capacity <= SWISS_TABLE_SLOTS_MAX &&
	       !(t->capacity & (t->capacity - 1)) &&
	       t->length_mask == t->capacity / BUCKET_SLOTS - 1u && t->index == (int64_t)at &&
	       t->local_depth <= h->global_depth &&
	       run == 1ull << (h->global_depth - t->local_depth) &&
	       t->used + t->growth_left <= limit;
}

static uint64_t table_tombstones(const struct table *t)
{
	uint16_t limit = t->capacity == BUCKET_SLOTS ? 7 : t->capacity / 8 * 7;

	return limit - t->used - t->growth_left;
}

/* Where a table and its groups are; false when their memory does not fit them. */
static bool find_table(const struct heap *heap, uint64_t addr, struct object *table)
{
	return heap_object(heap, addr, table) && table->start == addr && table->size == TABLE_SZ;
}

static bool find_groups(const struct heap *heap, const struct table *t, struct object *groups)
{
	uint64_t n = t->length_mask + 1;

	return heap_object(heap, t->groups, groups) && swiss_is_group_start(groups, t->groups) &&
	       groups->size >= n * 8 && groups->size / n <= 8 + 8 * 256 + GO_PAGE_SZ;
}

/* Adds one table to the map's row; false when its memory does not fit it. */
static bool add_table(const struct swiss_decoder *d, struct swiss_work *w, uint64_t addr,
		      const struct table *t)
{
	struct map_info *m = &d->batch->maps[w->at];
	const struct heap *heap = d->census->heap;
	uint64_t *stray = &d->batch->cands[w->at].stray;
	struct object table, o;

	/* Made after the heap was read: the map goes on changing. */
	d->batch->cands[w->at].moved |= heap_is_unread(heap, addr) ||
					heap_is_unread(heap, t->groups);
	*stray = addr;
	if (!find_table(heap, addr, &table))
		return false;
	*stray = t->groups;
	if (!find_groups(heap, t, &o))
		return false;
	if (!m->table_cnt) {
		w->evidence.o = o;
		m->noscan = span_noscan(o.span);
	}
	m->table_cnt++;
	m->buckets += t->length_mask + 1;
	m->tombstones += table_tombstones(t);
	m->table_bytes += o.size + table.size;
	m->resident_bytes +=
		census_resident(d->census, w->at, &o) + census_resident(d->census, w->at, &table);
	w->used_sum += t->used;
	return true;
}

/* Walks the directory of one map; false when a table contradicts the header. */
static bool add_tables(const struct swiss_decoder *d, struct swiss_work *w, const uint64_t *dir,
		       const uint8_t *tables, const bool *table_ok, size_t *table_at)
{
	struct map_info *m = &d->batch->maps[w->at];

	*m = (struct map_info){
		.addr = d->batch->cands[w->at].addr,
		.live_keys = w->h.used,
		.table_bytes = w->dir.size,
		.resident_bytes = census_resident(d->census, w->at, &w->dir),
	};
	bool sane = true;
	for (size_t at = 0; at < w->h.dir_len; (*table_at)++) {
		size_t run = run_len(dir, w->h.dir_len, at);
		struct table t = parse_table(tables + *table_at * TABLE_SZ);

		sane = sane && table_ok[*table_at] && table_is_sane(&t, &w->h, at, run) &&
		       add_table(d, w, dir[at], &t);
		at += run;
	}
	return sane;
}

/*
 * Chooses between candidate group sizes: with the right one the control words of
 * the first table hold as many full slots as the table says.
 */
static struct err *narrow_size(const struct swiss_decoder *d, const struct swiss_work *w,
			       const struct table *t, struct shape *shape)
{
	uint64_t groups = t->length_mask + 1;
	uint64_t ctrl[SIZE_PROBE_MAX];
	struct mem_req reqs[SIZE_PROBE_MAX];
	uint16_t match = 0;

	for (uint8_t s = 0; s < shape->size_cnt; s++) {
		int full = 0;

		for (uint64_t g = 0; g < groups; g++)
			reqs[g] = (struct mem_req){ t->groups + g * shape->sizes[s], 8, false,
						    &ctrl[g] };
		struct err *err = mem_gather(d->mem, reqs, groups);
		if (err)
			return err;
		for (uint64_t g = 0; g < groups && full >= 0; g++) {
			int f = reqs[g].ok ? swiss_ctrl_full(ctrl[g], /* small= */ false) : -1;

			full = f < 0 ? -1 : full + f;
		}
		if (full != t->used)
			continue;
		if (match)
			return NULL; /* both fit: stays ambiguous */
		match = shape->sizes[s];
	}
	if (match)
		*shape = *shape_of(d->census->heap, d->census->shapes, &w->evidence, groups, match);
	return NULL;
}

static struct err *set_type(const struct swiss_decoder *d, struct swiss_work *w,
			    const struct table *first)
{
	struct map_info *m = &d->batch->maps[w->at];
	struct shape shape = *shape_of(d->census->heap, d->census->shapes, &w->evidence,
				       first->length_mask + 1,
				       /* only_sz= */ 0);

	if (shape.size_cnt > 1) {
		struct err *err = narrow_size(d, w, first, &shape);
		if (err)
			return err;
	}
	shape_apply(&shape, m);
	swiss_set_rebuild(d, m, &w->evidence.o);
	return NULL;
}

static enum verdict judge(const struct swiss_decoder *d, const struct swiss_work *w)
{
	struct map_info *m = &d->batch->maps[w->at];
	struct swiss_header after = swiss_parse_header(w->after);
	bool same = after.used == w->h.used && after.dir_ptr == w->h.dir_ptr &&
		    after.dir_len == w->h.dir_len && after.clear_seq == w->h.clear_seq;

	/* A writer may be off its processor for as long as we look: nothing moves then. */
	bool writing = w->h.writing || after.writing;
	d->batch->cands[w->at].moved |= writing;
	if (!w->sane)
		return VERDICT_CHANGED;
	if (same && !writing && w->used_sum == w->h.used) {
		m->consistency = MAP_EXACT;
		return VERDICT_MAP;
	}
	bool busy = census_is_busy(&d->batch->cands[w->at], w->used_sum);
	if (after.dir_ptr != w->h.dir_ptr || !census_is_near(w->used_sum, after.used) ||
	    (same && !busy))
		return VERDICT_CHANGED;
	/* It has grown since its tables were read. */
	if (after.used > map_slots(m))
		return VERDICT_CHANGED;
	m->consistency = MAP_MOVING;
	m->live_keys = after.used;
	return VERDICT_MAP;
}

/* The works [first, end) and the memory that their directories need. */
struct dir_batch {
	size_t first;
	size_t end;
	size_t entry_cnt;
	uint64_t *entries;
	uint64_t *table_addrs; /* unique, in directory order */
	uint8_t *tables;
	bool *table_ok;
	size_t table_cnt;
};

static void dir_batch_fini(struct dir_batch *b)
{
	free(b->entries);
	free(b->table_addrs);
	free(b->tables);
	free(b->table_ok);
}

static struct err *read_dirs(struct swiss_decoder *d, struct dir_batch *b)
{
	_cleanup_free_ struct mem_req *reqs = calloc(b->end - b->first, sizeof(*reqs));
	size_t n = 0;

	b->entries = malloc(b->entry_cnt * 8);
	if (!reqs || !b->entries)
		return err_nomem();
	for (size_t i = b->first; i < b->end; i++) {
		struct swiss_work *w = &d->works[i];

		reqs[n++] = (struct mem_req){ w->h.dir_ptr, w->h.dir_len * 8, false,
					      b->entries + w->dir_off };
	}
	struct err *err = mem_gather(d->mem, reqs, n);
	for (size_t i = 0; !err && i < n; i++)
		if (!reqs[i].ok)
			memset(reqs[i].dst, 0, reqs[i].len);
	return err;
}

/* Reads each table once, and behind all tables the headers again. */
static struct err *read_tables(struct swiss_decoder *d, struct dir_batch *b)
{
	size_t maps = b->end - b->first;
	_cleanup_free_ struct mem_req *reqs = NULL;
	size_t n = 0;

	b->table_addrs = malloc(b->entry_cnt * 8);
	if (!b->table_addrs)
		return err_nomem();
	for (size_t i = b->first; i < b->end; i++) {
		struct swiss_work *w = &d->works[i];
		const uint64_t *dir = b->entries + w->dir_off;

		for (size_t at = 0; at < w->h.dir_len; at += run_len(dir, w->h.dir_len, at))
			b->table_addrs[b->table_cnt++] = dir[at];
	}
	b->tables = calloc(b->table_cnt + 1, TABLE_SZ);
	b->table_ok = calloc(b->table_cnt + 1, sizeof(bool));
	reqs = malloc((b->table_cnt + maps) * sizeof(*reqs));
	if (!b->tables || !b->table_ok || !reqs)
		return err_nomem();
	for (; n < b->table_cnt; n++)
		reqs[n] = (struct mem_req){ b->table_addrs[n], TABLE_SZ, false,
					    b->tables + n * TABLE_SZ };
	struct err *err = mem_gather(d->mem, reqs, n);
	for (size_t i = 0; !err && i < n; i++)
		b->table_ok[((uint8_t *)reqs[i].dst - b->tables) / TABLE_SZ] = reqs[i].ok;
	return err;
}

/* Reads the headers again, and what tells the types of the maps that were sane. */
static struct err *read_after(struct swiss_decoder *d, struct dir_batch *b)
{
	size_t each = 1 + SHAPE_READS;
	_cleanup_free_ struct mem_req *reqs = malloc(each * (b->end - b->first) * sizeof(*reqs));
	size_t n = 0;

	if (!reqs)
		return err_nomem();
	for (size_t i = b->first; i < b->end; i++) {
		struct swiss_work *w = &d->works[i];

		reqs[n++] = (struct mem_req){ d->batch->cands[w->at].addr, SWISS_MAP_SZ, false,
					      w->after };
		if (w->sane) {
			evidence_place(d->census->heap, &w->evidence);
			n += evidence_ask(&w->evidence, &reqs[n]);
		}
	}
	struct err *err = mem_gather(d->mem, reqs, n);
	for (size_t i = 0; !err && i < n; i++)
		if (!reqs[i].ok)
			memset(reqs[i].dst, 0xff, reqs[i].len);
	return err;
}

static struct err *decode_dirs(struct swiss_decoder *d, struct dir_batch *b)
{
	_cleanup_free_ size_t *first_table = calloc(b->end - b->first, sizeof(*first_table));
	size_t table_at = 0;

	if (!first_table)
		return err_nomem();
	struct err *err = read_dirs(d, b);
	if (!err)
		err = read_tables(d, b);
	for (size_t i = b->first; !err && i < b->end; i++) {
		struct swiss_work *w = &d->works[i];

		first_table[i - b->first] = table_at;
		w->sane = add_tables(d, w, b->entries + w->dir_off, b->tables, b->table_ok,
				     &table_at);
	}
	if (!err)
		err = read_after(d, b);
	for (size_t i = b->first; !err && i < b->end; i++) {
		struct swiss_work *w = &d->works[i];

		d->batch->verdicts[w->at] = judge(d, w);
		d->batch->kinds[w->at] = ROWS_NO_KIND;
		if (d->batch->verdicts[w->at] == VERDICT_MAP) {
			struct table t =
				parse_table(b->tables + first_table[i - b->first] * TABLE_SZ);
			err = set_type(d, w, &t);
		}
	}
	return err;
}

/* Splits the maps so that the directories of a batch stay small; one map may be
 * larger than that by itself. */
struct err *swiss_decode_tables(struct swiss_decoder *d)
{
	for (size_t first = 0; first < d->work_cnt;) {
		_cleanup_(dir_batch_fini) struct dir_batch b = { .first = first, .end = first };

		while (b.end < d->work_cnt) {
			struct swiss_work *w = &d->works[b.end];

			if (b.entry_cnt && b.entry_cnt + w->h.dir_len > DIR_BATCH)
				break;
			w->dir_off = b.entry_cnt;
			b.entry_cnt += w->h.dir_len;
			b.end++;
		}
		struct err *err = decode_dirs(d, &b);
		if (err)
			return err;
		first = b.end;
	}
	return NULL;
}

/* ---- the groups of one map ---- */

static bool groups_fit(const struct buckets *b, uint64_t addr, uint64_t cnt, const struct object *o)
{
	return cnt <= (o->slot + o->size - addr) / b->bucket_sz;
}

/* Notes the groups of each table; false when one contradicts the header. */
static struct err *add_groups(struct buckets *b, const struct swiss_header *h,
			      const struct dir_batch *dir, bool *found_ret)
{
	size_t table_at = 0;

	for (size_t at = 0, run; at < h->dir_len; at += run, table_at++) {
		struct table t = parse_table(dir->tables + table_at * TABLE_SZ);
		struct object table, groups;

		run = run_len(dir->entries, h->dir_len, at);
		*found_ret = dir->table_ok[table_at] && table_is_sane(&t, h, at, run) &&
			     find_table(b->heap, dir->entries[at], &table) &&
			     find_groups(b->heap, &t, &groups) &&
			     groups_fit(b, t.groups, t.length_mask + 1, &groups);
		if (!*found_ret)
			return NULL;
		if (!vec_push(&b->arrays, ((struct bucket_array){ t.groups, t.length_mask + 1 })))
			return err_nomem();
	}
	return NULL;
}

struct err *swiss_find_arrays(struct buckets *b, bool *found_ret)
{
	struct swiss_work w = { .h = swiss_parse_header(b->header) };
	struct swiss_decoder d = { .mem = &b->heap->prog->target->mem, .works = &w, .work_cnt = 1 };
	_cleanup_(dir_batch_fini) struct dir_batch dir = { .end = 1, .entry_cnt = w.h.dir_len };

	*found_ret = swiss_find_dir(b->heap, &w.h, &w.dir) == VERDICT_MAP;
	if (!*found_ret)
		return NULL;
	if (!w.h.dir_len) {
		*found_ret = groups_fit(b, w.h.dir_ptr, 1, &w.dir);
		return vec_push(&b->arrays, ((struct bucket_array){ w.h.dir_ptr, 1 }))
			       ? NULL
			       : err_nomem();
	}
	struct err *err = read_dirs(&d, &dir);
	if (!err)
		err = read_tables(&d, &dir);
	return err ? err : add_groups(b, &w.h, &dir, found_ret);
}
