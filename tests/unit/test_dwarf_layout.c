// SPDX-License-Identifier: GPL-2.0-only
/*
 * Programs with nothing but DWARF, written here byte by byte: the structures of a runtime as Go's
 * linker describes them, and then with every kind of error.
 */
#include <dwarf.h>
#include <fcntl.h>
#include <gelf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "maps/scan.h"
#include "process/dwarf_apart.h"
#include "process/dwarf_layout.h"

/* ---- .debug_info ---- */

enum abbrev { UNIT = 1, STRUCT, MEMBER, BASE, CONSTANT, TYPEDEF };

static const struct {
	uint8_t tag;
	bool has_children;
	uint8_t attrs[8]; /* attribute, form, and so on, ended by a 0 */
} abbrevs[] = {
	[UNIT] = { DW_TAG_compile_unit,
		   true,
		   { DW_AT_name, DW_FORM_string, DW_AT_language, DW_FORM_data1 } },
	[STRUCT] = { DW_TAG_structure_type,
		     true,
		     { DW_AT_name, DW_FORM_string, DW_AT_byte_size, DW_FORM_data4 } },
	[MEMBER] = { DW_TAG_member,
		     false,
		     { DW_AT_name, DW_FORM_string, DW_AT_data_member_location, DW_FORM_data4,
		       DW_AT_type, DW_FORM_ref_addr } },
	[BASE] = { DW_TAG_base_type,
		   false,
		   { DW_AT_name, DW_FORM_string, DW_AT_byte_size, DW_FORM_data4 } },
	[CONSTANT] = { DW_TAG_constant,
		       false,
		       { DW_AT_name, DW_FORM_string, DW_AT_const_value, DW_FORM_data4 } },
	[TYPEDEF] = { DW_TAG_typedef,
		      false,
		      { DW_AT_name, DW_FORM_string, DW_AT_type, DW_FORM_ref_addr } },
};

struct writer {
	uint8_t abbrev[256];
	size_t abbrev_len;
	uint8_t info[16384];
	size_t len;
	size_t unit; /* where the open unit starts */
	int version;
};

static void put_abbrevs(struct writer *w)
{
	uint8_t *p = w->abbrev;

	for (enum abbrev i = UNIT; i <= TYPEDEF; i++) {
		*p++ = i;
		*p++ = abbrevs[i].tag;
		*p++ = abbrevs[i].has_children;
		for (const uint8_t *a = abbrevs[i].attrs; *a; a++)
			*p++ = *a;
		*p++ = 0;
		*p++ = 0;
	}
	*p++ = 0;
	w->abbrev_len = p - w->abbrev;
}

static void put(struct writer *w, uint64_t value, size_t len)
{
	assert_true(w->len + len <= sizeof(w->info));
	for (size_t i = 0; i < len; i++)
		w->info[w->len++] = value >> (8 * i);
}

static void put_text(struct writer *w, const char *text)
{
	for (; *text; text++)
		put(w, *text, 1);
	put(w, 0, 1);
}

static uint32_t put_die(struct writer *w, enum abbrev abbrev, const char *name)
{
	uint32_t at = w->len;

	put(w, abbrev, 1);
	put_text(w, name);
	return at;
}

static void unit_start(struct writer *w, const char *name, int language)
{
	w->unit = w->len;
	put(w, 0, 4); /* the length, filled in when it is known */
	put(w, w->version, 2);
	if (w->version >= 5) {
		put(w, DW_UT_compile, 1);
		put(w, 8, 1);
		put(w, 0, 4);
	} else {
		put(w, 0, 4);
		put(w, 8, 1);
	}
	put_die(w, UNIT, name);
	put(w, language, 1);
}

static void unit_end(struct writer *w)
{
	size_t end;

	put(w, 0, 1);
	end = w->len;
	w->len = w->unit;
	put(w, end - w->unit - 4, 4);
	w->len = end;
}

static uint32_t put_base(struct writer *w, const char *name, uint32_t size)
{
	uint32_t at = put_die(w, BASE, name);

	put(w, size, 4);
	return at;
}

static uint32_t put_typedef(struct writer *w, const char *name, uint32_t type)
{
	uint32_t at = put_die(w, TYPEDEF, name);

	put(w, type, 4);
	return at;
}

static void put_constant(struct writer *w, const char *name, uint32_t value)
{
	put_die(w, CONSTANT, name);
	put(w, value, 4);
}

static uint32_t struct_start(struct writer *w, const char *name, uint32_t size)
{
	uint32_t at = put_die(w, STRUCT, name);

	put(w, size, 4);
	return at;
}

static void put_member(struct writer *w, const char *name, uint32_t off, uint32_t type)
{
	put_die(w, MEMBER, name);
	put(w, off, 4);
	put(w, type, 4);
}

static void struct_end(struct writer *w)
{
	put(w, 0, 1);
}

/* ---- a runtime ---- */

