// SPDX-License-Identifier: GPL-2.0-only
/*
 * bulkread PID BYTES - how long it takes to read that many bytes of a Go process's
 * heap in large pieces. No reader of that much memory can need less.
 *
 * Prints nanoseconds. Reads the pages that are in memory, from the lowest address on,
 * and starts again at the lowest when there are not enough.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/uio.h>

#include "base/clock.h"
#include "base/vec.h"
#include "process/pagemap.h"
#include "process/procmaps.h"

enum { PIECE_SZ = 256 << 10 };

/* Where Go up to 1.25 puts its arenas on 64-bit machines (Go source: runtime/malloc.go). */
static const uint64_t HEAP_START = 0xc000000000, HEAP_END = 0x10000000000;

struct pieces {
	VEC(struct iovec) list; /* each of at most PIECE_SZ bytes, all in memory */
};

static struct err *add_page(struct pieces *p, uint64_t addr, size_t page_sz)
{
	struct iovec *last = p->list.len ? &p->list.data[p->list.len - 1] : NULL;

	if (last && (uint64_t)(uintptr_t)last->iov_base + last->iov_len == addr &&
	    last->iov_len < PIECE_SZ) {
		last->iov_len += page_sz;
		return NULL;
	}
	struct iovec first = { (void *)(uintptr_t)addr, page_sz };
	return vec_push(&p->list, first) ? NULL : err_nomem();
}

static struct err *add_mapping(struct pieces *p, struct pagemap *pm, const struct procmap *m)
{
	uint64_t len = m->end - m->start, pages = len / pm->page_sz;
	_cleanup_free_ uint64_t *present = calloc(pages / 64 + 1, sizeof(*present));
	struct err *err = present ? pagemap_touched(pm, m->start, len, present) : err_nomem();

	for (uint64_t i = 0; !err && i < pages; i++)
		if (present[i / 64] >> (i % 64) & 1)
			err = add_page(p, m->start + i * pm->page_sz, pm->page_sz);
	return err;
}

static struct err *find_pieces(struct pieces *p, pid_t pid)
{
	_cleanup_(pagemap_close) struct pagemap pm = { .fd = -1 };
	_cleanup_(procmaps_fini) struct procmaps maps = { 0 };
	struct err *err = pagemap_open(&pm, pid);

	if (!err)
		err = procmaps_init(&maps, pid);
	for (size_t i = 0; !err && i < maps.maps.len; i++) {
		const struct procmap *m = &maps.maps.data[i];

		if (m->start >= HEAP_START && m->end <= HEAP_END && !m->inode && (m->prot & MAP_W))
			err = add_mapping(p, &pm, m);
	}
	return err || p->list.len ? err : err_new(ERR_UNSUPPORTED, "no Go heap found");
}

static struct err *read_pieces(const struct pieces *p, pid_t pid, uint64_t bytes, uint8_t *buf)
{
	for (size_t i = 0; bytes; i = (i + 1) % p->list.len) {
		struct iovec remote = p->list.data[i];

		if (remote.iov_len > bytes)
			remote.iov_len = bytes;
		struct iovec local = { buf, remote.iov_len };
		ssize_t n = process_vm_readv(pid, &local, 1, &remote, 1, 0);
		if (n <= 0)
			return err_new(ERR_GONE, "process_vm_readv of process %d failed", pid);
		bytes -= n;
	}
	return NULL;
}

int main(int argc, char **argv)
{
	static uint8_t buf[PIECE_SZ];
	struct pieces pieces = { 0 };

	if (argc != 3) {
		fprintf(stderr, "usage: bulkread PID BYTES\n");
		return EXIT_USAGE;
	}
	pid_t pid = atoi(argv[1]);
	uint64_t bytes = strtoull(argv[2], NULL, 10);
	struct err *err = find_pieces(&pieces, pid);
	uint64_t start = clock_ns();

	if (!err)
		err = read_pieces(&pieces, pid, bytes, buf);
	if (err) {
		fprintf(stderr, "bulkread: %s\n", err->msg);
		return err_exit_code(err);
	}
	printf("%" PRIu64 "\n", clock_ns() - start);
	vec_fini(&pieces.list);
	return 0;
}
