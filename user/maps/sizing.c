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
	KEYS_A_BUCKET_MAX = 64, /* far above what hashing puts in one */
};

static uint64_t round_up_pow2(uint64_t v)
{
	return v <= 1 ? 1 : 1ull << (64 - __builtin_clzll(v - 1));
}

uint64_t sizing_swiss_table(uint64_t slots, const struct table_shape *s)
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
	uint64_t grown = splits ? 2 * sizing_swiss_table(slots, s)
				: sizing_swiss_table(2 * slots, s);

	return (tables - over) * sizing_swiss_table(slots, s) + over * grown +
	       alloc_size(dir * PTR_SZ, false, s->malloc_headers);
}

uint64_t sizing_classic_array(unsigned int b)
{
	return (1ull << b) + (b >= 4 ? 1ull << (b - 4) : 0);
}

uint64_t sizing_classic_array_bytes(unsigned int b, const struct table_shape *s)
{
	return alloc_size(sizing_classic_array(b) * s->bucket_sz, s->noscan, s->malloc_headers);
}

/* The number of overflow buckets that the buckets of an array chain. */
struct overflow {
	double mean;
	double variance;
};

/*
 * The keys of one of n buckets are binomial. Buckets share a fixed number of keys, so
 * what one has more than its share the others have less: the variance of the sum lacks
 * the part that goes with the keys.
 */
static struct overflow overflow_of(uint64_t len, uint64_t n)
{
	double p = pow(1 - 1.0 / n, len), keys = (double)len / n;
	double sum = 0, squares = 0, with_keys = 0;

	for (uint64_t k = 0; k < len && k < KEYS_A_BUCKET_MAX; k++) {
		p *= (double)(len - k) / (k + 1) / (n - 1); /* now of k + 1 keys */
		double chained = k / SLOTS;

		sum += p * chained;
		squares += p * chained * chained;
		with_keys += p * chained * (k + 1 - keys);
	}
	double variance = squares - sum * sum - with_keys * with_keys / (keys * (1 - 1.0 / n));
	return (struct overflow){ n * sum, variance > 0 ? n * variance : 0 };
}

/* The mean of what is above the limit, by the normal limit of the sum. */
static double mean_above(const struct overflow *o, double limit)
{
	double over = o->mean - limit, sd = sqrt(o->variance);

	if (limit == 0 || sd == 0)
		return over > 0 ? over : 0;
	double z = over / sd;
	return over * 0.5 * erfc(-z / M_SQRT2) + sd * exp(-z * z / 2) / sqrt(2 * M_PI);
}

/* S runtime/map.go makemap, overLoadFactor, makeBucketArray. */
uint64_t sizing_classic(uint64_t len, const struct table_shape *s)
{
	unsigned int b = 0;

	if (len == 0)
		return 0;
	while (len > SLOTS && len > s->load_num * ((1ull << b) / 2) && b < CLASSIC_B_MAX)
		b++;

	uint64_t asked = sizing_classic_array(b) * s->bucket_sz;
	uint64_t array = alloc_size(asked, s->noscan, s->malloc_headers);
	if (b == 0)
		return array;
	/* Rounding up leaves room for more overflow buckets inside the array. */
	uint64_t usable = array - alloc_header(asked, s->noscan, s->malloc_headers);
	uint64_t inside = b >= 4 ? usable / s->bucket_sz - (1ull << b) : 0;
	struct overflow overflow = overflow_of(len, 1ull << b);

	return array + mean_above(&overflow, inside) *
			       alloc_size(s->bucket_sz, s->noscan, s->malloc_headers);
}
