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

int cmd_submit(struct cli *c);
int cmd_train(struct cli *c);
int cmd_rerun(struct cli *c);

#endif
