// SPDX-License-Identifier: GPL-2.0-only
/* The sentences for findings that are not about maps. */
#include <stdio.h>

#include "base/units.h"
#include "model/finding_words.h"

#define BYTES(v) text_bytes(v).s
#define COUNTED(v, noun) text_counted(v, noun).s

struct finding_words finding_words_free(struct pool *pool, const struct finding_facts *x)
{
	bool sure = x->f->figures[0], off = x->f->figures[1];
	const char *why = "The scavenger's goal is lower, and it has had time enough.";

	if (off)
		why = "GOGC=off: without a goal the scavenger returns nothing.";
	else if (!sure)
		why = "The goals of Go's scavenger are not known: it may return this by itself.";
	return (struct finding_words){
		.headline = pool_printf(pool, "Go keeps %s of free heap that the OS could have.",
					BYTES(x->f->bytes)),
		.evidence = why,
		.remedy = "debug.FreeOSMemory() returns it now; a GOMEMLIMIT keeps it small.",
	};
}

struct finding_words finding_words_lazy(struct pool *pool, const struct finding_facts *x)
{
	return (struct finding_words){
		.headline = pool_printf(pool,
					"%s are given back, but RSS counts them until the kernel "
					"takes them.",
					BYTES(x->f->bytes)),
		.evidence = "They were given back with MADV_FREE (GODEBUG=madvdontneed=0).",
		.remedy = "Under memory pressure the kernel takes them at once. With "
			  "GODEBUG=madvdontneed=1, the default, RSS falls at once.",
	};
}

struct finding_words finding_words_refilled(struct pool *pool, const struct finding_facts *x)
{
	return (struct finding_words){
		.headline =
			pool_printf(pool,
				    "%s are in memory again although Go gave them back or never "
				    "used them.",
				    BYTES(x->f->bytes)),
		.evidence = "Go counts them as returned and won't return them again.",
		.remedy = "Huge pages may do this: GODEBUG=disablethp=1 (Go 1.21.6 and later), or "
			  "0 in khugepaged/max_ptes_none. A restart gives the memory back.",
	};
}

struct finding_words finding_words_huge(struct pool *pool, const struct finding_facts *x)
{
	return (struct finding_words){
		.headline = pool_printf(pool,
					"%s that Go gave back or never used are in memory with the "
					"huge pages around them.",
					BYTES(x->f->bytes)),
		.remedy = "GODEBUG=disablethp=1 (Go 1.21.6 and later) or fewer transparent huge "
			  "pages on this machine keep them out.",
	};
}

struct finding_words finding_words_locked(struct pool *pool, const struct finding_facts *x)
{
	return (struct finding_words){
		.headline = pool_printf(pool, "%s of free heap cannot be given back: it is locked.",
					BYTES(x->f->bytes)),
		.evidence = "madvise(2) fails for memory locked by mlock or mlockall.",
		.remedy = "Lock only what needs it, or munlockall() before "
			  "debug.FreeOSMemory().",
	};
}

struct finding_words finding_words_pinned(struct pool *pool, const struct finding_facts *x)
{
	return (struct finding_words){
		.headline = pool_printf(
			pool, "%s of free slots are in spans that a few live objects keep.",
			BYTES(x->f->bytes)),
		.evidence = "That is what remains beyond the objects that fit in before the next "
			    "cycle. Go cannot move objects.",
		.remedy = "Copy the objects that stay and drop the old ones: NOT RETURNED has the "
			  "slot sizes. New objects of these sizes go there first.",
	};
}

struct finding_words finding_words_c(struct pool *pool, const struct finding_facts *x)
{
	const struct result_outside *o = &x->r->memory->outside;

	return (struct finding_words){
		.headline = pool_printf(pool, "C code has %s, outside of Go's heap.",
					BYTES(x->f->bytes)),
		.evidence = pool_printf(pool,
					"%s of glibc's malloc have %s, [heap] has %s, other "
					"mappings have %s. What of it C has freed is not known.",
					COUNTED(o->c_arenas, "arena"), BYTES(o->c_arena_bytes),
					BYTES(o->c_heap_bytes), BYTES(o->other_bytes)),
		.remedy = "MALLOC_ARENA_MAX=2 limits the arenas; malloc_trim(0) gives back what C "
			  "has freed.",
	};
}

static const char *mapped_evidence(struct pool *pool, const struct finding_facts *x)
{
	const struct result_outside *o = &x->r->memory->outside;
	const struct result_caller *c = x->f->caller;
	uint64_t grown = x->f->figures[0];

	if (x->f->figures[1])
		return o->largest_file ? pool_printf(pool, "Most is of %s: %s.", o->largest_file,
						     BYTES(o->largest_file_bytes))
				       : NULL;
	if (!grown)
		return o->has_libc ? "Large blocks of C's malloc, stacks of C's threads, or mmap "
				     "calls of the program."
				   : "No C is in the process: the Go program mapped it itself.";
	return pool_printf(pool, "While it was watched, it mapped %s more than it unmapped%s%s.",
			   BYTES(grown), c ? ", most in " : "", c ? c->function : "");
}

struct finding_words finding_words_mapped(struct pool *pool, const struct finding_facts *x)
{
	bool files = x->f->figures[1];

	return (struct finding_words){
		.headline = pool_printf(pool, "%s are %s, outside of Go's heap.",
					BYTES(x->f->bytes),
					files ? "of mapped files and shared memory"
					      : "anonymous memory that the program mapped"),
		.evidence = mapped_evidence(pool, x),
		.remedy = files ? "The kernel takes clean pages of files when it needs memory; "
				  "munmap returns all."
				: "munmap returns it; Go's collector never does.",
	};
}

struct finding_words finding_words_thrash(struct pool *pool, const struct finding_facts *x)
{
	const struct finding *f = x->f;

	return (struct finding_words){
		.headline = pool_printf(pool,
					"The memory limit of %s binds: the live heap leaves the "
					"collector %s.",
					BYTES(f->figures[1]), BYTES(f->figures[0])),
		.evidence = pool_printf(pool, "%s are live; the collector uses %s of the CPU time.",
					BYTES(f->figures[2]), text_percent(f->rates[0]).s),
		.remedy = "Raise GOMEMLIMIT, or hold less: GOGC has no effect while the limit "
			  "binds.",
	};
}

struct finding_words finding_words_limit(struct pool *pool, const struct finding_facts *x)
{
	uint64_t left = x->f->figures[0], limit = x->f->figures[1];

	return (struct finding_words){
		.headline = pool_printf(pool, "%s are left of the cgroup's limit of %s.",
					BYTES(left), BYTES(limit)),
		.evidence = "Pages of files don't count here: the kernel takes those first.",
		.remedy = "At the limit the kernel kills the process. Raise memory.max, or set "
			  "GOMEMLIMIT to nine tenths of it.",
	};
}
