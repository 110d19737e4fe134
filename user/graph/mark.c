// SPDX-License-Identifier: GPL-2.0-only
#include "graph/mark.h"

struct err *marks_init(struct marks *m, uint32_t cnt)
{
	*m = (struct marks){ .cnt = cnt };
	m->bits = calloc(cnt / 64 + 1, sizeof(*m->bits));
	return m->bits ? NULL : err_nomem();
}

void marks_fini(struct marks *m)
{
	free(m->bits);
	vec_fini(&m->todo);
	*m = (struct marks){ 0 };
}

/* False: out of memory. */
static bool marks_push(struct marks *m, uint32_t object)
{
	if (object >= m->cnt || marks_has(m, object))
		return true;
	m->bits[object / 64] |= 1ull << object % 64;
	m->marked++;
	return vec_push(&m->todo, object);
}

struct err *marks_add(struct marks *m, const struct heap_graph *g, uint32_t object)
{
	bool room = marks_push(m, object);

	while (room && m->todo.len) {
		uint32_t at = m->todo.data[--m->todo.len];

		for (uint32_t i = g->first[at]; room && i < g->first[at + 1]; i++)
			room = marks_push(m, g->to[i]);
	}
	return room ? NULL : err_nomem();
}

struct err *marks_add_roots(struct marks *m, const struct heap_graph *g)
{
	struct err *err = NULL;

	for (size_t i = 0; !err && i < g->roots.len; i++)
		err = marks_add(m, g, g->roots.data[i].object);
	return err;
}
