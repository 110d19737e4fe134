// SPDX-License-Identifier: GPL-2.0-only
#include "process/dataroots.h"

#include <string.h>

#include "base/cursor.h"
#include "base/err.h"
#include "base/log.h"
#include "base/vec.h"
#include "process/program.h"

enum {
	/*
	 * Offsets in a moduledata, the same from Go 1.18 to 1.27: eight words after etext (Go
	 * source: runtime/symtab.go moduledata).
	 */
	MD_NOPTRDATA = 192,
	MD_DATA = 208,
	MD_BSS = 224,
	MD_NOPTRBSS = 240,

	/*
	 * Two bitvectors follow each other: gcdatamask and gcbssmask. Their offset depends on the
	 * version, but no other two words are the numbers of words in data and in bss, each with
	 * an address after it. So they are searched for.
	 */
	MD_MASKS_MIN = 304,
	MD_MASKS_MAX = MODULEDATA_SZ_MAX - 32,
	MASKS_DATA_CNT = 0, /* int32: words in data, then the address of the bits */
	MASKS_DATA_BITS = 8,
	MASKS_BSS_CNT = 16,
	MASKS_BSS_BITS = 24,

	/* At most this many bytes of variables in a range with pointers: a hostile moduledata may
	 * claim more. */
	DATA_RANGE_MAX = 1 << 30,
};

/* A module whose ranges are read. */
struct data_module {
	struct mem *mem;
	uint64_t addr; /* of its moduledata */
	uint32_t number;
	uint8_t md[MODULEDATA_SZ_MAX];
	size_t md_len; /* bytes of it that could be read */
};

struct data_range_list {
	VEC(struct data_range) ranges;
};

static struct err *data_module_contradiction(const struct data_module *m, const char *what)
{
	return err_new(ERR_FORMAT, "moduledata at 0x%llx: %s", (unsigned long long)m->addr, what);
}

/* A moduledata may be the last of its mapping, so its end need not be readable. */
static struct err *data_module_read(struct data_module *m)
{
	struct mem_req reqs[2] = {
		{ m->addr, MODULEDATA_SZ_MAX, false, m->md },
		{ m->addr, MD_MASKS_MAX, false, m->md },
	};

	for (size_t i = 0; i < 2; i++) {
		struct err *err = m->mem->read_reqs(m->mem, &reqs[i], 1);

		if (err)
			return err;
		m->md_len = reqs[i].len;
		if (reqs[i].ok)
			return NULL;
	}
	return data_module_contradiction(m, "cannot be read");
}

/* The offset of both bitvectors; 0 when there is not exactly one place for them. */
static size_t data_module_find_masks(const struct data_module *m, uint64_t data_words,
				     uint64_t bss_words)
{
	size_t found = 0;

	for (size_t off = MD_MASKS_MIN; off + 32 <= m->md_len; off += 8) {
		const uint8_t *p = m->md + off;

		/* The upper half of the words is padding. */
		if (load_u32(p, MASKS_DATA_CNT) != data_words ||
		    load_u32(p, MASKS_BSS_CNT) != bss_words || !load_u64(p, MASKS_DATA_BITS) ||
		    !load_u64(p, MASKS_BSS_BITS))
			continue;
		if (found)
			return 0;
		found = off;
	}
	return found;
}

/* Reads where a range begins and ends. The linker aligns data and bss to words. */
static bool data_module_range(const struct data_module *m, size_t off, enum data_kind kind,
			      struct data_range *ret)
{
	*ret = (struct data_range){
		.start = load_u64(m->md, off),
		.end = load_u64(m->md, off + 8),
		.kind = kind,
		.module = m->number,
	};
	bool has_ptrs = kind == DATA_INITIALIZED || kind == DATA_BSS;
	return ret->start <= ret->end &&
	       (!has_ptrs || (ret->end - ret->start <= DATA_RANGE_MAX && !(ret->start % 8)));
}

/* Reads the mask of a range. It is memory of the runtime, which lives on. */
static struct err *data_module_read_mask(const struct data_module *m, struct mem *memory,
					 uint64_t bits, struct data_range *r)
{
	size_t len = (data_range_words(r) + 7) / 8;

	if (!len)
		return NULL;
	r->mask = malloc(len);
	if (!r->mask)
		return err_nomem();
	struct err *err = mem_read(memory, bits, r->mask, len);
	return err && err->kind == ERR_FAULT
		       ? (err_free(err), data_module_contradiction(m, "a mask cannot be read"))
		       : err;
}

static struct err *data_module_read_masks(const struct data_module *m, struct mem *memory,
					  struct data_range *data, struct data_range *bss)
{
	size_t at = data_module_find_masks(m, data_range_words(data), data_range_words(bss));

	if (!at)
		return data_range_words(data) + data_range_words(bss)
			       ? data_module_contradiction(m, "no masks of pointers are found")
			       : NULL;
	struct err *err =
		data_module_read_mask(m, memory, load_u64(m->md, at + MASKS_DATA_BITS), data);
	return err ? err
		   : data_module_read_mask(m, memory, load_u64(m->md, at + MASKS_BSS_BITS), bss);
}

