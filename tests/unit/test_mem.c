// SPDX-License-Identifier: GPL-2.0-only
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "process/mem.h"

/* A remote process of bytes, some of which are not mapped. */
struct remote {
	uint64_t base;
	size_t len;
	uint8_t *bytes;
	bool *hole;
	uint64_t reads; /* number of single reads */
	uint64_t largest;
	bool gone;
};

static bool is_mapped(const struct remote *r, uint64_t addr, uint64_t len)
{
	if (addr < r->base || addr - r->base > r->len || len > r->len - (addr - r->base))
		return false;
	for (uint64_t i = 0; i < len; i++)
		if (r->hole[addr - r->base + i])
			return false;
	return true;
}

static struct err *remote_read_reqs(struct mem *mem, struct mem_req *reqs, size_t n)
{
	struct remote *r = mem->ctx;

	if (r->gone)
		return err_new(ERR_GONE, "the process has exited");
	for (size_t i = 0; i < n; i++) {
		r->reads++;
		r->largest = reqs[i].len > r->largest ? reqs[i].len : r->largest;
		reqs[i].ok = is_mapped(r, reqs[i].addr, reqs[i].len);
		if (reqs[i].ok)
			memcpy(reqs[i].dst, r->bytes + (reqs[i].addr - r->base), reqs[i].len);
		else
			memset(reqs[i].dst, 0xa5, reqs[i].len);
	}
	return NULL;
}

static struct mem remote_init(struct remote *r, uint64_t base, size_t len)
{
	*r = (struct remote){
		.base = base,
		.len = len,
		.bytes = malloc(len),
		.hole = calloc(len, sizeof(bool)),
	};
	assert_non_null(r->bytes);
	assert_non_null(r->hole);
	for (size_t i = 0; i < len; i++)
		r->bytes[i] = i * 2654435761u >> 13;
	return (struct mem){ .read_reqs = remote_read_reqs, .ctx = r };
}

static void remote_fini(struct remote *r)
{
	free(r->bytes);
	free(r->hole);
}

static void punch(struct remote *r, uint64_t off, uint64_t len)
{
	memset(r->hole + off, true, len);
}

/* Each request has a buffer of exactly its length, so that the address sanitizer sees a byte too
 * many. */
static struct mem_req req_of(uint64_t addr, uint32_t len)
{
	void *dst = malloc(len ? len : 1);

	assert_non_null(dst);
	return (struct mem_req){ .addr = addr, .len = len, .dst = dst };
}

/* Expects what is there to have arrived. The requests may be in another order now. */
static void expect_truth(const struct remote *r, struct mem_req *reqs, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		bool mapped = is_mapped(r, reqs[i].addr, reqs[i].len);

		assert_int_equal(reqs[i].ok, mapped);
		if (mapped)
			assert_memory_equal(reqs[i].dst, r->bytes + (reqs[i].addr - r->base),
					    reqs[i].len);
		free(reqs[i].dst);
	}
}

static void gather_all(struct mem *mem, struct mem_req *reqs, size_t n)
{
	assert_null(mem_gather(mem, reqs, n));
	expect_truth(mem->ctx, reqs, n);
}

static void gathers_nothing(void **state)
{
	struct remote r;
	_cleanup_(mem_fini) struct mem mem = remote_init(&r, 0x1000, 16);

	(void)state;
	gather_all(&mem, NULL, 0);
	remote_fini(&r);
}

static void gathers_in_any_order(void **state)
{
	struct remote r;
	_cleanup_(mem_fini) struct mem mem = remote_init(&r, 0xc000000000, 1 << 20);
	struct mem_req reqs[] = {
		req_of(0xc000080000, 48), req_of(0xc000000000, 48), req_of(0xc0000fffd0, 48),
		req_of(0xc000040000, 8),  req_of(0xc000000030, 48),
	};

	(void)state;
	gather_all(&mem, reqs, 5);
	remote_fini(&r);
}

static void gathers_overlaps_and_repeats(void **state)
{
	struct remote r;
	_cleanup_(mem_fini) struct mem mem = remote_init(&r, 0x1000, 4096);
	struct mem_req reqs[] = {
		req_of(0x1100, 64), req_of(0x1120, 64),	  req_of(0x1100, 64),
		req_of(0x1100, 8),  req_of(0x1000, 2048), req_of(0x1137, 1),
	};

	(void)state;
	gather_all(&mem, reqs, 6);
	remote_fini(&r);
}

