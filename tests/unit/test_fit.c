// SPDX-License-Identifier: GPL-2.0-only
/* Of which type an object is: what the allocator, the runtime, a parent and its words say. */
#include <string.h>

#include "image_types.h"

#include "graph/fit.h"
#include "heap/ptrbits.h"

#define NAMES 0x900000ull
#define TABLE 0xa00000ull
#define ITABS 0xb00000ull /* in no heap */
#define FUNC IMAGE_TEXT

enum { WORDS_MAX = 512 };

/* A process with some types, and an object to type. */
struct fixture {
	struct image *img;
	struct catalogue *cat;
	struct census *census;
	struct fitter *fitter;
	struct image_type map, other_map;
	uint64_t number, flag, word, text; /* types */
	uint64_t map_addr; /* the header of a map of type `map` */
	uint64_t other_addr;
	uint64_t object;
};

static void put_function(struct image *img)
{
	const char name[] = "main.make.func1";
	const struct moduledata md = {
		.text = IMAGE_TEXT,
		.etext = IMAGE_TEXT + 0x40,
		.funcnametab = NAMES,
		.funcnametab_len = sizeof(name),
		.pclntable = TABLE,
		.pclntable_len = 24,
		.ftab_cnt = 2,
	};

	image_write(img, NAMES, name, sizeof(name));
	image_zero(img, TABLE, 24);
	image_u32(img, TABLE + 4, 16);
	image_u32(img, TABLE + 8, 0x40);
	pclntab_free(img->prog.funcs);
	img->prog.funcs = NULL;
	assert_null(pclntab_new(&img->target.mem, &md, &img->prog.funcs));
}

/* A version that has small maps as the census can read them. */
static void start(struct fixture *f, unsigned int minor)
{
	*f = (struct fixture){ .img = image_new(minor, "") };
	struct image *img = f->img;

	f->number = image_put_int(img);
	f->flag = image_put_bool(img);
	f->word = image_put_unsafe_pointer(img);
	f->text = image_put_string(img);
	f->map = image_string_to_ptr();
	f->map.key_type = f->text;
	f->map.elem_type = f->word;
	image_put_map(img, &f->map);
	f->other_map = (struct image_type){ .name = "map[int]string",
					    .key_sz = 8,
					    .elem_sz = 16,
					    .elem_ptrs = 1,
					    .key_type = f->number,
					    .elem_type = f->text };
	image_put_map(img, &f->other_map);
	put_function(img);
	bool swiss = img->prog.layout.kind == MAP_SWISS;
	f->map_addr = swiss ? image_swiss_small(img, &f->map, 3)
			    : image_classic_map(img, &f->map, 0, 3);
	f->other_addr = swiss ? image_swiss_small(img, &f->other_map, 3)
			      : image_classic_map(img, &f->other_map, 0, 3);
}

static void end(struct fixture *f)
{
	fit_close(f->fitter);
	census_free(f->census);
	catalogue_close(f->cat);
	image_free(f->img);
}

static void put_object(struct fixture *f, unsigned int words, uint64_t ptrs)
{
	f->object = image_alloc_words(f->img, words, ptrs);
	image_zero(f->img, f->object, words * 8);
}

/* A struct of package main. */
static uint64_t put_struct(struct fixture *f, const char *name, uint64_t size, uint64_t ptrs,
			   const struct image_field *fields)
{
	return image_put_struct(f->img, name, "main", size, ptrs, fields);
}

static const struct cat_type *type_at_address(struct fixture *f, uint64_t addr)
{
	const struct cat_type *t = catalogue_find(f->cat, addr);

	assert_non_null(t);
	return t;
}

static void look(struct fixture *f)
{
	if (f->fitter)
		return;
	image_open(f->img);
	assert_null(catalogue_open(&f->img->prog, &f->cat));
	f->census = image_census(f->img);
	const struct fit_world world = { f->img->heap, f->cat, f->census };
	assert_null(fit_open(&world, &f->fitter));
}

