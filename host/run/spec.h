/*
 * spec - what a process is to be (plugin-api/schemas/process-spec.json), read to a struct and
 * checked wholly. The daemon checks before it accepts; davit-run reads the same again.
 */
#ifndef HOST_RUN_SPEC_H
#define HOST_RUN_SPEC_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fail;

struct run_limits { /* 0: none */
	int64_t wall_seconds;
	int64_t cpu_seconds;
	int64_t address_space_bytes;
	int64_t memory_bytes; /* only where there is a cgroup */
	int64_t open_files;
	int64_t file_bytes;
	int64_t processes;
};

struct run_restart {
	int64_t restart_first_ms;
	int64_t restart_max_ms;
	int64_t healthy_after_ms;
};

struct run_prefix {
	const char *process; /* whose folder, NULL: none */
	const char *path;    /* the folder in it that has bin/ */
};

struct run_spec {          /* all pointers are borrowed from the JSON it was read from */
	json_t *argv;      /* texts; or NULL: shell */
	const char *shell; /* for /bin/sh -c */
	json_t *environment;
	json_t *programs;
	json_t *inputs;
	json_t *notes;
	json_t *limits; /* as given; read to limit */
	json_t *serve;  /* as given, read to restart; NULL: it runs once */
	json_t *prefix; /* as given, read to root; NULL: none */
	json_t *read;   /* more absolute paths that it may read; or NULL */
	bool network;   /* it is given the machine's network */
	const char *cwd;
	int64_t log_bytes;
	int64_t grace_seconds;
	struct run_limits limit;
	struct run_restart restart;
	struct run_prefix root;
};

/* FAIL_INVALID with the pointer of the member at fault. */
bool run_spec_read(const json_t *v, struct run_spec *ret_spec, struct fail *f);

struct json_field;

/* Reads the members of obj, which stands at pointer in the specification; refuses what no
 * field names. As json_read() otherwise. */
bool run_object_read(const json_t *obj, const char *pointer, const struct json_field *fields,
	size_t n, void *out, struct fail *f);

/* Is path relative, of ordinary parts only (no "", "." or ".."), and free of control bytes? */
bool run_path_valid(const char *path);

#endif
