// SPDX-License-Identifier: GPL-2.0-only
/* Types with their fields, from descriptors that are whole, odd, spoiled or hostile. */
#include <string.h>

#include "image_types.h"

#include "graph/catalogue.h"

#define PLUGIN 0x800000ull

struct fixture {
	struct image *img;
	struct catalogue *cat;
};

static int setup(void **state)
{
	static struct fixture f;

	f = (struct fixture){ .img = image_new(24, "") };
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	catalogue_close(f->cat);
	vec_fini(&f->img->prog.plugins);
	image_free(f->img);
	return 0;
}

static const struct cat_type *find(struct fixture *f, uint64_t addr)
{
	if (!f->cat)
		assert_null(catalogue_open(&f->img->prog, &f->cat));
	return catalogue_find(f->cat, addr);
}

/* main.cache with an embedded struct, an array of structs and padding. */
struct nested {
	uint64_t item, shard, base, cache;
};

static struct nested put_nested(struct image *img)
{
	struct nested n;
	uint64_t number = image_put_int(img), text = image_put_string(img);
	uint64_t flag = image_put_bool(img);

	n.item = image_put_struct(img, "main.item", "example.com/app/main", 24, 2,
				  (struct image_field[]){ { "n", number, 0, false },
							  { "name", text, 8, false },
							  { 0 } });
	n.shard = image_put_array(img, n.item, 4, 96, 0x492, "[4]main.item");
	n.base = image_put_struct(img, "store.base", "example.com/app/store", 104, 0x492 << 1,
				  (struct image_field[]){ { "open", flag, 0, false },
							  { "shards", n.shard, 8, false },
							  { 0 } });
	n.cache = image_put_struct(img, "main.cache", "example.com/app/main", 112, 0x492 << 2,
				   (struct image_field[]){ { "hits", number, 0, false },
							   { "base", n.base, 8, true },
							   { 0 } });
	return n;
}

static void structs_have_their_fields(void **state)
{
	struct fixture *f = *state;
	struct nested n = put_nested(f->img);
	const struct cat_type *t = find(f, n.cache);

	assert_non_null(t);
	assert_int_equal(t->kind, CAT_STRUCT);
	assert_int_equal(t->size, 112);
	assert_true(t->named);
	assert_int_equal(t->field_cnt, 2);
	assert_string_equal(t->fields[0].name, "hits");
	assert_false(t->fields[0].embedded);
	assert_string_equal(t->fields[1].name, "base");
	assert_true(t->fields[1].embedded);
	assert_int_equal(t->fields[1].off, 8);
	assert_ptr_equal(t->fields[1].type, find(f, n.base));
	assert_ptr_equal(find(f, n.shard)->elem, find(f, n.item));
	assert_int_equal(find(f, n.shard)->len, 4);
	assert_ptr_equal(catalogue_nth(f->cat, t->nth), t);
	assert_null(catalogue_nth(f->cat, catalogue_cnt(f->cat)));
	assert_null(find(f, n.cache + 8));
}

static void leaves_have_paths(void **state)
{
	struct fixture *f = *state;
	struct nested n = put_nested(f->img);
	const struct cat_type *t = find(f, n.cache);
	struct cat_leaf l;

	assert_true(catalogue_leaf(f->cat, t, 16 + 3 * 24 + 16, &l));
	assert_string_equal(l.path, "base.shards[3].name");
	assert_int_equal(l.type->kind, CAT_STRING);
	assert_int_equal(l.off, 8); /* the length */
	assert_ptr_equal(l.owner, find(f, n.item));
	assert_string_equal(l.path + l.owner_path, "name");
	assert_int_equal(l.owner_off, 16 + 3 * 24);
	assert_true(catalogue_leaf(f->cat, t, 8, &l));
	assert_string_equal(l.path, "base.open");
	assert_ptr_equal(l.owner, find(f, n.base));
	assert_true(catalogue_leaf(f->cat, t, 0, &l));
	assert_string_equal(l.path, "hits");
	assert_ptr_equal(l.owner, t);
	assert_int_equal(l.owner_path, 0);
	assert_false(catalogue_leaf(f->cat, t, 9, &l)); /* padding */
	assert_false(catalogue_leaf(f->cat, t, 112, &l));
}

