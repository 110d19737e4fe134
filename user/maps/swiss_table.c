// SPDX-License-Identifier: GPL-2.0-only
#include "maps/swiss_table.h"

#include <string.h>

#include "base/cursor.h"
#include "maps/sizing.h"

enum {
	DIR_BATCH = 1 << 18, /* directory entries */
	/* Tables of one map that are read together: few at first, then twice as many each time.
	 * So memory that is not a directory costs at most as many reads as the part that looked
	 * like one. */
	STEP_MIN = 16,
	STEP_MAX = 1 << 16,
	/* Groups whose control words decide between candidate types. */
	SIZE_PROBE_MAX = SWISS_TABLE_SLOTS_MAX / BUCKET_SLOTS,
};

/* The maps with tables in a batch. */
struct swiss_dirs {
	const struct map_reader *reader;
	struct map_batch *batch; /* NULL when there are buckets */
	struct buckets *buckets; /* to append groups to; NULL: the census */
	struct swiss_work *works;
	size_t work_cnt;
};

struct swiss_table {
	uint16_t used;
	uint16_t capacity;
	uint16_t growth_left;
	uint8_t local_depth;
	int64_t index;
	uint64_t groups;
	uint64_t length_mask;
};

static struct swiss_table swiss_parse_table(const uint8_t *b)
{
	return (struct swiss_table){
		.used = load_u16(b, SWISS_TABLE_USED),
		.capacity = load_u16(b, SWISS_TABLE_CAPACITY),
		.growth_left = load_u16(b, SWISS_TABLE_GROWTH_LEFT),
		.local_depth = load_u8(b, SWISS_TABLE_LOCAL_DEPTH),
		.index = (int64_t)load_u64(b, SWISS_TABLE_INDEX),
		.groups = load_u64(b, SWISS_TABLE_GROUPS),
		.length_mask = load_u64(b, SWISS_TABLE_LENGTH_MASK),
	};
}

/* Length of the run of equal entries at `at`: they are one table. */
static size_t dir_run_len(const uint64_t *dir, size_t len, size_t at)
{
	size_t end = at + 1;

	while (end < len && dir[end] == dir[at])
		end++;
	return end - at;
}

static bool swiss_table_is_sane(const struct swiss_table *t, const struct swiss_header *h,
				size_t at, size_t run)
{
	return t->capacity >= BUCKET_SLOTS && t->capacity <= SWISS_TABLE_SLOTS_MAX &&
	       !(t->capacity & (t->capacity - 1)) &&
	       t->length_mask == t->capacity / BUCKET_SLOTS - 1u && t->index == (int64_t)at &&
	       t->local_depth <= h->global_depth &&
	       run == 1ull << (h->global_depth - t->local_depth) &&
	       (uint64_t)t->used + t->growth_left <= swiss_table_limit(t->capacity);
}

static uint64_t swiss_table_tombstones(const struct swiss_table *t)
{
	return swiss_table_limit(t->capacity) - t->used - t->growth_left;
}

/* Finds a table; false when the memory does not fit one. A table has a pointer, to its groups. */
static bool swiss_find_table(const struct heap *heap, uint64_t addr, struct object *table)
{
	return heap_object(heap, addr, table) && table->start == addr &&
	       table->size == SWISS_TABLE_SZ && !span_noscan(table->span);
}

/* Finds the groups of a table; false when the memory does not fit them. */
static bool swiss_find_groups(const struct heap *heap, const struct swiss_table *t,
			      struct object *groups)
{
	uint64_t n = t->length_mask + 1;

	return heap_object(heap, t->groups, groups) && swiss_is_group_start(groups, t->groups) &&
	       groups->size >= n * 8 && groups->size / n <= SWISS_GROUP_SZ_MAX + GO_PAGE_SZ;
}

