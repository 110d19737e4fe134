// SPDX-License-Identifier: GPL-2.0-only
#include "process/cgroup.h"

#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"

/* v1 has the largest page-aligned long for "no limit". */
static const uint64_t V1_NO_LIMIT = 1ull << 62;

static uint64_t cgroup_read_limit(const char *dir, const char *file)
{
	char path[PATH_MAX];
	uint64_t v = 0;

	if (snprintf(path, sizeof(path), "%s/%s", dir, file) >= (int)sizeof(path))
		return 0;
	_cleanup_fclose_ FILE *f = fopen(path, "re");
	if (!f || fscanf(f, "%" SCNu64, &v) != 1) /* v2: "max" is not a number */
		return 0;
	return v < V1_NO_LIMIT ? v : 0;
}

static uint64_t cgroup_lower_limit(uint64_t a, uint64_t b)
{
	if (!a || !b)
		return a ? a : b;
	return a < b ? a : b;
}

/* Reads a line "name N" of a memory.stat. */
static uint64_t cgroup_read_stat(const char *dir, const char *name)
{
	char path[PATH_MAX], key[64];
	uint64_t v;

	if (snprintf(path, sizeof(path), "%s/memory.stat", dir) >= (int)sizeof(path))
		return 0;
	_cleanup_fclose_ FILE *f = fopen(path, "re");
	while (f && fscanf(f, "%63s %" SCNu64, key, &v) == 2)
		if (!strcmp(key, name))
			return v;
	return 0;
}

/* The names of the files, which differ between the versions. */
struct cgroup_files {
	const char *limit;
	const char *used;
	/* In memory.stat: pages of files, which the kernel takes before it kills a process. */
	const char *file_pages[2];
};

static const struct cgroup_files v1_files = { "memory.limit_in_bytes",
					      "memory.usage_in_bytes",
					      { "total_inactive_file", "total_active_file" } };
static const struct cgroup_files v2_files = { "memory.max",
					      "memory.current",
					      { "inactive_file", "active_file" } };

static uint64_t cgroup_minus(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

/* Limits of a process. `left` is the memory that is free below the tightest of them. */
struct cgroup_limits {
	bool wants_left; /* set by the caller: find out `left`, which takes longer */
	bool limited;
	uint64_t limit;
	uint64_t left;
};

static uint64_t cgroup_used(const char *dir, const struct cgroup_files *files)
{
	uint64_t used = cgroup_read_limit(dir, files->used);

	for (size_t i = 0; i < sizeof(files->file_pages) / sizeof(files->file_pages[0]); i++)
		used = cgroup_minus(used, cgroup_read_stat(dir, files->file_pages[i]));
	return used;
}

static void cgroup_add_limit(const char *dir, const struct cgroup_files *files,
			     struct cgroup_limits *l)
{
	uint64_t limit = cgroup_read_limit(dir, files->limit), used = 0;

	if (!limit)
		return;
	if (l->wants_left)
		used = cgroup_used(dir, files);
	if (!l->limited || cgroup_minus(limit, used) < l->left)
		l->left = cgroup_minus(limit, used);
	l->limit = cgroup_lower_limit(l->limit, limit);
	l->limited = true;
}

/* Visits every directory from the cgroup up to the mount point: each limits its members. */
static void cgroup_walk_up(const char *mount, const char *cgroup, const struct cgroup_files *files,
			   struct cgroup_limits *l)
{
	char dir[PATH_MAX];
	size_t mount_len = strlen(mount);

	if (snprintf(dir, sizeof(dir), "%s%s", mount, cgroup) >= (int)sizeof(dir))
		return;
	for (;;) {
		cgroup_add_limit(dir, files, l);
		char *slash = strrchr(dir, '/');
		if (!slash || (size_t)(slash - dir) < mount_len)
			return;
		*slash = '\0';
	}
}

/* Finds the mount point of the v2 hierarchy, or of v1's memory controller. */
static bool cgroup_find_mount(const char *fstype, const char *option, char *ret, size_t ret_sz)
{
	_cleanup_fclose_ FILE *f = fopen("/proc/self/mounts", "re");
	char dir[1024], type[64], opts[1024];

	while (f && fscanf(f, "%*s %1023s %63s %1023s %*d %*d", dir, type, opts) == 3)
		if (!strcmp(type, fstype) && (!option || strstr(opts, option)))
			return snprintf(ret, ret_sz, "%s", dir) < (int)ret_sz;
	return false;
}

/* The cgroup of a process in one hierarchy. */
struct cgroup_membership {
	const char *controllers; /* v1: names with commas between them; v2: "" */
	const char *path;
};

/*
 * Reads the next line of /proc/PID/cgroup into a buffer of getline():
 *	4:memory:/user.slice	v1: id, controllers, path
 *	0::/system.slice/x	v2: no controllers
 */
static bool cgroup_read_membership(FILE *f, char **line, size_t *cap, struct cgroup_membership *ret)
{
	while (f && getline(line, cap, f) > 0) {
		(*line)[strcspn(*line, "\n")] = '\0';
		char *controllers = strchr(*line, ':');
		char *path = controllers ? strchr(controllers + 1, ':') : NULL;

		if (!path)
			continue;
		*path++ = '\0';
		*ret = (struct cgroup_membership){ controllers + 1, path };
		return true;
	}
	return false;
}

static FILE *cgroup_open_memberships(pid_t pid)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/cgroup", pid);
	return fopen(path, "re");
}

