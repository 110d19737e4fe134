// SPDX-License-Identifier: GPL-2.0-only
#include "cmd/cmd.h"

#include <argp.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/terminal.h"
#include "base/units.h"
#include "cmd/args.h"
#include "cmd/color.h"
#include "cmd/fail_on.h"
#include "cmd/guard.h"
#include "cmd/select.h"
#include "model/watch.h"
#include "report/json_read.h"
#include "report/report.h"

enum { OPT_DIFF_JSON = 256, OPT_DIFF_TOP, OPT_DIFF_FAIL_ON, OPT_DIFF_COLOR, DIFF_TOP = 10 };

#define DIFF_DEADLINE_NS (30 * NS_PER_S)

struct diff_args {
	struct args common;
	struct report_opts report;
	const char *files[2];
	enum color_when color;
	bool json;
	bool fail_never;
	struct threshold fail_on;
};

static const struct argp_option diff_options[] = {
	{ "json", OPT_DIFF_JSON, NULL, 0, "Print one JSON document", 0 },
	{ "top", OPT_DIFF_TOP, "N", 0, "List N rows of maps in the text (default 10)", 0 },
	{ "fail-on", OPT_DIFF_FAIL_ON, "WHAT", 0,
	  "Exit with 1 if RSS grew by at least a size, or by a share of what it was (default: 10% "
	  "and at least 8M; never: exit with 0)",
	  0 },
	{ "color", OPT_DIFF_COLOR, "WHEN", 0, COLOR_HELP, 0 },
	{ 0 },
};

static const char diff_doc[] =
	"Shows what changed between two reports that --json saved, or between one and the process "
	"as it is now.\v"
	"Maps are compared by identity, their type and holder, so A and B may be of two processes, "
	"such as before and after a restart. Without B the process of A is looked at. B may be "
	"a file, a PID, or another way to name a process (see `maptrace help`).\n\n"
	"Exit codes: 0 RSS did not grow much; 1 it did; others as for report.\n\n"
	"Examples:\n"
	"  maptrace report --duration 0 --json 4182 >before.json\n"
	"  maptrace diff before.json\n"
	"  maptrace diff before.json after.json --json | jq '.maps[0]'\n";

static struct err *parse_diff_top(struct diff_args *o, const char *arg)
{
	unsigned long long top = 0;
	struct err *err = args_number("number of rows", arg, ULLONG_MAX, &top);

	o->report.top = top;
	return err;
}

static struct err *parse_diff_fail_on(struct diff_args *o, const char *arg)
{
	o->fail_never = !strcmp(arg, "never");
	return o->fail_never ? NULL : threshold_parse("fail-on", arg, &o->fail_on);
}

static struct err *parse_diff_file(struct diff_args *o, const char *arg)
{
	size_t i = o->files[0] ? 1 : 0;

	if (o->files[i])
		return err_new(ERR_USAGE, "diff compares two reports, '%s' is a third", arg);
	o->files[i] = arg;
	return NULL;
}

