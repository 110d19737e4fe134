// SPDX-License-Identifier: GPL-2.0-only
#include "process/gotypes.h"

#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"
#include "base/log.h"
#include "base/vec.h"
#include "process/typesection.h"

enum {
	MAP_TYPES_MAX = 1 << 20,
	SECTIONS_SZ_MAX = 1 << 30, /* bytes of all modules */
	/* The largest programs have 20,000 map types. Names of 4 KiB that overlap are forged. */
	NAMES_SZ_MAX = 32 << 20,
	SAME_HASH_MAX = 64, /* a type is compared with at most this many others of its hash */
};

/* An address that stands for a type of another module, which means the same. */
struct type_alias {
	uint64_t addr;
	uint64_t of;
};

struct gotypes {
	uint64_t name_bytes; /* of all maps */
	VEC(struct map_type) maps; /* ascending by address */
	VEC(uint32_t) by_bucket; /* indexes into maps, ascending by bucket, unnamed first */
	VEC(struct type_alias) aliases; /* both ascending by address */
	VEC(struct type_alias) bucket_aliases;
};

/* Adds the map type at addr, if there is one. */
static struct err *gotypes_collect_at(struct gotypes *types, const struct section *s,
				      const struct type_range *r, uint64_t addr)
{
	struct map_type m;
	bool is_map = false;
	struct err *err = map_type_read(s, r, addr, &m, &is_map);

	if (err || !is_map)
		return err;
	types->name_bytes += strlen(m.name);
	if (types->name_bytes > NAMES_SZ_MAX) {
		map_type_fini(&m);
		return err_new(ERR_FORMAT, "the names of map types have more than %d bytes",
			       NAMES_SZ_MAX);
	}
	if (!vec_push(&types->maps, m)) {
		map_type_fini(&m);
		return err_nomem();
	}
	return NULL;
}

static struct err *gotypes_collect(struct gotypes *types, const struct section *s)
{
	struct err *err = NULL;

	for (size_t i = 0; i < s->range_cnt; i++) {
		const struct type_range *r = &s->ranges[i];

		for (uint64_t off = 0;
		     !err && off + TYPE_SZ <= r->len && types->maps.len < MAP_TYPES_MAX; off += 8)
			err = gotypes_collect_at(types, s, r, r->addr + off);
	}
	return err;
}

/* ---- One type in several modules ---- */

/*
 * The linker puts a type into each module that uses it, and the dynamic linker makes all of them
 * use the same one. The copies have the same name, and the same hash of everything that the type
 * is made of.
 */
static bool map_types_agree(const struct map_type *a, const struct map_type *b)
{
	return a->hash == b->hash && a->module != b->module && a->named == b->named &&
	       a->bucket_sz == b->bucket_sz && a->bucket_ptr_bytes == b->bucket_ptr_bytes &&
	       !memcmp(&a->slots, &b->slots, sizeof(a->slots)) && !strcmp(a->name, b->name);
}

static int cmp_type_hash(const void *a, const void *b, void *ctx)
{
	const struct map_type *maps = ctx;
	uint32_t i = *(const uint32_t *)a, j = *(const uint32_t *)b;

	if (maps[i].hash != maps[j].hash)
		return maps[i].hash < maps[j].hash ? -1 : 1;
	return i < j ? -1 : i > j;
}

/* Sets for each type the one that stands for it: itself, or one of another module. */
static struct err *gotypes_find_twins(const struct gotypes *types, uint32_t *twin)
{
	size_t cnt = types->maps.len;
	const struct map_type *maps = types->maps.data;
	_cleanup_free_ uint32_t *order = malloc((cnt + 1) * sizeof(*order));

	if (!order)
		return err_nomem();
	for (uint32_t i = 0; i < cnt; i++)
		order[i] = twin[i] = i;
	qsort_r(order, cnt, sizeof(*order), cmp_type_hash, types->maps.data);
	for (size_t i = 1; i < cnt; i++) {
		size_t first = i < SAME_HASH_MAX ? 0 : i - SAME_HASH_MAX;

		for (size_t j = i; j-- > first && maps[order[j]].hash == maps[order[i]].hash;)
			if (map_types_agree(&maps[order[j]], &maps[order[i]]))
				twin[order[i]] = twin[order[j]];
	}
	return NULL;
}

static int cmp_type_alias(const void *a, const void *b)
{
	uint64_t x = ((const struct type_alias *)a)->addr, y = ((const struct type_alias *)b)->addr;

	return x < y ? -1 : x > y;
}

/* Keeps one copy of each type, and makes the addresses of the other copies lead to it. */
static struct err *gotypes_merge_twins(struct gotypes *types)
{
	size_t cnt = types->maps.len, kept = 0;
	struct map_type *maps = types->maps.data;
	_cleanup_free_ uint32_t *twin = malloc((cnt + 1) * sizeof(*twin));

