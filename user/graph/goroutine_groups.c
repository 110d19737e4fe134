// SPDX-License-Identifier: GPL-2.0-only
#include "graph/goroutine_groups.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/cursor.h"
#include "base/log.h"
#include "graph/code_place.h"

enum {
	BATCH = 1024, /* goroutines that are read at once */
	HEAD_SZ = 1024, /* bytes of a stack that are read at first: most walks need no more */
	MORE_SZ = 4096, /* and each time when they do */
	FRAMES_MAX = 256,
	TRIES = 3, /* for a goroutine that goes on while we look at it */
	G_READ_SZ = G_MEMBER_MAX + 8,
};

/* What runtime.g says of a goroutine at one moment. */
struct g_state {
	uint64_t lo, hi; /* its stack */
	uint64_t sp, pc; /* where it stopped */
	uint64_t since; /* when a cycle first found it waiting; 0: none has */
	uint64_t gopc;
	uint32_t status;
	uint8_t reason;
};

/* A goroutine that is being looked at. */
struct g_look {
	uint64_t g;
	struct g_state state;
	const struct frame *where;
	const struct frame *user;
	bool read; /* state is known */
	bool settled;
};

/* How long a goroutine of a group has waited. */
struct g_wait {
	uint32_t group;
	uint64_t ns; /* 0: not known */
};

struct g_reader {
	struct heap *heap;
	const struct goroutine_groups_opts *opts;
	struct goroutine_groups *ret;
	struct code_places places;
	struct table by_key; /* number of a group */
	VEC(struct g_wait) waits;
	uint64_t now_ns;
	uint64_t deadline_ns;
	/* For one batch. */
	struct g_look *looks;
	struct mem_req *reqs;
	uint8_t *states; /* G_READ_SZ bytes each */
	uint8_t *heads; /* HEAD_SZ bytes each */
	uint32_t *head_lens;
	uint64_t more[MORE_SZ / 8];
};

/* ---- reading ---- */

/* A member of runtime.g that the layout may lack. */
static uint64_t g_member(const uint8_t *bytes, uint32_t off, size_t sz)
{
	uint64_t v = 0;

	if (off != OFF_NONE)
		memcpy(&v, bytes + off, sz);
	return v;
}

static struct g_state g_state_of(const struct g_layout *l, const uint8_t *bytes)
{
	return (struct g_state){
		.lo = load_u64(bytes, G_STACK_LO),
		.hi = load_u64(bytes, G_STACK_HI),
		.sp = load_u64(bytes, G_SCHED_SP),
		.pc = load_u64(bytes, G_SCHED_PC),
		.since = g_member(bytes, l->wait_since, 8),
		.gopc = g_member(bytes, l->gopc, 8),
		.status = load_u32(bytes, l->status) & ~G_SCAN,
		.reason = g_member(bytes, l->wait_reason, 1),
	};
}

/* The bytes of runtime.g that have all members. */
static uint32_t g_read_sz(const struct g_layout *l)
{
	uint32_t ends[] = { G_SCHED_PC, l->status, l->wait_since, l->wait_reason, l->gopc };
	uint32_t sz = 0;

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		if (ends[i] != OFF_NONE && ends[i] + 8 > sz)
			sz = ends[i] + 8;
	return sz;
}

/* Reads the goroutines of a batch that are not settled; ok[i] says which could be read. */
static struct err *g_reader_read_states(struct g_reader *r, size_t n, bool *ok)
{
	uint32_t sz = g_read_sz(&r->heap->prog->layout.g);
	size_t cnt = 0;

	for (size_t i = 0; i < n; i++) {
		ok[i] = false;
		if (!r->looks[i].settled)
			r->reqs[cnt++] = (struct mem_req){ r->looks[i].g, sz, false,
							   r->states + i * G_READ_SZ };
	}
	struct err *err = mem_gather(&r->heap->prog->target->mem, r->reqs, cnt);
	for (size_t i = 0; !err && i < cnt; i++)
		ok[((uint8_t *)r->reqs[i].dst - r->states) / G_READ_SZ] = r->reqs[i].ok;
	return err;
}

