// SPDX-License-Identifier: GPL-2.0-only
/* Sheltered calls: where they run, and that killing the caller does not end them. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "trace/shelter.h"

enum { PATIENCE_MS = 10000 };

/* Except the two that cannot be blocked, and those that the C library reserves. */
static bool blocks_all(void)
{
	sigset_t all, mask;

	sigfillset(&all);
	if (sigprocmask(SIG_SETMASK, NULL, &mask) < 0)
		return false;
	for (int sig = 1; sig <= SIGRTMAX; sig++)
		if (sig != SIGKILL && sig != SIGSTOP && sigismember(&all, sig) &&
		    !sigismember(&mask, sig))
			return false;
	return true;
}

struct visit {
	int fd; /* to close */
	int calls;
	pid_t pid;
	pid_t group;
	bool all_blocked;
};

static void visit(void *arg)
{
	struct visit *v = arg;

	v->calls++;
	v->pid = getpid();
	v->group = getpgrp();
	v->all_blocked = blocks_all();
	close(v->fd);
}

static void it_has_our_memory_and_files(void **state)
{
	struct visit v = { .fd = open("/dev/null", O_RDONLY) };
	pid_t group = getpgrp();
	sigset_t before, after;
	(void)state;

	assert_true(v.fd >= 0);
	sigemptyset(&before);
	sigaddset(&before, SIGUSR1);
	assert_int_equal(sigprocmask(SIG_SETMASK, &before, NULL), 0);
	shelter_run(visit, &v);
	assert_int_equal(v.calls, 1);
	assert_int_equal(fcntl(v.fd, F_GETFD), -1);
	assert_int_equal(errno, EBADF);

	/* A process and a group of its own, which no signal to our group reaches. */
	assert_int_not_equal(v.pid, getpid());
	assert_int_equal(v.group, v.pid);
	assert_int_equal(getpgrp(), group);
	assert_true(v.all_blocked);
	assert_int_equal(sigprocmask(SIG_SETMASK, NULL, &after), 0);
	assert_true(sigismember(&after, SIGUSR1));
	assert_false(sigismember(&after, SIGUSR2));
	assert_false(sigismember(&after, SIGINT));
	assert_false(sigismember(&after, SIGTERM));

	/* Nothing is left of that process. */
	assert_int_equal(waitpid(-1, NULL, __WALL), -1);
	assert_int_equal(errno, ECHILD);
}

/* It may use as much stack as attaching uses. */
static void use_stack(void *arg)
{
	volatile char room[16 << 10];
	int *sum = arg;

	for (size_t i = 0; i < sizeof(room); i += 64)
		room[i] = 1;
	for (size_t i = 0; i < sizeof(room); i += 64)
		*sum += room[i];
}

static void one_call_after_the_other(void **state)
{
	int sum = 0;
	(void)state;

	for (int i = 0; i < 100; i++)
		shelter_run(use_stack, &sum);
	assert_int_equal(sum, 100 * (16 << 10) / 64);
}

/* ---- Killed callers ---- */

/* Pipes: the call writes a byte when it has begun, reads one to go on, writes one at its end. */
struct job {
	int begun[2];
	int go[2];
	int done[2];
};

static void work(void *arg)
{
	const struct job *job = arg;
	char byte = 'x';

	if (write(job->begun[1], &byte, 1) == 1 && read(job->go[0], &byte, 1) == 1)
		(void)!write(job->done[1], "y", 1);
}

static char read_byte(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char byte = 0;

	return poll(&p, 1, PATIENCE_MS) == 1 && read(fd, &byte, 1) == 1 ? byte : 0;
}

/* Starts a process, in a group of its own, that is in the middle of a sheltered call. */
static pid_t start_caller(struct job *job)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		setpgid(0, 0);
		signal(SIGINT, SIG_DFL); /* shells have it ignored in the background */
		close(job->go[1]);
		shelter_run(work, job);
		_exit(0);
	}
	return pid;
}

/* When the call goes on its caller is dead, or waits for it with a signal pending. */
static void check_kill(bool group, int sig)
{
	struct job job;
	int status;

	assert_true(!pipe(job.begun) && !pipe(job.go) && !pipe(job.done));

	pid_t pid = start_caller(&job);
	assert_int_equal(read_byte(job.begun[0]), 'x');
	assert_int_equal(kill(group ? -pid : pid, sig), 0);
	if (sig == SIGKILL)
		assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(write(job.go[1], "g", 1), 1);
	close(job.go[1]);
	assert_int_equal(read_byte(job.done[0]), 'y');
	if (sig != SIGKILL)
		assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == sig);
	close(job.go[0]);
	for (int i = 0; i < 2; i++) {
		close(job.begun[i]);
		close(job.done[i]);
	}
}

static void a_killed_caller_does_not_end_it(void **state)
{
	(void)state;
	check_kill(/* group */ false, SIGKILL);
	check_kill(/* group */ true, SIGKILL);
}

/* A signal to the group, as from a terminal: first the call ends, then the caller does. */
static void a_signal_waits_for_its_end(void **state)
{
	(void)state;
	check_kill(/* group */ true, SIGINT);
	check_kill(/* group */ true, SIGTERM);
}

/* ---- No child can be started ---- */

static int run_without_processes(void)
{
	const struct rlimit none = { 0, 0 };
	struct visit v = { .fd = -1 };
	sigset_t after;

	if (setrlimit(RLIMIT_NPROC, &none) < 0 || (geteuid() == 0 && setuid(65534) < 0))
		return 1;
	if (fork() != -1)
		return 2;
	shelter_run(visit, &v);
	if (v.calls != 1 || v.pid != getpid() || !v.all_blocked)
		return 3;
	return sigprocmask(SIG_SETMASK, NULL, &after) < 0 || sigismember(&after, SIGINT) ? 4 : 0;
}

static void without_a_process_it_is_called_right_here(void **state)
{
	pid_t pid = fork();
	int status;
	(void)state;

	assert_true(pid >= 0);
	if (pid == 0)
		_exit(run_without_processes());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_has_our_memory_and_files),
		cmocka_unit_test(one_call_after_the_other),
		cmocka_unit_test(a_killed_caller_does_not_end_it),
		cmocka_unit_test(a_signal_waits_for_its_end),
		cmocka_unit_test(without_a_process_it_is_called_right_here),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
