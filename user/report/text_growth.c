// SPDX-License-Identifier: GPL-2.0-only
#include "report/text_parts.h"

#include "base/clock.h"
#include "base/vec.h"
#include "model/growth.h"

enum {
	FORECAST_ROWS = 3,
	FORECAST_TABLE_MIN = 512 << 10, /* smaller maps grow without harm */
};

/* A day. */
#define FORECAST_NS_MAX (86400 * NS_PER_S)

struct coming {
	struct map_info map;
	struct forecast f;
};

static int cmp_soonest(const void *a, const void *b)
{
	uint64_t x = ((const struct coming *)a)->f.in_ns, y = ((const struct coming *)b)->f.in_ns;

	return x < y ? -1 : x > y;
}

static void print_coming(const struct page *p, const struct coming *c)
{
	bool fits = !p->w->cgroup_limited || c->f.allocates_bytes <= p->w->cgroup_left_bytes;
	struct flow f = { .out = p->out, .indent = 12 };

	flow_add(&f, 0, "  %8s  at %s (+%s/s) %s", text_duration(c->f.in_ns).s,
		 COUNTED(c->f.at_live_keys, "key"), text_rate(c->f.keys_per_s).s,
		 c->f.event == FORECAST_DOUBLE ? "doubles" : "splits its tables");
	flow_type(p, &f, 2, &c->map);
	flow_end(&f);
	fprintf(p->out, "            takes %s more until the old memory is collected\n",
		BYTES(c->f.allocates_bytes));
	if (!fits)
		fprintf(p->out, "            THE CGROUP HAS %s LEFT\n",
			BYTES(p->w->cgroup_left_bytes));
}

/* Large growths that come within a day at the present rate. */
struct err *print_next_growths(const struct page *p)
{
	VEC(struct coming) list = { 0 };
	bool full = false;

	for (size_t i = 0; p->w->snap && !full && i < p->w->snap->census->maps.len; i++) {
		struct coming c = { .map = census_map(p->w->snap->census, i) };

		if (c.map.table_bytes >= FORECAST_TABLE_MIN &&
		    forecast_of(p->w->prog, &c.map, history_find(&p->w->history, c.map.addr),
				&c.f) &&
		    c.f.rate_known && c.f.in_ns < FORECAST_NS_MAX)
			full = !vec_push(&list, c);
	}
	vec_sort(&list, cmp_soonest);
	if (list.len)
		fprintf(p->out, "\nNEXT GROWTH  at the present rate\n");
	for (size_t i = 0; i < list.len && i < FORECAST_ROWS; i++)
		print_coming(p, &list.data[i]);
	vec_fini(&list);
	return full ? err_nomem() : NULL;
}
