// SPDX-License-Identifier: GPL-2.0-only
/*
 * memcalls.bpf.c - the target's mmap, munmap and madvise, entry and result.
 *
 * There are two ways to see calls, and user space loads one of them. The better one is on
 * the functions that the system call table points to; user space names them, since they
 * differ between architectures. Where the kernel forbids that, the other one is on the
 * tracepoints of all system calls, which cost every process of the machine a little on
 * each call. Both see the result together with the arguments; the program at the entry
 * only serves to measure the duration.
 *
 * Every call is summed up here, so sums are exact however many calls there are. Single
 * calls are sent while a budget lasts. The pages that calls give back are remembered for
 * the program on page faults.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

#include "abi.h"
#include "refaults.bpf.h"
#include "regs.bpf.h"
#include "target.bpf.h"

#define ERRNO_MAX 4095
#define ADVICE_DONTNEED 4
#define ADVICE_FREE 8

const volatile __u64 call_nr[ABI_CALL_CNT]; /* system call numbers */

struct abi_mem_state state;

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 256 * 1024); /* user space sets what the budget needs */
} records SEC(".maps");

/* Entry time by kernel thread id. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, ABI_MEM_INFLIGHT);
	__type(key, __u32);
	__type(value, __u64);
} inflight SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, ABI_MEM_ROWS);
	__type(key, struct abi_mem_key);
	__type(value, struct abi_mem_sum);
} sums SEC(".maps");

struct call {
	__u32 tid;
	__u32 call;
	__u32 detail;
	__u32 flags;
	__u64 addr;
	__u64 length;
	__s64 result;
	__u64 end_ns;
	__u64 ns;
};

static __always_inline int call_enter(void)
{
	__u32 thread = (__u32)bpf_get_current_pid_tgid();
	__u64 now = bpf_ktime_get_ns();

	if (!target_tid())
		return 0;
	if (bpf_map_update_elem(&inflight, &thread, &now, BPF_ANY))
		__sync_fetch_and_add(&state.inflight_full, 1);
	return 0;
}

/* The time since call_enter(); 0 for a call that began before we were attached. */
static __always_inline __u64 call_duration(__u64 now)
{
	__u32 thread = (__u32)bpf_get_current_pid_tgid();
	__u64 *start = bpf_map_lookup_elem(&inflight, &thread);
	__u64 ns = start ? now - *start : 0;

	bpf_map_delete_elem(&inflight, &thread);
	return ns;
}

static __always_inline int call_failed(const struct call *call)
{
	return call->result < 0 && call->result >= -ERRNO_MAX;
}

static __always_inline void call_sum(const struct call *call)
{
	struct abi_mem_key key = {
		.call = call->call,
		.detail = call->detail,
		.error = call_failed(call) ? -call->result : 0,
	};
	struct abi_mem_sum none = {};
	struct abi_mem_sum *sum = bpf_map_lookup_elem(&sums, &key);

	if (!sum) {
		bpf_map_update_elem(&sums, &key, &none, BPF_NOEXIST);
		sum = bpf_map_lookup_elem(&sums, &key);
	}
	if (!sum) {
		__sync_fetch_and_add(&state.rows_full, 1);
		return;
	}
	__sync_fetch_and_add(&sum->calls, 1);
	__sync_fetch_and_add(&sum->bytes, call->length);
	__sync_fetch_and_add(&sum->ns, call->ns);
}

/* Go keeps frame pointers on the stack of the thread and on that of its goroutine. */
static __always_inline void stack_read(void *ctx, __u64 stack[ABI_MEM_STACK_MAX])
{
	long sz = ABI_MEM_STACK_MAX * sizeof(stack[0]);
	long got = bpf_get_stack(ctx, stack, sz, BPF_F_USER_STACK);

	for (long i = 0; i < ABI_MEM_STACK_MAX; i++) {
		if (got < 0 || i * (long)sizeof(stack[0]) >= got)
			stack[i] = 0;
	}
}

static __always_inline void call_send(void *ctx, const struct call *call)
{
	struct abi_memcall_rec *rec;

	if (state.budget <= 0 || __sync_fetch_and_add(&state.budget, -1) <= 0) {
		__sync_fetch_and_add(&state.over_budget, 1);
		return;
	}
	rec = bpf_ringbuf_reserve(&records, sizeof(*rec), 0);
	if (!rec) {
		__sync_fetch_and_add(&state.ring_full, 1);
		return;
	}
	rec->hdr.kind = ABI_REC_MEMCALL;
	rec->hdr.len = sizeof(*rec);
	rec->hdr.ktime_ns = call->end_ns;
	rec->tid = call->tid;
	rec->call = call->call;
	rec->detail = call->detail;
	rec->flags = call->flags;
	rec->addr = call->addr;
	rec->length = call->length;
	rec->result = call->result;
	rec->ns = call->ns;
	stack_read(ctx, rec->stack);
	bpf_ringbuf_submit(rec, BPF_RB_NO_WAKEUP);
}

