// SPDX-License-Identifier: GPL-2.0-only
#include "process/debug_file.h"

#include <elfutils/libdwelf.h>
#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <limits.h>
#include <string.h>

#include "process/elf_file.h"

struct debug_file {
	int fd;
	Elf *elf;
	Dwarf *dwarf;
};

static struct err *debug_file_open_elf(struct debug_file *df, const char *path)
{
	elf_version(EV_CURRENT);
	df->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (df->fd < 0)
		return err_os(errno, "cannot open %s", path);
	struct err *err = elf_file_check(df->fd, path);
	if (err)
		return err;
	/* Not ELF_C_READ_MMAP: then hide_section() could not change section headers. */
	df->elf = elf_begin(df->fd, ELF_C_READ, NULL);
	if (!df->elf || elf_kind(df->elf) != ELF_K_ELF)
		return err_new(ERR_FORMAT, "elf: %s is not an ELF file", path);
	return NULL;
}

static void debug_file_reset(struct debug_file *df)
{
	if (df->dwarf)
		dwarf_end(df->dwarf);
	elf_end(df->elf);
	if (df->fd >= 0)
		close(df->fd);
	*df = (struct debug_file){ .fd = -1 };
}

/* ---- sections ---- */

static bool is_debug_section(const char *name)
{
	return !strncmp(name, ".debug_", 7) || !strncmp(name, ".zdebug_", 8) ||
	       !strcmp(name, ".gnu_debugaltlink");
}

/* Whether describing a type needs the section. The others are three quarters of the DWARF. */
static bool describes_types(const char *name)
{
	static const char *const names[] = {
		".debug_info",	   ".debug_abbrev",	 ".debug_str",
		".debug_line_str", ".debug_str_offsets",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(name, names[i]))
			return true;
	return false;
}

/* libdw unpacks every section that it knows when it opens the file, but passes over those without
 * bytes. */
static void hide_section(Elf_Scn *scn, GElf_Shdr *shdr)
{
	shdr->sh_type = SHT_NOBITS;
	gelf_update_shdr(scn, shdr);
}

static uint64_t unpacked_size(Elf_Scn *scn, const GElf_Shdr *shdr)
{
	GElf_Chdr chdr;

	if (!(shdr->sh_flags & SHF_COMPRESSED))
		return shdr->sh_size;
	return gelf_getchdr(scn, &chdr) ? chdr.ch_size : UINT64_MAX;
}

/* Hides all sections but those that describe types. Returns their unpacked size; 0 when
 * .debug_info is not among them. */
static uint64_t select_sections(Elf *elf, Elf_Scn **info_ret)
{
	size_t shstrndx;
	Elf_Scn *scn = NULL;
	uint64_t sum = 0;

	if (elf_getshdrstrndx(elf, &shstrndx) < 0)
		return 0;
	while ((scn = elf_nextscn(elf, scn))) {
		GElf_Shdr shdr;
		const char *name =
			gelf_getshdr(scn, &shdr) ? elf_strptr(elf, shstrndx, shdr.sh_name) : NULL;

		if (!name || shdr.sh_type == SHT_NOBITS || !is_debug_section(name))
			continue;
		bool is_info = !strcmp(name, ".debug_info");
		if (!describes_types(name) || (is_info && *info_ret)) {
			hide_section(scn, &shdr);
			continue;
		}
		if (is_info)
			*info_ret = scn;
		if (__builtin_add_overflow(sum, unpacked_size(scn, &shdr), &sum))
			sum = UINT64_MAX;
	}
	return *info_ret ? sum : 0;
}

/* Units end with a zero byte. libdw needs one after the strings inside of them. */
static bool ends_with_zero(Elf_Scn *info)
{
	Elf_Data *data = elf_getdata(info, NULL);

	return data && data->d_size && !((const char *)data->d_buf)[data->d_size - 1];
}

