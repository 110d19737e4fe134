// SPDX-License-Identifier: GPL-2.0-only
#include "model/result.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

static uint64_t unix_time_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
}

static const char *read_line(struct pool *pool, const char *path)
{
	char line[128];
	_cleanup_fclose_ FILE *f = fopen(path, "re");

	if (!f || !fgets(line, sizeof(line), f))
		return NULL;
	line[strcspn(line, "\n")] = '\0';
	return pool_text(pool, line);
}

struct result_host result_host_of(struct pool *pool)
{
	struct result_host host = { .boot_id = read_line(pool, "/proc/sys/kernel/random/boot_id") };
	char name[256] = "";

	if (!gethostname(name, sizeof(name) - 1))
		host.name = pool_text(pool, name);
	return host;
}

struct result *result_new(void)
{
	struct result *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->schema = RESULT_SCHEMA;
	r->maptrace = MAPTRACE_VERSION;
	r->unix_time_ns = unix_time_ns();
	r->host = result_host_of(&r->pool);
	return r;
}

void result_free(struct result *r)
{
	if (!r)
		return;
	result_maps_free(r->maps);
	pool_fini(&r->pool);
	free(r);
}
