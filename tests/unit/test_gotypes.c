// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>

#include "image.h"

static struct gotypes *load(struct image *img)
{
	struct err *err = image_read_types(img);

	if (err)
		fail_msg("%s", err->msg);
	return take_ptr(img->prog.types);
}

static size_t count(const struct gotypes *types)
{
	size_t cnt;

	gotypes_maps(types, &cnt);
	return cnt;
}

/* The facts give all sizes of this type and of map[string]*T. */
static struct image_type int_to_array(void)
{
	return (struct image_type){ .name = "map[int][64]uint8", .key_sz = 8, .elem_sz = 64 };
}

static void expect_slots(const struct map_type *m, uint32_t keys_off, uint32_t key_stride,
			 uint32_t elems_off, uint32_t elem_stride)
{
	assert_non_null(m);
	assert_int_equal(m->slots.keys_off, keys_off);
	assert_int_equal(m->slots.key_stride, key_stride);
	assert_int_equal(m->slots.elems_off, elems_off);
	assert_int_equal(m->slots.elem_stride, elem_stride);
}

static void reads_swiss_types_of_1_24(void **state)
{
	static const unsigned int minors[] = { 24, 25, 26 };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct image *img = image_new(minors[i], "");
		struct image_type a = image_string_to_ptr(), b = int_to_array();

		image_add_type(img, &a);
		image_add_type(img, &b);
		struct gotypes *types = load(img);
		const struct map_type *m = gotypes_find(types, a.addr);

		assert_int_equal(count(types), 2);
		expect_slots(m, 8, 24, 24, 24);
		assert_string_equal(m->name, "map[string]*main.T");
		assert_int_equal(m->bucket_sz, 8 + 8 * 24);
		assert_true(m->bucket == a.bucket);
		assert_int_equal(m->slots.key_sz, 16);
		assert_int_equal(m->slots.elem_sz, 8);
		assert_false(m->named);
		m = gotypes_find(types, b.addr);
		expect_slots(m, 8, 72, 16, 72);
		assert_int_equal(m->bucket_ptr_bytes, 0);
		assert_false(m->has_ptr_mask);
		gotypes_free(types);
		image_free(img);
	}
}

/* Values that live 1.27 programs have: go-runtime facts 1.3. */
static void reads_both_group_forms_of_1_27(void **state)
{
	static const struct {
		bool split;
		uint32_t string_to_ptr[4], int_to_array[4];
	} rows[] = {
		{ false, { 8, 24, 24, 24 }, { 8, 72, 16, 72 } },
		{ true, { 8, 16, 136, 8 }, { 8, 8, 72, 64 } },
	};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct image *img = image_new(27, rows[i].split ? "mapsplitgroup" : "");
		struct image_type a = image_string_to_ptr(), b = int_to_array();
		const uint32_t *sa = rows[i].string_to_ptr, *sb = rows[i].int_to_array;

		a.split = b.split = rows[i].split;
		image_add_type(img, &a);
		image_add_type(img, &b);
		struct gotypes *types = load(img);
		expect_slots(gotypes_find(types, a.addr), sa[0], sa[1], sa[2], sa[3]);
		expect_slots(gotypes_find(types, b.addr), sb[0], sb[1], sb[2], sb[3]);
		gotypes_free(types);
		image_free(img);
	}
}

/* Bucket sizes of go-runtime facts 1.2. */
static void reads_classic_types(void **state)
{
	static const struct {
		unsigned int minor;
		const char *experiments;
	} rows[] = { { 19, "" }, { 21, "" }, { 22, "" }, { 23, "" }, { 25, "noswissmap" } };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct image *img = image_new(rows[i].minor, rows[i].experiments);
		struct image_type a = image_string_to_ptr(), b = int_to_array();

		image_add_type(img, &a);
		image_add_type(img, &b);
		struct gotypes *types = load(img);
		const struct map_type *m = gotypes_find(types, a.addr);

		assert_int_equal(m->bucket_sz, 208);
		assert_int_equal(m->bucket_ptr_bytes, 208);
		expect_slots(m, 8, 16, 8 + 8 * 16, 8);
		m = gotypes_find(types, b.addr);
		assert_int_equal(m->bucket_sz, 592);
		assert_int_equal(m->bucket_ptr_bytes, 0);
		gotypes_free(types);
		image_free(img);
	}
}

