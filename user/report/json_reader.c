// SPDX-License-Identifier: GPL-2.0-only
#include "report/json_reader.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "model/result_maps.h"

enum { ERRNO_MAX = 4095, PATH_TEXT_SZ = 512 };

void json_reader_fini(struct json_reader *r)
{
	table_fini(&r->text_index);
	vec_fini(&r->texts);
}

/* ---- where we are ---- */

/* No shape is as deep as the path has room for. */
void json_reader_enter(struct json_reader *r, const char *name, size_t index)
{
	if (r->depth < JSON_PATH_MAX)
		r->path[r->depth] = (struct json_step){ name, index };
	r->depth++;
}

void json_reader_leave(struct json_reader *r)
{
	r->depth--;
}

static void path_text(const struct json_reader *r, char *buf, size_t buf_sz)
{
	size_t depth = r->depth < JSON_PATH_MAX ? r->depth : JSON_PATH_MAX, len = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < depth && len < buf_sz; i++) {
		const struct json_step *s = &r->path[i];

		if (s->name)
			len += snprintf(buf + len, buf_sz - len, "%s%s", i ? "." : "", s->name);
		else
			len += snprintf(buf + len, buf_sz - len, "[%zu]", s->index);
	}
}

struct err *json_reader_fail(const struct json_reader *r, const char *fmt, ...)
{
	char path[PATH_TEXT_SZ], what[PATH_TEXT_SZ];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	path_text(r, path, sizeof(path));
	return err_new(ERR_FORMAT, "%s%s%s", path, *path ? ": " : "", what);
}

struct err *json_reader_wrap(const struct json_reader *r, struct err *err)
{
	char path[PATH_TEXT_SZ];

	path_text(r, path, sizeof(path));
	return err && *path ? err_wrap(err, "%s", path) : err;
}

/* ---- memory ---- */

static struct err *reader_check_pool(const struct json_reader *r)
{
	if (r->pool->failed)
		return err_nomem();
	return r->pool->bytes > JSON_POOL_MAX ? json_reader_fail(r, "too much data") : NULL;
}

static uint64_t text_hash(const char *s)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	for (; *s; s++)
		hash = (hash ^ (unsigned char)*s) * UINT64_C(0x100000001b3);
	return hash;
}

const char *json_reader_text(struct json_reader *r, const char *s)
{
	uint64_t hash = text_hash(s);
	size_t i = table_get(&r->text_index, hash);

	if (i != TABLE_NONE && !strcmp(r->texts.data[i], s))
		return r->texts.data[i];
	const char *copy = pool_text(r->pool, s);
	if (copy && i == TABLE_NONE && vec_push(&r->texts, copy) &&
	    !table_put(&r->text_index, hash, r->texts.len - 1))
		r->texts.len--; /* it is just not shared */
	return copy;
}

/* ---- single values ---- */

static struct err *reader_u64(const struct json_reader *r, const json_t *value, uint64_t *ret)
{
	if (!json_is_integer(value))
		return json_reader_fail(r, "not a whole number");
	if (json_integer_value(value) < 0)
		return json_reader_fail(r, "below 0");
	*ret = (uint64_t)json_integer_value(value);
	return NULL;
}

static struct err *reader_i64(const struct json_reader *r, const json_t *value, int64_t *ret)
{
	if (!json_is_integer(value))
		return json_reader_fail(r, "not a whole number");
	*ret = json_integer_value(value);
	return NULL;
}

static struct err *reader_opt(const struct json_reader *r, const json_t *value, struct opt_u64 *ret)
{
	ret->known = true;
	return reader_u64(r, value, &ret->v);
}

static struct err *reader_double(const struct json_reader *r, const json_t *value, double *ret)
{
	if (!json_is_number(value))
		return json_reader_fail(r, "not a number");
	*ret = json_number_value(value);
	return NULL;
}

static struct err *reader_bool(const struct json_reader *r, const json_t *value, bool *ret)
{
	if (!json_is_boolean(value))
		return json_reader_fail(r, "neither true nor false");
	*ret = json_is_true(value);
	return NULL;
}

static struct err *reader_tristate(const struct json_reader *r, const json_t *value, int8_t *ret)
{
	bool yes = false;
	struct err *err = reader_bool(r, value, &yes);

	*ret = yes;
	return err;
}

static struct err *reader_text(struct json_reader *r, const json_t *value, const char **ret)
{
	if (!json_is_string(value))
		return json_reader_fail(r, "not a string");
	*ret = json_reader_text(r, json_string_value(value));
	return reader_check_pool(r);
}

struct err *json_reader_address(const struct json_reader *r, const json_t *value, uint64_t *ret)
{
	const char *s = json_string_value(value);
	size_t digits = s && !strncmp(s, "0x", 2) ? strspn(s + 2, "0123456789abcdef") : 0;

	if (!digits || digits > 16 || s[2 + digits])
		return json_reader_fail(r, "not an address");
	*ret = strtoull(s + 2, NULL, 16);
	return NULL;
}

