// SPDX-License-Identifier: GPL-2.0-only
#include "report/json_read.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/gzip.h"
#include "base/cleanup.h"
#include "base/vec.h"
#include "report/json_object.h"
#include "report/json_parts.h"
#include "report/json_reader.h"
#include "report/json_scan.h"

enum {
	NAME_MAX_SZ = 256, /* of a member of the document */
	SECTION_MAX_SZ = 256 << 20, /* a trace whose lists are all full takes half of it */
	MAP_MAX_SZ = 4 << 20,
	ID_MAX_SZ = 48, /* of one that is read fast */
	RETAINED_DIGITS_MAX = 19, /* of a number that is read fast */
	KNOWN_CNT = 4096, /* texts that are kept of what maps have in common */
	KNOWN_MAX_SZ = 4096, /* of one that is kept */
	PARSE_FLAGS = JSON_DECODE_ANY | JSON_REJECT_DUPLICATES,
	DUMP_FLAGS = JSON_COMPACT | JSON_REAL_PRECISION(9),
};

/* What several maps had in common, and their holder, by the text of both, without the first
 * brace. */
struct known_same {
	char *text; /* NULL: nothing */
	size_t len;
	struct map_same same;
	const struct result_holder *holder; /* NULL: not known */
};

/* A document while it is read. */
struct document {
	struct json_scan scan;
	struct json_reader reader;
	struct result *result;
	uint64_t seen; /* bits of the members of result_json */
	struct err *wrong; /* the first one: if the schema is another, that says more */
	const char *failure; /* the message, when it is the document of a failed run */
	uint64_t maps_total;
	size_t maps;
	uint64_t last_addr;
	struct map_same same; /* of the map that is read; its padding is zero */
	struct known_same *known; /* KNOWN_CNT of them, by hash */
	VEC(const struct result_map_type *) types; /* one of each name, and maybe more */
	struct table type_index; /* by the address of the name, which is there once */
	VEC(const struct result_holder *) holders; /* one of each text, and maybe more */
	struct table holder_index; /* by the address of the text, which is there once */
};

static void document_fini(struct document *d)
{
	for (size_t i = 0; d->known && i < KNOWN_CNT; i++)
		free(d->known[i].text);
	free(d->known);
	vec_fini(&d->types);
	table_fini(&d->type_index);
	vec_fini(&d->holders);
	table_fini(&d->holder_index);
	json_scan_fini(&d->scan);
	json_reader_fini(&d->reader);
	err_free(d->wrong);
	result_free(d->result);
}

/* The value whose text was scanned; the caller owns it. */
static struct err *document_parse(struct document *d, json_t **ret)
{
	json_error_t error;

	*ret = json_loadb(d->scan.text.data, d->scan.text.len, PARSE_FLAGS, &error);
	if (*ret)
		return NULL;
	if (json_error_code(&error) == json_error_out_of_memory)
		return err_nomem();
	return json_reader_fail(&d->reader, "not JSON: %s", error.text);
}

/* ---- what maps have in common ---- */

/* Types are compared by their address then: each is there once, but for those with the
 * same name and other declared types. */
static void document_share_type(struct document *d, struct map_same *same)
{
	uint64_t key = (uintptr_t)same->type->name;
	size_t i = table_get(&d->type_index, key);
	const struct result_map_type *other = i != TABLE_NONE ? d->types.data[i] : NULL;

	if (!other) {
		if (vec_push(&d->types, same->type))
			table_put(&d->type_index, key, d->types.len - 1);
		return;
	}
	if (other->declared.len != same->type->declared.len)
		return;
	for (size_t t = 0; t < other->declared.len; t++)
		if (other->declared.data[t] != same->type->declared.data[t])
			return;
	same->type = other;
}

static bool holders_are_equal(const struct result_holder *a, const struct result_holder *b)
{
	bool equal = a->text == b->text && a->kind == b->kind && a->type == b->type &&
		     a->field == b->field && a->package == b->package && a->certain == b->certain &&
		     a->candidates == b->candidates && a->used_by.len == b->used_by.len;

	for (size_t i = 0; equal && i < a->used_by.len; i++)
		equal = a->used_by.data[i] == b->used_by.data[i];
	return equal;
}

/* Equal holders are one then, but for those that share a text with another one. */
static const struct result_holder *document_share_holder(struct document *d,
							 const struct result_holder *holder)
{
	uint64_t key = (uintptr_t)holder->text;
	size_t i = table_get(&d->holder_index, key);

	if (i != TABLE_NONE)
		return holders_are_equal(d->holders.data[i], holder) ? d->holders.data[i] : holder;
	if (vec_push(&d->holders, holder))
		table_put(&d->holder_index, key, d->holders.len - 1);
	return holder;
}

