// SPDX-License-Identifier: GPL-2.0-only
#include "process/mapped_file.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/log.h"

/* ---- reading ---- */

/* The part of a request that is still to be read, in one mapping. */
struct mapped_rest {
	struct mapped_file *mf;
	const struct procmap *mapping;
	uint64_t addr;
	uint64_t end;
	uint8_t *dst;
	bool ok; /* nothing has failed so far */
};

static void mapped_rest_advance(struct mapped_rest *r, uint64_t len)
{
	r->addr += len;
	r->dst += len;
}

static struct err *mapped_rest_from_memory(struct mapped_rest *r, uint64_t end)
{
	struct mem_req req = { .addr = r->addr, .len = end - r->addr, .dst = r->dst };
	struct err *err = r->mf->process->read_reqs(r->mf->process, &req, 1);

	if (err)
		return err;
	r->ok &= req.ok;
	mapped_rest_advance(r, req.len);
	return NULL;
}

/* Reads up to the end of the file. What the mapping has after it is read from memory. */
static struct err *mapped_rest_from_file(struct mapped_rest *r, uint64_t end)
{
	uint64_t offset = r->mapping->offset + (r->addr - r->mapping->start);
	ssize_t n = pread(r->mf->fd, r->dst, end - r->addr, offset);

	if (n > 0) {
		r->mf->mem.bytes_read += n;
		mapped_rest_advance(r, n);
	}
	return r->addr < end ? mapped_rest_from_memory(r, end) : NULL;
}

/* Runs come in ascending order. Between the written ones everything is the file's. */
static struct err *mapped_rest_pass_run(void *ctx, const struct page_run *run)
{
	struct mapped_rest *r = ctx;
	uint64_t start = run->start > r->addr ? run->start : r->addr;
	uint64_t end = run->end < r->end ? run->end : r->end;
	struct err *err = NULL;

	if ((run->state & (PAGE_FILE | PAGE_SWAPPED)) == PAGE_FILE || start >= end)
		return NULL;
	if (r->addr < start)
		err = mapped_rest_from_file(r, start);
	return err ? err : mapped_rest_from_memory(r, end);
}

static struct err *mapped_rest_by_page(struct mapped_rest *r)
{
	const struct pagemap *pm = &r->mf->pagemap;
	uint64_t first = r->addr / pm->page_sz * pm->page_sz;
	uint64_t last = (r->end - 1) / pm->page_sz * pm->page_sz;
	struct err *err = pagemap_walk(pm, first, last + pm->page_sz, mapped_rest_pass_run, r);

	if (err) { /* if the target has ended, reading its memory says so, too */
		err_free(err);
		return r->addr < r->end ? mapped_rest_from_memory(r, r->end) : NULL;
	}
	return r->addr < r->end ? mapped_rest_from_file(r, r->end) : NULL;
}

/* The mapping that holds addr, if its pages may be the file's. */
static const struct procmap *mapped_file_mapping_at(const struct mapped_file *mf, uint64_t addr)
{
	const struct procmap *m = procmaps_find(mf->maps, addr);

	return m && procmap_same_file(m, &mf->mapping) && !m->shared && (m->prot & MAP_R) ? m
											  : NULL;
}

static struct err *mapped_file_read_req(struct mapped_file *mf, struct mem_req *req)
{
	uint64_t end;
	struct mapped_rest r = { .mf = mf, .addr = req->addr, .dst = req->dst, .ok = true };
	struct err *err = NULL;

	if (__builtin_add_overflow(req->addr, req->len, &end))
		return mf->process->read_reqs(mf->process, req, 1);
	while (!err && r.ok && r.addr < end) {
		r.mapping = mapped_file_mapping_at(mf, r.addr);
		r.end = r.mapping && r.mapping->end < end ? r.mapping->end : end;
		err = r.mapping ? mapped_rest_by_page(&r) : mapped_rest_from_memory(&r, end);
	}
	req->ok = r.ok && !err;
	return err;
}

static struct err *mapped_file_read_reqs(struct mem *mem, struct mem_req *reqs, size_t n)
{
	struct mapped_file *mf = mem->ctx;
	struct err *err = mem_check_stop(mf->process);

	if (err)
		return err;
	if (mf->fd < 0 || mf->pagemap.fd < 0)
		return mf->process->read_reqs(mf->process, reqs, n);
	for (size_t i = 0; !err && i < n; i++)
		err = mapped_file_read_req(mf, &reqs[i]);
	return err;
}

/* ---- opening ---- */

static bool is_mapped_file(const struct stat *st, const struct procmap *m)
{
	/* The device is not compared: on btrfs and overlayfs, stat() and maps name different
	 * ones. */
	return S_ISREG(st->st_mode) && st->st_ino == m->inode;
}

static int open_if_same(const char *path, const struct procmap *m)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd >= 0 && (fstat(fd, &st) < 0 || !is_mapped_file(&st, m))) {
		close(fd);
		return -1;
	}
	return fd;
}

/* The link in map_files needs CAP_SYS_ADMIN or CAP_CHECKPOINT_RESTORE. For the executable,
 * /proc/PID/exe is the same file. */
static void mapped_file_open_fd(struct mapped_file *mf, pid_t pid)
{
	const struct procmap *m = &mf->mapping;
	char exe[64];
	struct stat st;

	snprintf(exe, sizeof(exe), "/proc/%d/exe", pid);
	mf->is_exe = stat(exe, &st) == 0 && is_mapped_file(&st, m);
	snprintf(mf->path, sizeof(mf->path), "/proc/%d/map_files/%" PRIx64 "-%" PRIx64, pid,
		 m->start, m->end);
	if (m->kind != PROCMAP_DEVICE) /* opening a device may have effects */
		mf->fd = open_if_same(mf->path, m);
	if (mf->fd < 0 && mf->is_exe) {
		mf->fd = open_if_same(exe, m);
		snprintf(mf->path, sizeof(mf->path), "%s", exe);
	}
}

struct err *mapped_file_open(struct target *t, const struct procmaps *maps,
			     const struct procmap *mapping, struct mapped_file **ret)
{
	struct mapped_file *mf = calloc(1, sizeof(*mf));

	if (!mf)
		return err_nomem();
	mf->mem = (struct mem){ .read_reqs = mapped_file_read_reqs, .ctx = mf, .pid = t->pid };
	mf->fd = -1;
	mf->mapping = *mapping;
	mf->maps = maps;
	mf->process = &t->mem;
	mapped_file_open_fd(mf, t->pid);
	struct err *err = pagemap_open(&mf->pagemap, t->pid, &t->holds);
	if (err) {
		log_debug("%s: the program's file is read through memory", err->msg);
		err_free(err);
	}
	*ret = mf;
	return NULL;
}

void mapped_file_close(struct mapped_file *mf)
{
	if (!mf)
		return;
	mem_fini(&mf->mem);
	pagemap_close(&mf->pagemap);
	if (mf->fd >= 0)
		close(mf->fd);
	free(mf);
}