	if (!twin || !vec_reserve(&types->aliases, cnt + 1) ||
	    !vec_reserve(&types->bucket_aliases, cnt + 1))
		return err_nomem();
	struct err *err = gotypes_find_twins(types, twin);
	if (err)
		return err;
	for (uint32_t i = 0; i < cnt; i++) {
		if (twin[i] == i) { /* comes before those that it stands for */
			maps[kept] = maps[i];
			twin[i] = kept++;
			continue;
		}
		const struct map_type *of = &maps[twin[twin[i]]];
		vec_push(&types->aliases, ((struct type_alias){ maps[i].addr, of->addr }));
		vec_push(&types->bucket_aliases,
			 ((struct type_alias){ maps[i].bucket, of->bucket }));
		map_type_fini(&maps[i]);
	}
	types->maps.len = kept;
	vec_sort(&types->aliases, cmp_type_alias);
	vec_sort(&types->bucket_aliases, cmp_type_alias);
	return NULL;
}

static int cmp_type_bucket(const void *a, const void *b, void *ctx)
{
	const struct map_type *maps = ctx;
	const struct map_type *x = &maps[*(const uint32_t *)a], *y = &maps[*(const uint32_t *)b];

	if (x->bucket != y->bucket)
		return x->bucket < y->bucket ? -1 : 1;
	return (int)x->named - (int)y->named;
}

static struct err *gotypes_index_buckets(struct gotypes *types)
{
	types->by_bucket.len = 0;
	for (uint32_t i = 0; i < types->maps.len; i++)
		if (!vec_push(&types->by_bucket, i))
			return err_nomem();
	if (types->by_bucket.len)
		qsort_r(types->by_bucket.data, types->by_bucket.len, sizeof(uint32_t),
			cmp_type_bucket, types->maps.data);
	return NULL;
}

/* ---- Sections ---- */

struct type_sections {
	VEC(struct type_range) ranges;
	uint64_t bytes;
};

static void type_sections_fini(struct type_sections *s)
{
	for (size_t i = 0; i < s->ranges.len; i++)
		free((void *)s->ranges.data[i].data);
	vec_fini(&s->ranges);
}

static bool type_sections_have_room(const struct type_sections *s, uint64_t start, uint64_t end)
{
	if (start >= end || end - start > SECTIONS_SZ_MAX - s->bytes)
		return false;
	for (size_t i = 0; i < s->ranges.len; i++)
		if (start < s->ranges.data[i].addr + s->ranges.data[i].len &&
		    end > s->ranges.data[i].addr)
			return false;
	return true;
}

static struct err *type_sections_read_one(const struct types_from *from, struct type_sections *s)
{
	struct type_range r = { .addr = from->md->types, .mem = from->mem };

	if (!type_sections_have_room(s, from->md->types, from->md->etypes))
		return err_new(ERR_FORMAT, "types at 0x%llx are too many, or another module's",
			       (unsigned long long)r.addr);
	r.len = from->md->etypes - from->md->types;
	uint8_t *data = malloc(r.len);
	if (!data)
		return err_nomem();
	r.data = data;
	struct err *err = mem_read(from->mem, r.addr, data, r.len);
	if (!err && !vec_push(&s->ranges, r))
		err = err_nomem();
	if (err)
		free(data);
	else
		s->bytes += r.len;
	return err;
}

static int cmp_type_range(const void *a, const void *b)
{
	uint64_t x = ((const struct type_range *)a)->addr;
	uint64_t y = ((const struct type_range *)b)->addr;

	return x < y ? -1 : x > y;
}

/* The first module is the runtime's and must be readable. Any other one may be left out. */
static struct err *type_sections_read(const struct types_from *from, size_t cnt,
				      struct type_sections *s)
{
	for (size_t i = 0; i < cnt; i++) {
		struct err *err = type_sections_read_one(&from[i], s);

		if (err && (!i || (err->kind != ERR_FORMAT && err->kind != ERR_FAULT)))
			return err;
		if (err)
			log_debug("a module is left out: %s", err->msg);
		err_free(err);
	}
	vec_sort(&s->ranges, cmp_type_range);
	return NULL;
}

struct err *gotypes_new(const struct types_from *from, size_t cnt, const struct go_layout *layout,
			struct gotypes **ret)
{
	_cleanup_(type_sections_fini) struct type_sections read = { 0 };
	struct gotypes *types = calloc(1, sizeof(*types));

	if (!types)
		return err_nomem();
	struct err *err = type_sections_read(from, cnt, &read);
	struct section s = { read.ranges.data, read.ranges.len, layout };
	if (!err)
		err = gotypes_collect(types, &s);
	if (!err && s.range_cnt > 1)
		err = gotypes_merge_twins(types);
	if (!err)
		err = gotypes_index_buckets(types);
	if (err) {
		gotypes_free(types);
		return err_wrap(err, "reading the type section");
	}
	*ret = types;
	return NULL;
}

