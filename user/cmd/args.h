/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * args.h - the arguments that verbs have in common, and how single ones are parsed. Each
 * error is ERR_USAGE and names the option; the first one ends the parsing.
 */
#ifndef MAPTRACE_CMD_ARGS_H
#define MAPTRACE_CMD_ARGS_H

#include <argp.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "model/watch.h"

/* --max-overhead: what probes may cost the target. */
#define DEFAULT_MAX_OVERHEAD 0.01

/*
 * What every verb that looks at a process takes: the PID, --max-overhead, --verbose and
 * options for tests. A verb's own parser names args_common as a child:
 *
 *	static const struct argp_child children[] = { { &args_common, 0, NULL, 0 }, { 0 } };
 *	static const struct argp argp = { own_options, own_parser, "PID", doc, children };
 *
 * and at ARGP_KEY_INIT hands it its part of the options: args_init(state, &o->common).
 */
struct args {
	struct err *err; /* what is wrong with the command line; the verb returns it */
	pid_t pid; /* 0: none was given */
	bool verbose;
	struct watch_opts watch;
};

extern const struct argp args_common;

void args_init(struct argp_state *state, struct args *args);

/* Parses the command line of a verb. False: it ends here, with args->err or a message of
 * getopt's on stderr. `name` begins the usage line: "maptrace report". */
bool args_parse(const struct argp *argp, const char *name, int argc, char **argv, void *opts);

/* For a parser of argp: keeps the first error, and stops it. NULL is no error. */
error_t args_fail(struct args *args, struct err *err);

/* At ARGP_KEY_END: a PID is a must. */
error_t args_need_pid(struct args *args);

struct err *args_number(const char *what, const char *arg, unsigned long long max,
			unsigned long long *ret);
struct err *args_duration(const char *option, const char *arg, uint64_t *ret);
/* Bytes: 4096, 64k, 1.5G. */
struct err *args_size(const char *option, const char *arg, uint64_t *ret);

#endif
