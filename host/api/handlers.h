/*
 * handlers - every handler of the route table, by the file it lives in.
 */
#ifndef HOST_API_HANDLERS_H
#define HOST_API_HANDLERS_H

#include "http/route.h"

/* execute.c */
route_handler execute_submit;
route_handler execute_list;
route_handler execute_status;
route_handler execute_stop;

/* execute_output.c */
route_handler execute_log;
route_handler execute_artifacts;

/* pages.c */
route_handler pages_jobs;
route_handler pages_own_log;
route_handler pages_root;
route_handler pages_connection_test;  /* GET: is this address alive? */
route_handler pages_connection_check; /* POST: asks the provider */

/* venvs.c */
route_handler venvs_list;
route_handler venvs_delete;

/* service.c: every route that is one operation of a provider */
route_handler service_handle;
route_handler service_create; /* of those: a durable job */

/* training_form.c, status.c */
route_handler training_form_submit;
route_handler status_get;

/* v1_jobs.c, v1_outputs.c, v1_runs.c, v1_providers.c, v1_queues.c */
route_handler v1_jobs_list;
route_handler v1_jobs_get;
route_handler v1_jobs_cancel;
route_handler v1_jobs_rerun;    /* v1_rerun.c */
route_handler v1_jobs_decide;   /* v1_decide.c */
route_handler v1_jobs_timeline; /* v1_timeline.c */
route_handler v1_jobs_log;
route_handler v1_jobs_outputs;
route_handler v1_runs_list;
route_handler v1_runs_get;
route_handler v1_runs_compare;
route_handler v1_providers_list;
route_handler v1_providers_get;
route_handler v1_providers_lift;
route_handler v1_queues_list;
route_handler v1_queues_set;

/* v1_strays.c, v1_stray.c */
route_handler v1_strays_list;
route_handler v1_strays_sweep;
route_handler v1_strays_adopt;
route_handler v1_strays_delete;

/* health.c, openapi.c */
route_handler health_live;
route_handler health_ready;
route_handler openapi_get;

#endif
