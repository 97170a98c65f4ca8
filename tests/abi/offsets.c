/*
 * offsets.c - the layout of every released table on 64-bit machines, as numbers. A line here
 * is never changed: a table grows by new lines at its end, with an entry in
 * docs/abi-history.md. While the interfaces are drafts a line may change, with an entry too.
 */
#include <davit/manifest.h>
#include <davit/provider.h>

#define AT(type, member, offset)                                                                   \
	_Static_assert(offsetof(type, member) == (offset), #type "." #member " has moved")
#define SIZE(type, bytes) _Static_assert(sizeof(type) == (bytes), #type " has another size")

/* clang-format off */

SIZE(davit_buf, 16);
AT(davit_buf, p, 0);
AT(davit_buf, n, 8);
SIZE(davit_instance, 8);
SIZE(davit_call, 8);
SIZE(davit_blob, 8);
SIZE(davit_secret, 8);
SIZE(davit_op, 8);

SIZE(davit_manifest_head, 48);
AT(davit_manifest_head, magic, 0);
AT(davit_manifest_head, length, 8);
AT(davit_manifest_head, reserved, 12);
AT(davit_manifest_head, sha256, 16);

SIZE(davit_host_core_1, 112);
AT(davit_host_core_1, size, 0);
AT(davit_host_core_1, flags, 4);
AT(davit_host_core_1, reply, 8);
AT(davit_host_core_1, reply_state, 16);
AT(davit_host_core_1, reply_blob, 24);
AT(davit_host_core_1, reply_chunk, 32);
AT(davit_host_core_1, fail, 40);
AT(davit_host_core_1, log, 48);
AT(davit_host_core_1, now_ms, 56);
AT(davit_host_core_1, mono_ms, 64);
AT(davit_host_core_1, deadline_ms, 72);
AT(davit_host_core_1, cancelled, 80);
AT(davit_host_core_1, sleep_ms, 88);
AT(davit_host_core_1, random, 96);
AT(davit_host_core_1, arena, 104);

SIZE(davit_host_kv_1, 48);
AT(davit_host_kv_1, size, 0);
AT(davit_host_kv_1, flags, 4);
AT(davit_host_kv_1, get, 8);
AT(davit_host_kv_1, put, 16);
AT(davit_host_kv_1, cas, 24);
AT(davit_host_kv_1, del, 32);
AT(davit_host_kv_1, list, 40);

SIZE(davit_host_blob_1, 80);
AT(davit_host_blob_1, size, 0);
AT(davit_host_blob_1, flags, 4);
AT(davit_host_blob_1, create, 8);
AT(davit_host_blob_1, write, 16);
AT(davit_host_blob_1, seal, 24);
AT(davit_host_blob_1, open, 32);
AT(davit_host_blob_1, resolve, 40);
AT(davit_host_blob_1, read, 48);
AT(davit_host_blob_1, length, 56);
AT(davit_host_blob_1, close, 64);
AT(davit_host_blob_1, save, 72);

SIZE(davit_host_job_1, 16);
AT(davit_host_job_1, size, 0);
AT(davit_host_job_1, flags, 4);
AT(davit_host_job_1, checkpoint, 8);

SIZE(davit_host_process_1, 64);
AT(davit_host_process_1, size, 0);
AT(davit_host_process_1, flags, 4);
AT(davit_host_process_1, start, 8);
AT(davit_host_process_1, inspect, 16);
AT(davit_host_process_1, stop, 24);
AT(davit_host_process_1, remove, 32);
AT(davit_host_process_1, open_file, 40);
AT(davit_host_process_1, list_files, 48);
AT(davit_host_process_1, request, 56);

SIZE(davit_host_http_1, 24);
AT(davit_host_http_1, size, 0);
AT(davit_host_http_1, flags, 4);
AT(davit_host_http_1, perform, 8);
AT(davit_host_http_1, perform_many, 16);

SIZE(davit_host_secret_1, 112);
AT(davit_host_secret_1, size, 0);
AT(davit_host_secret_1, flags, 4);
AT(davit_host_secret_1, open, 8);
AT(davit_host_secret_1, digest, 16);
AT(davit_host_secret_1, hmac, 24);
AT(davit_host_secret_1, hmac_key, 32);
AT(davit_host_secret_1, sign, 40);
AT(davit_host_secret_1, reveal, 48);
AT(davit_host_secret_1, join, 56);
AT(davit_host_secret_1, decode, 64);
AT(davit_host_secret_1, member, 72);
AT(davit_host_secret_1, mint, 80);
AT(davit_host_secret_1, keep, 88);
AT(davit_host_secret_1, digest_value, 96);
AT(davit_host_secret_1, compose, 104);

SIZE(davit_host_token_1, 32);
AT(davit_host_token_1, size, 0);
AT(davit_host_token_1, flags, 4);
AT(davit_host_token_1, get, 8);
AT(davit_host_token_1, put, 16);
AT(davit_host_token_1, drop, 24);

SIZE(davit_core_1, 32);
AT(davit_core_1, size, 0);
AT(davit_core_1, flags, 4);
AT(davit_core_1, create, 8);
AT(davit_core_1, destroy, 16);
AT(davit_core_1, check, 24);

SIZE(davit_jobs_1, 104);
AT(davit_jobs_1, size, 0);
AT(davit_jobs_1, flags, 4);
AT(davit_jobs_1, validate, 8);
AT(davit_jobs_1, submit, 16);
AT(davit_jobs_1, find, 24);
AT(davit_jobs_1, poll, 32);
AT(davit_jobs_1, cancel, 40);
AT(davit_jobs_1, get, 48);
AT(davit_jobs_1, list, 56);
AT(davit_jobs_1, remove, 64);
AT(davit_jobs_1, logs, 72);
AT(davit_jobs_1, metrics, 80);
AT(davit_jobs_1, migrate_ref, 88);
AT(davit_jobs_1, outputs, 96);

SIZE(davit_datasets_1, 120);
AT(davit_datasets_1, size, 0);
AT(davit_datasets_1, flags, 4);
AT(davit_datasets_1, validate, 8);
AT(davit_datasets_1, submit, 16);
AT(davit_datasets_1, find, 24);
AT(davit_datasets_1, poll, 32);
AT(davit_datasets_1, cancel, 40);
AT(davit_datasets_1, get, 48);
AT(davit_datasets_1, list, 56);
AT(davit_datasets_1, remove, 64);
AT(davit_datasets_1, logs, 72);
AT(davit_datasets_1, metrics, 80);
AT(davit_datasets_1, migrate_ref, 88);
AT(davit_datasets_1, outputs, 96);
AT(davit_datasets_1, export_, 104);
AT(davit_datasets_1, tag, 112);

SIZE(davit_models_1, 120);
AT(davit_models_1, size, 0);
AT(davit_models_1, flags, 4);
AT(davit_models_1, validate, 8);
AT(davit_models_1, submit, 16);
AT(davit_models_1, find, 24);
AT(davit_models_1, poll, 32);
AT(davit_models_1, cancel, 40);
AT(davit_models_1, get, 48);
AT(davit_models_1, list, 56);
AT(davit_models_1, remove, 64);
AT(davit_models_1, logs, 72);
AT(davit_models_1, metrics, 80);
AT(davit_models_1, migrate_ref, 88);
AT(davit_models_1, outputs, 96);
AT(davit_models_1, export_, 104);
AT(davit_models_1, tag, 112);

SIZE(davit_prediction_1, 24);
AT(davit_prediction_1, size, 0);
AT(davit_prediction_1, flags, 4);
AT(davit_prediction_1, infer, 8);
AT(davit_prediction_1, explain, 16);

SIZE(davit_functions_1, 16);
AT(davit_functions_1, size, 0);
AT(davit_functions_1, flags, 4);
AT(davit_functions_1, execute, 8);

SIZE(davit_environments_1, 24);
AT(davit_environments_1, size, 0);
AT(davit_environments_1, flags, 4);
AT(davit_environments_1, list, 8);
AT(davit_environments_1, remove, 16);

SIZE(davit_storage_1, 80);
AT(davit_storage_1, size, 0);
AT(davit_storage_1, flags, 4);
AT(davit_storage_1, put, 8);
AT(davit_storage_1, get, 16);
AT(davit_storage_1, head, 24);
AT(davit_storage_1, list, 32);
AT(davit_storage_1, remove, 40);
AT(davit_storage_1, copy, 48);
AT(davit_storage_1, presign, 56);
AT(davit_storage_1, multipart, 64);
AT(davit_storage_1, features, 72);

/* Names for the job shape alone. */
SIZE(davit_training_1, 104);
SIZE(davit_inference_1, 104);
SIZE(davit_deployment_1, 104);
SIZE(davit_pipelines_1, 104);

/* Codes and states are numbers forever. */
#define IS(name, value) _Static_assert((name) == (value), #name " has another value")
IS(DAVIT_OK, 0);
IS(DAVIT_RETRY, 1);
IS(DAVIT_THROTTLED, 2);
IS(DAVIT_AUTH, 3);
IS(DAVIT_QUOTA, 4);
IS(DAVIT_INVALID, 5);
IS(DAVIT_NOT_FOUND, 6);
IS(DAVIT_CONFLICT, 7);
IS(DAVIT_UNSUPPORTED, 8);
IS(DAVIT_CANCELLED, 9);
IS(DAVIT_DEADLINE, 10);
IS(DAVIT_INTERNAL, 11);
IS(DAVIT_PERMANENT, 12);
IS(DAVIT_STATE_PENDING, 0);
IS(DAVIT_STATE_RUNNING, 1);
IS(DAVIT_STATE_SUCCEEDED, 2);
IS(DAVIT_STATE_FAILED, 3);
IS(DAVIT_STATE_CANCELLED, 4);
IS(DAVIT_LOG_DEBUG, 0);
IS(DAVIT_LOG_INFO, 1);
IS(DAVIT_LOG_WARN, 2);
IS(DAVIT_LOG_ERROR, 3);
IS(DAVIT_HTTP_MUTATES, 1);
IS(DAVIT_HTTP_IDEMPOTENT, 2);
IS(DAVIT_MANIFEST_TYPE, 1);
IS(DAVIT_MANIFEST_MAX, 262144);
