// SPDX-License-Identifier: GPL-2.0-only
/*
 * Whose variable a word is, by code and inline trees that are written by hand. Each function has
 * 0x40 bytes; what is at 0x20 and after may be of a function that was inlined.
 */
#include <string.h>

#include "image.h"

#include "graph/code_uses.h"
#include "graph/source_funcs.h"
#include "graph/varrefs.h"
#include "process/dataroots.h"

#define CODE 0x1000000ull
#define NAMES 0x1100000ull
#define TABLE 0x1200000ull
#define PCTAB 0x1300000ull
#define GOFUNC 0x1400000ull
#define DATA 0x1500000ull

enum {
	FUNC_SZ = 0x40,
	INLINED = 0x20, /* offset of the code of the inlined function */
	FUNCS_MAX = 8,
	RECORDS = 0x100, /* in the table */
	RECORD_SZ = 0x60,
	VALUES_SZ = 16, /* in pctab, for each function */
	TREE_SZ = 32, /* from gofunc, for each function */
	DATA_WORDS = 64,
	NAME_SZ = 64,
};

struct vars {
	struct image *img;
	size_t funcs;
	uint32_t names;
	uint64_t at[FUNCS_MAX]; /* where the code goes on, of both parts */
	uint64_t at_inlined[FUNCS_MAX];
	uint8_t mask[DATA_WORDS / 8];
	struct data_range range;
	struct data_roots roots;
	struct varrefs *refs;
	bool stop;
};

static uint32_t put_name(struct vars *v, const char *name)
{
	uint32_t off = v->names;

	image_write(v->img, NAMES + off, name, strlen(name) + 1);
	v->names += NAME_SZ;
	return off;
}

/* Adds a function; `inlined` names what is at 0x20 of it, or is NULL. */
static size_t add_func(struct vars *v, const char *name, const char *inlined)
{
	size_t i = v->funcs++;
	uint64_t record = TABLE + RECORDS + i * RECORD_SZ, values = PCTAB + (i + 1) * VALUES_SZ;
	/* The index is -1 for 0x20 bytes, then 0 for 0x20 bytes. */
	static const uint8_t steps[] = { 0, INLINED, 2, FUNC_SZ - INLINED, 0 };

	image_u32(v->img, TABLE + 8 * i, i * FUNC_SZ);
	image_u32(v->img, TABLE + 8 * i + 4, RECORDS + i * RECORD_SZ);
	image_u32(v->img, record + 4, put_name(v, name));
	if (inlined) {
		image_u32(v->img, record + 28, 3); /* npcdata */
		image_u8(v->img, record + 43, 4); /* nfuncdata */
		image_u32(v->img, record + 44 + 4 * 2, values - PCTAB);
		image_u32(v->img, record + 44 + 4 * (3 + 3), i * TREE_SZ);
		image_write(v->img, values, steps, sizeof(steps));
		image_u32(v->img, GOFUNC + i * TREE_SZ + 4, put_name(v, inlined));
		image_u32(v->img, GOFUNC + i * TREE_SZ + 8, 0); /* called at 0 */
	}
	for (size_t off = 0; off < FUNC_SZ; off++)
		image_u8(v->img, CODE + i * FUNC_SZ + off, 0x90);
	v->at[i] = CODE + i * FUNC_SZ;
	v->at_inlined[i] = v->at[i] + INLINED;
	return i;
}

enum { LOAD = 0x8b, STORE = 0x89, ADDRESS = 0x8d };

static void put_ref(struct vars *v, uint64_t *at, uint8_t opcode, size_t word)
{
	const uint8_t insn[] = { 0x48, opcode, 0x05 };

	image_write(v->img, *at, insn, sizeof(insn));
	image_u32(v->img, *at + 3, DATA + 8 * word - (*at + 7));
	*at += 7;
}

static void uses(struct vars *v, size_t func, uint8_t opcode, size_t word)
{
	put_ref(v, &v->at[func], opcode, word);
}

static void inlined_uses(struct vars *v, size_t func, uint8_t opcode, size_t word)
{
	put_ref(v, &v->at_inlined[func], opcode, word);
}

