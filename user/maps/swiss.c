// SPDX-License-Identifier: GPL-2.0-only
/* Swiss maps (Go 1.24 and later, internal/runtime/maps): headers and batches. */
#include "maps/swiss.h"

#include "base/cursor.h"
#include "maps/sizing.h"

enum {
	DEPTH_MAX = 24, /* 2^24 tables are 16 G slots */
	WALK_MIN = 2, /* entries of a directory whose walks are counted */
	/* 8 control bytes, 8 keys and elems of at most 128 bytes, in their size class. */
	GROUP_ALLOC_MAX = 2304,
};

struct swiss_header swiss_parse_header(const uint8_t *b)
{
	return (struct swiss_header){
		.used = load_u64(b, SWISS_MAP_USED),
		.seed = load_u64(b, SWISS_MAP_SEED),
		.dir_ptr = load_u64(b, SWISS_MAP_DIR_PTR),
		.dir_len = load_u64(b, SWISS_MAP_DIR_LEN),
		.global_depth = load_u8(b, SWISS_MAP_GLOBAL_DEPTH),
		.global_shift = load_u8(b, SWISS_MAP_GLOBAL_SHIFT),
		.writing = load_u8(b, SWISS_MAP_WRITING),
		.clear_seq = load_u64(b, SWISS_MAP_CLEAR_SEQ),
	};
}

/*
 * What the header alone tells; several words of it may be from two moments. A seed is 64
 * random bits: an address of the heap in its place, or a small number, means an object of
 * another kind.
 */
static enum verdict check_header(const struct heap *heap, const struct swiss_header *h)
{
	struct object o;

	if (h->writing > 1 || h->seed <= UINT32_MAX || heap_object(heap, h->seed, &o))
		return VERDICT_LOOKALIKE;
	if (h->dir_ptr == 0)
		return h->used || h->dir_len ? VERDICT_MISFIT : VERDICT_EMPTY;
	if (h->dir_len == 0)
		return h->used <= BUCKET_SLOTS && !h->global_depth ? VERDICT_MAP : VERDICT_MISFIT;
	if (h->global_depth > DEPTH_MAX || h->dir_len != 1ull << h->global_depth ||
	    h->global_shift != 64 - h->global_depth || h->used > h->dir_len * SWISS_TABLE_SLOTS_MAX)
		return VERDICT_MISFIT;
	return VERDICT_MAP;
}

/* A group without pointers below 16 bytes comes from the tiny allocator, which
 * packs several objects into one slot of 16. */
bool swiss_is_group_start(const struct object *o, uint64_t addr)
{
	bool tiny = span_noscan(o->span) && o->size == 16;

	return addr == o->start || (tiny && addr == o->slot + 8);
}

void swiss_set_rebuild(const struct swiss_decoder *d, struct map_info *m,
		       const struct object *groups)
{
	struct table_shape shape = {
		.bucket_sz = m->bucket_sz,
		.noscan = span_noscan(groups->span),
		.malloc_headers = heap_malloc_headers(d->census->heap),
	};

	if (m->bucket_sz)
		m->rebuild_bytes = sizing_swiss(m->live_keys, &shape);
}

bool swiss_may_be_map(const struct heap *heap, const uint8_t *header)
{
	struct swiss_header h = swiss_parse_header(header);

	/* A frame that has the header has the only group, too. */
	return h.dir_ptr && h.dir_ptr % 8 == 0 && h.dir_len &&
	       check_header(heap, &h) == VERDICT_MAP;
}

static enum verdict check_dir(const struct heap *heap, const struct swiss_header *h,
			      struct object *dir)
{
	if (!heap_object(heap, h->dir_ptr, dir))
		return heap_is_unread(heap, h->dir_ptr) ? VERDICT_CHANGED : VERDICT_MISFIT;
	if (!swiss_is_group_start(dir, h->dir_ptr) || dir->size < h->dir_len * 8 ||
	    (h->dir_len ? span_noscan(dir->span) : dir->size > GROUP_ALLOC_MAX))
		return VERDICT_MISFIT;
	return VERDICT_MAP;
}

enum verdict swiss_find_dir(const struct heap *heap, const struct swiss_header *h,
			    struct object *dir)
{
	enum verdict v = check_header(heap, h);

	return v == VERDICT_MAP ? check_dir(heap, h, dir) : v;
}

/*
 * A map grows by several stores to its header, and the writer may be off its processor
 * between two of them for as long as we look. Each of the words is a map's all the time.
 */
enum verdict swiss_misfit(const struct swiss_header *h, struct candidate *c)
{
	bool torn = h->writing && h->dir_ptr && h->dir_ptr % 8 == 0 &&
		    h->global_depth <= DEPTH_MAX && h->global_shift <= 64 &&
		    h->dir_len <= 1ull << DEPTH_MAX && !(h->dir_len & (h->dir_len - 1));

	c->moved |= torn;
	return torn ? VERDICT_CHANGED : VERDICT_MISFIT;
}

static void add_small(struct swiss_decoder *d, size_t at, const struct swiss_header *h)
{
	struct swiss_small *w = &d->smalls[d->small_cnt++];

	w->at = at;
	w->used = h->used;
	w->addr = h->dir_ptr;
	evidence_place(d->census->heap, &w->evidence);
}

static void add_work(struct swiss_decoder *d, size_t at, const struct swiss_header *h)
{
	struct swiss_work *w = &d->works[d->work_cnt++];

	w->at = at;
	w->h = *h;
	w->dir_at = 0;
	w->used_sum = 0;
	w->sane = true;
}

/* Notes a map that has to be decoded. */
static struct err *start(struct swiss_decoder *d, size_t at)
{
	enum verdict *ret = &d->batch->verdicts[at];
	struct err *err = NULL;
	struct candidate *c = &d->batch->cands[at];
	struct swiss_header h = swiss_parse_header(c->header);
	enum verdict v = check_header(d->census->heap, &h);

	c->stray = 0;
	if (v == VERDICT_MAP) {
		v = check_dir(d->census->heap, &h,
			      h.dir_len ? &d->works[d->work_cnt].dir
					: &d->smalls[d->small_cnt].evidence.o);
		c->stray = h.dir_ptr;
	}
	c->moved |= v == VERDICT_CHANGED; /* the heap has, under our feet */
	*ret = v == VERDICT_MISFIT ? swiss_misfit(&h, c) : v;
	if (v == VERDICT_MAP && h.dir_len >= WALK_MIN)
		err = census_walk(d->census, c, h.dir_ptr, ret);
	if (!err && *ret == VERDICT_MAP && h.dir_len)
		add_work(d, at, &h);
	else if (!err && *ret == VERDICT_MAP)
		add_small(d, at, &h);
	return err;
}

struct err *swiss_decode(struct census *census, struct census_batch *batch)
{
	_cleanup_free_ struct swiss_small *smalls = malloc((batch->cnt + 1) * sizeof(*smalls));
	_cleanup_free_ struct swiss_work *works = malloc((batch->cnt + 1) * sizeof(*works));
	struct swiss_decoder d = {
		.census = census,
		.batch = batch,
		.mem = census->mem,
		.smalls = smalls,
		.works = works,
	};

	if (!smalls || !works)
		return err_nomem();
	struct err *err = NULL;
	for (size_t i = 0; !err && i < batch->cnt; i++)
		err = start(&d, i);
	if (!err)
		err = swiss_decode_small(&d);
	return err ? err : swiss_decode_tables(&d);
}
