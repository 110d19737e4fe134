// SPDX-License-Identifier: GPL-2.0-only
#include <elf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "process/elf_file.h"

/* A small file: two segments, three symbols, an empty .debug_info. */
struct file {
	Elf64_Ehdr ehdr;
	Elf64_Phdr phdrs[2];
	Elf64_Shdr shdrs[5];
	Elf64_Sym syms[4];
	char strtab[64];
	char shstrtab[64];
};

enum { NAME_MHEAP = 1, NAME_ALLP = 16, NAME_UNDEF = 29 };

static struct file good_file(void)
{
	struct file f = {
		.ehdr = {
			.e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB,
				     EV_CURRENT },
			.e_type = ET_DYN,
			.e_machine = EM_X86_64,
			.e_version = EV_CURRENT,
			.e_phoff = offsetof(struct file, phdrs),
			.e_shoff = offsetof(struct file, shdrs),
			.e_ehsize = sizeof(Elf64_Ehdr),
			.e_phentsize = sizeof(Elf64_Phdr),
			.e_phnum = 2,
			.e_shentsize = sizeof(Elf64_Shdr),
			.e_shnum = 5,
			.e_shstrndx = 4,
		},
		.phdrs = {
			{ .p_type = PT_LOAD, .p_offset = 0, .p_vaddr = 0x400000, .p_filesz = 0x1000 },
			/* Begins inside a page, as external linkers have it. */
			{ .p_type = PT_LOAD, .p_offset = 0x2e10, .p_vaddr = 0x603e10,
			  .p_filesz = 0x500 },
		},
		.shdrs = {
			{ 0 },
			{ .sh_name = 1, .sh_type = SHT_SYMTAB,
			  .sh_offset = offsetof(struct file, syms),
			  .sh_size = 4 * sizeof(Elf64_Sym), .sh_link = 2,
			  .sh_entsize = sizeof(Elf64_Sym) },
			{ .sh_name = 9, .sh_type = SHT_STRTAB,
			  .sh_offset = offsetof(struct file, strtab), .sh_size = 64 },
			{ .sh_name = 17, .sh_type = SHT_PROGBITS,
			  .sh_offset = offsetof(struct file, strtab), .sh_size = 1 },
			{ .sh_name = 29, .sh_type = SHT_STRTAB,
			  .sh_offset = offsetof(struct file, shstrtab), .sh_size = 64 },
		},
		.syms = {
			{ 0 },
			{ .st_name = NAME_UNDEF },
			{ .st_name = NAME_MHEAP, .st_value = 0x604000 },
			{ .st_name = NAME_ALLP, .st_value = 0x604100 },
		},
		.strtab = "\0runtime.mheap_\0runtime.allp\0memcpy",
		.shstrtab = "\0.symtab\0.strtab\0.debug_info\0.shstrtab",
	};

	return f;
}

static struct err *open_bytes(const void *bytes, size_t len, struct elf_file **ret)
{
	int fd = memfd_create("elf", MFD_CLOEXEC);
	char path[64];

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, len), len);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	struct err *err = elf_file_open(path, ret);
	close(fd);
	return err;
}

static struct elf_file *open_file(const struct file *f)
{
	struct elf_file *ef = NULL;
	struct err *err = open_bytes(f, sizeof(*f), &ef);

	if (err)
		fail_msg("%s", err->msg);
	return ef;
}

static void tells_machine_symtab_and_dwarf(void **state)
{
	struct file f = good_file();
	struct elf_file *ef = open_file(&f);

	(void)state;
	assert_int_equal(elf_file_machine(ef), EM_X86_64);
	assert_true(elf_file_has_symtab(ef));
	assert_true(elf_file_has_dwarf(ef));
	elf_file_close(ef);

	f.ehdr.e_machine = EM_AARCH64;
	f.shdrs[1].sh_type = SHT_NULL;
	f.shdrs[3].sh_name = 1;
	ef = open_file(&f);
	assert_int_equal(elf_file_machine(ef), EM_AARCH64);
	assert_false(elf_file_has_symtab(ef));
	assert_false(elf_file_has_dwarf(ef));
	elf_file_close(ef);

	f.ehdr.e_machine = EM_RISCV;
	ef = open_file(&f);
	assert_int_equal(elf_file_machine(ef), EM_RISCV);
	elf_file_close(ef);
}

