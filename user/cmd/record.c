// SPDX-License-Identifier: GPL-2.0-only
#include "cmd/cmd.h"

#include <argp.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/units.h"
#include "cmd/args.h"
#include "cmd/look.h"
#include "cmd/ring.h"
#include "cmd/select.h"
#include "report/json_read.h"

enum {
	OPT_EVERY = 256,
	OPT_FOR,
	OPT_UNTIL,
	OPT_KEEP,
	OPT_MAX_SIZE,
	RECORD_KEEP = 1000,
	RECORD_KEEP_MAX = 100000,
	RECORD_WATCH_MOST_S = 10,
};

#define RECORD_EVERY_NS (60 * NS_PER_S)
#define RECORD_MAX_BYTES (UINT64_C(256) << 20)

struct record_args {
	struct args common;
	const char *dir;
	uint64_t every_ns;
	uint64_t for_ns; /* 0: until a signal */
	uint64_t duration_ns;
	bool duration_set;
	uint64_t keep;
	uint64_t max_bytes;
	/* A finding that ends it: of one kind, or of a severity; FINDING_CNT and SEVERITY_CNT: any
	 * kind, no severity. */
	bool until;
	size_t until_kind;
	size_t until_severity;
};

static const struct argp_option record_options[] = {
	{ "output", 'o', "DIR", 0, "Where the reports go; made if it is not there", 0 },
	{ "every", OPT_EVERY, "TIME", 0,
	  "From the start of a report to that of the next (default 60s)", 0 },
	{ "for", OPT_FOR, "TIME", 0, "End after TIME (default: at a signal)", 0 },
	{ "duration", 'd', "TIME", 0,
	  "Watch the process for TIME for each report (default: half of --every, at most 10s; 0: "
	  "take a census only)",
	  0 },
	{ "until", OPT_UNTIL, "FINDING", 0,
	  "End with exit code 1 when a report has a finding of that kind (growing_map), or one "
	  "that is at least warn or critical",
	  0 },
	{ "keep", OPT_KEEP, "N", 0, "Keep the newest N reports (default 1000)", 0 },
	{ "max-size", OPT_MAX_SIZE, "SIZE", 0,
	  "Keep at most SIZE of compressed reports (default 256M)", 0 },
	{ 0 },
};

static const char record_doc[] =
	"Makes a report again and again, and keeps the newest ones in a directory.\v"
	"`maptrace report --from DIR` shows the course, and what changed from the first report to "
	"the last; `maptrace diff` and `report --from` take each file alone. Of maps a report has "
	"the 1,000 largest, and those in findings.\n\n"
	"Exit codes: 0 the time is over, or a signal ended it; 1 a finding of --until; 5 the "
	"process went away; others as for report.\n\n"
	"Examples:\n"
	"  maptrace record --every 10s --for 1h -o incident 4182\n"
	"  maptrace record --until growing_map -o incident prometheus\n"
	"  maptrace report --from incident\n";

/* ---- the command line ---- */

static size_t word_index(const struct word *words, size_t cnt, const char *name)
{
	size_t i = 0;

	while (i < cnt && (!words[i].name || strcmp(words[i].name, name) != 0))
		i++;
	return i;
}

static struct err *parse_until(struct record_args *o, const char *arg)
{
	o->until = true;
	o->until_kind = word_index(finding_kind_words, FINDING_CNT, arg);
	o->until_severity = word_index(finding_severity_words, SEVERITY_CNT, arg);
	if (o->until_kind < FINDING_CNT || o->until_severity < SEVERITY_CNT)
		return NULL;
	return err_new(ERR_USAGE,
		       "--until: '%s' is neither a kind of finding nor a severity (examples: "
		       "growing_map, warn)",
		       arg);
}

static struct err *parse_every(struct record_args *o, const char *arg)
{
	struct err *err = args_duration("every", arg, &o->every_ns);

	if (!err && o->every_ns < NS_PER_S)
		err = err_new(ERR_USAGE, "--every: a second is the least");
	return err;
}

