// SPDX-License-Identifier: GPL-2.0-only
#include "cmd/ring.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/gzip.h"

#define RING_PREFIX "maptrace-"
#define RING_SUFFIX ".json.gz"
#define RING_DRAFT ".maptrace-draft.json"
#define RING_PART ".maptrace-part.json.gz"
#define RING_LOCK ".maptrace-lock"

static struct err *ring_path(const char *dir, const char *name, char *ret, size_t size)
{
	int len = snprintf(ret, size, "%s/%s", dir, name);

	return len < 0 || (size_t)len >= size ? err_new(ERR_USAGE, "%s: the name is too long", dir)
					      : NULL;
}

static struct err *ring_lock(const char *dir, int *ret)
{
	char path[PATH_MAX];
	struct err *err = ring_path(dir, RING_LOCK, path, sizeof(path));

	if (err)
		return err;
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return err_new(ERR_USAGE, "%s: %s", path, strerror(errno));
	if (flock(fd, LOCK_EX | LOCK_NB)) {
		close(fd);
		return err_new(ERR_USAGE, "%s: another maptrace writes to it", dir);
	}
	*ret = fd;
	return NULL;
}

/* Who else may write to the directory could make us write elsewhere, by a link. */
static struct err *ring_check(const char *dir)
{
	struct stat st;

	if (stat(dir, &st))
		return err_new(ERR_USAGE, "%s: %s", dir, strerror(errno));
	if (!S_ISDIR(st.st_mode))
		return err_new(ERR_USAGE, "%s: it is no directory", dir);
	if (st.st_uid != geteuid() || st.st_mode & (S_IWGRP | S_IWOTH))
		return err_new(ERR_USAGE, "%s: others may write to this directory", dir);
	return NULL;
}

struct err *ring_open(const char *dir, uint64_t keep, uint64_t max_bytes, struct ring *ret)
{
	struct ring ring = { .dir = dir, .keep = keep, .max_bytes = max_bytes, .lock_fd = -1 };

	if (mkdir(dir, 0700) && errno != EEXIST)
		return err_new(ERR_USAGE, "%s: %s", dir, strerror(errno));
	struct err *err = ring_check(dir);
	if (!err)
		err = ring_lock(dir, &ring.lock_fd);
	if (!err)
		*ret = ring;
	return err;
}

static void ring_remove(const char *dir, const char *name)
{
	char path[PATH_MAX];
	struct err *err = ring_path(dir, name, path, sizeof(path));

	if (!err)
		(void)unlink(path);
	err_free(err);
}

void ring_close(struct ring *ring)
{
	ring_remove(ring->dir, RING_DRAFT);
	ring_remove(ring->dir, RING_LOCK);
	close(ring->lock_fd);
	ring->lock_fd = -1;
}

struct err *ring_draft(const struct ring *ring, char *ret, size_t size)
{
	return ring_path(ring->dir, RING_DRAFT, ret, size);
}

/* ---- the list ---- */

static int ring_is_report(const struct dirent *entry)
{
	size_t len = strlen(entry->d_name), suffix = strlen(RING_SUFFIX);

	return len > suffix && !strncmp(entry->d_name, RING_PREFIX, strlen(RING_PREFIX)) &&
	       !strcmp(entry->d_name + len - suffix, RING_SUFFIX);
}

static struct err *ring_names_add(struct ring_names *names, const char *dir, const char *name)
{
	char path[PATH_MAX];
	struct err *err = ring_path(dir, name, path, sizeof(path));
	char *copy = err ? NULL : strdup(path);

	if (err)
		return err;
	if (copy && vec_push(&names->list, copy))
		return NULL;
	free(copy);
	return err_nomem();
}

void ring_names_fini(struct ring_names *names)
{
	for (size_t i = 0; i < names->list.len; i++)
		free(names->list.data[i]);
	vec_fini(&names->list);
}

struct err *ring_list(const char *dir, struct ring_names *ret)
{
	struct ring_names names = { 0 };
	struct dirent **entries = NULL;
	struct err *err = NULL;
	int cnt = scandir(dir, &entries, ring_is_report, alphasort);

	if (cnt < 0)
		return err_os(errno, "%s", dir);
	for (int i = 0; i < cnt; i++) {
		if (!err)
			err = ring_names_add(&names, dir, entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
	if (err)
		ring_names_fini(&names);
	else
		*ret = names;
	return err;
}

/* ---- adding ---- */

static uint64_t file_bytes(const char *path)
{
	struct stat st;

	return lstat(path, &st) || st.st_size < 0 ? 0 : (uint64_t)st.st_size;
}

/* The newest file stays, however large it is. */
static struct err *ring_trim(const struct ring *ring)
{
	struct ring_names names = { 0 };
	uint64_t bytes = 0, kept = 0;
	struct err *err = ring_list(ring->dir, &names);

	for (size_t i = names.list.len; i-- > 0;) {
		bytes += file_bytes(names.list.data[i]);
		if (kept && (kept >= ring->keep || bytes > ring->max_bytes))
			(void)unlink(names.list.data[i]);
		else
			kept++;
	}
	ring_names_fini(&names);
	return err;
}

struct err *ring_keep(const struct ring *ring, const char *path)
{
	char name[64], part[PATH_MAX], to[PATH_MAX];
	time_t now = time(NULL);
	struct tm tm;

	if (!gmtime_r(&now, &tm) ||
	    !strftime(name, sizeof(name), RING_PREFIX "%Y%m%dT%H%M%SZ" RING_SUFFIX, &tm))
		return err_new(ERR_OS, "the clock has no time");
	struct err *err = ring_path(ring->dir, RING_PART, part, sizeof(part));
	if (!err)
		err = ring_path(ring->dir, name, to, sizeof(to));
	if (!err)
		err = gzip_file(path, part, to);
	return err ? err : ring_trim(ring);
}