/* The type itself may be the leaf. */
static void a_leaf_without_a_path(void **state)
{
	struct fixture *f = *state;
	uint64_t text = image_put_string(f->img);
	struct cat_leaf l;

	assert_true(catalogue_leaf(NULL, find(f, text), 8, &l));
	assert_string_equal(l.path, "");
	assert_null(l.owner);
	assert_int_equal(l.off, 8);
}

static void fields_without_bytes_are_no_leaves(void **state)
{
	struct fixture *f = *state;
	uint64_t none = image_put_struct(f->img, "struct {}", NULL, 0, 0, NULL);
	uint64_t word = image_put_unsafe_pointer(f->img);
	uint64_t lock = image_put_array(f->img, word, 0, 0, 0, "[0]unsafe.Pointer");
	uint64_t t = image_put_struct(f->img, "main.T", "main", 8, 1,
				      (struct image_field[]){ { "_", none, 0, false },
							      { "lock", lock, 0, false },
							      { "p", word, 0, false },
							      { "end", none, 8, false },
							      { 0 } });
	struct cat_leaf l;

	assert_non_null(find(f, t));
	assert_true(catalogue_leaf(f->cat, find(f, t), 0, &l));
	assert_string_equal(l.path, "p");
}

static void a_long_path_ends_in_dots(void **state)
{
	struct fixture *f = *state;
	char name[100];
	uint64_t t = image_put_int(f->img);
	struct cat_leaf l;

	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = 0;
	for (int i = 0; i < 4; i++)
		t = image_put_struct(f->img, "main.T", "main", 8, 0,
				     (struct image_field[]){ { name, t, 0, false }, { 0 } });
	assert_true(catalogue_leaf(f->cat, find(f, t), 0, &l));
	assert_int_equal(strlen(l.path), sizeof(l.path) - 1);
	assert_string_equal(l.path + sizeof(l.path) - 4, "...");
	assert_int_equal(l.type->kind, CAT_INT);
}

static void names_have_the_paths_of_packages(void **state)
{
	struct fixture *f = *state;
	struct image *img = f->img;
	uint64_t number = image_put_int(img);
	uint64_t t = image_put_struct(img, "scrape.cache", "example.com/app/scrape", 8, 0,
				      (struct image_field[]){ { "n", number, 0, false }, { 0 } });
	uint64_t generic =
		image_put_struct(img, "list.List[example.com/x.T]", "example.com/list", 8, 0,
				 (struct image_field[]){ { "n", number, 0, false }, { 0 } });
	uint64_t ptr = image_put_pointer(img, t, "*scrape.cache", false);
	uint64_t slice = image_put_slice(img, ptr, "[]*scrape.cache");
	uint64_t array = image_put_array(img, ptr, 3, 24, 7, "[3]*scrape.cache");
	uint64_t chan = image_put_chan(img, slice, "chan []*scrape.cache");
	uint64_t recv = image_put_chan(img, t, "<-chan scrape.cache");

	assert_string_equal(cat_type_name(f->cat, find(f, t)), "example.com/app/scrape.cache");
	assert_string_equal(cat_type_linked_name(f->cat, find(f, t)), "scrape.cache");
	assert_string_equal(cat_type_name(f->cat, find(f, generic)),
			    "example.com/list.List[example.com/x.T]");
	assert_string_equal(cat_type_name(f->cat, find(f, slice)),
			    "[]*example.com/app/scrape.cache");
	assert_string_equal(cat_type_name(f->cat, find(f, array)),
			    "[3]*example.com/app/scrape.cache");
	assert_string_equal(cat_type_name(f->cat, find(f, chan)),
			    "chan []*example.com/app/scrape.cache");
	assert_string_equal(cat_type_name(f->cat, find(f, recv)),
			    "<-chan example.com/app/scrape.cache");
	/* Asked for again it is the same one. */
	assert_ptr_equal(cat_type_name(f->cat, find(f, chan)),
			 cat_type_name(f->cat, find(f, chan)));
}

