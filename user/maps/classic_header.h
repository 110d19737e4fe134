/* SPDX-License-Identifier: GPL-2.0-only */
/* classic_header.h - the header of a classic map, and where its arrays are. */
#ifndef MAPTRACE_MAPS_CLASSIC_HEADER_H
#define MAPTRACE_MAPS_CLASSIC_HEADER_H

#include "maps/batch.h"
#include "maps/kind_ops.h"
#include "maps/shape.h"

struct classic_header {
	uint64_t count;
	uint8_t flags;
	uint8_t b;
	uint16_t noverflow; /* chained buckets of the present array; from B 16 on an estimate */
	uint32_t hash0;
	uint64_t buckets;
	uint64_t oldbuckets;
	uint64_t extra;
};

/* What a walk over an array and its chains found. */
struct classic_tally {
	uint64_t filled; /* slots with a key */
	uint64_t overflow_cnt; /* chained buckets, wherever they are */
	uint64_t overflow_bytes; /* of those outside the array */
	uint64_t overflow_resident;
	uint8_t overflow_class; /* their spanclass */
};

struct classic_array {
	struct object o;
	uint64_t addr;
	uint64_t cnt; /* base buckets, which are in no chain; 0: there is no such array */
	uint64_t first; /* the base buckets [first, end) are walked: as a rule all */
	uint64_t end;
	const uint8_t *ahead; /* its bytes, when they were read ahead of the walk */
	uint32_t ahead_place; /* place of these in the blocks of the batch */
	struct classic_tally tally;
};

/* A map that is being decoded. */
struct classic_work {
	size_t at; /* in the batch */
	struct classic_header h;
	uint16_t bucket_sz;
	bool grows; /* there is an old array */
	bool sane; /* the memory of the buckets makes sense */
	bool adds_up; /* ... and holds as many keys as the header counts */
	bool unread; /* an overflow bucket is in memory that the heap did not have when read */
	bool failed; /* some of its buckets cannot be read */
	uint64_t found; /* keys, with the bucket size that comes closest to the header */
	uint32_t after_place; /* place of `after` in the second blocks of the batch */
	const uint8_t *after; /* the header, read again after the buckets; NULL: gone */
	struct classic_array now;
	struct evidence evidence; /* of the present array; set before it is read */

	/* Most maps do not need these, nor space for them in the processor's cache. */
	struct classic_array old; /* valid with `grows` */
	size_t extra; /* index of the header's mapextra, when it has one */
	uint8_t own_after[MAP_HEADER_SZ_MAX]; /* `after`, when it was not in the blocks */
};

struct classic_header classic_parse_header(const struct classic_layout *l, const uint8_t *bytes);

void classic_work_init(struct classic_work *w, size_t at, const struct classic_layout *l,
		       const uint8_t *header);

/* Checks what the header alone tells, and finds its arrays. VERDICT_MAP: decode it. */
enum verdict classic_check_header(const struct heap *heap, struct classic_work *w,
				  struct candidate *c);

/* Whether buckets of that size fit into an array. */
static inline bool classic_array_has_room(const struct classic_array *a, uint16_t bucket_sz)
{
	return a->o.size >= a->cnt * bucket_sz; /* no overflow: B is limited */
}

/* What the table of operations needs of headers. */
bool classic_may_be_map(const struct heap *heap, const uint8_t *bytes);
bool classic_may_be_table(const struct heap *heap, const struct object *o, uint64_t cnt);
struct header_tables classic_tables_of(const struct go_layout *layout, const uint8_t *header);
bool classic_is_writing(const uint8_t *header);
uint32_t classic_table_off(const struct go_layout *layout);

#endif
