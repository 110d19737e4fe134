/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * abi.h - what the BPF programs and user space tell each other.
 *
 * The only header that both sides include. Fields have fixed widths, padding is explicit,
 * and every byte of a record is written before it is sent. `tid` is a thread id as the
 * target sees it (in its own pid namespace). Times are CLOCK_MONOTONIC in nanoseconds.
 * Addresses are of the target.
 */
#ifndef MAPTRACE_BPF_ABI_H
#define MAPTRACE_BPF_ABI_H

#ifndef __bpf__
#include <linux/types.h>
#endif

/* ---- Limits ---- */

#define ABI_FUNC_MAX 32 /* probed functions; a power of two, it masks the cookie */
#define ABI_PRICED_FIRST 26 /* from here on, functions of our own; see user/trace/calibrate.h */
#define ABI_RANGE_MAX 16 /* outer functions that nested hits may come from */
#define ABI_HEADER_SZ 56 /* bytes of a map header in a record; the largest known header */
#define ABI_TABLE_SZ 32 /* bytes of a swiss table header in a record */
#define ABI_STACK_MAX 8 /* return addresses in the record of a hit */
#define ABI_MEM_INFLIGHT 1024 /* threads that can be in a watched system call at one time */
#define ABI_MEM_STACK_MAX 16 /* addresses in the stack of a memory call */
#define ABI_MEM_ROWS 256 /* different values of (call, detail, error) */
#define ABI_CHUNK_SHIFT 10 /* a chunk has 2^10 pages: 4 MiB with pages of 4 KiB */
#define ABI_CHUNK_PAGES (1 << ABI_CHUNK_SHIFT)
#define ABI_CHUNKS 2048 /* chunks with watched pages; each takes 8 KiB */
#define ABI_GIVE_CHUNKS 256 /* looked at in one call that gives back: 1 GiB */
#define ABI_FORGET_CHUNKS 16384 /* looked at in one call that maps or unmaps: 64 GiB */
#define ABI_GIVERS 1024 /* stacks that gave back; a power of two: the low bits of a stamp */
#define ABI_AGE_BINS 64
#define ABI_TIMED_SHIFT 6 /* one fault in 2^6 is timed */
#define ABI_TIMED_MOST_NS 10000 /* a program run that takes longer was interrupted */

/* ---- What is probed ---- */

enum abi_op {
	ABI_OP_MAKE = 0,
	ABI_OP_INSERT = 1, /* assignment: a new key, or an update of an old one */
	ABI_OP_DELETE = 2,
	ABI_OP_CLEAR = 3,
	ABI_OP_GROW = 4,
	ABI_OP_CLONE = 5,
	ABI_OP_PRUNE = 6, /* a swiss table looks for tombstones that it can remove */
	ABI_OP_CNT = 7,
};

/* A group: functions that are switched on and off together and share one quota. */
enum abi_group_id {
	ABI_GROUP_HOT = 0, /* may be called at any rate: watched in short windows */
	ABI_GROUP_RARE = 1, /* seldom called in a sane program: watched all the time */
	ABI_GROUP_MAKE = 2, /* make with a size: like RARE, but many makes must not use up the
			     * quota that growths need */
	ABI_GROUP_CNT = 3,
	ABI_GROUP_MAX = 4, /* a power of two, it masks the number of a group */
};

/* Order of a function's integer arguments: t type, m map, n number. */
enum abi_args {
	ABI_ARGS_NONE = 0,
	ABI_ARGS_T_M = 1,
	ABI_ARGS_M_T = 2,
	ABI_ARGS_T_N_M = 3, /* make: n is the size hint, m is a header on the stack, or nil */
	ABI_ARGS_TAB_T_M = 4, /* a method of a swiss table */
};

enum abi_func_flags {
	ABI_FUNC_NESTED = 1, /* a call from an outer function of the same op is not a new op */
	ABI_FUNC_AT_JUMP = 2, /* the probe sits on the jump of the stack check */
};

/* One probed function; the attach cookie is its index in the array. */
struct abi_func {
	__u8 op;
	__u8 group;
	__u8 args;
	__u8 flags;
};
_Static_assert(sizeof(struct abi_func) == 4, "abi_func");

/* Code of an outer function, one that calls nested ones: [start, start + size). */
struct abi_range {
	__u64 start;
	__u64 size;
	__u32 op;
	__u32 pad;
};
_Static_assert(sizeof(struct abi_range) == 24, "abi_range");

/* What the target is recognised by: its pid namespace, and its pid there. */
struct abi_target {
	__u64 ns_dev;
	__u64 ns_ino;
	__u32 tgid;
	__u32 pad;
};
_Static_assert(sizeof(struct abi_target) == 24, "abi_target");

