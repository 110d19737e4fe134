// SPDX-License-Identifier: GPL-2.0-only
#include "graph/referrers.h"

#include <pthread.h>
#include <sched.h>
#include <string.h>

#include "base/clock.h"
#include "base/radix.h"
#include "heap/ptrbits.h"

enum {
	PIECE_PAGES = 32, /* pages that are read at a time: they stay in the processor's cache */
	PIECES_MAX = PIECE_PAGES,
	BYTES_A_THREAD = 8 << 20,
	STEADY_ROUNDS = 3,
	SLOT_BITS_SZ = GO_PAGE_SZ / 8 / 8, /* a bit for each slot that a span can have */
	TARGETS_PAGE_BITS_MIN = 1 << 16,
	TARGETS_PAGE_BITS_MAX = 1 << 23,

	/* Where spans with inline marks have them (go-runtime facts 4.6). */
	INLINE_MARKS_OFF = GO_PAGE_SZ - 64,
	INLINE_ELEM_MIN = 16,
	INLINE_ELEM_MAX = 512,
};

/* ---- targets ---- */

static uint64_t power_of_two(uint64_t at_least)
{
	uint64_t n = 1;

	while (n < at_least)
		n *= 2;
	return n;
}

bool targets_index(struct pass_targets *t)
{
	uint64_t low = UINT64_MAX, high = 0;

	for (size_t i = 0; i < t->addrs.len; i++) {
		low = t->addrs.data[i] < low ? t->addrs.data[i] : low;
		high = t->addrs.data[i] > high ? t->addrs.data[i] : high;
	}
	if (!t->addrs.len)
		return true;
	uint64_t bits = power_of_two((high - low) / GO_PAGE_SZ + 2);
	bits = bits < TARGETS_PAGE_BITS_MIN ? TARGETS_PAGE_BITS_MIN : bits;
	bits = bits > TARGETS_PAGE_BITS_MAX ? TARGETS_PAGE_BITS_MAX : bits;
	t->low = low;
	t->extent = high - low;
	t->page_mask = bits - 1;
	t->slot_mask = power_of_two(2 * t->addrs.len) - 1;
	free(t->pages);
	free(t->slots);
	t->pages = calloc(bits / 64, sizeof(*t->pages));
	t->slots = calloc(t->slot_mask + 1, sizeof(*t->slots));
	if (!t->pages || !t->slots)
		return false;
	for (size_t i = 0; i < t->addrs.len; i++) {
		uint64_t page = t->addrs.data[i] / GO_PAGE_SZ & t->page_mask;
		uint64_t at = targets_home(t->addrs.data[i]) & t->slot_mask;

		t->pages[page / 64] |= 1ull << page % 64;
		while (t->slots[at])
			at = (at + 1) & t->slot_mask;
		t->slots[at] = i + 1;
	}
	return true;
}

void targets_fini(struct pass_targets *t)
{
	vec_fini(&t->addrs);
	free(t->pages);
	free(t->slots);
	*t = (struct pass_targets){ 0 };
}

/* ---- pieces ---- */

/* Consecutive pages of one span. */
struct pass_piece {
	uint32_t span;
	bool bad; /* it could not be read */
	uint64_t addr;
	uint32_t len;
	uint32_t at; /* in the buffer */
};

/* A word that leads to a target, before it is known whether it counts. */
struct pass_hit {
	uint64_t word;
	uint32_t target;
	uint32_t piece;
};

/* A span that has hits, and what the allocator says about it. */
struct pass_span {
	uint32_t span;
	uint8_t alloc[SLOT_BITS_SZ];
	uint8_t mark[SLOT_BITS_SZ];
};

