/* threads - see threads.h; the implementation of platform/thread.h. */
#include "sim/threads.h"

#include <errno.h>
#include <link.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "base/clock.h"
#include "base/fail.h"
#include "platform/thread.h"
#include "sim/life.h"
#include "sim/process.h"
#include "sim/world.h"

enum {
	THREADS = 192,
	PROCESSES = 8,
	LOCAL_MAX = 4096 /* bytes of thread-local values */
};
#define STACK_BYTES ((size_t)256 * 1024)

enum state {
	FREE,
	READY,
	ON_MUTEX,
	ON_LOCK,
	ON_COND,
	ON_END, /* of another */
	ENDED
};

struct coroutine {
	enum state state;
	const void *on;
	int64_t until; /* ON_COND; CLOCK_NEVER */
	bool in_time;  /* woken, and not by the clock */
	bool begun, detached;
	unsigned process;
	jmp_buf at;
	ucontext_t first;
	void (*run)(void *);
	void *arg;
	char name[16];
	int error;
	unsigned char local[LOCAL_MAX];
};

static struct coroutine all[THREADS];
static size_t used = 1; /* of all, from the first */
static size_t self;     /* the first one is the process's own */
static bool stopped[PROCESSES];
static char *stacks;

static struct {
	unsigned char *at;
	const void *image;
	size_t image_n, n;
} local;

/* What the memory of the locks holds instead. */
struct lock_state {
	uint32_t owner; /* and one more */
	uint32_t waited;
	uint32_t readers;
};

static struct lock_state *of(void *lock)
{
	return lock;
}

static void must(bool ok, const char *what)
{
	if (ok)
		return;
	(void)fprintf(stderr, "sim: thread %s: %s\n", all[self].name, what);
	abort();
}

/* --- thread-local values: those of the program are kept apart --- */

static int find_local(struct dl_phdr_info *info, size_t size, void *arg)
{
	(void)size;
	(void)arg;
	for (size_t i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];

		if (p->p_type != PT_TLS)
			continue;
		local.at = info->dlpi_tls_data;
		local.image = (const char *)info->dlpi_addr + p->p_vaddr;
		local.image_n = p->p_filesz;
		local.n = p->p_memsz;
	}
	return 1; /* the first is the program itself */
}

