/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * image.h - a Go process made by hand: memory without a process.
 *
 * An image is sparse memory and a small allocator that places objects as Go does: size classes,
 * malloc headers, pointer bits in the form of the layout. A test adds map types and maps, spoils
 * what it likes, and calls image_open(), which writes the runtime's own structures and opens the
 * heap with the code under test. All reads go through img->target.mem, where a test can watch
 * them or interfere.
 */
#ifndef MAPTRACE_TESTS_IMAGE_H
#define MAPTRACE_TESTS_IMAGE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/vec.h"
#include "heap/heap.h"
#include "maps/census.h"
#include "process/gotypes.h"
#include "process/program.h"

/* Addresses that are the same in every image. */
#define IMAGE_TEXT 0x401000ull
#define IMAGE_TYPES 0x500000ull
#define IMAGE_TYPES_SZ 0x20000ull
#define IMAGE_PCLNTAB 0x600000ull
#define IMAGE_ALLP 0x700000ull
#define IMAGE_MHEAP 0x710000ull
#define IMAGE_ALLGS 0x720000ull /* mapped when there are goroutines */
#define IMAGE_HEAP 0xc000000000ull
#define IMAGE_ARENA_INDEX 0x7f0000000000ull
#define IMAGE_ARENA_METAS 0x7f1000000000ull
#define IMAGE_MSPANS 0x7f2000000000ull
#define IMAGE_BITMAPS 0x7f3000000000ull
#define IMAGE_ALLSPANS 0x7f4000000000ull

/* Never mapped, so reads of it fail. */
#define IMAGE_NOWHERE 0x123400000000ull

enum { IMAGE_PAGE_SZ = 4096, IMAGE_SWEEPGEN = 10 };

#define CNT(a) (sizeof(a) / sizeof((a)[0]))

struct image_page {
	uint64_t addr;
	uint8_t *bytes;
};

/* A span under construction. Tests may change it before image_open(). */
struct image_span {
	uint64_t base;
	uint64_t mspan; /* address of its descriptor */
	uint64_t alloc_bits;
	uint64_t mark_bits;
	uint64_t elemsize;
	uint64_t large_type;
	uint32_t npages;
	uint32_t nelems;
	uint32_t used; /* slots that are given out */
	uint32_t freeindex;
	uint32_t sweepgen;
	uint8_t spanclass;
	uint8_t state;
};

struct image;

/* Called before each single read, merged ones included. May change the memory. */
typedef void (*image_hook_fn)(struct image *img, const struct mem_req *req);

struct image {
	VEC(struct image_page) pages; /* ascending */
	VEC(struct image_span) spans;
	VEC(uint64_t) gs; /* addresses of runtime.g */
	struct target target;
	struct program prog;
	struct moduledata plugin; /* its types, if there are any */
	struct heap *heap; /* set by image_open() */
	uint64_t heap_next; /* end of the last span */
	uint64_t type_next; /* end of the last type descriptor */
	uint64_t text_next; /* end of the last name or pointer mask */

	image_hook_fn hook;
	void *hook_ctx;
	uint64_t reads; /* single reads so far */
	bool gone; /* the process has exited */
};

/* Makes an empty process of Go 1.minor with GOEXPERIMENT. Free with image_free(). */
struct image *image_new(unsigned int minor, const char *experiments);
void image_free(struct image *img);

/* Makes a process without any memory, whose structures are at other addresses: those of a real
 * process. */
struct image_places {
	uint64_t mheap; /* of runtime.mheap_ */
	uint64_t allp; /* of runtime.allp */
	uint64_t types; /* of the type section */
	uint64_t etypes;
};
struct image *image_new_bare(unsigned int minor, const char *experiments,
			     const struct image_places *places);

/* ---- Memory ---- */

/* Writes bytes, and maps the pages that they need. */
void image_write(struct image *img, uint64_t addr, const void *src, size_t len);
void image_u64(struct image *img, uint64_t addr, uint64_t v);
void image_u32(struct image *img, uint64_t addr, uint32_t v);
void image_u16(struct image *img, uint64_t addr, uint16_t v);
void image_u8(struct image *img, uint64_t addr, uint8_t v);

/* Reads what was written, without going through img->target.mem. */
uint64_t image_get_u64(struct image *img, uint64_t addr);
uint8_t image_get_u8(struct image *img, uint64_t addr);

/* Maps zeroes over the range, or unmaps its pages. */
void image_zero(struct image *img, uint64_t addr, uint64_t len);
void image_unmap(struct image *img, uint64_t addr, uint64_t len);

/* Whether a read covers the byte at addr. */
bool image_covers(const struct mem_req *req, uint64_t addr);

/* ---- Types ---- */

