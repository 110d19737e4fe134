// SPDX-License-Identifier: GPL-2.0-only
/*
 * Swiss maps (Go 1.24 and later, internal/runtime/maps).
 *
 * A Map header points to one group of 8 slots while it is small, and else to a
 * directory of 1 << globalDepth pointers to tables of at most 1024 slots. A table
 * with localDepth < globalDepth fills 1 << (globalDepth - localDepth) consecutive
 * entries. The slots of a table need not be read: its `used` and `growthLeft`
 * tell live keys and tombstones, and the tables' `used` add up to the map's.
 */
#include <string.h>

#include "base/cursor.h"
#include "heap/sizeclass.h"
#include "maps/census.h"
#include "maps/shape.h"
#include "maps/sizing.h"

enum {
	MAP_USED = 0,
	MAP_SEED = 8,
	MAP_DIR_PTR = 16,
	MAP_DIR_LEN = 24,
	MAP_GLOBAL_DEPTH = 32,
	MAP_GLOBAL_SHIFT = 33,
	MAP_WRITING = 34,
	MAP_CLEAR_SEQ = 40,
	MAP_SZ = 48,

	TABLE_USED = 0,
	TABLE_CAPACITY = 2,
	TABLE_GROWTH_LEFT = 4,
	TABLE_LOCAL_DEPTH = 6,
	TABLE_INDEX = 8,
	TABLE_GROUPS = 16,
	TABLE_LENGTH_MASK = 24,
	TABLE_SZ = 32,

	CTRL_EMPTY = 0x80,
	CTRL_DELETED = 0xfe,
	TABLE_SLOTS_MAX = 1024,

	/* 2^24 tables are 16 G slots. */
	DEPTH_MAX = 24,
	DIR_BATCH = 1 << 18,
	/* 8 control bytes, 8 keys and elems of at most 128 bytes, in their size class. */
	GROUP_ALLOC_MAX = 2304,
	/* Groups whose control words decide between candidate types. */
	SIZE_PROBE_MAX = TABLE_SLOTS_MAX / BUCKET_SLOTS,
};

struct header {
	uint64_t used;
	uint64_t seed;
	uint64_t dir_ptr;
	uint64_t dir_len;
	uint8_t global_depth;
	uint8_t global_shift;
	uint8_t writing;
	uint64_t clear_seq;
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

static struct header parse_header(const uint8_t *b)
{
	return (struct header){
		.used = load_u64(b, MAP_USED),
		.seed = load_u64(b, MAP_SEED),
		.dir_ptr = load_u64(b, MAP_DIR_PTR),
		.dir_len = load_u64(b, MAP_DIR_LEN),
		.global_depth = load_u8(b, MAP_GLOBAL_DEPTH),
		.global_shift = load_u8(b, MAP_GLOBAL_SHIFT),
		.writing = load_u8(b, MAP_WRITING),
		.clear_seq = load_u64(b, MAP_CLEAR_SEQ),
	};
}

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

/* A map being decoded. */
struct work {
	size_t at; /* in the batch */
	struct header h;
	struct object dir; /* the group of a small map, else the directory */
	struct evidence evidence; /* of the first group array: tells the type */
	uint64_t ctrl; /* small: the group's control word */
	size_t dir_off; /* in the batch's directory buffer */
	uint8_t after[MAP_SZ]; /* the header, read again behind the tables */
	uint64_t used_sum;
	bool sane; /* every table fits the header */
};

struct decoder {
	struct census *census;
	struct census_batch *batch;
	struct mem *mem;
	struct work *works;
	size_t work_cnt;
};

/*
 * What the header alone tells. A seed is 64 random bits: an address of the heap in
 * its place, or a small number, means an object of another kind.
 */
static enum verdict check_header(const struct heap *heap, const struct header *h)
{
	struct object o;

