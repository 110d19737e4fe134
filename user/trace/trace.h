/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * trace.h - what happens to the maps and the memory of a live Go process.
 *
 *	struct trace_opts opts;
 *	trace_opts_init(&opts);
 *	... fill in the target ...
 *	err = trace_open(&opts, &trace);	finds and checks, attaches nothing
 *	err = trace_run(trace);			attaches, watches, detaches
 *	... trace_result(trace) ...		also when trace_run() failed
 *	trace_close(trace);
 *
 * Or with a loop of one's own, which can drive several traces in one process and show
 * what is known while they go on:
 *
 *	err = trace_start(trace);
 *	while (trace_step(trace)) {
 *		... sleep until trace_fd(trace) is readable; do other short work ...
 *		... now and then: err = trace_publish(trace), trace_result(trace) ...
 *	}
 *	err = trace_stop(trace);		why it ended, if that is an error
 *	err = trace_publish(trace);		the final result
 *
 * Two traces share no state. Several may watch one target, each at its own cost.
 *
 * All probes are held by file descriptors of this process: when it dies, in
 * whatever way, the kernel takes them out of the target.
 *
 * What is seen. Every memory call is summed up. Map functions are in groups.
 * RARE ones (clear, clone, growth) and MAKE (a make with a size) are watched all
 * the time, up to a quota per period. HOT ones (insert, delete, small makes) are
 * watched in short windows, at a random place of each period, that end after a
 * time or a number of hits. So a hit is a sample: multiply nothing, use `estimate`
 * and rate.h, which weigh each hit with the time that its window stands for.
 *
 * What it costs. A hit has a price, measured at the start. Hits times price stay
 * below a share of one core, `max_overhead`; see governor.h. So do the page faults that
 * are looked at; see refaults.h.
 *
 * This module reads nothing from the target and needs no symbols: the caller
 * hands it the places of functions, and gets addresses back.
 *
 * The enums of bpf/abi.h (abi_op, abi_group_id, abi_memcall, abi_unwatched and their
 * values) are not only the format of records: they are the vocabulary of trace/, model/
 * and report/, too.
 */
#ifndef MAPTRACE_TRACE_TRACE_H
#define MAPTRACE_TRACE_TRACE_H

#include "trace/trace_opts.h"
#include "trace/trace_result.h"

struct trace;

/*
 * Finds the functions, places the probes, loads the programs. Attaches nothing
 * to the target. What this kernel lacks is left out and named in the result.
 * Fails with ERR_KERNEL when nothing is left, with ERR_PERM when a capability is
 * missing, with ERR_UNSUPPORTED for an architecture that we cannot trace.
 * The caller frees *ret with trace_close().
 */
struct err *trace_open(const struct trace_opts *opts, struct trace **ret);

/*
 * Watches until the duration is over, *stop is true, the target exits, or a callback
 * fails. Returns NULL for the first three (see trace_result.end). What turns out not to
 * work is left out and named in the result, unless nothing is left. The probes are gone
 * and the result is published when it returns, with an error or without. The thread has
 * real-time priority meanwhile, where that is permitted. May be called once.
 */
struct err *trace_run(struct trace *trace);

/* ---- A loop of one's own ---- */

/*
 * Threads: trace_start() to trace_close() must not be called at the same time for one
 * trace; the thread may change between calls. Each trace calls its tick and its listener
 * in one thread of its own, one call at a time, up to the last trace_step() or to the
 * end of trace_stop(). Callbacks of two traces may run at the same time.
 *
 * Time: trace_open() and trace_start() take some 100 ms each. Whoever drives other
 * traces meanwhile calls them in another thread.
 *
 * A step that comes late leaves probes in the target for longer than planned. That costs
 * the target something, which the governor takes off the next windows. So the thread that
 * steps should do nothing that takes more than a few milliseconds, and should call
 * trace_priority_raise().
 *
 * Limits: the kernel lets some 19 traces attach to the functions of memory calls; after
 * that they are missing in further traces. With `refaults` a trace takes 16 MiB of
 * kernel memory, and all processes of the machine pay for each page fault program.
 */

/*
 * Measures prices, attaches memory calls, begins. When it fails nothing is attached, and
 * trace_step() returns false. A target that exits meanwhile is not an error: see
 * trace_result.end. May be called once.
 */
struct err *trace_start(struct trace *trace);

/*
 * A file descriptor that is readable when trace_step() has something to do, within
 * 100 ms in any case. For poll() or epoll; the trace owns it; one never reads from it.
 * Valid from trace_open() to trace_close().
 */
int trace_fd(const struct trace *trace);

/*
 * Does what is due: reads records, opens and closes windows, starts callbacks. To call it
 * too early does no harm. It does not wait for the kernel to attach or detach uprobes, nor
 * for callbacks; attaching the page fault program, or detaching memory calls at the end,
 * may take some 10 ms. False when the trace is over: it has ended in one of the ways of
 * trace_run(), nothing is attached any more, and no callback runs.
 */
bool trace_step(struct trace *trace);

/*
 * Ends the trace if it still goes on: waits until all probes are out and callbacks are
 * done. Returns the error that has ended the trace, once; NULL when there was none.
 */
struct err *trace_stop(struct trace *trace);

/*
 * Real-time priority (SCHED_FIFO) for the calling thread, as trace_run() has it. On a busy
 * machine it takes many milliseconds until a thread that wakes up gets a CPU, and all that
 * time the target hits probes that should be gone. The threads that attach and detach
 * inherit the priority of the thread that steps; callbacks never have it. Without the
 * right to it nothing changes, and the governor has more to pay.
 */
void trace_priority_raise(void);
void trace_priority_drop(void);

/* ---- The result ---- */

/* All functions that were looked for, in the order of functions.c. */
const struct trace_site *trace_sites(const struct trace *trace, size_t *cnt_ret);

/*
 * Makes a consistent result of what is known now; trace_result() returns it. Callable at
 * any time between two steps, as often as one likes, also before the start and after the
 * end. Copies what is new in the lists while the trace goes on (usually little, 40 MiB if
 * all are full). When it
 * fails the result is as complete as possible.
 *
 * Row, map and event counts include windows that are still open; estimates, samples and
 * group counts have the closed ones only. The windows of RARE and MAKE close once a
 * period (1 s, 5 s with perf events).
 */
struct err *trace_publish(struct trace *trace);

/*
 * What was published last; owned by the trace. All of it is valid and does not change
 * until the next trace_publish() or trace_close(). The pointer itself stays the same.
 */
const struct trace_result *trace_result(const struct trace *trace);

/*
 * Begins the lists anew (rows, maps, events, single memory calls, windows, samples) and
 * with them bases, covers and overflow: what is published later has the time since. Sums,
 * groups and costs go on from the start. Hits of windows that are still open stay in
 * their rows. This keeps a trace of many hours within the bounds of the lists. Does not
 * change what was published; does nothing when the trace is over.
 */
struct err *trace_forget(struct trace *trace);

/* Records missing up to the latest step. May be called from any thread. Never fails. */
struct trace_lost trace_lost(const struct trace *trace);

/* Stops the trace if it still goes on, and frees everything; NULL is fine. */
void trace_close(struct trace *trace);

#endif
