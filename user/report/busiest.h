/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * busiest.h - activity for people: maps that share a place in the ranking, or have
 * no place and are of one type, share a row.
 */
#ifndef MAPTRACE_REPORT_BUSIEST_H
#define MAPTRACE_REPORT_BUSIEST_H

#include <stddef.h>
#include <stdint.h>

#include "model/activity.h"
#include "report/ranking.h"

struct busy {
	struct activity sum; /* addr 0: several maps, or maps without an address */
	size_t map_cnt;
	size_t place; /* in the ranking; 0: none */
	const struct map_info *map; /* one of them; NULL: in no census */
};

struct busiest {
	VEC(struct busy) rows; /* busiest first */
};

/* census may be NULL. Free with busiest_fini(). */
struct err *busiest_init(struct busiest *b, const struct activities *as,
			 const struct census *census, const struct ranking *ranking);
void busiest_fini(struct busiest *b);

#endif
