/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * names.h - the words in a result for values of enums that belong to lower layers.
 *
 * Words for enums of the result itself are in result_words.h. All texts are static.
 */
#ifndef MAPTRACE_MODEL_NAMES_H
#define MAPTRACE_MODEL_NAMES_H

#include <stdint.h>

#include "maps/mapinfo.h"
#include "process/halt.h"
#include "process/layout.h"
#include "trace/trace.h"

const char *name_map_kind(enum map_kind kind);
const char *name_consistency(enum consistency c);
const char *name_type_source(enum type_source s);
const char *name_growth(enum trace_growth g);
const char *name_memcall(enum abi_memcall call);
const char *name_mechanism(enum trace_attach a);

/* NULL for HALT_NONE: the target is not stopped. */
const char *name_halt(enum halt h);

/* The name of an advice of madvise(2), such as "MADV_DONTNEED"; NULL: it is not in our table. */
const char *name_advice(uint32_t advice);

#endif
