/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * goimage.h - where the Go runtime sits in the target's address space.
 *
 * Found by content, not by section or symbol, so that stripped, PIE, externally
 * linked and c-shared files are one case: a pcHeader in a read-only mapping of a
 * file, a pointer to it that starts a moduledata in a writable one, and the
 * build info block beside them (go-runtime facts 5.3, 5.5).
 */
#ifndef MAPTRACE_TARGET_GOIMAGE_H
#define MAPTRACE_TARGET_GOIMAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "target/buildinfo.h"
#include "target/mapped_file.h"
#include "target/procmaps.h"
#include "target/target.h"

/* The header of the function table, as far as all versions since 1.18 agree. */
struct pcheader {
	uint64_t addr;
	uint64_t func_cnt;
	uint64_t funcname_off; /* offsets from addr */
	uint64_t pcln_off;
	uint8_t min_lc;
	bool before_1_20; /* the older form of function records and inline trees */
};

struct goimage {
	struct buildinfo build;
	struct pcheader pcheader;
	uint64_t moduledata;
	struct procmap file; /* one mapping of the file that holds the runtime */
	struct mapped_file *mapped; /* that file; its mem is for reads of the image */
};

/* Parses a pcHeader; false when the bytes are none. len may be as small as 72. */
bool pcheader_parse(const uint8_t *data, size_t len, uint64_t addr, struct pcheader *ret);

/*
 * Finds the image. ERR_UNSUPPORTED with a reason when the process is no Go
 * program, or of a Go that we do not know. The target and the list must outlive it.
 * Release with goimage_fini().
 */
struct err *goimage_find(struct target *t, const struct procmaps *maps, struct goimage *ret);
void goimage_fini(struct goimage *image);

#endif