/* Opens the DWARF of df's own file; *has_ret tells whether it has any. */
static struct err *debug_file_open_dwarf(struct debug_file *df, uint64_t unpacked_max,
					 bool *has_ret)
{
	Elf_Scn *info = NULL;
	uint64_t size = select_sections(df->elf, &info);

	*has_ret = size > 0;
	if (!size)
		return err_new(ERR_UNSUPPORTED, "dwarf: the file has none");
	if (size > unpacked_max)
		return err_new(ERR_UNSUPPORTED, "dwarf: %llu bytes are too many to read",
			       (unsigned long long)size);
	df->dwarf = dwarf_begin_elf(df->elf, DWARF_C_READ, NULL);
	if (!df->dwarf)
		return err_new(ERR_FORMAT, "dwarf: %s", dwarf_errmsg(-1));
	if (!ends_with_zero(info))
		return err_new(ERR_FORMAT, "dwarf: .debug_info is cut off");
	return NULL;
}

/* ---- separate files ---- */

/* What the program says about its debug file. */
struct debug_link {
	const uint8_t *build_id; /* belongs to libelf */
	size_t build_id_len; /* 0: none */
	const char *name; /* NULL: none */
	uint32_t crc;
	char folder[PATH_MAX]; /* the program's folder */
};

static void read_build_id(Elf *elf, struct debug_link *ret)
{
	const void *id = NULL;
	ssize_t len = dwelf_elf_gnu_build_id(elf, &id);

	ret->build_id = id;
	ret->build_id_len = len > 0 ? len : 0;
}

/* A link in /proc tells the name of the file that was opened through it. */
static void read_folder(const char *path, struct debug_link *ret)
{
	ssize_t len = readlink(path, ret->folder, sizeof(ret->folder) - 1);

	if (len < 0)
		snprintf(ret->folder, sizeof(ret->folder), "%s", path);
	else
		ret->folder[len] = 0;

	char *slash = strrchr(ret->folder, '/');
	if (ret->folder[0] != '/' || !slash)
		ret->folder[0] = 0;
	else
		*slash = 0;
}

static struct debug_link debug_link_read(const char *path, Elf *elf)
{
	struct debug_link link = { .build_id = NULL };
	GElf_Word crc = 0;

	read_build_id(elf, &link);
	read_folder(path, &link);
	link.name = dwelf_elf_gnu_debuglink(elf, &crc);
	link.crc = crc;
	/* The name comes from the target: it must not lead to another folder. */
	if (link.name && (!*link.name || strchr(link.name, '/')))
		link.name = NULL;
	return link;
}

