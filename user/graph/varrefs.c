// SPDX-License-Identifier: GPL-2.0-only
#include "graph/varrefs.h"

#include <string.h>

#include "base/cursor.h"
#include "base/err.h"
#include "base/radix.h"
#include "graph/code_uses.h"
#include "graph/source_funcs.h"
#include "graph/var_maps.h"
#include "process/dataroots.h"
#include "process/lines.h"
#include "process/mem_cache.h"
#include "process/program.h"
#include "process/varsyms.h"

enum {
	NAME_MAX_LEN = 1024,
	/* Uses of a word that are looked at; more than that only variables of the runtime have. */
	VAR_USES_MAX = 4096,
	VAR_FUNCS_MAX = 256, /* distinct functions that are kept of them */
	VAR_PACKAGES_MAX = 64,
	VAR_POINTERS_MAX = 64, /* words that point to a variable, that are looked at */
	VAR_WORDS_MAX = 64, /* words of a named variable whose uses are looked at */
	VAR_DEPTH_MAX = 4, /* variables that point to variables */
	VAR_JUDGED_MAX = 256, /* variables that are judged for one answer */
	STATIC_POINTERS_MAX = 1 << 20,
	DATA_PIECE_SZ = 1 << 16,
};

struct varrefs {
	const struct program *prog;
	const struct data_roots *roots;
	struct code_uses uses;
	struct varsyms syms;
	struct source_funcs funcs;
	struct var_maps maps;
	struct lines *lines;
	VEC(struct mem_cache *) caches; /* what `lines` reads through */
	VEC(struct static_pointer) pointers; /* ascending by `to` */
	bool incomplete; /* not all pointers were read */
	int judged; /* variables, for the answer that is being made */
};

/* ---- opening ---- */

/* Gives `lines` the code of one more module, read through a cache. */
static struct err *varrefs_add_lines(struct varrefs *refs, struct mem *mem,
				     const struct pcheader *header, const struct moduledata *md,
				     const struct pclntab *funcs)
{
	struct mem_cache *cache = malloc(sizeof(*cache));

	if (!cache || !vec_push(&refs->caches, cache)) {
		free(cache);
		return err_nomem();
	}
	struct err *err = mem_cache_init(cache, mem);
	if (err)
		return err;
	return refs->lines ? lines_add(refs->lines, &cache->mem, header, md, funcs)
			   : lines_new(&cache->mem, header, md, funcs, &refs->lines);
}

static struct err *varrefs_open_lines(struct varrefs *refs)
{
	const struct program *prog = refs->prog;
	struct mem *mem = prog->image.mapped ? &prog->image.mapped->mem : &prog->target->mem;
	struct err *err =
		varrefs_add_lines(refs, mem, &prog->image.pcheader, &prog->md, prog->funcs);

	for (size_t i = 0; !err && i < prog->plugins.len; i++) {
		const struct plugin *p = &prog->plugins.data[i];

		for (size_t j = 0; !err && j < prog->image.plugins.len; j++) {
			const struct gomodule *m = &prog->image.plugins.data[j];

			if (m->mapped && &m->mapped->mem == p->mem)
				err = varrefs_add_lines(refs, p->mem, &m->pcheader, &p->md,
							p->funcs);
		}
	}
	return err;
}

/* Notes the words of a piece of a range that point into a range with pointers. */
static bool varrefs_add_pointers(struct varrefs *refs, const struct data_range *r, uint64_t at,
				 const uint8_t *bytes, size_t len)
{
	for (size_t off = 0; off + 8 <= len; off += 8) {
		struct static_pointer p = { load_u64(bytes, off), at + off };
		const struct data_range *to;

		if (!data_range_is_pointer(r, (p.at - r->start) / 8))
			continue;
		to = data_roots_find(refs->roots, p.to);
		if (!to || !to->mask)
			continue;
		if (refs->pointers.len == STATIC_POINTERS_MAX) {
			refs->incomplete = true;
			return true;
		}
		if (!vec_push(&refs->pointers, p))
			return false;
	}
	return true;
}

