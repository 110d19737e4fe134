// SPDX-License-Identifier: GPL-2.0-only
#include "cmd/cmd.h"

#include <argp.h>
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/terminal.h"
#include "base/units.h"
#include "cmd/args.h"
#include "cmd/fail_on.h"
#include "cmd/interrupt.h"
#include "model/watch.h"
#include "report/json_read.h"
#include "report/report.h"

enum {
	DEFAULT_TOP = 10,
	DEFAULT_DURATION_S = 10,
	DEFAULT_SCAN_VALUES_MIB = 256,
};

struct report_args {
	struct args common;
	struct report_opts report;
	const char *from; /* path of a saved report, "-": standard input; NULL: a process */
	const char *look_option; /* one that says how to look at a process; NULL: none is given */
	bool json;
	bool dry_run;
	bool top_set;
	struct fail_on fail_on;
};

enum {
	OPT_TOP = 256,
	OPT_JSON,
	OPT_MIN_WASTE,
	OPT_FAIL_ON,
	OPT_DRY_RUN,
	OPT_SCAN_VALUES,
	OPT_SCAN_SEED,
	OPT_GRAPH,
	OPT_FROM,
};

static const struct argp_option report_options[] = {
	{ "duration", 'd', "TIME", 0,
	  "Watch the process for TIME (default 10s; examples: 500ms, 2m; 0: take a census only)",
	  0 },
	{ "top", OPT_TOP, "N", 0,
	  "List N rows of maps in the text (default 10). JSON lists all maps; with this option "
	  "only the N largest and those in findings",
	  0 },
	{ "json", OPT_JSON, NULL, 0, "Print one JSON document", 0 },
	{ "from", OPT_FROM, "FILE", 0,
	  "Show the report that --json saved in FILE (-: standard input) instead of a process", 0 },
	{ "min-waste", OPT_MIN_WASTE, "SIZE", 0,
	  "Report waste of at least SIZE, or of a share of RSS such as 10% (default: 10% and "
	  "at least 8M; 0: all)",
	  0 },
	{ "fail-on", OPT_FAIL_ON, "WHAT", 0,
	  "Exit with 1 if a finding is at least info, warn or critical, or if one has at least "
	  "a size or a share (default warn; never: exit with 0)",
	  0 },
	{ "dry-run", OPT_DRY_RUN, NULL, 0, "List the probe sites; attach nothing", 0 },
	{ "scan-values", OPT_SCAN_VALUES, "SIZE", OPTION_ARG_OPTIONAL,
	  "Count entries whose value is zero. Reads at most SIZE of the tables (default 256M); "
	  "if they are larger, maps are sampled",
	  0 },
	{ "graph", OPT_GRAPH, "HOW", 0,
	  "Find out what holds each map: a field of a struct, a variable, another map "
	  "(holders, the default), or don't (off)",
	  0 },
	{ "scan-seed", OPT_SCAN_SEED, "N", OPTION_HIDDEN,
	  "Seed for the choice of samples; default: the time", 0 },
	{ 0 },
};

static const char report_doc[] =
	"Shows what the maps of a running Go process hold, and why memory was not returned to the "
	"OS.\v"
	"Exit codes: 0 nothing found; 1 findings; 2 usage; 3 not permitted; 4 the target can't "
	"be read; 5 the target went away; 6 the kernel lacks something.\n\n"
	"Examples:\n"
	"  maptrace report 4182\n"
	"  maptrace report --duration 0 --json 4182 | jq '.maps | max_by(.table_bytes)'\n"
	"  maptrace report --fail-on 256M 4182; [ $? = 1 ] && page-someone\n"
	"  maptrace report --duration 0 --scan-values=1G 4182\n"
	"  maptrace report --json 4182 >saved.json; maptrace report --from saved.json\n";

/* ---- the command line ---- */

static struct err *parse_scan_values(struct report_args *o, const char *arg)
{
	uint64_t *budget = &o->common.watch.values.budget_bytes;

	*budget = (uint64_t)DEFAULT_SCAN_VALUES_MIB << 20;
	struct err *err = arg ? args_size("scan-values", arg, budget) : NULL;
	if (!err && !*budget)
		err = err_new(ERR_USAGE, "--scan-values: '%s' is too small: nothing could be read",
			      arg);
	return err;
}

