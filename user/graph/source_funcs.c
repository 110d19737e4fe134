// SPDX-License-Identifier: GPL-2.0-only
#include "graph/source_funcs.h"

#include <string.h>

enum { PACKAGE_MAX = 512 };

void source_funcs_fini(struct source_funcs *f)
{
	pool_fini(&f->pool);
	vec_fini(&f->texts);
	table_fini(&f->text_by_hash);
	vec_fini(&f->funcs);
	table_fini(&f->func_by_name);
}

static uint64_t source_text_hash(const char *text)
{
	uint64_t hash = 0xcbf29ce484222325; /* FNV-1a */

	for (; *text; text++)
		hash = (hash ^ (uint8_t)*text) * 0x100000001b3;
	return hash;
}

const char *source_funcs_text(struct source_funcs *f, const char *text)
{
	uint64_t hash = source_text_hash(text);
	size_t i = table_get(&f->text_by_hash, hash);

	if (i != TABLE_NONE && !strcmp(f->texts.data[i], text))
		return f->texts.data[i];
	const char *copy = pool_text(&f->pool, text);
	if (i != TABLE_NONE) /* another text with this hash came first */
		return copy;
	if (!copy || !vec_push(&f->texts, copy) ||
	    !table_put(&f->text_by_hash, hash, f->texts.len - 1))
		return NULL;
	return copy;
}

/* ---- packages ---- */

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The linker writes some bytes of an import path as %2e (Go source: cmd/internal/objabi
 * PathToPrefix). */
static void package_unescape(const char *from, size_t len, char *to, size_t to_sz)
{
	size_t n = 0;

	for (size_t i = 0; i < len && n + 1 < to_sz; i++) {
		int hi = i + 2 < len && from[i] == '%' ? hex_digit(from[i + 1]) : -1;
		int lo = hi >= 0 ? hex_digit(from[i + 2]) : -1;

		if (lo > 0 || (lo == 0 && hi > 0)) {
			to[n++] = hi << 4 | lo;
			i += 2;
		} else {
			to[n++] = from[i];
		}
	}
	to[n] = '\0';
}

const char *package_split(const char *name, char *package, size_t package_sz)
{
	/* The forms with a dot are those of Go 1.19; import paths may begin with "go.", too. */
	static const char *const made[] = { "go:",	  "go.itab.", "go.string.", "go.func.",
					    "go.buildid", "type:",    "type..",	    "gclocals" };
	size_t end = strcspn(name, "[("); /* type arguments and receivers have packages, too */
	const char *start = name;

	for (size_t i = 0; i < sizeof(made) / sizeof(made[0]); i++)
		if (!strncmp(name, made[i], strlen(made[i])))
			return NULL;
	for (size_t i = 0; i < end; i++)
		if (name[i] == '/')
			start = name + i + 1;
	const char *dot = memchr(start, '.', name + end - start);
	if (!dot || dot == name)
		return NULL;
	package_unescape(name, dot - name, package, package_sz);
	return dot + 1;
}

/* ---- functions ---- */

static bool is_numbered(const char *name, const char *prefix)
{
	size_t len = strlen(prefix);

	return !strncmp(name, prefix, len) && name[len] &&
	       !name[len + strspn(name + len, "0123456789")];
}

static bool is_transparent(const char *package, const char *rest)
{
	static const char *const packages[] = { "sync", "internal/sync", "sync/atomic",
						"internal/runtime/atomic",
						"runtime/internal/atomic" };

	for (size_t i = 0; i < sizeof(packages) / sizeof(packages[0]); i++)
		if (!strcmp(package, packages[i]))
			return *rest == '(';
	return false;
}

static struct source_func *source_func_new(struct source_funcs *f, const char *name)
{
	struct source_func *func = pool_alloc(&f->pool, sizeof(*func));
	char package[PACKAGE_MAX];
	const char *rest = package_split(name, package, sizeof(package));

	if (!func)
		return NULL;
	*func = (struct source_func){ .name = name };
	if (!rest)
		return func;
	func->package = source_funcs_text(f, package);
	func->is_var_init = !strcmp(rest, "init") || is_numbered(rest, "map.init.");
	func->is_init = func->is_var_init || is_numbered(rest, "init.");
	func->is_generic = strchr(name, '[') != NULL;
	func->is_transparent = is_transparent(package, rest);
	return func->package ? func : NULL;
}

const struct source_func *source_funcs_get(struct source_funcs *f, const char *name)
{
	const char *text = source_funcs_text(f, name);
	size_t i = table_get(&f->func_by_name, (uintptr_t)text);

	if (!text)
		return NULL;
	if (i != TABLE_NONE)
		return f->funcs.data[i];
	struct source_func *func = source_func_new(f, text);
	if (!func || !vec_push(&f->funcs, func) ||
	    !table_put(&f->func_by_name, (uintptr_t)text, f->funcs.len - 1))
		return NULL;
	return func;
}
