// SPDX-License-Identifier: GPL-2.0-only
#include "target/goimage.h"

#include <string.h>

#include "base/cursor.h"
#include "target/moduledata.h"

enum {
	SCAN_CHUNK = 1 << 20,
	/* A pcHeader or build info header may start this close before a chunk's end. */
	SCAN_OVERLAP = 128,
	SCAN_PAGE = 4096, /* of any target: or a part of one */
	PCHEADER_SZ = 72,
	FUNC_MAX = 1 << 24,
	/* Bounds on what a hostile file can make us read: the largest Go programs
	 * have some 200 MiB of read-only data. */
	SCAN_FILE_MAX = 1 << 30,
};

/* First word of a pcHeader: magic, two zero bytes, minimum instruction size,
 * pointer size. 0xfffffff0 is Go 1.18-1.19, 0xfffffff1 is 1.20 and later. */
bool pcheader_parse(const uint8_t *data, size_t len, uint64_t addr, struct pcheader *ret)
{
	if (len < PCHEADER_SZ)
		return false;
	uint32_t magic = load_u32(data, 0);
	uint8_t min_lc = data[6];

	if ((magic != 0xfffffff0 && magic != 0xfffffff1) || data[4] || data[5] ||
	    (min_lc != 1 && min_lc != 2 && min_lc != 4) || data[7] != 8)
		return false;

	struct pcheader h = {
		.addr = addr,
		.func_cnt = load_u64(data, 8),
		.funcname_off = load_u64(data, 32),
		.pcln_off = load_u64(data, 64),
		.min_lc = min_lc,
		.before_1_20 = magic == 0xfffffff0,
	};
	if (!h.func_cnt || h.func_cnt > FUNC_MAX || h.funcname_off < PCHEADER_SZ ||
	    h.funcname_off > UINT32_MAX || h.pcln_off <= h.funcname_off || h.pcln_off > UINT32_MAX)
		return false;
	*ret = h;
	return true;
}

/* What a walk over a file's mappings looks for. */
struct scan {
	const struct procmaps *maps;
	const struct procmap *file;
	struct mem *mem; /* reads that file's mappings */
	uint8_t *buf;

	VEC(struct pcheader) headers;
	VEC(uint64_t) header_refs; /* addresses of words that point to a header */
	uint64_t buildinfo_addr;
	bool old_pclntab; /* some file had a table of Go 1.2-1.17 */
};

/* Looks at len bytes, for what starts in the first `step` of them. */
typedef struct err *(*scan_fn)(struct scan *s, uint64_t addr, const uint8_t *data, size_t len,
			       size_t step);

/* Passes what starts in [addr, addr + step) to fn, with some bytes behind it, if there
 * are such before `end`. *ok_ret: it could be read. */
static struct err *scan_piece(struct scan *s, uint64_t addr, uint64_t step, uint64_t end,
			      scan_fn fn, bool *ok_ret)
{
	uint64_t len = end - addr < step + SCAN_OVERLAP ? end - addr : step + SCAN_OVERLAP;
	struct mem_req req = { .addr = addr, .len = len, .dst = s->buf };
	struct err *err = s->mem->read_reqs(s->mem, &req, 1);

	*ok_ret = req.ok;
	return err || !req.ok ? err : fn(s, addr, s->buf, len, step);
}

/* A chunk; page by page when it cannot be read as a whole. */
static struct err *scan_chunk(struct scan *s, uint64_t addr, uint64_t end, scan_fn fn)
{
	uint64_t stop = end - addr < SCAN_CHUNK ? end : addr + SCAN_CHUNK;
	bool ok = false;
	struct err *err = scan_piece(s, addr, SCAN_CHUNK, end, fn, &ok);

	for (; !err && !ok && addr < stop; addr += SCAN_PAGE) {
		bool page_ok = false;

		err = scan_piece(s, addr, SCAN_PAGE, end, fn, &page_ok);
		if (!err && !page_ok) /* for what is behind it, perhaps */
			err = scan_piece(s, addr, SCAN_PAGE, addr + SCAN_PAGE, fn, &page_ok);
	}
	return err;
}

