/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * printable.h - text of a target's or a file's on a terminal. It may hold anything: bytes
 * that move the cursor, or marks that turn a line around.
 */
#ifndef MAPTRACE_BASE_PRINTABLE_H
#define MAPTRACE_BASE_PRINTABLE_H

/*
 * Bytes of the printable character that s begins with. 0: it begins with a control character,
 * with one that has no width or changes the direction of the text, or with bytes that are not
 * UTF-8; print '?' for one byte then.
 */
int printable_len(const char *s);

/* Replaces, in place, each byte that does not belong to a printable character by '?'. */
void printable_make(char *s);

#endif
