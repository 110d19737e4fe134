// SPDX-License-Identifier: GPL-2.0-only
#include "maps/kinds.h"

#include "maps/classic.h"
#include "maps/swiss.h"

const struct map_kind_ops *kinds_ops(enum map_kind kind)
{
	static const struct map_kind_ops *const ops[] = {
		[MAP_CLASSIC] = &classic_ops,
		[MAP_SWISS] = &swiss_ops,
	};

	return ops[kind];
}