/* What the tests change, and the types of members. */
struct runtime {
	int dwarf_version;
	bool classic;
	bool old_names; /* names as up to 1.20 */
	bool slot_sz; /* swiss maps as up to 1.26 */
	bool other_maptype; /* has the name of the other kind's map type, too */
	uint32_t bitmap_sz; /* of heapArena; 0: it has none */
	uint32_t inline_marks_sz;
	uint32_t load_num;
	uint32_t page_sz;
	uint32_t start_addr; /* in mspan */
	uint32_t mspan_sz;
	uint32_t header_sz;
	uint32_t seed; /* in Map */
	uint32_t etypes;
	const char *unit; /* name of the unit with the types */
	const char *without; /* leaves this member out */
	bool endless_typedef; /* as the type of mheap.pages */

	uint32_t word, word2, byte, bitmap; /* offsets of their types */
};

static const struct runtime swiss_runtime = {
	.dwarf_version = 5,
	.inline_marks_sz = 128,
	.page_sz = 8192,
	.start_addr = 24,
	.mspan_sz = 160,
	.header_sz = 48,
	.seed = 8,
	.etypes = 312,
	.unit = "runtime",
};

static const struct runtime classic_runtime = {
	.dwarf_version = 4,
	.classic = true,
	.load_num = 13,
	.page_sz = 8192,
	.start_addr = 24,
	.mspan_sz = 160,
	.header_sz = 48,
	.etypes = 304,
	.unit = "runtime",
};

static void add(struct writer *w, const struct runtime *r, const char *name, uint32_t off,
		uint32_t type)
{
	if (!r->without || strcmp(name, r->without))
		put_member(w, name, off, type);
}

static void put_mspan(struct writer *w, const struct runtime *r)
{
	struct_start(w, "runtime.mspan", r->mspan_sz);
	add(w, r, "startAddr", r->start_addr, r->word);
	add(w, r, "npages", 32, r->word);
	add(w, r, "freeindex", 48, r->word2);
	add(w, r, "nelems", 50, r->word2);
	add(w, r, "allocBits", 64, r->word);
	add(w, r, "gcmarkBits", 72, r->word);
	add(w, r, "sweepgen", 88, r->word);
	add(w, r, "allocCount", 96, r->word2);
	add(w, r, "spanclass", 98, r->byte);
	add(w, r, "state", 99, r->byte);
	add(w, r, "elemsize", 104, r->word);
	add(w, r, "specials", 128, r->word);
	add(w, r, "largeType", 152, r->word);
	struct_end(w);
}

static void put_mheap(struct writer *w, const struct runtime *r)
{
	uint32_t ranges = struct_start(w, "runtime.addrRanges", 32);

	add(w, r, "ranges", 8, r->word);
	struct_end(w);
	uint32_t index = struct_start(w, "runtime.scavengeIndex", 24);
	add(w, r, "chunks", 0, r->word);
	struct_end(w);
	uint32_t scav = struct_start(w, "runtime.scav", 24);
	add(w, r, "index", 0, index);
	struct_end(w);
	uint32_t pages = struct_start(w, "runtime.pageAlloc", 65700);
	add(w, r, "summary", 0, r->word);
	add(w, r, "chunks", 120, r->word);
	add(w, r, "scav", 65632, scav);
	add(w, r, "inUse", 65672, put_typedef(w, "runtime.pageAlloc", ranges));
	struct_end(w);

	pages = put_typedef(w, "runtime.pageAlloc", r->endless_typedef ? w->len : pages);
	struct_start(w, "runtime.mheap", 93464);
	add(w, r, "pages", 8, pages);
	add(w, r, "sweepgen", 65856, r->word);
	add(w, r, "allspans", 65864, r->word);
	add(w, r, "pagesInUse", 65888, r->word);
	add(w, r, "arenas", 66008, r->word);
	add(w, r, r->old_names ? "allArenas" : "heapArenas", 66096, r->word);
	struct_end(w);
}

static void put_g(struct writer *w, const struct runtime *r)
{
	uint32_t stack = struct_start(w, "runtime.stack", 16);

	add(w, r, "lo", 0, r->word);
	add(w, r, "hi", 8, r->word);
	struct_end(w);
	uint32_t gobuf = struct_start(w, "runtime.gobuf", 48);
	add(w, r, "sp", 0, r->word);
	struct_end(w);
	struct_start(w, "runtime.g", 440);
	add(w, r, "stack", 0, stack);
	add(w, r, "sched", 56, gobuf);
	add(w, r, "atomicstatus", 144, r->word2);
	struct_end(w);
}

static void put_others(struct writer *w, const struct runtime *r)
{
	struct_start(w, "runtime.heapArena", 69648);
	if (r->bitmap_sz)
		add(w, r, "bitmap", 0, r->bitmap);
	add(w, r, "spans", 16, r->word);
	struct_end(w);
	struct_start(w, "runtime.p", 10000);
	add(w, r, "pcache", 64, r->word);
	struct_end(w);
	put_g(w, r);
	struct_start(w, "runtime.moduledata", 568);
	add(w, r, "pcHeader", 0, r->word);
	add(w, r, "funcnametab", 8, r->word);
	add(w, r, "pclntable", 104, r->word);
	add(w, r, "ftab", 128, r->word);
	add(w, r, "text", 176, r->word);
	add(w, r, "etext", 184, r->word);
	add(w, r, "types", 296, r->word);
	add(w, r, "etypes", r->etypes, r->word);
	add(w, r, "gofunc", r->etypes + 16, r->word);
	struct_end(w);
	if (r->inline_marks_sz) {
		struct_start(w, "runtime.spanInlineMarkBits", r->inline_marks_sz);
		struct_end(w);
	}
}

