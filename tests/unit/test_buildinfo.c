// SPDX-License-Identifier: GPL-2.0-only
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "process/buildinfo.h"

/*
 * A block as the linker writes it:
 *
 *	0	\xff Go buildinf:
 *	14	pointer size, 8
 *	15	flags: 2 says that strings follow in place
 *	32	varint length, version; varint length, module info
 */
struct block {
	uint8_t bytes[4096];
	size_t len;
};

enum { FLAGS_POINTERS = 0, FLAGS_INLINE = 2 };

static void put(struct block *b, const void *src, size_t len)
{
	assert_true(b->len + len <= sizeof(b->bytes));
	memcpy(b->bytes + b->len, src, len);
	b->len += len;
}

static void put_varint(struct block *b, uint64_t v)
{
	for (; v >= 0x80; v >>= 7)
		put(b, &(uint8_t){ v | 0x80 }, 1);
	put(b, &(uint8_t){ v }, 1);
}

static void put_string(struct block *b, const char *s)
{
	put_varint(b, strlen(s));
	put(b, s, strlen(s));
}

static struct block header(uint8_t flags)
{
	struct block b = { 0 };

	put(&b, "\xff Go buildinf:", 14);
	put(&b, (uint8_t[]){ 8, flags }, 2);
	put(&b, (uint8_t[16]){ 0 }, 16);
	return b;
}

static struct block block_of(const char *version)
{
	struct block b = header(FLAGS_INLINE);

	put_string(&b, version);
	return b;
}

/* Puts module info between two markers of 16 bytes. */
static void put_mod(struct block *b, const char *text)
{
	put_varint(b, 32 + strlen(text));
	put(b,
	    "0w\xaf\f\x92t\b\x02"
	    "A\xe1\xc1\a\xe6\xd6\x18\xe6",
	    16);
	put(b, text, strlen(text));
	put(b,
	    "\xf9"
	    "2C1\x86\x18 r\0\x82"
	    "B\x10"
	    "A\x16\xd8\xf2",
	    16);
}

/* Parses a copy of exactly that length, so that a sanitizer sees a read too far. */
static struct err *parse(const struct block *b, size_t len, struct buildinfo *ret)
{
	uint8_t *copy = malloc(len ? len : 1);

	assert_non_null(copy);
	memcpy(copy, b->bytes, len);
	struct err *err = buildinfo_parse(copy, len, ret);
	free(copy);
	return err;
}

static void expect_version(const char *text, const char *version, unsigned int minor,
			   unsigned int patch, const char *experiments)
{
	struct block b = block_of(text);
	struct buildinfo bi;

	put_mod(&b, "path\texample.com/x\n");
	assert_null(parse(&b, b.len, &bi));
	assert_string_equal(bi.version, version);
	assert_int_equal(bi.minor, minor);
	assert_int_equal(bi.patch, patch);
	assert_string_equal(bi.experiments, experiments);
	assert_string_equal(bi.main_path, "example.com/x");
}

static void expect_error(const struct block *b, enum err_kind kind, const char *part)
{
	struct buildinfo bi = { .minor = 7 };
	_cleanup_err_ struct err *err = parse(b, b->len, &bi);

	assert_non_null(err);
	assert_int_equal(err->kind, kind);
	if (!strstr(err->msg, part))
		fail_msg("'%s' does not say '%s'", err->msg, part);
	assert_int_equal(bi.minor, 7); /* untouched */
}

static void releases(void **state)
{
	(void)state;
	expect_version("go1.18", "go1.18", 18, 0, "");
	expect_version("go1.19.8", "go1.19.8", 19, 8, "");
	expect_version("go1.24.4", "go1.24.4", 24, 4, "");
	expect_version("go1.100.12", "go1.100.12", 100, 12, "");
}

static void prereleases_and_vendors(void **state)
{
	(void)state;
	expect_version("go1.27rc1", "go1.27rc1", 27, 0, "");
	expect_version("go1.25beta2", "go1.25beta2", 25, 0, "");
	expect_version("devel go1.28-abc123 Mon Jan 2", "devel go1.28-abc123 Mon Jan 2", 28, 0, "");
	expect_version("go1.21.13 (Red Hat 1.21.13-1.el9)", "go1.21.13 (Red Hat 1.21.13-1.el9)", 21,
		       13, "");
}

/* They follow a space before 1.26, a hyphen from 1.26 on. */
static void experiments(void **state)
{
	(void)state;
	expect_version("go1.25.12 X:noswissmap", "go1.25.12", 25, 12, "noswissmap");
	expect_version("go1.27.4-X:mapsplitgroup", "go1.27.4", 27, 4, "mapsplitgroup");
	expect_version("go1.24.4 X:noswissmap,nospinbitmutex", "go1.24.4", 24, 4,
		       "noswissmap,nospinbitmutex");
}

static void old_form_is_not_supported(void **state)
{
	struct block b = header(FLAGS_POINTERS);

	(void)state;
	put(&b, (uint8_t[32]){ 0 }, 32);
	expect_error(&b, ERR_UNSUPPORTED, "Go older than 1.18");
}

static void old_and_other_versions_are_not_supported(void **state)
{
	struct block b = block_of("go1.17.13");

	(void)state;
	expect_error(&b, ERR_UNSUPPORTED, "go1.17.13");
	b = block_of("go2.0");
	expect_error(&b, ERR_UNSUPPORTED, "unknown Go version 'go2.0'");
	b = block_of("unknown");
	expect_error(&b, ERR_UNSUPPORTED, "unknown Go version 'unknown'");
	b = block_of("go1.x");
	expect_error(&b, ERR_UNSUPPORTED, "unknown Go version");
}

