/*
 * operations - the provider operations behind /api/service/v1, one row each: which interface
 * and slot, whether a call is a durable job, and which envelope its answer gets.
 */
#ifndef HOST_API_OPERATIONS_H
#define HOST_API_OPERATIONS_H

#include <stdbool.h>
#include <stddef.h>

enum operation_shape {
	OPERATION_LIST,    /* slot list: answer is an array of rows */
	OPERATION_OBJECT,  /* a slot that answers one object: get, remove, tag */
	OPERATION_EXPORT,  /* the slot export: an object and where it was put, or bytes */
	OPERATION_JOB,     /* a durable job: submit, the answer is its first neutral object */
	OPERATION_CANCEL,  /* durable cancel of the job behind the id */
	OPERATION_PREDICT, /* bytes in, bytes out */
	OPERATION_FUNCTION
};

struct operation {
	const char *name;      /* the client's method name: "projects_datasets_create" */
	const char *interface; /* "davit.datasets" */
	const char *slot;      /* "submit" */
	const char *kind;      /* of a job: "create"; else NULL */
	enum operation_shape shape;
	int success_status; /* 200, or 201 for AutoML */
};

/* Rows of api_operations, for the route table. */
enum operation_index {
	OP_DATASETS_CREATE,
	OP_DATASETS_LIST,
	OP_DATASETS_GET,
	OP_DATASETS_DELETE,
	OP_DATASETS_EXPORT,
	OP_DATASETS_TAG,
	OP_ENDPOINTS_CREATE,
	OP_ENDPOINTS_LIST,
	OP_ENDPOINTS_GET,
	OP_ENDPOINTS_DELETE,
	OP_ENDPOINTS_DEPLOY,
	OP_ENDPOINTS_UNDEPLOY,
	OP_ENDPOINTS_INFER,
	OP_ENDPOINTS_EXPLAIN,
	OP_MODELS_LIST,
	OP_MODELS_REGISTER,
	OP_MODELS_GET,
	OP_MODELS_DELETE,
	OP_MODELS_EXPORT,
	OP_MODELS_ALIAS,
	OP_TRAINING_AUTOML,
	OP_TRAINING_CUSTOM_SCRIPT,
	OP_TRAINING_TRAIN,
	OP_TRAINING_LIST,
	OP_TRAINING_GET,
	OP_TRAINING_CANCEL,
	OP_TRAINING_DELETE,
	OP_INFERENCE_CREATE,
	OP_INFERENCE_LIST,
	OP_INFERENCE_GET,
	OP_INFERENCE_CANCEL,
	OP_INFERENCE_DELETE,
	OP_FUNCTION_EXECUTE,
	OP_COUNT
};

extern const struct operation api_operations[];
extern const size_t api_operation_count;

#endif
