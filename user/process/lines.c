// SPDX-License-Identifier: GPL-2.0-only
#include "process/lines.h"

#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"
#include "base/table.h"
#include "base/vec.h"
#include "process/moduledata.h"
#include "process/pcheader.h"
#include "process/pclntab.h"

enum {
	TEXT_MAX = 512,
	/* Places that are kept. Callers beyond that number stay without a name. */
	PLACES_MAX = 1 << 16,
	PLACE_TEXT_MAX = 64 << 20, /* bytes of names and paths in all places */

	/* A table of values ends where its function does; the largest of the runtime has some 20
	 * KiB. It is read in pieces. */
	PC_TABLE_MAX = 1 << 20,
	PC_PIECE = 4096,

	/* _func (Go source: runtime/runtime2.go). startLine came with 1.20. */
	FUNC_PCSP = 16,
	FUNC_PCFILE = 20,
	FUNC_PCLN = 24,
	FUNC_NPCDATA = 28,
	FUNC_CU_OFFSET = 32,
	FUNC_SZ = 44,
	FUNC_SZ_1_19 = 40,
	NPCDATA_MAX = 64,

	PCDATA_INL_TREE_INDEX = 2,
	FUNCDATA_INL_TREE = 3,

	/* inlinedCall (Go source: runtime/symtabinl.go, in 1.19 runtime/symtab.go) */
	INLINED_SZ = 16,
	INLINED_NAME_OFF = 4,
	INLINED_PARENT_PC = 8,
	INLINED_SZ_1_19 = 20,
	INLINED_NAME_OFF_1_19 = 12,
	INLINED_PARENT_PC_1_19 = 16,
	INLINED_INDEX_MAX = 1 << 20,
};

#define NO_FUNCDATA UINT32_MAX

/* The code of one module, and its tables. */
struct module_code {
	struct mem *mem;
	struct moduledata md;
	const struct pclntab *funcs;
	bool before_1_20;
	uint8_t quantum; /* code addresses are multiples of this */
};

struct lines {
	VEC(struct module_code) modules;
	VEC(struct place *) places;
	struct table by_pc;
	size_t text_bytes;
	struct place unknown;
};

/* What the record of a function says. An offset of 0 means that there is no such table. */
struct func_tables {
	struct func_record func;
	uint32_t pcsp;
	uint32_t pcfile;
	uint32_t pcln;
	uint32_t cu_offset;
	uint32_t inl_index; /* in pctab: the index in the inline tree, by pc */
	uint64_t inl_tree; /* its address; 0: nothing was inlined */
};

static bool lines_read_at(const struct module_code *c, uint64_t addr, void *dst, size_t len)
{
	_cleanup_err_ struct err *err = mem_read(c->mem, addr, dst, len);

	return !err;
}

/* ---- a function's record ---- */

/* Reads the arrays that follow a record: offsets in pctab, then offsets from gofunc. */
static bool lines_read_inline_tables(const struct module_code *c, uint64_t arrays,
				     uint32_t pcdata_cnt, uint32_t funcdata_cnt,
				     struct func_tables *t)
{
	uint32_t tree;

	if (pcdata_cnt <= PCDATA_INL_TREE_INDEX || funcdata_cnt <= FUNCDATA_INL_TREE)
		return true; /* nothing was inlined */
	if (pcdata_cnt > NPCDATA_MAX ||
	    !lines_read_at(c, arrays + 4ull * PCDATA_INL_TREE_INDEX, &t->inl_index, 4) ||
	    !lines_read_at(c, arrays + 4ull * (pcdata_cnt + FUNCDATA_INL_TREE), &tree, 4))
		return false;
	if (tree != NO_FUNCDATA)
		t->inl_tree = c->md.gofunc + tree;
	return true;
}

static bool lines_read_tables(const struct module_code *c, uint64_t pc, struct func_tables *t)
{
	uint32_t sz = c->before_1_20 ? FUNC_SZ_1_19 : FUNC_SZ;
	uint8_t record[FUNC_SZ];
	uint32_t off;

	*t = (struct func_tables){ 0 };
	if (!pclntab_at(c->funcs, pc, &t->func) ||
	    !lines_read_at(c, c->md.pclntable + 8 * t->func.index + 4, &off, sizeof(off)) ||
	    off > c->md.pclntable_len || sz > c->md.pclntable_len - off ||
	    !lines_read_at(c, c->md.pclntable + off, record, sz))
		return false;
	t->pcsp = load_u32(record, FUNC_PCSP);
	t->pcfile = load_u32(record, FUNC_PCFILE);
	t->pcln = load_u32(record, FUNC_PCLN);
	t->cu_offset = load_u32(record, FUNC_CU_OFFSET);
	return lines_read_inline_tables(c, c->md.pclntable + off + sz,
					load_u32(record, FUNC_NPCDATA), load_u8(record, sz - 1), t);
}

/* ---- values by pc ---- */

