// SPDX-License-Identifier: GPL-2.0-only
#include "cmd/args.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/units.h"
#include "cmd/budget.h"
#include "cmd/select.h"

#define RING_SZ_MOST (UINT64_C(64) << 20)

enum { OPT_MAX_OVERHEAD = 512, OPT_ATTACH, OPT_RING_SIZE, OPT_DEADLINE, OPT_MEMORY, OPT_FORCE };

enum { DEFAULT_DEADLINE_S = 30 };

struct err *args_number(const char *what, const char *arg, unsigned long long max,
			unsigned long long *ret)
{
	unsigned long long v;
	char *end;

	errno = 0;
	v = strtoull(arg, &end, 10);
	if (errno || *end || end == arg || !isdigit((unsigned char)*arg) || v > max)
		return err_new(ERR_USAGE, "'%s' is not a %s", arg, what);
	*ret = v;
	return NULL;
}

static struct err *args_process(const char *arg, pid_t *pid)
{
	if (*pid)
		return err_new(ERR_USAGE, "one PID at a time, please");
	return select_process(arg, pid);
}

struct err *args_duration(const char *option, const char *arg, uint64_t *ret)
{
	if (parse_duration(arg, ret))
		return NULL;
	return err_new(ERR_USAGE, "--%s: '%s' is not a time (examples: 0, 10s, 500ms, 2m)", option,
		       arg);
}

/* Parses a share of one core: 1%, 0.1%, 0. The result is a fraction: 1% is 0.01. */
static struct err *args_max_overhead(const char *arg, double *ret)
{
	char *end;
	double percent = strtod(arg, &end);

	/* Without a '%' it is unclear whether a number is a fraction or a percentage. Only 0
	 * is the same in both, so only 0 needs no unit. */
	if (!isdigit((unsigned char)*arg) || !(percent >= 0 && percent <= 100) ||
	    (strcmp(end, "%") != 0 && (*end || percent != 0)))
		return err_new(ERR_USAGE,
			       "--max-overhead: '%s' is not a share (examples: 1%%, 0.1%%, 0)",
			       arg);
	*ret = percent / 100;
	return NULL;
}

static struct err *args_attach(const char *arg, enum trace_attach *ret)
{
	if (!strcmp(arg, "multi"))
		*ret = TRACE_ATTACH_MULTI;
	else if (!strcmp(arg, "perf"))
		*ret = TRACE_ATTACH_PERF;
	else
		return err_new(ERR_USAGE, "--attach: '%s' is neither multi nor perf", arg);
	return NULL;
}

/* Parses the size of a ring of records in bytes: a power of two, and at least one page. */
static struct err *args_ring_size(const char *arg, uint32_t *ret)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE), size;

	if (!parse_bytes(arg, &size) || size < page || size > RING_SZ_MOST || (size & (size - 1)))
		return err_new(ERR_USAGE,
			       "--ring-size: '%s' is not a power of two from one page to 64M", arg);
	*ret = (uint32_t)size;
	return NULL;
}

struct err *args_size(const char *option, const char *arg, uint64_t *ret)
{
	if (parse_bytes(arg, ret))
		return NULL;
	return err_new(ERR_USAGE, "--%s: '%s' is not a size (examples: 4096, 64k, 256M, 1.5G)",
		       option, arg);
}

static struct err *args_memory(struct args *args, const char *arg)
{
	args->memory_set = true;
	return args_size("memory", arg, &args->memory_bytes);
}

uint64_t args_memory_bytes(const struct args *args)
{
	return args->memory_set ? args->memory_bytes : budget_default(args->pid);
}

uint64_t args_deadline_ns(const struct args *args)
{
	uint64_t more_s = DEFAULT_DEADLINE_S + (budget_resident(args->pid) >> 30), sum;

	if (args->deadline_set)
		return args->deadline_ns;
	return __builtin_add_overflow(args->watch.duration_ns, more_s * NS_PER_S, &sum) ? 0 : sum;
}

error_t args_fail(struct args *args, struct err *err)
{
	if (!err)
		return 0;
	if (args->err)
		err_free(err);
	else
		args->err = err;
	return EINVAL;
}

error_t args_need_pid(struct args *args)
{
	return args->pid ? 0
			 : args_fail(args, err_new(ERR_USAGE, "which process? give its PID or "
							      "name; `maptrace ps` lists them"));
}