	if (h->writing > 1 || h->seed <= UINT32_MAX || heap_object(heap, h->seed, &o))
		return VERDICT_LOOKALIKE;
	if (h->dir_ptr == 0)
		return h->used || h->dir_len ? VERDICT_LOOKALIKE : VERDICT_EMPTY;
	if (h->dir_len == 0)
		return h->used <= BUCKET_SLOTS && !h->global_depth ? VERDICT_MAP
								   : VERDICT_LOOKALIKE;
	if (h->global_depth > DEPTH_MAX || h->dir_len != 1ull << h->global_depth ||
	    h->global_shift != 64 - h->global_depth || h->used > h->dir_len * TABLE_SLOTS_MAX)
		return VERDICT_LOOKALIKE;
	return VERDICT_MAP;
}

/* A group without pointers below 16 bytes comes from the tiny allocator, which
 * packs several objects into one slot of 16. */
static bool is_object_start(const struct object *o, uint64_t addr)
{
	bool tiny = span_noscan(o->span) && o->size == 16;

	return addr == o->start || (tiny && addr == o->slot + 8);
}

/* Number of full slots in a control word; -1 when it is none. A small map never
 * has tombstones. */
static int ctrl_full(uint64_t ctrl, bool small)
{
	int full = 0;

	for (int i = 0; i < BUCKET_SLOTS; i++) {
		uint8_t c = ctrl >> (8 * i);

		if (c < 0x80)
			full++;
		else if (c != CTRL_EMPTY && (small || c != CTRL_DELETED))
			return -1;
	}
	return full;
}

static struct table_shape table_shape(const struct decoder *d, const struct map_info *m,
				      const struct object *groups)
{
	return (struct table_shape){
		.bucket_sz = m->bucket_sz,
		.noscan = span_noscan(groups->span),
		.malloc_headers = heap_malloc_headers(d->census->heap),
	};
}

static void set_rebuild(const struct decoder *d, struct map_info *m, const struct object *groups)
{
	struct table_shape shape = table_shape(d, m, groups);

	if (m->bucket_sz)
		m->rebuild_bytes = sizing_swiss(m->live_keys, &shape);
}

/* ---- small maps ---- */

/*
 * Control bytes of full slots are seven bits of a hash. Text and small numbers are
 * not: six equal bytes, or eight below 16, come from hashing once in 10 million
 * full groups.
 */
static bool looks_hashed(uint64_t ctrl)
{
	uint8_t most = 0, high = 0;

	for (int i = 0; i < BUCKET_SLOTS; i++) {
		uint8_t c = ctrl >> (8 * i), equal = 0;

		for (int j = 0; j < BUCKET_SLOTS; j++)
			equal += (uint8_t)(ctrl >> (8 * j)) == c;
		if (c < 0x80 && equal > most)
			most = equal;
		high += c >= 16;
	}
	return most < 6 && high;
}

static enum verdict finish_small(const struct decoder *d, const struct work *w)
{
	struct map_info *m = &d->batch->maps[w->at];
	int full = ctrl_full(w->ctrl, /* small= */ true);

	if (full < 0 || !looks_hashed(w->ctrl))
		return VERDICT_LOOKALIKE;
	if ((uint64_t)full != w->h.used)
		return VERDICT_CHANGED;
	*m = (struct map_info){
		.addr = d->batch->cands[w->at].addr,
		.live_keys = w->h.used,
		.buckets = 1,
		.table_bytes = w->dir.size,
		.resident_bytes = census_resident(d->census, &w->dir),
		.consistency = MAP_EXACT,
		.small = true,
	};
	struct shape shape = shape_of(d->census->heap, &w->evidence, 1, /* only_sz= */ 0);
	/* Memory without pointers gives no other evidence than its content, and that
	 * may have changed since the control word was read. */
	if (span_noscan(w->dir.span) && !shape.size_cnt)
		return VERDICT_CHANGED;
	shape_apply(&shape, m);
	set_rebuild(d, m, &w->dir);
	return VERDICT_MAP;
}

/* Reads the groups without pointers whole: their content is the evidence. */
static struct err *read_small_groups(struct decoder *d, uint8_t **buf_ret)
{
	_cleanup_free_ struct mem_req *reqs = malloc((d->work_cnt + 1) * sizeof(*reqs));
	size_t n = 0, sz = 0;

	for (size_t i = 0; i < d->work_cnt; i++)
		if (!d->works[i].h.dir_len && span_noscan(d->works[i].dir.span))
			sz += d->works[i].dir.size;
	uint8_t *buf = calloc(1, sz + 1);
	if (!reqs || !buf) {
		free(buf);
		return err_nomem();
	}
	*buf_ret = buf;
	for (size_t i = 0; i < d->work_cnt; i++) {
		struct work *w = &d->works[i];

		if (w->h.dir_len || !span_noscan(w->dir.span))
			continue;
		w->evidence.group = buf;
		reqs[n++] = (struct mem_req){ w->h.dir_ptr,
					      w->dir.slot + w->dir.size - w->h.dir_ptr, false,
					      buf };
		buf += w->dir.size;
	}
	return mem_gather(d->mem, reqs, n);
}

/* Reads the control words of all small maps, and what tells their types. */
static struct err *decode_small(struct decoder *d)
{
	size_t each = 1 + SHAPE_READS;
	_cleanup_free_ struct mem_req *reqs = malloc(each * (d->work_cnt + 1) * sizeof(*reqs));
	_cleanup_free_ uint8_t *groups = NULL;
	size_t n = 0;

