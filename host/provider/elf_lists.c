/*
 * The lists of an ELF file: relocations, needed versions, notes, and how many symbols there
 * are, which nothing says outright: it is the highest index that a hash table or a relocation
 * can lead to.
 */
#include "provider/elf.h"

#include <elf.h>
#include <string.h>

#include "base/attr.h"
#include "base/fail.h"
#include "provider/elf_field.h"

#define LIBRARIES_MAX 64u
#define VERSIONS_MAX  1024u

/* --- how many symbols --- */

static uint64_t count_by_hash(const struct elf *e)
{
	uint64_t address;
	const uint8_t *p;

	if (!elf_entry(e, DT_HASH, &address))
		return 0;
	p = elf_at(e, address, 8);
	return p == NULL ? 0 : elf_load(p + 4, 4);
}

/* The last index of the chain that begins at index first; 0: it runs out of the file. */
static uint64_t chain_end(
	const struct elf *e, uint64_t chains, uint64_t symbol_offset, uint64_t first)
{
	for (uint64_t i = first; i < ELF_SYMBOLS_MAX; i++) {
		const uint8_t *p = elf_at(e, chains + (i - symbol_offset) * 4, 4);

		if (p == NULL)
			return 0;
		if ((elf_load(p, 4) & 1) != 0)
			return i;
	}
	return 0;
}

static uint64_t count_by_gnu_hash(const struct elf *e)
{
	uint64_t address;
	const uint8_t *head;
	const uint8_t *buckets;
	uint64_t highest = 0;

	if (!elf_entry(e, DT_GNU_HASH, &address) || (head = elf_at(e, address, 16)) == NULL)
		return 0;
	uint64_t count = elf_load(head, 4);
	uint64_t symbol_offset = elf_load(head + 4, 4);
	uint64_t after_bloom = address + 16 + elf_load(head + 8, 4) * (e->wide ? 8 : 4);

	buckets = elf_at(e, after_bloom, count * 4);
	if (buckets == NULL)
		return 0;
	for (size_t i = 0; i < count; i++) {
		uint64_t bucket = elf_load(buckets + i * 4, 4);

		highest = bucket > highest ? bucket : highest;
	}
	if (highest == 0)
		return symbol_offset;
	if (highest < symbol_offset)
		return 0;
	uint64_t end = chain_end(e, after_bloom + count * 4, symbol_offset, highest);
	return end == 0 ? 0 : end + 1;
}

static void highest_symbol(const struct elf_reloc *reloc, void *ctx)
{
	uint64_t *count = ctx;

	if (reloc->symbol >= *count)
		*count = (uint64_t)reloc->symbol + 1;
}

uint64_t elf_count_symbols(const struct elf *e)
{
	uint64_t by_hash = count_by_hash(e);
	uint64_t by_gnu_hash = count_by_gnu_hash(e);
	uint64_t count = by_hash > by_gnu_hash ? by_hash : by_gnu_hash;

	/* A table that is there but cannot be read must not hide symbols. */
	if ((by_hash == 0 && elf_entry(e, DT_HASH, NULL)) ||
		(by_gnu_hash == 0 && elf_entry(e, DT_GNU_HASH, NULL)))
		return 0;
	if (count == 0 || !elf_relocs(e, highest_symbol, &count, NULL))
		return 0;
	return count;
}

/* --- relocations --- */

struct reloc_table {
	uint64_t address;
	uint64_t size;
	bool has_addend;
};

static struct elf_reloc reloc_read(const struct elf *e, const uint8_t *p, bool has_addend)
{
	uint64_t info = ELF_FIELD(e, p, Elf64_Rela, Elf32_Rela, r_info);

	return (struct elf_reloc){
		.offset = ELF_FIELD(e, p, Elf64_Rela, Elf32_Rela, r_offset),
		.type = (uint32_t)(e->wide ? info & 0xffffffff : info & 0xff),
		.symbol = (uint32_t)(e->wide ? info >> 32 : info >> 8),
		.has_addend = has_addend,
		.addend = has_addend ? ELF_FIELD(e, p, Elf64_Rela, Elf32_Rela, r_addend) : 0,
	};
}

static size_t reloc_size(const struct elf *e, bool has_addend)
{
	if (e->wide)
		return has_addend ? sizeof(Elf64_Rela) : sizeof(Elf64_Rel);
	return has_addend ? sizeof(Elf32_Rela) : sizeof(Elf32_Rel);
}

static bool walk_relocs(const struct elf *e, const struct reloc_table *t, elf_each_reloc *each,
	void *ctx, struct fail *f)
{
	size_t size = reloc_size(e, t->has_addend);
	const uint8_t *p = elf_at(e, t->address, t->size);

	if (t->size == 0)
		return true;
	if (p == NULL || t->size % size != 0 || t->size / size > ELF_RELOCS_MAX)
		return fail_set(f, FAIL_INVALID, "its relocations are damaged");
	for (uint64_t at = 0; at < t->size; at += size) {
		struct elf_reloc reloc = reloc_read(e, p + at, t->has_addend);

		each(&reloc, ctx);
	}
	return true;
}

