// SPDX-License-Identifier: GPL-2.0-only
/*
 * Finding the Go runtime by its bytes: pcHeader, moduledata, build info, and the
 * search for them through the mappings of a process.
 */
#include <string.h>

#include "image.h"

#include "process/goimage.h"
#include "process/gomodules.h"
#include "process/moduledata.h"

/* ---- pcHeader ---- */

enum { HEADER_SZ = 72, FUNC_CNT = 100, NAMES_OFF = 96, PCLN_OFF = 5000 };

static void put_u32(uint8_t *p, uint32_t v)
{
	memcpy(p, &v, sizeof(v));
}

static void put_u64(uint8_t *p, uint64_t v)
{
	memcpy(p, &v, sizeof(v));
}

static void make_header(uint8_t h[HEADER_SZ], uint32_t magic)
{
	memset(h, 0, HEADER_SZ);
	put_u32(h, magic);
	h[6] = 1; /* minimum instruction size */
	h[7] = 8; /* pointer size */
	put_u64(h + 8, FUNC_CNT);
	put_u64(h + 32, NAMES_OFF);
	put_u64(h + 64, PCLN_OFF);
}

static void parses_pcheaders_of_both_magics(void **state)
{
	static const uint32_t magics[] = { 0xfffffff0, 0xfffffff1 };
	uint8_t h[HEADER_SZ];

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct pcheader got;

		make_header(h, magics[i]);
		h[6] = 4; /* arm64 */
		assert_true(pcheader_parse(h, sizeof(h), 0x4000, &got));
		assert_true(got.addr == 0x4000);
		assert_int_equal(got.func_cnt, FUNC_CNT);
		assert_int_equal(got.funcname_off, NAMES_OFF);
		assert_int_equal(got.pcln_off, PCLN_OFF);
		assert_int_equal(got.min_lc, 4);
	}
}

static void refuses_other_pcheaders(void **state)
{
	static const struct {
		const char *what;
		unsigned int off;
		uint64_t v;
		unsigned int sz;
	} rows[] = {
		{ "magic of 1.2", 0, 0xfffffffb, 4 },
		{ "magic of 1.16", 0, 0xfffffffa, 4 },
		{ "magic in big-endian", 0, 0xf1ffffff, 4 },
		{ "first zero byte", 4, 1, 1 },
		{ "second zero byte", 5, 1, 1 },
		{ "instruction size 0", 6, 0, 1 },
		{ "instruction size 3", 6, 3, 1 },
		{ "pointer size 4", 7, 4, 1 },
		{ "no function", 8, 0, 8 },
		{ "too many functions", 8, 1ull << 40, 8 },
		{ "names inside the header", 32, 64, 8 },
		{ "names far away", 32, 1ull << 33, 8 },
		{ "records before the names", 64, NAMES_OFF, 8 },
		{ "records far away", 64, 1ull << 33, 8 },
		{ "records at minus one", 64, UINT64_MAX, 8 },
	};
	struct pcheader got = { .addr = 7 };
	uint8_t h[HEADER_SZ];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		make_header(h, 0xfffffff1);
		memcpy(h + rows[i].off, &rows[i].v, rows[i].sz);
		if (pcheader_parse(h, sizeof(h), 0x4000, &got))
			fail_msg("%s was accepted", rows[i].what);
	}
	make_header(h, 0xfffffff1);
	assert_false(pcheader_parse(h, HEADER_SZ - 1, 0x4000, &got));
	assert_int_equal(got.addr, 7); /* untouched */
}

/* ---- moduledata ---- */

#define HEADER_ADDR 0x480000ull
#define MODULE_ADDR 0x540000ull

/* The words that moduledata_check() compares (go-runtime facts 5.3). */
static void put_module(struct image *img, uint64_t addr, uint64_t header)
{
	image_zero(img, addr, 640);
	image_u64(img, addr, header);
	image_u64(img, addr + 8, header + NAMES_OFF);
	image_u64(img, addr + 16, PCLN_OFF - NAMES_OFF);
	image_u64(img, addr + 104, header + PCLN_OFF);
	image_u64(img, addr + 112, 1 << 16);
	image_u64(img, addr + 128, header + PCLN_OFF);
	image_u64(img, addr + 136, FUNC_CNT + 1);
	image_u64(img, addr + 176, 0x401000);
	image_u64(img, addr + 184, 0x47f000);
}

