// SPDX-License-Identifier: GPL-2.0-only
#include "process/container.h"

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"

enum { CGROUP_LINES_MAX = 64, CGROUP_LINE_SZ = PATH_MAX + 256 };

static bool is_hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

static size_t hex_len(const char *s)
{
	size_t len = 0;

	while (is_hex(s[len]))
		len++;
	return len;
}

/* The last id in the path is the innermost container's. */
static void find_id(const char *path, char id[CONTAINER_ID_LEN + 1])
{
	while (*path) {
		size_t len = hex_len(path);

		if (len == CONTAINER_ID_LEN) {
			memcpy(id, path, len);
			id[len] = '\0';
		}
		path += len ? len : 1;
	}
}

/* Copies a uid, whose hyphens systemd turns into underscores. */
static bool copy_uid(const char *s, char uid[POD_UID_LEN + 1])
{
	for (size_t i = 0; i < POD_UID_LEN; i++) {
		bool hyphen = i == 8 || i == 13 || i == 18 || i == 23;

		if (hyphen ? s[i] != '-' && s[i] != '_' : !is_hex(s[i]))
			return false;
		uid[i] = hyphen ? '-' : s[i];
	}
	uid[POD_UID_LEN] = '\0';
	return true;
}

static void find_pod(const char *path, char uid[POD_UID_LEN + 1])
{
	char found[POD_UID_LEN + 1];

	while ((path = strstr(path, "pod"))) {
		path += strlen("pod");
		if (copy_uid(path, found))
			memcpy(uid, found, sizeof(found));
	}
}

struct container container_of_path(const char *path)
{
	struct container c = { .id = "" };

	find_id(path, c.id);
	find_pod(path, c.pod_uid);
	return c;
}

/* Of "4:memory:/docker/..." what follows the second colon. */
static const char *line_path(const char *line)
{
	const char *colon = strchr(line, ':');

	colon = colon ? strchr(colon + 1, ':') : NULL;
	return colon ? colon + 1 : "";
}

struct container container_of_pid(pid_t pid)
{
	struct container c = { .id = "" };
	char name[64], line[CGROUP_LINE_SZ];

	snprintf(name, sizeof(name), "/proc/%d/cgroup", pid);
	_cleanup_fclose_ FILE *f = fopen(name, "re");
	for (int i = 0; f && i < CGROUP_LINES_MAX && fgets(line, sizeof(line), f); i++) {
		struct container found = container_of_path(line_path(line));

		if (*found.id && !*c.id)
			memcpy(c.id, found.id, sizeof(c.id));
		if (*found.pod_uid && !*c.pod_uid)
			memcpy(c.pod_uid, found.pod_uid, sizeof(c.pod_uid));
	}
	return c;
}
