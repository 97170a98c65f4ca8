/*
 * mock - a host for the local provider's tests: kv and blobs in memory, processes that do what
 * the test says. One call at a time, one thread.
 */
#ifndef TESTS_UNIT_LOCAL_MOCK_H
#define TESTS_UNIT_LOCAL_MOCK_H

#include <davit/provider.h>
#include <jansson.h>
#include <stdbool.h>

#define MOCK_PROCESSES 16
#define MOCK_FILES     8
#define MOCK_BLOBS     64
#define MOCK_SEALED    32

struct mock_file {
	char *path;
	char *bytes;
	size_t n;
};

struct mock_process {
	char name[64]; /* "": a free place */
	json_t *spec;
	const char *state; /* as inspect() says; NULL: running */
	bool cancelled;
	int exit_code;
	int signal;
	const char *limit;
	const char *applied; /* JSON, or NULL */
	const char *error;   /* with it there is no exit code */
	bool interrupted;
	int restarts;
	bool healthy; /* answers /health with 200 */
	bool sick;    /* listens, and answers 500 */
	int requests; /* that it is answering just now */
	int starts;   /* start() calls it got */
	int stops;
	struct mock_file files[MOCK_FILES];
};

struct mock_blob {
	char *bytes; /* NULL: a free place */
	size_t n;
};

struct mock {
	/* what the test sets */
	int64_t now_ms;
	int32_t start_code;        /* what the next start() returns, unless DAVIT_OK */
	int32_t remove_code;       /* of the process service, unless DAVIT_OK */
	struct mock_process *born; /* how the next process that is started stands, or NULL */
	int64_t deadline_ms;       /* of calls, as mono_ms() tells the time */
	int kv_intrusions;         /* cas() calls that find the key written by somebody else */
	const char *served;        /* what a served process answers POST /predict with */
	int served_status;
	uint32_t random; /* what random() gives */

	/* what the slots left */
	json_t *reply; /* the last answer, or NULL */
	int32_t state; /* of reply_state(), -1: none */
	char fail_text[1024];
	char fail_pointer[128];
	char bytes[4096]; /* of the last reply_blob() */
	int status;
	char content_type[64];
	char model[64]; /* of the last reply_blob(); "": it named none */

	/* the world */
	json_t *kv; /* key: [version, value] */
	int64_t kv_version;
	struct mock_process processes[MOCK_PROCESSES];
	struct mock_blob blobs[MOCK_BLOBS];
	struct mock_blob sealed[MOCK_SEALED];
	struct mock_file paths[MOCK_FILES]; /* below the import root */
	struct mock_file saved[MOCK_FILES]; /* by save() */
	char *served_request;               /* the body of the last POST but /health */
	char asked[96];                     /* "PROCESS/path" of it */

	int64_t mono_ms;
	int randoms;   /* numbers drawn */
	void **pieces; /* of the running call's arena */
	size_t piece_count;
	davit_instance instance;
};

void mock_init(struct mock *m);
void mock_finish(struct mock *m);

/* create() with those settings; DAVIT_OK or its code. destroy() of the instance before. */
int32_t mock_create(struct mock *m, const char *settings);
void mock_destroy(struct mock *m);

/* Runs a slot of an interface; request is freed. An answer must have its neutral shape. */
int32_t mock_run(struct mock *m, const char *interface, const char *slot, json_t *request);

/* The process of that name; NULL: none. */
struct mock_process *mock_process(struct mock *m, const char *name);
size_t mock_process_count(const struct mock *m);
void mock_write(struct mock_file *files, const char *path, const char *bytes, size_t n);

/* A blob with those bytes. */
davit_blob mock_body(struct mock *m, const char *bytes);

#endif
