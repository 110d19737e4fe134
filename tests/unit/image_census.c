// SPDX-License-Identifier: GPL-2.0-only
/* What a census finds in an image, also while the image changes. */
#include "image.h"

struct census *image_census(struct image *img)
{
	struct census *census = NULL;
	struct err *err = census_take(img->heap, NULL, &census);

	if (err)
		fail_msg("%s", err->msg);
	return census;
}

const struct map_info *image_map(const struct census *census, uint64_t addr)
{
	static struct map_info rows[8];
	static size_t next;
	ssize_t i = rows_find(&census->maps, addr);

	if (i == ROWS_NONE)
		return NULL;
	next = (next + 1) % 8;
	rows[next] = census_map(census, i);
	return &rows[next];
}

const struct map_info *image_only_row(const struct census *census, uint64_t map)
{
	static struct map_info row;

	assert_int_equal(census->maps.len, 1);
	row = census_map(census, 0);
	assert_true(row.addr == map);
	return &row;
}

void image_expect_exact(const struct map_info *m, uint64_t live, uint64_t buckets, uint64_t bytes)
{
	assert_non_null(m);
	assert_int_equal(m->consistency, MAP_EXACT);
	assert_int_equal(m->live_keys, live);
	assert_int_equal(m->buckets, buckets);
	assert_int_equal(map_slots(m), buckets * 8);
	assert_int_equal(m->table_bytes, bytes);
	assert_int_equal(m->old_bytes, 0);
	assert_int_equal(m->overflow_buckets, 0);
	assert_false(m->garbage);
}

void image_judge_suspect(struct image *img, uint64_t map, bool suspect, const char *what)
{
	struct census *census = image_census(img);

	if (census->maps.len != suspect || census->lookalike_cnt != !suspect)
		fail_msg("%s: %zu maps, %llu look-alikes", what, census->maps.len,
			 (unsigned long long)census->lookalike_cnt);
	if (suspect)
		assert_int_equal(image_only_row(census, map)->consistency, MAP_SUSPECT);
	census_free(census);
	image_free(img);
}

/* ---- While it changes ---- */

static void move(struct image *img, const struct mem_req *req)
{
	struct image_mover *m = img->hook_ctx;

	if (!image_covers(req, m->map))
		return;
	if (++m->reads >= m->from && m->reads <= m->to)
		m->change(img, m);
}

struct map_info image_census_moving(struct image *img, struct image_mover *m, bool *found_ret)
{
	struct map_info row = { 0 };

	image_open(img);
	img->hook = move;
	img->hook_ctx = m;
	img->reads = 0;
	struct census *census = image_census(img);
	*found_ret = census->maps.len == 1;
	if (*found_ret)
		row = *image_only_row(census, m->map);
	assert_true(img->reads < 1000);
	census_free(census);
	image_free(img);
	return row;
}
