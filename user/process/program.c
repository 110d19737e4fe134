// SPDX-License-Identifier: GPL-2.0-only
#include "process/program.h"

#include <string.h>

#include "base/log.h"
#include "process/debug_file.h"
#include "process/dwarf_apart.h"
#include "process/gomodules.h"
#include "process/operand.h"

enum {
	CODE_MAX = 4096,

	/* Each MiB of DWARF takes 5 ms. Only for versions that the table does not have, as much
	 * as DWARF_MAX is read. */
	DWARF_CHEAP_MAX = 16 << 20,
	DWARF_MAX = 512 << 20,
};

/* Each kind of map has a function that the other kind lacks and that every program with maps has.
 * That is more reliable than a version and a list of experiments. */
static enum map_kind program_map_kind(const struct program *prog)
{
	struct gofunc f;
	bool swiss = pclntab_find(prog->funcs, "internal/runtime/maps.newTable", &f);
	bool classic = pclntab_find(prog->funcs, "runtime.hashGrow", &f);

	if (swiss == classic)
		return layout_default_kind(&prog->image.build);
	return swiss ? MAP_SWISS : MAP_CLASSIC;
}

/* Prefers the program's own DWARF: it also fits a patched runtime, and a version that is newer
 * than the table. */
static void program_choose_layout(struct program *prog)
{
	prog->layout = layout_for(&prog->image.build, program_map_kind(prog), &prog->layout_match);
	bool known = prog->layout_match == LAYOUT_KNOWN;
	struct err *err = dwarf_apart_read(prog->image.mapped->path, DEBUG_DIR,
					   known ? DWARF_CHEAP_MAX : DWARF_MAX, &prog->layout);

	if (err) {
		log_debug("%s: taking layout %s", err->msg, prog->layout.name);
		err_free(err);
		return;
	}
	prog->layout.name = "DWARF";
	prog->layout_match = LAYOUT_DWARF;
}

/* Reads a plugin: its functions to name callers, and its types for its maps. */
static struct err *program_read_plugin(struct program *prog, const struct gomodule *m)
{
	struct mem *mem = &m->mapped->mem;
	struct plugin p = { .mem = mem };
	struct gofunc f;
	struct err *err = moduledata_read(mem, m->moduledata, &p.md);

	if (!err)
		err = moduledata_read_types(mem, m->moduledata, &prog->layout, &p.md);
	if (!err)
		err = pclntab_new(mem, &p.md, &p.funcs);
	if (err)
		return err;
	p.has_runtime = pclntab_find(p.funcs, "runtime.mallocgc", &f);
	if (!vec_push(&prog->plugins, p)) {
		pclntab_free(p.funcs);
		return err_nomem();
	}
	return lines_add(prog->lines, mem, &m->pcheader, &p.md, p.funcs);
}

/* A plugin that contradicts itself, or that is not loaded completely yet, is left out. */
static struct err *program_read_plugins(struct program *prog)
{
	for (size_t i = 0; i < prog->image.plugins.len; i++) {
		struct err *err = program_read_plugin(prog, &prog->image.plugins.data[i]);

		if (err && err->kind != ERR_FORMAT && err->kind != ERR_FAULT)
			return err;
		if (err)
			log_debug("a plugin is left out: %s", err->msg);
		err_free(err);
	}
	return NULL;
}

/* Where the types of all modules are; NULL when out of memory. */
static struct types_from *program_types_from(const struct program *prog)
{
	struct types_from *from = calloc(1 + prog->plugins.len, sizeof(*from));

	if (!from)
		return NULL;
	from[0] = (struct types_from){ prog->image.mapped ? &prog->image.mapped->mem
							  : &prog->target->mem,
				       &prog->md };
	for (size_t i = 0; i < prog->plugins.len; i++)
		from[1 + i] =
			(struct types_from){ prog->plugins.data[i].mem, &prog->plugins.data[i].md };
	return from;
}

static struct err *program_read_types(struct program *prog)
{
	_cleanup_free_ struct types_from *from = program_types_from(prog);

	return from ? gotypes_new(from, 1 + prog->plugins.len, &prog->layout, &prog->types)
		    : err_nomem();
}

