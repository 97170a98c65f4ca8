/*
 * terms - on what terms a submission was sent: the name that was derived for it, its class and its
 * settle delay, as the manifest of that time said. A job keeps them, so that its submission is
 * looked for, judged and repeated by them, whatever another plugin file says of its kind.
 */
#ifndef HOST_JOBS_TERMS_H
#define HOST_JOBS_TERMS_H

#include <stdbool.h>
#include <stdint.h>

struct fail;
struct job;
struct provider;
struct store;
struct tracker_options;

struct terms {
	char name[256];
	char idempotency[16];
	int64_t settle_ms; /* -1: none */
	bool changed;      /* it was sent with another class than its kind has now */
};

/*
 * Those that count for job, of provider p. A class that has changed is "none": what was sent is not
 * protected by what the other plugin file sends again, nor surely found by it. Of two settle delays
 * the longer one counts, and none where one of both is none. [any thread]
 */
void terms_of(const struct job *job, const struct provider *p, struct terms *ret_terms);

/* Those of a job that is to be accepted: JSON (the caller's); NULL where its provider is not loaded
 * or it is a flow. False: out of memory. [any thread] */
bool terms_now(const struct tracker_options *o, const struct job *job, char **ret_text);

/*
 * The submission of job is about to be sent once more, or for the first time: its terms, where they
 * are others now, are on disk and in *job when this returns. Its name stays, once anything has left
 * the machine. goes_on: with what is done. False: nothing may be sent; *f is FAIL_CONFLICT where
 * the job has another epoch or state. Waits for the store. [any thread, no lock]
 */
bool terms_begin(
	struct store *s, struct job *job, const struct provider *p, bool goes_on, struct fail *f);

#endif
