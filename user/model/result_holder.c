// SPDX-License-Identifier: GPL-2.0-only
#include "model/result_holder.h"

#include <string.h>

void held_maps_init(struct held_maps *held, struct pool *pool, size_t holder_cnt, size_t row_cnt)
{
	*held = (struct held_maps){ .row_cnt = row_cnt };
	/* Without maps there may be holders of sync.Maps. */
	if (!holder_cnt || holder_cnt >= HELD_BY_NONE)
		return;
	pool_list(pool, &held->holders, holder_cnt);
	if (held->holders.len)
		held->by_row = pool_alloc(pool, (row_cnt + 1) * sizeof(*held->by_row));
	if (held->by_row)
		memset(held->by_row, 0xff, row_cnt * sizeof(*held->by_row));
	else
		held->holders.len = 0;
}
