/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * referrers.h - which words of the heap lead to some objects.
 *
 * A pass reads every span whose objects have pointers, piece by piece into memory that is used
 * again, with up to PASS_THREADS_MAX threads. The objects that it looks for are its targets. A word
 * is a referrer when it has the address of a target, when the allocator does not say that it
 * is no pointer, and when the object that it is in was in use after it was read.
 */
#ifndef MAPTRACE_GRAPH_REFERRERS_H
#define MAPTRACE_GRAPH_REFERRERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/vec.h"
#include "heap/heap.h"
#include "heap/residency.h"

enum {
	PASS_THREADS_MAX = 4,
	/* More referrers of a target than this are dropped: they would not change what it is
	 * called. */
	PASS_REFERRERS_MAX = 8,
};

/* ---- targets ---- */

/* Addresses to look for. A word is looked up in two steps: a bit for the page that it leads to,
 * then a hash table. */
struct pass_targets {
	VEC(uint64_t) addrs; /* a target's number is its index here */
	uint64_t low, extent; /* all are in [low, low + extent] */
	uint64_t *pages; /* a bit for each page with a target; pages far apart share bits */
	uint64_t page_mask;
	uint32_t *slots; /* number + 1; 0: empty */
	uint64_t slot_mask;
};

#define TARGET_NONE UINT32_MAX

/* Add addresses to addrs, then call targets_index(). False: out of memory. */
bool targets_index(struct pass_targets *t);
void targets_fini(struct pass_targets *t);

static inline uint64_t targets_home(uint64_t addr)
{
	return addr * 0x9e3779b97f4a7c15 >> 24;
}

/* Whether a word may lead to a target: most words don't. */
static inline bool targets_may_have(const struct pass_targets *t, uint64_t word)
{
	uint64_t page = word / GO_PAGE_SZ & t->page_mask;

	return word - t->low <= t->extent && (t->pages[page / 64] >> page % 64 & 1);
}

/* The number of the target at that address; TARGET_NONE: there is none. */
static inline uint32_t targets_find(const struct pass_targets *t, uint64_t addr)
{
	if (!t->slots || !targets_may_have(t, addr))
		return TARGET_NONE;
	for (uint64_t i = targets_home(addr) & t->slot_mask;; i = (i + 1) & t->slot_mask) {
		if (!t->slots[i])
			return TARGET_NONE;
		if (t->addrs.data[t->slots[i] - 1] == addr)
			return t->slots[i] - 1;
	}
}

/* ---- the pass ---- */

struct referrer {
	uint64_t word; /* the address of the word */
	uint32_t target;
	uint32_t span; /* the one that the word is in: an index into heap->spans */
};

struct referrers {
	VEC(struct referrer) list; /* by target, then by address */
	uint64_t dropped; /* there were more than PASS_REFERRERS_MAX of a target */
	uint64_t unread_bytes; /* of spans that could not be read */
	bool late; /* the deadline came first */
};

/* Which spans a pass reads. */
enum pass_spans {
	PASS_WORDS, /* those of objects of one word */
	PASS_REST, /* all others */
};

struct pass_opts {
	enum pass_spans spans;
	const struct residency *residency; /* to leave out what was never written; NULL: read all */
	uint64_t deadline_ns; /* of clock_ns(); 0: none */
	uint8_t most; /* referrers of a target that are kept; 0: PASS_REFERRERS_MAX */
};

/* Finds the referrers of all targets. Fails when the target process is gone, when its mem's `stop`
 * is set, or when memory ran out. Release with referrers_fini(). */
struct err *referrers_find(struct heap *heap, const struct pass_targets *targets,
			   const struct pass_opts *opts, struct referrers *ret);
void referrers_fini(struct referrers *r);

#endif