/* Adds one table to the map's row; false when its memory does not fit it. */
static bool swiss_add_table(const struct swiss_dirs *d, struct swiss_work *w, uint64_t addr,
			    const struct swiss_table *t)
{
	struct map_info *m = &d->batch->maps[w->at];
	const struct heap *heap = d->reader->heap;
	uint64_t *doubt = &d->batch->cands[w->at].doubt;
	struct object table, o;

	/* It was made after the heap was read: the map keeps changing. */
	d->batch->cands[w->at].moved |= heap_is_unread(heap, addr) ||
					heap_is_unread(heap, t->groups);
	*doubt = addr;
	if (!swiss_find_table(heap, addr, &table))
		return false;
	*doubt = t->groups;
	if (!swiss_find_groups(heap, t, &o))
		return false;
	if (!m->table_cnt) {
		w->evidence.o = o;
		m->noscan = span_noscan(o.span);
	}
	m->table_cnt++;
	m->buckets += t->length_mask + 1;
	m->tombstones += swiss_table_tombstones(t);
	m->table_bytes += o.size + table.size;
	m->resident_bytes += batch_claim_resident(d->reader, d->batch, w->at, &o) +
			     batch_claim_resident(d->reader, d->batch, w->at, &table);
	w->used_sum += t->used;
	return true;
}

/*
 * Chooses between possible group sizes: with the right one the control words of
 * the first table have as many full slots as the table says.
 */
static struct err *swiss_narrow_size(const struct swiss_dirs *d, const struct swiss_work *w,
				     const struct swiss_table *t, struct shape *shape)
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
		struct err *err = mem_gather(d->reader->mem, reqs, groups);
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
		*shape = *shape_of(d->reader->heap, d->reader->shapes, &w->evidence, groups, match);
	return NULL;
}

/* Sets what a rebuild takes, when the group size is known. */
static void swiss_set_rebuild(const struct swiss_dirs *d, struct map_info *m,
			      const struct object *groups)
{
	struct table_shape shape = {
		.bucket_sz = m->bucket_sz,
		.noscan = span_noscan(groups->span),
		.malloc_headers = heap_malloc_headers(d->reader->heap),
	};

	if (m->bucket_sz)
		m->rebuild_bytes = sizing_swiss(m->live_keys, &shape);
}

static struct err *swiss_set_type(const struct swiss_dirs *d, struct swiss_work *w)
{
	struct map_info *m = &d->batch->maps[w->at];
	struct swiss_table first = swiss_parse_table(w->first);
	struct shape shape = *shape_of(d->reader->heap, d->reader->shapes, &w->evidence,
				       first.length_mask + 1,
				       /* only_sz= */ 0);

	if (shape.size_cnt > 1) {
		struct err *err = swiss_narrow_size(d, w, &first, &shape);
		if (err)
			return err;
	}
	shape_apply(&shape, m);
	swiss_set_rebuild(d, m, &w->evidence.o);
	return NULL;
}

static enum verdict swiss_judge(const struct swiss_dirs *d, const struct swiss_work *w)
{
	struct map_info *m = &d->batch->maps[w->at];
	struct swiss_header after = swiss_parse_header(w->after);
	bool same = after.used == w->h.used && after.dir_ptr == w->h.dir_ptr &&
		    after.dir_len == w->h.dir_len && after.clear_seq == w->h.clear_seq;

	/* A writer may be off its processor for as long as we look, and then nothing moves. */
	bool writing = w->h.writing || after.writing;
	d->batch->cands[w->at].moved |= writing;
	if (!w->sane)
		return VERDICT_CHANGED;
	if (same && !writing && w->used_sum == w->h.used) {
		m->consistency = MAP_EXACT;
		return VERDICT_MAP;
	}
	bool busy = candidate_note_round(&d->batch->cands[w->at], w->used_sum);
	if (after.dir_ptr != w->h.dir_ptr || !map_count_is_near(w->used_sum, after.used) ||
	    (same && !busy))
		return VERDICT_CHANGED;
	/* It has grown since we read its tables. */
	if (after.used > map_slots(m))
		return VERDICT_CHANGED;
	m->consistency = MAP_MOVING;
	m->live_keys = after.used;
	return VERDICT_MAP;
}

