// SPDX-License-Identifier: GPL-2.0-only
/*
 * The census of real Go processes, taken from their recorded memory (tests/recorded), is compared
 * with what these programs said about their own maps.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "heap/pagealloc.h"
#include "image.h"

enum { LINE_SZ = 256, PAGES_MAX = 1 << 16 };

static void read_line(gzFile file, char line[LINE_SZ])
{
	assert_non_null(gzgets(file, line, LINE_SZ));
	line[strcspn(line, "\n")] = '\0';
}

static struct image *read_pages(gzFile file)
{
	char line[LINE_SZ], experiments[LINE_SZ];
	struct image_places places;
	unsigned int minor;
	size_t cnt;

	read_line(file, line);
	assert_int_equal(sscanf(line, "%u", &minor), 1);
	read_line(file, experiments);
	read_line(file, line);
	assert_int_equal(sscanf(line, "%" SCNx64 " %" SCNx64, &places.mheap, &places.allp), 2);
	read_line(file, line);
	assert_int_equal(sscanf(line, "%" SCNx64 " %" SCNx64, &places.types, &places.etypes), 2);
	read_line(file, line);
	assert_int_equal(sscanf(line, "%zu", &cnt), 1);
	assert_in_range(cnt, 1, PAGES_MAX);

	struct image *img = image_new_bare(minor, experiments, &places);
	for (size_t i = 0; i < cnt; i++) {
		uint8_t bytes[IMAGE_PAGE_SZ];
		uint64_t addr;

		assert_int_equal(gzread(file, &addr, sizeof(addr)), sizeof(addr));
		assert_int_equal(gzread(file, bytes, sizeof(bytes)), sizeof(bytes));
		image_write(img, addr, bytes, sizeof(bytes));
	}
	assert_int_equal(gzgetc(file), -1);
	return img;
}

/* The heap of the recorded process, opened like a live one. */
static struct image *replay(const char *name)
{
	char path[LINE_SZ];

	snprintf(path, sizeof(path), "tests/recorded/%s.pages.gz", name);
	gzFile file = gzopen(path, "rb");
	if (!file)
		fail_msg("%s cannot be read", path);
	struct image *img = read_pages(file);
	gzclose(file);

	assert_null(image_read_types(img));
	struct err *err = heap_open(&img->prog, &img->heap);
	if (err)
		fail_msg("%s: %s", name, err->msg);
	return img;
}

static void check_heap(struct image *img, const char *line)
{
	struct pagealloc pages = { 0 };
	uint64_t inuse, idle, released;

	assert_int_equal(
		sscanf(line, "heap %" SCNu64 " %" SCNu64 " %" SCNu64, &inuse, &idle, &released), 3);
	assert_null(pagealloc_init(&pages, img->heap));
	assert_int_equal(img->heap->in_use_bytes, inuse);
	assert_int_equal(pages.free_bytes, idle - released);
	assert_int_equal(pages.released_bytes, released);
	pagealloc_fini(&pages);
}

static bool is_certain(const struct map_info *m)
{
	return m->type_source == TYPE_HEADER || m->type_source == TYPE_UNIQUE_SHAPE;
}

/* type M map[K]V looks just like map[K]V. */
static bool is_alias(const char *truth)
{
	return strncmp(truth, "map[", 4) != 0;
}

static void check_map(const struct census *census, const char *line)
{
	struct map_info want = { 0 };
	uint64_t slots;
	int type_at = 0;

	assert_int_equal(sscanf(line,
				"map %" SCNx64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64
				" %" SCNu64 " %" SCNu64 " %" SCNu64 " %n",
				&want.addr, &want.live_keys, &slots, &want.buckets,
				&want.tombstones, &want.overflow_buckets, &want.old_bytes,
				&want.table_bytes, &type_at),
			 8);
	const struct map_info *m = image_map(census, want.addr);
	if (!m)
		fail_msg("not found: %s", line);
	assert_int_equal(m->consistency, MAP_EXACT);
	assert_false(m->garbage);
	assert_int_equal(m->live_keys, want.live_keys);
	assert_int_equal(map_slots(m), slots);
	assert_int_equal(m->buckets, want.buckets);
	assert_int_equal(m->tombstones, want.tombstones);
	assert_int_equal(m->overflow_buckets, want.overflow_buckets);
	assert_int_equal(m->old_bytes, want.old_bytes);
	assert_int_equal(m->table_bytes, want.table_bytes);
	if (is_certain(m) && !is_alias(line + type_at))
		assert_string_equal(m->type->name, line + type_at);
}

