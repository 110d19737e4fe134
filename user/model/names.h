/* SPDX-License-Identifier: GPL-2.0-only */
/* names.h - the words of a result for the values of enums that other layers own. */
#ifndef MAPTRACE_MODEL_NAMES_H
#define MAPTRACE_MODEL_NAMES_H

#include <stddef.h>
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

/* NULL for HALT_NONE. */
const char *name_halt(enum halt h);

/* "MADV_DONTNEED"; NULL for advice without a name here. */
const char *name_advice(uint32_t advice);

#endif
