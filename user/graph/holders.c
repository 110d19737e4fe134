// SPDX-License-Identifier: GPL-2.0-only
#include "graph/holders.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "graph/frames.h"
#include "graph/holder_search.h"

enum {
	ROOTS_READ_SZ = 64 << 10,
	STACK_BYTES_MAX = 256 << 20,
	FRAMES_NAMED_MAX = 4096,
};

/* ---- what is better ---- */

/* The kinds, from what says least of a map to what says most. */
static uint8_t kind_score(enum holder_kind kind)
{
	switch (kind) {
	case HOLDER_NONE:
		return 0;
	case HOLDER_OBJECT:
		return 1;
	case HOLDER_FRAME:
		return 2;
	case HOLDER_INTERFACE:
		return 3;
	case HOLDER_CLOSURE:
		return 4;
	case HOLDER_CHANNEL:
		return 5;
	case HOLDER_ELEMENT:
		return 6;
	case HOLDER_MAP:
		return 7;
	case HOLDER_FIELD:
		return 8;
	case HOLDER_VARIABLE:
		return 9;
	case HOLDER_KIND_CNT:
		break;
	}
	return 0;
}

static uint8_t holder_score(const struct holder *h)
{
	uint8_t score = kind_score(h->kind);

	/* Whatever is certain about these says less than a guess of another kind. */
	if (score <= kind_score(HOLDER_FRAME))
		return score;
	return score + (h->certain ? 20 : h->candidates == 1 ? 10 : 0);
}

/* Whether a holder as good as that of a row comes before it. Frames come in the order of calls. */
static bool holder_is_first(const struct holders *ret, uint32_t row, uint32_t holder,
			    uint32_t place)
{
	uint32_t other = ret->by_row[row];
	const struct holder *a = &ret->set.list.data[holder], *b = &ret->set.list.data[other];

	if (holder == other)
		return place < ret->places[row];
	return a->kind != HOLDER_FRAME && strcmp(a->text, b->text) < 0;
}

void search_set(struct holder_search *s, uint32_t row, uint32_t holder, uint32_t place)
{
	struct holders *ret = s->ret;

	if (holder >= ret->set.list.len || row >= ret->row_cnt)
		return;
	uint8_t score = holder_score(&ret->set.list.data[holder]);
	if (score < s->scores[row] ||
	    (score == s->scores[row] && !holder_is_first(ret, row, holder, place)))
		return;
	s->scores[row] = score;
	ret->by_row[row] = holder;
	ret->places[row] = place;
}

void search_lacks(struct holder_search *s, const char *reason)
{
	if (s->ret->cost.status != HOLDERS_OK)
		return;
	s->ret->cost.status = HOLDERS_PARTIAL;
	s->ret->cost.reason = pool_text(&s->ret->set.pool, reason);
}

bool search_is_late(struct holder_search *s)
{
	if (!s->deadline_ns || clock_ns() < s->deadline_ns)
		return false;
	search_lacks(s, "the time for it ended");
	return true;
}

const struct cat_type *search_row_type(const struct holder_search *s, uint32_t row)
{
	struct map_info m = census_map(s->census, row);

	return m.type ? catalogue_find(s->cat, m.type->addr) : NULL;
}

/* ---- targets ---- */

static struct err *search_add_target(struct holder_search *s, uint64_t addr, uint32_t row)
{
	return vec_push(&s->targets.addrs, addr) && vec_push(&s->target_rows, row) ? NULL
										   : err_nomem();
}

static struct err *search_add_headers(struct holder_search *s)
{
	size_t cnt = s->census->maps.len;
	bool room = vec_reserve(&s->targets.addrs, cnt) && vec_reserve(&s->target_rows, cnt);
	struct err *err = room ? NULL : err_nomem();

	for (size_t i = 0; !err && i < s->census->maps.len; i++) {
		struct map_info m = census_map(s->census, i);

		if (!m.on_stack && !m.garbage)
			err = search_add_target(s, m.addr, i);
	}
	s->header_cnt = s->targets.addrs.len;
	return !err && !targets_index(&s->targets) ? err_nomem() : err;
}

/* ---- heap ---- */

static struct err *search_pass(struct holder_search *s, enum pass_spans spans)
{
	struct pass_opts opts = {
		.spans = spans,
		.residency = s->census->residency,
		.deadline_ns = s->deadline_ns,
	};
	struct referrers found = { 0 };
	struct err *err = referrers_find(s->heap, &s->targets, &opts, &found);

