// SPDX-License-Identifier: GPL-2.0-only
#include "process/halt.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"

/* The line is "4182 (a name) S 1 ...", where the name may have any bytes. Returns '?' when the
 * thread is gone. */
static char thread_state(pid_t pid, const char *tid)
{
	char path[300], line[512];

	snprintf(path, sizeof(path), "/proc/%d/task/%s/stat", pid, tid);
	_cleanup_fclose_ FILE *file = fopen(path, "re");
	if (!file || !fgets(line, sizeof(line), file))
		return '?';

	const char *name_end = strrchr(line, ')');
	return name_end && name_end[1] ? name_end[2] : '?';
}

/* A debugger may stop one thread and let the others run. The process counts as stopped only when
 * all of them are. */
static enum halt stopped(pid_t pid)
{
	enum halt by = HALT_NONE;
	struct dirent *entry;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	DIR *dir = opendir(path);
	while (dir && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		char state = thread_state(pid, entry->d_name);
		if (strchr("ZX?", state))
			continue; /* the thread has ended */
		if (state != 'T' && state != 't') {
			by = HALT_NONE;
			break;
		}
		if (by != HALT_TRACER)
			by = state == 't' ? HALT_TRACER : HALT_SIGNAL;
	}
	if (dir)
		closedir(dir);
	return by;
}

void halts_look(struct halts *h)
{
	uint64_t now_ns = clock_ns();
	enum halt now = cgroup_is_frozen(&h->freezers, h->pid) ? HALT_CGROUP : stopped(h->pid);

	if (h->now != HALT_NONE && now != HALT_NONE)
		h->halted_ns += now_ns - h->look_ns;
	if (now != HALT_NONE)
		h->last = now;
	h->now = now;
	h->look_ns = now_ns;
}

void halts_init(struct halts *h, pid_t pid)
{
	*h = (struct halts){ .pid = pid };
	cgroup_find_freezers(&h->freezers);
	halts_look(h);
}
