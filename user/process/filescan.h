/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * filescan.h - walks over the data of a file that the target maps, piece by piece.
 */
#ifndef MAPTRACE_PROCESS_FILESCAN_H
#define MAPTRACE_PROCESS_FILESCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "process/layout.h"
#include "process/mem.h"
#include "process/procmaps.h"

enum {
	FILESCAN_PAGE = 4096, /* a page of any target, or a part of one */
	FILESCAN_CHUNK = 1 << 20,
	/* A moduledata is the longest thing that is looked for: it may start this close before
	 * the end of a chunk. */
	FILESCAN_OVERLAP = MODULEDATA_SZ_MIN,
	FILESCAN_BUF_SZ = FILESCAN_CHUNK + FILESCAN_OVERLAP,
};

struct filescan {
	const struct procmaps *maps;
	const struct procmap *file; /* one mapping of it */
	struct mem *mem; /* reads the file's mappings */
	uint8_t *buf; /* has FILESCAN_BUF_SZ bytes */
};

/* Looks for what starts in the first `step` of the len bytes. */
typedef struct err *(*filescan_fn)(void *ctx, uint64_t addr, const uint8_t *data, size_t len,
				   size_t step);

/* Passes each readable, non-executable mapping of the file to fn, in chunks that overlap. Skips
 * unreadable pages. Reads a bounded amount, so that a hostile file cannot keep us busy. */
struct err *filescan(struct filescan *fs, bool writable_only, filescan_fn fn, void *ctx);

/* Whether the i-th mapping is the first executable one of its file. So a loop over all mappings
 * looks once at each file with code. */
bool filescan_is_first_code(const struct procmaps *maps, size_t i);

#endif
