/* SPDX-License-Identifier: GPL-2.0-only */
/* swiss_header.h - the header of a swiss map, and control words. */
#ifndef MAPTRACE_MAPS_SWISS_HEADER_H
#define MAPTRACE_MAPS_SWISS_HEADER_H

#include "maps/batch.h"
#include "maps/kind_ops.h"

struct swiss_header {
	uint64_t used;
	uint64_t seed;
	uint64_t dir_ptr;
	uint64_t dir_len;
	uint8_t global_depth;
	uint8_t global_shift;
	uint8_t writing;
	uint64_t clear_seq;
};

struct swiss_header swiss_parse_header(const uint8_t *bytes);

/*
 * Checks what the header alone tells. Several words of it may be from two moments. A seed is 64
 * random bits: an address of the heap in its place, or a small number, means an object of
 * another type.
 */
enum verdict swiss_check_header(const struct heap *heap, const struct swiss_header *h);

/* Finds the directory or only group that a header leads to. VERDICT_CHANGED: it is in memory
 * that the heap did not have when it was read. */
enum verdict swiss_check_dir(const struct heap *heap, const struct swiss_header *h,
			     struct object *dir);

/* What to make of a header that is not a map's: VERDICT_CHANGED when it may be torn, because the
 * map is being written to, else VERDICT_MISFIT. */
enum verdict swiss_misfit(const struct swiss_header *h, struct candidate *c);

/* Whether a group array may start at addr in object o. */
bool swiss_is_group_start(const struct object *o, uint64_t addr);

/* Number of slots with a key in a control word; -1 when it is not a control word. small: a small
 * map never has tombstones. */
static inline int swiss_ctrl_full(uint64_t ctrl, bool small)
{
	uint64_t vacant = ctrl >> 7 & EACH_BYTE; /* a bit for each byte that is not a hash */
	uint64_t deleted = small ? 0 : ctrl >> 1 & vacant;

	if ((ctrl & vacant * 0xff) !=
	    vacant * SWISS_CTRL_EMPTY + deleted * (SWISS_CTRL_DELETED - SWISS_CTRL_EMPTY))
		return -1;
	return BUCKET_SLOTS - byte_cnt(vacant);
}

/* What the table of operations needs of headers. */
bool swiss_may_be_map(const struct heap *heap, const uint8_t *header);
bool swiss_may_be_table(const struct heap *heap, const struct object *o, uint64_t cnt);
struct header_tables swiss_tables_of(const struct go_layout *layout, const uint8_t *header);
bool swiss_is_writing(const uint8_t *header);
uint32_t swiss_table_off(const struct go_layout *layout);

#endif
