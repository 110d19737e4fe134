// SPDX-License-Identifier: GPL-2.0-only
#include "cmd/cmd.h"

#include <argp.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/terminal.h"
#include "base/units.h"
#include "cmd/args.h"
#include "cmd/fail_on.h"
#include "cmd/budget.h"
#include "cmd/course.h"
#include "cmd/guard.h"
#include "cmd/outputs.h"
#include "cmd/progress.h"
#include "model/watch.h"
#include "report/json_read.h"
#include "report/report.h"

enum {
	DEFAULT_TOP = 10,
	DEFAULT_PATHS = 10,
	PATHS_MAX = 10000,
	DEFAULT_DURATION_S = 10,
	DEFAULT_SCAN_VALUES_MIB = 256,
};

struct report_args {
	struct args common;
	const char *doing; /* what the watch is at */
	struct report_opts report;
	const char *from; /* path of a saved report, "-": standard input; NULL: a process */
	const char *since; /* path of an earlier report; NULL: none */
	struct result *before; /* that report */
	const char *look_option; /* one that says how to look at a process; NULL: none is given */
	struct outputs outputs;
	bool dry_run;
	bool top_set;
	struct fail_on fail_on;
};

enum {
	OPT_TOP = 256,
	OPT_MIN_WASTE,
	OPT_FAIL_ON,
	OPT_DRY_RUN,
	OPT_SCAN_VALUES,
	OPT_SCAN_SEED,
	OPT_GRAPH,
	OPT_GRAPH_MEMORY,
	OPT_HOLDERS,
	OPT_FROM,
	OPT_SINCE,
};

static const struct argp_option report_options[] = {
	{ "duration", 'd', "TIME", 0,
	  "Watch the process for TIME (default 10s; examples: 500ms, 2m; 0: take a census only)",
	  0 },
	{ "top", OPT_TOP, "N", 0,
	  "List N rows of maps in the text (default 10). JSON lists all maps; with this option "
	  "only the N largest and those in findings",
	  0 },
	{ "from", OPT_FROM, "FILE", 0,
	  "Show the report that --json saved in FILE (-: standard input) instead of a process", 0 },
	{ "since", OPT_SINCE, "FILE", 0,
	  "Say what changed since an earlier report, which --json saved in FILE", 0 },
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
	  "Find out what holds each map: a field of a struct, a variable, another map; and "
	  "which maps are garbage (full, the default), or who holds them alone (holders), or "
	  "nothing of that (off)",
	  0 },
	{ "holders", OPT_HOLDERS, "N", 0,
	  "Show how the program gets to the maps of the first N rows, and to those in findings "
	  "(default 10)",
	  0 },
	{ "graph-memory", OPT_GRAPH_MEMORY, "SIZE", 0,
	  "Memory that maptrace may take to see what is garbage (default: the smaller of 1G "
	  "and a quarter of what is available). A heap that needs more gets --graph=holders",
	  0 },
	{ "scan-seed", OPT_SCAN_SEED, "N", OPTION_HIDDEN,
	  "Seed for the choice of samples; default: the time", 0 },
	{ 0 },
};

static const char report_doc[] =
	"Shows what the maps of a running Go process hold, and why memory was not returned to the "
	"OS.\v"
	"Exit codes: 0 nothing found; 1 findings; 2 usage; 3 not permitted; 4 the target can't "
	"be read; 5 the target went away; 6 the kernel lacks something; 7 the time was over "
	"(--deadline), or the output can't be written.\n\n"
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
	struct watch_opts *w = &o->common.watch;

	w->full_graph = !strcmp(arg, "full");
	w->holders = w->full_graph || !strcmp(arg, "holders");
	if (w->holders || !strcmp(arg, "off"))
		return NULL;
	return err_new(ERR_USAGE, "--graph: '%s' is none of full, holders and off", arg);
}

static struct err *parse_holders(struct report_args *o, const char *arg)
{
	unsigned long long cnt = 0;
	struct err *err = args_number("number", arg, PATHS_MAX, &cnt);

