// SPDX-License-Identifier: GPL-2.0-only
#include "model/result_trail.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

static int cmp_trail_key(const void *a, const void *b)
{
	const struct trail *const *x = a, *const *y = b;

	return strcmp((*x)->key, (*y)->key);
}

static int cmp_key_trail(const void *key, const void *b)
{
	const struct trail *const *trail = b;

	return strcmp(key, (*trail)->key);
}

static void trail_free(struct trail *trail)
{
	free(trail->key);
	free(trail);
}

static struct trail *trails_search(const struct trails *t, const char *key)
{
	struct trail **found = t->sorted ? bsearch(key, t->by_key.data, t->sorted,
						   sizeof(struct trail *), cmp_key_trail)
					 : NULL;

	return found ? *found : NULL;
}

static struct trail *trails_new(struct trails *t, const char *key)
{
	struct trail *trail = t->by_key.len < 2 * (size_t)TRAILS_MAX ? calloc(1, sizeof(*trail))
								     : NULL;

	if (!trail)
		return NULL;
	trail->key = strdup(key);
	if (trail->key && vec_push(&t->by_key, trail))
		return trail;
	trail_free(trail);
	return NULL;
}

bool trails_add(struct trails *t, const char *key, const struct trail_point *point)
{
	struct trail *trail = trails_search(t, key);

	if (!trail)
		trail = trails_new(t, key);
	if (!trail)
		return false;
	trail->points[trail->next] = *point;
	trail->next = (trail->next + 1) % TRAIL_POINTS;
	trail->len += trail->len < TRAIL_POINTS;
	return true;
}

static uint64_t trail_last_ns(const struct trail *trail)
{
	return trail_point(trail, trail->len - 1)->time_ns;
}

/* The latest first. */
static int cmp_trail_age(const void *a, const void *b)
{
	const struct trail *const *x = a, *const *y = b;
	uint64_t s = trail_last_ns(*x), t = trail_last_ns(*y);

	return (s < t) - (s > t);
}

void trails_settle(struct trails *t)
{
	if (t->by_key.len > TRAILS_MAX) {
		vec_sort(&t->by_key, cmp_trail_age);
		while (t->by_key.len > TRAILS_MAX)
			trail_free(t->by_key.data[--t->by_key.len]);
	}
	vec_sort(&t->by_key, cmp_trail_key);
	t->sorted = t->by_key.len;
}

const struct trail *trails_find(const struct trails *t, const char *key)
{
	return trails_search(t, key);
}

const struct trail_point *trail_point(const struct trail *trail, size_t i)
{
	return &trail->points[(trail->next + TRAIL_POINTS - trail->len + i) % TRAIL_POINTS];
}

double trail_keys_per_s(const struct trail *trail)
{
	if (trail->len < 2)
		return NAN;
	const struct trail_point *first = trail_point(trail, 0);
	const struct trail_point *last = trail_point(trail, trail->len - 1);

	if (last->time_ns <= first->time_ns)
		return NAN;
	return ((double)last->keys - (double)first->keys) * (double)NS_PER_S /
	       (double)(last->time_ns - first->time_ns);
}

void trails_fini(struct trails *t)
{
	for (size_t i = 0; i < t->by_key.len; i++)
		trail_free(t->by_key.data[i]);
	vec_fini(&t->by_key);
	t->sorted = 0;
}