static uint32_t crc32_of(const uint8_t *data, size_t len, uint32_t crc)
{
	crc = ~crc;
	for (size_t i = 0; i < len; i++) {
		crc ^= data[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (0xedb88320u & -(crc & 1));
	}
	return ~crc;
}

static bool has_crc(int fd, uint32_t wanted)
{
	uint8_t buf[16384];
	uint32_t crc = 0;
	off_t at = 0;
	ssize_t len;

	while ((len = pread(fd, buf, sizeof(buf), at)) > 0) {
		crc = crc32_of(buf, len, crc);
		at += len;
	}
	return len == 0 && crc == wanted;
}

/* A debug file belongs to the program when their build ids are equal; without build ids, when the
 * checksum of the link is right. */
static bool debug_link_belongs(const struct debug_file *df, const struct debug_link *link)
{
	struct debug_link own = { .build_id = NULL };

	read_build_id(df->elf, &own);
	if (link->build_id_len && own.build_id_len)
		return link->build_id_len == own.build_id_len &&
		       !memcmp(link->build_id, own.build_id, own.build_id_len);
	return link->name && has_crc(df->fd, link->crc);
}

static bool build_id_path(const struct debug_link *link, const char *dir, char *ret)
{
	char hex[2 * 64 + 1];

	if (link->build_id_len < 2 || link->build_id_len > 64)
		return false;
	for (size_t i = 0; i < link->build_id_len; i++)
		snprintf(hex + 2 * i, 3, "%02x", link->build_id[i]);
	return snprintf(ret, PATH_MAX, "%s/.build-id/%.2s/%s.debug", dir, hex, hex + 2) < PATH_MAX;
}

static bool debuglink_path(const struct debug_link *link, const char *dir, char *ret)
{
	return link->name &&
	       snprintf(ret, PATH_MAX, "%s%s/%s", dir, link->folder, link->name) < PATH_MAX;
}

/* Puts the DWARF of the file at path into df, if that file belongs to the program. */
static struct err *debug_file_open_separate(struct debug_file *df, const char *path,
					    const struct debug_link *link, uint64_t unpacked_max)
{
	struct debug_file other = { .fd = -1 };
	bool has_dwarf;
	struct err *err = debug_file_open_elf(&other, path);

	if (!err && !debug_link_belongs(&other, link))
		err = err_new(ERR_UNSUPPORTED, "dwarf: %s is of another build", path);
	if (!err)
		err = debug_file_open_dwarf(&other, unpacked_max, &has_dwarf);
	if (err) {
		debug_file_reset(&other);
		return err;
	}
	debug_file_reset(df);
	*df = other;
	return NULL;
}

/* The program's own file has no DWARF, as err says: tries the separate ones. */
static struct err *debug_file_try_separate(struct debug_file *df, const char *path, const char *dir,
					   uint64_t unpacked_max, struct err *err)
{
	struct debug_link link = debug_link_read(path, df->elf);
	char other[PATH_MAX];

	for (int way = 0; err && way < 2; way++) {
		if (!(way ? debuglink_path : build_id_path)(&link, dir, other))
			continue;
		struct err *why = debug_file_open_separate(df, other, &link, unpacked_max);
		/* That a file does not exist says less than the first message. */
		if (why && why->os_errno == ENOENT) {
			err_free(why);
			continue;
		}
		err_free(err);
		err = why;
	}
	return err;
}

/* ---- */

static struct err *debug_file_init(struct debug_file *df, const char *path, const char *dir,
				   uint64_t unpacked_max)
{
	bool has_dwarf;
	struct err *err = debug_file_open_elf(df, path);

	if (err)
		return err;
	err = debug_file_open_dwarf(df, unpacked_max, &has_dwarf);
	return err && !has_dwarf ? debug_file_try_separate(df, path, dir, unpacked_max, err) : err;
}

struct err *debug_file_open(const char *path, const char *dir, uint64_t unpacked_max,
			    struct debug_file **ret)
{
	struct debug_file *df = calloc(1, sizeof(*df));

	if (!df)
		return err_nomem();
	df->fd = -1;
	struct err *err = debug_file_init(df, path, dir, unpacked_max);
	if (err) {
		debug_file_close(df);
		return err;
	}
	*ret = df;
	return NULL;
}

bool debug_file_find(const char *path, const char *dir, char ret[PATH_MAX])
{
	struct debug_file own = { .fd = -1 };
	struct err *err = debug_file_open_elf(&own, path);
	bool found = false;

	for (int way = 0; !err && !found && way < 2; way++) {
		struct debug_link link = debug_link_read(path, own.elf);
		struct debug_file other = { .fd = -1 };

		if (!(way ? debuglink_path : build_id_path)(&link, dir, ret))
			continue;
		struct err *why = debug_file_open_elf(&other, ret);
		found = !why && debug_link_belongs(&other, &link);
		err_free(why);
		debug_file_reset(&other);
	}
	err_free(err);
	debug_file_reset(&own);
	return found;
}

void debug_file_close(struct debug_file *df)
{
	if (!df)
		return;
	debug_file_reset(df);
	free(df);
}

Dwarf *debug_file_dwarf(struct debug_file *df)
{
	return df->dwarf;
}
