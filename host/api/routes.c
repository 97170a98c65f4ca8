/*
 * routes - the whole REST surface on one page.
 *
 * Rows that repeat an operation are other spellings of it that clients use. No path answers
 * with a redirect, so a spelling with a slash at the end that is seen on the wire is a row.
 */
#include "api/app.h"
#include "api/handlers.h"
#include "api/operations.h"
#include "base/attr.h"

/* One operation of a provider below /api/service/v1. */
#define SERVICE(method, path, op, name, flags, query_id, summary)                                  \
	{                                                                                          \
		method, "/api/service/v1" path, name, ERROR_TEXT, service_handle, flags, query_id, \
			&api_operations[op], summary                                               \
	}

/* One that makes a job. */
#define CREATES(path, op, name, flags, query_id, summary)                                          \
	{                                                                                          \
		"POST", "/api/service/v1" path, name, ERROR_TEXT, service_create,                  \
			(flags) | ROUTE_CREATES, query_id, &api_operations[op], summary            \
	}

/* clang-format off */
const struct route api_routes[] = {
	/* Jobs: one command line each. */
	{"POST", "/execute", "execute_submit", ERROR_SHORT, execute_submit, ROUTE_CREATES, NULL, NULL, "Runs a command as a durable job."},
	{"GET", "/execute", "execute_list", ERROR_SHORT, execute_list, 0, NULL, NULL, "The newest 100 jobs."},
	{"GET", "/execute/jobs", "execute_page", ERROR_SHORT, pages_jobs, 0, NULL, NULL, "The newest 100 jobs as a page for people."},
	{"GET", "/execute/getLog", "execute_own_log", ERROR_SHORT, pages_own_log, 0, NULL, NULL, "The last lines of the daemon's own log."},
	{"GET", "/execute/{id}/getStatus", "execute_status", ERROR_SHORT, execute_status, 0, NULL, NULL, "Where a job stands."},
	{"GET", "/execute/{id}/getLog", "execute_log", ERROR_SHORT, execute_log, 0, NULL, NULL, "What a job has printed so far."},
	{"GET", "/execute/{id}/stop", "execute_stop", ERROR_SHORT, execute_stop, 0, NULL, NULL, "Cancels a job."},
	{"POST", "/execute/{id}/stop", "execute_stop", ERROR_SHORT, execute_stop, ROUTE_ANY_BODY, NULL, NULL, "Cancels a job."},
	{"GET", "/execute/{id}/getOutputArtifacts", "execute_artifacts", ERROR_SHORT, execute_artifacts, 0, NULL, NULL, "The text files a job left in its output folder."},
	{"GET", "/venvs", "venvs_list", ERROR_SHORT, venvs_list, 0, NULL, NULL, "Names of the Python environments kept for pipelines."},
	{"DELETE", "/venvs", "venvs_delete", ERROR_SHORT, venvs_delete, 0, NULL, NULL, "Deletes Python environments by name."},

	/* Data sets. */
	CREATES("/datasets", OP_DATASETS_CREATE, "projects_datasets_create", ROUTE_UPLOAD, NULL, "Creates a data set."),
	SERVICE("GET", "/datasets/list", OP_DATASETS_LIST, "projects_datasets_list_list", 0, NULL, "All data sets."),
	SERVICE("GET", "/datasets/{dataset_id}", OP_DATASETS_GET, "projects_datasets_get", 0, "dataset_id", "One data set."),
	SERVICE("DELETE", "/datasets/{dataset_id}", OP_DATASETS_DELETE, "projects_datasets_delete", 0, "dataset_id", "Deletes a data set."),
	SERVICE("POST", "/datasets/{dataset_id}/export", OP_DATASETS_EXPORT, "projects_datasets_export_create", 0, "dataset_id", "Copies a data set to where the body says, or answers its bytes."),
	SERVICE("POST", "/datasets/{dataset_id}/tags", OP_DATASETS_TAG, "projects_datasets_tags_create", 0, "dataset_id", "Gives a version tags and takes some off."),

	/* Endpoints. */
	CREATES("/endpoints/register", OP_ENDPOINTS_CREATE, "projects_endpoints_create", 0, NULL, "Creates an endpoint."),
	SERVICE("GET", "/endpoints/list", OP_ENDPOINTS_LIST, "projects_endpoints_list_list", 0, NULL, "All endpoints."),
	SERVICE("GET", "/endpoints/{endpoint_id}", OP_ENDPOINTS_GET, "projects_endpoints_get", 0, "endpoint_id", "One endpoint."),
	SERVICE("DELETE", "/endpoints/{endpoint_id}/delete", OP_ENDPOINTS_DELETE, "projects_endpoints_delete", 0, "endpoint_id", "Deletes an endpoint."),
	CREATES("/endpoints/{endpoint_id}/deploy_model", OP_ENDPOINTS_DEPLOY, "projects_endpoints_deploy_model_create", 0, "endpoint_id", "Puts a model on an endpoint."),
	CREATES("/endpoints/{endpoint_id}/undeploy_models", OP_ENDPOINTS_UNDEPLOY, "projects_endpoints_undeploy_models_create", 0, "endpoint_id", "Takes models off an endpoint."),
	SERVICE("POST", "/endpoints/{endpoint_id}/infer", OP_ENDPOINTS_INFER, "projects_endpoints_infer_create", ROUTE_ANY_BODY, "endpoint_id", "Asks a deployed model for predictions."),
	SERVICE("POST", "/endpoints/{endpoint_id}/explain", OP_ENDPOINTS_EXPLAIN, "projects_endpoints_explain_create", ROUTE_ANY_BODY, "endpoint_id", "Asks a deployed model to explain predictions."),

	/* Models. */
	SERVICE("GET", "/models/list", OP_MODELS_LIST, "projects_models_list", 0, NULL, "All models."),
	CREATES("/models/register", OP_MODELS_REGISTER, "projects_models_register_create", 0, NULL, "Registers a model."),
	SERVICE("GET", "/models/{model_id}", OP_MODELS_GET, "projects_models_get", 0, "model_id", "One model."),
	SERVICE("DELETE", "/models/{model_id}", OP_MODELS_DELETE, "projects_models_delete", 0, "model_id", "Deletes a model."),
	SERVICE("POST", "/models/{model_id}/export", OP_MODELS_EXPORT, "projects_models_export_create", 0, "model_id", "Copies a model to where the body says, or answers a file of it."),
	SERVICE("POST", "/models/{model_id}/aliases", OP_MODELS_ALIAS, "projects_models_aliases_create", 0, "model_id", "Gives a version aliases and takes some off."),

	/* Training. */
	{"POST", "/api/service/v1/pipelines/training", "training_form_submit", ERROR_TEXT, training_form_submit, ROUTE_UPLOAD | ROUTE_CREATES, NULL, NULL, "From data to a deployed model in one request."},
	CREATES("/pipelines/training/automl", OP_TRAINING_AUTOML, "training_automl_simplified_create", 0, NULL, "Starts an AutoML training."),
	CREATES("/pipelines/training/custom_script", OP_TRAINING_CUSTOM_SCRIPT, "training_custom_script_create", 0, NULL, "Starts a training by a script of the caller."),
	CREATES("/pipelines/training/train", OP_TRAINING_TRAIN, "training_train_create", 0, NULL, "Starts a training."),
	SERVICE("GET", "/pipelines/training/list", OP_TRAINING_LIST, "training_istlist", 0, NULL, "All trainings."),
	SERVICE("GET", "/pipelines/training/{training_job_id}/get", OP_TRAINING_GET, "training_get_list", 0, "training_job_id", "One training."),
	SERVICE("GET", "/pipelines/training/{training_job_id}/cancel", OP_TRAINING_CANCEL, "training_cancel_list", 0, "training_job_id", "Cancels a training."),
	SERVICE("POST", "/pipelines/training/{training_job_id}/cancel", OP_TRAINING_CANCEL, "training_cancel_list", ROUTE_ANY_BODY, "training_job_id", "Cancels a training."),
	SERVICE("DELETE", "/pipelines/training/{training_job_id}/delete", OP_TRAINING_DELETE, "training_delete", 0, "training_job_id", "Deletes a training."),
	SERVICE("DELETE", "/projects_pipelines/{training_job_id}/delete", OP_TRAINING_DELETE, "training_delete", 0, "training_job_id", "Deletes a training."),

	/* Batch inference. */
	CREATES("/pipelines/inference", OP_INFERENCE_CREATE, "projects_inferencePipelines_create", 0, NULL, "Starts a batch prediction."),
	CREATES("/pipelines/inference/", OP_INFERENCE_CREATE, "projects_inferencePipelines_create", 0, NULL, "Starts a batch prediction."),
	SERVICE("GET", "/pipelines/inference/list", OP_INFERENCE_LIST, "projects_inferencePipelines_list_list", 0, NULL, "All batch predictions."),
	SERVICE("DELETE", "/pipelines/inference/{inference_job_id}", OP_INFERENCE_DELETE, "projects_inferencePipelines_delete", 0, "inference_job_id", "Deletes a batch prediction."),
	SERVICE("GET", "/pipelines/inference/{inference_job_id}/cancel", OP_INFERENCE_CANCEL, "projects_inferencePipelines_cancel", 0, "inference_job_id", "Cancels a batch prediction."),
	SERVICE("POST", "/pipelines/inference/{inference_job_id}/cancel", OP_INFERENCE_CANCEL, "projects_inferencePipelines_cancel", ROUTE_ANY_BODY, "inference_job_id", "Cancels a batch prediction."),
	SERVICE("GET", "/pipelines/inference/{inference_job_id}/get", OP_INFERENCE_GET, "projects_inferencePipelines_get", 0, "inference_job_id", "One batch prediction."),
	SERVICE("POST", "/pipelines/inference/{inference_job_id}/get", OP_INFERENCE_GET, "projects_inferencePipelines_get", ROUTE_ANY_BODY, "inference_job_id", "One batch prediction."),

	SERVICE("POST", "/function/execute", OP_FUNCTION_EXECUTE, "function_execute", 0, NULL, "Runs code that the caller sends."),

	/* The daemon itself. */
	{"GET", "/status/{id}", "status_get", ERROR_OBJECT, status_get, 0, NULL, NULL, "Where a job stands, by its id or its name at the provider."},
	{"GET", "/v1/providers", "v1_providers_list", ERROR_OBJECT, v1_providers_list, 0, NULL, NULL, "The providers and their states."},
	{"GET", "/v1/providers/{id}", "v1_providers_get", ERROR_OBJECT, v1_providers_get, 0, NULL, NULL, "One provider."},
	{"POST", "/v1/providers/{id}/lift", "v1_providers_lift", ERROR_OBJECT, v1_providers_lift, ROUTE_ADMIN | ROUTE_ANY_BODY, NULL, NULL, "Lets the file of a provider out of its quarantine."},
	{"GET", "/v1/queues", "v1_queues_list", ERROR_OBJECT, v1_queues_list, 0, NULL, NULL, "What runs and waits at each provider, by project."},
	{"POST", "/v1/queues/{provider}", "v1_queues_set", ERROR_OBJECT, v1_queues_set, ROUTE_ADMIN, NULL, NULL, "Pauses, resumes or orders the queue of a provider, or of a project there."},
	{"GET", "/v1/jobs", "v1_jobs_list", ERROR_OBJECT, v1_jobs_list, 0, NULL, NULL, "Jobs, newest first, by state, provider, interface, kind, project, name and time."},
	{"GET", "/v1/jobs/{id}", "v1_jobs_get", ERROR_OBJECT, v1_jobs_get, 0, NULL, NULL, "All that is known of one job."},
	{"POST", "/v1/jobs/{id}/cancel", "v1_jobs_cancel", ERROR_OBJECT, v1_jobs_cancel, ROUTE_ADMIN | ROUTE_ANY_BODY, NULL, NULL, "Cancels a job."},
	{"POST", "/v1/jobs/{id}/rerun", "v1_jobs_rerun", ERROR_OBJECT, v1_jobs_rerun, ROUTE_ADMIN | ROUTE_CREATES, NULL, NULL, "Does a job again, with other parameters or variables."},
	{"POST", "/v1/jobs/{id}/decide", "v1_jobs_decide", ERROR_OBJECT, v1_jobs_decide, ROUTE_ADMIN, NULL, NULL, "Decides about a job that waits for somebody to say how it goes on."},
	{"GET", "/v1/jobs/{id}/timeline", "v1_jobs_timeline", ERROR_OBJECT, v1_jobs_timeline, 0, NULL, NULL, "All that happened to a job: states, requests to the other side, decisions."},
	{"GET", "/v1/jobs/{id}/log", "v1_jobs_log", ERROR_OBJECT, v1_jobs_log, 0, NULL, NULL, "The log of a job as text, also while it is printed."},
	{"GET", "/v1/jobs/{id}/outputs", "v1_jobs_outputs", ERROR_OBJECT, v1_jobs_outputs, 0, NULL, NULL, "The files a job left; with path one of them, whole."},
	{"GET", "/v1/strays", "v1_strays_list", ERROR_OBJECT, v1_strays_list, 0, NULL, NULL, "What clouds have with a label of this site that no job follows."},
	{"POST", "/v1/strays/sweep", "v1_strays_sweep", ERROR_OBJECT, v1_strays_sweep, ROUTE_ADMIN | ROUTE_ANY_BODY, NULL, NULL, "Looks for strays now."},
	{"POST", "/v1/strays/{id}/adopt", "v1_strays_adopt", ERROR_OBJECT, v1_strays_adopt, ROUTE_ADMIN | ROUTE_CREATES, NULL, NULL, "Makes a job of a stray and follows it."},
	{"POST", "/v1/strays/{id}/delete", "v1_strays_delete", ERROR_OBJECT, v1_strays_delete, ROUTE_ADMIN | ROUTE_ANY_BODY, NULL, NULL, "Deletes a stray where it is."},
	{"GET", "/v1/runs", "v1_runs_list", ERROR_OBJECT, v1_runs_list, 0, NULL, NULL, "Trainings with parameters and metrics: newest first, or the best by a metric."},
	{"GET", "/v1/runs/compare", "v1_runs_compare", ERROR_OBJECT, v1_runs_compare, 0, NULL, NULL, "Several runs side by side."},
	{"GET", "/v1/runs/{id}", "v1_runs_get", ERROR_OBJECT, v1_runs_get, 0, NULL, NULL, "One run with its metrics over time."},
	{"GET", "/healthz", "health_live", ERROR_OBJECT, health_live, 0, NULL, NULL, "Is the daemon alive?"},
	{"GET", "/readyz", "health_ready", ERROR_OBJECT, health_ready, 0, NULL, NULL, "Does it take work?"},
	{"GET", "/swagger.json", "openapi_get", ERROR_OBJECT, openapi_get, 0, NULL, NULL, "This surface as an OpenAPI document."},

	/* Connection tests of the platform. */
	{"GET", "/", "root_get", ERROR_OBJECT, pages_root, 0, NULL, NULL, "Name and version."},
	{"POST", "/", "root_post", ERROR_OBJECT, pages_root, ROUTE_ANY_BODY, NULL, NULL, "Name and version."},
	{"GET", "/cloudconnect", "cloudconnect_get", ERROR_SHORT, pages_connection_test, 0, NULL, NULL, "Answers true."},
	{"POST", "/cloudconnect", "cloudconnect_post", ERROR_SHORT, pages_connection_check, 0, NULL, NULL, "Do these connection details work?"},
};
/* clang-format on */

const size_t api_route_count = COUNT(api_routes);
