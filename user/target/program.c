// SPDX-License-Identifier: GPL-2.0-only
#include "target/program.h"

#include <stdio.h>
#include <string.h>

#include "target/operand.h"

enum { CODE_MAX = 4096 };

/* The link under map_files needs CAP_SYS_ADMIN or CAP_CHECKPOINT_RESTORE; for an
 * executable /proc/PID/exe is the same file. */
static struct err *open_file(struct program *prog)
{
	struct goimage *image = &prog->image;
	struct err *err = elf_file_open(image->path, &prog->elf);

	if (!err || !image->is_exe)
		return err;
	err_free(err);
	snprintf(image->path, sizeof(image->path), "/proc/%d/exe", prog->target->pid);
	return elf_file_open(image->path, &prog->elf);
}

static struct err *program_init(struct program *prog)
{
	struct mem *mem = &prog->target->mem;
	struct err *err = procmaps_init(&prog->maps, prog->target->pid);

	if (!err)
		err = goimage_find(prog->target, &prog->maps, &prog->image);
	if (!err)
		err = open_file(prog);
	if (err)
		return err;

	prog->stripped = !elf_file_has_symtab(prog->elf);
	prog->has_dwarf = elf_file_has_dwarf(prog->elf);
	prog->layout = layout_for(&prog->image.build, &prog->layout_match);
	err = moduledata_read(mem, prog->image.moduledata, &prog->layout, &prog->md);
	if (!err)
		err = pclntab_new(mem, &prog->md, &prog->funcs);
	if (!err)
		err = gotypes_new(mem, &prog->md, &prog->layout, &prog->types);
	return err;
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
	gotypes_free(prog->types);
	pclntab_free(prog->funcs);
	elf_file_close(prog->elf);
	procmaps_fini(&prog->maps);
	free(prog);
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

/* Where a symbol is at run time: link-time address plus the load bias. */
static bool symbol_address(const struct program *prog, const char *name, uint64_t *ret)
{
	uint64_t vaddr, text_vaddr;

	if (!elf_file_symbol(prog->elf, name, &vaddr) ||
	    !elf_file_vaddr(prog->elf, prog->image.file.offset, &text_vaddr))
		return false;
	*ret = vaddr - text_vaddr + prog->image.file.start;
	return true;
}

static bool operand_address(const struct program *prog, const char *func, enum operand_insn insn,
			    enum operand_pick pick, uint64_t *ret)
{
	uint8_t code[CODE_MAX];
	struct gofunc f;

	if (elf_file_machine(prog->elf) != ELF_MACHINE_X86_64 ||
	    !pclntab_find(prog->funcs, func, &f))
		return false;
	size_t len = program_read_code(prog, f.addr, code, f.size < CODE_MAX ? f.size : CODE_MAX);
	return operand_find(code, len, f.addr, insn, pick, ret);
}

size_t program_mheap_candidates(const struct program *prog, uint64_t ret[MHEAP_CANDIDATES_MAX])
{
	/* go-runtime facts 5.6: each refers to &mheap_ at this place in all releases. */
	static const struct {
		const char *func;
		enum operand_pick pick;
	} users[] = {
		{ "runtime.allocmcache.func1", OPERAND_FIRST },
		{ "runtime.(*mcache).allocLarge", OPERAND_FIRST },
		{ "runtime.(*mcentral).grow", OPERAND_LAST },
	};
	size_t cnt = 0;

	if (symbol_address(prog, "runtime.mheap_", &ret[cnt]))
		cnt++;
	for (size_t i = 0; i < sizeof(users) / sizeof(users[0]); i++)
		if (operand_address(prog, users[i].func, OPERAND_LEA, users[i].pick, &ret[cnt]))
			cnt++;
	return cnt;
}

bool program_allp(const struct program *prog, uint64_t *ret)
{
	return symbol_address(prog, "runtime.allp", ret) ||
	       operand_address(prog, "runtime.gcMarkTinyAllocs", OPERAND_MOV_LOAD, OPERAND_FIRST,
			       ret);
}
