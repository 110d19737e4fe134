// SPDX-License-Identifier: GPL-2.0-only
#include "process/varsyms.h"

#include <ctype.h>
#include <limits.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "base/vec.h"
#include "process/dataroots.h"
#include "process/debug_file.h"
#include "process/program.h"

enum {
	/* A hostile file may have as many symbols as it likes. The largest programs have some
	 * 200,000 variables. */
	VARSYMS_MAX = 1 << 20,
	VARSYM_NAME_MAX = 1 << 10,
};

struct varsyms_walk {
	const struct data_roots *roots;
	uint32_t module;
	uint64_t bias; /* from link time to run time */
	VEC(struct varsym) syms;
	struct pool names;
	bool failed; /* out of memory */
};

static bool varsyms_add(void *ctx, const char *name, uint64_t addr, uint64_t size)
{
	struct varsyms_walk *w = ctx;
	const struct data_range *range = data_roots_find(w->roots, addr + w->bias);
	char text[VARSYM_NAME_MAX];
	size_t len = 0;

	if (!range || range->module != w->module || size > range->end - (addr + w->bias))
		return true;
	for (; name[len] && len + 1 < sizeof(text); len++) /* it goes to a terminal */
		text[len] = iscntrl((unsigned char)name[len]) ? '?' : name[len];
	text[len] = '\0';
	struct varsym sym = { addr + w->bias, size, pool_text(&w->names, text) };
	w->failed |= !sym.name || !vec_push(&w->syms, sym);
	return !w->failed && w->syms.len < VARSYMS_MAX;
}

/* Walks the symbols of the file at path, which `elf` is and a mapping is of, or those of its
 * separate debug file. */
static void varsyms_walk_file(struct varsyms_walk *w, const struct elf_file *elf, const char *path,
			      const struct procmap *mapping, uint32_t module)
{
	_cleanup_elf_file_ struct elf_file *apart = NULL;
	_cleanup_err_ struct err *err = NULL;
	char debug_path[PATH_MAX];
	uint64_t vaddr;

	if (!elf_file_vaddr(elf, mapping->offset, &vaddr))
		return;
	w->bias = mapping->start - vaddr;
	w->module = module;
	if (!elf_file_has_symtab(elf) && debug_file_find(path, DEBUG_DIR, debug_path))
		err = elf_file_open(debug_path, &apart);
	if (err)
		log_debug("%s: variables stay without names", err->msg);
	elf_file_walk_data(apart ? apart : elf, varsyms_add, w);
}

/* The module of a plugin, as a file; NULL when it is not known. */
static const struct gomodule *varsyms_module_of(const struct program *prog, const struct plugin *p)
{
	for (size_t i = 0; i < prog->image.plugins.len; i++) {
		const struct gomodule *m = &prog->image.plugins.data[i];

		if (m->mapped && &m->mapped->mem == p->mem)
			return m;
	}
	return NULL;
}

static void varsyms_walk_plugin(struct varsyms_walk *w, const struct program *prog, size_t i)
{
	const struct gomodule *m = varsyms_module_of(prog, &prog->plugins.data[i]);
	_cleanup_elf_file_ struct elf_file *elf = NULL;
	_cleanup_err_ struct err *err = m ? elf_file_open(m->mapped->path, &elf) : NULL;

	if (err)
		log_debug("%s: its variables stay without names", err->msg);
	else if (m)
		varsyms_walk_file(w, elf, m->mapped->path, &m->file, i + 1);
}

static int cmp_varsyms(const void *a, const void *b)
{
	const struct varsym *x = a, *y = b;

	return x->addr < y->addr ? -1 : x->addr > y->addr;
}

struct err *varsyms_read(const struct program *prog, const struct data_roots *roots,
			 struct varsyms *ret)
{
	struct varsyms_walk w = { .roots = roots };

	if (prog->elf && prog->image.mapped)
		varsyms_walk_file(&w, prog->elf, prog->image.mapped->path, &prog->image.file, 0);
	for (size_t i = 0; i < prog->plugins.len; i++)
		varsyms_walk_plugin(&w, prog, i);
	vec_sort(&w.syms, cmp_varsyms);
	*ret = (struct varsyms){ .syms = w.syms.data, .cnt = w.syms.len, .names = w.names };
	if (!w.failed)
		return NULL;
	varsyms_fini(ret);
	return err_nomem();
}

void varsyms_fini(struct varsyms *syms)
{
	free(syms->syms);
	pool_fini(&syms->names);
	*syms = (struct varsyms){ 0 };
}

const struct varsym *varsyms_find(const struct varsyms *syms, uint64_t addr)
{
	size_t lo = 0, hi = syms->cnt;

	while (lo < hi) { /* the last variable that starts at or below addr */
		size_t mid = lo + (hi - lo) / 2;

		if (syms->syms[mid].addr <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo && addr - syms->syms[lo - 1].addr < syms->syms[lo - 1].size ? &syms->syms[lo - 1]
									      : NULL;
}
