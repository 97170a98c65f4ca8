/*
 * What runs at load: DT_INIT and the entries of DT_INIT_ARRAY. GNU toolchains put one
 * function into each: _init calls __gmon_start__ if there is one, frame_dummy jumps to
 * register_tm_clones, which calls _ITM_registerTMCloneTable if there is one. Their code is
 * known; anything else is a constructor of the provider and refused.
 */
#include "provider/startup.h"

#include <elf.h>
#include <string.h>

#include "base/attr.h"
#include "base/fail.h"
#include "provider/elf.h"

/*
 * Code as hexadecimal bytes. "??" is any byte (a displacement, or filling that no jump
 * reaches). "@@" is a displacement of four bytes to the slot of the symbol named in the form;
 * ">>" one to the next form.
 */
struct form {
	uint16_t machine;
	const char *code;
	const char *slot;
	const struct form *next;
};

static const struct form register_clones = {
	.machine = EM_X86_64,
	.code = "48 8d 3d ?? ?? ?? ?? 48 8d 35 ?? ?? ?? ?? 48 29 fe 48 89 f0 48 c1 ee 3f "
		"48 c1 f8 03 48 01 c6 48 d1 fe 74 14 48 8b 05 @@ 48 85 c0 74 08 ff e0 "
		"?? ?? ?? ?? ?? ?? c3",
	.slot = "_ITM_registerTMCloneTable",
};

static const struct form array_forms[] = {
	{EM_X86_64, "f3 0f 1e fa e9 >>", NULL, &register_clones},
	{EM_X86_64, "e9 >>", NULL, &register_clones},
};

static const struct form init_forms[] = {
	{EM_X86_64, "f3 0f 1e fa 48 83 ec 08 48 8b 05 @@ 48 85 c0 74 02 ff d0 48 83 c4 08 c3",
		"__gmon_start__", NULL},
	{EM_X86_64, "48 83 ec 08 48 8b 05 @@ 48 85 c0 74 02 ff d0 48 83 c4 08 c3", "__gmon_start__",
		NULL},
};

/* What the relocations say about one word. */
struct patch {
	const struct elf *e;
	uint64_t address;
	unsigned count;
	struct elf_reloc last;
};

static void note_patch(const struct elf_reloc *reloc, void *ctx)
{
	struct patch *p = ctx;
	uint64_t word = p->e->wide ? 8 : 4;

	/* Overlap counts: a relocation beside the word may still reach into it. */
	if (reloc->offset + word <= p->address || reloc->offset >= p->address + word)
		return;
	p->count++;
	p->last = *reloc;
}

static struct patch patch_of(const struct elf *e, uint64_t address)
{
	struct patch p = {.e = e, .address = address};

	(void)elf_relocs(e, note_patch, &p, NULL); /* they were walked before: cannot fail */
	return p;
}

static bool slot_is_of(const struct elf *e, uint64_t address, const char *symbol)
{
	struct patch p = patch_of(e, address);
	struct elf_symbol s;

	return p.count == 1 && p.last.offset == address && p.last.symbol != 0 &&
	       elf_symbol(e, p.last.symbol, &s) && strcmp(s.name, symbol) == 0;
}

/* Four bytes at *address as a signed displacement; *address is then after them. */
static bool follow(const struct elf *e, uint64_t *address, uint64_t *ret_target)
{
	const uint8_t *p = elf_at(e, *address, 4);

	if (p == NULL)
		return false;
	*address += 4;
	*ret_target = *address + (uint64_t)(int64_t)(int32_t)(uint32_t)elf_load(p, 4);
	return true;
}

static unsigned hex_digit(char c)
{
	return (unsigned)(c <= '9' ? c - '0' : c - 'a' + 10);
}

static bool byte_is(const struct elf *e, uint64_t address, const char *code)
{
	const uint8_t *p = elf_at(e, address, 1);

	return p != NULL &&
	       (code[0] == '?' || *p == (hex_digit(code[0]) << 4 | hex_digit(code[1])));
}

/* Does the code at *address match? *address becomes that of the next form, if there is one. */
static bool form_matches(const struct elf *e, const struct form *form, uint64_t *address)
{
	uint64_t at = *address;
	uint64_t target = 0;

	for (const char *code = form->code; *code != '\0'; code += code[2] == ' ' ? 3 : 2) {
		if (*code != '@' && *code != '>') {
			if (!byte_is(e, at++, code))
				return false;
			continue;
		}
		if (!follow(e, &at, &target))
			return false;
		if (*code == '@' && !slot_is_of(e, target, form->slot))
			return false;
	}
	*address = target;
	return true;
}

static bool code_is_constant(const struct elf *e, uint64_t address)
{
	const struct elf_segment *s = elf_segment_of(e, address, 1);

	return s != NULL && (s->flags & PF_W) == 0;
}

static bool known(const struct elf *e, const struct form *forms, size_t count, uint64_t address)
{
	for (size_t i = 0; i < count; i++) {
		const struct form *form = &forms[i];
		uint64_t at = address;

		while (form != NULL && form->machine == e->machine && code_is_constant(e, at) &&
			form_matches(e, form, &at))
			form = form->next;
		if (form == NULL)
			return true;
	}
	return false;
}

/* The function that the array's only entry will hold after relocation. */
static bool array_target(const struct elf *e, uint64_t slot, uint64_t *ret_target)
{
	struct patch p = patch_of(e, slot);

	if (p.count != 1 || p.last.offset != slot || p.last.symbol != 0)
		return false;
	if (!p.last.has_addend)
		return elf_load_word(e, slot, ret_target);
	*ret_target = p.last.addend;
	return true;
}

#define ADVICE "; remove it, or link without startup code (-nostartfiles) if it is the compiler's"

static bool array_is_harmless(const struct elf *e, struct fail *f)
{
	uint64_t address = 0;
	uint64_t size = 0;
	uint64_t target;

	if (!elf_entry(e, DT_INIT_ARRAYSZ, &size))
		return !elf_entry(e, DT_INIT_ARRAY, NULL) ||
		       fail_set(f, FAIL_INVALID, "its list of constructors is damaged");
	if (size == 0)
		return true;
	if (size != (e->wide ? 8u : 4u))
		return fail_set(f, FAIL_INVALID,
			"it has %llu functions that run while it is loaded (constructors)",
			(unsigned long long)(size / (e->wide ? 8u : 4u)));
	if (!elf_entry(e, DT_INIT_ARRAY, &address) || !array_target(e, address, &target) ||
		!known(e, array_forms, COUNT(array_forms), target))
		return fail_set(f, FAIL_INVALID,
			"it has a function that runs while it is loaded (a constructor)" ADVICE);
	return true;
}

static bool init_is_harmless(const struct elf *e, struct fail *f)
{
	uint64_t address;

	if (elf_entry(e, DT_INIT, &address) && !known(e, init_forms, COUNT(init_forms), address))
		return fail_set(f, FAIL_INVALID,
			"it has a function that runs while it is loaded (DT_INIT)" ADVICE);
	return true;
}

bool startup_is_harmless(const struct elf *e, struct fail *f)
{
	uint64_t size;

	if (elf_entry(e, DT_PREINIT_ARRAY, NULL))
		return fail_set(f, FAIL_INVALID,
			"it has functions that run before it is loaded (DT_PREINIT_ARRAY)");
	if (elf_entry(e, DT_FINI_ARRAYSZ, &size) && size > (e->wide ? 8u : 4u))
		return fail_set(f, FAIL_INVALID,
			"it has functions that run when the process ends (destructors)");
	return array_is_harmless(e, f) && init_is_harmless(e, f);
}
