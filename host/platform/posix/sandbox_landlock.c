/* Landlock by its system calls: the C library has none of them, older headers few of its words. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "platform/posix/sandbox_part.h"

/* The same numbers on all machines. */
#define NR_CREATE_RULESET 444
#define NR_ADD_RULE       445
#define NR_RESTRICT_SELF  446

#define ASK_ABI      1u
#define RULE_BENEATH 1

#define FS(bit) (UINT64_C(1) << (bit))

enum { /* bits of rights to files, in the kernel's order */
	FS_EXECUTE,
	FS_WRITE_FILE,
	FS_READ_FILE,
	FS_READ_DIR,
	FS_REMOVE_DIR,
	FS_REMOVE_FILE,
	FS_MAKE_CHAR,
	FS_MAKE_DIR,
	FS_MAKE_REG,
	FS_MAKE_SOCK,
	FS_MAKE_FIFO,
	FS_MAKE_BLOCK,
	FS_MAKE_SYM,
	FS_REFER,     /* abi 2 */
	FS_TRUNCATE,  /* abi 3 */
	FS_IOCTL_DEV, /* abi 5 */
};

#define NET_TCP   UINT64_C(3) /* bind, connect: abi 4 */
#define SCOPE     UINT64_C(3) /* abstract Unix sockets, signals: abi 6 */
#define ABI_NET   4
#define ABI_SCOPE 6
#define FOR_FILES                                                                                  \
	(FS(FS_EXECUTE) | FS(FS_WRITE_FILE) | FS(FS_READ_FILE) | FS(FS_TRUNCATE) | FS(FS_IOCTL_DEV))
#define FOR_READING (FS(FS_READ_FILE) | FS(FS_READ_DIR))
#define FOR_WRITING                                                                                \
	(FS(FS_WRITE_FILE) | FS(FS_REMOVE_DIR) | FS(FS_REMOVE_FILE) | FS(FS_MAKE_DIR) |            \
		FS(FS_MAKE_REG) | FS(FS_MAKE_SOCK) | FS(FS_MAKE_FIFO) | FS(FS_MAKE_SYM) |          \
		FS(FS_REFER) | FS(FS_TRUNCATE))

struct ruleset {
	uint64_t fs;
	uint64_t net;
	uint64_t scoped;
};

struct beneath {
	uint64_t access;
	int32_t parent;
} __attribute__((packed));

int sandbox_landlock_abi(void)
{
	long abi = syscall(NR_CREATE_RULESET, NULL, 0, ASK_ABI);

	return abi > 0 ? (int)abi : 0;
}

static uint64_t handled_files(int abi)
{
	return abi >= 5   ? FS(FS_IOCTL_DEV + 1) - 1
	       : abi >= 3 ? FS(FS_TRUNCATE + 1) - 1
	       : abi >= 2 ? FS(FS_REFER + 1) - 1
	                  : FS(FS_MAKE_SYM + 1) - 1;
}

static uint64_t wanted(const struct sandbox_path *p)
{
	return ((p->access & SANDBOX_READ) != 0 ? FOR_READING : 0) |
	       ((p->access & SANDBOX_EXECUTE) != 0 ? FS(FS_EXECUTE) : 0) |
	       ((p->access & SANDBOX_WRITE) != 0 ? FOR_WRITING : 0) |
	       ((p->access & SANDBOX_DEVICE) != 0 ? FS(FS_IOCTL_DEV) : 0) |
	       ((p->access & SANDBOX_LIST) != 0 ? FS(FS_READ_DIR) : 0) |
	       ((p->access & SANDBOX_SOCKET) != 0 ? FS(FS_MAKE_SOCK) : 0) |
	       ((p->access & SANDBOX_REMOVE) != 0 ? FS(FS_REMOVE_FILE) : 0);
}

/* What is missing needs no rule. */
static int add_path(int rules, const struct sandbox_path *p, uint64_t handled)
{
	struct beneath rule = {.access = wanted(p) & handled};
	struct stat st;
	int err = 0;

	rule.parent = open(p->path, O_PATH | O_CLOEXEC);
	if (rule.parent < 0)
		return 0;
	if (fstat(rule.parent, &st) == 0 && !S_ISDIR(st.st_mode))
		rule.access &= FOR_FILES;
	if (rule.access != 0 && syscall(NR_ADD_RULE, rules, RULE_BENEATH, &rule, 0) != 0)
		err = errno;
	close(rule.parent);
	return err;
}

static int restrict_to(const struct sandbox_files *files, int abi)
{
	struct ruleset set = {
		.fs = handled_files(abi),
		.net = files->no_tcp && abi >= ABI_NET ? NET_TCP : 0,
		.scoped = abi >= ABI_SCOPE ? SCOPE : 0,
	};
	int rules = (int)syscall(NR_CREATE_RULESET, &set, sizeof(set), 0);
	int err = 0;

	if (rules < 0)
		return errno;
	for (size_t i = 0; i < files->path_count && err == 0; i++)
		err = add_path(rules, &files->paths[i], set.fs);
	if (err == 0 && syscall(NR_RESTRICT_SELF, rules, 0) != 0)
		err = errno;
	close(rules);
	return err;
}

void sandbox_landlock(const struct sandbox_files *files, struct sandbox_level *level)
{
	int abi = sandbox_landlock_abi();
	int err = abi == 0 ? errno : restrict_to(files, abi);

	if (err != 0)
		sandbox_note(
			level, SANDBOX_LANDLOCK, SANDBOX_NONE, "none (%s)", strerrordesc_np(err));
	else if (abi < ABI_SCOPE)
		sandbox_note(level, SANDBOX_LANDLOCK, SANDBOX_PARTIAL, "abi %d (files%s)", abi,
			files->no_tcp && abi >= ABI_NET ? ", tcp" : "");
	else
		sandbox_note(level, SANDBOX_LANDLOCK, SANDBOX_FULL, "abi %d", abi);
}