static void put_classic(struct writer *w, const struct runtime *r)
{
	bool old = r->old_names;

	struct_start(w, "runtime.hmap", r->header_sz);
	add(w, r, "count", 0, r->word);
	add(w, r, "flags", 8, r->byte);
	add(w, r, "B", 9, r->byte);
	add(w, r, "noverflow", 10, r->word2);
	add(w, r, "hash0", 12, r->word2);
	add(w, r, "buckets", 16, r->word);
	add(w, r, "oldbuckets", 24, r->word);
	add(w, r, "nevacuate", 32, r->word);
	add(w, r, "extra", 40, r->word);
	struct_end(w);
	struct_start(w, old ? "runtime.maptype" : "internal/abi.OldMapType", 88);
	add(w, r, old ? "key" : "Key", 48, r->word);
	add(w, r, old ? "elem" : "Elem", 56, r->word);
	add(w, r, old ? "bucket" : "Bucket", 64, r->word);
	add(w, r, old ? "keysize" : "KeySize", 80, r->byte);
	add(w, r, old ? "elemsize" : "ValueSize", 81, r->byte);
	add(w, r, old ? "bucketsize" : "BucketSize", 82, r->word2);
	add(w, r, old ? "flags" : "Flags", 84, r->word2);
	struct_end(w);
}

static void put_swiss_maptype(struct writer *w, const struct runtime *r)
{
	struct_start(w, r->slot_sz ? "internal/abi.SwissMapType" : "internal/abi.MapType",
		     r->slot_sz ? 112 : 136);
	add(w, r, "Key", 48, r->word);
	add(w, r, "Elem", 56, r->word);
	add(w, r, "Group", 64, r->word);
	if (r->slot_sz) {
		add(w, r, "SlotSize", 88, r->word);
		add(w, r, "ElemOff", 96, r->word);
		add(w, r, "Flags", 104, r->word2);
	} else {
		add(w, r, "KeysOff", 88, r->word);
		add(w, r, "KeyStride", 96, r->word);
		add(w, r, "ElemsOff", 104, r->word);
		add(w, r, "ElemStride", 112, r->word);
		add(w, r, "ElemOff", 120, r->word);
		add(w, r, "Flags", 128, r->word2);
	}
	struct_end(w);
}

static void put_swiss(struct writer *w, const struct runtime *r)
{
	uint32_t groups = struct_start(w, "internal/runtime/maps.groupsReference", 16);

	add(w, r, "data", 0, r->word);
	add(w, r, "lengthMask", 8, r->word);
	struct_end(w);
	struct_start(w, "internal/runtime/maps.table", 32);
	add(w, r, "used", 0, r->word2);
	add(w, r, "capacity", 2, r->word2);
	add(w, r, "growthLeft", 4, r->word2);
	add(w, r, "localDepth", 6, r->byte);
	add(w, r, "index", 8, r->word);
	add(w, r, "groups", 16, groups);
	struct_end(w);
	struct_start(w, "internal/runtime/maps.Map", r->header_sz);
	add(w, r, "used", 0, r->word);
	add(w, r, "seed", r->seed, r->word);
	add(w, r, "dirPtr", 16, r->word);
	add(w, r, "dirLen", 24, r->word);
	add(w, r, "globalDepth", 32, r->byte);
	add(w, r, "globalShift", 33, r->byte);
	add(w, r, "writing", 34, r->byte);
	add(w, r, "tombstonePossible", 35, r->byte);
	add(w, r, "clearSeq", 40, r->word);
	struct_end(w);
	put_swiss_maptype(w, r);
}

/* As in real files, some units have nothing, one has the constants, and another one the types. */
static void put_runtime(struct writer *w, struct runtime r)
{
	*w = (struct writer){ .version = r.dwarf_version };
	put_abbrevs(w);
	unit_start(w, "runtime", DW_LANG_C89);
	unit_end(w);
	unit_start(w, "runtime", DW_LANG_Go);
	put_constant(w, "runtime.pageSize", r.page_sz);
	if (r.load_num) {
		put_constant(w, "runtime.loadFactorNum", r.load_num);
		put_constant(w, "runtime.loadFactorDen", 2);
	}
	unit_end(w);
	unit_start(w, "main", DW_LANG_Go);
	put_constant(w, "runtime.loadFactorNum", 99);
	unit_end(w);

	unit_start(w, r.unit, DW_LANG_Go);
	r.word = put_base(w, "uintptr", 8);
	r.word2 = put_base(w, "uint16", 2);
	r.byte = put_typedef(w, "runtime.spanClass", put_base(w, "uint8", 1));
	r.bitmap = put_base(w, "[]uint8", r.bitmap_sz);
	put_mspan(w, &r);
	put_mheap(w, &r);
	put_others(w, &r);
	if (r.classic)
		put_classic(w, &r);
	else
		put_swiss(w, &r);
	if (r.other_maptype) {
		struct_start(w, r.classic ? "internal/abi.SwissMapType" : "internal/abi.OldMapType",
			     88);
		struct_end(w);
	}
	unit_end(w);
}