/* Whether a goroutine is stopped at a known place on its stack. */
static bool g_is_stopped(const struct g_state *s)
{
	return s->status != G_RUNNING && s->status != G_COPYSTACK && s->status != G_DEAD &&
	       s->status != G_IDLE && s->status != G_DEADEXTRA && s->sp >= s->lo && s->sp < s->hi &&
	       s->sp % 8 == 0;
}

static struct err *g_reader_read_heads(struct g_reader *r, size_t n)
{
	size_t cnt = 0;

	for (size_t i = 0; i < n; i++) {
		const struct g_look *l = &r->looks[i];
		uint64_t len = l->state.hi - l->state.sp;

		r->head_lens[i] = 0;
		if (!l->settled && l->read && g_is_stopped(&l->state))
			r->reqs[cnt++] = (struct mem_req){ l->state.sp,
							   len < HEAD_SZ ? len : HEAD_SZ, false,
							   r->heads + i * HEAD_SZ };
	}
	struct err *err = mem_gather(&r->heap->prog->target->mem, r->reqs, cnt);
	for (size_t i = 0; !err && i < cnt; i++)
		if (r->reqs[i].ok)
			r->head_lens[((uint8_t *)r->reqs[i].dst - r->heads) / HEAD_SZ] =
				r->reqs[i].len;
	return err;
}

/* ---- walks ---- */

/* The part of a stack that was read. */
struct walk_piece {
	uint64_t at;
	uint64_t len;
	const uint8_t *bytes;
};

static bool stack_piece_word(struct g_reader *r, const struct g_state *s, struct walk_piece *p,
			     uint64_t addr, uint64_t *ret)
{
	if (addr < p->at || addr - p->at + 8 > p->len) {
		uint64_t len = s->hi - addr < MORE_SZ ? s->hi - addr : MORE_SZ;
		_cleanup_err_ struct err *err =
			mem_read(&r->heap->prog->target->mem, addr, r->more, len);

		if (err || len < 8)
			return false;
		*p = (struct walk_piece){ addr, len, (const uint8_t *)r->more };
	}
	*ret = load_u64(p->bytes, addr - p->at);
	return true;
}

/* Walks up from where a goroutine stopped to the first function of the program's own. What is not
 * found stays NULL. Fails only if memory ran out. */
static bool look_walk(struct g_reader *r, struct g_look *look, struct walk_piece piece)
{
	const struct g_state *s = &look->state;
	const struct frame *outermost = NULL;
	uint64_t sp = s->sp, pc = s->pc;

	for (int i = 0; i < FRAMES_MAX && sp + 8 <= s->hi; i++) {
		const struct code_place *at = i ? code_place_of_call(&r->places, pc)
						: code_place_of_stop(&r->places, pc);

		if (!at)
			return false;
		if (at->is_end && !look->where)
			look->where = outermost;
		if (at->is_end || !at->known || at->frame_sz > s->hi - sp - 8)
			return true;
		outermost = at->outermost;
		look->where = look->where ? look->where : at->first;
		look->user = at->user;
		if (look->user)
			return true;
		sp += at->frame_sz;
		if (!stack_piece_word(r, s, &piece, sp, &pc))
			return true;
		sp += 8;
	}
	return true;
}

static struct err *g_reader_walk(struct g_reader *r, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct g_look *l = &r->looks[i];
		struct walk_piece head = { l->state.sp, r->head_lens[i], r->heads + i * HEAD_SZ };

		if (l->settled)
			continue;
		l->where = l->user = NULL;
		if (head.len && !look_walk(r, l, head))
			return err_nomem();
	}
	return NULL;
}

/* ---- a batch ---- */

/* Takes what was read first. */
static void g_reader_begin(struct g_reader *r, size_t n, const bool *ok)
{
	for (size_t i = 0; i < n; i++) {
		struct g_look *l = &r->looks[i];

		if (l->settled)
			continue;
		l->read = ok[i];
		if (ok[i])
			l->state = g_state_of(&r->heap->prog->layout.g, r->states + i * G_READ_SZ);
	}
}

