// SPDX-License-Identifier: GPL-2.0-only
#include "process/gotypes.h"

#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"
#include "base/log.h"
#include "base/vec.h"
#include "process/typenames.h"
#include "process/typesection.h"

enum {
	CLASSIC_KEY_SZ = 80, /* one byte each */
	CLASSIC_ELEM_SZ = 81,

	/* Flags of the two map kinds. */
	CLASSIC_INDIRECT_KEY = 1,
	CLASSIC_INDIRECT_ELEM = 2,
	CLASSIC_NEED_KEY_UPDATE = 8,
	SWISS_NEED_KEY_UPDATE = 1,
	SWISS_INDIRECT_KEY = 4,
	SWISS_INDIRECT_ELEM = 8,

	DATA_RUNS_MAX = 64,
	DATA_DEPTH_MAX = 16,

	MAP_TYPES_MAX = 1 << 20,
	SECTIONS_SZ_MAX = 1 << 30,
	SAME_HASH_MAX = 64, /* a type is looked for among so many of its hash */
	/* A bucket holds 8 keys and elems of at most 128 bytes each, 8 control
	 * bytes and perhaps an overflow pointer. */
	BUCKET_SZ_MAX = 8 + 8 * 256 + 8,
};

/* A descriptor of another module that means the same. */
struct alias {
	uint64_t addr;
	uint64_t of;
};

struct gotypes {
	VEC(struct map_type) maps; /* ascending by address */
	VEC(uint32_t) by_bucket; /* indexes into maps, ascending by bucket, unnamed first */
	VEC(struct alias) aliases; /* both ascending by address */
	VEC(struct alias) bucket_aliases;
};

/* Size of a key or elem as stored: large ones are kept behind a pointer. */
static uint32_t stored_size(const struct section *s, uint64_t type, bool indirect)
{
	uint64_t sz = load_u64(type_at(s, type, TYPE_SZ), TYPE_SIZE);

	return indirect ? 8 : sz < UINT32_MAX ? sz : UINT32_MAX;
}

static struct slots swiss_slots(const struct maptype_layout *l, const uint8_t *t)
{
	if (l->slot_sz != OFF_NONE) {
		uint32_t slot = load_u64(t, l->slot_sz);

		return (struct slots){
			.keys_off = 8,
			.key_stride = slot,
			.elems_off = 8 + load_u64(t, l->elem_off),
			.elem_stride = slot,
		};
	}
	return (struct slots){
		.keys_off = load_u64(t, l->keys_off),
		.key_stride = load_u64(t, l->keys_off + 8),
		.elems_off = load_u64(t, l->keys_off + 16),
		.elem_stride = load_u64(t, l->keys_off + 24),
	};
}

static struct slots classic_slots(const uint8_t *t)
{
	uint32_t key_sz = load_u8(t, CLASSIC_KEY_SZ), elem_sz = load_u8(t, CLASSIC_ELEM_SZ);

	return (struct slots){
		.keys_off = 8,
		.key_stride = key_sz,
		.elems_off = 8 + 8 * key_sz,
		.elem_stride = elem_sz,
	};
}

static bool has_indirect_elem(const struct section *s, const uint8_t *t)
{
	return load_u32(t, s->layout->maptype.flags) &
	       (s->layout->kind == MAP_CLASSIC ? CLASSIC_INDIRECT_ELEM : SWISS_INDIRECT_ELEM);
}

/* Where a bucket keeps its keys and elems; false when they do not fit into it. */
static bool read_slots(const struct section *s, const uint8_t *t, uint64_t bucket_sz,
		       struct slots *ret)
{
	const struct maptype_layout *l = &s->layout->maptype;
	bool classic = s->layout->kind == MAP_CLASSIC;
	uint32_t flags = load_u32(t, l->flags);
	struct slots slots = classic ? classic_slots(t) : swiss_slots(l, t);

