// SPDX-License-Identifier: GPL-2.0-only
/*
 * Types, spans, the page allocator and both kinds of maps, on recorded processes (tests/recorded)
 * whose words are changed. The first byte chooses the recording.
 */
#include <inttypes.h>
#include <stdio.h>
#include <zlib.h>

#include "fuzz.h"

#include "../unit/image.h"
#include "heap/metadata.h"
#include "heap/pagealloc.h"
#include "maps/values.h"

enum { LINE_SZ = 256, CHANGES_MAX = 256 };

static const char *const recordings[] = { "go1.19", "go1.21",
					  "go1.24", "go1.25-noswissmap",
					  "go1.27", "go1.27-mapsplitgroup" };

/* A recording, opened at its first use, and its bytes as they were recorded. */
static struct recording {
	struct image *img;
	uint8_t *saved;
} loaded[CNT(recordings)];

static void read_line(gzFile file, char line[LINE_SZ])
{
	fuzz_expect(gzgets(file, line, LINE_SZ) != NULL);
	line[strcspn(line, "\n")] = '\0';
}

static struct image *read_recording(gzFile file)
{
	char line[LINE_SZ], experiments[LINE_SZ];
	struct image_places at;
	unsigned int minor;
	size_t cnt;

	read_line(file, line);
	fuzz_expect(sscanf(line, "%u", &minor) == 1);
	read_line(file, experiments);
	read_line(file, line);
	fuzz_expect(sscanf(line, "%" SCNx64 " %" SCNx64, &at.mheap, &at.allp) == 2);
	read_line(file, line);
	fuzz_expect(sscanf(line, "%" SCNx64 " %" SCNx64, &at.types, &at.etypes) == 2);
	read_line(file, line);
	fuzz_expect(sscanf(line, "%zu", &cnt) == 1);
	struct image *img = image_new_bare(minor, experiments, &at);
	for (size_t i = 0; i < cnt; i++) {
		uint8_t bytes[IMAGE_PAGE_SZ];
		uint64_t addr;

		fuzz_expect(gzread(file, &addr, sizeof(addr)) == sizeof(addr));
		fuzz_expect(gzread(file, bytes, sizeof(bytes)) == sizeof(bytes));
		image_write(img, addr, bytes, sizeof(bytes));
	}
	return img;
}

static struct recording *recording_of(size_t nr)
{
	struct recording *r = &loaded[nr];
	char path[LINE_SZ];

	if (r->img)
		return r;
	snprintf(path, sizeof(path), "tests/recorded/%s.pages.gz", recordings[nr]);
	gzFile file = gzopen(path, "rb");
	fuzz_expect(file != NULL);
	r->img = read_recording(file);
	gzclose(file);
	r->saved = malloc(r->img->pages.len * IMAGE_PAGE_SZ);
	for (size_t i = 0; i < r->img->pages.len; i++)
		memcpy(r->saved + i * IMAGE_PAGE_SZ, r->img->pages.data[i].bytes, IMAGE_PAGE_SZ);
	return r;
}

static uint64_t *word_at(const struct image *img, uint64_t place)
{
	uint64_t words = IMAGE_PAGE_SZ / 8, nr = place % (img->pages.len * words);

	return (uint64_t *)img->pages.data[nr / words].bytes + nr % words;
}

static void apply(const struct image *img, const struct fuzz_change *c)
{
	uint64_t *word = word_at(img, c->place);
	uint64_t address =
		img->pages.data[c->value % img->pages.len].addr + (c->value >> 32 & 0xff8);

	*word = fuzz_changed(c, *word, *word_at(img, c->value), address);
}

static void restore(const struct recording *r, const struct fuzz_change *c)
{
	uint64_t nr = c->place % (r->img->pages.len * (IMAGE_PAGE_SZ / 8));

	memcpy(word_at(r->img, c->place), r->saved + 8 * nr, 8);
}

static void look_at_maps(const struct heap *heap, const struct census *census)
{
	const struct values_opts opts = { .budget_bytes = 1 << 20, .seed = 7 };
	struct values *values = NULL;
	struct err *partial = NULL;

	for (size_t i = 0; i < census->maps.len; i++) {
		struct map_info m = census_map(census, i);

		fuzz_expect(m.table_bytes <= heap->in_use_bytes);
		fuzz_expect(m.old_bytes <= m.table_bytes);
		fuzz_expect(map_slots(&m) <= heap->in_use_bytes);
	}
	struct err *err = values_take(census, &opts, &values, &partial);
	if (!err)
		values_free(values);
	err_free(err);
	err_free(partial);
}

static void look(struct image *img)
{
	struct census *census = NULL;
	struct pagealloc pages = { 0 };
	struct metadata metadata;
	struct err *err = image_read_types(img);

	if (!err)
		err = heap_open(&img->prog, &img->heap);
	if (!err) {
		err_free(pagealloc_init(&pages, img->heap));
		pagealloc_fini(&pages);
		struct err *unread = metadata_init(&metadata, img->heap);
		if (!unread)
			metadata_fini(&metadata);
		err_free(unread);
		err = census_take(img->heap, NULL, &census);
	}
	if (!err)
		look_at_maps(img->heap, census);
	census_free(census);
	heap_close(img->heap);
	gotypes_free(img->prog.types);
	img->heap = NULL;
	img->prog.types = NULL;
	err_free(err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	if (!len)
		return 0;
	const struct recording *r = recording_of(data[0] % CNT(recordings));
	size_t n = (len - 1) / FUZZ_CHANGE_SZ;

	n = n < CHANGES_MAX ? n : CHANGES_MAX;
	for (size_t i = 0; i < n; i++) {
		struct fuzz_change c = fuzz_change_at(data + 1, i);

		apply(r->img, &c);
	}
	look(r->img);
	for (size_t i = 0; i < n; i++) {
		struct fuzz_change c = fuzz_change_at(data + 1, i);

		restore(r, &c);
	}
	return 0;
}
