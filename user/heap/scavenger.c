// SPDX-License-Identifier: GPL-2.0-only
#include "heap/scavenger.h"

/* GOAL_NONE stands for a goal that is not in force. Others are at most the largest Go heap. */
static const uint64_t GOAL_NONE = UINT64_MAX;
static const uint64_t GOAL_MAX = 1ull << 48;

static bool scavenger_is_goal(uint64_t goal)
{
	return goal == GOAL_NONE || goal <= GOAL_MAX;
}

/* Before the first cycle both are 0; later they are at most what the limit allows. */
static bool scavenger_are_goals(const uint64_t goals[2], const struct gc_sample *now)
{
	return scavenger_is_goal(goals[0]) && scavenger_is_goal(goals[1]) &&
	       (goals[1] == GOAL_NONE || goals[1] <= now->memory_limit_bytes);
}

struct err *scavenger_read(struct scavenger *s, const struct heap *heap, const struct pagealloc *pa,
			   const struct gcstats *gc, const struct gc_sample *now)
{
	struct mem *mem = &heap->prog->target->mem;
	uint64_t global, goals[2], ready;

	if (!program_scavenge(heap->prog, &global))
		return err_new(ERR_UNSUPPORTED, "runtime.scavenge cannot be found");
	struct err *err = mem_read(mem, global, goals, sizeof(goals));
	if (!err)
		err = mem_read_u64(mem, gc->controller + heap->prog->layout.gc.mapped_ready,
				   &ready);
	if (err)
		return err;
	if (!scavenger_are_goals(goals, now))
		return err_new(ERR_UNSUPPORTED, "runtime.scavenge holds no goals");
	*s = (struct scavenger){
		.percent_active = now->cycles && goals[0] != GOAL_NONE,
		.limit_active = now->cycles && goals[1] != GOAL_NONE,
		.percent_goal_bytes = goals[0],
		.limit_goal_bytes = goals[1],
		.retained_bytes = heap->in_use_bytes + pa->free_bytes,
	};
	/* The counters are a little newer than the heap. */
	s->ready_bytes = ready + s->retained_bytes - now->heap_in_use_bytes - now->heap_free_bytes;
	return NULL;
}

static uint64_t scavenger_goal_above(uint64_t bytes, bool active, uint64_t goal)
{
	return active && bytes > goal ? bytes - goal : 0;
}

uint64_t scavenger_pending(const struct scavenger *s)
{
	uint64_t percent =
		scavenger_goal_above(s->retained_bytes, s->percent_active, s->percent_goal_bytes);
	uint64_t limit = scavenger_goal_above(s->ready_bytes, s->limit_active, s->limit_goal_bytes);

	return percent > limit ? percent : limit;
}
