/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * elf_file.h - the file that the target's code comes from, through libelf.
 *
 * Everything we need works on stripped files; symbols are a shortcut where they exist. The file
 * is untrusted: libelf bounds its own reads, and we bound the rest.
 */
#ifndef MAPTRACE_PROCESS_ELF_FILE_H
#define MAPTRACE_PROCESS_ELF_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct elf_file;

/* Whether libelf may open the file: 64-bit, little-endian, and without more sections than any
 * honest program has. Reads its header alone. */
struct err *elf_file_check(int fd, const char *path);

/* Opens path. Close with elf_file_close(). */
struct err *elf_file_open(const char *path, struct elf_file **ret);
void elf_file_close(struct elf_file *ef);
DEFINE_CLEANUP_PTR(struct elf_file *, elf_file_close, cleanup_elf_file)
#define _cleanup_elf_file_ _cleanup_(cleanup_elf_file)

/* Its e_machine: EM_X86_64 and the like. */
uint16_t elf_file_machine(const struct elf_file *ef);

bool elf_file_has_symtab(const struct elf_file *ef);
bool elf_file_has_dwarf(const struct elf_file *ef);

/* The link-time address of a symbol; false when there is none of that name. */
bool elf_file_symbol(const struct elf_file *ef, const char *name, uint64_t *ret);

/* Called with a symbol of data and its link-time address; the name is valid until the file is
 * closed. Returns false to end the walk. */
typedef bool (*elf_data_symbol_fn)(void *ctx, const char *name, uint64_t addr, uint64_t size);

/* Walks the symbols of data that have a size, in the order of the table. */
void elf_file_walk_data(const struct elf_file *ef, elf_data_symbol_fn fn, void *ctx);

/* The link-time address of a file offset, by the PT_LOAD segments. */
bool elf_file_vaddr(const struct elf_file *ef, uint64_t offset, uint64_t *ret);

/* Reads up to len bytes of the file; *got_ret is less at its end. */
struct err *elf_file_pread(const struct elf_file *ef, uint64_t offset, void *buf, size_t len,
			   size_t *got_ret);

#endif
