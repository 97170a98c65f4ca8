#include "place.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"

#define PATIENCE_MS 60000

static void aim(struct place *p)
{
	snprintf(p->url, sizeof(p->url), "http://127.0.0.1:%d", server_port(p->server));
	assert_true(egress_list_add(&p->site, p->url, &p->fail));
	assert_true(egress_list_add(&p->manifest, "127.0.0.1", &p->fail));
	assert_true(egress_networks_add(&p->networks, "127.0.0.0/8", &p->fail));
	p->rules = (struct egress_rules){
		.manifest = &p->manifest, .provider = &p->site, .private_networks = &p->networks};
}

int place_set_up(void **state)
{
	struct place *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return -1;
	p->server = server_start();
	p->options = (struct net_options){
		.agent = "davit-test",
		.connect_timeout_ms = 5000,
		.request_timeout_ms = 30000,
		.max_connections = 6000,
		.max_connections_per_host = 6000,
		.max_streams = 100,
		.max_lookups = 64,
		.idle_seconds = 60,
		.max_answer_bytes = (int64_t)64 << 20,
		.http2 = true,
	};
	mutex_init(&p->lock);
	cond_init(&p->wake);
	aim(p);
	p->caller =
		(struct net_caller){.lock = &p->lock, .wake = &p->wake, .cancelled = &p->cancelled};
	place_give(p, PATIENCE_MS);
	p->request = (struct net_request){.operation = "test",
		.connection = "",
		.method = "GET",
		.body = {.fd = -1},
		.rules = &p->rules};
	p->net = net_open(&p->options, &p->fail);
	*state = p;
	return p->net != NULL ? 0 : -1;
}

struct place *place_copy(struct place *p)
{
	struct place *c = malloc(sizeof(*c));

	assert_non_null(c);
	assert_true(p->copy_count < PLACE_COPIES);
	*c = *p;
	c->copy_count = 0;
	c->result = (struct net_result){0};
	mutex_init(&c->lock);
	cond_init(&c->wake);
	c->caller.lock = &c->lock;
	c->caller.wake = &c->wake;
	c->caller.cancelled = &c->cancelled;
	p->copies[p->copy_count++] = c;
	return c;
}

void place_run(struct place *copy, void (*run)(void *copy))
{
	assert_true(thread_start(&copy->thread, "asks", 0, run, copy, NULL));
	copy->started = true;
}

static void ask(void *arg)
{
	struct place *c = arg;
	int64_t began = clock_mono_ms();

	net_perform(c->net, &c->caller, &c->request, &c->result, &c->fail);
	c->took_ms = clock_mono_ms() - began;
}

struct place *place_start(struct place *p, const char *url)
{
	struct place *c = place_copy(p);

	snprintf(c->url, sizeof(c->url), "%s", url);
	c->request.url = c->url;
	place_run(c, ask);
	return c;
}

void place_join(struct place *copy)
{
	thread_join(&copy->thread);
	copy->started = false;
}

static void free_copies(struct place *p)
{
	for (size_t i = 0; i < p->copy_count; i++) {
		struct place *c = p->copies[i];

		if (c->started) {
			place_cancel(c);
			place_join(c);
		}
		place_done(c);
		cond_finish(&c->wake);
		mutex_finish(&c->lock);
		free(c);
	}
}

int place_tear_down(void **state)
{
	struct place *p = *state;

	free_copies(p);
	clock_virtual_stop();
	net_answer_close(p->result.answer);
	(void)net_close(p->net);
	server_stop(p->server);
	egress_list_finish(&p->site);
	egress_list_finish(&p->manifest);
	egress_networks_finish(&p->networks);
	cond_finish(&p->wake);
	mutex_finish(&p->lock);
	free(p);
	return 0;
}

void place_reopen(struct place *p)
{
	place_done(p);
	(void)net_close(p->net);
	p->net = net_open(&p->options, &p->fail);
	assert_non_null(p->net);
}

void place_give(struct place *p, int64_t ms)
{
	p->caller.deadline_ms = clock_mono_ms() + ms;
}

void place_ask(struct place *p, const char *path)
{
	place_done(p);
	snprintf(p->url, sizeof(p->url), "http://127.0.0.1:%d%s", server_port(p->server), path);
	p->request.url = p->url;
	p->fail = (struct fail){0};
	net_perform(p->net, &p->caller, &p->request, &p->result, &p->fail);
	assert_int_equal(p->result.end == NET_ANSWERED, p->result.answer != NULL);
	assert_int_equal(p->result.end == NET_ANSWERED, p->fail.code == FAIL_NONE);
}

void place_expect(struct place *p, int status, const char *text)
{
	const char *bytes;
	size_t n;

	if (p->result.answer == NULL)
		fail_msg("no answer: %s", p->fail.text);
	assert_int_equal(net_answer_status(p->result.answer), status);
	bytes = net_answer_bytes(p->result.answer, &n);
	assert_int_equal(n, strlen(text));
	assert_memory_equal(bytes, text, n);
}

void place_done(struct place *p)
{
	net_answer_close(p->result.answer);
	p->result = (struct net_result){0};
}

void place_cancel(struct place *p)
{
	mutex_lock(&p->lock);
	p->cancelled = true;
	cond_broadcast(&p->wake);
	mutex_unlock(&p->lock);
}
