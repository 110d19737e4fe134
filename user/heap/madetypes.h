/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * madetypes.h - map types that the program made at run time, by reflect.MapOf.
 *
 * Their descriptors are objects of the heap, and stay forever. Their pointers, and what every map
 * type has in common, tell them from other objects of the same size.
 */
#ifndef MAPTRACE_HEAP_MADETYPES_H
#define MAPTRACE_HEAP_MADETYPES_H

#include "heap/heap.h"

/*
 * Adds the map types that are there now to the types of the heap's program. No type of the
 * program may have been handed out yet. To be called once for a program. Reads nothing when the
 * program lacks reflect.MapOf. The search is bounded: prog->made says whether it saw everything.
 */
struct err *madetypes_add(struct heap *heap);

#endif
