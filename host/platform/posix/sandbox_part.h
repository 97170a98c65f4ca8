/* sandbox_part - what the files of the sandbox share. */
#ifndef HOST_PLATFORM_POSIX_SANDBOX_PART_H
#define HOST_PLATFORM_POSIX_SANDBOX_PART_H

#include <linux/filter.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "platform/sandbox.h"

/* Notes what a step got. */
void sandbox_note(struct sandbox_level *level, enum sandbox_step step, enum sandbox_got got,
	const char *fmt, ...) ATTR_PRINTF(4, 5);

/* Namespaces of its own for a process that needs no network. */
void sandbox_namespaces(struct sandbox_level *level);

/* In a user namespace just made: the same numbers inside as outside. 0 or errno. */
int sandbox_map_ids(unsigned int uid, unsigned int gid);

/* In a child: 0, or why attempt(arg) did not go. [one thread] */
int sandbox_in_child(int (*attempt)(const void *arg), const void *arg);

/* --- filters of system calls --- */

enum sandbox_rule {
	RULE_ALLOW,
	RULE_REFUSE, /* EPERM */
	RULE_NOSYS,  /* ENOSYS */
	RULE_ANY_OF, /* allowed if argument arg has one of the bits, else EPERM */
	RULE_NONE_OF,
	RULE_IS,   /* allowed if the lower half of argument arg is among the values */
	RULE_SELF, /* allowed if argument 0 is this process */
	RULE_NULL, /* allowed if all of argument arg is 0 */
	RULE_OWN, /* allowed if argument arg, a process, is 0, the caller; with a value: and only if
	             argument 0 is that */
	RULE_ASK_OR_OWN /* as RULE_NULL, or if argument 0, a process, is 0, the caller */
};

#define SANDBOX_VALUES 12

struct sandbox_call {
	uint16_t nr;
	uint8_t rule; /* enum sandbox_rule */
	uint8_t arg;
	uint8_t when; /* bits: in which filters it counts */
	uint8_t value_count;
	uint32_t values[SANDBOX_VALUES]; /* or the bits, in the first */
};

struct sandbox_calls {
	const struct sandbox_call *calls;
	size_t count;
	bool refuse_others; /* what no row names is EPERM, or else allowed */
};

enum { /* bits of when */
	WHEN_LOADING = 1,
	WHEN_SERVING = 2,
	WHEN_NET = 4, /* programs: enum sandbox_sockets */
	WHEN_UNIX = 8,
	WHEN_OWN = 16,
	WHEN_SHARED = 32 /* programs whose user has other processes */
};

extern const struct sandbox_calls sandbox_worker_calls;
extern const struct sandbox_calls sandbox_program_calls;

/* Installs what counts at when, for all threads; 0 or errno. */
int sandbox_filter(const struct sandbox_calls *calls, uint8_t when);

#endif