/* What the threads have in common. */
struct pass {
	const struct heap *heap;
	const struct pass_targets *targets;
	const struct pass_opts *opts;
	struct mem *mem; /* the caller's, which each thread splits */
	uint8_t *counts; /* by target: referrers so far */
	pthread_mutex_t lock; /* for all below */
	size_t span; /* the next one */
	uint64_t page; /* the next one of that span */
	bool late;
	uint64_t dropped;
	uint64_t unread_bytes;
	struct err *err; /* the first one: all threads stop */
};

struct pass_member {
	struct pass *pass;
	pthread_t thread;
	struct mem mem;
	struct pass_piece pieces[PIECES_MAX];
	size_t piece_cnt;
	VEC(struct pass_hit) hits; /* of these pieces */
	struct pass_span *spans; /* PIECES_MAX of them: those that have hits */
	struct span descs[PIECES_MAX];
	struct span_bits places[PIECES_MAX];
	size_t span_cnt;
	uint64_t dropped;
	uint64_t unread_bytes;
	VEC(struct referrer) found;
	uint8_t *buf; /* PIECE_PAGES pages and PTRBITS_PAD */
};

static bool pass_wants(const struct pass *p, const struct span *s)
{
	bool words = span_elemsize(s) == 8;

	return s->state == SPAN_IN_USE && !span_noscan(s) &&
	       words == (p->opts->spans == PASS_WORDS);
}

static bool pass_is_resident(const struct pass *p, uint64_t addr, uint64_t len)
{
	return !p->opts->residency || residency_bytes(p->opts->residency, addr, len);
}

/* Takes the next pieces, up to PIECE_PAGES pages. Needs the lock. */
static void pass_take_pieces(struct pass *p, struct pass_member *m)
{
	uint32_t pages = 0;

	m->piece_cnt = 0;
	while (pages < PIECE_PAGES && p->span < p->heap->spans.len) {
		const struct span *s = &p->heap->spans.data[p->span];
		uint64_t left = pass_wants(p, s) ? span_pages(s) - p->page : 0;
		uint64_t n = left < PIECE_PAGES - pages ? left : PIECE_PAGES - pages;
		uint64_t addr = span_base(s) + p->page * GO_PAGE_SZ;

		/* Small spans stay whole: a span's pages have its pointer bits. */
		if (n < left && pages && span_sizeclass(s))
			break;
		if (n && pass_is_resident(p, addr, n * GO_PAGE_SZ)) {
			m->pieces[m->piece_cnt++] = (struct pass_piece){
				.span = p->span,
				.addr = addr,
				.len = n * GO_PAGE_SZ,
				.at = pages * GO_PAGE_SZ,
			};
			pages += n;
		}
		p->page += n;
		if (n == left) {
			p->span++;
			p->page = 0;
		}
	}
}

/* Reads the pieces; those that follow one another in memory in one request. */
static struct err *pass_read_pieces(struct pass_member *m)
{
	struct mem_req reqs[PIECES_MAX];
	size_t first[PIECES_MAX + 1], n = 0;

	for (size_t i = 0; i < m->piece_cnt; i++) {
		const struct pass_piece *p = &m->pieces[i];

		if (n && reqs[n - 1].addr + reqs[n - 1].len == p->addr) {
			reqs[n - 1].len += p->len;
			continue;
		}
		first[n] = i;
		reqs[n++] = (struct mem_req){ p->addr, p->len, false, m->buf + p->at };
	}
	first[n] = m->piece_cnt;
	struct err *err = m->mem.read_reqs(&m->mem, reqs, n);
	for (size_t r = 0; !err && r < n; r++)
		for (size_t i = first[r]; i < first[r + 1]; i++) {
			m->pieces[i].bad = !reqs[r].ok;
			m->unread_bytes += reqs[r].ok ? 0 : m->pieces[i].len;
		}
	return err;
}

/* ---- words ---- */