static void vars_new(struct vars *v)
{
	*v = (struct vars){ .img = image_new(24, "") };
	image_zero(v->img, NAMES, 2 * FUNCS_MAX * NAME_SZ);
	image_zero(v->img, TABLE, RECORDS + FUNCS_MAX * RECORD_SZ);
	image_zero(v->img, PCTAB, (FUNCS_MAX + 1) * VALUES_SZ);
	image_zero(v->img, GOFUNC, FUNCS_MAX * TREE_SZ);
	image_zero(v->img, CODE, FUNCS_MAX * FUNC_SZ);
	image_zero(v->img, DATA, 8 * DATA_WORDS);
	memset(v->mask, 0xff, sizeof(v->mask));
	v->range =
		(struct data_range){ .start = DATA, .end = DATA + 8 * DATA_WORDS, .mask = v->mask };
	v->roots = (struct data_roots){ .ranges = &v->range, .cnt = 1 };
}

static void vars_open(struct vars *v)
{
	struct program *prog = &v->img->prog;
	const struct moduledata md = {
		.text = CODE,
		.etext = CODE + v->funcs * FUNC_SZ,
		.funcnametab = NAMES,
		.funcnametab_len = v->names,
		.pclntable = TABLE,
		.pclntable_len = RECORDS + FUNCS_MAX * RECORD_SZ,
		.ftab_cnt = v->funcs + 1,
		.pctab = PCTAB,
		.pctab_len = (FUNCS_MAX + 1) * VALUES_SZ,
		.gofunc = GOFUNC,
	};

	image_u32(v->img, TABLE + 8 * v->funcs, v->funcs * FUNC_SZ);
	pclntab_free(prog->funcs);
	prog->md = md;
	prog->image.pcheader.min_lc = 1;
	assert_null(pclntab_new(&v->img->target.mem, &md, &prog->funcs));
	assert_null(varrefs_open(prog, &v->roots, &v->stop, &v->refs));
}

static void vars_close(struct vars *v)
{
	varrefs_close(v->refs);
	image_free(v->img);
}

static void expect(struct vars *v, size_t word, const char *package, bool certain)
{
	struct varref ref;

	varrefs_find(v->refs, DATA + 8 * word, &ref);
	assert_null(ref.name);
	if (package)
		assert_string_equal(ref.package, package);
	else
		assert_null(ref.package);
	assert_int_equal(ref.certain, certain);
}

static void a_declaration_is_certain(void **state)
{
	struct vars v;
	struct varref ref;

	(void)state;
	vars_new(&v);
	uses(&v, add_func(&v, "example.com/pay.init", NULL), STORE, 5);
	uses(&v, add_func(&v, "example.com/pay.(*Store).Add", NULL), LOAD, 5);
	uses(&v, add_func(&v, "main.main", NULL), LOAD, 5);
	uses(&v, add_func(&v, "main.init.0", NULL), STORE, 5);
	uses(&v, add_func(&v, "gopkg.in/yaml%2ev3.map.init.0", NULL), STORE, 9);
	vars_open(&v);
	expect(&v, 5, "example.com/pay", true);
	expect(&v, 9, "gopkg.in/yaml.v3", true);
	varrefs_find(v.refs, DATA + 40, &ref);
	assert_int_equal(ref.used_by_cnt, 3);
	assert_string_equal(ref.used_by[0], "example.com/pay.(*Store).Add");
	assert_string_equal(ref.used_by[1], "main.main");
	assert_string_equal(ref.used_by[2], "example.com/pay.init");
	assert_true(ref.base == DATA + 40);
	vars_close(&v);
}

/* Code of a package that was inlined into another one uses what is of the first one. */
static void inlined_code_counts_for_its_own_package(void **state)
{
	struct vars v;

	(void)state;
	vars_new(&v);
	size_t f = add_func(&v, "main.main", "example.com/pay.Get");
	inlined_uses(&v, f, LOAD, 5);
	uses(&v, add_func(&v, "example.com/pay.Set", NULL), STORE, 5);
	vars_open(&v);
	expect(&v, 5, "example.com/pay", true);
	vars_close(&v);
}