	if (!err && !vec_reserve(&s->words, s->words.len + found.list.len))
		err = err_nomem();
	for (size_t i = 0; !err && i < found.list.len; i++) {
		const struct referrer *r = &found.list.data[i];
		struct leading_word w = { r->word, r->target, r->span };

		if (!vec_push(&s->words, w))
			err = err_nomem();
		/* The object is this word. */
		if (!err && spans == PASS_WORDS && r->target < s->header_cnt)
			err = search_add_target(s, r->word, s->target_rows.data[r->target]);
	}
	if (found.late)
		search_is_late(s);
	if (found.unread_bytes)
		search_lacks(s, "some spans could not be read");
	referrers_fini(&found);
	return err;
}

static struct err *search_heap(struct holder_search *s)
{
	struct err *err = search_pass(s, PASS_WORDS);

	if (!err && !targets_index(&s->targets))
		err = err_nomem();
	return err ? err : search_pass(s, PASS_REST);
}

/* ---- variables ---- */

static struct err *search_range(struct holder_search *s, const struct pass_targets *targets,
				const struct data_range *r, uint64_t *buf, struct root_words *ret)
{
	uint64_t words = data_range_words(r);

	for (uint64_t w = 0; w < words; w += ROOTS_READ_SZ / 8) {
		uint64_t n = words - w < ROOTS_READ_SZ / 8 ? words - w : ROOTS_READ_SZ / 8;
		struct mem *mem = data_range_mem(s->heap->prog, r);
		struct mem_req req = { r->start + 8 * w, 8 * n, false, buf };
		struct err *err = mem->read_reqs(mem, &req, 1);

		if (err)
			return err;
		for (uint64_t i = 0; req.ok && i < n; i++) {
			uint32_t target = targets_find(targets, buf[i]);
			struct root_word lead = { r->start + 8 * (w + i), i ? buf[i - 1] : 0,
						  target };

			if (target != TARGET_NONE && data_range_is_pointer(r, w + i) &&
			    !vec_push(ret, lead))
				return err_nomem();
		}
	}
	return NULL;
}

struct err *search_root_words(struct holder_search *s, const struct pass_targets *targets,
			      struct root_words *ret)
{
	_cleanup_free_ uint64_t *buf = malloc(ROOTS_READ_SZ);
	struct err *err = buf ? NULL : err_nomem();

	for (size_t i = 0; !err && i < s->roots.cnt; i++)
		if (s->roots.ranges[i].mask)
			err = search_range(s, targets, &s->roots.ranges[i], buf, ret);
	return err;
}

/* The number of a variable's word in its module. */
static uint32_t search_variable_place(const struct holder_search *s, uint64_t word)
{
	const struct data_range *of = data_roots_find(&s->roots, word), *first = of;

	for (size_t i = 0; of && i < s->roots.cnt; i++)
		if (s->roots.ranges[i].module == of->module &&
		    s->roots.ranges[i].start < first->start)
			first = &s->roots.ranges[i];
	return of ? (word - first->start) / 8 : HOLDERS_NO_PLACE;
}

struct err *search_open_vars(struct holder_search *s)
{
	struct err *err = s->vars_asked
				  ? NULL
				  : varrefs_open(s->heap->prog, &s->roots, s->opts.stop, &s->vars);

	s->vars_asked = true;
	if (err_is_refusal(err)) {
		search_lacks(s, "the code that uses variables could not be read");
		err_free(err);
		err = NULL;
	}
	s->naming.vars = s->vars;
	return err;
}

static struct err *search_name_roots(struct holder_search *s)
{
	struct err *err = s->root_words.len ? search_open_vars(s) : NULL;

	for (size_t i = 0; !err && i < s->root_words.len && !search_is_late(s); i++) {
		const struct root_word *w = &s->root_words.data[i];

		uint32_t row = s->target_rows.data[w->target];
		struct held_word held = {
			.held = search_row_type(s, row),
			.word_before = w->word_before,
			.indirect = w->target >= s->header_cnt,
		};

		search_set(s, row, naming_variable(&s->naming, w->word, &held),
			   search_variable_place(s, w->word));
	}
	return err;
}

/* ---- stacks ---- */

static bool search_wants_word(void *ctx, uint64_t value)
{
	struct holder_search *s = ctx;
	uint32_t target = targets_find(&s->targets, value);

	/* What is named better needs no frame. */
	return target != TARGET_NONE && s->scores[s->target_rows.data[target]] <= 1;
}

