// SPDX-License-Identifier: GPL-2.0-only
/*
 * traps.c - programs without Go that keep somebody who looks at them busy, or waiting:
 *
 *	traps headers N   a file with N forged pcHeaders, and 32 MiB of words that point to them
 *	traps memfds N    N files, each mapped as code
 *	traps uffd        data that a userfaultfd never fills
 *	traps fuse        data that a FUSE server never sends
 *
 * Prints {"ready":true} and waits for the end of its input. It ends with 77 where the machine
 * does not permit it.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <linux/userfaultfd.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { PAGE = 4096, NOT_HERE = 77, HEADER_WORDS = 9, DATA_SZ = 32 << 20 };

static void check(int holds, const char *what)
{
	if (holds)
		return;
	perror(what);
	exit(NOT_HERE);
}

static void *map_file(int fd, size_t len, int prot, int flags, off_t off)
{
	void *p = mmap(NULL, len, prot, flags, fd, off);

	check(p != MAP_FAILED, "mmap");
	return p;
}

static int make_file(size_t len)
{
	int fd = memfd_create("trap", 0);

	check(fd >= 0 && !ftruncate(fd, len), "memfd");
	return fd;
}

/* Go source: internal/abi/symtab.go; what process/pcheader.c looks at. */
static void forge_header(uint64_t *words)
{
	words[0] = 0x08010000fffffff1;
	words[1] = 1000;
	words[4] = PAGE;
	words[8] = 2 * PAGE;
}

static void trap_headers(size_t cnt)
{
	size_t len = (cnt * HEADER_WORDS * 8 + PAGE) / PAGE * PAGE;
	int fd = make_file(PAGE + len + DATA_SZ);
	uint64_t *headers = map_file(fd, len, PROT_READ | PROT_WRITE, MAP_SHARED, PAGE);

	map_file(fd, PAGE, PROT_READ | PROT_EXEC, MAP_PRIVATE, 0);
	for (size_t i = 0; i < cnt; i++)
		forge_header(headers + i * HEADER_WORDS);
	uint64_t *data = map_file(fd, DATA_SZ, PROT_READ | PROT_WRITE, MAP_PRIVATE, PAGE + len);
	for (size_t i = 0; i < DATA_SZ / 8; i++)
		data[i] = (uintptr_t)(headers + i % cnt * HEADER_WORDS);
	check(!mprotect(headers, len, PROT_READ), "mprotect");
}

static void trap_memfds(size_t cnt)
{
	for (size_t i = 0; i < cnt; i++) {
		int fd = make_file(2 * PAGE);

		map_file(fd, PAGE, PROT_READ | PROT_EXEC, MAP_PRIVATE, 0);
		if (i % 4 == 0)
			map_file(fd, PAGE, PROT_READ, MAP_PRIVATE, PAGE);
		close(fd);
	}
}

