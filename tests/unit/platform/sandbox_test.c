/*
 * Tests of sandbox: what a worker may not do, each tried by the raw system call in a child, and
 * what it must be able to do still. A refused call fails; it ends nobody.
 */
#include "platform/sandbox.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/attr.h"
#include "unit/cmocka.h"

#define DONE 0   /* exit status: the call was done; else its errno */
#define ODD  255 /* it could not be tried */

static int pair[2]; /* what a worker keeps beside the standard streams */

enum stage {
	FRESH,   /* nothing yet */
	LOADING, /* after sandbox_before_load() */
	SERVING, /* after sandbox_after_load() */
	NETTED,  /* a program with the network */
	UNIXED,  /* one with Unix sockets alone */
	LONELY   /* one that connects to nothing */
};

static struct sandbox_level level;

static void confine(enum stage stage)
{
	static const struct sandbox_path paths[] = {{"/etc/hostname", SANDBOX_READ, NULL}};
	int keep[] = {0, 1, 2, pair[0]};
	struct sandbox_load load = {
		.keep = keep,
		.keep_count = COUNT(keep),
		.paths = paths,
		.path_count = COUNT(paths),
		.address_space_bytes = UINT64_C(1) << 30,
		.open_files = 64,
	};

	if (stage >= NETTED) {
		sandbox_drop_rights(&level);
		sandbox_filter_program(stage == NETTED   ? SANDBOX_SOCKETS_NET
				       : stage == UNIXED ? SANDBOX_SOCKETS_UNIX
							 : SANDBOX_SOCKETS_OWN,
			true, &level);
		return;
	}
	if (stage >= LOADING)
		sandbox_before_load(&load, &level);
	if (stage >= SERVING)
		sandbox_after_load(&level);
}

