/*
 * fake_provider - stands in for host/provider in the tests of the tracker: one cloud in
 * memory whose objects are known by submission id, with faults on demand. Every call ends
 * before call_start() returns, but for those that are held. [any thread]
 */
#ifndef TESTS_UNIT_JOBS_FAKE_PROVIDER_H
#define TESTS_UNIT_JOBS_FAKE_PROVIDER_H

#include <stdbool.h>
#include <stdint.h>

#include "provider/provider.h"

/* An empty cloud whose provider is loaded, class "name", obeying cancels. */
void fake_reset(void);

/* The provider is not there (for the next tracker_start). */
void fake_absent(bool absent);

void fake_idempotency(const char *word);

/* find may miss what was made so long ago. */
void fake_settles(int64_t ms);

/* The first call of slot reads what it answers when it begins, and ends so long after. */
void fake_slow(const char *slot, int64_t ms);

/* Slot cannot be called at all (NULL: all can). */
void fake_lacks(const char *slot);

/* The next calls of slot end with code; where created, after the object was made, or removed. */
void fake_fault(const char *slot, int32_t code, unsigned times, bool created);

/* Such calls say nothing themselves: their code is the host's. */
void fake_mute(bool mute);

/* What those calls of submit say they did at the other side; else: where created, something unclear
 * was done, and nothing where not. */
void fake_trace(struct call_trace trace);

/* Did the last submit go on with what was done before? */
bool fake_went_on(void);

/* The object of a submission ends (DAVIT_STATE_…) with this reply; NULL: a plain one. */
void fake_end(const char *submission, int32_t state, const char *reply);

/* All objects made from now on end at once, successfully. */
void fake_instant(bool instant);

/* Polls are asked for an hour apart, not a second. */
void fake_slow_polls(bool slow);

void fake_obeys_cancel(bool obeys);

/* Calls of slot do not end until they are cancelled; NULL: all end at once. */
void fake_hold(const char *slot);
void fake_release(const char *reply); /* the held one ends well, as running */
bool fake_held(void);                 /* is there one? */
bool fake_was_cancelled(void);        /* by its handle */

/* Trainings have a slot list, which answers that JSON; NULL: they have none. */
void fake_list(const char *reply);

/* Trainings have a slot metrics, which answers that JSON; NULL: they have none. */
void fake_metrics(const char *reply);

unsigned fake_objects(void);             /* made so far */
unsigned fake_calls(const char *slot);   /* of that slot so far */
const char *fake_name(const char *slot); /* derived, that its last call was given */
const char *fake_last_submitted(void);   /* submission id of the last object */

#endif