/*
 * The works [first, end) with their directories, and one step through the directories: the tables
 * that are read together, in the order of the works.
 */
struct dir_batch {
	size_t first;
	size_t end;
	size_t entry_cnt;
	uint64_t *entries; /* of all directories */
	size_t table_cnt; /* in this step */
	struct mem_req *reqs;
	uint8_t *tables;
	bool *table_ok;
};

static void dir_step_fini(struct dir_batch *b)
{
	free(b->reqs);
	free(b->tables);
	free(b->table_ok);
	b->reqs = NULL;
	b->tables = NULL;
	b->table_ok = NULL;
}

static void dir_batch_fini(struct dir_batch *b)
{
	dir_step_fini(b);
	free(b->entries);
}

/* The heap has memory there, and its pages cannot be read: keys may be in them. */
static void swiss_note_unreadable(const struct swiss_dirs *d, const struct swiss_work *w)
{
	if (d->batch)
		d->batch->cands[w->at].lacking = true;
}

static struct err *swiss_read_dirs(struct swiss_dirs *d, struct dir_batch *b)
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
	struct err *err = mem_gather(d->reader->mem, reqs, n);
	for (size_t i = 0; !err && i < n; i++) {
		if (reqs[i].ok)
			continue;
		memset(reqs[i].dst, 0, reqs[i].len);
		swiss_note_unreadable(d, &d->works[b->first + i]);
	}
	return err;
}

static bool swiss_groups_fit(const struct buckets *b, uint64_t addr, uint64_t cnt,
			     const struct object *o)
{
	return cnt <= (o->slot + o->size - addr) / b->bucket_sz;
}

/* Notes the groups of one table. */
static struct err *swiss_add_groups(const struct swiss_dirs *d, struct swiss_work *w, uint64_t addr,
				    const struct swiss_table *t)
{
	const struct heap *heap = d->reader->heap;
	struct bucket_array array = { t->groups, t->length_mask + 1 };
	struct object table, groups;

	w->sane = swiss_find_table(heap, addr, &table) && swiss_find_groups(heap, t, &groups) &&
		  swiss_groups_fit(d->buckets, array.addr, array.cnt, &groups);
	return !w->sane || vec_push(&d->buckets->arrays, array) ? NULL : err_nomem();
}

static bool swiss_is_done(const struct swiss_work *w)
{
	return !w->sane || w->dir_at == w->h.dir_len;
}

/* Whether a table may be there, by the heap as it was read. This reads nothing. */
static bool swiss_may_be_at(const struct heap *heap, uint64_t addr)
{
	struct object table;

	return swiss_find_table(heap, addr, &table) || heap_is_unread(heap, addr);
}

/* Counts the tables of the next step of one map, up to limit or to the first entry that is not a
 * table. Asks for them when there are requests to fill in. */
static size_t dir_plan_step(const struct heap *heap, const struct swiss_work *w,
			    const uint64_t *dir, size_t limit, struct mem_req *reqs)
{
	size_t n = 0;

	for (size_t at = w->dir_at; at < w->h.dir_len && n < limit; n++) {
		if (!swiss_may_be_at(heap, dir[at]))
			break;
		if (reqs)
			reqs[n] = (struct mem_req){ dir[at], SWISS_TABLE_SZ, false, NULL };
		at += dir_run_len(dir, w->h.dir_len, at);
	}
	return n;
}

static struct err *dir_read_step(const struct swiss_dirs *d, struct dir_batch *b, size_t limit)
{
	const struct heap *heap = d->reader->heap;
	size_t n = 0;

