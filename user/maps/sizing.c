// SPDX-License-Identifier: GPL-2.0-only
#include "maps/sizing.h"

#include <math.h>

#include "heap/sizeclass.h"
#include "process/mapheader.h"

enum {
	PTR_SZ = 8,
	CLASSIC_B_MAX = 48,
	KEYS_A_BUCKET_MAX = 64, /* far more than hashing puts in one bucket */
	SLICE_SZ = 24,
	APPEND_DOUBLES_BELOW = 256,
	/* Overflow buckets are counted one by one up to this mean; above, by the normal limit. */
	COUNTED_MAX = 32,
};

static uint64_t round_up_pow2(uint64_t v)
{
	return v <= 1 ? 1 : 1ull << (64 - __builtin_clzll(v - 1));
}

/* Bytes allocated for a request of sz bytes: for buckets or groups, and for something with
 * pointers. */
static uint64_t alloc_buckets(const struct table_shape *s, uint64_t sz)
{
	return alloc_size(sz, s->noscan, s->malloc_headers);
}

static uint64_t alloc_pointers(const struct table_shape *s, uint64_t sz)
{
	return alloc_size(sz, /* noscan= */ false, s->malloc_headers);
}

uint64_t sizing_swiss_table(uint64_t slots, const struct table_shape *s)
{
	return alloc_buckets(s, slots / BUCKET_SLOTS * s->bucket_sz) +
	       alloc_pointers(s, SWISS_TABLE_SZ);
}

/* The chance that one of the tables gets more keys than limit. The number of keys is binomial;
 * this uses its normal limit. */
static double overflow_chance(uint64_t len, uint64_t tables, uint64_t limit)
{
	double mean = (double)len / tables;
	double sd = sqrt(mean * (1 - 1.0 / tables));

	if (tables == 1)
		return len > limit;
	return 0.5 * erfc((limit + 0.5 - mean) / (sd * M_SQRT2));
}

/*
 * Go source: internal/runtime/maps/map.go NewMap. It asks for 8/7 slots per key, and spreads them
 * over a power of two of tables, each rounded up to a power of two of slots. A table that gets
 * more keys than 7/8 of its slots doubles, or splits in two at 1024 slots.
 */
uint64_t sizing_swiss(uint64_t len, const struct table_shape *s)
{
	if (len == 0)
		return 0;
	if (len <= BUCKET_SLOTS)
		return alloc_buckets(s, s->bucket_sz);

	uint64_t target = len * BUCKET_SLOTS / 7;
	uint64_t tables =
		round_up_pow2((target + SWISS_TABLE_SLOTS_MAX - 1) / SWISS_TABLE_SLOTS_MAX);
	uint64_t slots = target / tables < BUCKET_SLOTS ? BUCKET_SLOTS
							: round_up_pow2(target / tables);
	double over = overflow_chance(len, tables, swiss_table_limit(slots)) * tables;
	bool splits = slots == SWISS_TABLE_SLOTS_MAX;
	uint64_t dir = splits && over >= 0.5 ? 2 * tables : tables;
	uint64_t grown = splits ? 2 * sizing_swiss_table(slots, s)
				: sizing_swiss_table(2 * slots, s);

	return (tables - over) * sizing_swiss_table(slots, s) + over * grown +
	       alloc_pointers(s, dir * PTR_SZ);
}

uint64_t sizing_classic_array(unsigned int b)
{
	return (1ull << b) + (b >= HMAP_PREALLOC_B ? 1ull << (b - HMAP_PREALLOC_B) : 0);
}

uint64_t sizing_classic_array_bytes(unsigned int b, const struct table_shape *s)
{
	return alloc_buckets(s, sizing_classic_array(b) * s->bucket_sz);
}

/* The number of overflow buckets that an array chains. */
struct overflow {
	double mean;
	double variance;
};

/*
 * The number of keys of one of n buckets is binomial. The buckets share a fixed number of keys, so
 * when one has more than its share, others have less: the part of the variance that comes from
 * the number of keys cancels out in the sum. This holds for many buckets. For two or four, nearly
 * all of the variance is what whole numbers with such a mean vary by at least.
 */
static struct overflow overflow_of(uint64_t len, uint64_t n)
{
	double p = pow(1 - 1.0 / n, len), keys = (double)len / n;
	double sum = 0, squares = 0, with_keys = 0;

	for (uint64_t k = 0; k < len && k < KEYS_A_BUCKET_MAX; k++) {
		p *= (double)(len - k) / (k + 1) / (n - 1); /* now the chance of k + 1 keys */
		double chained = k / BUCKET_SLOTS;

		sum += p * chained;
		squares += p * chained * chained;
		with_keys += p * chained * (k + 1 - keys);
	}
	double variance = squares - sum * sum - with_keys * with_keys / (keys * (1 - 1.0 / n));
	double part = n * sum - floor(n * sum), least = part * (1 - part);
	return (struct overflow){ n * sum, fmax(n * variance, least) };
}

