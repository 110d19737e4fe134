/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * protobuf.h - writes messages in the wire format of protocol buffers: the few kinds of fields
 * that a profile takes. A message in a message is written on its own, and then added as bytes.
 */
#ifndef MAPTRACE_REPORT_PROTOBUF_H
#define MAPTRACE_REPORT_PROTOBUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/vec.h"

/* All zero: empty, ready for use. */
struct proto {
	VEC(unsigned char) bytes;
	bool failed; /* memory ran out, now or before */
};

/* A number. 0 is left out, as readers take it for what is not there. */
void proto_number(struct proto *p, unsigned int field, uint64_t value);

/* Bytes: a string, or a message. Empty ones are written, too. */
void proto_bytes(struct proto *p, unsigned int field, const void *data, size_t len);

/* A list of numbers, packed; nothing if it is empty. */
void proto_numbers(struct proto *p, unsigned int field, const uint64_t *values, size_t cnt);

/* A message, which is emptied for the next one. */
void proto_message(struct proto *p, unsigned int field, struct proto *message);

void proto_fini(struct proto *p);

#endif
