// SPDX-License-Identifier: GPL-2.0-only
/*
 * Prints one row of user/process/layout_rows.inc, from the DWARF of a Go program.
 * Part of scripts/gen-layouts.sh.
 *
 *	layout_row MINOR PROGRAM
 */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "process/debug_file.h"
#include "process/dwarf_layout.h"

/* The first version with a choice between the two kinds of maps. */
enum { MINOR_SWISS = 24 };

struct field {
	const char *name;
	size_t at; /* a uint32_t */
};

#define FIELD(type, member)                                                                        \
	{                                                                                          \
#member, offsetof(struct type, member)                                             \
	}

static const struct field mspan_fields[] = {
	FIELD(mspan_layout, size),	 FIELD(mspan_layout, start_addr),
	FIELD(mspan_layout, npages),	 FIELD(mspan_layout, freeindex),
	FIELD(mspan_layout, nelems),	 FIELD(mspan_layout, index_width),
	FIELD(mspan_layout, alloc_bits), FIELD(mspan_layout, gcmark_bits),
	FIELD(mspan_layout, sweepgen),	 FIELD(mspan_layout, spanclass),
	FIELD(mspan_layout, state),	 FIELD(mspan_layout, elemsize),
	FIELD(mspan_layout, large_type), FIELD(mspan_layout, alloc_count),
	FIELD(mspan_layout, specials),
};

static const struct field mheap_fields[] = {
	FIELD(mheap_layout, chunks),	   FIELD(mheap_layout, in_use_ranges),
	FIELD(mheap_layout, sweepgen),	   FIELD(mheap_layout, allspans),
	FIELD(mheap_layout, pages_in_use), FIELD(mheap_layout, arenas),
	FIELD(mheap_layout, heap_arenas),  FIELD(mheap_layout, arena_spans),
	FIELD(mheap_layout, p_pcache),	   FIELD(mheap_layout, summary),
	FIELD(mheap_layout, scav_chunks),  FIELD(mheap_layout, heap_arena_sz),
};

static const struct field classic_fields[] = {
	FIELD(classic_layout, header_sz),  FIELD(classic_layout, buckets),
	FIELD(classic_layout, oldbuckets), FIELD(classic_layout, nevacuate),
	FIELD(classic_layout, extra),	   FIELD(classic_layout, load_num),
};

static const struct field swiss_fields[] = {
	FIELD(swiss_layout, header_sz),
	FIELD(swiss_layout, tombstone_possible),
};

static const struct field maptype_fields[] = {
	FIELD(maptype_layout, size),	 FIELD(maptype_layout, flags),
	FIELD(maptype_layout, slot_sz),	 FIELD(maptype_layout, elem_off),
	FIELD(maptype_layout, keys_off), FIELD(maptype_layout, bucket_sz),
};

static const struct field g_fields[] = {
	FIELD(g_layout, status),      FIELD(g_layout, goid), FIELD(g_layout, wait_since),
	FIELD(g_layout, wait_reason), FIELD(g_layout, gopc),
};

static const struct field gc_fields[] = {
	FIELD(gc_layout, last_gc_unix),
	FIELD(gc_layout, pause_total_ns),
	FIELD(gc_layout, pause_ns),
	FIELD(gc_layout, pause_end),
	FIELD(gc_layout, numgc),
	FIELD(gc_layout, numforcedgc),
	FIELD(gc_layout, cpu_fraction),
	FIELD(gc_layout, percent),
	FIELD(gc_layout, memory_limit),
	FIELD(gc_layout, percent_goal),
	FIELD(gc_layout, sweep_min_trigger),
	FIELD(gc_layout, triggered),
	FIELD(gc_layout, heap_live),
	FIELD(gc_layout, heap_scan),
	FIELD(gc_layout, last_heap_scan),
	FIELD(gc_layout, heap_marked),
	FIELD(gc_layout, heap_in_use),
	FIELD(gc_layout, heap_released),
	FIELD(gc_layout, heap_free),
	FIELD(gc_layout, total_alloc),
	FIELD(gc_layout, total_free),
	FIELD(gc_layout, mapped_ready),
	FIELD(gc_layout, cpu_gc),
	FIELD(gc_layout, cpu_gc_idle),
	FIELD(gc_layout, cpu_all),
	FIELD(gc_layout, cpu_gc_1_19),
	FIELD(gc_layout, mspan_sys),
	FIELD(gc_layout, mcache_sys),
};

static void print_fields(const char *name, const void *data, const struct field *fields, size_t cnt)
{
	printf("\t\t.%s = {\n", name);
	for (size_t i = 0; i < cnt; i++) {
		uint32_t value = *(const uint32_t *)((const char *)data + fields[i].at);

		printf("\t\t\t.%s = ", fields[i].name);
		if (value == OFF_NONE)
			printf("OFF_NONE,\n");
		else
			printf("%u,\n", value);
	}
	printf("\t\t},\n");
}

#define PRINT_FIELDS(layout, part)                                                                 \
	print_fields(#part, &(layout)->part, part##_fields,                                        \
		     sizeof(part##_fields) / sizeof(part##_fields[0]))

static const char *bitmap_name(enum heap_bitmap bitmap)
{
	switch (bitmap) {
	case HEAP_BITMAP_ARENA_2BIT:
		return "HEAP_BITMAP_ARENA_2BIT";
	case HEAP_BITMAP_ARENA_1BIT:
		return "HEAP_BITMAP_ARENA_1BIT";
	case HEAP_BITMAP_SPAN:
		break;
	}
	return "HEAP_BITMAP_SPAN";
}

static void print_row(unsigned int minor, const struct go_layout *l)
{
	bool classic = l->kind == MAP_CLASSIC;

	printf("\t{\n\t\t.name = \"go1.%u%s\",\n", minor,
	       classic && minor >= MINOR_SWISS ? " noswissmap" : "");
	printf("\t\t.since_minor = %u,\n", minor);
	printf("\t\t.kind = %s,\n", classic ? "MAP_CLASSIC" : "MAP_SWISS");
	printf("\t\t.bitmap = %s,\n", bitmap_name(l->bitmap));
	printf("\t\t.inline_marks = %s,\n", l->inline_marks ? "true" : "false");
	printf("\t\t.moduledata_types = %u,\n", l->moduledata_types);
	printf("\t\t.moduledata_etypes = %u,\n", l->moduledata_etypes);
	PRINT_FIELDS(l, mspan);
	PRINT_FIELDS(l, mheap);
	if (classic)
		PRINT_FIELDS(l, classic);
	else
		PRINT_FIELDS(l, swiss);
	PRINT_FIELDS(l, maptype);
	PRINT_FIELDS(l, g);
	printf("\t\t.moduledata_gofunc = %u,\n", l->moduledata_gofunc);
	PRINT_FIELDS(l, gc);
	printf("\t},\n");
}

int main(int argc, char **argv)
{
	struct go_layout layout = { .name = NULL };

	if (argc != 3) {
		fprintf(stderr, "usage: layout_row MINOR PROGRAM\n");
		return EXIT_USAGE;
	}
	struct err *err = dwarf_layout_read(argv[2], DEBUG_DIR, UINT64_MAX, &layout);
	if (err) {
		fprintf(stderr, "layout_row: %s: %s\n", argv[2], err->msg);
		return err_exit_code(err);
	}
	print_row(strtoul(argv[1], NULL, 10), &layout);
	return EXIT_OK;
}
