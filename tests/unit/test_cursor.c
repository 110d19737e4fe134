// SPDX-License-Identifier: GPL-2.0-only
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/cursor.h"

static void reads_little_endian_in_order(void **state)
{
	const uint8_t bytes[] = { 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88,
				  0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff };
	struct cursor c = cursor_of(bytes, sizeof(bytes));

	(void)state;
	assert_int_equal(cursor_u8(&c), 0x11);
	assert_int_equal(cursor_u16(&c), 0x3322);
	assert_int_equal(cursor_u32(&c), 0x77665544);
	assert_true(cursor_u64(&c) == 0xffeeddccbbaa9988);
	assert_int_equal(c.pos, sizeof(bytes));
	assert_false(c.bad);
}

/* A value that ends after the last byte is 0, not the part that is there. */
static void a_short_read_yields_zero(void **state)
{
	const uint8_t bytes[] = { 0xff, 0xff, 0xff };
	struct cursor c = cursor_of(bytes, sizeof(bytes));

	(void)state;
	assert_int_equal(cursor_u32(&c), 0);
	assert_true(c.bad);
	assert_int_equal(c.pos, 0);
}

static void stays_bad(void **state)
{
	const uint8_t bytes[] = { 1, 2, 3 };
	struct cursor c = cursor_of(bytes, sizeof(bytes));

	(void)state;
	assert_int_equal(cursor_u64(&c), 0);
	assert_int_equal(cursor_u8(&c), 0); /* this one would fit */
	assert_true(c.bad);
}

static void an_empty_buffer_has_nothing(void **state)
{
	struct cursor c = cursor_of(NULL, 0);

	(void)state;
	assert_int_equal(cursor_u8(&c), 0);
	assert_true(c.bad);
}

static void seeks_up_to_the_end(void **state)
{
	const uint8_t bytes[] = { 1, 2, 3 };
	struct cursor c = cursor_of(bytes, sizeof(bytes));

	(void)state;
	cursor_seek(&c, 2);
	assert_int_equal(cursor_u8(&c), 3);
	cursor_seek(&c, 3);
	assert_false(c.bad);
	cursor_seek(&c, 4);
	assert_true(c.bad);
}

static void huge_lengths_do_not_wrap(void **state)
{
	const uint8_t bytes[] = { 1, 2, 3 };
	struct cursor c = cursor_of(bytes, sizeof(bytes));

	(void)state;
	cursor_u8(&c);
	assert_null(cursor_bytes(&c, SIZE_MAX));
	assert_true(c.bad);

	c = cursor_of(bytes, sizeof(bytes));
	cursor_u8(&c);
	assert_null(cursor_bytes(&c, SIZE_MAX - 1)); /* pos + n wraps to 2 */
	assert_true(c.bad);
}

static void bytes_are_handed_out_in_place(void **state)
{
	const uint8_t bytes[] = { 1, 2, 3, 4 };
	struct cursor c = cursor_of(bytes, sizeof(bytes));

	(void)state;
	cursor_u8(&c);
	assert_ptr_equal(cursor_bytes(&c, 2), bytes + 1);
	assert_ptr_equal(cursor_bytes(&c, 1), bytes + 3);
	assert_non_null(cursor_bytes(&c, 0));
	assert_null(cursor_bytes(&c, 1));
}

static uint64_t uvarint(const char *bytes, size_t len, bool *bad_ret)
{
	struct cursor c = cursor_of(bytes, len);
	uint64_t v = cursor_uvarint(&c);

	*bad_ret = c.bad;
	return v;
}

static void uvarints(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
		uint64_t value;
	} rows[] = {
		{ "\x00", 1, 0 },
		{ "\x7f", 1, 127 },
		{ "\x80\x01", 2, 128 },
		{ "\xac\x02", 2, 300 },
		{ "\xff\xff\x03", 3, 65535 },
		{ "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 10, UINT64_MAX },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		bool bad;

		assert_true(uvarint(rows[i].bytes, rows[i].len, &bad) == rows[i].value);
		assert_false(bad);
	}
}

static void broken_uvarints(void **state)
{
	bool bad;

	(void)state;
	assert_true(uvarint("\xff\xff", 2, &bad) == 0); /* cut off */
	assert_true(bad);
	/* Eleven bytes: the value does not end within 64 bits. */
	assert_true(uvarint("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11, &bad) == 0);
	assert_true(bad);
}

static void loads_at_odd_offsets(void **state)
{
	const uint8_t bytes[] = { 0, 1, 2, 3, 4, 5, 6, 7, 8 };

	(void)state;
	assert_true(load_u64(bytes, 1) == 0x0807060504030201);
	assert_int_equal(load_u32(bytes, 1), 0x04030201);
	assert_int_equal(load_u16(bytes, 3), 0x0403);
	assert_int_equal(load_u8(bytes, 8), 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_little_endian_in_order),
		cmocka_unit_test(a_short_read_yields_zero),
		cmocka_unit_test(stays_bad),
		cmocka_unit_test(an_empty_buffer_has_nothing),
		cmocka_unit_test(seeks_up_to_the_end),
		cmocka_unit_test(huge_lengths_do_not_wrap),
		cmocka_unit_test(bytes_are_handed_out_in_place),
		cmocka_unit_test(uvarints),
		cmocka_unit_test(broken_uvarints),
		cmocka_unit_test(loads_at_odd_offsets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
