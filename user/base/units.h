/* SPDX-License-Identifier: GPL-2.0-only */
/* units.h - sizes and counts as people read and write them. */
#ifndef MAPTRACE_BASE_UNITS_H
#define MAPTRACE_BASE_UNITS_H

#include <stdbool.h>
#include <stdint.h>

/* One of the texts below. */
struct text {
	char s[48];
};

/* "0 B", "512 B", "1.50 KiB", "2.91 GiB": three significant digits. */
struct text text_bytes(uint64_t bytes);

/* "58,720,256" */
struct text text_count(uint64_t n);

/* "1 window", "2,048 windows", "0 censuses": for nouns of at most 16 letters whose plural ends in
 * s, or in es after an s. */
struct text text_counted(uint64_t n, const char *noun);

/* "950 ms", "12.3 s", "4m05s", "3d04h" */
struct text text_duration(uint64_t ns);

/* "<0.01", "0.03", "9.1", "950", "12.3 k", "75.0 M": for rates a second */
struct text text_rate(double per_s);

/* "0 %", "0.041 %", "12 %", "250 %" for a share such as 0.12: two significant digits */
struct text text_percent(double share);

/* Parses "4096", "64k", "1.5G", "32MiB" (powers of 1024); false when s is not a size. */
bool parse_bytes(const char *s, uint64_t *ret);

/* Parses "0", "10", "2.5", "500ms", "10s", "2m" into nanoseconds; a number without a unit is in
 * seconds. False when s is not a duration, or above 30 days. */
bool parse_duration(const char *s, uint64_t *ret);

#endif
