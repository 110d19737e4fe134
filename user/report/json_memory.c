// SPDX-License-Identifier: GPL-2.0-only
/* Memory by what it is used for, by span class and by the runtime's own count. */
#include "report/json_parts.h"

#include <stdio.h>

#include "report/json_value.h"

/* Resident bytes: the rows and what is unexplained sum to rss_bytes. */
static json_t *memory_rows(const struct ledger *l)
{
	json_t *a = json_array();

	for (enum ledger_row i = 0; i < ROW_CNT; i++) {
		json_t *o = json_object();

		set_text(o, "row", ledger_row_name(i));
		set_u64(o, "resident_bytes", l->rows[i]);
		set_text(o, "remedy", ledger_remedy_name(ledger_row_remedy(i)));
		set_u64(o, "gives_back_bytes", l->gives_back[i]);
		json_array_append_new(a, o);
	}
	return a;
}

static json_t *memory_regions(const struct ledger *l)
{
	json_t *a = json_array();

	for (enum ledger_region i = 0; i < REGION_CNT; i++) {
		json_t *o = json_object();

		set_text(o, "region", ledger_region_name(i));
		set_u64(o, "resident_bytes", l->regions[i].bytes);
		set_u64(o, "swap_bytes", l->regions[i].swap_bytes);
		set_known(o, "huge_page_bytes", l->source == ADDRSPACE_SCAN,
			  l->regions[i].huge_bytes);
		json_array_append_new(a, o);
	}
	return a;
}

json_t *json_memory(const struct watch *w)
{
	static const char *const sources[] = {
		[ADDRSPACE_SCAN] = "pagemap_scan",
		[ADDRSPACE_PAGEMAP] = "pagemap",
		[ADDRSPACE_SMAPS] = "smaps",
	};

	if (!w->snap)
		return json_null();

	const struct ledger *l = &w->snap->ledger;
	json_t *o = json_object();

	set_u64(o, "rss_bytes", l->rss_bytes);
	for (enum ledger_row i = 0; i < ROW_CNT; i++) {
		char key[32];

		snprintf(key, sizeof(key), "%s_bytes", ledger_row_name(i));
		set_u64(o, key, l->rows[i]);
	}
	set(o, "unexplained_bytes", json_integer(l->unexplained_bytes));
	set_u64(o, "swap_bytes", l->sums.swap_bytes);
	set_u64(o, "huge_page_bytes", l->sums.huge_bytes);
	set_u64(o, "hugetlb_bytes", l->hugetlb_bytes);
	set_u64(o, "lazy_free_bytes", l->sums.lazy_free_bytes);
	set_u64(o, "locked_bytes", l->sums.locked_bytes);
	set_text(o, "source", sources[l->source]);
	set_text(o, "coarse_because", l->source == ADDRSPACE_SMAPS ? l->why_coarse : NULL);
	set_text(o, "missing", l->missing);
	set(o, "rows", memory_rows(l));
	set(o, "regions", memory_regions(l));
	return o;
}

static json_t *class_row(const struct watch *w, unsigned int spanclass)
{
	const struct class_use *c = &w->snap->ledger.occupancy.classes[spanclass];
	json_t *o = json_object(), *bins_list = json_array();
	uint64_t tables = w->snap->census->class_bytes[spanclass];

	set_known(o, "slot_bytes", spanclass > 1, sizeclass_bytes(spanclass >> 1));
	set_bool(o, "pointers", !(spanclass & 1));
	set_u64(o, "spans", c->span_cnt);
	set_u64(o, "span_bytes", c->span_bytes);
	set_u64(o, "slots", c->slot_cnt);
	set_u64(o, "objects", c->object_cnt);
	set_u64(o, "object_bytes", c->object_bytes);
	set_u64(o, "map_table_bytes", tables < c->object_bytes ? tables : c->object_bytes);
	set_u64(o, "resident_bytes", c->resident.bytes);
	set_u64(o, "free_resident_bytes", c->free_resident_bytes);
	set_u64(o, "pinned_bytes", class_pinned_bytes(c));
	set_u64(o, "unswept_spans", c->unswept_cnt);
	for (int i = 0; i < OCCUPANCY_BINS; i++)
		json_array_append_new(bins_list, json_u64(c->bins[i]));
	set(o, "spans_by_tenths_in_use", bins_list);
	return o;
}

static json_t *free_pages(const struct watch *w)
{
	const struct pagealloc *pa = &w->snap->pages;
	uint64_t largest = 0;
	json_t *o = json_object();

	for (size_t i = 0; i < pa->free.len; i++) {
		uint64_t len = (uint64_t)pa->free.data[i].npages * GO_PAGE_SZ;

		largest = len > largest ? len : largest;
	}
	set_u64(o, "free_ranges", pa->free.len);
	set_u64(o, "largest_free_bytes", largest);
	set_u64(o, "busy_chunk_bytes", w->snap->ledger.free_busy.bytes);
	set_u64(o, "partial_page_bytes", w->snap->ledger.free_partial_bytes);
	set_u64(o, "huge_excess_bytes", w->snap->ledger.rows[ROW_HUGE_EXCESS]);
	return o;
}

json_t *json_fragmentation(const struct watch *w)
{
	if (!w->snap)
		return json_null();

	json_t *o = json_object(), *classes = json_array();

	for (unsigned int i = 0; i < SPANCLASS_CNT; i++)
		if (w->snap->ledger.occupancy.classes[i].span_cnt)
			json_array_append_new(classes, class_row(w, i));
	set(o, "span_classes", classes);
	set(o, "pages", free_pages(w));
	return o;
}

/* The runtime's own terms (MemStats, gcController), resident or not. */
json_t *json_heap(const struct watch *w)
{
	if (!w->snap)
		return json_null();

	const struct class_use *use = &w->snap->ledger.occupancy.total;
	json_t *o = json_object();

	set_u64(o, "in_use_bytes", w->snap->heap->in_use_bytes);
	set_u64(o, "manual_bytes", w->snap->heap->manual_bytes);
	set_u64(o, "free_bytes", w->snap->pages.free_bytes);
	set_u64(o, "released_bytes", w->snap->pages.released_bytes);
	set_u64(o, "spans_in_use", w->snap->heap->span_cnt);
	set_u64(o, "object_bytes", use->object_bytes);
	set_u64(o, "unused_bytes", w->snap->heap->in_use_bytes - use->object_bytes);
	return o;
}