/* What attempt() says in a child, where it is confined. */
static int outcome(enum stage stage, int (*attempt)(void))
{
	pid_t pid;
	int status = 0;

	fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		confine(stage);
		_exit(attempt());
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (!WIFEXITED(status))
		print_message("ended by signal %d\n", WTERMSIG(status));
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int said(long result)
{
	return result < 0 ? errno : DONE;
}

/* --- what is refused --- */

static int by_clone(unsigned long flags)
{
	long pid = syscall(SYS_clone, flags, NULL, NULL, NULL, 0);

	if (pid == 0)
		_exit(0);
	return said(pid);
}

static int try_fork(void)
{
	return by_clone(SIGCHLD);
}

static int try_vfork_flags(void)
{
	return by_clone(CLONE_PARENT | SIGCHLD);
}

static int try_clone3(void)
{
	struct clone_args args = {.exit_signal = SIGCHLD};
	long pid = syscall(SYS_clone3, &args, sizeof(args));

	if (pid == 0)
		_exit(0);
	return said(pid);
}

static int try_exec(void)
{
	static char name[] = "/bin/true";
	char *argv[] = {name, NULL};

	return said(syscall(SYS_execve, name, argv, NULL));
}

static int try_execveat(void)
{
	static char name[] = "/bin/true";
	char *argv[] = {name, NULL};

	return said(syscall(SYS_execveat, AT_FDCWD, name, argv, NULL, 0));
}

static int try_socket(void)
{
	return said(syscall(SYS_socket, AF_INET, SOCK_STREAM, 0));
}

static int try_unix_socket(void)
{
	return said(syscall(SYS_socket, AF_UNIX, SOCK_STREAM, 0));
}

static int try_socketpair(void)
{
	int ends[2];

	return said(syscall(SYS_socketpair, AF_UNIX, SOCK_STREAM, 0, ends));
}

static int try_connect(void)
{
	struct sockaddr_storage to = {.ss_family = AF_UNIX};

	return said(syscall(SYS_connect, pair[0], &to, sizeof(to)));
}

static int try_ptrace(void)
{
	return said(syscall(SYS_ptrace, PTRACE_ATTACH, getppid(), 0, 0));
}

static int try_read_memory(void)
{
	return said(syscall(SYS_process_vm_readv, getppid(), NULL, 0, NULL, 0, 0));
}

static int try_kill(void)
{
	return said(syscall(SYS_kill, getppid(), 0));
}

static int try_kill_group(void)
{
	return said(syscall(SYS_kill, 0, 0));
}

static int try_kill_all(void)
{
	return said(syscall(SYS_kill, -1, 0));
}

static int try_tgkill(void)
{
	return said(syscall(SYS_tgkill, getppid(), getppid(), 0));
}

static int try_tkill(void)
{
	return said(syscall(SYS_tkill, getppid(), 0));
}

static int try_queue(void)
{
	siginfo_t info = {.si_code = SI_QUEUE};

	return said(syscall(SYS_rt_sigqueueinfo, getppid(), 0, &info));
}

static int try_pidfd(void)
{
	return said(syscall(SYS_pidfd_open, getppid(), 0));
}

static int try_own(void)
{
	return said(syscall(SYS_fcntl, pair[0], F_SETOWN, getppid()));
}

static int try_own_by_ioctl(void)
{
	int owner = getppid();

	return said(syscall(SYS_ioctl, pair[0], 0x8901 /* FIOSETOWN */, &owner));
}

static int try_limit(void)
{
	struct rlimit limit = {1, 1};

	return said(syscall(SYS_prlimit64, getppid(), RLIMIT_CPU, &limit, NULL));
}

/* Of all processes of the user; it asks for what they have. */
static int try_priority_of_user(void)
{
	return said(syscall(SYS_setpriority, PRIO_USER, 0, 0));
}

static int try_bpf(void)
{
	return said(syscall(SYS_bpf, 0, NULL, 0));
}

static int try_perf(void)
{
	return said(syscall(SYS_perf_event_open, NULL, 0, -1, -1, 0));
}

static int try_keys(void)
{
	return said(syscall(SYS_keyctl, 0, -3, 0, 0, 0));
}

static int try_mount(void)
{
	return said(syscall(SYS_mount, "none", "/mnt", "tmpfs", 0, NULL));
}

static int try_unshare(void)
{
	return said(syscall(SYS_unshare, CLONE_NEWUSER));
}

static int try_uring(void)
{
	char params[256] = {0};

	return said(syscall(425, 1, params));
}

static int try_userfault(void)
{
	return said(syscall(SYS_userfaultfd, 1));
}

static int try_memfd(void)
{
	return said(syscall(SYS_memfd_create, "x", 0));
}

static int try_undump(void)
{
	return said(syscall(SYS_prctl, PR_SET_PDEATHSIG, 0, 0, 0, 0));
}

static int try_passwd(void)
{
	return said(syscall(SYS_openat, AT_FDCWD, "/etc/passwd", O_RDONLY));
}

static int try_write_file(void)
{
	return said(syscall(SYS_openat, AT_FDCWD, "/tmp/davit-sandbox", O_WRONLY | O_CREAT, 0600));
}

static int try_own_proc(void)
{
	return said(syscall(SYS_openat, AT_FDCWD, "/proc/self/mem", O_RDWR));
}

static int try_stat(void)
{
	struct stat st;

	return said(syscall(SYS_newfstatat, AT_FDCWD, "/etc/passwd", &st, 0));
}

static int try_libc(void)
{
	return said(syscall(SYS_openat, AT_FDCWD, "/etc/ld.so.cache", O_RDONLY));
}

static int try_hostname(void)
{
	return said(syscall(SYS_openat, AT_FDCWD, "/etc/hostname", O_RDONLY));
}

static int try_code(void)
{
	long at = syscall(SYS_mmap, NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
		MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return at < 0 && at > -4096 ? errno : DONE;
}

static int try_make_code(void)
{
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return page == MAP_FAILED ? ODD : said(syscall(SYS_mprotect, page, 4096, PROT_EXEC));
}

static int try_read_implies_exec(void)
{
	return said(syscall(SYS_personality, 0x0400000));
}

static int try_guessed(void)
{
	for (int fd = 3; fd < 1024; fd++) {
		if (fd != pair[0] && write(fd, "x", 1) == 1)
			return DONE;
	}
	return EPERM;
}

#ifdef __x86_64__
static int try_x32(void)
{
	return said(syscall(0x40000000 + SYS_getpid));
}

/* The numbering of 32 bits: 20 is getpid() there. */
static int try_int80(void)
{
	long result;

	__asm__ volatile("int $0x80" : "=a"(result) : "a"(20L) : "memory", "cc");
	return result < 0 ? (int)-result : DONE;
}
#endif

struct attempt {
	const char *name;
	int (*attempt)(void);
	enum stage from; /* refused from here on */
	int err;         /* how */
};

static const struct attempt refused[] = {
	{"fork", try_fork, LOADING, EPERM},
	{"clone with a parent's child", try_vfork_flags, LOADING, EPERM},
	{"clone3", try_clone3, LOADING, ENOSYS},
	{"execve", try_exec, LOADING, EPERM},
	{"execveat", try_execveat, LOADING, EPERM},
	{"socket", try_socket, LOADING, EPERM},
	{"a Unix socket", try_unix_socket, LOADING, EPERM},
	{"socketpair", try_socketpair, LOADING, EPERM},
	{"connect", try_connect, LOADING, EPERM},
	{"ptrace", try_ptrace, LOADING, EPERM},
	{"process_vm_readv", try_read_memory, LOADING, EPERM},
	{"kill", try_kill, LOADING, EPERM},
	{"kill of the group", try_kill_group, LOADING, EPERM},
	{"kill of all", try_kill_all, LOADING, EPERM},
	{"tgkill", try_tgkill, LOADING, EPERM},
	{"tkill", try_tkill, LOADING, EPERM},
	{"rt_sigqueueinfo", try_queue, LOADING, EPERM},
	{"pidfd_open", try_pidfd, LOADING, EPERM},
	{"F_SETOWN", try_own, LOADING, EPERM},
	{"FIOSETOWN", try_own_by_ioctl, LOADING, EPERM},
	{"prlimit of another", try_limit, LOADING, EPERM},
	{"bpf", try_bpf, LOADING, EPERM},
	{"perf_event_open", try_perf, LOADING, EPERM},
	{"keyctl", try_keys, LOADING, EPERM},
	{"mount", try_mount, LOADING, EPERM},
	{"unshare", try_unshare, LOADING, EPERM},
	{"io_uring_setup", try_uring, LOADING, EPERM},
	{"userfaultfd", try_userfault, LOADING, EPERM},
	{"memfd_create", try_memfd, LOADING, EPERM},
	{"PR_SET_PDEATHSIG", try_undump, LOADING, EPERM},
	{"personality", try_read_implies_exec, LOADING, EPERM},
	{"open of /etc/passwd", try_passwd, LOADING, EACCES},
	{"open of a new file", try_write_file, LOADING, EACCES},
	{"open of its memory", try_own_proc, LOADING, EACCES},
	{"write to a guessed descriptor", try_guessed, LOADING, EPERM},
	{"open of a library", try_libc, SERVING, EPERM},
	{"open of what was named", try_hostname, SERVING, EPERM},
	{"stat of /etc/passwd", try_stat, SERVING, EPERM},
	{"new memory with code", try_code, SERVING, EPERM},
	{"mprotect to code", try_make_code, SERVING, EPERM},
#ifdef __x86_64__
	{"a call of x32", try_x32, LOADING, ENOSYS},
	{"a call of 32 bits", try_int80, LOADING, EPERM},
#endif
};

/* Landlock, where it is missing, closes no file before the second stage. */
static bool is_landlocks(const struct attempt *a)
{
	return a->err == EACCES && sandbox_landlock_abi() == 0;
}

static void what_a_worker_must_not_do_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(refused); i++) {
		const struct attempt *a = &refused[i];
		int got = outcome(SERVING, a->attempt);
		bool loading = a->from == LOADING && !is_landlocks(a);

		if (a->err == EACCES && got == EPERM)
			got = EACCES; /* the second stage comes first */
		if (got != a->err)
			print_message("%s when serving: %s\n", a->name, strerror(got));
		assert_int_equal(got, a->err);
		got = outcome(LOADING, a->attempt);
		if (loading ? got != a->err : got == EPERM)
			print_message("%s when loading: %s\n", a->name, strerror(got));
		assert_true(loading ? got == a->err : got != EPERM);
	}
}