	slots.key_sz = stored_size(s, load_u64(t, MAPTYPE_KEY),
				   flags & (classic ? CLASSIC_INDIRECT_KEY : SWISS_INDIRECT_KEY));
	slots.elem_sz = stored_size(s, load_u64(t, MAPTYPE_ELEM), has_indirect_elem(s, t));
	if (classic && load_u16(t, l->bucket_sz) != bucket_sz)
		return false;
	*ret = slots;
	return slots.key_sz <= slots.key_stride && slots.elem_sz <= slots.elem_stride &&
	       slots.keys_off + 7ull * slots.key_stride + slots.key_sz <= bucket_sz &&
	       slots.elems_off + 7ull * slots.elem_stride + slots.elem_sz <= bucket_sz;
}

struct data_runs {
	struct data_run runs[DATA_RUNS_MAX];
	size_t cnt;
	size_t visits; /* of types; hostile ones may nest in each other */
	bool bad; /* too many, or not to be read */
};

static void add_run(struct data_runs *d, uint64_t off, uint64_t len)
{
	struct data_run *last = d->cnt ? &d->runs[d->cnt - 1] : NULL;

	if (!len)
		return;
	if (last && (uint64_t)last->off + last->len == off)
		last->len += len;
	else if (d->cnt < DATA_RUNS_MAX)
		d->runs[d->cnt++] = (struct data_run){ off, len };
	else
		d->bad = true;
}

static bool is_blank(const struct section *s, uint64_t name)
{
	const uint8_t *text = type_bytes(s, name, 3); /* flags, length, the first letter */

	return text && text[1] == 1 && text[2] == '_';
}

static void add_data(const struct section *s, uint64_t type, uint64_t off, uint64_t end, int depth,
		     struct data_runs *d);

static void add_fields(const struct section *s, const uint8_t *type, uint64_t off, uint64_t end,
		       int depth, struct data_runs *d)
{
	uint64_t cnt = load_u64(type, STRUCT_FIELD_CNT);
	const uint8_t *fields = type_fields(s, type);

	d->bad |= cnt && !fields;
	for (uint64_t i = 0; i < cnt && !d->bad; i++) {
		const uint8_t *f = fields + i * FIELD_SZ;
		uint64_t at = load_u64(f, FIELD_OFFSET);

		d->bad |= at > end - off;
		if (!d->bad && !is_blank(s, load_u64(f, FIELD_NAME)))
			add_data(s, load_u64(f, FIELD_TYPE), off + at, end, depth, d);
	}
}

/* Elems of an array are alike: only where the first one has holes the rest counts singly. */
static void add_array(const struct section *s, const uint8_t *type, uint64_t off, int depth,
		      struct data_runs *d)
{
	uint64_t elem = load_u64(type, ARRAY_ELEM), len = load_u64(type, ARRAY_LEN);
	uint64_t sz = is_type(s, elem) ? load_u64(type_at(s, elem, TYPE_SZ), TYPE_SIZE) : 0;
	uint64_t whole = load_u64(type, TYPE_SIZE);
	struct data_runs one = { .visits = d->visits };

	d->bad |= !is_type(s, elem) || (sz && len != whole / sz);
	if (d->bad || !sz)
		return;
	add_data(s, elem, 0, sz, depth, &one);
	d->visits = one.visits;
	d->bad |= one.bad;
	if (one.cnt == 1 && one.runs[0].len == sz) {
		add_run(d, off, whole);
		return;
	}
	for (uint64_t i = 0; one.cnt && i < len && !d->bad; i++)
		for (size_t r = 0; r < one.cnt; r++)
			add_run(d, off + i * sz + one.runs[r].off, one.runs[r].len);
}

/* Adds the runs of a type that is at off and must end before end. */
static void add_data(const struct section *s, uint64_t type, uint64_t off, uint64_t end, int depth,
		     struct data_runs *d)
{
	const uint8_t *t = is_type(s, type) ? type_at(s, type, TYPE_SZ) : NULL;
	uint64_t sz = t ? load_u64(t, TYPE_SIZE) : 0;

