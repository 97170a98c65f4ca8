/*
 * preflight - may this file be loaded into the daemon? Answered from its bytes alone: one
 * table of rules, each with one sentence. What the rules cannot see (an instruction that
 * enters the kernel by itself) is what isolation is for. [any thread]
 */
#ifndef HOST_PROVIDER_PREFLIGHT_H
#define HOST_PROVIDER_PREFLIGHT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct elf;
struct fail;

struct preflight_site {
	uint16_t machine;         /* EM_… this daemon runs on */
	const char *libc_version; /* "2.36" */
	bool sanitizers;          /* let instrumented builds through */
};

/* The daemon's own. */
struct preflight_site preflight_here(void);

/* Opens the file in memory: ELF of this machine, sound, a shared object. */
bool preflight_open(struct elf *e, const void *bytes, size_t n, const struct preflight_site *site,
	struct fail *f);

/* Does the opened file keep the rules? *f names the first that is broken. */
bool preflight_check(const struct elf *e, const struct preflight_site *site, struct fail *f);

/* The same, but calls found for every rule that is broken, and for every library and symbol of
 * its own; how often. */
typedef void preflight_found(const struct fail *why, void *ctx);
size_t preflight_list(
	const struct elf *e, const struct preflight_site *site, preflight_found *found, void *ctx);

#endif