/* Or the test above would pass for another reason than the sandbox. */
static void the_same_is_done_without_it(void **state)
{
	static int (*const harmless[])(void) = {try_fork, try_unix_socket, try_socketpair, try_kill,
		try_tgkill, try_pidfd, try_own, try_memfd, try_passwd, try_hostname, try_stat,
		try_code, try_make_code, try_exec, try_undump};

	(void)state;
	for (size_t i = 0; i < COUNT(harmless); i++)
		assert_int_equal(outcome(FRESH, harmless[i]), DONE);
}

/* --- what goes on --- */

static void *count_up(void *arg)
{
	int *n = arg;

	*n += 1;
	return NULL;
}

static int use_threads(void)
{
	pthread_t t[8];
	int n[COUNT(t)] = {0};

	for (size_t i = 0; i < COUNT(t); i++) {
		if (pthread_create(&t[i], NULL, count_up, &n[i]) != 0)
			return ODD;
	}
	for (size_t i = 0; i < COUNT(t); i++) {
		if (pthread_join(t[i], NULL) != 0 || n[i] != 1)
			return ODD;
	}
	return DONE;
}

static int use_memory(void)
{
	size_t sizes[] = {100, 100000, 50000000};

	for (size_t i = 0; i < COUNT(sizes); i++) {
		char *p = malloc(sizes[i]);

		if (p == NULL)
			return ODD;
		memset(p, 1, sizes[i]);
		p = realloc(p, sizes[i] * 2);
		if (p == NULL)
			return ODD;
		free(p);
	}
	return DONE;
}

