/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * refaults.bpf.h - page faults of the target on pages that it had given back.
 *
 * A part of memcalls.bpf.c, whose programs see the calls. Every page that a call gives
 * back gets a stamp. The first fault on the page removes the stamp and is counted. A page
 * may also come back without a fault of its own, with a huge page or in a system call.
 * Then its stamp stays but does no harm, since a later fault finds the page present.
 *
 * Stamps are set when the call returns, so a page that another thread touches during the
 * call may be missed. A call that maps or unmaps pages removes their stamps, so that
 * another page at the same address is not taken for the one that was given back.
 */
#ifndef MAPTRACE_BPF_REFAULTS_H
#define MAPTRACE_BPF_REFAULTS_H

#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

#include "abi.h"

#define GIVER_MASK (ABI_GIVERS - 1)

const volatile __u32 page_shift; /* 0: nothing is watched */

struct abi_fault_state fault_state;

/* What a new chunk begins with. */
struct abi_chunk no_stamps;

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, ABI_CHUNKS);
	__type(key, __u64); /* number of a page >> ABI_CHUNK_SHIFT */
	__type(value, struct abi_chunk);
} chunks SEC(".maps");

/* Numbers of stacks, from 1 on. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, ABI_GIVERS);
	__type(key, struct abi_giver);
	__type(value, __u32);
} givers SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct abi_fault_meter);
} fault_meters SEC(".maps");

static __always_inline struct abi_chunk *chunk_get(__u64 key, int make)
{
	struct abi_chunk *chunk = bpf_map_lookup_elem(&chunks, &key);

	if (chunk || !make)
		return chunk;
	bpf_map_update_elem(&chunks, &key, &no_stamps, BPF_NOEXIST);
	return bpf_map_lookup_elem(&chunks, &key);
}

/*
 * Stamps the pages [page, end), all of one chunk; a stamp of 0 removes their stamps.
 * Returns how many it stamped. It is a global function so that the verifier walks its loop
 * once, rather than once for each loop around it.
 */
__noinline __u64 chunk_stamp(__u64 page, __u64 end, __u64 stamp)
{
	struct abi_chunk *chunk = chunk_get(page >> ABI_CHUNK_SHIFT, stamp != 0);
	__u64 cnt = end - page, done;

	if (!chunk)
		return 0;
	for (done = 0; done < ABI_CHUNK_PAGES && done < cnt; done++) {
		__u64 place = (page + done) & (ABI_CHUNK_PAGES - 1);

		/* Otherwise clang increments a pointer whose bounds the verifier cannot tell. */
		asm volatile("" : "+r"(place));
		chunk->stamp[place] = stamp;
	}
	return done;
}

/* The same for pages of several chunks, at most ABI_GIVE_CHUNKS. */
__noinline __u64 range_stamp(__u64 page, __u64 end, __u64 stamp)
{
	__u64 done = 0;

	for (__u32 i = 0; i < ABI_GIVE_CHUNKS && page < end; i++) {
		__u64 next = ((page >> ABI_CHUNK_SHIFT) + 1) << ABI_CHUNK_SHIFT;

		if (next > end)
			next = end;
		done += chunk_stamp(page, next, stamp);
		page = next;
	}
	return done;
}

/* Like the kernel: addresses are whole pages, lengths are rounded up. */
static __always_inline __u64 page_end(__u64 addr, __u64 length)
{
	return (addr + length + (1ULL << page_shift) - 1) >> page_shift;
}

/* The first page after cnt chunks, of which the first one has `page`. */
static __always_inline __u64 chunks_end(__u64 page, __u64 cnt)
{
	return ((page >> ABI_CHUNK_SHIFT) + cnt) << ABI_CHUNK_SHIFT;
}

/* The number of a stack; 0 when there are too many stacks. */
static __always_inline __u32 giver_number(const struct abi_giver *giver)
{
	__u32 *known = bpf_map_lookup_elem(&givers, giver);

	if (known)
		return *known & GIVER_MASK;

	__u32 number = __sync_fetch_and_add(&fault_state.giver_cnt, 1) + 1;
	if (number >= ABI_GIVERS)
		return 0;
	bpf_map_update_elem(&givers, giver, &number, BPF_NOEXIST);
	known = bpf_map_lookup_elem(&givers, giver);
	return known ? *known & GIVER_MASK : 0;
}

