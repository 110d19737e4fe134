// SPDX-License-Identifier: GPL-2.0-only
/* Every value of a result has its words, and no two values have the same ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/pool.h"
#include "model/finding_words.h"
#include "model/result_fill.h"
#include "model/result_words.h"

#define MIB(n) ((uint64_t)(n) << 20)

/* A table of result_words.h, and what of it may be missing. */
struct words_table {
	const char *name;
	const struct word *words;
	size_t cnt;
	bool first_is_null; /* the first value stands for "none": JSON has null for it */
	bool for_people; /* each value that has a name has a text, too */
};

#define TABLE(words, cnt, ...)                                                                     \
	{                                                                                          \
#words, words, cnt, __VA_ARGS__                                                    \
	}

static const struct words_table tables[] = {
	TABLE(ledger_remedy_words, REMEDY_CNT, true, true),
	TABLE(ledger_row_words, ROW_CNT, false, true),
	TABLE(ledger_region_words, REGION_CNT, false, false),
	TABLE(reclaim_cause_words, CAUSE_CNT, false, false),
	TABLE(mem_reason_words, MEM_REASON_CNT, false, true),
	TABLE(map_op_words, MAP_OP_CNT, false, true),
	TABLE(consistency_words, CONSISTENT_CNT, false, true),
	TABLE(finding_severity_words, SEVERITY_CNT, false, true),
	TABLE(finding_certainty_words, SURE_CNT, true, true),
	TABLE(verdict_state_words, STATE_CNT, true, true),
	TABLE(finding_kind_words, FINDING_CNT, false, false),
	TABLE(doubt_words, DOUBT_CNT, false, false),
};

enum { TABLE_CNT = sizeof(tables) / sizeof(tables[0]) };

static void each_value_has_a_name(void **state)
{
	(void)state;
	for (size_t t = 0; t < TABLE_CNT; t++)
		for (size_t i = 0; i < tables[t].cnt; i++) {
			const struct word *w = &tables[t].words[i];
			bool none = tables[t].first_is_null && i == 0;

			if (none ? w->name != NULL : !w->name || !*w->name)
				fail_msg("%s[%zu]: name", tables[t].name, i);
			if (tables[t].for_people && !none && !w->text)
				fail_msg("%s[%zu]: text", tables[t].name, i);
		}
}

/* Names are words of a JSON document that scripts read: small letters and underscores. */
static void names_are_plain(void **state)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz_";

	(void)state;
	for (size_t t = 0; t < TABLE_CNT; t++)
		for (size_t i = tables[t].first_is_null; i < tables[t].cnt; i++) {
			const char *name = tables[t].words[i].name;

			if (strspn(name, allowed) != strlen(name))
				fail_msg("%s: '%s'", tables[t].name, name);
		}
}

static bool are_alike(const char *a, const char *b)
{
	return a && b && !strcmp(a, b);
}

static void no_two_values_are_alike(void **state)
{
	(void)state;
	for (size_t t = 0; t < TABLE_CNT; t++)
		for (size_t i = 0; i < tables[t].cnt; i++)
			for (size_t k = 0; k < i; k++) {
				const struct word *a = &tables[t].words[i];
				const struct word *b = &tables[t].words[k];

				if (are_alike(a->name, b->name) || are_alike(a->text, b->text))
					fail_msg("%s: %zu and %zu", tables[t].name, k, i);
			}
}

/* Only rows with a remedy can give something back. */
static void remedies_are_those_of_the_rows(void **state)
{
	(void)state;
	for (enum ledger_row row = 0; row < ROW_CNT; row++)
		assert_in_range(ledger_row_remedy(row), REMEDY_NONE, REMEDY_CNT - 1);
	assert_int_equal(ledger_row_remedy(ROW_MAP_LIVE), REMEDY_NONE);
	assert_int_equal(ledger_row_remedy(ROW_MAP_HOLES), REMEDY_REBUILD_MAPS);
	assert_int_equal(ledger_row_remedy(ROW_FREE), REMEDY_FREE_OS_MEMORY);
	assert_int_equal(ledger_row_remedy(ROW_FREE_SLOTS), REMEDY_MOVE_OBJECTS);
}

static struct finding finding_of(enum finding_kind kind)
{
	return (struct finding){
		.kind = kind,
		.bytes = MIB(66),
		.map_cnt = 3,
		.live_keys = 1000,
		.slots = 524288,
		.resident_bytes = MIB(71),
		.zero_values = 900,
		.all_bytes = MIB(68),
		.map.addr = 8,
		.figures = { kind == FINDING_GROWING_MAP || kind == FINDING_GOROUTINES ? 0
										       : MIB(11),
			     MIB(300), MIB(280) },
	};
}

