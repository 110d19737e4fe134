// SPDX-License-Identifier: GPL-2.0-only
/* Types that are told apart by what a map holds. The maps are made by hand. */
#include <string.h>

#include "image.h"

#include "maps/contents.h"

enum {
	BOOL = 1,
	UINT8 = 8,
	ARRAY = 17,
	INTERFACE = 20,
	MAP = 21,
	POINTER = 22,
	SLICE = 23,
	STRING = 24,
	STRUCT = 25,
	ANY_POINTER = 26,

	TYPE_ALIGN = 21,
	CLASSIC_FLAGS = 84,
	CLASSIC_INDIRECT_ELEM = 2,

	B = 7, /* 128 buckets */
	KEYS = 2 << B,
};

/* A map of type `real`, which the allocator cannot tell from `other`. */
struct pair {
	struct image *img;
	struct image_type real, other;
	uint64_t map;
	uint64_t buckets;
};

/* The elems of the real type may be anything that fits into the words. */
static struct pair pair_new(unsigned int minor, uint32_t elem_sz, uint32_t ptrs)
{
	return (struct pair){
		.img = image_new(minor, ""),
		.real = { .name = "map[int]main.Real",
			  .key_sz = 8,
			  .elem_sz = elem_sz,
			  .elem_ptrs = ptrs },
		.other = { .name = "map[int]main.Other",
			   .key_sz = 8,
			   .elem_sz = elem_sz,
			   .elem_ptrs = ptrs },
	};
}

static void pair_make(struct pair *p, uint64_t elem_type)
{
	p->other.elem_type = elem_type;
	image_add_type(p->img, &p->real);
	image_add_type(p->img, &p->other);
	p->map = image_classic_map(p->img, &p->real, B, KEYS);
	p->buckets = image_get_u64(p->img, p->map + 16);
}

static void put_elem(struct pair *p, unsigned int bucket, unsigned int slot, const void *elem)
{
	image_write(p->img,
		    p->buckets + bucket * p->real.bucket_sz + p->real.elems_off +
			    slot * p->real.elem_stride,
		    elem, p->real.elem_sz);
}

static void put_elems(struct pair *p, const void *elem)
{
	for (unsigned int i = 0; i < 1 << B; i++)
		for (unsigned int j = 0; j < KEYS >> B; j++)
			put_elem(p, i, j, elem);
}

static struct map_info look(struct pair *p)
{
	struct census *census = image_census(p->img);
	const struct map_info *found = image_map(census, p->map);

	assert_non_null(found);
	struct map_info m = *found;
	census_free(census);
	assert_int_equal(m.consistency, MAP_EXACT);
	assert_int_equal(m.shape_candidates, 2);
	return m;
}

static void pair_free(struct pair *p)
{
	image_free(p->img);
}

/* Opens the image and checks whether what the map holds excludes the other type. */
static void expect(struct pair *p, bool excluded, const char *what)
{
	image_open(p->img);
	struct map_info m = look(p);

	if (excluded && (m.type_source != TYPE_CONTENTS || m.type_candidates != 1 || !m.type ||
			 strcmp(m.type->name, p->real.name) != 0))
		fail_msg("%s: excludes nothing", what);
	if (!excluded && (m.type_source != TYPE_AMBIGUOUS || m.type_candidates != 2 || m.type))
		fail_msg("%s: excludes a type", what);
	pair_free(p);
}

static uint64_t pointer_to(struct image *img, uint64_t pointee)
{
	const uint64_t rest[3] = { pointee };

	return image_put_type(img, POINTER, 8, 1, rest);
}