void args_quiet(struct argp_state *state)
{
	state->err_stream = NULL; /* our errors are one line each */
}

void args_init(struct argp_state *state, struct args *args)
{
	args_quiet(state);
	state->child_inputs[0] = args;
}

static error_t parse_common(int key, char *arg, struct argp_state *state)
{
	struct args *a = state->input;

	switch (key) {
	case 'v':
		a->verbose = true;
		log_set_level(LOG_DEBUG);
		return 0;
	case OPT_MAX_OVERHEAD:
		return args_fail(a, args_max_overhead(arg, &a->watch.max_overhead));
	case OPT_FORCE:
		a->watch.force = true;
		return 0;
	case OPT_ATTACH:
		return args_fail(a, args_attach(arg, &a->watch.attach));
	case OPT_RING_SIZE:
		return args_fail(a, args_ring_size(arg, &a->watch.ring_sz));
	case OPT_DEADLINE:
		a->deadline_set = true;
		return args_fail(a, args_duration("deadline", arg, &a->deadline_ns));
	case OPT_MEMORY:
		return args_fail(a, args_memory(a, arg));
	case ARGP_KEY_ARG:
		return args_fail(a, args_process(arg, &a->pid));
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_option common_options[] = {
	{ "max-overhead", OPT_MAX_OVERHEAD, "SHARE", 0,
	  "Probe hits may cost the process at most SHARE of one core (default 1%; examples: "
	  "0.1%, 5%; 0: don't sample inserts and deletes)",
	  0 },
	{ "deadline", OPT_DEADLINE, "TIME", 0,
	  "End after TIME with what is known by then, whatever happens (default: 30s after the "
	  "duration, and 1s for each GiB of the process; 0: never)",
	  0 },
	{ "memory", OPT_MEMORY, "SIZE", 0,
	  "maptrace may take SIZE of memory (default: 256M, and as much as the process has; 0: any "
	  "size)",
	  0 },
	{ "force", OPT_FORCE, NULL, 0,
	  "Trace on a kernel that probes are known to crash, too (`maptrace doctor` says why)", 0 },
	{ "verbose", 'v', NULL, 0, "Print more: histograms, probe sites, debug messages", 0 },
	{ "attach", OPT_ATTACH, "HOW", OPTION_HIDDEN, "How to attach probes: multi or perf", 0 },
	{ "ring-size", OPT_RING_SIZE, "SIZE", OPTION_HIDDEN, "Size of each ring of records", 0 },
	{ 0 },
};

const struct argp args_common = { .options = common_options, .parser = parse_common };

/* argp knows no -h. */
static bool args_ask_for_help(int argc, char **argv)
{
	bool asks = false;

	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
		if (!strcmp(argv[i], "-h"))
			argv[i] = (char *)"--help";
		asks |= !strcmp(argv[i], "--help") || !strcmp(argv[i], "--usage") ||
			!strcmp(argv[i], "-?");
	}
	return asks;
}

/* A line for each option: short name, long name, argument (in brackets if it may be left out), and
 * what it does, with tabs between. The first may be empty. */
static void args_list_options(const struct argp *argp)
{
	for (const struct argp_option *o = argp->options; o && (o->name || o->key); o++) {
		const char *open = o->flags & OPTION_ARG_OPTIONAL ? "[" : "";

		if (o->flags & OPTION_HIDDEN)
			continue;
		printf(isalpha(o->key) ? "-%c\t" : "\t", o->key);
		printf("--%s\t%s%s%s\t%s\n", o->name, open, o->arg ? o->arg : "", *open ? "]" : "",
		       o->doc);
	}
	for (const struct argp_child *c = argp->children; c && c->argp; c++)
		args_list_options(c->argp);
}

bool args_parse(const struct argp *argp, const char *name, int argc, char **argv, void *opts)
{
	char *prefix = argv[0];

	if (argc == 2 && !strcmp(argv[1], "--list-options")) {
		args_list_options(argp);
		exit(EXIT_OK); /* as argp does after --help */
	}
	if (args_ask_for_help(argc, argv))
		argv[0] = (char *)name;
	error_t failed = argp_parse(argp, argc, argv, 0, NULL, opts);
	argv[0] = prefix;
	return !failed;
}
