// SPDX-License-Identifier: GPL-2.0-only
/* What the trace needs to know of the target, and the options that it gets. */
#include "base/clock.h"
#include "model/watch.h"
#include "process/mapheader.h"

enum { TICK_MS = 100 };

static struct err *find_func(void *ctx, const char *name, struct trace_func *ret)
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

static void set_listener(struct watch *w, struct trace_opts *opts)
{
	const struct watch_opts *o = &w->opts;

	w->listener = (struct trace_listener){ .event = watch_on_event, .ctx = w };
	opts->listener = o->listener ? o->listener : &w->listener;
	opts->rare_only = o->rare_only;
	opts->refaults = !o->listener; /* a stream has no place for them */
	opts->tick_ns = TICK_MS * NS_PER_MS;
	opts->tick = o->tick ? o->tick : watch_on_tick;
	opts->tick_ctx = o->tick ? o->tick_ctx : w;
}

static void set_trace_opts(struct watch *w, struct trace_opts *opts)
{
	trace_opts_init(opts);
	opts->pid = w->target->pid;
	opts->pidfd = w->target->pidfd;
	opts->machine = elf_file_machine(w->prog->elf);
	opts->code_path = w->prog->image.mapped->path;
	opts->layout = watch_header_layout(&w->prog->layout);
	opts->goid_off = w->prog->layout.g.goid;
	opts->find_func = find_func;
	opts->find_ctx = w->prog;
	opts->duration_ns = w->opts.duration_ns;
	opts->stop = w->opts.stop;
	opts->attach = w->opts.attach;
	opts->ring_sz = w->opts.ring_sz;
	opts->memcalls = TRACE_MEMCALLS_AUTO;
	opts->max_overhead = w->opts.max_overhead;
	set_listener(w, opts);
}

struct err *watch_open_trace(struct watch *w)
{
	struct trace_opts opts;

	set_trace_opts(w, &opts);
	struct err *err = trace_open(&opts, &w->trace);
	if (err_is(err, ERR_UNSUPPORTED)) { /* this architecture: the census still works */
		w->trace_err = err;
		return NULL;
	}
	if (!err_is(err, ERR_KERNEL))
		return err;
	struct err *advice =
		err_new(ERR_KERNEL, "%s; --duration 0 takes a census without a trace", err->msg);
	err_free(err);
	return advice;
}