static struct err *varrefs_read_range(struct varrefs *refs, const struct data_range *r,
				      uint8_t *buf)
{
	struct mem *mem = &refs->prog->target->mem;

	for (uint64_t at = r->start; r->end - at >= 8; at += DATA_PIECE_SZ) {
		uint64_t left = r->end - at;
		struct mem_req req = { at, left < DATA_PIECE_SZ ? left : DATA_PIECE_SZ, false,
				       buf };
		struct err *err = mem->read_reqs(mem, &req, 1);

		if (err)
			return err;
		refs->incomplete |= !req.ok || code_uses_stopped(&refs->uses);
		if (refs->incomplete)
			return NULL;
		if (!varrefs_add_pointers(refs, r, at, buf, req.len))
			return err_nomem();
		if (left <= DATA_PIECE_SZ)
			break;
	}
	return NULL;
}

static struct err *varrefs_read_pointers(struct varrefs *refs)
{
	_cleanup_free_ uint8_t *buf = malloc(DATA_PIECE_SZ);
	struct err *err = buf ? NULL : err_nomem();

	for (size_t i = 0; !err && i < refs->roots->cnt; i++)
		if (refs->roots->ranges[i].mask)
			err = varrefs_read_range(refs, &refs->roots->ranges[i], buf);
	radix_sort(refs->pointers.data, refs->pointers.len, sizeof(struct static_pointer), 0);
	return err;
}

struct err *varrefs_open(const struct program *prog, const struct data_roots *roots,
			 const volatile bool *stop, struct varrefs **ret)
{
	_cleanup_varrefs_ struct varrefs *refs = calloc(1, sizeof(*refs));

	if (!refs)
		return err_nomem();
	refs->prog = prog;
	refs->roots = roots;
	var_maps_init(&refs->maps, prog, &refs->uses);
	struct err *err = code_uses_init(&refs->uses, prog, roots, stop);
	if (!err)
		err = varsyms_read(prog, roots, &refs->syms);
	if (!err)
		err = varrefs_open_lines(refs);
	if (!err)
		err = varrefs_read_pointers(refs);
	code_uses_pause(&refs->uses);
	if (err)
		return err_wrap(err, "looking for variables");
	*ret = take_ptr(refs);
	return NULL;
}

void varrefs_close(struct varrefs *refs)
{
	if (!refs)
		return;
	lines_free(refs->lines);
	for (size_t i = 0; i < refs->caches.len; i++) {
		mem_cache_fini(refs->caches.data[i]);
		free(refs->caches.data[i]);
	}
	vec_fini(&refs->caches);
	vec_fini(&refs->pointers);
	source_funcs_fini(&refs->funcs);
	var_maps_fini(&refs->maps);
	varsyms_fini(&refs->syms);
	code_uses_fini(&refs->uses);
	free(refs);
}

/* ---- votes ---- */

/* What the functions of one package do with a variable. */
struct var_vote {
	const char *package;
	uint32_t uses; /* that may be of this package */
	bool stores; /* some own use stores to the variable, or takes its address */
	bool addresses;
	bool sets_in_init; /* such a use is before main */
	bool declares; /* its initial value is stored */
	size_t last_use; /* number of the last use that was counted, plus 1 */
};

/* All that is known about a variable. */
struct var_votes {
	struct varrefs *refs;
	struct var_vote votes[VAR_PACKAGES_MAX];
	size_t vote_cnt;
	const struct source_func *funcs[VAR_FUNCS_MAX]; /* each once */
	size_t func_cnt;
	size_t uses;
	bool incomplete;
};

static struct var_vote *var_votes_of(struct var_votes *v, const char *package)
{
	for (size_t i = 0; i < v->vote_cnt; i++)
		if (v->votes[i].package == package)
			return &v->votes[i];
	if (v->vote_cnt == VAR_PACKAGES_MAX) {
		v->incomplete = true;
		return NULL;
	}
	v->votes[v->vote_cnt] = (struct var_vote){ .package = package };
	return &v->votes[v->vote_cnt++];
}

