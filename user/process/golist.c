// SPDX-License-Identifier: GPL-2.0-only
#include "process/golist.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/table.h"
#include "process/cgroup.h"

/* ---- the processes ---- */

static struct err *golist_add(struct golist *l, pid_t pid)
{
	struct golist_process p = { .pid = pid };
	char link[64], exe[PATH_MAX];

	snprintf(link, sizeof(link), "/proc/%d/exe", pid);
	ssize_t n = readlink(link, exe, sizeof(exe) - 1);
	if (n < 0 && (errno == EACCES || errno == EPERM))
		l->hidden_cnt++;
	if (n <= 0) /* or a kernel thread, or it has exited */
		return NULL;
	exe[n] = '\0';
	p.exe = strdup(exe);
	if (!p.exe || !vec_push(&l->list, p)) {
		free(p.exe);
		return err_nomem();
	}
	return NULL;
}

static int cmp_golist(const void *a, const void *b)
{
	const struct golist_process *x = a, *y = b;

	return x->pid < y->pid ? -1 : x->pid > y->pid;
}

static struct err *golist_add_all(struct golist *l)
{
	_cleanup_closedir_ DIR *dir = opendir("/proc");
	struct err *err = dir ? NULL : err_os(errno, "cannot open /proc");

	for (struct dirent *e; !err && (e = readdir(dir));)
		if (isdigit((unsigned char)*e->d_name))
			err = golist_add(l, atoi(e->d_name));
	vec_sort(&l->list, cmp_golist);
	return err;
}

/* ---- their files ---- */

/* What the child tells of one executable. */
struct golist_answer {
	size_t index; /* in the list */
	struct gofile file;
};
_Static_assert(sizeof(struct golist_answer) <= PIPE_BUF, "pipes take it as a whole");

/* Files that were read; equal files are read once. */
struct golist_files {
	struct table by_id;
	VEC(struct gofile) list;
};

static struct gofile golist_read_file(struct golist_files *files, pid_t pid)
{
	char path[64];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%d/exe", pid);
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st))
		return (struct gofile){ 0 };

	uint64_t id = st.st_ino * 0x9e3779b97f4a7c15 ^ st.st_dev;
	size_t known = table_get(&files->by_id, id);
	if (known != TABLE_NONE)
		return files->list.data[known];

	struct gofile file = gofile_read(fd);
	if (vec_push(&files->list, file))
		table_put(&files->by_id, id, files->list.len - 1);
	return file;
}

/* The life of the child. */
static void golist_answer_all(const struct golist *l, size_t first, int out)
{
	struct golist_files files = { 0 };

	for (size_t i = first; i < l->list.len; i++) {
		struct golist_answer a = { i, golist_read_file(&files, l->list.data[i].pid) };

		if (write(out, &a, sizeof(a)) != sizeof(a))
			return;
	}
}

/* Waits for the next answer. False: there is none, because the child ended or does not go on. */
static bool golist_next_answer(int in, struct golist_answer *ret)
{
	struct pollfd p = { .fd = in, .events = POLLIN };

	return poll(&p, 1, GOLIST_WAIT_MS) > 0 && read(in, ret, sizeof(*ret)) == sizeof(*ret);
}

/* Has a child read the files from the first one on. Returns the index of the first file that it
 * gave no answer for. */
static struct err *golist_ask_child(struct golist *l, size_t first, size_t *next_ret)
{
	struct golist_answer a;
	int ends[2];

	if (pipe2(ends, O_CLOEXEC))
		return err_os(errno, "cannot make a pipe");
	_cleanup_close_ int in = ends[0];
	pid_t child = fork();
	if (!child) {
		golist_answer_all(l, first, ends[1]);
		_exit(0);
	}
	close(ends[1]);
	if (child < 0)
		return err_os(errno, "cannot start a process to read executables");

	for (*next_ret = first; *next_ret < l->list.len && golist_next_answer(in, &a);)
		l->list.data[(*next_ret)++].file = a.file;
	kill(child, SIGKILL);
	/* A child that waits for a file system may stay: nobody can end it before that does. */
	waitpid(child, NULL, *next_ret < l->list.len ? WNOHANG : 0);
	return NULL;
}

static struct err *golist_read_files(struct golist *l)
{
	struct err *err = NULL;
	size_t next = 0;

	while (!err && next < l->list.len && l->stalled_cnt < GOLIST_STALLS_MAX) {
		err = golist_ask_child(l, next, &next);
		if (!err && next < l->list.len) {
			l->stalled_cnt++;
			next++;
		}
	}
	l->stalled_cnt += next < l->list.len ? l->list.len - next : 0;
	return err;
}

/* ---- the rest ---- */

/* Reads the start of a small file of /proc/PID; "" if that fails. */
static void golist_read_proc(pid_t pid, const char *name, char *buf, size_t sz)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, buf, sz - 1);

	buf[n > 0 ? n : 0] = '\0';
}

/* What the cgroup of a process tells. Most neighbours have the same one. */
struct golist_cgroup {
	char text[1024]; /* of /proc/PID/cgroup; "": not read yet */
	uint64_t limit_bytes;
	struct container container;
};

static void golist_read_cgroup(struct golist_process *p, struct golist_cgroup *last)
{
	char text[sizeof(last->text)];

	golist_read_proc(p->pid, "cgroup", text, sizeof(text));
	if (!*text || strcmp(text, last->text) != 0 || strlen(text) == sizeof(text) - 1) {
		memcpy(last->text, text, sizeof(text));
		last->limit_bytes = cgroup_memory_limit(p->pid);
		last->container = container_of_pid(p->pid);
	}
	p->cgroup_limit_bytes = last->limit_bytes;
	p->container = last->container;
}

static void golist_describe(struct golist_process *p, struct golist_cgroup *last)
{
	char statm[128];
	unsigned long long rss_pages = 0;
	const char *slash = strrchr(p->exe, '/');

	p->command = slash ? slash + 1 : p->exe;
	golist_read_proc(p->pid, "comm", p->name, sizeof(p->name));
	p->name[strcspn(p->name, "\n")] = '\0';
	golist_read_proc(p->pid, "statm", statm, sizeof(statm));
	sscanf(statm, "%*u %llu", &rss_pages);
	p->rss_bytes = rss_pages * (uint64_t)sysconf(_SC_PAGESIZE);
	golist_read_cgroup(p, last);
}

static void golist_keep_go(struct golist *l)
{
	size_t kept = 0;

	for (size_t i = 0; i < l->list.len; i++) {
		if (l->list.data[i].file.is_go)
			l->list.data[kept++] = l->list.data[i];
		else
			free(l->list.data[i].exe);
	}
	l->list.len = kept;
}

struct err *golist_take(struct golist *ret)
{
	struct golist_cgroup last = { 0 };

	*ret = (struct golist){ 0 };
	struct err *err = golist_add_all(ret);

	if (!err)
		err = golist_read_files(ret);
	golist_keep_go(ret);
	for (size_t i = 0; i < ret->list.len; i++)
		golist_describe(&ret->list.data[i], &last);
	if (err)
		golist_fini(ret);
	return err;
}

void golist_fini(struct golist *l)
{
	for (size_t i = 0; i < l->list.len; i++)
		free(l->list.data[i].exe);
	vec_fini(&l->list);
}

bool golist_in_unit(const struct golist_process *p, const char *unit)
{
	const char *dot = strrchr(unit, '.');
	char name[256];

	snprintf(name, sizeof(name), "%s%s", unit, dot ? "" : ".service");
	return cgroup_has_part(p->pid, name);
}
