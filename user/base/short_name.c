// SPDX-License-Identifier: GPL-2.0-only
#include "base/short_name.h"

#include <stdbool.h>
#include <string.h>

/* "v2." says nothing without the element before it. */
static bool is_version(const char *element)
{
	size_t digits = *element == 'v' ? strspn(element + 1, "0123456789") : 0;

	return digits && element[1 + digits] == '.';
}

/* Where the last element of the path begins that a name of some length begins with. */
static const char *last_element(const char *name, size_t len)
{
	const char *slash = memrchr(name, '/', len);

	if (slash && is_version(slash + 1))
		slash = memrchr(name, '/', slash - name);
	return slash ? slash + 1 : name;
}

void name_short(const char *name, char *buf, size_t buf_sz)
{
	size_t len = 0;

	while (*name && len + 1 < buf_sz) {
		size_t part = strcspn(name, "[](){}*,; \"");
		const char *from = last_element(name, part);

		name += part + (name[part] != '\0');
		for (; from < name && len + 1 < buf_sz; from++)
			buf[len++] = *from;
	}
	buf[len] = '\0';
}
