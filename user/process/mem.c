// SPDX-License-Identifier: GPL-2.0-only
#include "process/mem.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#include "base/radix.h"
#include "process/hold.h"
#include "process/rights.h"

enum {
	/* More vectors in a call do not make it faster; the kernel's limit is 1024. */
	IOV_BATCH = 512,
	/* Two requests this close are cheaper in one vector than in two. */
	MERGE_GAP = 2048,
	MERGE_MAX = 64 << 10,
	SCRATCH_SZ = 512 << 10,
	/* From this size on, a vector of its own costs less than copying the bytes. */
	MERGE_ALONE = 4096,
	READ_CHUNK = 1 << 30,
};

static struct err *mem_read_error(const struct mem *mem, int os_errno)
{
	if (os_errno == EPERM || os_errno == EACCES)
		return rights_err(mem->pid);
	if (os_errno == ESRCH)
		return err_new(ERR_GONE, "process %d has exited", mem->pid);
	if (os_errno == ENOSYS)
		return err_new(ERR_KERNEL, "the kernel has no process_vm_readv(2)");
	return err_os(os_errno, "reading the memory of process %d", mem->pid);
}

/*
 * Does one process_vm_readv() for up to IOV_BATCH requests. The call ends at the first byte that
 * cannot be read. *done_ret counts the requests that were answered, including the failed one.
 */
static struct err *mem_read_batch(struct mem *mem, struct mem_req *reqs, size_t n, size_t *done_ret)
{
	struct iovec local[IOV_BATCH];
	struct iovec remote[IOV_BATCH];

	for (size_t i = 0; i < n; i++) {
		local[i] = (struct iovec){ reqs[i].dst, reqs[i].len };
		remote[i] = (struct iovec){ (void *)(uintptr_t)reqs[i].addr, reqs[i].len };
	}

	struct hold hold = hold_begin();
	ssize_t got = process_vm_readv(mem->pid, local, n, remote, n, 0);
	hold_end(&hold, NULL);
	mem->call_cnt++;
	if (got < 0 && errno != EFAULT)
		return mem_read_error(mem, errno);

	size_t left = got < 0 ? 0 : got;
	size_t i = 0;
	mem->bytes_read += left;
	for (; i < n && left >= reqs[i].len; i++) {
		left -= reqs[i].len;
		reqs[i].ok = true;
	}
	if (i < n)
		reqs[i++].ok = false;
	*done_ret = i;
	return NULL;
}

struct err *mem_check_stop(const struct mem *mem)
{
	return mem->stop && *mem->stop ? err_new(ERR_STOPPED, "stopped by a signal") : NULL;
}

static struct err *process_read_reqs(struct mem *mem, struct mem_req *reqs, size_t n)
{
	while (n) {
		size_t done = 0;
		struct err *err = mem_check_stop(mem);

		if (!err)
			err = mem_read_batch(mem, reqs, n < IOV_BATCH ? n : IOV_BATCH, &done);
		if (err)
			return err;
		reqs += done;
		n -= done;
	}
	return NULL;
}

void mem_init_process(struct mem *mem, pid_t pid)
{
	*mem = (struct mem){ .read_reqs = process_read_reqs, .pid = pid };
}

struct err *mem_read(struct mem *mem, uint64_t addr, void *dst, size_t len)
{
	while (len) {
		struct mem_req req = {
			.addr = addr,
			.len = len < READ_CHUNK ? len : READ_CHUNK,
			.dst = dst,
		};
		struct err *err = mem->read_reqs(mem, &req, 1);

		if (err)
			return err;
		if (!req.ok)
			return err_fault(addr, "cannot read %u bytes at 0x%llx", req.len,
					 (unsigned long long)addr);
		addr += req.len;
		dst = (char *)dst + req.len;
		len -= req.len;
	}
	return NULL;
}

struct err *mem_read_u64(struct mem *mem, uint64_t addr, uint64_t *ret)
{
	return mem_read(mem, addr, ret, sizeof(*ret));
}

/* ---- scattered reads ---- */

/* A merged read, and the requests [first, first + cnt) that it serves. */
struct mem_run {
	size_t first;
	size_t cnt;
};

