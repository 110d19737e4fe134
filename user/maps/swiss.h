/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * swiss.h - what the parts of the swiss decoder share; private to them.
 *
 * A Map header points to one group of 8 slots while it is small, and else to a
 * directory of tables. swiss.c sorts the candidates of a batch, swiss_small.c and
 * swiss_table.c decode one kind each.
 */
#ifndef MAPTRACE_MAPS_SWISS_H
#define MAPTRACE_MAPS_SWISS_H

#include "maps/buckets.h"
#include "maps/census.h"
#include "maps/shape.h"

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

/* A map of one group being decoded. */
struct swiss_small {
	size_t at; /* in the batch */
	uint64_t used;
	uint64_t addr; /* of the group */
	uint32_t place; /* of it, in the blocks of the batch */
	const uint8_t *group; /* its control word; without pointers all of it */
	struct evidence evidence; /* of the group: tells the type */
};

/* A map with tables being decoded. */
struct swiss_work {
	size_t at; /* in the batch */
	struct swiss_header h;
	struct object dir; /* the directory */
	struct evidence evidence; /* of the first group array: tells the type */
	size_t dir_off; /* in the batch's directory buffer */
	size_t dir_at; /* entries before this one are done with */
	size_t step_cnt; /* tables read for the next ones */
	uint8_t first[SWISS_TABLE_SZ]; /* the table of the first entry */
	uint8_t after[SWISS_MAP_SZ]; /* the header, read again behind the tables */
	uint64_t used_sum;
	bool sane; /* every table so far fits the header */
};

struct swiss_decoder {
	struct census *census;
	struct census_batch *batch;
	struct mem *mem;
	struct buckets *buckets; /* NULL: the census, which looks at no slot */
	struct swiss_small *smalls;
	size_t small_cnt;
	struct swiss_work *works;
	size_t work_cnt;
};

struct swiss_header swiss_parse_header(const uint8_t *bytes);

/* What the header tells, and where its directory or only group is. VERDICT_CHANGED: in
 * memory that the heap did not have when it was read. */
enum verdict swiss_find_dir(const struct heap *heap, const struct swiss_header *h,
			    struct object *dir);

/* What to make of a header that is no map's: VERDICT_CHANGED of one that is being written. */
enum verdict swiss_misfit(const struct swiss_header *h, struct candidate *c);

/* Whether a group array may start at addr in object o. */
bool swiss_is_group_start(const struct object *o, uint64_t addr);

/* Number of full slots in a control word; -1 when it is none. A small map never has
 * tombstones. */
static inline int swiss_ctrl_full(uint64_t ctrl, bool small)
{
	uint64_t vacant = ctrl >> 7 & EACH_BYTE; /* a bit for each that is no hash */
	uint64_t deleted = small ? 0 : ctrl >> 1 & vacant;

	if ((ctrl & vacant * 0xff) !=
	    vacant * SWISS_CTRL_EMPTY + deleted * (SWISS_CTRL_DELETED - SWISS_CTRL_EMPTY))
		return -1;
	return BUCKET_SLOTS - byte_cnt(vacant);
}

/* Sets what a rebuild takes, where the group size is known. */
void swiss_set_rebuild(const struct swiss_decoder *d, struct map_info *m,
		       const struct object *groups);

/* Decide the verdicts of d->smalls, and of d->works. */
struct err *swiss_decode_small(struct swiss_decoder *d);
struct err *swiss_decode_tables(struct swiss_decoder *d);

#endif
