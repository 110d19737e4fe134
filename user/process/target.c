// SPDX-License-Identifier: GPL-2.0-only
#include "process/target.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>

#include "process/cgroup.h"
#include "process/rights.h"

static const char DELETED_SUFFIX[] = " (deleted)";

/* Reads a whole file of /proc/PID, at most cap bytes. ESRCH when the process is gone. */
static struct err *target_read_proc(pid_t pid, const char *name, void *buf, size_t cap,
				    size_t *len_ret)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_os(errno == ENOENT ? ESRCH : errno, "cannot open %s", path);

	size_t len = 0;
	while (len < cap) {
		ssize_t n = read(fd, (char *)buf + len, cap - len);

		if (n < 0)
			return err_os(errno, "reading %s", path);
		if (n == 0)
			break;
		len += n;
	}
	*len_ret = len;
	return NULL;
}

/*
 * Field 22 of /proc/PID/stat is the start time, in clock ticks since boot. The second field is
 * the command name, which may hold spaces and parentheses, so we count fields from the last
 * parenthesis on.
 */
static struct err *target_read_start_time(struct target *t)
{
	char stat[2048];
	size_t len;
	struct err *err = target_read_proc(t->pid, "stat", stat, sizeof(stat) - 1, &len);

	if (err)
		return err;
	stat[len] = '\0';

	char *p = strrchr(stat, ')');
	if (p && (!strncmp(p, ") Z", 3) || !strncmp(p, ") X", 3)))
		return err_new(ERR_GONE, "process %d has exited and awaits its parent", t->pid);
	for (int field = 2; p && field < 22; field++)
		p = strchr(p + 1, ' ');
	if (!p)
		return err_new(ERR_FORMAT, "/proc/%d/stat has an unknown form", t->pid);

	struct timespec boot, real;
	clock_gettime(CLOCK_BOOTTIME, &boot);
	clock_gettime(CLOCK_REALTIME, &real);
	uint64_t now_ns = boot.tv_sec * 1000000000ull + boot.tv_nsec;
	uint64_t real_ns = real.tv_sec * 1000000000ull + real.tv_nsec;
	t->start_time_ns = strtoull(p, NULL, 10) * (1000000000ull / sysconf(_SC_CLK_TCK));
	t->uptime_ns = now_ns > t->start_time_ns ? now_ns - t->start_time_ns : 0;
	t->started_at_s = (real_ns - t->uptime_ns) / 1000000000ull;
	return NULL;
}

/* Control characters in an argument must not reach a terminal. */
static void make_printable(char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)s[i] < ' ' || s[i] == 0x7f)
			s[i] = ' ';
}

static struct err *target_read_command(struct target *t)
{
	char buf[4096];
	size_t len;
	struct err *err = target_read_proc(t->pid, "cmdline", buf, sizeof(buf) - 1, &len);

	if (err)
		return err;
	while (len && buf[len - 1] == '\0')
		len--;
	make_printable(buf, len);
	t->command_line = strndup(buf, len);

	char link[64];
	snprintf(link, sizeof(link), "/proc/%d/exe", t->pid);
	ssize_t n = readlink(link, buf, sizeof(buf) - 1);
	if (n < 0 && errno == ENOENT)
		return err_new(ERR_UNSUPPORTED, "process %d is a kernel thread, or has exited",
			       t->pid);
	if (n < 0)
		return err_os(errno, "cannot read %s", link);
	make_printable(buf, n);
	buf[n] = '\0';

	size_t suffix = sizeof(DELETED_SUFFIX) - 1;
	if ((size_t)n > suffix && !strcmp(buf + n - suffix, DELETED_SUFFIX)) {
		t->exe_deleted = true;
		buf[n - suffix] = '\0';
	}
	t->exe = strdup(buf);
	const char *slash = strrchr(buf, '/');
	t->command = strdup(slash ? slash + 1 : buf);
	return t->command_line && t->exe && t->command ? NULL : err_nomem();
}

static bool in_other_ns(pid_t pid, const char *ns)
{
	char mine[64], theirs[64];
	struct stat a, b;

	snprintf(mine, sizeof(mine), "/proc/self/ns/%s", ns);
	snprintf(theirs, sizeof(theirs), "/proc/%d/ns/%s", pid, ns);
	return stat(mine, &a) == 0 && stat(theirs, &b) == 0 && a.st_ino != b.st_ino;
}

/* The number of the first pid namespace (linux/proc_ns.h PROC_PID_INIT_INO). */
#define FIRST_PID_NS 0xeffffffcu

static bool target_in_inner_ns(void)
{
	struct stat st;

	return stat("/proc/self/ns/pid", &st) == 0 && st.st_ino != FIRST_PID_NS;
}

