// SPDX-License-Identifier: GPL-2.0-only
#include "maps/fuller.h"

#include <string.h>

#include "base/cursor.h"
#include "process/mapheader.h"

enum {
	FULLER_PLACES = 64, /* of a map that are looked at */
	FULLER_PLACE_SZ = 4096,
	FULLER_SLOTS_MIN = 1000, /* empty slots that a sample must have */
	FULLER_USED_PERCENT = 2, /* of them: more were used before */
};

struct fuller_sample {
	struct mem *mem;
	const struct residency *residency;
	const struct map_info *m;
	bool swiss;
	uint64_t empty;
	uint64_t used_before; /* those of the empty ones that have bytes of a key */
};

static bool fuller_read(struct fuller_sample *s, uint64_t addr, void *dst, uint32_t len)
{
	struct mem_req req = { .addr = addr, .len = len, .dst = dst };
	struct err *err = residency_read(s->residency, s->mem, &req);

	err_free(err);
	return !err && req.ok;
}

static bool fuller_is_zero(const uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (p[i])
			return false;
	return true;
}

static bool fuller_is_empty(const struct fuller_sample *s, uint8_t ctrl)
{
	return s->swiss ? ctrl == SWISS_CTRL_EMPTY : ctrl <= 1;
}

/* Counts the empty slots of a bucket or group. */
static void fuller_count(struct fuller_sample *s, const uint8_t *bucket)
{
	const struct slots *l = &s->m->type->slots;

	for (unsigned int i = 0; i < BUCKET_SLOTS; i++) {
		size_t off = l->keys_off + (size_t)i * l->key_stride;

		if (!fuller_is_empty(s, bucket[i]) || off + l->key_sz > s->m->bucket_sz)
			continue;
		s->empty++;
		s->used_before += !fuller_is_zero(bucket + off, l->key_sz);
	}
}

/* Without a type nobody knows where the keys are: then only buckets without any key count. */
static void fuller_count_untyped(struct fuller_sample *s, const uint8_t *bucket)
{
	for (unsigned int i = 0; i < BUCKET_SLOTS; i++)
		if (!fuller_is_empty(s, bucket[i]))
			return;
	s->empty += BUCKET_SLOTS;
	if (!fuller_is_zero(bucket + BUCKET_SLOTS, s->m->bucket_sz - BUCKET_SLOTS))
		s->used_before += BUCKET_SLOTS;
}

/* Looks at some of the cnt buckets or groups at base. */
static void fuller_look(struct fuller_sample *s, uint64_t base, uint64_t cnt, uint64_t place)
{
	uint8_t buf[FULLER_PLACE_SZ];
	uint64_t sz = s->m->bucket_sz, n = sizeof(buf) / sz;

	n = n < cnt ? n : cnt;
	uint64_t first = cnt > n ? place * 0x9e3779b97f4a7c15 % (cnt - n) : 0;
	if (!n || !fuller_read(s, base + first * sz, buf, (uint32_t)(n * sz)))
		return;
	for (uint64_t i = 0; i < n; i++)
		(s->m->type ? fuller_count : fuller_count_untyped)(s, buf + i * sz);
}

/* False: nothing can be said. */
static bool fuller_sample_classic(struct fuller_sample *s, const struct classic_layout *l)
{
	uint8_t h[64];

	if (l->buckets + 8 > sizeof(h) || l->oldbuckets + 8 > sizeof(h) ||
	    !fuller_read(s, s->m->addr, h, sizeof(h)) || load_u64(h, l->oldbuckets) ||
	    load_u8(h, HMAP_B) > 40)
		return false;
	for (uint64_t i = 0; i < FULLER_PLACES; i++)
		fuller_look(s, load_u64(h, l->buckets), UINT64_C(1) << load_u8(h, HMAP_B), i);
	return true;
}

static void fuller_look_at_table(struct fuller_sample *s, uint64_t table, uint64_t place)
{
	uint8_t t[SWISS_TABLE_SZ];

	if (!fuller_read(s, table, t, sizeof(t)) ||
	    load_u64(t, SWISS_TABLE_LENGTH_MASK) >= SWISS_TABLE_SLOTS_MAX)
		return;
	fuller_look(s, load_u64(t, SWISS_TABLE_GROUPS), load_u64(t, SWISS_TABLE_LENGTH_MASK) + 1,
		    place);
}

static bool fuller_sample_swiss(struct fuller_sample *s)
{
	uint8_t h[SWISS_MAP_SZ];

	if (!fuller_read(s, s->m->addr, h, sizeof(h)))
		return false;
	uint64_t dir = load_u64(h, SWISS_MAP_DIR_PTR), len = load_u64(h, SWISS_MAP_DIR_LEN);
	if (load_u64(h, SWISS_MAP_CLEAR_SEQ) || !len || len > UINT64_C(1) << 40)
		return false;
	for (uint64_t i = 0; i < FULLER_PLACES; i++) {
		uint64_t at = (uint64_t)((double)len * (double)i / FULLER_PLACES), table;

		if (fuller_read(s, dir + 8 * at, &table, sizeof(table)))
			fuller_look_at_table(s, table, i);
	}
	return true;
}

static bool fuller_can_tell(const struct map_info *m)
{
	const struct map_type *t = m->type;

	return m->noscan && m->bucket_sz > BUCKET_SLOTS && m->bucket_sz <= FULLER_PLACE_SZ &&
	       (!t || (!t->bucket_ptr_bytes && t->slots.key_sz && m->bucket_sz == t->bucket_sz));
}

enum fuller fuller_of(const struct heap *heap, const struct residency *residency,
		      const struct map_info *m)
{
	const struct go_layout *layout = &heap->prog->layout;
	struct fuller_sample s = {
		.mem = &heap->prog->target->mem,
		.residency = residency,
		.m = m,
		.swiss = layout->kind == MAP_SWISS,
	};

	if (!fuller_can_tell(m) ||
	    !(s.swiss ? fuller_sample_swiss(&s) : fuller_sample_classic(&s, &layout->classic)) ||
	    s.empty < FULLER_SLOTS_MIN)
		return FULLER_UNKNOWN;
	if (s.used_before * 100 > s.empty * FULLER_USED_PERCENT)
		return FULLER_ONCE;
	return s.swiss ? FULLER_NEVER : FULLER_NEVER_OR_CLEARED;
}
