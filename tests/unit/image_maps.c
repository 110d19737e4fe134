// SPDX-License-Identifier: GPL-2.0-only
#include "image.h"

/* ---- Swiss maps ---- */

enum { SWISS_DIR_PTR_WORD = 2, TABLE_GROUPS_WORD = 2 };

uint64_t image_swiss_header(struct image *img, uint64_t used, uint64_t dir, uint64_t dir_len,
			    uint8_t depth)
{
	uint64_t map = image_alloc_words(img, 6, 1 << SWISS_DIR_PTR_WORD);

	image_u64(img, map, used);
	image_u64(img, map + 8, 0x9e3779b97f4a7c15 * (map | 1)); /* the seed: any number */
	image_u64(img, map + 16, dir);
	image_u64(img, map + 24, dir_len);
	image_u8(img, map + 32, depth);
	image_u8(img, map + 33, dir_len ? 64 - depth : 0);
	return map;
}

/* Fills n groups: full slots first, with keys that all differ, then tombstones. */
static void put_slots(struct image *img, uint64_t groups, const struct image_type *type, uint64_t n,
		      uint32_t used, uint32_t tombstones)
{
	for (uint64_t slot = 0; slot < 8 * n; slot++) {
		uint64_t group = groups + slot / 8 * type->bucket_sz;
		uint64_t key = slot + 1;
		uint8_t c = slot < used ? slot * 37 & 0x7f : slot < used + tombstones ? 0xfe : 0x80;

		image_u8(img, group + slot % 8, c);
		if (slot < used)
			image_write(img, group + 8 + slot % 8 * type->key_stride, &key,
				    type->key_sz < 8 ? type->key_sz : 8);
	}
}

uint64_t image_swiss_empty(struct image *img)
{
	return image_swiss_header(img, 0, 0, 0, 0);
}

uint64_t image_swiss_small(struct image *img, const struct image_type *type, unsigned int used)
{
	uint64_t group = image_alloc_buckets(img, type, 1);

	put_slots(img, group, type, 1, used, 0);
	return image_swiss_header(img, used, group, 0, 0);
}

static uint64_t add_table(struct image *img, const struct image_type *type,
			  const struct image_table *t, uint64_t index)
{
	uint64_t n = t->capacity / 8;
	uint64_t groups = image_alloc_buckets(img, type, n);
	uint64_t table = image_alloc_words(img, 4, 1 << TABLE_GROUPS_WORD);
	uint16_t limit = t->capacity == 8 ? 7 : t->capacity * 7 / 8;

	put_slots(img, groups, type, n, t->used, t->tombstones);
	image_u16(img, table, t->used);
	image_u16(img, table + 2, t->capacity);
	image_u16(img, table + 4, limit - t->used - t->tombstones);
	image_u8(img, table + 6, t->local_depth);
	image_u64(img, table + 8, index);
	image_u64(img, table + 16, groups);
	image_u64(img, table + 24, n - 1);
	return table;
}

uint64_t image_swiss_map(struct image *img, const struct image_type *type, unsigned int depth,
			 const struct image_table *tables, size_t n)
{
	uint64_t dir = image_alloc_ptrs(img, 1ull << depth);
	uint64_t at = 0, used = 0;

	for (size_t i = 0; i < n; i++) {
		uint64_t run = 1ull << (depth - tables[i].local_depth);
		uint64_t table = add_table(img, type, &tables[i], at);

		for (uint64_t end = at + run; at < end; at++)
			image_u64(img, dir + at * 8, table);
		used += tables[i].used;
	}
	assert_int_equal(at, 1ull << depth);
	return image_swiss_header(img, used, dir, 1ull << depth, depth);
}

uint64_t image_swiss_table(struct image *img, uint64_t map, size_t n)
{
	uint64_t dir = image_get_u64(img, map + 16);
	uint64_t table = image_get_u64(img, dir);

	while (n) {
		uint64_t next = image_get_u64(img, dir += 8);

		n -= next != table;
		table = next;
	}
	return table;
}