/*
 * The target has given a range back. From the first time on there are faults to look at,
 * and the target's process id outside of namespaces is known, which is quicker to compare.
 */
static __always_inline void range_give_back(const struct abi_giver *giver, __u64 addr, __u64 length,
					    __u64 now)
{
	__u64 page = addr >> page_shift, end = page_end(addr, length);
	__u64 most = chunks_end(page, ABI_GIVE_CHUNKS);
	__u64 watched_end = end < most ? end : most;
	__u32 number = giver_number(giver) & GIVER_MASK;
	__u64 done;

	if (!fault_state.tgid)
		fault_state.tgid = bpf_get_current_pid_tgid() >> 32;
	done = range_stamp(page, watched_end, (now & ~(__u64)GIVER_MASK) | number);
	__sync_fetch_and_add(&fault_state.watched_pages, done);
	__sync_fetch_and_add(&fault_state.giver_pages[number], done);
	__sync_fetch_and_add(&fault_state.unwatched_pages[ABI_UNWATCHED_TABLE_FULL],
			     watched_end - page - done);
	__sync_fetch_and_add(&fault_state.unwatched_pages[ABI_UNWATCHED_CALL_TOO_LONG],
			     end - watched_end);
}

/* From now on something else is at these addresses, or nothing. */
static __always_inline void range_forget(__u64 addr, __u64 length, __u64 now)
{
	__u64 page = addr >> page_shift, end = page_end(addr, length);

	for (__u32 i = 0; i < ABI_FORGET_CHUNKS / ABI_GIVE_CHUNKS && page < end; i++) {
		__u64 next = chunks_end(page, ABI_GIVE_CHUNKS);

		range_stamp(page, next < end ? next : end, /* stamp */ 0);
		page = next;
	}
	if (page >= end)
		return;
	/* Too many pages to visit: no stamps are better than wrong ones. */
	fault_state.void_ns = now;
	__sync_fetch_and_add(&fault_state.voids, 1);
}

static __always_inline __u32 log2_of(__u64 value)
{
	__u32 log2 = 0;

	for (__u32 shift = 32; shift; shift >>= 1) {
		if (value >> shift) {
			value >>= shift;
			log2 += shift;
		}
	}
	return log2;
}

/* When the page was given back; at most a microsecond too early. */
static __always_inline __u64 stamp_time(__u64 stamp)
{
	return stamp & ~(__u64)GIVER_MASK;
}

static __always_inline void refault_count(__u64 stamp)
{
	__u64 given_ns = stamp_time(stamp), now = bpf_ktime_get_ns();
	__u32 zero = 0, age = log2_of(now > given_ns ? now - given_ns : 0);
	struct abi_fault_meter *meter = bpf_map_lookup_elem(&fault_meters, &zero);

	if (!meter)
		return;
	/* Atomic: another task may run here and fault in between. */
	__sync_fetch_and_add(&meter->ages[age & (ABI_AGE_BINS - 1)], 1);
	__sync_fetch_and_add(&meter->givers[stamp & GIVER_MASK], 1);
}

/* Chosen by a hash of the page, so that it does not follow a pattern of the program. */
static __always_inline int fault_is_timed(__u64 addr)
{
	return !((addr >> page_shift) * 0x9e3779b97f4a7c15 >> (64 - ABI_TIMED_SHIFT));
}

static __always_inline void fault_time(__u64 ns)
{
	__sync_fetch_and_add(&fault_state.timed, 1);
	__sync_fetch_and_add(&fault_state.timed_ns,
			     ns < ABI_TIMED_MOST_NS ? ns : ABI_TIMED_MOST_NS);
}

/* present: the page was there, and only its protection caused the fault. */
static __always_inline void fault_handle(__u64 addr, int present)
{
	__u64 page = addr >> page_shift;
	struct abi_chunk *chunk = chunk_get(page >> ABI_CHUNK_SHIFT, /* make */ 0);
	__u64 *place, stamp;

	if (!chunk)
		return;
	place = &chunk->stamp[page & (ABI_CHUNK_PAGES - 1)];
	if (!*place)
		return;
	stamp = __sync_lock_test_and_set(place, 0);
	if (stamp && stamp_time(stamp) >= fault_state.void_ns && !present)
		refault_count(stamp);
}

#endif
