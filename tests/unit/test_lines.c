// SPDX-License-Identifier: GPL-2.0-only
/*
 * Files, lines and inlined calls from hand-made tables (S runtime/symtab.go,
 * runtime/symtabinl.go). One function of 0x40 bytes:
 *
 *	[0, 0x10)	main.outer	a.go:10
 *	[0x10, 0x20)	main.middle	b.go:200, called at 0x08
 *	[0x20, 0x30)	main.inner	a.go:7, called at 0x18, so from middle
 *	[0x30, 0x40)	main.outer	a.go:12
 */
#include <string.h>

#include "image.h"

#include "process/lines.h"
#include "process/moduledata.h"
#include "process/pcheader.h"
#include "process/pclntab.h"

#define TEXT 0x401000ull
#define NAMES 0x900000ull
#define TABLE 0xa00000ull
#define PCTAB 0x2000000ull
#define CUTAB 0xc00000ull
#define FILES 0xd00000ull
#define GOFUNC 0xe00000ull

enum {
	FUNC_SZ = 0x40,
	RECORD = 16, /* in the table */
	TREE = 32, /* from gofunc */
	TABLES_LEN = 256,
	PCFILE = 16, /* in pctab */
	PCLN = 48,
	INDEX = 80,
	CU = 3,
};

struct tables {
	struct image *img;
	struct moduledata md;
	struct pcheader header;
	struct pclntab *funcs;
	struct lines *lines;
};

struct step {
	int32_t value;
	uint32_t bytes;
};

static uint64_t put_varint(struct image *img, uint64_t addr, uint32_t v)
{
	for (; v > 0x7f; v >>= 7)
		image_u8(img, addr++, v | 0x80);
	image_u8(img, addr++, v);
	return addr;
}

static void put_values(struct image *img, uint64_t addr, const struct step *steps, size_t n)
{
	int32_t last = -1;

	for (size_t i = 0; i < n; i++) {
		int32_t change = steps[i].value - last;

		addr = put_varint(img, addr,
				  change < 0 ? ~((uint32_t)change << 1) : (uint32_t)change << 1);
		addr = put_varint(img, addr, steps[i].bytes);
		last = steps[i].value;
	}
	image_u8(img, addr, 0);
}

static void put_record(struct tables *t)
{
	uint64_t at = TABLE + RECORD;
	uint32_t sz = t->header.before_1_20 ? 40 : 44;

	image_zero(t->img, at, sz + 4 * 3 + 4 * 4);
	image_u32(t->img, at + 4, 0); /* main.outer */
	image_u32(t->img, at + 20, PCFILE);
	image_u32(t->img, at + 24, PCLN);
	image_u32(t->img, at + 28, 3); /* npcdata */
	image_u32(t->img, at + 32, CU);
	image_u8(t->img, at + sz - 1, 4); /* nfuncdata */
	image_u32(t->img, at + sz + 4 * 2, INDEX);
	image_u32(t->img, at + sz + 4 * (3 + 3), TREE);
}

static void put_call(struct tables *t, uint32_t i, uint32_t name, uint32_t parent_pc)
{
	bool old = t->header.before_1_20;
	uint64_t at = GOFUNC + TREE + i * (old ? 20 : 16);

	image_zero(t->img, at, 20);
	image_u32(t->img, at + (old ? 12 : 4), name);
	image_u32(t->img, at + (old ? 16 : 8), parent_pc);
}

