/*
 * The rules a provider's file must keep before anything of it runs.
 */
#include "provider/preflight.h"

#include <davit/provider.h>
#include <elf.h>
#include <gnu/libc-version.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/fail.h"
#include "provider/elf.h"
#include "provider/startup.h"
#include "provider/symbols.h"

#define ENTRY_SYMBOL "davit_provider_query"

#if defined(__x86_64__)
#define MACHINE EM_X86_64
#elif defined(__aarch64__)
#define MACHINE EM_AARCH64
#elif defined(__i386__)
#define MACHINE EM_386
#elif defined(__arm__)
#define MACHINE EM_ARM
#elif defined(__riscv)
#define MACHINE EM_RISCV
#else
#error "name this machine's EM_ number and relocations here"
#endif

#ifdef DAVIT_DEVELOPER_PREFLIGHT
#define SANITIZERS true
#else
#define SANITIZERS false
#endif

struct preflight_site preflight_here(void)
{
	return (struct preflight_site){MACHINE, gnu_get_libc_version(), SANITIZERS};
}

static const struct {
	uint16_t machine;
	const char *name;
} machines[] = {
	{EM_X86_64, "x86-64"},
	{EM_AARCH64, "aarch64"},
	{EM_386, "i386"},
	{EM_ARM, "arm"},
	{EM_RISCV, "riscv"},
};

static const char *machine_name(uint16_t machine)
{
	for (size_t i = 0; i < COUNT(machines); i++) {
		if (machines[i].machine == machine)
			return machines[i].name;
	}
	return "another machine";
}

static bool check_machine(const struct elf *e, const struct preflight_site *site, struct fail *f)
{
	if (e->machine != site->machine)
		return fail_set(f, FAIL_INVALID, "it is built for %s, this daemon runs on %s",
			machine_name(e->machine), machine_name(site->machine));
	return true;
}

/* --- segments --- */

static bool check_segments(const struct elf *e, const struct preflight_site *site, struct fail *f)
{
	bool stack = false;

	for (size_t i = 0; i < e->segment_count; i++) {
		const struct elf_segment *s = &e->segments[i];

		if (s->type == PT_INTERP)
			return fail_set(f, FAIL_INVALID, "it is a program, not a shared object");
		if (s->type == PT_TLS && !site->sanitizers)
			return fail_set(f, FAIL_INVALID,
				"it has thread-local variables; a provider keeps nothing between calls");
		if (s->type == PT_LOAD && (s->flags & PF_W) != 0 && (s->flags & PF_X) != 0)
			return fail_set(f, FAIL_INVALID,
				"it has memory that is both writable and executable");
		if (s->type == PT_GNU_STACK)
			stack = (s->flags & PF_X) == 0;
	}
	if (!stack)
		return fail_set(f, FAIL_INVALID,
			"it asks for an executable stack (an assembly file without .note.GNU-stack?)");
	return true;
}

/* --- dynamic entries --- */

/* Entries that have no place in a provider, some with certain bits only. */
static const struct {
	uint64_t tag;
	uint64_t bits; /* 0: the entry itself */
	const char *why;
} unwanted[] = {
	{DT_TEXTREL, 0, "its code is changed while it is loaded (text relocations); use -fPIC"},
	{DT_FLAGS, DF_TEXTREL,
		"its code is changed while it is loaded (text relocations); use -fPIC"},
	{DT_FLAGS, DF_STATIC_TLS, "it needs static thread-local memory (DF_STATIC_TLS)"},
	{DT_FLAGS_1, DF_1_PIE, "it is a program, not a shared object"},
	{DT_FLAGS_1, DF_1_GLOBAL | DF_1_INTERPOSE, "it would replace symbols of the daemon"},
	{DT_RUNPATH, 0, "it names folders to load libraries from (DT_RUNPATH)"},
	{DT_RPATH, 0, "it names folders to load libraries from (DT_RPATH)"},
	{DT_AUXILIARY, 0, "it would load another library (DT_AUXILIARY)"},
	{DT_FILTER, 0, "it would load another library (DT_FILTER)"},
	{DT_AUDIT, 0, "it would load another library (DT_AUDIT)"},
	{DT_DEPAUDIT, 0, "it would load another library (DT_DEPAUDIT)"},
};

