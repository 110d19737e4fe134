// SPDX-License-Identifier: GPL-2.0-only
/* Names the roots of ways, and says whose code they are of. */
#include <stdio.h>
#include <string.h>

#include "graph/code_place.h"
#include "graph/path_steps.h"
#include "graph/source_funcs.h"

/* The length of the part of an import path that tells whose it is: "github.com/NAME/REPOSITORY",
 * "go.etcd.io/etcd", or its first element if that is no host. */
static size_t owner_len(const char *path)
{
	static const char *const forges[] = { "github.com/", "gitlab.com/", "bitbucket.org/" };
	size_t len = strcspn(path, "/");
	int elements = memchr(path, '.', len) ? 2 : 1;

	for (size_t i = 0; i < sizeof(forges) / sizeof(*forges); i++)
		if (!strncmp(path, forges[i], strlen(forges[i])))
			elements = 3;
	for (int i = 1; i < elements && path[len]; i++)
		len += 1 + strcspn(path + len + 1, "/");
	return len;
}

enum path_owner path_owner_of(const char *package, const char *main_path)
{
	size_t own = owner_len(main_path);
	char name[FRAME_NAME_MAX + 1];

	if (!package)
		return PATH_OF_GO;
	if (!strcmp(package, "main"))
		return PATH_OF_USER;
	if (own && !strncmp(package, main_path, own) && (!package[own] || package[own] == '/'))
		return PATH_OF_USER;
	snprintf(name, sizeof(name), "%.*s.", FRAME_NAME_MAX - 2, package);
	switch (code_owner_of(name)) {
	case CODE_RUNTIME:
		return PATH_OF_RUNTIME;
	case CODE_LIBRARY:
		return PATH_OF_GO;
	case CODE_USER:
		break;
	}
	return PATH_OF_MODULE;
}

static enum path_owner owner_of_package(const struct path_namer *n, const char *package)
{
	return path_owner_of(package, n->s->heap->prog->image.build.main_path);
}

static struct err *name_variable_root(struct path_namer *n, uint64_t word, struct path_root *ret)
{
	struct holder_search *s = n->s;
	struct varref v = { 0 };
	struct err *err = search_open_vars(s);

	if (err)
		return err;
	if (s->vars)
		varrefs_find(s->vars, word, &v);
	*ret = (struct path_root){
		.kind = HOLDER_VARIABLE,
		.certain = v.certain || v.name,
		.owner = owner_of_package(n, v.package),
	};
	naming_variable_text(&v, ret->text, sizeof(ret->text));
	snprintf(ret->name, sizeof(ret->name), "%s%s%s", v.package ? v.package : "",
		 v.package ? "." : "",
		 v.name	     ? v.name
		 : v.package ? "<var>"
			     : "<variable>");
	return NULL;
}

static struct err *name_stack_root(struct path_namer *n, uint64_t word, struct path_root *ret)
{
	struct frame_place place = { 0 };
	char package[FRAME_NAME_MAX];
	uint32_t goroutine;

	*ret = (struct path_root){ .kind = HOLDER_FRAME, .owner = PATH_OF_GO };
	if (!frames_find(n->frames, word, &goroutine)) {
		snprintf(ret->name, sizeof(ret->name), "a goroutine");
		snprintf(ret->text, sizeof(ret->text), "a goroutine");
		return NULL;
	}
	struct err *err = frames_place(n->frames, goroutine, word, &place);
	if (err)
		return err;
	snprintf(ret->name, sizeof(ret->name), "goroutine %llu%s%s", (unsigned long long)place.goid,
		 place.function[0] ? " " : "", place.function);
	snprintf(ret->text, sizeof(ret->text), "%.1024s%s", ret->name,
		 place.running ? " (running)" : "");
	if (package_split(place.function, package, sizeof(package)))
		ret->owner = owner_of_package(n, package);
	if (place.running) /* what is there may be left over */
		ret->owner = ret->owner < PATH_OF_GO ? PATH_OF_GO : ret->owner;
	return NULL;
}

struct err *path_root_name(struct path_namer *n, const struct graph_root *root,
			   struct path_root *ret)
{
	switch ((enum graph_root_kind)root->kind) {
	case ROOT_VARIABLE:
		return name_variable_root(n, root->word, ret);
	case ROOT_STACK:
		return name_stack_root(n, root->word, ret);
	case ROOT_SPECIAL:
	case ROOT_RUNTIME:
	case ROOT_NEW:
	case ROOT_KIND_CNT:
		break;
	}
	*ret = (struct path_root){ .kind = HOLDER_OBJECT, .owner = PATH_OF_RUNTIME };
	snprintf(ret->name, sizeof(ret->name), "%s",
		 root->kind == ROOT_SPECIAL ? "a finalizer or weak pointer"
		 : root->kind == ROOT_NEW   ? "a new object"
					    : "the runtime");
	snprintf(ret->text, sizeof(ret->text), "%s", ret->name);
	return NULL;
}
