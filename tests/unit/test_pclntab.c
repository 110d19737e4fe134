// SPDX-License-Identifier: GPL-2.0-only
/*
 * The function table, written by hand (go-runtime facts 5.2):
 *
 *	funcnametab	names, each ended by a NUL
 *	pclntable	ftab: for each function { entry u32, record offset u32 }, and one
 *			entry that ends it; then records: { entry u32, name offset u32 }
 */
#include <stdio.h>
#include <string.h>

#include "image.h"

#include "process/pclntab.h"

#define TEXT 0x401000ull
#define NAMES 0x900000ull
#define TABLE 0x10000000ull

enum { FUNC_SZ = 0x40 };

struct table {
	struct image *img;
	struct moduledata md;
	struct pclntab *tab;
};

/* Writes n functions of FUNC_SZ bytes each, in the order of names. */
static void table_write(struct table *t, const char *const *names, size_t n)
{
	uint64_t records = 8 * (n + 1);
	uint32_t name_off = 0;

	t->img = image_new(24, "");
	t->tab = NULL;
	for (size_t i = 0; i < n; i++) {
		image_u32(t->img, TABLE + 8 * i, i * FUNC_SZ);
		image_u32(t->img, TABLE + 8 * i + 4, records + 8 * i);
		image_u32(t->img, TABLE + records + 8 * i, i * FUNC_SZ);
		image_u32(t->img, TABLE + records + 8 * i + 4, name_off);
		image_write(t->img, NAMES + name_off, names[i], strlen(names[i]) + 1);
		name_off += strlen(names[i]) + 1;
	}
	image_u64(t->img, TABLE + 8 * n, n * FUNC_SZ); /* ends the table */
	t->md = (struct moduledata){
		.text = TEXT,
		.etext = TEXT + n * FUNC_SZ,
		.funcnametab = NAMES,
		.funcnametab_len = name_off,
		.pclntable = TABLE,
		.pclntable_len = records + 8 * n,
		.ftab_cnt = n + 1,
	};
}

static void table_open(struct table *t)
{
	struct err *err = pclntab_new(&t->img->target.mem, &t->md, &t->tab);

	if (err)
		fail_msg("%s", err->msg);
}

static void table_refuse(struct table *t, enum err_kind kind, const char *part)
{
	_cleanup_err_ struct err *err = pclntab_new(&t->img->target.mem, &t->md, &t->tab);

	assert_non_null(err);
	assert_int_equal(err->kind, kind);
	if (!strstr(err->msg, part))
		fail_msg("'%s' does not say '%s'", err->msg, part);
	assert_null(t->tab);
	image_free(t->img);
}

static void table_close(struct table *t)
{
	pclntab_free(t->tab);
	image_free(t->img);
}

static void expect_name(struct table *t, uint64_t pc, const char *want)
{
	char buf[64];

	assert_null(pclntab_name(t->tab, &t->img->target.mem, pc, buf, sizeof(buf)));
	assert_string_equal(buf, want);
}

static const char *const some[] = {
	"main.main",
	"runtime.mapassign_faststr",
	"main.(*Store[...]).Put",
	"runtime.mapdelete",
	"internal/runtime/maps.(*Map).Delete",
	"reflect.mapassign0",
	"runtimex.lookalike",
	"main.runtime.lookalike",
};

enum { SOME = sizeof(some) / sizeof(some[0]) };

static void finds_runtime_functions_by_name(void **state)
{
	struct table t;
	struct gofunc f;

	(void)state;
	table_write(&t, some, SOME);
	table_open(&t);
	assert_true(pclntab_find(t.tab, "runtime.mapassign_faststr", &f));
	assert_true(f.addr == TEXT + 1 * FUNC_SZ);
	assert_int_equal(f.size, FUNC_SZ);
	assert_true(pclntab_find(t.tab, "internal/runtime/maps.(*Map).Delete", &f));
	assert_true(f.addr == TEXT + 4 * FUNC_SZ);
	assert_true(pclntab_find(t.tab, "reflect.mapassign0", &f));
	assert_true(f.addr == TEXT + 5 * FUNC_SZ);
	table_close(&t);
}

static void does_not_find_others(void **state)
{
	struct table t;
	struct gofunc f = { .addr = 7 };

	(void)state;
	table_write(&t, some, SOME);
	table_open(&t);
	assert_false(pclntab_find(t.tab, "runtime.mapassign", &f)); /* a prefix of one */
	assert_false(pclntab_find(t.tab, "runtime.mapdelete_faststr", &f));
	assert_false(pclntab_find(t.tab, "main.main", &f)); /* it is not of the runtime */
	assert_false(pclntab_find(t.tab, "runtimex.lookalike", &f));
	assert_false(pclntab_find(t.tab, "", &f));
	assert_int_equal(f.addr, 7);
	table_close(&t);
}

