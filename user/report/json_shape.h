/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * json_shape.h - how a struct looks as a JSON object.
 *
 * A shape is a table of members. The writer (json_object.h), the reader (json_reader.h)
 * and the JSON Schema (json_schema.h) work from the same table, so a member is described
 * in one place. Each macro below makes one row, and does not compile when the field has
 * another type than the row says:
 *
 *	static const struct json_member frame_members[] = {
 *		JSON_TEXT("function", result_frame, function, JSON_NEVER_NULL, "Its name."),
 *		JSON_NONZERO("line", result_frame, line, 0, "The line; null: not known."),
 *	};
 *	const struct json_shape result_frame_json =
 *		JSON_SHAPE(result_frame, "frame", "A line of the source.", frame_members);
 *
 * The shape of `struct X` is called X_json. A row that holds another struct finds the
 * shape of that struct by this name.
 */
#ifndef MAPTRACE_REPORT_JSON_SHAPE_H
#define MAPTRACE_REPORT_JSON_SHAPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/result_words.h"

enum json_kind {
	JSON_KIND_U64,
	JSON_KIND_NONZERO, /* uint64_t; null for 0 */
	JSON_KIND_I64,
	JSON_KIND_OPT_U64, /* struct opt_u64; null: not known */
	JSON_KIND_DOUBLE, /* null for NAN */
	JSON_KIND_BOOL,
	JSON_KIND_TRISTATE, /* int8_t; null for -1 */
	JSON_KIND_TEXT, /* const char *; null for NULL */
	JSON_KIND_ADDRESS, /* uint64_t; "0x...": a JSON number cannot hold it; null for 0 */
	JSON_KIND_ERROR, /* int; the name of the errno, such as "ENOMEM"; null for 0 */
	JSON_KIND_WORD, /* an enum; its word */
	JSON_KIND_OBJECT, /* an embedded struct */
	JSON_KIND_POINTER, /* a pointer to a struct; null for NULL */
	JSON_KIND_LIST, /* POOL_LIST of structs */
	JSON_KIND_TEXTS, /* POOL_LIST of const char * */
	JSON_KIND_NUMBERS, /* POOL_LIST of uint64_t */
	JSON_KIND_BINS, /* the uint64_t[RESULT_BINS] of a histogram; empty bins are left out */
	/* An embedded struct whose members stand in the parent. */
	JSON_KIND_FLAT,
	/* The same, of a pointer; NULL: the members are left out. A reader takes it for there
	 * when its first member is. */
	JSON_KIND_FLAT_POINTER,
	/* All maps, and how many there are: the document has them, see json.c, json_read.c. */
	JSON_KIND_MAPS,
	JSON_KIND_MAPS_TOTAL,
};

enum json_flag {
	JSON_LEFT_OUT = 1 << 0, /* not there instead of null, or instead of an empty list */
	JSON_NEVER_NULL = 1 << 1, /* a text or an inline pointer that is always there */
	JSON_IF_TRUE = 1 << 2, /* only with the bool of `guard`; else null, or left out */
	JSON_IF_NO_TEXT = 1 << 3, /* null if there is the text of `guard` */
};

struct json_member {
	const char *name; /* NULL: inline */
	const char *text; /* what it means, and its unit, for the schema */
	size_t off; /* in the struct */
	enum json_kind kind;
	unsigned int flags; /* enum json_flag */
	const struct json_shape *shape; /* of a struct, or of the elements of a list */
	const struct word *words; /* of JSON_KIND_WORD */
	size_t word_cnt;
	size_t guard; /* offset of what JSON_IF_... look at */
};

struct json_shape {
	const char *name; /* in the schema */
	const char *text; /* what it is */
	size_t size; /* of the struct */
	const struct json_member *members;
	size_t member_cnt;
};

/* Any POOL_LIST, seen from here. */
struct json_list {
	void *data;
	size_t len;
};

#define JSON_CNT_(a) (sizeof(a) / sizeof((a)[0]))

