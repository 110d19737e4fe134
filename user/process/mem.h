/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * mem.h - reads of the target's memory; the only door to it.
 *
 * Reads never stop the target, so the bytes are a moment's truth: callers check
 * what they decode. A read that fails is always told apart from zeroes. Tests
 * put their own `read_reqs` behind the same door. One thread at a time: others take
 * a reader of their own, by mem_split().
 */
#ifndef MAPTRACE_PROCESS_MEM_H
#define MAPTRACE_PROCESS_MEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

/* One contiguous read. `ok` is set by the reader: all of it arrived, or not. */
struct mem_req {
	uint64_t addr;
	uint32_t len;
	bool ok;
	void *dst;
};

struct mem_gather;

struct mem {
	/* Reads n requests, setting each one's ok. An error means that no read can
	 * succeed any more (the target is gone, or access is denied). */
	struct err *(*read_reqs)(struct mem *mem, struct mem_req *reqs, size_t n);
	void *ctx;
	pid_t pid;
	const volatile bool *stop; /* set by a signal: reads fail from then on; or NULL */
	uint64_t bytes_read;
	uint64_t call_cnt;
	struct mem_gather *gather; /* what mem_gather() works with, kept between calls */
};

/* Reads through process_vm_readv(2). Release with mem_fini(). */
void mem_init_process(struct mem *mem, pid_t pid);
void mem_fini(struct mem *mem);

/* A reader of the same memory, for one more thread. mem_join() releases it and adds what
 * it has read to the other's counts. */
struct mem mem_split(const struct mem *mem);
void mem_join(struct mem *mem, struct mem *part);

/* Reads len bytes at addr, all or ERR_FAULT. */
struct err *mem_read(struct mem *mem, uint64_t addr, void *dst, size_t len);

/* Reads an 8-byte word. */
struct err *mem_read_u64(struct mem *mem, uint64_t addr, uint64_t *ret);

/*
 * Scattered reads: reorders reqs by address and merges neighbours into large
 * reads, so that a million small objects cost thousands of system calls and not
 * a million. Single requests may fail (ok == false).
 */
struct err *mem_gather(struct mem *mem, struct mem_req *reqs, size_t n);

#endif
