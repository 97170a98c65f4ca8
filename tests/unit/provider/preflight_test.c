/*
 * Files that may and may not be loaded: real ones, each breaking one rule, and one good file
 * with bytes of it changed or cut off.
 */
#include "provider/preflight.h"

#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/fail.h"
#include "provider/elf.h"
#include "provider/manifest.h"
#include "unit/cmocka.h"
#include "unit/provider/file.h"

/* As a release is: what instrumented builds are let through with is tested by name. */
static struct preflight_site release_site(void)
{
	struct preflight_site site = preflight_here();

	site.sanitizers = false;
	return site;
}

static bool look(const struct file *file, const struct preflight_site *site, struct fail *f)
{
	struct elf *e = malloc(sizeof(*e));
	json_t *manifest = NULL;
	bool ok;

	assert_non_null(e);
	ok = preflight_open(e, file->bytes, file->n, site, f) &&
	     (manifest = manifest_read(e, f)) != NULL && preflight_check(e, site, f);
	json_decref(manifest);
	free(e);
	return ok;
}

/* --- whole files --- */

static const struct {
	const char *name;
	const char *why; /* NULL: it may be loaded */
} files[] = {
	{"good.so", NULL},
	{"good_math.so", NULL},
	{"good_bare.so", NULL},
	{"good_relr.so", NULL},
	{"probe_note.c", "not an ELF file"},
	{"provider_program", "a program"},
	{"no_manifest.so", "no manifest"},
	{"second_manifest.so", "2 manifests"},
	{"socket.so", "it uses socket, which a provider may not: the network"},
	{"open.so", "it uses fopen, which a provider may not: files"},
	{"fork.so", "it uses fork, which a provider may not: processes"},
	{"thread.so", "it uses pthread_create, which a provider may not: the host runs"},
	{"setenv.so", "it uses setenv"},
	{"signal.so", "it uses raise"},
	{"print.so", "it uses puts, which a provider may not: messages"},
	{"weak.so", "it uses unlink"},
	{"two_symbols.so", "it exports also_me"},
	{"library.so", "it needs the library libjansson"},
	{"constructor.so", "2 functions that run while it is loaded"},
	{"lone_constructor.so", "a function that runs while it is loaded (a constructor)"},
	{"own_init.so", "a function that runs while it is loaded (DT_INIT)"},
	{"destructor.so", "run when the process ends"},
	{"ifunc.so", "runs code while it is loaded (ifunc)"},
	{"thread_local.so", "thread-local"},
	{"static_tls.so", "thread-local"},
	{"unique.so", "one_for_all"},
	{"executable_stack.so", "executable stack"},
	{"runpath.so", "DT_RUNPATH"},
	{"rpath.so", "DT_RPATH"},
	{"text_relocations.so", "text relocations"},
	{"filter.so", "DT_FILTER"},
};

static void each_rule_refuses_the_file_that_breaks_it(void **state)
{
	struct preflight_site site = release_site();

	(void)state;
	for (size_t i = 0; i < COUNT(files); i++) {
		struct fail f = {0};
		char path[400];
		struct file file;
		bool ok;

		(void)snprintf(path, sizeof(path), PROBES "%s", files[i].name);
		file = file_read(path);
		ok = look(&file, &site, &f);
		if (ok != (files[i].why == NULL))
			fail_msg("%s: %s", files[i].name, ok ? "was let through" : f.text);
		if (files[i].why != NULL && strstr(f.text, files[i].why) == NULL)
			fail_msg("%s: '%s' is not in: %s", files[i].name, files[i].why, f.text);
		file_finish(&file);
	}
}

static void a_newer_libc_is_asked_for_with_both_versions(void **state)
{
	struct preflight_site site = release_site();
	struct file file = file_read(PROBES "good_math.so");
	struct fail f = {0};

	(void)state;
	site.libc_version = "2.2";
	assert_false(look(&file, &site, &f));
	assert_non_null(strstr(f.text, "it needs GLIBC_2."));
	assert_non_null(strstr(f.text, "this machine has GLIBC_2.2"));
	site.libc_version = "2.1000";
	assert_true(look(&file, &site, &f));
	file_finish(&file);
}

