/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * sizing.h - what `make(map[K]V, n)` followed by n inserts allocates.
 *
 * It follows the runtime's own rules, so that the difference to what a map holds now is what
 * a rebuild gives back. Keys hash at random: where a table or bucket may overflow, the
 * expected number of overflows counts.
 */
#ifndef MAPTRACE_MAPS_SIZING_H
#define MAPTRACE_MAPS_SIZING_H

#include <stdbool.h>
#include <stdint.h>

struct table_shape {
	uint32_t bucket_sz; /* bytes of a bucket or group */
	bool noscan; /* without pointers */
	bool listed; /* classic: the map has a list of its overflow buckets */
	bool malloc_headers; /* Go 1.22 and later */
	uint8_t load_num; /* classic: as in struct classic_layout */
};

/* Bytes of groups, tables and directory of a swiss map. */
uint64_t sizing_swiss(uint64_t len, const struct table_shape *shape);

/*
 * Bytes of the bucket array and overflow buckets of a classic map, and of what it keeps
 * beside them (classic_extra.h). A map that has a list without any overflow bucket in it has
 * been ranged over. The fresh map will be, too, and get its empty list, so a rebuild does not
 * give the list back.
 */
uint64_t sizing_classic(uint64_t len, const struct table_shape *shape);

/* Bytes of one table of a swiss map with its groups. */
uint64_t sizing_swiss_table(uint64_t slots, const struct table_shape *shape);

/* Bytes of a classic array of 1 << b buckets. */
uint64_t sizing_classic_array_bytes(unsigned int b, const struct table_shape *shape);

/* Buckets in a fresh classic array of 1 << b buckets: from b == 4 on it has some more, for
 * overflow. */
uint64_t sizing_classic_array(unsigned int b);

#endif
