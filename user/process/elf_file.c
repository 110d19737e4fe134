// SPDX-License-Identifier: GPL-2.0-only
#include "process/elf_file.h"

#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <string.h>

struct elf_file {
	int fd;
	Elf *elf;
	uint16_t machine;
	Elf_Scn *symtab;
	bool has_dwarf;
};

enum {
	/* libelf keeps 200 bytes for each section when it opens a file, and reads a section as a
	 * whole, also one that is a hole in a sparse file. The largest Go programs have 50
	 * sections, names of 1 KiB for them, and 20 MiB of symbols. */
	SECTIONS_MAX = 1024,
	SECTION_NAMES_MAX = 64 << 10,
	SYMBOLS_SZ_MAX = 256 << 20,
};

struct err *elf_file_check(int fd, const char *path)
{
	Elf64_Ehdr ehdr;
	Elf64_Shdr first = { 0 };

	if (pread(fd, &ehdr, sizeof(ehdr), 0) != sizeof(ehdr) ||
	    memcmp(ehdr.e_ident, ELFMAG, SELFMAG) != 0)
		return err_new(ERR_FORMAT, "elf: %s is not an ELF file", path);
	if (ehdr.e_ident[EI_CLASS] != ELFCLASS64 || ehdr.e_ident[EI_DATA] != ELFDATA2LSB)
		return err_new(ERR_UNSUPPORTED, "elf: %s is not 64-bit little-endian", path);
	/* With 0 in the header the first section has the number. */
	if (ehdr.e_shoff && !ehdr.e_shnum &&
	    pread(fd, &first, sizeof(first), ehdr.e_shoff) != sizeof(first))
		return err_new(ERR_FORMAT, "elf: %s has no section table", path);
	if (ehdr.e_shnum > SECTIONS_MAX || first.sh_size > SECTIONS_MAX)
		return err_new(ERR_FORMAT, "elf: %s has too many sections", path);
	return NULL;
}

static bool elf_name_is(const char *name, const char *wanted)
{
	return name && !strcmp(name, wanted);
}

static uint64_t elf_section_size(Elf *elf, size_t nr)
{
	Elf_Scn *scn = elf_getscn(elf, nr);
	GElf_Shdr shdr;

	return scn && gelf_getshdr(scn, &shdr) ? shdr.sh_size : UINT64_MAX;
}

static struct err *elf_file_scan_sections(struct elf_file *ef)
{
	size_t shstrndx;
	Elf_Scn *scn = NULL;

	if (elf_getshdrstrndx(ef->elf, &shstrndx) < 0 ||
	    elf_section_size(ef->elf, shstrndx) > SECTION_NAMES_MAX)
		return NULL; /* there is no section table: fully stripped */
	while ((scn = elf_nextscn(ef->elf, scn))) {
		GElf_Shdr shdr;

		if (!gelf_getshdr(scn, &shdr))
			continue;
		const char *name = elf_strptr(ef->elf, shstrndx, shdr.sh_name);
		if (shdr.sh_type == SHT_SYMTAB && shdr.sh_entsize &&
		    shdr.sh_size <= SYMBOLS_SZ_MAX &&
		    elf_section_size(ef->elf, shdr.sh_link) <= SYMBOLS_SZ_MAX)
			ef->symtab = scn;
		ef->has_dwarf |= elf_name_is(name, ".debug_info") && shdr.sh_type == SHT_PROGBITS;
	}
	return NULL;
}

static struct err *elf_file_init(struct elf_file *ef, const char *path)
{
	GElf_Ehdr ehdr;

	elf_version(EV_CURRENT);
	ef->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (ef->fd < 0)
		return err_os(errno, "cannot open %s", path);
	struct err *err = elf_file_check(ef->fd, path);
	if (err)
		return err;
	ef->elf = elf_begin(ef->fd, ELF_C_READ, NULL);
	if (!ef->elf || elf_kind(ef->elf) != ELF_K_ELF || !gelf_getehdr(ef->elf, &ehdr))
		return err_new(ERR_FORMAT, "elf: %s is not an ELF file", path);
	if (gelf_getclass(ef->elf) != ELFCLASS64 || ehdr.e_ident[EI_DATA] != ELFDATA2LSB)
		return err_new(ERR_UNSUPPORTED, "elf: %s is not 64-bit little-endian", path);
	ef->machine = ehdr.e_machine;
	return elf_file_scan_sections(ef);
}

