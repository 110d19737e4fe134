// SPDX-License-Identifier: GPL-2.0-only
/* The collector's counters, from a memstats, gcController and work that are made up. */
#include <string.h>

#include "image.h"

#include "heap/gcstats.h"

#define MEMSTATS 0x800000ull
#define CONTROLLER 0x810000ull
#define WORK 0x820000ull

enum { MIB = 1 << 20 };

struct runtime {
	struct image *img;
	const struct gc_layout *l;
	struct gcstats g;
};

static void put_cycles(struct runtime *r, uint32_t cycles, uint64_t pause_ns)
{
	uint32_t kept = cycles < GC_RING ? cycles : GC_RING;

	image_u32(r->img, MEMSTATS + r->l->numgc, cycles);
	image_u64(r->img, MEMSTATS + r->l->pause_total_ns, cycles * pause_ns);
	for (uint32_t i = 0; i < kept; i++) {
		uint32_t at = (cycles - 1 - i) % GC_RING;

		image_u64(r->img, MEMSTATS + r->l->pause_ns + 8 * at, pause_ns);
		image_u64(r->img, MEMSTATS + r->l->pause_end + 8 * at, 1000000 + cycles - i);
	}
	image_u64(r->img, MEMSTATS + r->l->last_gc_unix, cycles ? 1000000 + cycles : 0);
}

static void put_share(struct runtime *r, uint64_t gc, uint64_t idle, uint64_t all)
{
	double share = (double)(gc - idle) / (double)all;

	image_u64(r->img, WORK + r->l->cpu_gc, gc);
	image_u64(r->img, WORK + r->l->cpu_gc_idle, idle);
	image_u64(r->img, WORK + r->l->cpu_all, all);
	image_write(r->img, MEMSTATS + r->l->cpu_fraction, &share, sizeof(share));
}

static void runtime_make(struct runtime *r, unsigned int minor)
{
	r->img = image_new(minor, "");
	r->l = &r->img->prog.layout.gc;
	r->g = (struct gcstats){ &r->img->prog, MEMSTATS, CONTROLLER, WORK, 0 };
	image_zero(r->img, MEMSTATS, 16384);
	image_zero(r->img, CONTROLLER, 4096);
	image_zero(r->img, WORK, 4096);
	put_cycles(r, 3, 100);
	image_u32(r->img, CONTROLLER + r->l->percent, 100);
	image_u64(r->img, CONTROLLER + r->l->memory_limit, INT64_MAX);
	image_u64(r->img, CONTROLLER + r->l->triggered, UINT64_MAX);
	image_u64(r->img, CONTROLLER + r->l->percent_goal, 40 * MIB);
	image_u64(r->img, CONTROLLER + r->l->heap_marked, 20 * MIB);
	image_u64(r->img, CONTROLLER + r->l->heap_in_use, 24 * MIB);
	image_u64(r->img, CONTROLLER + r->l->mapped_ready, 30 * MIB);
	image_u64(r->img, CONTROLLER + r->l->total_alloc, 22 * MIB);
	if (minor > 19)
		put_share(r, 700, 100, 9000);
}

static struct gc_sample sample(struct runtime *r)
{
	struct gc_sample s;
	struct err *err = gcstats_read(&r->g, &s);

	if (err)
		fail_msg("%s", err->msg);
	return s;
}

static void expect_contradiction(struct runtime *r, const char *part)
{
	struct gc_sample s = { .cycles = 7 };
	_cleanup_err_ struct err *err = gcstats_read(&r->g, &s);

	assert_true(err_is(err, ERR_FORMAT));
	if (!strstr(err->msg, part))
		fail_msg("'%s' does not say '%s'", err->msg, part);
	assert_int_equal(s.cycles, 7);
}

static void reads_all(void **state)
{
	struct runtime r;

	(void)state;
	runtime_make(&r, 24);
	struct gc_sample s = sample(&r);
	assert_int_equal(s.cycles, 3);
	assert_int_equal(s.pause_total_ns, 300);
	assert_int_equal(s.last_gc_unix_ns, 1000003);
	assert_int_equal(s.percent, 100);
	assert_true(s.heap_goal_bytes == 40 * MIB && s.heap_marked_bytes == 20 * MIB);
	assert_true(s.cpu_known && s.cpu_gc_ns == 600 && s.cpu_all_ns == 9000);
	image_free(r.img);
}

static void goals(void **state)
{
	struct runtime r;

	(void)state;
	runtime_make(&r, 24);
	image_u64(r.img, CONTROLLER + r.l->sweep_min_trigger, 41 * MIB);
	assert_true(sample(&r).heap_goal_bytes == 41 * MIB);
	image_u64(r.img, CONTROLLER + r.l->triggered, 42 * MIB);
	assert_true(sample(&r).heap_goal_bytes == 42 * MIB + (64 << 10));
	/* 8 MiB are not heap: a limit of 36 MiB leaves 28, less 1 MiB. */
	image_u64(r.img, CONTROLLER + r.l->memory_limit, 36 * MIB);
	assert_true(sample(&r).heap_goal_bytes == 27 * MIB);
	image_u64(r.img, CONTROLLER + r.l->memory_limit, 5 * MIB);
	assert_true(sample(&r).heap_goal_bytes == 20 * MIB);
	image_free(r.img);
}

