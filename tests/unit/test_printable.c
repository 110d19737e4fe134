// SPDX-License-Identifier: GPL-2.0-only
/* What a terminal may get of a text that somebody else wrote. */
#include "base/printable.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void expect(const char *text, const char *printable)
{
	char buf[128];

	snprintf(buf, sizeof(buf), "%s", text);
	printable_make(buf);
	assert_string_equal(buf, printable);
}

static void plain_text_stays(void **state)
{
	(void)state;
	expect("", "");
	expect("map[string]*main.Session {A~}", "map[string]*main.Session {A~}");
	expect("caf\xc3\xa9 \xe6\x97\xa5\xe6\x9c\xac \xf0\x9f\x90\xb9",
	       "caf\xc3\xa9 \xe6\x97\xa5\xe6\x9c\xac \xf0\x9f\x90\xb9");
}

static void controls_do_not(void **state)
{
	(void)state;
	expect("a\x1b[31mred\nVERDICT\r\t\x7f", "a?[31mred?VERDICT???");
	expect("\xc2\x9b"
	       "31m",
	       "??31m"); /* C1, CSI */
}

static void nor_what_turns_or_hides_text(void **state)
{
	(void)state;
	expect("rtl\xe2\x80\xaegpj", "rtl???gpj"); /* U+202E */
	expect("a\xe2\x81\xa6"
	       "b",
	       "a???b"); /* U+2066 */
	expect("a\xe2\x80\x8b"
	       "b",
	       "a???b"); /* U+200B */
	expect("\xef\xbb\xbf"
	       "a",
	       "???a"); /* U+FEFF */
	expect("a\xf3\xa0\x81\x81", "a????"); /* U+E0041, a tag */
}

static void nor_what_is_not_utf8(void **state)
{
	(void)state;
	expect("caf\xe9", "caf?");
	expect("\xc0\xaf", "??"); /* too long a form */
	expect("\xed\xa0\x80", "???"); /* half of a pair */
	expect("\xf5\x80\x80\x80", "????"); /* beyond Unicode */
	expect("\xe2\x80", "??"); /* cut off */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_text_stays),
		cmocka_unit_test(controls_do_not),
		cmocka_unit_test(nor_what_turns_or_hides_text),
		cmocka_unit_test(nor_what_is_not_utf8),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