static void check_recording(void **state)
{
	const char *name = *state;
	struct image *img = replay(name);
	struct census *census = image_census(img);
	char path[LINE_SZ], line[LINE_SZ];
	size_t maps = 0;

	snprintf(path, sizeof(path), "tests/recorded/%s.truth", name);
	FILE *truth = fopen(path, "re");
	assert_non_null(truth);
	assert_non_null(fgets(line, sizeof(line), truth));
	check_heap(img, line);
	while (fgets(line, sizeof(line), truth)) {
		line[strcspn(line, "\n")] = '\0';
		check_map(census, line);
		maps++;
	}
	fclose(truth);
	assert_true(maps >= 60);
	census_free(census);
	image_free(img);
}

/* ---- The same memory, with errors ---- */

enum { SPOILT_RUNS = 60, SPOILT_WORDS = 400 };

static uint64_t rng_next(uint64_t *rng)
{
	*rng ^= *rng << 13;
	*rng ^= *rng >> 7;
	*rng ^= *rng << 17;
	return *rng;
}

static uint64_t *random_word(struct image *img, uint64_t *rng)
{
	struct image_page *page = &img->pages.data[rng_next(rng) % img->pages.len];

	return (uint64_t *)page->bytes + rng_next(rng) % (IMAGE_PAGE_SZ / 8);
}

/* The worst errors are not noise, but words that belong elsewhere, are a little off, or are
 * huge. */
static uint64_t wrong_word(struct image *img, uint64_t right, uint64_t *rng)
{
	switch (rng_next(rng) % 5) {
	case 0:
		return *random_word(img, rng);
	case 1:
		return right + 8 * (rng_next(rng) % 64) - 256;
	case 2:
		return right ^ 1ull << rng_next(rng) % 64;
	case 3:
		return UINT64_MAX >> rng_next(rng) % 64;
	default:
		return rng_next(rng);
	}
}

static void check_bounds(const struct heap *heap, const struct census *census)
{
	for (size_t i = 0; i < census->maps.len; i++) {
		const struct map_info row = census_map(census, i), *m = &row;

		assert_true(m->table_bytes <= heap->in_use_bytes);
		assert_true(m->old_bytes <= m->table_bytes);
		assert_true(map_slots(m) <= heap->in_use_bytes);
		if (map_counts(m))
			assert_true(m->live_keys <= map_slots(m));
	}
}

/* Any outcome is fine except a crash, an endless loop, or a map that is larger than the heap.
 * Returns whether there was a census. */
static bool survive(struct image *img)
{
	struct census *census = NULL;
	struct pagealloc pages = { 0 };
	struct err *err = image_read_types(img);

	if (!err)
		err = heap_open(&img->prog, &img->heap);
	if (!err)
		err = pagealloc_init(&pages, img->heap);
	pagealloc_fini(&pages);
	if (!err)
		err = census_take(img->heap, NULL, &census);
	if (!err)
		check_bounds(img->heap, census);
	census_free(census);
	heap_close(img->heap);
	gotypes_free(img->prog.types);
	img->heap = NULL;
	img->prog.types = NULL;
	err_free(err);
	return !err;
}

static void check_spoilt(void **state)
{
	uint64_t rng = 0x9e3779b97f4a7c15;
	int censuses = 0;

	for (int run = 0; run < SPOILT_RUNS; run++) {
		struct image *img = replay(*state);

		heap_close(img->heap);
		gotypes_free(img->prog.types);
		print_message("# run %d, state 0x%" PRIx64 "\n", run, rng);
		for (int i = 0; i < SPOILT_WORDS >> run % 8; i++) {
			uint64_t *word = random_word(img, &rng);

			*word = wrong_word(img, *word, &rng);
		}
		img->heap = NULL;
		img->prog.types = NULL;
		censuses += survive(img);
		image_free(img);
	}
	/* If all censuses were refused, the decoders would have seen nothing of the errors. */
	assert_true(censuses > SPOILT_RUNS / 4);
}

#define RECORDING(n)                                                                               \
	{                                                                                          \
		.name = n, .test_func = check_recording, .initial_state = (void *)(n)              \
	}
#define SPOILT(n)                                                                                  \
	{                                                                                          \
		.name = n " spoilt", .test_func = check_spoilt, .initial_state = (void *)(n)       \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RECORDING("go1.19"), RECORDING("go1.21"),
		RECORDING("go1.24"), RECORDING("go1.25-noswissmap"),
		RECORDING("go1.27"), RECORDING("go1.27-mapsplitgroup"),
		SPOILT("go1.19"),    SPOILT("go1.21"),
		SPOILT("go1.24"),    SPOILT("go1.25-noswissmap"),
		SPOILT("go1.27"),    SPOILT("go1.27-mapsplitgroup"),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