static void var_votes_add_func(struct var_votes *v, const struct source_func *func)
{
	for (size_t i = 0; i < v->func_cnt; i++)
		if (v->funcs[i] == func)
			return;
	if (v->func_cnt < VAR_FUNCS_MAX)
		v->funcs[v->func_cnt++] = func;
}

/* The functions that an instruction comes from. */
struct var_use {
	struct varrefs *refs;
	const struct source_func *funcs[PLACE_FRAMES_MAX]; /* the innermost first */
	size_t cnt;
};

static bool var_use_add_func(void *ctx, const char *name)
{
	struct var_use *use = ctx;
	const struct source_func *func = source_funcs_get(&use->refs->funcs, name);

	if (!func || use->cnt == PLACE_FRAMES_MAX)
		return false;
	use->funcs[use->cnt++] = func;
	return true;
}

/* Reads the functions of a use. Leaves out methods of locks and atomic values that were inlined:
 * they use the variable that their caller gives to them. */
static bool var_use_read(struct var_use *use, uint64_t pc)
{
	size_t skip = 0;

	if (!lines_walk_functions(use->refs->lines, pc, var_use_add_func, use))
		return false;
	while (skip + 1 < use->cnt && use->funcs[skip]->is_transparent)
		skip++;
	use->cnt -= skip;
	memmove(use->funcs, use->funcs + skip, use->cnt * sizeof(use->funcs[0]));
	return use->cnt > 0;
}

static bool var_use_is_of_one_package(const struct var_use *use)
{
	for (size_t i = 1; i < use->cnt; i++)
		if (use->funcs[i]->package != use->funcs[0]->package)
			return false;
	return true;
}

static void var_vote_add_own(struct var_vote *vote, enum code_ref ref,
			     const struct source_func *func)
{
	if (func->is_generic || (ref != CODE_REF_STORE && ref != CODE_REF_ADDRESS))
		return;
	vote->stores |= ref == CODE_REF_STORE;
	vote->addresses |= ref == CODE_REF_ADDRESS;
	vote->sets_in_init |= func->is_init;
	vote->declares |= ref == CODE_REF_STORE && func->is_var_init;
}

/*
 * Counts a use. Code of a function that was inlined may use a variable of its own package, or one
 * whose address its caller passed, so the variable may be of the package of any frame.
 */
static bool var_votes_add(void *ctx, enum code_ref ref, uint64_t pc)
{
	struct var_votes *v = ctx;
	struct var_use use = { .refs = v->refs };

	if (++v->uses > VAR_USES_MAX || code_uses_stopped(&v->refs->uses)) {
		v->incomplete = true;
		return false;
	}
	if (!var_use_read(&use, pc))
		return true;
	bool is_own = var_use_is_of_one_package(&use);
	for (size_t i = 0; i < use.cnt; i++) {
		const char *package = use.funcs[i]->package;
		struct var_vote *vote = package ? var_votes_of(v, package) : NULL;

		if (!vote || vote->last_use == v->uses)
			continue;
		vote->last_use = v->uses;
		vote->uses++;
		if (is_own)
			var_vote_add_own(vote, ref, use.funcs[0]);
	}
	if (use.funcs[0]->package)
		var_votes_add_func(v, use.funcs[0]);
	return true;
}

/* ---- judging ---- */

/* How the package of a variable is told, the surest way first. */
enum var_rule {
	VAR_DECLARED, /* the package stores the initial value */
	VAR_SET_BY_ALL, /* all uses may be of the package, which sets the variable after init */
	VAR_USED_BY_ALL, /* all uses may be of the package */
	VAR_SET_IN_INIT, /* the package sets the variable before main runs */
	VAR_STORED, /* the package stores to the variable */
	VAR_MOST, /* the package has most uses */
};

static bool var_vote_has(const struct var_votes *v, const struct var_vote *vote, enum var_rule rule)
{
	switch (rule) {
	case VAR_DECLARED:
		return vote->declares;
	case VAR_SET_BY_ALL:
		return vote->uses == v->uses && (vote->stores || vote->addresses) &&
		       !vote->sets_in_init;
	case VAR_USED_BY_ALL:
		return vote->uses == v->uses;
	case VAR_SET_IN_INIT:
		return vote->sets_in_init;
	case VAR_STORED:
		return vote->stores;
	case VAR_MOST:
		break;
	}
	return true;
}

