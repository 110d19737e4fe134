// SPDX-License-Identifier: GPL-2.0-only
/* The other objects of the heap, where they are a large part of the memory. */
#include "report/text_parts.h"

#include "base/short_name.h"

enum {
	OBJECT_ROWS_MAX = 5,
	OBJECT_INDENT = 2,
	OBJECT_HANG = 7,
	OBJECT_NAME_SZ = 256,
};

/* Whether they are a tenth of the resident memory. */
static bool objects_matter(const struct result *r)
{
	return r->objects_total && r->objects.len && r->memory &&
	       r->memory->row_bytes[ROW_OTHER_HEAP] >= r->memory->rss_bytes / 10;
}

static void flow_object_type(struct flow *f, const struct result_object_group *g)
{
	char name[OBJECT_NAME_SZ];

	if (g->type) {
		name_short(g->type, name, sizeof(name));
		flow_add(f, 2, "%s", name);
		if (!g->certain)
			flow_add(f, 1, "(guessed)");
		return;
	}
	if (g->slot_bytes)
		flow_sentence(f, 2, "%s slots", BYTES(g->slot_bytes));
	else
		flow_sentence(f, 2, "objects above 32 KiB");
	flow_sentence(f, 1, "%s",
		      g->pointers ? "with pointers" : "without pointers (strings, bytes, numbers)");
}

static void print_object_group(const struct page *p, const struct result_object_group *g)
{
	const char *about = g->estimated ? "about " : "";
	struct flow f = page_flow(p, OBJECT_HANG);
	char bytes[64], count[64];

	snprintf(bytes, sizeof(bytes), "%s%s", about, BYTES(g->bytes));
	snprintf(count, sizeof(count), "%s", COUNT(g->count));
	flow_add(&f, OBJECT_INDENT, "%16s", bytes);
	flow_add(&f, 1, "%12s", count);
	flow_object_type(&f, g);
	/* A tenth of them, and not chance alone. */
	if (g->garbage_bytes.known && g->garbage_bytes.v >= g->bytes / 10 && g->garbage_bytes.v)
		flow_sentence(&f, 1, "(%s garbage)", BYTES(g->garbage_bytes.v));
	flow_end(&f);
}

void print_objects(const struct page *p)
{
	const struct result_objects_total *t = p->r->objects_total;
	size_t cnt = p->r->objects.len < OBJECT_ROWS_MAX ? p->r->objects.len : OBJECT_ROWS_MAX;

	if (!objects_matter(p->r))
		return;
	page_heading(p, "HEAP OBJECTS", "%s with %s, not those of maps, most bytes first",
		     COUNT(t->count), BYTES(t->bytes));
	for (size_t i = 0; i < cnt; i++)
		print_object_group(p, &p->r->objects.data[i]);
	if (t->groups > cnt)
		page_words(p, OBJECT_INDENT + 3, OBJECT_HANG, "and %s (--json)",
			   COUNTED(t->groups - cnt, "more type"));
}