/* A thousand neighbours take one read, not a thousand. */
static void merges_neighbours(void **state)
{
	struct remote r;
	_cleanup_(mem_fini) struct mem mem = remote_init(&r, 0x1000, 48000);
	struct mem_req reqs[1000];

	(void)state;
	for (size_t i = 0; i < 1000; i++)
		reqs[i] = req_of(0x1000 + 48 * i, 48);
	gather_all(&mem, reqs, 1000);
	assert_in_range(r.reads, 1, 2);
	remote_fini(&r);
}

/* Objects far from each other are not read together with everything between them. */
static void leaves_distant_requests_apart(void **state)
{
	struct remote r;
	_cleanup_(mem_fini) struct mem mem = remote_init(&r, 0, 1 << 20);
	struct mem_req reqs[64];

	(void)state;
	for (size_t i = 0; i < 64; i++)
		reqs[i] = req_of(i * 16384, 16);
	gather_all(&mem, reqs, 64);
	assert_int_equal(r.largest, 16);
	remote_fini(&r);
}

/* The gap between two requests is read with them. When only the gap is not mapped, both must
 * still arrive. */
static void a_hole_in_a_gap_costs_nothing(void **state)
{
	struct remote r;
	_cleanup_(mem_fini) struct mem mem = remote_init(&r, 0x1000, 4096);
	struct mem_req reqs[] = { req_of(0x1000, 64), req_of(0x1080, 64), req_of(0x1100, 64) };

	(void)state;
	punch(&r, 0x50, 0x10);
	gather_all(&mem, reqs, 3);
	remote_fini(&r);
}

static void a_hole_in_a_request_fails_that_one(void **state)
{
	struct remote r;
	_cleanup_(mem_fini) struct mem mem = remote_init(&r, 0x1000, 4096);
	struct mem_req reqs[] = { req_of(0x1000, 64), req_of(0x1040, 64), req_of(0x1080, 64),
				  req_of(0x1800, 8) };

	(void)state;
	punch(&r, 0x7f, 1); /* the last byte of the second one */
	gather_all(&mem, reqs, 4);
	remote_fini(&r);
}

static void single_requests_may_fail(void **state)
{
	struct remote r;
	_cleanup_(mem_fini) struct mem mem = remote_init(&r, 0x100000, 4096);
	struct mem_req reqs[] = {
		req_of(0, 8),
		req_of(0x100000, 8),
		req_of(0x100ffc, 8),
		req_of(UINT64_MAX - 3, 8), /* wraps */
		req_of(UINT64_MAX - 600, 8),
	};

	(void)state;
	gather_all(&mem, reqs, 5);
	remote_fini(&r);
}

/* More runs than one batch holds, and failures in several batches. */
static void gathers_more_than_a_batch(void **state)
{
	enum { N = 2000 };
	struct remote r;
	_cleanup_(mem_fini) struct mem mem = remote_init(&r, 0, N * 2048);
	struct mem_req *reqs = calloc(N, sizeof(*reqs));

	(void)state;
	assert_non_null(reqs);
	for (size_t i = 0; i < N; i++)
		reqs[i] = req_of((i * 1237 % N) * 2048, 24);
	for (size_t i = 0; i < N; i += 97)
		punch(&r, i * 2048 + 3, 2);
	gather_all(&mem, reqs, N);
	free(reqs);
	remote_fini(&r);
}

/* Requests in any order, also with equal addresses, near each other or as far as possible. */
static void addresses_may_be_any(void **state)
{
	enum { N = 3000, LEN = 1 << 16 };
	uint64_t random = 1;

	(void)state;
	for (int wide = 0; wide < 2; wide++) {
		struct remote r;
		_cleanup_(mem_fini) struct mem mem = remote_init(&r, 0xc000000000, LEN);
		struct mem_req *reqs = calloc(N, sizeof(*reqs));

		assert_non_null(reqs);
		for (size_t i = 0; i < N; i++) {
			random = random * 6364136223846793005 + 1442695040888963407;
			bool far = wide && i % 3 == 0;
			reqs[i] = req_of(far ? random : r.base + (random >> 40) % (LEN + 99),
					 1 + i % 99);
		}
		gather_all(&mem, reqs, N);
		for (size_t i = 1; i < N; i++)
			assert_true(reqs[i - 1].addr <= reqs[i].addr);
		free(reqs);
		remote_fini(&r);
	}
}

