// SPDX-License-Identifier: GPL-2.0-only
/* The wire format of protocol buffers, and the numbers of equal pieces. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "report/intern.h"
#include "report/protobuf.h"

static void assert_is(struct proto *p, const void *bytes, size_t len)
{
	assert_false(p->failed);
	assert_int_equal(p->bytes.len, len);
	assert_memory_equal(p->bytes.data, bytes, len);
	proto_fini(p);
}

static void numbers_take_seven_bits_a_byte(void **state)
{
	struct proto p = { 0 };

	(void)state;
	proto_number(&p, 1, 127);
	proto_number(&p, 2, 128);
	proto_number(&p, 15, 0);
	proto_number(&p, 16, UINT64_MAX);
	assert_is(&p, "\x08\x7f\x10\x80\x01\x80\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 17);
}

static void lists_are_packed(void **state)
{
	static const uint64_t values[] = { 0, 300, 1 };
	struct proto p = { 0 };

	(void)state;
	proto_numbers(&p, 2, values, 0);
	proto_numbers(&p, 2, values, 3);
	assert_is(&p, "\x12\x04\x00\xac\x02\x01", 6);
}

static void a_message_is_bytes_of_its_outer_one(void **state)
{
	struct proto p = { 0 }, inner = { 0 };

	(void)state;
	proto_bytes(&inner, 1, "ab", 2);
	proto_message(&p, 3, &inner);
	proto_message(&p, 4, &inner);
	proto_fini(&inner);
	assert_is(&p,
		  "\x1a\x04\x0a\x02"
		  "ab\x22\x00",
		  8);
}

static void equal_pieces_have_one_number(void **state)
{
	struct intern in = { 0 };
	char text[8];

	(void)state;
	for (int round = 0; round < 2; round++)
		for (size_t i = 0; i < 1000; i++) {
			int len = snprintf(text, sizeof(text), "%zu", i);

			assert_int_equal(intern_add(&in, text, (size_t)len), i);
		}
	assert_int_equal(intern_add(&in, "", 0), 1000);
	assert_int_equal(intern_add(&in, "", 0), 1000);
	assert_memory_equal(intern_get(&in, 17), "17", 2);
	assert_false(in.failed);
	intern_fini(&in);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_take_seven_bits_a_byte),
		cmocka_unit_test(lists_are_packed),
		cmocka_unit_test(a_message_is_bytes_of_its_outer_one),
		cmocka_unit_test(equal_pieces_have_one_number),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