/* Passes each readable, non-executable mapping of the file to fn, in chunks that
 * overlap; unreadable pages are skipped. */
static struct err *scan_file(struct scan *s, bool writable_only, scan_fn fn)
{
	uint64_t budget = SCAN_FILE_MAX;

	for (size_t i = 0; i < s->maps->maps.len; i++) {
		const struct procmap *m = &s->maps->maps.data[i];

		if (!procmap_same_file(m, s->file) || !(m->prot & MAP_R) || (m->prot & MAP_X) ||
		    (writable_only && !(m->prot & MAP_W)))
			continue;
		for (uint64_t addr = m->start; addr < m->end && budget >= SCAN_CHUNK;
		     addr += SCAN_CHUNK, budget -= SCAN_CHUNK) {
			struct err *err = scan_chunk(s, addr, m->end, fn);

			if (err)
				return err;
		}
	}
	return NULL;
}

static struct err *find_headers(struct scan *s, uint64_t addr, const uint8_t *data, size_t len,
				size_t step)
{
	for (size_t off = 0; off + 8 <= len && off < step; off += 8) {
		uint32_t first = load_u32(data, off);
		struct pcheader h;

		if (first == 0xfffffffb || first == 0xfffffffa)
			s->old_pclntab |= !data[off + 4] && !data[off + 5] &&
					  (data[off + 6] == 1 || data[off + 6] == 4) &&
					  data[off + 7] == 8;
		if ((first & 0xfffffffe) == 0xfffffff0 &&
		    pcheader_parse(data + off, len - off, addr + off, &h) &&
		    !vec_push(&s->headers, h))
			return err_nomem();
		if (!s->buildinfo_addr && off % BUILDINFO_ALIGN == 0 &&
		    buildinfo_is_magic(data + off, len - off))
			s->buildinfo_addr = addr + off;
	}
	return NULL;
}

static struct err *find_refs(struct scan *s, uint64_t addr, const uint8_t *data, size_t len,
			     size_t step)
{
	for (size_t off = 0; off + 8 <= len && off < step; off += 8) {
		uint64_t word = load_u64(data, off);

		for (size_t i = 0; i < s->headers.len; i++)
			if (word == s->headers.data[i].addr &&
			    !vec_push(&s->header_refs, addr + off))
				return err_nomem();
	}
	return NULL;
}

/* Reads up to len bytes, as far as they can be read; sets how many. */
static struct err *read_readable(struct mem *mem, uint64_t addr, uint8_t *dst, uint64_t len,
				 uint64_t *got_ret)
{
	uint64_t got = 0;

	while (got < len) {
		uint64_t to_page_end = SCAN_PAGE - (addr + got) % SCAN_PAGE;
		struct mem_req req = {
			.addr = addr + got,
			.len = len - got < to_page_end ? len - got : to_page_end,
			.dst = dst + got,
		};
		struct err *err = mem->read_reqs(mem, &req, 1);

		if (err)
			return err;
		if (!req.ok)
			break;
		got += req.len;
	}
	*got_ret = got;
	return NULL;
}

static struct err *read_buildinfo(struct scan *s, struct buildinfo *ret)
{
	if (!s->buildinfo_addr)
		return err_new(ERR_UNSUPPORTED,
			       "a Go program without build info: its Go version is unknown");
	const struct procmap *m = procmaps_find(s->maps, s->buildinfo_addr);
	uint64_t len = m->end - s->buildinfo_addr;

	if (len > BUILDINFO_MAX)
		len = BUILDINFO_MAX;
	_cleanup_free_ uint8_t *data = malloc(len);
	if (!data)
		return err_nomem();
	struct err *err = read_readable(s->mem, s->buildinfo_addr, data, len, &len);
	return err ? err : buildinfo_parse(data, len, ret);
}