static struct err *search_name_frame(struct holder_search *s, struct frames *f, uint32_t goroutine,
				     uint64_t addr, uint32_t row, bool own)
{
	struct frame_place place;
	struct err *err = frames_place(f, goroutine, addr, &place);
	bool of_runtime = !strncmp(place.function, "runtime.", 8);

	/* The runtime's frames have maps of others: that is said only if nothing better is. */
	if (!err && (own || !of_runtime || !s->scores[row]))
		search_set(s, row, naming_frame(&s->naming, &place, own), HOLDERS_NO_PLACE);
	return err;
}

/* Notes which goroutine has a map in its frames. */
static struct err *search_add_in_frame(struct holder_search *s, const struct frames *f,
				       uint32_t goroutine, uint32_t row)
{
	struct held_in_frame in = { row, f->goroutines.list.data[goroutine].g };

	if (table_get(&s->framed_rows, row) != TABLE_NONE)
		return NULL;
	return vec_push(&s->ret->in_frames, in) && table_put(&s->framed_rows, row, 0) ? NULL
										      : err_nomem();
}

/* The maps whose headers are in frames. */
static struct err *search_own_frames(struct holder_search *s, struct frames *f)
{
	struct err *err = NULL;

	for (size_t i = 0; !err && i < s->census->maps.len && !search_is_late(s); i++) {
		struct map_info m = census_map(s->census, i);
		uint32_t goroutine;

		if (!m.on_stack || !frames_find(f, m.addr, &goroutine))
			continue;
		err = search_name_frame(s, f, goroutine, m.addr, i, true);
		if (!err)
			err = search_add_in_frame(s, f, goroutine, i);
	}
	return err;
}

static struct err *search_frames(struct holder_search *s)
{
	_cleanup_(frames_fini) struct frames f = { 0 };
	struct stack_words words = { 0 };
	struct err *err = frames_init(&f, s->heap);

	if (!err)
		err = search_own_frames(s, &f);
	if (!err)
		err = frames_scan(&f, STACK_BYTES_MAX, search_wants_word, s, &words);
	/* A caller's frame first: what was left over by calls that ended is below it. */
	for (size_t i = words.list.len; !err && i && !search_is_late(s); i--) {
		const struct stack_word *w = &words.list.data[i - 1];
		uint32_t row = s->target_rows.data[targets_find(&s->targets, w->value)];

		err = search_add_in_frame(s, &f, w->goroutine, row);
		if (!err && words.list.len - i < FRAMES_NAMED_MAX)
			err = search_name_frame(s, &f, w->goroutine, w->word, row, false);
	}
	vec_fini(&words.list);
	return err;
}

/* ---- all of it ---- */

static struct err *search_open(struct holder_search *s)
{
	struct fit_world world = { .heap = s->heap, .census = s->census };
	size_t rows = s->census->maps.len;
	struct err *err = NULL;

	s->ret->row_cnt = rows;
	s->ret->by_row = malloc((rows + 1) * sizeof(*s->ret->by_row));
	s->ret->places = malloc((rows + 1) * sizeof(*s->ret->places));
	s->scores = calloc(rows + 1, 1);
	if (!s->ret->by_row || !s->ret->places || !s->scores)
		return err_nomem();
	memset(s->ret->by_row, 0xff, (rows + 1) * sizeof(*s->ret->by_row));
	memset(s->ret->places, 0xff, (rows + 1) * sizeof(*s->ret->places));
	err = catalogue_open(s->heap->prog, &s->cat);
	world.cat = s->cat;
	if (!err)
		err = fit_open(&world, &s->fitter);
	if (!err)
		err = data_roots_read(s->heap->prog, &s->roots);
	s->naming.heap = s->heap;
	s->naming.cat = s->cat;
	s->naming.fitter = s->fitter;
	s->naming.roots = &s->roots;
	s->naming.set = &s->ret->set;
	return err;
}

static void search_free(struct holder_search *s)
{
	if (!s)
		return;
	naming_fini(&s->naming);
	fit_close(s->fitter);
	varrefs_close(s->vars);
	data_roots_fini(&s->roots);
	catalogue_close(s->cat);
	targets_fini(&s->targets);
	vec_fini(&s->target_rows);
	vec_fini(&s->words);
	vec_fini(&s->root_words);
	free(s->scores);
	table_fini(&s->framed_rows);
	free(s);
}

static void search_log(const struct holder_search *s, const char *what)
{
	log_debug("holders: %s, %llu ms", what,
		  (unsigned long long)((clock_ns() - s->ret->cost.duration_ns) / NS_PER_MS));
}

static struct err *search_run(struct holder_search *s)
{
	struct err *err = search_open(s);

