/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * finding_words.h - the sentences for each kind of finding.
 */
#ifndef MAPTRACE_MODEL_FINDING_WORDS_H
#define MAPTRACE_MODEL_FINDING_WORDS_H

#include <stdbool.h>

#include "base/pool.h"
#include "model/finding.h"

/* What is the same for all findings of a kind. The functions return text from the pool; NULL
 * if memory ran out. */
struct finding_row {
	/* Says what is wrong, in one sentence. `label` names the type of the maps. */
	const char *(*headline)(struct pool *pool, const struct finding *f, const char *label);
	/* Says what to do, and how many bytes come back. */
	const char *(*remedy)(struct pool *pool, const struct finding *f);
	const char *measured; /* how the number of bytes is known */
	bool of_maps; /* it is about maps, so the result has sums over them */
	bool of_zeroes; /* it is about zero values, so the result has their number */
};

/* Never NULL; static. */
const struct finding_row *finding_row(enum finding_kind kind);

#endif
