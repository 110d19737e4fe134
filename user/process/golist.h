/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * golist.h - the Go programs that run on this host.
 *
 * A program counts when its executable is Go's; a library of Go in a C program does not. Nothing
 * is read from the memory of a process. A file may be on a file system that does not answer, and
 * who waits for that cannot be killed: so a child process reads the files, and is left alone when
 * it makes no progress for GOLIST_WAIT_MS.
 */
#ifndef MAPTRACE_PROCESS_GOLIST_H
#define MAPTRACE_PROCESS_GOLIST_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/vec.h"
#include "process/container.h"
#include "process/gofile.h"

enum {
	GOLIST_WAIT_MS = 1000,
	GOLIST_STALLS_MAX = 4, /* after as many files that do not answer, the rest is not read */
};

struct golist_process {
	pid_t pid;
	char *exe; /* as its mount namespace names it; "" in what could not be read */
	const char *command; /* the last part of exe */
	char name[16]; /* of its main thread, as `ps` shows it */
	struct gofile file;
	uint64_t rss_bytes;
	uint64_t cgroup_limit_bytes; /* the lowest memory limit of its cgroups; 0: none */
	struct container container;
};

struct golist {
	VEC(struct golist_process) list; /* ascending by pid */
	size_t hidden_cnt; /* processes whose executable we may not see */
	size_t stalled_cnt; /* processes whose executable could not be read in time */
};

/* Lists the Go programs now. Release with golist_fini(). */
struct err *golist_take(struct golist *ret);
void golist_fini(struct golist *l);
#define _cleanup_golist_ _cleanup_(golist_fini)

/* Whether the process is in the systemd unit of that name, with or without ".service". */
bool golist_in_unit(const struct golist_process *p, const char *unit);

#endif
