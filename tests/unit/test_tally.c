// SPDX-License-Identifier: GPL-2.0-only
/* How made-up hits are summed up. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "trace/functions.h"
#include "trace/tally.h"

#define MAP 0xc000010000
#define CALLER 0x401000

/* The first function of an operation. */
static uint32_t func_of(enum abi_op op)
{
	for (uint32_t i = 0; i < map_function_cnt; i++) {
		if (map_functions[i].op == op)
			return i;
	}
	fail();
	return 0;
}

static struct trace_record hit_of(enum abi_op op, uint64_t live_keys)
{
	return (struct trace_record){
		.kind = ABI_REC_MAP_OP,
		.func = func_of(op),
		.map = { .op = op,
			 .map = MAP,
			 .caller = CALLER,
			 .goroutine = 7,
			 .live_known = true,
			 .live_keys = live_keys,
			 .seed = 1 },
	};
}

static void hit(struct trace_tally *t, enum abi_op op, uint64_t live_keys)
{
	struct trace_record event = hit_of(op, live_keys);

	assert_null(tally_record(t, &event));
}

static void hit_by(struct trace_tally *t, uint64_t goroutine)
{
	struct trace_record event = hit_of(ABI_OP_INSERT, 3);

	event.map.goroutine = goroutine;
	assert_null(tally_record(t, &event));
}

static void hit_through(struct trace_tally *t, uint64_t second)
{
	struct trace_record event = hit_of(ABI_OP_INSERT, 3);

	event.map.stack[0] = CALLER;
	event.map.stack[1] = second;
	assert_null(tally_record(t, &event));
}

static void window_end(struct trace_tally *t, enum abi_group_id group, uint64_t open_ns,
		       uint64_t span_ns)
{
	struct trace_window window = { .group = group, .open_ns = open_ns, .span_ns = span_ns };

	assert_null(tally_window(t, &window));
}

static const struct trace_row *row_of(const struct trace_tally *t, enum abi_op op)
{
	for (size_t i = 0; i < t->lists.rows.len; i++) {
		if (t->lists.rows.data[i].op == op)
			return &t->lists.rows.data[i];
	}
	fail();
	return NULL;
}

/* The length that a hit shows tells what the hit before it did. */
static void the_next_hit_tells(void **state)
{
	struct trace_tally t;

	(void)state;
	assert_null(tally_init(&t, /* sees_all */ true));
	hit(&t, ABI_OP_INSERT, 10); /* a new key */
	hit(&t, ABI_OP_INSERT, 11); /* an old one */
	hit(&t, ABI_OP_DELETE, 11); /* one that is there */
	hit(&t, ABI_OP_DELETE, 10); /* one that is not */
	hit(&t, ABI_OP_INSERT, 10); /* something was missed after this one */
	hit(&t, ABI_OP_INSERT, 20); /* nothing comes after it */
	assert_int_equal(row_of(&t, ABI_OP_INSERT)->hits, 4);
	assert_int_equal(row_of(&t, ABI_OP_INSERT)->told, 2);
	assert_int_equal(row_of(&t, ABI_OP_INSERT)->changed, 1);
	assert_int_equal(row_of(&t, ABI_OP_DELETE)->hits, 2);
	assert_int_equal(row_of(&t, ABI_OP_DELETE)->told, 2);
	assert_int_equal(row_of(&t, ABI_OP_DELETE)->changed, 1);
	tally_fini(&t);
}

/* A hit in the next window tells nothing, nor does a hit of another map at the address.
 * A growth is a part of an insert. */
static void some_tell_nothing(void **state)
{
	struct trace_tally t;

	(void)state;
	assert_null(tally_init(&t, /* sees_all */ true));
	hit(&t, ABI_OP_INSERT, 10);
	window_end(&t, ABI_GROUP_HOT, 20, 125);
	hit(&t, ABI_OP_INSERT, 11);
	struct trace_record other = hit_of(ABI_OP_INSERT, 12);
	other.map.seed = 2;
	assert_null(tally_record(&t, &other));
	assert_int_equal(row_of(&t, ABI_OP_INSERT)->told, 0);
	struct trace_record grow = hit_of(ABI_OP_GROW, 12);
	grow.map.seed = 2;
	assert_null(tally_record(&t, &grow));
	other.map.live_keys = 13;
	assert_null(tally_record(&t, &other));
	assert_int_equal(row_of(&t, ABI_OP_INSERT)->told, 1);
	assert_int_equal(row_of(&t, ABI_OP_INSERT)->changed, 1);
	tally_fini(&t);

	assert_null(tally_init(&t, /* sees_all */ false));
	hit(&t, ABI_OP_INSERT, 10);
	hit(&t, ABI_OP_INSERT, 11);
	assert_int_equal(row_of(&t, ABI_OP_INSERT)->told, 0);
	tally_fini(&t);
}

