/*
 * service - one request for an operation of a provider, from admission to answer. Shared by
 * service.c (dispatch, lists, objects), service_*.c and predict.c; not for others.
 *
 * A struct service has one owner: whoever is working on the request. The functions marked
 * "ends" answer the exchange and free it.
 */
#ifndef HOST_API_SERVICE_H
#define HOST_API_SERVICE_H

#include <jansson.h>
#include <stdbool.h>

#include "api/connection.h"

struct app;
struct call_result;
struct exchange;
struct fail;
struct job;
struct operation;

struct service {
	struct app *app;
	struct exchange *x;
	const struct operation *op;
	struct target target;
	json_t *body;    /* of a job: what the caller sent; of a list: our part; owned; else NULL */
	json_t *request; /* of a job: with body in it, so that only who ends s counts references */
	char *object;    /* the provider's id of the object in the path; owned; NULL: none */
	void (*work)(struct service *s); /* what the pool is to do */
};

void service_free(struct service *s); /* NULL is fine */

/* Runs work on the pool; ends s where the pool is full. */
void service_later(struct service *s, void (*work)(struct service *s));

/* --- these end s --- */

void service_fail(struct service *s, const struct fail *f);
void service_fail_text(struct service *s, int status, const char *text);
void service_memory(struct service *s);

/* The row for a neutral object, taken over; NULL: out of memory. */
void service_answer(struct service *s, json_t *neutral);

/* The row itself, taken over; NULL: out of memory. */
void service_answer_row(struct service *s, json_t *row);

/* --- these do not --- */

/*
 * The job behind the id in the path: by our id, or by what its provider calls it. FAIL_NOT_FOUND:
 * not one of ours, or of another provider or interface; else it could not be read. *ret_job:
 * job_finish().
 */
bool service_find_job(const struct service *s, struct job *ret_job, struct fail *f);

/* The same by the provider's name alone, which is that of an object in the account the caller
 * names: of several jobs the newest that has not ended, or else the newest. FAIL_CONFLICT: one that
 * has not ended has it in the same account by another connection. s has a provider. */
bool service_find_by_object(
	const struct service *s, const char *object, struct job *ret_job, struct fail *f);

/* Is that job of the connection the caller names, if he does? Else FAIL_CONFLICT. */
bool service_same_connection(const struct service *s, const struct job *job, struct fail *f);

/* The same; and its account is the one it was done with (else FAIL_UNAVAILABLE): what is done for s
 * from now on is done by its connection. */
bool service_take_place(struct service *s, const struct job *job, struct fail *f);

/* Sets s->object. A job of ours stands for what it made. false: out of memory, or it has made
 * nothing yet (FAIL_CONFLICT). */
bool service_find_object(struct service *s, struct fail *f);

/* {"connection": …, "id": s->object} for a slot; members of more are added, more is taken
 * over. NULL: out of memory. */
json_t *service_request(const struct service *s, json_t *more);

/* The row for a neutral object, which stays the caller's, without what names secrets; NULL: out of
 * memory. */
json_t *service_row(const struct service *s, const json_t *neutral);

/* The same for an array of them; NULL, also for NULL: out of memory. */
json_t *service_rows(const struct service *s, const json_t *items);

/* Is what it is about run by jobs, so that these stand for what they have not made yet? */
bool service_has_jobs(const struct service *s);

/* {"spec": the body} for a slot that takes one, checked against the provider's schema; else {}.
 * NULL: *f says why. */
json_t *service_spec(const struct service *s, struct fail *f);

/* Starts the slot of the operation (or another one) with request, taken over; done owns s from
 * then on. Ends s where it cannot be started. */
void service_call(struct service *s, const char *slot, json_t *request,
	void (*done)(struct call_result *result, void *ctx));

/* The shapes; each owns s. */
void service_list(struct service *s);
void service_submit(struct service *s);
void service_await(struct service *s, const char *job); /* answers for a job that was accepted */
void service_cancel(struct service *s);
void service_predict(struct service *s);
void service_function(struct service *s);
void service_export(struct service *s);

/* Is this the delete of a job of ours that ended without an object? Then it owns s, deletes what
 * its provider may have of it all the same, and hides the job from lists and lookups. */
bool service_remove_unmade(struct service *s);

/* Deletes s->object; owns s. */
void service_remove(struct service *s);

/* Does the errand of that kind (jobs/errand.h) on s->object, and answers what its slot says, or
 * else otherwise, which is taken over. parent: the job the object is of, or NULL. Owns s. */
void service_errand(struct service *s, const char *kind, const char *parent, json_t *otherwise);

#endif