static bool target_is_alive(const struct target *t)
{
	struct pollfd p = { .fd = t->pidfd, .events = POLLIN };

	return poll(&p, 1, 0) == 0;
}

/* Who the process is. Says why, if that cannot be read. */
static struct err *target_identify(struct target *t)
{
	struct err *err = target_read_start_time(t);

	if (!err)
		err = target_read_command(t);
	if (!err)
		err = target_read_proc(t->pid, "auxv", t->auxv, sizeof(t->auxv), &t->auxv_len);
	if (err_is(err, ERR_PERM)) {
		err_free(err);
		return rights_err(t->pid);
	}
	if (err_is(err, ERR_GONE) && err->os_errno == ESRCH && target_is_alive(t)) {
		err_free(err);
		return rights_hidden_err(t->pid);
	}
	return err;
}

static struct err *target_init(struct target *t)
{
	struct err *err = rights_check_proc();

	if (err)
		return err;
	t->pidfd = syscall(SYS_pidfd_open, t->pid, 0);
	if (t->pidfd < 0 && errno == ESRCH)
		return err_new(ERR_GONE, "no process with pid %d%s", t->pid,
			       target_in_inner_ns() ? " in this pid namespace" : "");
	/* ENOENT since Linux 6.15, EINVAL before. */
	if (t->pidfd < 0 && (errno == EINVAL || errno == ENOENT))
		return err_new(ERR_USAGE, "%d is a thread; give the pid of its process", t->pid);
	if (t->pidfd < 0 && errno == ENOSYS)
		return err_new(ERR_KERNEL, "the kernel has no pidfd_open(2) (Linux 5.3)");
	if (t->pidfd < 0)
		return err_os(errno, "cannot open process %d", t->pid);

	err = target_identify(t);
	if (err)
		return err;
	t->other_pid_ns = in_other_ns(t->pid, "pid");
	t->other_mnt_ns = in_other_ns(t->pid, "mnt");
	t->other_time_ns = in_other_ns(t->pid, "time");
	t->cgroup_limit_bytes = cgroup_memory_limit(t->pid);
	t->container = container_of_pid(t->pid);
	mem_init_process(&t->mem, t->pid);
	return NULL;
}

struct err *target_open(pid_t pid, struct target **ret)
{
	struct target *t = calloc(1, sizeof(*t));

	if (!t)
		return err_nomem();
	t->pid = pid;
	t->pidfd = -1;

	struct err *err = target_init(t);
	if (err) {
		target_close(t);
		return err;
	}
	*ret = t;
	return NULL;
}

void target_close(struct target *t)
{
	if (!t)
		return;
	if (t->pidfd >= 0)
		close(t->pidfd);
	mem_fini(&t->mem);
	free(t->command);
	free(t->command_line);
	free(t->exe);
	free(t);
}

struct err *target_check(const struct target *t)
{
	struct pollfd p = { .fd = t->pidfd, .events = POLLIN };

	if (poll(&p, 1, 0) > 0)
		return err_new(ERR_GONE, "process %d has exited", t->pid);

	uint8_t auxv[sizeof(t->auxv)];
	size_t len;
	struct err *err = target_read_proc(t->pid, "auxv", auxv, sizeof(auxv), &len);
	if (err)
		return err;
	if (len == 0)
		return err_new(ERR_GONE, "process %d has exited", t->pid);
	if (len != t->auxv_len || memcmp(auxv, t->auxv, len))
		return err_new(ERR_GONE, "process %d has executed another program", t->pid);
	return NULL;
}

struct err *target_rss(const struct target *t, struct target_rss *ret)
{
	char status[8192];
	size_t len;
	struct err *err = target_read_proc(t->pid, "status", status, sizeof(status) - 1, &len);

	if (err)
		return err;
	status[len] = '\0';

	struct target_rss rss = { 0 };
	const struct {
		const char *key;
		uint64_t *value;
	} rows[] = {
		{ "\nVmRSS:", &rss.rss_bytes },	   { "\nRssAnon:", &rss.anon_bytes },
		{ "\nRssFile:", &rss.file_bytes }, { "\nRssShmem:", &rss.shmem_bytes },
		{ "\nVmSwap:", &rss.swap_bytes },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *p = strstr(status, rows[i].key);
		uint64_t kib;

		if (!p || sscanf(p + strlen(rows[i].key), "%" SCNu64, &kib) != 1)
			return err_new(ERR_GONE, "process %d has no memory any more", t->pid);
		*rows[i].value = kib << 10;
	}
	*ret = rss;
	return NULL;
}
