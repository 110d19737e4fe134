/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * fuzz.h - what the fuzzers share.
 *
 * A fuzzer gives the bytes of libFuzzer to code that reads what others wrote. A fuzzer of deep
 * structures has real ones, and takes its input as a list of changes to them: bytes alone would
 * be refused at the door.
 */
#ifndef MAPTRACE_TESTS_FUZZ_H
#define MAPTRACE_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* One change: of the word at a place, by an operation, with a value. */
struct fuzz_change {
	uint32_t place;
	uint8_t op;
	uint64_t value;
};

enum { FUZZ_CHANGE_SZ = 13 };

/* The i-th change of an input, which has len / FUZZ_CHANGE_SZ of them. */
static inline struct fuzz_change fuzz_change_at(const uint8_t *data, size_t i)
{
	const uint8_t *p = data + i * FUZZ_CHANGE_SZ;
	struct fuzz_change c = { .op = p[4] };

	memcpy(&c.place, p, sizeof(c.place));
	memcpy(&c.value, p + 5, sizeof(c.value));
	return c;
}

/* The word after a change: the worst errors are not noise, but words that belong elsewhere, are a
 * little off, or huge. `other` is a word of another place, `address` one that exists. */
static inline uint64_t fuzz_changed(const struct fuzz_change *c, uint64_t word, uint64_t other,
				    uint64_t address)
{
	switch (c->op % 8) {
	case 0:
		return c->value;
	case 1:
		return word + (c->value & 0xfff) - 2048;
	case 2:
		return word ^ 1ull << (c->value & 63);
	case 3:
		return other;
	case 4:
		return UINT64_MAX >> (c->value & 63);
	case 5:
		return (word & ~0xffull) | (c->value & 0xff);
	case 6:
		return address;
	default:
		return (word & ~0xffffffffull) | (uint32_t)c->value;
	}
}

/* Ends the run as a finding when it does not hold. */
static inline void fuzz_expect(int holds)
{
	if (!holds)
		__builtin_trap();
}

#endif