/* ---- files ---- */

struct dir {
	char path[64];
	char program[80];
};

static int make_dir(void **state)
{
	static struct dir dir;

	snprintf(dir.path, sizeof(dir.path), "/tmp/maptrace-dwarf.XXXXXX");
	if (!mkdtemp(dir.path))
		return -1;
	snprintf(dir.program, sizeof(dir.program), "%s/program", dir.path);
	*state = &dir;
	return 0;
}

static int remove_dir(void **state)
{
	struct dir *dir = *state;
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", dir->path);
	return system(command);
}

struct part {
	const char *name; /* NULL: there is none */
	const void *data;
	size_t len;
	bool compressed;
};

enum { PARTS_MAX = 4 };

static Elf_Scn *add_section(Elf *elf, const char *strings, const struct part *part)
{
	Elf_Scn *scn = elf_newscn(elf);
	Elf_Data *data = elf_newdata(scn);
	GElf_Shdr shdr;

	data->d_buf = (void *)part->data;
	data->d_size = part->len;
	data->d_align = 1;
	data->d_version = EV_CURRENT;
	assert_non_null(gelf_getshdr(scn, &shdr));
	shdr.sh_type = !strncmp(part->name, ".note", 5)	  ? SHT_NOTE
		       : !strcmp(part->name, ".shstrtab") ? SHT_STRTAB
							  : SHT_PROGBITS;
	shdr.sh_name = (const char *)memmem(strings, 128, part->name, strlen(part->name)) - strings;
	assert_int_not_equal(gelf_update_shdr(scn, &shdr), 0);
	if (part->compressed)
		assert_int_equal(elf_compress(scn, ELFCOMPRESS_ZLIB, ELF_CHF_FORCE), 1);
	return scn;
}

static void write_elf(const char *path, const struct part parts[PARTS_MAX])
{
	static const char strings[128] =
		"\0.debug_info\0.debug_abbrev\0.debug_line\0.note.gnu.build-id\0.gnu_debuglink\0"
		".shstrtab";
	const struct part names = { ".shstrtab", strings, sizeof(strings), false };
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);

	elf_version(EV_CURRENT);
	Elf *elf = elf_begin(fd, ELF_C_WRITE, NULL);
	assert_non_null(elf);
	assert_non_null(gelf_newehdr(elf, ELFCLASS64));
	GElf_Ehdr ehdr;
	assert_non_null(gelf_getehdr(elf, &ehdr));
	ehdr.e_ident[EI_DATA] = ELFDATA2LSB;
	ehdr.e_machine = EM_X86_64;
	ehdr.e_type = ET_EXEC;
	assert_int_not_equal(gelf_update_ehdr(elf, &ehdr), 0);
	for (int i = 0; i < PARTS_MAX; i++)
		if (parts[i].name)
			add_section(elf, strings, &parts[i]);
	ehdr.e_shstrndx = elf_ndxscn(add_section(elf, strings, &names));
	assert_int_not_equal(gelf_update_ehdr(elf, &ehdr), 0);
	assert_true(elf_update(elf, ELF_C_WRITE) > 0);
	elf_end(elf);
	close(fd);
}

static void write_dwarf(const char *path, const struct writer *w, bool compressed)
{
	const struct part parts[PARTS_MAX] = {
		{ ".debug_abbrev", w->abbrev, w->abbrev_len, compressed },
		{ ".debug_info", w->info, w->len, compressed },
		{ ".debug_line", "no line table", 14, false },
	};

	write_elf(path, parts);
}

static void write_runtime(const char *path, struct runtime r, bool compressed)
{
	struct writer w;

	put_runtime(&w, r);
	write_dwarf(path, &w, compressed);
}

/* ---- reading ---- */

enum { MANY = 1 << 20 };

static const struct go_layout untouched = { .name = "before", .since_minor = 7, .page_padding = 1 };

static struct err *read_it(const struct dir *dir, struct go_layout *ret)
{
	*ret = untouched;
	return dwarf_layout_read(dir->program, dir->path, MANY, ret);
}

static struct go_layout read_runtime(const struct dir *dir, struct runtime r)
{
	struct go_layout l;

	write_runtime(dir->program, r, false);
	struct err *err = read_it(dir, &l);
	if (err)
		fail_msg("%s", err->msg);
	assert_string_equal(l.name, "before");
	assert_int_equal(l.since_minor, 7);
	assert_true(l.page_padding);
	return l;
}

