// SPDX-License-Identifier: GPL-2.0-only
#include "graph/code_uses.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/radix.h"
#include "process/dataroots.h"
#include "process/mem_cache.h"
#include "process/pclntab.h"
#include "process/program.h"

enum {
	/* The code of a module is read in pieces that overlap by the longest instruction. */
	CODE_PIECE_SZ = 1 << 20,
	CODE_INSN_MAX = 15,

	/* Bounds for hostile programs; the largest real ones have 200 MiB of code. */
	CODE_TEXT_MAX = 1 << 30,
	CODE_FUNC_MAX = 4 << 20,
	CODE_PLACES_MAX = 4 << 20, /* in all modules: at most 36 MiB */
	CODE_BELOW_MAX = 64, /* words that turn out not to be used, in one search downwards */
};

void code_uses_resume(struct code_uses *u)
{
	u->since_ns = clock_ns();
}

void code_uses_pause(struct code_uses *u)
{
	u->spent_ns += clock_ns() - u->since_ns;
}

bool code_uses_stopped(const struct code_uses *u)
{
	return (u->stop && *u->stop) || u->spent_ns + (clock_ns() - u->since_ns) > CODE_USES_NS_MAX;
}

/* ---- slots ---- */

/*
 * Code of plugins loads the addresses of variables from a table of the dynamic linker, the GOT.
 * It is in the part of the file that is not code. Any word there that is the address of a word of
 * data or bss counts, if code refers to it.
 */
static struct err *code_module_find_slots(struct code_module *m, const struct program *prog,
					  const struct procmap *file)
{
	if (!prog->plugins.len || !file)
		return NULL;
	for (size_t i = 0; i < prog->maps.maps.len; i++) {
		const struct procmap *map = &prog->maps.maps.data[i];

		if (!procmap_same_file(map, file) || (map->prot & MAP_X) || !(map->prot & MAP_R))
			continue;
		m->slots_lo = m->slots_hi && m->slots_lo < map->start ? m->slots_lo : map->start;
		m->slots_hi = map->end > m->slots_hi ? map->end : m->slots_hi;
	}
	m->slots = malloc(sizeof(*m->slots));
	return m->slots ? mem_cache_init(m->slots, m->mem) : err_nomem();
}

/* The word of data or bss that a reference to addr leads to; false when there is none. */
static bool code_module_resolve(const struct code_module *m, uint64_t addr, uint64_t *word_ret,
				bool *through_slot_ret)
{
	*word_ret = addr;
	*through_slot_ret = addr < m->lo || addr >= m->hi;
	if (!*through_slot_ret)
		return true;
	if (!m->slots || addr % 8 || addr < m->slots_lo || addr >= m->slots_hi)
		return false;
	_cleanup_err_ struct err *err = mem_read_u64(&m->slots->mem, addr, word_ret);
	return !err && *word_ret >= m->lo && *word_ret < m->hi;
}

/* ---- the scan ---- */

struct code_scan {
	struct code_uses *uses;
	struct code_module *m;
	bool failed; /* out of memory */
};

static bool code_scan_add(void *ctx, uint64_t at, uint64_t addr)
{
	struct code_scan *s = ctx;
	uint64_t word;
	bool through_slot;

	if (!code_module_resolve(s->m, addr, &word, &through_slot))
		return true;
	if (s->uses->place_cnt == CODE_PLACES_MAX) {
		s->uses->incomplete = true;
		return false;
	}
	if (!vec_push(&s->m->places, (word - s->m->lo) << 32 | (at - s->m->text))) {
		s->failed = true;
		return false;
	}
	s->uses->place_cnt++;
	return true;
}

/* Code that cannot be read ends the scan. */
static struct err *code_module_scan(struct code_scan *s, uint8_t *buf)
{
	struct code_module *m = s->m;
	uint64_t end = m->etext - m->text > CODE_TEXT_MAX ? m->text + CODE_TEXT_MAX : m->etext;
	uint64_t lo = m->slots && m->slots_lo < m->lo ? m->slots_lo : m->lo;
	uint64_t hi = m->slots && m->slots_hi > m->hi ? m->slots_hi : m->hi;

