// SPDX-License-Identifier: GPL-2.0-only
#include "filled_result.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "report/json_read.h"
#include "report/json_shapes.h"
#include "report/report.h"

enum { LIST_LEN = 2 };

static void fill_member(struct pool *pool, const struct json_member *m, char *at, uint64_t *n);

/* ---- one member ---- */

static unsigned int a_word(const struct json_member *m, uint64_t n)
{
	unsigned int i = n % m->word_cnt;

	return m->words[i].name ? i : (i + 1) % m->word_cnt;
}

static void fill_list(struct pool *pool, const struct json_member *m, struct json_list *list,
		      uint64_t *n)
{
	size_t size = m->kind == JSON_KIND_LIST	   ? m->shape->size
		      : m->kind == JSON_KIND_TEXTS ? sizeof(char *)
						   : sizeof(uint64_t);

	list->len = LIST_LEN;
	list->data = pool_alloc(pool, LIST_LEN * size);
	for (size_t i = 0; i < LIST_LEN; i++) {
		char *at = (char *)list->data + i * size;

		if (m->kind == JSON_KIND_LIST)
			fill_by_shape(pool, m->shape, at, n);
		else if (m->kind == JSON_KIND_TEXTS)
			*(const char **)at = pool_printf(pool, "element %ju", (uintmax_t)++ * n);
		else
			*(uint64_t *)at = ++*n;
	}
}

static void fill_bins(uint64_t *ns, uint64_t *n)
{
	for (int i = 0; i < RESULT_BINS; i += 3)
		ns[i] = ++*n;
}

static void fill_pointer(struct pool *pool, const struct json_member *m, void **at, uint64_t *n)
{
	*at = pool_alloc(pool, m->shape->size);
	fill_by_shape(pool, m->shape, *at, n);
}

static void fill_member(struct pool *pool, const struct json_member *m, char *at, uint64_t *n)
{
	++*n;
	switch (m->kind) {
	case JSON_KIND_U64:
	case JSON_KIND_NONZERO:
	case JSON_KIND_ADDRESS:
		*(uint64_t *)at = *n;
		return;
	case JSON_KIND_I64:
		*(int64_t *)at = -(int64_t)*n;
		return;
	case JSON_KIND_OPT_U64:
		*(struct opt_u64 *)at = opt_if(true, *n);
		return;
	case JSON_KIND_DOUBLE:
		*(double *)at = (double)*n / 7;
		return;
	case JSON_KIND_BOOL:
		*(bool *)at = true;
		return;
	case JSON_KIND_TRISTATE:
		*(int8_t *)at = 1;
		return;
	case JSON_KIND_TEXT:
		*(const char **)at =
			pool_printf(pool, "%s \"\\\t\xc3\xa4 %ju", m->name, (uintmax_t)*n);
		return;
	case JSON_KIND_ERROR:
		*(int *)at = 1 + *n % 30;
		return;
	case JSON_KIND_WORD:
		*(unsigned int *)at = a_word(m, *n);
		return;
	case JSON_KIND_OBJECT:
	case JSON_KIND_FLAT:
		fill_by_shape(pool, m->shape, at, n);
		return;
	case JSON_KIND_POINTER:
	case JSON_KIND_FLAT_POINTER:
		fill_pointer(pool, m, (void **)at, n);
		return;
	case JSON_KIND_LIST:
	case JSON_KIND_TEXTS:
	case JSON_KIND_NUMBERS:
		fill_list(pool, m, (struct json_list *)at, n);
		return;
	case JSON_KIND_BINS:
		fill_bins((uint64_t *)at, n);
		return;
	case JSON_KIND_MAPS:
	case JSON_KIND_MAPS_TOTAL:
		return;
	}
}

void fill_by_shape(struct pool *pool, const struct json_shape *shape, void *to, uint64_t *counter)
{
	for (size_t i = 0; i < shape->member_cnt; i++) {
		const struct json_member *m = &shape->members[i];

		fill_member(pool, m, (char *)to + m->off, counter);
		if (m->flags & JSON_IF_TRUE)
			*(bool *)((char *)to + m->guard) = true;
	}
	for (size_t i = 0; i < shape->member_cnt; i++)
		if (shape->members[i].flags & JSON_IF_NO_TEXT)
			*(const char **)((char *)to + shape->members[i].guard) = NULL;
}

/* ---- results ---- */

static struct map_same *a_same(struct pool *pool, uint64_t *n)
{
	struct map_same *same = pool_alloc(pool, sizeof(*same));

	fill_by_shape(pool, &map_same_json, same, n);
	return same;
}

static void push_map(struct result *r, uint64_t addr, const struct map_same *same,
		     const struct result_holder *holder, const struct map_view *own)
{
	struct map_view view = { .addr = addr, .same = same, .holder = holder };

	if (own) {
		view.activity = own->activity;
		view.history = own->history;
		view.path = own->path;
		view.id = own->id;
		view.id_certain = own->id_certain;
		view.retained_bytes = own->retained_bytes;
	}
	assert_true(result_maps_push(r->maps, &view));
}

static void fill_maps(struct result *r, uint64_t *n)
{
	struct map_same *shared = a_same(&r->pool, n), *other = a_same(&r->pool, n);
	struct map_view own = { 0 };

	fill_by_shape(&r->pool, &map_held_json, &own, n);
	fill_by_shape(&r->pool, &map_own_json, &own, n);
	fill_by_shape(&r->pool, &map_id_json, &own, n);
	other->zero_values_reason = "too large";
	other->has_next_growth = false;
	push_map(r, 0x1000, shared, own.holder, &own);
	push_map(r, 0x2000, shared, own.holder, NULL);
	push_map(r, 0xfffffffffffffff0, other, NULL, NULL);
	result_maps_set_total(r->maps, 12345);
}

static struct result *empty_result(void)
{
	struct result *r = result_new();

	assert_non_null(r);
	r->maps = result_maps_new();
	assert_non_null(r->maps);
	return r;
}

struct result *filled_result(void)
{
	struct result *r = empty_result();
	uint64_t n = 0;

	fill_by_shape(&r->pool, &result_json, r, &n);
	r->schema = RESULT_SCHEMA;
	fill_maps(r, &n);
	assert_false(r->pool.failed);
	return r;
}

struct result *bare_result(void)
{
	struct result *r = empty_result();

	r->census.status = r->trace.status = r->gc.status = r->goroutines.status = "refused";
	r->graph.status = r->values.status = r->memory_calls.status = "off";
	r->graph.retained.status = "off";
	return r;
}

/* ---- documents ---- */

char *json_of_result(struct result *r)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	assert_non_null(out);
	assert_null(report_json(r, out));
	fclose(out);
	return text;
}

struct result *result_of_json(const char *text)
{
	FILE *in = fmemopen((void *)text, strlen(text), "r");
	struct result *r = NULL;

	assert_non_null(in);
	struct err *err = result_read(in, &r);
	if (err)
		fail_msg("%s", err->msg);
	fclose(in);
	return r;
}