/* Whether a word may be a pointer, as far as the bits in its span say. */
static bool pass_bits_allow(const struct pass_member *m, const struct pass_piece *p, uint64_t word)
{
	const struct heap *heap = m->pass->heap;
	const struct span *s = &heap->spans.data[p->span];
	struct ptrbits bits;

	if (heap->prog->layout.bitmap != HEAP_BITMAP_SPAN || span_elemsize(s) > MALLOC_HEADER_MIN ||
	    !ptrbits_place(heap, s, span_base(s), GO_PAGE_SZ / 8, &bits))
		return true;
	if (bits.addr - p->addr >= p->len)
		return false;
	/* Not more than the last word's byte: the bits may end with the piece. */
	uint32_t w = (word - span_base(s)) / 8;
	uint64_t at = bits.addr - p->addr + w / 8;

	return at < p->len && (m->buf[p->at + at] >> w % 8 & 1);
}

static struct err *pass_scan_piece(struct pass_member *m, uint32_t nth)
{
	const struct pass_piece *p = &m->pieces[nth];
	const struct pass_targets *t = m->pass->targets;
	const uint64_t *words = (const uint64_t *)(m->buf + p->at);

	for (uint32_t i = 0; i < p->len / 8; i++) {
		if (!targets_may_have(t, words[i]))
			continue;
		uint32_t target = targets_find(t, words[i]);
		struct pass_hit hit = { p->addr + 8 * i, target, nth };

		if (target == TARGET_NONE || !pass_bits_allow(m, p, hit.word))
			continue;
		if (!vec_push(&m->hits, hit))
			return err_nomem();
	}
	return NULL;
}

/* ---- what the allocator says about the hits ---- */

static uint64_t pass_marks_at(const struct heap *heap, const struct span *s,
			      const struct span_bits *places)
{
	uint64_t size = span_elemsize(s);
	bool has_inline = heap->prog->layout.inline_marks && size >= INLINE_ELEM_MIN &&
			  size <= INLINE_ELEM_MAX;

	return has_inline ? span_base(s) + INLINE_MARKS_OFF : places->mark;
}

/* Lists the spans with hits; sets hit->piece to the place of its span in this list. */
static void pass_list_spans(struct pass_member *m)
{
	const struct heap *heap = m->pass->heap;

	m->span_cnt = 0;
	for (size_t i = 0; i < m->hits.len; i++) {
		uint32_t span = m->pieces[m->hits.data[i].piece].span;

		if (!m->span_cnt || m->spans[m->span_cnt - 1].span != span) {
			m->spans[m->span_cnt].span = span;
			m->descs[m->span_cnt++] = heap->spans.data[span];
		}
		m->hits.data[i].piece = m->span_cnt - 1;
	}
}

static struct err *pass_read_bits(struct pass_member *m)
{
	struct mem_req reqs[2 * PIECES_MAX];
	size_t n = 0;

	for (size_t i = 0; i < m->span_cnt; i++) {
		const struct span *s = &m->descs[i];
		uint32_t len = (span_slots(s) + 7) / 8;

		if (s->state == SPAN_DEAD || len > SLOT_BITS_SZ)
			continue;
		reqs[n++] = (struct mem_req){ m->places[i].alloc, len, false, m->spans[i].alloc };
		if (s->unswept)
			reqs[n++] =
				(struct mem_req){ pass_marks_at(m->pass->heap, s, &m->places[i]),
						  len, false, m->spans[i].mark };
	}
	struct err *err = mem_gather(&m->mem, reqs, n);
	for (size_t i = 0; !err && i < n; i++)
		if (!reqs[i].ok)
			memset(reqs[i].dst, 0, reqs[i].len);
	return err;
}

/* Reads the descriptors and bitmaps of the spans with hits. Those that are swept all the time
 * become SPAN_DEAD. */
static struct err *pass_judge_spans(struct pass_member *m)
{
	struct span after[PIECES_MAX];
	struct span_bits places[PIECES_MAX];
	bool steady = false;
	struct err *err =
		heap_reread_spans(m->pass->heap, &m->mem, m->descs, m->places, m->span_cnt);