/* Adds the ranges that are not empty. The list owns their masks then, also after a failure. */
static struct err *data_range_list_add(struct data_range_list *list, struct data_range *ranges,
				       size_t cnt)
{
	bool full = !vec_reserve(&list->ranges, list->ranges.len + cnt);

	for (size_t i = 0; i < cnt; i++) {
		if (full || ranges[i].start == ranges[i].end)
			free(ranges[i].mask);
		else
			list->ranges.data[list->ranges.len++] = ranges[i];
	}
	return full ? err_nomem() : NULL;
}

static struct err *data_module_add(struct data_module *m, struct mem *memory,
				   struct data_range_list *list)
{
	struct data_range r[4];
	struct err *err = data_module_read(m);

	if (err)
		return err;
	if (!data_module_range(m, MD_DATA, DATA_INITIALIZED, &r[0]) ||
	    !data_module_range(m, MD_BSS, DATA_BSS, &r[1]) ||
	    !data_module_range(m, MD_NOPTRDATA, DATA_NOPTR, &r[2]) ||
	    !data_module_range(m, MD_NOPTRBSS, DATA_NOPTR_BSS, &r[3]))
		return data_module_contradiction(m, "its ranges of variables are not ranges");
	err = data_module_read_masks(m, memory, &r[0], &r[1]);
	if (err) {
		free(r[0].mask);
		free(r[1].mask);
		return err;
	}
	return data_range_list_add(list, r, 4);
}

/* The address of a plugin's moduledata; 0 when it is not known. */
static uint64_t plugin_moduledata(const struct program *prog, const struct plugin *p)
{
	for (size_t i = 0; i < prog->image.plugins.len; i++) {
		const struct gomodule *m = &prog->image.plugins.data[i];

		if (m->mapped && &m->mapped->mem == p->mem)
			return m->moduledata;
	}
	return 0;
}

static int cmp_data_ranges(const void *a, const void *b)
{
	const struct data_range *x = a, *y = b;

	return x->start < y->start ? -1 : x->start > y->start;
}

/* Makes the result: sorted, and without ranges that begin inside of another one, which only
 * hostile modules have. */
static void data_roots_settle(struct data_range_list *list, struct data_roots *ret)
{
	vec_sort(&list->ranges, cmp_data_ranges);
	ret->ranges = list->ranges.data;
	for (size_t i = 0; i < list->ranges.len; i++) {
		struct data_range *r = &list->ranges.data[i];

		if (ret->cnt && r->start < ret->ranges[ret->cnt - 1].end)
			free(r->mask);
		else
			ret->ranges[ret->cnt++] = *r;
	}
}

static struct err *data_roots_add_plugins(const struct program *prog, struct data_range_list *list,
					  struct data_roots *ret)
{
	for (size_t i = 0; i < prog->plugins.len; i++) {
		const struct plugin *p = &prog->plugins.data[i];
		struct data_module m = { .mem = p->mem,
					 .addr = plugin_moduledata(prog, p),
					 .number = i + 1 };
		struct err *err = data_module_add(&m, &prog->target->mem, list);

		if (err && err->kind != ERR_FORMAT)
			return err;
		if (err)
			log_debug("variables are left out: %s", err->msg);
		ret->left_out += err != NULL;
		err_free(err);
	}
	return NULL;
}

struct err *data_roots_read(const struct program *prog, struct data_roots *ret)
{
	struct data_range_list list = { 0 };
	struct data_module m = { .mem = prog->image.mapped ? &prog->image.mapped->mem
							   : &prog->target->mem,
				 .addr = prog->image.moduledata };

	*ret = (struct data_roots){ 0 };
	struct err *err = data_module_add(&m, &prog->target->mem, &list);
	if (!err)
		err = data_roots_add_plugins(prog, &list, ret);
	data_roots_settle(&list, ret);
	if (err)
		data_roots_fini(ret);
	return err;
}

void data_roots_fini(struct data_roots *roots)
{
	for (size_t i = 0; i < roots->cnt; i++)
		free(roots->ranges[i].mask);
	free(roots->ranges);
	*roots = (struct data_roots){ 0 };
}

const struct data_range *data_roots_find(const struct data_roots *roots, uint64_t addr)
{
	size_t lo = 0, hi = roots->cnt;

	while (lo < hi) { /* the last range that starts at or below addr */
		size_t mid = lo + (hi - lo) / 2;

		if (roots->ranges[mid].start <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo && addr < roots->ranges[lo - 1].end ? &roots->ranges[lo - 1] : NULL;
}

struct mem *data_range_mem(const struct program *prog, const struct data_range *r)
{
	if (r->module && r->module <= prog->plugins.len)
		return prog->plugins.data[r->module - 1].mem;
	return program_image_mem(prog);
}