/* sync/atomic has methods, but the variable is of whoever calls them. */
static void inlined_methods_of_locks_do_not_count(void **state)
{
	struct vars v;

	(void)state;
	vars_new(&v);
	size_t f = add_func(&v, "math/rand.globalRand", "sync/atomic.(*Pointer[...]).Load");
	inlined_uses(&v, f, ADDRESS, 5);
	vars_open(&v);
	expect(&v, 5, "math/rand", true);
	vars_close(&v);
}

static void guesses_are_not_certain(void **state)
{
	struct vars v;

	(void)state;
	vars_new(&v);
	size_t get = add_func(&v, "cfg.Get", NULL), main = add_func(&v, "main.main", NULL);
	size_t init = add_func(&v, "main.init.0", NULL);
	uses(&v, main, STORE, 5); /* cfg.Env, which main sets */
	uses(&v, get, LOAD, 5);
	uses(&v, get, LOAD, 10); /* nobody sets it */
	uses(&v, init, STORE, 15); /* maybe a variable of another package */
	uses(&v, add_func(&v, "cfg.Any[...]", NULL), STORE, 20);
	vars_open(&v);
	expect(&v, 5, "main", false);
	expect(&v, 10, "cfg", false);
	expect(&v, 15, "main", false);
	expect(&v, 20, "cfg", false);
	expect(&v, 3, NULL, false); /* there is nothing below */
	vars_close(&v);
}

/* A word inside of a variable is of the nearest one below that is referred to. */
static void words_inside_are_guesses(void **state)
{
	struct vars v;
	struct varref ref;

	(void)state;
	vars_new(&v);
	uses(&v, add_func(&v, "pay.init", NULL), STORE, 5);
	vars_open(&v);
	expect(&v, 8, "pay", false);
	varrefs_find(v.refs, DATA + 64, &ref);
	assert_true(ref.base == DATA + 40);
	vars_close(&v);
}

/* What the initial value of a variable points to has no code of its own. */
static void what_a_variable_points_to_is_of_its_package(void **state)
{
	struct vars v;

	(void)state;
	vars_new(&v);
	uses(&v, add_func(&v, "other.init", NULL), STORE, 20);
	uses(&v, add_func(&v, "pay.init", NULL), STORE, 5);
	image_u64(v.img, DATA + 40, DATA + 8 * 30);
	image_u64(v.img, DATA + 8 * 31, DATA + 8 * 30); /* a list of one */
	image_u64(v.img, DATA + 8 * 40, DATA + 8 * 40); /* only itself */
	vars_open(&v);
	expect(&v, 25, "other", false);
	expect(&v, 32, "pay", false);
	vars_close(&v);
}

/* Words that point to each other must not keep us busy. */
static void cycles_end(void **state)
{
	struct vars v;

	(void)state;
	vars_new(&v);
	add_func(&v, "main.main", NULL);
	for (size_t w = 0; w < DATA_WORDS; w++)
		image_u64(v.img, DATA + 8 * w, DATA + 8 * ((w + 32) % DATA_WORDS));
	vars_open(&v);
	for (size_t w = 0; w < DATA_WORDS; w++)
		expect(&v, w, NULL, false);
	vars_close(&v);
}

/* Bytes that look like a reference, in the middle of an instruction. */
static void only_instructions_count(void **state)
{
	struct vars v;

	(void)state;
	vars_new(&v);
	size_t f = add_func(&v, "main.main", NULL);
	image_u8(v.img, v.at[f], 0x48);
	image_u8(v.img, v.at[f] + 1, 0xb8); /* mov $constant, %rax */
	v.at[f] += 2;
	put_ref(&v, &v.at[f], STORE, 5);
	vars_open(&v);
	expect(&v, 5, NULL, false);
	vars_close(&v);
}

static void after_a_stop_nothing_is_certain(void **state)
{
	struct vars v;

	(void)state;
	vars_new(&v);
	uses(&v, add_func(&v, "pay.init", NULL), STORE, 5);
	v.stop = true;
	vars_open(&v);
	expect(&v, 5, NULL, false);
	vars_close(&v);
}

