// SPDX-License-Identifier: GPL-2.0-only
#include "cmd/cmd.h"

#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/units.h"
#include "cmd/args.h"
#include "model/watch.h"
#include "report/names.h"
#include "report/report.h"

enum {
	DEFAULT_TOP = 10,
	DEFAULT_DURATION_S = 10,
	DEFAULT_MIN_WASTE_MIB = 32,
	DEFAULT_SCAN_VALUES_MIB = 256,
};

struct options {
	struct err *err; /* what is wrong with the command line */
	pid_t pid;
	struct watch_opts watch;
	struct report_opts report;
	bool json;
	bool dry_run;
	bool fail_on_set;
	bool fail_never;
	uint64_t fail_on_bytes;
};

enum {
	OPT_TOP = 256,
	OPT_JSON,
	OPT_MIN_WASTE,
	OPT_FAIL_ON,
	OPT_ATTACH,
	OPT_RING_SIZE,
	OPT_DRY_RUN,
	OPT_SCAN_VALUES,
	OPT_SCAN_SEED,
	OPT_MAX_OVERHEAD,
};

static const struct argp_option argp_options[] = {
	{ "duration", 'd', "TIME", 0,
	  "Watch the process for TIME (10s; 500ms, 2m; 0: take a census only)", 0 },
	{ "top", OPT_TOP, "N", 0, "List N maps in text (10); JSON has all", 0 },
	{ "json", OPT_JSON, NULL, 0, "Print one JSON document", 0 },
	{ "min-waste", OPT_MIN_WASTE, "SIZE", 0, "Report findings of SIZE or more (32M); 0: all",
	  0 },
	{ "fail-on", OPT_FAIL_ON, "SIZE", 0,
	  "Exit with 1 when a finding has SIZE or more (as --min-waste); never: exit with 0", 0 },
	{ "verbose", 'v', NULL, 0, "Say more: histograms, probe sites, what goes on", 0 },
	{ "max-overhead", OPT_MAX_OVERHEAD, "SHARE", 0,
	  "Let probe hits cost the process SHARE of one core at most (1%; 0.1%, 5%; 0: no "
	  "windows on inserts and deletes)",
	  0 },
	{ "dry-run", OPT_DRY_RUN, NULL, 0, "List the probe sites; attach nothing", 0 },
	{ "scan-values", OPT_SCAN_VALUES, "SIZE", OPTION_ARG_OPTIONAL,
	  "Count entries whose value is zero, by reading up to SIZE (256M) of the tables; what "
	  "is larger is sampled",
	  0 },
	{ "scan-seed", OPT_SCAN_SEED, "N", OPTION_HIDDEN, "choose samples by N, not at random", 0 },
	{ "attach", OPT_ATTACH, "HOW", OPTION_HIDDEN, "multi or perf", 0 },
	{ "ring-size", OPT_RING_SIZE, "SIZE", OPTION_HIDDEN, "of each ring of records", 0 },
	{ 0 },
};

static const char doc[] =
	"Shows what the maps of a running Go process hold, and why its memory is not back.\v"
	"Exit codes: 0 nothing found; 1 findings; 2 usage; 3 not permitted; 4 the target can't "
	"be read; 5 the target went away; 6 the kernel lacks something.\n\n"
	"Examples:\n"
	"  maptrace report 4182\n"
	"  maptrace report --duration 0 --json 4182 | jq '.maps | max_by(.table_bytes)'\n"
	"  maptrace report --min-waste 256M 4182 || page-someone\n"
	"  maptrace report --duration 0 --scan-values=1G 4182\n";

static volatile bool interrupted;
static volatile sig_atomic_t signal_no;

static void on_signal(int sig)
{
	signal_no = sig;
	interrupted = true;
}

/* Nothing was learnt: to end by the signal, whose action is the default one by now, tells the
 * caller so. */
static struct err *end_by_signal(struct err *err)
{
	log_error("%s", err->msg);
	raise(signal_no);
	return err;
}

/* Keeps the first complaint; the parser then stops. */
#define COMPLAIN(o, ...)                                                                           \
	({                                                                                         \
		if (!(o)->err)                                                                     \
			(o)->err = err_new(ERR_USAGE, __VA_ARGS__);                                \
		EINVAL;                                                                            \
	})

static error_t parse_size(struct options *o, const char *option, const char *arg, uint64_t *ret)
{
	if (parse_bytes(arg, ret))
		return 0;
	return COMPLAIN(o, "--%s: '%s' is no size (examples: 4096, 64k, 256M, 1.5G)", option, arg);
}

static error_t parse_fail_on(struct options *o, const char *arg)
{
	o->fail_on_set = true;
	o->fail_never = !strcmp(arg, "never");
	return o->fail_never ? 0 : parse_size(o, "fail-on", arg, &o->fail_on_bytes);
}

static error_t parse_scan_values(struct options *o, const char *arg)
{
	uint64_t *budget = &o->watch.values.budget_bytes;

	*budget = (uint64_t)DEFAULT_SCAN_VALUES_MIB << 20;
	error_t bad = arg ? parse_size(o, "scan-values", arg, budget) : 0;
	return bad || *budget ? bad : COMPLAIN(o, "--scan-values: '%s' allows no reading", arg);
}

static error_t parse_scan_seed(struct options *o, const char *arg)
{
	unsigned long long seed = 0;
	error_t bad = args_fail(&o->err, args_number("seed", arg, ULLONG_MAX, &seed));

	o->watch.values.seed = seed;
	return bad;
}

