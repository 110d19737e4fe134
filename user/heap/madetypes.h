/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * madetypes.h - map types that the program made at run time, by reflect.MapOf.
 *
 * Their descriptors are objects of the heap, which stay for ever. They are told from
 * other objects of that size by their pointers and by what every map type has.
 */
#ifndef MAPTRACE_HEAP_MADETYPES_H
#define MAPTRACE_HEAP_MADETYPES_H

#include "heap/heap.h"

/*
 * Adds those that there are now to the types of the heap's program, which must not have
 * been handed out yet; once for a program. Reads nothing when the program lacks
 * reflect.MapOf. The search is bounded: prog->made says whether it saw everything.
 */
struct err *madetypes_add(struct heap *heap);

#endif