static void tables_write(struct tables *t, bool before_1_20)
{
	static const char names[] = "main.outer\0main.middle\0main.inner";
	static const char files[] = "/src/a.go\0/src/b.go";
	static const struct step file[] = { { 0, 0x10 }, { 1, 0x10 }, { 0, 0x20 } };
	static const struct step line[] = {
		{ 10, 0x10 }, { 200, 0x10 }, { 7, 0x10 }, { 12, 0x10 }
	};
	static const struct step index[] = { { -1, 0x10 }, { 0, 0x10 }, { 1, 0x10 }, { -1, 0x10 } };

	*t = (struct tables){ .img = image_new(24, ""),
			      .header = { .min_lc = 1, .before_1_20 = before_1_20 } };
	image_u32(t->img, TABLE, 0);
	image_u32(t->img, TABLE + 4, RECORD);
	image_u32(t->img, TABLE + 8, FUNC_SZ);
	put_record(t);
	image_write(t->img, NAMES, names, sizeof(names));
	image_write(t->img, FILES, files, sizeof(files));
	image_zero(t->img, CUTAB, 64);
	image_u32(t->img, CUTAB + 4 * (CU + 1), 10);
	image_zero(t->img, PCTAB, TABLES_LEN);
	put_values(t->img, PCTAB + PCFILE, file, 3);
	put_values(t->img, PCTAB + PCLN, line, 4);
	put_values(t->img, PCTAB + INDEX, index, 4);
	put_call(t, 0, 11, 0x08);
	put_call(t, 1, 23, 0x18);
	t->md = (struct moduledata){
		.text = TEXT,
		.etext = TEXT + FUNC_SZ,
		.funcnametab = NAMES,
		.funcnametab_len = sizeof(names),
		.pclntable = TABLE,
		.pclntable_len = TABLES_LEN,
		.ftab_cnt = 2,
		.cutab = CUTAB,
		.cutab_cnt = 16,
		.filetab = FILES,
		.filetab_len = sizeof(files),
		.pctab = PCTAB,
		.pctab_len = TABLES_LEN,
		.gofunc = GOFUNC,
	};
}

static void tables_open(struct tables *t)
{
	assert_null(pclntab_new(&t->img->target.mem, &t->md, &t->funcs));
	assert_null(lines_new(&t->img->target.mem, &t->header, &t->md, t->funcs, &t->lines));
}

static void tables_close(struct tables *t)
{
	lines_free(t->lines);
	pclntab_free(t->funcs);
	image_free(t->img);
}

static const struct place *at(struct tables *t, uint32_t off)
{
	return lines_of_call(t->lines, TEXT + off + 1);
}

static void expect_frame(const struct place *p, size_t i, const char *function, const char *file,
			 uint32_t line)
{
	assert_true(i < p->cnt);
	assert_string_equal(p->frames[i].function, function);
	if (file)
		assert_string_equal(p->frames[i].file, file);
	else
		assert_null(p->frames[i].file);
	assert_int_equal(p->frames[i].line, line);
}

static void expect_all(struct tables *t)
{
	const struct place *p = at(t, 0x0f);

	assert_int_equal(p->cnt, 1);
	expect_frame(p, 0, "main.outer", "/src/a.go", 10);
	p = at(t, 0x10);
	assert_int_equal(p->cnt, 2);
	expect_frame(p, 0, "main.middle", "/src/b.go", 200);
	expect_frame(p, 1, "main.outer", "/src/a.go", 10);
	p = at(t, 0x2f);
	assert_int_equal(p->cnt, 3);
	expect_frame(p, 0, "main.inner", "/src/a.go", 7);
	expect_frame(p, 1, "main.middle", "/src/b.go", 200);
	expect_frame(p, 2, "main.outer", "/src/a.go", 10);
	p = at(t, 0x30);
	assert_int_equal(p->cnt, 1);
	expect_frame(p, 0, "main.outer", "/src/a.go", 12);
}

/* A plugin with the same tables, in front of a program that has no such code. */
static void finds_code_of_other_modules(void **state)
{
	struct tables t;
	struct pclntab *funcs = NULL;

	(void)state;
	tables_write(&t, false);
	struct moduledata plugin = t.md;
	t.md.text -= 0x1000;
	t.md.etext -= 0x1000;
	tables_open(&t);
	assert_int_equal(at(&t, 0x0f)->cnt, 0);
	assert_int_equal(lines_of_call(t.lines, TEXT - 0x1000 + 1)->cnt, 1);
	assert_null(pclntab_new(&t.img->target.mem, &plugin, &funcs));
	assert_null(lines_add(t.lines, &t.img->target.mem, &t.header, &plugin, funcs));
	expect_all(&t);
	tables_close(&t);
	pclntab_free(funcs);
}

static void finds_inlined_calls(void **state)
{
	struct tables t;

	(void)state;
	for (int old = 0; old < 2; old++) {
		tables_write(&t, old);
		tables_open(&t);
		expect_all(&t);
		tables_close(&t);
	}
}

static void keeps_places_of_a_process_that_is_gone(void **state)
{
	struct tables t;

	(void)state;
	tables_write(&t, false);
	tables_open(&t);
	expect_all(&t);
	image_unmap(t.img, NAMES, IMAGE_PAGE_SZ);
	image_unmap(t.img, PCTAB, IMAGE_PAGE_SZ);
	expect_all(&t);
	tables_close(&t);
}

