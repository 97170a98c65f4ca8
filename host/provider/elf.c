/*
 * The frame of an ELF file: its head, its segments and the dynamic entries. Lists that hang
 * on those (relocations, versions, notes) are in elf_lists.c.
 *
 * What the loader reads twice or may read in two ways is refused rather than guessed:
 * segments that share a page, and dynamic entries that occur twice.
 */
#include "provider/elf.h"

#include <elf.h>
#include <string.h>

#include "base/attr.h"
#include "base/fail.h"
#include "provider/elf_field.h"

#define PAGE 4096u

uint64_t elf_load(const uint8_t *p, size_t n)
{
	uint64_t value = 0;

	for (size_t i = n; i > 0; i--)
		value = value << 8 | p[i - 1];
	return value;
}

static bool within(uint64_t size, uint64_t offset, uint64_t n)
{
	return offset <= size && n <= size - offset;
}

static bool head_fits_host(struct elf *e, struct fail *f)
{
	static const uint8_t host_class = sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32;

	if (e->n < EI_NIDENT || memcmp(e->bytes, ELFMAG, SELFMAG) != 0)
		return fail_set(f, FAIL_INVALID, "it is not an ELF file");
	if (e->bytes[EI_DATA] != ELFDATA2LSB)
		return fail_set(f, FAIL_INVALID, "it is built for a big endian machine");
	if (e->bytes[EI_CLASS] != ELFCLASS64 && e->bytes[EI_CLASS] != ELFCLASS32)
		return fail_set(f, FAIL_INVALID, "its ELF head is damaged: no such word size");
	if (e->bytes[EI_CLASS] != host_class)
		return fail_set(f, FAIL_INVALID, "it is built for %d bit, this daemon for %d",
			e->bytes[EI_CLASS] == ELFCLASS64 ? 64 : 32,
			host_class == ELFCLASS64 ? 64 : 32);
	return true;
}

bool elf_open_head(struct elf *e, const void *bytes, size_t n, struct fail *f)
{
	memset(e, 0, sizeof(*e));
	e->bytes = bytes;
	e->n = n;
	if (!head_fits_host(e, f))
		return false;
	e->wide = e->bytes[EI_CLASS] == ELFCLASS64;
	if (n < (e->wide ? sizeof(Elf64_Ehdr) : sizeof(Elf32_Ehdr)))
		return fail_set(f, FAIL_INVALID, "its ELF head is cut off");
	e->type = (uint16_t)ELF_FIELD(e, e->bytes, Elf64_Ehdr, Elf32_Ehdr, e_type);
	e->machine = (uint16_t)ELF_FIELD(e, e->bytes, Elf64_Ehdr, Elf32_Ehdr, e_machine);
	return true;
}

static struct elf_segment segment_read(const struct elf *e, const uint8_t *p)
{
	return (struct elf_segment){
		.type = (uint32_t)ELF_FIELD(e, p, Elf64_Phdr, Elf32_Phdr, p_type),
		.flags = (uint32_t)ELF_FIELD(e, p, Elf64_Phdr, Elf32_Phdr, p_flags),
		.offset = ELF_FIELD(e, p, Elf64_Phdr, Elf32_Phdr, p_offset),
		.address = ELF_FIELD(e, p, Elf64_Phdr, Elf32_Phdr, p_vaddr),
		.file_size = ELF_FIELD(e, p, Elf64_Phdr, Elf32_Phdr, p_filesz),
		.memory_size = ELF_FIELD(e, p, Elf64_Phdr, Elf32_Phdr, p_memsz),
		.align = ELF_FIELD(e, p, Elf64_Phdr, Elf32_Phdr, p_align),
	};
}

