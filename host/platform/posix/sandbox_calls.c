/*
 * Which system calls are allowed. A process that serves one provider is given a list of what it
 * may; any other program a list of what it may not.
 */
#include <fcntl.h>
#include <linux/sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "platform/posix/sandbox_part.h"

#define BOTH (WHEN_LOADING | WHEN_SERVING)
#define ANY  (WHEN_NET | WHEN_UNIX | WHEN_OWN)

/* Newer than the headers of some systems; the same numbers on all machines. */
#define NR_IO_URING      425 /* _setup, _enter, _register */
#define NR_OPEN_TREE     428 /* move_mount, fsopen, fsconfig, fsmount, fspick: 429 to 433 */
#define NR_PIDFD_GETFD   438
#define NR_MOUNT_SETATTR 442

#define IOPRIO_PROCESS 1 /* no header of the C library has it */

#define CALL(name)                                                                                 \
	{                                                                                          \
		.nr = SYS_##name, .rule = RULE_ALLOW, .when = BOTH                                 \
	}
#define LOADING(name)                                                                              \
	{                                                                                          \
		.nr = SYS_##name, .rule = RULE_ALLOW, .when = WHEN_LOADING                         \
	}
#define SELF(name)                                                                                 \
	{                                                                                          \
		.nr = SYS_##name, .rule = RULE_SELF, .when = BOTH                                  \
	}
#define NEVER(name)                                                                                \
	{                                                                                          \
		.nr = SYS_##name, .rule = RULE_REFUSE, .when = ANY                                 \
	}
#define NEVER_NR(number)                                                                           \
	{                                                                                          \
		.nr = (number), .rule = RULE_REFUSE, .when = ANY                                   \
	}
#define CASE(name, r, a, w, count, ...)                                                            \
	{                                                                                          \
		.nr = SYS_##name, .rule = (r), .arg = (a), .when = (w), .value_count = (count),    \
		.values = {                                                                        \
			__VA_ARGS__                                                                \
		}                                                                                  \
	}

#define NEW_SPACES                                                                                 \
	(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER |             \
		CLONE_NEWPID | CLONE_NEWNET)

/* The most frequent first: older kernels go through the list for each call. */
static const struct sandbox_call worker[] = {
	CALL(read),
	CALL(write),
	CALL(recvmsg),
	CALL(sendmsg),
	CALL(recvfrom),
	CALL(sendto),
	CALL(futex),
	CALL(pread64),
	CALL(ppoll),
	CALL(readv),
	CALL(writev),
	CALL(preadv),
	CALL(pwrite64),
	CALL(pwritev),
	CALL(lseek),
	CALL(close),
	CALL(munmap),
	CALL(mremap),
	CALL(madvise),
	CALL(brk),
	LOADING(mmap),
	LOADING(mprotect),
	CASE(mmap, RULE_NONE_OF, 2, WHEN_SERVING, 1, PROT_EXEC),
	CASE(mprotect, RULE_NONE_OF, 2, WHEN_SERVING, 1, PROT_EXEC),
	CALL(clock_gettime),
	CALL(clock_getres),
	CALL(clock_nanosleep),
	CALL(nanosleep),
	CALL(gettimeofday),
	CALL(getrandom),
	CALL(getpid),
	CALL(gettid),
	CALL(getppid),
	CALL(getuid),
	CALL(geteuid),
	CALL(getgid),
	CALL(getegid),
	CALL(uname),
	CALL(sysinfo),
	CALL(getcpu),
	CALL(getrusage),
	CALL(sched_yield),
	CALL(sched_getaffinity),
	CALL(membarrier),
	CALL(set_robust_list),
	CALL(rseq),
	CALL(rt_sigaction),
	CALL(rt_sigprocmask),
	CALL(rt_sigreturn),
	CALL(rt_sigtimedwait),
	CALL(rt_sigpending),
	CALL(rt_sigsuspend),
	CALL(sigaltstack),
	CALL(restart_syscall),
	CALL(exit),
	CALL(exit_group),
	CALL(fstat),
	CALL(dup),
	CALL(dup3),
	CALL(pipe2),
	CALL(eventfd2),
	CALL(epoll_create1),
	CALL(epoll_ctl),
	CALL(epoll_pwait),
	CALL(timerfd_create),
	CALL(timerfd_settime),
	CALL(timerfd_gettime),
	CALL(shutdown),
	CALL(getsockopt),
	SELF(kill),
	SELF(tgkill),
	SELF(rt_sigqueueinfo),
	SELF(rt_tgsigqueueinfo),
	CASE(clone, RULE_ANY_OF, 0, BOTH, 1, CLONE_THREAD),
	{.nr = SYS_clone3, .rule = RULE_NOSYS, .when = BOTH}, /* its flags cannot be seen */
	CASE(prlimit64, RULE_NULL, 2, BOTH, 0, 0),            /* asking alone */
	/* Who owns a descriptor's signals would be a way to send some: no F_SETOWN, no FIOSETOWN.
         */
	CASE(fcntl, RULE_IS, 1, BOTH, 7, F_GETFL, F_SETFL, F_GETFD, F_SETFD, F_DUPFD,
		F_DUPFD_CLOEXEC, F_GETPIPE_SZ),
	CASE(ioctl, RULE_IS, 1, BOTH, 2, FIONREAD, TCGETS),
	CASE(prctl, RULE_IS, 0, BOTH, 4, PR_SET_NAME, PR_GET_NAME, PR_SET_VMA, PR_GET_DUMPABLE),
	LOADING(seccomp),
	LOADING(openat),
	LOADING(newfstatat),
	LOADING(statx),
	LOADING(readlinkat),
	LOADING(faccessat),
	LOADING(getcwd),
	LOADING(getdents64),
	LOADING(fadvise64),
#ifdef __x86_64__
	CALL(poll),
	CALL(dup2),
	CALL(pipe),
	CALL(epoll_wait),
	CALL(time),
	CALL(getrlimit),
	LOADING(open),
	LOADING(stat),
	LOADING(lstat),
	LOADING(access),
	LOADING(readlink),
#endif
};