static void finds_symbols(void **state)
{
	struct file f = good_file();
	struct elf_file *ef = open_file(&f);
	uint64_t addr = 7;

	(void)state;
	assert_true(elf_file_symbol(ef, "runtime.allp", &addr));
	assert_true(addr == 0x604100);
	assert_true(elf_file_symbol(ef, "runtime.mheap_", &addr));
	assert_true(addr == 0x604000);
	addr = 7;
	assert_false(elf_file_symbol(ef, "runtime.mheap", &addr));
	assert_false(elf_file_symbol(ef, "memcpy", &addr)); /* it is not defined here */
	assert_false(elf_file_symbol(ef, "", &addr));
	assert_int_equal(addr, 7);
	elf_file_close(ef);
}

static void stripped_files_have_none(void **state)
{
	struct file f = good_file();
	uint64_t addr;

	(void)state;
	f.ehdr.e_shoff = 0;
	f.ehdr.e_shnum = 0;
	f.ehdr.e_shstrndx = 0;
	struct elf_file *ef = open_file(&f);
	assert_false(elf_file_has_symtab(ef));
	assert_false(elf_file_has_dwarf(ef));
	assert_false(elf_file_symbol(ef, "runtime.allp", &addr));
	elf_file_close(ef);
}

/* With a symbol size of 0 there is nothing to divide by. */
static void symbols_have_a_size(void **state)
{
	struct file f = good_file();
	uint64_t addr;

	(void)state;
	f.shdrs[1].sh_entsize = 0;
	struct elf_file *ef = open_file(&f);
	assert_false(elf_file_symbol(ef, "runtime.allp", &addr));
	elf_file_close(ef);
}

static void offsets_become_addresses(void **state)
{
	static const struct {
		uint64_t offset, vaddr;
	} rows[] = {
		{ 0, 0x400000 },      { 0xfff, 0x400fff }, { 0x2e10, 0x603e10 },
		{ 0x2000, 0x603000 }, /* where the mapping of that page starts */
		{ 0x330f, 0x60430f },
	};
	static const uint64_t outside[] = { 0x1000, 0x1fff, 0x3310, UINT64_MAX };
	struct file f = good_file();
	struct elf_file *ef = open_file(&f);
	uint64_t addr;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_true(elf_file_vaddr(ef, rows[i].offset, &addr));
		assert_true(addr == rows[i].vaddr);
	}
	for (size_t i = 0; i < sizeof(outside) / sizeof(outside[0]); i++)
		assert_false(elf_file_vaddr(ef, outside[i], &addr));
	elf_file_close(ef);
}

static void reads_up_to_the_end(void **state)
{
	struct file f = good_file();
	struct elf_file *ef = open_file(&f);
	uint8_t buf[64];
	size_t got = 0;

	(void)state;
	assert_null(elf_file_pread(ef, 0, buf, sizeof(buf), &got));
	assert_int_equal(got, sizeof(buf));
	assert_memory_equal(buf, &f, sizeof(buf));
	assert_null(elf_file_pread(ef, sizeof(f) - 10, buf, sizeof(buf), &got));
	assert_int_equal(got, 10);
	assert_null(elf_file_pread(ef, sizeof(f) + 10, buf, sizeof(buf), &got));
	assert_int_equal(got, 0);
	elf_file_close(ef);
}