static void reads_pointer_masks(void **state)
{
	struct image *img = image_new(24, "");
	struct image_type t = image_string_to_ptr();

	(void)state;
	image_add_type(img, &t);
	struct gotypes *types = load(img);
	const struct map_type *m = gotypes_find(types, t.addr);
	assert_true(m->has_ptr_mask);
	for (uint32_t w = 0; w < m->bucket_sz / 8; w++) {
		/* Word 0 is the control word; then come string pointer, length and elem. */
		bool ptr = w && (w - 1) % 3 != 1;

		assert_int_equal(m->ptr_mask[w / 8] >> w % 8 & 1, ptr);
	}
	gotypes_free(types);
	image_free(img);
}

/* A type may exist without its mask, which is only one piece of evidence. */
static void masks_may_be_missing(void **state)
{
	struct image *img = image_new(23, "");
	struct image_type program = image_string_to_ptr(), nowhere = image_string_to_ptr();

	(void)state;
	image_add_type(img, &program);
	image_add_type(img, &nowhere);
	image_u8(img, program.bucket + 23, 25 | 0x40); /* up to 1.23: marks a GC program */
	image_u64(img, nowhere.bucket + 32, IMAGE_NOWHERE);
	struct gotypes *types = load(img);
	assert_int_equal(count(types), 2);
	assert_false(gotypes_find(types, program.addr)->has_ptr_mask);
	assert_false(gotypes_find(types, nowhere.addr)->has_ptr_mask);
	gotypes_free(types);
	image_free(img);
}

/* Keys and elems above 128 bytes are behind pointers. */
static void large_keys_and_elems_are_indirect(void **state)
{
	static const struct {
		unsigned int minor, flags_off, key, elem;
	} rows[] = { { 23, 84, 1, 2 }, { 24, 104, 4, 8 }, { 27, 128, 4, 8 } };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct image *img = image_new(rows[i].minor, "");
		struct image_type t = {
			.name = "map[K]V", .key_sz = 8, .elem_sz = 8, .key_ptrs = 1, .elem_ptrs = 1
		};

		image_add_type(img, &t);
		image_u64(img, image_get_u64(img, t.addr + 48), 200);
		image_u64(img, image_get_u64(img, t.addr + 56), 4096);
		/* Without the flags these do not fit into the bucket. */
		struct gotypes *types = load(img);
		assert_int_equal(count(types), 0);
		gotypes_free(types);

		image_u32(img, t.addr + rows[i].flags_off, rows[i].key | rows[i].elem);
		types = load(img);
		const struct map_type *m = gotypes_find(types, t.addr);
		assert_non_null(m);
		assert_int_equal(m->slots.key_sz, 8);
		assert_int_equal(m->slots.elem_sz, 8);
		gotypes_free(types);
		image_free(img);
	}
}

static void keys_of_the_same_bits_may_differ(void **state)
{
	static const unsigned int minors[] = { 23, 24, 27 };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct image *img = image_new(minors[i], "");
		struct image_type f = { .name = "map[float64]int",
					.key_sz = 8,
					.elem_sz = 8,
					.need_key_update = true };
		struct image_type n = { .name = "map[int]int", .key_sz = 8, .elem_sz = 8 };

		image_add_type(img, &f);
		image_add_type(img, &n);
		struct gotypes *types = load(img);
		assert_true(gotypes_find(types, f.addr)->need_key_update);
		assert_false(gotypes_find(types, n.addr)->need_key_update);
		gotypes_free(types);
		image_free(img);
	}
}

static void finds_by_address_and_by_bucket(void **state)
{
	struct image *img = image_new(24, "");
	struct image_type named = image_string_to_ptr(), plain = image_string_to_ptr(),
			  other = int_to_array();

	(void)state;
	named.named = true;
	named.name = "main.Sessions";
	image_add_type(img, &named);
	image_add_type(img, &other);
	image_add_type(img, &plain);
	image_u64(img, named.addr + 64, plain.bucket); /* type Sessions map[string]*T */
	struct gotypes *types = load(img);
	assert_int_equal(count(types), 3);
	assert_string_equal(gotypes_find(types, named.addr)->name, "main.Sessions");
	assert_true(gotypes_find(types, named.addr)->named);
	assert_null(gotypes_find(types, named.addr + 8));
	assert_null(gotypes_find(types, 0));
	assert_null(gotypes_find(types, UINT64_MAX));
	assert_string_equal(gotypes_by_bucket(types, plain.bucket)->name, "map[string]*main.T");
	assert_string_equal(gotypes_by_bucket(types, other.bucket)->name, "map[int][64]uint8");
	assert_null(gotypes_by_bucket(types, named.bucket));
	assert_null(gotypes_by_bucket(types, 0));
	gotypes_free(types);
	image_free(img);
}

