// SPDX-License-Identifier: GPL-2.0-only
#include "base/units.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const uint64_t NS_PER_S = 1000000000;

/* Decimals that make three significant digits: 1.23, 12.3, 123. */
static int units_decimals(double v)
{
	return v < 9.995 ? 2 : v < 99.95 ? 1 : 0;
}

struct text text_bytes(uint64_t bytes)
{
	static const char *const units[] = { "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	struct text t;
	double v = bytes;
	int unit = -1;

	if (bytes < 1024) {
		snprintf(t.s, sizeof(t.s), "%" PRIu64 " B", bytes);
		return t;
	}
	do {
		v /= 1024;
		unit++;
	} while (v >= 999.5);
	snprintf(t.s, sizeof(t.s), "%.*f %s", units_decimals(v), v, units[unit]);
	return t;
}

struct text text_count(uint64_t n)
{
	struct text t;
	char digits[24];
	int len = snprintf(digits, sizeof(digits), "%" PRIu64, n);
	char *out = t.s;

	for (int i = 0; i < len; i++) {
		if (i && (len - i) % 3 == 0)
			*out++ = ',';
		*out++ = digits[i];
	}
	*out = '\0';
	return t;
}

struct text text_counted(uint64_t n, const char *noun)
{
	const char *plural = n == 1 ? "" : noun[strlen(noun) - 1] == 's' ? "es" : "s";
	struct text t;

	snprintf(t.s, sizeof(t.s), "%.26s %.16s%s", text_count(n).s, noun, plural);
	return t;
}

struct text text_duration(uint64_t ns)
{
	struct text t;
	uint64_t s = ns / NS_PER_S;
	double ms = ns / 1e6;

	if (ms < 999.5)
		snprintf(t.s, sizeof(t.s), "%.*f ms", units_decimals(ms), ms);
	else if (s < 100)
		snprintf(t.s, sizeof(t.s), "%.1f s", ns / 1e9);
	else if (s < 3600)
		snprintf(t.s, sizeof(t.s), "%" PRIu64 "m%02" PRIu64 "s", s / 60, s % 60);
	else if (s < 86400)
		snprintf(t.s, sizeof(t.s), "%" PRIu64 "h%02" PRIu64 "m", s / 3600, s / 60 % 60);
	else
		snprintf(t.s, sizeof(t.s), "%" PRIu64 "d%02" PRIu64 "h", s / 86400, s / 3600 % 24);
	return t;
}

struct text text_rate(double per_s)
{
	static const char units[] = { ' ', 'k', 'M', 'G', 'T' };
	struct text t;
	size_t unit = 0;

	while (per_s >= 999.5 && unit + 1 < sizeof(units)) {
		per_s /= 1000;
		unit++;
	}
	if (per_s == 0)
		snprintf(t.s, sizeof(t.s), "0");
	else if (per_s < 0.005)
		snprintf(t.s, sizeof(t.s), "<0.01");
	else if (unit == 0)
		snprintf(t.s, sizeof(t.s), "%.*f", units_decimals(per_s), per_s);
	else
		snprintf(t.s, sizeof(t.s), "%.*f %c", units_decimals(per_s), per_s, units[unit]);
	return t;
}

struct text text_percent(double share)
{
	double percent = 100 * share;
	struct text t;

	if (percent > 0 && percent < 0.0001)
		snprintf(t.s, sizeof(t.s), "<0.0001 %%");
	else
		snprintf(t.s, sizeof(t.s), percent < 99.5 ? "%.2g %%" : "%.0f %%", percent);
	return t;
}

/* Parses a number without sign, infinity or nan, and says where it ends. */
static bool units_parse_number(const char *s, double *ret, const char **end_ret)
{
	char *end;

	if (!isdigit((unsigned char)*s))
		return false;
	errno = 0;
	*ret = strtod(s, &end);
	*end_ret = end;
	return !errno && isfinite(*ret);
}

bool parse_bytes(const char *s, uint64_t *ret)
{
	static const char prefixes[] = "kmgtp";
	const char *end, *prefix;
	double v;

	if (!units_parse_number(s, &v, &end))
		return false;
	prefix = *end ? strchr(prefixes, tolower((unsigned char)*end)) : NULL;
	if (prefix) {
		v = ldexp(v, 10 * (prefix - prefixes + 1));
		end++;
		if (!strncasecmp(end, "ib", 2))
			end += 2;
	}
	if (!strcasecmp(end, "b"))
		end++;
	if (*end || v >= 0x1p63)
		return false;
	*ret = v;
	return true;
}

bool parse_duration(const char *s, uint64_t *ret)
{
	static const struct {
		const char *suffix;
		double seconds;
	} units[] = { { "", 1 }, { "s", 1 }, { "ms", 1e-3 }, { "m", 60 }, { "h", 3600 } };
	const char *end;
	double v;

	if (!units_parse_number(s, &v, &end))
		return false;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcmp(end, units[i].suffix))
			continue;
		v *= units[i].seconds;
		if (v > 30 * 86400)
			return false;
		*ret = v * NS_PER_S;
		return true;
	}
	return false;
}
