/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * shape.h - the type of a map from the memory of its table.
 *
 * Since Go 1.22 the allocator notes the bucket or group type of large tables with pointers. Of
 * other tables there is the object's size and which of its words are pointers: these are the
 * evidence. A shape is the answer: the map types of the binary whose tables would look just
 * like that.
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
	/* The size of a bucket is a multiple of 8, at most 2,072 bytes, and the memory of an array
	 * is at most a fifth larger than that of the next smaller class. So at most this many
	 * sizes fit one array. */
	SHAPE_SIZES_MAX = 64,
	SHAPE_FORMS_MAX = 8,
	SHAPE_READS = 2, /* the reads that one piece of evidence takes at most */
	SHAPE_WORDS = PTR_MASK_SZ * 8,
	SHAPE_BITS_SZ = SHAPE_WORDS / 4 + 1,
	SHAPE_CACHE_SLOTS = 256,
};

/* What the heap knows of a table's memory. */
struct evidence {
	struct object o;
	uint16_t type_place, bits_place; /* of the type and the bits, in the blocks */
	uint64_t type_at; /* where the allocator notes a type; 0: nowhere */
	uint64_t type_word; /* that type; 0: none */
	bool type_read;
	bool has_bits;
	struct ptrbits bits; /* of the object's first words */
	const uint8_t *bit_bytes; /* in the blocks, or own_bytes; NULL: not read yet */
	uint8_t own_bytes[SHAPE_BITS_SZ + PTRBITS_PAD];
};

struct shape {
	const struct map_type *type; /* NULL: unknown or ambiguous */
	uint16_t candidates; /* map types that fit */
	uint8_t source; /* enum type_source */
	uint8_t size_cnt;
	uint16_t sizes[SHAPE_SIZES_MAX]; /* distinct bucket sizes of the candidates */
	/* Forms: candidates that differ in where a bucket keeps its keys and elems. */
	uint8_t form_cnt;
	const struct map_type *forms[SHAPE_FORMS_MAX];
};

/*
 * A shape for tables of one bucket in a small object, for which size and one word of pointer
 * bits are all the evidence. In a process with very many maps, most are of this sort. What is
 * known of such a map follows from its shape and its number of keys.
 */
struct small_shape {
	struct shape shape;
	uint64_t mask;
	uint8_t spanclass; /* 0: this entry of the cache is empty */
	/* By number of keys: what rows_kind() returned for such maps whose table is in memory as
	 * a whole, plus 1; 0: not asked yet. */
	uint32_t kinds[BUCKET_SLOTS + 1];
};

/* Keeps the answers for evidence seen before, for most maps of a process look like another one. */
struct shape_cache;
struct shape_cache *shape_cache_new(void);
void shape_cache_free(struct shape_cache *cache);

/* Finds where the evidence for ev->o is; nothing else of ev is set before. */
void evidence_place(const struct heap *heap, struct evidence *ev);

/* Whether the size is all the evidence: a small object without pointers. There is nothing to
 * read. */
static inline bool evidence_is_bare(const struct evidence *ev)
{
	return span_noscan(ev->o.span) && span_sizeclass(ev->o.span);
}

/* Asks the blocks for the evidence, in case it is close to other things. */
static inline void evidence_want(struct evidence *ev, struct blocks *blocks)
{
	if (ev->has_bits)
		ev->bits_place = blocks_want(blocks, ev->bits.addr, ev->bits.len);
	if (ev->type_at)
		ev->type_place = blocks_want(blocks, ev->type_at, sizeof(ev->type_word));
}

/* Takes the evidence from the blocks; false when not all of it is there. */
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

/* Appends the reads for what was not in the blocks, and returns their number. The caller does
 * them, and fills what cannot be read with 0xff. */
size_t evidence_ask(struct evidence *ev, struct mem_req reqs[SHAPE_READS]);

/*
 * The shape of a table of n buckets. only_sz: its bucket size when that is known, else 0. The
 * answer is the cache's, and valid until it is asked again.
 */
const struct shape *shape_of(const struct heap *heap, struct shape_cache *cache,
			     const struct evidence *ev, uint64_t n, uint16_t only_sz);

/* The same for a table of one bucket; NULL when there is other evidence than a small_shape has.
 * The caller sets the kinds in it, and calls shape_forget_kinds() when it starts with new rows. */
struct small_shape *shape_of_small(const struct heap *heap, struct shape_cache *cache,
				   const struct evidence *ev);
void shape_forget_kinds(struct shape_cache *cache);

/* Reads the evidence for the object at addr. *ok_ret is false when there is none. */
struct err *evidence_read(struct heap *heap, uint64_t addr, struct evidence *ev, bool *ok_ret);

/* The shape with only those types, of the ones that shape_of() finds, that may_be() is true
 * for. */
typedef bool (*shape_may_be_fn)(void *ctx, const struct map_type *t);
struct shape shape_narrow(const struct heap *heap, const struct evidence *ev, uint64_t n,
			  uint16_t only_sz, shape_may_be_fn may_be, void *ctx);

/* Whether an object is what the allocator makes for a request of sz bytes. */
bool shape_alloc_fits(const struct heap *heap, const struct object *o, uint64_t sz);

/* Whether a table of n buckets of that type takes just such an object. */
bool shape_type_fits(const struct heap *heap, const struct object *o, const struct map_type *t,
		     uint64_t n);

/* Whether the bytes can be a swiss group of one of the types. */
bool shape_fits_group(const struct shape *shape, const uint8_t *group);

/* Copies what the shape says into a row. */
void shape_apply(const struct shape *shape, struct map_info *m);

#endif
