/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * records.h - decodes the bytes of a record.
 *
 * Knows the records of bpf/abi.h and, through struct trace_header_layout, the
 * words of a map header. Trusts neither: what does not fit is refused.
 */
#ifndef MAPTRACE_TRACE_RECORDS_H
#define MAPTRACE_TRACE_RECORDS_H

#include "trace/trace_result.h"

struct sites;

/* What one record of the rings says, or that a window is over. */
struct trace_record {
	bool is_window; /* `window` is set, and nothing else */
	enum abi_rec_kind kind;
	uint32_t func; /* of a map event: index in map_functions */
	union {
		struct trace_event map; /* ABI_REC_MAP_OP, ABI_REC_MAP_EVENT */
		struct trace_memcall memcall; /* ABI_REC_MEMCALL */
		struct trace_window window;
	};
};

/* False for bytes that are not a record. `sites` tells map functions from callers. */
bool record_decode(const void *data, size_t sz, const struct trace_header_layout *layout,
		   const struct sites *sites, struct trace_record *ret);

/* Fails with ERR_FORMAT when an offset points beyond the bytes that a record carries. */
struct err *header_layout_check(const struct trace_header_layout *layout);

#endif