static void survives_any_code(void **state)
{
	uint64_t random = 1;

	(void)state;
	for (int round = 0; round < 300; round++) {
		struct vars v;

		vars_new(&v);
		size_t f = add_func(&v, "a.init", "b.f");
		for (size_t off = 0; off < FUNC_SZ; off++) {
			random = random * 6364136223846793005 + 1442695040888963407;
			image_u8(v.img, CODE + f * FUNC_SZ + off, random >> 40);
		}
		for (size_t i = 0; i < 4; i++)
			put_ref(&v, &(uint64_t){ CODE + f * FUNC_SZ + 9 * i }, STORE, 7 * i);
		vars_open(&v);
		for (size_t w = 0; w < DATA_WORDS; w++) {
			struct varref ref;

			varrefs_find(v.refs, DATA + 8 * w, &ref);
		}
		vars_close(&v);
	}
}

/* ---- names ---- */

static void expect_split(const char *name, const char *package, const char *rest)
{
	char got[64];
	const char *got_rest = package_split(name, got, sizeof(got));

	if (!rest) {
		assert_null(got_rest);
		return;
	}
	assert_string_equal(got_rest, rest);
	assert_string_equal(got, package);
}

static void names_are_split_after_the_package(void **state)
{
	(void)state;
	expect_split("main.main", "main", "main");
	expect_split("example.com/a/b.(*T).M", "example.com/a/b", "(*T).M");
	expect_split("gopkg.in/yaml%2ev2.F", "gopkg.in/yaml.v2", "F");
	expect_split("go.uber.org/zap.init", "go.uber.org/zap", "init");
	expect_split("go/build.Default", "go/build", "Default");
	expect_split("a.Do[example.com/b.T]", "a", "Do[example.com/b.T]");
	expect_split("net/http..stmp_12", "net/http", ".stmp_12");
	expect_split("a%zz.F", "a%zz", "F");
	expect_split("a%2", NULL, NULL);
	expect_split("a%2.F", "a%2", "F");
	expect_split("type:.eq.main.T", NULL, NULL);
	expect_split("type..eq.main.T", NULL, NULL);
	expect_split("go:buildid", NULL, NULL);
	expect_split("go.buildid", NULL, NULL);
	expect_split("memcpy", NULL, NULL);
	expect_split(".x", NULL, NULL);
	expect_split("", NULL, NULL);
}

static void init_functions_are_told_apart(void **state)
{
	struct source_funcs funcs = { 0 };

	(void)state;
	assert_true(source_funcs_get(&funcs, "a.init")->is_var_init);
	assert_true(source_funcs_get(&funcs, "a.map.init.12")->is_var_init);
	assert_false(source_funcs_get(&funcs, "a.init.0")->is_var_init);
	assert_true(source_funcs_get(&funcs, "a.init.0")->is_init);
	assert_false(source_funcs_get(&funcs, "a.init.0.func1")->is_init);
	assert_false(source_funcs_get(&funcs, "a.initial")->is_init);
	assert_ptr_equal(source_funcs_get(&funcs, "a.f"), source_funcs_get(&funcs, "a.f"));
	assert_ptr_equal(source_funcs_get(&funcs, "a.f")->package,
			 source_funcs_get(&funcs, "a.g")->package);
	source_funcs_fini(&funcs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_declaration_is_certain),
		cmocka_unit_test(inlined_code_counts_for_its_own_package),
		cmocka_unit_test(inlined_methods_of_locks_do_not_count),
		cmocka_unit_test(guesses_are_not_certain),
		cmocka_unit_test(words_inside_are_guesses),
		cmocka_unit_test(what_a_variable_points_to_is_of_its_package),
		cmocka_unit_test(cycles_end),
		cmocka_unit_test(only_instructions_count),
		cmocka_unit_test(after_a_stop_nothing_is_certain),
		cmocka_unit_test(survives_any_code),
		cmocka_unit_test(names_are_split_after_the_package),
		cmocka_unit_test(init_functions_are_told_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
