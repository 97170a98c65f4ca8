/*
 * run_help - a process's folder in a temporary place, and davit-run started on it. Every wait
 * has a deadline and fails the test when it comes.
 */
#ifndef TESTS_UNIT_RUN_HELP_H
#define TESTS_UNIT_RUN_HELP_H

#include <jansson.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define HELP_PATH 512

struct run_place {
	char base[HELP_PATH];
	char folder[HELP_PATH];
	char runtime[HELP_PATH];
};

/* cmocka's setup and teardown; *state is the struct run_place. */
int place_make(void **state);
int place_remove(void **state);

/* A file of the folder, or of the runtime folder. */
const char *place_file(const struct run_place *p, const char *name, char path[HELP_PATH]);
const char *place_runtime(const struct run_place *p, const char *name, char path[HELP_PATH]);

void put_file(const char *path, const char *text);

/* The whole file, NUL-terminated; "" where there is none. The caller frees it. */
char *get_file(const char *path);
char *get_place_file(const struct run_place *p, const char *name);
json_t *get_json(const struct run_place *p, const char *name);

/* How many lines the file has. */
size_t count_lines(const struct run_place *p, const char *name);

/* Writes spec.json; spec is a JSON text, in which ' stands for ". */
void put_spec(const struct run_place *p, const char *spec);

/* Starts davit-run (of the test build); options may be NULL. */
pid_t run_begin(const struct run_place *p, const char *cgroup);

/* Waits for the end; returns the status as waitpid() tells it. */
int run_end(pid_t pid);

/* Both, and what exit.json says (NULL: none). */
json_t *run_spec_whole(const struct run_place *p, const char *spec);

/* Waits until the file is there, or until it has so many lines. */
void await_file(const struct run_place *p, const char *name);
void await_lines(const struct run_place *p, const char *name, size_t n);

/* Waits until no process has that number any more. */
void await_gone(pid_t pid);

/* Waits until the process is stopped by a signal. */
void await_stopped(pid_t pid);

/* Connects to a socket of the runtime folder, once somebody listens. */
int connect_to(const struct run_place *p, const char *name);
void send_text(int fd, const char *text);

/* The member as an integer or truth; fails the test where it has another type. */
long long int_of(const json_t *obj, const char *member);
bool is_true(const json_t *obj, const char *member);
#define assert_text_of(obj, member, text)                                                          \
	assert_string_equal(json_string_value(json_object_get(obj, member)), text)

/* A pause between two looks; the caller counts against its deadline of about 60 seconds. */
#define LOOKS 6000
void look_again(void);

#endif
