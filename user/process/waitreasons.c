// SPDX-License-Identifier: GPL-2.0-only
#include "process/waitreasons.h"

#include <string.h>

#include "base/cleanup.h"
#include "process/dataroots.h"
#include "process/program.h"

/*
 * In all versions the table begins with these three (go-runtime facts 2.6). A string is a pointer
 * and a length.
 */
static const char *const first_words[] = { "", "GC assist marking", "IO wait" };

enum {
	FIRST_CNT = sizeof(first_words) / sizeof(first_words[0]),
	STRING_SZ = 16,
	PIECE_SZ = 64 << 10,
};

struct go_string {
	uint64_t ptr;
	uint64_t len;
};

/* Reads a string of the table. False if it cannot be one. */
static bool wait_reasons_word(struct mem *mem, const struct go_string *s, char *ret)
{
	_cleanup_err_ struct err *err = NULL;

	memset(ret, 0, WAIT_REASON_SZ);
	if (s->len >= WAIT_REASON_SZ)
		return false;
	if (s->len)
		err = mem_read(mem, s->ptr, ret, s->len);
	for (uint64_t i = 0; !err && i < s->len; i++)
		if (ret[i] < ' ' || ret[i] > '~')
			return false;
	return !err;
}

/* Whether strings are the first ones of the table. */
static bool wait_reasons_begin(struct mem *mem, const struct go_string *strings)
{
	char word[WAIT_REASON_SZ];

	for (size_t i = 0; i < FIRST_CNT; i++)
		if (strings[i].len != strlen(first_words[i]))
			return false;
	for (size_t i = 0; i < FIRST_CNT; i++)
		if (!wait_reasons_word(mem, &strings[i], word) || strcmp(word, first_words[i]) != 0)
			return false;
	return true;
}

/* Reads the words from the start of the table, up to what is not one. */
static void wait_reasons_fill(struct mem *mem, uint64_t at, uint64_t end, struct wait_reasons *ret)
{
	for (size_t i = 0; i < WAIT_REASONS_MAX && at + STRING_SZ <= end; i++, at += STRING_SZ) {
		struct go_string s;
		_cleanup_err_ struct err *err = mem_read(mem, at, &s, sizeof(s));

		if (err || !wait_reasons_word(mem, &s, ret->words[i])) {
			memset(ret->words[i], 0, WAIT_REASON_SZ);
			return;
		}
	}
}

/* Looks for the table in a range of variables. Pieces overlap, so that none cuts its beginning. */
static bool wait_reasons_search(struct mem *mem, const struct data_range *r, uint64_t *buf,
				uint64_t *ret)
{
	const uint64_t overlap = FIRST_CNT * STRING_SZ - 8;

	for (uint64_t at = r->start; at + overlap < r->end; at += PIECE_SZ - overlap) {
		uint64_t len = r->end - at < PIECE_SZ ? r->end - at : PIECE_SZ;
		_cleanup_err_ struct err *err = mem_read(mem, at, buf, len);

		for (uint64_t i = 0; !err && 8 * i + overlap + 8 <= len; i++) {
			const struct go_string *strings = (const struct go_string *)&buf[i];

			if (!strings[0].len && wait_reasons_begin(mem, strings)) {
				*ret = at + 8 * i;
				return true;
			}
		}
	}
	return false;
}

struct err *wait_reasons_read(const struct program *prog, struct wait_reasons *ret)
{
	struct mem *mem = program_image_mem(prog);
	_cleanup_data_roots_ struct data_roots roots = { 0 };
	_cleanup_free_ uint64_t *buf = malloc(PIECE_SZ);
	struct err *err = buf ? data_roots_read(prog, &roots) : err_nomem();
	uint64_t at;

	memset(ret, 0, sizeof(*ret));
	for (size_t i = 0; !err && i < roots.cnt; i++)
		if (roots.ranges[i].kind == DATA_INITIALIZED && !roots.ranges[i].module &&
		    wait_reasons_search(mem, &roots.ranges[i], buf, &at)) {
			wait_reasons_fill(mem, at, roots.ranges[i].end, ret);
			return NULL;
		}
	return err ? err : err_new(ERR_UNSUPPORTED, "runtime.waitReasonStrings cannot be found");
}
