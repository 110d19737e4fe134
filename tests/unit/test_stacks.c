// SPDX-License-Identifier: GPL-2.0-only
/* Maps whose headers are on goroutine stacks: which are found, and what is not a map. */
#include <stdlib.h>

#include "heap/sizeclass.h"
#include "image.h"
#include "maps/stacks.h"

enum { STACK = 8192, USED = 1024, KEYS = 300 };

static const struct version {
	unsigned int minor;
	const char *experiments;
} versions[] = {
	{ 19, "" },	      { 21, "" }, { 22, "" }, { 23, "" }, { 24, "" },
	{ 25, "noswissmap" }, { 25, "" }, { 26, "" }, { 27, "" },
};

static struct image_type int_to_int = { .name = "map[int]int", .key_sz = 8, .elem_sz = 8 };

static bool is_classic(const struct image *img)
{
	return img->prog.layout.kind == MAP_CLASSIC;
}

static struct image *new_image(const struct version *v)
{
	struct image *img = image_new(v->minor, v->experiments);

	image_add_type(img, &int_to_int);
	return img;
}

static uint64_t large_map(struct image *img, unsigned int keys)
{
	const struct image_table tables[] = {
		{ .local_depth = 1, .capacity = 1024, .used = keys / 2 },
		{ .local_depth = 1, .capacity = 1024, .used = keys - keys / 2 },
	};

	return is_classic(img) ? image_classic_map(img, &int_to_int, 7, keys)
			       : image_swiss_map(img, &int_to_int, 1, tables, 2);
}

/* The array of buckets, or the directory. */
static uint64_t tables_of(struct image *img, uint64_t map)
{
	return image_get_u64(img, map + 16);
}

static void copy_header(struct image *img, uint64_t map, uint64_t to)
{
	for (uint32_t off = 0; off < MAP_HEADER_SZ_MAX; off += 8)
		image_u64(img, to + off, image_get_u64(img, map + off));
}

static struct census *take(struct image *img)
{
	image_open(img);
	return image_census(img);
}

static void done(struct image *img, struct census *census)
{
	census_free(census);
	image_free(img);
}

/* The only map there is. */
static void one_map(struct census *census, uint64_t addr, enum map_place place)
{
	assert_int_equal(census->maps.len, 1);
	assert_true(census_map(census, 0).addr == addr);
	assert_int_equal(census_map(census, 0).on_stack, place);
	assert_int_equal(census_map(census, 0).live_keys, KEYS);
	assert_int_equal(census_map(census, 0).consistency, MAP_EXACT);
	assert_int_equal(census->lookalike_cnt, 0);
}

static void a_header_in_a_frame(void **state)
{
	(void)state;
	for (size_t v = 0; v < CNT(versions); v++) {
		struct image *img = new_image(&versions[v]);
		uint64_t hi = image_add_goroutine(img, IMAGE_G_WAITING, STACK, USED);

		image_add_goroutine(img, IMAGE_G_DEAD, STACK, USED);
		image_move_header(img, large_map(img, KEYS), hi - USED);
		struct census *census = take(img);
		one_map(census, hi - USED, MAP_ON_STACK);
		assert_true(census_map(census, 0).table_bytes > 1024 * 16);
		assert_int_equal(stacks_goroutine_cnt(census->stacks), 1);
		assert_null(stacks_refusal(census->stacks));
		done(img, census);
	}
}

/* Below the frames there is what ended calls left. Only a running goroutine may have a frame
 * there. */
static void a_header_below_the_frames(void **state)
{
	(void)state;
	for (size_t v = 0; v < CNT(versions); v++) {
		for (uint32_t status = IMAGE_G_RUNNING; status <= IMAGE_G_DEAD; status += 2) {
			struct image *img = new_image(&versions[v]);
			uint64_t hi = image_add_goroutine(img, status, STACK, USED);
			uint64_t at = hi - USED - 8;

			image_add_goroutine(img, IMAGE_G_WAITING, STACK, USED);
			image_move_header(img, large_map(img, KEYS), at);
			struct census *census = take(img);
			if (status == IMAGE_G_RUNNING)
				one_map(census, at, MAP_ON_RUNNING_STACK);
			else
				assert_int_equal(census->maps.len, 0);
			done(img, census);
		}
	}
}

/* A map that is in the frame as a whole, and one whose only group is on the heap, which no
 * compiler makes. */
