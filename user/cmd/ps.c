// SPDX-License-Identifier: GPL-2.0-only
#include "cmd/cmd.h"

#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/printable.h"
#include "base/units.h"
#include "cmd/args.h"
#include "process/golist.h"
#include "process/layout.h"

enum { OPT_PS_JSON = 256, PS_COMMAND_MAX = 16, PS_CONTAINER_MAX = 12 };

struct ps_args {
	struct args common;
	bool json;
};

static const struct argp_option ps_options[] = {
	{ "json", OPT_PS_JSON, NULL, 0, "Print one JSON document", 0 },
	{ 0 },
};

static const char ps_doc[] =
	"Lists the Go programs that run on this host. A library of Go in a C program is not "
	"listed, but the other verbs can look at it.\v"
	"MAPS is the kind of maps that a program of such a version has. LIMIT is the lowest memory "
	"limit of the process's cgroups.\n\n"
	"Exit codes: 0 what could be seen is listed; 2 usage; 7 the output can't be written.\n\n"
	"Examples:\n"
	"  maptrace ps\n"
	"  maptrace ps --json | jq '.processes | max_by(.rss_bytes).pid'\n";

static error_t parse_ps(int key, char *arg, struct argp_state *state)
{
	struct ps_args *o = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		args_quiet(state);
		return 0;
	case OPT_PS_JSON:
		o->json = true;
		return 0;
	case ARGP_KEY_ARG:
		return args_fail(&o->common,
				 err_new(ERR_USAGE, "ps takes no argument such as '%s'", arg));
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const char *ps_map_kind(const struct golist_process *p)
{
	if (!p->file.version_known)
		return "?";
	return layout_default_kind(&p->file.build) == MAP_SWISS ? "swiss" : "classic";
}

static const char *ps_version(const struct golist_process *p)
{
	const char *version = p->file.build.version;

	if (!p->file.version_known)
		return "older";
	return strncmp(version, "go", 2) != 0 ? version : version + 2;
}

/* ---- for people ---- */

static void ps_print_row(const struct golist_process *p)
{
	char command[256];

	snprintf(command, sizeof(command), "%s", p->command);
	printable_make(command);
	printf("%7d %-*.*s %-7.7s %-7s %-8s %8s %8s %.*s\n", p->pid, PS_COMMAND_MAX, PS_COMMAND_MAX,
	       command, ps_version(p), ps_map_kind(p), p->file.stripped ? "yes" : "no",
	       text_bytes(p->rss_bytes).s,
	       p->cgroup_limit_bytes ? text_bytes(p->cgroup_limit_bytes).s : "-", PS_CONTAINER_MAX,
	       *p->container.id ? p->container.id : "-");
}

static void ps_print(const struct golist *l)
{
	printf("%7s %-*s %-7s %-7s %-8s %8s %8s %s\n", "PID", PS_COMMAND_MAX, "COMMAND", "GO",
	       "MAPS", "STRIPPED", "RSS", "LIMIT", "CONTAINER");
	for (size_t i = 0; i < l->list.len; i++)
		ps_print_row(&l->list.data[i]);
}

/* ---- for programs ---- */

static json_t *ps_text_or_null(const char *text)
{
	return *text ? json_string(text) : json_null();
}

static json_t *ps_json_row(const struct golist_process *p)
{
	bool known = p->file.version_known;
	char exe[PATH_MAX];

	/* Bytes of a path need not be UTF-8, but those of JSON do. */
	snprintf(exe, sizeof(exe), "%s", p->exe);
	printable_make(exe);
	const char *slash = strrchr(exe, '/');
	return json_pack("{s:i, s:s, s:s, s:o, s:o, s:o, s:b, s:I, s:o, s:o, s:o}", "pid", p->pid,
			 "command", slash ? slash + 1 : exe, "executable", exe, "go_version",
			 ps_text_or_null(p->file.build.version), "go_experiments",
			 ps_text_or_null(p->file.build.experiments), "map_kind",
			 known ? json_string(ps_map_kind(p)) : json_null(), "stripped",
			 p->file.stripped, "rss_bytes", (json_int_t)p->rss_bytes,
			 "cgroup_limit_bytes",
			 p->cgroup_limit_bytes ? json_integer((json_int_t)p->cgroup_limit_bytes)
					       : json_null(),
			 "container_id", ps_text_or_null(p->container.id), "pod_uid",
			 ps_text_or_null(p->container.pod_uid));
}

static struct err *ps_print_json(const struct golist *l)
{
	json_t *rows = json_array();
	struct err *err = NULL;

	for (size_t i = 0; i < l->list.len; i++)
		json_array_append_new(rows, ps_json_row(&l->list.data[i]));
	json_t *doc = json_pack("{s:{s:s}, s:o, s:I, s:I}", "maptrace", "version", MAPTRACE_VERSION,
				"processes", rows, "hidden_processes", (json_int_t)l->hidden_cnt,
				"stalled_processes", (json_int_t)l->stalled_cnt);
	if (!doc || json_array_size(rows) != l->list.len)
		err = err_nomem();
	else if (json_dumpf(doc, stdout, JSON_INDENT(2)))
		err = err_new(ERR_OUTPUT, "writing the list: %s", strerror(errno));
	json_decref(doc);
	printf("\n");
	return err;
}

/* What the list lacks. */
static void ps_warn(const struct golist *l)
{
	if (l->hidden_cnt)
		log_error("not permitted to look at %s", text_counted(l->hidden_cnt, "process").s);
	if (l->stalled_cnt)
		log_error("%s cannot be read: the file system does not answer",
			  text_counted(l->stalled_cnt, "executable").s);
}

static struct err *run_ps(const struct ps_args *o)
{
	_cleanup_golist_ struct golist l = { 0 };
	struct err *err = golist_take(&l);

	if (err)
		return err;
	ps_warn(&l);
	if (o->json)
		err = ps_print_json(&l);
	else
		ps_print(&l);
	if (!err && (fflush(stdout) || ferror(stdout)))
		err = err_new(ERR_OUTPUT, "writing the list: %s", strerror(errno));
	return err;
}

struct err *cmd_ps(int argc, char **argv, int *exit_code_ret)
{
	static const struct argp argp = { ps_options, parse_ps, NULL, ps_doc, NULL, NULL, NULL };
	struct ps_args o = { 0 };

	if (args_parse(&argp, "maptrace ps", argc, argv, &o))
		return run_ps(&o);
	*exit_code_ret = EXIT_USAGE;
	return o.common.err;
}
