// SPDX-License-Identifier: GPL-2.0-only
/* Identity and life of real processes, which are children of this test. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "process/target.h"

/* A child that runs `sleep` when a byte is written to *go, or at once. */
struct child {
	pid_t pid;
	int go;
};

static void child_start(struct child *c)
{
	int go[2];
	char byte;

	assert_int_equal(pipe(go), 0);
	c->pid = fork();
	assert_true(c->pid >= 0);
	if (!c->pid) {
		close(go[1]);
		if (read(go[0], &byte, 1) == 1)
			execl("/bin/sleep", "sleep", "60", "1s", NULL);
		_exit(1);
	}
	close(go[0]);
	c->go = go[1];
}

static void child_stop(struct child *c)
{
	close(c->go);
	kill(c->pid, SIGKILL);
	waitpid(c->pid, NULL, 0);
}

/* Makes the child become `sleep` and waits for that. The kernel sets up the arguments last. */
static void child_exec(struct child *c)
{
	struct timespec pause = { .tv_nsec = 5000000 };
	char path[64], args[64];

	assert_int_equal(write(c->go, "x", 1), 1);
	snprintf(path, sizeof(path), "/proc/%d/cmdline", c->pid);
	for (int i = 0; i < 2000; i++) {
		FILE *f = fopen(path, "re");
		size_t n = f ? fread(args, 1, sizeof(args), f) : 0;

		if (f)
			fclose(f);
		if (n == sizeof("sleep 60 1s") && !memcmp(args, "sleep", 6))
			return;
		nanosleep(&pause, NULL);
	}
	fail_msg("the child never ran its program");
}

static void knows_itself(void **state)
{
	struct target *t = NULL;
	struct target_rss rss;

	(void)state;
	assert_null(target_open(getpid(), &t));
	assert_int_equal(t->pid, getpid());
	assert_non_null(strstr(t->command, "test_target"));
	assert_non_null(strstr(t->exe, "/test_target"));
	assert_false(t->exe_deleted);
	assert_false(t->other_pid_ns);
	assert_false(t->other_mnt_ns);
	assert_true(t->uptime_ns < 3600 * 1000000000ull);
	assert_true(t->started_at_s <= (uint64_t)time(NULL) + 1);
	assert_true(t->started_at_s + 3600 > (uint64_t)time(NULL));
	assert_null(target_check(t));
	assert_null(target_rss(t, &rss));
	assert_true(rss.rss_bytes > 0);
	assert_true(rss.rss_bytes >= rss.anon_bytes);
	target_close(t);
}

static void reads_its_memory(void **state)
{
	struct target *t = NULL;
	uint64_t value = 0x1122334455667788, got = 0;

	(void)state;
	assert_null(target_open(getpid(), &t));
	assert_null(mem_read_u64(&t->mem, (uintptr_t)&value, &got));
	assert_true(got == value);
	target_close(t);
}

static void a_child_lives_and_dies(void **state)
{
	struct child c;
	struct target *t = NULL;
	struct target_rss rss;

	(void)state;
	child_start(&c);
	assert_null(target_open(c.pid, &t));
	assert_null(target_check(t));
	child_stop(&c);
	_cleanup_err_ struct err *check = target_check(t);
	_cleanup_err_ struct err *no_rss = target_rss(t, &rss);
	assert_true(err_is(check, ERR_GONE));
	assert_true(err_is(no_rss, ERR_GONE));
	target_close(t);
}

/* A dead process that nobody has waited for still has a pid, but no memory. */
static void a_zombie_is_gone(void **state)
{
	struct child c;
	struct target *t = NULL;
	siginfo_t info;

	(void)state;
	child_start(&c);
	assert_null(target_open(c.pid, &t));
	kill(c.pid, SIGKILL);
	assert_int_equal(waitid(P_PID, c.pid, &info, WEXITED | WNOWAIT), 0);
	_cleanup_err_ struct err *check = target_check(t);
	assert_true(err_is(check, ERR_GONE));
	target_close(t);

	_cleanup_err_ struct err *open = target_open(c.pid, &t);
	assert_non_null(open);
	child_stop(&c);
}

static void an_exec_makes_it_another_program(void **state)
{
	struct child c;
	struct target *t = NULL;

	(void)state;
	child_start(&c);
	assert_null(target_open(c.pid, &t));
	child_exec(&c);
	_cleanup_err_ struct err *err = target_check(t);
	assert_true(err_is(err, ERR_GONE));
	assert_non_null(strstr(err->msg, "has executed another program"));
	target_close(t);

	assert_null(target_open(c.pid, &t));
	assert_string_equal(t->command_line, "sleep 60 1s");
	assert_null(target_check(t));
	target_close(t);
	child_stop(&c);
}

static void no_such_process(void **state)
{
	struct child c;
	struct target *t = NULL;

	(void)state;
	child_start(&c);
	child_stop(&c);
	_cleanup_err_ struct err *err = target_open(c.pid, &t);
	assert_true(err_is(err, ERR_GONE));
	assert_null(t);
}

static void odd_pids(void **state)
{
	struct target *t = NULL;

	(void)state;
	_cleanup_err_ struct err *zero = target_open(0, &t);
	_cleanup_err_ struct err *negative = target_open(-1, &t);
	assert_non_null(zero);
	assert_non_null(negative);
	assert_null(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(knows_itself),
		cmocka_unit_test(reads_its_memory),
		cmocka_unit_test(a_child_lives_and_dies),
		cmocka_unit_test(a_zombie_is_gone),
		cmocka_unit_test(an_exec_makes_it_another_program),
		cmocka_unit_test(no_such_process),
		cmocka_unit_test(odd_pids),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