static void small_maps_are_none(void **state)
{
	(void)state;
	for (size_t v = 0; v < CNT(versions); v++) {
		struct image *img = new_image(&versions[v]);
		uint64_t hi = image_add_goroutine(img, IMAGE_G_WAITING, STACK, USED);
		uint64_t map = is_classic(img) ? image_classic_map(img, &int_to_int, 0, 5)
					       : image_swiss_small(img, &int_to_int, 5);
		uint64_t other = large_map(img, 5);

		image_move_header(img, map, hi - 512);
		image_u64(img, other + 16, hi - 256);
		image_move_header(img, other, hi - 128);
		struct census *census = take(img);
		assert_int_equal(census->maps.len, 0);
		assert_int_equal(census->lookalike_cnt, 0);
		done(img, census);
	}
}

/* Copies of a header: the one on the heap has the tables. */
static void tables_have_one_header(void **state)
{
	(void)state;
	for (size_t v = 0; v < CNT(versions); v++) {
		struct image *img = new_image(&versions[v]);
		uint64_t hi = image_add_goroutine(img, IMAGE_G_WAITING, STACK, USED);
		uint64_t map = large_map(img, KEYS);

		copy_header(img, map, hi - 256);
		struct census *census = take(img);
		one_map(census, map, MAP_ON_HEAP);
		done(img, census);
	}
}

static void the_likeliest_of_copies(void **state)
{
	(void)state;
	for (size_t v = 0; v < CNT(versions); v++) {
		for (int waits = 0; waits <= 1; waits++) {
			struct image *img = new_image(&versions[v]);
			uint64_t running = image_add_goroutine(img, IMAGE_G_RUNNING, STACK, USED);
			uint64_t waiting = image_add_goroutine(img, IMAGE_G_WAITING, STACK, USED);
			uint64_t map = large_map(img, KEYS);

			copy_header(img, map, running - 4096);
			if (waits)
				copy_header(img, map, waiting - 512);
			image_move_header(img, map, running - 512);
			struct census *census = take(img);
			if (waits)
				one_map(census, waiting - 512, MAP_ON_STACK);
			else
				one_map(census, running - 512, MAP_ON_RUNNING_STACK);
			done(img, census);
		}
	}
}

/* A variable that is not used any more: its table was freed, or will be. */
static void dead_variables(void **state)
{
	(void)state;
	for (size_t v = 0; v < CNT(versions); v++) {
		for (int freed = 0; freed <= 1; freed++) {
			struct image *img = new_image(&versions[v]);
			uint64_t hi = image_add_goroutine(img, IMAGE_G_WAITING, STACK, USED);
			uint64_t map = large_map(img, KEYS), tables = tables_of(img, map);
			struct image_span *s = image_span_of(img, tables);

			if (freed)
				image_zero(img, s->alloc_bits, 64);
			else
				s->sweepgen = IMAGE_SWEEPGEN - 2;
			image_move_header(img, map, hi - 512);
			struct census *census = take(img);
			assert_int_equal(census->maps.len, !freed);
			if (!freed)
				assert_true(census_map(census, 0).garbage);
			done(img, census);
		}
	}
}

static void a_live_table_in_an_unswept_span(void **state)
{
	(void)state;
	for (size_t v = 0; v < CNT(versions); v++) {
		struct image *img = new_image(&versions[v]);
		uint64_t hi = image_add_goroutine(img, IMAGE_G_WAITING, STACK, USED);
		uint64_t map = large_map(img, KEYS), tables = tables_of(img, map);

		image_span_of(img, tables)->sweepgen = IMAGE_SWEEPGEN - 2;
		image_mark(img, tables);
		image_move_header(img, map, hi - 512);
		struct census *census = take(img);
		one_map(census, hi - 512, MAP_ON_STACK);
		assert_false(census_map(census, 0).garbage);
		done(img, census);
	}
}

/* The span was swept after the heap was read: its old bitmap is used for something else now. */
static void bitmaps_that_were_exchanged(void **state)
{
	(void)state;
	for (size_t v = 0; v < CNT(versions); v++) {
		struct image *img = new_image(&versions[v]);
		uint64_t hi = image_add_goroutine(img, IMAGE_G_WAITING, STACK, USED);
		uint64_t map = large_map(img, KEYS), tables = tables_of(img, map);
		struct image_span *s = image_span_of(img, tables);
		uint64_t old = s->alloc_bits, now = s->mark_bits;

		image_u8(img, now, image_get_u8(img, old));
		image_move_header(img, map, hi - 512);
		image_open(img);
		image_u64(img, s->mspan + img->prog.layout.mspan.alloc_bits, now);
		image_u64(img, s->mspan + img->prog.layout.mspan.gcmark_bits, old);
		image_zero(img, old, 64);
		struct census *census = image_census(img);
		one_map(census, hi - 512, MAP_ON_STACK);
		done(img, census);
	}
}