#define JSON_SHAPE(tag, name_, text_, members_)                                                    \
	{                                                                                          \
		.name = (name_), .text = (text_), .size = sizeof(struct tag),                      \
		.members = (members_), .member_cnt = JSON_CNT_(members_),                          \
	}

/* The offset of a field that has a certain type. */
#define JSON_OFF_(tag, field, type)                                                                \
	(offsetof(struct tag, field) + 0 * sizeof(_Generic(((struct tag *)0)->field, type : 1)))

#define JSON_ROW_(name_, off_, kind_, flags_, text_)                                               \
	.name = (name_), .text = (text_), .off = (off_), .kind = (kind_), .flags = (flags_)

#define JSON_U64(name, tag, field, text)                                                           \
	{                                                                                          \
		JSON_ROW_(name, JSON_OFF_(tag, field, uint64_t), JSON_KIND_U64, 0, text)           \
	}
#define JSON_NONZERO(name, tag, field, text)                                                       \
	{                                                                                          \
		JSON_ROW_(name, JSON_OFF_(tag, field, uint64_t), JSON_KIND_NONZERO, 0, text)       \
	}
#define JSON_I64(name, tag, field, text)                                                           \
	{                                                                                          \
		JSON_ROW_(name, JSON_OFF_(tag, field, int64_t), JSON_KIND_I64, 0, text)            \
	}
#define JSON_OPT_U64(name, tag, field, flags, text)                                                \
	{                                                                                          \
		JSON_ROW_(name, JSON_OFF_(tag, field, struct opt_u64), JSON_KIND_OPT_U64, flags,   \
			  text)                                                                    \
	}
#define JSON_DOUBLE(name, tag, field, flags, text)                                                 \
	{                                                                                          \
		JSON_ROW_(name, JSON_OFF_(tag, field, double), JSON_KIND_DOUBLE, flags, text)      \
	}
#define JSON_BOOL(name, tag, field, text)                                                          \
	{                                                                                          \
		JSON_ROW_(name, JSON_OFF_(tag, field, bool), JSON_KIND_BOOL, 0, text)              \
	}
#define JSON_TRISTATE(name, tag, field, flags, text)                                               \
	{                                                                                          \
		JSON_ROW_(name, JSON_OFF_(tag, field, int8_t), JSON_KIND_TRISTATE, flags, text)    \
	}
#define JSON_TEXT(name, tag, field, flags, text)                                                   \
	{                                                                                          \
		JSON_ROW_(name, JSON_OFF_(tag, field, const char *), JSON_KIND_TEXT, flags, text)  \
	}
#define JSON_ADDRESS(name, tag, field, text)                                                       \
	{                                                                                          \
		JSON_ROW_(name, JSON_OFF_(tag, field, uint64_t), JSON_KIND_ADDRESS, 0, text)       \
	}
#define JSON_ERROR(name, tag, field, text)                                                         \
	{                                                                                          \
		JSON_ROW_(name, JSON_OFF_(tag, field, int), JSON_KIND_ERROR, 0, text)              \
	}
/* The field is of `enum enum_tag`. */
#define JSON_WORD(name, tag, field, enum_tag, table, text)                                         \
	{                                                                                          \
		JSON_ROW_(name, JSON_OFF_(tag, field, enum enum_tag), JSON_KIND_WORD, 0, text),    \
			.words = (table), .word_cnt = JSON_CNT_(table)                             \
	}
/* From here on `inner` is the tag of a struct that the field is, points to, or lists. */
#define JSON_INNER(name, tag, field, inner, text)                                                  \
	{                                                                                          \
		JSON_ROW_(name, JSON_OFF_(tag, field, struct inner), JSON_KIND_OBJECT, 0, text),   \
			.shape = &inner##_json                                                     \
	}
#define JSON_INNER_IF(name, tag, field, inner, flag_, guard_, text)                                \
	{                                                                                          \
		JSON_ROW_(name, JSON_OFF_(tag, field, struct inner), JSON_KIND_OBJECT, flag_,      \
			  text),                                                                   \
			.shape = &inner##_json, .guard = offsetof(struct tag, guard_)              \
	}
