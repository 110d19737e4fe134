/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * shape.h - the type of a map from the memory of its table.
 *
 * The allocator notes the bucket or group type of large tables with pointers
 * (Go 1.22); else the object's size and the places of its pointers leave the map
 * types of the binary whose tables would look just like that.
 */
#ifndef MAPTRACE_MAPS_SHAPE_H
#define MAPTRACE_MAPS_SHAPE_H

#include <stdbool.h>
#include <stdint.h>

#include "heap/heap.h"
#include "heap/ptrbits.h"
#include "maps/mapinfo.h"
#include "process/blocks.h"

enum {
	/* Buckets are multiples of 8 up to 2,072 bytes, and the memory of an array is at most a
	 * fifth larger than that of the next smaller class: no more of them fit it. */
	SHAPE_SIZES_MAX = 64,
	SHAPE_FORMS_MAX = 8,
	SHAPE_READS = 2, /* that one piece of evidence takes at most */
	SHAPE_WORDS = PTR_MASK_SZ * 8,
	SHAPE_BITS_SZ = SHAPE_WORDS / 4 + 1,
	SHAPE_CACHE_SLOTS = 256,
};

/* What the heap knows of a table's memory. */
struct evidence {
	struct object o;
	uint16_t type_place, bits_place; /* in the blocks, of those that are wanted */
	uint64_t type_at; /* where the allocator notes a type; 0: nowhere */
	uint64_t type_word; /* that type; 0: none */
	bool type_read;
	bool has_bits;
	struct ptrbits bits; /* of the object's first words */
	const uint8_t *bit_bytes; /* NULL: not read; in the blocks that were, or here: */
	uint8_t own_bytes[SHAPE_BITS_SZ + PTRBITS_PAD];
};

struct shape {
	const struct map_type *type; /* NULL: unknown or ambiguous */
	uint16_t candidates;
	uint8_t source; /* enum type_source */
	uint8_t size_cnt;
	uint16_t sizes[SHAPE_SIZES_MAX]; /* distinct bucket sizes of the candidates */
	/* Candidates that differ in where a bucket keeps its keys and elems. */
	uint8_t form_cnt;
	const struct map_type *forms[SHAPE_FORMS_MAX];
};

/*
 * The same of tables of one bucket, in a small object that nothing but its size and one
 * word of pointer bits tells of: most of a swarm. What is known of such a map, when it is
 * read, follows from the shape and the number of its keys.
 */
struct small_shape {
	struct shape shape;
	uint64_t mask;
	uint8_t spanclass; /* 0: none */
	/* What rows_kind() said of the maps with so many keys that are in memory as a whole,
	 * plus 1; 0: not asked. */
	uint32_t kinds[BUCKET_SLOTS + 1];
};

/* Answers for evidence seen before: most maps of a process look like another. */
struct shape_cache;
struct shape_cache *shape_cache_new(void);
void shape_cache_free(struct shape_cache *cache);

/* Finds where the evidence for the object is; ev has no more than that. */
void evidence_place(const struct heap *heap, struct evidence *ev);

/* Nothing but its size tells of a small object without pointers: all has been read. */
static inline bool evidence_is_bare(const struct evidence *ev)
{
	return span_noscan(ev->o.span) && span_sizeclass(ev->o.span);
}

/* Wants it, where it lies together with other things. */
static inline void evidence_want(struct evidence *ev, struct blocks *blocks)
{
	if (ev->has_bits)
		ev->bits_place = blocks_want(blocks, ev->bits.addr, ev->bits.len);
	if (ev->type_at)
		ev->type_place = blocks_want(blocks, ev->type_at, sizeof(ev->type_word));
}

/* Takes it from the blocks; false when not all of it is there. */
static inline bool evidence_take(struct evidence *ev, const struct blocks *blocks)
{
	if (ev->has_bits)
		ev->bit_bytes = blocks_at(blocks, ev->bits_place, ev->bits.addr);
	if (ev->type_at) {
		const uint8_t *type = blocks_at(blocks, ev->type_place, ev->type_at);

		ev->type_read = type;
		ev->type_word = type ? load_u64(type, 0) : 0;
	}
	return (!ev->has_bits || ev->bit_bytes) && (!ev->type_at || ev->type_read);
}

/* Appends the reads of what was not taken; the caller does them, filling what cannot be
 * read with 0xff. Returns their number. */
size_t evidence_ask(struct evidence *ev, struct mem_req reqs[SHAPE_READS]);

/*
 * The type of a table of n buckets in that object. only_sz: its bucket size where that is
 * known, else 0. The cache has the answer, until it is asked again.
 */
const struct shape *shape_of(const struct heap *heap, struct shape_cache *cache,
			     const struct evidence *ev, uint64_t n, uint16_t only_sz);

/* The answer for a table of one bucket, as shape_of() gives it; NULL: it takes more to tell.
 * The kinds in it are of the rows since shape_forget_kinds(). */
struct small_shape *shape_of_small(const struct heap *heap, struct shape_cache *cache,
				   const struct evidence *ev);
void shape_forget_kinds(struct shape_cache *cache);

/* Reads the evidence for the object at addr. *ok_ret is false when there is none. */
struct err *evidence_read(struct heap *heap, uint64_t addr, struct evidence *ev, bool *ok_ret);

/* Of the types that shape_of() leaves, those which may_be() says yes to. */
typedef bool (*shape_may_be_fn)(void *ctx, const struct map_type *t);
struct shape shape_narrow(const struct heap *heap, const struct evidence *ev, uint64_t n,
			  uint16_t only_sz, shape_may_be_fn may_be, void *ctx);

/* Whether an object is what the allocator makes for a request of sz bytes. */
bool shape_alloc_fits(const struct heap *heap, const struct object *o, uint64_t sz);

/* Whether a table of n buckets of that type takes just such an object. */
bool shape_type_fits(const struct heap *heap, const struct object *o, const struct map_type *t,
		     uint64_t n);

/* Whether the bytes can be a swiss group of one of the candidates. */
bool shape_fits_group(const struct shape *shape, const uint8_t *group);

/* Copies the findings into a map's row. */
void shape_apply(const struct shape *shape, struct map_info *m);

#endif
