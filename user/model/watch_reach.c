// SPDX-License-Identifier: GPL-2.0-only
/* Which maps of the latest census are garbage that no collection has found yet. */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "graph/reach.h"
#include "model/result_fill.h"

enum {
	/* What is not known by then stays unknown. */
	REACH_BUDGET_S = 5,
	GRAPH_MEMORY_SHARE = 4, /* of what the machine has available */
};

#define GRAPH_MEMORY_MAX (1ull << 30)

/* Memory that can be taken without swapping; 0: not known. */
static uint64_t memory_available(void)
{
	_cleanup_fclose_ FILE *f = fopen("/proc/meminfo", "re");
	unsigned long long kib = 0;
	char line[128];

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "MemAvailable: %llu kB", &kib) == 1)
			break;
	return kib << 10;
}

static uint64_t graph_memory(const struct watch *w)
{
	uint64_t share = memory_available() / GRAPH_MEMORY_SHARE;

	if (w->opts.graph_memory_bytes)
		return w->opts.graph_memory_bytes;
	return share && share < GRAPH_MEMORY_MAX ? share : GRAPH_MEMORY_MAX;
}

/* Says of each map whether it is held. Garbage is in no sum from then on. */
static struct err *watch_apply_reach(struct watch *w)
{
	static const uint8_t reach_of_answer[] = {
		[REACH_UNKNOWN] = MAP_REACH_UNKNOWN,
		[REACH_HELD] = MAP_HELD,
		[REACH_GARBAGE] = MAP_UNREACHABLE,
	};
	struct census *census = w->snap->census;

	for (size_t i = 0; i < census->maps.len; i++) {
		struct map_info m = census_map(census, i);
		uint8_t reach = reach_of_answer[reach_of_map(w->reach, &m)];

		if (m.garbage)
			reach = MAP_UNREACHABLE;
		if (m.reach == reach)
			continue;
		m.reach = reach;
		m.garbage = reach == MAP_UNREACHABLE;
		if (!rows_set(&census->maps, i, &m))
			return err_nomem();
	}
	w->snap->garbage_resident_bytes = w->reach->garbage_resident_bytes;
	snapshot_sum(w->snap);
	return NULL;
}

struct err *watch_find_garbage(struct watch *w)
{
	struct mem *mem = &w->target->mem;
	struct reach_opts opts = {
		.residency = &w->snap->residency,
		.memory_max = graph_memory(w),
		.budget_ns = REACH_BUDGET_S * 1000000000ull,
	};

	w->graph_memory_bytes = opts.memory_max;
	mem->stop = w->opts.stop;
	struct err *err = reach_take(w->prog, &opts, &w->reach);
	mem->stop = NULL;
	if (err_is(err, ERR_NOMEM))
		return err;
	if (err) {
		w->reach_err = err;
		return NULL;
	}
	log_debug("reach: %u rounds, %llu saved, %llu objects of garbage, %s", w->reach->rounds,
		  (unsigned long long)w->reach->saved,
		  (unsigned long long)w->reach->garbage_objects, w->reach->reason);
	return watch_apply_reach(w);
}