static struct err *reader_error(const struct json_reader *r, const json_t *value, int *ret)
{
	const char *s = json_string_value(value);

	for (int i = 1; s && i <= ERRNO_MAX; i++) {
		const char *name = strerrorname_np(i);

		if (!name || strcmp(name, s))
			continue;
		*ret = i;
		return NULL;
	}
	return json_reader_fail(r, "not the name of an error");
}

/* For null, too: a table may have a value without a name. */
static struct err *reader_word(const struct json_reader *r, const struct json_member *m,
			       const json_t *value, unsigned int *ret)
{
	const char *s = json_string_value(value);

	for (unsigned int i = 0; i < m->word_cnt; i++) {
		const char *name = m->words[i].name;

		if (name ? !s || strcmp(name, s) : !json_is_null(value))
			continue;
		*ret = i;
		return NULL;
	}
	return json_reader_fail(r, "not one of the words for it");
}

/* ---- lists ---- */

static struct err *reader_check_list(const struct json_reader *r, const json_t *value)
{
	if (!json_is_array(value))
		return json_reader_fail(r, "not an array");
	if (json_array_size(value) > JSON_LIST_MAX)
		return json_reader_fail(r, "too many elements");
	return NULL;
}

static size_t list_element_size(const struct json_member *m)
{
	if (m->kind == JSON_KIND_TEXTS)
		return sizeof(const char *);
	return m->kind == JSON_KIND_NUMBERS ? sizeof(uint64_t) : m->shape->size;
}

static struct err *reader_element(struct json_reader *r, const struct json_member *m,
				  const json_t *value, void *to)
{
	if (m->kind == JSON_KIND_TEXTS)
		return reader_text(r, value, to);
	if (m->kind == JSON_KIND_NUMBERS)
		return reader_u64(r, value, to);
	return json_reader_object(r, m->shape, value, to);
}

static struct err *reader_list(struct json_reader *r, const struct json_member *m,
			       const json_t *value, struct json_list *to)
{
	struct err *err = reader_check_list(r, value);
	size_t size = list_element_size(m);

	if (err)
		return err;
	to->len = json_array_size(value);
	to->data = pool_alloc_list(r->pool, &to->len, size);
	err = reader_check_pool(r);
	for (size_t i = 0; !err && i < to->len; i++) {
		json_reader_enter(r, NULL, i);
		err = reader_element(r, m, json_array_get(value, i), (char *)to->data + i * size);
		json_reader_leave(r);
	}
	return err;
}

static struct err *reader_bin(struct json_reader *r, const json_t *value, uint64_t *ns)
{
	struct json_bin bin = { 0 };
	struct err *err = json_reader_object(r, &json_bin_json, value, &bin);

	for (unsigned int i = 0; !err && i < RESULT_BINS; i++) {
		if (result_bin_low(i) != bin.ge)
			continue;
		ns[i] = bin.ns;
		return NULL;
	}
	return err ? err : json_reader_fail(r, "not a bin that there is");
}

static struct err *reader_bins(struct json_reader *r, const json_t *value, uint64_t *ns)
{
	struct err *err = reader_check_list(r, value);

	for (size_t i = 0; !err && i < json_array_size(value); i++) {
		json_reader_enter(r, NULL, i);
		err = reader_bin(r, json_array_get(value, i), ns);
		json_reader_leave(r);
	}
	return err;
}

/* ---- members ---- */

static struct err *reader_pointer(struct json_reader *r, const struct json_shape *shape,
				  const json_t *from, void **ret)
{
	*ret = pool_alloc(r->pool, shape->size);
	struct err *err = reader_check_pool(r);

	return err ? err : json_reader_object(r, shape, from, *ret);
}

/* What a field is when its member is null, or left out. */
static struct err *reader_null(const struct json_reader *r, const struct json_member *m, void *at)
{
	bool null_is_fine = m->flags & (JSON_LEFT_OUT | JSON_IF_TRUE | JSON_IF_NO_TEXT);

	switch (m->kind) {
	case JSON_KIND_DOUBLE:
		*(double *)at = NAN;
		return NULL;
	case JSON_KIND_TRISTATE:
		*(int8_t *)at = -1;
		return NULL;
	case JSON_KIND_TEXT:
		return m->flags & JSON_NEVER_NULL ? json_reader_fail(r, "null") : NULL;
	case JSON_KIND_WORD:
		return reader_word(r, m, json_null(), at);
	case JSON_KIND_NONZERO:
	case JSON_KIND_OPT_U64:
	case JSON_KIND_ADDRESS:
	case JSON_KIND_ERROR:
	case JSON_KIND_POINTER:
		return NULL;
	case JSON_KIND_U64:
	case JSON_KIND_I64:
	case JSON_KIND_BOOL:
	case JSON_KIND_OBJECT:
	case JSON_KIND_LIST:
	case JSON_KIND_TEXTS:
	case JSON_KIND_NUMBERS:
	case JSON_KIND_BINS:
	case JSON_KIND_FLAT:
	case JSON_KIND_FLAT_POINTER:
	case JSON_KIND_MAPS:
	case JSON_KIND_MAPS_TOTAL:
		break;
	}
	return null_is_fine ? NULL : json_reader_fail(r, "null");
}

