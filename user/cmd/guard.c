// SPDX-License-Identifier: GPL-2.0-only
#include "cmd/guard.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "cmd/stuck.h"
#include "process/rights.h"

enum {
	/* How long the second process may take to end after a signal or the deadline: to take
	 * out its probes may take seconds on a busy machine. */
	GRACE_S = 20,
	TWICE_MS = 200, /* timeout(1) sends its signal twice at once */
	LEAVE_MS = 300, /* for the second process to close its files when it is left behind */
	LOOK_MS = 350, /* between two looks at threads that may be stuck */
	JOIN_MS = 50,
	STACK_SZ = 8 << 20,
};

/* What both processes see. */
struct guard_page {
	volatile bool stop;
	volatile bool late; /* the deadline did that */
	volatile bool printing;
	volatile bool left; /* the second process is done, but cannot exit */
	volatile int signal; /* the first one that was caught; 0: none */
	volatile int end_signal; /* left: end by this signal; 0: by exit_code */
	volatile int exit_code;
};

static struct guard_page guard_alone;
static struct guard_page *guard = &guard_alone;
static bool guard_left_thread; /* one of this process that does not end */

const volatile bool *guard_stop(void)
{
	return &guard->stop;
}

void guard_stop_now(void)
{
	guard->stop = true;
}

const volatile bool *guard_late(void)
{
	return &guard->late;
}

void guard_print(void)
{
	guard->printing = true;
}

/* ---- the first process ---- */

struct guard_watch {
	pid_t child;
	sigset_t signals;
	uint64_t deadline_ns; /* UINT64_MAX: none */
	uint64_t give_up_ns; /* the same */
	uint64_t signal_ns; /* when the first signal came */
};

static _Noreturn void guard_die(int sig)
{
	sigset_t set;

	signal(sig, SIG_DFL);
	sigemptyset(&set);
	sigaddset(&set, sig);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	raise(sig);
	_exit(128 + sig); /* the signal stops a process, or is ignored: there is no such */
}

/* Ends as the second process did, or as it says that it wants to. */
static void guard_check_child(const struct guard_watch *w)
{
	int status;
	bool ended = waitpid(w->child, &status, WNOHANG) == w->child;

	if (!ended && !guard->left)
		return;
	if (!ended)
		kill(w->child, SIGKILL);
	if (guard->left && guard->end_signal)
		guard_die(guard->end_signal);
	if (guard->left)
		_exit(guard->exit_code);
	if (WIFSIGNALED(status))
		guard_die(WTERMSIG(status));
	_exit(WEXITSTATUS(status));
}

/* Waits for one of our signals, at most until a time. Returns 0 when there was none. */
static int guard_wait(const struct guard_watch *w, uint64_t until_ns)
{
	uint64_t now = clock_ns(), left = until_ns > now ? until_ns - now : 0;
	struct timespec timeout = { (time_t)(left / NS_PER_S), (long)(left % NS_PER_S) };
	int sig = sigtimedwait(&w->signals, NULL, until_ns == UINT64_MAX ? NULL : &timeout);

	return sig > 0 ? sig : 0;
}

static void guard_ask_to_stop(struct guard_watch *w)
{
	w->deadline_ns = UINT64_MAX;
	w->give_up_ns = clock_ns() + GRACE_S * NS_PER_S;
	guard->stop = true;
}

static void guard_on_signal(struct guard_watch *w, int sig)
{
	if (sig == SIGCHLD)
		return;
	if (guard->signal && clock_ns() < w->signal_ns + TWICE_MS * NS_PER_MS)
		return;
	if (guard->signal) {
		kill(w->child, SIGKILL);
		guard_die(sig);
	}
	w->signal_ns = clock_ns();
	guard->signal = sig;
	if (!guard->printing)
		guard_ask_to_stop(w);
}

/* The second process takes this for the order to close its files: else who reads our output
 * would wait for it, too. */
static int guard_leave_signal(void)
{
	return SIGRTMIN + 4;
}

static struct err *guard_give_up(const struct guard_watch *w)
{
	uint64_t until = clock_ns() + LEAVE_MS * NS_PER_MS;

	kill(w->child, guard_leave_signal());
	while (clock_ns() < until && !waitpid(w->child, NULL, WNOHANG))
		guard_wait(w, until);
	kill(w->child, SIGKILL);
	return guard->late ? err_new(ERR_DEADLINE, "the time is over (--deadline), and a system "
						   "call for the process does not return")
			   : err_new(ERR_STOPPED, "stopped by a signal; a system call for the "
						  "process does not return");
}

static struct err *guard_watch_child(struct guard_watch *w)
{
	for (;;) {
		uint64_t until = w->deadline_ns < w->give_up_ns ? w->deadline_ns : w->give_up_ns;
		int sig = guard_wait(w, guard->printing ? UINT64_MAX : until);

		guard_check_child(w);
		if (sig)
			guard_on_signal(w, sig);
		if (guard->printing)
			continue;
		if (clock_ns() >= w->give_up_ns)
			return guard_give_up(w);
		if (clock_ns() >= w->deadline_ns) {
			guard->late = true;
			guard_ask_to_stop(w);
		}
	}
}