static bool check_entries(const struct elf *e, const struct preflight_site *site, struct fail *f)
{
	(void)site;
	for (size_t i = 0; i < COUNT(unwanted); i++) {
		uint64_t value;

		if (!elf_entry(e, unwanted[i].tag, &value))
			continue;
		if (unwanted[i].bits == 0 || (value & unwanted[i].bits) != 0)
			return fail_set(f, FAIL_INVALID, "%s", unwanted[i].why);
	}
	return true;
}

static const char *const libraries[] = {"libc.so.6", "libm.so.6", "linux-vdso.so.1"};
static const char *const sanitizer_libraries[] = {"libasan.so", "libubsan.so", "libtsan.so",
	"liblsan.so", "libclang_rt.", "libpthread.so.0", "libdl.so.2", "librt.so.1",
	"libgcc_s.so.1", "libresolv.so.2", "libstdc++.so"};

static bool begins(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

static bool library_allowed(const char *name, bool sanitizers)
{
	for (size_t i = 0; i < COUNT(libraries); i++) {
		if (strcmp(libraries[i], name) == 0)
			return true;
	}
	for (size_t i = 0; sanitizers && i < COUNT(sanitizer_libraries); i++) {
		if (begins(name, sanitizer_libraries[i]))
			return true;
	}
	return begins(name, "ld-linux") && strchr(name, '/') == NULL;
}

static bool check_library(
	const struct elf *e, size_t i, const struct preflight_site *site, struct fail *f)
{
	const char *name;

	if (e->entries[i].tag != DT_NEEDED)
		return true;
	name = elf_text(e, e->entries[i].value);
	if (name == NULL)
		return fail_set(f, FAIL_INVALID, "its list of libraries is damaged");
	return library_allowed(name, site->sanitizers) ||
	       fail_set(f, FAIL_INVALID,
		       "it needs the library %.100s; only libc and libm are allowed", name);
}

static bool check_libraries(const struct elf *e, const struct preflight_site *site, struct fail *f)
{
	for (size_t i = 0; i < e->entry_count; i++) {
		if (!check_library(e, i, site, f))
			return false;
	}
	return true;
}

/* Entries whose tables the loader follows: no relocation may change them under it. */
static const uint64_t constant_tables[] = {DT_SYMTAB, DT_STRTAB, DT_HASH, DT_GNU_HASH, DT_RELA,
	DT_REL, DT_RELR, DT_JMPREL, DT_VERSYM, DT_VERNEED, DT_VERDEF};

static bool check_tables(const struct elf *e, const struct preflight_site *site, struct fail *f)
{
	(void)site;
	for (size_t i = 0; i < COUNT(constant_tables); i++) {
		const struct elf_segment *s;
		uint64_t address;

		if (!elf_entry(e, constant_tables[i], &address))
			continue;
		s = elf_segment_of(e, address, 1);
		if (s == NULL || (s->flags & PF_W) != 0)
			return fail_set(
				f, FAIL_INVALID, "its loader tables lie in writable memory");
	}
	return true;
}

/* --- symbols --- */

static bool exported(const struct elf_symbol *s)
{
	return s->section != SHN_UNDEF && s->bind != STB_LOCAL &&
	       (s->visibility == STV_DEFAULT || s->visibility == STV_PROTECTED);
}

static bool check_undefined(
	const struct elf_symbol *s, const struct preflight_site *site, struct fail *f)
{
	if (symbols_allowed(s->name, s->bind == STB_WEAK, site->sanitizers))
		return true;
	return fail_set(f, FAIL_INVALID, "it uses %.100s, which a provider may not: %s", s->name,
		symbols_advice(s->name));
}

static bool check_exported(const struct elf_symbol *s, struct fail *f)
{
	if (strcmp(s->name, ENTRY_SYMBOL) != 0)
		return fail_set(f, FAIL_INVALID,
			"it exports %.100s; a provider exports " ENTRY_SYMBOL " alone", s->name);
	if (s->type != STT_FUNC)
		return fail_set(f, FAIL_INVALID, "its " ENTRY_SYMBOL " is not a function");
	return true;
}

static bool check_symbol(
	const struct elf *e, size_t i, const struct preflight_site *site, struct fail *f)
{
	struct elf_symbol s;

	if (!elf_symbol(e, i, &s))
		return fail_set(f, FAIL_INVALID, "the name of symbol %zu is damaged", i);
	if (s.bind == STB_GNU_UNIQUE)
		return fail_set(f, FAIL_INVALID,
			"it has the process-wide symbol %.100s (STB_GNU_UNIQUE); compile with "
			"-fno-gnu-unique",
			s.name);
	if (s.type == STT_GNU_IFUNC)
		return fail_set(f, FAIL_INVALID,
			"its symbol %.100s runs code while it is loaded (ifunc)", s.name);
	if (s.section == SHN_UNDEF && !check_undefined(&s, site, f))
		return false;
	return !exported(&s) || check_exported(&s, f);
}

/* The others are refused one by one. */
static bool check_entry(const struct elf *e, struct fail *f)
{
	for (size_t i = 1; i < e->symbol_count; i++) {
		struct elf_symbol s;

		if (elf_symbol(e, i, &s) && exported(&s) && strcmp(s.name, ENTRY_SYMBOL) == 0)
			return true;
	}
	return fail_set(f, FAIL_INVALID, "it does not export " ENTRY_SYMBOL);
}

static bool check_symbols(const struct elf *e, const struct preflight_site *site, struct fail *f)
{
	for (size_t i = 1; i < e->symbol_count; i++) {
		if (!check_symbol(e, i, site, f))
			return false;
	}
	return check_entry(e, f);
}

/* --- relocations --- */

static const struct {
	uint16_t machine;
	uint32_t type;
	const char *why;
} reloc_types[] = {
	{EM_X86_64, R_X86_64_IRELATIVE, "it runs code while it is loaded (ifunc)"},
	{EM_X86_64, R_X86_64_TPOFF64, "it needs static thread-local memory"},
	{EM_AARCH64, R_AARCH64_IRELATIVE, "it runs code while it is loaded (ifunc)"},
	{EM_AARCH64, R_AARCH64_TLS_TPREL, "it needs static thread-local memory"},
	{EM_386, R_386_IRELATIVE, "it runs code while it is loaded (ifunc)"},
	{EM_386, R_386_TLS_TPOFF, "it needs static thread-local memory"},
	{EM_ARM, R_ARM_IRELATIVE, "it runs code while it is loaded (ifunc)"},
	{EM_ARM, R_ARM_TLS_TPOFF32, "it needs static thread-local memory"},
	{EM_RISCV, 58 /* R_RISCV_IRELATIVE */, "it runs code while it is loaded (ifunc)"},
	{EM_RISCV, R_RISCV_TLS_TPREL64, "it needs static thread-local memory"},
};

struct reloc_finding {
	const struct elf *e;
	const char *why; /* NULL: nothing found */
};

static bool in_dynamic(const struct elf *e, uint64_t address)
{
	for (size_t i = 0; i < e->segment_count; i++) {
		const struct elf_segment *s = &e->segments[i];

		if (s->type == PT_DYNAMIC && address + 8 > s->address &&
			address < s->address + s->memory_size)
			return true;
	}
	return false;
}

static void look_at_reloc(const struct elf_reloc *reloc, void *ctx)
{
	struct reloc_finding *found = ctx;
	const struct elf_segment *s;

	if (found->why != NULL || reloc->type == 0) /* type 0 is "none" on every machine */
		return;
	s = elf_segment_of(found->e, reloc->offset, found->e->wide ? 8 : 4);
	if (s == NULL || (s->flags & PF_W) == 0)
		found->why = "a relocation would change memory that is not writable; use -fPIC";
	else if (in_dynamic(found->e, reloc->offset))
		found->why = "a relocation would change its loader tables";
	for (size_t i = 0; i < COUNT(reloc_types); i++) {
		if (reloc_types[i].machine == found->e->machine &&
			reloc_types[i].type == reloc->type)
			found->why = reloc_types[i].why;
	}
}

static bool check_relocs(const struct elf *e, const struct preflight_site *site, struct fail *f)
{
	struct reloc_finding found = {.e = e};

	(void)site;
	if (!elf_relocs(e, look_at_reloc, &found, f))
		return false;
	return found.why == NULL || fail_set(f, FAIL_INVALID, "%s", found.why);
}

/* --- version of libc --- */

struct version_finding {
	const char *running;
	const char *library;
	const char *version; /* NULL: nothing found */
};

/* "2.36" or "GLIBC_2.36" as a number that compares; -1: it is none. */
static long version_number(const char *text)
{
	char *end;
	long major = strtol(text, &end, 10);
	long minor = *end == '.' ? strtol(end + 1, &end, 10) : 0;

	if (end == text || (*end != '\0' && *end != '.') || major < 0 || major > 9999 ||
		minor < 0 || minor > 99999)
		return -1;
	return major * 100000 + minor;
}

static void look_at_version(const char *library, const char *version, void *ctx)
{
	struct version_finding *found = ctx;
	const char *prefix = "GLIBC_";

	if (found->version != NULL || !begins(version, prefix))
		return;
	if (strcmp(version, "GLIBC_ABI_DT_RELR") == 0)
		version = "GLIBC_2.36";
	if (version_number(version + strlen(prefix)) >= 0 &&
		version_number(version + strlen(prefix)) <= version_number(found->running))
		return;
	found->library = library;
	found->version = version;
}

static bool check_versions(const struct elf *e, const struct preflight_site *site, struct fail *f)
{
	struct version_finding found = {.running = site->libc_version};

	if (!elf_versions(e, look_at_version, &found, f))
		return false;
	return found.version == NULL ||
	       fail_set(f, FAIL_INVALID, "it needs %.40s of %.40s, this machine has GLIBC_%s",
		       found.version, found.library, site->libc_version);
}

static bool check_startup(const struct elf *e, const struct preflight_site *site, struct fail *f)
{
	return site->sanitizers || startup_is_harmless(e, f);
}

/* --- the table --- */

typedef bool rule(const struct elf *e, const struct preflight_site *site, struct fail *f);

static rule *const rules[] = {
	check_segments, /* a program is told so before its many symbols are */
	check_entries,
	check_libraries,
	check_tables,
	check_symbols,
	check_versions,
	check_relocs,
	check_startup,
};

bool preflight_open(struct elf *e, const void *bytes, size_t n, const struct preflight_site *site,
	struct fail *f)
{
	return elf_open_head(e, bytes, n, f) && check_machine(e, site, f) && elf_open_dynamic(e, f);
}

bool preflight_check(const struct elf *e, const struct preflight_site *site, struct fail *f)
{
	for (size_t i = 0; i < COUNT(rules); i++) {
		if (!rules[i](e, site, f))
			return false;
	}
	return true;
}

/* --- all that is wrong --- */

struct listing {
	preflight_found *found;
	void *ctx;
	size_t n;
};

static void note(struct listing *l, bool ok, const struct fail *f)
{
	if (ok)
		return;
	l->n++;
	l->found(f, l->ctx);
}

size_t preflight_list(
	const struct elf *e, const struct preflight_site *site, preflight_found *found, void *ctx)
{
	struct listing l = {found, ctx, 0};
	struct fail f = {0};

	for (size_t i = 0; i < COUNT(rules); i++) {
		if (rules[i] != check_libraries && rules[i] != check_symbols)
			note(&l, rules[i](e, site, &f), &f);
	}
	for (size_t i = 0; i < e->entry_count; i++)
		note(&l, check_library(e, i, site, &f), &f);
	for (size_t i = 1; i < e->symbol_count; i++)
		note(&l, check_symbol(e, i, site, &f), &f);
	note(&l, check_entry(e, &f), &f);
	return l.n;
}
