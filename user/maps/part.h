/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * part.h - what is found in a part of the heap.
 *
 * Each thread of a census fills a part of its own; crew.h puts them together in the order of
 * their addresses, and the last of them is the result (census.h).
 */
#ifndef MAPTRACE_MAPS_PART_H
#define MAPTRACE_MAPS_PART_H

#include "base/err.h"
#include "heap/occupancy.h"
#include "maps/rows.h"

/* Zero is an empty one. Release with part_fini(). */
struct census_part {
	struct map_rows maps; /* ascending by address */
	struct map_rows late; /* decided after a map with a higher address: in no order */
	uint64_t lookalike_cnt; /* header-like objects that are not a map's */
	uint64_t empty_cnt; /* headers without a table: they hold no memory */
	/* Bytes of the objects that tables are made of, by spanclass. Maps that are in no sum
	 * count here, too. */
	uint64_t class_bytes[SPANCLASS_CNT];
};

void part_fini(struct census_part *p);

/* Whether a row for this address has to go to the late ones. */
static inline bool part_is_late(const struct census_part *p, uint64_t addr)
{
	return p->maps.len && row_addr(&p->maps.data[p->maps.len - 1]) > addr;
}

/* Adds a row where it belongs. */
struct err *part_add_row(struct census_part *p, const struct map_info *m);

/* Moves the rows, or the counts, of `from` to p. The rows of `from` come after those of p. */
struct err *part_move_rows(struct census_part *p, struct census_part *from);
void part_move_counts(struct census_part *p, struct census_part *from);

/* Puts the late rows where they belong. */
struct err *part_sort(struct census_part *p);

#endif
