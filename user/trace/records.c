// SPDX-License-Identifier: GPL-2.0-only
#include "trace/records.h"

#include <string.h>

#include "base/cursor.h"
#include "base/err.h"
#include "trace/functions.h"
#include "trace/sites.h"

/*
 * Facts that process/mapheader.h has, too: trace does not include process/ (trace_opts.h).
 * Classic maps. Go source: runtime/map.go.
 */
#define CLASSIC_BUCKET_SLOTS 8
#define CLASSIC_B_MAX 48

/* Swiss maps, from Go 1.24 to 1.27. Go source: internal/runtime/maps. */
#define SWISS_GROUP_SLOTS 8
#define SWISS_TABLE_SLOTS_MAX 1024

struct header_field {
	uint32_t off;
	uint32_t sz;
};

static bool fields_fit(const struct header_field *fields, size_t cnt, uint32_t limit)
{
	for (size_t i = 0; i < cnt; i++) {
		if (fields[i].off > limit || fields[i].sz > limit - fields[i].off)
			return false;
	}
	return true;
}

static bool classic_layout_fits(const struct trace_header_layout *l)
{
	const struct header_field header[] = {
		{ l->live_keys_off, 8 },       { l->seed_off, 4 },
		{ l->classic.b_off, 1 },       { l->classic.noverflow_off, 2 },
		{ l->classic.buckets_off, 8 },
	};

	return fields_fit(header, sizeof(header) / sizeof(header[0]), l->header_sz);
}

static bool swiss_layout_fits(const struct trace_header_layout *l)
{
	const struct header_field header[] = {
		{ l->live_keys_off, 8 },
		{ l->seed_off, 4 },
		{ l->swiss.dir_ptr_off, 8 },
		{ l->swiss.dir_len_off, 8 },
	};
	const struct header_field table[] = {
		{ l->swiss.table_used_off, 2 },
		{ l->swiss.table_capacity_off, 2 },
		{ l->swiss.table_growth_left_off, 2 },
	};

	return fields_fit(header, sizeof(header) / sizeof(header[0]), l->header_sz) &&
	       fields_fit(table, sizeof(table) / sizeof(table[0]), ABI_TABLE_SZ);
}

struct err *header_layout_check(const struct trace_header_layout *layout)
{
	if (layout->header_sz <= ABI_HEADER_SZ &&
	    (layout->kind == TRACE_MAP_CLASSIC ? classic_layout_fits(layout)
					       : swiss_layout_fits(layout)))
		return NULL;
	return err_new(ERR_FORMAT, "the layout of a map header does not fit into %d bytes",
		       ABI_HEADER_SZ);
}

static uint64_t classic_slots_of(unsigned int b)
{
	return b <= CLASSIC_B_MAX ? (uint64_t)CLASSIC_BUCKET_SLOTS << b : 0;
}

/* hashGrow() doubles a map that is too full; otherwise it only tidies up overflow chains.
 * Too full means more than load_num keys per 2 buckets. */
static bool classic_is_overloaded(uint64_t live_keys, unsigned int b, uint32_t load_num)
{
	return live_keys > CLASSIC_BUCKET_SLOTS && live_keys > load_num * (((uint64_t)1 << b) / 2);
}

static void classic_header_read(const uint8_t *header, const struct trace_header_layout *l,
				struct trace_event *e)
{
	unsigned int b = load_u8(header, l->classic.b_off);

	e->slots_from = load_u64(header, l->classic.buckets_off) ? classic_slots_of(b) : 0;
	e->slots_to = e->slots_from;
	e->overflow_buckets = load_u16(header, l->classic.noverflow_off);
	if (e->op != ABI_OP_GROW || b > CLASSIC_B_MAX)
		return;
	if (classic_is_overloaded(e->live_keys + 1, b, l->classic.load_num)) {
		e->growth = TRACE_GROWTH_DOUBLE;
		e->slots_to = classic_slots_of(b + 1);
	} else {
		e->growth = TRACE_GROWTH_SAME_SIZE;
	}
}

static void swiss_header_read(const uint8_t *header, const struct trace_header_layout *l,
			      struct trace_event *e)
{
	e->tables = load_u64(header, l->swiss.dir_len_off);
	if (e->tables)
		return; /* the slots of a large map are in its tables */
	e->slots_from = load_u64(header, l->swiss.dir_ptr_off) ? SWISS_GROUP_SLOTS : 0;
	e->slots_to = e->slots_from;
	if (e->op == ABI_OP_GROW) {
		e->growth = TRACE_GROWTH_SMALL_TO_TABLE;
		e->slots_to = 2 * SWISS_GROUP_SLOTS;
	}
}