/* An object of some fields of the struct itself, by a shape that has the same offsets. */
#define JSON_PART(name, shape_, text)                                                              \
	{                                                                                          \
		JSON_ROW_(name, 0, JSON_KIND_OBJECT, 0, text), .shape = &(shape_)                  \
	}
#define JSON_POINTER(name, tag, field, inner, flags, text)                                         \
	{                                                                                          \
		JSON_ROW_(name, JSON_OFF_PTR_(tag, field, inner), JSON_KIND_POINTER, flags, text), \
			.shape = &inner##_json                                                     \
	}
#define JSON_LIST(name, tag, field, inner, flags, text)                                            \
	{                                                                                          \
		JSON_ROW_(name, JSON_OFF_LIST_(tag, field, struct inner *), JSON_KIND_LIST, flags, \
			  text),                                                                   \
			.shape = &inner##_json                                                     \
	}
#define JSON_TEXTS(name, tag, field, flags, text)                                                  \
	{                                                                                          \
		JSON_ROW_(name, JSON_OFF_LIST_(tag, field, const char **), JSON_KIND_TEXTS, flags, \
			  text)                                                                    \
	}
#define JSON_NUMBERS(name, tag, field, text)                                                       \
	{                                                                                          \
		JSON_ROW_(name, JSON_OFF_LIST_(tag, field, uint64_t *), JSON_KIND_NUMBERS, 0,      \
			  text)                                                                    \
	}
#define JSON_BINS(name, tag, field, text)                                                          \
	{                                                                                          \
		JSON_ROW_(name, JSON_OFF_(tag, field[0], uint64_t), JSON_KIND_BINS, 0, text),      \
			.shape = &json_bin_json                                                    \
	}
#define JSON_FLAT(tag, field, inner)                                                               \
	{                                                                                          \
		JSON_ROW_(NULL, JSON_OFF_(tag, field, struct inner), JSON_KIND_FLAT, 0, NULL),     \
			.shape = &inner##_json                                                     \
	}
#define JSON_FLAT_POINTER(tag, field, inner, flags)                                                \
	{                                                                                          \
		JSON_ROW_(NULL, JSON_OFF_PTR_(tag, field, inner), JSON_KIND_FLAT_POINTER, flags,   \
			  NULL),                                                                   \
			.shape = &inner##_json                                                     \
	}
/* The same, by another shape of the struct than that of its name. */
#define JSON_FLAT_POINTER_AS(tag, field, inner, shape_)                                            \
	{                                                                                          \
		JSON_ROW_(NULL, JSON_OFF_PTR_(tag, field, inner), JSON_KIND_FLAT_POINTER, 0,       \
			  NULL),                                                                   \
			.shape = &(shape_)                                                         \
	}
/* Some fields of the struct itself, which are left out without the bool. */
#define JSON_FLAT_PART_IF(tag, guard_, shape_)                                                     \
	{                                                                                          \
		JSON_ROW_(NULL, 0 * JSON_OFF_(tag, guard_, bool), JSON_KIND_FLAT, JSON_IF_TRUE,    \
			  NULL),                                                                   \
			.shape = &(shape_), .guard = offsetof(struct tag, guard_)                  \
	}

#define JSON_ALL_MAPS(name, kind, text)                                                            \
	{                                                                                          \
		JSON_ROW_(name, 0, kind, 0, text)                                                  \
	}

#define JSON_OFF_PTR_(tag, field, inner)                                                           \
	(offsetof(struct tag, field) +                                                             \
	 0 * sizeof(_Generic(((struct tag *)0)->field, struct inner * : 1,                         \
			     const struct inner * : 1)))
#define JSON_OFF_LIST_(tag, field, type)                                                           \
	(offsetof(struct tag, field.data) +                                                        \
	 0 * sizeof(_Generic(((struct tag *)0)->field.data, type : 1)))

/* A bin of a histogram, as it is written. */
struct json_bin {
	uint64_t ge;
	uint64_t lt;
	uint64_t ns;
};
extern const struct json_shape json_bin_json;

#endif