/* Zeroes could be buckets without keys, but the end of the array tells. */
static void emptied_classic_buckets(void **state)
{
	(void)state;
	for (size_t v = 0; v < CNT(versions); v++) {
		for (int marked = 0; marked <= 1; marked++) {
			struct image *img = new_image(&versions[v]);
			uint64_t hi = image_add_goroutine(img, IMAGE_G_WAITING, STACK, USED);

			if (is_classic(img)) {
				uint64_t map = image_classic_map(img, &int_to_int, 7, 0);
				uint64_t array = tables_of(img, map);
				uint64_t last = array + (128 + 8) * int_to_int.bucket_sz - 8;

				image_u64(img, last, marked ? array : 0);
				image_move_header(img, map, hi - 512);
				struct census *census = take(img);
				assert_int_equal(census->maps.len, marked);
				census_free(census);
			}
			image_free(img);
		}
	}
}

/* The goroutine goes on while it is read, and its stack is copied. */
struct move {
	uint64_t g, from, to, after;
	bool wipes; /* the old stack is used for something else at once */
	bool done;
};

static void move_stack(struct image *img, const struct mem_req *req)
{
	struct move *m = img->hook_ctx;

	if (m->done || !image_covers(req, m->after))
		return;
	m->done = true;
	for (uint64_t off = 8; off <= USED; off += 8)
		image_u64(img, m->to - off, image_get_u64(img, m->from - off));
	if (m->wipes)
		image_zero(img, m->from - USED, USED);
	image_u64(img, m->g, m->to - STACK);
	image_u64(img, m->g + 8, m->to);
	image_u64(img, m->g + 56, m->to - USED);
}

static void a_stack_that_moves(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2 * CNT(versions); i++) {
		struct image *img = new_image(&versions[i / 2]);
		uint64_t hi = image_add_goroutine(img, IMAGE_G_WAITING, STACK, USED);
		uint64_t to = image_add_goroutine(img, IMAGE_G_DEAD, STACK, USED);
		struct move move = {
			.g = img->gs.data[0],
			.from = hi,
			.to = to,
			.after = hi - 512,
			.wipes = i % 2,
		};

		image_move_header(img, large_map(img, KEYS), hi - 512);
		img->hook = move_stack;
		img->hook_ctx = &move;
		struct census *census = take(img);
		assert_true(move.done);
		one_map(census, to - 512, MAP_ON_STACK);
		done(img, census);
	}
}

/* The stack moves to and fro, each time when it was read. */
static void move_again(struct image *img, const struct mem_req *req)
{
	struct move *m = img->hook_ctx;
	uint64_t from = m->from;

	move_stack(img, req);
	if (!m->done)
		return;
	m->from = m->to;
	m->to = from;
	m->after = m->from - 512;
	m->done = false;
}

static void a_stack_that_never_rests(void **state)
{
	(void)state;
	for (size_t v = 0; v < CNT(versions); v++) {
		struct image *img = new_image(&versions[v]);
		uint64_t hi = image_add_goroutine(img, IMAGE_G_WAITING, STACK, USED);
		uint64_t to = image_add_goroutine(img, IMAGE_G_DEAD, STACK, USED);
		struct move move = {
			.g = img->gs.data[0], .from = hi, .to = to, .after = hi - 512
		};

		image_move_header(img, large_map(img, KEYS), hi - 512);
		img->hook = move_again;
		img->hook_ctx = &move;
		struct census *census = take(img);
		assert_int_equal(census->maps.len, 1);
		assert_int_equal(census_map(census, 0).live_keys, KEYS);
		done(img, census);
	}
}

/* What is at the address of a table, where the heap, as it was read, had nothing. */
enum newer { MADE, FREE, FREE_SLOT, GARBAGE, INSIDE, TOO_SMALL, NEWER_CNT };

