// SPDX-License-Identifier: GPL-2.0-only
#include "process/pcheader.h"

#include "base/cursor.h"

enum {
	FUNC_MAX = 1 << 24,
	PTR_SZ = 8,

	MAGIC_1_2 = 0xfffffffb,
	MAGIC_1_16 = 0xfffffffa,
	MAGIC_1_18 = 0xfffffff0,
	MAGIC_1_20 = 0xfffffff1,

	/* The first word: magic, two zero bytes, sizes of an instruction and of a pointer. */
	PAD_OFF = 4,
	MIN_LC_OFF = 6,
	PTR_SZ_OFF = 7,
	FUNC_CNT_OFF = 8,
	FUNCNAME_OFF = 32,
	PCLN_OFF = 64,
};

bool pcheader_parse(const uint8_t *data, size_t len, uint64_t addr, struct pcheader *ret)
{
	if (len < PCHEADER_SZ)
		return false;
	uint32_t magic = load_u32(data, 0);
	uint8_t min_lc = data[MIN_LC_OFF];

	if ((magic != MAGIC_1_18 && magic != MAGIC_1_20) || load_u16(data, PAD_OFF) ||
	    (min_lc != 1 && min_lc != 2 && min_lc != 4) || data[PTR_SZ_OFF] != PTR_SZ)
		return false;

	struct pcheader h = {
		.addr = addr,
		.func_cnt = load_u64(data, FUNC_CNT_OFF),
		.funcname_off = load_u64(data, FUNCNAME_OFF),
		.pcln_off = load_u64(data, PCLN_OFF),
		.min_lc = min_lc,
		.before_1_20 = magic == MAGIC_1_18,
	};
	if (!h.func_cnt || h.func_cnt > FUNC_MAX || h.funcname_off < PCHEADER_SZ ||
	    h.funcname_off > UINT32_MAX || h.pcln_off <= h.funcname_off || h.pcln_off > UINT32_MAX)
		return false;
	*ret = h;
	return true;
}

bool pcheader_is_old(const uint8_t *data)
{
	uint32_t magic = load_u32(data, 0);
	uint8_t min_lc = data[MIN_LC_OFF];

	return (magic == MAGIC_1_2 || magic == MAGIC_1_16) && !load_u16(data, PAD_OFF) &&
	       (min_lc == 1 || min_lc == 4) && data[PTR_SZ_OFF] == PTR_SZ;
}
