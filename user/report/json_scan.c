// SPDX-License-Identifier: GPL-2.0-only
#include "report/json_scan.h"

#include <errno.h>

#include "base/vec.h"

enum { NESTING_MAX = 32 };

void json_scan_fini(struct json_scan *s)
{
	json_buf_fini(&s->text);
}

static bool is_white(int c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

int json_scan_peek(struct json_scan *s)
{
	int c = getc_unlocked(s->in);

	while (is_white(c))
		c = getc_unlocked(s->in);
	if (c != EOF)
		ungetc(c, s->in);
	return c;
}

/* Why there is no more to read. */
static struct err *scan_end(const struct json_scan *s)
{
	if (ferror(s->in))
		return err_os(errno, "reading");
	return err_new(ERR_FORMAT, "not JSON: it ends too early");
}

struct err *json_scan_take(struct json_scan *s, char wanted)
{
	int c = json_scan_peek(s);

	if (c == EOF)
		return scan_end(s);
	if (c != wanted)
		return err_new(ERR_FORMAT, "not a report: there is no '%c' where one should be",
			       wanted);
	getc_unlocked(s->in);
	return NULL;
}

struct err *json_scan_next(struct json_scan *s, char end, bool *more_ret)
{
	*more_ret = json_scan_peek(s) == ',';
	return json_scan_take(s, *more_ret ? ',' : end);
}

static struct err *scan_keep(struct json_scan *s, int c, size_t max)
{
	if (s->text.len >= max)
		return err_new(ERR_FORMAT, "a value is longer than %zu bytes", max);
	if (!vec_push(&s->text, c))
		return err_nomem();
	return NULL;
}

/* The rest of a string, whose first quote was taken. */
static struct err *scan_string(struct json_scan *s, size_t max)
{
	bool escaped = false;

	for (;;) {
		int c = getc_unlocked(s->in);
		struct err *err = c == EOF ? scan_end(s) : scan_keep(s, c, max);

		if (err || (c == '"' && !escaped))
			return err;
		escaped = c == '\\' && !escaped;
	}
}

static bool ends_scalar(int c)
{
	return c == EOF || is_white(c) || c == ',' || c == ']' || c == '}' || c == ':';
}

/* The rest of a number, or of true, false and null. */
static struct err *scan_scalar(struct json_scan *s, size_t max)
{
	int c = getc_unlocked(s->in);
	struct err *err = NULL;

	for (; !err && !ends_scalar(c); c = getc_unlocked(s->in))
		err = scan_keep(s, c, max);
	if (c != EOF)
		ungetc(c, s->in);
	return err;
}

/* Up to the end of the outermost array or object. */
static struct err *scan_nested(struct json_scan *s, size_t max)
{
	unsigned int depth = 1;
	struct err *err = NULL;

	while (!err && depth) {
		int c = getc_unlocked(s->in);

		err = c == EOF ? scan_end(s) : scan_keep(s, c, max);
		if (!err && c == '"')
			err = scan_string(s, max);
		depth += (c == '{' || c == '[') - (c == '}' || c == ']');
		if (!err && depth > NESTING_MAX)
			err = err_new(ERR_FORMAT, "a value is nested too deep");
	}
	return err;
}

struct err *json_scan_value(struct json_scan *s, size_t max)
{
	int c = json_scan_peek(s);

	s->text.len = 0;
	if (c == EOF)
		return scan_end(s);
	getc_unlocked(s->in);
	struct err *err = scan_keep(s, c, max);
	if (err)
		return err;
	if (c == '"')
		err = scan_string(s, max);
	else if (c == '{' || c == '[')
		err = scan_nested(s, max);
	else
		err = scan_scalar(s, max);
	if (!err && !vec_reserve(&s->text, s->text.len + 1))
		err = err_nomem();
	if (!err)
		s->text.data[s->text.len] = '\0';
	return err;
}