/* Types the object; expected: the address of a type, or 0. */
static struct fit type_object(struct fixture *f, uint64_t expected)
{
	uint8_t bytes[WORDS_MAX * 8];
	uint64_t mask[WORDS_MAX / 64] = { 0 };
	struct object o = { 0 };
	struct fit fit;

	look(f);
	assert_true(heap_object(f->img->heap, f->object, &o));
	uint64_t size = o.slot + o.size - o.start;
	for (uint64_t off = 0; off < size; off += 8) {
		uint64_t word = image_get_u64(f->img, o.start + off);

		memcpy(bytes + off, &word, 8);
	}
	struct fit_object object = {
		.addr = o.start,
		.size = size,
		.spanclass = o.span->spanclass,
		.bytes = bytes,
		.bytes_len = size,
		.ptr_mask = mask,
	};
	struct ptrbits bits;
	uint8_t raw[PTRBITS_SZ_MAX + PTRBITS_PAD] = { 0 };
	object.mask_known = ptrbits_place(f->img->heap, o.span, o.start, size / 8, &bits);
	if (object.mask_known) {
		assert_null(mem_read(&f->img->target.mem, bits.addr, raw, bits.len));
		mask[0] = ptrbits_object_mask(&bits, raw, size / 8 < 64 ? size / 8 : 64);
	}
	fit_types(f->fitter, &object, expected ? type_at_address(f, expected) : NULL, &fit);
	assert_null(fit_error(f->fitter));
	return fit;
}

static void expect(struct fixture *f, struct fit fit, uint64_t type, enum fit_kind kind,
		   bool certain, uint32_t candidates)
{
	assert_int_equal(fit.kind, kind);
	assert_ptr_equal(fit.type, type ? type_at_address(f, type) : NULL);
	assert_int_equal(fit.certain, certain);
	assert_int_equal(fit.candidates, candidates);
}

/* {n int, m map, p unsafe.Pointer} */
static uint64_t put_holder(struct fixture *f, const char *name, uint64_t map)
{
	return put_struct(f, name, 24, 6,
			  (struct image_field[]){ { "n", f->number, 0, false },
						  { "m", map, 8, false },
						  { "p", f->word, 16, false },
						  { 0 } });
}

static const unsigned int all_minors[] = { 19, 21, 22, 23, 24, 26, 27 };

static void the_only_type_with_that_map_is_certain(void **state)
{
	(void)state;
	for (size_t i = 0; i < CNT(all_minors); i++) {
		struct fixture f;

		start(&f, all_minors[i]);
		uint64_t t = put_holder(&f, "main.Holder", f.map.addr);
		put_holder(&f, "main.Other", f.other_map.addr);
		put_object(&f, 3, 6);
		image_u64(f.img, f.object + 8, f.map_addr);
		expect(&f, type_object(&f, 0), t, FIT_VALUE, true, 1);
		end(&f);
	}
}

static void equal_types_are_a_guess_that_a_parent_settles(void **state)
{
	struct fixture f;

	(void)state;
	start(&f, 24);
	uint64_t a = put_holder(&f, "main.A", f.map.addr);
	uint64_t b = put_holder(&f, "main.B", f.map.addr);
	uint64_t wrong = put_holder(&f, "main.Wrong", f.other_map.addr);
	put_object(&f, 3, 6);
	image_u64(f.img, f.object + 8, f.map_addr);
	struct fit fit = type_object(&f, 0);
	assert_true(fit.type == type_at_address(&f, a) || fit.type == type_at_address(&f, b));
	assert_int_equal(fit.candidates, 2);
	assert_false(fit.certain);
	expect(&f, type_object(&f, b), b, FIT_VALUE, true, 1);
	/* What does not fit is not believed. */
	assert_int_equal(type_object(&f, wrong).candidates, 2);
	end(&f);
}