/* The map grew between the reads of the spans and of the stacks. */
static void tables_newer_than_the_heap(void **state)
{
	(void)state;
	for (size_t v = 0; v < CNT(versions); v++) {
		for (int what = 0; what < NEWER_CNT; what++) {
			struct image *img = new_image(&versions[v]);
			uint64_t hi = image_add_goroutine(img, IMAGE_G_WAITING, STACK, USED);
			uint64_t map = large_map(img, KEYS), tables = tables_of(img, map);
			struct image_span *s = image_span_of(img, tables);
			uint64_t other = image_alloc_words(img, 1, 1);

			s->state = SPAN_DEAD;
			if (what == FREE_SLOT)
				image_zero(img, s->alloc_bits, 64);
			if (what == GARBAGE)
				s->sweepgen = IMAGE_SWEEPGEN - 2;
			if (what == INSIDE)
				image_u64(img, map + 16, tables + 8);
			if (what == TOO_SMALL) {
				image_u64(img, map + 16, other);
				s->state = SPAN_IN_USE;
				s = image_span_of(img, other);
				s->state = SPAN_DEAD;
			}
			image_move_header(img, map, hi - 512);
			image_open(img);
			if (what != FREE)
				image_u8(img, s->mspan + img->prog.layout.mspan.state, SPAN_IN_USE);
			struct census *census = image_census(img);
			if (census->maps.len != (what == MADE))
				fail_msg("version %zu, case %d: %zu maps", v, what,
					 census->maps.len);
			assert_int_equal(census->totals.suspect_cnt, what == MADE);
			assert_int_equal(census->totals.map_cnt, 0);
			if (what == MADE) {
				assert_true(census_map(census, 0).addr == hi - 512);
				assert_int_equal(census_map(census, 0).on_stack, MAP_ON_STACK);
			}
			done(img, census);
		}
	}
}

/* Tables that add up in memory that is another span's by now, or no span's. */
static void tables_in_an_outdated_span(void **state)
{
	enum { SAME, ANOTHER, NONE, SPANS };

	(void)state;
	for (size_t v = 0; v < CNT(versions); v++) {
		for (int i = 0; i < IMAGE_SWEEP_CNT * SPANS; i++) {
			int when = i / SPANS, span = i % SPANS;
			struct image *img = new_image(&versions[v]);
			uint64_t hi = image_add_goroutine(img, IMAGE_G_WAITING, STACK, USED);
			uint64_t map = large_map(img, KEYS), tables = tables_of(img, map);

			img->heap_next += 16 * GO_PAGE_SZ; /* leaves room for another span */
			image_move_header(img, map, hi - 512);
			image_mark(img, tables);
			struct image_span *s = image_span_of(img, tables), now = *s;
			if (span == ANOTHER) /* its slots begin where those of this class do */
				image_set_class(img, s, (s->spanclass >> 1) + 1);
			image_open_amid_sweep(img, tables, when);
			if (span == ANOTHER)
				image_put_span(img, &now);
			if (span == NONE)
				image_free_span(img, tables);
			struct census *census = image_census(img);
			if (census->maps.len != (span != NONE) ||
			    census->totals.suspect_cnt != (span == ANOTHER) ||
			    census->totals.exact_cnt != (span == SAME))
				fail_msg("version %zu, sweep %d, span %d", v, when, span);
			done(img, census);
		}
	}
}

/* What the heap, as it was read, had where the memory of a map is now. */
enum former { UNCHANGED, FREE_PAGES, A_STACK, OTHER_SIZES, NO_ARENA, FORMER_CNT };

static void set_former(const struct image *img, struct image_span *s, enum former what)
{
	if (what == FREE_PAGES || what == NO_ARENA)
		s->state = SPAN_DEAD;
	if (what == A_STACK)
		s->state = SPAN_MANUAL;
	if (what != OTHER_SIZES)
		return;
	image_set_class(img, s, sizeclass_for(s->elemsize == 8 ? 16 : 8));
	s->used = s->nelems; /* so that nothing more is put into it */
}

/* The old array of buckets, which is being evacuated, or the groups of the second table. */
static uint64_t later_memory(struct image *img, uint64_t map)
{
	if (!is_classic(img))
		return image_swiss_groups(img, map, 1);
	uint64_t old = image_classic_array(img, &int_to_int, 6);
	for (uint64_t i = 0; i < 64; i++)
		image_classic_bucket(img, &int_to_int, old + i * int_to_int.bucket_sz, 0, 0, 0);
	image_u64(img, map + 24, old);
	return old;
}

/* Tables that contradict the heap because it is out of date. When it is not, they are not a
 * map's: the memory is too small for them, or is no span's. */
