// SPDX-License-Identifier: GPL-2.0-only
/* Finds what the ledger has above what the program uses. */
#include "model/finding.h"

struct err *findings_add_free_heap(struct findings *f, const struct finding_sources *s)
{
	uint64_t bytes = s->r->memory->row_bytes[ROW_FREE];

	return finding_add(f, &(struct finding){
				      .kind = FINDING_FREE_HEAP,
				      .severity = SEVERITY_WARN,
				      .bytes = bytes,
				      .gives_back = opt_if(true, bytes),
				      .certainty = SURE_CERTAIN,
			      });
}
