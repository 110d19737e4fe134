// SPDX-License-Identifier: GPL-2.0-only
#include "maps/crew.h"

#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>

#include "maps/scan.h"
#include "maps/shape.h"

enum {
	PART_SPANS = 32,
	/* Parts that may be finished while one before them is not. The thread of that one may
	 * have to wait for a processor for as long. */
	AHEAD = 8,
	/* These have some ten thousand maps, which takes milliseconds; to start a thread takes
	 * less than one. */
	SPANS_A_THREAD = 128,
	HUGE_PAGE_SZ = 2 << 20,
};

/* What the threads have in common: what never changes, and below the lock what does. */
struct crew {
	const struct census_shared *shared;
	struct header_spans spans;
	struct mem *mem; /* the caller's, which each thread splits */
	pthread_mutex_t lock; /* for all below */
	pthread_cond_t turn_over;
	struct census_part *whole;
	size_t taken; /* parts that have begun */
	size_t turn; /* the part whose rows come next */
	struct err *err; /* the first one: all threads stop */
	struct early_part { /* part i, finished before its turn, is in the slot i % AHEAD */
		bool done;
		struct census_part part; /* its rows; the counts are in `whole` already */
	} early[AHEAD];
};

struct crew_member {
	struct crew *crew;
	pthread_t thread;
	struct mem mem;
	struct map_taker taker;
	struct header_scan *scan;
};

static struct err *crew_member_init(struct crew_member *m, struct crew *crew)
{
	m->crew = crew;
	m->mem = mem_split(crew->mem);
	struct err *err = taker_init(&m->taker, crew->shared, &m->mem);

	return err ? err : scan_new(crew->shared->heap, &m->mem, taker_take, &m->taker, &m->scan);
}

static void crew_member_fini(struct crew_member *m)
{
	scan_free(m->scan);
	taker_fini(&m->taker);
	mem_join(m->crew->mem, &m->mem);
}

/* Adds the rows of the part whose turn it is, and those that waited for them. */
static struct err *crew_add_parts(struct crew *crew, struct census_part *first)
{
	struct err *err = part_move_rows(crew->whole, first);
	struct early_part *next = &crew->early[++crew->turn % AHEAD];

	for (; !err && next->done; next = &crew->early[++crew->turn % AHEAD]) {
		err = part_move_rows(crew->whole, &next->part);
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

/* Leaves the rows for another thread to add; this one goes on with the slot's, which are empty. */
static void crew_leave_part(struct census_part *part, struct early_part *slot)
{
	SWAP(part->maps, slot->part.maps);
	SWAP(part->late, slot->part.late);
	slot->done = true;
}

/* Adds the nr-th part to the whole, or leaves it to wait for its turn. */
static struct err *crew_end_part(struct crew *crew, size_t nr, struct census_part *part)
{
	while (!crew->err && nr >= crew->turn + AHEAD)
		pthread_cond_wait(&crew->turn_over, &crew->lock);
	if (crew->err)
		return NULL;
	part_move_counts(crew->whole, part);
	if (nr == crew->turn)
		return crew_add_parts(crew, part);
	crew_leave_part(part, &crew->early[nr % AHEAD]);
	return NULL;
}

static void crew_fail(struct crew *crew, struct err *err)
{
	if (crew->err)
		err_free(err);
	else
		crew->err = err;
	pthread_cond_broadcast(&crew->turn_over);
}

static void *crew_member_work(void *ctx)
{
	struct crew_member *m = ctx;
	struct crew *crew = m->crew;
	size_t first, cnt = crew->spans.list.len;

	pthread_mutex_lock(&crew->lock);
	while (!crew->err && (first = crew->taken * PART_SPANS) < cnt) {
		size_t nr = crew->taken++;
		size_t n = cnt - first < PART_SPANS ? cnt - first : PART_SPANS;

		pthread_mutex_unlock(&crew->lock);
		shape_forget_kinds(m->taker.reader.shapes); /* the part has no rows yet */
		struct err *err = scan_spans(m->scan, crew->spans.list.data + first, n);
		pthread_mutex_lock(&crew->lock);
		if (!err)
			err = crew_end_part(crew, nr, &m->taker.part);
		if (err)
			crew_fail(crew, err);
	}
	pthread_mutex_unlock(&crew->lock);
	return NULL;
}

static size_t crew_size(size_t span_cnt)
{
	cpu_set_t cpus;
	size_t n = sched_getaffinity(0, sizeof(cpus), &cpus) ? 1 : CPU_COUNT(&cpus);

	if (n > CREW_MAX)
		n = CREW_MAX;
	if (n > span_cnt / SPANS_A_THREAD)
		n = span_cnt / SPANS_A_THREAD;
	return n ? n : 1;
}

/* Runs the members; the caller's thread is the first of them. When a thread cannot be started,
 * fewer do the work. */
static struct err *crew_run(struct crew *crew, struct crew_member *members, size_t cnt)
{
	size_t ready = 0, started = 1;
	struct err *err = NULL;

	while (!err && ready < cnt)
		err = crew_member_init(&members[ready++], crew);
	while (!err && started < cnt &&
	       !pthread_create(&members[started].thread, NULL, crew_member_work, &members[started]))
		started++;
	if (!err)
		crew_member_work(&members[0]);
	for (size_t i = 1; !err && i < started; i++)
		pthread_join(members[i].thread, NULL);
	for (size_t i = 0; i < ready; i++)
		crew_member_fini(&members[i]);
	return err ? err : crew->err;
}

/*
 * Makes room for one row per object, since most of the objects are maps. Pages that nobody
 * writes cost nothing, and huge pages cost less to write. Without memory for that the rows
 * grow as they come.
 */
static void crew_reserve_rows(struct map_rows *rows, uint64_t cnt)
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

struct err *crew_take(const struct census_shared *shared, struct census_part *whole)
{
	struct crew_member members[CREW_MAX] = { 0 };
	struct crew crew = {
		.shared = shared,
		.mem = &shared->heap->prog->target->mem,
		.lock = PTHREAD_MUTEX_INITIALIZER,
		.turn_over = PTHREAD_COND_INITIALIZER,
		.whole = whole,
	};
	struct err *err = header_spans_init(&crew.spans, shared->heap);

	if (err)
		return err;
	if (!whole->maps.cap)
		crew_reserve_rows(&whole->maps, crew.spans.object_cnt);
	err = crew_run(&crew, members, crew_size(crew.spans.list.len));
	header_spans_fini(&crew.spans);
	for (int i = 0; i < AHEAD; i++)
		part_fini(&crew.early[i].part);
	return err;
}
