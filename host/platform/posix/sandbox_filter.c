/* Filters of system calls: a table becomes a program for the kernel (seccomp, cBPF). */
#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "platform/posix/sandbox_part.h"

#if defined(__x86_64__)
#define MACHINE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define MACHINE AUDIT_ARCH_AARCH64
#endif

#define ROOM  2048
#define KNOWN 470 /* calls above are of kernels that were not thought of */

#define REFUSED (SECCOMP_RET_ERRNO | EPERM)
#define MISSING (SECCOMP_RET_ERRNO | ENOSYS)

#ifdef MACHINE

struct program {
	struct sock_filter code[ROOM];
	size_t n;
};

static void put(struct program *p, uint16_t code, uint32_t k, uint8_t yes, uint8_t no)
{
	if (p->n < ROOM)
		p->code[p->n] = (struct sock_filter){code, yes, no, k};
	p->n++;
}

static void put_load(struct program *p, size_t offset)
{
	put(p, BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset, 0, 0);
}

static void put_return(struct program *p, uint32_t action)
{
	put(p, BPF_RET | BPF_K, action, 0, 0);
}

/* Both kinds of machines are little-endian. */
static size_t lower_half(uint8_t arg)
{
	return offsetof(struct seccomp_data, args) + (size_t)arg * sizeof(uint64_t);
}

/* "If the loaded word tests so, do one thing, else the other." */
static void put_choice(
	struct program *p, uint16_t test, uint32_t k, uint32_t if_true, uint32_t if_false)
{
	put(p, BPF_JMP | test | BPF_K, k, 0, 1);
	put_return(p, if_true);
	put_return(p, if_false);
}

static void put_values(struct program *p, const struct sandbox_call *c)
{
	put_load(p, lower_half(c->arg));
	for (uint8_t i = 0; i < c->value_count; i++) {
		put(p, BPF_JMP | BPF_JEQ | BPF_K, c->values[i], 0, 1);
		put_return(p, SECCOMP_RET_ALLOW);
	}
	put_return(p, REFUSED);
}

static void put_null(struct program *p, const struct sandbox_call *c)
{
	put_load(p, lower_half(c->arg));
	put(p, BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0);
	put_return(p, REFUSED);
	put_load(p, lower_half(c->arg) + sizeof(uint32_t));
	put_choice(p, BPF_JEQ, 0, SECCOMP_RET_ALLOW, REFUSED);
}

/* Allowed if argument arg is 0, and argument 0 the first value if there is one. */
static void put_own(struct program *p, const struct sandbox_call *c)
{
	if (c->value_count > 0) {
		put_load(p, lower_half(0));
		put(p, BPF_JMP | BPF_JEQ | BPF_K, c->values[0], 1, 0);
		put_return(p, REFUSED);
	}
	put_load(p, lower_half(c->arg));
	put_choice(p, BPF_JEQ, 0, SECCOMP_RET_ALLOW, REFUSED);
}

static void put_ask_or_own(struct program *p, const struct sandbox_call *c)
{
	put_load(p, lower_half(0));
	put(p, BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1);
	put_return(p, SECCOMP_RET_ALLOW);
	put_null(p, c);
}

static void put_rule(struct program *p, const struct sandbox_call *c)
{
	switch ((enum sandbox_rule)c->rule) {
	case RULE_ALLOW:
		put_return(p, SECCOMP_RET_ALLOW);
		break;
	case RULE_REFUSE:
		put_return(p, REFUSED);
		break;
	case RULE_NOSYS:
		put_return(p, MISSING);
		break;
	case RULE_ANY_OF:
		put_load(p, lower_half(c->arg));
		put_choice(p, BPF_JSET, c->values[0], SECCOMP_RET_ALLOW, REFUSED);
		break;
	case RULE_NONE_OF:
		put_load(p, lower_half(c->arg));
		put_choice(p, BPF_JSET, c->values[0], REFUSED, SECCOMP_RET_ALLOW);
		break;
	case RULE_IS:
		put_values(p, c);
		break;
	case RULE_SELF:
		put_load(p, lower_half(0));
		put_choice(p, BPF_JEQ, (uint32_t)getpid(), SECCOMP_RET_ALLOW, REFUSED);
		break;
	case RULE_NULL:
		put_null(p, c);
		break;
	case RULE_OWN:
		put_own(p, c);
		break;
	case RULE_ASK_OR_OWN:
		put_ask_or_own(p, c);
		break;
	}
}

static void put_call(struct program *p, const struct sandbox_call *c)
{
	size_t test = p->n;

	put(p, BPF_JMP | BPF_JEQ | BPF_K, c->nr, 0, 0);
	put_rule(p, c);
	if (test < ROOM)
		p->code[test].jf = (uint8_t)(p->n - test - 1);
}

/* Calls of another machine's numbering (32 bits, x32) would pass by the table. */
static void put_head(struct program *p)
{
	put_load(p, offsetof(struct seccomp_data, arch));
	put(p, BPF_JMP | BPF_JEQ | BPF_K, MACHINE, 1, 0);
	put_return(p, REFUSED);
	put_load(p, offsetof(struct seccomp_data, nr));
	put(p, BPF_JMP | BPF_JGT | BPF_K, KNOWN, 0, 1);
	put_return(p, MISSING);
}

int sandbox_filter(const struct sandbox_calls *calls, uint8_t when)
{
	struct program p = {.n = 0};
	struct sock_fprog code = {.filter = p.code};

	put_head(&p);
	for (size_t i = 0; i < calls->count; i++) {
		if ((calls->calls[i].when & when) != 0)
			put_call(&p, &calls->calls[i]);
	}
	put_return(&p, calls->refuse_others ? REFUSED : SECCOMP_RET_ALLOW);
	if (p.n > ROOM)
		return E2BIG;
	code.len = (unsigned short)p.n;
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &code) == 0)
		return 0;
	return errno > 0 ? errno : EBUSY; /* a thread that could not follow: its number */
}

#else

int sandbox_filter(const struct sandbox_calls *calls, uint8_t when)
{
	(void)calls;
	(void)when;
	return ENOSYS;
}

#endif
