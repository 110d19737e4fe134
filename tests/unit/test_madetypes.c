// SPDX-License-Identifier: GPL-2.0-only
/* Map types that reflect made: descriptors in the heap, which are found by their form. */
#include <string.h>

#include "image.h"

#include "heap/madetypes.h"

#define NAMES 0x900000ull
#define TABLE 0xa00000ull

enum {
	KIND_ARRAY = 17,
	KIND_MAP = 21,
	KIND_POINTER = 22,
	KIND_STRUCT = 25,
	TYPE_PTRS = 1 << 3 | 1 << 4, /* Equal, GCData */
	MAPTYPE_PTRS = TYPE_PTRS | 1 << 6 | 1 << 7 | 1 << 8 | 1 << 9,
};

/* Makes a function table that has reflect.MapOf, or another function. */
static void set_function(struct image *img, const char *name)
{
	const struct moduledata md = {
		.text = IMAGE_TEXT,
		.etext = IMAGE_TEXT + 0x40,
		.funcnametab = NAMES,
		.funcnametab_len = strlen(name) + 1,
		.pclntable = TABLE,
		.pclntable_len = 24,
		.ftab_cnt = 2,
	};

	image_write(img, NAMES, name, strlen(name) + 1);
	image_zero(img, TABLE, 24);
	image_u32(img, TABLE + 4, 16);
	image_u32(img, TABLE + 8, 0x40);
	pclntab_free(img->prog.funcs);
	img->prog.funcs = NULL;
	assert_null(pclntab_new(&img->target.mem, &md, &img->prog.funcs));
}

/* Puts a descriptor of that many words into the heap. */
static uint64_t put_made(struct image *img, unsigned int words, uint64_t ptrs, uint8_t kind,
			 uint64_t sz, uint64_t ptr_bytes)
{
	uint64_t t = image_alloc_words(img, words, ptrs);

	image_zero(img, t, words * 8);
	image_u64(img, t, sz);
	image_u64(img, t + 8, ptr_bytes);
	image_u8(img, t + 21, 8);
	image_u8(img, t + 22, 8);
	image_u8(img, t + 23, kind);
	image_u32(img, t + 40, 0x80000000 | t); /* only reflect knows the name */
	return t;
}

/* What the map type of the image is made of, but in the heap: map[uint16]elem. */
struct made {
	struct image *img;
	struct image_type like;
	uint64_t type;
	uint64_t bucket;
};

static void made_init(struct made *m, unsigned int minor, uint64_t ptrs)
{
	*m = (struct made){ .like = image_int_to_int() };
	m->img = image_new(minor, "");
	image_add_type(m->img, &m->like);
	uint32_t sz = m->img->prog.layout.maptype.size;

	m->bucket = put_made(m->img, minor < 24 ? 6 : 12, TYPE_PTRS | (minor < 24 ? 0 : 1 << 6),
			     KIND_STRUCT, m->like.bucket_sz, 0);
	m->type = put_made(m->img, sz / 8, ptrs, KIND_MAP, 8, 8);
	for (uint32_t off = 48; off < sz; off += 8)
		image_u64(m->img, m->type + off, image_get_u64(m->img, m->like.addr + off));
	image_u64(m->img, m->type + 64, m->bucket);
	set_function(m->img, "reflect.MapOf");
}

static const struct map_type *find(struct made *m)
{
	if (!m->img->heap)
		image_open(m->img);
	assert_null(madetypes_add(m->img->heap));
	return gotypes_find(m->img->prog.types, m->type);
}

static void finds_what_mapof_made(void **state)
{
	static const unsigned int minors[] = { 19, 21, 22, 23, 24, 25, 26, 27 };

	(void)state;
	for (size_t i = 0; i < CNT(minors); i++) {
		struct made m;

		made_init(&m, minors[i], MAPTYPE_PTRS);
		const struct map_type *t = find(&m);
		assert_non_null(t);
		assert_int_equal(t->bucket_sz, m.like.bucket_sz);
		assert_int_equal(t->slots.key_sz, 8);
		assert_true(t->bucket == m.bucket);
		assert_ptr_equal(gotypes_by_bucket(m.img->prog.types, m.bucket), t);
		assert_non_null(gotypes_find(m.img->prog.types, m.like.addr));
		assert_int_equal(m.img->prog.made.cnt, 1);
		assert_true(m.img->prog.made.complete);
		image_free(m.img);
	}
}

/* Only once, because a later search would move types that maps point to. */
static void searches_once_and_only_where_it_must(void **state)
{
	struct made m;

	(void)state;
	made_init(&m, 24, MAPTYPE_PTRS);
	set_function(m.img, "reflect.MakeMap");
	assert_null(find(&m));
	assert_false(m.img->prog.made.searched);
	set_function(m.img, "reflect.MapOf");
	const struct map_type *t = find(&m);
	uint64_t reads = m.img->reads;
	assert_ptr_equal(find(&m), t);
	assert_true(m.img->reads == reads);
	image_free(m.img);
}