static void names_of_maps(void **state)
{
	static const unsigned int minors[] = { 19, 23, 24, 27 };

	(void)state;
	for (size_t i = 0; i < CNT(minors); i++) {
		struct fixture f = { .img = image_new(minors[i], "") };
		struct image_type m = image_string_to_ptr();

		m.key_type = image_put_string(f.img);
		uint64_t t = image_put_struct(f.img, "pay.T", "example.com/pay", 0, 0, NULL);
		m.elem_type = image_put_pointer(f.img, t, "*pay.T", false);
		image_put_map(f.img, &m);
		const struct cat_type *type = find(&f, m.addr);
		assert_non_null(type);
		assert_string_equal(cat_type_name(f.cat, type), "map[string]*example.com/pay.T");
		assert_ptr_equal(type->bucket, catalogue_find(f.cat, m.bucket));
		assert_ptr_equal(type->key, catalogue_find(f.cat, m.key_type));
		assert_true(type->direct);
		catalogue_close(f.cat);
		image_free(f.img);
	}
}

/* Pointers to what is never in the heap have no pointer bytes, as *runtime.mspan. They must not
 * drop what contains them. */
static void pointers_out_of_the_heap_are_types(void **state)
{
	struct fixture *f = *state;
	uint64_t span = image_put_struct(f->img, "runtime.mspan", "runtime", 0, 0, NULL);
	uint64_t ptr = image_put_pointer(f->img, span, "*runtime.mspan", true);
	uint64_t t = image_put_struct(
		f->img, "runtime.special", "runtime", 16, 2,
		(struct image_field[]){ { "span", ptr, 0, false },
					{ "p", image_put_unsafe_pointer(f->img), 8, false },
					{ 0 } });
	uint64_t mask;

	assert_non_null(find(f, ptr));
	assert_int_equal(find(f, ptr)->ptr_bytes, 0);
	assert_false(find(f, ptr)->direct);
	assert_non_null(find(f, t));
	assert_true(cat_type_mask(find(f, t), &mask, 2));
	assert_int_equal(mask, 2);
}

/* A type of 2^48-1 bytes exists in bbolt, behind a pointer. */
static void huge_types_do_not_drop_what_has_them(void **state)
{
	struct fixture *f = *state;
	struct image *img = f->img;
	const uint64_t huge = (1ull << 48) - 1;
	uint64_t byte = image_put_number(img, 8, 1, "uint8");
	uint64_t bytes = image_put_array(img, byte, huge, huge, 0, "[281474976710655]uint8");
	uint64_t ptr = image_put_pointer(img, bytes, "*[281474976710655]uint8", false);
	uint64_t word = image_put_unsafe_pointer(img);
	uint64_t db = image_put_struct(img, "bbolt.DB", "go.etcd.io/bbolt", 16, 3,
				       (struct image_field[]){ { "data", ptr, 0, false },
							       { "p", word, 8, false },
							       { 0 } });
	/* By value: a pointer, then the bytes. */
	uint64_t t = image_put_struct(img, "main.Huge", "main", 8 + huge + 1, 1,
				      (struct image_field[]){ { "p", word, 0, false },
							      { "data", bytes, 8, false },
							      { 0 } });
	uint64_t many = image_put_array(img, t, 3, 3 * (huge + 9), 0, "[3]main.Huge");
	uint64_t mask[2];
	struct cat_leaf l;

	image_u64(img, many + 8, 2 * (huge + 9) + 8); /* pointer bytes */
	image_u64(img, many + 32, img->text_next); /* some mask */
	image_u8(img, many + 21, 8);
	image_u8(img, many + 22, 8);
	assert_non_null(find(f, bytes));
	assert_non_null(find(f, db));
	assert_non_null(find(f, t));
	assert_non_null(find(f, many));
	assert_true(cat_type_mask(find(f, many), mask, 128));
	assert_int_equal(mask[0], 1);
	assert_int_equal(mask[1], 0);
	assert_true(catalogue_leaf(f->cat, find(f, many), 2 * (huge + 9) + 8 + (1ull << 40), &l));
	assert_string_equal(l.path, "[2].data[1099511627776]");
}

