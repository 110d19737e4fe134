/* SPDX-License-Identifier: GPL-2.0-only */
/* tone.h - how good or bad a state is, for those who show it in a colour. */
#ifndef MAPTRACE_REPORT_TONE_H
#define MAPTRACE_REPORT_TONE_H

#include "model/result_words.h"

enum tone { TONE_PLAIN, TONE_GOOD, TONE_WARN, TONE_BAD, TONE_CNT };

static inline enum tone tone_of_verdict(enum verdict_state state)
{
	switch (state) {
	case STATE_FINE:
		return TONE_GOOD;
	case STATE_WASTEFUL:
	case STATE_GROWING:
		return TONE_WARN;
	case STATE_IN_DANGER:
		return TONE_BAD;
	case STATE_NOT_JUDGED:
	case STATE_CNT:
		break;
	}
	return TONE_PLAIN;
}

#endif
