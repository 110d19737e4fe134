// SPDX-License-Identifier: GPL-2.0-only
#include "process/mem_cache.h"

#include <stdlib.h>
#include <string.h>

/* Where a page is held. *ret becomes NULL when it cannot be read as a whole. */
static struct err *mem_cache_page(struct mem_cache *c, uint64_t page, const uint8_t **ret)
{
	size_t place = page % MEM_CACHE_PAGES;
	uint8_t *bytes = c->bytes + place * MEM_CACHE_PAGE_SZ;
	struct mem_req req = { page * MEM_CACHE_PAGE_SZ, MEM_CACHE_PAGE_SZ, false, bytes };

	*ret = bytes;
	if (c->page[place] == page + 1)
		return NULL;
	c->page[place] = 0;
	struct err *err = c->from->read_reqs(c->from, &req, 1);
	if (!err && req.ok)
		c->page[place] = page + 1;
	else
		*ret = NULL;
	return err;
}

/* A page at the end of a mapping is not readable as a whole: then just what is asked for is
 * read. */
static struct err *mem_cache_read_req(struct mem_cache *c, struct mem_req *req)
{
	uint64_t addr = req->addr, end;
	uint8_t *dst = req->dst;

	if (__builtin_add_overflow(req->addr, req->len, &end))
		return c->from->read_reqs(c->from, req, 1);
	while (addr < end) {
		uint64_t page = addr / MEM_CACHE_PAGE_SZ, off = addr % MEM_CACHE_PAGE_SZ;
		uint64_t left = MEM_CACHE_PAGE_SZ - off;
		uint64_t n = end - addr < left ? end - addr : left;
		const uint8_t *bytes;
		struct err *err = mem_cache_page(c, page, &bytes);

		if (err)
			return err;
		if (!bytes)
			return c->from->read_reqs(c->from, req, 1);
		memcpy(dst, bytes + off, n);
		dst += n;
		addr += n;
	}
	req->ok = true;
	return NULL;
}

static struct err *mem_cache_read_reqs(struct mem *mem, struct mem_req *reqs, size_t n)
{
	struct err *err = NULL;

	for (size_t i = 0; !err && i < n; i++)
		err = mem_cache_read_req(mem->ctx, &reqs[i]);
	return err;
}

struct err *mem_cache_init(struct mem_cache *c, struct mem *from)
{
	*c = (struct mem_cache){ .from = from };
	c->mem = (struct mem){ .read_reqs = mem_cache_read_reqs, .ctx = c, .pid = from->pid };
	c->bytes = malloc((size_t)MEM_CACHE_PAGES * MEM_CACHE_PAGE_SZ);
	return c->bytes ? NULL : err_nomem();
}

void mem_cache_fini(struct mem_cache *c)
{
	mem_fini(&c->mem);
	free(c->bytes);
	c->bytes = NULL;
}
