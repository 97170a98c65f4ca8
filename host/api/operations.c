/* operations - see operations.h: the table that ties the client's method names to slots. */
#include "api/operations.h"

#include <davit/provider.h>

#include "base/attr.h"

/* clang-format off */
const struct operation api_operations[] = {
	[OP_DATASETS_CREATE] = {"projects_datasets_create", DAVIT_DATASETS, "submit", "create", OPERATION_JOB, 200},
	[OP_DATASETS_LIST] = {"projects_datasets_list_list", DAVIT_DATASETS, "list", NULL, OPERATION_LIST, 200},
	[OP_DATASETS_GET] = {"projects_datasets_get", DAVIT_DATASETS, "get", NULL, OPERATION_OBJECT, 200},
	[OP_DATASETS_DELETE] = {"projects_datasets_delete", DAVIT_DATASETS, "remove", NULL, OPERATION_OBJECT, 200},
	[OP_DATASETS_EXPORT] = {"projects_datasets_export_create", DAVIT_DATASETS, "export", NULL, OPERATION_EXPORT, 200},
	[OP_DATASETS_TAG] = {"projects_datasets_tags_create", DAVIT_DATASETS, "tag", NULL, OPERATION_OBJECT, 200},

	[OP_ENDPOINTS_CREATE] = {"projects_endpoints_create", DAVIT_DEPLOYMENT, "submit", "register", OPERATION_JOB, 200},
	[OP_ENDPOINTS_LIST] = {"projects_endpoints_list_list", DAVIT_DEPLOYMENT, "list", NULL, OPERATION_LIST, 200},
	[OP_ENDPOINTS_GET] = {"projects_endpoints_get", DAVIT_DEPLOYMENT, "get", NULL, OPERATION_OBJECT, 200},
	[OP_ENDPOINTS_DELETE] = {"projects_endpoints_delete", DAVIT_DEPLOYMENT, "remove", NULL, OPERATION_OBJECT, 200},
	[OP_ENDPOINTS_DEPLOY] = {"projects_endpoints_deploy_model_create", DAVIT_DEPLOYMENT, "submit", "deploy", OPERATION_JOB, 200},
	[OP_ENDPOINTS_UNDEPLOY] = {"projects_endpoints_undeploy_models_create", DAVIT_DEPLOYMENT, "submit", "undeploy", OPERATION_JOB, 200},
	[OP_ENDPOINTS_INFER] = {"projects_endpoints_infer_create", DAVIT_PREDICTION, "infer", NULL, OPERATION_PREDICT, 200},
	[OP_ENDPOINTS_EXPLAIN] = {"projects_endpoints_explain_create", DAVIT_PREDICTION, "explain", NULL, OPERATION_PREDICT, 200},

	[OP_MODELS_LIST] = {"projects_models_list", DAVIT_MODELS, "list", NULL, OPERATION_LIST, 200},
	[OP_MODELS_REGISTER] = {"projects_models_register_create", DAVIT_MODELS, "submit", "register", OPERATION_JOB, 200},
	[OP_MODELS_GET] = {"projects_models_get", DAVIT_MODELS, "get", NULL, OPERATION_OBJECT, 200},
	[OP_MODELS_DELETE] = {"projects_models_delete", DAVIT_MODELS, "remove", NULL, OPERATION_OBJECT, 200},
	[OP_MODELS_EXPORT] = {"projects_models_export_create", DAVIT_MODELS, "export", NULL, OPERATION_EXPORT, 200},
	[OP_MODELS_ALIAS] = {"projects_models_aliases_create", DAVIT_MODELS, "tag", NULL, OPERATION_OBJECT, 200},

	[OP_TRAINING_AUTOML] = {"training_automl_simplified_create", DAVIT_TRAINING, "submit", "automl", OPERATION_JOB, 201},
	[OP_TRAINING_CUSTOM_SCRIPT] = {"training_custom_script_create", DAVIT_TRAINING, "submit", "custom_script", OPERATION_JOB, 200},
	[OP_TRAINING_TRAIN] = {"training_train_create", DAVIT_TRAINING, "submit", "train", OPERATION_JOB, 200},
	[OP_TRAINING_LIST] = {"training_istlist", DAVIT_TRAINING, "list", NULL, OPERATION_LIST, 200},
	[OP_TRAINING_GET] = {"training_get_list", DAVIT_TRAINING, "get", NULL, OPERATION_OBJECT, 200},
	[OP_TRAINING_CANCEL] = {"training_cancel_list", DAVIT_TRAINING, "cancel", NULL, OPERATION_CANCEL, 200},
	[OP_TRAINING_DELETE] = {"training_delete", DAVIT_TRAINING, "remove", NULL, OPERATION_OBJECT, 200},

	[OP_INFERENCE_CREATE] = {"projects_inferencePipelines_create", DAVIT_INFERENCE, "submit", "batch", OPERATION_JOB, 200},
	[OP_INFERENCE_LIST] = {"projects_inferencePipelines_list_list", DAVIT_INFERENCE, "list", NULL, OPERATION_LIST, 200},
	[OP_INFERENCE_GET] = {"projects_inferencePipelines_get", DAVIT_INFERENCE, "get", NULL, OPERATION_OBJECT, 200},
	[OP_INFERENCE_CANCEL] = {"projects_inferencePipelines_cancel", DAVIT_INFERENCE, "cancel", NULL, OPERATION_CANCEL, 200},
	[OP_INFERENCE_DELETE] = {"projects_inferencePipelines_delete", DAVIT_INFERENCE, "remove", NULL, OPERATION_OBJECT, 200},

	[OP_FUNCTION_EXECUTE] = {"function_execute", DAVIT_FUNCTIONS, "execute", NULL, OPERATION_FUNCTION, 200},
};
/* clang-format on */

const size_t api_operation_count = COUNT(api_operations);

_Static_assert(COUNT(api_operations) == OP_COUNT, "a row for each operation");
