// SPDX-License-Identifier: GPL-2.0-only
/* Finds sync.Maps that keep what was deleted. Tries keep none of that. */
#include "base/units.h"
#include "model/finding_words.h"

/* The figures of the finding. */
enum { SYNC_CNT, SYNC_DELETED, SYNC_LIVE, SYNC_KEY_BYTES };

static uint64_t sync_bytes_back(const struct result_sync_map *s)
{
	return s->deleted_keys ? s->gives_back_bytes + s->deleted_key_bytes : 0;
}

struct err *findings_add_sync_deleted(struct findings *f, const struct finding_sources *s)
{
	struct finding finding = {
		.kind = FINDING_SYNC_DELETED,
		.severity = SEVERITY_WARN,
		/* Who else has the keys is not known, nor which pages are resident. */
		.certainty = SURE_LIKELY,
	};
	uint64_t most = 0;

	for (size_t i = 0; i < s->r->sync_maps.len; i++) {
		const struct result_sync_map *m = &s->r->sync_maps.data[i];
		uint64_t bytes = sync_bytes_back(m);

		if (!bytes)
			continue;
		finding.bytes += bytes;
		finding.figures[SYNC_CNT]++;
		finding.figures[SYNC_DELETED] += m->deleted_keys;
		finding.figures[SYNC_LIVE] += m->live_keys;
		finding.figures[SYNC_KEY_BYTES] += m->deleted_key_bytes;
		if (bytes > most) {
			most = bytes;
			finding.holder = m->holder;
		}
	}
	finding.gives_back = opt_if(true, finding.bytes);
	return finding.bytes ? finding_add(f, &finding) : NULL;
}

struct finding_words finding_words_sync(struct pool *pool, const struct finding_facts *x)
{
	const uint64_t *n = x->f->figures;

	return (struct finding_words){
		.headline = pool_printf(pool, "%s %s %s for %s that %s deleted.",
					text_counted(n[SYNC_CNT], "sync.Map").s,
					n[SYNC_CNT] == 1 ? "keeps" : "keep",
					text_bytes(x->f->bytes).s,
					text_counted(n[SYNC_DELETED], "key").s,
					n[SYNC_DELETED] == 1 ? "was" : "were"),
		.evidence = pool_printf(
			pool,
			"%s %s found; %s of it are the deleted keys themselves. Go before 1.24 "
			"keeps them until new keys come, and then makes as large a table again.",
			text_counted(n[SYNC_LIVE], "key").s, n[SYNC_LIVE] == 1 ? "is" : "are",
			text_bytes(n[SYNC_KEY_BYTES]).s),
		.remedy = pool_printf(
			pool,
			"Take a new sync.Map with the keys that are left: about %s come back. Go "
			"1.24 and later keep no deleted keys.",
			text_bytes(x->f->bytes).s),
	};
}