/* T and struct{T}: the field of the map is the same. */
static void the_field_may_be_certain_where_the_type_is_not(void **state)
{
	struct fixture f;

	(void)state;
	start(&f, 24);
	uint64_t inner = put_holder(&f, "main.Fields", f.map.addr);
	put_struct(&f, "main.Encoder", 24, 6,
		   (struct image_field[]){ { "fields", inner, 0, false }, { 0 } });
	put_object(&f, 3, 6);
	image_u64(f.img, f.object + 8, f.map_addr);
	struct fit fit = type_object(&f, 0);
	assert_int_equal(fit.candidates, 2);
	assert_false(fit.certain);
	assert_ptr_equal(fit.owner, type_at_address(&f, inner));
	assert_true(fit.owner_certain);
	end(&f);

	/* Of unlike types it is not. */
	start(&f, 24);
	put_holder(&f, "main.A", f.map.addr);
	put_holder(&f, "main.B", f.map.addr);
	put_object(&f, 3, 6);
	image_u64(f.img, f.object + 8, f.map_addr);
	fit = type_object(&f, 0);
	assert_null(fit.owner);
	assert_false(fit.owner_certain);
	end(&f);
}

/* A field that may be anything is no match for one of map type. */
static void fields_of_map_type_come_first(void **state)
{
	struct fixture f;

	(void)state;
	start(&f, 24);
	uint64_t t = put_holder(&f, "main.Holder", f.map.addr);
	put_holder(&f, "main.Anything", f.word);
	put_object(&f, 3, 6);
	image_u64(f.img, f.object + 8, f.map_addr);
	expect(&f, type_object(&f, 0), t, FIT_VALUE, true, 1);
	end(&f);

	/* But alone it is one; a guess. */
	start(&f, 24);
	t = put_holder(&f, "main.Anything", f.word);
	put_object(&f, 3, 6);
	image_u64(f.img, f.object + 8, f.map_addr);
	expect(&f, type_object(&f, 0), t, FIT_VALUE, false, 1);
	end(&f);
}

/* atomic.Pointer[T] leads to a T. */
static void atomic_pointers_lead_to_no_map(void **state)
{
	struct fixture f;

	(void)state;
	start(&f, 24);
	uint64_t none = image_put_array(f.img, f.number, 0, 0, 0, "[0]int");
	uint64_t atomic = put_struct(&f, "atomic.Pointer[int]", 8, 1,
				     (struct image_field[]){ { "_", none, 0, false },
							     { "v", f.word, 0, false },
							     { 0 } });
	put_holder(&f, "main.Wrong", atomic);
	put_object(&f, 3, 6);
	image_u64(f.img, f.object + 8, f.map_addr);
	assert_int_equal(type_object(&f, 0).kind, FIT_NONE);
	end(&f);
}

/* Without a strong fact the only type is still a guess. */
static void the_only_type_may_be_a_guess(void **state)
{
	struct fixture f;

	(void)state;
	start(&f, 24);
	uint64_t t = put_holder(&f, "main.Holder", f.map.addr);
	put_object(&f, 3, 6);
	expect(&f, type_object(&f, 0), t, FIT_VALUE, false, 1);
	end(&f);
}

/* Pointers behind the last one of the type, and other size classes, are other objects. */
static void the_mask_and_the_size_are_exact(void **state)
{
	static const struct {
		unsigned int words;
		uint64_t ptrs;
		bool fits;
	} rows[] = { { 3, 6, true }, { 3, 7, false }, { 3, 2, false }, { 4, 6, false } };

	(void)state;
	for (size_t i = 0; i < CNT(rows); i++) {
		struct fixture f;

		start(&f, 24);
		put_holder(&f, "main.Holder", f.map.addr);
		put_object(&f, rows[i].words, rows[i].ptrs);
		image_u64(f.img, f.object + 8, f.map_addr);
		assert_int_equal(type_object(&f, 0).kind == FIT_VALUE, rows[i].fits);
		end(&f);
	}
}

