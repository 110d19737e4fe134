// SPDX-License-Identifier: GPL-2.0-only
/* Texts of the kernel and of the build: mappings, smaps, build info, sizes, and names on their way
 * to the terminal. The first byte chooses. */
#include <stdio.h>

#include "fuzz.h"

#include "base/printable.h"
#include "base/short_name.h"
#include "base/units.h"
#include "process/buildinfo.h"
#include "process/procmaps.h"
#include "process/smaps.h"

static struct err *take_mapping(void *ctx, const struct smaps_mapping *m)
{
	(void)ctx;
	(void)m;
	return NULL;
}

static void look_at_smaps(char *text, size_t len)
{
	FILE *f = len ? fmemopen(text, len, "r") : NULL;

	if (!f)
		return;
	err_free(smaps_parse(f, take_mapping, NULL));
	fclose(f);
}

static void look_at_maps(char *text)
{
	char *rest = text, *line;
	struct procmap m;

	while ((line = strsep(&rest, "\n")))
		if (procmap_parse(line, &m))
			fuzz_expect(m.start < m.end);
}

static void look_at_units(const char *text)
{
	char name[64], least[1];
	uint64_t number;

	name_short(text, name, sizeof(name));
	name_short(text, least, sizeof(least));
	parse_bytes(text, &number);
	parse_duration(text, &number);
}

static void look_at_build(const char *text, size_t len)
{
	struct buildinfo info;
	struct err *err = buildinfo_parse((const uint8_t *)text, len, &info);

	if (!err) {
		fuzz_expect(memchr(info.version, 0, sizeof(info.version)) != NULL);
		fuzz_expect(memchr(info.main_path, 0, sizeof(info.main_path)) != NULL);
	}
	err_free(err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	if (!len)
		return 0;
	char *text = malloc(len);
	size_t n = len - 1;

	memcpy(text, data + 1, n);
	text[n] = '\0';
	switch (data[0] % 4) {
	case 0:
		look_at_smaps(text, n);
		break;
	case 1:
		look_at_maps(text);
		break;
	case 2:
		look_at_units(text);
		break;
	default:
		look_at_build(text, n);
	}
	free(text);
	return 0;
}
