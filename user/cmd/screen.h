/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * screen.h - the terminal, as a full screen: shows sheets, and gives keys. One at a time.
 *
 * It is as it was again after screen_close(), and at exit().
 */
#ifndef MAPTRACE_CMD_SCREEN_H
#define MAPTRACE_CMD_SCREEN_H

#include "base/err.h"
#include "report/sheet.h"

/* Fails if standard input or output is no terminal, or one that cannot be used. */
struct err *screen_open(void);
void screen_close(void);

/* After SIGWINCH: asks the terminal for its size. */
void screen_resize(void);

int screen_columns(void);
int screen_lines(void);

/* Whether the terminal shows UTF-8. */
bool screen_has_utf8(void);

void screen_show(const struct sheet *s);

enum screen_key {
	SCREEN_NOTHING = -1, /* no key is there now */
	/* Characters are themselves; the others: */
	SCREEN_UP = 0x1000,
	SCREEN_DOWN,
	SCREEN_PAGE_UP,
	SCREEN_PAGE_DOWN,
	SCREEN_HOME,
	SCREEN_END,
	SCREEN_ENTER,
	SCREEN_BACKSPACE,
	SCREEN_ESCAPE,
	SCREEN_OTHER,
};

/* The next key that was typed. Does not wait. */
int screen_key(void);

#endif