static void trap_uffd(void)
{
	int file = make_file(2 * PAGE), fd = syscall(SYS_userfaultfd, O_CLOEXEC);
	struct uffdio_api api = { .api = UFFD_API };

	check(fd >= 0 && !ioctl(fd, UFFDIO_API, &api), "userfaultfd");
	map_file(file, PAGE, PROT_READ | PROT_EXEC, MAP_SHARED, 0);
	struct uffdio_register r = {
		.range = { (uintptr_t)map_file(file, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED,
					       PAGE),
			   PAGE },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	check(!ioctl(fd, UFFDIO_REGISTER, &r), "UFFDIO_REGISTER");
}

/* ---- FUSE ---- */

enum { FILE_SZ = 1 << 20, SERVED_SZ = 64 << 10, ROOT_NODE = 1, FILE_NODE = 2 };

static void fuse_reply(int dev, uint64_t unique, int error, const void *data, size_t len)
{
	static char buf[SERVED_SZ + 4096];
	struct fuse_out_header out = { .len = sizeof(out) + len,
				       .error = -error,
				       .unique = unique };

	memcpy(buf, &out, sizeof(out));
	if (len)
		memcpy(buf + sizeof(out), data, len);
	(void)!write(dev, buf, out.len);
}

static struct fuse_attr fuse_attr_of(uint64_t node)
{
	return (struct fuse_attr){
		.ino = node,
		.size = node == ROOT_NODE ? 0 : FILE_SZ,
		.mode = node == ROOT_NODE ? S_IFDIR | 0755 : S_IFREG | 0755,
		.nlink = 1,
		.blksize = PAGE,
	};
}

static void fuse_answer_read(int dev, const struct fuse_in_header *in)
{
	static const char zeroes[SERVED_SZ];
	const struct fuse_read_in *r = (const void *)(in + 1);

	if (r->offset < SERVED_SZ)
		fuse_reply(dev, in->unique, 0, zeroes, r->size < SERVED_SZ ? r->size : SERVED_SZ);
}

static void fuse_answer(int dev, const struct fuse_in_header *in)
{
	struct fuse_init_out init = { .major = FUSE_KERNEL_VERSION,
				      .minor = FUSE_KERNEL_MINOR_VERSION,
				      .max_write = SERVED_SZ };
	struct fuse_attr_out attr = { .attr_valid = 1000, .attr = fuse_attr_of(in->nodeid) };
	struct fuse_entry_out entry = { .nodeid = FILE_NODE,
					.entry_valid = 1000,
					.attr_valid = 1000,
					.attr = fuse_attr_of(FILE_NODE) };
	struct fuse_open_out opened = { .fh = 1 };

	if (in->opcode == FUSE_INIT)
		fuse_reply(dev, in->unique, 0, &init, sizeof(init));
	else if (in->opcode == FUSE_GETATTR)
		fuse_reply(dev, in->unique, 0, &attr, sizeof(attr));
	else if (in->opcode == FUSE_LOOKUP)
		fuse_reply(dev, in->unique, 0, &entry, sizeof(entry));
	else if (in->opcode == FUSE_OPEN || in->opcode == FUSE_OPENDIR)
		fuse_reply(dev, in->unique, 0, &opened, sizeof(opened));
	else if (in->opcode == FUSE_READ)
		fuse_answer_read(dev, in);
	else if (in->opcode == FUSE_FLUSH || in->opcode == FUSE_RELEASE)
		fuse_reply(dev, in->unique, 0, NULL, 0);
	else if (in->opcode != FUSE_FORGET && in->opcode != FUSE_BATCH_FORGET &&
		 in->opcode != FUSE_INTERRUPT)
		fuse_reply(dev, in->unique, ENOSYS, NULL, 0);
}

static void fuse_serve(int dev)
{
	static char buf[1 << 20];

	for (;;) {
		ssize_t len = read(dev, buf, sizeof(buf));

		if (len >= (ssize_t)sizeof(struct fuse_in_header))
			fuse_answer(dev, (const void *)buf);
		else if (len >= 0 || (errno != EINTR && errno != EAGAIN))
			_exit(0);
	}
}

/* The server ends with its parent, which ends what waits for it. */
static void trap_fuse(void)
{
	char options[128];
	int dev = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	pid_t parent = getpid();

	check(dev >= 0, "/dev/fuse");
	check(!unshare(CLONE_NEWNS) && !mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL),
	      "unshare");
	snprintf(options, sizeof(options), "fd=%d,rootmode=40000,user_id=0,group_id=0", dev);
	check(!mount("trap", "/mnt", "fuse", MS_NOSUID | MS_NODEV, options), "mount");
	if (!fork()) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() == parent)
			fuse_serve(dev);
		_exit(0);
	}
	int fd = open("/mnt/file", O_RDONLY);
	check(fd >= 0, "/mnt/file");
	map_file(fd, PAGE, PROT_READ | PROT_EXEC, MAP_PRIVATE, 0);
	map_file(fd, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, 2 * SERVED_SZ);
	close(dev);
}

int main(int argc, char **argv)
{
	size_t cnt = argc > 2 ? strtoul(argv[2], NULL, 10) : 0;

	if (argc > 2 && !strcmp(argv[1], "headers") && cnt)
		trap_headers(cnt);
	else if (argc > 2 && !strcmp(argv[1], "memfds"))
		trap_memfds(cnt);
	else if (argc > 1 && !strcmp(argv[1], "uffd"))
		trap_uffd();
	else if (argc > 1 && !strcmp(argv[1], "fuse"))
		trap_fuse();
	else
		return 2;
	printf("{\"ready\":true}\n");
	fflush(stdout);
	while (getchar() != EOF)
		;
	return 0;
}