static bool check_module(struct image *img, uint64_t addr)
{
	const struct pcheader h = { .addr = HEADER_ADDR,
				    .func_cnt = FUNC_CNT,
				    .funcname_off = NAMES_OFF,
				    .pcln_off = PCLN_OFF };
	bool is_module = true;

	assert_null(moduledata_check(&img->target.mem, addr, &h, &is_module));
	return is_module;
}

static void a_moduledata_fits_its_header(void **state)
{
	static const uint64_t words[] = { 0, 8, 104, 136 };
	struct image *img = image_new(24, "");

	(void)state;
	put_module(img, MODULE_ADDR, HEADER_ADDR);
	assert_true(check_module(img, MODULE_ADDR));
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		put_module(img, MODULE_ADDR, HEADER_ADDR);
		image_u64(img, MODULE_ADDR + words[i],
			  image_get_u64(img, MODULE_ADDR + words[i]) + 1);
		assert_false(check_module(img, MODULE_ADDR));
	}
	/* Cut off by the end of its mapping: none, but no failure either. */
	put_module(img, 0x560000 - 640, HEADER_ADDR);
	assert_false(check_module(img, 0x560000 - 100));
	assert_false(check_module(img, IMAGE_NOWHERE));
	image_free(img);
}

static struct err *read_module(struct image *img, struct moduledata *ret)
{
	struct moduledata md;
	struct err *err = moduledata_read(&img->target.mem, MODULE_ADDR, &md);

	if (!err)
		err = moduledata_read_types(&img->target.mem, MODULE_ADDR, &img->prog.layout, &md);
	if (!err)
		*ret = md;
	return err;
}

/* Offsets of types, etypes and gofunc by version: go-runtime facts 5.4. */
static void reads_the_fields_of_each_version(void **state)
{
	static const struct {
		unsigned int minor, types, etypes, gofunc;
	} rows[] = { { 19, 280, 288, 304 }, { 21, 296, 304, 320 }, { 22, 296, 304, 320 },
		     { 23, 296, 304, 320 }, { 24, 296, 304, 320 }, { 25, 296, 304, 320 },
		     { 26, 296, 304, 320 }, { 27, 296, 312, 344 } };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct image *img = image_new(rows[i].minor, "");
		struct moduledata md;

		put_module(img, MODULE_ADDR, HEADER_ADDR);
		image_u64(img, MODULE_ADDR + rows[i].types, 0x490000);
		image_u64(img, MODULE_ADDR + rows[i].etypes, 0x4a0000);
		image_u64(img, MODULE_ADDR + rows[i].gofunc, 0x4b0000);
		assert_null(read_module(img, &md));
		assert_true(md.text == 0x401000 && md.etext == 0x47f000);
		assert_true(md.funcnametab == HEADER_ADDR + NAMES_OFF);
		assert_int_equal(md.funcnametab_len, PCLN_OFF - NAMES_OFF);
		assert_true(md.pclntable == HEADER_ADDR + PCLN_OFF);
		assert_int_equal(md.pclntable_len, 1 << 16);
		assert_int_equal(md.ftab_cnt, FUNC_CNT + 1);
		assert_true(md.types == 0x490000 && md.etypes == 0x4a0000);
		assert_true(md.gofunc == 0x4b0000);
		image_free(img);
	}
}