static struct result_ledger ledger = { .outside = { .c_arenas = 12 } };

static struct finding_words words_of(struct pool *pool, const struct finding *f)
{
	static struct result_growing_limit limit = { "cgroup", MIB(110), MIB(66), { 9, true } };
	static struct result_growing growing = { .label = "map[string]int",
						 .maps = 3,
						 .keys_per_s = 4500,
						 .bytes_per_s = MIB(66),
						 .gained_keys = 45000,
						 .limit = &limit };
	static struct result_frame at = { "example.com/main.handle", "/src/main.go", 13 };
	static struct result_goroutine_group waiting = { .status = "waiting",
							 .wait_reason = "chan receive",
							 .user = &at,
							 .count = 60000,
							 .maps = { 60000, true },
							 .map_bytes = { MIB(11), true } };
	static struct result_goroutines_read goroutines = { .groups = { &waiting, 1 } };
	static const struct result r = {
		.memory = &ledger,
		.goroutines = { .read = &goroutines },
		.growing = { &growing, 1 },
	};
	struct finding_facts facts = { f, &r, "map[string]int" };

	return finding_row(f->kind)->words(pool, &facts);
}

static void expect_part(const char *text, const char *part)
{
	if (!text || !strstr(text, part))
		fail_msg("'%s' does not say '%s'", text ? text : "NULL", part);
}

/* Each finding says what is wrong, what to do, and how many bytes it is about. */
static void findings_name_their_bytes(void **state)
{
	/* How the headline and the remedy name the bytes; NULL: the other one does. */
	static const struct {
		const char *headline;
		const char *remedy;
	} parts[FINDING_CNT] = {
		[FINDING_MAP_HOLES] = { "71.0 MiB", "66.0 MiB" },
		[FINDING_OVERSIZED_MAP] = { "71.0 MiB", "66.0 MiB" },
		[FINDING_EMPTIED_MEMBERS] = { "71.0 MiB", "66.0 MiB" },
		[FINDING_SWARM] = { "66.0 MiB", NULL },
		[FINDING_REFILLING_MAP] = { "66.0 MiB", NULL },
		[FINDING_ZERO_VALUES] = { NULL, "68.0 MiB" },
		[FINDING_SYNC_DELETED] = { "66.0 MiB", "66.0 MiB" },
		[FINDING_PINNED_BY_KEYS] = { "their values pin 2.00 KiB in 7 objects", "66.0 MiB" },
		[FINDING_FREE_HEAP] = { "66.0 MiB", NULL },
		[FINDING_LAZY_FREE] = { "66.0 MiB", NULL },
		[FINDING_REFILLED] = { "66.0 MiB", NULL },
		[FINDING_HUGE_EXCESS] = { "66.0 MiB", NULL },
		[FINDING_LOCKED] = { "66.0 MiB", NULL },
		[FINDING_SPAN_PINNED] = { "66.0 MiB", NULL },
		[FINDING_C_MEMORY] = { "66.0 MiB", NULL },
		[FINDING_MAPPED_MEMORY] = { "66.0 MiB", NULL },
		[FINDING_GOROUTINES] = { "60,000 goroutines wait in main.handle main.go:13 (chan "
					 "receive): they have 66.0 MiB of stacks, and 60,000 maps "
					 "of 11.0 MiB.",
					 "end them" },
		[FINDING_GC_THRASH] = { "11.0 MiB", "GOMEMLIMIT" },
		[FINDING_NEAR_LIMIT] = { "11.0 MiB", "GOMEMLIMIT" },
		[FINDING_CLEAR_COST] = { "cleared", "never shrink" },
		[FINDING_GROWING_MAP] = { "+4.50 k keys/s, 0 deletes; 110 MiB limit (cgroup)",
					  NULL },
	};
	struct pool pool = { 0 };

	(void)state;
	for (enum finding_kind kind = 0; kind < FINDING_CNT; kind++) {
		const struct finding_row *row = finding_row(kind);
		struct finding f = finding_of(kind);
		if (kind == FINDING_PINNED_BY_KEYS)
			memcpy(f.figures, (const uint64_t[]){ 7, 2048, 512, 90, 100, 2 },
			       sizeof(f.figures));
		struct finding_words words = words_of(&pool, &f);
		const char *headline = words.headline, *remedy = words.remedy;

		assert_true(parts[kind].headline || parts[kind].remedy);
		expect_part(headline, parts[kind].headline ? parts[kind].headline : ".");
		expect_part(remedy, parts[kind].remedy ? parts[kind].remedy : ".");
		if (row->of_maps) {
			expect_part(headline, "map[string]int");
			expect_part(headline, "3 maps");
		}
		assert_true(row->measured && *row->measured);
		assert_true(!row->of_zeroes || row->of_maps);
	}
	assert_false(pool.failed);
	pool_fini(&pool);
}