	b->table_cnt = 0;
	for (size_t i = b->first; i < b->end; i++) {
		struct swiss_work *w = &d->works[i];

		w->step_cnt = swiss_is_done(w) ? 0
					       : dir_plan_step(heap, w, b->entries + w->dir_off,
							       limit, NULL);
		b->table_cnt += w->step_cnt;
	}
	b->reqs = malloc((b->table_cnt + 1) * sizeof(*b->reqs));
	b->tables = malloc((b->table_cnt + 1) * SWISS_TABLE_SZ);
	b->table_ok = malloc((b->table_cnt + 1) * sizeof(*b->table_ok));
	if (!b->reqs || !b->tables || !b->table_ok)
		return err_nomem();
	for (size_t i = b->first; i < b->end; n += d->works[i++].step_cnt)
		dir_plan_step(heap, &d->works[i], b->entries + d->works[i].dir_off,
			      d->works[i].step_cnt, b->reqs + n);
	for (size_t i = 0; i < n; i++)
		b->reqs[i].dst = b->tables + i * SWISS_TABLE_SZ;
	struct err *err = mem_gather(d->reader->mem, b->reqs, n);
	for (size_t i = 0; !err && i < n; i++)
		b->table_ok[((uint8_t *)b->reqs[i].dst - b->tables) / SWISS_TABLE_SZ] =
			b->reqs[i].ok;
	return err;
}

static struct err *swiss_take_table(const struct swiss_dirs *d, struct swiss_work *w, uint64_t addr,
				    const struct swiss_table *t)
{
	if (d->buckets)
		return swiss_add_groups(d, w, addr, t);
	w->sane = swiss_add_table(d, w, addr, t);
	return NULL;
}

/* Takes the tables of one map that were read in this step; the first of them is at `tables`. */
static struct err *dir_take_step(const struct swiss_dirs *d, struct swiss_work *w,
				 const uint64_t *dir, const uint8_t *tables, const bool *ok)
{
	struct err *err = NULL;
	struct object table;

	if (!w->dir_at && w->step_cnt)
		memcpy(w->first, tables, SWISS_TABLE_SZ);
	for (size_t i = 0; i < w->step_cnt && w->sane && !err; i++) {
		size_t run = dir_run_len(dir, w->h.dir_len, w->dir_at);
		struct swiss_table t = swiss_parse_table(tables + i * SWISS_TABLE_SZ);

		if (!ok[i] && swiss_find_table(d->reader->heap, dir[w->dir_at], &table))
			swiss_note_unreadable(d, w);
		w->sane = ok[i] && swiss_table_is_sane(&t, &w->h, w->dir_at, run);
		if (w->sane)
			err = swiss_take_table(d, w, dir[w->dir_at], &t);
		w->dir_at += run;
	}
	if (swiss_is_done(w) || swiss_may_be_at(d->reader->heap, dir[w->dir_at]))
		return err;
	w->sane = false;
	if (d->batch)
		d->batch->cands[w->at].doubt = dir[w->dir_at];
	return err;
}

/* Walks the directories of all maps, each up to the first table that contradicts the header. */
static struct err *swiss_walk_dirs(const struct swiss_dirs *d, struct dir_batch *b)
{
	bool done = false;

	for (size_t limit = STEP_MIN; !done; limit = limit < STEP_MAX ? 2 * limit : STEP_MAX) {
		struct err *err = dir_read_step(d, b, limit);
		size_t table_at = 0;

		done = true;
		for (size_t i = b->first; !err && i < b->end; i++) {
			struct swiss_work *w = &d->works[i];

			if (!swiss_is_done(w))
				err = dir_take_step(d, w, b->entries + w->dir_off,
						    b->tables + table_at * SWISS_TABLE_SZ,
						    b->table_ok + table_at);
			table_at += w->step_cnt;
			done &= swiss_is_done(w);
		}
		dir_step_fini(b);
		if (err)
			return err;
	}
	return NULL;
}