	s->uses->incomplete |= end != m->etext;
	for (uint64_t at = m->text; at < end && !s->failed; at += CODE_PIECE_SZ) {
		uint64_t left = end - at, max = CODE_PIECE_SZ + CODE_INSN_MAX;
		struct mem_req req = { at, left < max ? left : max, false, buf };

		if (s->uses->incomplete || code_uses_stopped(s->uses)) {
			s->uses->incomplete = true;
			return NULL;
		}
		struct err *err = m->mem->read_reqs(m->mem, &req, 1);
		if (err)
			return err;
		s->uses->incomplete |= !req.ok;
		if (req.ok)
			s->uses->arch->scan_refs(buf, req.len, at, lo, hi, code_scan_add, s);
	}
	return s->failed ? err_nomem() : NULL;
}

/* Sorts the places. Those in the overlap of two pieces were found twice. */
static struct err *code_module_settle(struct code_module *m)
{
	size_t cnt = 0;

	radix_sort(m->places.data, m->places.len, sizeof(uint64_t), 0);
	for (size_t i = 0; i < m->places.len; i++)
		if (!cnt || m->places.data[cnt - 1] != m->places.data[i])
			m->places.data[cnt++] = m->places.data[i];
	m->places.len = cnt;
	m->proofs = calloc(cnt + 1, 1);
	m->decoded = calloc(m->func_cnt / 8 + 1, 1);
	return m->proofs && m->decoded ? NULL : err_nomem();
}

/* Scans the next module. What is known of it is in `new`; data and bss are found here. */
static struct err *code_uses_add_module(struct code_uses *u, struct code_module new,
					const struct program *prog, const struct procmap *file,
					const struct data_roots *roots)
{
	_cleanup_free_ uint8_t *buf = malloc(CODE_PIECE_SZ + CODE_INSN_MAX);
	uint32_t number = u->modules.len;

	new.lo = UINT64_MAX;

	for (size_t i = 0; i < roots->cnt; i++) {
		const struct data_range *r = &roots->ranges[i];

		if (r->module != number || !r->mask)
			continue;
		new.lo = r->start < new.lo ? r->start : new.lo;
		new.hi = r->end > new.hi ? r->end : new.hi;
	}
	if (!vec_push(&u->modules, new))
		return err_nomem();

	struct code_module *m = &u->modules.data[number];
	struct code_scan s = { .uses = u, .m = m };
	struct err *err = buf ? code_module_find_slots(m, prog, file) : err_nomem();
	if (!err && m->lo < m->hi && m->hi - m->lo <= UINT32_MAX)
		err = code_module_scan(&s, buf);
	return err ? err : code_module_settle(m);
}

/* The file of a plugin; NULL when it is not known. */
static const struct procmap *code_plugin_file(const struct program *prog, const struct plugin *p)
{
	for (size_t i = 0; i < prog->image.plugins.len; i++) {
		const struct gomodule *m = &prog->image.plugins.data[i];

		if (m->mapped && &m->mapped->mem == p->mem)
			return &m->file;
	}
	return NULL;
}

static struct code_module code_module_of(struct mem *mem, const struct moduledata *md,
					 const struct pclntab *funcs)
{
	return (struct code_module){
		.mem = mem,
		.funcs = funcs,
		.func_cnt = md->ftab_cnt,
		.text = md->text,
		.etext = md->etext,
	};
}

struct err *code_uses_init(struct code_uses *u, const struct program *prog,
			   const struct data_roots *roots, const volatile bool *stop)
{
	struct mem *mem = prog->image.mapped ? &prog->image.mapped->mem : &prog->target->mem;

	*u = (struct code_uses){ .arch = prog->arch, .stop = stop };
	code_uses_resume(u);
	if (!u->arch)
		return NULL; /* we cannot read its code: nothing is known */
	struct err *err = code_uses_add_module(u, code_module_of(mem, &prog->md, prog->funcs), prog,
					       &prog->image.file, roots);
	for (size_t i = 0; !err && i < prog->plugins.len; i++) {
		const struct plugin *p = &prog->plugins.data[i];

		err = code_uses_add_module(u, code_module_of(p->mem, &p->md, p->funcs), prog,
					   code_plugin_file(prog, p), roots);
	}
	return err;
}

