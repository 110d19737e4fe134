// SPDX-License-Identifier: GPL-2.0-only
#include <inttypes.h>

#include "report/report.h"

void report_sites(const struct result *r, FILE *out)
{
	const struct result_traced *t = r->trace.traced;

	for (size_t i = 0; t && i < t->sites.len; i++) {
		const struct result_probe_site *s = &t->sites.data[i];

		fprintf(out, "%-6s %-44s ", map_op_words[s->op].name, s->function);
		if (s->probe)
			fprintf(out, "+0x%" PRIx64 "  %s: %s\n", s->offset, s->instruction,
				s->reason);
		else
			fprintf(out, "no probe: %s\n", s->reason);
	}
}
