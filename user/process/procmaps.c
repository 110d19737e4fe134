// SPDX-License-Identifier: GPL-2.0-only
#include "process/procmaps.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* By default a process has at most 65530 mappings (vm.max_map_count). A hostile one must not make
 * us allocate without a limit. */
enum { MAPS_MAX = 1 << 20 };

static bool procmap_name_starts(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

static enum procmap_kind procmap_kind_of_path(const char *path)
{
	if (procmap_name_starts(path, "[vdso]"))
		return PROCMAP_VDSO;
	if (procmap_name_starts(path, "[vvar") || procmap_name_starts(path, "[vsyscall]"))
		return PROCMAP_KERNEL;
	if (procmap_name_starts(path, "[anon: Go:"))
		return PROCMAP_GO;
	if (procmap_name_starts(path, "[heap]"))
		return PROCMAP_BRK;
	if (procmap_name_starts(path, "anon_inode:"))
		return PROCMAP_DEVICE;
	/* These mappings of files in /dev are memory like any other. */
	return procmap_name_starts(path, "/dev/") && !procmap_name_starts(path, "/dev/shm/") &&
			       !procmap_name_starts(path, "/dev/zero")
		       ? PROCMAP_DEVICE
		       : PROCMAP_PLAIN;
}

/* Whether a path is that of glibc or musl: /lib/x86_64-linux-gnu/libc.so.6, /lib/ld-musl-x86_64.so.1. */
static bool procmap_is_libc(const char *path)
{
	const char *name = strrchr(path, '/');

	return name &&
	       (procmap_name_starts(name, "/libc.") || procmap_name_starts(name, "/libc-") ||
		procmap_name_starts(name, "/ld-musl"));
}

bool procmap_parse(const char *line, struct procmap *ret)
{
	struct procmap m = { 0 };
	char prot[5];
	int path = 0;

	if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %" SCNx64 " %x:%x %" SCNu64 " %n", &m.start,
		   &m.end, prot, &m.offset, &m.dev_major, &m.dev_minor, &m.inode, &path) != 7)
		return false;
	if (m.start >= m.end)
		return false;
	m.prot = (prot[0] == 'r' ? MAP_R : 0) | (prot[1] == 'w' ? MAP_W : 0) |
		 (prot[2] == 'x' ? MAP_X : 0);
	m.shared = prot[3] == 's';
	m.kind = procmap_kind_of_path(line + path);
	m.libc = m.inode && procmap_is_libc(line + path);
	*ret = m;
	return true;
}

struct err *procmaps_init(struct procmaps *maps, pid_t pid)
{
	char path[64];

	memset(maps, 0, sizeof(*maps));
	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	_cleanup_fclose_ FILE *f = fopen(path, "re");
	if (!f)
		return err_os(errno == ENOENT ? ESRCH : errno, "cannot open %s", path);

	_cleanup_free_ char *line = NULL;
	size_t cap = 0;
	while (getline(&line, &cap, f) > 0 && maps->maps.len < MAPS_MAX) {
		struct procmap m;

		if (procmap_parse(line, &m) && !vec_push(&maps->maps, m)) {
			procmaps_fini(maps);
			return err_nomem();
		}
	}
	if (ferror(f)) {
		procmaps_fini(maps);
		return err_os(errno, "reading %s", path);
	}
	return NULL;
}

void procmaps_fini(struct procmaps *maps)
{
	vec_fini(&maps->maps);
}

const struct procmap *procmaps_find(const struct procmaps *maps, uint64_t addr)
{
	size_t lo = 0, hi = maps->maps.len;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		const struct procmap *m = &maps->maps.data[mid];

		if (addr < m->start)
			hi = mid;
		else if (addr >= m->end)
			lo = mid + 1;
		else
			return m;
	}
	return NULL;
}

bool procmap_same_file(const struct procmap *a, const struct procmap *b)
{
	return a->inode && a->inode == b->inode && a->dev_major == b->dev_major &&
	       a->dev_minor == b->dev_minor;
}
