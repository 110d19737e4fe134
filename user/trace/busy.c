// SPDX-License-Identifier: GPL-2.0-only
#include "trace/busy.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"

/* "4182 (a name) R 1 ...": the name may contain anything, so the last ')' counts. */
static bool thread_is_running(pid_t pid, const char *tid)
{
	_cleanup_fclose_ FILE *file = NULL;
	char path[300], line[512];

	snprintf(path, sizeof(path), "/proc/%d/task/%s/stat", pid, tid);
	file = fopen(path, "re");
	if (!file || !fgets(line, sizeof(line), file))
		return false;

	const char *name_end = strrchr(line, ')');
	return name_end && !strncmp(name_end, ") R", 3);
}

unsigned int busy_threads(pid_t pid, unsigned int most)
{
	struct dirent *entry;
	unsigned int running = 0;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	DIR *dir = opendir(path);
	if (!dir)
		return most;
	while (running < most && (entry = readdir(dir))) {
		if (entry->d_name[0] != '.')
			running += thread_is_running(pid, entry->d_name);
	}
	closedir(dir);
	return running;
}
