// SPDX-License-Identifier: GPL-2.0-only
#include "maps/swiss_header.h"

#include "base/cursor.h"

enum {
	DEPTH_MAX = 24, /* 2^24 tables are 16 G slots */
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

enum verdict swiss_check_header(const struct heap *heap, const struct swiss_header *h)
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

/* A group without pointers below 16 bytes is from the tiny allocator, which packs several objects
 * into one slot of 16 bytes. */
bool swiss_is_group_start(const struct object *o, uint64_t addr)
{
	bool tiny = span_noscan(o->span) && o->size == 16;

	return addr == o->start || (tiny && addr == o->slot + 8);
}

enum verdict swiss_check_dir(const struct heap *heap, const struct swiss_header *h,
			     struct object *dir)
{
	if (!heap_object(heap, h->dir_ptr, dir))
		return heap_is_unread(heap, h->dir_ptr) ? VERDICT_CHANGED : VERDICT_MISFIT;
	if (!swiss_is_group_start(dir, h->dir_ptr) || dir->size < h->dir_len * 8 ||
	    (h->dir_len ? span_noscan(dir->span) : dir->size > GROUP_ALLOC_MAX))
		return VERDICT_MISFIT;
	return VERDICT_MAP;
}

/*
 * A map grows by several stores to its header, and between two of them the writer may be off its
 * processor for as long as we look. But each word by itself always is one that a map can have.
 */
enum verdict swiss_misfit(const struct swiss_header *h, struct candidate *c)
{
	bool torn = h->writing && h->dir_ptr && h->dir_ptr % 8 == 0 &&
		    h->global_depth <= DEPTH_MAX && h->global_shift <= 64 &&
		    h->dir_len <= 1ull << DEPTH_MAX && !(h->dir_len & (h->dir_len - 1));

	c->moved |= torn;
	return torn ? VERDICT_CHANGED : VERDICT_MISFIT;
}

bool swiss_may_be_map(const struct heap *heap, const uint8_t *header)
{
	struct swiss_header h = swiss_parse_header(header);

	/* There is a directory: a frame that has the header has the only group, too. */
	return h.dir_ptr && h.dir_ptr % 8 == 0 && h.dir_len &&
	       swiss_check_header(heap, &h) == VERDICT_MAP;
}

bool swiss_may_be_table(const struct heap *heap, const struct object *o, uint64_t cnt)
{
	return !span_noscan(o->span) && shape_alloc_fits(heap, o, 8 * cnt);
}

struct header_tables swiss_tables_of(const struct go_layout *layout, const uint8_t *header)
{
	(void)layout;
	return (struct header_tables){
		.addrs = { load_u64(header, SWISS_MAP_DIR_PTR) },
		.cnt = load_u64(header, SWISS_MAP_DIR_LEN),
	};
}

bool swiss_is_writing(const uint8_t *header)
{
	return load_u8(header, SWISS_MAP_WRITING);
}

uint32_t swiss_table_off(const struct go_layout *layout)
{
	(void)layout;
	return SWISS_MAP_DIR_PTR;
}
