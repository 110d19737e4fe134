// SPDX-License-Identifier: GPL-2.0-only
#include "maps/census.h"

#include <string.h>

#include "base/cursor.h"
#include "maps/contents.h"
#include "maps/crew.h"
#include "maps/shape.h"

/* A map that toggles between two lengths is the same at every read of its header once in
 * 2^ROUNDS times, and its tables differ from that in as many. */
enum { ROUNDS = 8 };

bool census_is_busy(struct candidate *c, uint64_t found)
{
	c->moved |= c->found && c->found != found + 1;
	c->found = found + 1;
	return c->moved;
}

static uint32_t header_size(const struct census *census)
{
	const struct go_layout *layout = &census->heap->prog->layout;

	return layout->kind == MAP_SWISS ? layout->swiss.header_sz : layout->classic.header_sz;
}

static struct err *decode(struct census *census, struct census_batch *batch)
{
	census->claims.objects.len = census->claims.chained.len = 0;
	return census->heap->prog->layout.kind == MAP_SWISS ? swiss_decode(census, batch)
							    : classic_decode(census, batch);
}

void census_keep_kind(struct census *census, struct census_batch *batch, size_t at, uint32_t *kind)
{
	if (kind) /* without memory for it, 0 */
		*kind = rows_kind(&census->maps, &batch->maps[at]) + 1;
}

void census_own_row(struct census *census, struct census_batch *batch, size_t at)
{
	if (batch->kinds[at] == ROWS_NO_KIND)
		return;
	batch->maps[at] = rows_kind_info(&census->maps, batch->kinds[at], batch->cands[at].addr);
	batch->kinds[at] = ROWS_NO_KIND;
	claims_note(&census->claims, batch->spans[at], at);
}

/* Candidates come in order, but some take several rounds. */
static bool is_late(const struct census *census, const struct candidate *c)
{
	size_t len = census->maps.len;

	return len && row_addr(&census->maps.data[len - 1]) > c->addr;
}

static struct err *add_map(struct census *census, struct map_info *m, const struct candidate *c)
{
	const struct go_layout *layout = &census->heap->prog->layout;

	if (c->on_stack)
		return stacks_add(census->stacks, c, m, layout);
	stacks_claim(census->stacks, c, layout);
	m->garbage = c->garbage;
	return rows_push(is_late(census, c) ? &census->late : &census->maps, m) ? NULL
										: err_nomem();
}

static struct err *add_suspect(struct census *census, const struct candidate *c)
{
	struct map_info m = { .addr = c->addr, .consistency = MAP_SUSPECT };

	return add_map(census, &m, c);
}

/* Takes the object for a map; *ret is false when it is another's. */
static inline struct err *take_object(struct census *census, uint32_t span, bool *ret)
{
	const struct span *s = &census->heap->spans.data[span];

	census->class_bytes[s->spanclass] += span_elemsize(s);
	return owners_take(census->owners, census->mem, span, ret);
}

/* A map on the heap, and no garbage. */
static struct err *add_kind(struct census *census, const struct census_batch *batch, size_t at)
{
	const struct candidate *c = &batch->cands[at];
	bool alone;
	struct err *err = take_object(census, batch->spans[at], &alone);

	if (err || !alone)
		return err ? err : add_suspect(census, c);
	if (is_late(census, c)) {
		struct map_info m = rows_kind_info(&census->maps, batch->kinds[at], c->addr);

		return add_map(census, &m, c);
	}
	stacks_claim(census->stacks, c, &census->heap->prog->layout);
	return rows_push_kind(&census->maps, c->addr, batch->kinds[at]) ? NULL : err_nomem();
}

static struct err *add_row(struct census *census, struct census_batch *batch, size_t at)
{
	if (batch->kinds[at] != ROWS_NO_KIND)
		return add_kind(census, batch, at);
	return add_map(census, &batch->maps[at], &batch->cands[at]);
}

/* ---- whose the tables are ---- */

/* Of a header whose table was walked often enough. Whether one of the others is a map is
 * known when the batch is settled. */
static enum verdict refuse(struct candidate *c, bool owned)
{
	bool again = !owned && !c->refused;

	c->refused = true;
	if (again)
		return VERDICT_CHANGED;
	return (owned || c->moved) && !c->garbage ? VERDICT_SUSPECT : VERDICT_LOOKALIKE;
}