static error_t parse_top(struct options *o, const char *arg)
{
	unsigned long long top = 0;
	error_t bad = args_fail(&o->err, args_number("number of rows", arg, ULLONG_MAX, &top));

	o->report.top = top;
	return bad;
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct options *o = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->err_stream = NULL; /* errors are one line, without a hint at --help */
		return 0;
	case 'd':
		return args_fail(&o->err, args_duration("duration", arg, &o->watch.duration_ns));
	case 'v':
		o->report.verbose = true;
		return 0;
	case OPT_TOP:
		return parse_top(o, arg);
	case OPT_JSON:
		o->json = true;
		return 0;
	case OPT_MIN_WASTE:
		return parse_size(o, "min-waste", arg, &o->watch.min_waste_bytes);
	case OPT_FAIL_ON:
		return parse_fail_on(o, arg);
	case OPT_SCAN_VALUES:
		return parse_scan_values(o, arg);
	case OPT_SCAN_SEED:
		return parse_scan_seed(o, arg);
	case OPT_ATTACH:
		return args_fail(&o->err, args_attach(arg, &o->watch.attach));
	case OPT_RING_SIZE:
		return args_fail(&o->err, args_ring_size(arg, &o->watch.ring_sz));
	case OPT_MAX_OVERHEAD:
		return args_fail(&o->err, args_max_overhead(arg, &o->watch.max_overhead));
	case OPT_DRY_RUN:
		o->dry_run = true;
		return 0;
	case ARGP_KEY_ARG:
		return args_fail(&o->err, args_pid(arg, &o->pid));
	case ARGP_KEY_END:
		return o->pid ? 0 : COMPLAIN(o, "which process? give its PID");
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* One line a function, so that one can see beforehand what would be attached. */
static void print_sites(const struct trace *trace, FILE *out)
{
	size_t cnt;
	const struct trace_site *sites = trace_sites(trace, &cnt);

	for (size_t i = 0; i < cnt; i++) {
		const struct trace_site *s = &sites[i];

		if (!s->present)
			continue;
		fprintf(out, "%-6s %-44s ", name_op(s->op), s->name);
		if (s->missing)
			fprintf(out, "no probe: %s\n", s->missing);
		else
			fprintf(out, "+0x%x  %s: %s\n", s->placement.off, s->placement.insn,
				s->placement.reason);
	}
}

static struct err *dry_run(const struct options *o)
{
	_cleanup_watch_ struct watch *w = NULL;
	struct err *err = watch_open(o->pid, &o->watch, &w);

	if (!err)
		err = watch_open_trace(w);
	if (err)
		return err;
	if (w->trace_err)
		return take_ptr(w->trace_err);
	print_sites(w->trace, stdout);
	return NULL;
}

static bool has_failing_finding(const struct options *o, const struct watch *w)
{
	uint64_t limit = o->fail_on_set ? o->fail_on_bytes : o->watch.min_waste_bytes;

	/* Findings are sorted: the first is the largest. */
	return !o->fail_never && w->findings.list.len && w->findings.list.data[0].bytes >= limit;
}

static int exit_code_of(const struct options *o, const struct watch *w)
{
	if (w->gone)
		return EXIT_GONE;
	if (w->census_err)
		return err_exit_code(w->census_err);
	return has_failing_finding(o, w) ? EXIT_FINDINGS : EXIT_OK;
}

static struct err *print_report(const struct options *o, const struct watch *w)
{
	struct err *err = o->json ? report_json(w, stdout) : report_text(w, &o->report, stdout);

	if (!err && (fflush(stdout) || ferror(stdout)))
		err = err_os(errno, "writing the report");
	return err;
}

static void say_what_goes_on(const struct options *o)
{
	if (isatty(STDERR_FILENO) && o->watch.duration_ns)
		fprintf(stderr, "maptrace: watching process %d for %s (Ctrl-C ends it early)\n",
			o->pid, text_duration(o->watch.duration_ns).s);
}

struct err *cmd_report(int argc, char **argv, int *exit_code_ret)
{
	static const struct argp argp = {
		.options = argp_options, .parser = parse_option, .args_doc = "PID", .doc = doc
	};
	struct options o = {
		.watch = {
			.duration_ns = DEFAULT_DURATION_S * 1000000000ull,
			.min_waste_bytes = (uint64_t)DEFAULT_MIN_WASTE_MIB << 20,
			.values = { .seed = clock_ns() },
			.max_overhead = DEFAULT_MAX_OVERHEAD,
			.stop = &interrupted,
		},
		.report = { .top = DEFAULT_TOP },
	};
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_RESETHAND };

	if (args_ask_for_help(argc, argv))
		argv[0] = (char *)"maptrace report"; /* the usage line starts with it */
	if (argp_parse(&argp, argc, argv, 0, NULL, &o)) {
		*exit_code_ret = EXIT_USAGE; /* of an unknown option getopt has told already */
		return o.err;
	}
	if (o.report.verbose)
		log_set_level(LOG_DEBUG);
	if (o.dry_run)
		return dry_run(&o);

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	say_what_goes_on(&o);
	_cleanup_watch_ struct watch *w = NULL;
	struct err *err = watch_run(o.pid, &o.watch, &w);
	if (err_is(err, ERR_STOPPED))
		return end_by_signal(err);
	if (!err && o.report.verbose && w->trace)
		print_sites(w->trace, stderr);
	if (!err)
		err = print_report(&o, w);
	if (!err)
		*exit_code_ret = exit_code_of(&o, w);
	return err;
}
