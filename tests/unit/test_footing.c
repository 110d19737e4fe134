// SPDX-License-Identifier: GPL-2.0-only
/* Which candidates depend on spans that were freed after the heap was read. */
#include <stdlib.h>
#include <string.h>

#include "image.h"
#include "maps/footing.h"

enum { SPANS = 50, CANDS = 70000, MANY = 4000 };

struct fixture {
	struct image *img;
	struct footing *f;
	uint64_t addr[SPANS]; /* of an object of its own span */
	bool outdated[CANDS];
	bool again;
};

static void fixture_init(struct fixture *f)
{
	*f = (struct fixture){ .img = image_new(24, ""), .f = footing_new() };
	assert_non_null(f->f);
	for (int i = 0; i < SPANS; i++)
		f->addr[i] = image_alloc_ptrs(f->img, 8192); /* 64 KiB: a span */
	image_open(f->img);
}

static void fixture_fini(struct fixture *f)
{
	footing_free(f->f);
	image_free(f->img);
}

static const struct span *span(struct fixture *f, int i)
{
	const struct span *s = heap_span(f->img->heap, f->addr[i]);

	assert_non_null(s);
	assert_true(span_base(s) == f->addr[i]);
	return s;
}

static void add(struct fixture *f, int i, uint32_t cand)
{
	footing_add(f->f, f->img->heap, span(f, i), cand);
}

static struct err *try_check(struct fixture *f)
{
	memset(f->outdated, 0, sizeof(f->outdated));
	f->again = false;
	return footing_check(f->f, f->img->heap, &f->img->target.mem, f->outdated, &f->again);
}

static size_t check(struct fixture *f)
{
	size_t cnt = 0;

	assert_null(try_check(f));
	for (int i = 0; i < CANDS; i++)
		cnt += f->outdated[i];
	return cnt;
}

static void next_cycle(struct fixture *f)
{
	image_u32(f->img, IMAGE_MHEAP + f->img->prog.layout.mheap.sweepgen, IMAGE_SWEEPGEN + 2);
}

/* One bad span of several is enough, no matter which was noted last. */
static void who_rests_on_a_freed_span_is_outdated(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f);
	for (int turn = 0; turn < 2; turn++) {
		add(&f, 7, 3);
		add(&f, 2, 0); /* good, bad and good again */
		add(&f, 3, 0);
		add(&f, 4, 0);
		add(&f, 3, 1);
		add(&f, 4, 2);
		add(&f, 3, CANDS - 1);
		if (turn)
			image_free_span(f.img, f.addr[3]);
		assert_int_equal(check(&f), 3 * turn);
		assert_false(f.again);
		assert_int_equal(f.outdated[0], turn);
		assert_int_equal(f.outdated[1], turn);
		assert_int_equal(f.outdated[CANDS - 1], turn);
	}
	fixture_fini(&f);
}

/* What was outdated before stays outdated. */
static void doubts_are_kept(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f);
	f.outdated[0] = f.outdated[1] = true;
	add(&f, 0, 0);
	assert_null(footing_check(f.f, f.img->heap, &f.img->target.mem, f.outdated, &f.again));
	assert_true(f.outdated[0] && f.outdated[1]);
	assert_false(f.outdated[2]);
	fixture_fini(&f);
}

/* The next batch has candidates of its own. */
static void a_check_forgets_what_was_noted(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f);
	add(&f, 3, 5);
	assert_int_equal(check(&f), 0);
	image_free_span(f.img, f.addr[3]);
	assert_int_equal(check(&f), 0);
	add(&f, 4, 5);
	assert_int_equal(check(&f), 0);
	fixture_fini(&f);
}

/* So many notes that they are sorted in between: none is lost, and each span is read once. */
static void many_notes(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f);
	for (int turn = 0; turn < 3; turn++)
		for (int i = 0; i < SPANS; i++)
			for (int cand = 0; cand < MANY; cand++)
				if (cand % SPANS >= i)
					add(&f, i, cand * 7 % MANY);
	assert_true(f.f->pairs.len < 3 * SPANS * MANY / 2);
	for (int i = 5; i < SPANS; i += 10)
		image_free_span(f.img, f.addr[i]);

	uint64_t reads = f.img->reads;
	check(&f);
	assert_true(f.img->reads - reads <= SPANS + 2);
	for (int cand = 0; cand < MANY; cand++)
		assert_int_equal(f.outdated[cand * 7 % MANY], cand % SPANS >= 5);

	/* Only the last span is freed. That matters only to those that depend on it. */
	image_free_span(f.img, f.addr[SPANS - 1]);
	for (int cand = 0; cand < MANY; cand++)
		add(&f, cand % 3 ? SPANS - 1 : 0, cand);
	assert_int_equal(check(&f), MANY - (MANY + 2) / 3);
	for (int cand = 0; cand < MANY; cand++)
		assert_int_equal(f.outdated[cand], cand % 3 != 0);
	fixture_fini(&f);
}

/* In another cycle too few spans were noted. The check says so once, and says nothing else
 * then. */
static void another_cycle_needs_all_spans(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f);
	next_cycle(&f);
	image_free_span(f.img, f.addr[1]);
	footing_note(f.f, f.img->heap, span(&f, 1), 4);
	assert_int_equal(f.f->pairs.len, 0); /* it was swept, so it stays in this cycle */
	add(&f, 1, 4);
	assert_int_equal(check(&f), 0);
	assert_true(f.again);
	for (int turn = 0; turn < 2; turn++) {
		footing_note(f.f, f.img->heap, span(&f, 0), 0);
		footing_note(f.f, f.img->heap, span(&f, 1), 3);
		assert_int_equal(check(&f), 1);
		assert_false(f.again);
		assert_true(f.outdated[3]);
	}
	fixture_fini(&f);
}

/* A note that there was no memory for may be the one that matters. */
static void a_lost_note_is_an_error(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f);
	add(&f, 0, 0);
	f.f->incomplete = true; /* as footing_add() sets it */
	_cleanup_err_ struct err *err = try_check(&f);
	assert_true(err_is(err, ERR_NOMEM));
	fixture_fini(&f);
}

static void an_exit_is_told(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f);
	add(&f, 0, 0);
	f.img->gone = true;
	_cleanup_err_ struct err *err = try_check(&f);
	assert_true(err_is(err, ERR_GONE));
	fixture_fini(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_rests_on_a_freed_span_is_outdated),
		cmocka_unit_test(doubts_are_kept),
		cmocka_unit_test(a_check_forgets_what_was_noted),
		cmocka_unit_test(many_notes),
		cmocka_unit_test(another_cycle_needs_all_spans),
		cmocka_unit_test(a_lost_note_is_an_error),
		cmocka_unit_test(an_exit_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