/* The mean of the number above `limit`, by the normal limit of the sum. */
static double mean_above(const struct overflow *o, double limit)
{
	double over = o->mean - limit, sd = sqrt(o->variance);

	if (limit == 0 || sd == 0)
		return over > 0 ? over : 0;
	double z = over / sd;
	return over * 0.5 * erfc(-z / M_SQRT2) + sd * exp(-z * z / 2) / sqrt(2 * M_PI);
}

/* ---- the list of overflow buckets ---- */

struct bucket_list {
	uint64_t cap;
	uint64_t bytes; /* as allocated */
};

/* Go source: runtime/slice.go growslice, for one pointer more than there is room for. */
static struct bucket_list list_grown(const struct table_shape *s, uint64_t cap)
{
	uint64_t more = cap < APPEND_DOUBLES_BELOW ? cap : (cap + 3 * APPEND_DOUBLES_BELOW) / 4;
	uint64_t asked = (cap ? cap + more : 1) * PTR_SZ;
	uint64_t bytes = alloc_pointers(s, asked);
	uint64_t header = alloc_header(asked, /* noscan= */ false, s->malloc_headers);

	return (struct bucket_list){ (bytes - header) / PTR_SZ, bytes };
}

/*
 * Tells the chance of more overflow buckets than a limit, for one limit after the other; the
 * limits must rise. The number is taken for binomial with the given mean and variance; the
 * number of trials that follows from these need not be whole.
 */
struct overflow_tail {
	const struct overflow *of;
	double miss; /* the chance that a trial is not an overflow: variance / mean */
	double just; /* P(N == at) */
	double above; /* P(N > at) */
	uint64_t at;
};

static struct overflow_tail tail_of(const struct overflow *o)
{
	double miss = o->mean > 0 ? o->variance / o->mean : 1;

	if (miss < 1e-3)
		miss = 1e-3;
	/* When the variance is not below the mean, it is Poisson's distribution. */
	double none = fabs(1 - miss) < 1e-6 ? exp(-o->mean) : exp(o->mean / (1 - miss) * log(miss));
	return (struct overflow_tail){ .of = o, .miss = miss, .just = none, .above = 1 - none };
}

static double tail_above(struct overflow_tail *t, uint64_t limit)
{
	const struct overflow *o = t->of;

	if (o->mean > COUNTED_MAX)
		return 0.5 * erfc((limit + 0.5 - o->mean) / (sqrt(o->variance) * M_SQRT2));
	while (t->at < limit && t->just > 0) {
		t->just *= (o->mean - t->at * (1 - t->miss)) / t->miss / (t->at + 1);
		t->above -= t->just;
		t->at++;
	}
	return t->just > 0 && t->above > 0 ? t->above : 0;
}

/* The mean of what a list takes. All overflow buckets are listed, including those inside the array
 * (Go source: runtime/map.go newoverflow). */
static double list_mean(const struct overflow *o, const struct table_shape *s)
{
	struct overflow_tail tail = tail_of(o);
	struct bucket_list list = { 0 };
	double sum = 0, above;

	while ((above = tail_above(&tail, list.cap)) > 1e-9) {
		struct bucket_list grown = list_grown(s, list.cap);

		sum += above * (grown.bytes - list.bytes);
		list = grown;
	}
	return sum;
}

/* The mean of what a map of 1 << b buckets keeps beside its buckets. */
static double extra_mean(unsigned int b, const struct overflow *o, const struct table_shape *s)
{
	bool preallocated = b >= HMAP_PREALLOC_B;

	if (!s->noscan)
		return preallocated ? HMAP_EXTRA_SZ : 0;
	struct overflow_tail tail = tail_of(o);
	double listed = s->listed ? 1 : tail_above(&tail, 0);
	return (preallocated ? 1 : listed) * HMAP_EXTRA_SZ + listed * SLICE_SZ + list_mean(o, s);
}

/* Go source: runtime/map.go makemap, overLoadFactor, makeBucketArray. */
uint64_t sizing_classic(uint64_t len, const struct table_shape *s)
{
	unsigned int b = 0;

	if (len == 0)
		return 0;
	while (len > classic_array_limit(1ull << b, s->load_num) && b < CLASSIC_B_MAX)
		b++;

	uint64_t asked = sizing_classic_array(b) * s->bucket_sz;
	uint64_t array = alloc_buckets(s, asked);
	struct overflow overflow = { 0 };
	if (b == 0)
		return array + extra_mean(b, &overflow, s);
	/* Rounding up to a size class leaves room for more overflow buckets inside the array. */
	uint64_t usable = array - alloc_header(asked, s->noscan, s->malloc_headers);
	uint64_t inside = b >= HMAP_PREALLOC_B ? usable / s->bucket_sz - (1ull << b) : 0;
	overflow = overflow_of(len, 1ull << b);

	return array + extra_mean(b, &overflow, s) + 0.5 +
	       mean_above(&overflow, inside) * alloc_buckets(s, s->bucket_sz);
}