static bool read_segments(struct elf *e, struct fail *f)
{
	uint64_t offset = ELF_FIELD(e, e->bytes, Elf64_Ehdr, Elf32_Ehdr, e_phoff);
	uint64_t count = ELF_FIELD(e, e->bytes, Elf64_Ehdr, Elf32_Ehdr, e_phnum);
	uint64_t size = ELF_FIELD(e, e->bytes, Elf64_Ehdr, Elf32_Ehdr, e_phentsize);

	if (size != (e->wide ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr)) || count == 0)
		return fail_set(f, FAIL_INVALID, "its ELF head is damaged: no program headers");
	if (count > ELF_SEGMENTS_MAX)
		return fail_set(f, FAIL_INVALID, "it has more than %d segments", ELF_SEGMENTS_MAX);
	if (!within(e->n, offset, count * size))
		return fail_set(f, FAIL_INVALID, "its program headers lie past its end");
	for (size_t i = 0; i < count; i++)
		e->segments[i] = segment_read(e, e->bytes + offset + i * size);
	e->segment_count = (size_t)count;
	return true;
}

/* Each loaded segment lies in the file, and in memory above the one before, on pages of its
 * own: so that one address means one byte. */
static bool check_layout(const struct elf *e, struct fail *f)
{
	uint64_t next = 0;

	for (size_t i = 0; i < e->segment_count; i++) {
		const struct elf_segment *s = &e->segments[i];
		uint64_t top = e->wide ? UINT64_C(1) << 47 : UINT64_C(1) << 31;

		if (s->file_size > 0 && !within(e->n, s->offset, s->file_size))
			return fail_set(f, FAIL_INVALID, "segment %zu lies past its end", i);
		if (s->type != PT_LOAD)
			continue;
		if (s->memory_size < s->file_size || !within(top, s->address, s->memory_size) ||
			(s->address - s->offset) % PAGE != 0 || s->address / PAGE * PAGE < next)
			return fail_set(f, FAIL_INVALID, "segment %zu is laid out wrongly", i);
		next = (s->address + s->memory_size + PAGE - 1) / PAGE * PAGE;
	}
	return true;
}

const struct elf_segment *elf_segment_of(const struct elf *e, uint64_t address, uint64_t n)
{
	for (size_t i = 0; i < e->segment_count; i++) {
		const struct elf_segment *s = &e->segments[i];

		if (s->type == PT_LOAD && address >= s->address &&
			within(s->memory_size, address - s->address, n))
			return s;
	}
	return NULL;
}

const uint8_t *elf_at(const struct elf *e, uint64_t address, uint64_t n)
{
	const struct elf_segment *s = elf_segment_of(e, address, n);

	if (s == NULL || !within(s->file_size, address - s->address, n))
		return NULL;
	return e->bytes + s->offset + (address - s->address);
}

bool elf_load_word(const struct elf *e, uint64_t address, uint64_t *ret_word)
{
	size_t size = e->wide ? 8 : 4;
	const uint8_t *p = elf_at(e, address, size);

	if (p == NULL)
		return false;
	*ret_word = elf_load(p, size);
	return true;
}

bool elf_entry(const struct elf *e, uint64_t tag, uint64_t *ret_value)
{
	for (size_t i = 0; i < e->entry_count; i++) {
		if (e->entries[i].tag != tag)
			continue;
		if (ret_value != NULL)
			*ret_value = e->entries[i].value;
		return true;
	}
	return false;
}

static bool add_entry(struct elf *e, uint64_t tag, uint64_t value, struct fail *f)
{
	if (e->entry_count == ELF_DYNAMIC_MAX)
		return fail_set(
			f, FAIL_INVALID, "it has more than %d dynamic entries", ELF_DYNAMIC_MAX);
	if (tag != DT_NEEDED && elf_entry(e, tag, NULL))
		return fail_set(f, FAIL_INVALID, "its dynamic entry 0x%llx is there twice",
			(unsigned long long)tag);
	e->entries[e->entry_count++] = (struct elf_entry){tag, value};
	return true;
}

static bool read_entries(struct elf *e, const struct elf_segment *s, struct fail *f)
{
	size_t size = e->wide ? sizeof(Elf64_Dyn) : sizeof(Elf32_Dyn);
	uint64_t address = s->address;
	const uint8_t *p;

	for (; (p = elf_at(e, address, size)) != NULL; address += size) {
		uint64_t tag = ELF_FIELD(e, p, Elf64_Dyn, Elf32_Dyn, d_tag);

		if (tag == DT_NULL)
			return true;
		if (!add_entry(e, tag, ELF_FIELD(e, p, Elf64_Dyn, Elf32_Dyn, d_un), f))
			return false;
	}
	return fail_set(f, FAIL_INVALID, "its dynamic segment has no end");
}