	d->bad |= !t || sz > end - off || depth == DATA_DEPTH_MAX ||
		  d->visits++ > DATA_RUNS_MAX * DATA_DEPTH_MAX;
	if (d->bad)
		return;
	bool nests = type_kind(t) == KIND_STRUCT || type_kind(t) == KIND_ARRAY;
	if (nests && !type_at(s, type, STRUCT_TYPE_SZ))
		d->bad = true;
	else if (type_kind(t) == KIND_STRUCT)
		add_fields(s, t, off, off + sz, depth + 1, d);
	else if (type_kind(t) == KIND_ARRAY)
		add_array(s, t, off, depth + 1, d);
	else
		add_run(d, off, sz);
}

/* Notes where an elem of the map keeps its value, unless that is everywhere. */
static struct err *read_data_runs(const struct section *s, struct map_type *m)
{
	uint64_t elem = load_u64(type_at(s, m->addr, TYPE_SZ + 16), MAPTYPE_ELEM);
	uint32_t sz = m->pointee_sz ? m->pointee_sz : m->slots.elem_sz;
	struct data_runs d = { 0 };

	add_data(s, elem, 0, sz, 0, &d);
	if (d.bad || !d.cnt || (d.cnt == 1 && d.runs[0].len == sz))
		return NULL;
	m->data_runs = malloc(d.cnt * sizeof(*d.runs));
	if (!m->data_runs)
		return err_nomem();
	memcpy(m->data_runs, d.runs, d.cnt * sizeof(*d.runs));
	m->data_run_cnt = d.cnt;
	return NULL;
}

/* Notes what the words of keys and elems must look like. */
static struct err *read_word_types(const struct section *s, struct map_type *m)
{
	const uint8_t *t = type_at(s, m->addr, s->layout->maptype.size);
	bool classic = s->layout->kind == MAP_CLASSIC;
	uint32_t indirect = classic ? CLASSIC_INDIRECT_KEY : SWISS_INDIRECT_KEY;
	struct stored key = { load_u64(t, MAPTYPE_KEY), m->slots.keys_off, m->slots.key_stride,
			      m->slots.key_sz, load_u32(t, s->layout->maptype.flags) & indirect };
	struct stored elem = { load_u64(t, MAPTYPE_ELEM), m->slots.elems_off, m->slots.elem_stride,
			       m->slots.elem_sz, has_indirect_elem(s, t) };
	struct word_types w;

	w.cnt = w.visits = 0; /* the rest is large */
	word_types_add(s, &key, &w);
	word_types_add(s, &elem, &w);
	if (!w.cnt)
		return NULL;
	m->words = malloc(w.cnt * sizeof(*w.words));
	if (!m->words)
		return err_nomem();
	memcpy(m->words, w.words, w.cnt * sizeof(*w.words));
	m->word_cnt = w.cnt;
	return NULL;
}

/* True when the bytes at addr are a map type, with *ret filled except its name. */
static bool parse_map_type(const struct section *s, uint64_t addr, struct map_type *ret)
{
	const uint8_t *t = type_at(s, addr, s->layout->maptype.size);

	if (!t || !type_is_map(t) || !is_type(s, load_u64(t, MAPTYPE_KEY)) ||
	    !is_type(s, load_u64(t, MAPTYPE_ELEM)) || !is_type(s, load_u64(t, MAPTYPE_BUCKET)))
		return false;

	uint64_t bucket_addr = load_u64(t, MAPTYPE_BUCKET);
	const uint8_t *bucket = type_at(s, bucket_addr, TYPE_SZ);
	uint64_t bucket_sz = load_u64(bucket, TYPE_SIZE);
	if (type_kind(bucket) != KIND_STRUCT || bucket_sz < 8 || bucket_sz > BUCKET_SZ_MAX)
		return false;

	struct slots slots;
	if (!read_slots(s, t, bucket_sz, &slots))
		return false;
	*ret = (struct map_type){
		.addr = addr,
		.bucket = bucket_addr,
		.bucket_sz = bucket_sz,
		.bucket_ptr_bytes = load_u64(bucket, TYPE_PTR_BYTES),
		.slots = slots,
		.hash = load_u32(t, TYPE_HASH),
		.named = load_u8(t, TYPE_TFLAG) & TFLAG_NAMED,
		.need_key_update = load_u32(t, s->layout->maptype.flags) &
				   (s->layout->kind == MAP_CLASSIC ? CLASSIC_NEED_KEY_UPDATE
								   : SWISS_NEED_KEY_UPDATE),
		.pointee_sz = has_indirect_elem(s, t)
				      ? stored_size(s, load_u64(t, MAPTYPE_ELEM), false)
				      : 0,
	};
	return true;
}