static void refuse_file(const struct dir *dir, const char *message)
{
	struct go_layout l;
	struct err *err = read_it(dir, &l);

	assert_non_null(err);
	if (!strstr(err->msg, message))
		fail_msg("'%s' is not like '%s'", err->msg, message);
	err_free(err);
	assert_memory_equal(&l, &untouched, sizeof(l));
}

static void refuse(const struct dir *dir, struct runtime r, const char *message)
{
	write_runtime(dir->program, r, false);
	refuse_file(dir, message);
}

static void reads_a_swiss_runtime(void **state)
{
	struct go_layout l = read_runtime(*state, swiss_runtime);
	static const struct mspan_layout mspan = {
		.size = 160,
		.start_addr = 24,
		.npages = 32,
		.freeindex = 48,
		.nelems = 50,
		.index_width = 2,
		.alloc_bits = 64,
		.gcmark_bits = 72,
		.sweepgen = 88,
		.spanclass = 98,
		.state = 99,
		.elemsize = 104,
		.large_type = 152,
		.alloc_count = 96,
		.specials = 128,
	};
	static const struct mheap_layout mheap = {
		.chunks = 128,
		.in_use_ranges = 65688,
		.sweepgen = 65856,
		.allspans = 65864,
		.pages_in_use = 65888,
		.arenas = 66008,
		.heap_arenas = 66096,
		.arena_spans = 16,
		.p_pcache = 64,
		.summary = 8,
		.scav_chunks = 65640,
		.heap_arena_sz = 69648,
	};
	static const struct maptype_layout maptype = { 136, 128, OFF_NONE, OFF_NONE, 88, OFF_NONE };

	assert_int_equal(l.kind, MAP_SWISS);
	assert_int_equal(l.bitmap, HEAP_BITMAP_SPAN);
	assert_true(l.inline_marks);
	assert_int_equal(l.moduledata_types, 296);
	assert_int_equal(l.moduledata_gofunc, 328);
	assert_int_equal(l.moduledata_etypes, 312);
	assert_memory_equal(&l.mspan, &mspan, sizeof(mspan));
	assert_memory_equal(&l.mheap, &mheap, sizeof(mheap));
	assert_memory_equal(&l.maptype, &maptype, sizeof(maptype));
	assert_int_equal(l.swiss.header_sz, 48);
	assert_int_equal(l.swiss.tombstone_possible, 35);
}

static void reads_a_classic_runtime(void **state)
{
	struct runtime r = classic_runtime;
	struct go_layout l = read_runtime(*state, r);
	static const struct classic_layout classic = { 48, 16, 24, 32, 40, 13 };
	static const struct maptype_layout maptype = { 88, 84, OFF_NONE, OFF_NONE, OFF_NONE, 82 };

	assert_int_equal(l.kind, MAP_CLASSIC);
	assert_false(l.inline_marks);
	assert_memory_equal(&l.classic, &classic, sizeof(classic));
	assert_memory_equal(&l.maptype, &maptype, sizeof(maptype));

	r.old_names = true;
	l = read_runtime(*state, r);
	assert_memory_equal(&l.maptype, &maptype, sizeof(maptype));
	assert_int_equal(l.mheap.heap_arenas, 66096);
}

static void optional_members_may_be_missing(void **state)
{
	struct runtime r = swiss_runtime;

	r.without = "largeType";
	assert_int_equal(read_runtime(*state, r).mspan.large_type, OFF_NONE);
	r.without = "tombstonePossible";
	assert_int_equal(read_runtime(*state, r).swiss.tombstone_possible, OFF_NONE);
}

static void slots_are_of_two_kinds(void **state)
{
	static const struct maptype_layout maptype = { 112, 104, 88, 96, OFF_NONE, OFF_NONE };
	struct runtime r = swiss_runtime;

	r.slot_sz = true;
	struct go_layout l = read_runtime(*state, r);
	assert_memory_equal(&l.maptype, &maptype, sizeof(maptype));

	r.without = "SlotSize";
	refuse(*state, r, "does not tell the slots");
	r.slot_sz = false;
	r.without = "ElemsOff";
	refuse(*state, r, "ElemsOff of internal/abi.MapType is not at 104");
}

/* Go's own tools have the map types of both kinds. */
static void the_map_type_is_that_of_the_kind(void **state)
{
	struct runtime r = swiss_runtime;

	r.slot_sz = r.other_maptype = true;
	assert_int_equal(read_runtime(*state, r).maptype.slot_sz, 88);
	r = classic_runtime;
	r.other_maptype = true;
	assert_int_equal(read_runtime(*state, r).maptype.bucket_sz, 82);
}

static void bitmap_of_an_arena(void **state)
{
	struct runtime r = classic_runtime;

	r.bitmap_sz = 2097152;
	assert_int_equal(read_runtime(*state, r).bitmap, HEAP_BITMAP_ARENA_2BIT);
	r.bitmap_sz = 1048576;
	assert_int_equal(read_runtime(*state, r).bitmap, HEAP_BITMAP_ARENA_1BIT);
	r.bitmap_sz = 524288;
	refuse(*state, r, "bitmap");
}

