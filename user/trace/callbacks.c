// SPDX-License-Identifier: GPL-2.0-only
#include "trace/callbacks.h"

#include <sched.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "trace/functions.h"

struct err *callbacks_add(struct callbacks *c, const struct trace_record *record)
{
	/* A record that only wakes us up is not news for the caller. */
	if (!c->opts->listener || record->kind == ABI_REC_FULL)
		return NULL;
	if (c->queue.len >= CALLBACKS_QUEUE_MAX) {
		c->dropped++;
		return NULL;
	}
	return vec_push(&c->queue, *record) ? NULL : err_nomem();
}

struct err *callbacks_add_window(struct callbacks *c, const struct trace_window *window)
{
	struct trace_record record = { .is_window = true, .window = *window };

	if (!c->opts->listener || !c->opts->listener->window)
		return NULL;
	/* The queue may be full of what was in the window. */
	return vec_push(&c->queue, record) ? NULL : err_nomem();
}

static struct err *record_tell(const struct trace_listener *l, const struct trace_record *record)
{
	if (record->is_window)
		return l->window(l->ctx, &record->window);
	if (record->kind == ABI_REC_MEMCALL)
		return l->memcall ? l->memcall(l->ctx, &record->memcall) : NULL;
	return l->event(l->ctx, &record->map, map_functions[record->func].group);
}

static struct err *batch_tell(struct callbacks *c)
{
	struct err *err = NULL;

	for (size_t i = 0; !err && i < c->batch.len; i++)
		err = record_tell(c->opts->listener, &c->batch.data[i]);
	c->batch.len = 0;
	return err;
}

static void *callbacks_thread(void *arg)
{
	const struct sched_param param = { 0 };
	struct callbacks *c = arg;
	uint64_t one = 1;

	/* Nothing here is as urgent as what the thread does that has started this one. */
	(void)sched_setscheduler(0, SCHED_OTHER, &param);
	struct err *err = batch_tell(c);

	if (!err && c->ticks)
		err = c->opts->tick(c->opts->tick_ctx);
	c->err = err;
	/* Either we see `ends`, or callbacks_end() sees `done`. */
	__atomic_store_n(&c->done, true, __ATOMIC_SEQ_CST);
	/* The write fails when the counter is at its limit: then somebody is awake. */
	if (__atomic_load_n(&c->ends, __ATOMIC_SEQ_CST))
		(void)!write(c->wake_fd, &one, sizeof(one));
	return NULL;
}

/* The thread has the batch to itself while it runs. */
static void batch_take(struct callbacks *c)
{
	typeof(c->batch) empty = c->batch;

	c->batch.data = c->queue.data;
	c->batch.len = c->queue.len;
	c->batch.cap = c->queue.cap;
	c->queue.data = empty.data;
	c->queue.len = 0;
	c->queue.cap = empty.cap;
}

static struct err *callbacks_start(struct callbacks *c)
{
	batch_take(c);
	c->done = false;
	c->running = true;
	int failed = pthread_create(&c->thread, NULL, callbacks_thread, c);
	if (failed)
		c->running = false;
	return failed ? err_os(failed, "starting a thread") : NULL;
}

static bool callbacks_are_done(const struct callbacks *c)
{
	return __atomic_load_n(&c->done, __ATOMIC_SEQ_CST);
}

static struct err *callbacks_join(struct callbacks *c)
{
	pthread_join(c->thread, NULL);
	c->running = false;
	return take_ptr(c->err);
}

bool callbacks_tick_is_due(const struct callbacks *c, uint64_t now_ns)
{
	return !c->running && c->opts->tick && now_ns >= c->next_tick_ns;
}

struct err *callbacks_step(struct callbacks *c, uint64_t now_ns)
{
	if (c->running)
		return callbacks_are_done(c) ? callbacks_join(c) : NULL;
	c->ticks = callbacks_tick_is_due(c, now_ns);
	if (!c->ticks && !c->queue.len)
		return NULL;
	if (c->ticks)
		c->next_tick_ns = now_ns + c->opts->tick_ns;
	return callbacks_start(c);
}

struct err *callbacks_end(struct callbacks *c, bool *done_ret)
{
	struct err *err = NULL;

	*done_ret = false;
	__atomic_store_n(&c->ends, true, __ATOMIC_SEQ_CST);
	if (c->running && !callbacks_are_done(c))
		return NULL;
	if (c->running)
		err = callbacks_join(c);
	if (err)
		c->queue.len = 0;
	c->ticks = false;
	if (c->queue.len)
		return callbacks_start(c);
	*done_ret = true;
	return err;
}

void callbacks_fini(struct callbacks *c)
{
	vec_fini(&c->queue);
	vec_fini(&c->batch);
}