void code_uses_fini(struct code_uses *u)
{
	for (size_t i = 0; i < u->modules.len; i++) {
		vec_fini(&u->modules.data[i].places);
		free(u->modules.data[i].proofs);
		free(u->modules.data[i].decoded);
		if (u->modules.data[i].slots)
			mem_cache_fini(u->modules.data[i].slots);
		free(u->modules.data[i].slots);
	}
	vec_fini(&u->modules);
}

/* ---- proof ---- */

/* The first place at or above a key. */
static size_t code_module_lower(const struct code_module *m, uint64_t key)
{
	size_t lo = 0, hi = m->places.len;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (m->places.data[mid] < key)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static uint64_t code_place_word(const struct code_module *m, size_t i)
{
	return m->lo + (m->places.data[i] >> 32);
}

static uint64_t code_place_pc(const struct code_module *m, size_t i)
{
	return m->text + (uint32_t)m->places.data[i];
}

/* Notes a reference of an instruction that was decoded. */
static bool code_module_prove(void *ctx, enum code_ref ref, uint64_t insn, uint64_t addr)
{
	struct code_module *m = ctx;
	uint64_t word;
	bool through_slot;

	if (!code_module_resolve(m, addr, &word, &through_slot))
		return true;
	uint64_t key = (word - m->lo) << 32 | (insn - m->text);
	size_t i = code_module_lower(m, key);
	/* What is done with an address from a slot, later instructions tell. */
	if (i < m->places.len && m->places.data[i] - key < CODE_INSN_MAX)
		m->proofs[i] = 1 + (through_slot ? CODE_REF_OTHER : ref);
	return true;
}

/* Decodes the function that holds pc, unless that was done before. Padding after it is code. */
static void code_uses_decode(struct code_uses *u, struct code_module *m, uint64_t pc)
{
	struct func_record f;

	if (!pclntab_at(m->funcs, pc, &f) || (m->decoded[f.index / 8] >> f.index % 8 & 1))
		return;
	m->decoded[f.index / 8] |= 1 << f.index % 8;
	if (f.size > CODE_FUNC_MAX)
		return;
	_cleanup_free_ uint8_t *code = malloc(f.size);
	struct mem_req req = { f.addr, f.size, false, code };
	_cleanup_err_ struct err *err = code ? m->mem->read_reqs(m->mem, &req, 1) : err_nomem();
	if (err)
		log_debug("a function is left out: %s", err->msg);
	else if (req.ok)
		u->arch->walk_refs(code, f.size, f.addr, code_module_prove, m);
}

static struct code_module *code_uses_module(struct code_uses *u, uint32_t module, uint64_t addr)
{
	struct code_module *m = module < u->modules.len ? &u->modules.data[module] : NULL;

	return m && addr >= m->lo && addr < m->hi ? m : NULL;
}

/* ---- asking ---- */

size_t code_uses_visit(struct code_uses *u, uint32_t module, uint64_t addr, code_use_fn fn,
		       void *ctx)
{
	struct code_module *m = code_uses_module(u, module, addr);
	size_t visits = 0;

	if (!m)
		return 0;
	for (size_t i = code_module_lower(m, (addr - m->lo) << 32);
	     i < m->places.len && code_place_word(m, i) == addr && !code_uses_stopped(u); i++) {
		code_uses_decode(u, m, code_place_pc(m, i));
		if (!m->proofs[i])
			continue;
		visits++;
		if (!fn(ctx, m->proofs[i] - 1, code_place_pc(m, i)))
			break;
	}
	return visits;
}

static bool code_use_is_one(void *ctx, enum code_ref ref, uint64_t pc)
{
	(void)ctx;
	(void)ref;
	(void)pc;
	return false;
}

bool code_uses_below(struct code_uses *u, uint32_t module, uint64_t from, uint64_t addr,
		     uint64_t *ret)
{
	struct code_module *m = code_uses_module(u, module, addr);

	for (int tries = 0; m && tries < CODE_BELOW_MAX; tries++) {
		size_t i = code_module_lower(m, (addr - m->lo + 1) << 32);

		if (!i || code_place_word(m, i - 1) < from)
			return false;
		addr = code_place_word(m, i - 1);
		if (code_uses_visit(u, module, addr, code_use_is_one, NULL)) {
			*ret = addr;
			return true;
		}
		if (addr == m->lo)
			return false;
		addr--;
	}
	return false;
}