	if (!reqs)
		return err_nomem();
	for (size_t i = 0; i < d->work_cnt; i++) {
		struct work *w = &d->works[i];

		if (w->h.dir_len)
			continue;
		reqs[n++] = (struct mem_req){ w->h.dir_ptr, 8, false, &w->ctrl };
		n += evidence_start(d->census->heap, &w->dir, &w->evidence, &reqs[n]);
	}
	struct err *err = mem_gather(d->mem, reqs, n);
	if (err)
		return err;
	for (size_t i = 0; i < n; i++)
		if (!reqs[i].ok) /* an unreadable slot of a live span: it went away */
			memset(reqs[i].dst, 0xff, reqs[i].len);
	err = read_small_groups(d, &groups);
	for (size_t i = 0; !err && i < d->work_cnt; i++)
		if (!d->works[i].h.dir_len)
			d->batch->verdicts[d->works[i].at] = finish_small(d, &d->works[i]);
	return err;
}

/* ---- maps with tables ---- */

/* A run of equal directory entries is one table. */
static size_t run_len(const uint64_t *dir, size_t len, size_t at)
{
	size_t end = at + 1;

	while (end < len && dir[end] == dir[at])
		end++;
	return end - at;
}

static bool table_is_sane(const struct table *t, const struct header *h, size_t at, size_t run)
{
	uint16_t limit = t->capacity == BUCKET_SLOTS ? 7 : t->capacity / 8 * 7;

	return t->capacity >= BUCKET_SLOTS && t->capacity <= TABLE_SLOTS_MAX &&
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

/* Adds one table to the map's row; false when its memory does not fit it. */
static bool add_table(const struct decoder *d, struct work *w, uint64_t addr, const struct table *t)
{
	struct map_info *m = &d->batch->maps[w->at];
	const struct heap *heap = d->census->heap;
	uint64_t groups = t->length_mask + 1;
	struct object table, o;

	if (!heap_object(heap, addr, &table) || table.start != addr || table.size != TABLE_SZ ||
	    !heap_object(heap, t->groups, &o) || !is_object_start(&o, t->groups) ||
	    o.size < groups * 8 || o.size / groups > 8 + 8 * 256 + GO_PAGE_SZ)
		return false;
	if (!m->table_cnt)
		w->evidence.o = o;
	m->table_cnt++;
	m->buckets += groups;
	m->tombstones += table_tombstones(t);
	m->table_bytes += o.size + table.size;
	m->resident_bytes += census_resident(d->census, &o) + census_resident(d->census, &table);
	w->used_sum += t->used;
	return true;
}

/* Walks the directory of one map; false when a table contradicts the header. */
static bool add_tables(const struct decoder *d, struct work *w, const uint64_t *dir,
		       const uint8_t *tables, const bool *table_ok, size_t *table_at)
{
	struct map_info *m = &d->batch->maps[w->at];

	*m = (struct map_info){
		.addr = d->batch->cands[w->at].addr,
		.live_keys = w->h.used,
		.table_bytes = w->dir.size,
		.resident_bytes = census_resident(d->census, &w->dir),
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
static struct err *narrow_size(const struct decoder *d, const struct work *w, const struct table *t,
			       struct shape *shape)
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
			int f = reqs[g].ok ? ctrl_full(ctrl[g], /* small= */ false) : -1;

			full = f < 0 ? -1 : full + f;
		}
		if (full != t->used)
			continue;
		if (match)
			return NULL; /* both fit: stays ambiguous */
		match = shape->sizes[s];
	}
	if (match)
		*shape = shape_of(d->census->heap, &w->evidence, groups, match);
	return NULL;
}

static struct err *set_type(const struct decoder *d, struct work *w, const struct table *first)
{
	struct map_info *m = &d->batch->maps[w->at];
	struct shape shape = shape_of(d->census->heap, &w->evidence, first->length_mask + 1,
				      /* only_sz= */ 0);

	if (shape.size_cnt > 1) {
		struct err *err = narrow_size(d, w, first, &shape);
		if (err)
			return err;
	}
	shape_apply(&shape, m);
	set_rebuild(d, m, &w->evidence.o);
	return NULL;
}

static enum verdict judge(const struct decoder *d, const struct work *w)
{
	struct map_info *m = &d->batch->maps[w->at];
	struct header after = parse_header(w->after);
	bool same = after.used == w->h.used && after.dir_ptr == w->h.dir_ptr &&
		    after.dir_len == w->h.dir_len && after.clear_seq == w->h.clear_seq;

	if (!w->sane)
		return VERDICT_CHANGED;
	if (same && w->used_sum == w->h.used) {
		m->consistency = MAP_EXACT;
		return VERDICT_MAP;
	}
	if (same || after.dir_ptr != w->h.dir_ptr)
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

static struct err *read_dirs(struct decoder *d, struct dir_batch *b)
{
	_cleanup_free_ struct mem_req *reqs = calloc(b->end - b->first, sizeof(*reqs));
	size_t n = 0;