static void other_files_are_refused(void **state)
{
	struct file f = good_file();
	struct elf_file *ef = NULL;

	(void)state;
	_cleanup_err_ struct err *none = elf_file_open("/nonexistent/file", &ef);
	assert_true(err_is(none, ERR_OS));
	_cleanup_err_ struct err *empty = open_bytes("", 0, &ef);
	assert_true(err_is(empty, ERR_FORMAT));
	_cleanup_err_ struct err *script = open_bytes("#!/bin/sh\nexit\n", 15, &ef);
	assert_true(err_is(script, ERR_FORMAT));
	_cleanup_err_ struct err *cut = open_bytes(&f, 40, &ef);
	assert_true(err_is(cut, ERR_FORMAT));
	f.ehdr.e_ident[EI_CLASS] = ELFCLASS32;
	_cleanup_err_ struct err *narrow = open_bytes(&f, sizeof(f), &ef);
	assert_true(err_is(narrow, ERR_UNSUPPORTED));
	assert_null(ef);
}

/* Sets every byte of the headers to ff, one at a time, and cuts the file at every place. */
static void hostile_files_do_no_harm(void **state)
{
	struct file f = good_file();
	size_t headers = offsetof(struct file, strtab);

	(void)state;
	for (size_t i = 0; i < 2 * headers; i++) {
		struct file bad = f;
		struct elf_file *ef = NULL;
		size_t len = i < headers ? sizeof(bad) : i - headers;
		uint64_t addr;
		uint8_t byte;
		size_t got;

		if (i < headers)
			((uint8_t *)&bad)[i] = 0xff;
		_cleanup_err_ struct err *err = open_bytes(&bad, len, &ef);
		if (err)
			continue;
		elf_file_symbol(ef, "runtime.allp", &addr);
		elf_file_vaddr(ef, 0x2e10, &addr);
		err_free(elf_file_pread(ef, 0, &byte, 1, &got));
		elf_file_close(ef);
	}
}

struct seen {
	char names[64];
	uint64_t addr;
	uint64_t size;
	bool stop;
};

static bool see_symbol(void *ctx, const char *name, uint64_t addr, uint64_t size)
{
	struct seen *seen = ctx;

	strcat(seen->names, name);
	strcat(seen->names, " ");
	seen->addr = addr;
	seen->size = size;
	return !seen->stop;
}

static void walks_symbols_of_data_that_have_a_size(void **state)
{
	struct file f = good_file();
	struct seen seen = { .stop = false }, first = { .stop = true };

	(void)state;
	for (size_t i = 1; i < 4; i++)
		f.syms[i].st_info = ELF64_ST_INFO(STB_GLOBAL, STT_OBJECT);
	f.syms[1].st_size = 8; /* it has no address */
	f.syms[2].st_size = 8;
	f.syms[3].st_size = 24;
	struct elf_file *ef = open_file(&f);
	elf_file_walk_data(ef, see_symbol, &seen);
	assert_string_equal(seen.names, "runtime.mheap_ runtime.allp ");
	assert_true(seen.addr == 0x604100 && seen.size == 24);
	elf_file_walk_data(ef, see_symbol, &first);
	assert_string_equal(first.names, "runtime.mheap_ ");
	elf_file_close(ef);

	seen.names[0] = '\0';
	f.syms[2].st_info = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC);
	f.syms[3].st_size = 0;
	ef = open_file(&f);
	elf_file_walk_data(ef, see_symbol, &seen);
	assert_string_equal(seen.names, "");
	elf_file_close(ef);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tells_machine_symtab_and_dwarf),
		cmocka_unit_test(finds_symbols),
		cmocka_unit_test(stripped_files_have_none),
		cmocka_unit_test(symbols_have_a_size),
		cmocka_unit_test(offsets_become_addresses),
		cmocka_unit_test(reads_up_to_the_end),
		cmocka_unit_test(other_files_are_refused),
		cmocka_unit_test(hostile_files_do_no_harm),
		cmocka_unit_test(walks_symbols_of_data_that_have_a_size),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
