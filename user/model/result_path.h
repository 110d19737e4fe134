/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * result_path.h - the part of a result that says how the program gets to a map.
 */
#ifndef MAPTRACE_MODEL_RESULT_PATH_H
#define MAPTRACE_MODEL_RESULT_PATH_H

#include <stdbool.h>

#include "base/pool.h"
#include "model/result_words.h"

struct result_path_step {
	const char *text; /* as that of a holder */
	enum result_holder_kind kind;
	const char *type; /* what has the field, elements or values; NULL: not known, or none */
	const char *field; /* from the start of that type; NULL: none */
	bool certain;
};

/* A way from a variable or a frame to a map: one of several. */
struct result_path {
	const char *text; /* all of it in one line */
	bool certain; /* all steps are */
	POOL_LIST(struct result_path_step) steps; /* from the root on; never empty */
};

#endif
