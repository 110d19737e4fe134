// SPDX-License-Identifier: GPL-2.0-only
#include "process/dwarf_apart.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "process/dwarf_layout.h"
#include "process/rights.h"

enum { MIB = 1 << 20 };

/* What the child tells. It fits into the buffer of a pipe, so it arrives as a whole or not at
 * all. */
struct apart_answer {
	bool failed;
	enum err_kind kind;
	char msg[256];
	struct go_layout layout;
};

static uint64_t apart_address_space(void)
{
	_cleanup_fclose_ FILE *f = fopen("/proc/self/statm", "re");
	unsigned long long pages;

	return f && fscanf(f, "%llu", &pages) == 1 ? pages * getpagesize() : 0;
}

/* The limits are ten times what honest DWARF takes, which is 5 ms and 1 MiB for each MiB of it. */
static void apart_set_limits(uint64_t unpacked_max)
{
	uint64_t seconds = 1 + unpacked_max / (20 * MIB);
	uint64_t bytes = apart_address_space() + 64 * MIB + 10 * unpacked_max;
	struct rlimit none = { 0, 0 }, cpu = { seconds, seconds }, memory = { bytes, bytes };

	setrlimit(RLIMIT_CORE, &none);
	setrlimit(RLIMIT_CPU, &cpu);
	setrlimit(RLIMIT_AS, &memory);
	setrlimit(RLIMIT_DATA, &memory);
}

/* The child reads a file that is open, and those below debug_dir: it needs no more rights. */
static struct apart_answer apart_answer(int file, const char *debug_dir, uint64_t unpacked_max,
					const struct go_layout *layout)
{
	struct apart_answer a = { .layout = *layout };
	char path[64];

	rights_keep(UINT64_C(1) << CAP_DAC_READ_SEARCH);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
	struct err *err = dwarf_layout_read(path, debug_dir, unpacked_max, &a.layout);

	if (err) {
		a.failed = true;
		a.kind = err->kind;
		snprintf(a.msg, sizeof(a.msg), "%s", err->msg);
	}
	return a;
}

static bool apart_receive(int fd, struct apart_answer *ret)
{
	ssize_t len;

	do {
		len = read(fd, ret, sizeof(*ret));
	} while (len < 0 && errno == EINTR);
	return len == sizeof(*ret);
}

static void apart_reap(pid_t pid)
{
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

struct err *dwarf_apart_read(const char *path, const char *debug_dir, uint64_t unpacked_max,
			     struct go_layout *layout)
{
	int fds[2];
	struct apart_answer a;
	_cleanup_close_ int file = open(path, O_RDONLY | O_CLOEXEC);

	if (file < 0)
		return err_os(errno, "cannot open %s", path);
	if (pipe2(fds, O_CLOEXEC))
		return err_os(errno, "pipe");
	pid_t pid = fork();
	if (pid == 0) {
		apart_set_limits(unpacked_max);
		a = apart_answer(file, debug_dir, unpacked_max, layout);
		_exit(write(fds[1], &a, sizeof(a)) != sizeof(a));
	}
	int fork_errno = errno;
	close(fds[1]);
	bool received = pid > 0 && apart_receive(fds[0], &a);
	close(fds[0]);
	if (pid < 0)
		return err_os(fork_errno, "fork");
	apart_reap(pid);
	if (!received)
		return err_new(ERR_FORMAT, "dwarf: reading it took too much time or memory");
	if (a.failed)
		return err_new(a.kind, "%s", a.msg);
	*layout = a.layout;
	return NULL;
}