/* DT_RELR: an address, or (lowest bit set) a bitmap of the words after the one before. */
static bool walk_relr(const struct elf *e, elf_each_reloc *each, void *ctx, struct fail *f)
{
	uint64_t word_size = e->wide ? 8 : 4;
	struct elf_reloc reloc = {.type = ELF_RELOC_RELR};
	uint64_t address;
	uint64_t size = 0;
	uint64_t next = 0;

	if (!elf_entry(e, DT_RELR, &address))
		return true;
	if (!elf_entry(e, DT_RELRSZ, &size) || size > ELF_RELOCS_MAX ||
		elf_at(e, address, size) == NULL)
		return fail_set(f, FAIL_INVALID, "its packed relocations are damaged");
	for (uint64_t at = 0; at + word_size <= size; at += word_size) {
		uint64_t word = elf_load(elf_at(e, address + at, word_size), (size_t)word_size);
		bool bitmap = (word & 1) != 0;

		for (uint64_t bit = bitmap ? 1 : 0; bit < (bitmap ? word_size * 8 : 1); bit++) {
			reloc.offset = bitmap ? next + (bit - 1) * word_size : word;
			if (!bitmap || (word >> bit & 1) != 0)
				each(&reloc, ctx);
		}
		next = bitmap ? next + (word_size * 8 - 1) * word_size : word + word_size;
	}
	return true;
}

/* The entries that a table of relocations is told by; kind 0: ask DT_PLTREL. */
static const struct {
	uint64_t address;
	uint64_t size;
	uint64_t kind;
} reloc_tables[] = {
	{DT_RELA, DT_RELASZ, DT_RELA},
	{DT_REL, DT_RELSZ, DT_REL},
	{DT_JMPREL, DT_PLTRELSZ, 0},
};

bool elf_relocs(const struct elf *e, elf_each_reloc *each, void *ctx, struct fail *f)
{
	for (size_t i = 0; i < COUNT(reloc_tables); i++) {
		struct reloc_table t = {0};
		uint64_t kind = reloc_tables[i].kind;

		if (!elf_entry(e, reloc_tables[i].address, &t.address))
			continue;
		if (!elf_entry(e, reloc_tables[i].size, &t.size) ||
			(kind == 0 && !elf_entry(e, DT_PLTREL, &kind)) ||
			(kind != DT_RELA && kind != DT_REL))
			return fail_set(f, FAIL_INVALID, "its relocations are damaged");
		t.has_addend = kind == DT_RELA;
		if (!walk_relocs(e, &t, each, ctx, f))
			return false;
	}
	return walk_relr(e, each, ctx, f);
}

/* --- needed versions (both word sizes have the same structures) --- */

static bool walk_version(const struct elf *e, uint64_t address, const uint8_t *need,
	elf_each_version *each, void *ctx)
{
	const char *library = elf_text(e, elf_load(need + offsetof(Elf64_Verneed, vn_file), 4));
	uint64_t count = elf_load(need + offsetof(Elf64_Verneed, vn_cnt), 2);
	uint64_t at = address + elf_load(need + offsetof(Elf64_Verneed, vn_aux), 4);

	for (uint64_t i = 0; i < count && i < VERSIONS_MAX; i++) {
		const uint8_t *p = elf_at(e, at, sizeof(Elf64_Vernaux));
		const char *version;

		if (p == NULL || library == NULL)
			return false;
		version = elf_text(e, elf_load(p + offsetof(Elf64_Vernaux, vna_name), 4));
		if (version == NULL)
			return false;
		each(library, version, ctx);
		at += elf_load(p + offsetof(Elf64_Vernaux, vna_next), 4);
	}
	return true;
}

static bool walk_versions(const struct elf *e, elf_each_version *each, void *ctx)
{
	uint64_t at;
	uint64_t count = 0;

	if (!elf_entry(e, DT_VERNEED, &at))
		return true;
	if (!elf_entry(e, DT_VERNEEDNUM, &count) || count > LIBRARIES_MAX)
		return false;
	for (uint64_t i = 0; i < count; i++) {
		const uint8_t *p = elf_at(e, at, sizeof(Elf64_Verneed));

		if (p == NULL || !walk_version(e, at, p, each, ctx))
			return false;
		at += elf_load(p + offsetof(Elf64_Verneed, vn_next), 4);
	}
	return true;
}

bool elf_versions(const struct elf *e, elf_each_version *each, void *ctx, struct fail *f)
{
	if (!walk_versions(e, each, ctx))
		return fail_set(f, FAIL_INVALID, "its list of needed versions is damaged");
	return true;
}

/* --- notes --- */

static uint64_t round_up(uint64_t n, uint64_t align)
{
	return (n + align - 1) / align * align;
}

static bool walk_notes(const struct elf *e, const struct elf_segment *s, elf_each_note *each,
	void *ctx, struct fail *f)
{
	const uint64_t head = sizeof(Elf64_Nhdr);
	uint64_t align = s->align == 8 ? 8 : 4;
	uint64_t at = 0;

	while (s->file_size - at >= head) {
		const uint8_t *p = e->bytes + s->offset + at;
		uint64_t owner_size = elf_load(p, 4);
		uint64_t desc_size = elf_load(p + 4, 4);
		uint64_t desc_at = round_up(head + owner_size, align);

		if (desc_at + desc_size > s->file_size - at)
			return fail_set(f, FAIL_INVALID, "its notes are damaged");
		struct elf_note note = {
			.type = (uint32_t)elf_load(p + 8, 4),
			.owner = (const char *)p + head,
			.owner_size = (size_t)owner_size,
			.desc = p + desc_at,
			.desc_size = (size_t)desc_size,
		};
		each(&note, ctx);
		at += round_up(desc_at + desc_size, align);
		if (at > s->file_size)
			break;
	}
	return true;
}

bool elf_notes(const struct elf *e, elf_each_note *each, void *ctx, struct fail *f)
{
	for (size_t i = 0; i < e->segment_count; i++) {
		if (e->segments[i].type != PT_NOTE)
			continue;
		if (!walk_notes(e, &e->segments[i], each, ctx, f))
			return false;
	}
	return true;
}