/* While a cycle runs, its pauses are in the collector's time but not yet in the share. */
static void a_running_cycle_counts_when_it_ends(void **state)
{
	struct runtime r;

	(void)state;
	runtime_make(&r, 24);
	image_u64(r.img, WORK + r.l->cpu_gc, 750);
	struct gc_sample s = sample(&r);
	assert_true(s.cpu_known && s.cpu_gc_ns == 600 && s.cpu_all_ns == 9000);
	image_u64(r.img, WORK + r.l->cpu_gc, 650); /* less than before */
	s = sample(&r);
	assert_false(s.cpu_known);
	assert_int_equal(s.cycles, 3);
	image_free(r.img);
}

static void end_of_cycle(struct image *img, const struct mem_req *req)
{
	struct runtime *r = img->hook_ctx;

	/* The cycle ends before the third read. */
	if (image_covers(req, MEMSTATS + r->l->numgc) && img->reads == 2)
		put_cycles(r, 4, 100);
}

static void a_torn_read_is_read_again(void **state)
{
	struct runtime r;

	(void)state;
	runtime_make(&r, 24);
	image_u64(r.img, MEMSTATS + r.l->last_gc_unix, 1000004); /* of a cycle that is not counted
								  * yet */
	r.img->hook = end_of_cycle;
	r.img->hook_ctx = &r;
	assert_int_equal(sample(&r).cycles, 4);
	image_free(r.img);
}

static void refuses_contradictions(void **state)
{
	struct runtime r;

	(void)state;
	runtime_make(&r, 24);
	image_u64(r.img, MEMSTATS + r.l->pause_ns + 8 * 100, 5);
	expect_contradiction(&r, "sum of the pauses");
	image_u64(r.img, MEMSTATS + r.l->pause_ns + 8 * 100, 301);
	expect_contradiction(&r, "longer than all");
	image_u64(r.img, MEMSTATS + r.l->pause_ns + 8 * 100, 0);
	image_u32(r.img, MEMSTATS + r.l->numforcedgc, 4);
	expect_contradiction(&r, "forced");
	image_u32(r.img, MEMSTATS + r.l->numforcedgc, 0);
	image_u64(r.img, MEMSTATS + r.l->cpu_fraction, 0x7ff8000000000000);
	expect_contradiction(&r, "share");
	put_share(&r, 700, 100, 9000);
	image_u64(r.img, CONTROLLER + r.l->heap_in_use, 24 * MIB + 1);
	expect_contradiction(&r, "parts of pages");
	image_u64(r.img, CONTROLLER + r.l->heap_in_use, 24 * MIB);
	image_u64(r.img, CONTROLLER + r.l->memory_limit, 0);
	expect_contradiction(&r, "limit");
	image_free(r.img);
}

static void windows(void **state)
{
	struct runtime r;
	struct gc_window w;

	(void)state;
	runtime_make(&r, 24);
	struct gc_sample from = sample(&r);
	assert_true(gc_window(&from, &from, &w));
	assert_true(!w.cycles && !w.cpu_share_known && w.pause_max_known);

	put_cycles(&r, 10, 100);
	image_u64(r.img, MEMSTATS + r.l->pause_ns + 8 * 5, 400);
	image_u64(r.img, MEMSTATS + r.l->pause_total_ns, 1300);
	put_share(&r, 1500, 400, 19000);
	struct gc_sample to = sample(&r);
	assert_true(gc_window(&from, &to, &w));
	assert_int_equal(w.cycles, 7);
	assert_int_equal(w.pause_total_ns, 1000);
	assert_int_equal(w.pause_max_ns, 400);
	assert_int_equal(w.pause_last_ns, 100);
	assert_true(w.cpu_share_known && w.cpu_share == 0.05);
	assert_false(gc_window(&to, &from, &w));

	put_cycles(&r, 1000, 100);
	to = sample(&r);
	assert_true(gc_window(&from, &to, &w));
	assert_true(w.cycles == 997 && !w.pause_max_known);
	image_free(r.img);
}

static void go_1_19_keeps_the_collectors_time_only(void **state)
{
	double share = 0.25;
	struct runtime r;

	(void)state;
	runtime_make(&r, 19);
	image_u64(r.img, WORK + r.l->cpu_gc_1_19, 1000);
	image_write(r.img, MEMSTATS + r.l->cpu_fraction, &share, sizeof(share));
	struct gc_sample s = sample(&r);
	assert_true(s.cpu_known && s.cpu_gc_ns == 1000 && s.cpu_all_ns == 4000);
	image_free(r.img);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_all),
		cmocka_unit_test(goals),
		cmocka_unit_test(a_running_cycle_counts_when_it_ends),
		cmocka_unit_test(a_torn_read_is_read_again),
		cmocka_unit_test(refuses_contradictions),
		cmocka_unit_test(windows),
		cmocka_unit_test(go_1_19_keeps_the_collectors_time_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
