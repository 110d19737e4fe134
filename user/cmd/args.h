/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * args.h - the options that all verbs take, and parsers for single option values.
 *
 * A verb is the first word after "maptrace" on the command line, such as "report". Every
 * error from here is ERR_USAGE and names the option. Parsing stops at the first error.
 */
#ifndef MAPTRACE_CMD_ARGS_H
#define MAPTRACE_CMD_ARGS_H

#include <argp.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "model/watch.h"

/* Default of --max-overhead: probes may cost the target this fraction of one core. */
#define DEFAULT_MAX_OVERHEAD 0.01

/*
 * The options that every verb takes when it looks at a process: the PID, --max-overhead,
 * --verbose, and hidden options for tests. A verb's own parser names args_common as a child:
 *
 *	static const struct argp_child children[] = { { &args_common, 0, NULL, 0 }, { 0 } };
 *	static const struct argp argp = { own_options, own_parser, "PID", doc, children };
 *
 * and at ARGP_KEY_INIT it passes its struct args to the child: args_init(state, &o->common).
 */
struct args {
	struct err *err; /* first error of the command line; the verb returns it and so owns it */
	pid_t pid; /* 0: the command line names no process */
	bool verbose;
	bool deadline_set;
	uint64_t deadline_ns; /* if set; 0: none */
	bool memory_set;
	uint64_t memory_bytes; /* if set; 0: no limit */
	struct watch_opts watch;
};

extern const struct argp args_common;

/* Connects args_common to `args`, and makes argp itself print no errors. */
void args_init(struct argp_state *state, struct args *args);

/* Makes argp itself print no errors: the verb does. For a verb without args_common. */
void args_quiet(struct argp_state *state);

/*
 * Parses the command line of a verb into `opts`, which the verb's parser gets as its input.
 * Returns false when the command line is wrong: then args->err says why, or it is NULL and
 * getopt has already printed the reason to stderr. `name` starts the usage line of --help:
 * "maptrace report".
 *
 * --list-options, alone, prints the options for the manual pages and for shells, and ends the
 * process as --help does.
 */
bool args_parse(const struct argp *argp, const char *name, int argc, char **argv, void *opts);

/* The time that a run may take at most: what --deadline says, or a default; 0: any time. */
uint64_t args_deadline_ns(const struct args *args);

/* The memory that maptrace may take: what --memory says, or a default; 0: any. */
uint64_t args_memory_bytes(const struct args *args);

/*
 * What an argp parser returns after it parsed an option: 0 if err is NULL, else EINVAL,
 * which stops argp. Takes err over: the first one is kept in args->err, a later one is freed.
 */
error_t args_fail(struct args *args, struct err *err);

/* For ARGP_KEY_END: fails unless the command line has a PID. */
error_t args_need_pid(struct args *args);

/* Parses a decimal number from 0 to max. `what` names it in the error message. */
struct err *args_number(const char *what, const char *arg, unsigned long long max,
			unsigned long long *ret);
/* Parses a time with a unit (0, 10s, 500ms, 2m); *ret is in nanoseconds. */
struct err *args_duration(const char *option, const char *arg, uint64_t *ret);
/* Parses a size (4096, 64k, 1.5G); *ret is in bytes. */
struct err *args_size(const char *option, const char *arg, uint64_t *ret);

#endif
