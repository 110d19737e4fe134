// SPDX-License-Identifier: GPL-2.0-only
/* Ticks and a listener in a thread of their own: when they are called, and what ends them. */
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/err.h"
#include "trace/callbacks.h"

#define TICK_NS NS_PER_S
enum { PATIENCE_MS = 10000 };

struct fixture {
	struct trace_opts opts;
	struct trace_listener listener;
	struct callbacks c;
	int gate[2]; /* a pipe */
	bool gated; /* callbacks wait until the other end of the pipe is closed */
	bool fails;
	unsigned int ticks;
	unsigned int events;
	unsigned int memcalls;
	uint64_t last_ns;
	bool in_order;
	pthread_t thread;
};

static struct err *called(struct fixture *f)
{
	char byte;

	f->thread = pthread_self();
	if (f->gated)
		(void)!read(f->gate[0], &byte, 1);
	return f->fails ? err_new(ERR_GONE, "as asked for") : NULL;
}

static struct err *fixture_tick(void *ctx)
{
	struct fixture *f = ctx;

	f->ticks++;
	return called(f);
}

static struct err *fixture_event(void *ctx, const struct trace_event *e, enum abi_group_id group)
{
	struct fixture *f = ctx;

	assert_int_equal(group, ABI_GROUP_HOT);
	f->events++;
	f->in_order = f->in_order && e->ktime_ns > f->last_ns;
	f->last_ns = e->ktime_ns;
	return called(f);
}

static struct err *fixture_memcall(void *ctx, const struct trace_memcall *memcall)
{
	struct fixture *f = ctx;

	(void)memcall;
	f->memcalls++;
	return called(f);
}

static struct fixture *fixture_new(void)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_true(f && !pipe(f->gate));
	f->listener = (struct trace_listener){ .event = fixture_event,
					       .memcall = fixture_memcall,
					       .ctx = f };
	f->opts = (struct trace_opts){
		.tick_ns = TICK_NS, .tick = fixture_tick, .tick_ctx = f, .listener = &f->listener
	};
	f->in_order = true;
	f->c.opts = &f->opts;
	f->c.wake_fd = eventfd(0, EFD_NONBLOCK);
	f->c.next_tick_ns = TICK_NS;
	return f;
}

static void fixture_free(struct fixture *f)
{
	callbacks_fini(&f->c);
	close(f->c.wake_fd);
	close(f->gate[0]);
	if (f->gate[1] >= 0)
		close(f->gate[1]);
	free(f);
}

static void add(struct fixture *f, enum abi_rec_kind kind, uint64_t ktime_ns)
{
	struct trace_record record = { .kind = kind };

	if (kind == ABI_REC_MAP_OP)
		record.map.ktime_ns = ktime_ns;
	assert_null(callbacks_add(&f->c, &record));
}

/* Sleeps as a step does. */
static void wait_until_woken(struct fixture *f)
{
	struct pollfd fd = { .fd = f->c.wake_fd, .events = POLLIN };
	uint64_t wakes;

	assert_int_equal(poll(&fd, 1, PATIENCE_MS), 1);
	assert_int_equal(read(f->c.wake_fd, &wakes, sizeof(wakes)), sizeof(wakes));
}

static struct err *end(struct fixture *f)
{
	bool done = false;
	struct err *first = NULL;

	while (!done) {
		struct err *err = callbacks_end(&f->c, &done);

		if (first)
			err_free(err);
		else
			first = err;
		if (!done)
			wait_until_woken(f);
	}
	return first;
}

static void ticks_come_when_due(void **state)
{
	struct fixture *f = fixture_new();

	(void)state;
	assert_null(callbacks_step(&f->c, TICK_NS - 1));
	assert_false(f->c.running);
	assert_false(callbacks_tick_is_due(&f->c, TICK_NS - 1));
	assert_true(callbacks_tick_is_due(&f->c, TICK_NS));
	assert_null(callbacks_step(&f->c, TICK_NS + 5));
	assert_false(callbacks_tick_is_due(&f->c, 10 * TICK_NS)); /* it runs */
	wait_until_woken(f);
	assert_null(callbacks_step(&f->c, TICK_NS + 6)); /* joins */
	assert_int_equal(f->ticks, 1);
	assert_false(pthread_equal(f->thread, pthread_self()));
	assert_int_equal(f->c.next_tick_ns, 2 * TICK_NS + 5);
	assert_null(end(f));
	assert_int_equal(f->ticks, 1);
	fixture_free(f);
}

