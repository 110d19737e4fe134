// SPDX-License-Identifier: GPL-2.0-only
/*
 * maps.bpf.c - one program on every probed map function.
 *
 * The attach cookie is the index of the function in `funcs`. Everything that differs
 * between functions and between versions of Go arrives as read-only data. A hit
 * inside an open window becomes one record; see struct abi_group for windows.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

#include "abi.h"
#include "regs.bpf.h"
#include "target.bpf.h"

const volatile struct abi_func funcs[ABI_FUNC_MAX];
const volatile struct abi_range outer[ABI_RANGE_MAX];
const volatile __u32 outer_cnt;
const volatile __u32 header_sz = ABI_HEADER_SZ;
const volatile __u32 goid_off; /* in a g; UINT32_MAX: not known */

struct abi_group groups[ABI_GROUP_MAX];
__u64 selftest_hits;

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 256 * 1024); /* user space sets what the quotas need */
} records SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct abi_meter);
} meters SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} no_program SEC(".maps");

const volatile __u32 tail_calls; /* always 0 */

/*
 * From Linux 6.13 on (commit a76ab5731e32) a program on a uprobe with 64 bytes of stack or more
 * gets a stack of its own on each CPU, which it shares with whoever preempts it there and runs the
 * same program: another thread of the target. On kernels that preempt, that overwrites pointers
 * of the first one, and the host crashes (open-telemetry/opentelemetry-ebpf-instrumentation#3056).
 * A program with a tail call keeps the stack of its thread. This one is never made: the verifier
 * removes it, and it costs nothing.
 */
static __always_inline void stack_keep(struct go_regs *regs)
{
	if (tail_calls)
		bpf_tail_call(regs, &no_program, 0);
}

/* What one hit is about. */
struct hit {
	__u32 func;
	__u8 op;
	__u8 args;
	__u8 group;
	__u8 flags;
	__u8 priced; /* a hit of our own function: the record is thrown away */
	__u32 tid;
	__u64 goroutine; /* address of its g */
	__u64 map;
	__u64 type;
	__u64 table;
	__u64 n;
	__u64 caller;
	__u64 frame; /* the caller's frame pointer */
	struct abi_meter *meter;
	struct abi_group *state; /* of its group */
};

/*
 * Sorts out the arguments. They are read before the switch, through volatile:
 * otherwise clang reads them after it through a computed pointer, which the
 * verifier forbids on a context.
 */
static __always_inline void args_read(struct hit *hit, const volatile struct go_regs *regs)
{
	__u64 first = regs_arg1(regs), second = regs_arg2(regs), third = regs_arg3(regs);

	switch (hit->args) {
	case ABI_ARGS_T_M:
		hit->type = first;
		hit->map = second;
		break;
	case ABI_ARGS_M_T:
		hit->map = first;
		hit->type = second;
		break;
	case ABI_ARGS_T_N_M:
		hit->type = first;
		hit->n = second;
		hit->map = third;
		break;
	case ABI_ARGS_TAB_T_M:
		hit->table = first;
		hit->type = second;
		hit->map = third;
		break;
	}
}

/* True when the caller is an outer function of the same operation. */
static __always_inline int hit_is_nested(const struct hit *hit)
{
	for (__u32 i = 0; i < ABI_RANGE_MAX && i < outer_cnt; i++) {
		if (outer[i].op == hit->op && hit->caller - outer[i].start < outer[i].size)
			return 1;
	}
	return 0;
}

/* Takes one hit out of the group's quota; false when the window is closed or full. */
static __always_inline int group_take(struct abi_group *group, __u64 *nth_ret)
{
	if (!group->open || group->hits >= group->quota)
		return 0;
	*nth_ret = __sync_fetch_and_add(&group->hits, 1);
	return *nth_ret < group->quota;
}

