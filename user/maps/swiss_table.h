/* SPDX-License-Identifier: GPL-2.0-only */
/* swiss_table.h - swiss maps with a directory of tables. */
#ifndef MAPTRACE_MAPS_SWISS_TABLE_H
#define MAPTRACE_MAPS_SWISS_TABLE_H

#include "maps/batch.h"
#include "maps/bucket_array.h"
#include "maps/swiss_header.h"

/* A map with tables that is being decoded. */
struct swiss_work {
	size_t at; /* in the batch */
	struct swiss_header h;
	struct object dir; /* the directory */
	struct evidence evidence; /* of the first group array: tells the type */
	size_t dir_off; /* in the buffer of directories */
	size_t dir_at; /* entries before this one are done with */
	size_t step_cnt; /* tables that were read for the entries from dir_at on */
	uint8_t first[SWISS_TABLE_SZ]; /* the table of the first entry */
	uint8_t after[SWISS_MAP_SZ]; /* the header, read again after the tables */
	uint64_t used_sum;
	bool sane; /* every table so far fits the header */
};

void swiss_work_init(struct swiss_work *w, size_t at, const struct swiss_header *h);

/* Decides the verdicts of these candidates of a batch. */
struct err *swiss_decode_tables(const struct map_reader *r, struct map_batch *b,
				struct swiss_work *works, size_t cnt);

/* Appends the groups of one map, with or without tables, to the arrays of b. *found_ret is false
 * when the header in b does not lead to them. */
struct err *swiss_find_arrays(struct buckets *b, bool *found_ret);

#endif