/* All records are told in order, in the thread, those of the end too. */
static void all_is_told(void **state)
{
	struct fixture *f = fixture_new();

	(void)state;
	for (int i = 1; i <= 100; i++)
		add(f, ABI_REC_MAP_OP, i);
	add(f, ABI_REC_FULL, 0);
	assert_null(callbacks_step(&f->c, 0));
	for (int i = 101; i <= 150; i++)
		add(f, ABI_REC_MAP_OP, i);
	add(f, ABI_REC_MEMCALL, 0);
	assert_null(end(f));
	assert_int_equal(f->events, 150);
	assert_int_equal(f->memcalls, 1);
	assert_true(f->in_order);
	assert_int_equal(f->ticks, 0);
	assert_int_equal(f->c.dropped, 0);
	assert_false(pthread_equal(f->thread, pthread_self()));
	fixture_free(f);
}

/* Steps do not wait for a slow callback. What does not fit into the queue is counted. */
static void a_slow_one_holds_nothing_up(void **state)
{
	struct fixture *f = fixture_new();
	bool done;

	(void)state;
	f->gated = true;
	assert_null(callbacks_step(&f->c, TICK_NS));
	for (int i = 1; i <= CALLBACKS_QUEUE_MAX + 7; i++)
		add(f, ABI_REC_MAP_OP, i);
	assert_int_equal(f->c.dropped, 7);
	assert_null(callbacks_step(&f->c, 5 * TICK_NS));
	assert_null(callbacks_end(&f->c, &done));
	assert_false(done);
	close(f->gate[1]); /* opens the gate, for all */
	f->gate[1] = -1;
	assert_null(end(f));
	assert_int_equal(f->ticks, 1);
	assert_int_equal(f->events, CALLBACKS_QUEUE_MAX);
	fixture_free(f);
}

static void an_error_is_returned(void **state)
{
	struct fixture *f = fixture_new();

	(void)state;
	f->fails = true;
	add(f, ABI_REC_MAP_OP, 1);
	add(f, ABI_REC_MAP_OP, 2);
	assert_null(callbacks_step(&f->c, TICK_NS));
	wait_until_woken(f);
	struct err *err = callbacks_step(&f->c, TICK_NS);
	assert_true(err_is(err, ERR_GONE));
	err_free(err);
	assert_int_equal(f->events, 1);
	assert_int_equal(f->ticks, 0); /* it comes after the records */

	/* At the end: after an error the rest is dropped. */
	add(f, ABI_REC_MAP_OP, 3);
	assert_null(callbacks_step(&f->c, 0));
	add(f, ABI_REC_MAP_OP, 4);
	wait_until_woken(f);
	err = end(f);
	assert_true(err_is(err, ERR_GONE));
	err_free(err);
	assert_int_equal(f->events, 2);
	fixture_free(f);
}

static void without_a_listener_nothing_waits(void **state)
{
	struct fixture *f = fixture_new();

	(void)state;
	f->opts.listener = NULL;
	f->opts.tick = NULL;
	add(f, ABI_REC_MAP_OP, 1);
	assert_int_equal(f->c.queue.len, 0);
	assert_null(callbacks_step(&f->c, 9 * TICK_NS));
	assert_false(f->c.running);
	assert_null(end(f));
	fixture_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ticks_come_when_due),
		cmocka_unit_test(all_is_told),
		cmocka_unit_test(a_slow_one_holds_nothing_up),
		cmocka_unit_test(an_error_is_returned),
		cmocka_unit_test(without_a_listener_nothing_waits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