struct err *elf_file_open(const char *path, struct elf_file **ret)
{
	struct elf_file *ef = calloc(1, sizeof(*ef));

	if (!ef)
		return err_nomem();
	ef->fd = -1;
	struct err *err = elf_file_init(ef, path);
	if (err) {
		elf_file_close(ef);
		return err;
	}
	*ret = ef;
	return NULL;
}

void elf_file_close(struct elf_file *ef)
{
	if (!ef)
		return;
	elf_end(ef->elf);
	if (ef->fd >= 0)
		close(ef->fd);
	free(ef);
}

uint16_t elf_file_machine(const struct elf_file *ef)
{
	return ef->machine;
}

bool elf_file_has_symtab(const struct elf_file *ef)
{
	return ef->symtab != NULL;
}

bool elf_file_has_dwarf(const struct elf_file *ef)
{
	return ef->has_dwarf;
}

bool elf_file_symbol(const struct elf_file *ef, const char *name, uint64_t *ret)
{
	GElf_Shdr shdr;
	Elf_Data *data = ef->symtab ? elf_getdata(ef->symtab, NULL) : NULL;

	if (!data || !gelf_getshdr(ef->symtab, &shdr))
		return false;
	size_t cnt = shdr.sh_size / shdr.sh_entsize;
	for (size_t i = 0; i < cnt; i++) {
		GElf_Sym sym;

		if (!gelf_getsym(data, i, &sym))
			return false;
		if (sym.st_value &&
		    elf_name_is(elf_strptr(ef->elf, shdr.sh_link, sym.st_name), name)) {
			*ret = sym.st_value;
			return true;
		}
	}
	return false;
}

void elf_file_walk_data(const struct elf_file *ef, elf_data_symbol_fn fn, void *ctx)
{
	GElf_Shdr shdr;
	Elf_Data *data = ef->symtab ? elf_getdata(ef->symtab, NULL) : NULL;

	if (!data || !gelf_getshdr(ef->symtab, &shdr))
		return;
	size_t cnt = shdr.sh_size / shdr.sh_entsize;
	for (size_t i = 0; i < cnt; i++) {
		GElf_Sym sym;

		if (!gelf_getsym(data, i, &sym))
			return;
		if (GELF_ST_TYPE(sym.st_info) != STT_OBJECT || !sym.st_value || !sym.st_size)
			continue;
		const char *name = elf_strptr(ef->elf, shdr.sh_link, sym.st_name);
		if (name && *name && !fn(ctx, name, sym.st_value, sym.st_size))
			return;
	}
}

bool elf_file_vaddr(const struct elf_file *ef, uint64_t offset, uint64_t *ret)
{
	size_t cnt;

	if (elf_getphdrnum(ef->elf, &cnt) < 0)
		return false;
	for (size_t i = 0; i < cnt; i++) {
		GElf_Phdr ph;

		if (!gelf_getphdr(ef->elf, i, &ph) || ph.p_type != PT_LOAD)
			continue;
		/* Mappings start at page boundaries, segments need not. */
		uint64_t slack = ph.p_offset % 4096;
		if (offset >= ph.p_offset - slack && offset < ph.p_offset + ph.p_filesz) {
			*ret = ph.p_vaddr - ph.p_offset + offset;
			return true;
		}
	}
	return false;
}

struct err *elf_file_pread(const struct elf_file *ef, uint64_t offset, void *buf, size_t len,
			   size_t *got_ret)
{
	ssize_t n = pread(ef->fd, buf, len, offset);

	if (n < 0)
		return err_os(errno, "elf: reading the target's file");
	*got_ret = n;
	return NULL;
}
