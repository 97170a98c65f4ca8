/*
 * keys - clients that give their request a key (Idempotency-Key), and send it again: because no
 * answer came, or though one came. The daemon's own api/idempotency.c serves them; the exchange
 * between is made up here.
 */
#ifndef SIM_KEYS_H
#define SIM_KEYS_H

#include <stdbool.h>

struct daemon_parts;
struct fail;
struct item;
struct job_order;
struct store_claim;

/* The threads that serve requests; with each daemon. */
bool keys_start(struct daemon_parts *d, struct fail *f);
void keys_stop(void);

/* Submits an item under claim's key, which is NULL where the order has none; told of the end with
 * an id or *f, on any thread. */
typedef void keys_submit(struct daemon_parts *d, struct item *item, const struct store_claim *claim,
	void (*done)(const char *id, const struct fail *f, void *ctx), void *ctx);

/* Sends the request of an item; item->asking counts those without an answer. It is accepted,
 * refused, or neither: then it is to be sent again. */
void keys_ask(struct daemon_parts *d, struct item *item, keys_submit *submit);

#endif
