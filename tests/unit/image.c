// SPDX-License-Identifier: GPL-2.0-only
#include "image.h"

#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "heap/ptrbits.h"
#include "heap/sizeclass.h"

enum {
	SPAN_BITS_SZ = 128, /* pointer bits at the end of a one-page span */
	INLINE_MARKS_SZ = 128,
	INLINE_MARKS_OFF = 64,
	META_STRIDE = 4 << 20, /* room for the largest heapArena */
	MSPAN_STRIDE = 256,
	BITMAP_STRIDE = 1024,
	ARENAS_MAX = 4,
	TEXT_OFF = 0x18000, /* names and masks, in the type section */

	KIND_MAP = 21,
	KIND_INT = 2,
	KIND_STRUCT = 25,
	KIND_DIRECT_IFACE = 0x20, /* up to 1.25 */
	TFLAG_EXTRA_STAR = 2,
	TFLAG_NAMED = 4,
};

/* ---- Memory ---- */

static size_t page_slot(const struct image *img, uint64_t addr)
{
	size_t lo = 0, hi = img->pages.len;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (img->pages.data[mid].addr < addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static uint8_t *page_find(const struct image *img, uint64_t addr)
{
	uint64_t base = addr & ~(uint64_t)(IMAGE_PAGE_SZ - 1);
	size_t at = page_slot(img, base);

	return at < img->pages.len && img->pages.data[at].addr == base ? img->pages.data[at].bytes
								       : NULL;
}

static uint8_t *page_add(struct image *img, uint64_t addr)
{
	uint64_t base = addr & ~(uint64_t)(IMAGE_PAGE_SZ - 1);
	uint8_t *bytes = page_find(img, base);

	if (bytes)
		return bytes;
	size_t at = page_slot(img, base);
	bytes = calloc(1, IMAGE_PAGE_SZ);
	assert_non_null(bytes);
	assert_true(vec_push(&img->pages, ((struct image_page){ 0 })));
	memmove(&img->pages.data[at + 1], &img->pages.data[at],
		(img->pages.len - 1 - at) * sizeof(*img->pages.data));
	img->pages.data[at] = (struct image_page){ .addr = base, .bytes = bytes };
	return bytes;
}

void image_write(struct image *img, uint64_t addr, const void *src, size_t len)
{
	while (len) {
		size_t off = addr % IMAGE_PAGE_SZ;
		size_t n = IMAGE_PAGE_SZ - off < len ? IMAGE_PAGE_SZ - off : len;

		memcpy(page_add(img, addr) + off, src, n);
		addr += n;
		src = (const char *)src + n;
		len -= n;
	}
}

void image_u64(struct image *img, uint64_t addr, uint64_t v)
{
	image_write(img, addr, &v, sizeof(v));
}

void image_u32(struct image *img, uint64_t addr, uint32_t v)
{
	image_write(img, addr, &v, sizeof(v));
}

void image_u16(struct image *img, uint64_t addr, uint16_t v)
{
	image_write(img, addr, &v, sizeof(v));
}

void image_u8(struct image *img, uint64_t addr, uint8_t v)
{
	image_write(img, addr, &v, sizeof(v));
}

/* False when a byte of the range is not mapped. */
static bool copy_out(const struct image *img, uint64_t addr, void *dst, size_t len)
{
	if (addr > UINT64_MAX - len)
		return false;
	while (len) {
		size_t off = addr % IMAGE_PAGE_SZ;
		size_t n = IMAGE_PAGE_SZ - off < len ? IMAGE_PAGE_SZ - off : len;
		const uint8_t *page = page_find(img, addr);

		if (!page)
			return false;
		memcpy(dst, page + off, n);
		addr += n;
		dst = (char *)dst + n;
		len -= n;
	}
	return true;
}

uint64_t image_get_u64(struct image *img, uint64_t addr)
{
	uint64_t v = 0;

	assert_true(copy_out(img, addr, &v, sizeof(v)));
	return v;
}

uint8_t image_get_u8(struct image *img, uint64_t addr)
{
	uint8_t v = 0;

	assert_true(copy_out(img, addr, &v, sizeof(v)));
	return v;
}

void image_zero(struct image *img, uint64_t addr, uint64_t len)
{
	static const uint8_t zeroes[IMAGE_PAGE_SZ];

	while (len) {
		uint64_t n = len < sizeof(zeroes) ? len : sizeof(zeroes);

		image_write(img, addr, zeroes, n);
		addr += n;
		len -= n;
	}
}

void image_unmap(struct image *img, uint64_t addr, uint64_t len)
{
	size_t kept = 0;

	for (size_t i = 0; i < img->pages.len; i++) {
		struct image_page page = img->pages.data[i];

		if (page.addr >= addr && page.addr < addr + len)
			free(page.bytes);
		else
			img->pages.data[kept++] = page;
	}
	img->pages.len = kept;
}

bool image_covers(const struct mem_req *req, uint64_t addr)
{
	return addr >= req->addr && addr - req->addr < req->len;
}

/* A failed read leaves rubbish behind, as a partial one does. */
static struct err *read_reqs(struct mem *mem, struct mem_req *reqs, size_t n)
{
	struct image *img = mem->ctx;

	mem->call_cnt++;
	if (img->gone)
		return err_new(ERR_GONE, "the process has exited");
	for (size_t i = 0; i < n; i++) {
		img->reads++;
		if (img->hook)
			img->hook(img, &reqs[i]);
		reqs[i].ok = copy_out(img, reqs[i].addr, reqs[i].dst, reqs[i].len);
		if (!reqs[i].ok)
			memset(reqs[i].dst, 0xa5, reqs[i].len);
		else
			mem->bytes_read += reqs[i].len;
	}
	return NULL;
}

/* ---- The file behind the process ---- */

struct elf_image {
	Elf64_Ehdr ehdr;
	Elf64_Phdr load;
	Elf64_Shdr shdrs[3];
	Elf64_Sym syms[4];
	char strtab[48];
};

/* An ELF file with the symbols that the heap needs, loaded without a bias. */
static void add_elf(struct image *img, uint64_t mheap, uint64_t allp)
{
	struct elf_image e = {
		.ehdr = {
			.e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB,
				     EV_CURRENT },
			.e_type = ET_EXEC,
			.e_machine = EM_X86_64,
			.e_version = EV_CURRENT,
			.e_phoff = offsetof(struct elf_image, load),
			.e_shoff = offsetof(struct elf_image, shdrs),
			.e_ehsize = sizeof(Elf64_Ehdr),
			.e_phentsize = sizeof(Elf64_Phdr),
			.e_phnum = 1,
			.e_shentsize = sizeof(Elf64_Shdr),
			.e_shnum = 3,
		},
		.load = {
			.p_type = PT_LOAD,
			.p_offset = 0,
			.p_vaddr = 0x400000,
			.p_filesz = 0x2000,
		},
		.shdrs = {
			{ 0 },
			{
				.sh_type = SHT_SYMTAB,
				.sh_offset = offsetof(struct elf_image, syms),
				.sh_size = sizeof(e.syms),
				.sh_link = 2,
				.sh_entsize = sizeof(Elf64_Sym),
			},
			{
				.sh_type = SHT_STRTAB,
				.sh_offset = offsetof(struct elf_image, strtab),
				.sh_size = sizeof(e.strtab),
			},
		},
		.syms = {
			{ 0 },
			{ .st_name = 1, .st_value = mheap },
			{ .st_name = 16, .st_value = allp },
			{ .st_name = 29, .st_value = IMAGE_ALLGS },
		},
		.strtab = "\0runtime.mheap_\0runtime.allp\0runtime.allgs",
	};
	int fd = memfd_create("image", MFD_CLOEXEC);
	char path[64];

	assert_true(fd >= 0);
	assert_int_equal(write(fd, &e, sizeof(e)), sizeof(e));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	assert_null(elf_file_open(path, &img->prog.elf));
	img->prog.arch = arch_find(elf_file_machine(img->prog.elf));
	close(fd);
	img->prog.image.file = (struct procmap){
		.start = IMAGE_TEXT, .end = IMAGE_TEXT + 0x1000, .offset = 0x1000, .inode = 1
	};
}

/* A function table without functions. */
static void add_pclntab(struct image *img)
{
	struct moduledata md = {
		.text = IMAGE_TEXT,
		.etext = IMAGE_TEXT + 0x1000,
		.funcnametab = IMAGE_PCLNTAB,
		.pclntable = IMAGE_PCLNTAB,
		.pclntable_len = 8,
		.ftab_cnt = 1,
		.types = IMAGE_TYPES,
		.etypes = IMAGE_TYPES + IMAGE_TYPES_SZ,
	};

	image_zero(img, IMAGE_PCLNTAB, 8);
	img->prog.md = md;
	assert_null(pclntab_new(&img->target.mem, &md, &img->prog.funcs));
}

static struct image *new_image(unsigned int minor, const char *experiments, uint64_t mheap,
			       uint64_t allp)
{
	struct image *img = calloc(1, sizeof(*img));

	assert_non_null(img);
	img->target.mem = (struct mem){ .read_reqs = read_reqs, .ctx = img };
	img->prog.target = &img->target;
	img->prog.image.build.minor = minor;
	snprintf(img->prog.image.build.experiments, sizeof(img->prog.image.build.experiments), "%s",
		 experiments);
	img->prog.layout = layout_for(&img->prog.image.build,
				      layout_default_kind(&img->prog.image.build),
				      &img->prog.layout_match);
	img->heap_next = IMAGE_HEAP;
	img->type_next = IMAGE_TYPES + 8;
	img->text_next = IMAGE_TYPES + TEXT_OFF;
	image_zero(img, IMAGE_TYPES, IMAGE_TYPES_SZ);
	add_elf(img, mheap, allp);
	add_pclntab(img);
	return img;
}

struct image *image_new(unsigned int minor, const char *experiments)
{
	return new_image(minor, experiments, IMAGE_MHEAP, IMAGE_ALLP);
}

struct image *image_new_bare(unsigned int minor, const char *experiments,
			     const struct image_places *places)
{
	struct image *img = new_image(minor, experiments, places->mheap, places->allp);

	image_unmap(img, 0, UINT64_MAX);
	img->prog.md.types = places->types;
	img->prog.md.etypes = places->etypes;
	return img;
}

void image_free(struct image *img)
{
	heap_close(img->heap);
	gotypes_free(img->prog.types);
	pclntab_free(img->prog.funcs);
	elf_file_close(img->prog.elf);
	mem_fini(&img->target.mem);
	for (size_t i = 0; i < img->pages.len; i++)
		free(img->pages.data[i].bytes);
	vec_fini(&img->pages);
	vec_fini(&img->spans);
	vec_fini(&img->gs);
	free(img);
}

/* ---- Types ---- */

/* Returns the offset of a name from the type section's start. */
static uint32_t put_name(struct image *img, const char *name)
{
	uint64_t addr = img->text_next;
	size_t len = strlen(name);

	assert_in_range(len, 1, 127); /* the varint of the length is one byte */
	image_u8(img, addr, 1);
	image_u8(img, addr + 1, len);
	image_write(img, addr + 2, name, len);
	img->text_next += 2 + len;
	return addr - IMAGE_TYPES;
}

/* An abi.Type of 48 bytes in sz bytes of room. */
static uint64_t put_type(struct image *img, uint32_t room, uint8_t kind, uint64_t sz,
			 uint64_t ptr_bytes, uint64_t gcdata, uint32_t name)
{
	uint64_t addr = img->type_next;

	image_zero(img, addr, room);
	image_u64(img, addr, sz);
	image_u64(img, addr + 8, ptr_bytes);
	image_u8(img, addr + 21, 8);
	image_u8(img, addr + 22, 8);
	image_u8(img, addr + 23, kind);
	image_u64(img, addr + 32, gcdata);
	image_u32(img, addr + 40, name);
	img->type_next += room;
	return addr;
}

uint64_t image_put_type(struct image *img, uint8_t kind, uint64_t sz, uint64_t ptrs,
			const uint64_t rest[3])
{
	uint64_t mask = img->text_next;
	uint64_t ptr_bytes = ptrs ? 8 * (64 - __builtin_clzll(ptrs)) : 0;

	image_u64(img, mask, ptrs);
	img->text_next += 8;
	uint64_t addr = put_type(img, 80, kind, sz, ptr_bytes, mask, 0);
	for (int i = 0; rest && i < 3; i++)
		image_u64(img, addr + 48 + 8 * i, rest[i]);
	return addr;
}

static uint32_t align8(uint32_t v)
{
	return (v + 7) & ~7u;
}

static void set_mask(struct image_type *t, uint32_t off, uint32_t ptrs)
{
	for (unsigned int w = 0; w < 32; w++) {
		uint32_t word = off / 8 + w;

		if (!(ptrs >> w & 1))
			continue;
		t->mask[word / 8] |= 1 << word % 8;
		if (t->ptr_bytes < (word + 1) * 8)
			t->ptr_bytes = (word + 1) * 8;
	}
}

static void lay_out_classic(struct image_type *t)
{
	uint32_t keys = 8, elems = keys + 8 * t->key_sz;

	t->slot_sz = t->key_sz + t->elem_sz;
	t->key_stride = t->key_sz;
	t->elems_off = elems;
	t->elem_stride = t->elem_sz;
	t->bucket_sz = align8(elems + 8 * t->elem_sz) + 8;
	for (unsigned int i = 0; i < 8; i++) {
		set_mask(t, keys + i * t->key_sz, t->key_ptrs);
		set_mask(t, elems + i * t->elem_sz, t->elem_ptrs);
	}
	if (t->ptr_bytes)
		set_mask(t, t->bucket_sz - 8, 1); /* the overflow pointer */
}

/* A slot is a struct: the elem is aligned to its size, up to a word. */
static uint32_t align_elem(const struct image_type *t, uint32_t off)
{
	uint32_t align = t->elem_sz >= 8 ? 8 : t->elem_sz ? t->elem_sz : 1;

	return (off + align - 1) / align * align;
}

static void lay_out_swiss(struct image_type *t)
{
	uint32_t slot = align_elem(t, t->key_sz) + t->elem_sz;

	t->slot_sz = t->split ? t->key_sz + t->elem_sz : slot;
	t->key_stride = t->split ? t->key_sz : slot;
	t->elems_off = 8 + (t->split ? 8 * t->key_sz : align_elem(t, t->key_sz));
	t->elem_stride = t->split ? t->elem_sz : slot;
	t->bucket_sz = align8(8 + 8 * t->slot_sz);
	for (unsigned int i = 0; i < 8; i++) {
		set_mask(t, 8 + i * t->key_stride, t->key_ptrs);
		set_mask(t, t->elems_off + i * t->elem_stride, t->elem_ptrs);
	}
}

static void put_classic_fields(struct image *img, const struct image_type *t)
{
	image_u8(img, t->addr + 80, t->key_sz);
	image_u8(img, t->addr + 81, t->elem_sz);
	image_u16(img, t->addr + 82, t->bucket_sz);
	image_u32(img, t->addr + 84, t->need_key_update ? 8 : 0);
}

static void put_swiss_fields(struct image *img, const struct image_type *t)
{
	image_u64(img, t->addr + 80, t->bucket_sz);
	image_u32(img, t->addr + img->prog.layout.maptype.flags, t->need_key_update);
	if (img->prog.layout.maptype.slot_sz != OFF_NONE) { /* up to 1.26 */
		image_u64(img, t->addr + 88, t->slot_sz);
		image_u64(img, t->addr + 96, t->elems_off - 8);
		return;
	}
	image_u64(img, t->addr + 88, 8);
	image_u64(img, t->addr + 96, t->key_stride);
	image_u64(img, t->addr + 104, t->elems_off);
	image_u64(img, t->addr + 112, t->elem_stride);
	image_u64(img, t->addr + 120, t->split ? 0 : t->elems_off - 8);
}

void image_add_type(struct image *img, struct image_type *t)
{
	bool classic = img->prog.layout.kind == MAP_CLASSIC;
	uint8_t direct = img->prog.image.build.minor < 26 ? KIND_DIRECT_IFACE : 0;
	uint64_t mask = img->text_next;
	char name[128];

	t->ptr_bytes = 0;
	memset(t->mask, 0, sizeof(t->mask));
	if (classic)
		lay_out_classic(t);
	else
		lay_out_swiss(t);
	image_write(img, mask, t->mask, sizeof(t->mask));
	img->text_next += sizeof(t->mask);

	/* Most map types share their string with *map[K]V: a star that a flag drops. */
	snprintf(name, sizeof(name), "*%s", t->name);
	uint64_t key = t->key_type ? t->key_type : put_type(img, 48, KIND_INT, t->key_sz, 0, 0, 0);
	uint64_t elem = t->elem_type ? t->elem_type
				     : put_type(img, 48, KIND_INT, t->elem_sz, 0, 0, 0);
	t->bucket = put_type(img, 80, KIND_STRUCT, t->bucket_sz, t->ptr_bytes, mask, 0);
	t->addr = put_type(img, img->prog.layout.maptype.size, KIND_MAP | direct, 8, 8, 0,
			   put_name(img, name));
	image_u8(img, t->addr + 20, TFLAG_EXTRA_STAR | (t->named ? TFLAG_NAMED : 0));
	image_u64(img, t->addr + 48, key);
	image_u64(img, t->addr + 56, elem);
	image_u64(img, t->addr + 64, t->bucket);
	if (classic)
		put_classic_fields(img, t);
	else
		put_swiss_fields(img, t);
}

struct image_type image_int_to_int(void)
{
	return (struct image_type){ .name = "map[int]int", .key_sz = 8, .elem_sz = 8 };
}

struct image_type image_string_to_ptr(void)
{
	return (struct image_type){
		.name = "map[string]*main.T",
		.key_sz = 16,
		.elem_sz = 8,
		.key_ptrs = 1,
		.elem_ptrs = 1,
	};
}

/* ---- Spans ---- */

/* What an allocation is: the runtime takes it from the type. */
struct request {
	uint64_t sz;
	bool noscan;
	uint32_t period; /* words of one element */
	const uint8_t *mask; /* bit w: word w of an element is a pointer */
	uint64_t type;
};

static bool span_has_bits(const struct image *img, const struct image_span *s)
{
	return img->prog.layout.bitmap == HEAP_BITMAP_SPAN && s->elemsize <= MALLOC_HEADER_MIN &&
	       !(s->spanclass & 1);
}

static bool span_has_marks(const struct image *img, const struct image_span *s)
{
	return img->prog.layout.inline_marks && s->npages == 1 && s->elemsize >= 16 &&
	       s->elemsize <= MALLOC_HEADER_MIN;
}

static uint64_t arena_meta(uint64_t addr)
{
	return IMAGE_ARENA_METAS + ((addr - IMAGE_HEAP) >> ARENA_SHIFT) * META_STRIDE;
}

/* Maps the arena's bitmap for a span; from 1.22 on there is none. */
static void map_arena_bits(struct image *img, const struct image_span *s)
{
	enum heap_bitmap form = img->prog.layout.bitmap;
	uint64_t bytes_a_bit_byte = 8 * (form == HEAP_BITMAP_ARENA_2BIT ? 4 : 8);

	for (uint64_t p = 0; form != HEAP_BITMAP_SPAN && p < s->npages; p++) {
		uint64_t addr = s->base + p * GO_PAGE_SZ;

		page_add(img, arena_meta(addr) + addr % (1ull << ARENA_SHIFT) / bytes_a_bit_byte);
	}
}

/* As many as the span has room for. */
static void set_slots(const struct image *img, struct image_span *s)
{
	uint64_t taken = (span_has_bits(img, s) ? SPAN_BITS_SZ : 0) +
			 (span_has_marks(img, s) ? INLINE_MARKS_SZ : 0);

	s->nelems = ((uint64_t)s->npages * GO_PAGE_SZ - taken) / s->elemsize;
}

void image_set_class(const struct image *img, struct image_span *s, unsigned int class)
{
	s->spanclass = class << 1 | (s->spanclass & 1);
	s->npages = sizeclass_pages(class);
	s->elemsize = sizeclass_bytes(class);
	set_slots(img, s);
}

static struct image_span *add_span(struct image *img, uint8_t spanclass, uint64_t elemsize,
				   uint32_t npages)
{
	size_t n = img->spans.len;
	struct image_span s = {
		.base = img->heap_next,
		.mspan = IMAGE_MSPANS + n * MSPAN_STRIDE,
		.alloc_bits = IMAGE_BITMAPS + 2 * n * BITMAP_STRIDE,
		.mark_bits = IMAGE_BITMAPS + (2 * n + 1) * BITMAP_STRIDE,
		.elemsize = elemsize,
		.npages = npages,
		.sweepgen = IMAGE_SWEEPGEN,
		.spanclass = spanclass,
		.state = SPAN_IN_USE,
	};
	uint64_t bytes = (uint64_t)npages * GO_PAGE_SZ;

	set_slots(img, &s);
	img->heap_next += bytes;
	assert_true(img->heap_next - IMAGE_HEAP < (uint64_t)ARENAS_MAX << ARENA_SHIFT);
	image_zero(img, s.base, bytes);
	image_zero(img, s.alloc_bits, 2 * BITMAP_STRIDE);
	map_arena_bits(img, &s);
	assert_true(vec_push(&img->spans, s));
	return &img->spans.data[n];
}

static struct image_span *span_with_room(struct image *img, const struct request *r, uint64_t size)
{
	bool header = img->prog.layout.bitmap == HEAP_BITMAP_SPAN && !r->noscan &&
		      r->sz > MALLOC_HEADER_MIN;
	unsigned int class = sizeclass_for(r->sz + (header ? MALLOC_HEADER_SZ : 0));

	if (!class || sizeclass_bytes(class) != size) { /* a large object */
		struct image_span *s = add_span(img, r->noscan, size, size / GO_PAGE_SZ);

		s->large_type = img->prog.layout.bitmap == HEAP_BITMAP_SPAN && !r->noscan ? r->type
											  : 0;
		return s;
	}
	uint8_t spanclass = class << 1 | r->noscan;
	for (size_t i = 0; i < img->spans.len; i++) {
		struct image_span *s = &img->spans.data[i];

		if (s->spanclass == spanclass && s->used < s->nelems)
			return s;
	}
	return add_span(img, spanclass, size, sizeclass_pages(class));
}

static void set_bit(struct image *img, uint64_t bits, uint64_t i)
{
	const uint8_t *page = page_find(img, bits + i / 8);

	image_u8(img, bits + i / 8, (page ? page[(bits + i / 8) % IMAGE_PAGE_SZ] : 0) | 1 << i % 8);
}

/* Notes that the word at addr is a pointer, in the form of the layout. */
static void set_ptr_bit(struct image *img, const struct image_span *s, uint64_t addr)
{
	uint64_t word = addr % (1ull << ARENA_SHIFT) / 8;

	switch (img->prog.layout.bitmap) {
	case HEAP_BITMAP_ARENA_2BIT: /* pointer bits low, "more to scan" bits high */
		set_bit(img, arena_meta(addr), word / 4 * 8 + word % 4);
		break;
	case HEAP_BITMAP_ARENA_1BIT:
		set_bit(img, arena_meta(addr), word);
		break;
	case HEAP_BITMAP_SPAN:
		if (span_has_bits(img, s))
			set_bit(img,
				s->base + GO_PAGE_SZ - SPAN_BITS_SZ -
					(span_has_marks(img, s) ? INLINE_MARKS_SZ : 0),
				(addr - s->base) / 8);
		break;
	}
}

/* Up to 1.19: notes that the word at addr, or one behind it, is a pointer. */
static void set_more_bit(struct image *img, uint64_t addr)
{
	uint64_t word = addr % (1ull << ARENA_SHIFT) / 8;

	set_bit(img, arena_meta(addr), word / 4 * 8 + word % 4 + 4);
}

static uint64_t alloc(struct image *img, const struct request *r)
{
	bool span_bits = img->prog.layout.bitmap == HEAP_BITMAP_SPAN;
	uint64_t size = alloc_size(r->sz, r->noscan, span_bits);
	struct image_span *s = span_with_room(img, r, size);
	uint64_t addr = s->base + s->used * s->elemsize;

	assert_false(img->heap); /* too late: the heap was opened */
	set_bit(img, s->alloc_bits, s->used++);
	if (r->noscan)
		return addr;
	if (span_bits && s->elemsize > MALLOC_HEADER_MIN && s->spanclass >> 1) {
		image_u64(img, addr, r->type);
		addr += MALLOC_HEADER_SZ;
	}
	uint64_t last = 0;
	for (uint64_t w = 0; w < r->sz / 8; w++) {
		uint32_t at = w % r->period;

		if (!(r->mask[at / 8] >> at % 8 & 1))
			continue;
		set_ptr_bit(img, s, addr + w * 8);
		last = w;
	}
	for (uint64_t w = 0; img->prog.layout.bitmap == HEAP_BITMAP_ARENA_2BIT && w <= last; w++)
		set_more_bit(img, addr + w * 8);
	return addr;
}

uint64_t image_alloc_words(struct image *img, unsigned int n, uint64_t ptrs)
{
	struct request r = {
		.sz = n * 8,
		.noscan = !ptrs,
		.period = 64,
		.mask = (const uint8_t *)&ptrs,
	};

	assert_in_range(n, 1, 64);
	return alloc(img, &r);
}

uint64_t image_alloc_ptrs(struct image *img, uint64_t n)
{
	/* Any type will do for what is no bucket. */
	struct request r = {
		.sz = n * 8, .period = 1, .mask = (const uint8_t *)"\1", .type = IMAGE_TYPES + 8
	};

	return alloc(img, &r);
}

uint64_t image_alloc_buckets(struct image *img, const struct image_type *t, uint64_t n)
{
	struct request r = {
		.sz = n * t->bucket_sz,
		.noscan = !t->ptr_bytes,
		.period = t->bucket_sz / 8,
		.mask = t->mask,
		.type = t->bucket,
	};

	return alloc(img, &r);
}

struct image_span *image_span_of(struct image *img, uint64_t addr)
{
	for (size_t i = 0; i < img->spans.len; i++) {
		struct image_span *s = &img->spans.data[i];

		if (addr >= s->base && addr - s->base < (uint64_t)s->npages * GO_PAGE_SZ)
			return s;
	}
	fail_msg("0x%llx is in no span", (unsigned long long)addr);
	return NULL;
}

void image_free_span(struct image *img, uint64_t addr)
{
	image_u8(img, image_span_of(img, addr)->mspan + img->prog.layout.mspan.state, SPAN_DEAD);
}

void image_open_amid_sweep(struct image *img, uint64_t addr, enum image_sweep when)
{
	struct image_span *s = image_span_of(img, addr);

	if (when == IMAGE_SWEEP_PENDING)
		s->sweepgen = IMAGE_SWEEPGEN - 2;
	if (when == IMAGE_SWEEP_RUNNING)
		s->sweepgen = IMAGE_SWEEPGEN - 1;
	if (when == IMAGE_SWEEP_ENDING)
		s->used = 0;
	image_open(img);
	if (when == IMAGE_SWEEP_NEXT)
		image_u32(img, IMAGE_MHEAP + img->prog.layout.mheap.sweepgen, IMAGE_SWEEPGEN + 2);
}

void image_index_new_arena(struct image *img, bool made)
{
	uint64_t index = heap_linear_address(img->heap, IMAGE_NEW_ARENA) >> ARENA_SHIFT;

	image_u64(img, IMAGE_ARENA_INDEX + 8 * index, made ? IMAGE_ARENA_METAS : 0);
}

void image_mark(struct image *img, uint64_t addr)
{
	const struct image_span *s = image_span_of(img, addr);
	uint64_t bits = span_has_marks(img, s)
				? s->base + GO_PAGE_SZ - INLINE_MARKS_SZ + INLINE_MARKS_OFF
				: s->mark_bits;

	set_bit(img, bits, (addr - s->base) / s->elemsize);
}

/* ---- Goroutines ---- */

uint64_t image_add_goroutine(struct image *img, uint32_t status, uint64_t stack_sz, uint64_t used)
{
	uint64_t g = image_alloc_words(img, 56, 1);
	struct image_span *s = add_span(img, 0, stack_sz, (stack_sz + GO_PAGE_SZ - 1) / GO_PAGE_SZ);
	uint64_t hi = s->base + stack_sz;

	s->state = SPAN_MANUAL;
	image_u64(img, g, s->base);
	image_u64(img, g + 8, hi);
	image_u64(img, g + 56, hi - used);
	image_u32(img, g + img->prog.layout.g.status, status);
	assert_true(vec_push(&img->gs, g));
	return hi;
}

void image_move_header(struct image *img, uint64_t map, uint64_t to)
{
	const struct go_layout *l = &img->prog.layout;
	uint32_t sz = l->kind == MAP_SWISS ? l->swiss.header_sz : l->classic.header_sz;

	for (uint32_t off = 0; off < sz; off += 8)
		image_u64(img, to + off, image_get_u64(img, map + off));
	image_zero(img, map, 8); /* the seed stays */
	image_zero(img, map + 16, sz - 16);
}

static void put_allgs(struct image *img)
{
	if (!img->gs.len)
		return;
	uint64_t array = image_alloc_ptrs(img, img->gs.len);

	image_u64(img, IMAGE_ALLGS, array);
	image_u64(img, IMAGE_ALLGS + 8, img->gs.len);
	image_u64(img, IMAGE_ALLGS + 16, img->gs.len);
	for (size_t i = 0; i < img->gs.len; i++)
		image_u64(img, array + 8 * i, img->gs.data[i]);
}

/* ---- The runtime's own structures ---- */

void image_put_span(struct image *img, const struct image_span *s)
{
	const struct mspan_layout *l = &img->prog.layout.mspan;

	image_zero(img, s->mspan, l->size);
	image_u64(img, s->mspan + l->start_addr, s->base);
	image_u64(img, s->mspan + l->npages, s->npages);
	if (l->index_width == 8) {
		image_u64(img, s->mspan + l->freeindex, s->freeindex);
		image_u64(img, s->mspan + l->nelems, s->nelems);
	} else {
		image_u16(img, s->mspan + l->freeindex, s->freeindex);
		image_u16(img, s->mspan + l->nelems, s->nelems);
	}
	image_u64(img, s->mspan + l->alloc_bits, s->alloc_bits);
	image_u64(img, s->mspan + l->gcmark_bits, s->mark_bits);
	image_u32(img, s->mspan + l->sweepgen, s->sweepgen);
	image_u16(img, s->mspan + l->alloc_count, s->used);
	image_u8(img, s->mspan + l->spanclass, s->spanclass);
	image_u8(img, s->mspan + l->state, s->state);
	image_u64(img, s->mspan + l->elemsize, s->elemsize);
	if (l->large_type != OFF_NONE)
		image_u64(img, s->mspan + l->large_type, s->large_type);
}

/* Every page of the span leads to it through the arena index. */
static void put_index(struct image *img, const struct image_span *s)
{
	const struct mheap_layout *l = &img->prog.layout.mheap;

	for (uint64_t p = 0; p < s->npages; p++) {
		uint64_t addr = s->base + p * GO_PAGE_SZ;

		image_u64(img,
			  arena_meta(addr) + l->arena_spans + 8 * (addr / GO_PAGE_SZ % ARENA_PAGES),
			  s->mspan);
	}
}

static void put_mheap(struct image *img, uint64_t pages_in_use)
{
	const struct mheap_layout *l = &img->prog.layout.mheap;

	image_u64(img, IMAGE_MHEAP + l->allspans, IMAGE_ALLSPANS);
	image_u64(img, IMAGE_MHEAP + l->allspans + 8, img->spans.len);
	image_u64(img, IMAGE_MHEAP + l->allspans + 16, img->spans.len);
	image_u32(img, IMAGE_MHEAP + l->sweepgen, IMAGE_SWEEPGEN);
	image_u64(img, IMAGE_MHEAP + l->pages_in_use, pages_in_use);
	image_u64(img, IMAGE_MHEAP + l->arenas, IMAGE_ARENA_INDEX);
}

static void put_arenas(struct image *img)
{
	for (int i = 0; i < ARENAS_MAX; i++) {
		uint64_t addr = IMAGE_HEAP + ((uint64_t)i << ARENA_SHIFT);
		uint64_t index = (addr - 0xffff800000000000) >> ARENA_SHIFT;

		image_u64(img, IMAGE_ARENA_INDEX + 8 * index, arena_meta(addr));
	}
}

struct err *image_read_types(struct image *img)
{
	const struct types_from from[] = { { &img->target.mem, &img->prog.md },
					   { &img->target.mem, &img->plugin } };

	return gotypes_new(from, img->plugin.types ? 2 : 1, &img->prog.layout, &img->prog.types);
}

struct err *image_try_open(struct image *img)
{
	uint64_t pages_in_use = 0;

	put_allgs(img);
	for (size_t i = 0; i < img->spans.len; i++) {
		const struct image_span *s = &img->spans.data[i];

		image_put_span(img, s);
		put_index(img, s);
		image_u64(img, IMAGE_ALLSPANS + 8 * i, s->mspan);
		pages_in_use += s->state == SPAN_IN_USE ? s->npages : 0;
	}
	put_mheap(img, pages_in_use);
	put_arenas(img);
	struct err *err = image_read_types(img);

	return err ? err : heap_open(&img->prog, &img->heap);
}

void image_open(struct image *img)
{
	struct err *err = image_try_open(img);

	if (err)
		fail_msg("%s", err->msg);
}