static void refuses_a_moduledata_that_contradicts_itself(void **state)
{
	static const struct {
		const char *what;
		unsigned int off;
		uint64_t v;
	} rows[] = {
		{ "text behind etext", 176, 0x47f001 },
		{ "no text", 184, 0x401000 },
		{ "names without end", 16, UINT64_MAX },
		{ "records without end", 112, 1ull << 40 },
		{ "more functions than bytes", 136, (1 << 13) + 1 },
		{ "functions without end", 136, UINT64_MAX },
		{ "no function", 136, 1 },
		{ "not even the closing entry", 136, 0 },
		{ "types behind etypes", 296, 0x4a0001 },
		{ "no types", 304, 0x490000 },
		{ "types without end", 304, UINT64_MAX },
		{ "files without end", 64, UINT64_MAX },
		{ "units without end", 40, UINT64_MAX },
		{ "lines without end", 88, UINT64_MAX },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct image *img = image_new(24, "");
		struct moduledata md = { .text = 7 };

		put_module(img, MODULE_ADDR, HEADER_ADDR);
		image_u64(img, MODULE_ADDR + 296, 0x490000);
		image_u64(img, MODULE_ADDR + 304, 0x4a0000);
		image_u64(img, MODULE_ADDR + rows[i].off, rows[i].v);
		_cleanup_err_ struct err *err = read_module(img, &md);
		if (!err_is(err, ERR_FORMAT))
			fail_msg("%s was accepted", rows[i].what);
		assert_int_equal(md.text, 7);
		image_free(img);
	}
}

/* ---- The search ---- */

enum { CODE, DATA_RO, DATA_RW, OTHER, MAPPINGS };

/* A process with one file (code, read-only data, data) and something anonymous. */
struct process {
	struct image *img;
	struct procmap list[MAPPINGS];
	struct procmaps maps;
};

#define RO_ADDR 0x800000ull
#define RW_ADDR 0xc00000ull

static struct procmap mapping(uint64_t start, uint64_t end, uint64_t inode, uint8_t prot)
{
	return (struct procmap){
		.start = start,
		.end = end,
		.inode = inode,
		.dev_major = inode ? 8 : 0,
		.dev_minor = inode ? 1 : 0,
		.prot = prot,
	};
}

static void process_init(struct process *p)
{
	p->img = image_new(24, "");
	p->img->target.command = (char *)"paygate";
	p->list[CODE] = mapping(0x400000, 0x480000, 9, MAP_R | MAP_X);
	p->list[DATA_RO] = mapping(RO_ADDR, RO_ADDR + (3 << 20), 9, MAP_R);
	p->list[DATA_RW] = mapping(RW_ADDR, RW_ADDR + (2 << 20), 9, MAP_R | MAP_W);
	p->list[OTHER] = mapping(0x10000000, 0x10001000, 0, MAP_R | MAP_W);
	p->maps.maps.data = p->list;
	p->maps.maps.len = p->maps.maps.cap = MAPPINGS;
	image_zero(p->img, RO_ADDR, 3 << 20);
	image_zero(p->img, RW_ADDR, 2 << 20);
	image_zero(p->img, 0x10000000, 0x1000);
}

static void put_pcheader(struct process *p, uint64_t addr, uint32_t magic)
{
	uint8_t h[HEADER_SZ];

	make_header(h, magic);
	image_write(p->img, addr, h, sizeof(h));
}

static void put_buildinfo(struct process *p, uint64_t addr, const char *version)
{
	uint8_t len = strlen(version);

	image_write(p->img, addr, "\xff Go buildinf:\x08\x02", 16);
	image_write(p->img, addr + 32, &len, 1);
	image_write(p->img, addr + 33, version, len);
}

static void expect_found(struct process *p, uint64_t header, uint64_t module)
{
	struct goimage image;
	struct err *err = goimage_find(&p->img->target, &p->maps, &image);

	if (err)
		fail_msg("%s", err->msg);
	assert_true(image.pcheader.addr == header);
	assert_true(image.moduledata == module);
	assert_int_equal(image.build.minor, 24);
	assert_true(image.file.start == p->list[CODE].start);
	goimage_fini(&image);
	image_free(p->img);
}

static void expect_refusal(struct process *p, const char *text)
{
	struct goimage image;
	_cleanup_err_ struct err *err = goimage_find(&p->img->target, &p->maps, &image);

	assert_true(err_is(err, ERR_UNSUPPORTED));
	assert_string_equal(err->msg, text);
	image_free(p->img);
}

static void finds_header_module_and_build_info(void **state)
{
	struct process p;

	(void)state;
	process_init(&p);
	put_pcheader(&p, RO_ADDR + 0x1238, 0xfffffff1);
	put_module(p.img, RW_ADDR + 0x4568, RO_ADDR + 0x1238);
	put_buildinfo(&p, RW_ADDR + 0x20, "go1.24.4");
	expect_found(&p, RO_ADDR + 0x1238, RW_ADDR + 0x4568);
}

