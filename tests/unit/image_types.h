/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * image_types.h - type descriptors of an image that are whole: with names, fields, packages.
 *
 * Functions return the address of the descriptor. Types of fields come first.
 */
#ifndef MAPTRACE_TESTS_IMAGE_TYPES_H
#define MAPTRACE_TESTS_IMAGE_TYPES_H

#include "image.h"

struct image_field {
	const char *name; /* NULL: the end */
	uint64_t type;
	uint64_t off;
	bool embedded;
};

enum { IMAGE_FIELDS_MAX = 32 };

/* Numbers and bools, by kind and size. */
uint64_t image_put_number(struct image *img, uint8_t kind, uint64_t size, const char *name);
uint64_t image_put_int(struct image *img);
uint64_t image_put_bool(struct image *img);
uint64_t image_put_string(struct image *img);
uint64_t image_put_unsafe_pointer(struct image *img);

/* not_in_heap: what is there is never in the heap. */
uint64_t image_put_pointer(struct image *img, uint64_t elem, const char *name, bool not_in_heap);
uint64_t image_put_slice(struct image *img, uint64_t elem, const char *name);
uint64_t image_put_chan(struct image *img, uint64_t elem, const char *name);
uint64_t image_put_func(struct image *img, const char *name);

/* The size is given, so that tests can say something wrong. Bit w of ptrs: word w is a pointer. */
uint64_t image_put_array(struct image *img, uint64_t elem, uint64_t len, uint64_t size,
			 uint64_t ptrs, const char *name);

/* An interface with that many methods; they are the same when `methods` is. */
uint64_t image_put_interface(struct image *img, const char *name, uint64_t cnt, uint32_t methods);

/* A struct. package: NULL for an unnamed one. */
uint64_t image_put_struct(struct image *img, const char *name, const char *package, uint64_t size,
			  uint64_t ptrs, const struct image_field *fields);

/* A map type whose buckets have a descriptor with fields; key and elem are in t. */
void image_put_map(struct image *img, struct image_type *t);

#endif
