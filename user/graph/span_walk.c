// SPDX-License-Identifier: GPL-2.0-only
#include "graph/span_walk.h"

#include <pthread.h>
#include <sched.h>

#include "base/clock.h"

enum { WALK_BYTES_A_THREAD = 8 << 20 };

/* What the threads have in common. */
struct walk {
	const struct heap *heap;
	const struct walk_opts *opts;
	struct mem *mem; /* the caller's, which each thread splits */
	pthread_mutex_t lock; /* for all below */
	size_t span; /* the next one */
	uint64_t page; /* the next one of that span */
	uint32_t nth;
	struct walk_result result;
	struct err *err; /* the first one: all threads stop */
};

struct walk_member {
	struct walk *walk;
	pthread_t thread;
	struct mem mem;
	struct span_piece pieces[WALK_PAGES];
	struct span_pieces now;
	bool sparse[WALK_PAGES]; /* not known to be in memory: look before reading */
	uint64_t bytes;
	uint64_t unread_bytes;
	uint8_t *buf; /* WALK_PAGES pages, and one more for those who look at bits */
};

static bool walk_wants(const struct span *s)
{
	return s->state == SPAN_IN_USE && !span_noscan(s);
}

uint64_t span_walk_bytes(const struct heap *heap)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < heap->spans.len; i++)
		if (walk_wants(&heap->spans.data[i]))
			bytes += span_bytes(&heap->spans.data[i]);
	return bytes;
}

/* Takes the next pieces, up to WALK_PAGES pages. Needs the lock. */
static void walk_take_pieces(struct walk *w, struct walk_member *m)
{
	const struct residency *r = w->opts->residency;
	uint64_t pages = 0;
	size_t n = 0;

	while (pages < WALK_PAGES && w->span < w->heap->spans.len) {
		const struct span *s = &w->heap->spans.data[w->span];
		uint64_t left = walk_wants(s) ? span_pages(s) - w->page : 0;
		uint64_t cnt = left < WALK_PAGES - pages ? left : WALK_PAGES - pages;
		uint64_t addr = span_base(s) + w->page * GO_PAGE_SZ;

		/* Spans of small objects stay whole. */
		if (cnt < left && pages && span_sizeclass(s))
			break;
		if (cnt) {
			m->pieces[n] = (struct span_piece){
				.span = w->span,
				.addr = addr,
				.len = cnt * GO_PAGE_SZ,
				.bytes = m->buf + pages * GO_PAGE_SZ,
			};
			m->sparse[n++] = r && residency_bytes(r, addr, cnt * GO_PAGE_SZ) <
						      cnt * GO_PAGE_SZ;
			pages += cnt;
		}
		w->page += cnt;
		if (cnt == left) {
			w->span++;
			w->page = 0;
		}
	}
	m->now = (struct span_pieces){ m->pieces, n, w->nth++, m->now.member };
}

static struct err *walk_read_sparse(struct walk_member *m)
{
	struct err *err = NULL;

	for (size_t i = 0; !err && i < m->now.cnt; i++) {
		struct span_piece *p = &m->pieces[i];
		struct mem_req req = { p->addr, p->len, false, p->bytes };

		if (!m->sparse[i])
			continue;
		err = residency_read(m->walk->opts->residency, &m->mem, &req);
		p->bad = !req.ok;
	}
	return err;
}

/* Reads the pieces; those that follow one another in memory in one request. */
static struct err *walk_read_pieces(struct walk_member *m)
{
	struct mem_req reqs[WALK_PAGES];
	size_t of[WALK_PAGES], n = 0;