static struct err *parse_graph(struct report_args *o, const char *arg)
{
	o->common.watch.holders = !strcmp(arg, "holders");
	if (o->common.watch.holders || !strcmp(arg, "off"))
		return NULL;
	return err_new(ERR_USAGE, "--graph: '%s' is neither holders nor off", arg);
}

static struct err *parse_scan_seed(struct report_args *o, const char *arg)
{
	unsigned long long seed = 0;
	struct err *err = args_number("seed", arg, ULLONG_MAX, &seed);

	o->common.watch.values.seed = seed;
	return err;
}

static struct err *parse_top(struct report_args *o, const char *arg)
{
	unsigned long long top = 0;
	struct err *err = args_number("number of rows", arg, ULLONG_MAX, &top);

	o->report.top = top;
	o->top_set = true;
	return err;
}

static error_t parse_report_end(struct report_args *o)
{
	struct err *err = NULL;

	if (o->from && o->common.pid)
		err = err_new(ERR_USAGE, "--from takes no PID");
	else if (o->from && o->look_option)
		err = err_new(ERR_USAGE, "--%s says how to look, but --from looks at no process",
			      o->look_option);
	else if (o->dry_run && o->json)
		err = err_new(ERR_USAGE, "--dry-run has no JSON yet");
	if (err || o->from)
		return args_fail(&o->common, err);
	return args_need_pid(&o->common);
}

/* The name of an option that says how to look at a process; NULL for the others. */
static const char *look_option_name(int key)
{
	switch (key) {
	case 'd':
		return "duration";
	case OPT_MIN_WASTE:
		return "min-waste";
	case OPT_SCAN_VALUES:
		return "scan-values";
	case OPT_SCAN_SEED:
		return "scan-seed";
	case OPT_DRY_RUN:
		return "dry-run";
	case OPT_GRAPH:
		return "graph";
	default:
		return NULL;
	}
}

