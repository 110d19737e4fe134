// SPDX-License-Identifier: GPL-2.0-only
/*
 * Writes down the memory of a live Go process that a census reads, page by page, so
 * that a unit test can take the same census without the process.
 *
 *	record PID >FILE
 *
 * Five lines of text (Go minor version, experiments, places of runtime.mheap_ and
 * runtime.allp, the type section, number of pages), then for each page its address,
 * eight bytes little-endian, and its bytes.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/vec.h"
#include "heap/heap.h"
#include "heap/pagealloc.h"
#include "maps/census.h"
#include "process/program.h"

enum { PAGE_SZ = 4096 };

struct recorder {
	struct err *(*read_reqs)(struct mem *mem, struct mem_req *reqs, size_t n);
	VEC(uint64_t) pages; /* addresses, in the order of the reads */
};

static struct recorder recorder;

static struct err *record_reqs(struct mem *mem, struct mem_req *reqs, size_t n)
{
	struct err *err = recorder.read_reqs(mem, reqs, n);

	for (size_t i = 0; !err && i < n; i++) {
		uint64_t page = reqs[i].addr / PAGE_SZ * PAGE_SZ;

		for (; reqs[i].ok && page < reqs[i].addr + reqs[i].len; page += PAGE_SZ)
			if (!vec_push(&recorder.pages, page))
				return err_nomem();
	}
	return err;
}

/* Reads all that the test will read. */
static struct err *read_everything(struct program *prog, uint64_t *mheap_ret)
{
	struct gotypes *types = NULL;
	_cleanup_heap_ struct heap *heap = NULL;
	_cleanup_census_ struct census *census = NULL;
	struct pagealloc pages = { 0 };
	const struct types_from from = { &prog->target->mem, &prog->md };
	struct err *err = gotypes_new(&from, 1, &prog->layout, &types);

	gotypes_free(types);
	if (!err)
		err = heap_open(prog, &heap);
	if (!err)
		err = pagealloc_init(&pages, heap);
	if (!err)
		err = census_take(heap, NULL, &census);
	*mheap_ret = heap ? heap->mheap : 0;
	pagealloc_fini(&pages);
	return err;
}

static int cmp_page(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void drop_repeated(void)
{
	size_t kept = 0;

	vec_sort(&recorder.pages, cmp_page);
	for (size_t i = 0; i < recorder.pages.len; i++)
		if (!kept || recorder.pages.data[kept - 1] != recorder.pages.data[i])
			recorder.pages.data[kept++] = recorder.pages.data[i];
	recorder.pages.len = kept;
}

static struct err *write_pages(struct mem *mem)
{
	for (size_t i = 0; i < recorder.pages.len; i++) {
		uint64_t addr = recorder.pages.data[i];
		uint8_t bytes[PAGE_SZ];
		struct err *err = mem_read(mem, addr, bytes, sizeof(bytes));

		if (err)
			return err;
		fwrite(&addr, sizeof(addr), 1, stdout);
		fwrite(bytes, sizeof(bytes), 1, stdout);
	}
	return NULL;
}

static struct err *record(struct program *prog)
{
	struct mem *mem = &prog->target->mem;
	uint64_t mheap, allp;

	if (!program_allp(prog, &allp))
		return err_new(ERR_UNSUPPORTED, "runtime.allp cannot be found");
	recorder.read_reqs = mem->read_reqs;
	mem->read_reqs = record_reqs;
	struct err *err = read_everything(prog, &mheap);
	mem->read_reqs = recorder.read_reqs;
	if (err)
		return err;
	drop_repeated();
	printf("%u\n%s\n0x%" PRIx64 " 0x%" PRIx64 "\n0x%" PRIx64 " 0x%" PRIx64 "\n%zu\n",
	       prog->image.build.minor, prog->image.build.experiments, mheap, allp, prog->md.types,
	       prog->md.etypes, recorder.pages.len);
	return write_pages(mem);
}

int main(int argc, char **argv)
{
	_cleanup_target_ struct target *target = NULL;
	_cleanup_program_ struct program *prog = NULL;

	if (argc != 2) {
		fprintf(stderr, "usage: record PID >FILE\n");
		return EXIT_USAGE;
	}
	struct err *err = target_open(atoi(argv[1]), &target);
	if (!err)
		err = program_open(target, &prog);
	if (!err)
		err = record(prog);
	vec_fini(&recorder.pages);
	if (!err && (fflush(stdout) || ferror(stdout)))
		err = err_new(ERR_OS, "writing the recording");
	if (!err)
		return EXIT_OK;
	fprintf(stderr, "record: %s\n", err->msg);
	int code = err_exit_code(err);
	err_free(err);
	return code;
}