	for (size_t i = 0; i < m->now.cnt; i++) {
		const struct span_piece *p = &m->pieces[i];

		if (m->sparse[i])
			continue;
		if (!n || reqs[n - 1].addr + reqs[n - 1].len != p->addr ||
		    (uint8_t *)reqs[n - 1].dst + reqs[n - 1].len != p->bytes)
			reqs[n++] = (struct mem_req){ p->addr, 0, false, p->bytes };
		reqs[n - 1].len += p->len;
		of[i] = n - 1;
	}
	struct err *err = n ? m->mem.read_reqs(&m->mem, reqs, n) : NULL;
	for (size_t i = 0; !err && i < m->now.cnt; i++)
		if (!m->sparse[i])
			m->pieces[i].bad = !reqs[of[i]].ok;
	if (!err)
		err = walk_read_sparse(m);
	for (size_t i = 0; !err && i < m->now.cnt; i++)
		*(m->pieces[i].bad ? &m->unread_bytes : &m->bytes) += m->pieces[i].len;
	return err;
}

static void *walk_member_work(void *ctx)
{
	struct walk_member *m = ctx;
	struct walk *w = m->walk;

	pthread_mutex_lock(&w->lock);
	while (!w->err && w->span < w->heap->spans.len) {
		w->result.late |= w->opts->deadline_ns && clock_ns() > w->opts->deadline_ns;
		if (w->result.late)
			break;
		walk_take_pieces(w, m);
		pthread_mutex_unlock(&w->lock);
		struct err *err = m->now.cnt ? walk_read_pieces(m) : NULL;
		if (!err && m->now.cnt)
			err = w->opts->visit(w->opts->ctx, &m->now);
		pthread_mutex_lock(&w->lock);
		if (err && w->err)
			err_free(err);
		else if (err)
			w->err = err;
	}
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

static struct err *walk_member_init(struct walk_member *m, struct walk *w, unsigned int nth)
{
	m->walk = w;
	m->now.member = nth;
	m->mem = mem_split(w->mem);
	m->buf = aligned_alloc(GO_PAGE_SZ, (WALK_PAGES + 1) * GO_PAGE_SZ);
	return m->buf ? NULL : err_nomem();
}

static void walk_member_fini(struct walk_member *m)
{
	mem_join(m->walk->mem, &m->mem);
	m->walk->result.bytes += m->bytes;
	m->walk->result.unread_bytes += m->unread_bytes;
	free(m->buf);
}

static size_t walk_size(const struct heap *heap)
{
	cpu_set_t cpus;
	size_t n = sched_getaffinity(0, sizeof(cpus), &cpus) ? 1 : CPU_COUNT(&cpus);
	uint64_t bytes = span_walk_bytes(heap);

	n = n > WALK_THREADS_MAX ? WALK_THREADS_MAX : n;
	n = n > bytes / WALK_BYTES_A_THREAD ? bytes / WALK_BYTES_A_THREAD : n;
	return n ? n : 1;
}

/* The caller's thread is the first member. When a thread cannot be started, fewer do the work. */
static struct err *walk_run(struct walk *w, struct walk_member *members, size_t cnt)
{
	size_t ready = 0, started = 1;
	struct err *err = NULL;

	while (!err && ready < cnt) {
		err = walk_member_init(&members[ready], w, ready);
		ready++;
	}
	while (!err && started < cnt &&
	       !pthread_create(&members[started].thread, NULL, walk_member_work, &members[started]))
		started++;
	if (!err)
		walk_member_work(&members[0]);
	for (size_t i = 1; !err && i < started; i++)
		pthread_join(members[i].thread, NULL);
	for (size_t i = 0; i < ready; i++)
		walk_member_fini(&members[i]);
	return err ? err : w->err;
}

struct err *span_walk(const struct heap *heap, const struct walk_opts *opts,
		      struct walk_result *ret)
{
	_cleanup_free_ struct walk_member *members = calloc(WALK_THREADS_MAX, sizeof(*members));
	struct walk w = {
		.heap = heap,
		.opts = opts,
		.mem = &heap->prog->target->mem,
		.lock = PTHREAD_MUTEX_INITIALIZER,
	};

	if (!members)
		return err_nomem();
	struct err *err = walk_run(&w, members, walk_size(heap));
	*ret = w.result;
	return err;
}
