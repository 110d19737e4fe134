// SPDX-License-Identifier: GPL-2.0-only
#include "report/json_schema.h"

#include <jansson.h>
#include <string.h>

#include "report/json_parts.h"
#include "report/json_shapes.h"

/*
 * Each shape is a definition, and an object. The members of an inline struct are those of
 * the object around it; where that struct may be left out they depend on its first member.
 */
enum { SHAPES_MAX = 128 };

struct schema_writer {
	json_t *defs; /* by the names of shapes */
	const struct json_shape *shapes[SHAPES_MAX]; /* that are defined */
	size_t shape_cnt;
	bool failed; /* out of memory, or two shapes of one name */
};

/* An object while it is described. */
struct schema_object {
	json_t *properties;
	json_t *required;
	json_t *dependent; /* name of a member: the names of those that come with it */
};

/* All below take the values that they are given, which may be NULL: out of memory. */

static void schema_put(struct schema_writer *w, json_t *o, const char *key, json_t *value)
{
	w->failed |= json_object_set_new(o, key, value) != 0;
}

static void schema_append(struct schema_writer *w, json_t *array, json_t *value)
{
	w->failed |= json_array_append_new(array, value) != 0;
}

static json_t *schema_ref(struct schema_writer *w, const struct json_shape *shape);

/* ---- values ---- */

static json_t *typed(const char *type)
{
	return json_pack("{s:s}", "type", type);
}

static json_t *unsigned_number(void)
{
	return json_pack("{s:s, s:i}", "type", "integer", "minimum", 0);
}

static json_t *list_of(json_t *items)
{
	return json_pack("{s:s, s:o}", "type", "array", "items", items);
}

static json_t *address_text(void)
{
	return json_pack("{s:s, s:s}", "type", "string", "pattern", "^0x[0-9a-f]{1,16}$");
}

static json_t *word_texts(struct schema_writer *w, const struct json_member *m)
{
	json_t *words = json_array();

	for (size_t i = 0; i < m->word_cnt; i++)
		schema_append(w, words,
			      m->words[i].name ? json_string(m->words[i].name) : json_null());
	return json_pack("{s:o}", "enum", words);
}

/* A value that is not null. */
static json_t *schema_value(struct schema_writer *w, const struct json_member *m)
{
	switch (m->kind) {
	case JSON_KIND_U64:
	case JSON_KIND_NONZERO:
	case JSON_KIND_OPT_U64:
	case JSON_KIND_MAPS_TOTAL:
		return unsigned_number();
	case JSON_KIND_I64:
		return typed("integer");
	case JSON_KIND_DOUBLE:
		return typed("number");
	case JSON_KIND_BOOL:
	case JSON_KIND_TRISTATE:
		return typed("boolean");
	case JSON_KIND_TEXT:
	case JSON_KIND_ERROR:
		return typed("string");
	case JSON_KIND_ADDRESS:
		return address_text();
	case JSON_KIND_WORD:
		return word_texts(w, m);
	case JSON_KIND_OBJECT:
	case JSON_KIND_POINTER:
		return schema_ref(w, m->shape);
	case JSON_KIND_LIST:
	case JSON_KIND_BINS:
		return list_of(schema_ref(w, m->shape));
	case JSON_KIND_TEXTS:
		return list_of(typed("string"));
	case JSON_KIND_NUMBERS:
		return list_of(unsigned_number());
	case JSON_KIND_MAPS:
		return list_of(schema_ref(w, &map_view_json));
	case JSON_KIND_FLAT:
	case JSON_KIND_FLAT_POINTER:
		break;
	}
	return NULL;
}

static bool may_be_null(const struct json_member *m)
{
	switch (m->kind) {
	case JSON_KIND_NONZERO:
	case JSON_KIND_OPT_U64:
	case JSON_KIND_DOUBLE:
	case JSON_KIND_TRISTATE:
	case JSON_KIND_TEXT:
	case JSON_KIND_ADDRESS:
	case JSON_KIND_ERROR:
	case JSON_KIND_OBJECT:
	case JSON_KIND_POINTER:
		break;
	case JSON_KIND_U64:
	case JSON_KIND_I64:
	case JSON_KIND_BOOL:
	case JSON_KIND_WORD: /* null is one of its words */
	case JSON_KIND_LIST:
	case JSON_KIND_TEXTS:
	case JSON_KIND_NUMBERS:
	case JSON_KIND_BINS:
	case JSON_KIND_FLAT:
	case JSON_KIND_FLAT_POINTER:
	case JSON_KIND_MAPS:
	case JSON_KIND_MAPS_TOTAL:
		return false;
	}
	if (m->kind == JSON_KIND_OBJECT)
		return m->flags & (JSON_IF_TRUE | JSON_IF_NO_TEXT);
	return !(m->flags & (JSON_NEVER_NULL | JSON_LEFT_OUT));
}

