// SPDX-License-Identifier: GPL-2.0-only
/* Prepares a trace: finds out what it needs to know about the target, and sets its options. */
#include "base/clock.h"
#include "model/watch.h"
#include "process/mapheader.h"

enum { TICK_MS = 100 };

struct err *watch_find_func(void *ctx, const char *name, struct trace_func *ret)
{
	const struct program *prog = ctx;
	struct gofunc f;

	*ret = (struct trace_func){ 0 };
	if (!pclntab_find(prog->funcs, name, &f) ||
	    !program_file_offset(prog, f.addr, &ret->file_off))
		return NULL;
	ret->present = true;
	ret->addr = f.addr;
	ret->size = f.size;
	size_t want = f.size < sizeof(ret->code) ? f.size : sizeof(ret->code);
	ret->code_sz = program_read_code(prog, f.addr, ret->code, want);
	return NULL;
}

struct trace_header_layout watch_header_layout(const struct go_layout *l)
{
	struct trace_header_layout h = { 0 };

	if (l->kind == MAP_CLASSIC) {
		h.kind = TRACE_MAP_CLASSIC;
		h.live_keys_off = HMAP_COUNT;
		h.header_sz = l->classic.header_sz;
		h.seed_off = HMAP_HASH0;
		h.classic.b_off = HMAP_B;
		h.classic.noverflow_off = HMAP_NOVERFLOW;
		h.classic.buckets_off = l->classic.buckets;
		h.classic.load_num = l->classic.load_num;
		return h;
	}
	h.kind = TRACE_MAP_SWISS;
	h.live_keys_off = SWISS_MAP_USED;
	h.header_sz = l->swiss.header_sz;
	h.seed_off = SWISS_MAP_SEED;
	h.swiss.dir_ptr_off = SWISS_MAP_DIR_PTR;
	h.swiss.dir_len_off = SWISS_MAP_DIR_LEN;
	h.swiss.table_used_off = SWISS_TABLE_USED;
	h.swiss.table_capacity_off = SWISS_TABLE_CAPACITY;
	h.swiss.table_growth_left_off = SWISS_TABLE_GROWTH_LEFT;
	return h;
}

static void trace_opts_set_listener(struct watch *w, struct trace_opts *opts)
{
	const struct watch_opts *o = &w->opts;

	w->listener = (struct trace_listener){ .event = watch_on_event, .ctx = w };
	opts->listener = o->listener ? o->listener : &w->listener;
	opts->rare_only = o->rare_only;
	opts->refaults = !o->listener; /* a stream of events has no line for them */
	opts->tick_ns = TICK_MS * NS_PER_MS;
	opts->tick = o->tick ? o->tick : watch_on_tick;
	opts->tick_ctx = o->tick ? o->tick_ctx : w;
	opts->tick_publishes = o->on_result != NULL;
}

static void watch_set_trace_opts(struct watch *w, struct trace_opts *opts)
{
	trace_opts_init(opts);
	opts->pid = w->target->pid;
	opts->pidfd = w->target->pidfd;
	opts->machine = elf_file_machine(w->prog->elf);
	opts->code_path = w->prog->image.mapped->path;
	opts->layout = watch_header_layout(&w->prog->layout);
	opts->goid_off = w->prog->layout.g.goid;
	opts->find_func = watch_find_func;
	opts->find_ctx = w->prog;
	opts->duration_ns = w->opts.duration_ns;
	opts->stop = w->opts.stop;
	opts->force = w->opts.force;
	opts->attach = w->opts.attach;
	opts->ring_sz = w->opts.ring_sz;
	opts->memcalls = TRACE_MEMCALLS_AUTO;
	opts->max_overhead = w->opts.max_overhead;
	trace_opts_set_listener(w, opts);
}

struct err *watch_open_trace(struct watch *w)
{
	struct trace_opts opts;

	watch_begins(w, "the trace");
	watch_set_trace_opts(w, &opts);
	struct err *err = trace_open(&opts, &w->trace);
	if (err_is(err, ERR_UNSUPPORTED)) { /* not on this architecture: take a census only */
		w->trace_err = err;
		return NULL;
	}
	if (!err_is(err, ERR_KERNEL) && !err_is(err, ERR_PERM))
		return err;
	struct err *advice =
		err_new(err->kind, "%s; --duration 0 takes a census without a trace", err->msg);
	err_free(err);
	return advice;
}
