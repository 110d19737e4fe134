// SPDX-License-Identifier: GPL-2.0-only
#include "model/checkup_fill.h"

static void checkup_add(struct checkup *c, const struct checkup_row *row)
{
	if (!vec_push(&c->rows, *row))
		c->pool.failed = true;
}

void checkup_ok(struct checkup *c, const char *code, const char *found)
{
	checkup_add(c, &(struct checkup_row){ code, CHECKUP_OK, found, NULL });
}

void checkup_note(struct checkup *c, const char *code, const char *found, const char *cost)
{
	checkup_add(c, &(struct checkup_row){ code, CHECKUP_OK, found, cost });
}

void checkup_limit(struct checkup *c, const char *code, const char *found, const char *cost)
{
	checkup_add(c, &(struct checkup_row){ code, CHECKUP_LIMITED, found, cost });
}

void checkup_fail(struct checkup *c, const char *code, int exit_code, const char *found,
		  const char *cost)
{
	checkup_add(c, &(struct checkup_row){ code, CHECKUP_FAILED, found, cost });
	if (c->exit_code == EXIT_OK)
		c->exit_code = exit_code;
}

void checkup_fail_err(struct checkup *c, const char *code, struct err *err)
{
	checkup_fail(c, code, err_exit_code(err), pool_text(&c->pool, err->msg), "no report");
	err_free(err);
}

enum checkup_state checkup_worst(const struct checkup *c)
{
	enum checkup_state worst = CHECKUP_OK;

	for (size_t i = 0; i < c->rows.len; i++)
		if (c->rows.data[i].state > worst)
			worst = c->rows.data[i].state;
	return worst;
}

void checkup_fini(struct checkup *c)
{
	vec_fini(&c->rows);
	pool_fini(&c->pool);
}