/* The search reads a mebibyte at a time; what it looks for may lie across. */
static void finds_what_lies_across_two_reads(void **state)
{
	struct process p;

	(void)state;
	process_init(&p);
	put_pcheader(&p, RO_ADDR + (1 << 20) - 8, 0xfffffff1);
	put_module(p.img, RW_ADDR + (1 << 20) - 8, RO_ADDR + (1 << 20) - 8);
	put_buildinfo(&p, RO_ADDR + (2 << 20) - 16, "go1.24.4");
	expect_found(&p, RO_ADDR + (1 << 20) - 8, RW_ADDR + (1 << 20) - 8);

	process_init(&p);
	put_pcheader(&p, RO_ADDR + (1 << 20), 0xfffffff1);
	put_module(p.img, RW_ADDR + (1 << 20), RO_ADDR + (1 << 20));
	put_buildinfo(&p, RO_ADDR + (2 << 20), "go1.24.4");
	expect_found(&p, RO_ADDR + (1 << 20), RW_ADDR + (1 << 20));
}

/* The bytes of a pcHeader are also those of a debugger's constants; pointers to
 * one are also in places that are no moduledata. */
static void passes_over_decoys(void **state)
{
	struct process p;

	(void)state;
	process_init(&p);
	put_pcheader(&p, RO_ADDR + 0x100, 0xfffffff1); /* nobody points to it */
	put_pcheader(&p, RO_ADDR + 0x200, 0xfffffff1); /* no moduledata does */
	put_pcheader(&p, RO_ADDR + 0x300, 0xfffffff1);
	image_u64(p.img, RW_ADDR + 0x100, RO_ADDR + 0x200);
	image_u64(p.img, RW_ADDR + 0x1000, RO_ADDR + 0x300);
	put_module(p.img, RW_ADDR + 0x2000, RO_ADDR + 0x300);
	put_buildinfo(&p, RW_ADDR + 0x20, "go1.24.4");
	expect_found(&p, RO_ADDR + 0x300, RW_ADDR + 0x2000);
}

/* A shared object written in Go, in a process that starts with another file. */
static void finds_the_runtime_in_another_file(void **state)
{
	struct process p;
	struct goimage image;

	(void)state;
	process_init(&p);
	p.list[OTHER] = p.list[CODE];
	p.list[OTHER].start = 0x10000000;
	p.list[OTHER].end = 0x10001000;
	p.list[CODE].inode = 77;
	put_pcheader(&p, RO_ADDR, 0xfffffff1);
	put_module(p.img, RW_ADDR + 0x2000, RO_ADDR);
	put_buildinfo(&p, RW_ADDR + 0x20, "go1.24.4");
	assert_null(goimage_find(&p.img->target, &p.maps, &image));
	assert_true(image.file.start == 0x10000000);
	assert_false(image.mapped->is_exe);
	goimage_fini(&image);
	image_free(p.img);
}

/* ---- Several modules ---- */

enum { FILE_MAPPINGS = 3, FILES_MAX = 4, NEXT_1_24 = 576 };

/* A process with more files of Go code: code, read-only data and data of each. */
struct files {
	struct process p;
	struct procmap list[FILE_MAPPINGS * FILES_MAX];
	size_t cnt;
	struct goimage image;
};

static uint64_t base_of(size_t i)
{
	return 0x400000 + i * 0x1000000;
}

static uint64_t module_of(size_t i)
{
	return base_of(i) + 0x200000 + 0x1008;
}

static void put_next(struct files *f, size_t i, uint64_t next)
{
	image_u64(f->p.img, module_of(i) + NEXT_1_24, next);
}

