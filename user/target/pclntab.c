// SPDX-License-Identifier: GPL-2.0-only
#include "target/pclntab.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"
#include "base/vec.h"

enum {
	WINDOW_SZ = 1 << 20,
	/* Name lengths are not bounded by Go; generic names reach some kilobytes. */
	NAME_MAX_LEN = 512,
	RUNTIME_FUNC_MAX = 1 << 16,
};

struct func {
	uint32_t entry; /* from moduledata.text */
	uint32_t name; /* in funcnametab */
};

struct named {
	char *name;
	uint32_t name_off;
	uint32_t func; /* index, or UINT32_MAX while unknown */
};

struct pclntab {
	struct moduledata md;
	VEC(struct func) funcs; /* ascending by entry; the last one only closes the table */
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
 * A window over the function records: they are read in ascending order, so each
 * megabyte of the table is fetched once.
 */
struct window {
	struct mem *mem;
	uint64_t base;
	uint64_t len;
	uint64_t start;
	uint64_t fill;
	uint8_t *buf;
};

static struct err *window_at(struct window *w, uint64_t off, uint64_t want, const uint8_t **ret)
{
	if (off > w->len || want > w->len - off)
		return err_new(ERR_FORMAT, "function table: offset %llu is outside its %llu bytes",
			       (unsigned long long)off, (unsigned long long)w->len);
	if (off < w->start || off + want > w->start + w->fill) {
		uint64_t n = w->len - off < WINDOW_SZ ? w->len - off : WINDOW_SZ;
		struct err *err = mem_read(w->mem, w->base + off, w->buf, n);

		if (err)
			return err;
		w->start = off;
		w->fill = n;
	}
	*ret = w->buf + (off - w->start);
	return NULL;
}

/* ftab entries are {entry offset u32, record offset u32}; the record starts with
 * {entry offset u32, name offset i32}. */
static struct err *read_funcs(struct pclntab *tab, struct mem *mem, uint8_t *buf)
{
	uint64_t cnt = tab->md.ftab_cnt;
	_cleanup_free_ uint8_t *ftab = malloc(cnt * 8);

	if (!ftab || !vec_reserve(&tab->funcs, cnt))
		return err_nomem();
	struct err *err = mem_read(mem, tab->md.pclntable, ftab, cnt * 8);
	if (err)
		return err;

	struct window w = {
		.mem = mem, .base = tab->md.pclntable, .len = tab->md.pclntable_len, .buf = buf
	};
	for (uint64_t i = 0; i < cnt; i++) {
		struct func f = { .entry = load_u32(ftab, i * 8) };

		if (i && f.entry < tab->funcs.data[i - 1].entry)
			return err_new(ERR_FORMAT, "function table is not sorted");
		if (i + 1 < cnt) { /* the closing entry has no record */
			const uint8_t *record = NULL;

			err = window_at(&w, load_u32(ftab, i * 8 + 4), 8, &record);
			if (err)
				return err;
			f.name = load_u32(record, 4);
		}
		tab->funcs.data[tab->funcs.len++] = f;
	}
	return NULL;
}

static struct err *add_runtime_name(struct pclntab *tab, const char *name, uint32_t off)
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

/* Walks the NUL-terminated names; one that is longer than the buffer is no
 * runtime function's and is passed over. */
static struct err *read_names(struct pclntab *tab, struct mem *mem, uint8_t *buf)
{
	char name[NAME_MAX_LEN];
	size_t len = 0;
	uint64_t name_off = 0;

	for (uint64_t off = 0; off < tab->md.funcnametab_len; off += WINDOW_SZ) {
		uint64_t left = tab->md.funcnametab_len - off;
		uint64_t n = left < WINDOW_SZ ? left : WINDOW_SZ;
		struct err *err = mem_read(mem, tab->md.funcnametab + off, buf, n);

		for (uint64_t i = 0; !err && i < n; i++) {
			if (len < sizeof(name))
				name[len++] = buf[i];
			if (buf[i])
				continue;
			if (name[len - 1] == '\0')
				err = add_runtime_name(tab, name, name_off);
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

/* Names arrive in table order, so they are sorted by offset when this runs. */
static void bind_names(struct pclntab *tab)
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
	_cleanup_free_ uint8_t *buf = malloc(WINDOW_SZ);

	if (!tab || !buf)
		return err_nomem();
	tab->md = *md;
	struct err *err = read_funcs(tab, mem, buf);
	if (!err)
		err = read_names(tab, mem, buf);
	if (err)
		return err_wrap(err, "reading the function table");
	bind_names(tab);
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

static const struct func *func_at(const struct pclntab *tab, uint64_t pc)
{
	if (pc < tab->md.text || pc >= tab->md.etext || pc - tab->md.text > UINT32_MAX)
		return NULL;

	uint32_t entry = pc - tab->md.text;
	size_t lo = 0, hi = tab->funcs.len - 1; /* not the closing entry */
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
	const struct func *f = func_at(tab, pc);

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
	for (char *p = buf; *p; p++) /* bytes of a stranger's file go to a terminal */
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
