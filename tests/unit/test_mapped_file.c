// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reads of a file's mappings in this process, which is the target here: which bytes come from the
 * file and which from memory, and that no page becomes mapped by them.
 */
#include <dirent.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "process/mapped_file.h"

enum { PAGES = 16, READS_MAX = 64 };

static size_t page; /* bytes */

struct test {
	struct target target;
	struct mem real; /* reads by process_vm_readv() */
	struct procmaps maps;
	struct mapped_file *mf;
	char path[64];
	int fd;
	char *area; /* PAGES of the file, and one page on either side */
	bool gone;

	/* What was read from the process. */
	struct mem_req reads[READS_MAX];
	size_t read_cnt;
};

static struct err *note_reads(struct mem *mem, struct mem_req *reqs, size_t n)
{
	struct test *t = mem->ctx;

	if (t->gone)
		return err_new(ERR_GONE, "the process has exited");
	for (size_t i = 0; i < n; i++) {
		assert_true(t->read_cnt < READS_MAX);
		t->reads[t->read_cnt++] = reqs[i];
	}
	return t->real.read_reqs(&t->real, reqs, n);
}

static uint8_t file_byte(size_t off)
{
	return off * 2654435761u >> 13;
}

static char *map_file(struct test *t, size_t at, size_t cnt, int prot, int flags)
{
	char *p = mmap(t->area + at * page, cnt * page, prot, flags | MAP_FIXED, t->fd, at * page);

	assert_ptr_not_equal(p, MAP_FAILED);
	return p;
}