static void names_are_safe_to_print(void **state)
{
	struct image *img = image_new(24, "");
	struct image_type t = { .name = "map[\x1b]\n", .key_sz = 8, .elem_sz = 8 };

	(void)state;
	image_add_type(img, &t);
	struct gotypes *types = load(img);
	assert_string_equal(gotypes_find(types, t.addr)->name, "map[?]?");
	gotypes_free(types);
	image_free(img);
}

static void an_empty_section_has_no_types(void **state)
{
	struct image *img = image_new(24, "");

	(void)state;
	struct gotypes *types = load(img);
	assert_int_equal(count(types), 0);
	assert_null(gotypes_find(types, IMAGE_TYPES + 8));
	assert_null(gotypes_by_bucket(types, IMAGE_TYPES + 8));
	gotypes_free(types);
	image_free(img);
}

/* ---- Plugins ---- */

#define PLUGIN 0x20000000ull

/* Gives the image a plugin whose section is a copy of its own section. */
static void add_plugin(struct image *img)
{
	for (uint64_t off = 0; off < IMAGE_TYPES_SZ; off += 8)
		image_u64(img, PLUGIN + off, image_get_u64(img, IMAGE_TYPES + off));
	img->plugin.types = PLUGIN;
	img->plugin.etypes = PLUGIN + IMAGE_TYPES_SZ;
}

static uint64_t in_plugin(uint64_t addr)
{
	return addr - IMAGE_TYPES + PLUGIN;
}

/* Types of a plugin refer to those of the program, and have names in the plugin's section. */
static void types_of_plugins_are_found(void **state)
{
	struct image *img = image_new(24, "");
	struct image_type a = image_string_to_ptr(), b = int_to_array();

	(void)state;
	image_add_type(img, &a);
	image_add_type(img, &b);
	add_plugin(img);
	image_u8(img, a.addr + 23, 22); /* takes it out of the program */
	image_u32(img, b.addr + 16, 7); /* another hash: main.T of another package */
	image_zero(img, IMAGE_TYPES + 0x18000, 0x1000); /* unmaps names and masks */
	image_write(img, IMAGE_TYPES, "\1\1M", 3);
	image_u32(img, b.addr + 40, 0);
	struct gotypes *types = load(img);
	const struct map_type *m = gotypes_find(types, in_plugin(a.addr));
	assert_int_equal(count(types), 3);
	assert_non_null(m);
	assert_string_equal(m->name, "map[string]*main.T");
	assert_true(m->bucket == a.bucket);
	assert_string_equal(gotypes_find(types, b.addr)->name, "M");
	assert_string_equal(gotypes_find(types, in_plugin(b.addr))->name, "map[int][64]uint8");
	gotypes_free(types);
	image_free(img);
}

/* Both modules have it, each with a bucket type of its own. */
static void a_type_of_several_modules_is_one(void **state)
{
	struct image *img = image_new(24, "");
	struct image_type plain = image_string_to_ptr(), named = image_string_to_ptr(),
			  other = int_to_array();

	(void)state;
	named.named = true;
	named.name = "main.Sessions";
	image_add_type(img, &other);
	image_add_type(img, &named);
	image_add_type(img, &plain);
	image_u64(img, named.addr + 64, plain.bucket);
	add_plugin(img);
	image_u64(img, in_plugin(plain.addr) + 64, in_plugin(plain.bucket));
	image_u64(img, in_plugin(named.addr) + 64, in_plugin(plain.bucket));
	struct gotypes *types = load(img);
	assert_int_equal(count(types), 3);
	assert_ptr_equal(gotypes_find(types, in_plugin(plain.addr)),
			 gotypes_find(types, plain.addr));
	assert_ptr_equal(gotypes_find(types, in_plugin(named.addr)),
			 gotypes_find(types, named.addr));
	assert_ptr_equal(gotypes_by_bucket(types, in_plugin(plain.bucket)),
			 gotypes_find(types, plain.addr));
	assert_string_equal(gotypes_by_bucket(types, plain.bucket)->name, "map[string]*main.T");
	assert_null(gotypes_find(types, in_plugin(plain.addr) + 8));
	assert_null(gotypes_by_bucket(types, in_plugin(plain.bucket) + 8));
	gotypes_free(types);
	image_free(img);
}