void threads_prepare(void)
{
	(void)dl_iterate_phdr(find_local, NULL);
	must(local.n <= LOCAL_MAX, "too many thread-local values");
	stacks = mmap(NULL, STACK_BYTES * THREADS, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	must(stacks != MAP_FAILED, "no memory");
	all[0].state = READY;
	all[0].begun = true;
	(void)snprintf(all[0].name, sizeof(all[0].name), "main");
}

static void fresh_local(unsigned char *to)
{
	memcpy(to, local.image, local.image_n);
	memset(to + local.image_n, 0, local.n - local.image_n);
}

void threads_forget_local(void)
{
	if (local.n > 0)
		fresh_local(local.at);
}

const char *threads_name(void)
{
	return all[self].name;
}

/* --- who runs --- */

static void enter(void)
{
	struct coroutine *c = &all[self];

	threads_forget_local();
	c->run(c->arg);
	c->state = c->detached ? FREE : ENDED;
	for (size_t i = 0; i < used; i++) {
		if (all[i].state == ON_END && all[i].on == c)
			all[i].state = READY;
	}
	for (;;) { /* never taken again */
		threads_point();
		must(false, "an ended thread runs");
	}
}

static void resume(size_t next)
{
	struct coroutine *from = &all[self], *to = &all[next];

	if (next == self)
		return;
	digest(next);
	from->error = errno;
	if (local.n > 0)
		memcpy(from->local, local.at, local.n);
	if (_setjmp(from->at) != 0) {
		if (local.n > 0)
			memcpy(local.at, all[self].local, local.n);
		errno = all[self].error;
		return;
	}
	self = next;
	if (to->begun)
		_longjmp(to->at, 1);
	to->begun = true;
	(void)setcontext(&to->first);
	must(false, "setcontext");
}

static bool ready(size_t *ret)
{
	size_t n = 0, list[THREADS];

	for (size_t i = 0; i < used; i++) {
		if (all[i].state == READY && !stopped[all[i].process])
			list[n++] = i;
	}
	if (n == 0)
		return false;
	*ret = list[n == 1 ? 0 : chance_below(CHANCE_THREAD, n)];
	return true;
}

/* Nobody can run: it is as late as somebody wants it to be. */
static void pass_time(void)
{
	int64_t next = CLOCK_NEVER;

	for (size_t i = 0; i < used; i++) {
		if (all[i].state == ON_COND && all[i].until < next && !stopped[all[i].process])
			next = all[i].until;
	}
	if (next == CLOCK_NEVER)
		life_stuck("all threads wait for each other");
	if (next > world->mono_ms) {
		world->now_ms += next - world->mono_ms;
		world->mono_ms = next;
	}
	life_time();
	process_time();
	for (size_t i = 0; i < used; i++) {
		if (all[i].state != ON_COND || all[i].until > world->mono_ms)
			continue;
		all[i].state = READY;
		all[i].in_time = false;
	}
}

static void give_up(void)
{
	size_t next;

	while (!ready(&next))
		pass_time();
	resume(next);
}

void threads_point(void)
{
	life_point();
	if (all[self].state != READY || stopped[all[self].process] ||
		chance_of_256(CHANCE_THREAD, world->thread_rate))
		give_up();
}

static void block(enum state state, const void *on)
{
	all[self].state = state;
	all[self].on = on;
	give_up();
}

static void wake_all(enum state state, const void *on)
{
	for (size_t i = 0; i < used; i++) {
		if (all[i].state != state || all[i].on != on)
			continue;
		all[i].state = READY;
		all[i].in_time = true;
	}
}

/* --- mutexes --- */

void mutex_init(struct mutex *m)
{
	memset(m, 0, sizeof(*m));
}

void mutex_finish(struct mutex *m)
{
	must(of(m)->owner == 0, "a mutex that is held is destroyed");
}

static void take(struct mutex *m)
{
	must(of(m)->owner != self + 1, "a mutex is locked twice");
	while (of(m)->owner != 0) {
		of(m)->waited = 1;
		block(ON_MUTEX, m);
	}
	of(m)->owner = (uint32_t)self + 1;
}

static void give(struct mutex *m)
{
	must(of(m)->owner == self + 1, "a mutex of another thread is unlocked");
	of(m)->owner = 0;
	if (of(m)->waited != 0)
		wake_all(ON_MUTEX, m);
	of(m)->waited = 0;
}

void mutex_lock(struct mutex *m)
{
	threads_point();
	take(m);
}

void mutex_unlock(struct mutex *m)
{
	give(m);
	threads_point();
}

void rwlock_read(struct rwlock *l)
{
	threads_point();
	while (of(l)->owner != 0)
		block(ON_LOCK, l);
	of(l)->readers++;
}

void rwlock_write(struct rwlock *l)
{
	threads_point();
	while (of(l)->owner != 0 || of(l)->readers > 0)
		block(ON_LOCK, l);
	of(l)->owner = (uint32_t)self + 1;
}

void rwlock_unlock(struct rwlock *l)
{
	if (of(l)->owner != 0)
		of(l)->owner = 0;
	else
		of(l)->readers--;
	wake_all(ON_LOCK, l);
	threads_point();
}

/* --- conditions --- */

void cond_init(struct cond *c)
{
	memset(c, 0, sizeof(*c));
}

void cond_finish(struct cond *c)
{
	for (size_t i = 0; i < used; i++)
		must(all[i].state != ON_COND || all[i].on != c, "a condition is destroyed early");
}

/* Any of those who wait. */
void cond_signal(struct cond *c)
{
	size_t n = 0, list[THREADS];

	for (size_t i = 0; i < used; i++) {
		if (all[i].state == ON_COND && all[i].on == c)
			list[n++] = i;
	}
	if (n > 0) {
		size_t i = list[n == 1 ? 0 : chance_below(CHANCE_THREAD, n)];

		all[i].state = READY;
		all[i].in_time = true;
	}
	threads_point();
}

void cond_broadcast(struct cond *c)
{
	wake_all(ON_COND, c);
	threads_point();
}

bool cond_wait_until(struct cond *c, struct mutex *m, int64_t mono_ms)
{
	bool in_time;

	life_point();
	if (mono_ms <= world->mono_ms)
		return false;
	give(m);
	all[self].until = mono_ms;
	block(ON_COND, c);
	in_time = all[self].in_time;
	take(m);
	return in_time;
}

void cond_wait(struct cond *c, struct mutex *m)
{
	(void)cond_wait_until(c, m, CLOCK_NEVER);
}

void threads_sleep_until(int64_t mono_ms)
{
	static const char nobody;

	if (mono_ms <= world->mono_ms)
		return;
	all[self].until = mono_ms;
	block(ON_COND, &nobody);
}

bool threads_wait(const void *what, int64_t mono_ms)
{
	if (mono_ms <= world->mono_ms)
		return false;
	all[self].until = mono_ms;
	block(ON_COND, what);
	return all[self].in_time;
}

void threads_wake(const void *what)
{
	wake_all(ON_COND, what);
}

/* --- threads --- */

static size_t free_place(void)
{
	for (size_t i = 1; i < used; i++) {
		if (all[i].state == FREE)
			return i;
	}
	must(used < THREADS, "too many threads");
	return used++;
}

static size_t start(unsigned process, const char *name, void (*run)(void *), void *arg)
{
	size_t i = free_place();
	struct coroutine *c = &all[i];

	memset(c, 0, offsetof(struct coroutine, local));
	c->state = READY;
	c->process = process;
	c->run = run;
	c->arg = arg;
	(void)snprintf(c->name, sizeof(c->name), "%s", name);
	(void)getcontext(&c->first);
	c->first.uc_stack.ss_sp = stacks + i * STACK_BYTES;
	c->first.uc_stack.ss_size = STACK_BYTES;
	c->first.uc_link = NULL;
	makecontext(&c->first, enter, 0);
	return i;
}

bool thread_start(struct thread *t, const char *name, size_t stack_bytes, void (*run)(void *),
	void *arg, struct fail *f)
{
	(void)stack_bytes;
	(void)f;
	t->t = (pthread_t)start(all[self].process, name, run, arg);
	threads_point();
	return true;
}

void thread_join(struct thread *t)
{
	struct coroutine *c = &all[(size_t)t->t];

	while (c->state != ENDED)
		block(ON_END, c);
	c->state = FREE;
}

struct thread thread_self(void)
{
	return (struct thread){(pthread_t)self};
}

void thread_spare_stack(void)
{
}

/* --- processes --- */

unsigned threads_process(void)
{
	return all[self].process;
}

void threads_begin(unsigned process, const char *name, void (*run)(void *), void *arg)
{
	stopped[process] = false;
	(void)start(process, name, run, arg);
}

void threads_end(unsigned process)
{
	for (size_t i = 1; i < used; i++) {
		if (all[i].process == process)
			all[i].state = FREE;
	}
	if (all[self].process == process)
		give_up();
}

void threads_stop(unsigned process)
{
	stopped[process] = true;
	if (all[self].process == process)
		give_up();
}

void threads_detach(size_t thread)
{
	all[thread].detached = true;
	if (all[thread].state == ENDED)
		all[thread].state = FREE;
}

/* --- base/clock.h --- */

int64_t clock_now_ms(void)
{
	return world->now_ms;
}

int64_t clock_mono_ms(void)
{
	return world->mono_ms;
}

bool clock_wait(struct cond *c, struct mutex *m, int64_t mono_ms)
{
	return cond_wait_until(c, m, mono_ms);
}