/* Notes which pages the call has given back, or mapped anew. */
static __always_inline void call_watch(void *ctx, const struct call *call)
{
	struct abi_giver giver;

	if (!page_shift || call_failed(call))
		return;
	if (call->call == ABI_CALL_MMAP) {
		range_forget(call->result, call->length, call->end_ns);
	} else if (call->call == ABI_CALL_MUNMAP) {
		range_forget(call->addr, call->length, call->end_ns);
	} else if (call->detail == ADVICE_DONTNEED || call->detail == ADVICE_FREE) {
		stack_read(ctx, giver.stack);
		range_give_back(&giver, call->addr, call->length, call->end_ns);
	}
}

static __always_inline int call_exit(void *ctx, __u32 which, const struct pt_regs *regs,
				     __s64 result)
{
	struct call call = {
		.tid = target_tid(),
		.call = which,
		.addr = syscall_arg1(regs),
		.length = syscall_arg2(regs),
		.result = result,
		.end_ns = bpf_ktime_get_ns(),
	};

	if (!call.tid)
		return 0;
	if (which != ABI_CALL_MUNMAP)
		call.detail = syscall_arg3(regs);
	if (which == ABI_CALL_MMAP)
		call.flags = syscall_arg4(regs);
	call.ns = call_duration(call.end_ns);
	call_watch(ctx, &call);
	call_sum(&call);
	call_send(ctx, &call);
	return 0;
}

/* ---- By function: the context is the arguments of the function, then its result ---- */

SEC("fentry")
int mmap_enter(__u64 *ctx)
{
	(void)ctx;
	return call_enter();
}

SEC("fexit")
int mmap_exit(__u64 *ctx)
{
	return call_exit(ctx, ABI_CALL_MMAP, (const struct pt_regs *)ctx[0], ctx[1]);
}

SEC("fentry")
int munmap_enter(__u64 *ctx)
{
	(void)ctx;
	return call_enter();
}

SEC("fexit")
int munmap_exit(__u64 *ctx)
{
	return call_exit(ctx, ABI_CALL_MUNMAP, (const struct pt_regs *)ctx[0], ctx[1]);
}

SEC("fentry")
int madvise_enter(__u64 *ctx)
{
	(void)ctx;
	return call_enter();
}

SEC("fexit")
int madvise_exit(__u64 *ctx)
{
	return call_exit(ctx, ABI_CALL_MADVISE, (const struct pt_regs *)ctx[0], ctx[1]);
}

/* ---- By tracepoint: the context is the registers, then the number or the result ---- */

/* The call that has a system call number; ABI_CALL_CNT for all other numbers. */
static __always_inline __u32 call_of(__u64 nr)
{
	for (__u32 i = 0; i < ABI_CALL_CNT; i++) {
		if (nr == call_nr[i])
			return i;
	}
	return ABI_CALL_CNT;
}

SEC("tp_btf/sys_enter")
int any_enter(__u64 *ctx)
{
	return call_of(ctx[1]) < ABI_CALL_CNT ? call_enter() : 0;
}

SEC("tp_btf/sys_exit")
int any_exit(__u64 *ctx)
{
	const struct pt_regs *regs = (const struct pt_regs *)ctx[0];
	__u32 which = call_of(syscall_number(regs));

	return which < ABI_CALL_CNT ? call_exit(ctx, which, regs, ctx[1]) : 0;
}

/* ---- Page faults in user mode: the context is the address, registers, error code ---- */

/* Wakes the reader, which takes the program away. */
static __always_inline void full_send(void)
{
	struct abi_rec_hdr *rec = bpf_ringbuf_reserve(&records, sizeof(*rec), 0);

	if (!rec) /* The reader looks at the counter from time to time. */
		return;
	rec->kind = ABI_REC_FULL;
	rec->len = sizeof(*rec);
	rec->ktime_ns = bpf_ktime_get_ns();
	bpf_ringbuf_submit(rec, BPF_RB_FORCE_WAKEUP);
}

SEC("tp_btf/page_fault_user")
int page_fault(__u64 *ctx)
{
	__u64 start, nth;

	if (bpf_get_current_pid_tgid() >> 32 != fault_state.tgid)
		return 0;
	start = fault_is_timed(ctx[0]) ? bpf_ktime_get_ns() : 0;
	nth = __sync_fetch_and_add(&fault_state.faults, 1);
	if (nth < fault_state.quota)
		fault_handle(ctx[0], fault_page_present(ctx[2]));
	else if (nth == fault_state.quota)
		full_send();
	if (start)
		fault_time(bpf_ktime_get_ns() - start);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
