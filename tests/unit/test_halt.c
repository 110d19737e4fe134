// SPDX-License-Identifier: GPL-2.0-only
/* Stopped processes: children of this test, which have two threads. */
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "process/halt.h"

struct child {
	pid_t pid;
	pid_t tid; /* id of its second thread */
};

static void *second_thread(void *arg)
{
	pid_t tid = (pid_t)syscall(SYS_gettid);

	if (write(*(int *)arg, &tid, sizeof(tid)) != sizeof(tid))
		_exit(1);
	for (;;)
		pause();
}

static void child_run(int told)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, second_thread, &told))
		_exit(1);
	for (;;)
		pause();
}

static void child_start(struct child *c)
{
	int told[2];

	assert_int_equal(pipe(told), 0);
	c->pid = fork();
	assert_true(c->pid >= 0);
	if (!c->pid)
		child_run(told[1]);
	assert_int_equal(read(told[0], &c->tid, sizeof(c->tid)), sizeof(c->tid));
	close(told[0]);
	close(told[1]);
}

static void child_stop(const struct child *c)
{
	kill(c->pid, SIGKILL);
	waitpid(c->tid, NULL,
		__WALL); /* a single thread can be waited for only when it is traced */
	waitpid(c->pid, NULL, __WALL);
}

/* Threads stop one after the other. */
static void look_until(struct halts *h, enum halt wanted)
{
	const struct timespec pause = { .tv_nsec = 1000000 };

	for (int i = 0; i < 10000; i++) {
		halts_look(h);
		if (h->now == wanted)
			return;
		nanosleep(&pause, NULL);
	}
	fail_msg("is %d, not %d", h->now, wanted);
}

static void runs(void **state)
{
	struct child c;
	struct halts h;

	(void)state;
	child_start(&c);
	halts_init(&h, c.pid);
	halts_look(&h);
	assert_int_equal(h.now, HALT_NONE);
	assert_int_equal(h.last, HALT_NONE);
	assert_int_equal(h.halted_ns, 0);
	child_stop(&c);
	halts_look(&h); /* of a process that does not exist */
	assert_int_equal(h.now, HALT_NONE);
}

/* The time between two looks that both find it stopped counts. */
static void stopped_by_a_signal(void **state)
{
	struct child c;
	struct halts h;
	uint64_t first_ns;

	(void)state;
	child_start(&c);
	halts_init(&h, c.pid);
	kill(c.pid, SIGSTOP);
	look_until(&h, HALT_SIGNAL);
	assert_int_equal(h.halted_ns, 0);
	first_ns = h.look_ns;
	halts_look(&h);
	halts_look(&h);
	assert_int_equal(h.halted_ns, h.look_ns - first_ns);

	uint64_t halted_ns = h.halted_ns;
	kill(c.pid, SIGCONT);
	look_until(&h, HALT_NONE);
	assert_true(h.halted_ns >= halted_ns);
	halted_ns = h.halted_ns;
	halts_look(&h);
	assert_int_equal(h.halted_ns, halted_ns);
	assert_int_equal(h.last, HALT_SIGNAL);
	child_stop(&c);
}

static void thread_stop(pid_t tid)
{
	assert_int_equal(ptrace(PTRACE_SEIZE, tid, NULL, NULL), 0);
	assert_int_equal(ptrace(PTRACE_INTERRUPT, tid, NULL, NULL), 0);
	assert_int_equal(waitpid(tid, NULL, __WALL), tid);
}

/* Whichever thread stops first, the process is running until both are stopped. */
static void stopped_by_a_tracer(void **state)
{
	struct child c;
	struct halts h;

	(void)state;
	for (int second = 0; second < 2; second++) {
		child_start(&c);
		halts_init(&h, c.pid);
		thread_stop(second ? c.tid : c.pid);
		halts_look(&h);
		assert_int_equal(h.now, HALT_NONE);
		thread_stop(second ? c.pid : c.tid);
		halts_look(&h);
		assert_int_equal(h.now, HALT_TRACER);
		assert_int_equal(h.last, HALT_TRACER);
		child_stop(&c);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(runs),
		cmocka_unit_test(stopped_by_a_signal),
		cmocka_unit_test(stopped_by_a_tracer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