/* A header whose type the census does not know is still no main.Thing. */
static void a_map_is_nothing_else(void **state)
{
	struct fixture f;

	(void)state;
	start(&f, 24);
	uint64_t thing = put_struct(&f, "main.Thing", 48, 4,
				    (struct image_field[]){ { "a", f.number, 0, false },
							    { "p", f.word, 16, false },
							    { 0 } });
	uint64_t ptr = image_put_pointer(f.img, thing, "*main.Thing", false);
	put_struct(&f, "main.Wrong", 24, 6,
		   (struct image_field[]){ { "n", f.number, 0, false },
					   { "t", ptr, 8, false },
					   { "p", f.word, 16, false },
					   { 0 } });
	put_object(&f, 3, 6);
	image_u64(f.img, f.object + 8, f.map_addr);
	assert_int_equal(type_object(&f, 0).kind, FIT_NONE);
	end(&f);
}

static void values_of_other_types_reject(void **state)
{
	static const struct {
		unsigned int at; /* word of the object */
		uint64_t word;
		const char *what;
	} rows[] = {
		{ 0, 2, "a bool that is 2" },
		{ 1, 8, "a map at address 8" },
		{ 1, IMAGE_HEAP + 1, "a map at an odd address" },
		{ 3, 1ull << 50, "a string longer than memory" },
		{ 5, 2, "a slice with more elems than room" },
		{ 4, 1ull << 63, "a slice at no address" },
	};

	(void)state;
	for (size_t i = 0; i <= CNT(rows); i++) {
		struct fixture f;

		start(&f, 24);
		uint64_t list = image_put_slice(f.img, f.number, "[]int");
		uint64_t t = put_struct(&f, "main.T", 56, 0x16,
					(struct image_field[]){ { "ok", f.flag, 0, false },
								{ "m", f.map.addr, 8, false },
								{ "s", f.text, 16, false },
								{ "l", list, 32, false },
								{ 0 } });
		put_object(&f, 7, 0x16);
		image_u64(f.img, f.object + 16, IMAGE_TEXT);
		image_u64(f.img, f.object + 24, 3);
		image_u64(f.img, f.object + 32, IMAGE_TEXT);
		image_u64(f.img, f.object + 48, 1);
		if (i < CNT(rows))
			image_u64(f.img, f.object + 8ull * rows[i].at, rows[i].word);
		struct fit fit = type_object(&f, 0);
		if ((fit.kind == FIT_NONE) != (i < CNT(rows)))
			fail_msg("%s", i < CNT(rows) ? rows[i].what : "nothing wrong");
		if (i == CNT(rows))
			assert_ptr_equal(fit.type, type_at_address(&f, t));
		end(&f);
	}
}

/* ---- Interfaces ---- */

/* An object {i interface; n int}, and a table of methods for it. */
static uint64_t put_interface_holder(struct fixture *f, const char *name, uint64_t inter)
{
	return put_struct(f, name, 24, 2,
			  (struct image_field[]){
				  { "i", inter, 0, false }, { "n", f->number, 16, false }, { 0 } });
}

static void put_itab(struct fixture *f, uint64_t inter, uint64_t type, uint32_t hash)
{
	image_u64(f->img, ITABS, inter);
	image_u64(f->img, ITABS + 8, type);
	image_u64(f->img, ITABS + 16, hash);
}

/* Tables that are made at run time have hash 0. */
static void tables_of_methods_name_the_interface(void **state)
{
	static const uint32_t xors[] = { 0, UINT32_MAX };

	(void)state;
	for (size_t i = 0; i < 2 * CNT(xors); i++) {
		struct fixture f;

		start(&f, 24);
		uint64_t reader = image_put_interface(f.img, "io.Reader", 1, 100);
		uint64_t writer = image_put_interface(f.img, "io.Writer", 1, 200);
		uint64_t t = put_interface_holder(&f, "main.Reads", reader);
		put_interface_holder(&f, "main.Writes", writer);
		uint64_t ptr = image_put_pointer(f.img, t, "*main.Reads", false);
		uint32_t hash = image_get_u64(f.img, ptr + 16);
		put_object(&f, 3, 2);
		/* 0, that of the type, and two wrong ones */
		uint32_t hashes[] = { 0, hash, hash + 1, ~hash };
		put_itab(&f, reader, ptr, hashes[i]);
		image_u64(f.img, f.object, ITABS);
		if (i < 2)
			expect(&f, type_object(&f, 0), t, FIT_VALUE, true, 1);
		else
			assert_int_equal(type_object(&f, 0).kind, FIT_NONE);
		end(&f);
	}
}

