// SPDX-License-Identifier: GPL-2.0-only
/* Metrics of results made by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "report/report.h"

enum { GROUPS = 12 };

static struct result_holder holder = { .text = "main.\"x\\\n" };
static struct result_census_taken taken;

static char *metrics_of(struct result *r)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	assert_non_null(out);
	assert_null(report_prometheus(r, out));
	fclose(out);
	return text;
}

static char *metrics_of_groups(struct result_group *groups, size_t cnt)
{
	struct result r = { .groups = { .data = groups, .len = cnt } };

	r.target.command = "x";
	r.census.taken = &taken;
	return metrics_of(&r);
}

static struct result_group a_group(const char *type, uint64_t keys, uint64_t rebuild)
{
	return (struct result_group){
		.type = type,
		.label = "?",
		.maps = 1,
		.live_keys = keys,
		.gives_back_resident_bytes = { .v = rebuild, .known = true },
	};
}

static void assert_has(const char *text, const char *line)
{
	if (!strstr(text, line))
		fail_msg("no %s in:\n%s", line, text);
}

static void label_values_are_escaped(void **state)
{
	struct result_group g = a_group("map[a]b\\", 1, 0);

	(void)state;
	g.holder = &holder;
	_cleanup_free_ char *text = metrics_of_groups(&g, 1);
	assert_has(text, "\nmaptrace_maps{command=\"x\",type=\"map[a]b\\\\\","
			 "holder=\"main.\\\"x\\\\?\"} 1\n");
}

static void types_that_are_equal_after_the_cut_are_one_series(void **state)
{
	char a[300], b[300];

	(void)state;
	memset(a, 'm', sizeof(a));
	memset(b, 'm', sizeof(b));
	strcpy(a + 198, "\xc3\xa4\xc3\xa4"
			"one");
	strcpy(b + 198, "\xc3\xa4\xc3\xa4"
			"two");
	struct result_group groups[] = { a_group(a, 1, 0), a_group(b, 2, 0) };
	_cleanup_free_ char *text = metrics_of_groups(groups, 2);
	a[200] = 0;
	assert_has(text, a);
	assert_has(text, "m\xc3\xa4\",holder=\"\"} 3\n");
	assert_null(strstr(text, "holder=\"\"} 1\n"));
}

/* Each is called as the sum of the others is. */
static void the_rest_is_summed(void **state)
{
	struct result_group groups[GROUPS];
	char names[GROUPS][32];

	(void)state;
	for (int i = 0; i < GROUPS; i++) {
		snprintf(names[i], sizeof(names[i]), "map[%d]", i);
		groups[i] = a_group(names[i], 1000 + i, 100 - i);
	}
	groups[3].type = "other";
	_cleanup_free_ char *text = metrics_of_groups(groups, GROUPS);
	assert_has(text,
		   "maptrace_map_live_keys{command=\"x\",type=\"map[9]\",holder=\"\"} 1009\n");
	assert_has(text, "maptrace_map_live_keys{command=\"x\",type=\"other\",holder=\"\"} 3024\n");
	assert_null(strstr(text, "map[10]"));
}

static void what_is_not_known_has_no_line(void **state)
{
	struct result_group groups[] = { a_group("map[a]b", 1, 5), a_group("map[c]d", 1, 7) };

	(void)state;
	groups[1].gives_back_resident_bytes.known = false;
	_cleanup_free_ char *text = metrics_of_groups(groups, 2);
	assert_has(text,
		   "maptrace_map_rebuild_bytes{command=\"x\",type=\"map[a]b\",holder=\"\"} 5\n");
	assert_null(strstr(text, "maptrace_map_rebuild_bytes{command=\"x\",type=\"map[c]d\""));
	assert_null(strstr(text, "maptrace_rss_bytes"));
	assert_null(strstr(text, "maptrace_verdict"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(label_values_are_escaped),
		cmocka_unit_test(types_that_are_equal_after_the_cut_are_one_series),
		cmocka_unit_test(the_rest_is_summed),
		cmocka_unit_test(what_is_not_known_has_no_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