static void without_inline_marks(void **state)
{
	struct runtime r = swiss_runtime;

	r.inline_marks_sz = 0;
	assert_false(read_runtime(*state, r).inline_marks);
}

static void reads_every_form_of_file(void **state)
{
	const struct dir *dir = *state;

	for (int version = 4; version <= 5; version++)
		for (int compressed = 0; compressed <= 1; compressed++) {
			struct runtime r = swiss_runtime;
			struct go_layout l;

			r.dwarf_version = version;
			write_runtime(dir->program, r, compressed);
			assert_null(read_it(dir, &l));
			assert_int_equal(l.mheap.in_use_ranges, 65688);
		}
}

static void types_may_be_in_another_unit(void **state)
{
	struct runtime r = swiss_runtime;

	r.unit = "os";
	assert_int_equal(read_runtime(*state, r).swiss.header_sz, 48);
}

static void names_what_is_missing(void **state)
{
	struct runtime r = swiss_runtime;

	r.without = "allspans";
	refuse(*state, r, "runtime.mheap has no member allspans");
	r.without = "ranges";
	refuse(*state, r, "runtime.mheap has no member pages.inUse.ranges");
	r.without = "ftab";
	refuse(*state, r, "ftab of runtime.moduledata is not at 128");
	r = swiss_runtime;
	r.seed = 9;
	refuse(*state, r, "seed of internal/runtime/maps.Map is not at 8");
	r = swiss_runtime;
	r.page_sz = 16384;
	refuse(*state, r, "runtime.pageSize is 16384, not 8192");
	r = classic_runtime;
	r.load_num = 0;
	refuse(*state, r, "loadFactorNum"); /* not the one of package main */
}

static void refuses_what_decoders_cannot_hold(void **state)
{
	struct runtime r = swiss_runtime;

	/* More than the scanner has room for. */
	r.header_sz = MAP_HEADER_SZ_MAX + 8;
	refuse(*state, r, "size of internal/runtime/maps.Map");
	r.header_sz = 44;
	refuse(*state, r, "do not fit");
	r = swiss_runtime;
	r.mspan_sz = MSPAN_SZ_MAX + 1;
	refuse(*state, r, "size of runtime.mspan");
	r.mspan_sz = 159; /* largeType ends at 160 */
	refuse(*state, r, "do not fit");
	r = swiss_runtime;
	r.start_addr = 153;
	refuse(*state, r, "do not fit");
	r.start_addr = UINT32_MAX;
	refuse(*state, r, "runtime.mspan has no member startAddr");
	r = swiss_runtime;
	r.etypes = 288; /* before types */
	refuse(*state, r, "do not fit");
	r.etypes = MODULEDATA_SZ_MAX;
	refuse(*state, r, "do not fit");
	r = swiss_runtime;
	r.endless_typedef = true;
	refuse(*state, r, "runtime.mheap has no member pages.chunks");
}

static void files_without_dwarf(void **state)
{
	const struct dir *dir = *state;
	const struct part line[PARTS_MAX] = { { ".debug_line", "line", 5, false } };
	const struct part empty[PARTS_MAX] = { { ".debug_info", "", 0, false } };
	struct go_layout l = untouched;

	write_elf(dir->program, line);
	refuse_file(dir, "dwarf: the file has none");
	write_elf(dir->program, empty);
	refuse_file(dir, "dwarf: the file has none");
	unlink(dir->program);
	refuse_file(dir, "cannot open");
	write_runtime(dir->program, swiss_runtime, true);
	struct err *err = dwarf_layout_read(dir->program, dir->path, 1000, &l);
	assert_non_null(err);
	assert_non_null(strstr(err->msg, "are too many to read"));
	err_free(err);
}

/* Whatever a file says, a layout that was taken from it is safe to decode with. */
static void check_safe(const struct go_layout *l)
{
	const struct mspan_layout *m = &l->mspan;

	assert_true(m->size <= MSPAN_SZ_MAX && m->start_addr + 8 <= m->size &&
		    m->elemsize + 8 <= m->size && m->nelems + m->index_width <= m->size);
	assert_true(l->moduledata_types < l->moduledata_etypes &&
		    l->moduledata_etypes + 8 <= MODULEDATA_SZ_MAX);
	assert_true(l->maptype.size <= MAPTYPE_SZ_MAX && l->maptype.flags + 4 <= l->maptype.size);
	if (l->kind == MAP_SWISS)
		assert_true(l->swiss.header_sz <= MAP_HEADER_SZ_MAX);
	else
		assert_true(l->classic.header_sz <= MAP_HEADER_SZ_MAX &&
			    l->classic.extra + 8 <= l->classic.header_sz);
}

static void try_file(const struct dir *dir, size_t *good)
{
	struct go_layout l;
	struct err *err = read_it(dir, &l);

	if (!err) {
		check_safe(&l);
		++*good;
	}
	err_free(err);
}

static void try_writer(const struct dir *dir, const struct writer *w, size_t *good)
{
	write_dwarf(dir->program, w, false);
	try_file(dir, good);
}