uint64_t image_swiss_groups(struct image *img, uint64_t map, size_t n)
{
	return image_get_u64(img, image_swiss_table(img, map, n) + 16);
}

/* ---- Classic maps ---- */

const struct image_version image_classic_versions[] = {
	{ 19, "" }, { 21, "" }, { 22, "" }, { 23, "" }, { 24, "noswissmap" }, { 25, "noswissmap" },
};

uint64_t image_classic_header(struct image *img, uint64_t count, uint8_t b, uint64_t buckets)
{
	const struct classic_layout *l = &img->prog.layout.classic;
	uint64_t ptrs = 1 << l->buckets / 8 | 1 << l->oldbuckets / 8 | 1 << l->extra / 8;
	uint64_t map = image_alloc_words(img, l->header_sz / 8, ptrs);

	image_u64(img, map, count);
	image_u8(img, map + 9, b);
	image_u32(img, map + 12, 0x9e3779b9);
	image_u64(img, map + 16, buckets);
	return map;
}

uint64_t image_classic_array(struct image *img, const struct image_type *type, unsigned int b)
{
	return image_alloc_buckets(img, type, (1ull << b) + (b >= 4 ? 1ull << (b - 4) : 0));
}

void image_classic_bucket(struct image *img, const struct image_type *type, uint64_t addr,
			  unsigned int filled, uint8_t top, uint64_t overflow)
{
	for (unsigned int i = 0; i < 8; i++)
		image_u8(img, addr + i, i < filled ? top : 0);
	image_u64(img, addr + type->bucket_sz - 8, overflow);
}

uint64_t image_classic_map(struct image *img, const struct image_type *type, unsigned int b,
			   uint64_t n)
{
	uint64_t array = image_classic_array(img, type, b);
	uint64_t cnt = 1ull << b;

	for (uint64_t i = 0; i < cnt; i++)
		image_classic_bucket(img, type, array + i * type->bucket_sz,
				     n / cnt + (i < n % cnt), IMAGE_TOP, 0);
	return image_classic_header(img, n, b, array);
}

uint64_t image_classic_nth(struct image *img, uint64_t map, const struct image_type *type,
			   uint64_t i)
{
	return image_get_u64(img, map + 16) + i * type->bucket_sz;
}

uint64_t image_classic_overflow(struct image *img, const struct image_type *type,
				unsigned int filled, uint64_t next)
{
	uint64_t addr = image_alloc_buckets(img, type, 1);

	image_classic_bucket(img, type, addr, filled, IMAGE_TOP, next);
	return addr;
}

uint64_t image_classic_old_array(struct image *img, const struct image_type *type, unsigned int b,
				 uint64_t evacuated)
{
	uint64_t array = image_classic_array(img, type, b);

	for (uint64_t i = 0; i < 1ull << b; i++) {
		uint64_t addr = array + i * type->bucket_sz;

		if (i >= evacuated) {
			image_classic_bucket(img, type, addr, 6, IMAGE_TOP, 0);
			continue;
		}
		for (int cell = 0; cell < 8; cell++)
			image_u8(img, addr + cell, IMAGE_EVACUATED_X + cell % 3);
	}
	return array;
}

void image_classic_set_old(struct image *img, uint64_t map, uint64_t oldbuckets, uint8_t flags)
{
	image_u64(img, map + 24, oldbuckets);
	image_u8(img, map + 8, flags);
}

uint64_t image_classic_extra(struct image *img, uint64_t map)
{
	uint64_t extra = image_alloc_words(img, 3, 7);

	image_u64(img, map + img->prog.layout.classic.extra, extra);
	return extra;
}

uint64_t image_classic_list(struct image *img, uint64_t extra, int which, uint64_t len,
			    uint64_t cap)
{
	uint64_t list = image_alloc_words(img, 3, 1);

	image_u64(img, list, cap ? image_alloc_ptrs(img, cap) : 0);
	image_u64(img, list + 8, len);
	image_u64(img, list + 16, cap);
	image_u64(img, extra + 8 * which, list);
	return list;
}
