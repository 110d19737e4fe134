// SPDX-License-Identifier: GPL-2.0-only
#include "maps/sizing.h"

#include <math.h>

#include "heap/sizeclass.h"

enum {
	SLOTS = 8,
	TABLE_MAX_SLOTS = 1024,
	TABLE_SZ = 32,
	PTR_SZ = 8,
	CLASSIC_B_MAX = 48,
};

static uint64_t round_up_pow2(uint64_t v)
{
	return v <= 1 ? 1 : 1ull << (64 - __builtin_clzll(v - 1));
}

/* Bytes of one table with this many slots, its descriptor included. */
static uint64_t table_bytes(uint64_t slots, const struct table_shape *s)
{
	return alloc_size(slots / SLOTS * s->bucket_sz, s->noscan, s->malloc_headers) +
	       alloc_size(TABLE_SZ, false, s->malloc_headers);
}

/* P(X > limit) for X keys in one of n tables: binomial, by its normal limit. */
static double overflow_chance(uint64_t len, uint64_t tables, uint64_t limit)
{
	double mean = (double)len / tables;
	double sd = sqrt(mean * (1 - 1.0 / tables));

	if (tables == 1)
		return len > limit;
	return 0.5 * erfc((limit + 0.5 - mean) / (sd * M_SQRT2));
}

/*
 * S internal/runtime/maps/map.go NewMap: the target of 8/7 slots a key is spread
 * over a power of two of tables, each rounded up to a power of two of slots. A
 * table that gets more than 7/8 doubles, or splits in two at 1024 slots.
 */
uint64_t sizing_swiss(uint64_t len, const struct table_shape *s)
{
	if (len == 0)
		return 0;
	if (len <= SLOTS)
		return alloc_size(s->bucket_sz, s->noscan, s->malloc_headers);

	uint64_t target = len * SLOTS / 7;
	uint64_t tables = round_up_pow2((target + TABLE_MAX_SLOTS - 1) / TABLE_MAX_SLOTS);
	uint64_t slots = target / tables < SLOTS ? SLOTS : round_up_pow2(target / tables);
	double over = overflow_chance(len, tables, slots == SLOTS ? 7 : slots * 7 / 8) * tables;
	bool splits = slots == TABLE_MAX_SLOTS;
	uint64_t dir = splits && over >= 0.5 ? 2 * tables : tables;
	uint64_t grown = splits ? 2 * table_bytes(slots, s) : table_bytes(2 * slots, s);

	return (tables - over) * table_bytes(slots, s) + over * grown +
	       alloc_size(dir * PTR_SZ, false, s->malloc_headers);
}

uint64_t sizing_classic_array(unsigned int b)
{
	return (1ull << b) + (b >= 4 ? 1ull << (b - 4) : 0);
}

/* Overflow buckets that a bucket with a Poisson number of keys needs on average. */
static double overflow_per_bucket(double mean)
{
	double p = exp(-mean), sum = 0;

	for (int k = 1; k <= 64; k++) {
		p *= mean / k;
		if (k > SLOTS)
			sum += p * ((k - SLOTS + SLOTS - 1) / SLOTS);
	}
	return sum;
}

/* S runtime/map.go makemap, overLoadFactor. */
uint64_t sizing_classic(uint64_t len, const struct table_shape *s)
{
	unsigned int b = 0;

	if (len == 0)
		return 0;
	while (len > SLOTS && len > s->load_num * ((1ull << b) / 2) && b < CLASSIC_B_MAX)
		b++;

	uint64_t array =
		alloc_size(sizing_classic_array(b) * s->bucket_sz, s->noscan, s->malloc_headers);
	/* Rounding up leaves room for more overflow buckets inside the array. */
	double inside = b >= 4 ? array / s->bucket_sz - (1ull << b) : 0;
	double needed = (1ull << b) * overflow_per_bucket((double)len / (1ull << b));
	double extra = b && needed > inside ? needed - inside : 0;

	return array + extra * alloc_size(s->bucket_sz, s->noscan, s->malloc_headers);
}