/* Makes a file of PAGES, which is mapped readable and private; tests map it in other ways. */
static void test_init(struct test *t)
{
	page = sysconf(_SC_PAGESIZE);
	memset(t, 0, sizeof(*t));
	snprintf(t->path, sizeof(t->path), "/tmp/test_mapped_file.XXXXXX");
	t->fd = mkstemp(t->path);
	assert_true(t->fd >= 0);

	uint8_t *bytes = malloc(PAGES * page);
	for (size_t i = 0; i < PAGES * page; i++)
		bytes[i] = file_byte(i);
	assert_int_equal(write(t->fd, bytes, PAGES * page), PAGES * page);
	free(bytes);

	char *hole = mmap(NULL, (PAGES + 2) * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(hole, MAP_FAILED);
	t->area = hole + page;
	map_file(t, 0, PAGES, PROT_READ, MAP_PRIVATE);

	mem_init_process(&t->real, getpid());
	t->target.pid = getpid();
	t->target.mem = (struct mem){ .read_reqs = note_reads, .ctx = t, .pid = getpid() };
}

static void open_mapped(struct test *t)
{
	assert_null(procmaps_init(&t->maps, getpid()));
	const struct procmap *m = procmaps_find(&t->maps, (uintptr_t)t->area);
	assert_non_null(m);
	assert_null(mapped_file_open(&t->target, &t->maps, m, &t->mf));
}

/* The link in map_files takes a capability, and this program is not the mapped file. */
static void open_permitted(struct test *t)
{
	open_mapped(t);
	if (t->mf->fd < 0 && geteuid() != 0)
		skip();
	assert_true(t->mf->fd >= 0 && t->mf->pagemap.fd >= 0);
}

static void test_fini(struct test *t)
{
	mapped_file_close(t->mf);
	procmaps_fini(&t->maps);
	mem_fini(&t->real);
	munmap(t->area - page, (PAGES + 2) * page);
	close(t->fd);
	unlink(t->path);
}

/* Which of the pages [first, first + cnt) of the area are mapped: bit i for page first + i. */
static uint64_t mapped_pages(struct test *t, size_t first, size_t cnt)
{
	uint64_t bits = 0;

	assert_null(pagemap_touched(&t->mf->pagemap, (uintptr_t)t->area + first * page, cnt * page,
				    &bits));
	return bits;
}

static uint8_t *read_area(struct test *t, size_t off, size_t len)
{
	uint8_t *buf = malloc(len);

	t->read_cnt = 0;
	assert_non_null(buf);
	assert_null(mem_read(&t->mf->mem, (uintptr_t)t->area + off, buf, len));
	return buf;
}

static bool can_read(struct test *t, size_t off, size_t len)
{
	uint8_t *buf = malloc(len);
	struct mem_req req = { (uintptr_t)t->area + off, len, true, buf };

	t->read_cnt = 0;
	assert_non_null(buf);
	assert_null(t->mf->mem.read_reqs(&t->mf->mem, &req, 1));
	free(buf);
	return req.ok;
}

static void expect_file_bytes(const uint8_t *buf, size_t off, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (buf[i] != file_byte(off + i))
			fail_msg("byte 0x%zx is 0x%02x", off + i, buf[i]);
}

static void expect_file_read(struct test *t, size_t off, size_t len)
{
	uint64_t before = t->mf->mem.bytes_read;
	uint8_t *buf = read_area(t, off, len);

	expect_file_bytes(buf, off, len);
	assert_int_equal(t->read_cnt, 0);
	assert_int_equal(t->mf->mem.bytes_read - before, len);
	free(buf);
}

static void expect_memory_read(struct test *t, size_t off, size_t len)
{
	uint8_t *buf = read_area(t, off, len);

	expect_file_bytes(buf, off, len);
	assert_int_equal(t->read_cnt, 1);
	assert_true(t->reads[0].addr == (uintptr_t)t->area + off && t->reads[0].len == len);
	assert_int_equal(t->mf->mem.bytes_read, 0);
	free(buf);
}

/* ---- what comes from where ---- */

static void reading_maps_no_page(void **state)
{
	struct test t;

	(void)state;
	test_init(&t);
	open_permitted(&t);
	(void)*(volatile char *)(t.area +
				 9 * page); /* maps that page, and perhaps its neighbours */
	uint64_t before = mapped_pages(&t, 0, PAGES);
	expect_file_read(&t, 0, PAGES * page);
	expect_file_read(&t, page + 7, 3 * page);
	expect_file_read(&t, PAGES * page - 1, 1);
	assert_true(mapped_pages(&t, 0, PAGES) == before);

	/* Nothing was written, so memory has the same bytes. */
	pagemap_close(&t.mf->pagemap);
	t.mf->mem.bytes_read = 0;
	expect_memory_read(&t, 0, PAGES * page);
	test_fini(&t);
}

static void expect_written_from_memory(struct test *t)
{
	uint64_t pages = mapped_pages(t, 0, PAGES);
	uint64_t base = (uintptr_t)t->area;
	size_t end = 12 * page + 100;
	uint8_t *buf = read_area(t, 5, end - 5);

	for (size_t i = 5; i < end; i++) {
		bool written = i == 3 * page || i == 5 * page - 1 || i == 12 * page;

		assert_int_equal(buf[i - 5], written ? 0x5a ^ file_byte(i) : file_byte(i));
	}
	free(buf);
	assert_int_equal(t->read_cnt, 2);
	assert_true(t->reads[0].addr == base + 3 * page && t->reads[0].len == 2 * page);
	assert_true(t->reads[1].addr == base + 12 * page && t->reads[1].len == 100);
	assert_true(mapped_pages(t, 0, PAGES) == pages);

	/* From one written page to another, and inside of one. */
	free(read_area(t, 3 * page + 9, page));
	assert_int_equal(t->read_cnt, 1);
	assert_true(t->reads[0].addr == base + 3 * page + 9 && t->reads[0].len == page);
	free(read_area(t, 4 * page + 9, 1));
	assert_int_equal(t->read_cnt, 1);
}

/* Written as the dynamic linker does it: write, then protect. */
static void written_pages_come_from_memory(void **state)
{
	struct test t;

	(void)state;
	test_init(&t);
	map_file(&t, 0, PAGES, PROT_READ | PROT_WRITE, MAP_PRIVATE);
	t.area[3 * page] ^= 0x5a;
	t.area[5 * page - 1] ^= 0x5a;
	t.area[12 * page] ^= 0x5a;
	open_permitted(&t);
	expect_written_from_memory(&t); /* data */
	mapped_file_close(t.mf);
	procmaps_fini(&t.maps);
	mprotect(t.area, PAGES * page, PROT_READ);
	open_permitted(&t);
	expect_written_from_memory(&t); /* relocated, read-only data */
	t.mf->pagemap.scans = false; /* as before Linux 6.7 */
	expect_written_from_memory(&t);
	test_fini(&t);
}

/* Nothing is kept from read to read, so pages that were written after the file was opened are
 * noticed. */
static void pages_are_asked_for_each_time(void **state)
{
	struct test t;

	(void)state;
	test_init(&t);
	map_file(&t, 0, PAGES, PROT_READ | PROT_WRITE, MAP_PRIVATE);
	open_permitted(&t);
	expect_file_read(&t, 0, PAGES * page);
	t.area[7] ^= 0x5a;
	uint8_t *buf = read_area(&t, 7, 1);
	assert_int_equal(*buf, 0x5a ^ file_byte(7));
	assert_int_equal(t.read_cnt, 1);
	free(buf);
	test_fini(&t);
}

static void gathered_reads_are_the_same(void **state)
{
	struct mem_req reqs[PAGES];
	uint8_t bytes[PAGES][100];
	struct test t;

	(void)state;
	test_init(&t);
	open_permitted(&t);
	for (size_t i = 0; i < PAGES; i++)
		reqs[i] = (struct mem_req){ (uintptr_t)t.area + (PAGES - 1 - i) * page + 11,
					    sizeof(bytes[i]), false, bytes[i] };
	assert_null(mem_gather(&t.mf->mem, reqs, PAGES));
	for (size_t i = 0; i < PAGES; i++) {
		assert_true(reqs[i].ok);
		expect_file_bytes(reqs[i].dst, reqs[i].addr - (uintptr_t)t.area, 100);
	}
	assert_int_equal(t.read_cnt, 0);
	test_fini(&t);
}

/* ---- where mappings end, and others begin ---- */

static void only_private_mappings_of_the_file_are_it(void **state)
{
	struct test t;

	(void)state;
	test_init(&t);
	map_file(&t, 4, 4, PROT_READ, MAP_SHARED);
	map_file(&t, 8, 4, PROT_READ | PROT_WRITE, MAP_PRIVATE);
	assert_ptr_not_equal(mmap(t.area + 12 * page, page, PROT_READ,
				  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0),
			     MAP_FAILED);
	open_permitted(&t);
	uint8_t *buf = read_area(&t, page, 2 * page); /* private */
	assert_int_equal(t.read_cnt, 0);
	expect_file_bytes(buf, page, 2 * page);
	free(buf);
	expect_file_read(&t, 9 * page, page); /* private, with other rights */
	t.mf->mem.bytes_read = 0;
	expect_memory_read(&t, 5 * page, page); /* shared */
	buf = read_area(&t, 11 * page, page + 8); /* private, then anonymous */
	expect_file_bytes(buf, 11 * page, page);
	for (size_t i = 0; i < 8; i++)
		assert_int_equal(buf[page + i], 0);
	assert_int_equal(t.read_cnt, 1);
	assert_true(t.reads[0].addr == (uintptr_t)t.area + 12 * page && t.reads[0].len == 8);
	free(buf);
	test_fini(&t);
}

static void what_memory_refuses_the_file_does_not_give(void **state)
{
	struct mem_req wrap = { UINT64_MAX - 4, 16, true, NULL };
	char buf[16];
	struct test t;

	(void)state;
	test_init(&t);
	map_file(&t, 4, 1, PROT_NONE, MAP_PRIVATE);
	open_permitted(&t);
	assert_false(can_read(&t, 4 * page, 8));
	assert_false(can_read(&t, 3 * page, 2 * page));
	assert_false(can_read(&t, PAGES * page - 4, 8));
	assert_false(can_read(&t, -8, 16));
	assert_true(can_read(&t, PAGES * page - 8, 8));
	wrap.dst = buf;
	assert_null(t.mf->mem.read_reqs(&t.mf->mem, &wrap, 1));
	assert_false(wrap.ok);
	test_fini(&t);
}

/* The last page of a file has zeroes after its last byte, and the pages after it cannot be read. */
static void a_file_may_be_shorter_than_its_mapping(void **state)
{
	struct test t;

	(void)state;
	test_init(&t);
	open_permitted(&t);
	assert_int_equal(ftruncate(t.fd, 2 * page + 100), 0);
	expect_file_read(&t, 0, 2 * page + 100);
	uint8_t *buf = read_area(&t, 2 * page, page);
	expect_file_bytes(buf, 2 * page, 100);
	for (size_t i = 100; i < page; i++)
		assert_int_equal(buf[i], 0);
	free(buf);
	assert_false(can_read(&t, 2 * page, page + 1));
	assert_false(can_read(&t, 3 * page, 1));
	assert_false(can_read(&t, 0, PAGES * page));
	assert_int_equal(ftruncate(t.fd, 0), 0);
	assert_false(can_read(&t, 0, 1));
	test_fini(&t);
}

/* ---- which file ---- */

static void a_file_is_found_though_its_name_is_gone(void **state)
{
	struct test t;

	(void)state;
	test_init(&t);
	unlink(t.path);
	FILE *other = fopen(t.path, "w"); /* another file has the path now */
	assert_non_null(other);
	fputs("another file", other);
	fclose(other);
	open_permitted(&t);
	assert_false(t.mf->is_exe);
	expect_file_read(&t, 0, PAGES * page);
	test_fini(&t);
}

static void another_file_is_not_taken(void **state)
{
	struct test t;
	struct procmap *m;

	(void)state;
	test_init(&t);
	open_permitted(&t);
	mapped_file_close(t.mf);
	m = (struct procmap *)procmaps_find(&t.maps, (uintptr_t)t.area);
	m->inode++; /* the mapping was of another file when the list was read */
	assert_null(mapped_file_open(&t.target, &t.maps, m, &t.mf));
	assert_int_equal(t.mf->fd, -1);
	expect_memory_read(&t, page, page);
	test_fini(&t);
}

/* /proc/PID/exe takes no capability. */
static void the_executable_is_known(void **state)
{
	struct test t;
	uint64_t code = (uintptr_t)the_executable_is_known;
	uint8_t bytes[32];

	(void)state;
	test_init(&t);
	assert_null(procmaps_init(&t.maps, getpid()));
	assert_null(mapped_file_open(&t.target, &t.maps, procmaps_find(&t.maps, code), &t.mf));
	assert_true(t.mf->is_exe && t.mf->fd >= 0);
	assert_null(mem_read(&t.mf->mem, code, bytes, sizeof(bytes)));
	assert_memory_equal(bytes, (void *)code, sizeof(bytes));
	assert_int_equal(t.read_cnt, 0);
	test_fini(&t);
}

/* Without a capability there are no links in map_files either, so /proc/PID/exe is used. */
static void the_executable_takes_no_capability(void **state)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct had[2], none[2];
	struct test t;
	uint64_t code = (uintptr_t)the_executable_is_known;
	char path[64];
	uint8_t bytes[32];

	(void)state;
	test_init(&t);
	assert_null(procmaps_init(&t.maps, getpid()));
	assert_int_equal(syscall(SYS_capget, &header, had), 0);
	memcpy(none, had, sizeof(none));
	none[0].effective = none[1].effective = 0;
	assert_int_equal(syscall(SYS_capset, &header, none), 0);
	struct err *err = mapped_file_open(&t.target, &t.maps, procmaps_find(&t.maps, code), &t.mf);
	assert_int_equal(syscall(SYS_capset, &header, had), 0);
	assert_null(err);
	assert_true(t.mf->is_exe && t.mf->fd >= 0);
	snprintf(path, sizeof(path), "/proc/%d/exe", getpid());
	assert_string_equal(t.mf->path, path);
	assert_null(mem_read(&t.mf->mem, code, bytes, sizeof(bytes)));
	assert_memory_equal(bytes, (void *)code, sizeof(bytes));
	assert_int_equal(t.read_cnt, 0);
	test_fini(&t);
}