static void survives_truncated_dwarf(void **state)
{
	size_t good = 0;
	struct writer w;

	put_runtime(&w, swiss_runtime);
	for (size_t len = w.len; len-- > 1;) {
		w.len = len;
		try_writer(*state, &w, &good);
	}
	/* Cutting off the zeros that end the last structure and the unit loses nothing. */
	assert_in_range(good, 0, 2);
}

static void change_bytes(uint8_t *bytes, size_t len, int cnt)
{
	for (; cnt > 0; cnt--)
		bytes[rand() % len] = rand() % 3 ? rand() : rand() % 2 * 0xff;
}

static void survives_changed_bytes(void **state)
{
	struct writer w;
	size_t good = 0;

	srand(1);
	for (int round = 0; round < 4000; round++) {
		put_runtime(&w, round % 2 ? swiss_runtime : classic_runtime);
		if (round % 4 == 0)
			change_bytes(w.abbrev, w.abbrev_len, 1 + rand() % 3);
		else
			change_bytes(w.info, w.len, 1 + rand() % 8);
		try_writer(*state, &w, &good);
	}
	assert_true(good > 0 && good < 4000);
}

/* Changes bytes in packed sections and, at the end, in the table of sections. */
static void survives_changed_files(void **state)
{
	const struct dir *dir = *state;
	uint8_t bytes[16384];
	size_t good = 0;

	write_runtime(dir->program, swiss_runtime, true);
	int fd = open(dir->program, O_RDWR);
	ssize_t len = read(fd, bytes, sizeof(bytes));
	assert_in_range(len, 1, sizeof(bytes) - 1);
	srand(1);
	for (int round = 0; round < 4000; round++) {
		uint8_t changed[sizeof(bytes)];
		size_t tail = round % 4 ? 400 : len;

		memcpy(changed, bytes, len);
		change_bytes(changed + len - tail, tail, 1 + rand() % 4);
		assert_int_equal(pwrite(fd, changed, len, 0), len);
		try_file(dir, &good);
	}
	close(fd);
	assert_true(good > 0 && good < 4000);
}

/* ---- in a process of its own ---- */

static void reads_in_a_child(void **state)
{
	const struct dir *dir = *state;
	struct go_layout l = untouched, here;

	write_runtime(dir->program, swiss_runtime, true);
	assert_null(dwarf_apart_read(dir->program, dir->path, MANY, &l));
	assert_null(read_it(dir, &here));
	assert_memory_equal(&l, &here, sizeof(l));

	struct runtime r = swiss_runtime;
	r.without = "allspans";
	write_runtime(dir->program, r, true);
	l = untouched;
	struct err *err = dwarf_apart_read(dir->program, dir->path, MANY, &l);
	assert_true(err_is(err, ERR_UNSUPPORTED));
	assert_string_equal(err->msg, "dwarf: runtime.mheap has no member allspans");
	err_free(err);
	assert_memory_equal(&l, &untouched, sizeof(l));
}

/* A million structures of one byte each, with 60,000 attributes of no bytes, take libdw some
 * minutes. */
static void ends_the_child_that_takes_too_long(void **state)
{
	enum { BOMB = TYPEDEF + 1, ATTRS = 60000, STRUCTS = 1000000 };
	const struct dir *dir = *state;
	struct writer w = { .version = 5 };
	uint8_t *abbrev = malloc(256 + 2 * ATTRS), *info = malloc(256 + STRUCTS);
	struct go_layout l = untouched;

	put_abbrevs(&w);
	unit_start(&w, "runtime", DW_LANG_Go);
	uint32_t unit_len = w.len + STRUCTS - 4;
	memcpy(w.info, &unit_len, 4);
	memcpy(info, w.info, w.len);
	memset(info + w.len, BOMB, STRUCTS);
	info[w.len + STRUCTS - 1] = 0;

	uint8_t *p = mempcpy(abbrev, w.abbrev, w.abbrev_len - 1);
	*p++ = BOMB;
	*p++ = DW_TAG_structure_type;
	*p++ = 0;
	for (int i = 0; i < ATTRS; i++) {
		*p++ = DW_AT_external;
		*p++ = DW_FORM_flag_present;
	}
	memset(p, 0, 3);
	const struct part parts[PARTS_MAX] = {
		{ ".debug_abbrev", abbrev, p + 3 - abbrev, true },
		{ ".debug_info", info, w.len + STRUCTS, true },
	};
	write_elf(dir->program, parts);
	struct err *err = dwarf_apart_read(dir->program, dir->path, 2 * MANY, &l);
	assert_true(err_is(err, ERR_FORMAT));
	assert_non_null(strstr(err->msg, "too much time"));
	err_free(err);
	free(abbrev);
	free(info);
}

/* ---- separate files ---- */

static const uint8_t build_id_note[] = { 4, 0, 0,   0,	 4,   0, 0,    0,    3,	   0,
					 0, 0, 'G', 'N', 'U', 0, 0xab, 0xcd, 0xef, 0x01 };