static error_t parse_report(int key, char *arg, struct argp_state *state)
{
	struct report_args *o = state->input;
	struct args *a = &o->common;

	if (look_option_name(key))
		o->look_option = look_option_name(key);
	switch (key) {
	case ARGP_KEY_INIT:
		args_init(state, a);
		return 0;
	case 'd':
		return args_fail(a, args_duration("duration", arg, &a->watch.duration_ns));
	case OPT_TOP:
		return args_fail(a, parse_top(o, arg));
	case OPT_JSON:
		o->json = true;
		return 0;
	case OPT_FROM:
		o->from = arg;
		return 0;
	case OPT_MIN_WASTE:
		return args_fail(a, threshold_parse("min-waste", arg, &a->watch.min_waste));
	case OPT_FAIL_ON:
		return args_fail(a, fail_on_parse(arg, &o->fail_on));
	case OPT_SCAN_VALUES:
		return args_fail(a, parse_scan_values(o, arg));
	case OPT_SCAN_SEED:
		return args_fail(a, parse_scan_seed(o, arg));
	case OPT_GRAPH:
		return args_fail(a, parse_graph(o, arg));
	case OPT_DRY_RUN:
		o->dry_run = true;
		return 0;
	case ARGP_KEY_END:
		return parse_report_end(o);
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* ---- the report ---- */

static struct err *report_dry_run(const struct report_args *o)
{
	_cleanup_result_ struct result *plan = NULL;
	struct err *err = watch_plan(o->common.pid, &o->common.watch, &plan);

	if (!err)
		report_sites(plan, stdout);
	return err;
}

/* The exit code after a process was observed: for a saved report there is no watch. */
static int exit_code_of(const struct report_args *o, const struct watch *w, const struct result *r)
{
	if (w->gone)
		return EXIT_GONE;
	if (w->census_err)
		return err_exit_code(w->census_err);
	return fail_on_find(&o->fail_on, r) ? EXIT_FINDINGS : EXIT_OK;
}

static struct err *print_report(const struct report_args *o, struct result *r)
{
	struct err *err = o->json ? report_json(r, stdout) : report_text(r, &o->report, stdout);

	if (!err && (fflush(stdout) || ferror(stdout)))
		err = err_os(errno, "writing the report");
	return err;
}

static void announce_wait(const struct report_args *o)
{
	if (isatty(STDERR_FILENO) && o->common.watch.duration_ns)
		fprintf(stderr, "maptrace: watching process %d for %s (Ctrl-C ends it early)\n",
			o->common.pid, text_duration(o->common.watch.duration_ns).s);
}

/* Observes the process. The target is closed on return, so before anything is printed: a slow
 * reader of the report holds no probes. The caller frees *ret with result_free(). */
static struct err *observe_process(const struct report_args *o, struct result **ret,
				   int *exit_code_ret)
{
	_cleanup_watch_ struct watch *w = NULL;
	_cleanup_result_ struct result *r = NULL;
	struct err *err = watch_run(o->common.pid, &o->common.watch, &w);

	if (!err)
		err = watch_publish(w, &r);
	if (err)
		return err;
	*exit_code_ret = exit_code_of(o, w, r);
	*ret = take_ptr(r);
	return NULL;
}

static struct err *report_process(const struct report_args *o, int *exit_code_ret)
{
	_cleanup_result_ struct result *r = NULL;
	int exit_code = EXIT_OK;

	interrupt_catch();
	announce_wait(o);
	struct err *err = observe_process(o, &r, &exit_code);
	if (!err && o->common.verbose)
		report_sites(r, stderr);
	if (!err)
		err = print_report(o, r);
	if (!err && exit_code == EXIT_FINDINGS)
		fail_on_say(&o->fail_on, r);
	if (!err)
		*exit_code_ret = exit_code;
	return err;
}

static struct err *report_saved(const struct report_args *o, int *exit_code_ret)
{
	_cleanup_result_ struct result *r = NULL;
	struct err *err = result_read_file(o->from, &r);

	if (!err)
		err = print_report(o, r);
	if (!err)
		*exit_code_ret = fail_on_find(&o->fail_on, r) ? EXIT_FINDINGS : EXIT_OK;
	if (!err)
		fail_on_say(&o->fail_on, r);
	return err;
}

static struct err *run_report(const struct report_args *o, int *exit_code_ret)
{
	if (o->from)
		return report_saved(o, exit_code_ret);
	return o->dry_run ? report_dry_run(o) : report_process(o, exit_code_ret);
}

/* Prints an error as a JSON document if --json asked for it. Returns err, which the caller
 * prints as text and frees. Does not return if a signal stopped us before there was a result. */
static struct err *print_failure(const struct report_args *o, struct err *err)
{
	if (o->json)
		report_json_error(stdout, err);
	if (!err_is(err, ERR_STOPPED))
		return err;
	log_error("%s", err->msg);
	fflush(stdout);
	interrupt_end(); /* we have no result: the shell shall see that a signal ended us */
	return err;
}

struct err *cmd_report(int argc, char **argv, int *exit_code_ret)
{
	static const struct argp_child children[] = { { &args_common, 0, NULL, 0 }, { 0 } };
	static const struct argp argp = { report_options, parse_report, "PID", report_doc,
					  children,	  NULL,		NULL };
	struct report_args o = {
		.common.watch = {
			.duration_ns = DEFAULT_DURATION_S * 1000000000ull,
			.min_waste = DEFAULT_MIN_WASTE,
			.values = { .seed = clock_ns() },
			.holders = true,
			.max_overhead = DEFAULT_MAX_OVERHEAD,
			.stop = &interrupted,
		},
		.fail_on = { .severity = SEVERITY_WARN },
		.report = { .top = DEFAULT_TOP, .columns = terminal_columns(stdout) },
	};
	struct err *err = NULL;

	if (args_parse(&argp, "maptrace report", argc, argv, &o)) {
		o.report.verbose = o.common.verbose;
		o.report.saved = o.from != NULL;
		o.common.watch.top = o.report.top;
		o.common.watch.fail_on = o.fail_on.by_size ? &o.fail_on.size : NULL;
		o.common.watch.only_top = o.json && o.top_set;
		err = run_report(&o, exit_code_ret);
	} else {
		*exit_code_ret = EXIT_USAGE; /* without o.common.err getopt printed the error */
		err = o.common.err;
	}
	return err ? print_failure(&o, err) : NULL;
}
