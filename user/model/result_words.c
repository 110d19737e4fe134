// SPDX-License-Identifier: GPL-2.0-only
#include "model/result_words.h"

const struct word ledger_remedy_words[REMEDY_CNT] = { LEDGER_REMEDIES(WORD_ROW) };
const struct word ledger_row_words[ROW_CNT] = { LEDGER_ROWS(WORD_ROW) };
const struct word ledger_region_words[REGION_CNT] = { LEDGER_REGIONS(WORD_ROW) };
const struct word reclaim_cause_words[CAUSE_CNT] = { RECLAIM_CAUSES(WORD_ROW) };
const struct word mem_reason_words[MEM_REASON_CNT] = { MEM_REASONS(WORD_ROW) };
const struct word map_op_words[MAP_OP_CNT] = { MAP_OPS(WORD_ROW) };
const struct word consistency_words[CONSISTENT_CNT] = { CONSISTENCIES(WORD_ROW) };
const struct word finding_severity_words[SEVERITY_CNT] = { SEVERITIES(WORD_ROW) };
const struct word finding_certainty_words[SURE_CNT] = { CERTAINTIES(WORD_ROW) };
const struct word verdict_state_words[STATE_CNT] = { VERDICT_STATES(WORD_ROW) };
const struct word finding_kind_words[FINDING_CNT] = { FINDINGS(WORD_ROW) };
const struct word holder_kind_words[HELD_BY_CNT] = { HOLDER_KINDS(WORD_ROW) };
const struct word sync_kind_words[SYNC_KIND_CNT] = { SYNC_KINDS(WORD_ROW) };
const struct word sync_form_words[SYNC_FORM_CNT] = { SYNC_FORMS(WORD_ROW) };
const struct word object_source_words[OBJECT_SOURCE_CNT] = { OBJECT_SOURCES(WORD_ROW) };
const struct word doubt_words[DOUBT_CNT] = { DOUBTS(WORD_ROW) };

#define REMEDY_ROW(row, name, text, remedy) [row] = remedy,

enum ledger_remedy ledger_row_remedy(enum ledger_row row)
{
	static const enum ledger_remedy remedies[ROW_CNT] = { LEDGER_ROWS(REMEDY_ROW) };

	return remedies[row];
}