/*
 * The switch and the meter of a group, in memory that both sides see.
 *
 * User space opens a window by clearing `hits` and then, as the last step, setting
 * `open`. It closes the window by clearing `open`. BPF looks at the first `quota` hits,
 * whatever comes of them. The hit that uses up the quota stores `full_ns` and sends an
 * ABI_REC_FULL. A hit that comes while the window is closed or full is late: it is
 * counted on its CPU and turned back at once.
 */
struct abi_group {
	__u64 hits;
	__u64 full_ns;
	__u32 quota;
	__u32 open;
	__u64 pad[5]; /* so that no two groups share a cache line */
};
_Static_assert(sizeof(struct abi_group) == 64, "abi_group");

/* Counters of the map programs. Numbers are stable. */
enum abi_count {
	/* 0 was the sum of abi_meter.hits */
	ABI_COUNT_OTHER_TASK = 1, /* not the target, but a child that shares its memory */
	ABI_COUNT_REPEAT = 2, /* the stack grows first, then the function is called again */
	ABI_COUNT_NESTED = 3, /* already counted in the outer function */
	ABI_COUNT_RECORDED = 4, /* a record was sent */
	ABI_COUNT_RING_FULL = 5, /* lost: the ring had no room for the record */
	ABI_COUNT_HEADER_FAULT = 6, /* recorded without the map's header, which is unreadable */
	ABI_COUNT_STACK_FAULT = 7, /* recorded without its caller: the stack is unreadable */
	ABI_COUNT_CNT = 8,
};

/* What the map programs count. Each CPU has its own, so that no hit waits for another. */
struct abi_meter {
	__u64 hits[ABI_FUNC_MAX]; /* the program ran, for whatever reason */
	__u64 late[ABI_FUNC_MAX]; /* those turned back because the window was closed or full */
	__u64 count[ABI_COUNT_CNT]; /* by enum abi_count */
};
_Static_assert(sizeof(struct abi_meter) == 8 * (2 * ABI_FUNC_MAX + ABI_COUNT_CNT), "abi_meter");

/* ---- Records ---- */

enum abi_rec_kind {
	ABI_REC_MAP_OP = 1, /* maps.bpf.c: struct abi_map_rec */
	ABI_REC_MAP_EVENT = 2, /* maps.bpf.c: struct abi_map_event_rec */
	ABI_REC_FULL = 3, /* struct abi_rec_hdr alone */
	ABI_REC_MEMCALL = 4, /* memcalls.bpf.c: struct abi_memcall_rec */
};

/* The start of every record. ABI_REC_FULL has nothing more: it only wakes the reader. */
struct abi_rec_hdr {
	__u32 kind;
	__u32 len; /* of the whole record */
	__u64 ktime_ns;
};
_Static_assert(sizeof(struct abi_rec_hdr) == 16, "abi_rec_hdr");

enum abi_map_flags {
	ABI_MAP_HAS_HEADER = 1,
	ABI_MAP_HAS_TABLE = 2,
	ABI_MAP_ON_STACK =
		4, /* the header lies on a goroutine's stack: its address means nothing */
};

/* ABI_REC_MAP_OP: a hit of a HOT function. The header is as it was before the operation. */
struct abi_map_rec {
	struct abi_rec_hdr hdr;
	__u32 tid;
	__u8 func; /* index in the function array */
	__u8 op;
	__u8 flags;
	__u8 pad;
	__u64 goroutine; /* id; 0: not known, or none */
	__u64 map;
	__u64 type; /* 0: not an argument of this function */
	__u64 caller; /* return address */
	__u64 n; /* argument n, where the function has one */
	__u8 header[ABI_HEADER_SZ];
	__u64 stack[ABI_STACK_MAX]; /* return addresses, innermost first; 0 ends them */
};
_Static_assert(sizeof(struct abi_map_rec) == 184, "abi_map_rec");

/* ABI_REC_MAP_EVENT: a hit of a RARE or MAKE function. */
struct abi_map_event_rec {
	struct abi_map_rec base;
	__u64 table; /* address of the swiss table; 0: not an argument of this function */
	__u8 table_header[ABI_TABLE_SZ]; /* with ABI_MAP_HAS_TABLE */
};
_Static_assert(sizeof(struct abi_map_event_rec) == 224, "abi_map_event_rec");

/* ---- Memory calls ---- */

enum abi_memcall {
	ABI_CALL_MMAP = 0,
	ABI_CALL_MUNMAP = 1,
	ABI_CALL_MADVISE = 2,
	ABI_CALL_CNT = 3,
};