/* The only package that a rule is true of; NULL when there are several or none. */
static const char *var_votes_only(const struct var_votes *v, enum var_rule rule)
{
	const char *only = NULL;

	for (size_t i = 0; i < v->vote_cnt; i++) {
		if (!var_vote_has(v, &v->votes[i], rule))
			continue;
		if (only)
			return NULL;
		only = v->votes[i].package;
	}
	return only;
}

/* Of equal ones the last to be seen, which is that of the outermost frame. */
static const char *var_votes_most(const struct var_votes *v)
{
	const struct var_vote *most = NULL;

	for (size_t i = 0; i < v->vote_cnt; i++)
		if (!most || v->votes[i].uses >= most->uses)
			most = &v->votes[i];
	return most ? most->package : NULL;
}

static const char *var_votes_judge(const struct var_votes *v, enum var_rule *rule_ret)
{
	for (enum var_rule rule = VAR_DECLARED; rule < VAR_MOST; rule++) {
		const char *only = var_votes_only(v, rule);

		*rule_ret = rule;
		if (only)
			return only;
	}
	*rule_ret = VAR_MOST;
	return var_votes_most(v);
}

/* ---- asking ---- */

/* Functions of the variable's own package come first, and those that set its initial value last. */
static int var_func_rank(const struct source_func *func, const char *package)
{
	return (func->package != package) + 2 * func->is_init;
}

static void var_votes_name_users(const struct var_votes *v, struct varref *ret)
{
	for (int rank = 0; rank < 4; rank++)
		for (size_t i = 0; i < v->func_cnt && ret->used_by_cnt < VARREF_USED_BY_MAX; i++)
			if (var_func_rank(v->funcs[i], ret->package) == rank)
				ret->used_by[ret->used_by_cnt++] = v->funcs[i]->name;
}