static void pointees_must_fit(void **state)
{
	static const struct {
		const char *what;
		unsigned int words; /* of the object that is pointed to */
		uint64_t words_ptrs;
		uint64_t at; /* in it */
		uint64_t sz; /* of what the other type points to */
		uint64_t ptrs;
		bool excluded;
	} rows[] = {
		{ "the same", 6, 2, 0, 48, 2, false },
		{ "the first field of another", 6, 2, 0, 16, 2, false },
		{ "more than there is", 6, 2, 0, 56, 2, true },
		{ "a pointer elsewhere", 6, 2, 0, 48, 4, true },
		{ "a pointer too many", 6, 6, 0, 48, 2, true },
		{ "a pointer in a number", 6, 2, 0, 16, 0, true },
		{ "numbers before a pointer", 6, 4, 0, 16, 0, false },
		{ "pointers in memory without", 6, 0, 0, 48, 2, true },
		{ "numbers", 6, 0, 0, 48, 0, false },
		{ "the end of an object", 6, 2, 40, 8, 0, false },
		{ "beyond the end of an object", 6, 2, 40, 16, 0, true },
		{ "not aligned", 6, 0, 4, 8, 0, true },
		{ "nothing", 6, 2, 48 - 4, 0, 0, false },
	};
	static const unsigned int minors[] = { 19, 21 };

	(void)state;
	for (size_t i = 0; i < CNT(rows) * CNT(minors); i++) {
		struct pair p = pair_new(minors[i % 2], 8, 1);
		uint64_t pointee =
			image_put_type(p.img, STRUCT, rows[i / 2].sz, rows[i / 2].ptrs, NULL);

		pair_make(&p, pointer_to(p.img, pointee));
		uint64_t addr =
			image_alloc_words(p.img, rows[i / 2].words, rows[i / 2].words_ptrs) +
			rows[i / 2].at;
		put_elems(&p, &addr);
		expect(&p, rows[i / 2].excluded, rows[i / 2].what);
	}
}

/* Up to 1.19 the bits after the last pointer of an object are left over from an earlier object. */
static void leftover_bits_are_no_pointers(void **state)
{
	struct pair p = pair_new(19, 8, 1);
	uint64_t pointee = image_put_type(p.img, STRUCT, 48, 2, NULL);

	(void)state;
	pair_make(&p, pointer_to(p.img, pointee));
	uint64_t addr = image_alloc_words(p.img, 6, 2);
	while ((addr - IMAGE_HEAP) % 32)
		addr = image_alloc_words(p.img, 6, 2);
	/* Words 0 to 3: not a pointer, a pointer, the end, and a pointer that is left over. */
	image_u8(p.img, IMAGE_ARENA_METAS + (addr - IMAGE_HEAP) / 32, 0x3a);
	put_elems(&p, &addr);
	expect(&p, false, "bits behind the end");
}

static void addresses_must_be_some(void **state)
{
	static const struct {
		const char *what;
		uint64_t addr;
		bool excluded;
	} rows[] = {
		{ "nil", 0, false },
		{ "a small number", 16, true },
		{ "no address", 1ull << 47, true },
		{ "a negative number", UINT64_MAX, true },
		{ "memory of C", IMAGE_NOWHERE, false },
		{ "the type section", IMAGE_TYPES, false },
		{ "heap without a span", IMAGE_HEAP + (1 << 25), false },
	};

	(void)state;
	for (size_t i = 0; i < CNT(rows); i++) {
		struct pair p = pair_new(21, 8, 1);

		pair_make(&p, pointer_to(p.img, image_put_type(p.img, STRUCT, 48, 2, NULL)));
		put_elems(&p, &rows[i].addr);
		expect(&p, rows[i].excluded, rows[i].what);
	}
}

/* A map is a pointer to its header. */
static void maps_point_to_headers(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		struct pair p = pair_new(21, 8, 1);

		pair_make(&p, image_put_type(p.img, MAP, 8, 1, NULL));
		uint64_t addr = i ? p.map : image_alloc_words(p.img, 6, 2);
		put_elems(&p, &addr);
		expect(&p, !i, i ? "a header" : "no header");
	}
}

static void strings_must_be_in_memory(void **state)
{
	static const struct {
		const char *what;
		uint64_t len;
		bool excluded;
	} rows[] = {
		{ "one that fits", 48, false },		 { "empty", 0, false },
		{ "longer than its object", 49, true },	 { "of a terabyte", 1ull << 40, true },
		{ "of a negative length", -1ull, true },
	};

	(void)state;
	for (size_t i = 0; i < CNT(rows); i++) {
		struct pair p = pair_new(21, 16, 1);

		pair_make(&p, image_put_type(p.img, STRING, 16, 1, NULL));
		uint64_t elem[2] = { image_alloc_words(p.img, 6, 0), rows[i].len };
		put_elems(&p, elem);
		expect(&p, rows[i].excluded, rows[i].what);
	}
}