	for (int round = 0; !err && !steady && round < STEADY_ROUNDS; round++) {
		err = pass_read_bits(m);
		memcpy(after, m->descs, sizeof(after));
		if (!err)
			err = heap_reread_spans(m->pass->heap, &m->mem, after, places, m->span_cnt);
		steady = true;
		for (size_t i = 0; !err && i < m->span_cnt; i++) {
			bool same =
				m->descs[i].state == SPAN_DEAD ||
				span_is_steady(&m->descs[i], &m->places[i], &after[i], &places[i]);
			bool last = round == STEADY_ROUNDS - 1;

			if (!same && last)
				after[i].state = SPAN_DEAD;
			steady &= same;
		}
		memcpy(m->descs, after, sizeof(after));
		memcpy(m->places, places, sizeof(places));
	}
	return err;
}

/* Whether the object that the word is in was in use, and found by the last collection. */
static bool pass_is_in_use(const struct pass_member *m, const struct pass_hit *hit)
{
	const struct pass_span *ps = &m->spans[hit->piece];
	const struct span *s = &m->descs[hit->piece];
	struct object o;

	if (s->state == SPAN_DEAD || !span_object(m->pass->heap, s, hit->word, &o) ||
	    hit->word < o.start)
		return false;
	uint32_t slot = (o.slot - span_base(s)) / o.size;
	bool given = slot < span_freeindex(s) || (ps->alloc[slot / 8] >> slot % 8 & 1);

	return given && (!s->unswept || (ps->mark[slot / 8] >> slot % 8 & 1));
}

static bool pass_has_room(struct pass *p, uint32_t target)
{
	uint8_t most = p->opts->most ? p->opts->most : PASS_REFERRERS_MAX;

	if (__atomic_load_n(&p->counts[target], __ATOMIC_RELAXED) >= most)
		return false;
	__atomic_fetch_add(&p->counts[target], 1, __ATOMIC_RELAXED);
	return true;
}

static struct err *pass_judge_hits(struct pass_member *m)
{
	pass_list_spans(m);
	struct err *err = pass_judge_spans(m);

	for (size_t i = 0; !err && i < m->hits.len; i++) {
		const struct pass_hit *hit = &m->hits.data[i];
		struct referrer r = { hit->word, hit->target, m->spans[hit->piece].span };

		if (!pass_is_in_use(m, hit))
			continue;
		if (!pass_has_room(m->pass, hit->target))
			m->dropped++;
		else if (!vec_push(&m->found, r))
			err = err_nomem();
	}
	return err;
}

/* ---- threads ---- */

static struct err *pass_do_pieces(struct pass_member *m)
{
	struct err *err = pass_read_pieces(m);

	m->hits.len = 0;
	for (size_t i = 0; !err && i < m->piece_cnt; i++)
		if (!m->pieces[i].bad)
			err = pass_scan_piece(m, i);
	return err || !m->hits.len ? err : pass_judge_hits(m);
}