static void the_busiest_goroutine_is_left_over(void **state)
{
	struct trace_tally t;

	(void)state;
	assert_null(tally_init(&t, true));
	hit_by(&t, 1);
	hit_by(&t, 2);
	assert_int_equal(row_of(&t, ABI_OP_INSERT)->goroutine_votes, 0); /* both are equally busy */
	hit_by(&t, 2);
	hit_by(&t, 3);
	hit_by(&t, 2);
	assert_int_equal(row_of(&t, ABI_OP_INSERT)->goroutine, 2);
	assert_true(row_of(&t, ABI_OP_INSERT)->goroutine_votes > 0);
	tally_fini(&t);
}

/* A clear gives the map another seed: after that it is only known by its address. */
static void a_clear_that_came_last_is_known(void **state)
{
	struct trace_tally t;

	(void)state;
	assert_null(tally_init(&t, true));
	hit(&t, ABI_OP_INSERT, 10);
	assert_false(t.lists.maps.data[0].cleared_last);
	hit(&t, ABI_OP_CLEAR, 11);
	assert_true(t.lists.maps.data[0].cleared_last);
	hit(&t, ABI_OP_INSERT, 0);
	assert_false(t.lists.maps.data[0].cleared_last);
	assert_int_equal(t.lists.maps.data[0].live_min, 0);
	assert_int_equal(t.lists.maps.data[0].live_max, 11);
	tally_fini(&t);
}

/* A hit counts span / open times: its window stands for a longer time than it was open. */
static void windows_weigh_their_hits(void **state)
{
	struct trace_tally t;
	uint32_t func = func_of(ABI_OP_INSERT);

	(void)state;
	assert_null(tally_init(&t, true));
	hit(&t, ABI_OP_INSERT, 1);
	hit(&t, ABI_OP_INSERT, 1);
	struct trace_window window = {
		.group = ABI_GROUP_HOT, .open_ns = 20, .span_ns = 100, .funcs = 1u << func
	};
	assert_null(tally_window(&t, &window));
	hit(&t, ABI_OP_INSERT, 1);
	window.span_ns = 60;
	assert_null(tally_window(&t, &window));
	assert_true(fabs(row_of(&t, ABI_OP_INSERT)->estimate - (2 * 5 + 1 * 3)) < 1e-9);
	assert_int_equal(t.lists.samples.len, 2);
	assert_int_equal(t.lists.samples.data[0].hits, 2);
	assert_int_equal(t.lists.samples.data[1].hits, 1);
	assert_int_equal(t.lists.samples.data[1].window, 1);
	assert_int_equal(t.bases[func].windows, 2);
	assert_true(t.bases[func].open_ns == 40 && t.bases[func].span_ns == 160);
	tally_fini(&t);
}

/* What was counted before is gone; the window that is open goes on. */
static void forgets_all_but_the_open_window(void **state)
{
	struct trace_tally t;
	struct trace_window window = { .group = ABI_GROUP_HOT, .open_ns = 20, .span_ns = 100 };

	(void)state;
	assert_null(tally_init(&t, true));
	hit(&t, ABI_OP_INSERT, 1);
	hit(&t, ABI_OP_DELETE, 1);
	assert_null(tally_window(&t, &window));
	hit(&t, ABI_OP_INSERT, 1);
	hit(&t, ABI_OP_GROW, 1);
	t.overflow.events = 3;
	assert_null(tally_forget(&t));
	assert_int_equal(t.lists.rows.len, 2); /* of two groups, both open */
	assert_int_equal(row_of(&t, ABI_OP_INSERT)->hits, 1);
	assert_int_equal(row_of(&t, ABI_OP_INSERT)->caller, CALLER);
	assert_int_equal(row_of(&t, ABI_OP_GROW)->hits, 1);
	assert_int_equal(t.lists.maps.len, 0);
	assert_int_equal(t.lists.windows.len, 0);
	assert_int_equal(t.lists.samples.len, 0);
	assert_int_equal(t.overflow.events, 0);

	hit(&t, ABI_OP_INSERT, 1);
	assert_null(tally_window(&t, &window));
	assert_int_equal(row_of(&t, ABI_OP_INSERT)->hits, 2);
	assert_true(fabs(row_of(&t, ABI_OP_INSERT)->estimate - 2 * 5) < 1e-9);
	assert_int_equal(t.lists.samples.len, 1);
	assert_int_equal(t.lists.samples.data[0].window, 0);
	assert_int_equal(t.lists.maps.len, 1);
	tally_fini(&t);
}

