// SPDX-License-Identifier: GPL-2.0-only
#include "process/filescan.h"

#include <stdlib.h>

/* The largest Go programs have some 200 MiB of read-only data. */
#define FILESCAN_FILE_MAX (UINT64_C(1) << 30)
#define FILESCAN_ALL_MAX (UINT64_C(4) << 30)

/* ---- the list of files ---- */

static int cmp_u64(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

static int cmp_mapping_file(const void *a, const void *b, void *ctx)
{
	const struct procmap *maps = ctx;
	uint32_t i = *(const uint32_t *)a, j = *(const uint32_t *)b;
	int order = cmp_u64(maps[i].inode, maps[j].inode);

	if (!order)
		order = cmp_u64(maps[i].dev_major, maps[j].dev_major);
	if (!order)
		order = cmp_u64(maps[i].dev_minor, maps[j].dev_minor);
	return order ? order : cmp_u64(i, j);
}

static int cmp_codefile(const void *a, const void *b)
{
	return cmp_u64(((const struct codefile *)a)->code->start,
		       ((const struct codefile *)b)->code->start);
}

/* The file whose mappings begin at order[first]. Without code or without data, `code` is NULL. */
static struct codefile codefile_at(const struct codefiles *list, size_t first)
{
	const struct procmap *maps = list->maps->maps.data, *m = &maps[list->order.data[first]];
	struct codefile file = { .first = first };
	bool has_data = false;

	for (size_t i = first; i < list->order.len; i++, file.cnt++) {
		const struct procmap *other = &maps[list->order.data[i]];

		if (!procmap_same_file(m, other))
			break;
		if ((other->prot & MAP_X) && !file.code)
			file.code = other;
		has_data |= (other->prot & (MAP_R | MAP_X)) == MAP_R;
	}
	if (!has_data)
		file.code = NULL;
	return file;
}

struct err *codefiles_init(struct codefiles *list, const struct procmaps *maps)
{
	*list = (struct codefiles){ .maps = maps };
	for (uint32_t i = 0; i < maps->maps.len; i++)
		if (maps->maps.data[i].inode && !vec_push(&list->order, i))
			return err_nomem();
	if (list->order.len)
		qsort_r(list->order.data, list->order.len, sizeof(uint32_t), cmp_mapping_file,
			maps->maps.data);
	for (size_t i = 0; i < list->order.len;) {
		struct codefile file = codefile_at(list, i);

		if (file.code && !vec_push(&list->files, file))
			return err_nomem();
		i += file.cnt;
	}
	vec_sort(&list->files, cmp_codefile);
	return NULL;
}

void codefiles_fini(struct codefiles *list)
{
	vec_fini(&list->order);
	vec_fini(&list->files);
}

struct err *filescan_init(struct filescan *fs, const struct procmaps *maps)
{
	*fs = (struct filescan){ .buf = malloc(FILESCAN_BUF_SZ), .left_bytes = FILESCAN_ALL_MAX };
	struct err *err = codefiles_init(&fs->list, maps);

	return err || fs->buf ? err : err_nomem();
}

void filescan_fini(struct filescan *fs)
{
	codefiles_fini(&fs->list);
	free(fs->buf);
	fs->buf = NULL;
}

/* ---- a walk ---- */

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

/* Walks over a mapping; *left_ret is what may still be read of the file. */
static struct err *filescan_mapping(struct filescan *fs, const struct procmap *m,
				    uint64_t *left_ret, filescan_fn fn, void *ctx)
{
	struct err *err = NULL;

	for (uint64_t addr = m->start; !err && addr < m->end && *left_ret >= FILESCAN_CHUNK;
	     addr += FILESCAN_CHUNK, *left_ret -= FILESCAN_CHUNK)
		err = filescan_chunk(fs, addr, m->end, fn, ctx);
	return err;
}

struct err *filescan(struct filescan *fs, bool writable_only, filescan_fn fn, void *ctx)
{
	uint64_t most = fs->left_bytes < FILESCAN_FILE_MAX ? fs->left_bytes : FILESCAN_FILE_MAX;
	uint64_t left = most;
	struct err *err = NULL;

	for (size_t i = 0; !err && i < fs->file->cnt; i++) {
		uint32_t at = fs->list.order.data[fs->file->first + i];
		const struct procmap *m = &fs->list.maps->maps.data[at];

		if ((m->prot & MAP_R) && !(m->prot & MAP_X) &&
		    (!writable_only || (m->prot & MAP_W)))
			err = filescan_mapping(fs, m, &left, fn, ctx);
	}
	fs->left_bytes -= most - left;
	return err;
}
