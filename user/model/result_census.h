/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * result_census.h - the maps of a census as a result keeps them.
 *
 * Each takes 12 bytes, 16 more if holders are known, plus what all maps of its kind share. Nothing
 * points to the target or to the census that found them. Only result_maps.c uses this.
 */
#ifndef MAPTRACE_MODEL_RESULT_CENSUS_H
#define MAPTRACE_MODEL_RESULT_CENSUS_H

#include "model/result_maps.h"

struct result_census_maps;

/* These do what the functions of result_maps.h with similar names do. */
size_t result_census_cnt(const struct result_census_maps *maps);
uint64_t result_census_total(const struct result_census_maps *maps);
void result_census_view(struct result_census_maps *maps, size_t i, bool wants_same,
			struct map_view *ret);
bool result_census_find(struct result_census_maps *maps, uint64_t addr, struct map_view *ret);
void result_census_free(struct result_census_maps *maps);

/* Wraps the maps and takes them over: result_maps_free() frees them, too. NULL: out of memory; then
 * the caller still owns them. */
struct result_maps *result_maps_of_census(struct result_census_maps *census);

#endif
