// SPDX-License-Identifier: GPL-2.0-only
#include "cmd/color.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct err *color_parse(const char *arg, enum color_when *ret)
{
	if (!strcmp(arg, "auto"))
		*ret = COLOR_AUTO;
	else if (!strcmp(arg, "always"))
		*ret = COLOR_ALWAYS;
	else if (!strcmp(arg, "never"))
		*ret = COLOR_NEVER;
	else
		return err_new(ERR_USAGE, "--color: '%s' is neither auto, always nor never", arg);
	return NULL;
}

/* https://no-color.org: any value but an empty one. */
static bool color_is_unwanted(void)
{
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");

	return (no_color && *no_color) || !term || !strcmp(term, "dumb");
}

bool color_is_on(enum color_when when, bool to_stdout)
{
	if (when == COLOR_AUTO)
		return to_stdout && isatty(STDOUT_FILENO) && !color_is_unwanted();
	return when == COLOR_ALWAYS;
}