/* Reads the pointer mask of a bucket type; where there is none, it stays unknown. */
static struct err *read_ptr_mask(struct mem *mem, const struct section *s, struct map_type *m)
{
	const uint8_t *bucket = type_at(s, m->bucket, TYPE_SZ);
	uint32_t len = (m->bucket_ptr_bytes / 8 + 7) / 8;

	if (!len || len > PTR_MASK_SZ || (load_u8(bucket, TYPE_KIND) & KIND_GC_PROG) ||
	    (s->layout->kind == MAP_SWISS &&
	     (load_u8(bucket, TYPE_TFLAG) & TFLAG_GC_MASK_ON_DEMAND)))
		return NULL;

	struct mem_req req = { load_u64(bucket, TYPE_GCDATA), len, false, m->ptr_mask };
	struct err *err = mem->read_reqs(mem, &req, 1);
	m->has_ptr_mask = req.ok;
	return err;
}

/*
 * The compiler works on type parameters with types of their shape. From Go 1.20 on maps
 * are made with the real type, which it takes from a dictionary (cmd/compile/internal/
 * reflectdata/helpers.go, MakeMapRType): no map has such a type, and the one that it has
 * is in the image, too. Up to 1.19 there may be none but the shape.
 */
static bool is_shape_only(const struct section *s, const struct map_type *m)
{
	return s->layout->bitmap != HEAP_BITMAP_ARENA_2BIT && strstr(m->name, "go.shape.");
}

static void map_type_fini(struct map_type *m)
{
	free(m->data_runs);
	free(m->words);
	free(m->name);
}

/* Adds the map type that is at addr, if one is. */
static struct err *collect_type(struct gotypes *types, const struct section *s,
				const struct type_range *r, uint64_t addr)
{
	struct map_type m;

	if (!parse_map_type(s, addr, &m))
		return NULL;
	struct err *err = read_ptr_mask(r->mem, s, &m);
	if (err)
		return err;
	m.name = type_name(s, addr);
	if (!m.name)
		return NULL;
	if (is_shape_only(s, &m)) {
		map_type_fini(&m);
		return NULL;
	}
	m.module = r - s->ranges;
	err = read_data_runs(s, &m);
	if (!err)
		err = read_word_types(s, &m);
	if (err || !vec_push(&types->maps, m)) {
		map_type_fini(&m);
		return err ? err : err_nomem();
	}
	return NULL;
}

static struct err *collect(struct gotypes *types, const struct section *s)
{
	struct err *err = NULL;

	for (size_t i = 0; i < s->range_cnt; i++) {
		const struct type_range *r = &s->ranges[i];

		for (uint64_t off = 0;
		     !err && off + TYPE_SZ <= r->len && types->maps.len < MAP_TYPES_MAX; off += 8)
			err = collect_type(types, s, r, r->addr + off);
	}
	return err;
}

/* ---- One type in several modules ---- */

/*
 * The linker puts a type into each module that uses it, and the dynamic linker lets all
 * of them use one of those. They have one name, and one hash of all that is behind it.
 */
static bool is_same_type(const struct map_type *a, const struct map_type *b)
{
	return a->hash == b->hash && a->module != b->module && a->named == b->named &&
	       a->bucket_sz == b->bucket_sz && a->bucket_ptr_bytes == b->bucket_ptr_bytes &&
	       !memcmp(&a->slots, &b->slots, sizeof(a->slots)) && !strcmp(a->name, b->name);
}

static int cmp_by_hash(const void *a, const void *b, void *ctx)
{
	const struct map_type *maps = ctx;
	uint32_t i = *(const uint32_t *)a, j = *(const uint32_t *)b;

	if (maps[i].hash != maps[j].hash)
		return maps[i].hash < maps[j].hash ? -1 : 1;
	return i < j ? -1 : i > j;
}

