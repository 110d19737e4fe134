// SPDX-License-Identifier: GPL-2.0-only
#include "graph/barrier_buffers.h"

#include <stdlib.h>

#include "base/table.h"

enum {
	BARRIER_PS_MAX = 1 << 16,
	BARRIER_P_MAX_SZ = 64 << 10,
	/* Go source: runtime/mwbbuf.go wbBuf: the words next, end, buf; end is that of buf. */
	BARRIER_ENTRIES = 512,
};

bool barrier_buffer_find(const uint64_t *words, uint32_t cnt, uint64_t addr, uint32_t *first_ret,
			 uint32_t *end_ret)
{
	for (uint32_t i = 2; i + BARRIER_ENTRIES <= cnt; i++) {
		uint64_t first = addr + 8ull * i, end = first + 8 * BARRIER_ENTRIES;

		if (words[i - 1] != end || words[i - 2] < first || words[i - 2] > end)
			continue;
		*first_ret = i;
		*end_ret = i + BARRIER_ENTRIES;
		return true;
	}
	return false;
}

/* Adds the numbers of the objects that words lead to. */
static bool barrier_add_targets(const struct objects *objs, const uint64_t *words, uint32_t cnt,
				struct table *ret)
{
	for (uint32_t i = 0; i < cnt; i++) {
		uint32_t object = objects_number(objs, words[i]);

		if (object != OBJECT_NO_NUMBER && table_get(ret, object) == TABLE_NONE &&
		    !table_put(ret, object, 0))
			return false;
	}
	return true;
}

/* Drops the edges of the P that is that object, with these words. */
static struct err *barrier_drop_of(const struct objects *objs, struct heap_graph *g,
				   uint32_t object, const uint64_t *words, uint32_t cnt,
				   uint64_t addr)
{
	_cleanup_(table_fini) struct table noted = { 0 }, others = { 0 };
	uint32_t first, end;

	if (!barrier_buffer_find(words, cnt, addr, &first, &end))
		return NULL;
	if (!barrier_add_targets(objs, words + first, end - first, &noted) ||
	    !barrier_add_targets(objs, words, first, &others) ||
	    !barrier_add_targets(objs, words + end, cnt - end, &others))
		return err_nomem();
	for (uint32_t at = g->first[object]; at < g->first[object + 1]; at++)
		if (table_get(&noted, g->to[at]) != TABLE_NONE &&
		    table_get(&others, g->to[at]) == TABLE_NONE)
			g->to[at] = object;
	return NULL;
}

static struct err *barrier_read_p(const struct objects *objs, struct heap_graph *g, uint64_t p)
{
	struct mem *mem = &objs->heap->prog->target->mem;
	_cleanup_free_ uint64_t *words = NULL;
	struct object o;

	if (!heap_object(objs->heap, p, &o) || o.size > BARRIER_P_MAX_SZ)
		return NULL;
	words = malloc(o.size);
	if (!words)
		return err_nomem();
	struct mem_req req = { o.slot, o.size, false, words };
	struct err *err = mem->read_reqs(mem, &req, 1);
	if (err || !req.ok)
		return err;
	return barrier_drop_of(objs, g, objects_number(objs, p), words, o.size / 8, o.slot);
}

struct err *barrier_buffers_drop(const struct objects *objs, struct heap_graph *g)
{
	struct mem *mem = &objs->heap->prog->target->mem;
	uint64_t allp, slice[2] = { 0 }, p;

	if (!program_allp(objs->heap->prog, &allp))
		return NULL;
	struct err *err = mem_read(mem, allp, slice, sizeof(slice));
	for (uint64_t i = 0; !err && i < slice[1] && i < BARRIER_PS_MAX; i++) {
		err = mem_read_u64(mem, slice[0] + 8 * i, &p);
		if (!err)
			err = barrier_read_p(objs, g, p);
	}
	if (!err_is_refusal(err))
		return err;
	err_free(err);
	return NULL;
}
