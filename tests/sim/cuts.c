/* cuts - see cuts.h. */
#include "sim/cuts.h"

#include <davit/abi.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/attr.h"
#include "provider/call.h"
#include "provider/call_journal.h"
#include "provider/worker.h"
#include "sim/world.h"

int32_t __real_worker_run(struct call *c);
int32_t __wrap_worker_run(struct call *c);

/* The call begins again in the next worker, as if it had not begun. */
static int32_t again(struct call *c)
{
	int32_t code = DAVIT_INTERNAL;

	while (c->cut) {
		c->cut = false;
		code = __real_worker_run(c);
	}
	return code;
}

/* It did not get as far as the worker, and what it sent did not leave. */
static int32_t unsent(struct call *c)
{
	c->cut = false;
	if (c->journal != NULL)
		c->journal->trace = (struct call_trace){0};
	c->service_code = c->service_ends = DAVIT_RETRY;
	return DAVIT_RETRY;
}

/* The provider said that it cannot be. */
static int32_t refused(struct call *c)
{
	c->cut = false;
	c->said = true;
	c->fail_code = DAVIT_PERMANENT;
	return DAVIT_PERMANENT;
}

static const struct {
	const char *name;
	int32_t (*instead)(struct call *c);
} breaks[] = {
	{"cut_again", again},
	{"cut_unsent", unsent},
	{"cut_refused", refused},
};

static int32_t (*broken)(struct call *c);

bool cuts_choose(const char *text)
{
	for (size_t i = 0; i < COUNT(breaks); i++) {
		if (strcmp(breaks[i].name, text) == 0)
			broken = breaks[i].instead;
	}
	return broken != NULL;
}

void cuts_list(void)
{
	for (size_t i = 0; i < COUNT(breaks); i++)
		(void)printf("%s\n", breaks[i].name);
}

int32_t __wrap_worker_run(struct call *c)
{
	int32_t code = __real_worker_run(c);

	if (!c->cut)
		return code;
	world->cuts++;
	world->submit_cuts += c->journal != NULL && strcmp(c->slot_name, "submit") == 0;
	trace("%s of job %s was cut off", c->slot_name, c->job);
	return broken != NULL ? broken(c) : code;
}
