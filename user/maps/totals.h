/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * totals.h - sums over the maps of a census.
 */
#ifndef MAPTRACE_MAPS_TOTALS_H
#define MAPTRACE_MAPS_TOTALS_H

#include "maps/rows.h"

struct map_totals {
	uint64_t map_cnt;
	uint64_t exact_cnt;
	uint64_t moving_cnt;
	uint64_t suspect_cnt; /* in no sum */
	uint64_t garbage_cnt; /* in no sum */
	uint64_t on_stack_cnt; /* of map_cnt: the header is on a goroutine stack */
	uint64_t live_keys;
	uint64_t slots;
	uint64_t table_bytes;
	uint64_t resident_bytes;
	uint64_t live_resident_bytes; /* of resident_bytes: what is not a hole */
	uint64_t hole_bytes;
	uint64_t old_bytes;
	uint64_t gives_back_bytes;
	uint64_t gives_back_resident_bytes;
	uint64_t unknown_size_cnt; /* maps whose bucket size is unknown: they count in table_bytes,
				    * but not in the sums of holes and of what rebuilds give back */
	uint64_t scan_bytes; /* of table_bytes: what the collector has to scan */
};

struct map_totals totals_of(const struct map_rows *rows);

#endif
