// SPDX-License-Identifier: GPL-2.0-only
#include "trace/worker.h"

#include <sched.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "trace/functions.h"

struct err *worker_add(struct worker *w, const struct event *event)
{
	/* A record that only wakes us up is no news. */
	if (!w->opts->listener || event->kind == ABI_REC_FULL)
		return NULL;
	if (w->queue.len == WORKER_QUEUE_MAX) {
		w->dropped++;
		return NULL;
	}
	return vec_push(&w->queue, *event) ? NULL : err_nomem();
}

static struct err *tell(const struct trace_listener *l, const struct event *event)
{
	if (event->kind == ABI_REC_MEMCALL)
		return l->memcall ? l->memcall(l->ctx, &event->memcall) : NULL;
	return l->event(l->ctx, &event->map, map_functions[event->func].group);
}

static struct err *batch_tell(struct worker *w)
{
	struct err *err = NULL;

	for (size_t i = 0; !err && i < w->batch.len; i++)
		err = tell(w->opts->listener, &w->batch.data[i]);
	w->batch.len = 0;
	return err;
}

static void *work(void *arg)
{
	const struct sched_param param = { 0 };
	struct worker *w = arg;

	/* Nothing here is urgent, as is what the thread does that has started it. */
	(void)sched_setscheduler(0, SCHED_OTHER, &param);
	struct err *err = batch_tell(w);

	if (!err && w->ticks)
		err = w->opts->tick(w->opts->tick_ctx);
	w->err = err;
	__atomic_store_n(&w->done, true, __ATOMIC_RELEASE);
	return NULL;
}

/* The thread has the batch to itself while it runs. */
static void batch_take(struct worker *w)
{
	typeof(w->batch) empty = w->batch;

	w->batch.data = w->queue.data;
	w->batch.len = w->queue.len;
	w->batch.cap = w->queue.cap;
	w->queue.data = empty.data;
	w->queue.len = 0;
	w->queue.cap = empty.cap;
}

static struct err *start(struct worker *w)
{
	batch_take(w);
	w->done = false;
	w->running = true;
	int failed = pthread_create(&w->thread, NULL, work, w);
	if (failed)
		w->running = false;
	return failed ? err_os(failed, "starting a thread") : NULL;
}

static struct err *join(struct worker *w)
{
	if (!w->running)
		return NULL;
	pthread_join(w->thread, NULL);
	w->running = false;
	return take_ptr(w->err);
}

struct err *worker_step(struct worker *w, uint64_t now_ns)
{
	if (w->running)
		return __atomic_load_n(&w->done, __ATOMIC_ACQUIRE) ? join(w) : NULL;
	w->ticks = w->opts->tick && now_ns >= w->next_tick_ns;
	if (!w->ticks && !w->queue.len)
		return NULL;
	if (w->ticks)
		w->next_tick_ns = now_ns + w->opts->tick_ns;
	return start(w);
}

struct err *worker_finish(struct worker *w)
{
	struct err *err = join(w);

	if (err)
		return err;
	batch_take(w);
	return batch_tell(w);
}

void worker_fini(struct worker *w)
{
	vec_fini(&w->queue);
	vec_fini(&w->batch);
}
