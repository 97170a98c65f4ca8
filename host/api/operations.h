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
	OPERATION_OBJECT,  /* a slot that answers one object: get, remove, export */
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
	int success_status;    /* 200, or 201 for AutoML */
};

extern const struct operation api_operations[];
extern const size_t api_operation_count;

#endif