/* A table without a type is none, nor is one of another interface. */
static void words_that_are_no_interfaces_reject(void **state)
{
	struct fixture f;

	(void)state;
	for (int i = 0; i < 4; i++) {
		start(&f, 24);
		uint64_t reader = image_put_interface(f.img, "io.Reader", 1, 100);
		put_interface_holder(&f, "main.Reads", reader);
		put_object(&f, 3, 2);
		put_itab(&f, i == 1 ? f.number : reader, i == 2 ? 0 : f.map.addr, 0);
		image_u64(f.img, f.object, i == 0 ? ITABS + 4 : i == 3 ? IMAGE_NOWHERE : ITABS);
		assert_int_equal(type_object(&f, 0).kind, FIT_NONE);
		end(&f);
	}
}

/* Interfaces with the same methods have one table. */
static void interfaces_with_equal_methods_are_equal(void **state)
{
	struct fixture f;

	(void)state;
	start(&f, 24);
	uint64_t error = image_put_interface(f.img, "error", 1, 100);
	uint64_t same = image_put_interface(f.img, "interface { Error() string }", 1, 100);
	uint64_t t = put_interface_holder(&f, "main.Fails", same);
	put_object(&f, 3, 2);
	put_itab(&f, error, f.map.addr, 0);
	image_u64(f.img, f.object, ITABS);
	expect(&f, type_object(&f, 0), t, FIT_VALUE, false, 1);
	end(&f);
}

/* ---- Arrays, variables ---- */

static void arrays_of_structs(void **state)
{
	static const unsigned int minors[] = { 19, 21, 24, 27 };

	(void)state;
	for (size_t i = 0; i < CNT(minors); i++) {
		struct fixture f;

		start(&f, minors[i]);
		uint64_t shard = put_struct(&f, "main.shard", 16, 2,
					    (struct image_field[]){ { "n", f.number, 0, false },
								    { "m", f.map.addr, 8, false },
								    { 0 } });
		image_put_slice(f.img, shard, "[]main.shard");
		put_object(&f, 8, 0xaa);
		image_u64(f.img, f.object + 24, f.map_addr);
		expect(&f, type_object(&f, 0), shard, FIT_ARRAY, true, 1);
		expect(&f, type_object(&f, shard), shard, FIT_ARRAY, true, 1);
		end(&f);
	}
}

/* One value of [3]map and three maps are the same. */
static void array_types_and_arrays_are_the_same(void **state)
{
	struct fixture f;

	(void)state;
	start(&f, 24);
	uint64_t array = image_put_array(f.img, f.map.addr, 3, 24, 7, "[3]map[string]*main.T");
	image_put_slice(f.img, f.map.addr, "[]map[string]*main.T");
	put_object(&f, 3, 7);
	image_u64(f.img, f.object + 16, f.map_addr);
	expect(&f, type_object(&f, 0), array, FIT_VALUE, true, 1);
	end(&f);
}

/* A variable that escaped, of map type: 8 bytes. Green Tea has the bits of this class elsewhere. */
static void variables_of_map_type(void **state)
{
	(void)state;
	for (size_t i = 0; i < CNT(all_minors); i++) {
		struct fixture f;

		start(&f, all_minors[i]);
		put_object(&f, 1, 1);
		image_u64(f.img, f.object, f.map_addr);
		expect(&f, type_object(&f, 0), f.map.addr, FIT_VALUE, true, 1);
		expect(&f, type_object(&f, f.map.addr), f.map.addr, FIT_VALUE, true, 1);
		end(&f);
	}
}

/* ---- What the allocator and the runtime say ---- */