static void tables_in_spans_that_were_others(void **state)
{
	(void)state;
	for (size_t v = 0; v < CNT(versions); v++) {
		for (int i = 0; i < 2 * FORMER_CNT; i++) {
			int what = i / 2;
			bool later = i % 2;
			struct image *img = new_image(&versions[v]);
			uint64_t hi = image_add_goroutine(img, IMAGE_G_WAITING, STACK, USED);
			uint64_t heap_next = img->heap_next;
			uint64_t arena = IMAGE_HEAP + (1ull << ARENA_SHIFT);

			if (what == NO_ARENA)
				img->heap_next = arena;
			uint64_t map = large_map(img, KEYS);
			uint64_t memory = later ? later_memory(img, map) : tables_of(img, map);
			size_t span = image_span_of(img, memory) - img->spans.data;
			size_t cnt = img->spans.len;
			struct image_span was[64];
			if (what == NO_ARENA)
				img->heap_next = heap_next;
			assert_true(cnt <= CNT(was));
			image_move_header(img, map, hi - 512);
			for (size_t s = 0; s < cnt; s++) {
				was[s] = img->spans.data[s];
				if (what == NO_ARENA ? was[s].base >= arena : s == span)
					set_former(img, &img->spans.data[s],
						   what == UNCHANGED ? A_STACK : what);
			}
			image_open(img);
			for (size_t s = 0; what != UNCHANGED && s < cnt; s++)
				image_put_span(img, &was[s]);
			struct census *census = image_census(img);
			if (census->maps.len != (what != UNCHANGED) ||
			    census->totals.suspect_cnt != (what != UNCHANGED))
				fail_msg("version %zu, former %d, later %d: %zu maps, %llu suspect",
					 v, what, later, census->maps.len,
					 (unsigned long long)census->totals.suspect_cnt);
			if (what != UNCHANGED)
				assert_true(census_map(census, 0).addr == hi - 512);
			done(img, census);
		}
	}
}

/* What happens to the map of a waiting goroutine each time it is read. */
struct change {
	uint64_t header, table, g;
	enum { COUNTS, WRITES, IS_NO_MAP, RUNS, CHANGE_CNT } what;
	unsigned int reads; /* of the header */
};

static void change_map(struct image *img, const struct mem_req *req)
{
	struct change *c = img->hook_ctx;
	uint64_t writing = c->header + (is_classic(img) ? 8 : 34);

	if (!image_covers(req, c->header))
		return;
	c->reads++;
	if (c->what == COUNTS)
		image_u64(img, c->header, KEYS + c->reads % 2);
	if (c->what == WRITES && c->reads == 1)
		image_u8(img, writing, is_classic(img) ? 4 : 1);
	if (c->what == COUNTS)
		return;
	/* One or two keys fewer in the tables than there are in the header. */
	image_u8(img, c->table, is_classic(img) ? 0 : KEYS / 2 - 1 - c->reads / 2 % 2);
	if (is_classic(img))
		image_u8(img, c->table + 1, c->reads / 2 % 2 ? 0x77 : 0);
	if (c->what == RUNS && c->reads > 1)
		image_u32(img, c->g + img->prog.layout.g.status, IMAGE_G_RUNNING);
}

/* A goroutine that waited may run before its maps are read. If it does not, tables that change
 * under a header in its frame are not that map's. */
static void a_map_that_changes(void **state)
{
	(void)state;
	for (size_t v = 0; v < CNT(versions); v++) {
		for (int what = 0; what < CHANGE_CNT; what++) {
			struct image *img = new_image(&versions[v]);
			uint64_t hi = image_add_goroutine(img, IMAGE_G_WAITING, STACK, USED);
			uint64_t map = large_map(img, KEYS), array = tables_of(img, map);
			struct change c = {
				.header = hi - 512,
				.table = is_classic(img) ? array : image_swiss_table(img, map, 0),
				.g = img->gs.data[0],
				.what = what,
			};

			image_move_header(img, map, c.header);
			image_open(img);
			img->hook = change_map;
			img->hook_ctx = &c;
			struct census *census = image_census(img);
			if (census->maps.len != (what != IS_NO_MAP) ||
			    census->totals.moving_cnt != (what != IS_NO_MAP))
				fail_msg("version %zu, change %d: %zu maps", v, what,
					 census->maps.len);
			if (what != IS_NO_MAP)
				assert_int_equal(census_map(census, 0).on_stack,
						 what == WRITES ? MAP_ON_STACK
								: MAP_ON_RUNNING_STACK);
			done(img, census);
		}
	}
}