static void addresses_outside_have_no_place(void **state)
{
	struct tables t;

	(void)state;
	tables_write(&t, false);
	tables_open(&t);
	assert_int_equal(lines_of_call(t.lines, TEXT)->cnt, 0); /* the call ends before it */
	assert_int_equal(lines_of_call(t.lines, TEXT + FUNC_SZ + 1)->cnt, 0);
	assert_int_equal(lines_of_call(t.lines, 0)->cnt, 0);
	assert_int_equal(lines_of_call(t.lines, UINT64_MAX)->cnt, 0);
	tables_close(&t);
}

/* Of what is broken only that is left out. */
static void broken_tables_leave_gaps(void **state)
{
	struct tables t;

	(void)state;
	tables_write(&t, false);
	image_u32(t.img, CUTAB + 4 * (CU + 1), UINT32_MAX); /* b.go */
	image_u32(t.img, TABLE + RECORD + 24, TABLES_LEN); /* no lines */
	tables_open(&t);
	const struct place *p = at(&t, 0x10);
	assert_int_equal(p->cnt, 2);
	expect_frame(p, 0, "main.middle", NULL, 0);
	expect_frame(p, 1, "main.outer", "/src/a.go", 0);
	tables_close(&t);

	tables_write(&t, false);
	put_call(&t, 1, 23, FUNC_SZ); /* called from outside the function */
	tables_open(&t);
	p = at(&t, 0x20);
	assert_int_equal(p->cnt, 1);
	expect_frame(p, 0, "main.outer", "/src/a.go", 7);
	tables_close(&t);

	tables_write(&t, false);
	image_u32(t.img, TABLE + RECORD + 28, UINT32_MAX); /* npcdata */
	tables_open(&t);
	assert_int_equal(at(&t, 0x10)->cnt, 0);
	tables_close(&t);
}

static void a_tree_that_goes_round_ends(void **state)
{
	struct tables t;

	(void)state;
	tables_write(&t, false);
	put_call(&t, 1, 23, 0x28); /* inner is called from inner */
	tables_open(&t);
	assert_int_equal(at(&t, 0x20)->cnt, PLACE_FRAMES_MAX);
	tables_close(&t);
}

/* Bytes that change value for ever, over the longest table that is read. */
static void a_table_without_end_ends(void **state)
{
	static uint8_t endless[2 << 20];
	struct tables t;

	(void)state;
	tables_write(&t, false);
	for (size_t i = 0; i < sizeof(endless); i++)
		endless[i] = i % 2 ? 0 : 2; /* one more, for no byte */
	image_write(t.img, PCTAB + TABLES_LEN, endless, sizeof(endless));
	image_u32(t.img, TABLE + RECORD + 24, TABLES_LEN);
	t.md.pctab_len += sizeof(endless);
	tables_open(&t);
	expect_frame(at(&t, 0), 0, "main.outer", "/src/a.go", 0);
	assert_true(t.img->target.mem.bytes_read < 3 << 20);
	tables_close(&t);
}

static void any_bytes_are_survived(void **state)
{
	uint64_t random = 1;
	struct tables t;

	(void)state;
	for (int round = 0; round < 2000; round++) {
		static const uint64_t places[] = { TABLE + RECORD, PCTAB, CUTAB, GOFUNC + TREE };

		tables_write(&t, round % 2);
		for (int i = 0; i < 8; i++) {
			random = random * 6364136223846793005 + 1442695040888963407;
			image_u8(t.img, places[random >> 62] + (random >> 33) % 64, random >> 40);
		}
		tables_open(&t);
		for (uint32_t off = 0; off < FUNC_SZ; off++)
			assert_true(at(&t, off)->cnt <= PLACE_FRAMES_MAX);
		tables_close(&t);
	}
}

static void base_of_a_path(void **state)
{
	(void)state;
	assert_string_equal(file_base("/src/pay/gateway.go"), "gateway.go");
	assert_string_equal(file_base("<autogenerated>"), "<autogenerated>");
	assert_string_equal(file_base("/"), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_code_of_other_modules),
		cmocka_unit_test(finds_inlined_calls),
		cmocka_unit_test(keeps_places_of_a_process_that_is_gone),
		cmocka_unit_test(addresses_outside_have_no_place),
		cmocka_unit_test(broken_tables_leave_gaps),
		cmocka_unit_test(a_tree_that_goes_round_ends),
		cmocka_unit_test(a_table_without_end_ends),
		cmocka_unit_test(any_bytes_are_survived),
		cmocka_unit_test(base_of_a_path),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