const struct sandbox_calls sandbox_worker_calls = {worker, COUNT(worker), true};

static const struct sandbox_call program[] = {
	/* Sockets. Others of their kinds speak to devices, hosts of machines or the kernel. */
	CASE(socket, RULE_IS, 0, WHEN_NET, 4, AF_UNIX, AF_INET, AF_INET6, AF_NETLINK),
	CASE(socket, RULE_IS, 0, WHEN_UNIX | WHEN_OWN, 1, AF_UNIX),
	{.nr = SYS_connect, .rule = RULE_REFUSE, .when = WHEN_OWN},
	CASE(sendto, RULE_NULL, 4, WHEN_OWN, 0, 0), /* to whom it is connected already */
	/* Other processes. */
	NEVER(ptrace),
	NEVER(process_vm_readv),
	NEVER(process_vm_writev),
	NEVER(process_madvise),
	NEVER(kcmp),
	NEVER_NR(NR_PIDFD_GETFD),
	/* The kernel asks for no more than the same user; landlock does not ask. */
	CASE(prlimit64, RULE_ASK_OR_OWN, 2, WHEN_SHARED, 0, 0),
	CASE(setpriority, RULE_OWN, 1, WHEN_SHARED, 1, PRIO_PROCESS),
	CASE(ioprio_set, RULE_OWN, 1, WHEN_SHARED, 1, IOPRIO_PROCESS),
	CASE(sched_setaffinity, RULE_OWN, 0, WHEN_SHARED, 0, 0),
	CASE(sched_setscheduler, RULE_OWN, 0, WHEN_SHARED, 0, 0),
	CASE(sched_setparam, RULE_OWN, 0, WHEN_SHARED, 0, 0),
	CASE(sched_setattr, RULE_OWN, 0, WHEN_SHARED, 0, 0),
	/* Namespaces and mounts. */
	CASE(clone, RULE_NONE_OF, 0, ANY, 1, NEW_SPACES),
	{.nr = SYS_clone3, .rule = RULE_NOSYS, .when = ANY},
	NEVER(unshare),
	NEVER(setns),
	NEVER(mount),
	NEVER(umount2),
	NEVER(pivot_root),
	NEVER(chroot),
	NEVER_NR(NR_OPEN_TREE),
	NEVER_NR(NR_OPEN_TREE + 1),
	NEVER_NR(NR_OPEN_TREE + 2),
	NEVER_NR(NR_OPEN_TREE + 3),
	NEVER_NR(NR_OPEN_TREE + 4),
	NEVER_NR(NR_OPEN_TREE + 5),
	NEVER_NR(NR_MOUNT_SETATTR),
	NEVER(open_by_handle_at),
	/* The kernel. */
	NEVER(bpf),
	NEVER(perf_event_open),
	NEVER(userfaultfd),
	NEVER_NR(NR_IO_URING),
	NEVER_NR(NR_IO_URING + 1),
	NEVER_NR(NR_IO_URING + 2),
	NEVER(keyctl),
	NEVER(add_key),
	NEVER(request_key),
	NEVER(kexec_load),
	NEVER(init_module),
	NEVER(finit_module),
	NEVER(delete_module),
	NEVER(syslog),
	NEVER(reboot),
	NEVER(swapon),
	NEVER(swapoff),
	NEVER(acct),
	NEVER(quotactl),
	NEVER(fanotify_init),
	NEVER(settimeofday),
	NEVER(clock_settime),
	NEVER(clock_adjtime),
	NEVER(adjtimex),
	NEVER(sethostname),
	NEVER(setdomainname),
	NEVER(vhangup),
#ifdef __x86_64__
	NEVER(iopl),
	NEVER(ioperm),
	NEVER(kexec_file_load),
	NEVER(modify_ldt),
#endif
};

const struct sandbox_calls sandbox_program_calls = {program, COUNT(program), false};
