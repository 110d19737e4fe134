// SPDX-License-Identifier: GPL-2.0-only
#include "cmd/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "cmd/progress.h"

enum {
	START_MOST_MS = 2000, /* for the command to become a Go program that runs */
	START_LOOK_MS = 2,
	PID_TEXT_SZ = 16,
};

struct launched {
	pid_t command;
	pid_t verb; /* 0: it has ended */
	sigset_t signals;
	int command_status; /* of waitpid() */
	bool command_ended;
	bool refused; /* the verb did not understand its options */
};

int launch_find(int argc, char **argv)
{
	for (int i = 1; i < argc - 1; i++)
		if (!strcmp(argv[i], "--"))
			return i;
	return 0;
}

/* ---- the command ---- */

static _Noreturn void command_exec(char **argv, const sigset_t *before, int report_fd)
{
	sigprocmask(SIG_SETMASK, before, NULL);
	execvp(argv[0], argv);
	(void)!write(report_fd, &errno, sizeof(errno));
	_exit(EXIT_USAGE);
}

/* The pipe closes when the command has replaced us; else it has the reason why not. */
static struct err *command_started(const char *name, int fd)
{
	int failed = 0;

	if (read(fd, &failed, sizeof(failed)) != sizeof(failed))
		return NULL;
	return err_new(ERR_USAGE, "cannot start '%s': %s", name, strerror(failed));
}

static struct err *command_start(char **argv, const sigset_t *before, pid_t *ret)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC))
		return err_os(errno, "pipe");
	pid_t pid = fork();
	if (!pid)
		command_exec(argv, before, fds[1]);
	close(fds[1]);
	struct err *err = pid < 0 ? err_os(errno, "fork") : command_started(argv[0], fds[0]);
	close(fds[0]);
	if (err && pid > 0)
		waitpid(pid, NULL, 0);
	*ret = pid;
	return err;
}

static unsigned long thread_cnt(pid_t pid)
{
	char path[64], line[128];
	unsigned long cnt = 0;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	_cleanup_fclose_ FILE *f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "Threads: %lu", &cnt) == 1)
			break;
	return cnt;
}

/* A Go program has a second thread, sysmon, once its heap is there: runtime.main starts it, after
 * schedinit. Other programs are waited for as well, since env(1) or a script may become one. False: it has
 * ended. */
static bool command_await(pid_t pid)
{
	const struct timespec pause = { 0, START_LOOK_MS * (long)NS_PER_MS };
	uint64_t until = clock_ns() + START_MOST_MS * NS_PER_MS;
	siginfo_t info = { 0 };

	while (clock_ns() < until && thread_cnt(pid) < 2) {
		if (!waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) && info.si_pid)
			return false;
		nanosleep(&pause, NULL);
	}
	return true;
}

/* ---- the verb ---- */

/* Whether the command line has an option for the time; only a report needs one. */
static bool has_duration(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (!strncmp(argv[i], "-d", 2) || !strncmp(argv[i], "--du", 4))
			return true;
	return false;
}

static bool is_report(const char *word)
{
	return !strcmp(word, "report") || *word == '-';
}

/* Without a time of its own a report lasts until the command ends. */
static _Noreturn void verb_run(int argc, char **argv, pid_t command, const sigset_t *before,
			       int (*run)(int argc, char **argv))
{
	char **args = calloc((size_t)argc + 4, sizeof(*args)), pid[PID_TEXT_SZ];
	int cnt = argc;

	if (!args)
		_exit(EXIT_UNREADABLE);
	sigprocmask(SIG_SETMASK, before, NULL);
	progress_forbid();
	memcpy(args, argv, (size_t)argc * sizeof(*args));
	if ((argc == 1 || is_report(argv[1])) && !has_duration(argc, argv)) {
		args[cnt++] = (char *)"--duration";
		args[cnt++] = (char *)"720h";
	}
	snprintf(pid, sizeof(pid), "%d", command);
	args[cnt++] = pid;
	exit(run(cnt, args));
}

static void verb_start(struct launched *l, int argc, char **argv, const sigset_t *before,
		       int (*run)(int argc, char **argv))
{
	l->verb = fork();
	if (!l->verb)
		verb_run(argc, argv, l->command, before, run);
	if (l->verb < 0) {
		log_error("fork: %s", strerror(errno));
		l->verb = 0;
	}
}

/* ---- both ---- */

static void launched_reap(struct launched *l)
{
	int status;

	if (!l->command_ended && waitpid(l->command, &status, WNOHANG) == l->command) {
		l->command_status = status;
		l->command_ended = true;
	}
	if (l->verb && waitpid(l->verb, &status, WNOHANG) == l->verb) {
		l->verb = 0;
		l->refused = WIFEXITED(status) && WEXITSTATUS(status) == EXIT_USAGE;
		if (l->refused && !l->command_ended)
			kill(l->command, SIGTERM);
	}
}

/* A signal from a terminal has reached all processes already. */
static void launched_pass(const struct launched *l, const siginfo_t *info)
{
	if (info->si_signo == SIGCHLD || info->si_code == SI_KERNEL)
		return;
	if (l->verb)
		kill(l->verb, info->si_signo);
	if (!l->command_ended)
		kill(l->command, info->si_signo);
}

static void launched_wait(struct launched *l)
{
	siginfo_t info;

	for (;;) {
		launched_reap(l);
		if (l->command_ended && !l->verb)
			return;
		if (sigwaitinfo(&l->signals, &info) > 0)
			launched_pass(l, &info);
	}
}

static int launched_exit_code(const struct launched *l)
{
	if (l->refused)
		return EXIT_USAGE;
	if (WIFEXITED(l->command_status))
		return WEXITSTATUS(l->command_status);

	int sig = WTERMSIG(l->command_status);
	signal(sig, SIG_DFL);
	sigprocmask(SIG_UNBLOCK, &l->signals, NULL);
	raise(sig);
	return 128 + sig;
}

static void launch_block_signals(sigset_t *signals, sigset_t *before)
{
	signal(SIGCHLD, SIG_DFL);
	sigemptyset(signals);
	sigaddset(signals, SIGCHLD);
	sigaddset(signals, SIGINT);
	sigaddset(signals, SIGTERM);
	sigaddset(signals, SIGHUP);
	sigprocmask(SIG_BLOCK, signals, before);
}

int launch(int dash, char **argv, int (*run)(int argc, char **argv))
{
	struct launched l = { 0 };
	sigset_t before;

	launch_block_signals(&l.signals, &before);
	struct err *err = command_start(argv + dash + 1, &before, &l.command);
	if (err) {
		int exit_code = err_exit_code(err);

		log_error("%s", err->msg);
		err_free(err);
		return exit_code;
	}
	if (command_await(l.command))
		verb_start(&l, dash, argv, &before, run);
	else
		log_error("'%s' ended before it could be looked at", argv[dash + 1]);
	launched_wait(&l);
	return launched_exit_code(&l);
}