static struct err *reader_known(struct json_reader *r, const struct json_member *m,
				const json_t *value, void *at)
{
	switch (m->kind) {
	case JSON_KIND_U64:
	case JSON_KIND_NONZERO:
		return reader_u64(r, value, at);
	case JSON_KIND_I64:
		return reader_i64(r, value, at);
	case JSON_KIND_OPT_U64:
		return reader_opt(r, value, at);
	case JSON_KIND_DOUBLE:
		return reader_double(r, value, at);
	case JSON_KIND_BOOL:
		return reader_bool(r, value, at);
	case JSON_KIND_TRISTATE:
		return reader_tristate(r, value, at);
	case JSON_KIND_TEXT:
		return reader_text(r, value, at);
	case JSON_KIND_ADDRESS:
		return json_reader_address(r, value, at);
	case JSON_KIND_ERROR:
		return reader_error(r, value, at);
	case JSON_KIND_WORD:
		return reader_word(r, m, value, at);
	case JSON_KIND_OBJECT:
		return json_reader_object(r, m->shape, value, at);
	case JSON_KIND_POINTER:
		return reader_pointer(r, m->shape, value, at);
	case JSON_KIND_LIST:
	case JSON_KIND_TEXTS:
	case JSON_KIND_NUMBERS:
		return reader_list(r, m, value, at);
	case JSON_KIND_BINS:
		return reader_bins(r, value, at);
	case JSON_KIND_FLAT:
	case JSON_KIND_FLAT_POINTER:
	case JSON_KIND_MAPS:
	case JSON_KIND_MAPS_TOTAL:
		break;
	}
	return json_reader_fail(r, "not read here");
}

struct err *json_reader_value(struct json_reader *r, const struct json_member *m,
			      const json_t *value, void *to)
{
	void *at = (char *)to + m->off;

	if (json_is_null(value))
		return reader_null(r, m, at);
	if (m->flags & JSON_IF_TRUE)
		*(bool *)((char *)to + m->guard) = true;
	return reader_known(r, m, value, at);
}

static struct err *reader_named(struct json_reader *r, const struct json_member *m,
				const json_t *from, void *to)
{
	const json_t *value = json_object_get(from, m->name);
	struct err *err;

	json_reader_enter(r, m->name, JSON_NO_INDEX);
	if (value)
		err = json_reader_value(r, m, value, to);
	else if (m->flags & JSON_LEFT_OUT)
		err = reader_null(r, m, (char *)to + m->off);
	else
		err = json_reader_fail(r, "this member is missing");
	json_reader_leave(r);
	return err;
}

static struct err *reader_members(struct json_reader *r, const struct json_shape *shape,
				  const json_t *from, void *to);

/* Whether the object has the first member of a struct that may be left out. */
static bool has_first_member(const struct json_shape *shape, const json_t *from)
{
	return json_object_get(from, shape->members[0].name);
}

static struct err *reader_flat(struct json_reader *r, const struct json_member *m,
			       const json_t *from, void *to)
{
	if (m->flags & JSON_IF_TRUE) {
		if (!has_first_member(m->shape, from))
			return NULL;
		*(bool *)((char *)to + m->guard) = true;
	}
	return reader_members(r, m->shape, from, (char *)to + m->off);
}

static struct err *reader_flat_pointer(struct json_reader *r, const struct json_member *m,
				       const json_t *from, void *to)
{
	void **at = (void **)((char *)to + m->off);

	if (!(m->flags & JSON_NEVER_NULL) && !has_first_member(m->shape, from))
		return NULL;
	*at = pool_alloc(r->pool, m->shape->size);
	struct err *err = reader_check_pool(r);
	return err ? err : reader_members(r, m->shape, from, *at);
}

static struct err *reader_members(struct json_reader *r, const struct json_shape *shape,
				  const json_t *from, void *to)
{
	struct err *err = NULL;

	for (size_t i = 0; !err && i < shape->member_cnt; i++) {
		const struct json_member *m = &shape->members[i];

		if (m->kind == JSON_KIND_FLAT)
			err = reader_flat(r, m, from, to);
		else if (m->kind == JSON_KIND_FLAT_POINTER)
			err = reader_flat_pointer(r, m, from, to);
		else
			err = reader_named(r, m, from, to);
	}
	return err;
}

struct err *json_reader_object(struct json_reader *r, const struct json_shape *shape,
			       const json_t *from, void *to)
{
	if (!json_is_object(from))
		return json_reader_fail(r, "not an object");
	return reader_members(r, shape, from, to);
}
