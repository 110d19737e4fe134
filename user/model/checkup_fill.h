/* SPDX-License-Identifier: GPL-2.0-only */
/* checkup_fill.h - appends rows to a checkup; its parts share this. Texts are not copied. When
 * memory runs out pool.failed becomes true. */
#ifndef MAPTRACE_MODEL_CHECKUP_FILL_H
#define MAPTRACE_MODEL_CHECKUP_FILL_H

#include "model/checkup.h"

void checkup_ok(struct checkup *c, const char *code, const char *found);
/* For what works, but at a price, or not as well as elsewhere. */
void checkup_note(struct checkup *c, const char *code, const char *found, const char *cost);
void checkup_limit(struct checkup *c, const char *code, const char *found, const char *cost);
void checkup_fail(struct checkup *c, const char *code, int exit_code, const char *found,
		  const char *cost);

/* A failed row of an error, which is freed. */
void checkup_fail_err(struct checkup *c, const char *code, struct err *err);

#endif