/* A map type. Sizes are those in a slot: multiples of 8, or of something without pointers. */
struct image_type {
	const char *name;
	uint32_t key_sz;
	uint32_t elem_sz;
	uint32_t key_ptrs; /* bit w: word w of a key is a pointer */
	uint32_t elem_ptrs;
	bool named;
	bool split; /* 1.27: keys and elems are in two arrays */
	bool need_key_update; /* keys with the same bits may differ, as floats do */
	/* Descriptors of key and elem. They have the sizes above, or 8 when they are behind
	 * pointers. 0: some kind of integer. */
	uint64_t key_type;
	uint64_t elem_type;

	/* Set by image_add_type(). */
	uint64_t addr;
	uint64_t bucket; /* descriptor of a bucket or group */
	uint32_t bucket_sz;
	uint32_t slot_sz;
	uint32_t key_stride; /* from one key to the next; the first one is at 8 */
	uint32_t elems_off;
	uint32_t elem_stride;
	uint32_t ptr_bytes;
	uint8_t mask[PTR_MASK_SZ];
};

void image_add_type(struct image *img, struct image_type *type);

/* map[int]int, without pointers: groups of 136 bytes, buckets of 144. */
struct image_type image_int_to_int(void);

/* map[string]*main.T: groups of 200 bytes, buckets of 208. */
struct image_type image_string_to_ptr(void);

/* Adds a type that is not a map: its kind, size, the words that are pointers, and the three words
 * after abi.Type, which depend on the kind. Returns its address. */
uint64_t image_put_type(struct image *img, uint8_t kind, uint64_t sz, uint64_t ptrs,
			const uint64_t rest[3]);

/* ---- Objects ---- */

/* Allocates n words. Bit w of ptrs says that word w is a pointer; 0: noscan. */
uint64_t image_alloc_words(struct image *img, unsigned int n, uint64_t ptrs);

/* Allocates n pointers, as a directory has them. */
uint64_t image_alloc_ptrs(struct image *img, uint64_t n);

/* Allocates n buckets or groups of a map type. */
uint64_t image_alloc_buckets(struct image *img, const struct image_type *type, uint64_t n);

/* The span of an object, valid until the next allocation. */
struct image_span *image_span_of(struct image *img, uint64_t addr);

/* Frees the span of an object after image_open(), so that the heap that was read does not know. */
void image_free_span(struct image *img, uint64_t addr);

/* Makes it a span of that size class, whatever is in it. */
void image_set_class(const struct image *img, struct image_span *s, unsigned int class);

/* Writes the descriptor of a span again after image_open(), so that the heap that was read does
 * not know. */
void image_put_span(struct image *img, const struct image_span *s);

/* When the sweeper comes to a span that it frees. */
enum image_sweep {
	IMAGE_SWEEP_NEXT, /* in another cycle than the one in which the heap was read */
	IMAGE_SWEEP_PENDING, /* in the same cycle, after the heap was read */
	IMAGE_SWEEP_RUNNING, /* while the heap was read */
	IMAGE_SWEEP_ENDING, /* ... and it had counted already that nothing is left */
	IMAGE_SWEEP_CNT,
};

/* Opens the image in the middle of that. After it, image_free_span() alone frees the span. */
void image_open_amid_sweep(struct image *img, uint64_t addr, enum image_sweep when);

/* Sets, after image_open(), whether the arena index has an arena that was not there when the heap
 * was read. */
#define IMAGE_NEW_ARENA (IMAGE_HEAP + (7ull << ARENA_SHIFT))
void image_index_new_arena(struct image *img, bool made);

/* Sets an object's bit in the bitmap that the collector marks. */
void image_mark(struct image *img, uint64_t addr);

/* ---- Swiss maps ---- */

struct image_table {
	uint8_t local_depth;
	uint16_t capacity;
	uint16_t used;
	uint16_t tombstones;
};

/* These return the address of the header. */
uint64_t image_swiss_empty(struct image *img);
uint64_t image_swiss_small(struct image *img, const struct image_type *type, unsigned int used);
uint64_t image_swiss_map(struct image *img, const struct image_type *type, unsigned int depth,
			 const struct image_table *tables, size_t n);

/* Writes a header with these words; its directory may be anything. */
uint64_t image_swiss_header(struct image *img, uint64_t used, uint64_t dir, uint64_t dir_len,
			    uint8_t depth);

/* The address of the n-th different table of a map, and of its groups. */
uint64_t image_swiss_table(struct image *img, uint64_t map, size_t n);
uint64_t image_swiss_groups(struct image *img, uint64_t map, size_t n);

/* ---- Classic maps ---- */