static void one_map_is_not_counted(void **state)
{
	struct finding f = finding_of(FINDING_MAP_HOLES);
	struct pool pool = { 0 };

	(void)state;
	f.map_cnt = 1;
	assert_string_equal(words_of(&pool, &f).headline,
			    "map[string]int keeps 71.0 MiB for 1,000 keys (524,288 slots).");
	pool_fini(&pool);
}

/* What deleting brings beyond the copy is said only if the copy alone brings something. */
static void zero_values_say_what_the_copy_brings(void **state)
{
	struct finding f = finding_of(FINDING_ZERO_VALUES);
	struct pool pool = { 0 };

	(void)state;
	expect_part(words_of(&pool, &f).remedy, "66.0 MiB more than by the copy alone");
	f.all_bytes = f.bytes;
	const char *remedy = words_of(&pool, &f).remedy;
	expect_part(remedy, "66.0 MiB");
	assert_null(strstr(remedy, "more than"));
	assert_null(strstr(words_of(&pool, &f).headline, "about"));
	f.sampled = true;
	expect_part(words_of(&pool, &f).headline, "about");
	pool_fini(&pool);
}

/* ---- doubts ---- */

/* A watch with as many doubts as there are: none at first. */
struct doubtful {
	struct target target;
	struct program prog;
	char *other;
	struct watch w;
	struct result r;
};

static void doubtful_init(struct doubtful *d)
{
	memset(d, 0, sizeof(*d));
	d->w.target = &d->target;
	d->w.prog = &d->prog;
	d->prog.layout_match = LAYOUT_KNOWN;
	d->other = (char *)"/lib/libother.so";
}

static void doubt_everything(struct doubtful *d)
{
	d->w.halts.last = HALT_SIGNAL;
	d->prog.image.others.data = &d->other;
	d->prog.image.others.len = 1;
	d->target.exe = (char *)"/bin/server";
	d->target.exe_deleted = true;
	d->prog.layout_match = LAYOUT_NEAREST;
	strcpy(d->prog.image.build.version, "go1.99");
	d->prog.layout.name = "go1.24";
	d->prog.made.searched = true;
	d->w.stuck = true;
	d->w.gone = err_new(ERR_GONE, "it exited");
}

static void no_doubts_without_a_reason(void **state)
{
	static struct doubtful d;

	(void)state;
	doubtful_init(&d);
	result_fill_doubts(&d.r, &d.w);
	assert_int_equal(d.r.doubts.len, 0);
	pool_fini(&d.r.pool);
}

static void each_doubt_has_its_text(void **state)
{
	static const char *const parts[DOUBT_CNT] = {
		[DOUBT_TARGET_HALTED] = "signal",    [DOUBT_OTHER_RUNTIMES] = "libother.so",
		[DOUBT_EXE_DELETED] = "/bin/server", [DOUBT_LAYOUT_NEAREST] = "go1.99",
		[DOUBT_MADE_TYPES] = "reflect",	     [DOUBT_CUT_SHORT] = "did not return",
		[DOUBT_TARGET_GONE] = "it exited",
	};
	static struct doubtful d;

	(void)state;
	doubtful_init(&d);
	doubt_everything(&d);
	result_fill_doubts(&d.r, &d.w);
	assert_false(d.r.pool.failed);
	assert_int_equal(d.r.doubts.len, DOUBT_CNT);
	for (size_t i = 0; i < d.r.doubts.len; i++) {
		assert_int_equal(d.r.doubts.data[i].code, i);
		assert_non_null(parts[i]);
		expect_part(d.r.doubts.data[i].text, parts[i]);
	}
	err_free(d.w.gone);
	pool_fini(&d.r.pool);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_value_has_a_name),
		cmocka_unit_test(names_are_plain),
		cmocka_unit_test(no_two_values_are_alike),
		cmocka_unit_test(remedies_are_those_of_the_rows),
		cmocka_unit_test(findings_name_their_bytes),
		cmocka_unit_test(one_map_is_not_counted),
		cmocka_unit_test(zero_values_say_what_the_copy_brings),
		cmocka_unit_test(no_doubts_without_a_reason),
		cmocka_unit_test(each_doubt_has_its_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
