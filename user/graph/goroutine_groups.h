/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * goroutine_groups.h - what the goroutines wait for: all that wait at one place for one reason,
 * and were started by one go statement, are a group.
 *
 * The place is found by a walk up the stack from where the goroutine stopped, by the runtime's
 * tables of frame sizes. Nothing is stopped: a goroutine that went on while it was looked at has
 * no place, like one that runs.
 */
#ifndef MAPTRACE_GRAPH_GOROUTINE_GROUPS_H
#define MAPTRACE_GRAPH_GOROUTINE_GROUPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/table.h"
#include "base/vec.h"
#include "heap/goroutines.h"
#include "heap/residency.h"
#include "process/lines.h"
#include "process/waitreasons.h"

enum { GOROUTINE_STATUS_CNT = 16 };

struct goroutine_group {
	enum goroutine_status status;
	uint8_t reason; /* of G_WAITING, a number for wait_reasons; else 0 */
	/* Functions and lines, which belong to the program's lines; NULL: not known, or none. */
	const struct frame *where; /* the innermost function that is not the runtime's; if there is
				    * none, the first function of the goroutine */
	const struct frame *user; /* the innermost one that does not come with Go */
	const struct frame *starter; /* the go statement */
	uint64_t cnt;
	uint64_t stack_bytes;
	uint64_t resident_bytes; /* of them, as the latest census saw it */
	/*
	 * How long they have waited, at least. The collector notes the start of the first cycle
	 * that found a goroutine waiting. Of others only is known that they wait for less long.
	 */
	uint64_t timed_cnt; /* goroutines that a cycle found waiting */
	uint64_t wait_max_ns; /* of those; 0 without any */
	uint64_t wait_median_ns; /* of the whole group; 0: not known, most have no time */
};

struct goroutine_groups {
	VEC(struct goroutine_group) list; /* most stack bytes first, then most goroutines */
	struct wait_reasons reasons;
	uint64_t cnt; /* goroutines that have not ended */
	uint64_t by_status[GOROUTINE_STATUS_CNT];
	uint64_t stack_bytes;
	uint64_t resident_bytes;
	uint64_t dead_cnt; /* ended ones */
	uint64_t dead_stack_bytes; /* stacks that they still have */
	uint64_t unwalked_cnt; /* goroutines without a place because the time was over */
	uint64_t duration_ns;
	struct table by_g; /* number of a group, by address of a runtime.g */
	uint32_t *indexes; /* in list, by number of a group */
};

struct goroutine_groups_opts {
	const struct residency *residency; /* NULL: then resident_bytes is stack_bytes */
	uint64_t budget_ns; /* after it no more places are looked up */
	bool has_clock; /* the target's monotonic clock is ours, so waiting times can be told */
};

/* Reads and groups all goroutines. ERR_UNSUPPORTED if they cannot be listed. The caller frees
 * *ret with goroutine_groups_free(). The program must outlive it. */
struct err *goroutine_groups_take(struct heap *heap, const struct goroutine_groups_opts *opts,
				  struct goroutine_groups **ret);
void goroutine_groups_free(struct goroutine_groups *gg);

/* The group of a goroutine, by the address of its runtime.g; NULL: it was not there. */
struct goroutine_group *goroutine_groups_find(const struct goroutine_groups *gg, uint64_t g);

/* Why the goroutines of a group wait: "chan receive"; NULL: they don't, or it is not known. */
const char *goroutine_group_reason(const struct goroutine_groups *gg,
				   const struct goroutine_group *group);

#endif
