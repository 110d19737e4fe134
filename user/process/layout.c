// SPDX-License-Identifier: GPL-2.0-only
#include "process/layout.h"

#include <string.h>

static const struct go_layout layout_rows[] = {
#include "process/layout_rows.inc"
};

enum { ROW_CNT = sizeof(layout_rows) / sizeof(layout_rows[0]) };

/* DWARF does not tell this: from Go 1.26 on the heap's base is random, with padding before it (Go
 * source: runtime/mpagealloc.go markRandomPaddingPages). */
enum { MINOR_PAGE_PADDING = 26 };

static bool layout_has_experiment(const struct buildinfo *build, const char *name)
{
	const char *p = strstr(build->experiments, name);
	size_t len = strlen(name);

	return p && (p == build->experiments || p[-1] == ',') && (p[len] == ',' || !p[len]);
}

static unsigned int layout_distance(const struct go_layout *row, unsigned int minor)
{
	return row->since_minor > minor ? row->since_minor - minor : minor - row->since_minor;
}

enum map_kind layout_default_kind(const struct buildinfo *build)
{
	return build->minor < 24 || layout_has_experiment(build, "noswissmap") ? MAP_CLASSIC
									       : MAP_SWISS;
}

void layout_known_minors(unsigned int *first_ret, unsigned int *last_ret)
{
	*first_ret = *last_ret = layout_rows[0].since_minor;
	for (size_t i = 1; i < ROW_CNT; i++) {
		unsigned int minor = layout_rows[i].since_minor;

		*first_ret = minor < *first_ret ? minor : *first_ret;
		*last_ret = minor > *last_ret ? minor : *last_ret;
	}
}

struct go_layout layout_for(const struct buildinfo *build, enum map_kind kind,
			    enum layout_match *match_ret)
{
	const struct go_layout *best = NULL;

	for (size_t i = 0; i < ROW_CNT; i++) {
		const struct go_layout *row = &layout_rows[i];

		if (row->kind != kind)
			continue;
		/* Of two rows that are equally far, the newer one is taken: a layout stays until
		 * a later version changes it. */
		if (!best ||
		    layout_distance(row, build->minor) <= layout_distance(best, build->minor))
			best = row;
	}
	*match_ret = best->since_minor == build->minor ? LAYOUT_KNOWN : LAYOUT_NEAREST;

	struct go_layout layout = *best;
	layout.page_padding = build->minor >= MINOR_PAGE_PADDING;
	/* 1.25 has Green Tea only when asked for; 1.26 and 1.27 have it unless switched off. */
	if (layout_has_experiment(build, "greenteagc"))
		layout.inline_marks = true;
	if (layout_has_experiment(build, "nogreenteagc"))
		layout.inline_marks = false;
	return layout;
}
