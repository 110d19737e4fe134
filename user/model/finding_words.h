/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * finding_words.h - what a report says of each kind of finding: one row a kind.
 */
#ifndef MAPTRACE_MODEL_FINDING_WORDS_H
#define MAPTRACE_MODEL_FINDING_WORDS_H

#include <stdbool.h>

#include "base/pool.h"
#include "model/finding.h"

struct finding_row {
	/* What is wrong, in one sentence. `label` is the type of its maps for people. */
	const char *(*headline)(struct pool *pool, const struct finding *f, const char *label);
	/* What to do, and what comes back by it. */
	const char *(*remedy)(struct pool *pool, const struct finding *f);
	const char *measured; /* how its bytes are known */
	bool of_maps; /* it is about maps: their sums are told */
	bool of_zeroes; /* it is about zero values */
};

const struct finding_row *finding_row(enum finding_kind kind);

#endif