/* What is not a file is not opened: a device, by its name or by what it turns out to be. */
static void devices_are_not_opened(void **state)
{
	struct test t;
	struct procmap *m;

	(void)state;
	test_init(&t);
	open_permitted(&t);
	mapped_file_close(t.mf);
	m = (struct procmap *)procmaps_find(&t.maps, (uintptr_t)t.area);
	m->kind = PROCMAP_DEVICE; /* nothing else differs from a file */
	assert_null(mapped_file_open(&t.target, &t.maps, m, &t.mf));
	assert_int_equal(t.mf->fd, -1);
	expect_memory_read(&t, page, page);
	mapped_file_close(t.mf);
	procmaps_fini(&t.maps);

	int zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	assert_true(zero >= 0);
	assert_ptr_not_equal(mmap(t.area, page, PROT_READ, MAP_PRIVATE | MAP_FIXED, zero, 0),
			     MAP_FAILED);
	close(zero);
	open_mapped(&t);
	assert_int_equal(t.mf->mapping.kind, PROCMAP_PLAIN); /* it is memory like any other */
	assert_true(t.mf->mapping.inode != 0);
	assert_int_equal(t.mf->fd, -1);
	test_fini(&t);
}

static int open_files(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int cnt = 0;

	assert_non_null(dir);
	while (readdir(dir))
		cnt++;
	closedir(dir);
	return cnt;
}

