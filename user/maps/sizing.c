// SPDX-License-Identifier: GPL-2.0-only
#include "maps/sizing.h"

#include <math.h>

#include "heap/sizeclass.h"
#include "process/mapheader.h"

enum {
	PTR_SZ = 8,
	CLASSIC_B_MAX = 48,
	KEYS_A_BUCKET_MAX = 64, /* far above what hashing puts in one */
	SLICE_SZ = 24,
	APPEND_DOUBLES_BELOW = 256,
	/* Fewer overflow buckets than that are counted one by one, not by the normal limit. */
	COUNTED_MAX = 32,
};

static uint64_t round_up_pow2(uint64_t v)
{
	return v <= 1 ? 1 : 1ull << (64 - __builtin_clzll(v - 1));
}

uint64_t sizing_swiss_table(uint64_t slots, const struct table_shape *s)
{
	return alloc_size(slots / BUCKET_SLOTS * s->bucket_sz, s->noscan, s->malloc_headers) +
	       alloc_size(SWISS_TABLE_SZ, false, s->malloc_headers);
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
	if (len <= BUCKET_SLOTS)
		return alloc_size(s->bucket_sz, s->noscan, s->malloc_headers);

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
	       alloc_size(dir * PTR_SZ, false, s->malloc_headers);
}

uint64_t sizing_classic_array(unsigned int b)
{
	return (1ull << b) + (b >= HMAP_PREALLOC_B ? 1ull << (b - HMAP_PREALLOC_B) : 0);
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
 * the part that goes with the keys. That is so for many buckets; the least that whole
 * numbers of such a mean vary by is nearly all of it for two or four.
 */
static struct overflow overflow_of(uint64_t len, uint64_t n)
{
	double p = pow(1 - 1.0 / n, len), keys = (double)len / n;
	double sum = 0, squares = 0, with_keys = 0;

	for (uint64_t k = 0; k < len && k < KEYS_A_BUCKET_MAX; k++) {
		p *= (double)(len - k) / (k + 1) / (n - 1); /* now of k + 1 keys */
		double chained = k / BUCKET_SLOTS;

		sum += p * chained;
		squares += p * chained * chained;
		with_keys += p * chained * (k + 1 - keys);
	}
	double variance = squares - sum * sum - with_keys * with_keys / (keys * (1 - 1.0 / n));
	double part = n * sum - floor(n * sum), least = part * (1 - part);
	return (struct overflow){ n * sum, fmax(n * variance, least) };
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

/* ---- the list of overflow buckets ---- */

struct list {
	uint64_t cap;
	uint64_t bytes; /* as allocated */
};

/* S runtime/slice.go growslice, for one pointer more than there is room for. */
static struct list list_grown(uint64_t cap, bool malloc_headers)
{
	uint64_t more = cap < APPEND_DOUBLES_BELOW ? cap : (cap + 3 * APPEND_DOUBLES_BELOW) / 4;
	uint64_t asked = (cap ? cap + more : 1) * PTR_SZ;
	uint64_t bytes = alloc_size(asked, false, malloc_headers);

	return (struct list){ (bytes - alloc_header(asked, false, malloc_headers)) / PTR_SZ,
			      bytes };
}

/*
 * The chance of one bucket more than limit after the other: buckets that overflow or not
 * are a binomial with that mean and variance, as if there were trials of it that need not
 * be a whole number. Go by limits that rise.
 */
struct tail {
	const struct overflow *of;
	double miss; /* the chance of a trial to be none: variance / mean */
	double just; /* P(N == at) */
	double above; /* P(N > at) */
	uint64_t at;
};

static struct tail tail_of(const struct overflow *o)
{
	double miss = o->mean > 0 ? o->variance / o->mean : 1;

	if (miss < 1e-3)
		miss = 1e-3;
	/* Without a variance below its mean it is Poisson's. */
	double none = fabs(1 - miss) < 1e-6 ? exp(-o->mean) : exp(o->mean / (1 - miss) * log(miss));
	return (struct tail){ .of = o, .miss = miss, .just = none, .above = 1 - none };
}

static double tail_above(struct tail *t, uint64_t limit)
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

/* The mean of what a list takes. All overflow buckets are listed, those inside the array
 * too (S runtime/map.go newoverflow). */
static double list_mean(const struct overflow *o, bool malloc_headers)
{
	struct tail tail = tail_of(o);
	struct list list = { 0 };
	double sum = 0, above;

	while ((above = tail_above(&tail, list.cap)) > 1e-9) {
		struct list grown = list_grown(list.cap, malloc_headers);

		sum += above * (grown.bytes - list.bytes);
		list = grown;
	}
	return sum;
}

/* What a map of 1 << b buckets keeps beside them. */
static double extra_mean(unsigned int b, const struct overflow *o, const struct table_shape *s)
{
	bool preallocated = b >= HMAP_PREALLOC_B;

	if (!s->noscan)
		return preallocated ? HMAP_EXTRA_SZ : 0;
	struct tail tail = tail_of(o);
	double listed = s->listed ? 1 : tail_above(&tail, 0);
	return (preallocated ? 1 : listed) * HMAP_EXTRA_SZ + listed * SLICE_SZ +
	       list_mean(o, s->malloc_headers);
}

/* S runtime/map.go makemap, overLoadFactor, makeBucketArray. */
uint64_t sizing_classic(uint64_t len, const struct table_shape *s)
{
	unsigned int b = 0;

	if (len == 0)
		return 0;
	while (len > classic_array_limit(1ull << b, s->load_num) && b < CLASSIC_B_MAX)
		b++;

	uint64_t asked = sizing_classic_array(b) * s->bucket_sz;
	uint64_t array = alloc_size(asked, s->noscan, s->malloc_headers);
	struct overflow overflow = { 0 };
	if (b == 0)
		return array + extra_mean(b, &overflow, s);
	/* Rounding up leaves room for more overflow buckets inside the array. */
	uint64_t usable = array - alloc_header(asked, s->noscan, s->malloc_headers);
	uint64_t inside = b >= HMAP_PREALLOC_B ? usable / s->bucket_sz - (1ull << b) : 0;
	overflow = overflow_of(len, 1ull << b);

	return array + extra_mean(b, &overflow, s) + 0.5 +
	       mean_above(&overflow, inside) *
		       alloc_size(s->bucket_sz, s->noscan, s->malloc_headers);
}