static void masks_follow_from_fields(void **state)
{
	struct fixture *f = *state;
	struct image *img = f->img;
	uint64_t number = image_put_int(img), text = image_put_string(img);
	uint64_t any = image_put_interface(img, "interface {}", 0, 0);
	uint64_t list = image_put_slice(img, text, "[]string");
	uint64_t pair = image_put_struct(img, "struct { a any; n int }", NULL, 24, 2,
					 (struct image_field[]){ { "a", any, 0, false },
								 { "n", number, 16, false },
								 { 0 } });
	uint64_t pairs = image_put_array(img, pair, 2, 48, 0x12, "[2]struct");
	uint64_t t = image_put_struct(img, "main.T", "main", 104, 0x1221,
				      (struct image_field[]){ { "s", text, 0, false },
							      { "ps", pairs, 32, false },
							      { "l", list, 80, false },
							      { 0 } });
	uint64_t mask;

	assert_non_null(find(f, t));
	assert_true(cat_type_mask(find(f, t), &mask, 13));
	/* The string at word 0; the second words of interfaces 4 and 7; the slice at word 10. */
	assert_int_equal(mask, 1 | 1 << 5 | 1 << 8 | 1 << 10);
	assert_true(cat_type_mask(find(f, t), &mask, 6)); /* a part of it */
	assert_int_equal(mask, 1 | 1 << 5);
}

/* ---- What is no type ---- */

static void spoiled_types_are_dropped(void **state)
{
	static const struct {
		unsigned int off;
		uint64_t word; /* or byte */
		unsigned int bytes;
		const char *what;
	} rows[] = {
		{ 0, 4, 8, "smaller than its fields" },
		{ 8, 120, 8, "more pointer bytes than bytes" },
		{ 8, 12, 8, "half a pointer" },
		{ 20, 64, 1, "unknown flags" },
		{ 21, 0, 1, "no alignment" },
		{ 21, 3, 1, "an odd alignment" },
		{ 22, 16, 1, "fields are aligned to more" },
		{ 23, 27, 1, "no kind" },
		{ 23, 0, 1, "kind 0" },
		{ 32, 0, 8, "pointers without a mask" },
		{ 40, 0, 4, "no name" },
		{ 40, 0x7fffffff, 4, "a name somewhere else" },
		{ 44, 0x7fffffff, 4, "the pointer to it somewhere else" },
		{ 56, IMAGE_NOWHERE, 8, "fields somewhere else" },
		{ 64, 1, 8, "fewer fields than room" },
		{ 64, 1ull << 60, 8, "too many fields" },
	};

	(void)state;
	for (size_t i = 0; i < CNT(rows); i++) {
		struct fixture f = { .img = image_new(24, "") };
		struct nested n = put_nested(f.img);

		image_write(f.img, n.base + rows[i].off, &rows[i].word, rows[i].bytes);
		if (find(&f, n.base))
			fail_msg("%s", rows[i].what);
		assert_null(find(&f, n.cache)); /* it has a field of that type */
		assert_non_null(find(&f, n.shard)); /* the other way round */
		catalogue_close(f.cat);
		image_free(f.img);
	}
}

static void fields_must_fit(void **state)
{
	static const struct {
		uint64_t off_a, off_b;
		bool fits;
	} rows[] = {
		{ 0, 8, true },
		{ 0, 16, true },
		{ 16, 0, false },
		{ 0, 24, false },
		{ 0, 4, false },
		{ 8, 8, false },
		{ 0, UINT64_MAX - 7, false },
	};

	for (size_t i = 0; i < CNT(rows); i++) {
		struct fixture f = { .img = image_new(24, "") };
		uint64_t number = image_put_int(f.img);
		uint64_t t = image_put_struct(
			f.img, "main.T", "main", 24, 0,
			(struct image_field[]){ { "a", number, rows[i].off_a, false },
						{ "b", number, rows[i].off_b, false },
						{ 0 } });

		assert_int_equal(find(&f, t) != NULL, rows[i].fits);
		catalogue_close(f.cat);
		image_free(f.img);
	}
	(void)state;
}

