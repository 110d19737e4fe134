// SPDX-License-Identifier: GPL-2.0-only
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "report/flow.h"

static char *text;
static size_t text_len;

static struct flow begin(int indent)
{
	struct flow f = {
		.out = open_memstream(&text, &text_len),
		.columns = 80,
		.indent = indent,
	};

	assert_non_null(f.out);
	return f;
}

static void assert_text(struct flow *f, const char *wanted)
{
	flow_end(f);
	fclose(f->out);
	assert_string_equal(text, wanted);
	free(text);
}

static void pieces_share_a_line(void **state)
{
	struct flow f = begin(5);

	(void)state;
	flow_add(&f, 1, "%8s", "253");
	flow_add(&f, 2, "map[string]int");
	flow_add(&f, 2, "(%d maps)", 3);
	assert_text(&f, "      253  map[string]int  (3 maps)\n");
}

static void a_line_has_no_more_than_its_columns(void **state)
{
	struct flow f = begin(5);

	(void)state;
	flow_add(&f, 0, "%-70s", "a");
	flow_add(&f, 2, "12345678");
	assert_text(&f, "a                                                                     "
			"  12345678\n");
	f = begin(5);
	flow_add(&f, 0, "%70s", "a");
	flow_add(&f, 2, "123456789");
	flow_add(&f, 2, "b");
	assert_text(&f, "                                                                     a\n"
			"     123456789  b\n");
	f = begin(2);
	f.columns = 10;
	flow_words(&f, "one two three");
	assert_text(&f, " one two\n  three\n");
}

static void columns_are_no_bytes(void **state)
{
	struct flow f = begin(0);

	(void)state;
	flow_add(&f, 0, "%78s", "a");
	flow_add(&f, 1, "\u00e4");
	assert_text(&f, "                                                                      "
			"       a \u00e4\n");
}

/* It begins a line where it doesn't yet. */
static void a_long_piece_stays_whole(void **state)
{
	static const char piece[] = "123456789012345678901234567890123456789012345678901234567890"
				    "123456789012345678901234567890";
	char wanted[256];
	struct flow f = begin(2);

	(void)state;
	flow_add(&f, 0, "1.");
	flow_add(&f, 1, "%s", piece);
	flow_add(&f, 1, "end");
	snprintf(wanted, sizeof(wanted), "1. %s\n  end\n", piece);
	assert_text(&f, wanted);
	f = begin(2);
	flow_add(&f, 0, "one");
	flow_add(&f, 1, "%s", piece);
	snprintf(wanted, sizeof(wanted), "one\n  %s\n", piece);
	assert_text(&f, wanted);
	f = begin(2);
	flow_add(&f, 0, "%5000s", "one");
	flow_end(&f);
	fclose(f.out);
	assert_int_equal(text_len, 5001);
	free(text);
}

static void words_are_pieces(void **state)
{
	struct flow f = begin(6);

	(void)state;
	flow_add(&f, 0, "refused:");
	flow_words(&f, "");
	flow_words(&f, "the arena index names  another span for 3 of 1000 spans, of "
		       "which the first one is this ");
	assert_text(&f, "refused: the arena index names another span for 3 of 1000 spans, of "
			"which the\n      first one is this\n");
}

/* Blanks at the end of a piece are there only when another one follows on the line. */
static void no_line_ends_with_blanks(void **state)
{
	struct flow f = begin(2);

	(void)state;
	f.columns = 20;
	flow_add(&f, 0, "%-6s", "one");
	flow_add(&f, 1, "%-6s", "two");
	flow_add(&f, 1, "%-9s", "three");
	flow_add(&f, 1, "%-6s", "four");
	assert_text(&f, "one    two\n  three     four\n");
	f = begin(2);
	flow_add(&f, 0, "%-4s", "");
	flow_add(&f, 2, "one");
	assert_text(&f, "      one\n");
}

static void a_number_and_its_unit_are_one_word(void **state)
{
	struct flow f = begin(0);

	(void)state;
	f.columns = 14;
	flow_sentence(&f, 0, "back: %s of %s, 12 %% of 3 maps", "1.50 MiB", "200 B");
	assert_text(&f, "back: 1.50 MiB\nof 200 B, 12 %\nof 3 maps\n");
	f = begin(0);
	f.columns = 10;
	flow_sentence(&f, 2, "%s", "all of 3.0 s; 3 sets (12 ms)\n12 MiB/s");
	assert_text(&f, "  all of\n3.0 s; 3\nsets\n(12 ms)\n12 MiB/s\n");
}

/* The text of a target can neither end a line, nor move the cursor, nor set colours. */
static void only_printable_characters_are_printed(void **state)
{
	struct flow f = begin(0);

	(void)state;
	flow_add(&f, 0, "%s", "a\033[31m\n\x7f b\u00e4\u20ac\U0001f600");
	flow_add(&f, 1, "%s", "\xc2\x9b \xe4 \xe2\x82 \xff\xc0\x80 \xf8\x88\x80\x80\x80");
	assert_text(&f, "a?[31m?? b\u00e4\u20ac\U0001f600 ?? ? ?? ??? ?????\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pieces_share_a_line),
		cmocka_unit_test(a_line_has_no_more_than_its_columns),
		cmocka_unit_test(columns_are_no_bytes),
		cmocka_unit_test(a_long_piece_stays_whole),
		cmocka_unit_test(words_are_pieces),
		cmocka_unit_test(no_line_ends_with_blanks),
		cmocka_unit_test(a_number_and_its_unit_are_one_word),
		cmocka_unit_test(only_printable_characters_are_printed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
