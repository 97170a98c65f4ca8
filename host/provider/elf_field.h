/* elf_field - one member of an ELF structure of either word size, read without alignment. For
 * elf.c and elf_lists.c only. */
#ifndef HOST_PROVIDER_ELF_FIELD_H
#define HOST_PROVIDER_ELF_FIELD_H

#include <stddef.h>

#include "provider/elf.h"

/* clang-format off */
/* NOLINTBEGIN(bugprone-macro-parentheses): wide_type and narrow_type are types. */
#define ELF_FIELD(e, p, wide_type, narrow_type, member)                                            \
	((e)->wide                                                                                 \
		? elf_load((p) + offsetof(wide_type, member), sizeof(((wide_type *)0)->member))    \
		: elf_load((p) + offsetof(narrow_type, member), sizeof(((narrow_type *)0)->member)))
/* NOLINTEND(bugprone-macro-parentheses) */
/* clang-format on */

/* How many symbols the loader can reach by name or by relocation; 0: damaged. */
uint64_t elf_count_symbols(const struct elf *e);

#endif