/* A table in pctab, of which we hold one piece at a time. */
struct pc_table {
	const struct module_code *code;
	uint64_t at; /* offset of the next piece in pctab */
	uint64_t end;
	struct cursor piece;
	uint8_t buf[PC_PIECE];
};

static bool pc_table_next_byte(struct pc_table *t, uint8_t *ret)
{
	if (t->piece.pos == t->piece.len) {
		uint64_t n = t->end - t->at < PC_PIECE ? t->end - t->at : PC_PIECE;

		if (!n || !lines_read_at(t->code, t->code->md.pctab + t->at, t->buf, n))
			return false;
		t->at += n;
		t->piece = cursor_of(t->buf, n);
	}
	*ret = cursor_u8(&t->piece);
	return true;
}

static bool pc_table_next_varint(struct pc_table *t, uint32_t *ret)
{
	uint32_t v = 0;

	for (unsigned int shift = 0; shift < 32; shift += 7) {
		uint8_t b;

		if (!pc_table_next_byte(t, &b))
			return false;
		v |= (uint32_t)(b & 0x7f) << shift;
		if (!(b & 0x80)) {
			*ret = v;
			return true;
		}
	}
	return false;
}

/*
 * The value of a table at an offset of the function's code; -1 when there is none.
 *
 * The table is a list of {change of the value, bytes of code for which the new value holds}. A
 * change of zero ends it, unless it is the first one (Go source: runtime/symtab.go step).
 */
static int32_t pc_value(const struct module_code *c, uint32_t table, uint64_t pc_off)
{
	uint64_t len = c->md.pctab_len;
	struct pc_table t = { .code = c, .at = table };
	int64_t value = -1;
	uint64_t covered = 0;

	if (!table || table >= len)
		return -1;
	t.end = len - table < PC_TABLE_MAX ? len : table + PC_TABLE_MAX;
	for (bool first = true;; first = false) {
		uint32_t change, bytes;

		if (!pc_table_next_varint(&t, &change) || (!change && !first) ||
		    !pc_table_next_varint(&t, &bytes))
			return -1;
		value += change & 1 ? -(int64_t)(change >> 1) - 1 : (int64_t)(change >> 1);
		covered += (uint64_t)bytes * c->quantum;
		if (pc_off < covered)
			return value >= 0 && value <= INT32_MAX ? value : -1;
	}
}

/* ---- frames ---- */

static const struct module_code *lines_code_at(const struct lines *l, uint64_t pc)
{
	for (size_t i = 0; i < l->modules.len; i++) {
		const struct module_code *c = &l->modules.data[i];

		if (pc >= c->md.text && pc < c->md.etext)
			return c;
	}
	return NULL;
}

static char *lines_read_text(struct lines *l, const struct module_code *c, uint64_t table,
			     uint64_t len, uint64_t off)
{
	char buf[TEXT_MAX];
	_cleanup_err_ struct err *err = pclntab_text(c->mem, table, len, off, buf, sizeof(buf));

	if (err || off >= len)
		return NULL;
	l->text_bytes += strlen(buf) + 1;
	return strdup(buf);
}

static char *lines_file(struct lines *l, const struct module_code *c, const struct func_tables *t,
			int32_t file)
{
	uint64_t index = (uint64_t)t->cu_offset + file;
	uint32_t off;

	if (file < 0 || index >= c->md.cutab_cnt ||
	    !lines_read_at(c, c->md.cutab + 4 * index, &off, sizeof(off)))
		return NULL;
	return lines_read_text(l, c, c->md.filetab, c->md.filetab_len, off);
}

/* Adds the frame of a function; false when its name is not known. */
static bool place_add_frame(struct lines *l, const struct module_code *c,
			    const struct func_tables *t, uint64_t pc_off, uint32_t name_off,
			    struct place *place)
{
	char *name = lines_read_text(l, c, c->md.funcnametab, c->md.funcnametab_len, name_off);
	int32_t line = pc_value(c, t->pcln, pc_off);

	if (!name)
		return false;
	place->frames[place->cnt++] = (struct frame){
		.function = name,
		.file = lines_file(l, c, t, pc_value(c, t->pcfile, pc_off)),
		.line = line > 0 ? line : 0,
	};
	return true;
}

/* Finds the inlined call that the code at an offset belongs to; false when there is none. */
static bool inlined_call(const struct module_code *c, const struct func_tables *t, uint64_t pc_off,
			 uint32_t *name_ret, uint32_t *parent_pc_ret)
{
	int32_t index = t->inl_tree ? pc_value(c, t->inl_index, pc_off) : -1;
	uint32_t sz = c->before_1_20 ? INLINED_SZ_1_19 : INLINED_SZ;
	uint8_t call[INLINED_SZ_1_19];

	if (index < 0 || index > INLINED_INDEX_MAX ||
	    !lines_read_at(c, t->inl_tree + (uint64_t)index * sz, call, sz))
		return false;
	*name_ret = load_u32(call, c->before_1_20 ? INLINED_NAME_OFF_1_19 : INLINED_NAME_OFF);
	*parent_pc_ret =
		load_u32(call, c->before_1_20 ? INLINED_PARENT_PC_1_19 : INLINED_PARENT_PC);
	return true;
}