/* The program's own types stay. */
static void plugins_that_cannot_be_read_are_left_out(void **state)
{
	static const struct {
		const char *what;
		uint64_t types, etypes;
	} rows[] = {
		{ "nowhere", IMAGE_NOWHERE, IMAGE_NOWHERE + 4096 },
		{ "the program's own", IMAGE_TYPES, IMAGE_TYPES + IMAGE_TYPES_SZ },
		{ "into the program's", IMAGE_TYPES - 4096, IMAGE_TYPES + 8 },
		{ "backwards", PLUGIN + 4096, PLUGIN },
		{ "without end", PLUGIN, UINT64_MAX },
	};

	(void)state;
	for (size_t i = 0; i < CNT(rows); i++) {
		struct image *img = image_new(24, "");
		struct image_type t = image_string_to_ptr();

		image_add_type(img, &t);
		img->plugin.types = rows[i].types;
		img->plugin.etypes = rows[i].etypes;
		struct gotypes *types = load(img);
		if (count(types) != 1)
			fail_msg("%s: %zu types", rows[i].what, count(types));
		gotypes_free(types);
		image_free(img);
	}
}

/* ---- Hostile sections ---- */

/* The descriptor that a row spoils. */
enum which { MAP, KEY, ELEM, BUCKET };

static uint64_t descriptor(struct image *img, const struct image_type *t, enum which w)
{
	static const unsigned int off[] = { 0, 48, 56, 64 };

	return w == MAP ? t->addr : image_get_u64(img, t->addr + off[w]);
}

struct spoil {
	const char *what;
	enum which where;
	unsigned int off;
	unsigned int sz;
	uint64_t v;
};

/* The spoilt type must not be found, and the good one after it must still be. */
static void expect_spoilt(unsigned int minor, const struct spoil *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct image *img = image_new(minor, "");
		struct image_type bad = image_string_to_ptr(), good = int_to_array();

		image_add_type(img, &bad);
		image_add_type(img, &good);
		image_write(img, descriptor(img, &bad, rows[i].where) + rows[i].off, &rows[i].v,
			    rows[i].sz);
		struct gotypes *types = load(img);
		if (gotypes_find(types, bad.addr))
			fail_msg("%s: taken for a map type", rows[i].what);
		assert_non_null(gotypes_find(types, good.addr));
		gotypes_free(types);
		image_free(img);
	}
}

#define EXPECT_SPOILT(minor, rows) expect_spoilt(minor, rows, sizeof(rows) / sizeof((rows)[0]))

static void descriptors_that_contradict_themselves(void **state)
{
	static const struct spoil rows[] = {
		{ "another kind", MAP, 23, 1, 22 },
		{ "size of a map", MAP, 0, 8, 16 },
		{ "pointer bytes of a map", MAP, 8, 8, 0 },
		{ "alignment of a map", MAP, 21, 1, 1 },
		{ "no key", MAP, 48, 8, 0 },
		{ "key outside", MAP, 48, 8, IMAGE_NOWHERE },
		{ "key at the very end", MAP, 48, 8, IMAGE_TYPES + IMAGE_TYPES_SZ - 8 },
		{ "key before the section", MAP, 48, 8, IMAGE_TYPES - 48 },
		{ "key wraps", MAP, 48, 8, UINT64_MAX - 15 },
		{ "key not aligned", MAP, 48, 8, IMAGE_TYPES + 12 },
		{ "elem outside", MAP, 56, 8, IMAGE_NOWHERE },
		{ "bucket outside", MAP, 64, 8, IMAGE_NOWHERE },
		{ "key of no kind", KEY, 23, 1, 0 },
		{ "key of an unknown kind", KEY, 23, 1, 27 },
		{ "key with more pointers than bytes", KEY, 8, 8, 24 },
		{ "elem larger than its place", ELEM, 0, 8, 64 },
		{ "elem without end", ELEM, 0, 8, UINT64_MAX },
		{ "bucket that is no struct", BUCKET, 23, 1, 17 },
		{ "bucket of no bytes", BUCKET, 0, 8, 0 },
		{ "bucket too large", BUCKET, 0, 8, 1 << 20 },
		{ "bucket without end", BUCKET, 0, 8, UINT64_MAX },
		{ "name outside", MAP, 40, 4, IMAGE_TYPES_SZ },
		{ "name at minus one", MAP, 40, 4, UINT32_MAX },
		{ "name at the very end", MAP, 40, 4, IMAGE_TYPES_SZ - 1 },
	};

	(void)state;
	EXPECT_SPOILT(24, rows);
	EXPECT_SPOILT(19, rows);
}

