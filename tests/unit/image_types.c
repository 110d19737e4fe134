// SPDX-License-Identifier: GPL-2.0-only
#include "image_types.h"

#include <stdio.h>
#include <string.h>

#include "graph/catalogue.h"

enum {
	TFLAG_UNCOMMON = 1,
	TFLAG_NAMED = 4,
	MASK_WORDS = 5,
	NAME_EXPORTED = 1,
	NAME_EMBEDDED = 8,
};

static uint64_t put_text(struct image *img, const char *text, uint8_t flags)
{
	uint64_t addr = img->text_next;
	size_t len = strlen(text);

	assert_in_range(len, 1, 127);
	image_u8(img, addr, flags);
	image_u8(img, addr + 1, len);
	image_write(img, addr + 2, text, len);
	img->text_next += 2 + len;
	return addr;
}

static void set_name(struct image *img, uint64_t type, const char *name)
{
	uint32_t hash = 5381;

	for (const char *p = name; *p; p++)
		hash = hash * 33 + (uint8_t)*p;
	image_u32(img, type + 16, hash);
	image_u32(img, type + 40, put_text(img, name, NAME_EXPORTED) - IMAGE_TYPES);
}

static uint64_t put_named(struct image *img, uint8_t kind, uint64_t size, uint64_t ptrs,
			  const uint64_t rest[3], const char *name)
{
	uint64_t type = image_put_type(img, kind, size, ptrs, rest);

	set_name(img, type, name);
	return type;
}

static uint64_t put_aligned(struct image *img, uint8_t kind, uint64_t size, const char *name)
{
	uint64_t type = put_named(img, kind, size, 0, NULL, name);

	image_u8(img, type + 21, size < 8 ? size : 8);
	image_u8(img, type + 22, size < 8 ? size : 8);
	return type;
}

uint64_t image_put_number(struct image *img, uint8_t kind, uint64_t size, const char *name)
{
	return put_aligned(img, kind, size, name);
}

uint64_t image_put_int(struct image *img)
{
	return put_aligned(img, CAT_INT, 8, "int");
}

uint64_t image_put_bool(struct image *img)
{
	return put_aligned(img, CAT_BOOL, 1, "bool");
}

uint64_t image_put_string(struct image *img)
{
	return put_named(img, CAT_STRING, 16, 1, NULL, "string");
}

uint64_t image_put_unsafe_pointer(struct image *img)
{
	return put_named(img, CAT_UNSAFE_POINTER, 8, 1, NULL, "unsafe.Pointer");
}

uint64_t image_put_pointer(struct image *img, uint64_t elem, const char *name, bool not_in_heap)
{
	const uint64_t rest[3] = { elem };

	return put_named(img, CAT_POINTER, 8, !not_in_heap, rest, name);
}

uint64_t image_put_slice(struct image *img, uint64_t elem, const char *name)
{
	const uint64_t rest[3] = { elem };

	return put_named(img, CAT_SLICE, 24, 1, rest, name);
}

uint64_t image_put_chan(struct image *img, uint64_t elem, const char *name)
{
	const uint64_t rest[3] = { elem, 3 };

	return put_named(img, CAT_CHAN, 8, 1, rest, name);
}

uint64_t image_put_func(struct image *img, const char *name)
{
	return put_named(img, CAT_FUNC, 8, 1, NULL, name);
}

uint64_t image_put_array(struct image *img, uint64_t elem, uint64_t len, uint64_t size,
			 uint64_t ptrs, const char *name)
{
	uint64_t slice = image_put_slice(img, elem, "[]of.array");
	const uint64_t rest[3] = { elem, slice, len };
	uint64_t type = put_named(img, CAT_ARRAY, size, ptrs, rest, name);

	if (!ptrs) { /* any size goes */
		image_u8(img, type + 21, 1);
		image_u8(img, type + 22, 1);
	}
	return type;
}

uint64_t image_put_interface(struct image *img, const char *name, uint64_t cnt, uint32_t methods)
{
	uint64_t at = img->text_next;
	const uint64_t rest[3] = { 0, at, cnt };

	for (uint64_t i = 0; i < cnt; i++)
		image_u64(img, at + 8 * i, methods + i);
	img->text_next += 8 * cnt;
	uint64_t type = put_named(img, CAT_INTERFACE, 16, 2, rest, name);
	image_u64(img, type + 72, cnt);
	return type;
}

static uint64_t put_fields(struct image *img, const struct image_field *f, uint64_t *cnt_ret)
{
	uint64_t at, cnt = 0;

	while (f && f[cnt].name)
		cnt++;
	assert_true(cnt <= IMAGE_FIELDS_MAX);
	img->text_next = (img->text_next + 7) & ~7ull;
	at = img->text_next;
	img->text_next += cnt * 24;
	image_zero(img, at, cnt * 24 + 8);
	for (uint64_t i = 0; i < cnt; i++) {
		image_u64(img, at + i * 24,
			  put_text(img, f[i].name, f[i].embedded ? NAME_EMBEDDED : 0));
		image_u64(img, at + i * 24 + 8, f[i].type);
		image_u64(img, at + i * 24 + 16, f[i].off);
	}
	*cnt_ret = cnt;
	return at;
}

uint64_t image_put_struct(struct image *img, const char *name, const char *package, uint64_t size,
			  uint64_t ptrs, const struct image_field *fields)
{
	uint64_t cnt, at = put_fields(img, fields, &cnt);
	const uint64_t rest[3] = { 0, at, cnt };

	img->text_next = (img->text_next + 7) & ~7ull;
	uint64_t type = put_named(img, CAT_STRUCT, size, ptrs, rest, name);
	image_u64(img, type + 72, cnt);
	if (!package)
		return type;
	image_u8(img, type + 20, TFLAG_UNCOMMON | TFLAG_NAMED);
	image_zero(img, img->type_next, 16);
	image_u32(img, img->type_next, put_text(img, package, 0) - IMAGE_TYPES);
	img->type_next += 16;
	return type;
}

void image_put_map(struct image *img, struct image_type *t)
{
	struct image_field fields[IMAGE_FIELDS_MAX + 1];
	uint32_t n = 0;
	uint64_t word = image_put_unsafe_pointer(img), number = image_put_int(img);
	char names[IMAGE_FIELDS_MAX][16];

	image_add_type(img, t);
	image_u64(img, t->addr + 32, img->text_next); /* any mask: that of a pointer */
	image_u64(img, img->text_next, 1);
	img->text_next += 8;
	/* A field for each pointer of the first slots, and numbers between them. */
	for (uint32_t w = 0; w < t->bucket_sz / 8 && n < IMAGE_FIELDS_MAX; w++) {
		bool is_ptr = t->mask[w / 8] >> w % 8 & 1;

		if (!is_ptr && w)
			continue;
		snprintf(names[n], sizeof(names[n]), "f%u", w);
		fields[n] =
			(struct image_field){ names[n], is_ptr ? word : number, 8ull * w, false };
		n++;
	}
	fields[n] = (struct image_field){ 0 };
	uint64_t mask;
	memcpy(&mask, t->mask, sizeof(mask));
	t->bucket = image_put_struct(img, "map.group", NULL, t->bucket_sz, mask, fields);
	image_u64(img, t->bucket + 8, t->ptr_bytes);
	image_u64(img, t->addr + 64, t->bucket);
}
