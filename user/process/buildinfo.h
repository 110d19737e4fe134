/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * buildinfo.h - what the Go linker recorded about the build.
 *
 * The block starts with a 14-byte magic, the pointer size and flags. With flag 2 (Go 1.18 and
 * later) two strings with varint lengths follow at offset 32: the version ("go1.24.4", "go1.25.12
 * X:noswissmap", "go1.27.4-X:mapsplitgroup") and the module info between two 16-byte markers.
 * Every kind of build keeps the block when it is stripped (go-runtime facts 5.5).
 */
#ifndef MAPTRACE_PROCESS_BUILDINFO_H
#define MAPTRACE_PROCESS_BUILDINFO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum {
	BUILDINFO_ALIGN = 16,
	BUILDINFO_HEADER_SZ = 32,
	/* Module info lists every dependency, with some 100 bytes each. */
	BUILDINFO_MAX = 1 << 20,
};

struct buildinfo {
	char version[64]; /* without experiments: "go1.24.4" */
	unsigned int minor; /* 24 */
	unsigned int patch; /* 4 */
	char experiments[128]; /* "noswissmap,..." or "" */
	char main_path[256]; /* path of the main package, or "" */
	bool asan; /* built with -asan, so objects have red zones */
};

/* Whether the bytes start a build info block. */
bool buildinfo_is_magic(const uint8_t *data, size_t len);

/* Parses a block. ERR_UNSUPPORTED for Go before 1.18, ERR_FORMAT for nonsense. */
struct err *buildinfo_parse(const uint8_t *data, size_t len, struct buildinfo *ret);

#endif
