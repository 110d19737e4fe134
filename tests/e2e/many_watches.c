// SPDX-License-Identifier: GPL-2.0-only
/*
 * Watches several processes from one loop and saves a report of each every second, while it
 * goes on. For results.t.
 *
 *	many_watches DIR MILLISECONDS PID...
 *
 * Writes DIR/PID.1.json, DIR/PID.2.json, ... and at the end DIR/PID.last.json.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "model/watch.h"
#include "report/report.h"

enum { WATCHED_MAX = 8 };

struct watched {
	const char *dir;
	pid_t pid;
	struct watch *w;
	unsigned int results;
	bool goes_on;
};

static void must_watch(struct err *err, const char *what)
{
	if (!err)
		return;
	fprintf(stderr, "many_watches: %s: %s\n", what, err->msg);
	exit(1);
}

/* The name appears when the document is whole. */
static struct err *save_report(const struct watched *t, struct result *r, const char *name)
{
	char path[512], part[520];

	snprintf(path, sizeof(path), "%s/%d.%s.json", t->dir, t->pid, name);
	snprintf(part, sizeof(part), "%s.part", path);
	_cleanup_fclose_ FILE *out = fopen(part, "w");
	struct err *err = out ? report_json(r, out) : err_new(ERR_OS, "cannot open %s", part);

	if (!err && (fflush(out) || rename(part, path)))
		err = err_new(ERR_OS, "cannot write %s", path);
	return err;
}

static struct err *on_watch_result(void *ctx, struct result *result)
{
	struct watched *t = ctx;
	_cleanup_result_ struct result *r = result;
	char name[16];

	snprintf(name, sizeof(name), "%u", ++t->results);
	return save_report(t, r, name);
}

static void open_watched(struct watched *t, uint64_t duration_ns)
{
	const struct watch_opts opts = {
		.duration_ns = duration_ns,
		.max_overhead = 0.01,
		.top = 10,
		.on_result = on_watch_result,
		.result_ctx = t,
		.result_interval_ns = NS_PER_S,
	};

	must_watch(watch_open(t->pid, &opts, &t->w), "opening");
	must_watch(watch_begin(t->w), "the first census");
	must_watch(watch_start(t->w), "starting");
	t->goes_on = true;
}

static void close_watched(struct watched *t)
{
	_cleanup_result_ struct result *r = NULL;

	must_watch(watch_stop(t->w), "stopping");
	must_watch(watch_publish(t->w, &r), "the last result");
	watch_free(t->w);
	must_watch(save_report(t, r, "last"), "saving"); /* it needs no watch any more */
}

/* Steps each that has something to do, until none goes on. */
static void drive(struct watched *targets, size_t cnt)
{
	for (size_t left = cnt; left;) {
		struct pollfd fds[WATCHED_MAX];

		for (size_t i = 0; i < cnt; i++)
			fds[i] = (struct pollfd){ targets[i].goes_on ? watch_fd(targets[i].w) : -1,
						  POLLIN, 0 };
		poll(fds, cnt, 1000);
		left = 0;
		for (size_t i = 0; i < cnt; i++) {
			targets[i].goes_on = targets[i].goes_on && watch_step(targets[i].w);
			left += targets[i].goes_on;
		}
	}
}

int main(int argc, char **argv)
{
	struct watched targets[WATCHED_MAX] = { 0 };
	size_t cnt = argc > 3 ? argc - 3 : 0;

	if (!cnt || cnt > WATCHED_MAX)
		return 2;
	for (size_t i = 0; i < cnt; i++) {
		targets[i].dir = argv[1];
		targets[i].pid = atoi(argv[i + 3]);
		open_watched(&targets[i], strtoull(argv[2], NULL, 10) * NS_PER_MS);
	}
	drive(targets, cnt);
	for (size_t i = 0; i < cnt; i++)
		close_watched(&targets[i]);
	return 0;
}
