// SPDX-License-Identifier: GPL-2.0-only
#include "process/buildinfo.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/cursor.h"

static const char MAGIC[] = "\xff Go buildinf:";

enum {
	MAGIC_SZ = sizeof(MAGIC) - 1,
	FLAGS_OFF = 15,
	FLAG_INLINE_STRINGS = 2,
	MARKER_SZ = 16,
	OLDEST_MINOR = 18,
};

bool buildinfo_is_magic(const uint8_t *data, size_t len)
{
	return len >= BUILDINFO_HEADER_SZ && !memcmp(data, MAGIC, MAGIC_SZ);
}

/* Points into the block; NULL when the length does not fit. */
static const uint8_t *buildinfo_read_string(struct cursor *c, size_t *len_ret)
{
	uint64_t len = cursor_uvarint(c);

	if (c->bad || len > c->len - c->pos)
		return NULL;
	*len_ret = len;
	return cursor_bytes(c, len);
}

static void buildinfo_copy_text(char *dst, size_t dst_sz, const char *src, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len && n + 1 < dst_sz; i++)
		if (isprint((unsigned char)src[i]))
			dst[n++] = src[i];
	dst[n] = '\0';
}

/* Parses "go1.24.4", "go1.27rc1", "devel go1.28-abc": needs major version 1 and a minor one. */
static bool buildinfo_parse_version(const char *text, struct buildinfo *bi)
{
	const char *go = strstr(text, "go1.");
	int used = 0;

	if (!go || sscanf(go, "go1.%u%n", &bi->minor, &used) != 1)
		return false;
	if (go[used] == '.')
		sscanf(go + used, ".%u", &bi->patch);
	return true;
}

/* The experiments follow a space up to Go 1.25, a hyphen from 1.26 on. */
static void buildinfo_split_version(const char *text, struct buildinfo *bi)
{
	const char *x = strstr(text, "X:");
	size_t len = x && x > text ? (size_t)(x - 1 - text) : strlen(text);

	buildinfo_copy_text(bi->version, sizeof(bi->version), text, len);
	if (x)
		buildinfo_copy_text(bi->experiments, sizeof(bi->experiments), x + 2, strlen(x + 2));
}

static bool buildinfo_line_starts(const char *line, size_t len, const char *prefix)
{
	return len >= strlen(prefix) && !memcmp(line, prefix, strlen(prefix));
}

static void buildinfo_parse_line(const char *line, size_t len, struct buildinfo *bi)
{
	static const char path[] = "path\t", asan[] = "build\t-asan=true";

	if (buildinfo_line_starts(line, len, path) && !bi->main_path[0])
		buildinfo_copy_text(bi->main_path, sizeof(bi->main_path), line + sizeof(path) - 1,
				    len - (sizeof(path) - 1));
	bi->asan |= len == sizeof(asan) - 1 && buildinfo_line_starts(line, len, asan);
}

/* Module info is lines of fields with tabs between them; "path" names the main package. */
static void buildinfo_parse_mod(const uint8_t *mod, size_t len, struct buildinfo *bi)
{
	if (len < 2 * MARKER_SZ)
		return;
	const char *text = (const char *)mod + MARKER_SZ, *end = text + len - 2 * MARKER_SZ;

	while (text < end) {
		const char *nl = memchr(text, '\n', end - text);
		size_t line = nl ? nl - text : end - text;

		buildinfo_parse_line(text, line, bi);
		text += line + 1;
	}
}

struct err *buildinfo_parse(const uint8_t *data, size_t len, struct buildinfo *ret)
{
	struct buildinfo bi = { 0 };
	struct cursor c = cursor_of(data, len);
	char text[256];
	size_t n;

	if (!buildinfo_is_magic(data, len))
		return err_new(ERR_FORMAT, "no build info at this place");
	if (!(data[FLAGS_OFF] & FLAG_INLINE_STRINGS))
		return err_new(ERR_UNSUPPORTED,
			       "built by Go older than 1.18, which maptrace does not know");

	cursor_seek(&c, BUILDINFO_HEADER_SZ);
	const uint8_t *version = buildinfo_read_string(&c, &n);
	if (!version || n == 0 || n >= sizeof(text))
		return err_new(ERR_FORMAT, "build info without a Go version");
	buildinfo_copy_text(text, sizeof(text), (const char *)version, n);
	if (!buildinfo_parse_version(text, &bi))
		return err_new(ERR_UNSUPPORTED, "unknown Go version '%s'", text);
	buildinfo_split_version(text, &bi);
	if (bi.minor < OLDEST_MINOR)
		return err_new(ERR_UNSUPPORTED, "built by %s; maptrace knows Go 1.18 and later",
			       bi.version);

	const uint8_t *mod = buildinfo_read_string(&c, &n);
	if (mod)
		buildinfo_parse_mod(mod, n, &bi);
	*ret = bi;
	return NULL;
}
