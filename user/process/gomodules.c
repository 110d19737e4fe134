// SPDX-License-Identifier: GPL-2.0-only
#include "process/gomodules.h"

#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "base/cursor.h"
#include "base/log.h"
#include "process/filescan.h"
#include "process/moduledata.h"

enum {
	MODULES_MAX = 256,
	CHECKS_MAX = 1 << 14, /* of what looks like a module, in all files */

	/* Offsets in a moduledata: slices, in all versions (go-runtime facts 5.4). */
	MD_PCHEADER = 0,
	MD_FUNCNAMETAB = 8,
	MD_PCLNTABLE = 104,
	MD_FTAB = 128,
	/* Where the pointer to the next module is, depending on the version. */
	MD_NEXT_MIN = 544,
	MD_NEXT_MAX = 584,
	NEXT_CNT = (MD_NEXT_MAX - MD_NEXT_MIN) / 8 + 1,
};

struct module_search {
	struct target *target;
	struct filescan files;
	VEC(struct gomodule) found; /* the first one is the image */
	uint32_t checks; /* that were made */
	struct gomodule here; /* what was found in the current file; moduledata 0: nothing */
};

static bool module_err_is_fatal(const struct err *err)
{
	return err && err->kind != ERR_FORMAT && err->kind != ERR_FAULT;
}

/* ---- finding ---- */

/* The tables of a module are in one piece of memory, which its pcHeader begins. Few other words
 * look like that, so this file need not be searched for headers. */
static bool may_be_module(const uint8_t *p)
{
	uint64_t header = load_u64(p, MD_PCHEADER), names = load_u64(p, MD_FUNCNAMETAB);
	uint64_t table = load_u64(p, MD_PCLNTABLE);

	return header && names - header >= PCHEADER_SZ && names - header <= PCHEADER_SZ_MAX &&
	       table > names && load_u64(p, MD_FTAB) == table;
}

/* Notes the module at addr, if there is one. */
static struct err *module_search_check(struct module_search *s, uint64_t addr, uint64_t header_addr)
{
	uint8_t bytes[PCHEADER_SZ];
	struct pcheader h;
	bool is_module = false;
	struct mem_req req = { header_addr, sizeof(bytes), false, bytes };
	struct err *err = s->files.mem->read_reqs(s->files.mem, &req, 1);

	if (err || !req.ok || !pcheader_parse(bytes, sizeof(bytes), header_addr, &h))
		return err;
	err = moduledata_check(s->files.mem, addr, &h, &is_module);
	if (!err && is_module)
		s->here = (struct gomodule){ .pcheader = h, .moduledata = addr };
	return err;
}

static struct err *module_search_visit(void *ctx, uint64_t addr, const uint8_t *data, size_t len,
				       size_t step)
{
	struct module_search *s = ctx;
	struct err *err = NULL;

	for (size_t off = 0;
	     !err && !s->here.moduledata && off < step && off + MODULEDATA_SZ_MIN <= len; off += 8)
		if (may_be_module(data + off) && s->checks++ < CHECKS_MAX)
			err = module_search_check(s, addr + off, load_u64(data, off));
	return err;
}

static char *gomodule_path(const struct mapped_file *mapped)
{
	char path[PATH_MAX];
	ssize_t len = readlink(mapped->path, path, sizeof(path));

	return len > 0 ? strndup(path, len) : strdup("?");
}

static void gomodule_fini(struct gomodule *m)
{
	mapped_file_close(m->mapped);
	free(m->path);
}

/* Adds the module of the file that a mapping is of, if it has one. */
static struct err *module_search_file(struct module_search *s, const struct codefile *file)
{
	_cleanup_mapped_file_ struct mapped_file *mapped = NULL;
	struct err *err = mapped_file_open(s->target, s->files.list.maps, file->code, &mapped);

	if (err)
		return err;
	s->files.file = file;
	s->files.mem = &mapped->mem;
	s->here = (struct gomodule){ 0 };
	err = filescan(&s->files, /* writable_only= */ true, module_search_visit, s);
	if (err || !s->here.moduledata)
		return err;
	s->here.file = *file->code;
	s->here.mapped = mapped;
	s->here.path = gomodule_path(mapped);
	if (!s->here.path || !vec_push(&s->found, s->here)) {
		free(s->here.path);
		return err_nomem();
	}
	mapped = NULL;
	return NULL;
}

static struct err *module_search_files(struct module_search *s)
{
	const struct codefiles *list = &s->files.list;

	for (size_t i = 0; i < list->files.len && s->found.len < MODULES_MAX; i++) {
		const struct codefile *file = &list->files.data[i];

		if (procmap_same_file(file->code, &s->found.data[0].file))
			continue;
		struct err *err = module_search_file(s, file);
		if (module_err_is_fatal(err))
			return err;
		err_free(err);
	}
	return NULL;
}

/* ---- linking ---- */

/* Marks the modules that this one names as its next. */
static struct err *module_search_mark_next(const struct module_search *s, size_t i, uint8_t *links)
{
	struct mem *mem = &s->found.data[i].mapped->mem;
	uint64_t words[NEXT_CNT];
	struct mem_req reqs[NEXT_CNT];

