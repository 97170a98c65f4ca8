/*
 * services - the tables of davit/host.h, and which provider gets which. The functions are
 * called by providers: every argument is checked, every handle must be the running call's.
 * Tables are constant.
 */
#ifndef HOST_PROVIDER_SERVICES_H
#define HOST_PROVIDER_SERVICES_H

#include <davit/host.h>
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"

struct call;
struct call_blob;
struct fail;

extern const davit_host_core_1 service_core;
extern const davit_host_kv_1 service_kv;
extern const davit_host_blob_1 service_blob;
extern const davit_host_job_1 service_job;
extern const davit_host_process_1 service_process;
extern const davit_host_http_1 service_http;
extern const davit_host_secret_1 service_secret;
extern const davit_host_token_1 service_token;

/* The query for create(): with davit.host.process only by grant. */
davit_host_query services_query(bool may_process);

/* --- what the services share --- */

#define SERVICE_JSON_MAX ((size_t)1024 * 1024) /* bytes of one JSON argument */

/* Remembers why for the user, returns the code that stands for it. */
int32_t service_refuse(struct call *c, int32_t code, const char *fmt, ...) ATTR_PRINTF(3, 4);

/* text as a NUL-terminated string in the call's memory; NULL when it is longer than max, has
 * a NUL in it or there is no memory. */
const char *service_text(struct call *c, davit_buf text, size_t max);

/* The JSON value of an argument of at most max bytes; NULL with FAIL_INVALID. */
json_t *service_parse(davit_buf text, size_t max, struct fail *f);

/* Hands n bytes to the provider in the call's memory. */
int32_t service_give_bytes(struct call *c, const void *bytes, size_t n, davit_buf *ret_bytes);

/* Of davit.host.secret (service_secret_value.c). */
int32_t DAVIT_CALL secret_digest_value(
	davit_call call, davit_buf algorithm, davit_buf value, davit_buf *ret_bytes);
int32_t DAVIT_CALL secret_compose(davit_call call, davit_buf value, davit_secret *ret_secret);

/* Hands v (taken over; NULL: out of memory) to the provider as text in the call's memory. */
int32_t service_give_json(struct call *c, json_t *v, davit_buf *ret_json);

/* Hands what b holds (taken over) to the provider by a handle. */
int32_t service_give_blob(struct call *c, const struct call_blob *b, davit_blob *ret_blob);

#endif
