/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * wordtypes.h - what the type of a key or elem says about the words that it is made of.
 *
 * Fields of structs and arrays are followed down to the words that do not fit every value:
 * pointers, strings, slices, interfaces, bools. Numbers may have any value.
 */
#ifndef MAPTRACE_PROCESS_WORDTYPES_H
#define MAPTRACE_PROCESS_WORDTYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { WORD_TYPES_MAX = 48, POINTEE_WORDS_MAX = 64 };

enum word_kind {
	WORD_BOOL,
	WORD_POINTER, /* points to one pointee */
	WORD_SLICE, /* pointer to pointees, len, cap */
	WORD_STRING, /* pointer, len */
	WORD_INTERFACE, /* with methods: its first word does not point to an object of the heap */
};

struct word_type {
	uint32_t off; /* in the first slot of the bucket */
	uint32_t stride; /* distance to the same word of the next slot */
	uint8_t kind; /* enum word_kind */
	bool not_nil; /* the map's own pointer, to a key or elem above 128 bytes */
	/* About the pointee. */
	bool has_ptrs;
	uint8_t align;
	uint8_t mask_words; /* number of its first words for which `mask` says which are pointers */
	uint64_t mask; /* these */
	uint64_t size; /* bytes */
};

struct word_types {
	struct word_type words[WORD_TYPES_MAX];
	size_t cnt;
	size_t visits; /* number of types seen; hostile ones may nest in each other */
};

struct section;

/* Where the slots of a bucket keep a key or elem. */
struct stored {
	uint64_t type; /* address of its descriptor */
	uint32_t off; /* in the bucket */
	uint32_t stride;
	uint32_t size; /* bytes in the slot */
	bool indirect; /* the slot holds a pointer to it */
};

/* Appends what is known. Leaves out words beyond WORD_TYPES_MAX, and types that nest too deep or
 * contradict themselves. */
void word_types_add(const struct section *s, const struct stored *stored, struct word_types *w);

#endif
