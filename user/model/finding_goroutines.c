// SPDX-License-Identifier: GPL-2.0-only
/* Finds goroutines that wait, with stacks that are worth having back. */
#include <string.h>

#include "base/short_name.h"
#include "base/units.h"
#include "model/finding.h"
#include "model/finding_words.h"

#define BYTES(v) text_bytes(v).s
#define COUNTED(v, noun) text_counted(v, noun).s

enum {
	GOROUTINES_MIN = 100, /* fewer have large stacks, which is something else */
	FRAME_SZ = 256,
};

/* Those that wait for a peer are as many as there are connections, which may be right. */
static bool group_waits_for_io(const struct result_goroutine_group *g)
{
	return g->wait_reason && !strcmp(g->wait_reason, "IO wait");
}

static bool group_waits(const struct result_goroutine_group *g)
{
	return !strcmp(g->status, "waiting") || !strcmp(g->status, "leaked");
}

struct err *findings_add_goroutines(struct findings *f, const struct finding_sources *s)
{
	const struct result_goroutines_read *read = s->r->goroutines.read;
	struct err *err = NULL;

	for (size_t i = 0; !err && read && i < read->groups.len; i++) {
		const struct result_goroutine_group *g = &read->groups.data[i];

		if (!group_waits(g) || g->count < GOROUTINES_MIN)
			continue;
		err = finding_add(f, &(struct finding){
					     .kind = FINDING_GOROUTINES,
					     .severity = group_waits_for_io(g) ? SEVERITY_INFO
									       : SEVERITY_WARN,
					     .bytes = g->stack_resident_bytes,
					     .gives_back = opt_if(true, g->stack_resident_bytes),
					     .certainty = SURE_LIKELY,
					     .figures = { i },
				     });
	}
	return err;
}

/* ---- sentences ---- */

/* "main.handle main.go:13" */
static void frame_say(const struct result_frame *f, char *buf, size_t buf_sz)
{
	const char *slash = f->file ? strrchr(f->file, '/') : NULL;
	char name[FRAME_SZ - 64];

	name_short(f->function ? f->function : "?", name, sizeof(name));
	if (f->file && f->line)
		snprintf(buf, buf_sz, "%s %.40s:%u", name, slash ? slash + 1 : f->file,
			 (unsigned int)f->line);
	else
		snprintf(buf, buf_sz, "%s", name);
}

static const char *goroutines_headline(struct pool *pool, const struct result_goroutine_group *g,
				       uint64_t bytes)
{
	char where[FRAME_SZ] = "", reason[80] = "", maps[120] = "";

	if (g->user || g->where.function) {
		memcpy(where, " in ", 4);
		frame_say(g->user ? g->user : &g->where, where + 4, sizeof(where) - 4);
	}
	if (g->wait_reason)
		snprintf(reason, sizeof(reason), " (%s)", g->wait_reason);
	if (g->maps.known && g->maps.v)
		snprintf(maps, sizeof(maps), ", and %s of %s", COUNTED(g->maps.v, "map"),
			 BYTES(g->map_bytes.v));
	return pool_printf(pool, "%s wait%s%s%s: they have %s of stacks%s.",
			   COUNTED(g->count, "goroutine"), g->count == 1 ? "s" : "", where, reason,
			   BYTES(bytes), maps);
}

static const char *goroutines_evidence(struct pool *pool, const struct result_goroutine_group *g)
{
	char starter[FRAME_SZ + 32] = "", wait[120] = "";

	if (g->created_by) {
		char at[FRAME_SZ];

		frame_say(g->created_by, at, sizeof(at));
		snprintf(starter, sizeof(starter), "Started by %s.", at);
	}
	if (g->wait_median_ns.known)
		snprintf(wait, sizeof(wait), "%sHalf of them have waited for %s or more.",
			 *starter ? " " : "", text_duration(g->wait_median_ns.v).s);
	return *starter || *wait ? pool_printf(pool, "%s%s", starter, wait) : NULL;
}

struct finding_words finding_words_goroutines(struct pool *pool, const struct finding_facts *x)
{
	const struct result_goroutines_read *read = x->r->goroutines.read;
	const struct result_goroutine_group *g = &read->groups.data[x->f->figures[0]];
	const char *remedy =
		"If what they wait for never comes, end them: close the channel, cancel "
		"the context, set a deadline. Go frees their stacks in the next "
		"collection.";

	if (group_waits_for_io(g))
		remedy = "They wait for peers. If these should be gone, set deadlines or close the "
			 "connections. Go frees the stacks in the next collection.";
	return (struct finding_words){
		.headline = goroutines_headline(pool, g, x->f->bytes),
		.evidence = goroutines_evidence(pool, g),
		.remedy = remedy,
	};
}