/* Merged runs with far more bytes than the scratch buffer has. */
static void gathers_more_than_the_scratch_buffer(void **state)
{
	enum { N = 4096, SZ = 1024 };
	struct remote r;
	_cleanup_(mem_fini) struct mem mem = remote_init(&r, 0, N * SZ);
	struct mem_req *reqs = calloc(N, sizeof(*reqs));

	(void)state;
	assert_non_null(reqs);
	for (size_t i = 0; i < N; i++)
		reqs[i] = req_of(i * SZ, SZ);
	gather_all(&mem, reqs, N);
	free(reqs);
	remote_fini(&r);
}

/* A request that is larger than all buffers, with small ones inside of it. */
static void a_huge_request_may_hold_small_ones(void **state)
{
	struct remote r;
	_cleanup_(mem_fini) struct mem mem = remote_init(&r, 0x1000, 4 << 20);
	struct mem_req reqs[] = { req_of(0x1000, 3 << 20), req_of(0x1000, 8), req_of(0x1010, 8),
				  req_of(0x101000, 64) };

	(void)state;
	gather_all(&mem, reqs, 4);
	remote_fini(&r);
}

static uint32_t next_random(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 8;
}

static void random_requests_over_random_holes(void **state)
{
	enum { LEN = 1 << 18, ROUNDS = 60 };
	uint32_t seed = 1;

	(void)state;
	for (int round = 0; round < ROUNDS; round++) {
		struct remote r;
		_cleanup_(mem_fini) struct mem mem = remote_init(&r, 0x7000, LEN);
		size_t n = next_random(&seed) % 1500;
		uint32_t spread = 1 + next_random(&seed) % LEN;
		struct mem_req *reqs = calloc(n + 1, sizeof(*reqs));

		assert_non_null(reqs);
		for (uint32_t i = next_random(&seed) % 40; i; i--)
			punch(&r, next_random(&seed) % (LEN - 700), 1 + next_random(&seed) % 700);
		for (size_t i = 0; i < n; i++)
			reqs[i] = req_of(0x6f80 + next_random(&seed) % spread,
					 1 + next_random(&seed) % (i % 16 ? 200 : 4000));
		gather_all(&mem, reqs, n);
		free(reqs);
		remote_fini(&r);
	}
}

static void an_error_of_the_reader_ends_it(void **state)
{
	struct remote r;
	_cleanup_(mem_fini) struct mem mem = remote_init(&r, 0x1000, 64);
	uint8_t byte;
	struct mem_req req = { .addr = 0x1000, .len = 1, .dst = &byte };

	(void)state;
	r.gone = true;
	_cleanup_err_ struct err *gather = mem_gather(&mem, &req, 1);
	_cleanup_err_ struct err *read = mem_read(&mem, 0x1000, &byte, 1);
	assert_true(err_is(gather, ERR_GONE));
	assert_true(err_is(read, ERR_GONE));
	remote_fini(&r);
}

static void reads_all_or_faults(void **state)
{
	struct remote r;
	_cleanup_(mem_fini) struct mem mem = remote_init(&r, 0x1000, 64);
	uint8_t buf[64];
	uint64_t word = 7;

	(void)state;
	assert_null(mem_read(&mem, 0x1000, buf, 64));
	assert_memory_equal(buf, r.bytes, 64);
	assert_null(mem_read_u64(&mem, 0x1008, &word));
	assert_memory_equal(&word, r.bytes + 8, 8);
	assert_null(mem_read(&mem, 0xdead, buf, 0));

	_cleanup_err_ struct err *err = mem_read(&mem, 0x1001, buf, 64);
	assert_true(err_is(err, ERR_FAULT));
	assert_true(err->addr == 0x1001);
	assert_string_equal(err->msg, "cannot read 64 bytes at 0x1001");
	remote_fini(&r);
}