static struct known_same *known_place(const struct document *d, const char *text, size_t len)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ (unsigned char)text[i]) * UINT64_C(0x100000001b3);
	return &d->known[(hash ^ hash >> 32) % KNOWN_CNT];
}

static bool is_known(const struct known_same *k, const char *text, size_t len)
{
	return k->text && k->len == len && !memcmp(k->text, text, len);
}

/* Keeps a text, if it is not too long. */
static void know_same(struct known_same *k, const char *text, size_t len,
		      const struct map_same *same, const struct result_holder *holder)
{
	char *copy = len <= KNOWN_MAX_SZ ? malloc(len) : NULL;

	if (!copy)
		return;
	memcpy(copy, text, len);
	free(k->text);
	k->text = copy;
	k->len = len;
	memcpy(&k->same, same, sizeof(*same)); /* with its padding */
	k->holder = holder;
}

static struct err *document_read_new_same(struct document *d, const json_t *row,
					  struct map_view *view)
{
	memset(&d->same, 0, sizeof(d->same));
	struct err *err = json_reader_object(&d->reader, &map_same_json, row, &d->same);

	if (!err)
		err = json_reader_object(&d->reader, &map_held_json, row, view);
	if (err)
		return err;
	document_share_type(d, &d->same);
	view->same = &d->same;
	if (view->holder)
		view->holder = document_share_holder(d, view->holder);
	return NULL;
}

/* From a row of which the address, the id, and what is of the map alone were taken away. */
static struct err *document_read_same(struct document *d, const json_t *row, struct map_view *view)
{
	_cleanup_free_ char *text = json_dumps(row, DUMP_FLAGS);
	size_t len = text ? strlen(text) - 1 : 0;

	if (!text)
		return err_nomem();
	struct known_same *k = known_place(d, text + 1, len);
	if (is_known(k, text + 1, len)) {
		view->same = &k->same;
		view->holder = k->holder;
		return NULL;
	}
	struct err *err = document_read_new_same(d, row, view);
	if (!err)
		know_same(k, text + 1, len, &d->same, view->holder);
	return err;
}

/* ---- maps ---- */

static struct err *document_push_map(struct document *d, const struct map_view *view)
{
	if (d->maps && view->addr <= d->last_addr)
		return json_reader_fail(&d->reader, "not above the map before it");
	d->last_addr = view->addr;
	return result_maps_push(d->result->maps, view) ? NULL : err_nomem();
}

/* What comes after some text; NULL: something else does. */
static const char *text_after(const char *at, const char *text)
{
	size_t len = strlen(text);

	return at && !strncmp(at, text, len) ? at + len : NULL;
}

/* "retained_bytes":NUMBER, and what is after it. NULL: it is something else. */
static const char *document_scan_retained(const char *at, struct map_view *view)
{
	const char *rest = text_after(at, "\"retained_bytes\":null,"), *digits;

	view->retained_bytes = (struct opt_u64){ 0 };
	digits = text_after(at, "\"retained_bytes\":");
	size_t cnt = digits ? strspn(digits, "0123456789") : 0;

	if (rest || !cnt || cnt > RETAINED_DIGITS_MAX)
		return rest;
	view->retained_bytes = opt_if(true, strtoull(digits, NULL, 10));
	return text_after(digits + cnt, ",");
}

/* The members of an id, as report_json() writes them: "id":"...","id_certain":true, what the map
 * retains, and what is after them. NULL: they are others. */
static const char *document_scan_id(struct document *d, const char *at, struct map_view *view)
{
	char id[ID_MAX_SZ] = "";
	size_t len = 0;
	const char *rest = text_after(at, "\"id\":null"), *end;

	if (!rest) {
		rest = text_after(at, "\"id\":\"");
		len = rest ? strspn(rest, "0123456789abcdef.-") : 0;
		if (!len || len >= sizeof(id))
			return NULL;
		memcpy(id, rest, len);
		rest = text_after(rest + len, "\"");
	}
	end = text_after(rest, ",\"id_certain\":true,");
	view->id_certain = end != NULL;
	if (!end)
		end = text_after(rest, ",\"id_certain\":false,");
	end = document_scan_retained(end, view);
	view->id = end && len ? json_reader_text(&d->reader, id) : NULL;
	return end;
}

/* A row that differs from one before it in nothing but its address and id, as report_json() writes
 * it: {"address":"0x...",ID,TEXT. False: it is another, or not known. */
static bool document_knows_map(struct document *d, struct map_view *view)
{
	const char *digits = text_after(d->scan.text.data, "{\"address\":\"0x"), *rest;
	size_t cnt = digits ? strspn(digits, "0123456789abcdef") : 0;

	if (!cnt || cnt > 16)
		return false;
	rest = document_scan_id(d, text_after(digits + cnt, "\","), view);
	if (!rest)
		return false;
	size_t len = d->scan.text.data + d->scan.text.len - rest;
	const struct known_same *k = known_place(d, rest, len);
	if (!is_known(k, rest, len))
		return false;
	view->addr = strtoull(digits, NULL, 16);
	view->same = &k->same;
	view->holder = k->holder;
	return true;
}