static const uint8_t other_id_note[] = { 4, 0, 0,   0,	 4,   0, 0,    0,    3,	   0,
					 0, 0, 'G', 'N', 'U', 0, 0xab, 0xcd, 0xef, 0x02 };

static void write_separate(const char *path, const uint8_t *note)
{
	struct writer w;

	put_runtime(&w, swiss_runtime);
	const struct part parts[PARTS_MAX] = {
		{ ".debug_abbrev", w.abbrev, w.abbrev_len, false },
		{ ".debug_info", w.info, w.len, false },
		{ note ? ".note.gnu.build-id" : NULL, note, sizeof(build_id_note), false },
	};
	write_elf(path, parts);
}

static void make_place(const struct dir *dir, char *path, size_t sz, const char *tail)
{
	snprintf(path, sz, "%s%s", dir->path, tail);
	for (char *p = path + strlen(dir->path) + 1; (p = strchr(p, '/')); p++) {
		*p = 0;
		mkdir(path, 0700);
		*p = '/';
	}
}

static void finds_a_file_by_build_id(void **state)
{
	const struct dir *dir = *state;
	const struct part parts[PARTS_MAX] = {
		{ ".note.gnu.build-id", build_id_note, sizeof(build_id_note), false },
	};
	struct go_layout l;
	char path[256];

	make_place(dir, path, sizeof(path), "/.build-id/ab/cdef01.debug");
	write_elf(dir->program, parts);
	refuse_file(dir, "dwarf: the file has none");
	write_separate(path, build_id_note);
	assert_null(read_it(dir, &l));
	assert_int_equal(l.mspan.size, 160);
	write_separate(path, other_id_note);
	refuse_file(dir, "is of another build");
	write_elf(path, parts);
	refuse_file(dir, "dwarf: the file has none");
	unlink(path);
}

/* Computed by the definition: division of polynomials, bit by bit. */
static uint32_t file_crc(const char *path)
{
	FILE *f = fopen(path, "r");
	uint32_t rest = 0xffffffff;

	for (int c; (c = getc(f)) != EOF;)
		for (int i = 0; i < 8; i++) {
			uint32_t out = (rest ^ c >> i) & 1;

			rest = rest >> 1 ^ (out ? 0xedb88320 : 0);
		}
	fclose(f);
	return rest ^ 0xffffffff;
}

static void write_linked(const struct dir *dir, const char *name, uint32_t crc, const uint8_t *note)
{
	uint8_t link[64] = { 0 };
	size_t len = strlen(name) / 4 * 4 + 4;

	memcpy(link, name, strlen(name));
	memcpy(link + len, &crc, 4);
	const struct part parts[PARTS_MAX] = {
		{ ".gnu_debuglink", link, len + 4, false },
		{ note ? ".note.gnu.build-id" : NULL, note, sizeof(build_id_note), false },
	};
	write_elf(dir->program, parts);
}

static void finds_a_file_by_its_link(void **state)
{
	const struct dir *dir = *state;
	struct go_layout l;
	char path[256], tail[128];

	snprintf(tail, sizeof(tail), "%s/program.debug", dir->path);
	make_place(dir, path, sizeof(path), tail);
	write_linked(dir, "program.debug", 0, NULL);
	refuse_file(dir, "dwarf: the file has none");

	write_separate(path, NULL);
	refuse_file(dir, "is of another build");
	write_linked(dir, "program.debug", file_crc(path), NULL);
	assert_null(read_it(dir, &l));
	write_linked(dir, "../program.debug", file_crc(path), NULL);
	refuse_file(dir, "dwarf: the file has none");

	/* When both have a build id, it decides. */
	write_separate(path, build_id_note);
	write_linked(dir, "program.debug", 0, build_id_note);
	assert_null(read_it(dir, &l));
	write_linked(dir, "program.debug", file_crc(path), other_id_note);
	refuse_file(dir, "is of another build");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_a_swiss_runtime),
		cmocka_unit_test(reads_a_classic_runtime),
		cmocka_unit_test(optional_members_may_be_missing),
		cmocka_unit_test(slots_are_of_two_kinds),
		cmocka_unit_test(the_map_type_is_that_of_the_kind),
		cmocka_unit_test(bitmap_of_an_arena),
		cmocka_unit_test(without_inline_marks),
		cmocka_unit_test(reads_every_form_of_file),
		cmocka_unit_test(types_may_be_in_another_unit),
		cmocka_unit_test(names_what_is_missing),
		cmocka_unit_test(refuses_what_decoders_cannot_hold),
		cmocka_unit_test(files_without_dwarf),
		cmocka_unit_test(survives_truncated_dwarf),
		cmocka_unit_test(survives_changed_bytes),
		cmocka_unit_test(survives_changed_files),
		cmocka_unit_test(reads_in_a_child),
		cmocka_unit_test(ends_the_child_that_takes_too_long),
		cmocka_unit_test(finds_a_file_by_build_id),
		cmocka_unit_test(finds_a_file_by_its_link),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