	search_log(s, "types");
	if (!err)
		err = search_add_headers(s);
	if (!err)
		err = search_heap(s);
	search_log(s, "passes");
	if (!err)
		err = search_root_words(s, &s->targets, &s->root_words);
	if (!err)
		err = search_name_roots(s);
	search_log(s, "variables");
	if (!err)
		err = search_name_objects(s);
	search_log(s, "objects");
	if (!err)
		err = search_frames(s);
	search_log(s, "frames");
	if (!err && !search_is_late(s))
		err = sync_maps_find(s, &s->ret->sync_maps);
	search_log(s, "sync.Maps");
	if (!err && !search_is_late(s))
		err = objtypes_take(s, &s->ret->objtypes);
	search_log(s, "other objects");
	return err;
}

static void search_count(struct holder_search *s)
{
	struct holders *ret = s->ret;

	for (size_t i = 0; i < ret->row_cnt; i++) {
		const struct holder *h = holders_of(ret, i);

		ret->cost.maps_held += h != NULL;
		ret->cost.maps_certain += h && h->certain;
	}
	ret->cost.peak_bytes = s->targets.addrs.cap * 8 + 4 * (s->targets.slot_mask + 1) +
			       s->targets.page_mask / 8 + s->target_rows.cap * 4 +
			       s->words.cap * sizeof(*s->words.data) * 2 + ret->row_cnt * 9;
}

/* What is wrong with the target is the result; what is wrong with us is an error. */
static struct err *search_finish(struct holder_search *s, struct err *err)
{
	struct holders *h = s->ret;

	if (err_is_refusal(err)) {
		h->cost.status = HOLDERS_FAILED;
		h->cost.reason = pool_text(&h->set.pool, err->msg);
		err_free(err);
		err = NULL;
	}
	if (!err && h->by_row)
		search_count(s);
	return err;
}

struct err *holders_take(struct heap *heap, const struct census *census,
			 const struct holders_opts *opts, struct holders **ret)
{
	_cleanup_holders_ struct holders *h = calloc(1, sizeof(*h));
	struct mem *mem = &heap->prog->target->mem;
	uint64_t start = clock_ns(), read_before = mem->bytes_read;
	struct holder_search *s = h ? calloc(1, sizeof(*s)) : NULL;

	if (!s)
		return err_nomem();
	*s = (struct holder_search){
		.heap = heap,
		.census = census,
		.opts = *opts,
		.deadline_ns = opts->budget_ns ? start + opts->budget_ns : 0,
		.ret = h,
	};
	h->search = s;
	h->cost.duration_ns = start; /* until it is done */
	struct err *err = search_finish(s, search_run(s));
	if (err)
		return err;
	if (!opts->keep || h->cost.status == HOLDERS_FAILED) {
		search_free(s);
		h->search = NULL;
	}
	h->cost.duration_ns = clock_ns() - start;
	h->cost.bytes_read = mem->bytes_read - read_before;
	*ret = take_ptr(h);
	return NULL;
}

void holders_free(struct holders *h)
{
	if (!h)
		return;
	search_free(h->search);
	holder_set_fini(&h->set);
	sync_maps_fini(&h->sync_maps);
	objtypes_fini(&h->objtypes);
	vec_fini(&h->in_frames);
	free(h->by_row);
	free(h->places);
	free(h);
}

uint32_t holders_number(const struct holders *h, size_t row)
{
	return h->by_row && row < h->row_cnt ? h->by_row[row] : HOLDERS_NO_HOLDER;
}

uint32_t holders_place(const struct holders *h, size_t row)
{
	return h->places && row < h->row_cnt ? h->places[row] : HOLDERS_NO_PLACE;
}

const struct holder *holders_of(const struct holders *h, size_t row)
{
	uint32_t no = holders_number(h, row);

	return no == HOLDERS_NO_HOLDER ? NULL : &h->set.list.data[no];
}

size_t holders_cnt(const struct holders *h)
{
	return h->set.list.len;
}

const struct holder *holders_get(const struct holders *h, size_t i)
{
	return &h->set.list.data[i];
}

const struct objtypes *holders_objtypes(const struct holders *h)
{
	return &h->objtypes;
}

const struct sync_maps *holders_sync_maps(const struct holders *h)
{
	return &h->sync_maps;
}

size_t holders_in_frames(const struct holders *h, const struct held_in_frame **ret)
{
	*ret = h->in_frames.data;
	return h->in_frames.len;
}

struct holders_cost holders_cost(const struct holders *h)
{
	return h->cost;
}
