// SPDX-License-Identifier: GPL-2.0-only
#include "process/pclntab.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"
#include "base/vec.h"

enum {
	NAMES_A_READ_SZ = 1 << 20,
	RECORDS_A_READ = 2048,
	RECORD_SZ = 8, /* bytes that we read of it */
	/* Go has no limit for the length of names; generic ones reach some kilobytes. */
	NAME_MAX_LEN = 512,
	RUNTIME_FUNC_MAX = 1 << 16,
};

struct func {
	uint32_t entry; /* offset from moduledata.text */
	uint32_t name; /* offset in funcnametab */
};

struct named {
	char *name;
	uint32_t name_off;
	uint32_t func; /* index; UINT32_MAX until it is known */
};

struct pclntab {
	struct moduledata md;
	VEC(struct func) funcs; /* ascending by entry; the last one only ends the table */
	VEC(struct named) runtime; /* sorted by name */
};

static bool is_runtime_name(const char *name)
{
	static const char *const prefixes[] = { "runtime.", "internal/runtime/", "reflect." };

	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
		if (!strncmp(name, prefixes[i], strlen(prefixes[i])))
			return true;
	return false;
}

/*
 * Notes the names of n functions. Entries of ftab are {entry offset u32, record offset u32}. A
 * record starts with {entry offset u32, name offset i32}. Records are in the order of the
 * functions, but a hostile file need not obey that, so each one is asked for by its own offset.
 */
static struct err *pclntab_read_records(struct mem *mem, const struct moduledata *md,
					const uint8_t *ftab, struct func *funcs, size_t n)
{
	struct mem_req reqs[RECORDS_A_READ];
	uint8_t records[RECORDS_A_READ][RECORD_SZ];

	for (size_t i = 0; i < n; i++) {
		uint64_t off = load_u32(ftab, i * 8 + 4);

		if (off > md->pclntable_len || md->pclntable_len - off < RECORD_SZ)
			return err_new(
				ERR_FORMAT, "function table: offset %llu is outside its %llu bytes",
				(unsigned long long)off, (unsigned long long)md->pclntable_len);
		reqs[i] = (struct mem_req){ md->pclntable + off, RECORD_SZ, false, records[i] };
	}
	struct err *err = mem_gather(mem, reqs, n);
	for (size_t i = 0; !err && i < n; i++) {
		const uint8_t *record = reqs[i].dst;

		if (!reqs[i].ok)
			err = err_fault(reqs[i].addr, "cannot read the function record at 0x%llx",
					(unsigned long long)reqs[i].addr);
		else
			funcs[(record - records[0]) / RECORD_SZ].name = load_u32(record, 4);
	}
	return err;
}

static struct err *pclntab_read_funcs(struct pclntab *tab, struct mem *mem)
{
	uint64_t cnt = tab->md.ftab_cnt;
	_cleanup_free_ uint8_t *ftab = malloc(cnt * 8);

	if (!ftab || !vec_reserve(&tab->funcs, cnt))
		return err_nomem();
	struct err *err = mem_read(mem, tab->md.pclntable, ftab, cnt * 8);
	if (err)
		return err;

	for (uint64_t i = 0; i < cnt; i++) {
		struct func f = { .entry = load_u32(ftab, i * 8) };

		if (i && f.entry < tab->funcs.data[i - 1].entry)
			return err_new(ERR_FORMAT, "function table is not sorted");
		tab->funcs.data[tab->funcs.len++] = f;
	}
	for (uint64_t i = 0; !err && i + 1 < cnt; i += RECORDS_A_READ) {
		uint64_t left = cnt - 1 - i; /* the entry that ends the table has no record */

		err = pclntab_read_records(mem, &tab->md, ftab + i * 8, &tab->funcs.data[i],
					   left < RECORDS_A_READ ? left : RECORDS_A_READ);
	}
	return err;
}

static struct err *pclntab_add_runtime_name(struct pclntab *tab, const char *name, uint32_t off)
{
	if (!is_runtime_name(name) || tab->runtime.len >= RUNTIME_FUNC_MAX)
		return NULL;
	struct named n = { .name = strdup(name), .name_off = off, .func = UINT32_MAX };

	if (!n.name || !vec_push(&tab->runtime, n)) {
		free(n.name);
		return err_nomem();
	}
	return NULL;
}

/* Walks the NUL-terminated names. One that is longer than the buffer is not a runtime function's
 * and is skipped. */
static struct err *pclntab_read_names(struct pclntab *tab, struct mem *mem, uint8_t *buf)
{
	char name[NAME_MAX_LEN];
	size_t len = 0;
	uint64_t name_off = 0;

