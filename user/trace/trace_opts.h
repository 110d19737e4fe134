/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * trace_opts.h - what a trace is told: the target, what to watch, at what cost.
 */
#ifndef MAPTRACE_TRACE_TRACE_OPTS_H
#define MAPTRACE_TRACE_TRACE_OPTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "abi.h"
#include "trace/placement.h"

struct err;

/* Where a function of the target is. */
struct trace_func {
	bool present; /* false: the program does not have this function, which is normal */
	uint64_t addr; /* at run time, in the target */
	uint64_t size; /* bytes of code */
	uint64_t file_off; /* of its first byte in the file `code_path` */
	uint8_t code[PLACEMENT_CODE_SZ]; /* its first bytes, from that file */
	size_t code_sz; /* how many of them are valid; never more than `size` */
};

/* Looks up a function by its name in pclntab. An error ends trace_open(). */
typedef struct err *(*trace_find_func)(void *ctx, const char *name, struct trace_func *ret);

/* process/layout.h has the same two kinds. Trace does not include process/, so that it
 * stays usable without a reader of the target. */
enum trace_map_kind { TRACE_MAP_CLASSIC, TRACE_MAP_SWISS };

/* Where the words of a map header are in the target's version of Go; offsets in bytes. */
struct trace_header_layout {
	enum trace_map_kind kind;
	uint32_t header_sz; /* size of the header; at most ABI_HEADER_SZ */
	uint32_t live_keys_off; /* hmap.count, Map.used; 8 bytes */
	uint32_t seed_off; /* hmap.hash0, low half of Map.seed; 4 bytes */
	union {
		struct {
			uint32_t b_off; /* 1 byte */
			uint32_t noverflow_off; /* 2 bytes */
			uint32_t buckets_off; /* 8 bytes */
			uint32_t load_num; /* a map doubles beyond this many keys per 2 buckets */
		} classic;
		struct {
			uint32_t dir_ptr_off; /* 8 bytes */
			uint32_t dir_len_off; /* 8 bytes */
			/* In the header of a table; below ABI_TABLE_SZ. */
			uint32_t table_used_off; /* 2 bytes */
			uint32_t table_capacity_off; /* 2 bytes */
			uint32_t table_growth_left_off; /* 2 bytes */
		} swiss;
	};
};

/*
 * How often the probes of a group may be hit, at most. The governor allows fewer hits
 * when the budget is short. A field that is 0 gets the default of the mechanism.
 */
struct trace_quota {
	uint64_t period_ns; /* each period has one window */
	uint64_t open_ns; /* the longest window; for all groups but HOT: always the period */
	uint32_t hits; /* a window ends after this many */
};

/* How uprobes are attached. */
enum trace_attach {
	TRACE_ATTACH_AUTO, /* the best that works here */
	TRACE_ATTACH_MULTI, /* one uprobe_multi link for all: detaches in about 30 ms */
	TRACE_ATTACH_PERF, /* one perf event per probe: each detaches in about 100 ms */
};

/*
 * How memory calls are seen. Some kernels refuse to attach to functions, even to
 * root. The tracepoints slow every system call of every process down a little
 * while they are in use, so they have to be asked for.
 */
enum trace_memcalls {
	TRACE_MEMCALLS_FUNCTIONS, /* fentry and fexit on the system call functions */
	TRACE_MEMCALLS_TRACEPOINTS, /* raw_syscalls: sys_enter and sys_exit */
	TRACE_MEMCALLS_AUTO, /* functions, else tracepoints */
};

/*
 * The caller's own work during a trace, called about every tick_ns. It may be slow: it
 * runs in a thread of the trace beside the one that steps. An error ends the trace, and
 * trace_stop() returns it.
 */
typedef struct err *(*trace_tick)(void *ctx);

struct trace_event;
struct trace_memcall;
struct trace_window;

/*
 * Is told of every record as it arrives: some 100 ms late, or after a tick that is
 * running. Records come in the order of their times, except that neighbours may be
 * swapped. Runs in the same thread as the ticks. An error ends the trace, and
 * trace_stop() returns it.
 */
struct trace_listener {
	struct err *(*event)(void *ctx, const struct trace_event *event, enum abi_group_id group);
	struct err *(*memcall)(void *ctx, const struct trace_memcall *memcall); /* may be NULL */
	/* A window is over, and all events in it were told. May be NULL. */
	struct err *(*window)(void *ctx, const struct trace_window *window);
	void *ctx;
};

struct trace_opts {
	pid_t pid;
	int pidfd; /* of the target, to see that it exited; -1: not watched */
	uint16_t machine; /* e_machine of the file with the code */
	const char *code_path; /* that file, usable from here; must outlive the trace */
	struct trace_header_layout layout;
	uint32_t goid_off; /* in a g; UINT32_MAX: not known */
	trace_find_func find_func; /* called by trace_open() only */
	void *find_ctx;

	uint64_t duration_ns;
	uint64_t tick_ns;
	trace_tick tick; /* may be NULL */
	void *tick_ctx;
	bool tick_publishes; /* call trace_publish() before each tick, for its use */
	const volatile bool *stop; /* the trace ends soon after this is true; may be NULL */

	bool force; /* also on a kernel that is known to crash (kernel_faults.h) */
	enum trace_attach attach;
	enum trace_memcalls memcalls;
	struct trace_quota quota[ABI_GROUP_CNT];
	uint32_t memcalls_per_s; /* single memory calls to keep; sums are always complete */
	bool refaults; /* watch for page faults on what memory calls give back */
	double max_overhead; /* share of one core for hits; 0: no windows on HOT functions */

	const struct trace_listener *listener; /* may be NULL; must outlive the trace */
	bool rare_only; /* no windows on inserts, deletes and makes without a size */
	uint32_t ring_sz; /* bytes of each ring, a power of two; 0: what the quotas need */
};

/* Fills in all defaults: 10 s, a tick a second, 1 % of a core, no target. */
void trace_opts_init(struct trace_opts *opts);

#endif