static json_t *or_null(struct schema_writer *w, json_t *value)
{
	json_t *type = json_object_get(value, "type");

	if (!type)
		return json_pack("{s:[o, {s:s}]}", "anyOf", value, "type", "null");
	schema_put(w, value, "type", json_pack("[O, s]", type, "null"));
	return value;
}

static json_t *schema_member(struct schema_writer *w, const struct json_member *m)
{
	json_t *value = schema_value(w, m);

	if (may_be_null(m))
		value = or_null(w, value);
	if (value)
		schema_put(w, value, "description", json_string(m->text));
	return value;
}

/* ---- objects ---- */

static void schema_members(struct schema_writer *w, struct schema_object *o,
			   const struct json_shape *shape, json_t *required);

/* Members that are all there, or none of them. */
static void schema_optional_members(struct schema_writer *w, struct schema_object *o,
				    const struct json_shape *shape)
{
	json_t *required = json_array();

	schema_members(w, o, shape, required);
	if (json_array_size(required) > 1) {
		const char *first = json_string_value(json_array_get(required, 0));

		schema_put(w, o->dependent, first, json_incref(required));
		json_array_remove(required, 0);
	}
	json_decref(required);
}

static void schema_flat(struct schema_writer *w, struct schema_object *o,
			const struct json_member *m, json_t *required)
{
	bool is_pointer = m->kind == JSON_KIND_FLAT_POINTER;

	if (is_pointer ? m->flags & JSON_NEVER_NULL : !(m->flags & JSON_IF_TRUE))
		schema_members(w, o, m->shape, required);
	else
		schema_optional_members(w, o, m->shape);
}

static void schema_members(struct schema_writer *w, struct schema_object *o,
			   const struct json_shape *shape, json_t *required)
{
	for (size_t i = 0; i < shape->member_cnt; i++) {
		const struct json_member *m = &shape->members[i];

		if (m->kind == JSON_KIND_FLAT || m->kind == JSON_KIND_FLAT_POINTER) {
			schema_flat(w, o, m, required);
			continue;
		}
		schema_put(w, o->properties, m->name, schema_member(w, m));
		if (!(m->flags & JSON_LEFT_OUT))
			schema_append(w, required, json_string(m->name));
	}
}

static json_t *schema_of(struct schema_writer *w, const struct json_shape *shape)
{
	struct schema_object o = { json_object(), json_array(), json_object() };
	json_t *schema;

	schema_members(w, &o, shape, o.required);
	schema = json_pack("{s:s, s:s, s:o, s:o, s:b}", "description", shape->text, "type",
			   "object", "properties", o.properties, "required", o.required,
			   "additionalProperties", 0);
	if (schema && json_object_size(o.dependent))
		schema_put(w, schema, "dependentRequired", o.dependent);
	else
		json_decref(o.dependent);
	return schema;
}

/* Adds the definition of a shape, once. */
static void schema_define(struct schema_writer *w, const struct json_shape *shape)
{
	for (size_t i = 0; i < w->shape_cnt; i++)
		if (w->shapes[i] == shape)
			return;
	if (w->shape_cnt == SHAPES_MAX || json_object_get(w->defs, shape->name)) {
		w->failed = true;
		return;
	}
	w->shapes[w->shape_cnt++] = shape;
	/* Its place comes first, so that the definitions are in the order of the document. */
	schema_put(w, w->defs, shape->name, json_null());
	schema_put(w, w->defs, shape->name, schema_of(w, shape));
}

static json_t *schema_ref(struct schema_writer *w, const struct json_shape *shape)
{
	schema_define(w, shape);
	return json_pack("{s:s+}", "$ref", "#/$defs/", shape->name);
}

/* ---- the document ---- */

/* What "schema" of a document is. */
static void pin_schema(struct schema_writer *w, const char *def)
{
	json_t *properties = json_object_get(json_object_get(w->defs, def), "properties");

	schema_put(w, json_object_get(properties, "schema"), "const", json_string(RESULT_SCHEMA));
}

static json_t *schema_document(struct schema_writer *w)
{
	json_t *either = json_array();

	schema_append(w, either, schema_ref(w, &result_json));
	schema_append(w, either, schema_ref(w, &json_failure_json));
	pin_schema(w, result_json.name);
	pin_schema(w, json_failure_json.name);
	return json_pack("{s:s, s:s, s:s, s:o, s:O}", "$schema",
			 "https://json-schema.org/draft/2020-12/schema", "title", RESULT_SCHEMA,
			 "description",
			 "What `maptrace report --json` writes: a report, or why there is none.",
			 "oneOf", either, "$defs", w->defs);
}

struct err *json_schema_write(FILE *out)
{
	struct schema_writer w = { .defs = json_object() };
	json_t *schema = schema_document(&w);
	bool ok = schema && !w.failed && !json_dumpf(schema, out, JSON_INDENT(2));

	fputc('\n', out);
	json_decref(schema);
	json_decref(w.defs);
	return ok ? NULL : err_nomem();
}