static error_t parse_diff(int key, char *arg, struct argp_state *state)
{
	struct diff_args *o = state->input;
	struct args *a = &o->common;

	switch (key) {
	case ARGP_KEY_INIT:
		args_quiet(state);
		return 0;
	case OPT_DIFF_JSON:
		o->json = true;
		return 0;
	case OPT_DIFF_TOP:
		return args_fail(a, parse_diff_top(o, arg));
	case OPT_DIFF_FAIL_ON:
		return args_fail(a, parse_diff_fail_on(o, arg));
	case OPT_DIFF_COLOR:
		return args_fail(a, color_parse(arg, &o->color));
	case ARGP_KEY_ARG:
		return args_fail(a, parse_diff_file(o, arg));
	case ARGP_KEY_END:
		return o->files[0] ? 0
				   : args_fail(a, err_new(ERR_USAGE, "which report? give a file"));
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* A look at a process as it is now, in a thread that may have to be left behind. */
struct diff_observation {
	pid_t pid;
	struct result *r;
	struct err *err;
};

static void diff_observe(void *ctx)
{
	struct diff_observation *obs = ctx;
	_cleanup_watch_ struct watch *w = NULL;
	const struct watch_opts opts = {
		.min_waste = DEFAULT_MIN_WASTE,
		.holders = true,
		.full_graph = true,
		.stop = guard_stop(),
		.late = guard_late(),
	};

	obs->err = watch_run(obs->pid, &opts, &w);
	if (!obs->err && w->census_err)
		obs->err = err_new(ERR_UNSUPPORTED, "no census of process %d: %s", obs->pid,
				   w->census_err->msg);
	if (!obs->err)
		obs->err = watch_publish(w, &obs->r);
}

static struct err *diff_look(pid_t pid, struct result **ret)
{
	struct diff_observation obs = { .pid = pid };
	struct err *err = guard_enter(DIFF_DEADLINE_NS);

	if (err)
		return err;
	if (!guard_run(diff_observe, &obs)) {
		log_error("process %d cannot be read: a system call for it does not return", pid);
		guard_leave(EXIT_INCOMPLETE);
	}
	guard_print();
	if (!obs.err)
		*ret = obs.r;
	return obs.err;
}

/* Gets the second result: a file, a process, or the process of the first one. */
static struct err *diff_read_second(const char *text, const struct result *first,
				    struct result **ret)
{
	pid_t pid = (pid_t)first->target.pid;

	if (text && !select_is_process(text) && !access(text, F_OK))
		return result_read_file(text, ret);
	struct err *err = text ? select_process(text, &pid) : NULL;
	return err ? err : diff_look(pid, ret);
}

static bool diff_fails(const struct diff_args *o, const struct result_diff *d)
{
	uint64_t limit = threshold_bytes(&o->fail_on, d->before.rss_bytes);

	return !o->fail_never && d->grew_bytes > 0 && (uint64_t)d->grew_bytes >= limit;
}

static struct err *diff_print(const struct diff_args *o, const struct result_diff *d)
{
	struct err *err = NULL;

	if (o->json)
		err = report_diff_json(d, stdout);
	else
		report_diff_text(d, &o->report, stdout);
	if (!err && (fflush(stdout) || ferror(stdout)))
		err = err_new(ERR_OUTPUT, "writing the comparison: %s", strerror(errno));
	return err;
}

static struct err *run_diff(const struct diff_args *o, int *exit_code_ret)
{
	_cleanup_result_ struct result *before = NULL, *after = NULL;
	struct err *err = result_read_file(o->files[0], &before);

	if (err)
		return err_wrap(err, "%s", o->files[0]);
	err = diff_read_second(o->files[1], before, &after);
	if (err)
		return err;
	_cleanup_diff_ struct result_diff *d = diff_new(before, after);
	if (!d)
		return err_nomem();
	err = diff_print(o, d);
	if (err || !diff_fails(o, d))
		return err;
	log_error("failed: RSS grew by %s", text_bytes((uint64_t)d->grew_bytes).s);
	*exit_code_ret = EXIT_FINDINGS;
	return NULL;
}

struct err *cmd_diff(int argc, char **argv, int *exit_code_ret)
{
	static const struct argp argp = { diff_options, parse_diff, "A [B]", diff_doc,
					  NULL,		NULL,	    NULL };
	struct diff_args o = {
		.fail_on = DEFAULT_MIN_WASTE,
		.report = { .top = DIFF_TOP, .columns = terminal_columns(stdout) },
	};

	if (args_parse(&argp, "maptrace diff", argc, argv, &o)) {
		o.report.color = color_is_on(o.color, /* to_stdout= */ true);
		return run_diff(&o, exit_code_ret);
	}
	*exit_code_ret = EXIT_USAGE;
	return o.common.err;
}