static struct cgroup_limits cgroup_limits(pid_t pid, bool wants_left)
{
	_cleanup_fclose_ FILE *f = cgroup_open_memberships(pid);
	_cleanup_free_ char *line = NULL;
	struct cgroup_limits l = { .wants_left = wants_left };
	struct cgroup_membership m;
	char mount[1024];
	size_t cap = 0;

	while (cgroup_read_membership(f, &line, &cap, &m)) {
		if (!*m.controllers && cgroup_find_mount("cgroup2", NULL, mount, sizeof(mount)))
			cgroup_walk_up(mount, m.path, &v2_files, &l);
		else if (strstr(m.controllers, "memory") &&
			 cgroup_find_mount("cgroup", "memory", mount, sizeof(mount)))
			cgroup_walk_up(mount, m.path, &v1_files, &l);
	}
	return l;
}

uint64_t cgroup_memory_limit(pid_t pid)
{
	return cgroup_limits(pid, /* wants_left= */ false).limit;
}

bool cgroup_memory_left(pid_t pid, uint64_t *ret)
{
	struct cgroup_limits l = cgroup_limits(pid, /* wants_left= */ true);

	*ret = l.left;
	return l.limited;
}

static bool cgroup_path_has(const char *path, const char *name)
{
	size_t len = strlen(name);

	for (const char *p = strstr(path, name); len && p; p = strstr(p + 1, name))
		if (p > path && p[-1] == '/' && (p[len] == '/' || !p[len]))
			return true;
	return false;
}

bool cgroup_has_part(pid_t pid, const char *name)
{
	_cleanup_fclose_ FILE *f = cgroup_open_memberships(pid);
	_cleanup_free_ char *line = NULL;
	struct cgroup_membership m;
	bool found = false;
	size_t cap = 0;

	while (!found && cgroup_read_membership(f, &line, &cap, &m))
		found = cgroup_path_has(m.path, name);
	return found;
}

void cgroup_find_freezers(struct cgroup_freezers *ret)
{
	if (!cgroup_find_mount("cgroup2", NULL, ret->v2, sizeof(ret->v2)))
		ret->v2[0] = '\0';
	if (!cgroup_find_mount("cgroup", "freezer", ret->v1, sizeof(ret->v1)))
		ret->v1[0] = '\0';
}

/* Whether a file of a cgroup has that line. */
static bool cgroup_has_line(const char *mount, const char *cgroup, const char *file,
			    const char *wanted)
{
	char path[PATH_MAX], line[64];

	if (!*mount ||
	    snprintf(path, sizeof(path), "%s%s/%s", mount, cgroup, file) >= (int)sizeof(path))
		return false;
	_cleanup_fclose_ FILE *f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		if (!strcmp(line, wanted))
			return true;
	}
	return false;
}

/* In both versions the file also tells when a cgroup above is frozen. */
bool cgroup_is_frozen(const struct cgroup_freezers *freezers, pid_t pid)
{
	_cleanup_fclose_ FILE *f = cgroup_open_memberships(pid);
	_cleanup_free_ char *line = NULL;
	struct cgroup_membership m;
	bool frozen = false;
	size_t cap = 0;

	while (!frozen && cgroup_read_membership(f, &line, &cap, &m)) {
		if (!*m.controllers)
			frozen = cgroup_has_line(freezers->v2, m.path, "cgroup.events", "frozen 1");
		else if (strstr(m.controllers, "freezer"))
			frozen = cgroup_has_line(freezers->v1, m.path, "freezer.state", "FROZEN");
	}
	return frozen;
}