static bool read_dynamic(struct elf *e, struct fail *f)
{
	const struct elf_segment *found = NULL;

	for (size_t i = 0; i < e->segment_count; i++) {
		if (e->segments[i].type != PT_DYNAMIC)
			continue;
		if (found != NULL)
			return fail_set(f, FAIL_INVALID, "it has two dynamic segments");
		found = &e->segments[i];
	}
	if (found == NULL)
		return fail_set(f, FAIL_INVALID, "it is not a shared object: no dynamic segment");
	return read_entries(e, found, f);
}

static bool read_strings(struct elf *e, struct fail *f)
{
	uint64_t address = 0;
	uint64_t size = 0;
	const uint8_t *p = NULL;

	if (elf_entry(e, DT_STRTAB, &address) && elf_entry(e, DT_STRSZ, &size) && size > 0)
		p = elf_at(e, address, size);
	if (p == NULL || p[size - 1] != '\0')
		return fail_set(f, FAIL_INVALID, "its dynamic strings are missing or damaged");
	e->strings = (const char *)p;
	e->strings_size = (size_t)size;
	return true;
}

const char *elf_text(const struct elf *e, uint64_t offset)
{
	return offset < e->strings_size ? e->strings + offset : NULL;
}

static bool read_symbols(struct elf *e, struct fail *f)
{
	uint64_t size = e->wide ? sizeof(Elf64_Sym) : sizeof(Elf32_Sym);
	uint64_t count = elf_count_symbols(e);
	uint64_t address;
	uint64_t entry_size;

	if (!elf_entry(e, DT_SYMTAB, &address) || count == 0)
		return fail_set(f, FAIL_INVALID, "its symbol table is missing or damaged");
	if (elf_entry(e, DT_SYMENT, &entry_size) && entry_size != size)
		return fail_set(f, FAIL_INVALID, "its symbols have the wrong size");
	if (count > ELF_SYMBOLS_MAX)
		return fail_set(f, FAIL_INVALID, "it has more than %u symbols", ELF_SYMBOLS_MAX);
	e->symbols = elf_at(e, address, count * size);
	if (e->symbols == NULL)
		return fail_set(f, FAIL_INVALID, "its symbol table lies past its end");
	e->symbol_count = (size_t)count;
	return true;
}

bool elf_symbol(const struct elf *e, size_t i, struct elf_symbol *ret_symbol)
{
	size_t size = e->wide ? sizeof(Elf64_Sym) : sizeof(Elf32_Sym);
	const uint8_t *p = e->symbols + i * size;
	const char *name = elf_text(e, ELF_FIELD(e, p, Elf64_Sym, Elf32_Sym, st_name));
	uint64_t info = ELF_FIELD(e, p, Elf64_Sym, Elf32_Sym, st_info);

	if (name == NULL)
		return false;
	*ret_symbol = (struct elf_symbol){
		.name = name,
		.bind = (uint8_t)(info >> 4),
		.type = (uint8_t)(info & 0xf),
		.visibility = (uint8_t)(ELF_FIELD(e, p, Elf64_Sym, Elf32_Sym, st_other) & 0x3),
		.section = (uint16_t)ELF_FIELD(e, p, Elf64_Sym, Elf32_Sym, st_shndx),
		.value = ELF_FIELD(e, p, Elf64_Sym, Elf32_Sym, st_value),
	};
	return true;
}

bool elf_open_dynamic(struct elf *e, struct fail *f)
{
	if (e->type != ET_DYN)
		return fail_set(f, FAIL_INVALID, "it is not a shared object");
	return read_segments(e, f) && check_layout(e, f) && read_dynamic(e, f) &&
	       read_strings(e, f) && read_symbols(e, f);
}
