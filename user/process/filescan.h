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
	FILESCAN_PAGE = 4096, /* of any target: or a part of one */
	FILESCAN_CHUNK = 1 << 20,
	/* A moduledata, the longest that is looked for, may start this close before a
	 * chunk's end. */
	FILESCAN_OVERLAP = MODULEDATA_SZ_MIN,
	FILESCAN_BUF_SZ = FILESCAN_CHUNK + FILESCAN_OVERLAP,
};

struct filescan {
	const struct procmaps *maps;
	const struct procmap *file; /* one mapping of it */
	struct mem *mem; /* reads the file's mappings */
	uint8_t *buf; /* of FILESCAN_BUF_SZ */
};

/* Looks at len bytes, for what starts in the first `step` of them. */
typedef struct err *(*filescan_fn)(void *ctx, uint64_t addr, const uint8_t *data, size_t len,
				   size_t step);

/* Passes each readable, non-executable mapping of the file to fn, in chunks that
 * overlap; unreadable pages are skipped. What a hostile file can make us read is bounded. */
struct err *filescan(struct filescan *fs, bool writable_only, filescan_fn fn, void *ctx);

/* Each file with an executable mapping is worth a look once, at its first one. */
bool filescan_is_first_code(const struct procmaps *maps, size_t i);

#endif