struct err *census_walk(struct census *census, struct candidate *c, uint64_t table,
			enum verdict *verdict)
{
	bool may = true, owned = false;

	if (!census->owners || c->on_stack)
		return NULL;
	struct err *err = owners_walk(census->owners, table, &may, &owned);
	if (!err && !may)
		*verdict = refuse(c, owned);
	return err;
}

/* Whether the at-th candidate is a map with a row of its own, whose tables have to be its
 * alone: not of one whose header may have moved, or that is dead. */
static bool needs_tables(const struct census_batch *batch, uint32_t at)
{
	const struct candidate *c = &batch->cands[at];

	return batch->verdicts[at] == VERDICT_MAP && batch->kinds[at] == ROWS_NO_KIND &&
	       !c->on_stack && !c->garbage;
}

static struct err *take_claim(struct census *census, struct census_batch *batch, uint64_t claim)
{
	uint32_t at = claim >> 32, span = claim;
	const struct span *s = &census->heap->spans.data[span];
	bool alone = true;
	struct err *err = NULL;

	if (needs_tables(batch, at))
		err = take_object(census, span, &alone);
	else if (batch->verdicts[at] == VERDICT_MAP)
		census->class_bytes[s->spanclass] += span_elemsize(s);
	if (!alone)
		batch->verdicts[at] = VERDICT_SUSPECT;
	return err;
}

static struct err *take_chained(struct census *census, struct census_batch *batch,
				const struct chained *chained)
{
	bool free = true;
	struct err *err = NULL;

	if (batch->verdicts[chained->at] == VERDICT_MAP)
		census->class_bytes[chained->spanclass] += chained->bytes;
	if (needs_tables(batch, chained->at))
		err = owners_take_chained(census->owners, census->mem, chained, &free);
	if (!free)
		batch->verdicts[chained->at] = VERDICT_SUSPECT;
	return err;
}

/* A map of one bucket is smaller, and needs no row of its own. */
static bool is_large(const struct census_batch *batch, uint32_t at)
{
	return needs_tables(batch, at) && batch->maps[at].table_bytes >= OWNERS_TABLES_MIN;
}

static struct err *take_large(struct census *census, struct census_batch *batch, uint32_t at)
{
	const struct candidate *c = &batch->cands[at];
	uint32_t ptrs = layout_map_header_ptrs(&census->heap->prog->layout);
	uint32_t off = 8 * __builtin_ctz(ptrs); /* of the table */
	bool alone = true;
	struct err *err = owners_add(census->owners, census->mem, load_u64(c->header, off), c->addr,
				     off, &alone);

	if (!alone)
		batch->verdicts[at] = VERDICT_SUSPECT;
	return err;
}

/* Gives the maps of a batch their tables; those whose tables are another's are suspect. */
static struct err *take_tables(struct census *census, struct census_batch *batch)
{
	const struct claims *c = &census->claims;
	struct err *err = c->incomplete ? err_nomem() : NULL;

	for (size_t i = 0; !err && i < batch->cnt; i++)
		if (is_large(batch, i))
			err = take_large(census, batch, i);
	for (size_t i = 0; !err && i < c->objects.len; i++)
		err = take_claim(census, batch, c->objects.data[i]);
	for (size_t i = 0; !err && i < c->chained.len; i++)
		err = take_chained(census, batch, &c->chained.data[i]);
	return err;
}

/* Those that were taken for the owners of their tables before there was another. */
static struct err *settle_owners(struct census *census)
{
	const struct headers *suspects = &census->owners->suspects;

	for (size_t i = 0; i < suspects->list.len; i++) {
		ssize_t row = rows_find(&census->maps, suspects->list.data[i]);
		struct map_info m = { .consistency = MAP_SUSPECT };

		if (row != ROWS_NONE && !rows_set(&census->maps, row, &m))
			return err_nomem();
	}
	return NULL;
}

/* Takes the decided candidates out of the batch; the undecided ones stay. */
static struct err *settle(struct census *census, struct census_batch *batch)
{
	size_t left = 0;
	struct err *err = NULL;