static void arrays_have_the_size_of_their_elems(void **state)
{
	struct fixture *f = *state;
	uint64_t number = image_put_int(f->img);
	uint64_t good = image_put_array(f->img, number, 4, 32, 0, "[4]int");
	uint64_t bad = image_put_array(f->img, number, 4, 40, 0, "[5]int");
	uint64_t wraps =
		image_put_array(f->img, number, 1ull << 61, 0, 0, "[2305843009213693952]int");

	assert_non_null(find(f, good));
	assert_null(find(f, bad));
	assert_null(find(f, wraps));
}

static void references_must_lead_to_types(void **state)
{
	struct fixture *f = *state;
	uint64_t number = image_put_int(f->img);
	uint64_t to_text = image_put_pointer(f->img, number + 8, "*main.T", false);
	uint64_t ptr = image_put_pointer(f->img, to_text, "**main.T", false);
	uint64_t far = image_put_slice(f->img, IMAGE_NOWHERE, "[]main.T");
	uint64_t again = image_put_pointer(f->img, 0, "*main.Self", false);

	image_u64(f->img, again + 48, again); /* type Self *Self */
	assert_null(find(f, to_text));
	assert_null(find(f, ptr));
	assert_null(find(f, far));
	assert_non_null(find(f, again));
	assert_ptr_equal(find(f, again)->elem, find(f, again));
	assert_true(strlen(cat_type_name(f->cat, find(f, again))) > 0);
}

/* A struct that has itself as a field, and types that nest deeper than any real one. */
static void hostile_types_end(void **state)
{
	struct fixture *f = *state;
	struct image *img = f->img;
	uint64_t word = image_put_unsafe_pointer(img);
	uint64_t self = image_put_struct(img, "main.Self", "main", 8, 1,
					 (struct image_field[]){ { "s", word, 0, false }, { 0 } });
	uint64_t fields = image_get_u64(img, self + 56), deep = word, mask;
	struct cat_leaf l;

	image_u64(img, fields + 8, self);
	for (int i = 0; i < 100; i++)
		deep = image_put_struct(img, "main.Deep", "main", 8, 1,
					(struct image_field[]){ { "d", deep, 0, false }, { 0 } });
	assert_non_null(find(f, self));
	assert_false(catalogue_leaf(f->cat, find(f, self), 0, &l));
	assert_false(cat_type_mask(find(f, self), &mask, 1));
	assert_non_null(find(f, deep));
	assert_false(catalogue_leaf(f->cat, find(f, deep), 0, &l));
	assert_false(cat_type_mask(find(f, deep), &mask, 1));
	assert_false(find(f, self)->direct);
}

static void use_all(struct catalogue *cat)
{
	for (size_t i = 0; i < catalogue_cnt(cat); i++) {
		const struct cat_type *t = catalogue_nth(cat, i);
		uint64_t mask[2];
		struct cat_leaf l;

		assert_non_null(cat_type_name(cat, t));
		cat_type_mask(t, mask, 128);
		for (uint64_t off = 0; off < t->size && off < 256; off++)
			catalogue_leaf(cat, t, off, &l);
	}
}

static uint32_t next_random(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 8;
}

/* Whatever a section says, reading it ends, and stays inside of it. */
static void random_bytes_do_no_harm(void **state)
{
	uint32_t seed = 1;

	(void)state;
	for (int round = 0; round < 200; round++) {
		struct fixture f = { .img = image_new(round % 2 ? 24 : 19, "") };
		struct image_type m = image_string_to_ptr();

		put_nested(f.img);
		image_put_map(f.img, &m);
		for (int i = 0; i < 20; i++) {
			uint64_t at = i % 2 ? IMAGE_TYPES : IMAGE_TYPES + 0x18000;
			uint64_t end = i % 2 ? f.img->type_next : f.img->text_next;
			uint32_t off = next_random(&seed) % (end - at);

			image_u8(f.img, at + off, next_random(&seed));
		}
		assert_null(catalogue_open(&f.img->prog, &f.cat));
		use_all(f.cat);
		catalogue_close(f.cat);
		image_free(f.img);
	}
}