static void slices_must_be_in_memory(void **state)
{
	static const struct {
		const char *what;
		uint64_t len, cap;
		bool noscan, excluded;
	} rows[] = {
		{ "one that fits", 1, 3, false, false },
		{ "no room", 0, 0, true, false },
		{ "len above cap", 3, 2, false, true },
		{ "larger than its object", 0, 4, false, true },
		{ "pointers in memory without", 0, 3, true, true },
		{ "an overflow", 0, 1ull << 60, false, true },
	};
	const uint64_t both = 1 | 1 << 2 | 1 << 4;

	(void)state;
	for (size_t i = 0; i < CNT(rows); i++) {
		struct pair p = pair_new(21, 24, 1);
		const uint64_t rest[3] = { image_put_type(p.img, STRUCT, 16, 1, NULL) };

		pair_make(&p, image_put_type(p.img, SLICE, 24, 1, rest));
		uint64_t elem[3] = { image_alloc_words(p.img, 6, rows[i].noscan ? 0 : both),
				     rows[i].len, rows[i].cap };
		put_elems(&p, elem);
		expect(&p, rows[i].excluded, rows[i].what);
	}
}

/* Tables of methods are not objects of the heap. Types may be, when reflect made them. */
static void interfaces_lead_out_of_the_heap(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++) {
		struct pair p = pair_new(21, 16, 3);
		const uint64_t rest[3] = { 0, 0, /* methods: */ i & 1 };

		pair_make(&p, image_put_type(p.img, INTERFACE, 16, 3, rest));
		uint64_t inside = image_alloc_words(p.img, 6, 2);
		uint64_t elem[2] = { i & 2 ? inside : IMAGE_TYPES + 8, inside };
		put_elems(&p, elem);
		expect(&p, i == 3, "an interface");
	}
}

/* All fields of a struct and all elems of an array count, wherever they are. */
static void fields_and_elems_are_followed(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++) {
		struct pair p = pair_new(24, 4, 0);
		uint64_t b = image_put_type(p.img, BOOL, 1, 0, NULL);
		uint64_t u = image_put_type(p.img, UINT8, 1, 0, NULL);
		const uint64_t two[3] = { b, 0, 2 };
		uint64_t array = image_put_type(p.img, ARRAY, 2, 0, two);
		uint64_t fields = p.img->type_next;
		const uint64_t all[3] = { 0, fields + 80, 2 };
		uint64_t type = image_put_type(p.img, STRUCT, 4, 0, all);
		const uint64_t first[3] = { 0, u, 0 }, second[3] = { 0, array, 2 };

		assert_int_equal(type, fields);
		image_write(p.img, type + 80, first, 24);
		image_write(p.img, type + 104, second, 24);
		p.img->type_next += 48;
		p.other.elem_type = type;
		image_add_type(p.img, &p.real);
		image_add_type(p.img, &p.other);
		struct image_table t = { .capacity = 1024, .used = 500 };
		p.map = image_swiss_map(p.img, &p.real, 0, &t, 1);
		uint64_t groups = image_swiss_groups(p.img, p.map, 0);
		const uint8_t elem[4] = { 200, 1, i == 1 ? 2 : 0, i == 2 ? 2 : 1 };
		image_write(p.img, groups + p.real.elems_off + 3 * p.real.elem_stride, elem, 4);
		expect(&p, i > 0, "a bool");
	}
}

/* The map keeps a large elem behind a pointer of its own, which is never nil. */
static void indirect_elems_are_never_nil(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		struct pair p = pair_new(21, 8, 1);

		pair_make(&p, image_put_type(p.img, STRUCT, 200, 0, NULL));
		image_u32(p.img, p.other.addr + CLASSIC_FLAGS, CLASSIC_INDIRECT_ELEM);
		uint64_t addr = i ? image_alloc_words(p.img, 25, 0) : 0;
		put_elems(&p, &addr);
		expect(&p, !i, i ? "a large elem" : "nil");
	}
}