bool program_makes_types(const struct program *prog)
{
	static const char maker[] = "reflect.MapOf";
	struct gofunc f;
	bool makes = pclntab_find(prog->funcs, maker, &f);

	for (size_t i = 0; i < prog->plugins.len; i++)
		makes |= pclntab_find(prog->plugins.data[i].funcs, maker, &f);
	return makes;
}

struct err *program_add_made_types(struct program *prog, const struct made_types *made)
{
	_cleanup_free_ struct types_from *from = program_types_from(prog);

	return from ? gotypes_add_made(prog->types, from, 1 + prog->plugins.len, &prog->layout,
				       made)
		    : err_nomem();
}

static struct err *program_init(struct program *prog)
{
	struct goimage *image = &prog->image;
	struct err *err = procmaps_init(&prog->maps, prog->target->pid);

	if (!err)
		err = goimage_find(prog->target, &prog->maps, image);
	if (!err)
		err = gomodules_find(prog->target, &prog->maps, image);
	if (!err)
		err = elf_file_open(image->mapped->path, &prog->elf);
	if (err)
		return err;

	struct mem *mem = &image->mapped->mem;
	prog->arch = arch_find(elf_file_machine(prog->elf));
	prog->stripped = !elf_file_has_symtab(prog->elf);
	prog->has_dwarf = elf_file_has_dwarf(prog->elf);
	err = moduledata_read(mem, image->moduledata, &prog->md);
	if (!err)
		err = pclntab_new(mem, &prog->md, &prog->funcs);
	if (err)
		return err;
	program_choose_layout(prog);
	err = moduledata_read_types(mem, image->moduledata, &prog->layout, &prog->md);
	if (!err)
		err = lines_new(mem, &image->pcheader, &prog->md, prog->funcs, &prog->lines);
	if (!err)
		err = program_read_plugins(prog);
	return err ? err : program_read_types(prog);
}

struct err *program_open(struct target *t, struct program **ret)
{
	struct program *prog = calloc(1, sizeof(*prog));

	if (!prog)
		return err_nomem();
	prog->target = t;
	struct err *err = program_init(prog);
	if (err) {
		program_close(prog);
		return err;
	}
	*ret = prog;
	return NULL;
}

void program_close(struct program *prog)
{
	if (!prog)
		return;
	lines_free(prog->lines);
	gotypes_free(prog->types);
	for (size_t i = 0; i < prog->plugins.len; i++)
		pclntab_free(prog->plugins.data[i].funcs);
	vec_fini(&prog->plugins);
	pclntab_free(prog->funcs);
	elf_file_close(prog->elf);
	gomodules_fini(&prog->image);
	goimage_fini(&prog->image);
	procmaps_fini(&prog->maps);
	free(prog);
}

bool program_has_unprobed_plugin(const struct program *prog)
{
	for (size_t i = 0; i < prog->plugins.len; i++)
		if (prog->plugins.data[i].has_runtime)
			return true;
	return false;
}

bool program_file_offset(const struct program *prog, uint64_t addr, uint64_t *ret)
{
	const struct procmap *m = procmaps_find(&prog->maps, addr);

	if (!m || !procmap_same_file(m, &prog->image.file))
		return false;
	*ret = m->offset + (addr - m->start);
	return true;
}

size_t program_read_code(const struct program *prog, uint64_t addr, uint8_t *buf, size_t len)
{
	uint64_t offset;
	size_t got = 0;

	if (!program_file_offset(prog, addr, &offset))
		return 0;
	err_free(elf_file_pread(prog->elf, offset, buf, len, &got));
	return got;
}

/* The address of a symbol at run time: link-time address plus load bias. */
static bool program_symbol_address(const struct program *prog, const char *name, uint64_t *ret)
{
	uint64_t vaddr, text_vaddr;

	if (!elf_file_symbol(prog->elf, name, &vaddr) ||
	    !elf_file_vaddr(prog->elf, prog->image.file.offset, &text_vaddr))
		return false;
	*ret = vaddr - text_vaddr + prog->image.file.start;
	return true;
}

/* The code of a function, in buf; its length is 0 when there is none. */
static struct operand_code program_read_function(const struct program *prog, const char *func,
						 uint8_t buf[CODE_MAX])
{
	struct operand_code code = { .arch = prog->arch, .bytes = buf };
	struct gofunc f;

	if (!pclntab_find(prog->funcs, func, &f))
		return code;
	code.addr = f.addr;
	code.len = program_read_code(prog, f.addr, buf, f.size < CODE_MAX ? f.size : CODE_MAX);
	return code;
}

