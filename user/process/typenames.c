// SPDX-License-Identifier: GPL-2.0-only
#include "process/typenames.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	/* Names of types with a hundred fields, or of generic ones, may be longer. */
	NAME_MAX_LEN = 4096,
	DEPTH_MAX = 16,
	PARTS_MAX = 1024, /* parts of a type that was made; hostile types may nest in each other */
};

bool type_text_read(const struct type_range *r, uint64_t off, struct type_text *ret)
{
	struct cursor c = cursor_of(r->data, r->len);

	cursor_seek(&c, off);
	ret->flags = cursor_u8(&c);
	ret->len = cursor_uvarint(&c);
	ret->bytes = c.bad || !ret->len ? NULL : cursor_bytes(&c, ret->len);
	return ret->bytes;
}

/* A copy that is safe for a terminal. A longer name ends in dots, after a whole character. */
static char *type_name_copy(const char *text, uint64_t len)
{
	static const char dots[] = "...";
	bool cut = len > NAME_MAX_LEN;

	if (cut)
		len = NAME_MAX_LEN - strlen(dots);
	while (cut && len && ((uint8_t)text[len] & 0xc0) == 0x80)
		len--;
	char *name = calloc(1, len + sizeof(dots));
	if (!name)
		return NULL;
	memcpy(name, text, len);
	for (char *p = name; *p; p++)
		if (iscntrl((unsigned char)*p))
			*p = '?';
	return cut ? strcat(name, dots) : name;
}

/* Descriptors store "*T" and a flag that says to drop the star, because the string is needed for
 * *T, too. */
bool type_linked_name(const struct type_range *r, const uint8_t *type, struct type_text *ret)
{
	if (!type_text_read(r, load_u32(type, TYPE_STR), ret))
		return false;
	if ((load_u8(type, TYPE_TFLAG) & TFLAG_EXTRA_STAR) && *ret->bytes == '*') {
		ret->bytes++;
		ret->len--;
	}
	return true;
}

/* ---- names of types that reflect made ---- */

struct made_name {
	const struct section *section;
	FILE *out;
	unsigned int parts;
};

static void made_name_print_type(struct made_name *n, uint64_t addr, int depth);

static void made_name_print_text(struct made_name *n, const struct type_text *t)
{
	fwrite(t->bytes, 1, t->len < NAME_MAX_LEN ? t->len : NAME_MAX_LEN, n->out);
}

/* Writes the name as reflect.StructOf does, without tags. */
static void made_name_print_struct(struct made_name *n, const uint8_t *type, int depth)
{
	uint64_t cnt = load_u64(type, STRUCT_FIELD_CNT);
	const uint8_t *f = type_fields(n->section, type);

	fputs(cnt ? "struct { " : "struct {", n->out);
	for (uint64_t i = 0; i < cnt; i++, f += FIELD_SZ) {
		if (!f || n->parts >= PARTS_MAX) {
			fputs("? ", n->out);
			break;
		}
		uint64_t name = load_u64(f, FIELD_NAME);
		const struct type_range *r = type_range_of(n->section, name);
		struct type_text t;

		if (!r || !type_text_read(r, name - r->addr, &t))
			fputs("? ", n->out);
		else if (!(t.flags & NAME_EMBEDDED)) {
			made_name_print_text(n, &t);
			putc(' ', n->out);
		}
		made_name_print_type(n, load_u64(f, FIELD_TYPE), depth);
		fputs(i + 1 < cnt ? "; " : " ", n->out);
	}
	putc('}', n->out);
}

static void made_name_print_made(struct made_name *n, uint64_t addr, uint8_t kind, int depth)
{
	const uint64_t sz = kind == KIND_STRUCT			     ? STRUCT_TYPE_SZ
			    : kind == KIND_ARRAY || kind == KIND_MAP ? ARRAY_LEN + 8
								     : ARRAY_ELEM + 8;
	const uint8_t *t = type_at(n->section, addr, sz);

	if (!t) {
		putc('?', n->out);
		return;
	}
	switch (kind) {
	case KIND_POINTER:
		putc('*', n->out);
		break;
	case KIND_SLICE:
		fputs("[]", n->out);
		break;
	case KIND_CHAN:
		fputs("chan ", n->out);
		break;
	case KIND_ARRAY:
		fprintf(n->out, "[%" PRIu64 "]", load_u64(t, ARRAY_LEN));
		break;
	case KIND_MAP:
		fputs("map[", n->out);
		made_name_print_type(n, load_u64(t, MAPTYPE_KEY), depth);
		putc(']', n->out);
		made_name_print_type(n, load_u64(t, MAPTYPE_ELEM), depth);
		return;
	case KIND_STRUCT:
		made_name_print_struct(n, t, depth);
		return;
	default:
		putc('?', n->out);
		return;
	}
	made_name_print_type(n, load_u64(t, ARRAY_ELEM), depth);
}

static void made_name_print_type(struct made_name *n, uint64_t addr, int depth)
{
	const struct type_range *r = type_range_of(n->section, addr);
	const uint8_t *t = type_at(n->section, addr, TYPE_SZ);
	struct type_text name;

	if (!t || depth == DEPTH_MAX || n->parts++ >= PARTS_MAX)
		putc('?', n->out);
	else if (r->made)
		made_name_print_made(n, addr, type_kind(t), depth + 1);
	else if (type_linked_name(r, t, &name))
		made_name_print_text(n, &name);
	else
		putc('?', n->out);
}

static char *type_made_name(const struct section *s, uint64_t addr)
{
	char *buf = NULL;
	size_t len = 0;
	struct made_name n = { .section = s, .out = open_memstream(&buf, &len) };

	if (!n.out)
		return NULL;
	made_name_print_type(&n, addr, 0);
	bool ok = fclose(n.out) == 0;
	char *name = ok ? type_name_copy(buf, len) : NULL;
	free(buf);
	return name;
}

char *type_name(const struct section *s, uint64_t addr)
{
	const struct type_range *r = type_range_of(s, addr);
	const uint8_t *t = type_at(s, addr, TYPE_SZ);
	struct type_text name;

	if (!t)
		return NULL;
	if (r->made)
		return type_made_name(s, addr);
	return type_linked_name(r, t, &name) ? type_name_copy((const char *)name.bytes, name.len)
					     : NULL;
}