	for (uint64_t off = 0; off < tab->md.funcnametab_len; off += NAMES_A_READ_SZ) {
		uint64_t left = tab->md.funcnametab_len - off;
		uint64_t n = left < NAMES_A_READ_SZ ? left : NAMES_A_READ_SZ;
		struct err *err = mem_read(mem, tab->md.funcnametab + off, buf, n);

		for (uint64_t i = 0; !err && i < n; i++) {
			if (len < sizeof(name))
				name[len++] = buf[i];
			if (buf[i])
				continue;
			if (name[len - 1] == '\0')
				err = pclntab_add_runtime_name(tab, name, name_off);
			name_off = off + i + 1;
			len = 0;
		}
		if (err)
			return err;
	}
	return NULL;
}

static int cmp_named_by_off(const void *a, const void *b)
{
	uint32_t x = ((const struct named *)a)->name_off, y = ((const struct named *)b)->name_off;

	return x < y ? -1 : x > y;
}

static int cmp_named_by_name(const void *a, const void *b)
{
	return strcmp(((const struct named *)a)->name, ((const struct named *)b)->name);
}

/* Needs the names in the order of their offsets, which is how they were read. */
static void pclntab_bind_names(struct pclntab *tab)
{
	for (size_t i = 0; i + 1 < tab->funcs.len; i++) {
		struct named key = { .name_off = tab->funcs.data[i].name };
		struct named *n = vec_search(&tab->runtime, &key, cmp_named_by_off);
		if (n)
			n->func = i;
	}
	vec_sort(&tab->runtime, cmp_named_by_name);
}

struct err *pclntab_new(struct mem *mem, const struct moduledata *md, struct pclntab **ret)
{
	_cleanup_(cleanup_pclntab) struct pclntab *tab = calloc(1, sizeof(*tab));
	_cleanup_free_ uint8_t *buf = malloc(NAMES_A_READ_SZ);

	if (!tab || !buf)
		return err_nomem();
	tab->md = *md;
	struct err *err = pclntab_read_funcs(tab, mem);
	if (!err)
		err = pclntab_read_names(tab, mem, buf);
	if (err)
		return err_wrap(err, "reading the function table");
	pclntab_bind_names(tab);
	*ret = take_ptr(tab);
	return NULL;
}

void pclntab_free(struct pclntab *tab)
{
	if (!tab)
		return;
	for (size_t i = 0; i < tab->runtime.len; i++)
		free(tab->runtime.data[i].name);
	vec_fini(&tab->runtime);
	vec_fini(&tab->funcs);
	free(tab);
}

bool pclntab_find(const struct pclntab *tab, const char *name, struct gofunc *ret)
{
	struct named key = { .name = (char *)name };
	const struct named *n = vec_search(&tab->runtime, &key, cmp_named_by_name);

	if (!n || n->func == UINT32_MAX)
		return false;
	const struct func *f = &tab->funcs.data[n->func];
	ret->addr = tab->md.text + f[0].entry;
	ret->size = f[1].entry - f[0].entry;
	return true;
}

static const struct func *pclntab_func_at(const struct pclntab *tab, uint64_t pc)
{
	if (pc < tab->md.text || pc >= tab->md.etext || pc - tab->md.text > UINT32_MAX)
		return NULL;

	uint32_t entry = pc - tab->md.text;
	size_t lo = 0, hi = tab->funcs.len - 1; /* without the entry that ends the table */
	while (lo < hi) { /* the last function whose entry is <= pc */
		size_t mid = lo + (hi - lo) / 2;

		if (tab->funcs.data[mid].entry <= entry)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo ? &tab->funcs.data[lo - 1] : NULL;
}

bool pclntab_at(const struct pclntab *tab, uint64_t pc, struct func_record *ret)
{
	const struct func *f = pclntab_func_at(tab, pc);

	if (!f)
		return false;
	*ret = (struct func_record){
		.addr = tab->md.text + f[0].entry,
		.size = f[1].entry - f[0].entry,
		.index = f - tab->funcs.data,
		.name_off = f->name,
	};
	return true;
}

struct err *pclntab_text(struct mem *mem, uint64_t table, uint64_t len, uint64_t off, char *buf,
			 size_t buf_sz)
{
	if (off >= len) {
		snprintf(buf, buf_sz, "?");
		return NULL;
	}
	size_t n = len - off < buf_sz - 1 ? len - off : buf_sz - 1;
	struct err *err = mem_read(mem, table + off, buf, n);
	if (err)
		return err;
	buf[n] = '\0';
	for (char *p = buf; *p; p++) /* the name comes from a foreign file and goes to a terminal */
		if (iscntrl((unsigned char)*p))
			*p = '?';
	return NULL;
}

struct err *pclntab_name(const struct pclntab *tab, struct mem *mem, uint64_t pc, char *buf,
			 size_t buf_sz)
{
	struct func_record f;
	uint64_t off = pclntab_at(tab, pc, &f) ? f.name_off : UINT64_MAX;

	return pclntab_text(mem, tab->md.funcnametab, tab->md.funcnametab_len, off, buf, buf_sz);
}