static void other_objects_are_no_types(void **state)
{
	static const struct {
		const char *what;
		uint64_t ptrs;
		unsigned int off, sz;
		uint64_t v;
	} rows[] = {
		{ "other pointers", MAPTYPE_PTRS ^ 1 << 9, 0, 0, 0 },
		{ "one more pointer", MAPTYPE_PTRS | 1 << 12, 0, 0, 0 },
		{ "another kind", MAPTYPE_PTRS, 23, 1, KIND_STRUCT },
		{ "another size", MAPTYPE_PTRS, 0, 8, 16 },
		{ "no key", MAPTYPE_PTRS, 48, 8, 0 },
		{ "elem nowhere", MAPTYPE_PTRS, 56, 8, IMAGE_NOWHERE },
		{ "bucket in no object", MAPTYPE_PTRS, 64, 8, IMAGE_HEAP + (3ull << 26) },
		{ "slots that do not fit", MAPTYPE_PTRS, 88, 8, 4096 },
	};

	(void)state;
	for (size_t i = 0; i < CNT(rows); i++) {
		struct made m;

		made_init(&m, 24, rows[i].ptrs);
		image_write(m.img, m.type + rows[i].off, &rows[i].v, rows[i].sz);
		if (find(&m))
			fail_msg("%s: taken for a type", rows[i].what);
		assert_int_equal(m.img->prog.made.cnt, 0);
		image_free(m.img);
	}
}

/* Makes a pointer to a struct { A map[..].., [3]T } whose parts are in the heap, too. */
static uint64_t put_parts(struct made *m)
{
	struct image *img = m->img;
	uint64_t key = image_get_u64(img, m->like.addr + 48);
	uint64_t array = put_made(img, 9, TYPE_PTRS | 1 << 6 | 1 << 7, KIND_ARRAY, 24, 0);
	uint64_t fields = image_alloc_words(img, 6, 1 << 0 | 1 << 1 | 1 << 3 | 1 << 4);
	uint64_t of = put_made(img, 12, TYPE_PTRS | 1 << 7, KIND_STRUCT, 32, 0);
	uint64_t pointer = put_made(img, 7, TYPE_PTRS | 1 << 6, KIND_POINTER, 8, 8);
	uint64_t name = image_alloc_words(img, 1, 0);

	image_u64(img, array + 48, key);
	image_u64(img, array + 64, 3);
	image_write(img, name, "\1\1A", 3);
	image_u64(img, fields, name);
	image_u64(img, fields + 8, m->type);
	image_u64(img, fields + 16, 0);
	image_u64(img, fields + 24, IMAGE_NOWHERE); /* no name */
	image_u64(img, fields + 32, array);
	image_u64(img, fields + 40, 8);
	image_u64(img, of + 56, fields);
	image_u64(img, of + 64, 2);
	image_u64(img, of + 72, 2);
	image_u64(img, pointer + 48, of);
	return pointer;
}

/* The map is a part of its own name, which must end nevertheless. */
static void names_are_put_together(void **state)
{
	struct made m;

	(void)state;
	made_init(&m, 24, MAPTYPE_PTRS);
	image_u64(m.img, m.type + 56, put_parts(&m));
	const struct map_type *t = find(&m);
	assert_non_null(t);
	if (strncmp(t->name, "map[?]*struct { A map[?]*struct { A map[", 40))
		fail_msg("%.100s", t->name);
	assert_non_null(strstr(t->name, "; ? [3]?"));
	assert_in_range(strlen(t->name), 100, 4096);
	image_free(m.img);
}

/* Memory that goes away between two reads, and an image whose types do. */
static void failures_leave_the_other_types(void **state)
{
	struct made m;

	(void)state;
	made_init(&m, 24, MAPTYPE_PTRS);
	image_open(m.img);
	image_unmap(m.img, m.type & ~4095ull, 4096);
	assert_null(find(&m));
	assert_non_null(gotypes_find(m.img->prog.types, m.like.addr));
	image_free(m.img);

	made_init(&m, 24, MAPTYPE_PTRS);
	image_open(m.img);
	image_unmap(m.img, IMAGE_TYPES, 4096);
	assert_null(find(&m));
	assert_non_null(gotypes_find(m.img->prog.types, m.like.addr));
	assert_false(m.img->prog.made.complete);
	image_free(m.img);
}

/* With as many objects of that form as there can be, the search ends early and says so. */
static void the_search_is_bounded(void **state)
{
	struct made m;

	(void)state;
	made_init(&m, 24, MAPTYPE_PTRS);
	for (int i = 0; i < (1 << 14) + 10; i++) {
		uint64_t t = put_made(m.img, m.img->prog.layout.maptype.size / 8, MAPTYPE_PTRS,
				      KIND_MAP, 8, 8);

		image_u64(m.img, t + 48, t);
		image_u64(m.img, t + 56, t);
		image_u64(m.img, t + 64, t);
	}
	assert_non_null(find(&m)); /* it is the first one */
	assert_false(m.img->prog.made.complete);
	assert_int_equal(m.img->prog.made.cnt, 1);
	image_free(m.img);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_what_mapof_made),
		cmocka_unit_test(searches_once_and_only_where_it_must),
		cmocka_unit_test(other_objects_are_no_types),
		cmocka_unit_test(names_are_put_together),
		cmocka_unit_test(failures_leave_the_other_types),
		cmocka_unit_test(the_search_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