static void malloc_headers_are_certain(void **state)
{
	struct fixture f;

	(void)state;
	for (int array = 0; array < 2; array++) {
		start(&f, 24);
		uint64_t words = image_put_array(f.img, f.number, 98, 784, 0, "[98]int");
		uint64_t big = put_struct(&f, "main.Big", 800, 1ull << 1,
					  (struct image_field[]){ { "n", f.number, 0, false },
								  { "m", f.map.addr, 8, false },
								  { "a", words, 16, false },
								  { 0 } });
		uint64_t small = put_holder(&f, "main.Small", f.map.addr);
		f.object = image_alloc_buckets(f.img, &f.map, 4); /* 800 bytes */
		image_u64(f.img, f.object - 8, array ? small : big);
		expect(&f, type_object(&f, 0), array ? small : big, array ? FIT_ARRAY : FIT_VALUE,
		       true, 1);
		end(&f);
	}
}

static void group_arrays_are_the_maps(void **state)
{
	struct fixture f;

	(void)state;
	start(&f, 24);
	f.object = image_alloc_buckets(f.img, &f.map, 4);
	struct fit fit = type_object(&f, 0);
	expect(&f, fit, f.map.addr, FIT_BUCKETS, true, 1);
	assert_int_equal(fit.source, FIT_BY_HEADER);
	end(&f);
}

static void small_bucket_arrays_by_their_header(void **state)
{
	static const unsigned int minors[] = { 19, 21, 24, 27 };

	(void)state;
	for (size_t i = 0; i < CNT(minors); i++) {
		struct fixture f;

		start(&f, minors[i]);
		f.object = image_alloc_buckets(f.img, &f.map, 1);
		struct fit fit = type_object(&f, f.map.addr);
		expect(&f, fit, f.map.addr, FIT_BUCKETS, true, 1);
		assert_int_equal(fit.source, FIT_BY_PARENT);
		end(&f);
	}
}

static void headers_tables_and_directories(void **state)
{
	const struct image_table table = { .local_depth = 0, .capacity = 64, .used = 20 };
	struct fixture f;

	(void)state;
	start(&f, 27);
	uint64_t map = image_swiss_map(f.img, &f.map, 0, &table, 1);
	f.object = f.map_addr;
	assert_int_equal(type_object(&f, 0).kind, FIT_MAP_HEADER);
	assert_true(type_object(&f, 0).certain);
	f.object = image_swiss_table(f.img, map, 0);
	assert_int_equal(type_object(&f, 0).kind, FIT_SWISS_TABLE);
	f.object = image_get_u64(f.img, map + 16); /* of one entry: 8 bytes */
	assert_int_equal(type_object(&f, 0).kind, FIT_SWISS_DIRECTORY);
	end(&f);
}

static void channels_say_their_elems(void **state)
{
	static const struct {
		unsigned int minor;
		unsigned int at;
	} rows[] = { { 19, 32 }, { 22, 32 }, { 23, 40 }, { 27, 40 } };

	(void)state;
	for (size_t i = 0; i < CNT(rows); i++) {
		struct fixture f;

		start(&f, rows[i].minor);
		put_object(&f, rows[i].minor < 23 ? 12 : 13, 4);
		image_u64(f.img, f.object, 1);
		image_u64(f.img, f.object + 8, 4);
		image_u64(f.img, f.object + 24, 8); /* elemsize */
		image_u64(f.img, f.object + rows[i].at, f.map.addr);
		expect(&f, type_object(&f, 0), f.map.addr, FIT_CHAN, true, 1);
		end(&f);
	}
}

/* ---- Closures ---- */

static uint64_t put_closure_type(struct fixture *f, const char *name, uint64_t map)
{
	uint64_t pc = image_put_number(f->img, 12, 8, "uintptr");

	return image_put_struct(
		f->img, name, NULL, 16, 2,
		(struct image_field[]){ { "F", pc, 0, false }, { "X0", map, 8, false }, { 0 } });
}

/* Two closures may capture the same: as instances of generic functions do. The function is known
 * all the same. */
