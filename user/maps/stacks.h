/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * stacks.h - maps whose header does not escape: it is in a frame of a goroutine,
 * while the tables that it outgrew its frame with are on the heap.
 *
 * Nobody notes which words of a stack are what, so every word position in the part
 * that is in use may start a header. It is taken for one when the decoders find a
 * map in it, and when its tables are allocated and nobody else's:
 *
 * - A variable that is not used any more stays in its frame. The collector does not
 *   look at it, so its table becomes free, or another object.
 * - The frames of a running goroutine begin nobody knows where; what its calls left
 *   behind is on its stack, too. All of it is searched, and the rows say so.
 *   What they tell of the tables holds just the same: they are a map's, and not
 *   collected. That somebody still holds them is no more sure than for a map on the
 *   heap that nobody points to any more.
 * - A copy of a header that moved, with its stack, has the same tables.
 * - What does not run does not change its maps. But who waited when the list of goroutines
 *   was read may have run since: its map is a moving one when its header changed between two
 *   reads, or its stack pointer. Tables that change under a header which stays the same are
 *   another's.
 *
 * A map that leads to memory of which the heap, as it was read, tells another use than is made
 * of it now cannot be proved with that heap. It is suspect, so that the snapshot is taken
 * again, when its header is one as far as its own words tell and its first table is an object
 * of the right size that is allocated by now, and reachable. Words that look like this by
 * chance do so for one try only: the next heap knows.
 */
#ifndef MAPTRACE_MAPS_STACKS_H
#define MAPTRACE_MAPS_STACKS_H

#include <stdint.h>

#include "base/err.h"
#include "maps/mapinfo.h"
#include "maps/scan.h"

struct census;
struct stacks;

/* Searches the stacks, before the heap is scanned. Free with stacks_free(). */
struct err *stacks_take(struct census *census);
void stacks_free(struct stacks *stacks);

/* Notes a map that the decoders found on a stack. */
struct err *stacks_add(struct stacks *stacks, const struct candidate *c, const struct map_info *m,
		       const struct go_layout *layout);

/* Notes, as suspect, what may be a map in memory that is another span's than when the heap was
 * read. What else the decoders give up is dropped. */
struct err *stacks_doubt(struct census *census, const struct candidate *c);

/* A map on the heap has the tables of this header: no other has them. Several threads
 * may claim at a time. */
void stacks_claim(struct stacks *stacks, const struct candidate *c, const struct go_layout *layout);

/* Appends what is left to census->late. */
struct err *stacks_finish(struct census *census);

/* Number of goroutines with a stack, and why there are none; NULL: they were searched. */
uint64_t stacks_goroutine_cnt(const struct stacks *stacks);
const char *stacks_refusal(const struct stacks *stacks);

#endif
