/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * goimage.h - where the Go runtime sits in the target's address space.
 *
 * Found by content, not by section or symbol, so that stripped, PIE, externally
 * linked and c-shared files are one case: a pcHeader in a read-only mapping of a
 * file, a pointer to it that starts a moduledata in a writable one, and the
 * build info block beside them (go-runtime facts 5.3, 5.5).
 */
#ifndef MAPTRACE_PROCESS_GOIMAGE_H
#define MAPTRACE_PROCESS_GOIMAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/vec.h"
#include "process/buildinfo.h"
#include "process/mapped_file.h"
#include "process/procmaps.h"
#include "process/target.h"

enum {
	PCHEADER_SZ = 72, /* that it has at least */
	PCHEADER_SZ_MAX = 128, /* and at most: 96 in Go 1.18 to 1.25 */
};

/* The header of the function table, as far as all versions since 1.18 agree. */
struct pcheader {
	uint64_t addr;
	uint64_t func_cnt;
	uint64_t funcname_off; /* offsets from addr */
	uint64_t pcln_off;
	uint8_t min_lc;
	bool before_1_20; /* the older form of function records and inline trees */
};

/* A file of Go code in the process. */
struct gomodule {
	struct pcheader pcheader;
	uint64_t moduledata;
	struct procmap file; /* one mapping of it */
	struct mapped_file *mapped; /* its mem is for reads of the module */
	char *path; /* in the target's namespace; "?" when it is not to be had */
};

struct goimage {
	struct buildinfo build;
	struct pcheader pcheader;
	uint64_t moduledata;
	struct procmap file; /* one mapping of the file that holds the runtime */
	struct mapped_file *mapped; /* that file; its mem is for reads of the image */
	/* What that runtime works with, too: plugins, shared libraries of Go packages. */
	VEC(struct gomodule) plugins;
	/* Paths of files with runtimes of their own: C programs may load several. */
	VEC(char *) others;
};

/* Parses a pcHeader; false when the bytes are none. len may be as small as
 * PCHEADER_SZ. */
bool pcheader_parse(const uint8_t *data, size_t len, uint64_t addr, struct pcheader *ret);

/*
 * Finds the image, the first of the process. ERR_UNSUPPORTED with a reason when the process is no Go
 * program, or of a Go that we do not know. The target and the list must outlive it.
 * Release with goimage_fini().
 */
struct err *goimage_find(struct target *t, const struct procmaps *maps, struct goimage *ret);
void goimage_fini(struct goimage *image);

#endif
