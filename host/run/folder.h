/*
 * folder - the names in a process's folder and beside it, known to davit-run, which fills it,
 * and to the daemon, which reads it. docs/process.md says what each is for.
 */
#ifndef HOST_RUN_FOLDER_H
#define HOST_RUN_FOLDER_H

#define RUN_SPEC     "spec.json"      /* the daemon's; its presence makes the folder a process */
#define RUN_STOP     "stop"           /* the daemon's; its presence asks for the end */
#define RUN_LOCK     "lock"           /* held by davit-run for its life */
#define RUN_STARTED  "started.json"   /* before the command runs, and at each restart */
#define RUN_EXIT     "exit.json"      /* the end; nothing changes after it */
#define RUN_MESSAGES "run.log"        /* standard error of davit-run */
#define RUN_PROGRESS "progress.jsonl" /* written by the command */
#define RUN_BIN      "bin"            /* links to programs, first in PATH */
#define RUN_WORK     "work"
#define RUN_OUTPUTS  "outputs"
#define RUN_TMP      ".tmp"     /* its /tmp, while it runs */
#define RUN_ROOM     ".room"    /* empty; what it sees is built upon it */
#define RUN_SOCKETS  ".sockets" /* where a confined server listens */
#define RUN_USERS                                                                                  \
	"users" /* the daemon's; names of processes that may run with this one as prefix */

/* In the runtime folder, after the process's name. */
#define RUN_CONTROL_SUFFIX ".ctl"
#define RUN_SERVE_SUFFIX   ".serve"

#define RUN_NAME_MAX   48
#define RUN_SOCKET_MAX 107 /* bytes of a socket's path */
#define RUN_JSON_MAX   (16u << 20)

#endif