/* A goroutine that waits was interrupted in the middle of a write. One that runs would go on
 * with the write: its stack has moved while it wrote, and this header was left on the old one. */
static void a_header_in_the_middle_of_a_write(void **state)
{
	(void)state;
	for (size_t v = 0; v < CNT(versions); v++) {
		for (uint32_t status = IMAGE_G_RUNNING; status <= IMAGE_G_WAITING; status += 2) {
			struct image *img = new_image(&versions[v]);
			uint64_t hi = image_add_goroutine(img, status, STACK, USED);
			uint64_t at = hi - 512;

			image_move_header(img, large_map(img, KEYS), at);
			image_u8(img, at + (is_classic(img) ? 8 : 34), is_classic(img) ? 4 : 1);
			struct census *census = take(img);
			assert_int_equal(census->maps.len, 1);
			assert_true(census_map(census, 0).addr == at);
			assert_int_equal(census->totals.suspect_cnt, status == IMAGE_G_RUNNING);
			assert_int_equal(census->totals.moving_cnt, status == IMAGE_G_WAITING);
			done(img, census);
		}
	}
}

/* A map that chained a bucket after the heap was read, and whose goroutine waits since. */
static void a_newer_overflow_bucket(void **state)
{
	(void)state;
	for (size_t v = 0; v < CNT(versions); v++) {
		for (int more = 0; more <= 1; more++) {
			struct image *img = new_image(&versions[v]);

			if (is_classic(img)) {
				uint64_t hi =
					image_add_goroutine(img, IMAGE_G_WAITING, STACK, USED);
				uint64_t map = large_map(img, KEYS), array = tables_of(img, map);
				uint64_t chained = image_alloc_buckets(img, &int_to_int, 1);

				image_classic_bucket(img, &int_to_int, array, 3, 0x77, chained);
				image_classic_bucket(img, &int_to_int, chained, 1 + more, 0x77, 0);
				image_u64(img, map, KEYS + 1);
				image_move_header(img, map, hi - 512);
				image_span_of(img, chained)->state = SPAN_DEAD;
				struct census *census = take(img);
				assert_int_equal(census->maps.len, !more);
				assert_int_equal(census->totals.moving_cnt, !more);
				census_free(census);
			}
			image_free(img);
		}
	}
}

/* A stack that the heap, as it was read, does not have, or has somewhere else. */
static void a_stack_newer_than_the_heap(void **state)
{
	(void)state;
	for (size_t v = 0; v < CNT(versions); v++) {
		for (int what = FREE_PAGES; what <= OTHER_SIZES; what += OTHER_SIZES - FREE_PAGES) {
			struct image *img = new_image(&versions[v]);
			uint64_t hi = image_add_goroutine(img, IMAGE_G_WAITING, STACK, USED);
			struct image_span *s = image_span_of(img, hi - 1), was = *s;

			image_move_header(img, large_map(img, KEYS), hi - 512);
			s = image_span_of(img, hi - 1);
			set_former(img, s, what);
			if (what == OTHER_SIZES)
				s->state = SPAN_IN_USE;
			image_open(img);
			image_put_span(img, &was);
			struct census *census = image_census(img);
			one_map(census, hi - 512, MAP_ON_STACK);
			done(img, census);
		}
	}
}

/* The stack is freed before its span is looked for: the goroutine has another stack by then. */
static void a_stack_that_is_gone_when_looked_for(void **state)
{
	(void)state;
	for (size_t v = 0; v < CNT(versions); v++) {
		struct image *img = new_image(&versions[v]);
		uint64_t hi = image_add_goroutine(img, IMAGE_G_WAITING, STACK, USED);
		uint64_t to = image_add_goroutine(img, IMAGE_G_DEAD, STACK, USED);
		struct move move = { .g = img->gs.data[0], .from = hi, .to = to };

		image_move_header(img, large_map(img, KEYS), hi - 512);
		image_span_of(img, hi - 1)->state = SPAN_DEAD;
		move.after = image_span_of(img, hi - 1)->mspan;
		image_open(img);
		img->hook = move_stack;
		img->hook_ctx = &move;
		struct census *census = image_census(img);
		assert_true(move.done);
		one_map(census, to - 512, MAP_ON_STACK);
		done(img, census);
	}
}

