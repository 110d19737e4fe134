/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * stacks.h - maps whose header does not escape: it is in a frame of a goroutine,
 * while the tables that it outgrew its frame with are on the heap.
 *
 * The runtime notes nowhere what a word of a stack is, so a header may start at every word of
 * the part that is in use (stack_search.h). A candidate there counts as a map when the
 * decoders find a map in it, and when its tables are allocated and nobody else's:
 *
 * - A variable that is not used any more stays in its frame. The collector does not
 *   look at it, so its table becomes free, or another object.
 * - Where the frames of a running goroutine begin is not known, and what its calls left behind
 *   is on its stack, too. All of the stack is searched, and the rows say so. What such rows
 *   tell of the tables is as true as for any other: the tables are a map's, and not collected.
 *   That somebody still uses the map is no more certain than it is for a map on the heap that
 *   nothing points to any more.
 * - When a stack moves, a copy of the header stays behind. It has the same tables.
 * - A goroutine that does not run does not change its maps. But one that waited when the list
 *   of goroutines was read may have run since: its map counts as moving when the header
 *   changed between two reads, or the stack pointer did. Tables that change under a header
 *   which stays the same are another map's.
 *
 * A map that leads to memory which had another use when the heap was read cannot be proved with
 * that heap. It is suspect, so that the snapshot is taken again, when its header can be one as
 * far as its own words tell, and its first table is an object of the right size that is
 * allocated by now, and reachable. Words that look like this by chance do so only once: the
 * next heap has the object.
 */
#ifndef MAPTRACE_MAPS_STACKS_H
#define MAPTRACE_MAPS_STACKS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "heap/goroutines.h"
#include "heap/heap.h"
#include "maps/candidate.h"
#include "maps/mapinfo.h"
#include "maps/rows.h"

struct stacks;

/* NULL: out of memory. Free with stacks_free(). */
struct stacks *stacks_new(void);
void stacks_free(struct stacks *stacks);

/* ---- for the search ---- */

/* Reads the list of goroutines. */
struct err *stacks_read_goroutines(struct stacks *stacks, struct heap *heap);

const struct goroutine *stacks_goroutine(const struct stacks *stacks, size_t i);

/* Checks the maps that were added since the last check, and sets searched to false for the
 * stacks that have not moved meanwhile: those are done. What was read of a stack that moved
 * may be another's words, so it has to be searched again. last: it will not be. */
struct err *stacks_check(struct stacks *stacks, struct heap *heap, bool last, bool *searched);

/* Drops all maps, because some stacks cannot be searched: a part of the maps would be taken for
 * all of them. Takes the error over. */
void stacks_refuse(struct stacks *stacks, struct err *why);

/* ---- for the decision on candidates ---- */

/* Adds a map that the decoders found on a stack. */
struct err *stacks_add(struct stacks *stacks, const struct candidate *c, const struct map_info *m,
		       const struct heap *heap);

/* Adds, as suspect, a candidate that may be a map in memory which was another span's when the
 * heap was read. Drops every other candidate: call it for those that the decoders give up. */
struct err *stacks_doubt(struct stacks *stacks, const struct candidate *c, const struct heap *heap);

/* Says that a map on the heap has the tables of this header, so that no map on a stack has
 * them. Several threads may do so at a time. */
void stacks_claim(struct stacks *stacks, const uint8_t *header, const struct heap *heap);

/* ---- for the result ---- */

/* Appends the maps that are left to rows, in no order. */
struct err *stacks_finish(const struct stacks *stacks, struct map_rows *rows);

/* Number of goroutines with a stack, and why no stack was searched; NULL: all were. */
uint64_t stacks_goroutine_cnt(const struct stacks *stacks);
const char *stacks_refusal(const struct stacks *stacks);

#endif
