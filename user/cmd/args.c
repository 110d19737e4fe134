// SPDX-License-Identifier: GPL-2.0-only
#include "cmd/args.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/units.h"

#define RING_SZ_MOST (UINT64_C(64) << 20)

struct err *args_number(const char *what, const char *arg, unsigned long long max,
			unsigned long long *ret)
{
	unsigned long long v;
	char *end;

	errno = 0;
	v = strtoull(arg, &end, 10);
	if (errno || *end || end == arg || !isdigit((unsigned char)*arg) || v > max)
		return err_new(ERR_USAGE, "'%s' is no %s", arg, what);
	*ret = v;
	return NULL;
}

struct err *args_pid(const char *arg, pid_t *pid)
{
	unsigned long long v;

	if (*pid)
		return err_new(ERR_USAGE, "one PID at a time, please");
	struct err *err = args_number("process id", arg, INT_MAX, &v);
	if (err)
		return err;
	if (!v)
		return err_new(ERR_USAGE, "'0' is no process id");
	*pid = v;
	return NULL;
}

struct err *args_duration(const char *option, const char *arg, uint64_t *ret)
{
	if (parse_duration(arg, ret))
		return NULL;
	return err_new(ERR_USAGE, "--%s: '%s' is no time (examples: 0, 10s, 500ms, 2m)", option,
		       arg);
}

struct err *args_max_overhead(const char *arg, double *ret)
{
	char *end;
	double percent = strtod(arg, &end);

	/* A number without a unit may be a share or a percentage: 0 alone is both. */
	if (!isdigit((unsigned char)*arg) || !(percent >= 0 && percent <= 100) ||
	    (strcmp(end, "%") != 0 && (*end || percent != 0)))
		return err_new(ERR_USAGE,
			       "--max-overhead: '%s' is no share (examples: 1%%, 0.1%%, 0)", arg);
	*ret = percent / 100;
	return NULL;
}

struct err *args_attach(const char *arg, enum trace_attach *ret)
{
	if (!strcmp(arg, "multi"))
		*ret = TRACE_ATTACH_MULTI;
	else if (!strcmp(arg, "perf"))
		*ret = TRACE_ATTACH_PERF;
	else
		return err_new(ERR_USAGE, "--attach: '%s' is neither multi nor perf", arg);
	return NULL;
}

struct err *args_ring_size(const char *arg, uint32_t *ret)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE), size;

	if (!parse_bytes(arg, &size) || size < page || size > RING_SZ_MOST || (size & (size - 1)))
		return err_new(ERR_USAGE, "--ring-size: '%s' is no power of two from a page to 64M",
			       arg);
	*ret = (uint32_t)size;
	return NULL;
}

error_t args_fail(struct err **first, struct err *err)
{
	if (!err)
		return 0;
	if (*first)
		err_free(err);
	else
		*first = err;
	return EINVAL;
}

bool args_ask_for_help(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "--usage") ||
		    !strcmp(argv[i], "-?"))
			return true;
	return false;
}
