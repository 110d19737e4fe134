// SPDX-License-Identifier: GPL-2.0-only
#include "process/smaps.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

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

static struct err *smaps_open_file(pid_t pid, const char *name, FILE **ret)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	*ret = fopen(path, "re");
	return *ret ? NULL : err_os(errno == ENOENT ? ESRCH : errno, "cannot open %s", path);
}

struct err *smaps_read_mappings(pid_t pid, smaps_mapping_fn visit, void *ctx)
{
	_cleanup_fclose_ FILE *f = NULL;
	struct err *err = smaps_open_file(pid, "smaps", &f);

	return err ? err : smaps_parse(f, visit, ctx);
}

static struct err *smaps_take_sums(void *ctx, const struct smaps_mapping *m)
{
	*(struct smaps *)ctx = m->sizes;
	return NULL;
}

struct err *smaps_read_sums(pid_t pid, struct smaps *ret)
{
	_cleanup_fclose_ FILE *f = NULL;
	struct smaps sums = { 0 };
	struct err *err = smaps_open_file(pid, "smaps_rollup", &f);

	if (!err)
		err = smaps_parse(f, smaps_take_sums, &sums);
	if (err)
		return err;
	if (!sums.rss_bytes)
		return err_new(ERR_GONE, "process %d has no memory any more", pid);
	*ret = sums;
	return NULL;
}

uint64_t smaps_hugetlb_bytes(pid_t pid)
{
	_cleanup_fclose_ FILE *f = NULL;
	_cleanup_free_ char *line = NULL;
	uint64_t kib = 0;
	size_t cap = 0;

	err_free(smaps_open_file(pid, "status", &f));
	while (f && getline(&line, &cap, f) > 0)
		if (sscanf(line, "HugetlbPages: %" SCNu64, &kib) == 1)
			break;
	return kib << 10;
}
