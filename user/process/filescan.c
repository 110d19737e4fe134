// SPDX-License-Identifier: GPL-2.0-only
#include "process/filescan.h"

/* The largest Go programs have some 200 MiB of read-only data. */
enum { FILESCAN_FILE_MAX = 1 << 30 };

/* Passes the bytes that start in [addr, addr + step) to fn, and some bytes after them as long as
 * these are before `end`. *ok_ret says whether they could be read. */
static struct err *filescan_piece(struct filescan *fs, uint64_t addr, uint64_t step, uint64_t end,
				  filescan_fn fn, void *ctx, bool *ok_ret)
{
	uint64_t len = end - addr < step + FILESCAN_OVERLAP ? end - addr : step + FILESCAN_OVERLAP;
	struct mem_req req = { .addr = addr, .len = len, .dst = fs->buf };
	struct err *err = fs->mem->read_reqs(fs->mem, &req, 1);

	*ok_ret = req.ok;
	return err || !req.ok ? err : fn(ctx, addr, fs->buf, len, step);
}

/* Passes one chunk on; page by page when it cannot be read as a whole. */
static struct err *filescan_chunk(struct filescan *fs, uint64_t addr, uint64_t end, filescan_fn fn,
				  void *ctx)
{
	uint64_t stop = end - addr < FILESCAN_CHUNK ? end : addr + FILESCAN_CHUNK;
	bool ok = false;
	struct err *err = filescan_piece(fs, addr, FILESCAN_CHUNK, end, fn, ctx, &ok);

	for (; !err && !ok && addr < stop; addr += FILESCAN_PAGE) {
		bool page_ok = false;

		err = filescan_piece(fs, addr, FILESCAN_PAGE, end, fn, ctx, &page_ok);
		if (!err && !page_ok) /* the page after it may be unreadable */
			err = filescan_piece(fs, addr, FILESCAN_PAGE, addr + FILESCAN_PAGE, fn, ctx,
					     &page_ok);
	}
	return err;
}

struct err *filescan(struct filescan *fs, bool writable_only, filescan_fn fn, void *ctx)
{
	uint64_t budget = FILESCAN_FILE_MAX;

	for (size_t i = 0; i < fs->maps->maps.len; i++) {
		const struct procmap *m = &fs->maps->maps.data[i];

		if (!procmap_same_file(m, fs->file) || !(m->prot & MAP_R) || (m->prot & MAP_X) ||
		    (writable_only && !(m->prot & MAP_W)))
			continue;
		for (uint64_t addr = m->start; addr < m->end && budget >= FILESCAN_CHUNK;
		     addr += FILESCAN_CHUNK, budget -= FILESCAN_CHUNK) {
			struct err *err = filescan_chunk(fs, addr, m->end, fn, ctx);

			if (err)
				return err;
		}
	}
	return NULL;
}

bool filescan_is_first_code(const struct procmaps *maps, size_t i)
{
	const struct procmap *m = &maps->maps.data[i];

	if (!m->inode || !(m->prot & MAP_X))
		return false;
	for (size_t j = 0; j < i; j++)
		if ((maps->maps.data[j].prot & MAP_X) && procmap_same_file(&maps->maps.data[j], m))
			return false;
	return true;
}