static bool program_operand_address(const struct program *prog, const char *func, enum code_ref ref,
				    enum operand_pick pick, uint64_t *ret)
{
	uint8_t buf[CODE_MAX];
	struct operand_code code = program_read_function(prog, func, buf);

	return operand_find(&code, ref, pick, ret);
}

size_t program_mheap_candidates(const struct program *prog, uint64_t ret[MHEAP_CANDIDATES_MAX])
{
	/* go-runtime facts 5.6: in all releases each of them refers to &mheap_ at this place. */
	static const struct {
		const char *func;
		enum operand_pick pick;
	} users[] = {
		{ "runtime.allocmcache.func1", OPERAND_FIRST },
		{ "runtime.(*mcache).allocLarge", OPERAND_FIRST },
		{ "runtime.(*mcentral).grow", OPERAND_LAST },
	};
	size_t cnt = 0;

	if (program_symbol_address(prog, "runtime.mheap_", &ret[cnt]))
		cnt++;
	for (size_t i = 0; i < sizeof(users) / sizeof(users[0]); i++)
		if (program_operand_address(prog, users[i].func, CODE_REF_ADDRESS, users[i].pick,
					    &ret[cnt]))
			cnt++;
	return cnt;
}

bool program_allp(const struct program *prog, uint64_t *ret)
{
	return program_symbol_address(prog, "runtime.allp", ret) ||
	       program_operand_address(prog, "runtime.gcMarkTinyAllocs", CODE_REF_LOAD,
				       OPERAND_FIRST, ret);
}

size_t program_allgs_candidates(const struct program *prog, uint64_t ret[ALLGS_CANDIDATES_MAX])
{
	uint8_t buf[CODE_MAX];

	if (program_symbol_address(prog, "runtime.allgs", ret))
		return 1;
	struct operand_code code = program_read_function(prog, "runtime.allgadd", buf);
	return operand_list(&code, ret, ALLGS_CANDIDATES_MAX);
}

size_t program_gc_candidates(const struct program *prog, enum gc_global global,
			     uint64_t ret[GC_CANDIDATES_MAX])
{
	/* go-runtime facts 5.6; putfull() pushes to work.full, which is at offset 0. */
	static const struct {
		const char *symbol;
		const char *user;
	} globals[GC_GLOBAL_CNT] = {
		[GC_MEMSTATS] = { "runtime.memstats", "runtime.(*mcache).allocLarge" },
		[GC_CONTROLLER_STATE] = { "runtime.gcController", "runtime.gcControllerCommit" },
		[GC_WORK] = { "runtime.work", "runtime.putfull" },
	};
	uint8_t buf[CODE_MAX];

	if (program_symbol_address(prog, globals[global].symbol, ret))
		return 1;
	struct operand_code code = program_read_function(prog, globals[global].user, buf);
	return operand_list(&code, ret, GC_CANDIDATES_MAX);
}

/* The function loads no other global, in all of 1.19 to 1.27. */
bool program_persistent_chunks(const struct program *prog, uint64_t *ret)
{
	return program_symbol_address(prog, "runtime.persistentChunks", ret) ||
	       program_operand_address(prog, "runtime.persistentalloc1", CODE_REF_LOAD,
				       OPERAND_FIRST, ret);
}

/* The function first refers to its lock, which is its first field. */
bool program_gc_bits_arenas(const struct program *prog, uint64_t *ret)
{
	return program_symbol_address(prog, "runtime.gcBitsArenas", ret) ||
	       program_operand_address(prog, "runtime.nextMarkBitArenaEpoch", CODE_REF_ADDRESS,
				       OPERAND_FIRST, ret);
}

bool program_profile_hash(const struct program *prog, uint64_t *ret)
{
	return program_symbol_address(prog, "runtime.buckhash", ret) ||
	       program_operand_address(prog, "runtime.stkbucket", CODE_REF_LOAD, OPERAND_FIRST,
				       ret);
}

/* The last that the function stores is its first field. */
bool program_scavenge(const struct program *prog, uint64_t *ret)
{
	return program_symbol_address(prog, "runtime.scavenge", ret) ||
	       program_operand_address(prog, "runtime.gcPaceScavenger", CODE_REF_ADDRESS,
				       OPERAND_LAST, ret);
}
