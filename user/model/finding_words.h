/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * finding_words.h - the sentences for each kind of finding.
 */
#ifndef MAPTRACE_MODEL_FINDING_WORDS_H
#define MAPTRACE_MODEL_FINDING_WORDS_H

#include <stdbool.h>

#include "base/pool.h"
#include "model/finding.h"

/* What sentences are made from. */
struct finding_facts {
	const struct finding *f;
	const struct result *r; /* as for finders */
	const char *label; /* names the type of the map; "" without one */
};

/* Text from the pool, or static; NULL if memory ran out. */
struct finding_words {
	const char *headline; /* says what is wrong, in one sentence */
	const char
		*evidence; /* how one can see it, in one or two sentences; NULL: no more to say */
	const char *remedy; /* what to do, and how many bytes come back */
};

typedef struct finding_words finding_words_fn(struct pool *pool, const struct finding_facts *x);

/* The one function of a kind; result_words.h has the names. */
#define FINDING_WORDS_DECLARE(kind, name, text, stem, ...) finding_words_fn finding_words_##stem;
FINDINGS(FINDING_WORDS_DECLARE)

/* What is the same for all findings of a kind. */
struct finding_row {
	finding_words_fn *words;
	const char *measured; /* how the number of bytes is known */
	enum verdict_state state; /* of a process with such a finding of WARN or more */
	bool of_maps; /* it is about maps, so the result has sums over them */
	bool of_zeroes; /* it is about zero values, so the result has their number */
};

/* Never NULL; static. */
const struct finding_row *finding_row(enum finding_kind kind);

#endif
