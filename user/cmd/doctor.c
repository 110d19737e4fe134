// SPDX-License-Identifier: GPL-2.0-only
#include "cmd/cmd.h"

#include <argp.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/printable.h"
#include "cmd/args.h"
#include "cmd/budget.h"
#include "cmd/guard.h"
#include "model/checkup.h"

enum { OPT_DOCTOR_JSON = 256, DOCTOR_TEXT_MAX = 1024, DOCTOR_INDENT = 29, DOCTOR_COLUMNS = 80 };

struct doctor_args {
	struct args common;
	bool json;
};

static const struct argp_option doctor_options[] = {
	{ "json", OPT_DOCTOR_JSON, NULL, 0, "Print one JSON document", 0 },
	{ 0 },
};

static const char doctor_doc[] =
	"Says what of maptrace works on this host, and with a process if there is one, and what a "
	"report lacks where something does not work. It changes nothing: probes are tried on "
	"maptrace itself.\v"
	"Exit codes: 0 all works; 1 a report is possible, but lacks something; else the code that "
	"a report would end with: 2 usage; 3 not permitted; 4 the target can't be read; 5 the "
	"target went away; 6 the kernel lacks something; 7 the time was over (--deadline).\n\n"
	"Examples:\n"
	"  maptrace doctor\n"
	"  maptrace doctor 4182\n"
	"  maptrace doctor --json | jq '.checks[] | select(.state != \"ok\")'\n";