static bool g_state_is_same(const struct g_state *a, const struct g_state *b)
{
	return a->lo == b->lo && a->hi == b->hi && a->sp == b->sp && a->pc == b->pc &&
	       a->status == b->status && a->reason == b->reason &&
	       (a->since == b->since || !a->since);
}

/* A walk counts if the goroutine did not go on meanwhile. Returns how many have to be looked at
 * once more. */
static size_t g_reader_settle(struct g_reader *r, size_t n, const bool *ok)
{
	size_t open = 0;

	for (size_t i = 0; i < n; i++) {
		struct g_look *l = &r->looks[i];
		struct g_state now =
			g_state_of(&r->heap->prog->layout.g, r->states + i * G_READ_SZ);

		if (l->settled)
			continue;
		l->settled = ok[i] && l->read && g_state_is_same(&l->state, &now);
		if (l->settled)
			continue;
		l->where = l->user = NULL;
		l->read = ok[i];
		l->state = now;
		open++;
	}
	return open;
}

/* Reads all of a batch, and walks up their stacks. */
static struct err *g_reader_look(struct g_reader *r, size_t n)
{
	bool ok[BATCH];
	size_t open = n;
	struct err *err = NULL;

	for (int i = 0; !err && open && i < TRIES; i++) {
		bool walk = clock_ns() < r->deadline_ns;

		err = g_reader_read_states(r, n, ok);
		if (!err)
			g_reader_begin(r, n, ok);
		if (!err && walk)
			err = g_reader_read_heads(r, n);
		if (!err && walk)
			err = g_reader_walk(r, n);
		if (!err && walk)
			err = g_reader_read_states(r, n, ok);
		if (!err && walk)
			open = g_reader_settle(r, n, ok);
		if (!walk) {
			r->ret->unwalked_cnt += open;
			break;
		}
	}
	return err;
}

/* ---- groups ---- */

static uint64_t key_add(uint64_t key, const void *data, size_t len)
{
	const uint8_t *p = data;

	for (size_t i = 0; i < len; i++)
		key = (key ^ p[i]) * 0x100000001b3;
	return key ^ key >> 29;
}

static uint64_t key_add_frame(uint64_t key, const struct frame *f)
{
	uint32_t line = f ? f->line : 0;

	if (f)
		key = key_add(key, f->function, strlen(f->function) + 1);
	return key_add(key, &line, sizeof(line));
}

static uint64_t group_key(const struct goroutine_group *g)
{
	const uint8_t words[] = { g->status, g->reason };
	uint64_t key = key_add(0xcbf29ce484222325, words, sizeof(words));

	key = key_add_frame(key, g->where);
	key = key_add_frame(key, g->user);
	return key_add_frame(key, g->starter);
}

/* Finds or adds the group that is like `want`; TABLE_NONE: out of memory. */
static size_t g_reader_group(struct g_reader *r, const struct goroutine_group *want)
{
	uint64_t key = group_key(want);
	size_t i = table_get(&r->by_key, key);

	if (i != TABLE_NONE)
		return i;
	if (!vec_push(&r->ret->list, *want) || !table_put(&r->by_key, key, r->ret->list.len - 1))
		return TABLE_NONE;
	return r->ret->list.len - 1;
}

/* The frame of a go statement. The first goroutine has none: assembly started it. */
static const struct frame *g_reader_starter(const struct g_reader *r, uint64_t gopc)
{
	const struct place *p = gopc ? lines_of_call(r->heap->prog->lines, gopc) : NULL;
	const char *name = p && p->cnt ? p->frames[0].function : NULL;

	return name && strcmp(name, "runtime.newproc") != 0 && strcmp(name, "runtime.rt0_go") != 0
		       ? &p->frames[0]
		       : NULL;
}

/* How long it has waited at least; 0: not known. */
static uint64_t g_reader_wait_ns(const struct g_reader *r, const struct g_state *s)
{
	bool waits = s->status == G_WAITING || s->status == G_SYSCALL || s->status == G_LEAKED;

	return waits && r->opts->has_clock && s->since && s->since < r->now_ns
		       ? r->now_ns - s->since
		       : 0;
}

