// SPDX-License-Identifier: GPL-2.0-only
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/units.h"
#include "base/vec.h"

#define CNT(a) (sizeof(a) / sizeof((a)[0]))

static const uint64_t MS = 1000000, S = 1000 * MS;

static void bytes_as_text(void **state)
{
	static const struct {
		uint64_t v;
		const char *text;
	} rows[] = {
		{ 0, "0 B" },
		{ 512, "512 B" },
		{ 1023, "1023 B" },
		{ 1024, "1.00 KiB" },
		{ 1536, "1.50 KiB" },
		{ 10 << 10, "10.0 KiB" },
		{ 100 << 10, "100 KiB" },
		{ (1 << 20) - 1, "1.00 MiB" },
		{ 3124572815ull, "2.91 GiB" },
		{ UINT64_MAX, "16.0 EiB" },
	};

	(void)state;
	for (size_t i = 0; i < CNT(rows); i++)
		assert_string_equal(text_bytes(rows[i].v).s, rows[i].text);
}

static void counts_as_text(void **state)
{
	(void)state;
	assert_string_equal(text_count(0).s, "0");
	assert_string_equal(text_count(999).s, "999");
	assert_string_equal(text_count(1000).s, "1,000");
	assert_string_equal(text_count(58720256).s, "58,720,256");
	assert_string_equal(text_count(UINT64_MAX).s, "18,446,744,073,709,551,615");
}

static void counted_as_text(void **state)
{
	(void)state;
	assert_string_equal(text_counted(0, "window").s, "0 windows");
	assert_string_equal(text_counted(1, "window").s, "1 window");
	assert_string_equal(text_counted(2, "page fault").s, "2 page faults");
	assert_string_equal(text_counted(1, "census").s, "1 census");
	assert_string_equal(text_counted(17, "census").s, "17 censuses");
	assert_string_equal(text_counted(1000, "more row").s, "1,000 more rows");
	assert_string_equal(text_counted(UINT64_MAX, "page fault").s,
			    "18,446,744,073,709,551,615 page faults");
}

static void shares_as_text(void **state)
{
	static const struct {
		double share;
		const char *text;
	} rows[] = {
		{ 0, "0 %" },	    { 1e-7, "<0.0001 %" }, { 0.00041, "0.041 %" },
		{ 0.01, "1 %" },    { 0.123, "12 %" },	   { 0.994, "99 %" },
		{ 0.996, "100 %" }, { 1, "100 %" },	   { 2.5, "250 %" },
	};

	(void)state;
	for (size_t i = 0; i < CNT(rows); i++)
		assert_string_equal(text_percent(rows[i].share).s, rows[i].text);
}

static void durations_as_text(void **state)
{
	static const struct {
		uint64_t ns;
		const char *text;
	} rows[] = {
		{ 950 * MS, "950 ms" },
		{ 12300 * MS, "12.3 s" },
		{ 245 * S, "4m05s" },
		{ 3600 * S, "1h00m" },
		{ (3 * 24 + 4) * 3600 * S, "3d04h" },
	};

	(void)state;
	for (size_t i = 0; i < CNT(rows); i++)
		assert_string_equal(text_duration(rows[i].ns).s, rows[i].text);
}

static void rates_as_text(void **state)
{
	(void)state;
	assert_string_equal(text_rate(0).s, "0");
	assert_string_equal(text_rate(0.0001).s, "<0.01");
	assert_string_equal(text_rate(0.03).s, "0.03");
	assert_string_equal(text_rate(9.12).s, "9.12");
	assert_string_equal(text_rate(950).s, "950");
	assert_string_equal(text_rate(12300).s, "12.3 k");
	assert_string_equal(text_rate(75e6).s, "75.0 M");
}

static void text_as_bytes(void **state)
{
	static const struct {
		const char *text;
		uint64_t v;
	} rows[] = {
		{ "0", 0 },
		{ "4096", 4096 },
		{ "64k", 64 << 10 },
		{ "64KiB", 64 << 10 },
		{ "1.5G", 3ull << 29 },
		{ "32MiB", 32 << 20 },
		{ "32mb", 32 << 20 },
		{ "10B", 10 },
		{ "2T", 2ull << 40 },
	};
	uint64_t v;

	(void)state;
	for (size_t i = 0; i < CNT(rows); i++) {
		assert_true(parse_bytes(rows[i].text, &v));
		assert_true(v == rows[i].v);
	}
}

static void no_bytes(void **state)
{
	static const char *const rows[] = { "",	   "-1",  "+1",	 " 1",	 "x", "1x",  "1kk",
					    "1ki", "nan", "inf", "1e99", "k", "1 k", "16384P" };
	uint64_t v = 7;

	(void)state;
	for (size_t i = 0; i < CNT(rows); i++)
		if (parse_bytes(rows[i], &v))
			fail_msg("'%s' was taken for bytes", rows[i]);
	assert_int_equal(v, 7); /* untouched on failure */
}

static void text_as_duration(void **state)
{
	uint64_t v = 7;

	(void)state;
	assert_true(parse_duration("0", &v) && v == 0);
	assert_true(parse_duration("10", &v) && v == 10 * S);
	assert_true(parse_duration("2.5", &v) && v == 2500 * MS);
	assert_true(parse_duration("500ms", &v) && v == 500 * MS);
	assert_true(parse_duration("2m", &v) && v == 120 * S);
	v = 7;
	assert_false(parse_duration("", &v));
	assert_false(parse_duration("-1", &v));
	assert_false(parse_duration("5 s", &v));
	assert_false(parse_duration("1d", &v));
	assert_false(parse_duration("1e300", &v));
	assert_int_equal(v, 7);
}

static void vectors_grow_and_keep(void **state)
{
	VEC(uint32_t) v = { 0 };

	(void)state;
	for (uint32_t i = 0; i < 1000; i++)
		assert_true(vec_push(&v, i * 3));
	assert_int_equal(v.len, 1000);
	for (uint32_t i = 0; i < 1000; i++)
		assert_int_equal(v.data[i], i * 3);
	assert_false(vec_reserve(&v, SIZE_MAX / 2)); /* does not wrap to a small size */
	assert_int_equal(v.data[999], 2997);
	vec_fini(&v);
	assert_null(v.data);
	assert_int_equal(v.len, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_as_text),     cmocka_unit_test(counts_as_text),
		cmocka_unit_test(counted_as_text),   cmocka_unit_test(shares_as_text),
		cmocka_unit_test(durations_as_text), cmocka_unit_test(rates_as_text),
		cmocka_unit_test(text_as_bytes),     cmocka_unit_test(no_bytes),
		cmocka_unit_test(text_as_duration),  cmocka_unit_test(vectors_grow_and_keep),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