/* One slot that contradicts a type is enough; empty slots say nothing. */
static void only_full_slots_count(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 2; i++) {
		struct pair p = pair_new(21, 8, 1);
		const uint64_t small = 7;

		pair_make(&p, pointer_to(p.img, image_put_type(p.img, STRUCT, 48, 2, NULL)));
		put_elem(&p, 5, i ? 1 : 6, &small);
		expect(&p, i, "a slot");
	}
}

static void with_no_type_left_nothing_changes(void **state)
{
	struct pair p = pair_new(21, 8, 1);
	uint64_t t = pointer_to(p.img, image_put_type(p.img, STRUCT, 48, 2, NULL));
	const uint64_t small = 7;

	(void)state;
	p.real.elem_type = t;
	pair_make(&p, t);
	put_elems(&p, &small);
	expect(&p, false, "nothing fits");
}

/* Go's shape types are those of generic code. From Go 1.20 on no map has such a type. */
static void shapes_are_no_types_of_maps(void **state)
{
	static const unsigned int minors[] = { 19, 21, 24 };

	(void)state;
	for (size_t i = 0; i < CNT(minors); i++) {
		struct image *img = image_new(minors[i], "");
		struct image_type real = { .name = "map[int]bool", .key_sz = 8, .elem_sz = 1 };
		struct image_type shape = { .name = "map[go.shape.int]go.shape.bool",
					    .key_sz = 8,
					    .elem_sz = 1 };
		size_t cnt;

		image_add_type(img, &real);
		image_add_type(img, &shape);
		image_alloc_words(img, 6, 2);
		image_open(img);
		const struct map_type *maps = gotypes_maps(img->prog.types, &cnt);
		assert_int_equal(cnt, minors[i] == 19 ? 2 : 1);
		assert_string_equal(maps[0].name, real.name);
		image_free(img);
	}
}

/* ---- a target that changes, or lies ---- */

struct meddling {
	struct pair *pair;
	uint64_t when; /* the change happens at a read of this address, */
	int skip; /* after as many other reads of it */
	uint64_t addr;
	uint64_t value;
};

static void meddle(struct image *img, const struct mem_req *req)
{
	struct meddling *m = img->hook_ctx;

	if (image_covers(req, m->when) && m->skip-- == 0)
		image_u64(img, m->addr, m->value);
}

/* A pair whose real type has a small number where the other type has a pointer. */
static struct pair pair_of_numbers(void)
{
	struct pair p = pair_new(21, 8, 1);
	const uint64_t small = 7;

	pair_make(&p, pointer_to(p.img, image_put_type(p.img, STRUCT, 48, 2, NULL)));
	put_elem(&p, 3, 0, &small);
	image_open(p.img);
	return p;
}

/* The array is read by the census, and then twice for what it holds. */
static void slots_that_change_say_nothing(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		struct pair p = pair_of_numbers();
		uint64_t elem = p.buckets + 3 * p.real.bucket_sz + p.real.elems_off;
		struct meddling m = { &p, elem, i ? 2 : 100, elem, 9 };

		p.img->hook = meddle;
		p.img->hook_ctx = &m;
		assert_int_equal(look(&p).type_source, i ? TYPE_AMBIGUOUS : TYPE_CONTENTS);
		assert_true(m.skip == (i ? -1 : 97));
		pair_free(&p);
	}
}

/* The map may have been freed meanwhile, and what it points to be something else. */
static void a_collection_says_nothing(void **state)
{
	struct pair p = pair_of_numbers();
	uint64_t sweepgen = IMAGE_MHEAP + p.img->prog.layout.mheap.sweepgen;
	uint64_t elem = p.buckets + 3 * p.real.bucket_sz + p.real.elems_off;
	uint64_t old = image_get_u64(p.img, sweepgen);
	struct meddling m = { &p, elem, 2, sweepgen, old + 2 };

	(void)state;
	p.img->hook = meddle;
	p.img->hook_ctx = &m;
	assert_int_equal(look(&p).type_source, TYPE_AMBIGUOUS);
	assert_true(m.skip < 0);
	pair_free(&p);
}

