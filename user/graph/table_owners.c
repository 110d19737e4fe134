// SPDX-License-Identifier: GPL-2.0-only
#include "graph/table_owners.h"

#include "base/cursor.h"
#include "maps/kind_ops.h"
#include "maps/kinds.h"

enum {
	HEADERS_A_READ = 4096,
	ENTRIES_A_READ = 16384,
};

/* Headers that are read together. */
struct headers_read {
	struct heap *heap;
	const struct pass_targets *targets;
	uint32_t *rows; /* the result */
	size_t first; /* the row of the first header */
	size_t cnt;
	uint8_t bytes[HEADERS_A_READ][MAP_HEADER_SZ_MAX];
	bool ok[HEADERS_A_READ];
	/* Swiss tables: the entries of directories, then what they lead to. */
	size_t entry_cnt;
	uint32_t entry_row[ENTRIES_A_READ];
	uint64_t entries[ENTRIES_A_READ];
	uint64_t groups[ENTRIES_A_READ];
	struct mem_req reqs[ENTRIES_A_READ];
};

static void owner_note(const struct headers_read *r, uint64_t table, uint32_t row)
{
	uint32_t target = table ? targets_find(r->targets, table) : TARGET_NONE;

	if (target != TARGET_NONE)
		r->rows[target] = row;
}

static struct err *headers_get(struct headers_read *r, const struct census *census)
{
	uint32_t sz = layout_map_header_sz(&r->heap->prog->layout);

	for (size_t i = 0; i < r->cnt; i++) {
		r->ok[i] = false;
		r->reqs[i] = (struct mem_req){ row_addr(&census->maps.data[r->first + i]), sz,
					       false, r->bytes[i] };
	}
	struct err *err = mem_gather(&r->heap->prog->target->mem, r->reqs, r->cnt);
	for (size_t i = 0; !err && i < r->cnt; i++)
		r->ok[((uint8_t *)r->reqs[i].dst - r->bytes[0]) / MAP_HEADER_SZ_MAX] =
			r->reqs[i].ok;
	return err;
}

/* Reads one word for each entry: from[i] + off. What cannot be read becomes 0. */
static struct err *entries_follow(struct headers_read *r, const uint64_t *from, uint32_t off,
				  uint64_t *to)
{
	for (size_t i = 0; i < r->entry_cnt; i++) {
		to[i] = 0;
		r->reqs[i] = (struct mem_req){ from[i] + off, 8, false, &to[i] };
	}
	struct err *err = mem_gather(&r->heap->prog->target->mem, r->reqs, r->entry_cnt);
	for (size_t i = 0; !err && i < r->entry_cnt; i++)
		if (!r->reqs[i].ok)
			*(uint64_t *)r->reqs[i].dst = 0;
	return err;
}

/* Follows the directories to their tables, and these to their groups. */
static struct err *entries_note(struct headers_read *r)
{
	struct err *err = entries_follow(r, r->groups, 0, r->entries);

	if (!err)
		err = entries_follow(r, r->entries, SWISS_TABLE_GROUPS, r->groups);
	for (size_t i = 0; !err && i < r->entry_cnt; i++)
		owner_note(r, r->groups[i], r->entry_row[i]);
	r->entry_cnt = 0;
	return err;
}

/* Adds the places of a directory's entries. max: as many fit what the census counted. */
static struct err *entries_add(struct headers_read *r, const struct header_tables *t, uint64_t max,
			       uint32_t row)
{
	struct err *err = NULL;

	for (uint64_t i = 0; !err && i < t->cnt && i < max; i++) {
		r->entry_row[r->entry_cnt] = row;
		r->groups[r->entry_cnt++] = t->addrs[0] + 8 * i;
		if (r->entry_cnt == ENTRIES_A_READ)
			err = entries_note(r);
	}
	return err;
}

static struct err *headers_note(struct headers_read *r, const struct census *census)
{
	const struct go_layout *layout = &r->heap->prog->layout;
	const struct map_kind_ops *ops = kinds_ops_of(r->heap);
	struct err *err = NULL;

	for (size_t i = 0; !err && i < r->cnt; i++) {
		size_t row = r->first + i;
		struct header_tables t;

		if (!r->ok[i])
			continue;
		t = ops->tables_of(layout, r->bytes[i]);
		if (layout->kind == MAP_SWISS && t.cnt) {
			err = entries_add(r, &t, census_map(census, row).table_bytes / 8, row);
			continue;
		}
		owner_note(r, t.addrs[0], row);
		owner_note(r, t.addrs[1], row);
	}
	return !err && r->entry_cnt ? entries_note(r) : err;
}

struct err *table_owners_find(struct heap *heap, const struct census *census,
			      const struct pass_targets *targets, uint32_t *rows)
{
	_cleanup_free_ struct headers_read *r = calloc(1, sizeof(*r));
	struct err *err = NULL;

	if (!r)
		return err_nomem();
	r->heap = heap;
	r->targets = targets;
	r->rows = rows;
	for (; !err && targets->addrs.len && r->first < census->maps.len; r->first += r->cnt) {
		size_t left = census->maps.len - r->first;

		r->cnt = left < HEADERS_A_READ ? left : HEADERS_A_READ;
		err = headers_get(r, census);
		if (!err)
			err = headers_note(r, census);
	}
	return err;
}
