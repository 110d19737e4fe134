// SPDX-License-Identifier: GPL-2.0-only
/* The tables of a Go image: moduledata, functions, lines, types, and the code that uses globals. The
 * input is the memory of the image; its last byte chooses the version. */
#include <elf.h>

#include "fuzz.h"

#include "arch/arch.h"
#include "process/buildinfo.h"
#include "process/gotypes.h"
#include "process/lines.h"
#include "process/operand.h"
#include "process/pcheader.h"
#include "process/pclntab.h"

#define BASE 0x400000ull

enum { LEN_MIN = 1024, HEADER_AT = 600, ADDRESSES = 40 };

struct memory {
	const uint8_t *bytes;
	size_t len;
};

static struct err *read_reqs(struct mem *mem, struct mem_req *reqs, size_t n)
{
	const struct memory *m = mem->ctx;

	for (size_t i = 0; i < n; i++) {
		uint64_t off = reqs[i].addr - BASE;

		reqs[i].ok = off <= m->len && reqs[i].len <= m->len - off;
		if (reqs[i].ok)
			memcpy(reqs[i].dst, m->bytes + off, reqs[i].len);
	}
	return NULL;
}

static void look_at_lines(struct mem *mem, const struct pcheader *h, const struct moduledata *md,
			  const struct pclntab *funcs)
{
	struct lines *lines = NULL;
	struct err *err = lines_new(mem, h, md, funcs, &lines);
	uint32_t frame_sz;

	for (uint64_t i = 0, pc = md->text; !err && i < ADDRESSES; i++, pc += 1 + i * i) {
		fuzz_expect(lines_of_call(lines, pc)->cnt <= PLACE_FRAMES_MAX);
		lines_frame_size(lines, pc, &frame_sz);
	}
	lines_free(lines);
	err_free(err);
}

static void look_at_functions(struct mem *mem, const struct pcheader *h,
			      const struct moduledata *md)
{
	struct pclntab *funcs = NULL;
	struct err *err = pclntab_new(mem, md, &funcs);
	struct gofunc f;
	char name[64];

	if (!err) {
		pclntab_find(funcs, "runtime.mallocgc", &f);
		err_free(pclntab_name(funcs, mem, md->text + 1, name, sizeof(name)));
		look_at_lines(mem, h, md, funcs);
	}
	pclntab_free(funcs);
	err_free(err);
}

static void look_at_types(struct mem *mem, const struct go_layout *layout, size_t len)
{
	const struct moduledata md = { .types = BASE, .etypes = BASE + len / 8 * 8 };
	const struct types_from from = { mem, &md };
	struct gotypes *types = NULL;
	struct err *err = gotypes_new(&from, 1, layout, &types);
	size_t cnt = 0;

	if (!err) {
		const struct map_type *maps = gotypes_maps(types, &cnt);

		for (size_t i = 0; i < cnt; i++)
			fuzz_expect(gotypes_find(types, maps[i].addr) == &maps[i]);
	}
	gotypes_free(types);
	err_free(err);
}

static void look_at_code(const uint8_t *data, size_t len)
{
	const struct operand_code code = { .arch = arch_find(EM_X86_64),
					   .bytes = data,
					   .len = len < 512 ? len : 512,
					   .addr = BASE };
	uint64_t found[64];

	operand_list(&code, found, 64);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	if (len < LEN_MIN)
		return 0;
	struct memory memory = { data, len };
	struct mem mem = { .read_reqs = read_reqs, .ctx = &memory };
	uint8_t choice = data[len - 1];
	const struct buildinfo build = { .minor = 18 + choice % 10 };
	struct pcheader h = { .addr = BASE, .min_lc = 1, .before_1_20 = build.minor < 20 };
	enum layout_match match;
	const struct go_layout layout = layout_for(&build, layout_default_kind(&build), &match);
	struct moduledata md = { 0 };
	bool is;

	if (pcheader_parse(data + HEADER_AT, len - HEADER_AT, BASE + HEADER_AT, &h))
		err_free(moduledata_check(&mem, BASE, &h, &is));
	struct err *err = moduledata_read(&mem, BASE, &md);
	if (!err)
		err = moduledata_read_types(&mem, BASE, &layout, &md);
	if (!err)
		look_at_functions(&mem, &h, &md);
	err_free(err);
	look_at_types(&mem, &layout, len);
	look_at_code(data, len);
	mem_fini(&mem);
	return 0;
}
