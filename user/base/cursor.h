/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * cursor.h - little-endian reads from bytes that may be wrong or hostile.
 *
 * Every read is bounded. A read past the end yields 0 and sets `bad`, so a parser may read a
 * whole structure and look at `bad` once. It never yields a stale or partial value.
 */
#ifndef MAPTRACE_BASE_CURSOR_H
#define MAPTRACE_BASE_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct cursor {
	const uint8_t *data;
	size_t len;
	size_t pos;
	bool bad;
};

static inline struct cursor cursor_of(const void *data, size_t len)
{
	return (struct cursor){ .data = (const uint8_t *)data, .len = len };
}

/* Moves to an absolute position. */
static inline void cursor_seek(struct cursor *c, size_t pos)
{
	if (pos > c->len)
		c->bad = true;
	else
		c->pos = pos;
}

/* Returns n bytes at the position and moves past them, or NULL. */
static inline const uint8_t *cursor_bytes(struct cursor *c, size_t n)
{
	if (c->bad || n > c->len - c->pos) {
		c->bad = true;
		return NULL;
	}
	const uint8_t *p = c->data + c->pos;
	c->pos += n;
	return p;
}

#define CURSOR_DEFINE_READ(bits)                                                                   \
	static inline uint##bits##_t cursor_u##bits(struct cursor *c)                              \
	{                                                                                          \
		uint##bits##_t v = 0;                                                              \
		const uint8_t *p = cursor_bytes(c, sizeof(v));                                     \
		if (p)                                                                             \
			memcpy(&v, p, sizeof(v));                                                  \
		return v;                                                                          \
	}

CURSOR_DEFINE_READ(8)
CURSOR_DEFINE_READ(16)
CURSOR_DEFINE_READ(32)
CURSOR_DEFINE_READ(64)

/* Go's varint: seven bits in each byte, low ones first, at most ten bytes. */
static inline uint64_t cursor_uvarint(struct cursor *c)
{
	uint64_t v = 0;

	for (unsigned int shift = 0; shift < 64; shift += 7) {
		uint8_t b = cursor_u8(c);
		v |= (uint64_t)(b & 0x7f) << shift;
		if (!(b & 0x80))
			return c->bad ? 0 : v;
	}
	c->bad = true;
	return 0;
}

/* Reads at fixed offsets from a buffer whose length the caller has checked. */
static inline uint64_t load_u64(const void *p, size_t off)
{
	uint64_t v;

	memcpy(&v, (const uint8_t *)p + off, sizeof(v));
	return v;
}

static inline uint32_t load_u32(const void *p, size_t off)
{
	uint32_t v;

	memcpy(&v, (const uint8_t *)p + off, sizeof(v));
	return v;
}

static inline uint16_t load_u16(const void *p, size_t off)
{
	uint16_t v;

	memcpy(&v, (const uint8_t *)p + off, sizeof(v));
	return v;
}

static inline uint8_t load_u8(const void *p, size_t off)
{
	return ((const uint8_t *)p)[off];
}

#endif
