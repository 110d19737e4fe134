// SPDX-License-Identifier: GPL-2.0-only
#include "maps/crew.h"

#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>

#include "maps/shape.h"

enum {
	PART_SPANS = 32,
	/* Parts that may be finished while one before them is not: its thread may be kept
	 * from running for so long. */
	AHEAD = 8,
	/* Some ten thousand maps, in milliseconds; a thread starts in less than one. */
	SPANS_A_THREAD = 128,
	HUGE_PAGE_SZ = 2 << 20,
};

/* What the threads share: the heap and the stacks, which stay as they are, and this. */
struct crew {
	struct census *census;
	struct header_spans spans;
	pthread_mutex_t lock; /* for all below, and the rows of the census */
	pthread_cond_t turn_over;
	size_t taken; /* parts that have begun */
	size_t turn; /* the part whose rows come next */
	struct err *err; /* the first one: all stop */
	struct early { /* part i, finished before its turn, is in the slot i % AHEAD */
		bool done;
		struct census part; /* rows, and no more */
	} early[AHEAD];
};

struct worker {
	struct crew *crew;
	pthread_t thread;
	struct mem mem;
	struct census part; /* what this thread has found in its part */
	struct scan *scan;
};

static struct err *take_batch(void *ctx, struct candidate *cands, size_t cnt)
{
	return census_take_batch(ctx, cands, cnt);
}

static struct err *worker_init(struct worker *w, struct crew *crew)
{
	const struct census *census = crew->census;

	w->crew = crew;
	w->mem = mem_split(census->mem);
	w->part = (struct census){
		.heap = census->heap,
		.mem = &w->mem,
		.residency = census->residency,
		.owners = census->owners,
		.stacks = census->stacks,
	};
	struct err *err = census_tools_init(&w->part);
	return err ? err : scan_new(census->heap, &w->mem, take_batch, &w->part, &w->scan);
}

static void worker_fini(struct worker *w)
{
	scan_free(w->scan);
	census_tools_fini(&w->part);
	rows_fini(&w->part.maps);
	rows_fini(&w->part.late);
	mem_join(w->crew->census->mem, &w->mem);
}

/* Moves the rows of a part to the census. */
static struct err *add_rows(struct census *census, struct census *part)
{
	return rows_append(&census->maps, &part->maps) && rows_append(&census->late, &part->late)
		       ? NULL
		       : err_nomem();
}

static void add_counts(struct census *census, struct census *part)
{
	census->lookalike_cnt += part->lookalike_cnt;
	census->empty_cnt += part->empty_cnt;
	part->lookalike_cnt = part->empty_cnt = 0;
	for (size_t i = 0; i < SPANCLASS_CNT; i++) {
		census->class_bytes[i] += part->class_bytes[i];
		part->class_bytes[i] = 0;
	}
}

/* Adds the rows whose turn it is, and those that waited for them. */
static struct err *add_parts(struct crew *crew, struct census *first)
{
	struct err *err = add_rows(crew->census, first);
	struct early *next = &crew->early[++crew->turn % AHEAD];

	for (; !err && next->done; next = &crew->early[++crew->turn % AHEAD]) {
		err = add_rows(crew->census, &next->part);
		next->done = false;
	}
	pthread_cond_broadcast(&crew->turn_over);
	return err;
}

#define SWAP(a, b)                                                                                 \
	do {                                                                                       \
		typeof(a) held = (a);                                                              \
		(a) = (b);                                                                         \
		(b) = held;                                                                        \
	} while (0)

/* The rows are for another thread to add; this one goes on with the slot's, empty ones. */
static void leave_part(struct worker *w, struct early *slot)
{
	SWAP(w->part.maps, slot->part.maps);
	SWAP(w->part.late, slot->part.late);
	slot->done = true;
}

/* Adds a part to the census, or leaves it to wait for its turn. */
static struct err *end_part(struct worker *w, size_t part)
{
	struct crew *crew = w->crew;

