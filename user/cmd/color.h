/* SPDX-License-Identifier: GPL-2.0-only */
/* color.h - whether a text is coloured: --color, NO_COLOR, and where it goes. */
#ifndef MAPTRACE_CMD_COLOR_H
#define MAPTRACE_CMD_COLOR_H

#include <stdbool.h>

#include "base/err.h"

enum color_when { COLOR_AUTO, COLOR_ALWAYS, COLOR_NEVER };

#define COLOR_HELP                                                                                 \
	"Colour the text: auto (the default: on a terminal, unless NO_COLOR is set), always or "   \
	"never"

/* Parses the value of --color. */
struct err *color_parse(const char *arg, enum color_when *ret);

/* Whether the text is coloured; without to_stdout it goes to a file. */
bool color_is_on(enum color_when when, bool to_stdout);

#endif
