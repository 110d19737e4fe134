// SPDX-License-Identifier: GPL-2.0-only
#include "cmd/select.h"

#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "cmd/args.h"
#include "process/golist.h"

enum { SELECT_SHOWN_MAX = 8, SELECT_LIST_SZ = 256 };

static bool select_by_name(const struct golist_process *p, const char *name)
{
	return !strcmp(p->command, name) || !strcmp(p->name, name);
}

static bool select_by_container(const struct golist_process *p, const char *id)
{
	return *id && !strncmp(p->container.id, id, strlen(id));
}

static bool select_by_pod(const struct golist_process *p, const char *uid)
{
	return *uid && !strncmp(p->container.pod_uid, uid, strlen(uid));
}

/* The ways to name a process other than by its pid. The one without a prefix is the last. */
static const struct select_way {
	const char *prefix;
	const char *what; /* "no Go process <what> 'nats'" */
	bool (*matches)(const struct golist_process *p, const char *text);
} select_ways[] = {
	{ "unit:", "is in the systemd unit", golist_in_unit },
	{ "container:", "is in the container", select_by_container },
	{ "pod:", "is in the pod", select_by_pod },
	{ "", "is called", select_by_name },
};

enum { SELECT_WAY_CNT = sizeof(select_ways) / sizeof(select_ways[0]) };

static bool select_is_pid(const char *text)
{
	return *text && strspn(text, "0123456789") == strlen(text);
}

static const struct select_way *select_way_of(const char *text)
{
	const struct select_way *way = select_ways;

	while (strncmp(text, way->prefix, strlen(way->prefix)) != 0)
		way++;
	return way;
}

bool select_is_process(const char *text)
{
	return select_is_pid(text) || *select_way_of(text)->prefix;
}

static struct err *select_parse_pid(const char *text, pid_t *ret)
{
	unsigned long long v = 0;
	struct err *err = args_number("process id", text, INT_MAX, &v);

	if (!err && !v)
		err = err_new(ERR_USAGE, "'0' is not a process id");
	if (!err)
		*ret = (pid_t)v;
	return err;
}

/* "812, 900, 1021", and at most SELECT_SHOWN_MAX of them. */
static void select_append(char list[SELECT_LIST_SZ], size_t no, pid_t pid)
{
	size_t len = strlen(list);

	if (no < SELECT_SHOWN_MAX)
		snprintf(list + len, SELECT_LIST_SZ - len, "%s%d", no ? ", " : "", pid);
	else if (no == SELECT_SHOWN_MAX)
		snprintf(list + len, SELECT_LIST_SZ - len, ", ...");
}

static struct err *select_among(const struct golist *l, const char *text, pid_t *ret)
{
	const struct select_way *way = select_way_of(text);
	const char *name = text + strlen(way->prefix);
	char list[SELECT_LIST_SZ] = "";
	size_t cnt = 0;

	for (size_t i = 0; i < l->list.len; i++)
		if (way->matches(&l->list.data[i], name)) {
			*ret = l->list.data[i].pid;
			select_append(list, cnt++, *ret);
		}
	if (!cnt)
		return err_new(ERR_USAGE, "no Go process %s '%s'; `maptrace ps` lists them",
			       way->what, name);
	if (cnt > 1)
		return err_new(ERR_USAGE, "%zu Go processes match '%s': give one of the PIDs %s",
			       cnt, text, list);
	return NULL;
}

struct err *select_process(const char *text, pid_t *ret)
{
	_cleanup_golist_ struct golist l = { 0 };

	if (isdigit((unsigned char)*text) || *text == '-')
		return select_parse_pid(text, ret);
	struct err *err = golist_take(&l);
	return err ? err : select_among(&l, text, ret);
}