static void another_machine_is_named(void **state)
{
	struct preflight_site site = release_site();
	struct file file = file_read(PROBES "good.so");
	struct fail f = {0};

	(void)state;
	file.bytes[offsetof(Elf64_Ehdr, e_machine)] = EM_SPARC;
	assert_false(look(&file, &site, &f));
	assert_non_null(strstr(f.text, "built for another machine, this daemon runs on"));
	file_finish(&file);
}

/* --- one byte of the head --- */

static const struct {
	size_t offset;
	uint8_t value;
	const char *why;
} heads[] = {
	{0, 'X', "not an ELF file"},
	{EI_DATA, ELFDATA2MSB, "big endian"},
	{EI_CLASS, sizeof(void *) == 8 ? ELFCLASS32 : ELFCLASS64, "bit"},
	{EI_CLASS, 7, "damaged"},
	{offsetof(Elf64_Ehdr, e_type), ET_EXEC, "not a shared object"},
	{offsetof(Elf64_Ehdr, e_type), ET_REL, "not a shared object"},
	{offsetof(Elf64_Ehdr, e_phnum), 0, "no program headers"},
	{offsetof(Elf64_Ehdr, e_phnum), 200, "segments"},
	{offsetof(Elf64_Ehdr, e_phentsize), 1, "no program headers"},
	{offsetof(Elf64_Ehdr, e_phoff) + 6, 0x7f, "past its end"},
};

static void a_wrong_head_is_told(void **state)
{
	struct preflight_site site = release_site();
	struct file good = file_read(PROBES "good.so");

	(void)state;
	for (size_t i = 0; i < COUNT(heads); i++) {
		struct file file = file_part(&good, good.n);
		struct fail f = {0};

		file.bytes[heads[i].offset] = heads[i].value;
		assert_false(look(&file, &site, &f));
		if (strstr(f.text, heads[i].why) == NULL)
			fail_msg("row %zu: '%s' is not in: %s", i, heads[i].why, f.text);
		file_finish(&file);
	}
	file_finish(&good);
}

/* --- changed structures --- */

static Elf64_Phdr *segment(struct file *file, uint32_t type, uint32_t flags)
{
	Elf64_Ehdr *head = (Elf64_Ehdr *)(void *)file->bytes;
	Elf64_Phdr *s = (Elf64_Phdr *)(void *)(file->bytes + head->e_phoff);

	for (size_t i = 0; i < head->e_phnum; i++) {
		if (s[i].p_type == type && (s[i].p_flags & flags) == flags)
			return &s[i];
	}
	fail_msg("no segment of type %u", type);
	return NULL;
}

static Elf64_Dyn *entry(struct file *file, int64_t tag)
{
	Elf64_Phdr *s = segment(file, PT_DYNAMIC, 0);
	Elf64_Dyn *d = (Elf64_Dyn *)(void *)(file->bytes + s->p_offset);

	while (d->d_tag != DT_NULL && d->d_tag != tag)
		d++;
	assert_true(d->d_tag == tag);
	return d;
}

/* The file bytes of an address, by the segment that holds it. */
static uint8_t *at(struct file *file, uint64_t address)
{
	Elf64_Ehdr *head = (Elf64_Ehdr *)(void *)file->bytes;
	Elf64_Phdr *s = (Elf64_Phdr *)(void *)(file->bytes + head->e_phoff);

	for (size_t i = 0; i < head->e_phnum; i++) {
		if (s[i].p_type == PT_LOAD && address >= s[i].p_vaddr &&
			address < s[i].p_vaddr + s[i].p_filesz)
			return file->bytes + s[i].p_offset + (address - s[i].p_vaddr);
	}
	fail_msg("no segment holds the address");
	return NULL;
}

static void make_code_writable(struct file *file)
{
	segment(file, PT_LOAD, PF_X)->p_flags |= PF_W;
}

static void lose_the_stack(struct file *file)
{
	segment(file, PT_GNU_STACK, 0)->p_type = PT_NULL;
}

static void overlap_segments(struct file *file)
{
	segment(file, PT_LOAD, PF_W)->p_vaddr = segment(file, PT_LOAD, PF_X)->p_vaddr;
}

static void lose_the_dynamic_segment(struct file *file)
{
	segment(file, PT_DYNAMIC, 0)->p_type = PT_NULL;
}