/* The list of goroutines grew after the heap was read. */
static void a_list_newer_than_the_heap(void **state)
{
	(void)state;
	for (size_t v = 0; v < CNT(versions); v++) {
		struct image *img = new_image(&versions[v]);
		uint64_t hi = image_add_goroutine(img, IMAGE_G_WAITING, STACK, USED);
		uint64_t list = image_alloc_words(img, 64, UINT64_MAX);
		struct image_span was = *image_span_of(img, list);

		image_move_header(img, large_map(img, KEYS), hi - 512);
		image_u64(img, list, img->gs.data[0]);
		image_span_of(img, list)->state = SPAN_MANUAL;
		image_open(img);
		image_put_span(img, &was);
		image_u64(img, IMAGE_ALLGS, list);
		image_u64(img, IMAGE_ALLGS + 16, 64);
		struct census *census = image_census(img);
		one_map(census, hi - 512, MAP_ON_STACK);
		done(img, census);
	}
}

/* Stacks are read in pieces: no header falls between two. */
static void a_deep_stack(void **state)
{
	enum { DEEP = 8 << 20, PIECE = 1 << 20, N = 6 };

	(void)state;
	for (size_t v = 0; v < CNT(versions); v += 4) { /* 1.19, 1.24, 1.27 */
		struct image *img = new_image(&versions[v]);
		uint64_t hi = image_add_goroutine(img, IMAGE_G_WAITING, DEEP, DEEP);
		uint64_t lo = hi - DEEP;

		image_move_header(img, large_map(img, KEYS), lo);
		for (uint64_t i = 1; i < N; i++)
			image_move_header(img, large_map(img, KEYS + i), lo + i * (PIECE - 8));
		image_move_header(img, large_map(img, KEYS + N), hi - 56);
		struct census *census = take(img);
		assert_int_equal(census->maps.len, N + 1);
		for (uint64_t i = 0; i <= N; i++)
			assert_int_equal(census_map(census, i).live_keys, KEYS + i);
		done(img, census);
	}
}

/* The tables would be read for each of the copies. */
static void a_stack_full_of_copies(void **state)
{
	enum { DEEP = 1 << 20 };

	(void)state;
	for (size_t v = 0; v < CNT(versions); v++) {
		struct image *img = new_image(&versions[v]);
		uint64_t hi = image_add_goroutine(img, IMAGE_G_WAITING, DEEP, DEEP);
		uint64_t map = large_map(img, KEYS);

		for (uint64_t at = hi - DEEP; at < hi; at += 64)
			copy_header(img, map, at);
		image_move_header(img, map, hi - 64);
		struct census *census = take(img);
		assert_int_equal(census->maps.len, 1);
		assert_true(img->target.mem.bytes_read < 4 * DEEP);
		done(img, census);
	}
}

/* So many maps that they would fill our memory. */
static void a_stack_full_of_maps(void **state)
{
	enum { DEEP = 128 << 20, MAPS = (1 << 20) + 1 };

	(void)state;
	for (size_t v = 0; v < CNT(versions); v += 4) { /* 1.19, 1.24, 1.27 */
		struct image *img = new_image(&versions[v]);
		uint64_t hi = image_add_goroutine(img, IMAGE_G_WAITING, DEEP, DEEP);
		uint64_t map = large_map(img, KEYS), tables = tables_of(img, map);

		image_move_header(img, map, hi - DEEP);
		for (uint64_t i = 1; i < MAPS; i++) {
			copy_header(img, hi - DEEP, hi - DEEP + i * 64);
			image_u64(img, hi - DEEP + i * 64 + 16, tables + 8 * i);
		}
		struct census *census = take(img);
		assert_int_equal(census->maps.len, 0);
		assert_non_null(stacks_refusal(census->stacks));
		done(img, census);
	}
}

/* The count is far from what is in the tables, and never the same. */
static void count_on(struct image *img, const struct mem_req *req)
{
	uint64_t *header = img->hook_ctx;

	if (image_covers(req, *header))
		image_u64(img, *header, 900 + img->reads % 100);
}