	o->common.watch.paths = cnt;
	return err_wrap(err, "--holders");
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
	else if (o->since && (o->dry_run || (o->from && course_is_meant(o->from))))
		err = err_new(ERR_USAGE, "--since needs a report of a process");
	else if (o->dry_run && outputs_want_any(&o->outputs))
		err = err_new(ERR_USAGE, "--dry-run has no JSON yet, nor other formats");
	else
		err = outputs_settle(&o->outputs);
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
	case OPT_GRAPH_MEMORY:
		return "graph-memory";
	case OPT_HOLDERS:
		return "holders";
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
		state->child_inputs[1] = &o->outputs;
		return 0;
	case 'd':
		return args_fail(a, args_duration("duration", arg, &a->watch.duration_ns));
	case OPT_TOP:
		return args_fail(a, parse_top(o, arg));
	case OPT_FROM:
		o->from = arg;
		return 0;
	case OPT_SINCE:
		o->since = arg;
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
	case OPT_GRAPH_MEMORY:
		return args_fail(a, args_size("graph-memory", arg, &a->watch.graph_memory_bytes));
	case OPT_HOLDERS:
		return args_fail(a, parse_holders(o, arg));
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

static int exit_code_of(const struct report_args *o, const struct watch *w, const struct result *r)
{
	if (w->gone)
		return EXIT_GONE;
	if (w->census_err)
		return err_exit_code(w->census_err);
	return fail_on_find(&o->fail_on, r) ? EXIT_FINDINGS : EXIT_OK;
}

static void announce_wait(const struct report_args *o)
{
	if (!progress_is_possible(o->common.verbose) && isatty(STDERR_FILENO) &&
	    o->common.watch.duration_ns)
		fprintf(stderr, "maptrace: watching process %d for %s (Ctrl-C ends it early)\n",
			o->common.pid, text_duration(o->common.watch.duration_ns).s);
}

/* Prints an error as a JSON document if --json asked for it; not if the output failed, as a report
 * may be there already. Returns err, which the caller prints as text and frees. Does not return if a signal stopped us before there was a result. */
static struct err *print_failure(const struct report_args *o, struct err *err)
{
	if (outputs_has_json(&o->outputs) && !err_is(err, ERR_OUTPUT))
		report_json_error(stdout, err);
	if (!err_is(err, ERR_STOPPED))
		return err;
	log_error("%s", err->msg);
	fflush(stdout);
	guard_end_by_signal(); /* we have no result: the shell shall see that a signal ended us */
	return err;
}

/* Tells the error, if there is one, and ends maptrace, whose threads do not end. */
static _Noreturn void report_leave(const struct report_args *o, struct err *err, int exit_code)
{
	err = err ? print_failure(o, err) : NULL;
	if (err)
		log_error("%s", err->msg);
	fflush(stdout);
	guard_leave(err ? err_exit_code(err) : exit_code);
}

/* One look at a process, in a thread that may have to be left behind. */
struct observation {
	const struct report_args *o;
	struct watch *w; /* NULL: not opened yet, or closed already */
	struct result *r;
	struct err *err;
	int exit_code;
};

/* The target is closed on return, so before anything is printed: a slow reader of the report
 * holds no probes. */
static void observation_make(void *ctx)
{
	struct observation *obs = ctx;
	const struct report_args *o = obs->o;

	obs->err = o->dry_run ? watch_plan(o->common.pid, &o->common.watch, &obs->r)
			      : watch_open(o->common.pid, &o->common.watch, &obs->w);
	if (obs->err || o->dry_run)
		return;
	obs->err = watch_look(obs->w);
	if (!obs->err)
		obs->err = watch_publish(obs->w, &obs->r);
	if (!obs->err)
		obs->exit_code = exit_code_of(o, obs->w, obs->r);
	watch_free(obs->w);
	obs->w = NULL;
}

/* What is known when the thread of the observation had to be left behind. */
static void observation_salvage(struct observation *obs)
{
	if (obs->w)
		obs->err = watch_salvage(obs->w, &obs->r);
	else
		obs->err = err_new(ERR_STOPPED, "a system call for the process does not return");
	obs->exit_code = EXIT_INCOMPLETE;
}

static struct err *add_since(const struct report_args *o, struct result *r)
{
	return o->before && !result_add_since(r, o->before) ? err_nomem() : NULL;
}

static struct err *print_observation(const struct observation *obs)
{
	const struct report_args *o = obs->o;

	if (o->dry_run || o->common.verbose)
		report_sites(obs->r, o->dry_run ? stdout : stderr);
	return o->dry_run ? NULL : outputs_write(&o->outputs, obs->r, &o->report);
}

/* That a signal ended it before there was a result is the caller's to tell; that the deadline or
 * the budget did is an error like others. */
static struct err *observation_error(const struct observation *obs)
{
	const char *doing = obs->o->doing ? obs->o->doing : "the start";
	bool late = err_is(obs->err, ERR_STOPPED) && *guard_late();