/* ---- A real process: this one ---- */

/* The middle one of three pages is a hole: every eighth request is in it, and another eighth
 * reaches into it. */
static size_t request_offset(size_t i, size_t page)
{
	switch (i % 8) {
	case 3:
		return page + i;
	case 5:
		return page - 1;
	default:
		return i % 2 ? 2 * page + i : i;
	}
}

static void the_kernel_settles_each_request(void **state)
{
	enum { N = 1500 };
	size_t page = sysconf(_SC_PAGESIZE);
	uint8_t *p =
		mmap(NULL, 3 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint16_t out[N];
	struct mem_req reqs[N];
	struct mem mem;

	(void)state;
	assert_ptr_not_equal(p, MAP_FAILED);
	for (size_t i = 0; i < 3 * page; i++)
		p[i] = i * 31 >> 3;
	assert_int_equal(mprotect(p + page, page, PROT_NONE), 0);
	mem_init_process(&mem, getpid());
	for (size_t i = 0; i < N; i++)
		reqs[i] = (struct mem_req){
			.addr = (uint64_t)(uintptr_t)p + request_offset(i, page),
			.len = 2,
			.dst = &out[i],
		};
	assert_null(mem.read_reqs(&mem, reqs, N));
	for (size_t i = 0; i < N; i++) {
		assert_int_equal(reqs[i].ok, i % 8 != 3 && i % 8 != 5);
		if (reqs[i].ok)
			assert_memory_equal(&out[i], (void *)(uintptr_t)reqs[i].addr, 2);
	}
	assert_true(mem.bytes_read >= 2 * (N - N / 4));
	munmap(p, 3 * page);
}

/* All reads end, also those of other threads, which have readers of their own. */
static void a_signal_ends_all_reads(void **state)
{
	volatile bool stop = false;
	uint64_t word = 4711, got = 0;
	struct mem mem;

	(void)state;
	mem_init_process(&mem, getpid());
	mem.stop = &stop;
	struct mem part = mem_split(&mem);
	assert_null(mem_read_u64(&part, (uintptr_t)&word, &got));
	assert_int_equal(got, 4711);
	stop = true;
	for (int i = 0; i < 2; i++) {
		struct mem *m = i ? &part : &mem;
		struct mem_req req = { (uintptr_t)&word, 8, false, &got };
		_cleanup_err_ struct err *err = mem_read_u64(m, (uintptr_t)&word, &got);
		_cleanup_err_ struct err *gather = mem_gather(m, &req, 1);

		assert_true(err_is(err, ERR_STOPPED));
		assert_true(err_is(gather, ERR_STOPPED));
	}
	mem_join(&mem, &part);
	mem_fini(&mem);
}

static void a_dead_process_is_gone(void **state)
{
	struct mem mem;
	uint64_t word;
	pid_t child = fork();

	(void)state;
	if (!child)
		_exit(0);
	assert_int_equal(waitpid(child, NULL, 0), child);
	mem_init_process(&mem, child);
	_cleanup_err_ struct err *err = mem_read_u64(&mem, (uintptr_t)&word, &word);
	assert_true(err_is(err, ERR_GONE));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gathers_nothing),
		cmocka_unit_test(gathers_in_any_order),
		cmocka_unit_test(gathers_overlaps_and_repeats),
		cmocka_unit_test(merges_neighbours),
		cmocka_unit_test(leaves_distant_requests_apart),
		cmocka_unit_test(a_hole_in_a_gap_costs_nothing),
		cmocka_unit_test(a_hole_in_a_request_fails_that_one),
		cmocka_unit_test(single_requests_may_fail),
		cmocka_unit_test(gathers_more_than_a_batch),
		cmocka_unit_test(addresses_may_be_any),
		cmocka_unit_test(gathers_more_than_the_scratch_buffer),
		cmocka_unit_test(a_huge_request_may_hold_small_ones),
		cmocka_unit_test(random_requests_over_random_holes),
		cmocka_unit_test(an_error_of_the_reader_ends_it),
		cmocka_unit_test(reads_all_or_faults),
		cmocka_unit_test(the_kernel_settles_each_request),
		cmocka_unit_test(a_signal_ends_all_reads),
		cmocka_unit_test(a_dead_process_is_gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