static void flag_text_relocations(struct file *file)
{
	Elf64_Dyn *d = entry(file, DT_RELACOUNT);

	d->d_tag = DT_FLAGS;
	d->d_un.d_val = DF_TEXTREL;
}

static void flag_static_tls(struct file *file)
{
	flag_text_relocations(file);
	entry(file, DT_FLAGS)->d_un.d_val = DF_STATIC_TLS;
}

static void repeat_an_entry(struct file *file)
{
	entry(file, DT_RELACOUNT)->d_tag = DT_STRTAB;
}

static void cut_the_strings(struct file *file)
{
	entry(file, DT_STRSZ)->d_un.d_val--;
}

static void end_the_strings_nowhere(struct file *file)
{
	entry(file, DT_STRSZ)->d_un.d_val = UINT64_MAX;
}

static void hide_the_symbols(struct file *file)
{
	uint8_t *hash = at(file, entry(file, DT_GNU_HASH)->d_un.d_ptr);

	memset(hash, 0xff, 16);
}

static void move_the_symbols(struct file *file)
{
	entry(file, DT_SYMTAB)->d_un.d_ptr = segment(file, PT_LOAD, PF_W)->p_vaddr;
}

static void forget_the_entry_symbol(struct file *file)
{
	uint8_t *names = at(file, entry(file, DT_STRTAB)->d_un.d_ptr);
	size_t n = entry(file, DT_STRSZ)->d_un.d_val;
	uint8_t *name = memmem(names, n, "davit_provider_query", 20);

	assert_non_null(name);
	name[0] = 'x';
}

static Elf64_Rela *first_reloc(struct file *file)
{
	return (Elf64_Rela *)(void *)at(file, entry(file, DT_RELA)->d_un.d_ptr);
}

static void relocate_code(struct file *file)
{
	first_reloc(file)->r_offset = segment(file, PT_LOAD, PF_X)->p_vaddr;
}

static void relocate_the_dynamic_segment(struct file *file)
{
	first_reloc(file)->r_offset = segment(file, PT_DYNAMIC, 0)->p_vaddr + 8;
}

static void run_code_by_relocation(struct file *file)
{
	first_reloc(file)->r_info = R_X86_64_IRELATIVE;
}

static void point_the_constructor_elsewhere(struct file *file)
{
	uint64_t slot = entry(file, DT_INIT_ARRAY)->d_un.d_ptr;
	Elf64_Rela *r = first_reloc(file);

	while (r->r_offset != slot)
		r++;
	r->r_addend = (int64_t)segment(file, PT_LOAD, PF_X)->p_vaddr;
}

static void change_a_byte_of_frame_dummy(struct file *file)
{
	uint64_t slot = entry(file, DT_INIT_ARRAY)->d_un.d_ptr;
	Elf64_Rela *r = first_reloc(file);

	while (r->r_offset != slot)
		r++;
	at(file, (uint64_t)r->r_addend)[4] = 0xe8; /* a call for the jump */
}

/* The one pointer _init follows now leads to another function of libc. */
static void give_init_another_slot(struct file *file)
{
	uint8_t *code = at(file, entry(file, DT_INIT)->d_un.d_ptr);
	size_t place = code[0] == 0xf3 ? 11 : 7; /* behind endbr64, sub, and mov's opcode */

	code[place] = (uint8_t)(code[place] + 8);
}

static void change_the_manifest(struct file *file)
{
	uint8_t *text = memmem(file->bytes, file->n, "\"Probe of the rules\"", 20);

	assert_non_null(text);
	text[1] = 'p';
}

static void misspell_the_magic(struct file *file)
{
	uint8_t *magic = memmem(file->bytes, file->n, "DAVITMF1", 8);

	assert_non_null(magic);
	magic[7] = '2';
}

static void lengthen_the_manifest(struct file *file)
{
	uint8_t *magic = memmem(file->bytes, file->n, "DAVITMF1", 8);

	assert_non_null(magic);
	magic[8]++;
}

static void swell_the_manifest(struct file *file)
{
	uint8_t *magic = memmem(file->bytes, file->n, "DAVITMF1", 8);

	assert_non_null(magic);
	magic[11] = 0x7f;
}