	while (!crew->err && part >= crew->turn + AHEAD)
		pthread_cond_wait(&crew->turn_over, &crew->lock);
	if (crew->err)
		return NULL;
	add_counts(crew->census, &w->part);
	if (part == crew->turn)
		return add_parts(crew, &w->part);
	leave_part(w, &crew->early[part % AHEAD]);
	return NULL;
}

static void fail(struct crew *crew, struct err *err)
{
	if (crew->err)
		err_free(err);
	else
		crew->err = err;
	pthread_cond_broadcast(&crew->turn_over);
}

static void *work(void *ctx)
{
	struct worker *w = ctx;
	struct crew *crew = w->crew;
	size_t first, cnt = crew->spans.list.len;

	pthread_mutex_lock(&crew->lock);
	while (!crew->err && (first = crew->taken * PART_SPANS) < cnt) {
		size_t part = crew->taken++;
		size_t n = cnt - first < PART_SPANS ? cnt - first : PART_SPANS;

		pthread_mutex_unlock(&crew->lock);
		shape_forget_kinds(w->part.shapes); /* the rows start anew */
		struct err *err = scan_spans(w->scan, crew->spans.list.data + first, n);
		pthread_mutex_lock(&crew->lock);
		if (!err)
			err = end_part(w, part);
		if (err)
			fail(crew, err);
	}
	pthread_mutex_unlock(&crew->lock);
	return NULL;
}

static size_t thread_cnt(size_t span_cnt)
{
	cpu_set_t cpus;
	size_t n = sched_getaffinity(0, sizeof(cpus), &cpus) ? 1 : CPU_COUNT(&cpus);

	if (n > CREW_MAX)
		n = CREW_MAX;
	if (n > span_cnt / SPANS_A_THREAD)
		n = span_cnt / SPANS_A_THREAD;
	return n ? n : 1;
}

/* The caller is one of them. Without memory for threads fewer do it as well. */
static struct err *run(struct crew *crew, struct worker *workers, size_t cnt)
{
	size_t ready = 0, started = 1;
	struct err *err = NULL;

	while (!err && ready < cnt)
		err = worker_init(&workers[ready++], crew);
	while (!err && started < cnt &&
	       !pthread_create(&workers[started].thread, NULL, work, &workers[started]))
		started++;
	if (!err)
		work(&workers[0]);
	for (size_t i = 1; !err && i < started; i++)
		pthread_join(workers[i].thread, NULL);
	for (size_t i = 0; i < ready; i++)
		worker_fini(&workers[i]);
	return err ? err : crew->err;
}

/*
 * Most of the objects are maps. Pages that nobody writes cost nothing, and those that
 * are written cost less when they are huge. Without memory for that rows grow as they come.
 */
static void reserve_rows(struct map_rows *rows, uint64_t cnt)
{
	uint64_t sz = cnt * sizeof(*rows->data);
	bool huge = sz > 2 * HUGE_PAGE_SZ;
	uint64_t unit = huge ? HUGE_PAGE_SZ : GO_PAGE_SZ;

	sz = (sz + unit - 1) / unit * unit;
	rows->data = aligned_alloc(unit, sz);
	rows->cap = rows->data ? sz / sizeof(*rows->data) : 0;
	if (rows->data && huge)
		madvise(rows->data, sz, MADV_HUGEPAGE);
}

struct err *crew_take(struct census *census)
{
	struct worker workers[CREW_MAX] = { 0 };
	struct crew crew = {
		.census = census,
		.lock = PTHREAD_MUTEX_INITIALIZER,
		.turn_over = PTHREAD_COND_INITIALIZER,
	};
	struct err *err = header_spans_init(&crew.spans, census->heap);

	if (err)
		return err;
	if (!census->maps.cap)
		reserve_rows(&census->maps, crew.spans.object_cnt);
	err = run(&crew, workers, thread_cnt(crew.spans.list.len));
	header_spans_fini(&crew.spans);
	for (int i = 0; i < AHEAD; i++) {
		rows_fini(&crew.early[i].part.maps);
		rows_fini(&crew.early[i].part.late);
	}
	return err;
}
