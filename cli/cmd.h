/* cmd - what the rows of the table of commands run, one file per group. Each returns the exit
 * code (cli.h). [one thread] */
#ifndef CLI_CMD_H
#define CLI_CMD_H

struct cli;

int cmd_help(struct cli *c);
int cmd_version(struct cli *c);
int cmd_completion(struct cli *c);
int cmd_serve(struct cli *c);
int cmd_status(struct cli *c);
int cmd_providers(struct cli *c);

int cmd_jobs(struct cli *c);
int cmd_logs(struct cli *c);
int cmd_cancel(struct cli *c);

int cmd_job(struct cli *c);
int cmd_decide(struct cli *c);

int cmd_submit(struct cli *c);
int cmd_train(struct cli *c);
int cmd_rerun(struct cli *c);

int cmd_datasets_list(struct cli *c);
int cmd_datasets_show(struct cli *c);
int cmd_datasets_create(struct cli *c);
int cmd_datasets_tag(struct cli *c);
int cmd_datasets_export(struct cli *c);
int cmd_datasets_delete(struct cli *c);

int cmd_models_list(struct cli *c);
int cmd_models_show(struct cli *c);
int cmd_models_register(struct cli *c);
int cmd_models_alias(struct cli *c);
int cmd_models_export(struct cli *c);
int cmd_models_delete(struct cli *c);

int cmd_runs(struct cli *c);
int cmd_runs_compare(struct cli *c);

int cmd_queues_list(struct cli *c);
int cmd_queues_pause(struct cli *c);
int cmd_queues_resume(struct cli *c);
int cmd_queues_priority(struct cli *c);

int cmd_strays(struct cli *c);
int cmd_providers_lift(struct cli *c);
int cmd_strays_sweep(struct cli *c);
int cmd_strays_adopt(struct cli *c);
int cmd_strays_delete(struct cli *c);

int cmd_check(struct cli *c);

int cmd_batch_create(struct cli *c);
int cmd_batch_list(struct cli *c);
int cmd_batch_show(struct cli *c);
int cmd_batch_cancel(struct cli *c);
int cmd_batch_delete(struct cli *c);
int cmd_batch_results(struct cli *c);

int cmd_venvs_list(struct cli *c);
int cmd_venvs_delete(struct cli *c);
int cmd_outputs(struct cli *c);
int cmd_run_function(struct cli *c);

int cmd_predict(struct cli *c);
int cmd_deploy(struct cli *c);
int cmd_endpoints_list(struct cli *c);
int cmd_endpoints_show(struct cli *c);
int cmd_endpoints_create(struct cli *c);
int cmd_endpoints_undeploy(struct cli *c);
int cmd_endpoints_delete(struct cli *c);

#endif