static struct err *parse_keep(struct record_args *o, const char *arg)
{
	unsigned long long keep = 0;
	struct err *err = args_number("number of reports", arg, RECORD_KEEP_MAX, &keep);

	o->keep = keep;
	if (!err && !keep)
		err = err_new(ERR_USAGE, "--keep: one report is the least");
	return err;
}

static struct err *record_check(struct record_args *o)
{
	if (!o->dir)
		return err_new(ERR_USAGE, "where to? give a directory: -o DIR");
	if (!o->common.pid)
		return err_new(ERR_USAGE, "which process? give its PID or name");
	if (o->duration_set && o->duration_ns > o->every_ns)
		return err_new(ERR_USAGE, "--duration is longer than --every");
	return NULL;
}

static error_t parse_record(int key, char *arg, struct argp_state *state)
{
	struct record_args *o = state->input;
	struct args *a = &o->common;

	switch (key) {
	case ARGP_KEY_INIT:
		args_quiet(state);
		return 0;
	case 'o':
		o->dir = arg;
		return 0;
	case 'd':
		o->duration_set = true;
		return args_fail(a, args_duration("duration", arg, &o->duration_ns));
	case OPT_EVERY:
		return args_fail(a, parse_every(o, arg));
	case OPT_FOR:
		return args_fail(a, args_duration("for", arg, &o->for_ns));
	case OPT_UNTIL:
		return args_fail(a, parse_until(o, arg));
	case OPT_KEEP:
		return args_fail(a, parse_keep(o, arg));
	case OPT_MAX_SIZE:
		return args_fail(a, args_size("max-size", arg, &o->max_bytes));
	case ARGP_KEY_ARG:
		return args_fail(a, a->pid ? err_new(ERR_USAGE, "one process at a time, please")
					   : select_process(arg, &a->pid));
	case ARGP_KEY_END:
		return args_fail(a, record_check(o));
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* ---- one report ---- */

struct record_run {
	const struct record_args *o;
	struct ring ring;
	sigset_t signals;
	sigset_t before;
	pid_t child; /* that makes a report; 0: there is none */
	bool stop; /* a signal came */
	uint64_t reports;
	char draft[PATH_MAX];
};

/* Waits for a signal or for the child, at most until a time. */
static void record_wait(struct record_run *run, uint64_t until_ns)
{
	uint64_t now = clock_ns(), left = until_ns > now ? until_ns - now : 0;
	struct timespec timeout = { (time_t)(left / NS_PER_S), (long)(left % NS_PER_S) };
	int sig = sigtimedwait(&run->signals, NULL, &timeout);

	if (sig <= 0 || sig == SIGCHLD)
		return;
	run->stop = true;
	if (run->child)
		kill(run->child, sig);
}

/* The report bounds its own time. */
static int record_child_exit_code(struct record_run *run)
{
	int status = 0;

	while (waitpid(run->child, &status, WNOHANG) == 0)
		record_wait(run, clock_ns() + NS_PER_S);
	run->child = 0;
	return WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_INCOMPLETE;
}

/* What is in the directory tells about a process: only its owner may read it. */
static struct err *record_make(struct record_run *run, int *exit_code_ret)
{
	struct look_request look = {
		.pid = run->o->common.pid,
		.duration_ns = run->o->duration_ns,
		.json = run->draft,
		.output = -1,
		.messages = -1,
		.signals = &run->before,
	};

	(void)unlink(run->draft);
	struct err *err = look_start(&look, &run->child);
	if (!err)
		*exit_code_ret = record_child_exit_code(run);
	return err;
}

/* ---- the series ---- */

static bool record_wants(const struct record_args *o, const struct result_finding *f)
{
	if (o->until_kind < FINDING_CNT)
		return f->kind == o->until_kind;
	return f->severity >= o->until_severity;
}

/* The headline of the finding that ends the series; NULL: there is none. */
static const struct result_finding *record_found(const struct record_args *o,
						 const struct result *r)
{
	for (size_t i = 0; o->until && i < r->findings.len; i++)
		if (record_wants(o, &r->findings.data[i]))
			return &r->findings.data[i];
	return NULL;
}

static void recording_tell(const struct record_run *run, const struct result *r)
{
	const char *state = verdict_state_words[r->verdict.state].text;

	if (isatty(STDERR_FILENO))
		fprintf(stderr, "maptrace: report %llu: RSS %s, %s\n",
			(unsigned long long)run->reports, text_bytes(r->target.rss_bytes).s,
			state ? state : "not judged");
}

/* Adds the report that was made. *found_ret: it has the finding of --until. */
static struct err *record_keep(struct record_run *run, bool *found_ret)
{
	_cleanup_result_ struct result *r = NULL;
	struct err *err = result_read_file(run->draft, &r);

	if (!err)
		err = ring_keep(&run->ring, run->draft);
	if (err)
		return err;
	run->reports++;
	recording_tell(run, r);
	const struct result_finding *f = record_found(run->o, r);
	if (f)
		log_error("found after %s: %s", text_counted(run->reports, "report").s,
			  f->headline ? f->headline : finding_kind_words[f->kind].name);
	*found_ret = f != NULL;
	return NULL;
}

/* A report that came too late has been written, and the next one may be better. */
static bool record_ends_with(int exit_code)
{
	return exit_code != EXIT_OK && exit_code != EXIT_FINDINGS && exit_code != EXIT_INCOMPLETE;
}

/* Makes one report and keeps it. *exit_code_ret: other than EXIT_OK ends the series. */
static struct err *record_once(struct record_run *run, int *exit_code_ret)
{
	bool found = false;
	int made = EXIT_OK;
	struct err *err = record_make(run, &made);

	if (!err && !access(run->draft, R_OK))
		err = record_keep(run, &found);
	if (err)
		return err;
	*exit_code_ret = found ? EXIT_FINDINGS : record_ends_with(made) ? made : EXIT_OK;
	return NULL;
}

static struct err *record_series(struct record_run *run, int *exit_code_ret)
{
	uint64_t next = clock_ns(), end = run->o->for_ns ? next + run->o->for_ns : UINT64_MAX;
	struct err *err = NULL;

	while (!err && !run->stop && *exit_code_ret == EXIT_OK && clock_ns() < end) {
		err = record_once(run, exit_code_ret);
		next += run->o->every_ns;
		if (next < clock_ns())
			next = clock_ns(); /* reports that take longer than that follow at once */
		while (!err && !run->stop && *exit_code_ret == EXIT_OK && clock_ns() < next &&
		       next < end)
			record_wait(run, next);
		if (next >= end)
			break;
	}
	return err;
}

static struct err *run_record(struct record_args *o, int *exit_code_ret)
{
	struct record_run run = { .o = o };
	uint64_t most = RECORD_WATCH_MOST_S * NS_PER_S;

	if (!o->duration_set)
		o->duration_ns = o->every_ns / 2 < most ? o->every_ns / 2 : most;
	struct err *err = ring_open(o->dir, o->keep, o->max_bytes, &run.ring);
	if (err)
		return err;
	signal(SIGCHLD, SIG_DFL);
	sigemptyset(&run.signals);
	sigaddset(&run.signals, SIGCHLD);
	sigaddset(&run.signals, SIGINT);
	sigaddset(&run.signals, SIGTERM);
	sigaddset(&run.signals, SIGHUP);
	sigprocmask(SIG_BLOCK, &run.signals, &run.before);
	err = ring_draft(&run.ring, run.draft, sizeof(run.draft));
	if (!err)
		err = record_series(&run, exit_code_ret);
	ring_close(&run.ring);
	return err;
}

struct err *cmd_record(int argc, char **argv, int *exit_code_ret)
{
	static const struct argp argp = { record_options, parse_record, "PROCESS", record_doc,
					  NULL,		  NULL,		NULL };
	struct record_args o = {
		.every_ns = RECORD_EVERY_NS,
		.keep = RECORD_KEEP,
		.max_bytes = RECORD_MAX_BYTES,
	};

	if (args_parse(&argp, "maptrace record", argc, argv, &o))
		return run_record(&o, exit_code_ret);
	*exit_code_ret = EXIT_USAGE;
	return o.common.err;
}