/* The name table also has names of inlined functions, which have no code. */
static void a_name_without_code_is_not_found(void **state)
{
	struct table t;
	struct gofunc f;

	(void)state;
	table_write(&t, some, SOME);
	image_write(t.img, NAMES + t.md.funcnametab_len, "runtime.inlined", 16);
	t.md.funcnametab_len += 16;
	table_open(&t);
	assert_false(pclntab_find(t.tab, "runtime.inlined", &f));
	assert_true(pclntab_find(t.tab, "runtime.mapdelete", &f));
	table_close(&t);
}

static void names_addresses(void **state)
{
	struct table t;

	(void)state;
	table_write(&t, some, SOME);
	table_open(&t);
	expect_name(&t, TEXT, "main.main");
	expect_name(&t, TEXT + FUNC_SZ - 1, "main.main");
	expect_name(&t, TEXT + FUNC_SZ, "runtime.mapassign_faststr");
	expect_name(&t, TEXT + 2 * FUNC_SZ + 5, "main.(*Store[...]).Put");
	expect_name(&t, TEXT + SOME * FUNC_SZ - 1, "main.runtime.lookalike");
	expect_name(&t, TEXT - 1, "?");
	expect_name(&t, TEXT + SOME * FUNC_SZ, "?");
	expect_name(&t, 0, "?");
	expect_name(&t, UINT64_MAX, "?");
	table_close(&t);
}

static void cuts_names_to_the_buffer(void **state)
{
	struct table t;
	char buf[8];

	(void)state;
	table_write(&t, some, SOME);
	table_open(&t);
	assert_null(pclntab_name(t.tab, &t.img->target.mem, TEXT + FUNC_SZ, buf, sizeof(buf)));
	assert_string_equal(buf, "runtime");
	table_close(&t);
}

static void names_are_safe_to_print(void **state)
{
	static const char *const names[] = { "main.\x1b[2Jx\n" };
	struct table t;

	(void)state;
	table_write(&t, names, 1);
	table_open(&t);
	expect_name(&t, TEXT, "main.?[2Jx?");
	table_close(&t);
}

static void the_last_name_may_lack_its_end(void **state)
{
	static const char *const names[] = { "runtime.a", "runtime.b" };
	struct table t;
	struct gofunc f;

	(void)state;
	table_write(&t, names, 2);
	t.md.funcnametab_len--;
	table_open(&t);
	assert_true(pclntab_find(t.tab, "runtime.a", &f));
	assert_false(pclntab_find(t.tab, "runtime.b", &f));
	expect_name(&t, TEXT + FUNC_SZ, "runtime.b");
	table_close(&t);
}

/* A name that is longer than any of the runtime is skipped, and what follows is found. */
static void endless_names_are_passed_over(void **state)
{
	char longest[3000] = "runtime.";
	const char *const names[] = { "runtime.a", longest, "runtime.b" };
	struct table t;
	struct gofunc f;

	(void)state;
	memset(longest + 8, 'x', sizeof(longest) - 9);
	table_write(&t, names, 3);
	table_open(&t);
	assert_false(pclntab_find(t.tab, longest, &f));
	assert_true(pclntab_find(t.tab, "runtime.a", &f));
	assert_true(pclntab_find(t.tab, "runtime.b", &f));
	assert_true(f.addr == TEXT + 2 * FUNC_SZ);
	table_close(&t);
}

/* The name table is read a mebibyte at a time. */
static void finds_names_across_two_reads(void **state)
{
	static const char *const names[] = { "runtime.first", "main.pad", "runtime.across" };
	struct table t;
	struct gofunc f;
	uint32_t off = (1 << 20) - 5;

	(void)state;
	table_write(&t, names, 3);
	image_zero(t.img, NAMES + t.md.funcnametab_len, 1 << 20);
	image_write(t.img, NAMES + off, "runtime.across", 15);
	image_u32(t.img, TABLE + 8 * 4 + 8 * 2 + 4, off);
	t.md.funcnametab_len = off + 15;
	table_open(&t);
	assert_true(pclntab_find(t.tab, "runtime.first", &f));
	assert_true(pclntab_find(t.tab, "runtime.across", &f));
	assert_true(f.addr == TEXT + 2 * FUNC_SZ);
	expect_name(&t, TEXT + 2 * FUNC_SZ, "runtime.across");
	table_close(&t);
}