	b->entries = malloc(b->entry_cnt * 8);
	if (!reqs || !b->entries)
		return err_nomem();
	for (size_t i = b->first; i < b->end; i++) {
		struct work *w = &d->works[i];

		if (w->h.dir_len)
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
static struct err *read_tables(struct decoder *d, struct dir_batch *b)
{
	size_t maps = b->end - b->first;
	_cleanup_free_ struct mem_req *reqs = NULL;
	size_t n = 0;

	b->table_addrs = malloc(b->entry_cnt * 8);
	if (!b->table_addrs)
		return err_nomem();
	for (size_t i = b->first; i < b->end; i++) {
		struct work *w = &d->works[i];
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
static struct err *read_after(struct decoder *d, struct dir_batch *b)
{
	size_t each = 1 + SHAPE_READS;
	_cleanup_free_ struct mem_req *reqs = malloc(each * (b->end - b->first) * sizeof(*reqs));
	size_t n = 0;

	if (!reqs)
		return err_nomem();
	for (size_t i = b->first; i < b->end; i++) {
		struct work *w = &d->works[i];

		if (!w->h.dir_len)
			continue;
		reqs[n++] =
			(struct mem_req){ d->batch->cands[w->at].addr, MAP_SZ, false, w->after };
		if (w->sane) {
			struct object first = w->evidence.o;

			n += evidence_start(d->census->heap, &first, &w->evidence, &reqs[n]);
		}
	}
	struct err *err = mem_gather(d->mem, reqs, n);
	for (size_t i = 0; !err && i < n; i++)
		if (!reqs[i].ok)
			memset(reqs[i].dst, 0xff, reqs[i].len);
	return err;
}

static struct err *decode_dirs(struct decoder *d, struct dir_batch *b)
{
	_cleanup_free_ size_t *first_table = calloc(b->end - b->first, sizeof(*first_table));
	size_t table_at = 0;

	if (!first_table)
		return err_nomem();
	struct err *err = read_dirs(d, b);
	if (!err)
		err = read_tables(d, b);
	for (size_t i = b->first; !err && i < b->end; i++) {
		struct work *w = &d->works[i];

		first_table[i - b->first] = table_at;
		if (w->h.dir_len)
			w->sane = add_tables(d, w, b->entries + w->dir_off, b->tables, b->table_ok,
					     &table_at);
	}
	if (!err)
		err = read_after(d, b);
	for (size_t i = b->first; !err && i < b->end; i++) {
		struct work *w = &d->works[i];

		if (!w->h.dir_len)
			continue;
		d->batch->verdicts[w->at] = judge(d, w);
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
static struct err *decode_tabled(struct decoder *d)
{
	for (size_t first = 0; first < d->work_cnt;) {
		_cleanup_(dir_batch_fini) struct dir_batch b = { .first = first, .end = first };

		while (b.end < d->work_cnt) {
			struct work *w = &d->works[b.end];

			if (b.entry_cnt && b.entry_cnt + w->h.dir_len > DIR_BATCH)
				break;
			w->dir_off = b.entry_cnt;
			b.entry_cnt += w->h.dir_len;
			b.end++;
		}
		struct err *err = b.entry_cnt ? decode_dirs(d, &b) : NULL;
		if (err)
			return err;
		first = b.end;
	}
	return NULL;
}

static void start_work(struct decoder *d, size_t at)
{
	struct work *w = &d->works[d->work_cnt];
	const struct heap *heap = d->census->heap;

	*w = (struct work){ .at = at, .h = parse_header(d->batch->cands[at].header) };
	enum verdict v = check_header(heap, &w->h);
	if (v == VERDICT_MAP &&
	    (!heap_object(heap, w->h.dir_ptr, &w->dir) || !is_object_start(&w->dir, w->h.dir_ptr) ||
	     w->dir.size < w->h.dir_len * 8 || (!w->h.dir_len && w->dir.size > GROUP_ALLOC_MAX)))
		v = VERDICT_LOOKALIKE;
	d->batch->verdicts[at] = v;
	if (v == VERDICT_MAP)
		d->work_cnt++;
}

struct err *swiss_decode(struct census *census, struct census_batch *batch)
{
	_cleanup_free_ struct work *works = malloc((batch->cnt + 1) * sizeof(*works));
	struct decoder d = {
		.census = census,
		.batch = batch,
		.mem = &census->heap->prog->target->mem,
		.works = works,
	};

	if (!works)
		return err_nomem();
	for (size_t i = 0; i < batch->cnt; i++)
		start_work(&d, i);
	struct err *err = decode_small(&d);
	return err ? err : decode_tabled(&d);
}
