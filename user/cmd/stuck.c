// SPDX-License-Identifier: GPL-2.0-only
#include "cmd/stuck.h"

#include <dirent.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"

enum { FREEZE_NS = 20000000 };

typedef void (*stuck_thread_fn)(void *ctx, pid_t tid);

static void stuck_walk_threads(stuck_thread_fn fn, void *ctx)
{
	DIR *dir = opendir("/proc/self/task");
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		pid_t tid = atoi(entry->d_name);

		if (tid > 0 && tid != gettid())
			fn(ctx, tid);
	}
	if (dir)
		closedir(dir);
}

/* Calls that return at once, unless the file system or the memory that they read is hung. To
 * detach a probe takes seconds, too, but is another one. */
static bool is_reading_call(long nr)
{
	static const long calls[] = { SYS_process_vm_readv, SYS_pread64, SYS_read,
				      SYS_openat,	    SYS_ioctl,	 SYS_readlink,
				      SYS_newfstatat,	    SYS_statfs,	 SYS_getdents64 };

	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		if (nr == calls[i])
			return true;
	return false;
}

/* The number of the call that a thread waits in; -1: it runs, or is in none. */
static long waiting_call(pid_t tid)
{
	char path[64];
	long nr = -1;

	snprintf(path, sizeof(path), "/proc/self/task/%d/syscall", tid);
	_cleanup_fclose_ FILE *f = fopen(path, "re");
	return f && fscanf(f, "%ld", &nr) == 1 ? nr : -1;
}

/* The line begins with "voluntary_ctxt_switches:" or "nonvoluntary_ctxt_switches:". */
static uint64_t switches_of(pid_t tid)
{
	char path[64], line[256];
	uint64_t sum = 0;

	snprintf(path, sizeof(path), "/proc/self/task/%d/status", tid);
	_cleanup_fclose_ FILE *f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f)) {
		const char *at = strstr(line, "voluntary_ctxt_switches:");

		if (at)
			sum += strtoull(strchr(at, ':') + 1, NULL, 10);
	}
	return sum;
}

static void stuck_note(void *ctx, pid_t tid)
{
	struct stuck_threads *s = ctx;

	if (s->cnt == STUCK_THREADS_MAX || !is_reading_call(waiting_call(tid)))
		return;
	s->at[s->cnt].tid = tid;
	s->at[s->cnt++].switches = switches_of(tid);
}

void stuck_look(struct stuck_threads *ret)
{
	*ret = (struct stuck_threads){ 0 };
	stuck_walk_threads(stuck_note, ret);
}

bool stuck_between(const struct stuck_threads *first, const struct stuck_threads *second)
{
	for (size_t i = 0; i < first->cnt; i++)
		for (size_t j = 0; j < second->cnt; j++)
			if (first->at[i].tid == second->at[j].tid &&
			    first->at[i].switches == second->at[j].switches)
				return true;
	return false;
}

static int freeze_signal(void)
{
	return SIGRTMIN + 5;
}

static void on_freeze(int sig)
{
	(void)sig;
	for (;;)
		pause();
}

static void freeze_thread(void *ctx, pid_t tid)
{
	(void)ctx;
	syscall(SYS_tgkill, getpid(), tid, freeze_signal());
}

void stuck_freeze_others(void)
{
	struct sigaction action = { .sa_handler = on_freeze };
	struct timespec pause = { .tv_nsec = FREEZE_NS };

	sigfillset(&action.sa_mask);
	sigaction(freeze_signal(), &action, NULL);
	stuck_walk_threads(freeze_thread, NULL);
	nanosleep(&pause, NULL);
}