static void add_file(struct files *f)
{
	size_t i = f->cnt++;
	uint64_t base = base_of(i);
	struct procmap *m = &f->list[i * FILE_MAPPINGS];

	m[0] = mapping(base, base + 0x1000, 20 + i, MAP_R | MAP_X);
	m[1] = mapping(base + 0x100000, base + 0x102000, 20 + i, MAP_R);
	m[2] = mapping(base + 0x200000, base + 0x203000, 20 + i, MAP_R | MAP_W);
	image_zero(f->p.img, base + 0x100000, 0x2000);
	image_zero(f->p.img, base + 0x200000, 0x3000);
	put_pcheader(&f->p, base + 0x100100, 0xfffffff1);
	put_module(f->p.img, module_of(i), base + 0x100100);
	f->p.maps.maps.data = f->list;
	f->p.maps.maps.len = f->p.maps.maps.cap = f->cnt * FILE_MAPPINGS;
}

static void files_init(struct files *f, size_t cnt)
{
	memset(f, 0, sizeof(*f));
	process_init(&f->p);
	while (f->cnt < cnt)
		add_file(f);
	put_buildinfo(&f->p, base_of(0) + 0x200000, "go1.24.4");
}

static void files_find(struct files *f)
{
	struct err *err = goimage_find(&f->p.img->target, &f->p.maps, &f->image);

	if (!err)
		err = gomodules_find(&f->p.img->target, &f->p.maps, &f->image);
	if (err)
		fail_msg("%s", err->msg);
}

static void files_fini(struct files *f)
{
	gomodules_fini(&f->image);
	goimage_fini(&f->image);
	image_free(f->p.img);
}

/* The runtime links its modules in the order in which they were loaded. */
static void finds_the_plugins_of_a_program(void **state)
{
	struct files f;

	(void)state;
	files_init(&f, 3);
	put_next(&f, 0, module_of(2));
	put_next(&f, 2, module_of(1));
	files_find(&f);
	assert_true(f.image.moduledata == module_of(0));
	assert_int_equal(f.image.plugins.len, 2);
	assert_int_equal(f.image.others.len, 0);
	for (size_t i = 0; i < 2; i++) {
		const struct gomodule *m = &f.image.plugins.data[i];

		assert_true(m->moduledata == module_of(1 + i));
		assert_true(m->pcheader.addr == base_of(1 + i) + 0x100100);
		assert_int_equal(m->file.inode, 21 + i);
		assert_non_null(m->path);
	}
	files_fini(&f);
}

/* A program that was linked against a library with the runtime comes after it. */
static void the_first_of_the_chain_has_the_runtime(void **state)
{
	struct files f;

	(void)state;
	files_init(&f, 2);
	put_next(&f, 1, module_of(0));
	files_find(&f);
	assert_true(f.image.moduledata == module_of(1));
	assert_int_equal(f.image.file.inode, 21);
	assert_int_equal(f.image.build.minor, 24); /* the program says it */
	assert_int_equal(f.image.plugins.len, 1);
	assert_true(f.image.plugins.data[0].moduledata == module_of(0));
	files_fini(&f);
}

/* Libraries of a C program: each has a runtime, and perhaps plugins of that. */
static void counts_runtimes_by_their_chains(void **state)
{
	struct files f;

	(void)state;
	files_init(&f, 4);
	put_next(&f, 2, module_of(3));
	files_find(&f);
	assert_true(f.image.moduledata == module_of(0));
	assert_int_equal(f.image.plugins.len, 0);
	assert_int_equal(f.image.others.len, 2); /* 1, and 2 with 3 */
	files_fini(&f);
}

static void links_are_not_followed_into_the_unknown(void **state)
{
	struct files f;

	(void)state;
	files_init(&f, 3); /* a cycle */
	put_next(&f, 0, module_of(1));
	put_next(&f, 1, module_of(2));
	put_next(&f, 2, module_of(0));
	files_find(&f);
	assert_true(f.image.moduledata == module_of(0));
	assert_int_equal(f.image.plugins.len, 2);
	files_fini(&f);

	files_init(&f, 2); /* garbage, itself, and no module */
	put_next(&f, 0, IMAGE_NOWHERE);
	put_next(&f, 1, module_of(1));
	image_u64(f.p.img, module_of(1) + 8, 0); /* no names any more */
	files_find(&f);
	assert_int_equal(f.image.plugins.len, 0);
	assert_int_equal(f.image.others.len, 0);
	files_fini(&f);

	files_init(&f, 2); /* a header that cannot be read */
	image_unmap(f.p.img, base_of(1) + 0x100000, 0x2000);
	files_find(&f);
	assert_int_equal(f.image.others.len, 0);
	files_fini(&f);
}