static void other_bytes_are_no_build_info(void **state)
{
	struct block b = block_of("go1.24.4");

	(void)state;
	b.bytes[5] ^= 1;
	expect_error(&b, ERR_FORMAT, "no build info");
	b.len = 0;
	expect_error(&b, ERR_FORMAT, "no build info");
}

static void absurd_lengths_are_refused(void **state)
{
	static const uint64_t lengths[] = { 0, 256, 1 << 20, 1ull << 31, 1ull << 63, UINT64_MAX };

	(void)state;
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		struct block b = header(FLAGS_INLINE);

		put_varint(&b, lengths[i]);
		put(&b, "go1.24.4 and more bytes than one may think", 42);
		if (lengths[i] == 256) /* there are that many bytes, but no version is that long */
			put(&b, (uint8_t[256]){ 'x' }, 256);
		expect_error(&b, ERR_FORMAT, "without a Go version");
	}
	struct block b = header(FLAGS_INLINE);
	put(&b, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 12);
	expect_error(&b, ERR_FORMAT, "without a Go version");
}

/* Module info is a bonus; the version is enough. */
static void absurd_module_info_is_ignored(void **state)
{
	static const char *const texts[] = { "", "pa", "path", "mod\tx\n", "path\t" };
	struct buildinfo bi;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct block b = block_of("go1.24.4");

		put_mod(&b, texts[i]);
		assert_null(parse(&b, b.len, &bi));
		assert_string_equal(bi.main_path, "");
	}
	struct block b = block_of("go1.24.4");
	put_string(&b, "path\tshort"); /* too short for the markers */
	assert_null(parse(&b, b.len, &bi));
	assert_string_equal(bi.main_path, "");
	b = block_of("go1.24.4");
	put_varint(&b, UINT64_MAX);
	assert_null(parse(&b, b.len, &bi));
	assert_int_equal(bi.minor, 24);
}

/* With it, objects have red zones. */
static void the_address_sanitizer_is_told(void **state)
{
	static const struct {
		const char *text;
		bool asan;
	} rows[] = {
		{ "path\tx\nbuild\t-asan=true\nbuild\t-buildmode=exe\n", true },
		{ "path\tx\nbuild\t-asan=true", true },
		{ "build\t-asan=true\n", true },
		{ "path\tx\nbuild\t-msan=true\n", false },
		{ "path\tx\nbuild\t-asan=tru\n", false },
		{ "path\tx\nbuild\t-asan=true2\n", false },
		{ "path\tx build\t-asan=true\n", false },
		{ "\n\n", false },
	};
	struct buildinfo bi;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct block b = block_of("go1.24.4");

		put_mod(&b, rows[i].text);
		assert_null(parse(&b, b.len, &bi));
		assert_int_equal(bi.asan, rows[i].asan);
	}
}

static void long_and_unprintable_texts_are_tamed(void **state)
{
	char text[600];
	struct buildinfo bi;
	struct block b = block_of("go1.24.4\x1b[31m\n");

	(void)state;
	memset(text, 'p', sizeof(text) - 1);
	memcpy(text, "path\t\x1b]0;", 9);
	text[sizeof(text) - 1] = '\0';
	put_mod(&b, text);
	assert_null(parse(&b, b.len, &bi));
	assert_string_equal(bi.version, "go1.24.4[31m");
	assert_memory_equal(bi.main_path, "]0;ppp", 6);
	assert_int_equal(strlen(bi.main_path), sizeof(bi.main_path) - 1);
}

/* Any prefix of a good block parses or is refused, and no byte after it is read. */
static void survives_truncation(void **state)
{
	struct block b = block_of("go1.24.4 X:noswissmap");
	struct buildinfo bi;

	(void)state;
	put_mod(&b, "path\texample.com/x\nmod\texample.com/x\t(devel)\t\n");
	size_t version_end = 32 + 1 + strlen("go1.24.4 X:noswissmap");
	for (size_t len = 0; len <= b.len; len++) {
		_cleanup_err_ struct err *err = parse(&b, len, &bi);

		assert_int_equal(err == NULL, len >= version_end);
	}
}

static void magic(void **state)
{
	struct block b = block_of("go1.24.4");

	(void)state;
	assert_true(buildinfo_is_magic(b.bytes, b.len));
	assert_true(buildinfo_is_magic(b.bytes, BUILDINFO_HEADER_SZ));
	assert_false(buildinfo_is_magic(b.bytes, BUILDINFO_HEADER_SZ - 1));
	assert_false(buildinfo_is_magic(b.bytes + 1, b.len - 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(releases),
		cmocka_unit_test(prereleases_and_vendors),
		cmocka_unit_test(experiments),
		cmocka_unit_test(old_form_is_not_supported),
		cmocka_unit_test(old_and_other_versions_are_not_supported),
		cmocka_unit_test(other_bytes_are_no_build_info),
		cmocka_unit_test(absurd_lengths_are_refused),
		cmocka_unit_test(absurd_module_info_is_ignored),
		cmocka_unit_test(the_address_sanitizer_is_told),
		cmocka_unit_test(long_and_unprintable_texts_are_tamed),
		cmocka_unit_test(survives_truncation),
		cmocka_unit_test(magic),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
