// SPDX-License-Identifier: GPL-2.0-only
#include "process/gofile.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"

enum {
	GOFILE_SECTIONS_MAX = 4096,
	GOFILE_SEGMENTS_MAX = 64,
	GOFILE_NAMES_MAX = 1 << 20,
	/* The linker puts the block at the start of the writable data (Go source:
	 * debug/buildinfo/buildinfo.go). */
	GOFILE_SCAN_MAX = 1 << 20,
};
_Static_assert(GOFILE_SECTIONS_MAX * sizeof(Elf64_Shdr) + GOFILE_NAMES_MAX + GOFILE_SCAN_MAX +
			       BUILDINFO_MAX <=
		       GOFILE_READ_MAX,
	       "the header says how much is read at most");

/* Where the block of build info may be: offsets in the file. */
struct gofile_place {
	uint64_t off;
	uint64_t len;
};

/* Reads up to len bytes into memory that the caller frees; NULL: none. */
static uint8_t *gofile_load(int fd, uint64_t off, size_t len, size_t *got_ret)
{
	_cleanup_free_ uint8_t *buf = len ? malloc(len) : NULL;
	ssize_t n = buf && off <= INT64_MAX ? pread(fd, buf, len, (off_t)off) : -1;

	if (n <= 0)
		return NULL;
	*got_ret = (size_t)n;
	return_ptr(buf);
}

static bool gofile_read_header(int fd, Elf64_Ehdr *ret)
{
	return pread(fd, ret, sizeof(*ret), 0) == sizeof(*ret) &&
	       !memcmp(ret->e_ident, ELFMAG, SELFMAG) && ret->e_ident[EI_CLASS] == ELFCLASS64 &&
	       ret->e_ident[EI_DATA] == ELFDATA2LSB;
}

static bool gofile_name_is(const uint8_t *names, size_t len, uint32_t off, const char *name)
{
	size_t need = strlen(name) + 1;

	return off < len && len - off >= need && !memcmp(names + off, name, need);
}

/* Looks through the table of sections. False: the file has none. */
static bool gofile_find_section(int fd, const Elf64_Ehdr *eh, struct gofile *ret,
				struct gofile_place *place)
{
	size_t cnt = eh->e_shnum < GOFILE_SECTIONS_MAX ? eh->e_shnum : GOFILE_SECTIONS_MAX;
	size_t got = 0, names_len = 0;

	if (eh->e_shentsize != sizeof(Elf64_Shdr) || eh->e_shstrndx >= cnt)
		return false;
	_cleanup_free_ uint8_t *raw = gofile_load(fd, eh->e_shoff, cnt * sizeof(Elf64_Shdr), &got);
	if (!raw || got / sizeof(Elf64_Shdr) < cnt)
		return false;

	const Elf64_Shdr *sections = (const Elf64_Shdr *)raw;
	const Elf64_Shdr *names_at = &sections[eh->e_shstrndx];
	_cleanup_free_ uint8_t *names = gofile_load(
		fd, names_at->sh_offset,
		names_at->sh_size < GOFILE_NAMES_MAX ? names_at->sh_size : GOFILE_NAMES_MAX,
		&names_len);

	for (size_t i = 0; names && i < cnt; i++) {
		const Elf64_Shdr *s = &sections[i];

		if (s->sh_type == SHT_SYMTAB && s->sh_size)
			ret->stripped = false;
		else if (gofile_name_is(names, names_len, s->sh_name, ".go.buildinfo"))
			*place = (struct gofile_place){ s->sh_offset, s->sh_size };
	}
	return place->len;
}

/* The first writable segment: the block is near its start. */
static bool gofile_find_segment(int fd, const Elf64_Ehdr *eh, struct gofile_place *place)
{
	size_t cnt = eh->e_phnum < GOFILE_SEGMENTS_MAX ? eh->e_phnum : GOFILE_SEGMENTS_MAX;
	size_t got = 0;

	if (eh->e_phentsize != sizeof(Elf64_Phdr))
		return false;
	_cleanup_free_ uint8_t *raw = gofile_load(fd, eh->e_phoff, cnt * sizeof(Elf64_Phdr), &got);
	const Elf64_Phdr *segments = (const Elf64_Phdr *)raw;

	for (size_t i = 0; raw && i < got / sizeof(Elf64_Phdr); i++)
		if (segments[i].p_type == PT_LOAD && (segments[i].p_flags & PF_W)) {
			*place =
				(struct gofile_place){ segments[i].p_offset, segments[i].p_filesz };
			return true;
		}
	return false;
}

static void gofile_parse(int fd, uint64_t off, struct gofile *ret)
{
	size_t got = 0;
	_cleanup_free_ uint8_t *block = gofile_load(fd, off, BUILDINFO_MAX, &got);
	struct err *err = block ? buildinfo_parse(block, got, &ret->build) : err_nomem();

	ret->version_known = !err;
	err_free(err);
}

struct gofile gofile_read(int fd)
{
	struct gofile ret = { .stripped = true };
	struct gofile_place place = { 0 };
	Elf64_Ehdr eh;
	size_t got = 0;

	if (!gofile_read_header(fd, &eh) ||
	    (!gofile_find_section(fd, &eh, &ret, &place) && !gofile_find_segment(fd, &eh, &place)))
		return ret;
	_cleanup_free_ uint8_t *data = gofile_load(
		fd, place.off, place.len < GOFILE_SCAN_MAX ? place.len : GOFILE_SCAN_MAX, &got);

	for (size_t i = 0; data && i < got && !ret.is_go; i += BUILDINFO_ALIGN)
		if (buildinfo_is_magic(data + i, got - i)) {
			ret.is_go = true;
			gofile_parse(fd, place.off + i, &ret);
		}
	return ret;
}