static void unreadable_parts_are_passed_over(void **state)
{
	struct process p;

	(void)state;
	process_init(&p);
	image_unmap(p.img, RO_ADDR, 1 << 20);
	put_pcheader(&p, RO_ADDR + (2 << 20), 0xfffffff1);
	put_module(p.img, RW_ADDR, RO_ADDR + (2 << 20));
	put_buildinfo(&p, RW_ADDR + 0x1020, "go1.24.4");
	expect_found(&p, RO_ADDR + (2 << 20), RW_ADDR);
}

/* All that is looked for is between pages that are gone. */
static void unreadable_pages_hide_no_others(void **state)
{
	struct process p;

	(void)state;
	process_init(&p);
	image_unmap(p.img, RO_ADDR + 0x1000, 0x1000);
	image_unmap(p.img, RO_ADDR + 0x4000, 0x1000);
	image_unmap(p.img, RW_ADDR + 0x3000, (2 << 20) - 0x3000); /* the file is shorter */
	put_pcheader(&p, RO_ADDR + 0x3000 - 8, 0xfffffff1); /* across two pages */
	put_module(p.img, RW_ADDR + 0x2000, RO_ADDR + 0x3000 - 8);
	put_buildinfo(&p, RO_ADDR + 0x3fc0, "go1.24.4"); /* at the end of one */
	image_unmap(p.img, RO_ADDR + 0x4000, 0x1000);
	expect_found(&p, RO_ADDR + 0x3000 - 8, RW_ADDR + 0x2000);
}

static void says_why_it_is_none(void **state)
{
	struct process p;

	(void)state;
	process_init(&p);
	expect_refusal(&p, "'paygate' is not a Go program");

	process_init(&p); /* a header that nobody points to */
	put_pcheader(&p, RO_ADDR, 0xfffffff1);
	put_buildinfo(&p, RW_ADDR + 0x20, "go1.24.4");
	expect_refusal(&p, "'paygate' is not a Go program");

	process_init(&p);
	put_pcheader(&p, RO_ADDR, 0xfffffff1);
	put_module(p.img, RW_ADDR, RO_ADDR);
	expect_refusal(&p, "a Go program without build info: its Go version is unknown");

	process_init(&p);
	put_buildinfo(&p, RW_ADDR + 0x20, "go1.24.4");
	expect_refusal(&p, "go1.24.4 program without a function table");
}

static void names_old_go(void **state)
{
	struct process p;

	(void)state;
	process_init(&p); /* 1.16: a table of another form */
	put_pcheader(&p, RO_ADDR, 0xfffffffa);
	expect_refusal(&p, "'paygate' was built by Go older than 1.18, which maptrace does not "
			   "know");

	process_init(&p); /* 1.13 to 1.17: build info by pointers */
	put_buildinfo(&p, RW_ADDR + 0x20, "go1.17.1");
	image_u8(p.img, RW_ADDR + 0x20 + 15, 0);
	expect_refusal(&p, "built by Go older than 1.18, which maptrace does not know");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parses_pcheaders_of_both_magics),
		cmocka_unit_test(refuses_other_pcheaders),
		cmocka_unit_test(a_moduledata_fits_its_header),
		cmocka_unit_test(reads_the_fields_of_each_version),
		cmocka_unit_test(refuses_a_moduledata_that_contradicts_itself),
		cmocka_unit_test(finds_header_module_and_build_info),
		cmocka_unit_test(finds_what_lies_across_two_reads),
		cmocka_unit_test(passes_over_decoys),
		cmocka_unit_test(finds_the_runtime_in_another_file),
		cmocka_unit_test(finds_the_plugins_of_a_program),
		cmocka_unit_test(the_first_of_the_chain_has_the_runtime),
		cmocka_unit_test(counts_runtimes_by_their_chains),
		cmocka_unit_test(links_are_not_followed_into_the_unknown),
		cmocka_unit_test(unreadable_parts_are_passed_over),
		cmocka_unit_test(unreadable_pages_hide_no_others),
		cmocka_unit_test(says_why_it_is_none),
		cmocka_unit_test(names_old_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