static void no_file_is_left_open(void **state)
{
	struct test t;
	struct procmap *m;

	(void)state;
	test_init(&t);
	int before = open_files();
	open_permitted(&t);
	assert_true(fcntl(t.mf->fd, F_GETFD) & FD_CLOEXEC);
	mapped_file_close(t.mf);
	assert_int_equal(open_files(), before);
	m = (struct procmap *)procmaps_find(&t.maps, (uintptr_t)t.area);
	m->inode++;
	assert_null(mapped_file_open(&t.target, &t.maps, m, &t.mf));
	mapped_file_close(t.mf);
	assert_int_equal(open_files(), before);
	t.mf = NULL;
	test_fini(&t);
}

/* ---- failures ---- */

static void an_end_of_the_process_is_told(void **state)
{
	struct test t;
	char byte;

	(void)state;
	test_init(&t);
	map_file(&t, 0, PAGES, PROT_READ | PROT_WRITE, MAP_PRIVATE);
	t.area[page] = 1;
	open_permitted(&t);
	t.gone = true;
	_cleanup_err_ struct err *err = mem_read(&t.mf->mem, (uintptr_t)t.area + page, &byte, 1);
	assert_true(err_is(err, ERR_GONE));
	test_fini(&t);
}

/* The pagemap ends, as that of a process that has exited does. */
static void without_pagemap_memory_tells(void **state)
{
	struct test t;

	(void)state;
	test_init(&t);
	open_permitted(&t);
	pagemap_close(&t.mf->pagemap);
	t.mf->pagemap.fd = memfd_create("empty", 0);
	t.mf->pagemap.scans = false;
	expect_memory_read(&t, 100, 3 * page);
	t.mf->pagemap.scans = true; /* the ioctl fails */
	expect_memory_read(&t, 100, 3 * page);
	test_fini(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reading_maps_no_page),
		cmocka_unit_test(written_pages_come_from_memory),
		cmocka_unit_test(pages_are_asked_for_each_time),
		cmocka_unit_test(gathered_reads_are_the_same),
		cmocka_unit_test(only_private_mappings_of_the_file_are_it),
		cmocka_unit_test(what_memory_refuses_the_file_does_not_give),
		cmocka_unit_test(a_file_may_be_shorter_than_its_mapping),
		cmocka_unit_test(a_file_is_found_though_its_name_is_gone),
		cmocka_unit_test(another_file_is_not_taken),
		cmocka_unit_test(the_executable_is_known),
		cmocka_unit_test(the_executable_takes_no_capability),
		cmocka_unit_test(devices_are_not_opened),
		cmocka_unit_test(no_file_is_left_open),
		cmocka_unit_test(an_end_of_the_process_is_told),
		cmocka_unit_test(without_pagemap_memory_tells),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