/* Each inlined call names an instruction of the function that it was inlined into; that leads to
 * the next frame. */
static void lines_find_frames(struct lines *l, uint64_t pc, struct place *place)
{
	const struct module_code *c = lines_code_at(l, pc);
	struct func_tables t;

	if (!c || !lines_read_tables(c, pc, &t))
		return;
	uint64_t pc_off = pc - t.func.addr;
	uint32_t name, parent_pc;

	while (place->cnt + 1 < PLACE_FRAMES_MAX &&
	       inlined_call(c, &t, pc_off, &name, &parent_pc)) {
		if (parent_pc >= t.func.size || !place_add_frame(l, c, &t, pc_off, name, place))
			break;
		pc_off = parent_pc;
	}
	place_add_frame(l, c, &t, pc_off, t.func.name_off, place);
}

/* ---- places ---- */

static void place_free(struct place *place)
{
	for (size_t i = 0; place && i < place->cnt; i++) {
		free(place->frames[i].function);
		free(place->frames[i].file);
	}
	free(place);
}

static bool lines_keep(struct lines *l, struct place *place)
{
	if (!vec_push(&l->places, place))
		return false;
	if (table_put(&l->by_pc, place->pc, l->places.len - 1))
		return true;
	l->places.len--;
	return false;
}

const struct place *lines_of_call(struct lines *l, uint64_t return_addr)
{
	/* The instruction after the call may belong to another line or function. */
	uint64_t pc = return_addr - 1;
	size_t i = table_get(&l->by_pc, pc);

	if (i != TABLE_NONE)
		return l->places.data[i];
	if (!return_addr || l->places.len >= PLACES_MAX || l->text_bytes >= PLACE_TEXT_MAX)
		return &l->unknown;
	struct place *place =
		calloc(1, sizeof(*place) + PLACE_FRAMES_MAX * sizeof(place->frames[0]));
	if (!place)
		return &l->unknown;
	place->pc = pc;
	lines_find_frames(l, pc, place);
	struct place *fit = realloc(place, sizeof(*place) + place->cnt * sizeof(place->frames[0]));
	place = fit ? fit : place;
	if (!place->cnt || !lines_keep(l, place)) {
		place_free(place);
		return &l->unknown;
	}
	return place;
}

bool lines_frame_size(const struct lines *l, uint64_t pc, uint32_t *ret)
{
	const struct module_code *c = lines_code_at(l, pc);
	struct func_tables t;

	if (!c || !lines_read_tables(c, pc, &t))
		return false;
	int32_t size = pc_value(c, t.pcsp, pc - t.func.addr);

	if (size < 0)
		return false;
	*ret = size;
	return true;
}

bool lines_walk_functions(const struct lines *l, uint64_t pc, function_name_fn fn, void *ctx)
{
	const struct module_code *c = lines_code_at(l, pc);
	struct func_tables t;
	char text[TEXT_MAX];

	if (!c || !lines_read_tables(c, pc, &t))
		return false;
	uint64_t pc_off = pc - t.func.addr;
	for (int depth = 0; depth < PLACE_FRAMES_MAX; depth++) {
		uint32_t name = t.func.name_off, parent_pc = 0;
		bool inlined = inlined_call(c, &t, pc_off, &name, &parent_pc);
		_cleanup_err_ struct err *err = pclntab_text(
			c->mem, c->md.funcnametab, c->md.funcnametab_len, name, text, sizeof(text));

		if (err || name >= c->md.funcnametab_len || parent_pc >= t.func.size)
			return false;
		if (!fn(ctx, text) || !inlined)
			return true;
		pc_off = parent_pc;
	}
	return false;
}

struct err *lines_add(struct lines *l, struct mem *mem, const struct pcheader *header,
		      const struct moduledata *md, const struct pclntab *funcs)
{
	const struct module_code code = {
		.mem = mem,
		.md = *md,
		.funcs = funcs,
		.before_1_20 = header->before_1_20,
		.quantum = header->min_lc,
	};

	return vec_push(&l->modules, code) ? NULL : err_nomem();
}

struct err *lines_new(struct mem *mem, const struct pcheader *header, const struct moduledata *md,
		      const struct pclntab *funcs, struct lines **ret)
{
	struct lines *l = calloc(1, sizeof(*l));
	struct err *err = l ? lines_add(l, mem, header, md, funcs) : err_nomem();

	if (err) {
		lines_free(l);
		return err;
	}
	*ret = l;
	return NULL;
}

void lines_free(struct lines *l)
{
	if (!l)
		return;
	for (size_t i = 0; i < l->places.len; i++)
		place_free(l->places.data[i]);
	vec_fini(&l->places);
	vec_fini(&l->modules);
	table_fini(&l->by_pc);
	free(l);
}

const char *file_base(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}