static int use_pair(void)
{
	char c;

	return write(pair[0], "x", 1) == 1 && read(pair[0], &c, 1) == 1 && c == 'y' ? DONE : ODD;
}

static int use_streams(void)
{
	char text[64];

	return snprintf(text, sizeof(text), "%g", 1.5) == 3 && fprintf(stdout, "%s", "") == 0 ? DONE
	                                                                                      : ODD;
}

static void memory_threads_and_its_own_socket_are_left(void **state)
{
	char c;

	(void)state;
	assert_int_equal(write(pair[1], "y", 1), 1);
	assert_int_equal(outcome(SERVING, use_pair), DONE);
	assert_int_equal(read(pair[1], &c, 1), 1);
	assert_int_equal(outcome(SERVING, use_memory), DONE);
	assert_int_equal(outcome(SERVING, use_threads), DONE);
	assert_int_equal(outcome(SERVING, use_streams), DONE);
}

static int use_library(void)
{
	return dlopen("libm.so.6", RTLD_NOW | RTLD_LOCAL) != NULL ? DONE : ODD;
}

static int use_unloaded(void)
{
	return dlopen("libBrokenLocale.so.1", RTLD_NOW | RTLD_LOCAL) != NULL ? DONE : EPERM;
}

static void a_file_is_loaded_between_the_stages_only(void **state)
{
	(void)state;
	assert_int_equal(outcome(LOADING, use_library), DONE);
	assert_int_equal(outcome(LOADING, use_unloaded), DONE);
	assert_int_equal(outcome(SERVING, use_unloaded), EPERM);
}

static int abort_by_signal(void)
{
	(void)signal(SIGABRT, SIG_DFL);
	abort();
}

static void a_worker_that_aborts_dies_by_sigabrt(void **state)
{
	pid_t pid;
	int status = 0;

	(void)state;
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		confine(SERVING);
		_exit(abort_by_signal());
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	assert_false(WCOREDUMP(status));
}

/* A thread that is there when the second stage comes is held to it, too. */
struct late {
	int gate[2];
	int err;
};

static void *open_late(void *arg)
{
	struct late *late = arg;
	char c;

	late->err = read(late->gate[0], &c, 1) == 1 ? try_libc() : ODD;
	return NULL;
}

static int late_thread(void)
{
	struct late late = {.err = ODD};
	pthread_t t;

	if (pipe2(late.gate, O_CLOEXEC) != 0 || pthread_create(&t, NULL, open_late, &late) != 0)
		return ODD;
	sandbox_after_load(&level);
	if (write(late.gate[1], "x", 1) != 1)
		return ODD;
	return pthread_join(t, NULL) == 0 ? late.err : ODD;
}

static void the_second_stage_holds_threads_that_were_there(void **state)
{
	(void)state;
	assert_int_equal(outcome(LOADING, late_thread), EPERM);
}

/* --- programs --- */

static int try_packet(void)
{
	return said(syscall(SYS_socket, AF_PACKET, SOCK_RAW, 0));
}

static int try_vsock(void)
{
	return said(syscall(SYS_socket, AF_VSOCK, SOCK_STREAM, 0));
}