/* ---- Types that reflect made ---- */

static int cmp_map_type(const void *a, const void *b)
{
	uint64_t x = ((const struct map_type *)a)->addr, y = ((const struct map_type *)b)->addr;

	return x < y ? -1 : x > y;
}

/* Joins the sections that were read with the pieces, which the caller owns, in ascending order. */
static struct err *type_sections_join(const struct type_sections *read,
				      const struct type_range *pieces, size_t cnt,
				      struct type_range **ret, size_t *cnt_ret)
{
	size_t all = read->ranges.len + cnt, kept = 0;
	struct type_range *r = malloc((all + 1) * sizeof(*r));

	if (!r)
		return err_nomem();
	for (size_t i = 0; i < all; i++)
		r[i] = i < cnt ? pieces[i] : read->ranges.data[i - cnt];
	qsort(r, all, sizeof(*r), cmp_type_range);
	/* Nothing overlaps, unless a hostile module claims to be in the heap. */
	for (size_t i = 0; i < all; i++)
		if (!kept || r[i].addr - r[kept - 1].addr >= r[kept - 1].len)
			r[kept++] = r[i];
	*ret = r;
	*cnt_ret = kept;
	return NULL;
}

static struct err *gotypes_collect_made(struct gotypes *types, const struct section *s,
					const uint64_t *maps, size_t cnt)
{
	struct err *err = NULL;

	for (size_t i = 0; !err && i < cnt; i++) {
		const struct type_range *r = type_range_of(s, maps[i]);

		if (r && r->made && types->maps.len < MAP_TYPES_MAX)
			err = gotypes_collect_at(types, s, r, maps[i]);
	}
	vec_sort(&types->maps, cmp_map_type);
	return err ? err : gotypes_index_buckets(types);
}

struct err *gotypes_add_made(struct gotypes *types, const struct types_from *from, size_t cnt,
			     const struct go_layout *layout, const struct made_types *made)
{
	_cleanup_(type_sections_fini) struct type_sections read = { 0 };
	_cleanup_free_ struct type_range *ranges = NULL;
	struct section s = { .layout = layout };
	struct err *err = type_sections_read(from, cnt, &read);

	if (!err)
		err = type_sections_join(&read, made->pieces, made->piece_cnt, &ranges,
					 &s.range_cnt);
	s.ranges = ranges;
	if (!err)
		err = gotypes_collect_made(types, &s, made->maps, made->map_cnt);
	return err ? err_wrap(err, "reading types that reflect made") : NULL;
}

void gotypes_free(struct gotypes *types)
{
	if (!types)
		return;
	for (size_t i = 0; i < types->maps.len; i++)
		map_type_fini(&types->maps.data[i]);
	vec_fini(&types->maps);
	vec_fini(&types->by_bucket);
	vec_fini(&types->aliases);
	vec_fini(&types->bucket_aliases);
	free(types);
}

const struct map_type *gotypes_maps(const struct gotypes *types, size_t *cnt_ret)
{
	*cnt_ret = types->maps.len;
	return types->maps.data;
}

static const struct map_type *gotypes_find_own(const struct gotypes *types, uint64_t addr)
{
	size_t lo = 0, hi = types->maps.len;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (types->maps.data[mid].addr < addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < types->maps.len && types->maps.data[lo].addr == addr ? &types->maps.data[lo]
									 : NULL;
}

const struct map_type *gotypes_find(const struct gotypes *types, uint64_t addr)
{
	const struct type_alias key = { .addr = addr }, *alias;
	const struct map_type *m = gotypes_find_own(types, addr);

	if (m)
		return m;
	alias = vec_search(&types->aliases, &key, cmp_type_alias);
	return alias ? gotypes_find_own(types, alias->of) : NULL;
}

static const struct map_type *gotypes_first_of_bucket(const struct gotypes *types, uint64_t bucket)
{
	size_t lo = 0, hi = types->by_bucket.len;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (types->maps.data[types->by_bucket.data[mid]].bucket < bucket)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo == types->by_bucket.len)
		return NULL;
	const struct map_type *m = &types->maps.data[types->by_bucket.data[lo]];
	return m->bucket == bucket ? m : NULL;
}

const struct map_type *gotypes_by_bucket(const struct gotypes *types, uint64_t bucket)
{
	const struct type_alias key = { .addr = bucket }, *alias;
	const struct map_type *m = gotypes_first_of_bucket(types, bucket);

	if (m)
		return m;
	alias = vec_search(&types->bucket_aliases, &key, cmp_type_alias);
	return alias ? gotypes_first_of_bucket(types, alias->of) : NULL;
}