/* ---- the second process ---- */

static void guard_on_leave(int sig)
{
	(void)sig;
	close_range(0, ~0U, 0);
	_exit(EXIT_INCOMPLETE);
}

static void guard_begin_child(pid_t parent, const sigset_t *before)
{
	struct sigaction leave = { .sa_handler = guard_on_leave };

	if (prctl(PR_SET_PDEATHSIG, SIGKILL) || getppid() != parent)
		_exit(EXIT_INCOMPLETE);
	signal(SIGINT, SIG_IGN); /* the first process tells us */
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	sigaction(guard_leave_signal(), &leave, NULL);
	sigprocmask(SIG_SETMASK, before, NULL);
}

static bool is_ignored(int sig)
{
	struct sigaction action;

	return !sigaction(sig, NULL, &action) && action.sa_handler == SIG_IGN;
}

static struct guard_watch guard_watch_of(uint64_t deadline_ns)
{
	struct guard_watch w = {
		.deadline_ns = deadline_ns ? clock_ns() + deadline_ns : UINT64_MAX,
		.give_up_ns = UINT64_MAX,
	};

	sigemptyset(&w.signals);
	sigaddset(&w.signals, SIGCHLD);
	sigaddset(&w.signals, SIGINT);
	sigaddset(&w.signals, SIGTERM);
	if (!is_ignored(SIGHUP))
		sigaddset(&w.signals, SIGHUP);
	return w;
}

struct err *guard_enter(uint64_t deadline_ns)
{
	struct guard_watch w = guard_watch_of(deadline_ns);
	struct guard_page *page = mmap(NULL, sizeof(*page), PROT_READ | PROT_WRITE,
				       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t parent = getpid();
	sigset_t before;

	if (page == MAP_FAILED)
		return err_nomem();
	guard = page;
	signal(SIGCHLD, SIG_DFL); /* if it is ignored, there is nothing to wait for */
	sigprocmask(SIG_BLOCK, &w.signals, &before);
	w.child = fork();
	if (w.child < 0)
		return err_os(errno, "fork");
	if (w.child) {
		rights_keep(0); /* who ends a process of the same user needs none */
		return guard_watch_child(&w);
	}
	guard_begin_child(parent, &before);
	return NULL;
}

/* ---- the thread that works ---- */

static void (*guard_wait_fn)(void *ctx);
static void *guard_wait_ctx;

void guard_on_wait(void (*fn)(void *ctx), void *ctx)
{
	guard_wait_fn = fn;
	guard_wait_ctx = ctx;
}

struct guard_call {
	void (*fn)(void *ctx);
	void *ctx;
};

static void *guard_thread(void *arg)
{
	const struct guard_call *call = arg;

	call->fn(call->ctx);
	return NULL;
}

static bool guard_join(pthread_t thread)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += JOIN_MS * NS_PER_MS;
	if (until.tv_nsec >= (long)NS_PER_S) {
		until.tv_nsec -= NS_PER_S;
		until.tv_sec++;
	}
	return !pthread_timedjoin_np(thread, NULL, &until);
}

/* Waits for the thread, or until somebody is stuck although we shall stop. */
static bool guard_wait_for(pthread_t thread)
{
	struct stuck_threads looks[2] = { 0 };
	uint64_t look_ns = 0;

	while (!guard_join(thread)) {
		if (guard_wait_fn)
			guard_wait_fn(guard_wait_ctx);
		if (!guard->stop || clock_ns() - look_ns < LOOK_MS * NS_PER_MS)
			continue;
		looks[0] = looks[1];
		stuck_look(&looks[1]);
		look_ns = clock_ns();
		if (stuck_between(&looks[0], &looks[1])) {
			stuck_freeze_others();
			guard_left_thread = true;
			return false;
		}
	}
	return true;
}

bool guard_run(void (*fn)(void *ctx), void *ctx)
{
	struct guard_call call = { fn, ctx };
	pthread_attr_t attr;
	pthread_t thread;

	/* For all threads: `ulimit -s` may say less than they need. */
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_SZ);
	pthread_setattr_default_np(&attr);
	int failed = pthread_create(&thread, &attr, guard_thread, &call);
	pthread_attr_destroy(&attr);
	if (failed) {
		fn(ctx);
		return true;
	}
	return guard_wait_for(thread);
}

/* ---- the end ---- */

/* The files of this process stay open until its last thread has ended, and with them probes,
 * and the pipe of who reads our output. */
_Noreturn void guard_leave(int exit_code)
{
	pid_t first = getppid();

	guard->exit_code = exit_code;
	close_range(0, ~0U, 0);
	guard->left = true;
	kill(first, SIGCHLD);
	_exit(exit_code);
}

void guard_end_by_signal(void)
{
	if (!guard->signal || guard->late)
		return;
	guard->end_signal = guard->signal;
	if (guard_left_thread)
		guard_leave(EXIT_INCOMPLETE);
	guard_die(guard->signal);
}
