/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * cleanup.h - release resources when their variable leaves scope.
 *
 * The attribute makes every early return safe. A function that hands its
 * resource to the caller ends in return_ptr(p) or clears the variable itself.
 */
#ifndef MAPTRACE_BASE_CLEANUP_H
#define MAPTRACE_BASE_CLEANUP_H

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define _cleanup_(fn) __attribute__((__cleanup__(fn)))

/* Defines the function that _cleanup_(NAME) calls for a pointer of TYPE. */
#define DEFINE_CLEANUP_PTR(type, free_fn, name)                                                    \
	static inline void name(type *p)                                                           \
	{                                                                                          \
		if (*p)                                                                            \
			free_fn(*p);                                                               \
	}

static inline void cleanup_free(void *p)
{
	free(*(void **)p);
}

static inline void cleanup_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

DEFINE_CLEANUP_PTR(FILE *, fclose, cleanup_fclose)
DEFINE_CLEANUP_PTR(DIR *, closedir, cleanup_closedir)

#define _cleanup_free_ _cleanup_(cleanup_free)
#define _cleanup_close_ _cleanup_(cleanup_close)
#define _cleanup_fclose_ _cleanup_(cleanup_fclose)
#define _cleanup_closedir_ _cleanup_(cleanup_closedir)

/* Moves the value out of an auto-released pointer. */
#define take_ptr(p)                                                                                \
	({                                                                                         \
		__auto_type taken_ = (p);                                                          \
		(p) = NULL;                                                                        \
		taken_;                                                                            \
	})

#define return_ptr(p) return take_ptr(p)

#endif