static struct err *document_read_map_address(struct document *d, const json_t *row,
					     struct map_view *view)
{
	const json_t *value = json_object_get(row, "address");

	json_reader_enter(&d->reader, "address", JSON_NO_INDEX);
	struct err *err = value ? json_reader_address(&d->reader, value, &view->addr)
				: json_reader_fail(&d->reader, "this member is missing");
	json_reader_leave(&d->reader);
	return err;
}

static void document_del_members(json_t *row, const struct json_shape *shape)
{
	for (size_t i = 0; i < shape->member_cnt; i++) {
		const struct json_member *m = &shape->members[i];

		if (m->name)
			json_object_del(row, m->name);
		else
			document_del_members(row, m->shape);
	}
}

/* Takes from the row what is of the map alone. */
static struct err *document_read_map_row(struct document *d, json_t *row, struct map_view *view)
{
	struct err *err = json_is_object(row) ? NULL
					      : json_reader_fail(&d->reader, "not an object");

	if (!err)
		err = document_read_map_address(d, row, view);
	if (!err)
		err = json_reader_object(&d->reader, &map_id_json, row, view);
	if (!err)
		err = json_reader_object(&d->reader, &map_own_json, row, view);
	if (err)
		return err;
	json_object_del(row, "address");
	document_del_members(row, &map_id_json);
	document_del_members(row, &map_own_json);
	return document_read_same(d, row, view);
}

static struct err *document_read_map(struct document *d)
{
	struct map_view view = { 0 };
	json_t *row = NULL;
	struct err *err = json_scan_value(&d->scan, MAP_MAX_SZ);

	if (err)
		return json_reader_wrap(&d->reader, err);
	if (document_knows_map(d, &view))
		return document_push_map(d, &view);
	view = (struct map_view){ 0 };
	err = document_parse(d, &row);
	if (!err)
		err = document_read_map_row(d, row, &view);
	json_decref(row);
	return err ? err : document_push_map(d, &view);
}

static struct err *document_read_maps(struct document *d)
{
	struct err *err = json_reader_wrap(&d->reader, json_scan_take(&d->scan, '['));
	bool more = !err && json_scan_peek(&d->scan) != ']';

	if (!err && !more)
		return json_scan_take(&d->scan, ']');
	while (!err && more) {
		json_reader_enter(&d->reader, NULL, d->maps);
		err = document_read_map(d);
		json_reader_leave(&d->reader);
		d->maps++;
		if (!err)
			err = json_reader_wrap(&d->reader, json_scan_next(&d->scan, ']', &more));
	}
	return err;
}

/* ---- the document ---- */

static size_t document_find_member(const char *name)
{
	size_t i = 0;

	while (i < result_json.member_cnt && strcmp(result_json.members[i].name, name))
		i++;
	return i;
}

/* "maptrace.report/2" of a string, 1 of a number: what a file says that it is. */
static const char *document_schema_text(struct document *d, const json_t *value)
{
	_cleanup_free_ char *text = json_dumps(value, JSON_ENCODE_ANY);

	return text ? json_reader_text(&d->reader, text) : NULL;
}

static struct err *document_read_schema(struct document *d, const json_t *value)
{
	if (json_is_string(value) && !strcmp(json_string_value(value), RESULT_SCHEMA)) {
		d->result->schema = json_reader_text(&d->reader, RESULT_SCHEMA);
		return NULL;
	}
	const char *text = document_schema_text(d, value);
	return err_new(ERR_UNSUPPORTED, "this is a document of schema %.64s, not of %s",
		       text ? text : "?", RESULT_SCHEMA);
}

static struct err *document_read_failure(struct document *d, const json_t *value)
{
	const char *message = json_string_value(json_object_get(value, "message"));

	d->failure = json_reader_text(&d->reader, message ? message : "for an unknown reason");
	return d->failure ? NULL : err_nomem();
}

static struct err *document_read_total(struct document *d, const json_t *value)
{
	if (!json_is_integer(value) || json_integer_value(value) < 0)
		return json_reader_fail(&d->reader, "not a number of maps");
	d->maps_total = (uint64_t)json_integer_value(value);
	return NULL;
}

static struct err *document_read_member(struct document *d, const char *name, const json_t *value)
{
	size_t i = document_find_member(name);

	if (!strcmp(name, "schema"))
		return document_read_schema(d, value);
	if (!strcmp(name, "error"))
		return document_read_failure(d, value);
	if (i == result_json.member_cnt)
		return NULL;
	if (result_json.members[i].kind == JSON_KIND_MAPS_TOTAL)
		return document_read_total(d, value);
	return json_reader_value(&d->reader, &result_json.members[i], value, d->result);
}

