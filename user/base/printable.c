// SPDX-License-Identifier: GPL-2.0-only
#include "base/printable.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes that a character of UTF-8 has by its first one; 0: no character begins with it. */
static int utf8_len(unsigned char first)
{
	return first < 0x80   ? 1
	       : first < 0xc2 ? 0
	       : first < 0xe0 ? 2
	       : first < 0xf0 ? 3
	       : first < 0xf5 ? 4
			      : 0;
}

/* Controls, what has no width, and what turns the direction of the text around. */
static bool is_hidden(uint32_t c)
{
	static const struct {
		uint32_t first;
		uint32_t last;
	} ranges[] = {
		{ 0x00, 0x1f },	      { 0x7f, 0x9f },	  { 0xad, 0xad },     { 0x61c, 0x61c },
		{ 0x180e, 0x180e },   { 0x200b, 0x200f }, { 0x2028, 0x202e }, { 0x2060, 0x206f },
		{ 0xd800, 0xdfff },   { 0xfe00, 0xfe0f }, { 0xfeff, 0xfeff }, { 0xfff0, 0xfffb },
		{ 0xe0000, 0xe0fff },
	};

	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
		if (c >= ranges[i].first && c <= ranges[i].last)
			return true;
	return false;
}

int printable_len(const char *s)
{
	static const uint8_t first_bits[] = { 0, 0x7f, 0x1f, 0x0f, 0x07 };
	int len = utf8_len((unsigned char)*s);
	uint32_t c = (unsigned char)*s & first_bits[len];

	for (int i = 1; i < len; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3f);
	}
	return is_hidden(c) ? 0 : len;
}

void printable_make(char *s)
{
	while (*s) {
		int len = printable_len(s);

		if (!len)
			*s = '?';
		s += len ? len : 1;
	}
}
