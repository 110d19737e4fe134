// SPDX-License-Identifier: GPL-2.0-only
#include "model/outside.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

#define ARENA_SZ (UINT64_C(64) << 20) /* HEAP_MAX_SIZE of glibc on 64 bits */

enum { IMAGE_PARTS = 8 }; /* mappings of one program or library, next to each other, at most */

void outside_init(struct outside *o, const struct procmaps *maps)
{
	memset(o, 0, sizeof(*o));
	o->last_block = UINT64_MAX;
	for (size_t i = 0; i < maps->maps.len; i++)
		o->has_libc |= maps->maps.data[i].libc;
}

/*
 * The start of an arena (glibc: struct heap_info): its malloc_state, the heap before it of the same
 * arena, and two sizes.
 */
static bool outside_is_arena(struct mem *mem, uint64_t block)
{
	uint64_t w[4];

	if (mem->stop && *mem->stop)
		return false;
	struct err *err = mem_read(mem, block, w, sizeof(w));
	if (err) {
		err_free(err);
		return false;
	}
	return w[0] && w[0] % 8 == 0 && w[1] % ARENA_SZ == 0 && w[2] && w[2] <= ARENA_SZ &&
	       w[3] >= w[2] && w[3] <= ARENA_SZ && w[2] % 4096 == 0 && w[3] % 4096 == 0;
}

/* Counts anonymous pages of one block of 64 MiB. */
static void outside_add_block(struct outside *o, struct mem *mem, uint64_t block, uint64_t bytes)
{
	if (block != o->last_block) {
		o->last_block = block;
		o->last_is_arena = o->has_libc && outside_is_arena(mem, block);
		o->arena_cnt += o->last_is_arena;
	}
	if (o->last_is_arena)
		o->arena_bytes += bytes;
	else
		o->other_bytes += bytes;
}

static void outside_add_anon(struct outside *o, struct mem *mem, const struct page_run *run)
{
	for (uint64_t at = run->start, end; at < run->end; at = end) {
		uint64_t block = at & ~(ARENA_SZ - 1);

		end = block + ARENA_SZ < run->end ? block + ARENA_SZ : run->end;
		outside_add_block(o, mem, block, end - at);
	}
}

/* A program or library has code in one of the mappings next to each other. */
static bool outside_is_image(const struct procmaps *maps, size_t m)
{
	const struct procmap *file = &maps->maps.data[m];
	size_t first = m > IMAGE_PARTS ? m - IMAGE_PARTS : 0;

	for (size_t i = first; i < maps->maps.len && i < m + IMAGE_PARTS; i++)
		if (procmap_same_file(file, &maps->maps.data[i]) &&
		    (maps->maps.data[i].prot & MAP_X))
			return true;
	return false;
}

static void outside_add_file(struct outside *o, const struct procmaps *maps, size_t m,
			     const struct page_run *run)
{
	const struct procmap *file = &maps->maps.data[m];

	if (!file->inode || outside_is_image(maps, m))
		return;
	if (o->file_start != file->start) {
		o->file_start = file->start;
		o->file_bytes = 0;
	}
	o->file_bytes += run->end - run->start;
	o->data_file_bytes += run->end - run->start;
	if (o->file_bytes > o->largest_file_bytes) {
		o->largest_file_bytes = o->file_bytes;
		o->largest_file_start = file->start;
	}
}

void outside_add(struct outside *o, struct mem *mem, const struct procmaps *maps, size_t m,
		 const struct page_run *run, bool anon)
{
	if (!(run->state & PAGE_PRESENT) || m >= maps->maps.len)
		return;
	if (!anon)
		outside_add_file(o, maps, m, run);
	else if (maps->maps.data[m].kind == PROCMAP_BRK)
		o->brk_bytes += run->end - run->start;
	else
		outside_add_anon(o, mem, run);
}

/* The path begins after the inode and blanks. */
static void outside_copy_path(struct outside *o, char *line)
{
	int path = 0;

	line[strcspn(line, "\n")] = '\0';
	if (sscanf(line, "%*s %*s %*s %*s %*s %n", &path) == 0 && path)
		snprintf(o->largest_file, sizeof(o->largest_file), "%s", line + path);
}

void outside_name_file(struct outside *o, pid_t pid)
{
	_cleanup_free_ char *line = NULL;
	char path[64];
	size_t cap = 0;

	if (!o->largest_file_start)
		return;
	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	_cleanup_fclose_ FILE *f = fopen(path, "re");
	while (f && getline(&line, &cap, f) > 0)
		if (strtoull(line, NULL, 16) == o->largest_file_start) {
			outside_copy_path(o, line);
			return;
		}
}