/* Sets for each type which one stands for it: itself, or one of another module. */
static struct err *find_twins(const struct gotypes *types, uint32_t *twin)
{
	size_t cnt = types->maps.len;
	const struct map_type *maps = types->maps.data;
	_cleanup_free_ uint32_t *order = malloc((cnt + 1) * sizeof(*order));

	if (!order)
		return err_nomem();
	for (uint32_t i = 0; i < cnt; i++)
		order[i] = twin[i] = i;
	qsort_r(order, cnt, sizeof(*order), cmp_by_hash, types->maps.data);
	for (size_t i = 1; i < cnt; i++) {
		size_t first = i < SAME_HASH_MAX ? 0 : i - SAME_HASH_MAX;

		for (size_t j = i; j-- > first && maps[order[j]].hash == maps[order[i]].hash;)
			if (is_same_type(&maps[order[j]], &maps[order[i]]))
				twin[order[i]] = twin[order[j]];
	}
	return NULL;
}

static int cmp_alias(const void *a, const void *b)
{
	uint64_t x = ((const struct alias *)a)->addr, y = ((const struct alias *)b)->addr;

	return x < y ? -1 : x > y;
}

/* Leaves one of each type; its other addresses lead to it. */
static struct err *merge_twins(struct gotypes *types)
{
	size_t cnt = types->maps.len, kept = 0;
	struct map_type *maps = types->maps.data;
	_cleanup_free_ uint32_t *twin = malloc((cnt + 1) * sizeof(*twin));

	if (!twin || !vec_reserve(&types->aliases, cnt + 1) ||
	    !vec_reserve(&types->bucket_aliases, cnt + 1))
		return err_nomem();
	struct err *err = find_twins(types, twin);
	if (err)
		return err;
	for (uint32_t i = 0; i < cnt; i++) {
		if (twin[i] == i) { /* before those that it stands for */
			maps[kept] = maps[i];
			twin[i] = kept++;
			continue;
		}
		const struct map_type *of = &maps[twin[twin[i]]];
		vec_push(&types->aliases, ((struct alias){ maps[i].addr, of->addr }));
		vec_push(&types->bucket_aliases, ((struct alias){ maps[i].bucket, of->bucket }));
		map_type_fini(&maps[i]);
	}
	types->maps.len = kept;
	vec_sort(&types->aliases, cmp_alias);
	vec_sort(&types->bucket_aliases, cmp_alias);
	return NULL;
}

static int cmp_by_bucket(const void *a, const void *b, void *ctx)
{
	const struct map_type *maps = ctx;
	const struct map_type *x = &maps[*(const uint32_t *)a], *y = &maps[*(const uint32_t *)b];

	if (x->bucket != y->bucket)
		return x->bucket < y->bucket ? -1 : 1;
	return (int)x->named - (int)y->named;
}

static struct err *index_by_bucket(struct gotypes *types)
{
	types->by_bucket.len = 0;
	for (uint32_t i = 0; i < types->maps.len; i++)
		if (!vec_push(&types->by_bucket, i))
			return err_nomem();
	if (types->by_bucket.len)
		qsort_r(types->by_bucket.data, types->by_bucket.len, sizeof(uint32_t),
			cmp_by_bucket, types->maps.data);
	return NULL;
}

/* ---- Sections ---- */

struct sections {
	VEC(struct type_range) ranges;
	uint64_t bytes;
};

static void sections_fini(struct sections *s)
{
	for (size_t i = 0; i < s->ranges.len; i++)
		free((void *)s->ranges.data[i].data);
	vec_fini(&s->ranges);
}

static bool has_room(const struct sections *s, uint64_t start, uint64_t end)
{
	if (start >= end || end - start > SECTIONS_SZ_MAX - s->bytes)
		return false;
	for (size_t i = 0; i < s->ranges.len; i++)
		if (start < s->ranges.data[i].addr + s->ranges.data[i].len &&
		    end > s->ranges.data[i].addr)
			return false;
	return true;
}

static struct err *read_section(const struct types_from *from, struct sections *s)
{
	struct type_range r = { .addr = from->md->types, .mem = from->mem };