static void *pass_member_work(void *ctx)
{
	struct pass_member *m = ctx;
	struct pass *p = m->pass;

	pthread_mutex_lock(&p->lock);
	while (!p->err && p->span < p->heap->spans.len) {
		p->late |= p->opts->deadline_ns && clock_ns() > p->opts->deadline_ns;
		if (p->late)
			break;
		pass_take_pieces(p, m);
		pthread_mutex_unlock(&p->lock);
		struct err *err = m->piece_cnt ? pass_do_pieces(m) : NULL;
		pthread_mutex_lock(&p->lock);
		if (err && p->err)
			err_free(err);
		else if (err)
			p->err = err;
	}
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

static struct err *pass_member_init(struct pass_member *m, struct pass *p)
{
	m->pass = p;
	m->mem = mem_split(p->mem);
	m->spans = calloc(PIECES_MAX, sizeof(*m->spans));
	m->buf = aligned_alloc(GO_PAGE_SZ, (PIECE_PAGES + 1) * GO_PAGE_SZ);
	return m->spans && m->buf ? NULL : err_nomem();
}

static void pass_member_fini(struct pass_member *m)
{
	mem_join(m->pass->mem, &m->mem);
	m->pass->dropped += m->dropped;
	m->pass->unread_bytes += m->unread_bytes;
	vec_fini(&m->hits);
	vec_fini(&m->found);
	free(m->spans);
	free(m->buf);
}

static size_t pass_size(const struct pass *p)
{
	cpu_set_t cpus;
	size_t n = sched_getaffinity(0, sizeof(cpus), &cpus) ? 1 : CPU_COUNT(&cpus);
	uint64_t bytes = 0;

	for (size_t i = 0; i < p->heap->spans.len; i++)
		if (pass_wants(p, &p->heap->spans.data[i]))
			bytes += span_bytes(&p->heap->spans.data[i]);
	n = n > PASS_THREADS_MAX ? PASS_THREADS_MAX : n;
	n = n > bytes / BYTES_A_THREAD ? bytes / BYTES_A_THREAD : n;
	return n ? n : 1;
}

static int referrer_compare(const void *a, const void *b)
{
	const struct referrer *x = a, *y = b;

	if (x->target != y->target)
		return x->target < y->target ? -1 : 1;
	return x->word < y->word ? -1 : x->word > y->word;
}

static struct err *pass_collect(struct pass_member *members, size_t cnt, struct referrers *ret)
{
	for (size_t i = 0; i < cnt; i++) {
		size_t n = members[i].found.len;

		if (!vec_reserve(&ret->list, ret->list.len + n))
			return err_nomem();
		if (n)
			memcpy(ret->list.data + ret->list.len, members[i].found.data,
			       n * sizeof(*ret->list.data));
		ret->list.len += n;
		vec_fini(&members[i].found);
	}
	vec_sort(&ret->list, referrer_compare);
	return NULL;
}

/* Runs the members; the caller's thread is the first of them. When a thread cannot be started,
 * fewer do the work. */
static struct err *pass_run(struct pass *p, struct pass_member *members, size_t cnt,
			    struct referrers *ret)
{
	size_t ready = 0, started = 1;
	struct err *err = NULL;

	while (!err && ready < cnt)
		err = pass_member_init(&members[ready++], p);
	while (!err && started < cnt &&
	       !pthread_create(&members[started].thread, NULL, pass_member_work, &members[started]))
		started++;
	if (!err)
		pass_member_work(&members[0]);
	for (size_t i = 1; !err && i < started; i++)
		pthread_join(members[i].thread, NULL);
	if (!err)
		err = p->err;
	if (!err)
		err = pass_collect(members, ready, ret);
	for (size_t i = 0; i < ready; i++)
		pass_member_fini(&members[i]);
	return err;
}

struct err *referrers_find(struct heap *heap, const struct pass_targets *targets,
			   const struct pass_opts *opts, struct referrers *ret)
{
	_cleanup_free_ struct pass_member *members = calloc(PASS_THREADS_MAX, sizeof(*members));
	_cleanup_free_ uint8_t *counts = calloc(targets->addrs.len + 1, 1);
	struct pass p = {
		.heap = heap,
		.targets = targets,
		.opts = opts,
		.mem = &heap->prog->target->mem,
		.counts = counts,
		.lock = PTHREAD_MUTEX_INITIALIZER,
	};
	struct referrers found = { 0 };

	if (!members || !counts)
		return err_nomem();
	struct err *err = targets->addrs.len ? pass_run(&p, members, pass_size(&p), &found) : NULL;
	if (err) {
		referrers_fini(&found);
		return err;
	}
	found.dropped = p.dropped;
	found.unread_bytes = p.unread_bytes;
	found.late = p.late;
	*ret = found;
	return NULL;
}

void referrers_fini(struct referrers *r)
{
	vec_fini(&r->list);
}