/* The first pointer to a word above addr. */
static size_t varrefs_pointers_above(const struct varrefs *refs, uint64_t addr)
{
	size_t lo = 0, hi = refs->pointers.len;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (refs->pointers.data[mid].to <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static void varrefs_judge(struct varrefs *refs, uint64_t addr, int depth, struct varref *ret);

/*
 * No code refers to the word, but a word of another variable points to it: the compiler laid out
 * what that variable's initial value points to. Takes the package of that variable. False when
 * there is none.
 */
static bool varrefs_judge_pointed(struct varrefs *refs, uint64_t from, uint64_t addr, int depth,
				  struct varref *ret)
{
	size_t end = varrefs_pointers_above(refs, addr);

	if (!end || refs->pointers.data[end - 1].to <= from || depth == VAR_DEPTH_MAX)
		return false;
	uint64_t base = refs->pointers.data[end - 1].to;
	for (size_t i = end;
	     i-- > 0 && refs->pointers.data[i].to == base && end - i <= VAR_POINTERS_MAX;) {
		uint64_t at = refs->pointers.data[i].at;

		/* Words in what is pointed to, as lists have them, tell nothing. */
		if (at >= base && at <= addr)
			continue;
		varrefs_judge(refs, at, depth + 1, ret);
		if (ret->package) {
			ret->base = base;
			ret->certain = false;
			return true;
		}
	}
	return false;
}

struct runtime_search {
	struct lines *lines;
	bool found;
};

static bool runtime_search_use(void *ctx, enum code_ref ref, uint64_t pc)
{
	struct runtime_search *s = ctx;
	const struct place *p = lines_of_call(s->lines, pc + 1);
	const char *file = p->cnt ? p->frames[p->cnt - 1].file : NULL;

	(void)ref;
	s->found = file && (strstr(file, "/src/runtime/") || !strncmp(file, "runtime/", 8));
	return !s->found;
}

/* Whether the runtime's code uses the variable under the name of another package, which the linker
 * gave it: runtime.reflectOffs is only used by functions that are called reflect's. */
static bool varrefs_is_of_runtime(struct varrefs *refs, uint32_t module, uint64_t base,
				  const char *package)
{
	struct runtime_search s = { .lines = refs->lines };

	if (strncmp(package, "runtime", 7) != 0)
		code_uses_visit(&refs->uses, module, base, runtime_search_use, &s);
	return s.found;
}

/* Tells the package of the variable that holds a word by what the code does. */
static void varrefs_judge(struct varrefs *refs, uint64_t addr, int depth, struct varref *ret)
{
	const struct data_range *range = data_roots_find(refs->roots, addr);
	struct var_votes v = { .refs = refs, .incomplete = refs->uses.incomplete };
	enum var_rule rule;
	uint64_t base = 0;

	if (!range || !range->mask || ++refs->judged > VAR_JUDGED_MAX)
		return;
	bool found = code_uses_below(&refs->uses, range->module, range->start, addr, &base);
	if (base != addr && varrefs_judge_pointed(refs, base, addr, depth, ret))
		return;
	if (!found)
		return;
	code_uses_visit(&refs->uses, range->module, base, var_votes_add, &v);
	ret->base = base;
	ret->package = var_votes_judge(&v, &rule);
	ret->certain = ret->package && rule <= VAR_SET_BY_ALL && base == addr && !v.incomplete &&
		       !code_uses_stopped(&refs->uses);
	if (ret->certain && rule == VAR_SET_BY_ALL &&
	    varrefs_is_of_runtime(refs, range->module, base, ret->package))
		ret->certain = false;
	var_votes_name_users(&v, ret);
}

/* Names the functions that use any word of a variable. */
static void varrefs_name_users(struct varrefs *refs, const struct varsym *sym, uint32_t module,
			       struct varref *ret)
{
	struct var_votes v = { .refs = refs };
	uint64_t at = sym->addr + sym->size - 1;

	for (int words = 0; words < VAR_WORDS_MAX; words++) {
		if (!code_uses_below(&refs->uses, module, sym->addr, at, &at))
			break;
		code_uses_visit(&refs->uses, module, at, var_votes_add, &v);
		if (at == sym->addr)
			break;
		at--;
	}
	ret->base = sym->addr;
	var_votes_name_users(&v, ret);
}

/* Takes name and package from the symbol. The compiler gives names such as .stmp_12 to what it
 * makes for a variable; they say nothing but the package. */
static void varrefs_take_symbol(struct varrefs *refs, const struct varsym *sym, uint64_t addr,
				struct varref *ret)
{
	char package[NAME_MAX_LEN];
	const char *rest = package_split(sym->name, package, sizeof(package));

	if (rest) {
		ret->package = source_funcs_text(&refs->funcs, package);
		ret->certain = ret->package != NULL;
	}
	if (!rest || *rest != '.') {
		ret->name = rest ? rest : sym->name;
		ret->name_off = addr - sym->addr;
	}
}

void varrefs_find(struct varrefs *refs, uint64_t addr, struct varref *ret)
{
	const struct data_range *range = data_roots_find(refs->roots, addr);
	const struct varsym *sym = varsyms_find(&refs->syms, addr);

	*ret = (struct varref){ 0 };
	if (!range)
		return;
	code_uses_resume(&refs->uses);
	refs->judged = 0;
	if (sym) {
		varrefs_take_symbol(refs, sym, addr, ret);
		varrefs_name_users(refs, sym, range->module, ret);
	} else {
		varrefs_judge(refs, addr, 0, ret);
	}
	code_uses_pause(&refs->uses);
}

const struct static_pointer *varrefs_pointers(const struct varrefs *refs, uint64_t addr,
					      size_t *cnt_ret)
{
	*cnt_ret = varrefs_pointers_above(refs, addr);
	return refs->pointers.data;
}

uint64_t varrefs_map_type(struct varrefs *refs, uint64_t addr)
{
	const struct data_range *range = data_roots_find(refs->roots, addr);

	if (!range)
		return 0;
	code_uses_resume(&refs->uses);
	uint64_t type = var_maps_find(&refs->maps, range->module, addr);
	code_uses_pause(&refs->uses);
	return type;
}