	if (!late && !err_is(obs->err, ERR_NOMEM))
		return obs->err;
	err_free(obs->err);
	if (late)
		return err_new(ERR_DEADLINE,
			       "the time was over before there was a result (--deadline), in %s",
			       doing);
	return err_new(ERR_NOMEM, "out of memory in %s: more than %s is needed (--memory)", doing,
		       text_bytes(args_memory_bytes(&obs->o->common)).s);
}

/* Who does not read the text still sees why there are no maps. */
static void say_refusal(const struct report_args *o, const struct result *r)
{
	if (!o->outputs.path[OUTPUT_TEXT] && r && r->census.status &&
	    !strcmp(r->census.status, "refused"))
		log_error("%s", r->census.reason);
}

static struct err *report_observation(const struct report_args *o, int *exit_code_ret)
{
	struct observation obs = { .o = o, .exit_code = EXIT_OK };
	struct progress progress = { .pid = o->common.pid,
				     .duration_ns = o->common.watch.duration_ns,
				     .doing = (const char *const *)&o->doing };

	if (progress_is_possible(o->common.verbose))
		guard_on_wait(progress_tick, &progress);
	bool ended = guard_run(observation_make, &obs);
	guard_on_wait(NULL, NULL);
	progress_end(&progress);
	if (!ended)
		observation_salvage(&obs);
	guard_print();
	struct err *err = obs.err ? observation_error(&obs) : add_since(o, obs.r);
	if (!err)
		err = print_observation(&obs);
	if (!err)
		say_refusal(o, obs.r);
	if (!err && obs.exit_code == EXIT_FINDINGS)
		fail_on_say(&o->fail_on, obs.r);
	if (!err)
		*exit_code_ret = *guard_late() ? EXIT_INCOMPLETE : obs.exit_code;
	result_free(obs.r);
	if (!ended)
		report_leave(o, err, *exit_code_ret);
	return err;
}

static struct err *report_process(struct report_args *o, int *exit_code_ret)
{
	announce_wait(o);
	struct err *err = guard_enter(args_deadline_ns(&o->common));
	if (err)
		return err;
	if (args_memory_bytes(&o->common))
		budget_set(args_memory_bytes(&o->common));
	o->common.watch.stop = guard_stop();
	o->common.watch.late = guard_late();
	o->common.watch.doing = &o->doing;
	return report_observation(o, exit_code_ret);
}

static struct err *report_saved(const struct report_args *o, int *exit_code_ret)
{
	_cleanup_result_ struct result *r = NULL;

	if (course_is_meant(o->from))
		return course_show(o->from, &o->outputs, &o->report);
	struct err *err = result_read_file(o->from, &r);

	if (!err)
		err = add_since(o, r);
	if (!err)
		err = outputs_write(&o->outputs, r, &o->report);
	if (!err)
		*exit_code_ret = fail_on_find(&o->fail_on, r) ? EXIT_FINDINGS : EXIT_OK;
	if (!err)
		fail_on_say(&o->fail_on, r);
	return err;
}

static struct err *run_report(struct report_args *o, int *exit_code_ret)
{
	_cleanup_result_ struct result *before = NULL;
	struct err *err = o->since ? result_read_file(o->since, &before) : NULL;

	if (err)
		return err_wrap(err, "--since %s", o->since);
	o->before = before;
	if (o->from)
		return report_saved(o, exit_code_ret);
	return report_process(o, exit_code_ret);
}

struct err *cmd_report(int argc, char **argv, int *exit_code_ret)
{
	static const struct argp_child children[] = { { &args_common, 0, NULL, 0 },
						      { &args_outputs, 0, NULL, 0 },
						      { 0 } };
	static const struct argp argp = { report_options, parse_report, "PROCESS", report_doc,
					  children,	  NULL,		NULL };
	struct report_args o = {
		.common.watch = {
			.duration_ns = DEFAULT_DURATION_S * 1000000000ull,
			.min_waste = DEFAULT_MIN_WASTE,
			.values = { .seed = clock_ns() },
			.holders = true,
			.full_graph = true,
			.paths = DEFAULT_PATHS,
			.max_overhead = DEFAULT_MAX_OVERHEAD,
		},
		.fail_on = { .severity = SEVERITY_WARN },
		.report = { .top = DEFAULT_TOP, .columns = terminal_columns(stdout) },
	};
	struct err *err = NULL;

	if (args_parse(&argp, "maptrace report", argc, argv, &o)) {
		o.report.verbose = o.common.verbose;
		o.report.color = outputs_color(&o.outputs);
		o.report.saved = o.from != NULL;
		o.common.watch.top = o.report.top;
		o.common.watch.fail_on = o.fail_on.by_size ? &o.fail_on.size : NULL;
		o.common.watch.only_top = o.outputs.path[OUTPUT_JSON] && o.top_set;
		err = run_report(&o, exit_code_ret);
	} else {
		*exit_code_ret = EXIT_USAGE; /* without o.common.err getopt printed the error */
		err = o.common.err;
	}
	return err ? print_failure(&o, err) : NULL;
}
