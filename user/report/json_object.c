// SPDX-License-Identifier: GPL-2.0-only
#include "report/json_object.h"

#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "model/result_maps.h"

static const struct json_member bin_members[] = {
	JSON_U64("ge", json_bin, ge, "The bin holds values from here on."),
	JSON_U64("lt", json_bin, lt, "The bin holds values below this one."),
	JSON_U64("ns", json_bin, ns, "How long the value was in the bin; nanoseconds."),
};
const struct json_shape json_bin_json =
	JSON_SHAPE(json_bin, "bin", "A bin of a histogram.", bin_members);

/* ---- single values ---- */

json_t *json_text(const char *s)
{
	json_t *j = s ? json_string(s) : json_null();

	if (j)
		return j;
	_cleanup_free_ char *ascii = strdup(s);
	for (char *p = ascii; p && *p; p++)
		if (!isascii((unsigned char)*p))
			*p = '?';
	return ascii ? json_string(ascii) : NULL;
}

static json_t *number_value(uint64_t v)
{
	return json_integer(v <= INT64_MAX ? (json_int_t)v : INT64_MAX);
}

static json_t *address_value(uint64_t addr)
{
	char buf[24];

	if (!addr)
		return json_null();
	snprintf(buf, sizeof(buf), "0x%" PRIx64, addr);
	return json_string(buf);
}

static json_t *word_value(const struct json_member *m, unsigned int value)
{
	return json_text(value < m->word_cnt ? m->words[value].name : NULL);
}

/* ---- lists ---- */

/* Takes the value; false: out of memory. */
static bool append_value(json_t *array, json_t *value)
{
	return value && !json_array_append_new(array, value);
}

static json_t *element_value(const struct json_member *m, const struct json_list *list, size_t i)
{
	if (m->kind == JSON_KIND_TEXTS)
		return json_text(((const char *const *)list->data)[i]);
	if (m->kind == JSON_KIND_NUMBERS)
		return number_value(((const uint64_t *)list->data)[i]);
	return json_object_of(m->shape, (const char *)list->data + i * m->shape->size);
}

static json_t *list_value(const struct json_member *m, const struct json_list *list)
{
	json_t *array = json_array();
	bool ok = array;

	for (size_t i = 0; ok && i < list->len; i++)
		ok = append_value(array, element_value(m, list, i));
	if (ok)
		return array;
	json_decref(array);
	return NULL;
}

static json_t *bins_value(const uint64_t *ns)
{
	json_t *array = json_array();
	bool ok = array;

	for (unsigned int i = 0; ok && i < RESULT_BINS; i++) {
		struct json_bin bin = { result_bin_low(i), result_bin_high(i), ns[i] };

		if (ns[i])
			ok = append_value(array, json_object_of(&json_bin_json, &bin));
	}
	if (ok)
		return array;
	json_decref(array);
	return NULL;
}

/* ---- members ---- */

/* Whether what the guard looks at says that there is a value. */
static bool guard_is_open(const struct json_member *m, const void *from)
{
	const void *guard = (const char *)from + m->guard;

	if (m->flags & JSON_IF_TRUE)
		return *(const bool *)guard;
	return !(m->flags & JSON_IF_NO_TEXT) || !*(const char *const *)guard;
}

static json_t *opt_value(const struct opt_u64 *v)
{
	return v->known ? number_value(v->v) : json_null();
}

static json_t *pointer_value(const struct json_member *m, const void *p)
{
	return p ? json_object_of(m->shape, p) : json_null();
}

json_t *json_member_of(const struct json_member *m, const void *from)
{
	const void *at = (const char *)from + m->off;

	if (!guard_is_open(m, from))
		return json_null();
	switch (m->kind) {
	case JSON_KIND_U64:
		return number_value(*(const uint64_t *)at);
	case JSON_KIND_NONZERO:
		return *(const uint64_t *)at ? number_value(*(const uint64_t *)at) : json_null();
	case JSON_KIND_I64:
		return json_integer(*(const int64_t *)at);
	case JSON_KIND_OPT_U64:
		return opt_value(at);
	case JSON_KIND_DOUBLE:
		return isfinite(*(const double *)at) ? json_real(*(const double *)at) : json_null();
	case JSON_KIND_BOOL:
		return json_boolean(*(const bool *)at);
	case JSON_KIND_TRISTATE:
		return *(const int8_t *)at < 0 ? json_null() : json_boolean(*(const int8_t *)at);
	case JSON_KIND_TEXT:
		return json_text(*(const char *const *)at);
	case JSON_KIND_ADDRESS:
		return address_value(*(const uint64_t *)at);
	case JSON_KIND_ERROR:
		return json_text(*(const int *)at ? strerrorname_np(*(const int *)at) : NULL);
	case JSON_KIND_WORD:
		return word_value(m, *(const unsigned int *)at);
	case JSON_KIND_OBJECT:
		return json_object_of(m->shape, at);
	case JSON_KIND_POINTER:
		return pointer_value(m, *(const void *const *)at);
	case JSON_KIND_LIST:
	case JSON_KIND_TEXTS:
	case JSON_KIND_NUMBERS:
		return list_value(m, at);
	case JSON_KIND_BINS:
		return bins_value(at);
	case JSON_KIND_FLAT:
	case JSON_KIND_FLAT_POINTER:
	case JSON_KIND_MAPS:
	case JSON_KIND_MAPS_TOTAL:
		break;
	}
	return NULL; /* not a value of one member */
}

static bool is_nothing(const json_t *value)
{
	return json_is_null(value) || (json_is_array(value) && !json_array_size(value));
}

static bool add_named(json_t *o, const struct json_member *m, const void *from)
{
	json_t *value = json_member_of(m, from);

	if (value && (m->flags & JSON_LEFT_OUT) && is_nothing(value)) {
		json_decref(value);
		return true;
	}
	return value && !json_object_set_new_nocheck(o, m->name, value);
}

static bool add_member(json_t *o, const struct json_member *m, const void *from)
{
	const void *at = (const char *)from + m->off;

	if (m->kind == JSON_KIND_FLAT)
		return !guard_is_open(m, from) || json_object_add(o, m->shape, at);
	if (m->kind != JSON_KIND_FLAT_POINTER)
		return add_named(o, m, from);
	const void *inner = *(const void *const *)at;
	return !inner || json_object_add(o, m->shape, inner);
}

bool json_object_add(json_t *o, const struct json_shape *shape, const void *from)
{
	for (size_t i = 0; i < shape->member_cnt; i++)
		if (!add_member(o, &shape->members[i], from))
			return false;
	return true;
}

json_t *json_object_of(const struct json_shape *shape, const void *from)
{
	json_t *o = json_object();

	if (o && json_object_add(o, shape, from))
		return o;
	json_decref(o);
	return NULL;
}