	for (size_t w = 0; w < NEXT_CNT; w++)
		reqs[w] = (struct mem_req){ s->found.data[i].moduledata + MD_NEXT_MIN + 8 * w, 8,
					    false, &words[w] };
	struct err *err = mem->read_reqs(mem, reqs, NEXT_CNT);
	for (size_t w = 0; !err && w < NEXT_CNT; w++)
		for (size_t j = 0; reqs[w].ok && j < s->found.len; j++)
			if (j != i && words[w] == s->found.data[j].moduledata)
				links[j] = 1;
	return err;
}

/* Reads which modules follow which: links[i * n + j] says that j follows i. */
static struct err *module_search_read_links(const struct module_search *s, uint8_t *links)
{
	struct err *err = NULL;

	for (size_t i = 0; !err && i < s->found.len; i++)
		err = module_search_mark_next(s, i, links + i * s->found.len);
	return err;
}

/* Gives the number `of` to all modules that links connect with it, in either direction. */
static void module_group_mark(const uint8_t *links, size_t n, size_t of, uint32_t *group)
{
	size_t todo[MODULES_MAX], cnt = 0;

	group[of] = of;
	todo[cnt++] = of;
	while (cnt) { /* each module comes here once */
		size_t i = todo[--cnt];

		for (size_t j = 0; j < n; j++) {
			if (group[j] != UINT32_MAX || !(links[i * n + j] | links[j * n + i]))
				continue;
			group[j] = of;
			todo[cnt++] = j;
		}
	}
}

/* The module of a group that follows no other one: the one with the runtime. */
static size_t module_group_head(const uint8_t *links, size_t n, const uint32_t *group, size_t of)
{
	for (size_t j = 0; j < n; j++) {
		bool followed = false;

		for (size_t i = 0; i < n; i++)
			followed |= links[i * n + j];
		if (group[j] == of && !followed)
			return j;
	}
	return of; /* the links form a cycle, which a hostile program may have */
}

/* ---- the result ---- */

/* Exchanges the image and a module. */
static void gomodule_swap_image(struct goimage *image, char **image_path, struct gomodule *m)
{
	const struct gomodule was = { image->pcheader, image->moduledata, image->file,
				      image->mapped, *image_path };

	image->pcheader = m->pcheader;
	image->moduledata = m->moduledata;
	image->file = m->file;
	image->mapped = m->mapped;
	*image_path = m->path;
	*m = was;
}

/* Gives each module to image->plugins or its path to image->others. What was given away is no
 * longer in the list. */
static struct err *module_search_hand_out(struct module_search *s, const uint8_t *links,
					  const uint32_t *group, struct goimage *image)
{
	size_t n = s->found.len;

	for (size_t i = 1; i < n; i++) {
		struct gomodule *m = &s->found.data[i];

		if (group[i] == group[0]) {
			if (!vec_push(&image->plugins, *m))
				return err_nomem();
			m->mapped = NULL;
			m->path = NULL;
		} else if (module_group_head(links, n, group, group[i]) == i) {
			if (!vec_push(&image->others, m->path))
				return err_nomem();
			m->path = NULL;
		}
	}
	return NULL;
}

static struct err *module_search_sort_groups(struct module_search *s, const uint8_t *links,
					     uint32_t *group, struct goimage *image)
{
	size_t n = s->found.len;

	for (size_t i = 0; i < n; i++)
		if (group[i] == UINT32_MAX)
			module_group_mark(links, n, i, group);
	size_t head = module_group_head(links, n, group, 0);
	if (head)
		gomodule_swap_image(image, &s->found.data[0].path, &s->found.data[head]);
	return module_search_hand_out(s, links, group, image);
}

static void module_search_fini(struct module_search *s)
{
	for (size_t i = 0; i < s->found.len; i++) {
		if (!i) /* the image keeps its file open */
			s->found.data[i].mapped = NULL;
		gomodule_fini(&s->found.data[i]);
	}
	vec_fini(&s->found);
	filescan_fini(&s->files);
}

/* Reads how the modules that were found are linked, and sorts them into groups by that. */
static struct err *module_search_sort(struct module_search *s, struct goimage *image)
{
	size_t n = s->found.len;
	_cleanup_free_ uint8_t *links = calloc(n, n);
	_cleanup_free_ uint32_t *group = malloc(n * sizeof(*group));

	if (!links || !group)
		return err_nomem();
	memset(group, 0xff, n * sizeof(*group));
	struct err *err = module_search_read_links(s, links);
	return err ? err : module_search_sort_groups(s, links, group, image);
}

struct err *gomodules_find(struct target *t, const struct procmaps *maps, struct goimage *image)
{
	_cleanup_(module_search_fini) struct module_search s = { .target = t };
	struct gomodule first = { image->pcheader, image->moduledata, image->file, image->mapped,
				  gomodule_path(image->mapped) };

	if (!first.path || !vec_push(&s.found, first)) {
		free(first.path);
		return err_nomem();
	}
	struct err *err = filescan_init(&s.files, maps);
	if (!err)
		err = module_search_files(&s);
	return err || s.found.len == 1 ? err : module_search_sort(&s, image);
}

void gomodules_fini(struct goimage *image)
{
	for (size_t i = 0; i < image->plugins.len; i++)
		gomodule_fini(&image->plugins.data[i]);
	vec_fini(&image->plugins);
	for (size_t i = 0; i < image->others.len; i++)
		free(image->others.data[i]);
	vec_fini(&image->others);
}