/* Remembers what is wrong with a member. The rest is still scanned: for its schema. */
static struct err *document_note_wrong(struct document *d, struct err *err)
{
	bool goes_on = err_is(err, ERR_FORMAT) && !d->wrong;

	if (goes_on)
		d->wrong = err;
	return goes_on ? NULL : err;
}

static struct err *document_read_section(struct document *d, const char *name)
{
	json_t *value = NULL;
	struct err *err = json_scan_value(&d->scan, SECTION_MAX_SZ);
	bool wanted = !d->wrong || !strcmp(name, "schema");

	if (err || !wanted)
		return json_reader_wrap(&d->reader, err);
	err = document_parse(d, &value);
	if (!err)
		err = document_read_member(d, name, value);
	json_decref(value);
	return err_is(err, ERR_UNSUPPORTED) ? err : document_note_wrong(d, err);
}

static struct err *document_read_name(struct document *d, char name[NAME_MAX_SZ])
{
	json_t *value = NULL;
	struct err *err = json_scan_value(&d->scan, NAME_MAX_SZ);

	if (!err)
		err = document_parse(d, &value);
	const char *s = json_string_value(value);
	if (!err && !s)
		err = err_new(ERR_FORMAT, "not JSON: the name of a member is not a string");
	if (!err)
		snprintf(name, NAME_MAX_SZ, "%s", s);
	json_decref(value);
	return err ? err : json_scan_take(&d->scan, ':');
}

static struct err *document_read_top_member(struct document *d)
{
	char name[NAME_MAX_SZ];
	struct err *err = document_read_name(d, name);

	if (err)
		return err;
	size_t i = document_find_member(name);
	if (i < result_json.member_cnt && d->seen & UINT64_C(1) << i)
		return err_new(ERR_FORMAT, "%s: there twice", name);
	if (i < result_json.member_cnt)
		d->seen |= UINT64_C(1) << i;
	json_reader_enter(&d->reader, name, JSON_NO_INDEX);
	if (i < result_json.member_cnt && result_json.members[i].kind == JSON_KIND_MAPS &&
	    !d->wrong)
		err = document_read_maps(d);
	else
		err = document_read_section(d, name);
	json_reader_leave(&d->reader);
	return err;
}

static struct err *document_read_members(struct document *d)
{
	struct err *err = json_scan_take(&d->scan, '{');
	bool more = !err && json_scan_peek(&d->scan) != '}';

	if (!err && !more)
		return json_scan_take(&d->scan, '}');
	while (!err && more) {
		err = document_read_top_member(d);
		if (!err)
			err = json_scan_next(&d->scan, '}', &more);
	}
	if (!err && json_scan_peek(&d->scan) != EOF)
		err = err_new(ERR_FORMAT, "not JSON: there is something after its end");
	return err;
}

/* What only the whole document shows. */
static struct err *document_check(struct document *d)
{
	if (d->wrong)
		return take_ptr(d->wrong);
	if (!d->result->schema)
		return err_new(ERR_UNSUPPORTED,
			       "this is not a report of maptrace: it has no schema");
	if (d->failure)
		return err_new(ERR_UNSUPPORTED, "there is no report, since maptrace failed: %s",
			       d->failure);
	for (size_t i = 0; i < result_json.member_cnt; i++)
		if (!(d->seen & UINT64_C(1) << i))
			return err_new(ERR_FORMAT, "%s: this member is missing",
				       result_json.members[i].name);
	result_maps_set_total(d->result->maps, d->maps_total);
	return d->result->pool.failed ? err_nomem() : NULL;
}

static struct err *document_read(struct document *d)
{
	d->result = result_new();
	if (d->result)
		d->result->maps = result_maps_new();
	d->known = calloc(KNOWN_CNT, sizeof(*d->known));
	if (!d->result || !d->result->maps || !d->known)
		return err_nomem();
	d->result->schema = NULL;
	d->result->host = (struct result_host){ 0 }; /* the file says where, and when */
	d->reader.pool = &d->result->pool;
	struct err *err = document_read_members(d);
	return err ? err : document_check(d);
}

struct err *result_read(FILE *in, struct result **ret)
{
	struct document d = { .scan = { .in = in } };
	struct err *err = document_read(&d);

	if (!err)
		*ret = take_ptr(d.result);
	document_fini(&d);
	return err;
}

struct err *result_read_file(const char *path, struct result **ret)
{
	_cleanup_fclose_ FILE *file = NULL;
	bool is_stdin = !strcmp(path, "-");

	if (!is_stdin)
		file = gzip_open(path);
	if (!is_stdin && !file)
		return err_os(errno, "%s", path);
	return err_wrap(result_read(is_stdin ? stdin : file, ret), "%s", path);
}