static void closures_have_their_function(void **state)
{
	(void)state;
	for (int types = 1; types < 3; types++) {
		struct fixture f;

		start(&f, 24);
		uint64_t t = put_closure_type(&f, "struct { F uintptr; X0 map }", f.map.addr);
		if (types == 2)
			put_closure_type(&f, "struct { F uintptr; X0 map[...] }", f.map.addr);
		put_holder(&f, "main.Holder", f.map.addr);
		put_object(&f, 2, 2);
		image_u64(f.img, f.object, FUNC);
		image_u64(f.img, f.object + 8, f.map_addr);
		struct fit fit = type_object(&f, 0);
		expect(&f, fit, types == 1 ? t : 0, FIT_CLOSURE, true, 1);
		assert_true(fit.func == FUNC);
		end(&f);
	}
}

/* The middle of a function is a number like others. */
static void other_code_addresses_are_no_closures(void **state)
{
	struct fixture f;

	(void)state;
	start(&f, 24);
	uint64_t t = put_struct(&f, "main.Pair", 16, 2,
				(struct image_field[]){ { "n", f.number, 0, false },
							{ "m", f.map.addr, 8, false },
							{ 0 } });
	put_object(&f, 2, 2);
	image_u64(f.img, f.object, FUNC + 1);
	image_u64(f.img, f.object + 8, f.map_addr);
	expect(&f, type_object(&f, 0), t, FIT_VALUE, true, 1);
	end(&f);
}

/* ---- Pointers ---- */

/* A pointer to what is never in the heap is no pointer for the collector, and leads nowhere into
 * the heap. */
static void pointers_out_of_the_heap(void **state)
{
	(void)state;
	for (int in_heap = 0; in_heap < 2; in_heap++) {
		struct fixture f;

		start(&f, 24);
		uint64_t span = image_put_struct(f.img, "runtime.mspan", "runtime", 0, 0, NULL);
		uint64_t ptr = image_put_pointer(f.img, span, "*runtime.mspan", true);
		uint64_t t = put_struct(&f, "main.T", 16, 2,
					(struct image_field[]){ { "s", ptr, 0, false },
								{ "m", f.map.addr, 8, false },
								{ 0 } });
		put_object(&f, 2, 2);
		image_u64(f.img, f.object, in_heap ? f.map_addr : IMAGE_MSPANS);
		image_u64(f.img, f.object + 8, f.map_addr);
		if (in_heap)
			assert_int_equal(type_object(&f, 0).kind, FIT_NONE);
		else
			expect(&f, type_object(&f, 0), t, FIT_VALUE, true, 1);
		end(&f);
	}
}

/* The allocator knows where the pointers of a child are. */
static void children_must_have_their_pointers(void **state)
{
	(void)state;
	for (int right = 0; right < 2; right++) {
		struct fixture f;

		start(&f, 24);
		uint64_t node = put_struct(&f, "main.node", 32, 5,
					   (struct image_field[]){ { "p", f.word, 0, false },
								   { "n", f.number, 8, false },
								   { "q", f.word, 16, false },
								   { "k", f.number, 24, false },
								   { 0 } });
		uint64_t ptr = image_put_pointer(f.img, node, "*main.node", false);
		uint64_t t = put_struct(&f, "main.list", 24, 5,
					(struct image_field[]){ { "first", ptr, 0, false },
								{ "n", f.number, 8, false },
								{ "m", f.map.addr, 16, false },
								{ 0 } });
		put_object(&f, 3, 5);
		uint64_t child = image_alloc_words(f.img, 4, right ? 5 : 3);
		image_u64(f.img, f.object, child);
		image_u64(f.img, f.object + 16, f.map_addr);
		if (right)
			expect(&f, type_object(&f, 0), t, FIT_VALUE, true, 1);
		else
			assert_int_equal(type_object(&f, 0).kind, FIT_NONE);
		end(&f);
	}
}

static uint32_t next_random(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 8;
}

