/*
 * provider.h - what a provider offers to the host: the whole plugin contract.
 *
 * A provider is one shared library with one exported function, davit_provider_query(). It
 * returns constant tables of slots, one per interface and major version. A slot left NULL
 * is not supported: the host answers 501 and says so. The tables must agree with the
 * manifest embedded in the same file (manifest.h); the host checks that when it loads.
 *
 * A provider has no sockets, files, threads, processes or crypto of its own. Everything
 * it needs from the world is a host service (host.h). That keeps it small, testable and
 * able to run in a process of its own without network or files.
 *
 * All interfaces are DRAFT until three cloud providers have run on them: a draft may still
 * change, and docs/abi-history.md has a line for each change. After that, a released table
 * is never reordered, retyped or reused; it only grows at the end.
 */
#ifndef DAVIT_PROVIDER_H
#define DAVIT_PROVIDER_H

#include <davit/abi.h>
#include <davit/host.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * The only exported symbol. Returns the table of interface id at that major version, or
 * NULL. Pure: no side effects, callable before create(), any number of times. The returned
 * table belongs to the provider and lives as long as the process. [any]
 */
DAVIT_EXPORT const void *DAVIT_CALL davit_provider_query(const char *id, uint32_t major);

typedef const void *(DAVIT_CALL *davit_provider_query_fn)(const char *id, uint32_t major);

/* Interface ids. The major version of each table below is 1. */
#define DAVIT_CORE         "davit.core"
#define DAVIT_TRAINING     "davit.training"
#define DAVIT_INFERENCE    "davit.inference"
#define DAVIT_DEPLOYMENT   "davit.deployment"
#define DAVIT_PREDICTION   "davit.prediction"
#define DAVIT_MODELS       "davit.models"
#define DAVIT_DATASETS     "davit.datasets"
#define DAVIT_FUNCTIONS    "davit.functions"
#define DAVIT_STORAGE      "davit.storage"
#define DAVIT_PIPELINES    "davit.pipelines"
#define DAVIT_ENVIRONMENTS "davit.environments"

/*
 * davit.core/1: an instance is one configured provider. Required.
 */
typedef struct davit_core_1 {
	uint32_t size;  /* sizeof(davit_core_1) when the provider was built */
	uint32_t flags; /* 0 */

	/*
	 * Makes an instance from config, one JSON object that satisfies the manifest's
	 * config_schema. The provider writes the number it wants to be called with to
	 * *ret_instance. The host query stays valid until destroy() returns. On failure call
	 * fail() and return its code; nothing is kept then. [once]
	 */
	int32_t(DAVIT_CALL *create)(davit_host_query query, davit_call call, davit_buf config,
		davit_instance *ret_instance);

	/* Ends an instance: no call of it runs, none will follow. Frees what create() made.
	 * [once] */
	void(DAVIT_CALL *destroy)(davit_instance inst);

	/* A cheap probe of credentials and reachability. Request: {"connection":{…}}; answer:
	 * {"ok":true} or fail(). [op] */
	davit_op check;
} davit_core_1;

/*
 * The job shape, shared by every interface that creates something which takes time. The
 * host keeps the job; the provider keeps nothing in memory between calls.
 *
 * Every request carries "connection" (object, may be empty). In job requests also:
 *   submission_id  constant over all retries of one submission; [0-9a-z], 24 bytes
 *   derived_name   made from it within the name limits of the manifest
 *   label          what to mark with what the submission makes: the site's id, '-' and the
 *                  submission_id; [0-9a-z-], 33 bytes. What carries one of this site's labels
 *                  and has no job is shown to the operator
 *   kind           which sort of job: the operation that asked ("train", "command", …)
 *   spec           the caller's request, which satisfies the manifest's request schema
 *   ref            what submit or find answered as "ref"; opaque to the host
 * Neutral replies are described by plugin-api/schemas/NAME.json.
 */
#define DAVIT_JOB_SLOTS                                                                            \
	/* Looks at {kind, spec} without changing anything; OK or fail(DAVIT_INVALID). May answer  \
	 * {"spec":…}: the spec with all that it names made definite, such as the id of what a   \
	 * tag means now. The host keeps it in place of the caller's, and submit gets it. */       \
	davit_op validate;                                                                         \
	/* Creates the remote object from {submission_id, derived_name, kind, spec}. Calls         \
	 * reply_state() with a neutral object that holds "ref". Called again with the same        \
	 * submission_id only where the manifest's idempotency class allows it. */                 \
	davit_op submit;                                                                           \
	/* Says what became of {submission_id, derived_name, kind}: reply_state() as submit        \
	 * does, or fail(DAVIT_NOT_FOUND) when certainly nothing was created. With "remote", the   \
	 * id of an object, a person has said that it is this one: of that object alone, or        \
	 * DAVIT_CONFLICT where it is marked for another submission. */                            \
	davit_op find;                                                                             \
	/* State of {kind, ref}: reply_state() with progress, metrics and, at the end, the         \
	 * neutral result. */                                                                      \
	davit_op poll;                                                                             \
	/* Asks the other side to stop {kind, ref}; returns without waiting for the end, which     \
	 * poll then sees. A job that already ended is DAVIT_OK. */                                \
	davit_op cancel;                                                                           \
	/* One object {id}: a neutral object. */                                                   \
	davit_op get;                                                                              \
	/* All objects: {"items":[neutral…]}, complete or fail(); never a part. What carries a   \
	 * label has it as "label", and where it is known its "kind" of job. With "brief": true    \
	 * only id, name, state, created, label and kind are wanted, so that long lists fit into   \
	 * an answer. */                                                                           \
	davit_op list;                                                                             \
	/* Deletes {id}; answers the neutral object as it was. Called again until it is done or    \
	 * refused for good; DAVIT_NOT_FOUND where there is no such object. */                     \
	davit_op remove;                                                                           \
	/* The log of {kind, ref}: reply_blob() or reply_chunk(), text/plain. With "offset": N a   \
	 * provider that can answers what was printed from the byte N on, or a part of it, and     \
	 * says where it begins: content type "text/plain; …; offset=N"; more than N where what  \
	 * was there is cut. Without that word the host takes the answer for the whole log. */     \
	davit_op logs;                                                                             \
	/* Metrics of {kind, ref}: {"series":[{"step","time_ms","values":{name:number}}]}. */      \
	davit_op metrics;                                                                          \
	/* Rewrites {from_version, ref} of an older release; answers {"ref":…}. */               \
	davit_op migrate_ref;                                                                      \
	/* What a job of {kind, ref} left: {"items":[{"path","bytes"}]}, or of {…, path} the     \
	 * bytes of that file: reply_blob() or reply_chunk(), whole and of any size. */            \
	davit_op outputs

