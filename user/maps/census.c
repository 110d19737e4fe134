// SPDX-License-Identifier: GPL-2.0-only
#include "maps/census.h"

#include <string.h>

#include "maps/contents.h"
#include "maps/crew.h"
#include "maps/owners.h"
#include "maps/stack_search.h"
#include "maps/taker.h"

/* Makes suspect the maps that were taken for the owners of their tables before there was
 * another map with them. */
static struct err *census_settle_owners(struct map_rows *maps, const struct owners *owners)
{
	const struct suspect_headers *suspects = &owners->suspects;

	for (size_t i = 0; i < suspects->list.len; i++) {
		ssize_t row = rows_find(maps, suspects->list.data[i]);
		struct map_info m = { .consistency = MAP_SUSPECT };

		if (row != ROWS_NONE && !rows_set(maps, row, &m))
			return err_nomem();
	}
	return NULL;
}

/* Finds all maps. The caller's thread searches the stacks; on the heap a crew helps it. */
static struct err *census_fill_part(struct map_taker *t, const struct census_shared *shared)
{
	struct census_part *part = &t->part;
	struct err *err = stacks_search(shared->stacks, shared->heap, taker_take, t);

	if (!err)
		err = crew_take(shared, part);
	if (!err)
		err = stacks_finish(shared->stacks, &part->late);
	if (!err)
		err = part_sort(part);
	return err ? err : census_settle_owners(&part->maps, shared->owners);
}

static void census_set_result(struct census *census, struct census_part *part)
{
	census->maps = part->maps;
	part->maps = (struct map_rows){ 0 };
	census->lookalike_cnt = part->lookalike_cnt;
	census->empty_cnt = part->empty_cnt;
	memcpy(census->class_bytes, part->class_bytes, sizeof(census->class_bytes));
}

static struct err *census_find_maps(struct census *census)
{
	_cleanup_owners_ struct owners *owners = owners_new(census->heap);
	const struct census_shared shared = {
		.heap = census->heap,
		.residency = census->residency,
		.owners = owners,
		.stacks = census->stacks,
	};
	_cleanup_(taker_fini) struct map_taker taker = { 0 };
	struct err *err = owners ? taker_init(&taker, &shared, &census->heap->prog->target->mem)
				 : err_nomem();

	if (!err)
		err = census_fill_part(&taker, &shared);
	if (!err)
		census_set_result(census, &taker.part);
	return err;
}

struct err *census_take(struct heap *heap, const struct residency *residency, struct census **ret)
{
	_cleanup_census_ struct census *census = calloc(1, sizeof(*census));

	if (!census)
		return err_nomem();
	if (heap->prog->image.build.asan)
		return err_new(
			ERR_UNSUPPORTED,
			"the program was built with -asan, which puts a red zone behind each "
			"object: nothing of a map has the size that it should have");
	census->heap = heap;
	census->residency = residency;
	census->stacks = stacks_new();
	struct err *err = census->stacks ? NULL : err_nomem();
	if (!err)
		err = heap_read_sweepgen(heap, &heap->prog->target->mem, &census->sweepgen);
	if (!err)
		err = census_find_maps(census);
	if (!err)
		err = contents_narrow(heap, residency, census->sweepgen, &census->maps);
	if (err)
		return err_wrap(err, "taking the census");
	census->totals = totals_of(&census->maps);
	*ret = take_ptr(census);
	return NULL;
}

void census_free(struct census *census)
{
	if (!census)
		return;
	stacks_free(census->stacks);
	rows_fini(&census->maps);
	free(census);
}