static error_t parse_doctor(int key, char *arg, struct argp_state *state)
{
	struct doctor_args *o = state->input;

	(void)arg;
	switch (key) {
	case ARGP_KEY_INIT:
		args_init(state, &o->common);
		return 0;
	case OPT_DOCTOR_JSON:
		o->json = true;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const char *checkup_state_name(enum checkup_state state)
{
	static const char *const names[CHECKUP_STATE_CNT] = {
		[CHECKUP_OK] = "ok",
		[CHECKUP_LIMITED] = "limited",
		[CHECKUP_FAILED] = "failed",
	};

	return names[state];
}

static int doctor_exit_code(const struct checkup *c)
{
	if (c->exit_code != EXIT_OK)
		return c->exit_code;
	return checkup_worst(c) == CHECKUP_OK ? EXIT_OK : EXIT_FINDINGS;
}

/* ---- for people ---- */

/* Prints words up to the right margin; further lines start below the first. The cursor is at
 * DOCTOR_INDENT. */
static void doctor_print_words(const char *text)
{
	size_t column = DOCTOR_INDENT;

	for (const char *p = text; *p;) {
		size_t len = strcspn(p, " ");

		if (column > DOCTOR_INDENT && column + 1 + len > DOCTOR_COLUMNS) {
			printf("\n%*s", DOCTOR_INDENT, "");
			column = DOCTOR_INDENT;
		} else if (column > DOCTOR_INDENT) {
			putchar(' ');
			column++;
		}
		printf("%.*s", (int)len, p);
		column += len;
		p += len + strspn(p + len, " ");
	}
	putchar('\n');
}

static void doctor_print_text(const char *prefix, const char *text)
{
	char line[DOCTOR_TEXT_MAX];

	snprintf(line, sizeof(line), "%s%s", prefix, text ? text : "?");
	printable_make(line);
	doctor_print_words(line);
}

static void doctor_print_row(const struct checkup_row *row)
{
	printf("%-8s %-*s", checkup_state_name(row->state), DOCTOR_INDENT - 9, row->code);
	doctor_print_text("", row->found);
	if (row->cost) {
		printf("%*s", DOCTOR_INDENT, "");
		doctor_print_text("costs: ", row->cost);
	}
}

static void doctor_print(const struct checkup *c)
{
	static const char *const verdicts[CHECKUP_STATE_CNT] = {
		[CHECKUP_OK] = "All works.",
		[CHECKUP_LIMITED] = "A report is possible; it lacks what the limited rows cost.",
		[CHECKUP_FAILED] = "No report is possible: see the failed rows.",
	};

	for (size_t i = 0; i < c->rows.len; i++)
		doctor_print_row(&c->rows.data[i]);
	printf("\n%s\n", verdicts[checkup_worst(c)]);
}

/* ---- for programs ---- */

static json_t *doctor_text(const char *text)
{
	char line[DOCTOR_TEXT_MAX];

	if (!text)
		return json_null();
	snprintf(line, sizeof(line), "%s", text);
	printable_make(line);
	return json_string(line);
}

static struct err *doctor_print_json(const struct checkup *c)
{
	json_t *rows = json_array();
	struct err *err = NULL;

	for (size_t i = 0; i < c->rows.len; i++) {
		const struct checkup_row *row = &c->rows.data[i];

		json_array_append_new(rows, json_pack("{s:s, s:s, s:o, s:o}", "code", row->code,
						      "state", checkup_state_name(row->state),
						      "found", doctor_text(row->found), "cost",
						      doctor_text(row->cost)));
	}
	json_t *doc = json_pack("{s:{s:s}, s:s, s:i, s:o}", "maptrace", "version", MAPTRACE_VERSION,
				"state", checkup_state_name(checkup_worst(c)), "report_exit_code",
				c->exit_code, "checks", rows);
	if (!doc || json_array_size(rows) != c->rows.len)
		err = err_nomem();
	else if (json_dumpf(doc, stdout, JSON_INDENT(2)))
		err = err_new(ERR_OUTPUT, "writing the checks: %s", strerror(errno));
	json_decref(doc);
	printf("\n");
	return err;
}

/* ---- the verb ---- */

struct doctor_run {
	const struct doctor_args *o;
	struct checkup checkup;
	struct err *err;
};

static void doctor_look(void *ctx)
{
	struct doctor_run *run = ctx;

	run->err = checkup_host(&run->checkup);
	if (!run->err && run->o->common.pid)
		run->err =
			checkup_process(&run->checkup, run->o->common.pid, &run->o->common.watch);
}

static struct err *doctor_tell(const struct doctor_run *run, int *exit_code_ret)
{
	struct err *err = NULL;

	if (run->o->json)
		err = doctor_print_json(&run->checkup);
	else
		doctor_print(&run->checkup);
	if (!err && (fflush(stdout) || ferror(stdout)))
		err = err_new(ERR_OUTPUT, "writing the checks: %s", strerror(errno));
	*exit_code_ret = doctor_exit_code(&run->checkup);
	return err;
}

static struct err *run_doctor(struct doctor_args *o, int *exit_code_ret)
{
	struct doctor_run run = { .o = o };
	struct err *err = guard_enter(args_deadline_ns(&o->common));

	if (err)
		return err;
	if (args_memory_bytes(&o->common))
		budget_set(args_memory_bytes(&o->common));
	o->common.watch.stop = guard_stop();
	o->common.watch.late = guard_late();
	if (!guard_run(doctor_look, &run)) {
		log_error("a system call for process %d does not return", o->common.pid);
		guard_leave(EXIT_INCOMPLETE);
	}
	guard_print();
	if (err_is(run.err, ERR_STOPPED))
		guard_end_by_signal();
	err = run.err ? run.err : doctor_tell(&run, exit_code_ret);
	checkup_fini(&run.checkup);
	return err;
}

struct err *cmd_doctor(int argc, char **argv, int *exit_code_ret)
{
	static const struct argp_child children[] = { { &args_common, 0, NULL, 0 }, { 0 } };
	static const struct argp argp = { doctor_options, parse_doctor, "[PROCESS]", doctor_doc,
					  children,	  NULL,		NULL };
	struct doctor_args o = {
		.common.watch = { .min_waste = DEFAULT_MIN_WASTE,
				  .max_overhead = DEFAULT_MAX_OVERHEAD },
	};

	if (args_parse(&argp, "maptrace doctor", argc, argv, &o))
		return run_doctor(&o, exit_code_ret);
	*exit_code_ret = EXIT_USAGE;
	return o.common.err;
}