	if (!has_room(s, from->md->types, from->md->etypes))
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

static int cmp_range(const void *a, const void *b)
{
	uint64_t x = ((const struct type_range *)a)->addr;
	uint64_t y = ((const struct type_range *)b)->addr;

	return x < y ? -1 : x > y;
}

/* The first module is the runtime's; without one of the others it goes on. */
static struct err *read_sections(const struct types_from *from, size_t cnt, struct sections *s)
{
	for (size_t i = 0; i < cnt; i++) {
		struct err *err = read_section(&from[i], s);

		if (err && (!i || (err->kind != ERR_FORMAT && err->kind != ERR_FAULT)))
			return err;
		if (err)
			log_debug("a module is left out: %s", err->msg);
		err_free(err);
	}
	vec_sort(&s->ranges, cmp_range);
	return NULL;
}

struct err *gotypes_new(const struct types_from *from, size_t cnt, const struct go_layout *layout,
			struct gotypes **ret)
{
	_cleanup_(sections_fini) struct sections read = { 0 };
	struct gotypes *types = calloc(1, sizeof(*types));

	if (!types)
		return err_nomem();
	struct err *err = read_sections(from, cnt, &read);
	struct section s = { read.ranges.data, read.ranges.len, layout };
	if (!err)
		err = collect(types, &s);
	if (!err && s.range_cnt > 1)
		err = merge_twins(types);
	if (!err)
		err = index_by_bucket(types);
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

/* What is read of the modules, and the pieces, which somebody else owns. */
static struct err *join(const struct sections *read, const struct type_range *pieces, size_t cnt,
			struct type_range **ret, size_t *cnt_ret)
{
	size_t all = read->ranges.len + cnt, kept = 0;
	struct type_range *r = malloc((all + 1) * sizeof(*r));

	if (!r)
		return err_nomem();
	for (size_t i = 0; i < all; i++)
		r[i] = i < cnt ? pieces[i] : read->ranges.data[i - cnt];
	qsort(r, all, sizeof(*r), cmp_range);
	/* Nothing overlaps, unless a module claims to be in the heap. */
	for (size_t i = 0; i < all; i++)
		if (!kept || r[i].addr - r[kept - 1].addr >= r[kept - 1].len)
			r[kept++] = r[i];
	*ret = r;
	*cnt_ret = kept;
	return NULL;
}

static struct err *collect_made(struct gotypes *types, const struct section *s,
				const uint64_t *maps, size_t cnt)
{
	struct err *err = NULL;

	for (size_t i = 0; !err && i < cnt; i++) {
		const struct type_range *r = type_range_of(s, maps[i]);

		if (r && r->made && types->maps.len < MAP_TYPES_MAX)
			err = collect_type(types, s, r, maps[i]);
	}
	vec_sort(&types->maps, cmp_map_type);
	return err ? err : index_by_bucket(types);
}

struct err *gotypes_add_made(struct gotypes *types, const struct types_from *from, size_t cnt,
			     const struct go_layout *layout, const struct made_types *made)
{
	_cleanup_(sections_fini) struct sections read = { 0 };
	_cleanup_free_ struct type_range *ranges = NULL;
	struct section s = { .layout = layout };
	struct err *err = read_sections(from, cnt, &read);

	if (!err)
		err = join(&read, made->pieces, made->piece_cnt, &ranges, &s.range_cnt);
	s.ranges = ranges;
	if (!err)
		err = collect_made(types, &s, made->maps, made->map_cnt);
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

static const struct map_type *find_own(const struct gotypes *types, uint64_t addr)
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
	const struct alias key = { .addr = addr }, *alias;
	const struct map_type *m = find_own(types, addr);

	if (m)
		return m;
	alias = vec_search(&types->aliases, &key, cmp_alias);
	return alias ? find_own(types, alias->of) : NULL;
}

static const struct map_type *first_of_bucket(const struct gotypes *types, uint64_t bucket)
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
	const struct alias key = { .addr = bucket }, *alias;
	const struct map_type *m = first_of_bucket(types, bucket);

	if (m)
		return m;
	alias = vec_search(&types->bucket_aliases, &key, cmp_alias);
	return alias ? first_of_bucket(types, alias->of) : NULL;
}
