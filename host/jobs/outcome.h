/*
 * outcome - what the end of a slot call means for its job: the decisions as one table, and
 * the durable edge that follows. Pure. [any thread]
 */
#ifndef HOST_JOBS_OUTCOME_H
#define HOST_JOBS_OUTCOME_H

#include <stdbool.h>
#include <stdint.h>

#include "base/fail.h"
#include "jobs/job.h"

struct call_result;
struct store_op;

/* The slots the tracker calls. */
enum job_action {
	ACTION_SUBMIT,
	ACTION_FIND,
	ACTION_POLL,
	ACTION_CANCEL,
	ACTION_COUNT,
	ACTION_ERRAND = ACTION_COUNT /* see errand.h, which has its own verdicts */
};

/* Not of an errand, whose kind it is. */
const char *job_action_slot(enum job_action action);

enum verdict {
	VERDICT_STATE,    /* the reply says where the job stands */
	VERDICT_FAILED,   /* the job has failed, for the reason given */
	VERDICT_RETRY,    /* nothing happened: the same action later */
	VERDICT_RECOVER,  /* not known what happened: find out */
	VERDICT_RESUBMIT, /* certainly nothing was created: submit again, same submission */
	VERDICT_DECIDE,   /* cannot be found out: a person must decide */
	VERDICT_ASKED     /* the cancel went out: poll for its effect */
};

/* idempotency: the manifest's word for the submit slot ("token", "name", "search", "none"). */
enum verdict outcome_verdict(
	enum job_action action, const struct call_result *result, const char *idempotency);

/* The same for find of an object that somebody named: where it is not there, or cannot be looked
 * at, a person must decide again; tries: how often in a row that has been in vain before. */
enum verdict outcome_adopted(
	enum verdict verdict, const struct call_result *result, unsigned tries);

/* Did the provider itself say that find cannot work? */
bool outcome_gives_up(const struct call_result *result);

/* The verdict of a find of no object that somebody named: one that cannot work is asked for again,
 * a few minutes long, before a person is. tries: how often in a row it was so before. */
enum verdict outcome_doubted(
	enum verdict verdict, const struct call_result *result, unsigned tries);

/* The verdict of a submit by what its mutations came to: while one is unclear it must be found out
 * whatever the slot says, as where it fails without having come back to what an attempt before it
 * did, or though none was refused behind what it made; and where none had an effect there is
 * nothing to find. Where the last one was refused because something is there, a failure that says
 * nothing of whose that is is none. */
enum verdict outcome_submitted(enum verdict verdict, const struct call_result *result);

/* The verdict of a submit that was not let in (AUTH) before it changed anything: that may be
 * over soon, so that the job has failed only when it was so for ten minutes. ms: how long already.
 */
enum verdict outcome_barred(enum verdict verdict, const struct call_result *result, int64_t ms);

/* The verdict of a poll that says that there is no such object: a cloud that has not heard of it
 * yet, or whose servers do not all know of it, says so too, so that it counts only when it was said
 * some times in a row, for some time. tries: how often before; ms: since the first of them. */
enum verdict outcome_gone(enum verdict verdict, unsigned tries, int64_t ms);

/* Of a submit of which it is to be found out what it made: if that is nothing, has the job failed
 * for the reason it gave? */
bool outcome_final(const struct call_result *result);

/* The verdict of a find that found nothing: no proof where the class is none, or search of a cloud
 * that does not say when its lists are complete. settle_ms: provider_settle_ms(). */
enum verdict outcome_missing(enum verdict verdict, const struct call_result *result,
	const char *idempotency, int64_t settle_ms);

/*
 * Fills op, an empty STORE_JOB_EDGE, with what result (of a VERDICT_STATE) says of the job:
 * state, ref, names, progress, times, result. overdue: the job was stopped by its deadline,
 * so that its cancelled end is a failure. false: out of memory.
 */
bool outcome_edge(struct store_op *op, const struct call_result *result, bool overdue);

/* Takes secrets out of what is to be kept and shown: the texts of an edge that outcome_edge()
 * filled, but for those that name the object. Its scope is in use. false: out of memory. */
bool outcome_hide(struct store_op *op);

/* The edge to failed with a reason; its class becomes the result's member "failure". */
bool outcome_failed(struct store_op *op, enum fail_code code, const char *why);

/* Did job, as the store has it, end so, or as cancelled, without a word that its object has ended?
 */
bool outcome_left(const struct job *job);

#endif
