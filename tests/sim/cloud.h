/*
 * cloud - the cloud of the simulation: what tests/fakes/cloud does for jobs, made anew so that it
 * lives in the world and costs nothing. It goes by the world's time.
 */
#ifndef SIM_CLOUD_H
#define SIM_CLOUD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/world.h"

#define CLOUD_HOST   "https://cloud.example.com"
#define CLOUD_SECRET "sim-client-secret-0001"

/* An answer; body is the caller's to free. */
struct cloud_answer {
	int status;
	char *body;
};

/* An endpoint, and what the wishes need to be there. */
void cloud_begin(void);

/* An object that is there from now on; NULL: there are too many. */
struct object *cloud_object(void);

/* Somebody makes an object of the name that the item's had, which is deleted, unless a request for
 * that is still on its way. */
void cloud_make_anew(const struct item *item);

/* Does what a letter asks for, and answers. */
struct cloud_answer cloud_serve(const struct letter *l);

/* Letters of daemons that were killed arrive all the same: those that are due. */
void cloud_tick(void);

/* A place for a letter; NULL: there is none. */
struct letter *cloud_letter(void);

/* The item a letter is about, if it would change something of it; or NULL. */
struct item *cloud_item(const struct letter *l);

/* "RUNNING", say. */
const char *cloud_state(const struct object *o);
bool cloud_ended(const struct object *o);

#endif