/* Reads the headers again, and for the maps that were sane what tells their types. */
static struct err *swiss_read_after(struct swiss_dirs *d, struct dir_batch *b)
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
			evidence_place(d->reader->heap, &w->evidence);
			n += evidence_ask(&w->evidence, &reqs[n]);
		}
	}
	struct err *err = mem_gather(d->reader->mem, reqs, n);
	for (size_t i = 0; !err && i < n; i++)
		if (!reqs[i].ok)
			memset(reqs[i].dst, 0xff, reqs[i].len);
	return err;
}

static void swiss_start_row(const struct swiss_dirs *d, struct swiss_work *w)
{
	d->batch->kinds[w->at] = ROWS_NO_KIND;
	d->batch->maps[w->at] = (struct map_info){
		.addr = d->batch->cands[w->at].addr,
		.live_keys = w->h.used,
		.table_bytes = w->dir.size,
		.resident_bytes = batch_claim_resident(d->reader, d->batch, w->at, &w->dir),
	};
}

static struct err *swiss_decode_dirs(struct swiss_dirs *d, struct dir_batch *b)
{
	struct err *err = swiss_read_dirs(d, b);

	for (size_t i = b->first; !err && i < b->end; i++)
		swiss_start_row(d, &d->works[i]);
	if (!err)
		err = swiss_walk_dirs(d, b);
	if (!err)
		err = swiss_read_after(d, b);
	for (size_t i = b->first; !err && i < b->end; i++) {
		struct swiss_work *w = &d->works[i];

		d->batch->verdicts[w->at] = swiss_judge(d, w);
		if (d->batch->verdicts[w->at] == VERDICT_MAP)
			err = swiss_set_type(d, w);
	}
	return err;
}

void swiss_work_init(struct swiss_work *w, size_t at, const struct swiss_header *h)
{
	w->at = at;
	w->h = *h;
	w->dir_at = 0;
	w->used_sum = 0;
	w->sane = true;
}

/* Splits the maps so that the directories in memory stay small. A single map may have a larger
 * one. */
struct err *swiss_decode_tables(const struct map_reader *r, struct map_batch *b,
				struct swiss_work *works, size_t cnt)
{
	struct swiss_dirs d = { .reader = r, .batch = b, .works = works, .work_cnt = cnt };

	for (size_t first = 0; first < cnt;) {
		_cleanup_(dir_batch_fini) struct dir_batch dirs = { .first = first, .end = first };

		while (dirs.end < cnt) {
			struct swiss_work *w = &works[dirs.end];

			if (dirs.entry_cnt && dirs.entry_cnt + w->h.dir_len > DIR_BATCH)
				break;
			w->dir_off = dirs.entry_cnt;
			dirs.entry_cnt += w->h.dir_len;
			dirs.end++;
		}
		struct err *err = swiss_decode_dirs(&d, &dirs);
		if (err)
			return err;
		first = dirs.end;
	}
	return NULL;
}

/* ---- the groups of one map ---- */

struct err *swiss_find_arrays(struct buckets *b, bool *found_ret)
{
	const struct map_reader reader = { .heap = b->heap, .mem = &b->heap->prog->target->mem };
	struct swiss_work w = { .h = swiss_parse_header(b->header), .sane = true };
	struct swiss_dirs d = { .reader = &reader, .buckets = b, .works = &w, .work_cnt = 1 };
	_cleanup_(dir_batch_fini) struct dir_batch dir = { .end = 1, .entry_cnt = w.h.dir_len };

	*found_ret = swiss_check_header(b->heap, &w.h) == VERDICT_MAP &&
		     swiss_check_dir(b->heap, &w.h, &w.dir) == VERDICT_MAP;
	if (!*found_ret)
		return NULL;
	if (!w.h.dir_len) {
		*found_ret = swiss_groups_fit(b, w.h.dir_ptr, 1, &w.dir);
		return vec_push(&b->arrays, ((struct bucket_array){ w.h.dir_ptr, 1 }))
			       ? NULL
			       : err_nomem();
	}
	struct err *err = swiss_read_dirs(&d, &dir);
	if (!err)
		err = swiss_walk_dirs(&d, &dir);
	*found_ret = w.sane;
	return err;
}
