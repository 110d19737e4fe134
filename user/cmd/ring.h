/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ring.h - a directory of reports, of which the oldest ones go when there are too many.
 *
 * The files are PREFIX-TIME.json.gz with the time in UTC, so that their names are in the order of
 * their times. Other files of the directory stay as they are.
 */
#ifndef MAPTRACE_CMD_RING_H
#define MAPTRACE_CMD_RING_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/vec.h"

struct ring {
	const char *dir; /* not owned */
	uint64_t keep; /* at most so many files */
	uint64_t max_bytes; /* which are together at most so large; but the newest one stays */
	int lock_fd; /* of a file in the directory: two writers would remove each other's files */
};

struct ring_names {
	VEC(char *) list; /* paths, oldest first */
};

/* Makes the directory if it is not there, for us alone, and locks it. ERR_USAGE: it cannot be used,
 * or another maptrace writes to it. Close with ring_close(). */
struct err *ring_open(const char *dir, uint64_t keep, uint64_t max_bytes, struct ring *ret);
void ring_close(struct ring *ring);

/* Adds a compressed copy of a file, with the time of now, then removes what is too much. */
struct err *ring_keep(const struct ring *ring, const char *path);

/* Where a report can be written before it is added: a file in the directory. */
struct err *ring_draft(const struct ring *ring, char *ret, size_t size);

/* The reports of a directory. Fails if it cannot be read. Free with ring_names_fini(). */
struct err *ring_list(const char *dir, struct ring_names *ret);
void ring_names_fini(struct ring_names *names);

#endif
