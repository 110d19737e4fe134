// SPDX-License-Identifier: GPL-2.0-only
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#include "process/procmaps.h"

static void parses_a_file_mapping(void **state)
{
	struct procmap m;

	(void)state;
	assert_true(procmap_parse("7f2c00000000-7f2c00021000 r-xp 0001f000 fe:1a 8650752 "
				  "                   /usr/lib/x (deleted)",
				  &m));
	assert_true(m.start == 0x7f2c00000000);
	assert_true(m.end == 0x7f2c00021000);
	assert_true(m.offset == 0x1f000);
	assert_true(m.inode == 8650752);
	assert_int_equal(m.dev_major, 0xfe);
	assert_int_equal(m.dev_minor, 0x1a);
	assert_int_equal(m.prot, MAP_R | MAP_X);
}

static void parses_every_protection(void **state)
{
	static const struct {
		const char *line;
		int prot;
	} rows[] = {
		{ "1000-2000 ---p 0 0:0 0", 0 },
		{ "1000-2000 r--s 0 0:0 0", MAP_R },
		{ "1000-2000 rw-p 0 0:0 0", MAP_R | MAP_W },
		{ "1000-2000 -w-p 0 0:0 0", MAP_W },
		{ "1000-2000 rwxs 0 0:0 0", MAP_R | MAP_W | MAP_X },
		{ "1000-2000 --xp 0 0:0 0", MAP_X },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct procmap m;

		assert_true(procmap_parse(rows[i].line, &m));
		assert_int_equal(m.prot, rows[i].prot);
	}
}

static void parses_odd_lines(void **state)
{
	static const char *const lines[] = {
		"ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0           [vsyscall]",
		"c000000000-c000400000 rw-p 00000000 00:00 0 [anon: Go: heap]",
		"c000000000-c000400000 rw-p 00000000 00:00 0\n",
		"400000-401000 r-xp 00000000 08:01 18446744073709551615 /a b\\012c",
		"0-1000 r--p ffffffffffffffff 00:00 0",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		struct procmap m;

		if (!procmap_parse(lines[i], &m))
			fail_msg("not parsed: %s", lines[i]);
	}
}

static void kinds_are_told_by_name(void **state)
{
	static const struct {
		const char *name;
		enum procmap_kind kind;
	} rows[] = {
		{ "", PROCMAP_PLAIN },
		{ "/usr/bin/x", PROCMAP_PLAIN },
		{ "[heap]", PROCMAP_BRK },
		{ "[stack]", PROCMAP_PLAIN },
		{ "[vdso]", PROCMAP_VDSO },
		{ "[vvar]", PROCMAP_KERNEL },
		{ "[vvar_vclock]", PROCMAP_KERNEL },
		{ "[anon: Go: heap]", PROCMAP_GO },
		{ "[anon: mine]", PROCMAP_PLAIN },
		{ "/dev/dri/card0", PROCMAP_DEVICE },
		{ "/dev/shm/x", PROCMAP_PLAIN },
		{ "/dev/zero (deleted)", PROCMAP_PLAIN },
		{ "anon_inode:[io_uring]", PROCMAP_DEVICE },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char line[128];
		struct procmap m;

		snprintf(line, sizeof(line), "1000-2000 rw-%c 0 0:0 7  %s\n", i % 2 ? 's' : 'p',
			 rows[i].name);
		assert_true(procmap_parse(line, &m));
		assert_int_equal(m.kind, rows[i].kind);
		assert_int_equal(m.shared, i % 2);
	}
}

static void refuses_other_lines(void **state)
{
	static const char *const lines[] = {
		"",
		"\n",
		"garbage",
		"1000-2000",
		"1000-2000 rw-p",
		"1000-2000 rw-p 0 0:0",
		"1000-2000 rw-p 0 0 0",
		"1000 2000 rw-p 0 0:0 0",
		"2000-1000 rw-p 0 0:0 0", /* ends before it starts */
		"1000-1000 rw-p 0 0:0 0", /* empty */
		"1000-2000 rwxpp 0 0:0 0",
		"Size:                  4 kB",
	};
	struct procmap m = { .start = 7 };

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		if (procmap_parse(lines[i], &m))
			fail_msg("parsed: %s", lines[i]);
	assert_int_equal(m.start, 7); /* untouched */
}

static void finds_the_mapping_of_an_address(void **state)
{
	struct procmap list[] = {
		{ .start = 0x1000, .end = 0x2000 },
		{ .start = 0x2000, .end = 0x4000 },
		{ .start = 0x8000, .end = 0x9000 },
	};
	struct procmaps maps = { .maps = { .data = list, .len = 3, .cap = 3 } };

	(void)state;
	assert_null(procmaps_find(&maps, 0));
	assert_null(procmaps_find(&maps, 0xfff));
	assert_ptr_equal(procmaps_find(&maps, 0x1000), &list[0]);
	assert_ptr_equal(procmaps_find(&maps, 0x1fff), &list[0]);
	assert_ptr_equal(procmaps_find(&maps, 0x2000), &list[1]);
	assert_null(procmaps_find(&maps, 0x4000));
	assert_ptr_equal(procmaps_find(&maps, 0x8fff), &list[2]);
	assert_null(procmaps_find(&maps, 0x9000));
	maps.maps.len = 0;
	assert_null(procmaps_find(&maps, 0x1000));
}

static void files_are_told_by_device_and_inode(void **state)
{
	struct procmap a = { .inode = 5, .dev_major = 8, .dev_minor = 1 };
	struct procmap b = a;

	(void)state;
	assert_true(procmap_same_file(&a, &b));
	b.dev_minor = 2;
	assert_false(procmap_same_file(&a, &b));
	b = a;
	b.inode = 6;
	assert_false(procmap_same_file(&a, &b));
	a.inode = b.inode = 0; /* two anonymous mappings are not the same file */
	assert_false(procmap_same_file(&a, &b));
}

static void reads_a_process(void **state)
{
	struct procmaps maps;
	uint64_t here = (uintptr_t)reads_a_process;

	(void)state;
	assert_null(procmaps_init(&maps, getpid()));
	const struct procmap *code = procmaps_find(&maps, here);
	const struct procmap *stack = procmaps_find(&maps, (uintptr_t)&maps);
	assert_non_null(code);
	assert_int_equal(code->prot, MAP_R | MAP_X);
	assert_true(code->inode != 0);
	assert_non_null(stack);
	assert_int_equal(stack->prot, MAP_R | MAP_W);
	for (size_t i = 1; i < maps.maps.len; i++)
		assert_true(maps.maps.data[i - 1].end <= maps.maps.data[i].start);
	procmaps_fini(&maps);

	_cleanup_err_ struct err *err = procmaps_init(&maps, -1);
	assert_true(err_is(err, ERR_GONE));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parses_a_file_mapping),
		cmocka_unit_test(parses_every_protection),
		cmocka_unit_test(parses_odd_lines),
		cmocka_unit_test(kinds_are_told_by_name),
		cmocka_unit_test(refuses_other_lines),
		cmocka_unit_test(finds_the_mapping_of_an_address),
		cmocka_unit_test(files_are_told_by_device_and_inode),
		cmocka_unit_test(reads_a_process),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