/* Wakes the reader, which takes the probes away. */
static __always_inline void full_send(struct abi_group *group, struct abi_meter *meter)
{
	struct abi_rec_hdr *rec;

	group->full_ns = bpf_ktime_get_ns();
	rec = bpf_ringbuf_reserve(&records, sizeof(*rec), 0);
	if (!rec) {
		/* The reader looks at the meter from time to time. */
		meter->count[ABI_COUNT_RING_FULL]++;
		return;
	}
	rec->kind = ABI_REC_FULL;
	rec->len = sizeof(*rec);
	rec->ktime_ns = group->full_ns;
	bpf_ringbuf_submit(rec, BPF_RB_FORCE_WAKEUP);
}

/* Reads the bounds of the goroutine's stack: a header inside is not a heap object. */
static __always_inline int map_is_on_stack(const struct hit *hit)
{
	struct {
		__u64 lo;
		__u64 hi;
	} stack;

	if (bpf_probe_read_user(&stack, sizeof(stack), (void *)hit->goroutine))
		return 0;
	return hit->map >= stack.lo && hit->map < stack.hi;
}

static __always_inline __u64 goroutine_id(const struct hit *hit)
{
	__u64 id;

	if (goid_off == (__u32)-1 ||
	    bpf_probe_read_user(&id, sizeof(id), (void *)(hit->goroutine + goid_off)))
		return 0;
	return id;
}

/* Go keeps frame pointers: next to each saved one is a return address. */
static __always_inline void stack_read(__u64 stack[ABI_STACK_MAX], const struct hit *hit)
{
	struct {
		__u64 next;
		__u64 ret;
	} frame = { .next = hit->frame };

	stack[0] = hit->caller;
	for (int i = 1; i < ABI_STACK_MAX; i++) {
		if (!frame.next || bpf_probe_read_user(&frame, sizeof(frame), (void *)frame.next))
			return;
		stack[i] = frame.ret;
	}
}

static __always_inline void map_rec_fill(struct abi_map_rec *rec, const struct hit *hit)
{
	rec->hdr.ktime_ns = bpf_ktime_get_ns();
	rec->tid = hit->tid;
	rec->func = hit->func;
	rec->op = hit->op;
	rec->goroutine = goroutine_id(hit);
	rec->map = hit->map;
	rec->type = hit->type;
	rec->caller = hit->caller;
	rec->n = hit->n;
	stack_read(rec->stack, hit);
	if (!hit->map)
		return;
	if (map_is_on_stack(hit))
		rec->flags |= ABI_MAP_ON_STACK;
	/* A header that make gets is not filled in yet. */
	if (hit->op == ABI_OP_MAKE)
		return;
	if (header_sz <= sizeof(rec->header) &&
	    !bpf_probe_read_user(rec->header, header_sz, (void *)hit->map))
		rec->flags |= ABI_MAP_HAS_HEADER;
	else
		hit->meter->count[ABI_COUNT_HEADER_FAULT]++;
}

static __always_inline void count_lost(const struct hit *hit)
{
	if (!hit->priced)
		hit->meter->count[ABI_COUNT_RING_FULL]++;
}

static __always_inline void op_send(const struct hit *hit)
{
	struct abi_map_rec *rec = bpf_ringbuf_reserve(&records, sizeof(*rec), 0);

	if (!rec) {
		count_lost(hit);
		return;
	}
	__builtin_memset(rec, 0, sizeof(*rec));
	rec->hdr.kind = ABI_REC_MAP_OP;
	rec->hdr.len = sizeof(*rec);
	map_rec_fill(rec, hit);
	if (hit->priced) {
		bpf_ringbuf_discard(rec, BPF_RB_NO_WAKEUP);
		return;
	}
	bpf_ringbuf_submit(rec, BPF_RB_NO_WAKEUP);
	hit->meter->count[ABI_COUNT_RECORDED]++;
}

