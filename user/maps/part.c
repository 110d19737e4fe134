// SPDX-License-Identifier: GPL-2.0-only
#include "maps/part.h"

void part_fini(struct census_part *p)
{
	rows_fini(&p->maps);
	rows_fini(&p->late);
}

struct err *part_add_row(struct census_part *p, const struct map_info *m)
{
	return rows_push(part_is_late(p, m->addr) ? &p->late : &p->maps, m) ? NULL : err_nomem();
}

struct err *part_move_rows(struct census_part *p, struct census_part *from)
{
	return rows_append(&p->maps, &from->maps) && rows_append(&p->late, &from->late)
		       ? NULL
		       : err_nomem();
}

void part_move_counts(struct census_part *p, struct census_part *from)
{
	p->lookalike_cnt += from->lookalike_cnt;
	p->empty_cnt += from->empty_cnt;
	from->lookalike_cnt = from->empty_cnt = 0;
	for (size_t i = 0; i < SPANCLASS_CNT; i++) {
		p->class_bytes[i] += from->class_bytes[i];
		from->class_bytes[i] = 0;
	}
}

struct err *part_sort(struct census_part *p)
{
	return rows_merge(&p->maps, &p->late) ? NULL : err_nomem();
}
