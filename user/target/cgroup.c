// SPDX-License-Identifier: GPL-2.0-only
#include "target/cgroup.h"

#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"

/* v1 says "no limit" with the largest page-aligned long. */
static const uint64_t V1_NO_LIMIT = 1ull << 62;

static uint64_t read_limit(const char *dir, const char *file)
{
	char path[PATH_MAX];
	uint64_t v = 0;

	if (snprintf(path, sizeof(path), "%s/%s", dir, file) >= (int)sizeof(path))
		return 0;
	_cleanup_fclose_ FILE *f = fopen(path, "re");
	if (!f || fscanf(f, "%" SCNu64, &v) != 1) /* v2: "max" is no number */
		return 0;
	return v < V1_NO_LIMIT ? v : 0;
}

static uint64_t lower(uint64_t a, uint64_t b)
{
	if (!a || !b)
		return a ? a : b;
	return a < b ? a : b;
}

/* Every directory from the cgroup up to the mount point limits its members. */
static uint64_t walk_up(const char *mount, const char *cgroup, const char *file)
{
	char dir[PATH_MAX];
	size_t mount_len = strlen(mount);
	uint64_t limit = 0;

	if (snprintf(dir, sizeof(dir), "%s%s", mount, cgroup) >= (int)sizeof(dir))
		return 0;
	for (;;) {
		limit = lower(limit, read_limit(dir, file));
		char *slash = strrchr(dir, '/');
		if (!slash || (size_t)(slash - dir) < mount_len)
			return limit;
		*slash = '\0';
	}
}

/* Finds the mount point of the v2 hierarchy, or of v1's memory controller. */
static bool find_mount(const char *fstype, const char *option, char *ret, size_t ret_sz)
{
	_cleanup_fclose_ FILE *f = fopen("/proc/self/mounts", "re");
	char dir[1024], type[64], opts[1024];

	while (f && fscanf(f, "%*s %1023s %63s %1023s %*d %*d", dir, type, opts) == 3)
		if (!strcmp(type, fstype) && (!option || strstr(opts, option)))
			return snprintf(ret, ret_sz, "%s", dir) < (int)ret_sz;
	return false;
}

/*
 * A line of /proc/PID/cgroup:
 *	4:memory:/user.slice	v1: id, controllers, path
 *	0::/system.slice/x	v2: no controllers
 */
uint64_t cgroup_memory_limit(pid_t pid)
{
	char path[64], mount[1024];
	uint64_t limit = 0;

	snprintf(path, sizeof(path), "/proc/%d/cgroup", pid);
	_cleanup_fclose_ FILE *f = fopen(path, "re");
	_cleanup_free_ char *line = NULL;
	size_t cap = 0;

	while (f && getline(&line, &cap, f) > 0) {
		line[strcspn(line, "\n")] = '\0';
		char *controllers = strchr(line, ':');
		char *cgroup = controllers ? strchr(controllers + 1, ':') : NULL;

		if (!cgroup)
			continue;
		*cgroup++ = '\0';
		controllers++;
		if (!*controllers && find_mount("cgroup2", NULL, mount, sizeof(mount)))
			limit = lower(limit, walk_up(mount, cgroup, "memory.max"));
		else if (strstr(controllers, "memory") &&
			 find_mount("cgroup", "memory", mount, sizeof(mount)))
			limit = lower(limit, walk_up(mount, cgroup, "memory.limit_in_bytes"));
	}
	return limit;
}