static void slots_that_do_not_fit(void **state)
{
	static const struct spoil classic[] = {
		{ "bucket size", MAP, 82, 2, 216 },
		{ "key size", MAP, 80, 1, 200 },
		{ "key size below that of the key", MAP, 80, 1, 8 },
		{ "elem size", MAP, 81, 1, 200 },
	};
	static const struct spoil swiss[] = {
		{ "slot size", MAP, 88, 8, 32 },
		{ "slot size below that of the key", MAP, 88, 8, 8 },
		{ "slot size without end", MAP, 88, 8, UINT64_MAX },
		{ "slot size of zero", MAP, 88, 8, 0 },
		{ "elem offset", MAP, 96, 8, 32 },
	};
	static const struct spoil strides[] = {
		{ "keys offset", MAP, 88, 8, 4096 },
		{ "key stride", MAP, 96, 8, 32 },
		{ "key stride without end", MAP, 96, 8, 0xffffffff },
		{ "elems offset", MAP, 104, 8, 48 },
		{ "elem stride", MAP, 112, 8, 32 },
	};

	(void)state;
	EXPECT_SPOILT(23, classic);
	EXPECT_SPOILT(24, swiss);
	EXPECT_SPOILT(27, strides);
}

/* A whole descriptor at an address where none can be. */
static void descriptors_are_aligned(void **state)
{
	struct image *img = image_new(24, "");
	struct image_type t = image_string_to_ptr();

	(void)state;
	image_add_type(img, &t);
	uint64_t key = image_get_u64(img, t.addr + 48), copy = IMAGE_TYPES + 0x8004;
	for (int i = 0; i < 48; i++)
		image_u8(img, copy + i, image_get_u8(img, key + i));
	image_u64(img, t.addr + 48, copy);
	struct gotypes *types = load(img);
	assert_int_equal(count(types), 0);
	gotypes_free(types);
	image_free(img);
}

static void name_lengths_are_bounded(void **state)
{
	static const char *const lengths[] = {
		"\x01\x00", /* none */
		"\x01\xff\xff\xff\xff\x7f", /* its end is after the section */
		"\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", /* wraps */
		"\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", /* not a varint */
		"\x01\x80\x80\x08", /* 128 KiB, which is more than the section has */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		struct image *img = image_new(24, "");
		struct image_type t = image_string_to_ptr();

		image_add_type(img, &t);
		image_write(img, IMAGE_TYPES + 0xf000, lengths[i], strlen(lengths[i] + 1) + 2);
		image_u32(img, t.addr + 40, 0xf000);
		struct gotypes *types = load(img);
		assert_int_equal(count(types), 0);
		gotypes_free(types);
		image_free(img);
	}
}

/* Names of generated code, or of generic types, may be too long; the type still counts. */
static void long_names_are_cut(void **state)
{
	static const struct {
		const char *fill; /* repeated to make the name */
		uint32_t len, kept; /* kept is without the dots */
	} rows[] = {
		{ "m", 4096, 4096 },	      { "m", 4097, 4093 }, { "m", 0x8000, 4093 },
		{ "\xc3\xa4", 0x8000, 4092 }, /* the cut is not inside of a
								      * character */
		{ "\x80", 0x8000, 0 }, /* no character at all */
	};

	(void)state;
	for (size_t i = 0; i < CNT(rows); i++) {
		struct image *img = image_new(24, "");
		struct image_type t = image_string_to_ptr();
		uint64_t at = IMAGE_TYPES + 0xf000;
		uint8_t head[] = { 1, rows[i].len & 0x7f, 0, rows[i].len >> 14 };

		head[1] |= 0x80;
		head[2] = (rows[i].len >> 7 & 0x7f) | 0x80;
		image_add_type(img, &t);
		image_write(img, at, head, sizeof(head));
		for (uint32_t n = 0; n < rows[i].len; n += strlen(rows[i].fill))
			image_write(img, at + sizeof(head) + n, rows[i].fill, strlen(rows[i].fill));
		image_u32(img, t.addr + 40, 0xf000);
		struct gotypes *types = load(img);
		const struct map_type *m = gotypes_find(types, t.addr);
		assert_non_null(m);
		assert_int_equal(strcspn(m->name, "."), rows[i].kept);
		assert_string_equal(m->name + rows[i].kept, rows[i].len > 4096 ? "..." : "");
		gotypes_free(types);
		image_free(img);
	}
}