/* The memory that a pointer leads to was another span's when the heap was read. */
static void spans_that_change_say_nothing(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		struct pair p = pair_new(21, 8, 1);

		pair_make(&p, pointer_to(p.img, image_put_type(p.img, STRUCT, 64, 2, NULL)));
		uint64_t addr = image_alloc_words(p.img, 4, 2);
		put_elems(&p, &addr);
		image_open(p.img);
		uint64_t desc = image_span_of(p.img, addr)->mspan;
		if (i)
			image_u64(p.img, desc + p.img->prog.layout.mspan.start_addr, 0);
		assert_int_equal(look(&p).type_source, i ? TYPE_AMBIGUOUS : TYPE_CONTENTS);
		pair_free(&p);
	}
}

/* Type descriptors that contain themselves, are cut off, or have no end. */
static void hostile_types_are_bounded(void **state)
{
	(void)state;
	for (int i = 0; i < 6; i++) {
		struct pair p = pair_new(21, 8, 1);
		uint64_t self = p.img->type_next;
		const uint64_t rests[6][3] = {
			{ self, 0, 1ull << 60 }, /* an array of itself */
			{ 0, self + 80, 1 }, /* a struct with itself as a field */
			{ 0, self + 80, 1ull << 60 },
			{ 0, IMAGE_NOWHERE, 1 },
			{ IMAGE_TYPES + IMAGE_TYPES_SZ - 8, 0, 8 },
			{ self, 0, 0 }, /* a pointer to itself */
		};
		const uint64_t field[3] = { 0, self, i == 2 ? 1ull << 40 : 0 };

		uint64_t type = image_put_type(p.img,
					       i == 5  ? POINTER
					       : i % 4 ? STRUCT
						       : ARRAY,
					       8, 1, rests[i]);
		image_write(p.img, type + 80, field, 24);
		p.img->type_next += 24;
		pair_make(&p, type);
		put_elems(&p, (const uint64_t[]){ IMAGE_NOWHERE });
		expect(&p, false, "a hostile type");
	}
}

/* A descriptor may claim any size, alignment and pointer mask for what is pointed to. */
static void hostile_pointees_are_bounded(void **state)
{
	static const struct {
		uint64_t sz;
		uint8_t align;
		uint64_t gcdata;
	} rows[] = { { UINT64_MAX, 8, IMAGE_TYPES },
		     { 4096, 0, IMAGE_TYPES },
		     { 4096, 3, IMAGE_TYPES },
		     { 4096, 8, IMAGE_TYPES + IMAGE_TYPES_SZ - 1 },
		     { 4096, 8, UINT64_MAX } };

	(void)state;
	for (size_t i = 0; i < CNT(rows); i++) {
		struct pair p = pair_new(21, 8, 1);
		uint64_t pointee = image_put_type(p.img, STRUCT, rows[i].sz, -1ull, NULL);

		image_u8(p.img, pointee + TYPE_ALIGN, rows[i].align);
		image_u64(p.img, pointee + 32, rows[i].gcdata);
		pair_make(&p, pointer_to(p.img, pointee));
		put_elems(&p, (const uint64_t[]){ IMAGE_NOWHERE });
		expect(&p, false, "a hostile pointee");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pointees_must_fit),
		cmocka_unit_test(leftover_bits_are_no_pointers),
		cmocka_unit_test(addresses_must_be_some),
		cmocka_unit_test(maps_point_to_headers),
		cmocka_unit_test(strings_must_be_in_memory),
		cmocka_unit_test(slices_must_be_in_memory),
		cmocka_unit_test(interfaces_lead_out_of_the_heap),
		cmocka_unit_test(fields_and_elems_are_followed),
		cmocka_unit_test(indirect_elems_are_never_nil),
		cmocka_unit_test(only_full_slots_count),
		cmocka_unit_test(with_no_type_left_nothing_changes),
		cmocka_unit_test(shapes_are_no_types_of_maps),
		cmocka_unit_test(slots_that_change_say_nothing),
		cmocka_unit_test(a_collection_says_nothing),
		cmocka_unit_test(spans_that_change_say_nothing),
		cmocka_unit_test(hostile_types_are_bounded),
		cmocka_unit_test(hostile_pointees_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