/* Words of all sorts: addresses of objects, of types, of nothing, small numbers. */
static void put_random_words(struct fixture *f, unsigned int words, uint32_t *seed)
{
	for (unsigned int w = 0; w < words; w++) {
		const uint64_t values[] = { 0,
					    1,
					    next_random(seed) % 16,
					    f->map_addr,
					    f->other_addr + 8,
					    f->map.addr,
					    f->object,
					    FUNC,
					    ITABS,
					    IMAGE_NOWHERE,
					    (uint64_t)next_random(seed) << 40,
					    IMAGE_HEAP + next_random(seed) % (1 << 20) };

		image_u64(f->img, f->object + 8ull * w, values[next_random(seed) % CNT(values)]);
	}
}

static void random_words_do_no_harm(void **state)
{
	uint32_t seed = 7;

	(void)state;
	for (size_t i = 0; i < CNT(all_minors); i++) {
		struct fixture f;

		start(&f, all_minors[i]);
		uint64_t reader = image_put_interface(f.img, "io.Reader", 1, 100);
		uint64_t list = image_put_slice(f.img, f.map.addr, "[]map");
		uint64_t chan = image_put_chan(f.img, list, "chan []map");
		uint64_t func = image_put_func(f.img, "func()");
		uint64_t t = put_struct(&f, "main.T", 72, 0x37,
					(struct image_field[]){ { "m", f.map.addr, 0, false },
								{ "c", chan, 8, false },
								{ "f", func, 16, false },
								{ "i", reader, 24, false },
								{ "l", list, 32 + 8, false },
								{ "ok", f.flag, 64, false },
								{ 0 } });
		image_put_pointer(f.img, t, "*main.T", false);
		put_itab(&f, reader, t, 0);
		put_object(&f, 9, 0x37);
		expect(&f, type_object(&f, 0), t, FIT_VALUE, false, 1);
		for (int round = 0; round < 200; round++) {
			put_random_words(&f, 9, &seed);
			struct fit fit = type_object(&f, round % 2 ? t : 0);
			assert_true(!fit.certain || fit.candidates);
		}
		end(&f);
	}
}

static void objects_without_pointers_have_no_type(void **state)
{
	struct fixture f;

	(void)state;
	start(&f, 24);
	put_object(&f, 3, 0);
	assert_int_equal(type_object(&f, 0).kind, FIT_NONE);
	end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_only_type_with_that_map_is_certain),
		cmocka_unit_test(equal_types_are_a_guess_that_a_parent_settles),
		cmocka_unit_test(the_field_may_be_certain_where_the_type_is_not),
		cmocka_unit_test(fields_of_map_type_come_first),
		cmocka_unit_test(atomic_pointers_lead_to_no_map),
		cmocka_unit_test(the_only_type_may_be_a_guess),
		cmocka_unit_test(the_mask_and_the_size_are_exact),
		cmocka_unit_test(a_map_is_nothing_else),
		cmocka_unit_test(values_of_other_types_reject),
		cmocka_unit_test(tables_of_methods_name_the_interface),
		cmocka_unit_test(words_that_are_no_interfaces_reject),
		cmocka_unit_test(interfaces_with_equal_methods_are_equal),
		cmocka_unit_test(arrays_of_structs),
		cmocka_unit_test(array_types_and_arrays_are_the_same),
		cmocka_unit_test(variables_of_map_type),
		cmocka_unit_test(malloc_headers_are_certain),
		cmocka_unit_test(group_arrays_are_the_maps),
		cmocka_unit_test(small_bucket_arrays_by_their_header),
		cmocka_unit_test(headers_tables_and_directories),
		cmocka_unit_test(channels_say_their_elems),
		cmocka_unit_test(closures_have_their_function),
		cmocka_unit_test(other_code_addresses_are_no_closures),
		cmocka_unit_test(pointers_out_of_the_heap),
		cmocka_unit_test(children_must_have_their_pointers),
		cmocka_unit_test(random_words_do_no_harm),
		cmocka_unit_test(objects_without_pointers_have_no_type),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