/* Versions of Go that have classic maps, some with an experiment. */
extern const struct image_version {
	unsigned int minor;
	const char *experiments;
} image_classic_versions[6];

/* Values of tophash cells in a bucket: go-runtime facts 1.2. */
enum {
	IMAGE_EMPTY_REST = 0,
	IMAGE_EMPTY_ONE = 1,
	IMAGE_EVACUATED_X = 2, /* and Y, and empty */
	IMAGE_TOP_MIN = 5,
	IMAGE_TOP = 0x77, /* tophash of all keys, unless a test sets another */
};

enum { IMAGE_SAME_SIZE_GROW = 8 }; /* a flag */

/* Makes a map with n keys in 1 << b buckets, none of which has an overflow bucket. */
uint64_t image_classic_map(struct image *img, const struct image_type *type, unsigned int b,
			   uint64_t n);

/* Writes a header with these words. */
uint64_t image_classic_header(struct image *img, uint64_t count, uint8_t b, uint64_t buckets);

/* Makes an array of 1 << b base buckets and the overflow buckets that come with it. */
uint64_t image_classic_array(struct image *img, const struct image_type *type, unsigned int b);

/* Fills the first slots of a bucket, with tophash top, and links its overflow bucket. */
void image_classic_bucket(struct image *img, const struct image_type *type, uint64_t addr,
			  unsigned int filled, uint8_t top, uint64_t overflow);

/* The address of bucket i of a map's array, which includes preallocated overflow buckets. */
uint64_t image_classic_nth(struct image *img, uint64_t map, const struct image_type *type,
			   uint64_t i);

/* Makes an overflow bucket outside of any array. */
uint64_t image_classic_overflow(struct image *img, const struct image_type *type,
				unsigned int filled, uint64_t next);

/* Makes an old array whose first `evacuated` buckets have moved on; each of the others keeps 6
 * keys. */
uint64_t image_classic_old_array(struct image *img, const struct image_type *type, unsigned int b,
				 uint64_t evacuated);

/* Makes a map grow from those buckets. */
void image_classic_set_old(struct image *img, uint64_t map, uint64_t oldbuckets, uint8_t flags);

/* Gives a map a runtime.mapextra of its own. */
uint64_t image_classic_extra(struct image *img, uint64_t map);

/* Puts a list of overflow buckets with room for cap of them into a mapextra: the one of the array
 * (0), or of the old array (1). Returns the address of its slice header. */
uint64_t image_classic_list(struct image *img, uint64_t extra, int which, uint64_t len,
			    uint64_t cap);

/* ---- Goroutines ---- */

enum { IMAGE_G_RUNNING = 2, IMAGE_G_WAITING = 4, IMAGE_G_DEAD = 6 };

/* Adds a goroutine whose frames are the last `used` bytes of a stack of its own, of stack_sz
 * zeroes. Returns the end of the stack. */
uint64_t image_add_goroutine(struct image *img, uint32_t status, uint64_t stack_sz, uint64_t used);

/* Moves the header of a map to an address on a stack, and leaves the header of an empty map on
 * the heap. */
void image_move_header(struct image *img, uint64_t map, uint64_t to);

/* ---- The whole ---- */

/* Reads the types of all modules. */
struct err *image_read_types(struct image *img);

/* Writes the runtime's structures for everything that was allocated, and opens types and heap.
 * image_open() does the same, and fails the test when that fails. */
struct err *image_try_open(struct image *img);
void image_open(struct image *img);

/* ---- The census ---- */

/* Takes the census without a residency. The test frees it. */
struct census *image_census(struct image *img);

/* The row of a map, or NULL; valid during the next few calls. */
const struct map_info *image_map(const struct census *census, uint64_t addr);

/* The only row, which must be that of the map; valid until the next call. */
const struct map_info *image_only_row(const struct census *census, uint64_t map);

/* Expects an exact map without overflow buckets that does not grow. */
void image_expect_exact(const struct map_info *m, uint64_t live, uint64_t buckets, uint64_t bytes);

/* Expects a heap with no map but that one, which is suspect, or with no map at all. Frees the
 * image. */
void image_judge_suspect(struct image *img, uint64_t map, bool suspect, const char *what);

/* A map that changes while it is read. */
struct image_mover {
	uint64_t map;
	uint64_t place; /* memory that the change is about */
	int reads; /* number of reads of the header so far */
	int from, to; /* number of the first and last read before which it changes */
	void (*change)(struct image *img, struct image_mover *m);
};

/* Opens the image, takes a census during which the map changes, and frees the image. Returns the
 * only row, which must be that of the map. *found_ret says whether there is one. */
struct map_info image_census_moving(struct image *img, struct image_mover *m, bool *found_ret);

#endif