/* The key under which a call is summed up. */
struct abi_mem_key {
	__u32 call;
	__u32 detail; /* mmap: prot; madvise: advice; munmap: 0 */
	__u32 error; /* errno, 0 for success */
};
_Static_assert(sizeof(struct abi_mem_key) == 12, "abi_mem_key");

struct abi_mem_sum {
	__u64 calls;
	__u64 bytes; /* as asked for */
	__u64 ns; /* inside the kernel */
};
_Static_assert(sizeof(struct abi_mem_sum) == 24, "abi_mem_sum");

/* ABI_REC_MEMCALL: one call. Sent while abi_mem_state.budget lasts. */
struct abi_memcall_rec {
	struct abi_rec_hdr hdr; /* time of the return */
	__u32 tid;
	__u32 call;
	__u32 detail;
	__u32 flags; /* mmap: MAP_* flags */
	__u64 addr;
	__u64 length;
	__s64 result; /* as the kernel returns it: an address, 0, or -errno */
	__u64 ns;
	/* By frame pointers: first the address after the system call, then return addresses; 0
	 * ends it. */
	__u64 stack[ABI_MEM_STACK_MAX];
};
_Static_assert(sizeof(struct abi_memcall_rec) == 64 + 8 * ABI_MEM_STACK_MAX, "abi_memcall_rec");

/* Counters of the memory call programs, in memory that both sides see. */
struct abi_mem_state {
	__s64 budget; /* single calls that may still be sent; user space refills it */
	__u64 over_budget; /* calls that were summed up, but not sent for want of budget */
	__u64 ring_full; /* calls that were summed up, but the ring had no room for them */
	__u64 rows_full; /* calls that are lost: more than ABI_MEM_ROWS keys */
	__u64 inflight_full; /* calls that were summed up without their duration */
};
_Static_assert(sizeof(struct abi_mem_state) == 40, "abi_mem_state");

/* ---- Page faults on what was given back ---- */

/* Why pages that were given back are not watched. */
enum abi_unwatched {
	ABI_UNWATCHED_TABLE_FULL = 0, /* more than ABI_CHUNKS chunks */
	ABI_UNWATCHED_CALL_TOO_LONG = 1, /* more than ABI_GIVE_CHUNKS chunks in one call */
	ABI_UNWATCHED_CNT = 2,
};

/*
 * The pages of a chunk. A stamp is the time of the last call that gave the page back. Its
 * low bits (about a microsecond) have the number of the giver instead. 0: the page was
 * not given back, or was touched since.
 */
struct abi_chunk {
	__u64 stamp[ABI_CHUNK_PAGES];
};
_Static_assert(sizeof(struct abi_chunk) == 8 * ABI_CHUNK_PAGES, "abi_chunk");

/* A giver: a stack from which the target has given pages back. */
struct abi_giver {
	__u64 stack[ABI_MEM_STACK_MAX];
};
_Static_assert(sizeof(struct abi_giver) == 8 * ABI_MEM_STACK_MAX, "abi_giver");

/*
 * The switch and the counters of the page fault program, in memory that both sides see.
 * User space keeps `quota` above `faults`. The fault that reaches it sends an
 * ABI_REC_FULL, and further ones are turned back.
 */
struct abi_fault_state {
	__u64 tgid; /* of the target, as the kernel knows it; 0: it has given nothing back yet */
	__u64 pad[7]; /* all faults of the machine read the line above; the target's faults
		       * write the lines below */
	__u64 quota;
	__u64 faults; /* of the target, whatever came of them */
	__u64 timed; /* faults that were timed: about one in 2^ABI_TIMED_SHIFT */
	__u64 timed_ns; /* what those took in the program, after it has recognised the target */
	__u64 watched_pages; /* pages given back and watched, counted each time */
	__u64 unwatched_pages[ABI_UNWATCHED_CNT]; /* given back and not watched */
	__u64 void_ns; /* older stamps are void: one call has mapped or unmapped too much */
	__u64 voids; /* how often that happened */
	__u64 giver_cnt; /* of stacks; those beyond ABI_GIVERS have no number of their own */
	__u64 giver_pages[ABI_GIVERS]; /* watched_pages by giver; 0: all without a number */
};
_Static_assert(sizeof(struct abi_fault_state) == 144 + 8 * ABI_GIVERS, "abi_fault_state");

/* Refaults: faults on pages with a stamp. Each CPU has its own counters. */
struct abi_fault_meter {
	__u64 ages[ABI_AGE_BINS]; /* by time since the page was given back; bin i: from 2^i ns on */
	__u64 givers[ABI_GIVERS]; /* by number of the giver */
};
_Static_assert(sizeof(struct abi_fault_meter) == 8 * (ABI_AGE_BINS + ABI_GIVERS),
	       "abi_fault_meter");

#endif