static void control_characters_are_replaced(void **state)
{
	struct fixture *f = *state;
	uint64_t number = image_put_int(f->img);
	uint64_t t =
		image_put_struct(f->img, "main.\033[31mT", "main\n", 8, 0,
				 (struct image_field[]){ { "a\tb", number, 0, false }, { 0 } });

	assert_non_null(find(f, t));
	assert_string_equal(find(f, t)->fields[0].name, "a?b");
	assert_null(strchr(cat_type_name(f->cat, find(f, t)), '\n'));
	assert_null(strchr(cat_type_name(f->cat, find(f, t)), '\033'));
}

static void an_unreadable_section_is_an_error(void **state)
{
	struct fixture *f = *state;

	image_unmap(f->img, IMAGE_TYPES, IMAGE_PAGE_SZ);
	struct err *err = catalogue_open(&f->img->prog, &f->cat);
	assert_non_null(err);
	err_free(err);
}

/* ---- Plugins ---- */

static void add_plugin(struct fixture *f, uint64_t types)
{
	struct plugin p = { .mem = &f->img->target.mem };

	p.md.types = types;
	p.md.etypes = types + IMAGE_TYPES_SZ;
	assert_true(vec_push(&f->img->prog.plugins, p));
}

/* The dynamic linker makes all modules use one of the copies. */
static void a_type_of_two_modules_is_there_once(void **state)
{
	struct fixture *f = *state;
	struct nested n = put_nested(f->img);
	uint64_t only = image_put_number(f->img, 12, 8, "uintptr");
	const uint64_t move = PLUGIN - IMAGE_TYPES;

	for (uint64_t off = 0; off < IMAGE_TYPES_SZ; off += 8) {
		uint64_t word = image_get_u64(f->img, IMAGE_TYPES + off);

		if (word - IMAGE_TYPES < IMAGE_TYPES_SZ)
			word += move;
		image_u64(f->img, PLUGIN + off, word);
	}
	image_u32(f->img, only + move + 16, 7); /* of another hash */
	add_plugin(f, PLUGIN);
	assert_non_null(find(f, n.cache));
	assert_ptr_equal(find(f, n.cache + move), find(f, n.cache));
	assert_ptr_equal(find(f, n.item + move), find(f, n.item));
	assert_non_null(find(f, only + move));
	assert_ptr_not_equal(find(f, only + move), find(f, only));
	assert_ptr_equal(find(f, n.cache)->fields[1].type, find(f, n.base));
}

static void plugins_that_cannot_be_read_are_left_out(void **state)
{
	static const uint64_t places[] = { IMAGE_NOWHERE, IMAGE_TYPES + 8 };

	(void)state;
	for (size_t i = 0; i < CNT(places); i++) {
		struct fixture f = { .img = image_new(24, "") };
		struct nested n = put_nested(f.img);

		add_plugin(&f, places[i]);
		assert_non_null(find(&f, n.cache));
		catalogue_close(f.cat);
		vec_fini(&f.img->prog.plugins);
		image_free(f.img);
	}
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(structs_have_their_fields),
		TEST(leaves_have_paths),
		TEST(a_leaf_without_a_path),
		TEST(fields_without_bytes_are_no_leaves),
		TEST(a_long_path_ends_in_dots),
		TEST(names_have_the_paths_of_packages),
		cmocka_unit_test(names_of_maps),
		TEST(pointers_out_of_the_heap_are_types),
		TEST(huge_types_do_not_drop_what_has_them),
		TEST(masks_follow_from_fields),
		cmocka_unit_test(spoiled_types_are_dropped),
		cmocka_unit_test(fields_must_fit),
		TEST(arrays_have_the_size_of_their_elems),
		TEST(references_must_lead_to_types),
		TEST(hostile_types_end),
		cmocka_unit_test(random_bytes_do_no_harm),
		TEST(control_characters_are_replaced),
		TEST(an_unreadable_section_is_an_error),
		TEST(a_type_of_two_modules_is_there_once),
		cmocka_unit_test(plugins_that_cannot_be_read_are_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
