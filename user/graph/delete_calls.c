// SPDX-License-Identifier: GPL-2.0-only
#include "graph/delete_calls.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "process/lines.h"
#include "process/pclntab.h"
#include "process/program.h"

enum {
	DELETE_PIECE_SZ = 1 << 20,
	DELETE_CALL_AFTER = 128, /* the call comes within so many bytes after the type */
	DELETE_FUNCS = 4,
	DELETE_TEXT_MAX = 1 << 30, /* a hostile image may say that it has more */
};

/* All scans together take a tenth of it for the largest programs. */
#define DELETE_NS_MAX (2 * NS_PER_S)

struct delete_scan {
	const struct program *prog;
	uint64_t funcs[DELETE_FUNCS]; /* addresses of the runtime's functions; 0: not there */
	const char *function;
	const uint8_t *code; /* the piece at hand */
	uint64_t addr;
	size_t len;
	bool found;
};

/* The length of "a.b/c/pkg" in "a.b/c/pkg.(*T).f". */
static size_t delete_package_len(const char *function)
{
	const char *slash = strrchr(function, '/');
	const char *from = slash ? slash : function;

	return (size_t)(from - function) + strcspn(from, ".");
}

/* A function_name_fn: the innermost function is enough. */
static bool delete_compare_package(void *ctx, const char *name)
{
	struct delete_scan *s = ctx;
	size_t len = delete_package_len(s->function);

	s->found = len == delete_package_len(name) && !memcmp(name, s->function, len);
	return false;
}

/* Whether the first call in these bytes is of a function that deletes. */
static bool is_delete_called(const struct delete_scan *s, const uint8_t *code, size_t len,
			     uint64_t addr)
{
	const struct moduledata *md = &s->prog->md;
	uint64_t target = s->prog->arch->first_call(code, len, addr, md->text, md->etext);

	for (int i = 0; target && i < DELETE_FUNCS; i++)
		if (s->funcs[i] == target)
			return true;
	return false;
}

/* A code_place_fn: an instruction names the type. */
static bool delete_look_at(void *ctx, uint64_t at, uint64_t addr)
{
	struct delete_scan *s = ctx;
	size_t off = at - s->addr, len = s->len - off;

	(void)addr;
	if (len > DELETE_CALL_AFTER)
		len = DELETE_CALL_AFTER;
	if (is_delete_called(s, s->code + off, len, at))
		(void)lines_walk_functions(s->prog->lines, at, delete_compare_package, s);
	return !s->found;
}

static void delete_find_funcs(struct delete_scan *s)
{
	static const char *const names[DELETE_FUNCS] = {
		"runtime.mapdelete",
		"runtime.mapdelete_fast32",
		"runtime.mapdelete_fast64",
		"runtime.mapdelete_faststr",
	};

	for (int i = 0; i < DELETE_FUNCS; i++) {
		struct gofunc f;

		if (pclntab_find(s->prog->funcs, names[i], &f))
			s->funcs[i] = f.addr;
	}
}

static bool delete_scan_goes_on(const struct delete_scan *s, uint64_t end_ns,
				const volatile bool *stop)
{
	return !s->found && !(stop && *stop) && clock_ns() < end_ns;
}

struct err *delete_calls_find(const struct program *prog, uint64_t type, const char *function,
			      const volatile bool *stop, bool *ret)
{
	struct delete_scan s = { .prog = prog, .function = function };
	struct mem *mem = program_image_mem(prog);
	uint64_t text = prog->md.text, end = prog->md.etext, end_ns = clock_ns() + DELETE_NS_MAX;
	size_t most = DELETE_PIECE_SZ + DELETE_CALL_AFTER;
	_cleanup_free_ uint8_t *buf = malloc(most);

	*ret = false;
	if (!buf)
		return err_nomem();
	if (!prog->arch || end < text)
		return NULL;
	if (end - text > DELETE_TEXT_MAX)
		end = text + DELETE_TEXT_MAX;
	delete_find_funcs(&s);
	s.code = buf;
	for (s.addr = text; s.addr < end && delete_scan_goes_on(&s, end_ns, stop);
	     s.addr += DELETE_PIECE_SZ) {
		s.len = end - s.addr < most ? end - s.addr : most;
		struct mem_req req = { s.addr, s.len, false, buf };
		struct err *err = mem->read_reqs(mem, &req, 1);

		if (err)
			return err;
		if (req.ok)
			prog->arch->scan_refs(buf, s.len, s.addr, type, type + 1, delete_look_at,
					      &s);
	}
	*ret = s.found;
	return NULL;
}
