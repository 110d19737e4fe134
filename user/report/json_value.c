// SPDX-License-Identifier: GPL-2.0-only
#include "report/json_value.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

json_t *json_text(const char *s)
{
	json_t *j = s ? json_string(s) : json_null();

	if (j)
		return j;
	char *ascii = strdup(s);
	for (char *p = ascii; p && *p; p++)
		if (!isascii((unsigned char)*p))
			*p = '?';
	j = ascii ? json_string(ascii) : NULL;
	free(ascii);
	return j;
}

json_t *json_address(uint64_t addr)
{
	char buf[24];

	if (!addr)
		return json_null();
	snprintf(buf, sizeof(buf), "0x%" PRIx64, addr);
	return json_string(buf);
}

void set_error(json_t *o, const char *key, int error)
{
	set_text(o, key, error ? strerrorname_np(error) : NULL);
}