/* Kept between calls, because fresh memory costs a fault for each page. */
struct mem_gather {
	struct mem_req merged[IOV_BATCH];
	struct mem_run runs[IOV_BATCH];
	char scratch[SCRATCH_SZ];
};

struct mem_gathering {
	struct mem *mem;
	struct mem_req *reqs;
	struct mem_gather *m;
	size_t run_cnt;
	size_t scratch_used;
};

void mem_fini(struct mem *mem)
{
	if (!mem->gather)
		return;
	free(mem->gather);
	mem->gather = NULL;
}

struct mem mem_split(const struct mem *mem)
{
	return (struct mem){
		.read_reqs = mem->read_reqs, .ctx = mem->ctx, .pid = mem->pid, .stop = mem->stop
	};
}

void mem_join(struct mem *mem, struct mem *part)
{
	mem->bytes_read += part->bytes_read;
	mem->call_cnt += part->call_cnt;
	mem_fini(part);
}

/* A merged read also fails when only a gap in it is unmapped: then its requests are read one by
 * one. */
static struct err *gather_settle_run(struct mem_gathering *g, size_t r)
{
	struct mem_req *reqs = g->reqs + g->m->runs[r].first;
	const struct mem_req *merged = &g->m->merged[r];

	if (!merged->ok)
		return g->mem->read_reqs(g->mem, reqs, g->m->runs[r].cnt);
	if (g->m->runs[r].cnt == 1) { /* was read in place */
		reqs->ok = true;
		return NULL;
	}
	for (size_t i = 0; i < g->m->runs[r].cnt; i++) {
		memcpy(reqs[i].dst, (char *)merged->dst + (reqs[i].addr - merged->addr),
		       reqs[i].len);
		reqs[i].ok = true;
	}
	return NULL;
}

static struct err *gather_flush(struct mem_gathering *g)
{
	struct err *err = g->mem->read_reqs(g->mem, g->m->merged, g->run_cnt);

	for (size_t r = 0; !err && r < g->run_cnt; r++)
		err = gather_settle_run(g, r);
	g->run_cnt = 0;
	g->scratch_used = 0;
	return err;
}

/* The number of requests, from `first` on, that one read can serve, and its length. */
static size_t gather_run_length(const struct mem_req *reqs, size_t n, size_t first, size_t *len_ret)
{
	uint64_t start = reqs[first].addr;
	uint64_t end = start + reqs[first].len;
	size_t i = first + 1;

	for (; i < n && reqs[first].len < MERGE_ALONE; i++) {
		uint64_t req_end = reqs[i].addr + reqs[i].len;

		if (reqs[i].addr > end + MERGE_GAP || req_end < start ||
		    req_end - start > MERGE_MAX || reqs[i].len >= MERGE_ALONE)
			break;
		if (req_end > end)
			end = req_end;
	}
	*len_ret = end - start;
	return i - first;
}

struct err *mem_gather(struct mem *mem, struct mem_req *reqs, size_t n)
{
	if (!mem->gather)
		mem->gather = calloc(1, sizeof(*mem->gather));
	struct mem_gathering g = { .mem = mem, .reqs = reqs, .m = mem->gather };
	struct err *err = g.m ? NULL : err_nomem();

	radix_sort(reqs, n, sizeof(*reqs), offsetof(struct mem_req, addr));

	for (size_t i = 0; !err && i < n;) {
		size_t len;
		size_t cnt = gather_run_length(reqs, n, i, &len);
		bool direct = cnt == 1; /* there is nothing to merge, so no copy is needed */
		size_t need = direct ? 0 : len;

		if (g.run_cnt == IOV_BATCH || g.scratch_used + need > SCRATCH_SZ)
			err = gather_flush(&g);
		g.m->runs[g.run_cnt] = (struct mem_run){ .first = i, .cnt = cnt };
		g.m->merged[g.run_cnt++] = (struct mem_req){
			.addr = reqs[i].addr,
			.len = len,
			.dst = direct ? reqs[i].dst : g.m->scratch + g.scratch_used,
		};
		g.scratch_used += need;
		i += cnt;
	}
	return err ? err : gather_flush(&g);
}
