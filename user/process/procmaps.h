/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * procmaps.h - the target's mappings, as /proc/PID/maps lists them.
 *
 *	7f2c00000000-7f2c00021000 rw-p 00001000 fe:01 131 /usr/bin/x
 *	start        end          prot offset   dev  inode path
 *
 * The target maps and unmaps memory while we read, so the list may be out of date at once.
 */
#ifndef MAPTRACE_PROCESS_PROCMAPS_H
#define MAPTRACE_PROCESS_PROCMAPS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/vec.h"

enum { MAP_R = 1, MAP_W = 2, MAP_X = 4 };

/* What the name of a mapping says about its pages. */
enum procmap_kind {
	PROCMAP_PLAIN, /* a file, or anonymous */
	PROCMAP_VDSO, /* code of the kernel, in RSS */
	PROCMAP_KERNEL, /* [vvar], [vsyscall]: pages of the kernel, in no RSS */
	PROCMAP_GO, /* named by the Go runtime (Go 1.25, kernels with anonymous names) */
	PROCMAP_BRK, /* [heap], which C's malloc grows with brk(2); Go itself never does */
	PROCMAP_DEVICE, /* of a device: may be memory that no RSS counts */
};

struct procmap {
	uint64_t start;
	uint64_t end;
	uint64_t offset; /* of start in the file */
	uint64_t inode; /* 0: not a file */
	uint32_t dev_major;
	uint32_t dev_minor;
	uint8_t prot; /* MAP_R | MAP_W | MAP_X */
	uint8_t kind; /* enum procmap_kind */
	bool shared;
	bool libc; /* of a C library */
};

struct procmaps {
	VEC(struct procmap) maps; /* ascending by address */
};

/* Reads /proc/PID/maps; free with procmaps_fini(). */
struct err *procmaps_init(struct procmaps *maps, pid_t pid);
void procmaps_fini(struct procmaps *maps);

/* Parses one line without its newline; false when it has another form. */
bool procmap_parse(const char *line, struct procmap *ret);

/* The mapping that holds addr, or NULL. */
const struct procmap *procmaps_find(const struct procmaps *maps, uint64_t addr);

/* Whether two mappings are of the same file. */
bool procmap_same_file(const struct procmap *a, const struct procmap *b);

#endif