	for (size_t i = 0; !err && i < batch->cnt; i++) {
		switch (batch->verdicts[i]) {
		case VERDICT_MAP:
			err = add_row(census, batch, i);
			break;
		case VERDICT_EMPTY:
			census->empty_cnt += !batch->cands[i].on_stack;
			break;
		case VERDICT_LOOKALIKE:
			census->lookalike_cnt += !batch->cands[i].on_stack;
			break;
		case VERDICT_SUSPECT:
			err = add_suspect(census, &batch->cands[i]);
			break;
		case VERDICT_MISFIT:
		case VERDICT_CHANGED:
			batch->cands[i].misfit = batch->verdicts[i] == VERDICT_MISFIT;
			batch->cands[left++] = batch->cands[i];
			break;
		}
	}
	batch->cnt = left;
	return err;
}

/* A header that is no map's, and the same when read again, was not torn. */
static void drop_misfits(struct census *census, struct census_batch *batch)
{
	size_t left = 0;

	for (size_t i = 0; i < batch->cnt; i++) {
		if (batch->cands[i].misfit)
			census->lookalike_cnt += !batch->cands[i].on_stack;
		else
			batch->cands[left++] = batch->cands[i];
	}
	batch->cnt = left;
}

/*
 * Reads the headers of the undecided candidates again. An object that contradicts
 * itself and yet stands still is no map; one that changes is a busy one.
 */
static struct err *reread_headers(struct census *census, struct census_batch *batch)
{
	uint32_t sz = header_size(census);
	_cleanup_free_ struct mem_req *reqs = malloc((batch->cnt + 1) * sizeof(*reqs));
	_cleanup_free_ uint8_t *now = malloc(batch->cnt * sz + 1);

	if (!reqs || !now)
		return err_nomem();
	for (size_t i = 0; i < batch->cnt; i++)
		reqs[i] = (struct mem_req){ batch->cands[i].addr, sz, false, now + i * sz };
	struct err *err = mem_gather(census->mem, reqs, batch->cnt);
	for (size_t i = 0; !err && i < batch->cnt; i++) {
		const uint8_t *bytes = reqs[i].dst;
		struct candidate *c = &batch->cands[(bytes - now) / sz];

		bool changed = !reqs[i].ok || memcmp(bytes, c->header, sz);

		if (changed)
			c->moved = c->rewritten = true;
		c->misfit &= !changed;
		if (reqs[i].ok)
			memcpy(c->header, bytes, sz);
	}
	return err;
}

/*
 * Appends the addresses at which the heap may be another than when it was read. A misfit
 * has one; what its tables contradict may also be because their own memory is not of the
 * size that it was.
 */
static size_t doubts_of(const struct census *census, const struct candidate *c, uint64_t ret[2])
{
	uint32_t ptrs = layout_map_header_ptrs(&census->heap->prog->layout);

	ret[0] = c->stray;
	ret[1] = load_u64(c->header, 8 * __builtin_ctz(ptrs)); /* the table */
	return c->misfit ? 1 : 2;
}

/*
 * The heap was read before the headers: a map that has grown since may lead to memory of
 * which the snapshot tells another use. Of the candidates that are to be dropped those
 * stay, as busy ones. last: of those that contradict themselves, too.
 */
static struct err *excuse_overtaken(struct census *census, struct census_batch *batch, bool last)
{
	_cleanup_free_ uint64_t *doubts = malloc((2 * batch->cnt + 1) * sizeof(*doubts));
	_cleanup_free_ struct candidate **of = malloc((2 * batch->cnt + 1) * sizeof(*of));
	_cleanup_free_ bool *changed = malloc(2 * batch->cnt + 1);
	size_t n = 0;

	if (!doubts || !of || !changed)
		return err_nomem();
	for (size_t i = 0; i < batch->cnt; i++) {
		struct candidate *c = &batch->cands[i];

		/* What moves on a stack is words of a frame, likelier than a map. */
		if (!c->misfit && !(last && (c->on_stack || !c->moved)))
			continue;
		for (size_t end = n + doubts_of(census, c, doubts + n); n < end; n++)
			of[n] = c;
	}
	struct err *err = n ? heap_find_changed(census->heap, census->mem, doubts, n, changed)
			    : NULL;
	for (size_t i = 0; !err && i < n; i++) {
		if (changed[i])
			of[i]->moved = of[i]->outdated = true;
		of[i]->misfit &= !changed[i];
	}
	return err;
}