/* The end of the section cuts a descriptor in two. */
static void types_at_the_end_of_the_section(void **state)
{
	struct image *img = image_new(24, "");
	struct image_type t = image_string_to_ptr();

	(void)state;
	image_add_type(img, &t);
	img->prog.md.etypes = t.addr + img->prog.layout.maptype.size - 8;
	struct gotypes *types = load(img);
	assert_int_equal(count(types), 0);
	gotypes_free(types);

	/* With its last word the descriptor is complete, but its name is after the section. */
	img->prog.md.etypes += 8;
	image_u32(img, t.addr + 40, 0);
	image_write(img, IMAGE_TYPES, "\1\1M", 3);
	types = load(img);
	assert_int_equal(count(types), 1);
	gotypes_free(types);
	image_free(img);
}

static void an_unreadable_section_is_a_fault(void **state)
{
	struct image *img = image_new(24, "");

	(void)state;
	image_unmap(img, IMAGE_TYPES + 0x4000, IMAGE_PAGE_SZ);
	_cleanup_err_ struct err *err = image_read_types(img);
	assert_true(err_is(err, ERR_FAULT));
	assert_null(img->prog.types);
	image_free(img);
}

/* A section of noise, with many bytes that look like parts of map types. */
static void noise_does_no_harm(void **state)
{
	static const unsigned int minors[] = { 19, 24, 27 };
	uint64_t x = 88172645463325252;

	(void)state;
	for (int round = 0; round < 30; round++) {
		struct image *img = image_new(minors[round % 3], "");
		struct image_type t = image_string_to_ptr();

		image_add_type(img, &t);
		for (uint64_t off = 0; off < IMAGE_TYPES_SZ; off += 8) {
			x ^= x << 13;
			x ^= x >> 7;
			x ^= x << 17;
			uint64_t v = x % 5 == 0	  ? IMAGE_TYPES + x % IMAGE_TYPES_SZ / 8 * 8
				     : x % 5 == 1 ? 8
				     : x % 5 == 2 ? 0x1508080000000000 | (x & 0xff00000000)
				     : x % 5 == 3 ? x >> 48
						  : x;
			if (off < 8 || off >= img->type_next - IMAGE_TYPES)
				image_u64(img, IMAGE_TYPES + off, v);
		}
		gotypes_free(load(img));
		image_free(img);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_swiss_types_of_1_24),
		cmocka_unit_test(reads_both_group_forms_of_1_27),
		cmocka_unit_test(reads_classic_types),
		cmocka_unit_test(reads_pointer_masks),
		cmocka_unit_test(masks_may_be_missing),
		cmocka_unit_test(large_keys_and_elems_are_indirect),
		cmocka_unit_test(keys_of_the_same_bits_may_differ),
		cmocka_unit_test(finds_by_address_and_by_bucket),
		cmocka_unit_test(names_are_safe_to_print),
		cmocka_unit_test(an_empty_section_has_no_types),
		cmocka_unit_test(types_of_plugins_are_found),
		cmocka_unit_test(a_type_of_several_modules_is_one),
		cmocka_unit_test(plugins_that_cannot_be_read_are_left_out),
		cmocka_unit_test(descriptors_that_contradict_themselves),
		cmocka_unit_test(slots_that_do_not_fit),
		cmocka_unit_test(descriptors_are_aligned),
		cmocka_unit_test(name_lengths_are_bounded),
		cmocka_unit_test(long_names_are_cut),
		cmocka_unit_test(types_at_the_end_of_the_section),
		cmocka_unit_test(an_unreadable_section_is_a_fault),
		cmocka_unit_test(noise_does_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
