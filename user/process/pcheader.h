/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * pcheader.h - runtime.pcHeader, with which the function table of a Go file begins
 * (go-runtime facts 5.3).
 */
#ifndef MAPTRACE_PROCESS_PCHEADER_H
#define MAPTRACE_PROCESS_PCHEADER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The magics of all versions are in [PCHEADER_MAGIC_MIN, UINT32_MAX]: a quick look at the
 * first 4 bytes tells what need not be parsed. */
#define PCHEADER_MAGIC_MIN 0xfffffff0

enum {
	PCHEADER_SZ = 72, /* at least: the fields that we read */
	PCHEADER_SZ_MAX = 128, /* at most: it has 96 bytes in Go 1.18 to 1.25 */
};

/* What all versions since 1.18 agree on. */
struct pcheader {
	uint64_t addr;
	uint64_t func_cnt;
	uint64_t funcname_off; /* offsets from addr */
	uint64_t pcln_off;
	uint8_t min_lc; /* length of the shortest instruction, in bytes */
	bool before_1_20; /* the older form of function records and inline trees */
};

/* Parses the pcHeader that is at addr in the target; false when the bytes are not one. len
 * may be as small as PCHEADER_SZ. */
bool pcheader_parse(const uint8_t *data, size_t len, uint64_t addr, struct pcheader *ret);

/* Whether the 8 bytes begin a function table of Go 1.2 to 1.17, which we do not know. */
bool pcheader_is_old(const uint8_t *data);

#endif