static const struct pcheader *header_at(const struct scan *s, uint64_t addr)
{
	for (size_t i = 0; i < s->headers.len; i++)
		if (s->headers.data[i].addr == addr)
			return &s->headers.data[i];
	return NULL;
}

/* Sets the image's moduledata, or leaves it 0 when no reference is one. */
static struct err *pick_moduledata(struct scan *s, struct goimage *image)
{
	for (size_t i = 0; i < s->header_refs.len; i++) {
		uint64_t addr = s->header_refs.data[i], header_addr;
		struct err *err = mem_read_u64(s->mem, addr, &header_addr);

		if (err)
			return err;
		const struct pcheader *h = header_at(s, header_addr);
		bool is_module = false;
		err = h ? moduledata_check(s->mem, addr, h, &is_module) : NULL;
		if (err)
			return err;
		if (is_module) {
			image->moduledata = addr;
			image->pcheader = *h;
			return NULL;
		}
	}
	return NULL;
}

/* *found_ret: this file holds a Go runtime. */
static struct err *examine_file(struct scan *s, struct goimage *image, bool *found_ret)
{
	struct err *err = scan_file(s, /* writable_only= */ false, find_headers);

	if (err)
		return err;
	if (!s->headers.len && s->buildinfo_addr) {
		err = read_buildinfo(s, &image->build); /* names Go < 1.18 */
		return err ? err
			   : err_new(ERR_UNSUPPORTED, "%s program without a function table",
				     image->build.version);
	}
	if (!s->headers.len)
		return NULL;

	err = scan_file(s, /* writable_only= */ true, find_refs);
	if (!err)
		err = pick_moduledata(s, image);
	if (!err && image->moduledata)
		err = read_buildinfo(s, &image->build);
	if (err)
		return err;
	*found_ret = image->moduledata != 0;
	return NULL;
}

static void scan_reset(struct scan *s)
{
	vec_fini(&s->headers);
	vec_fini(&s->header_refs);
	s->buildinfo_addr = 0;
}

/* Each file with an executable mapping is worth a look once, at its first one. */
static bool is_first_code_mapping(const struct procmaps *maps, size_t i)
{
	const struct procmap *m = &maps->maps.data[i];

	if (!m->inode || !(m->prot & MAP_X))
		return false;
	for (size_t j = 0; j < i; j++)
		if ((maps->maps.data[j].prot & MAP_X) && procmap_same_file(&maps->maps.data[j], m))
			return false;
	return true;
}

struct err *goimage_find(struct target *t, const struct procmaps *maps, struct goimage *ret)
{
	_cleanup_free_ uint8_t *buf = malloc(SCAN_CHUNK + SCAN_OVERLAP);
	struct scan s = { .maps = maps, .buf = buf };

	if (!buf)
		return err_nomem();
	for (size_t i = 0; i < maps->maps.len; i++) {
		const struct procmap *m = &maps->maps.data[i];
		_cleanup_mapped_file_ struct mapped_file *mapped = NULL;
		struct goimage image = { .file = *m };
		bool found = false;

		if (!is_first_code_mapping(maps, i))
			continue;
		struct err *err = mapped_file_open(t, maps, m, &mapped);
		if (err)
			return err;
		s.file = m;
		s.mem = &mapped->mem;
		err = examine_file(&s, &image, &found);
		scan_reset(&s);
		if (err)
			return err;
		if (!found)
			continue;
		image.mapped = take_ptr(mapped);
		*ret = image;
		return NULL;
	}
	if (s.old_pclntab)
		return err_new(ERR_UNSUPPORTED,
			       "'%s' was built by Go older than 1.18, which maptrace does not know",
			       t->command);
	return err_new(ERR_UNSUPPORTED, "'%s' is not a Go program", t->command);
}

void goimage_fini(struct goimage *image)
{
	mapped_file_close(image->mapped);
	image->mapped = NULL;
}
