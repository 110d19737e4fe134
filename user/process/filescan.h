/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * filescan.h - the files with code that the target maps, and walks over the data of one of them,
 * piece by piece.
 */
#ifndef MAPTRACE_PROCESS_FILESCAN_H
#define MAPTRACE_PROCESS_FILESCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "process/layout.h"
#include "process/mem.h"
#include "process/procmaps.h"

/* A file of which the target maps code and data. */
struct codefile {
	const struct procmap *code; /* its first executable mapping */
	size_t first; /* its mappings are order[first, first + cnt) of struct codefiles */
	size_t cnt;
};

/* All such files, in the order of their code. */
struct codefiles {
	const struct procmaps *maps;
	VEC(uint32_t) order; /* indexes of the mappings of files, by file, then by address */
	VEC(struct codefile) files;
};

/* Lists the files; the mappings must outlive the list. Takes n log n steps for n mappings. Release
 * with codefiles_fini(). */
struct err *codefiles_init(struct codefiles *list, const struct procmaps *maps);
void codefiles_fini(struct codefiles *list);

enum {
	FILESCAN_PAGE = 4096, /* a page of any target, or a part of one */
	FILESCAN_CHUNK = 1 << 20,
	/* A moduledata is the longest thing that is looked for: it may start this close before
	 * the end of a chunk. */
	FILESCAN_OVERLAP = MODULEDATA_SZ_MIN,
	FILESCAN_BUF_SZ = FILESCAN_CHUNK + FILESCAN_OVERLAP,
};

struct filescan {
	struct codefiles list;
	const struct codefile *file; /* of the list */
	struct mem *mem; /* reads the file's mappings */
	uint8_t *buf;
	uint64_t left_bytes; /* that may still be read, of all files together */
};

/* Lists the files with code. Release with filescan_fini(), after a failure, too. */
struct err *filescan_init(struct filescan *fs, const struct procmaps *maps);
void filescan_fini(struct filescan *fs);

/* Looks for what starts in the first `step` of the len bytes. */
typedef struct err *(*filescan_fn)(void *ctx, uint64_t addr, const uint8_t *data, size_t len,
				   size_t step);

/* Passes each readable, non-executable mapping of the file to fn, in chunks that overlap. Skips
 * unreadable pages. Reads a bounded amount, so that a hostile file cannot keep us busy. */
struct err *filescan(struct filescan *fs, bool writable_only, filescan_fn fn, void *ctx);

#endif
