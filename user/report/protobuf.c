// SPDX-License-Identifier: GPL-2.0-only
#include "report/protobuf.h"

#include <string.h>

enum {
	WIRE_VARINT = 0,
	WIRE_BYTES = 2,
	VARINT_MAX = 10, /* bytes of a number */
};

static bool proto_reserve(struct proto *p, size_t more)
{
	if (!p->failed && !vec_reserve(&p->bytes, p->bytes.len + more))
		p->failed = true;
	return !p->failed;
}

static void proto_varint(struct proto *p, uint64_t v)
{
	if (!proto_reserve(p, VARINT_MAX))
		return;
	for (; v >= 0x80; v >>= 7)
		p->bytes.data[p->bytes.len++] = (unsigned char)(v | 0x80);
	p->bytes.data[p->bytes.len++] = (unsigned char)v;
}

static size_t varint_len(uint64_t v)
{
	size_t len = 1;

	for (; v >= 0x80; v >>= 7)
		len++;
	return len;
}

void proto_number(struct proto *p, unsigned int field, uint64_t value)
{
	if (!value)
		return;
	proto_varint(p, field << 3 | WIRE_VARINT);
	proto_varint(p, value);
}

void proto_bytes(struct proto *p, unsigned int field, const void *data, size_t len)
{
	proto_varint(p, field << 3 | WIRE_BYTES);
	proto_varint(p, len);
	if (!len || !proto_reserve(p, len))
		return;
	memcpy(p->bytes.data + p->bytes.len, data, len);
	p->bytes.len += len;
}

void proto_numbers(struct proto *p, unsigned int field, const uint64_t *values, size_t cnt)
{
	size_t len = 0;

	if (!cnt)
		return;
	for (size_t i = 0; i < cnt; i++)
		len += varint_len(values[i]);
	proto_varint(p, field << 3 | WIRE_BYTES);
	proto_varint(p, len);
	for (size_t i = 0; i < cnt; i++)
		proto_varint(p, values[i]);
}

void proto_message(struct proto *p, unsigned int field, struct proto *message)
{
	p->failed |= message->failed;
	proto_bytes(p, field, message->bytes.data, message->bytes.len);
	message->bytes.len = 0;
}

void proto_fini(struct proto *p)
{
	vec_fini(&p->bytes);
}