/* Reads the header of the table that grows or is pruned. */
static void table_header_read(const uint8_t *table, const struct trace_header_layout *l,
			      struct trace_event *e)
{
	uint64_t capacity = load_u16(table, l->swiss.table_capacity_off);
	uint64_t taken = (uint64_t)load_u16(table, l->swiss.table_used_off) +
			 load_u16(table, l->swiss.table_growth_left_off);
	uint64_t limit = capacity == SWISS_GROUP_SLOTS ? capacity - 1 : capacity * 7 / 8;

	e->slots_from = capacity;
	e->slots_to = capacity;
	e->tombstones = limit > taken ? limit - taken : 0;
	if (e->op != ABI_OP_GROW)
		return;
	e->growth = capacity < SWISS_TABLE_SLOTS_MAX ? TRACE_GROWTH_TABLE_DOUBLE
						     : TRACE_GROWTH_TABLE_SPLIT;
	e->slots_to = 2 * capacity;
}

/* Reads what both kinds of map records have. */
static void map_rec_read(const struct abi_map_rec *rec, const struct trace_header_layout *l,
			 struct trace_event *e)
{
	*e = (struct trace_event){
		.ktime_ns = rec->hdr.ktime_ns,
		.op = rec->op,
		.tid = rec->tid,
		.goroutine = rec->goroutine,
		.map = rec->map,
		.type = rec->type,
		.caller = rec->caller,
		.on_stack = rec->flags & ABI_MAP_ON_STACK,
		.live_known = rec->flags & ABI_MAP_HAS_HEADER,
		.hint = rec->op == ABI_OP_MAKE ? rec->n : 0,
	};
	memcpy(e->stack, rec->stack, sizeof(e->stack));
	if (!e->live_known)
		return;
	e->live_keys = load_u64(rec->header, l->live_keys_off);
	e->seed = load_u32(rec->header, l->seed_off);
	if (l->kind == TRACE_MAP_CLASSIC)
		classic_header_read(rec->header, l, e);
	else
		swiss_header_read(rec->header, l, e);
}

static bool map_rec_decode(const void *data, size_t sz, const struct trace_header_layout *l,
			   struct trace_record *ret)
{
	struct abi_map_rec rec;

	if (sz < sizeof(rec))
		return false;
	memcpy(&rec, data, sizeof(rec));
	if (rec.op >= ABI_OP_CNT || rec.func >= map_function_cnt)
		return false;
	ret->func = rec.func;
	map_rec_read(&rec, l, &ret->map);
	return true;
}

static bool map_event_rec_decode(const void *data, size_t sz, const struct trace_header_layout *l,
				 const struct sites *sites, struct trace_record *ret)
{
	struct abi_map_event_rec rec;

	if (sz < sizeof(rec) || !map_rec_decode(data, sz, l, ret))
		return false;
	memcpy(&rec, data, sizeof(rec));
	if (l->kind == TRACE_MAP_SWISS && (rec.base.flags & ABI_MAP_HAS_TABLE))
		table_header_read(rec.table_header, l, &ret->map);
	for (size_t i = 0; i < ABI_STACK_MAX && rec.base.stack[i]; i++) {
		ret->map.caller = rec.base.stack[i];
		if (!sites_contain(sites, rec.base.stack[i]))
			break;
	}
	return true;
}

static bool memcall_rec_decode(const void *data, size_t sz, struct trace_record *ret)
{
	struct abi_memcall_rec rec;

	if (sz < sizeof(rec))
		return false;
	memcpy(&rec, data, sizeof(rec));
	if (rec.call >= ABI_CALL_CNT)
		return false;
	ret->memcall = (struct trace_memcall){
		.ktime_ns = rec.hdr.ktime_ns,
		.call = rec.call,
		.tid = rec.tid,
		.detail = rec.detail,
		.flags = rec.flags,
		.addr = rec.addr,
		.length = rec.length,
		.result = rec.result,
		.ns = rec.ns,
	};
	memcpy(ret->memcall.stack, rec.stack, sizeof(ret->memcall.stack));
	return true;
}

bool record_decode(const void *data, size_t sz, const struct trace_header_layout *layout,
		   const struct sites *sites, struct trace_record *ret)
{
	struct abi_rec_hdr hdr;

	if (sz < sizeof(hdr))
		return false;
	memcpy(&hdr, data, sizeof(hdr));
	if (hdr.len > sz)
		return false;
	ret->is_window = false;
	ret->kind = hdr.kind;
	switch (hdr.kind) {
	case ABI_REC_MAP_OP:
		return map_rec_decode(data, hdr.len, layout, ret);
	case ABI_REC_MAP_EVENT:
		return map_event_rec_decode(data, hdr.len, layout, sites, ret);
	case ABI_REC_MEMCALL:
		return memcall_rec_decode(data, hdr.len, ret);
	case ABI_REC_FULL:
		return true; /* its only purpose was to wake us up */
	default:
		return false;
	}
}