/* What is still undecided after the last round. */
static struct err *give_up(struct census *census, struct census_batch *batch)
{
	struct err *err = excuse_overtaken(census, batch, /* last= */ true);

	for (size_t i = 0; !err && i < batch->cnt; i++) {
		if (batch->cands[i].on_stack) /* words of a frame, likelier than a header */
			err = stacks_doubt(census, &batch->cands[i]);
		else if (batch->cands[i].moved)
			err = add_suspect(census, &batch->cands[i]);
		else
			census->lookalike_cnt++;
	}
	return err;
}

/* A map whose figures rest on a span that is another one by now has to be read again; with
 * the same heap they are never right. What is garbage has been freed, then. */
static void doubt_outdated(struct census_batch *batch, const bool *outdated)
{
	for (size_t i = 0; i < batch->cnt; i++) {
		struct candidate *c = &batch->cands[i];

		if (!outdated[i] || batch->verdicts[i] != VERDICT_MAP)
			continue;
		batch->verdicts[i] = c->garbage ? VERDICT_EMPTY : VERDICT_CHANGED;
		c->moved = c->outdated = true;
	}
}

/* Decodes the batch with the heap that was read, where that is still the heap. */
static struct err *decode_checked(struct census *census, struct census_batch *batch)
{
	_cleanup_free_ bool *outdated = calloc(batch->cnt, sizeof(*outdated));
	struct err *err = outdated ? NULL : err_nomem();
	bool again = true;

	while (!err && again) {
		err = decode(census, batch);
		if (!err)
			err = footing_check(census->footing, census->heap, census->mem, outdated,
					    &again);
	}
	if (!err)
		doubt_outdated(batch, outdated);
	return err;
}

struct err *census_take_batch(struct census *census, struct candidate *cands, size_t cnt)
{
	_cleanup_free_ struct map_info *maps = malloc(cnt * sizeof(*maps));
	_cleanup_free_ enum verdict *verdicts = malloc(cnt * sizeof(*verdicts));
	_cleanup_free_ uint32_t *kinds = malloc(cnt * sizeof(*kinds));
	_cleanup_free_ uint32_t *spans = malloc(cnt * sizeof(*spans));
	struct census_batch batch = { .cands = cands,
				      .maps = maps,
				      .verdicts = verdicts,
				      .kinds = kinds,
				      .spans = spans,
				      .cnt = cnt };

	if (!maps || !verdicts || !kinds || !spans)
		return err_nomem();
	for (int round = 0; round < ROUNDS && batch.cnt; round++) {
		struct err *err = decode_checked(census, &batch);

		if (!err)
			err = take_tables(census, &batch);
		if (!err)
			err = settle(census, &batch);
		if (!err)
			err = reread_headers(census, &batch);
		if (!err)
			err = excuse_overtaken(census, &batch, /* last= */ false);
		if (err)
			return err;
		drop_misfits(census, &batch);
	}
	return give_up(census, &batch);
}

struct err *census_tools_init(struct census *census)
{
	census->shapes = shape_cache_new();
	census->blocks = blocks_new();
	census->footing = footing_new();
	return census->shapes && census->blocks && census->footing ? NULL : err_nomem();
}

void census_tools_fini(struct census *census)
{
	shape_cache_free(census->shapes);
	blocks_free(census->blocks);
	footing_free(census->footing);
	vec_fini(&census->claims.objects);
	vec_fini(&census->claims.chained);
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
	census->mem = &heap->prog->target->mem;
	census->residency = residency;
	census->owners = owners_new(heap);
	struct err *err = census->owners ? census_tools_init(census) : err_nomem();
	if (!err)
		err = heap_read_sweepgen(heap, census->mem, &census->sweepgen);
	if (!err)
		err = stacks_take(census);
	if (!err)
		err = crew_take(census);
	if (!err)
		err = stacks_finish(census);
	if (!err && !rows_merge(&census->maps, &census->late))
		err = err_nomem();
	if (!err)
		err = settle_owners(census);
	if (!err)
		err = contents_narrow(census);
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
	census_tools_fini(census);
	owners_free(census->owners);
	stacks_free(census->stacks);
	rows_fini(&census->maps);
	rows_fini(&census->late);
	free(census);
}
