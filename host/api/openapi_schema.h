/*
 * openapi_schema - the JSON Schemas of manifests as OpenAPI 3.0 writes them, and where a
 * document keeps them. [any thread]
 */
#ifndef HOST_API_OPENAPI_SCHEMA_H
#define HOST_API_OPENAPI_SCHEMA_H

#include <jansson.h>

struct app;
struct operation;

/* The schema in the words of OpenAPI 3.0: one type each, no null, no const. New. */
json_t *openapi_schema(const json_t *schema);

/*
 * What the body of an operation of providers may be: a reference to the schema of the loaded
 * provider that takes it, or any of several; {} where none says. They are put into schemas, the
 * document's, as "local.training.train". app NULL: no provider. New; NULL: out of memory.
 */
json_t *openapi_body(const struct app *app, const struct operation *op, json_t *schemas);

#endif