static const struct {
	void (*change)(struct file *file);
	const char *why;
} changes[] = {
	{make_code_writable, "both writable and executable"},
	{lose_the_stack, "executable stack"},
	{overlap_segments, "laid out wrongly"},
	{lose_the_dynamic_segment, "no dynamic segment"},
	{flag_text_relocations, "text relocations"},
	{flag_static_tls, "DF_STATIC_TLS"},
	{repeat_an_entry, "twice"},
	{cut_the_strings, "strings"},
	{end_the_strings_nowhere, "strings"},
	{hide_the_symbols, "symbol table"},
	{move_the_symbols, "loader tables"},
	{forget_the_entry_symbol, "xavit_provider_query"},
	{relocate_code, "not writable"},
	{relocate_the_dynamic_segment, "loader tables"},
	{run_code_by_relocation, "ifunc"},
	{point_the_constructor_elsewhere, "constructor"},
	{change_a_byte_of_frame_dummy, "constructor"},
	{give_init_another_slot, "DT_INIT"},
	{change_the_manifest, "SHA-256"},
	{misspell_the_magic, "DAVITMF1"},
	{lengthen_the_manifest, "length"},
	{swell_the_manifest, "larger than 256 KiB"},
};

static void a_changed_structure_is_found(void **state)
{
	struct preflight_site site = release_site();
	struct file good = file_read(PROBES "good.so");

	(void)state;
	for (size_t i = 0; i < COUNT(changes); i++) {
		struct file file = file_part(&good, good.n);
		struct fail f = {0};

		changes[i].change(&file);
		assert_false(look(&file, &site, &f));
		if (strstr(f.text, changes[i].why) == NULL)
			fail_msg("row %zu: '%s' is not in: %s", i, changes[i].why, f.text);
		file_finish(&file);
	}
	file_finish(&good);
}

/* --- any byte --- */

/* The end of what the loader maps: what lies behind it, nobody reads. */
static size_t end_of_segments(struct file *file)
{
	Elf64_Ehdr *head = (Elf64_Ehdr *)(void *)file->bytes;
	Elf64_Phdr *s = (Elf64_Phdr *)(void *)(file->bytes + head->e_phoff);
	size_t end = 0;

	for (size_t i = 0; i < head->e_phnum; i++) {
		if (s[i].p_type == PT_LOAD && s[i].p_offset + s[i].p_filesz > end)
			end = s[i].p_offset + s[i].p_filesz;
	}
	return end;
}

static void a_file_cut_off_anywhere_is_refused(void **state)
{
	struct preflight_site site = release_site();
	struct file good = file_read(PROBES "good.so");
	size_t end = end_of_segments(&good);

	(void)state;
	for (size_t n = 0; n < end; n += n < 1024 ? 1 : 37) {
		struct file file = file_part(&good, n);
		struct fail f = {0};

		if (look(&file, &site, &f))
			fail_msg("%zu of %zu bytes were taken", n, end);
		assert_true(f.text[0] != '\0');
		file_finish(&file);
	}
	file_finish(&good);
}

/* Whatever it says, it says it without reading past the end: asan and valgrind look. */
static void any_changed_byte_is_survived(void **state)
{
	static const uint8_t masks[] = {0x01, 0x80, 0xff};
	struct preflight_site site = release_site();
	struct file good = file_read(PROBES "good.so");
	size_t refused = 0;

	(void)state;
	for (size_t i = 0; i < good.n; i += i < 0x600 ? 1 : 11) {
		for (size_t m = 0; m < COUNT(masks); m++) {
			struct fail f = {0};

			good.bytes[i] ^= masks[m];
			refused += !look(&good, &site, &f);
			good.bytes[i] ^= masks[m];
		}
	}
	assert_true(refused > 100);
	file_finish(&good);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_rule_refuses_the_file_that_breaks_it),
		cmocka_unit_test(a_newer_libc_is_asked_for_with_both_versions),
		cmocka_unit_test(another_machine_is_named),
		cmocka_unit_test(a_wrong_head_is_told),
		cmocka_unit_test(a_changed_structure_is_found),
		cmocka_unit_test(a_file_cut_off_anywhere_is_refused),
		cmocka_unit_test(any_changed_byte_is_survived),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
