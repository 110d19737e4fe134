// SPDX-License-Identifier: GPL-2.0-only
#include "maps/reader.h"

struct err *reader_init(struct map_reader *r, struct heap *heap, struct mem *mem,
			const struct residency *residency, struct owners *owners)
{
	*r = (struct map_reader){
		.heap = heap,
		.mem = mem,
		.residency = residency,
		.owners = owners,
		.shapes = shape_cache_new(),
		.blocks = blocks_new(),
	};
	return r->shapes && r->blocks ? NULL : err_nomem();
}

void reader_fini(struct map_reader *r)
{
	shape_cache_free(r->shapes);
	blocks_free(r->blocks);
}
