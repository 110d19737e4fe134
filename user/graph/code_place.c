// SPDX-License-Identifier: GPL-2.0-only
#include "graph/code_place.h"

#include <string.h>

enum { PLACES_MAX = 1 << 16 };

/* The first parts of the paths of all packages that come with Go. */
static const char *const go_packages[] = {
	"archive", "bufio",    "builtin",  "bytes", "cmp",	 "compress", "container",
	"context", "crypto",   "database", "debug", "embed",	 "encoding", "errors",
	"expvar",  "flag",     "fmt",	   "go",    "hash",	 "html",     "image",
	"index",   "internal", "io",	   "iter",  "log",	 "maps",     "math",
	"mime",	   "net",      "os",	   "path",  "plugin",	 "reflect",  "regexp",
	"runtime", "slices",   "simd",	   "sort",  "strconv",	 "strings",  "structs",
	"sync",	   "syscall",  "testing",  "text",  "time",	 "type:",    "unicode",
	"unique",  "unsafe",   "vendor",   "weak",  "_cgo_main",
};

static bool name_begins(const char *name, const char *with)
{
	return !strncmp(name, with, strlen(with));
}

enum code_owner code_owner_of(const char *function)
{
	const char *slash = strrchr(function, '/');
	const char *dot = strchr(slash ? slash : function, '.');
	size_t first = strcspn(function, strchr(function, '/') ? "/" : ".");

	/* Other packages have names for functions of the runtime: sync.runtime_Semacquire. */
	if (name_begins(function, "runtime.") || name_begins(function, "runtime/") ||
	    name_begins(function, "internal/runtime/") || (dot && name_begins(dot, ".runtime_")))
		return CODE_RUNTIME;
	for (size_t i = 0; i < sizeof(go_packages) / sizeof(go_packages[0]); i++)
		if (strlen(go_packages[i]) == first && name_begins(function, go_packages[i]))
			return CODE_LIBRARY;
	return CODE_USER;
}

static struct code_place code_place_make(const struct program *prog, uint64_t return_addr)
{
	const struct place *at = lines_of_call(prog->lines, return_addr);
	struct code_place p = { 0 };

	p.known = lines_frame_size(prog->lines, return_addr - 1, &p.frame_sz);
	for (size_t i = 0; i < at->cnt; i++) {
		const struct frame *f = &at->frames[i];
		enum code_owner owner = code_owner_of(f->function);

		if (owner != CODE_RUNTIME && !p.first)
			p.first = f;
		if (owner == CODE_USER && !p.user)
			p.user = f;
		p.outermost = f;
	}
	p.is_end = p.outermost && !strcmp(p.outermost->function, "runtime.goexit");
	return p;
}

const struct code_place *code_place_of_call(struct code_places *places, uint64_t return_addr)
{
	static const struct code_place unknown = { 0 };
	size_t i = table_get(&places->by_addr, return_addr);

	if (i != TABLE_NONE)
		return &places->list.data[i];
	if (places->list.len >= PLACES_MAX)
		return &unknown;
	if (!vec_push(&places->list, code_place_make(places->prog, return_addr)) ||
	    !table_put(&places->by_addr, return_addr, places->list.len - 1))
		return NULL;
	return &places->list.data[places->list.len - 1];
}

static bool pc_begins_function(const struct program *prog, uint64_t pc)
{
	struct func_record func;

	if (pclntab_at(prog->funcs, pc, &func))
		return func.addr == pc;
	for (size_t i = 0; i < prog->plugins.len; i++)
		if (pclntab_at(prog->plugins.data[i].funcs, pc, &func))
			return func.addr == pc;
	return false;
}

const struct code_place *code_place_of_stop(struct code_places *places, uint64_t pc)
{
	return code_place_of_call(places, pc_begins_function(places->prog, pc) ? pc + 1 : pc);
}

void code_places_fini(struct code_places *places)
{
	vec_fini(&places->list);
	table_fini(&places->by_addr);
}