static void assert_same_lists(const struct tally_lists *a, const struct tally_lists *b)
{
	assert_int_equal(a->rows.len, b->rows.len);
	assert_memory_equal(a->rows.data, b->rows.data, a->rows.len * sizeof(*a->rows.data));
	assert_int_equal(a->maps.len, b->maps.len);
	assert_memory_equal(a->maps.data, b->maps.data, a->maps.len * sizeof(*a->maps.data));
	assert_int_equal(a->windows.len, b->windows.len);
	assert_memory_equal(a->windows.data, b->windows.data,
			    a->windows.len * sizeof(*a->windows.data));
	assert_int_equal(a->samples.len, b->samples.len);
	assert_memory_equal(a->samples.data, b->samples.data,
			    a->samples.len * sizeof(*a->samples.data));
}

static void a_copy_follows_the_lists(void **state)
{
	struct trace_tally t;
	struct tally_lists copy = { 0 };

	(void)state;
	assert_null(tally_init(&t, true));
	assert_null(tally_lists_copy(&copy, &t.lists, /* anew */ false));
	assert_int_equal(copy.rows.len, 0);
	for (int i = 0; i < 50; i++) {
		hit(&t, ABI_OP_INSERT, i);
		hit(&t, i % 2 ? ABI_OP_DELETE : ABI_OP_GROW, i);
		window_end(&t, ABI_GROUP_HOT, 20, 100 + i);
		if (i % 10 == 0)
			assert_null(tally_lists_copy(&copy, &t.lists, /* anew */ false));
	}
	assert_null(tally_lists_copy(&copy, &t.lists, /* anew */ false));
	assert_same_lists(&copy, &t.lists);

	assert_null(tally_forget(&t));
	hit(&t, ABI_OP_INSERT, 1);
	window_end(&t, ABI_GROUP_HOT, 7, 9);
	assert_null(tally_lists_copy(&copy, &t.lists, /* anew */ true));
	assert_int_equal(copy.windows.len, 1);
	assert_same_lists(&copy, &t.lists);
	tally_lists_fini(&copy);
	tally_fini(&t);
}

static void most_hits_came_through_this_stack(void **state)
{
	const uint64_t seconds[] = { 1, 2, 2, 3, 2, 1, 2 };
	struct trace_tally t;

	(void)state;
	assert_null(tally_init(&t, true));
	for (size_t i = 0; i < sizeof(seconds) / sizeof(seconds[0]); i++)
		hit_through(&t, seconds[i]);
	hit(&t, ABI_OP_DELETE, 3); /* without a stack */
	assert_int_equal(t.lists.stacks.len, 3);
	assert_int_equal(row_of(&t, ABI_OP_DELETE)->stack, 0);

	const struct trace_stack *s = &t.lists.stacks.data[row_of(&t, ABI_OP_INSERT)->stack - 1];
	assert_int_equal(s->addr[1], 2);
	assert_int_equal(s->hits, 4);
	assert_int_equal(s->caller, CALLER);
	tally_fini(&t);
}

static void stacks_that_do_not_fit_are_counted(void **state)
{
	struct trace_tally t;

	(void)state;
	assert_null(tally_init(&t, true));
	for (uint64_t i = 0; i < TRACE_STACKS_MAX + 5; i++)
		hit_through(&t, i);
	assert_int_equal(t.lists.stacks.len, TRACE_STACKS_MAX);
	assert_int_equal(t.overflow.stacks, 5);
	assert_int_equal(row_of(&t, ABI_OP_INSERT)->hits, TRACE_STACKS_MAX + 5);
	tally_fini(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(most_hits_came_through_this_stack),
		cmocka_unit_test(stacks_that_do_not_fit_are_counted),
		cmocka_unit_test(the_next_hit_tells),
		cmocka_unit_test(some_tell_nothing),
		cmocka_unit_test(the_busiest_goroutine_is_left_over),
		cmocka_unit_test(a_clear_that_came_last_is_known),
		cmocka_unit_test(windows_weigh_their_hits),
		cmocka_unit_test(forgets_all_but_the_open_window),
		cmocka_unit_test(a_copy_follows_the_lists),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
