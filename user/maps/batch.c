// SPDX-License-Identifier: GPL-2.0-only
#include "maps/batch.h"

struct err *batch_init(struct map_batch *b, struct map_rows *rows)
{
	*b = (struct map_batch){
		.verdicts = malloc(CANDIDATES_MAX * sizeof(*b->verdicts)),
		.kinds = malloc(CANDIDATES_MAX * sizeof(*b->kinds)),
		.spans = malloc(CANDIDATES_MAX * sizeof(*b->spans)),
		.maps = malloc(CANDIDATES_MAX * sizeof(*b->maps)),
		.rows = rows,
		.footing = footing_new(),
	};
	return b->verdicts && b->kinds && b->spans && b->maps && b->footing ? NULL : err_nomem();
}

void batch_fini(struct map_batch *b)
{
	free(b->verdicts);
	free(b->kinds);
	free(b->spans);
	free(b->maps);
	footing_free(b->footing);
	vec_fini(&b->claims.objects);
	vec_fini(&b->claims.chained);
}

void batch_begin(struct map_batch *b, struct candidate *cands, size_t cnt)
{
	b->cands = cands;
	b->cnt = cnt;
}

void batch_forget_claims(struct map_batch *b)
{
	b->claims.objects.len = b->claims.chained.len = 0;
}

void batch_keep_kind(struct map_batch *b, size_t at, uint32_t *kind)
{
	if (kind) /* 0 when there is no memory for the kind: asked again next time */
		*kind = rows_kind(b->rows, &b->maps[at]) + 1;
}

void batch_expand_row(struct map_batch *b, size_t at)
{
	if (b->kinds[at] == ROWS_NO_KIND)
		return;
	b->maps[at] = rows_kind_info(b->rows, b->kinds[at], b->cands[at].addr);
	b->kinds[at] = ROWS_NO_KIND;
	batch_claim_span(b, at, b->spans[at]);
}

void batch_claim_chained(struct map_batch *b, size_t at, uint8_t spanclass, uint64_t bytes)
{
	struct chained_claim claim = { at, spanclass, bytes };

	b->claims.incomplete |= !vec_push(&b->claims.chained, claim);
}

/* The verdict on a header whose table was walked often enough. The first time the header is
 * read again: whether another one is a map with the table is known when this batch is decided. */
static enum verdict refuse_walk(struct candidate *c, bool owned)
{
	bool again = !owned && !c->refused;

	c->refused = true;
	if (again)
		return VERDICT_CHANGED;
	return (owned || c->moved) && !c->garbage ? VERDICT_SUSPECT : VERDICT_LOOKALIKE;
}

struct err *batch_count_walk(const struct map_reader *r, struct candidate *c, uint64_t table,
			     enum verdict *verdict)
{
	bool may = true, owned = false;

	if (c->on_stack)
		return NULL;
	struct err *err = owners_walk(r->owners, table, &may, &owned);
	if (!err && !may)
		*verdict = refuse_walk(c, owned);
	return err;
}