static int try_new_space(void)
{
	return by_clone(CLONE_NEWUSER | SIGCHLD);
}

static int try_chroot(void)
{
	return said(syscall(SYS_chroot, "/"));
}

static int try_getfd(void)
{
	return said(syscall(438 /* pidfd_getfd */, -1, 0, 0));
}

static int try_handle(void)
{
	return said(syscall(SYS_open_by_handle_at, AT_FDCWD, NULL, 0));
}

static int try_new_mount(void)
{
	return said(syscall(430 /* fsopen */, "tmpfs", 0));
}

static int try_module(void)
{
	return said(syscall(SYS_init_module, NULL, 0, ""));
}

static int try_clock(void)
{
	return said(syscall(SYS_clock_settime, 0, NULL));
}

static int try_key(void)
{
	return said(syscall(SYS_add_key, "user", "x", "y", 1, -3));
}

static int try_send(void)
{
	struct sockaddr_storage to = {.ss_family = AF_UNIX};

	return said(syscall(SYS_sendto, pair[0], "x", 1, 0, &to, sizeof(to)));
}

static void what_no_program_needs_is_refused(void **state)
{
	static const struct {
		int (*attempt)(void);
		int err;
	} rows[] = {{try_ptrace, EPERM}, {try_read_memory, EPERM}, {try_getfd, EPERM},
		{try_new_space, EPERM}, {try_unshare, EPERM}, {try_clone3, ENOSYS},
		{try_mount, EPERM}, {try_new_mount, EPERM}, {try_chroot, EPERM},
		{try_handle, EPERM}, {try_bpf, EPERM}, {try_perf, EPERM}, {try_userfault, EPERM},
		{try_uring, EPERM}, {try_keys, EPERM}, {try_key, EPERM}, {try_module, EPERM},
		{try_limit, EPERM}, {try_priority_of_user, EPERM}, {try_clock, EPERM},
		{try_packet, EPERM}, {try_vsock, EPERM}};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		int got = outcome(NETTED, rows[i].attempt);

		if (got != rows[i].err)
			print_message("row %zu: %s\n", i, strerror(got));
		assert_int_equal(got, rows[i].err);
	}
}

static void programs_get_the_sockets_they_are_given(void **state)
{
	(void)state;
	assert_int_equal(outcome(NETTED, try_socket), DONE);
	assert_int_equal(outcome(NETTED, try_unix_socket), DONE);
	assert_int_equal(outcome(UNIXED, try_socket), EPERM);
	assert_int_equal(outcome(UNIXED, try_unix_socket), DONE);
	assert_int_not_equal(outcome(UNIXED, try_connect), EPERM);
	assert_int_equal(outcome(LONELY, try_socket), EPERM);
	assert_int_equal(outcome(LONELY, try_unix_socket), DONE);
	assert_int_equal(outcome(LONELY, try_socketpair), DONE);
	assert_int_equal(outcome(LONELY, try_connect), EPERM);
	assert_int_equal(outcome(LONELY, try_send), EPERM);
}

static void a_program_forks_executes_and_opens_files(void **state)
{
	static int (*const usual[])(void) = {try_fork, try_exec, try_passwd, try_stat, try_code,
		try_kill, try_memfd, use_threads, use_memory, use_library};

	(void)state;
	for (size_t i = 0; i < COUNT(usual); i++)
		assert_int_equal(outcome(LONELY, usual[i]), DONE);
}

/* --- a room --- */

static const struct sandbox_path seen[] = {
	{"/", SANDBOX_LIST, NULL},
	{"/dev/shm", SANDBOX_READ | SANDBOX_WRITE | SANDBOX_FRESH, NULL},
	{"/etc/hostname", SANDBOX_READ, NULL},
	{"/missing", SANDBOX_READ, NULL},
	{"/proc", SANDBOX_READ, NULL},
	{"/tmp", SANDBOX_READ | SANDBOX_WRITE, "/var/tmp"},
};

static struct sandbox_room room = {.paths = seen, .path_count = COUNT(seen), .uid = SANDBOX_SAME};

