/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * result_census.h - the maps of a census as a result keeps them: in 12 bytes each, apart
 * from the target and from the census that found them. For result_maps.c alone.
 */
#ifndef MAPTRACE_MODEL_RESULT_CENSUS_H
#define MAPTRACE_MODEL_RESULT_CENSUS_H

#include "model/result_maps.h"

struct result_census_maps;

size_t result_census_cnt(const struct result_census_maps *maps);
uint64_t result_census_total(const struct result_census_maps *maps);
void result_census_view(struct result_census_maps *maps, size_t i, bool wants_same,
			struct map_view *ret);
bool result_census_find(struct result_census_maps *maps, uint64_t addr, struct map_view *ret);
void result_census_free(struct result_census_maps *maps);

/* Takes the maps over. NULL: out of memory, and nothing was taken. */
struct result_maps *result_maps_of_census(struct result_census_maps *census);

#endif