static void refuses_an_unsorted_table(void **state)
{
	struct table t;

	(void)state;
	table_write(&t, some, SOME);
	image_u32(t.img, TABLE + 8 * 3, FUNC_SZ); /* less than the entry before it */
	table_refuse(&t, ERR_FORMAT, "not sorted");
}

static void refuses_records_outside(void **state)
{
	static const uint32_t outside[] = { 8 * (SOME + 1) + 8 * SOME - 7, 0x7fffffff, UINT32_MAX };
	struct table t;

	(void)state;
	for (size_t i = 0; i < sizeof(outside) / sizeof(outside[0]); i++) {
		table_write(&t, some, SOME);
		image_u32(t.img, TABLE + 8 * 2 + 4, outside[i]);
		table_refuse(&t, ERR_FORMAT, "outside");
	}
}

static void a_name_outside_the_table_has_no_text(void **state)
{
	struct table t;

	(void)state;
	table_write(&t, some, SOME);
	image_u32(t.img, TABLE + 8 * (SOME + 1) + 4, 0xfffffff0); /* the offset of main.main's
								   * name */
	table_open(&t);
	expect_name(&t, TEXT, "?");
	expect_name(&t, TEXT + FUNC_SZ, "runtime.mapassign_faststr");
	table_close(&t);
}

static void unreadable_tables_are_faults(void **state)
{
	struct table t;

	(void)state;
	table_write(&t, some, SOME);
	image_unmap(t.img, TABLE, IMAGE_PAGE_SZ);
	table_refuse(&t, ERR_FAULT, "reading the function table");
	table_write(&t, some, SOME);
	image_unmap(t.img, NAMES, IMAGE_PAGE_SZ);
	table_refuse(&t, ERR_FAULT, "reading the function table");
}

/* Records far apart, in no order, cost no more than their bytes. */
static void records_may_be_in_any_order(void **state)
{
	enum { MANY = 5000, APART = 1 << 21 };
	static char text[MANY][24];
	static const char *names[MANY];
	struct table t;

	(void)state;
	for (int i = 0; i < MANY; i++) {
		snprintf(text[i], sizeof(text[i]), "main.f%d", i);
		names[i] = text[i];
	}
	table_write(&t, names, MANY);
	for (int i = 0; i < MANY; i += 2) { /* with a record of its own */
		uint32_t off = APART + i * 64, name_off;

		name_off = image_get_u64(t.img, TABLE + 8 * (MANY + 1) + 8 * i) >> 32;
		image_u32(t.img, TABLE + 8 * i + 4, off);
		image_u32(t.img, TABLE + off + 4, name_off);
	}
	t.md.pclntable_len = APART + MANY * 64;
	table_open(&t);
	assert_true(t.img->target.mem.bytes_read < APART);
	for (int i = 0; i < MANY; i += 617)
		expect_name(&t, TEXT + (uint64_t)i * FUNC_SZ, names[i]);
	table_close(&t);
}

/* A large program: the records take several reads, and each name is in its place. */
static void finds_every_function_of_many(void **state)
{
	enum { MANY = 200000 };
	static char text[MANY][24];
	static const char *names[MANY];
	struct table t;
	struct gofunc f;

	(void)state;
	for (int i = 0; i < MANY; i++) {
		snprintf(text[i], sizeof(text[i]), i % 50 ? "main.f%d" : "runtime.f%d", i);
		names[i] = text[i];
	}
	table_write(&t, names, MANY);
	table_open(&t);
	for (int i = 0; i < MANY; i += 50) {
		assert_true(pclntab_find(t.tab, names[i], &f));
		assert_true(f.addr == TEXT + (uint64_t)i * FUNC_SZ);
	}
	for (int i = 0; i < MANY; i += 9973)
		expect_name(&t, TEXT + (uint64_t)i * FUNC_SZ + 1, names[i]);
	table_close(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_runtime_functions_by_name),
		cmocka_unit_test(does_not_find_others),
		cmocka_unit_test(a_name_without_code_is_not_found),
		cmocka_unit_test(names_addresses),
		cmocka_unit_test(cuts_names_to_the_buffer),
		cmocka_unit_test(names_are_safe_to_print),
		cmocka_unit_test(the_last_name_may_lack_its_end),
		cmocka_unit_test(endless_names_are_passed_over),
		cmocka_unit_test(finds_names_across_two_reads),
		cmocka_unit_test(refuses_an_unsorted_table),
		cmocka_unit_test(refuses_records_outside),
		cmocka_unit_test(a_name_outside_the_table_has_no_text),
		cmocka_unit_test(unreadable_tables_are_faults),
		cmocka_unit_test(records_may_be_in_any_order),
		cmocka_unit_test(finds_every_function_of_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