static int look_around(void)
{
	struct stat here, there;
	bool moved = stat("/var/tmp", &there) == 0;

	if (sandbox_enter_room(&room) != 0)
		return ODD;
	if (access("/etc/passwd", F_OK) == 0 || access("/usr", F_OK) == 0 ||
		access("/missing", F_OK) == 0 || access("/etc/hostname", R_OK) != 0)
		return 1;
	if (!moved || stat("/tmp", &here) != 0 || here.st_ino != there.st_ino)
		return 2;
	if (open("/new", O_WRONLY | O_CREAT, 0600) >= 0 || open("/etc/hostname", O_WRONLY) >= 0)
		return 3;
	return open("/dev/shm/new", O_WRONLY | O_CREAT, 0600) >= 0 ? DONE : 4;
}

static int connect_out(void)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(9)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (sandbox_enter_room(&room) != 0 || fd < 0)
		return ODD;
	fd = socket(AF_INET, SOCK_STREAM, 0);
	to.sin_addr.s_addr = htonl(0xc0000201); /* 192.0.2.1 */
	return said(connect(fd, (const struct sockaddr *)&to, sizeof(to)));
}

static void a_room_has_its_pieces_and_nothing_else(void **state)
{
	char place[] = "/tmp/davit-room.XXXXXX";

	(void)state;
	assert_non_null(mkdtemp(place));
	room.place = place;
	if (sandbox_room_works(&room) != 0)
		print_message("not tried: %s\n", strerror(sandbox_room_works(&room)));
	else {
		assert_int_equal(outcome(FRESH, look_around), DONE);
		assert_int_equal(outcome(FRESH, connect_out), ENETUNREACH);
	}
	assert_int_equal(rmdir(place), 0);
}

/* --- the level --- */

static int tell_level(void)
{
	char text[SANDBOX_JSON_MAX];

	sandbox_json(&level, text);
	return write(pair[0], text, strlen(text)) > 0 ? DONE : ODD;
}

static void the_level_says_what_was_got(void **state)
{
	char text[SANDBOX_JSON_MAX] = "";
	char *end;

	(void)state;
	assert_int_equal(outcome(SERVING, tell_level), DONE);
	assert_true(read(pair[1], text, sizeof(text) - 1) > 0);
	assert_non_null(strstr(text, "\"seccomp\":\"both stages\""));
	assert_non_null(strstr(text, "\"privileges\":\"none left\""));
	assert_non_null(strstr(text, "\"namespaces\":\""));
	if (sandbox_landlock_abi() > 0)
		assert_non_null(strstr(text, "\"landlock\":\"abi "));
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	assert_non_null(strstr(text, "\"level\":\"partial\""));
	assert_non_null(strstr(text, "lifted for the sanitizer"));
#else
	assert_non_null(strstr(text, "\"limits\":\"set\""));
	if (sandbox_landlock_abi() > 0)
		assert_non_null(strstr(text, "{\"level\":\"full\""));
#endif
	end = text + strlen(text);
	assert_true(text[0] == '{' && end[-1] == '}');
}

static void words_are_read_as_they_are_written(void **state)
{
	enum sandbox_got got;

	(void)state;
	for (int i = SANDBOX_NONE; i <= SANDBOX_FULL; i++) {
		assert_true(sandbox_read_word(sandbox_word((enum sandbox_got)i), &got));
		assert_int_equal(got, i);
	}
	assert_false(sandbox_read_word("some", &got));
	assert_false(sandbox_read_word("", &got));
}

static int make_pair(void **state)
{
	(void)state;
	return socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_worker_must_not_do_is_refused),
		cmocka_unit_test(the_same_is_done_without_it),
		cmocka_unit_test(memory_threads_and_its_own_socket_are_left),
		cmocka_unit_test(a_file_is_loaded_between_the_stages_only),
		cmocka_unit_test(a_worker_that_aborts_dies_by_sigabrt),
		cmocka_unit_test(the_second_stage_holds_threads_that_were_there),
		cmocka_unit_test(what_no_program_needs_is_refused),
		cmocka_unit_test(programs_get_the_sockets_they_are_given),
		cmocka_unit_test(a_program_forks_executes_and_opens_files),
		cmocka_unit_test(a_room_has_its_pieces_and_nothing_else),
		cmocka_unit_test(the_level_says_what_was_got),
		cmocka_unit_test(words_are_read_as_they_are_written),
	};

	return cmocka_run_group_tests(tests, make_pair, NULL);
}