static __always_inline void event_send(const struct hit *hit)
{
	struct abi_map_event_rec *rec = bpf_ringbuf_reserve(&records, sizeof(*rec), 0);

	if (!rec) {
		count_lost(hit);
		return;
	}
	__builtin_memset(rec, 0, sizeof(*rec));
	rec->base.hdr.kind = ABI_REC_MAP_EVENT;
	rec->base.hdr.len = sizeof(*rec);
	map_rec_fill(&rec->base, hit);
	rec->table = hit->table;
	if (hit->table &&
	    !bpf_probe_read_user(rec->table_header, sizeof(rec->table_header), (void *)hit->table))
		rec->base.flags |= ABI_MAP_HAS_TABLE;
	if (hit->priced) {
		bpf_ringbuf_discard(rec, BPF_RB_NO_WAKEUP);
		return;
	}
	bpf_ringbuf_submit(rec, BPF_RB_NO_WAKEUP);
	hit->meter->count[ABI_COUNT_RECORDED]++;
}

/* Counts a hit; false when it comes too late to be looked at. */
static __always_inline int hit_begin(struct go_regs *regs, struct hit *hit, __u64 *nth_ret)
{
	__u32 index = bpf_get_attach_cookie(regs) & (ABI_FUNC_MAX - 1);
	__u32 group = funcs[index].group & (ABI_GROUP_MAX - 1);
	__u32 zero = 0;

	hit->meter = bpf_map_lookup_elem(&meters, &zero);
	if (!hit->meter)
		return 0;
	hit->meter->hits[index]++;
	hit->state = &groups[group];
	if (!group_take(hit->state, nth_ret)) {
		hit->meter->late[index]++;
		return 0;
	}
	hit->func = index;
	hit->op = funcs[index].op;
	hit->args = funcs[index].args;
	hit->flags = funcs[index].flags;
	hit->group = group;
	return 1;
}

/* Reads what the record needs; false when the hit does not count. */
static __always_inline int hit_read(struct go_regs *regs, struct hit *hit)
{
	hit->goroutine = regs_goroutine(regs);
	hit->frame = regs_frame(regs);
	if ((hit->flags & ABI_FUNC_AT_JUMP) && regs_jump_taken(regs)) {
		hit->meter->count[ABI_COUNT_REPEAT]++;
		return 0;
	}
	hit->tid = target_tid();
	if (!hit->tid && !hit->priced) {
		hit->meter->count[ABI_COUNT_OTHER_TASK]++;
		return 0;
	}
	if (regs_read_caller(regs, &hit->caller))
		hit->meter->count[ABI_COUNT_STACK_FAULT]++;
	if ((hit->flags & ABI_FUNC_NESTED) && hit_is_nested(hit)) {
		hit->meter->count[ABI_COUNT_NESTED]++;
		return 0;
	}
	args_read(hit, regs);
	return 1;
}

static __always_inline void hit_handle(struct go_regs *regs, struct hit *hit)
{
	__u64 nth;

	if (!hit_begin(regs, hit, &nth))
		return;
	if (hit_read(regs, hit)) {
		if (hit->group == ABI_GROUP_HOT)
			op_send(hit);
		else
			event_send(hit);
	}
	if (nth + 1 == hit->state->quota)
		full_send(hit->state, hit->meter);
}

SEC("uprobe")
int map_function(struct go_regs *regs)
{
	struct hit hit = {};

	stack_keep(regs);
	hit_handle(regs, &hit);
	return 0;
}

/*
 * Attached to functions of maptrace's own before anything else is attached, to learn what
 * a hit costs here. Does what map_function does, and throws the record away.
 */
SEC("uprobe")
int priced_function(struct go_regs *regs)
{
	struct hit hit = { .priced = 1 };

	stack_keep(regs);
	hit_handle(regs, &hit);
	return 0;
}

/* Attached to a function of maptrace's own, to see whether attaching works. */
SEC("uprobe")
int selftest(struct go_regs *regs)
{
	(void)regs;
	__sync_fetch_and_add(&selftest_hits, 1);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
