/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * intern.h - a list of different pieces of bytes: equal ones have one number.
 *
 *	struct intern names = { 0 };
 *	size_t no = intern_add(&names, "x", 1);		0, for each "x"
 *	intern_fini(&names);
 */
#ifndef MAPTRACE_REPORT_INTERN_H
#define MAPTRACE_REPORT_INTERN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/table.h"
#include "base/vec.h"

struct intern_piece {
	size_t off; /* in `bytes` */
	size_t len;
};

/* All zero: empty, ready for use. */
struct intern {
	struct table by_hash;
	VEC(struct intern_piece) pieces;
	VEC(char) bytes;
	bool failed; /* memory ran out, now or before: numbers mean nothing */
};

/* The number of a piece, from 0 on. Its bytes are copied. */
size_t intern_add(struct intern *in, const void *data, size_t len);

/* The bytes of a piece; valid until the next one is added. */
static inline const void *intern_get(const struct intern *in, size_t no)
{
	return in->bytes.data + in->pieces.data[no].off;
}

void intern_fini(struct intern *in);

#endif
