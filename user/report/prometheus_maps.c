// SPDX-License-Identifier: GPL-2.0-only
/*
 * Series by type and holder. Labels that are cut, or cleaned of what can't be printed, may become
 * equal, and a series may be there only once: so rows are merged by their labels.
 */
#include "report/prometheus_parts.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum { PROM_ROWS = 10 };

struct prom_row {
	const char *type;
	const char *holder; /* "": several, or not known */
	uint64_t maps;
	uint64_t live_keys;
	uint64_t slots;
	uint64_t table_bytes;
	uint64_t rebuild_bytes; /* resident, that a rebuild gives back */
	bool rebuild_unknown; /* of a map at least */
};

struct prom_rows {
	struct prom_row *data;
	size_t len;
};

static void prom_row_add(struct prom_row *to, const struct prom_row *from)
{
	to->maps += from->maps;
	to->live_keys += from->live_keys;
	to->slots += from->slots;
	to->table_bytes += from->table_bytes;
	to->rebuild_bytes += from->rebuild_bytes;
	to->rebuild_unknown |= from->rebuild_unknown;
}

static struct prom_row prom_row_of(struct pool *pool, const struct result_group *g)
{
	const char *type = g->type ? g->type : g->label;

	return (struct prom_row){
		.type = prom_text(pool, type ? type : ""),
		.holder = prom_text(pool, g->holder && g->holder->text ? g->holder->text : ""),
		.maps = g->maps,
		.live_keys = g->live_keys,
		.slots = g->slots,
		.table_bytes = g->table_bytes,
		.rebuild_bytes = g->gives_back_resident_bytes.v,
		.rebuild_unknown = !g->gives_back_resident_bytes.known,
	};
}

/* ---- merging ---- */

static int prom_row_compare_labels(const void *a, const void *b)
{
	const struct prom_row *x = a, *y = b;
	int types = strcmp(x->type, y->type);

	return types ? types : strcmp(x->holder, y->holder);
}

/* Most to give back first, then the largest. */
static int prom_row_compare_waste(const void *a, const void *b)
{
	const struct prom_row *x = a, *y = b;

	if (x->rebuild_bytes != y->rebuild_bytes)
		return x->rebuild_bytes < y->rebuild_bytes ? 1 : -1;
	if (x->table_bytes != y->table_bytes)
		return x->table_bytes < y->table_bytes ? 1 : -1;
	return prom_row_compare_labels(a, b);
}

static void prom_rows_merge(struct prom_rows *rows)
{
	size_t len = 0;

	qsort(rows->data, rows->len, sizeof(*rows->data), prom_row_compare_labels);
	for (size_t i = 0; i < rows->len; i++) {
		struct prom_row *last = len ? &rows->data[len - 1] : NULL;

		if (last && !prom_row_compare_labels(last, &rows->data[i]))
			prom_row_add(last, &rows->data[i]);
		else
			rows->data[len++] = rows->data[i];
	}
	rows->len = len;
	qsort(rows->data, rows->len, sizeof(*rows->data), prom_row_compare_waste);
}

/* Leaves the first rows, and sums the others in one. */
static void prom_rows_cut(struct prom_rows *rows)
{
	static const struct prom_row none = { .type = "other", .holder = "" };

	if (rows->len <= PROM_ROWS)
		return;

	struct prom_row rest = none;
	for (size_t i = PROM_ROWS; i < rows->len; i++)
		prom_row_add(&rest, &rows->data[i]);
	rows->data[PROM_ROWS] = rest;
	rows->len = PROM_ROWS + 1;
	prom_rows_merge(rows); /* a type may have that name */
}

static struct prom_rows prom_rows_of(const struct prom *p)
{
	size_t cnt = p->r->groups.len;
	struct prom_rows rows = { 0 };

	rows.data = pool_alloc(p->pool, cnt * sizeof(*rows.data));
	for (size_t i = 0; rows.data && i < cnt; i++)
		rows.data[rows.len++] = prom_row_of(p->pool, &p->r->groups.data[i]);
	if (p->pool->failed)
		rows.len = 0;
	if (rows.len)
		prom_rows_merge(&rows);
	prom_rows_cut(&rows);
	return rows;
}

/* ---- the families ---- */

static const struct {
	const char *name;
	const char *help;
	size_t off;
} prom_map_families[] = {
	{ "maps", "Maps in use.", offsetof(struct prom_row, maps) },
	{ "map_live_keys", "Keys in them.", offsetof(struct prom_row, live_keys) },
	{ "map_slots", "Room for keys in their tables.", offsetof(struct prom_row, slots) },
	{ "map_table_bytes", "Their tables, as allocated.",
	  offsetof(struct prom_row, table_bytes) },
	{ "map_rebuild_bytes", "Resident memory that comes back if they are rebuilt.",
	  offsetof(struct prom_row, rebuild_bytes) },
};

enum {
	PROM_MAP_FAMILIES = sizeof(prom_map_families) / sizeof(prom_map_families[0]),
	PROM_REBUILD = PROM_MAP_FAMILIES - 1,
};

static void prom_map_family(struct prom *p, int family, const struct prom_rows *rows)
{
	prom_family(p, prom_map_families[family].name, prom_map_families[family].help);
	for (size_t i = 0; i < rows->len; i++) {
		const struct prom_row *row = &rows->data[i];
		const char *labels = pool_printf(p->pool, "%s,%s",
						 prom_label(p->pool, "type", row->type),
						 prom_label(p->pool, "holder", row->holder));

		if (family == PROM_REBUILD && row->rebuild_unknown)
			continue;
		prom_count(p, labels,
			   *(const uint64_t *)((const char *)row + prom_map_families[family].off));
	}
}

void prom_maps(struct prom *p)
{
	if (!p->r->census.taken)
		return;

	struct prom_rows rows = prom_rows_of(p);
	for (int i = 0; i < PROM_MAP_FAMILIES; i++)
		prom_map_family(p, i, &rows);
}
