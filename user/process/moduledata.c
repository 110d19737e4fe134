// SPDX-License-Identifier: GPL-2.0-only
#include "process/moduledata.h"

#include "base/cursor.h"
#include "process/layout.h"
#include "process/pcheader.h"

/* Offsets that all versions from 1.18 to 1.27 share (go-runtime facts 5.4). */
enum {
	MD_PCHEADER = 0,
	MD_FUNCNAMETAB = 8,
	MD_CUTAB = 32,
	MD_FILETAB = 56,
	MD_PCTAB = 80,
	MD_PCLNTABLE = 104,
	MD_FTAB = 128,
	MD_TEXT = 176,
	MD_ETEXT = 184,

	SLICE_PTR = 0,
	SLICE_LEN = 8,

	/* A limit for the tables of a hostile moduledata. */
	TABLE_MAX = 512 << 20,
};

struct err *moduledata_check(struct mem *mem, uint64_t addr, const struct pcheader *h, bool *ret)
{
	uint8_t md[MODULEDATA_SZ_MIN];
	struct mem_req req = { .addr = addr, .len = sizeof(md), .dst = md };
	struct err *err = mem->read_reqs(mem, &req, 1);

	if (err)
		return err;
	*ret = req.ok && load_u64(md, MD_PCHEADER) == h->addr &&
	       load_u64(md, MD_FUNCNAMETAB + SLICE_PTR) == h->addr + h->funcname_off &&
	       load_u64(md, MD_PCLNTABLE + SLICE_PTR) == h->addr + h->pcln_off &&
	       load_u64(md, MD_FTAB + SLICE_LEN) == h->func_cnt + 1;
	return NULL;
}

static struct err *moduledata_contradiction(uint64_t addr)
{
	return err_new(ERR_FORMAT, "moduledata at 0x%llx contradicts itself",
		       (unsigned long long)addr);
}

struct err *moduledata_read(struct mem *mem, uint64_t addr, struct moduledata *ret)
{
	uint8_t md[MODULEDATA_SZ_MIN];
	struct err *err = mem_read(mem, addr, md, sizeof(md));

	if (err)
		return err_wrap(err, "reading moduledata");

	struct moduledata m = {
		.text = load_u64(md, MD_TEXT),
		.etext = load_u64(md, MD_ETEXT),
		.funcnametab = load_u64(md, MD_FUNCNAMETAB + SLICE_PTR),
		.funcnametab_len = load_u64(md, MD_FUNCNAMETAB + SLICE_LEN),
		.pclntable = load_u64(md, MD_PCLNTABLE + SLICE_PTR),
		.pclntable_len = load_u64(md, MD_PCLNTABLE + SLICE_LEN),
		.ftab_cnt = load_u64(md, MD_FTAB + SLICE_LEN),
		.cutab = load_u64(md, MD_CUTAB + SLICE_PTR),
		.cutab_cnt = load_u64(md, MD_CUTAB + SLICE_LEN),
		.filetab = load_u64(md, MD_FILETAB + SLICE_PTR),
		.filetab_len = load_u64(md, MD_FILETAB + SLICE_LEN),
		.pctab = load_u64(md, MD_PCTAB + SLICE_PTR),
		.pctab_len = load_u64(md, MD_PCTAB + SLICE_LEN),
	};
	if (m.text >= m.etext || m.funcnametab_len > TABLE_MAX || m.pclntable_len > TABLE_MAX ||
	    m.ftab_cnt < 2 || m.ftab_cnt > m.pclntable_len / 8 || m.cutab_cnt > TABLE_MAX / 4 ||
	    m.filetab_len > TABLE_MAX || m.pctab_len > TABLE_MAX)
		return moduledata_contradiction(addr);
	*ret = m;
	return NULL;
}

struct err *moduledata_read_types(struct mem *mem, uint64_t addr, const struct go_layout *layout,
				  struct moduledata *md)
{
	uint64_t types, etypes, gofunc;
	struct err *err = mem_read_u64(mem, addr + layout->moduledata_types, &types);

	if (!err)
		err = mem_read_u64(mem, addr + layout->moduledata_etypes, &etypes);
	if (!err)
		err = mem_read_u64(mem, addr + layout->moduledata_gofunc, &gofunc);
	if (err)
		return err_wrap(err, "reading moduledata");
	if (types >= etypes || etypes - types > TABLE_MAX)
		return moduledata_contradiction(addr);
	md->types = types;
	md->etypes = etypes;
	md->gofunc = gofunc;
	return NULL;
}
