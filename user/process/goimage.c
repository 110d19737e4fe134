// SPDX-License-Identifier: GPL-2.0-only
#include "process/goimage.h"

#include <string.h>

#include "base/cursor.h"
#include "process/filescan.h"
#include "process/moduledata.h"

enum {
	/* A file has one pcHeader, and one moduledata that points to it. Bytes that look like the
	 * one or the other by chance are rare. */
	IMAGE_HEADERS_MAX = 4096,
	IMAGE_REFS_MAX = 4096,
};

/* A walk over a file's mappings, and what it has found. */
struct image_scan {
	struct filescan files;

	VEC(struct pcheader) headers; /* ascending by address */
	VEC(uint64_t) header_refs; /* addresses of words that point to a header */
	uint64_t buildinfo_addr;
	bool old_pclntab; /* some file had a function table of Go 1.2 to 1.17 */
};

static struct err *image_scan_headers(void *ctx, uint64_t addr, const uint8_t *data, size_t len,
				      size_t step)
{
	struct image_scan *s = ctx;

	for (size_t off = 0; off + 8 <= len && off < step; off += 8) {
		uint32_t first = load_u32(data, off);
		struct pcheader h;

		if (first >= PCHEADER_MAGIC_MIN) {
			s->old_pclntab |= pcheader_is_old(data + off);
			if (s->headers.len < IMAGE_HEADERS_MAX &&
			    pcheader_parse(data + off, len - off, addr + off, &h) &&
			    !vec_push(&s->headers, h))
				return err_nomem();
		}
		if (!s->buildinfo_addr && off % BUILDINFO_ALIGN == 0 &&
		    buildinfo_is_magic(data + off, len - off))
			s->buildinfo_addr = addr + off;
	}
	return NULL;
}

static int cmp_pcheader(const void *a, const void *b)
{
	uint64_t x = ((const struct pcheader *)a)->addr, y = ((const struct pcheader *)b)->addr;

	return x < y ? -1 : x > y;
}

static const struct pcheader *image_scan_header_at(const struct image_scan *s, uint64_t addr)
{
	const struct pcheader key = { .addr = addr };

	return vec_search(&s->headers, &key, cmp_pcheader);
}

static struct err *image_scan_refs(void *ctx, uint64_t addr, const uint8_t *data, size_t len,
				   size_t step)
{
	struct image_scan *s = ctx;
	uint64_t first = s->headers.data[0].addr;
	uint64_t last = s->headers.data[s->headers.len - 1].addr;

	for (size_t off = 0; off + 8 <= len && off < step; off += 8) {
		uint64_t word = load_u64(data, off);

		if (word < first || word > last || s->header_refs.len == IMAGE_REFS_MAX ||
		    !image_scan_header_at(s, word))
			continue;
		if (!vec_push(&s->header_refs, addr + off))
			return err_nomem();
	}
	return NULL;
}

/* Reads up to len bytes, as far as they are readable; *got_ret is their number. */
static struct err *image_read_readable(struct mem *mem, uint64_t addr, uint8_t *dst, uint64_t len,
				       uint64_t *got_ret)
{
	uint64_t got = 0;

	while (got < len) {
		uint64_t to_page_end = FILESCAN_PAGE - (addr + got) % FILESCAN_PAGE;
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

static struct err *image_scan_buildinfo(struct image_scan *s, struct buildinfo *ret)
{
	if (!s->buildinfo_addr)
		return err_new(ERR_UNSUPPORTED,
			       "a Go program without build info: its Go version is unknown");
	const struct procmap *m = procmaps_find(s->files.list.maps, s->buildinfo_addr);
	uint64_t len = m->end - s->buildinfo_addr;

	if (len > BUILDINFO_MAX)
		len = BUILDINFO_MAX;
	_cleanup_free_ uint8_t *data = malloc(len);
	if (!data)
		return err_nomem();
	struct err *err = image_read_readable(s->files.mem, s->buildinfo_addr, data, len, &len);
	return err ? err : buildinfo_parse(data, len, ret);
}

/* Sets the image's moduledata; leaves it 0 when no word that points to a header starts one. */
static struct err *image_scan_pick_module(struct image_scan *s, struct goimage *image)
{
	for (size_t i = 0; i < s->header_refs.len; i++) {
		uint64_t addr = s->header_refs.data[i], header_addr;
		struct err *err = mem_read_u64(s->files.mem, addr, &header_addr);

		if (err)
			return err;
		const struct pcheader *h = image_scan_header_at(s, header_addr);
		bool is_module = false;
		err = h ? moduledata_check(s->files.mem, addr, h, &is_module) : NULL;
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

/* *found_ret says whether this file holds a Go runtime. */
static struct err *image_scan_file(struct image_scan *s, struct goimage *image, bool *found_ret)
{
	struct err *err = filescan(&s->files, /* writable_only= */ false, image_scan_headers, s);

	if (err)
		return err;
	if (!s->headers.len && s->buildinfo_addr) {
		err = image_scan_buildinfo(s, &image->build); /* its error names the old Go */
		return err ? err
			   : err_new(ERR_UNSUPPORTED, "%s program without a function table",
				     image->build.version);
	}
	if (!s->headers.len)
		return NULL;

	err = filescan(&s->files, /* writable_only= */ true, image_scan_refs, s);
	if (!err)
		err = image_scan_pick_module(s, image);
	if (!err && image->moduledata)
		err = image_scan_buildinfo(s, &image->build);
	if (err)
		return err;
	*found_ret = image->moduledata != 0;
	return NULL;
}

static void image_scan_reset(struct image_scan *s)
{
	vec_fini(&s->headers);
	vec_fini(&s->header_refs);
	s->buildinfo_addr = 0;
}

/* Looks at one file; *found_ret says whether it is the image, which then is in *ret. */
static struct err *image_scan_codefile(struct image_scan *s, struct target *t,
				       const struct codefile *file, struct goimage *ret,
				       bool *found_ret)
{
	_cleanup_mapped_file_ struct mapped_file *mapped = NULL;
	struct goimage image = { .file = *file->code };
	struct err *err = mapped_file_open(t, s->files.list.maps, file->code, &mapped);

	if (err)
		return err;
	s->files.file = file;
	s->files.mem = &mapped->mem;
	err = image_scan_file(s, &image, found_ret);
	image_scan_reset(s);
	if (err || !*found_ret)
		return err;
	image.mapped = take_ptr(mapped);
	*ret = image;
	return NULL;
}

static struct err *image_scan_files(struct image_scan *s, struct target *t, struct goimage *ret)
{
	bool found = false;

	for (size_t i = 0; i < s->files.list.files.len; i++) {
		struct err *err =
			image_scan_codefile(s, t, &s->files.list.files.data[i], ret, &found);

		if (err || found)
			return err;
	}
	if (s->old_pclntab)
		return err_new(ERR_UNSUPPORTED,
			       "'%s' was built by Go older than 1.18, which maptrace does not know",
			       t->command);
	return err_new(ERR_UNSUPPORTED, "'%s' is not a Go program", t->command);
}

struct err *goimage_find(struct target *t, const struct procmaps *maps, struct goimage *ret)
{
	struct image_scan s = { .old_pclntab = false };
	struct err *err = filescan_init(&s.files, maps);

	if (!err)
		err = image_scan_files(&s, t, ret);
	filescan_fini(&s.files);
	return err;
}

void goimage_fini(struct goimage *image)
{
	mapped_file_close(image->mapped);
	image->mapped = NULL;
}
