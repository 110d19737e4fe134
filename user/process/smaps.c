// SPDX-License-Identifier: GPL-2.0-only
#include "process/smaps.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

/* Adds the value of a line "Rss:   12 kB" to its field; ignores other lines. */
static void smaps_add_size(struct smaps *s, const char *line)
{
	const struct {
		const char *key;
		uint64_t *value;
	} rows[] = {
		{ "Rss:", &s->rss_bytes },
		{ "Anonymous:", &s->anonymous_bytes },
		{ "Swap:", &s->swap_bytes },
		{ "LazyFree:", &s->lazy_free_bytes },
		{ "AnonHugePages:", &s->huge_bytes },
		{ "Private_Hugetlb:", &s->hugetlb_bytes },
		{ "Shared_Hugetlb:", &s->hugetlb_bytes },
		{ "Locked:", &s->locked_bytes },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t len = strlen(rows[i].key);

		if (strncmp(line, rows[i].key, len) == 0) {
			*rows[i].value += strtoull(line + len, NULL, 10) << 10;
			return;
		}
	}
}

static bool smaps_has_flag(const char *flags, const char *flag)
{
	for (const char *p = flags; (p = strstr(p, flag)); p += 2)
		if (p[-1] == ' ' && (p[2] == ' ' || p[2] == '\n' || !p[2]))
			return true;
	return false;
}

static void smaps_add_flags(struct smaps_mapping *m, const char *line)
{
	static const char key[] = "VmFlags:";

	if (strncmp(line, key, sizeof(key) - 1) != 0)
		return;
	const char *flags = line + sizeof(key) - 1;
	if (!*flags)
		return;
	m->hugetlb = smaps_has_flag(flags + 1, "ht");
	m->pfnmap = smaps_has_flag(flags + 1, "pf");
	m->locked = smaps_has_flag(flags + 1, "lo");
}

/* Parses the line that a mapping begins with. It does not look like others, whose names start
 * with a capital letter. */
static bool smaps_is_mapping(const char *line, struct smaps_mapping *ret)
{
	uint64_t start, end;

	if (isupper((unsigned char)*line) ||
	    sscanf(line, "%" SCNx64 "-%" SCNx64 " ", &start, &end) != 2)
		return false;
	*ret = (struct smaps_mapping){ .start = start, .end = end };
	return true;
}

struct err *smaps_parse(FILE *f, smaps_mapping_fn visit, void *ctx)
{
	struct smaps_mapping m = { 0 }, next;
	_cleanup_free_ char *line = NULL;
	size_t cap = 0;
	struct err *err = NULL;

	while (!err && getline(&line, &cap, f) > 0) {
		if (smaps_is_mapping(line, &next)) {
			if (m.end)
				err = visit(ctx, &m);
			m = next;
			continue;
		}
		smaps_add_size(&m.sizes, line);
		smaps_add_flags(&m, line);
	}
	if (!err && ferror(f))
		err = err_os(errno, "reading smaps");
	return !err && m.end ? visit(ctx, &m) : err;
}

void smaps_add(struct smaps *sum, const struct smaps *s)
{
	sum->rss_bytes += s->rss_bytes;
	sum->anonymous_bytes += s->anonymous_bytes;
	sum->swap_bytes += s->swap_bytes;
	sum->lazy_free_bytes += s->lazy_free_bytes;
	sum->huge_bytes += s->huge_bytes;
	sum->hugetlb_bytes += s->hugetlb_bytes;
	sum->locked_bytes += s->locked_bytes;
}

/* ---- reading smaps ---- */

struct smaps_file {
	int fd;
	struct hold_meter *meter;
};

static ssize_t smaps_file_read(void *cookie, char *buf, size_t len)
{
	struct smaps_file *f = cookie;
	struct hold hold = hold_begin();
	ssize_t n = read(f->fd, buf, len);

	hold_end(&hold, f->meter);
	return n;
}

struct err *smaps_read_mappings(pid_t pid, struct hold_meter *meter, smaps_mapping_fn visit,
				void *ctx)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/smaps", pid);
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_os(errno == ENOENT ? ESRCH : errno, "cannot open %s", path);
	struct smaps_file file = { fd, meter };
	_cleanup_fclose_ FILE *f =
		fopencookie(&file, "r", (cookie_io_functions_t){ .read = smaps_file_read });
	return f ? smaps_parse(f, visit, ctx) : err_nomem();
}

/* ---- counters ---- */

/*
 * From 6.2 on each CPU keeps up to 32 pages of a counter to itself, or twice as many as there are
 * CPUs (lib/percpu_counter.c); before that each thread kept 64. Later kernels sum them up
 * (82241a83cd15). There are three counters in RSS. On large machines the bound is far beyond what
 * is seen, so a 64th of RSS is taken for enough.
 */
static uint64_t memory_slack(uint64_t rss_bytes)
{
	uint64_t cpus = sysconf(_SC_NPROCESSORS_ONLN), page_sz = sysconf(_SC_PAGESIZE);
	uint64_t bound = 3 * cpus * page_sz * (cpus > 16 ? 2 * cpus : 32);
	uint64_t enough = rss_bytes / 64 + (1 << 20);

	return bound < enough ? bound : enough;
}

struct err *memory_counters_read(pid_t pid, struct memory_counters *ret)
{
	struct memory_counters c = { 0 };
	const struct {
		const char *format;
		uint64_t *value;
	} rows[] = {
		{ "VmRSS: %" SCNu64, &c.rss_bytes },
		{ "RssShmem: %" SCNu64, &c.shmem_bytes },
		{ "HugetlbPages: %" SCNu64, &c.hugetlb_bytes },
		{ "VmLck: %" SCNu64, &c.locked_bytes },
	};
	char path[64], line[256];

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	_cleanup_fclose_ FILE *f = fopen(path, "re");
	if (!f)
		return err_os(errno == ENOENT ? ESRCH : errno, "cannot open %s", path);
	while (fgets(line, sizeof(line), f))
		for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
			if (sscanf(line, rows[i].format, rows[i].value) == 1)
				*rows[i].value <<= 10;
	if (!c.rss_bytes)
		return err_new(ERR_GONE, "process %d has no memory any more", pid);
	c.slack_bytes = memory_slack(c.rss_bytes);
	*ret = c;
	return NULL;
}
