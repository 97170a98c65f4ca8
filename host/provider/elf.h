/*
 * elf - reads a shared library from a byte buffer, as the system's loader would see it:
 * program headers and the dynamic segment, never section headers, which the loader ignores.
 *
 * Little endian, 32 and 64 bit. Every offset is checked before it is followed, so that no
 * file, however broken, makes a read past its end. The buffer outlives the struct; names
 * point into it. [any thread]
 */
#ifndef HOST_PROVIDER_ELF_H
#define HOST_PROVIDER_ELF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fail;

#define ELF_SEGMENTS_MAX 32
#define ELF_DYNAMIC_MAX  256
#define ELF_SYMBOLS_MAX  65536u
#define ELF_RELOCS_MAX   1048576u

struct elf_segment {
	uint32_t type;
	uint32_t flags;
	uint64_t offset;
	uint64_t address;
	uint64_t file_size;
	uint64_t memory_size;
	uint64_t align;
};

struct elf_entry { /* of the dynamic segment */
	uint64_t tag;
	uint64_t value;
};

struct elf_symbol {
	const char *name;
	uint8_t bind;
	uint8_t type;
	uint8_t visibility;
	uint16_t section;
	uint64_t value;
};

struct elf_reloc {
	uint64_t offset; /* address of what is patched */
	uint32_t type;
	uint32_t symbol; /* index, 0: none */
	bool has_addend; /* else the addend is what the file has at offset */
	uint64_t addend;
};

struct elf {
	const uint8_t *bytes;
	size_t n;
	bool wide; /* 64 bit */
	uint16_t type;
	uint16_t machine;
	size_t segment_count;
	struct elf_segment segments[ELF_SEGMENTS_MAX];
	size_t entry_count;
	struct elf_entry entries[ELF_DYNAMIC_MAX];
	const char *strings; /* ends in NUL */
	size_t strings_size;
	const uint8_t *symbols;
	size_t symbol_count;
};

/* The first bytes alone: is it ELF of this byte order and word size, and which machine? */
bool elf_open_head(struct elf *e, const void *bytes, size_t n, struct fail *f);

/* Segments, dynamic entries and symbols, after elf_open_head(). FAIL_INVALID: damaged, or
 * nothing the loader could load. */
bool elf_open_dynamic(struct elf *e, struct fail *f);

/* The value of a dynamic entry; false if there is none. */
bool elf_entry(const struct elf *e, uint64_t tag, uint64_t *ret_value);

/* The text at an offset of the dynamic strings, or NULL. */
const char *elf_text(const struct elf *e, uint64_t offset);

/* n bytes at an address as they will be in memory, before relocation; NULL where they are
 * not in the file. */
const uint8_t *elf_at(const struct elf *e, uint64_t address, uint64_t n);

/* The PT_LOAD segment that holds n bytes at address, or NULL. */
const struct elf_segment *elf_segment_of(const struct elf *e, uint64_t address, uint64_t n);

/* An unsigned little endian number of 1 to 8 bytes; a pointer-sized one at an address. */
uint64_t elf_load(const uint8_t *p, size_t n);
bool elf_load_word(const struct elf *e, uint64_t address, uint64_t *ret_word);

/* Symbol i, below symbol_count; false: its name lies outside. */
bool elf_symbol(const struct elf *e, size_t i, struct elf_symbol *ret_symbol);

/* The type of the packed relocations of DT_RELR, which are all "add the load address". */
#define ELF_RELOC_RELR UINT32_MAX

/* Calls each for every relocation; false: the lists are damaged. */
typedef void elf_each_reloc(const struct elf_reloc *reloc, void *ctx);
bool elf_relocs(const struct elf *e, elf_each_reloc *each, void *ctx, struct fail *f);

/* Calls each(library, version) for every symbol version that is needed; false: damaged. */
typedef void elf_each_version(const char *library, const char *version, void *ctx);
bool elf_versions(const struct elf *e, elf_each_version *each, void *ctx, struct fail *f);

/* Calls each with every note of the PT_NOTE segments; false: damaged. */
struct elf_note {
	uint32_t type;
	const char *owner;
	size_t owner_size; /* with its NUL */
	const uint8_t *desc;
	size_t desc_size;
};
typedef void elf_each_note(const struct elf_note *note, void *ctx);
bool elf_notes(const struct elf *e, elf_each_note *each, void *ctx, struct fail *f);

#endif