static bool g_has_ended(const struct g_state *s)
{
	return s->status == G_DEAD || s->status == G_IDLE || s->status == G_DEADEXTRA ||
	       s->status >= GOROUTINE_STATUS_CNT;
}

static void goroutine_group_add(struct goroutine_group *group, uint64_t stack_bytes,
				uint64_t resident, uint64_t wait_ns)
{
	group->cnt++;
	group->stack_bytes += stack_bytes;
	group->resident_bytes += resident;
	group->timed_cnt += wait_ns != 0;
	if (wait_ns > group->wait_max_ns)
		group->wait_max_ns = wait_ns;
}

/* Adds a goroutine to its group. `listed` has the stack that was proven to be one. */
static struct err *g_reader_add(struct g_reader *r, const struct g_look *l,
				const struct goroutine *listed)
{
	const struct residency *res = r->opts->residency;
	uint64_t bytes = listed->hi - listed->lo;
	uint64_t resident = res ? residency_bytes(res, listed->lo, bytes) : bytes;
	bool waits = l->state.status == G_WAITING || l->state.status == G_LEAKED;
	struct goroutine_group want = {
		.status = l->state.status,
		.reason = waits ? l->state.reason : 0,
		.where = l->where,
		.user = l->user,
		.starter = g_reader_starter(r, l->state.gopc),
	};
	struct g_wait wait = { 0, g_reader_wait_ns(r, &l->state) };
	size_t no = g_reader_group(r, &want);

	if (no == TABLE_NONE)
		return err_nomem();
	wait.group = no;
	if (!vec_push(&r->waits, wait))
		return err_nomem();
	goroutine_group_add(&r->ret->list.data[no], bytes, resident, wait.ns);
	r->ret->cnt++;
	r->ret->by_status[l->state.status]++;
	r->ret->stack_bytes += bytes;
	r->ret->resident_bytes += resident;
	if (table_get(&r->ret->by_g, l->g) == TABLE_NONE && !table_put(&r->ret->by_g, l->g, no))
		return err_nomem();
	return NULL;
}

static struct err *g_reader_take_batch(struct g_reader *r, const struct goroutine *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		r->looks[i] = (struct g_look){ .g = list[i].g };
	r->now_ns = clock_ns();
	struct err *err = g_reader_look(r, n);
	for (size_t i = 0; !err && i < n; i++) {
		const struct g_look *l = &r->looks[i];

		if (l->read && g_has_ended(&l->state))
			r->ret->dead_cnt++;
		else if (l->read)
			err = g_reader_add(r, l, &list[i]);
	}
	return err;
}

/* ---- the end ---- */

static int cmp_waits(const void *a, const void *b)
{
	const struct g_wait *x = a, *y = b;

	if (x->group != y->group)
		return x->group < y->group ? -1 : 1;
	return x->ns < y->ns ? -1 : x->ns > y->ns;
}

/* Those that no cycle found waiting wait for less long than all others, so they come first. */
static void g_reader_set_medians(struct g_reader *r)
{
	vec_sort(&r->waits, cmp_waits);
	for (size_t i = 0; i < r->waits.len;) {
		uint32_t no = r->waits.data[i].group;
		uint64_t cnt = r->ret->list.data[no].cnt;

		r->ret->list.data[no].wait_median_ns = r->waits.data[i + (cnt - 1) / 2].ns;
		i += cnt;
	}
}

/* A group, and its number before they were sorted. */
struct numbered_group {
	struct goroutine_group group;
	uint32_t no;
};

static int cmp_groups(const void *a, const void *b)
{
	const struct numbered_group *x = a, *y = b;

	if (x->group.stack_bytes != y->group.stack_bytes)
		return x->group.stack_bytes > y->group.stack_bytes ? -1 : 1;
	if (x->group.cnt != y->group.cnt)
		return x->group.cnt > y->group.cnt ? -1 : 1;
	return x->no < y->no ? -1 : x->no > y->no;
}

static struct err *groups_sort(struct goroutine_groups *gg)
{
	size_t cnt = gg->list.len;
	_cleanup_free_ struct numbered_group *all = malloc(cnt * sizeof(*all) + 1);