/* On a stack anything may change at any time: a change is not a sign of a map. */
static void words_that_change_are_not_suspect(void **state)
{
	(void)state;
	for (size_t v = 0; v < CNT(versions); v++) {
		struct image *img = new_image(&versions[v]);
		uint64_t hi = image_add_goroutine(img, IMAGE_G_RUNNING, STACK, USED);
		uint64_t header = hi - 512;

		image_move_header(img, large_map(img, KEYS), header);
		img->hook = count_on;
		img->hook_ctx = &header;
		struct census *census = take(img);
		assert_in_range(image_get_u64(img, header), 900, 999);
		assert_int_equal(census->maps.len, 0);
		assert_int_equal(census->lookalike_cnt, 0);
		done(img, census);
	}
}

/* No matter what is at runtime.allgs, the maps of the heap are counted. */
static void what_is_no_list_of_goroutines(void **state)
{
	static const struct {
		int word; /* of the slice header, or of the first runtime.g from 3 on */
		uint64_t value;
	} bad[] = {
		{ 0, 0 },	   { 0, 1 },	      { 0, IMAGE_NOWHERE }, { 0, IMAGE_MHEAP },
		{ 1, 0 },	   { 1, UINT64_MAX }, { 1, 1 << 30 },	    { 2, 0 },
		{ 2, UINT64_MAX }, { 3, 0 },	      { 3, UINT64_MAX },    { 4, 0 },
		{ 4, UINT64_MAX }, { 3 + 18, 0x77 },  { 3 + 19, 0x77 },
	};

	(void)state;
	for (size_t i = 0; i < CNT(bad); i++) {
		struct image *img = new_image(&versions[8]);
		uint64_t map = large_map(img, KEYS);
		uint64_t hi = image_add_goroutine(img, IMAGE_G_WAITING, STACK, USED);

		image_move_header(img, large_map(img, 7), hi - 512);
		image_open(img);
		if (bad[i].word < 3)
			image_u64(img, IMAGE_ALLGS + 8 * bad[i].word, bad[i].value);
		else
			image_u64(img, img->gs.data[0] + 8 * (bad[i].word - 3), bad[i].value);
		struct census *census = image_census(img);
		if (bad[i].word == 3 + 19) { /* the word after the status */
			assert_int_equal(census->maps.len, 2);
		} else {
			one_map(census, map, MAP_ON_HEAP);
			assert_string_equal(stacks_refusal(census->stacks),
					    "runtime.allgs cannot be found");
		}
		done(img, census);
	}
}

/* A stack pointer outside the stack, because it was read while the goroutine went on. */
static void a_stack_pointer_from_elsewhere(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++) {
		struct image *img = new_image(&versions[8]);
		uint64_t hi = image_add_goroutine(img, IMAGE_G_WAITING, STACK, USED);
		const uint64_t sps[] = { 0, UINT64_MAX - 7, hi - USED + 1 };

		image_u64(img, img->gs.data[0] + 56, sps[i]);
		image_move_header(img, large_map(img, KEYS), hi - 4096);
		struct census *census = take(img);
		one_map(census, hi - 4096, MAP_ON_RUNNING_STACK);
		done(img, census);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_header_in_a_frame),
		cmocka_unit_test(a_header_below_the_frames),
		cmocka_unit_test(small_maps_are_none),
		cmocka_unit_test(tables_have_one_header),
		cmocka_unit_test(the_likeliest_of_copies),
		cmocka_unit_test(dead_variables),
		cmocka_unit_test(a_live_table_in_an_unswept_span),
		cmocka_unit_test(bitmaps_that_were_exchanged),
		cmocka_unit_test(emptied_classic_buckets),
		cmocka_unit_test(a_stack_that_moves),
		cmocka_unit_test(tables_newer_than_the_heap),
		cmocka_unit_test(tables_in_an_outdated_span),
		cmocka_unit_test(tables_in_spans_that_were_others),
		cmocka_unit_test(a_map_that_changes),
		cmocka_unit_test(a_header_in_the_middle_of_a_write),
		cmocka_unit_test(a_newer_overflow_bucket),
		cmocka_unit_test(a_stack_newer_than_the_heap),
		cmocka_unit_test(a_stack_that_is_gone_when_looked_for),
		cmocka_unit_test(a_list_newer_than_the_heap),
		cmocka_unit_test(a_stack_that_never_rests),
		cmocka_unit_test(a_deep_stack),
		cmocka_unit_test(a_stack_full_of_copies),
		cmocka_unit_test(a_stack_full_of_maps),
		cmocka_unit_test(words_that_change_are_not_suspect),
		cmocka_unit_test(what_is_no_list_of_goroutines),
		cmocka_unit_test(a_stack_pointer_from_elsewhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
