/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * mem.h - reads of the target's memory; nothing else reads it.
 *
 * Reads never stop the target, which may write meanwhile: callers check what they decode. A read
 * that fails can always be told apart from zeroes. Tests put their own `read_reqs` here. A reader
 * is for one thread at a time; other threads take their own by mem_split().
 */
#ifndef MAPTRACE_PROCESS_MEM_H
#define MAPTRACE_PROCESS_MEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

/* One contiguous read. The reader sets `ok` when all bytes arrived, and clears it otherwise. */
struct mem_req {
	uint64_t addr;
	uint32_t len;
	bool ok;
	void *dst;
};

struct mem_gather;

struct mem {
	/* Reads n requests, and sets `ok` of each. An error means that no read can succeed any
	 * more (the target is gone, or access is denied). */
	struct err *(*read_reqs)(struct mem *mem, struct mem_req *reqs, size_t n);
	void *ctx;
	pid_t pid;
	const volatile bool *stop; /* a signal sets it, and reads fail from then on; NULL: none */
	uint64_t bytes_read;
	uint64_t call_cnt;
	struct mem_gather *gather; /* what mem_gather() works with, kept between calls */
};

/* Reads through process_vm_readv(2). Release with mem_fini(). */
void mem_init_process(struct mem *mem, pid_t pid);
void mem_fini(struct mem *mem);

/* Returns a reader of the same memory for one more thread. mem_join() releases it and adds what
 * it has read to the counts of the first one. */
struct mem mem_split(const struct mem *mem);
void mem_join(struct mem *mem, struct mem *part);

/* ERR_STOPPED after the signal that `stop` tells of; else NULL. */
struct err *mem_check_stop(const struct mem *mem);

/* Reads len bytes at addr: all of them, or ERR_FAULT. */
struct err *mem_read(struct mem *mem, uint64_t addr, void *dst, size_t len);

/* Reads an 8-byte word. */
struct err *mem_read_u64(struct mem *mem, uint64_t addr, uint64_t *ret);

/*
 * Scattered reads: sorts reqs by address and merges neighbours into large reads. So a million
 * small objects cost thousands of system calls instead of a million. Single requests may fail (ok
 * == false).
 */
struct err *mem_gather(struct mem *mem, struct mem_req *reqs, size_t n);

#endif