	gg->indexes = malloc(cnt * sizeof(*gg->indexes) + 1);
	if (!all || !gg->indexes)
		return err_nomem();
	for (size_t i = 0; i < cnt; i++)
		all[i] = (struct numbered_group){ gg->list.data[i], i };
	qsort(all, cnt, sizeof(*all), cmp_groups);
	for (size_t i = 0; i < cnt; i++) {
		gg->list.data[i] = all[i].group;
		gg->indexes[all[i].no] = i;
	}
	return NULL;
}

static struct err *g_reader_init(struct g_reader *r)
{
	r->places.prog = r->heap->prog;
	r->looks = malloc(BATCH * sizeof(*r->looks));
	r->reqs = malloc(BATCH * sizeof(*r->reqs));
	r->states = calloc(BATCH, G_READ_SZ);
	r->heads = malloc((size_t)BATCH * HEAD_SZ);
	r->head_lens = malloc(BATCH * sizeof(*r->head_lens));
	return r->looks && r->reqs && r->states && r->heads && r->head_lens ? NULL : err_nomem();
}

static void g_reader_fini(struct g_reader *r)
{
	code_places_fini(&r->places);
	table_fini(&r->by_key);
	vec_fini(&r->waits);
	free(r->looks);
	free(r->reqs);
	free(r->states);
	free(r->heads);
	free(r->head_lens);
}

static struct err *groups_read_reasons(const struct heap *heap, struct goroutine_groups *gg)
{
	struct err *err = wait_reasons_read(heap->prog, &gg->reasons);

	if (!err_is_refusal(err))
		return err;
	log_debug("reasons of waiting goroutines: %s", err->msg);
	err_free(err);
	return NULL;
}

static struct err *groups_read(struct heap *heap, const struct goroutine_groups_opts *opts,
			       struct goroutine_groups *gg)
{
	_cleanup_(goroutines_fini) struct goroutines all = { 0 };
	_cleanup_(g_reader_fini) struct g_reader r = { .heap = heap, .opts = opts, .ret = gg };
	struct err *err = goroutines_init(&all, heap);

	r.deadline_ns = clock_ns() + opts->budget_ns;
	if (!err)
		err = groups_read_reasons(heap, gg);
	if (!err)
		err = g_reader_init(&r);
	gg->dead_cnt = all.dead_cnt;
	gg->dead_stack_bytes = all.dead_stack_bytes;
	for (size_t i = 0; !err && i < all.list.len; i += BATCH) {
		size_t left = all.list.len - i;

		err = g_reader_take_batch(&r, &all.list.data[i], left < BATCH ? left : BATCH);
	}
	if (!err)
		g_reader_set_medians(&r);
	return err ? err : groups_sort(gg);
}

struct err *goroutine_groups_take(struct heap *heap, const struct goroutine_groups_opts *opts,
				  struct goroutine_groups **ret)
{
	uint64_t start = clock_ns();
	struct goroutine_groups *gg = calloc(1, sizeof(*gg));
	struct err *err = gg ? groups_read(heap, opts, gg) : err_nomem();

	if (err) {
		goroutine_groups_free(gg);
		return err;
	}
	gg->duration_ns = clock_ns() - start;
	log_debug("%llu goroutines in %zu groups, %.3f s", (unsigned long long)gg->cnt,
		  gg->list.len, (double)gg->duration_ns / 1e9);
	*ret = gg;
	return NULL;
}

void goroutine_groups_free(struct goroutine_groups *gg)
{
	if (!gg)
		return;
	vec_fini(&gg->list);
	table_fini(&gg->by_g);
	free(gg->indexes);
	free(gg);
}

struct goroutine_group *goroutine_groups_find(const struct goroutine_groups *gg, uint64_t g)
{
	size_t no = table_get(&gg->by_g, g);

	return no == TABLE_NONE ? NULL : &gg->list.data[gg->indexes[no]];
}

const char *goroutine_group_reason(const struct goroutine_groups *gg,
				   const struct goroutine_group *group)
{
	const char *word = group->reason < WAIT_REASONS_MAX ? gg->reasons.words[group->reason] : "";

	return *word ? word : NULL;
}