/* The job shape alone; the first members of every table below that has jobs. */
typedef struct davit_jobs_1 {
	uint32_t size;
	uint32_t flags;
	DAVIT_JOB_SLOTS;
} davit_jobs_1;

/* davit.training/1: kinds "train", "automl", "custom_script", and "command" (one command
 * line, as POST /execute sends it). */
typedef davit_jobs_1 davit_training_1;

/* davit.inference/1: batch predictions as jobs; kind "batch". */
typedef davit_jobs_1 davit_inference_1;

/* davit.pipelines/1: declared only; no host calls it yet. */
typedef davit_jobs_1 davit_pipelines_1;

/* davit.datasets/1: kind "create". */
typedef struct davit_datasets_1 {
	uint32_t size;
	uint32_t flags;
	DAVIT_JOB_SLOTS;
	/* Copies dataset {id} to where {spec} says: {id, uri, files: [{path, bytes}]}; or answers
	 * its bytes, where spec asks for that. [op] */
	davit_op export_;
	/* Gives {id} the tags of {spec: {add, remove}} and takes some off; a neutral object. A tag
	 * that another version has moves. [op] */
	davit_op tag;
} davit_datasets_1;

/* davit.models/1: kind "register". */
typedef struct davit_models_1 {
	uint32_t size;
	uint32_t flags;
	DAVIT_JOB_SLOTS;
	davit_op export_; /* as of a dataset; of a model's files spec may ask for one's bytes. [op]
	                   */
	davit_op tag;     /* as of a dataset; a model's tags are called aliases. [op] */
} davit_models_1;

/*
 * davit.deployment/1: endpoints. The job slots serve three kinds: "register" makes an
 * endpoint, "deploy" puts a model on one and "undeploy" takes one off ({id, spec} in the
 * request for the last two). Which kinds a provider has stands in its manifest.
 */
typedef davit_jobs_1 davit_deployment_1;

/*
 * davit.prediction/1. Request: {id, content_type, accept, body, native}: body is a blob
 * handle with the caller's bytes. The answer is the model's: reply_blob() or
 * reply_chunk() with its content type; for explain the same.
 */
typedef struct davit_prediction_1 {
	uint32_t size;
	uint32_t flags;
	davit_op infer;
	davit_op explain;
} davit_prediction_1;

/* davit.functions/1: runs code that the caller sends ({imports, requirements, script,
 * connection_details, body}: the script defines execute(connection_details, body)); answers
 * {"output":…}: what it returned, or else what it printed. A text is best: the host shows any
 * other value as JSON. */
typedef struct davit_functions_1 {
	uint32_t size;
	uint32_t flags;
	davit_op execute;
} davit_functions_1;

/* davit.environments/1: what a provider keeps prepared for later jobs, such as installed Python
 * packages, under names that people see. */
typedef struct davit_environments_1 {
	uint32_t size;
	uint32_t flags;
	davit_op list; /* {"items":[{"name"}]}. [op] */
	davit_op remove; /* {names:[…]} to {"deleted":[…],"not_found":[…]}. What still runs keeps
	                  * what it needs; the name is gone at once. [op] */
} davit_environments_1;

/*
 * davit.storage/1: declared only; no host calls it yet. The provider plans (URLs, headers,
 * parts, signatures), the host moves the bytes.
 */
typedef struct davit_storage_1 {
	uint32_t size;
	uint32_t flags;
	davit_op put;       /* how to write one object {uri}. [op] */
	davit_op get;       /* how to read one, or a range. [op] */
	davit_op head;      /* size, time and digest of one; DAVIT_NOT_FOUND. [op] */
	davit_op list;      /* one page below a prefix. [op] */
	davit_op remove;    /* deletes one or many. [op] */
	davit_op copy;      /* from one object to another without us in between. [op] */
	davit_op presign;   /* a URL that works without credentials for a while. [op] */
	davit_op multipart; /* start, part, finish and abort of an upload in parts. [op] */
	davit_op features;  /* what of all this the store has. [op] */
} davit_storage_1;

#ifdef __cplusplus
}
#endif

#endif
