/*
 * place - the processes of a daemon in a temporary folder, with blobs and an import root, and
 * the count of changes that were told. Every wait has a deadline.
 */
#ifndef TESTS_UNIT_PROCESS_PLACE_H
#define TESTS_UNIT_PROCESS_PLACE_H

#include <jansson.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/sha256.h"
#include "platform/thread.h"
#include "process/process.h"

#define PLACE_PATH 512

struct place {
	char base[PLACE_PATH];
	char data[PLACE_PATH];
	char runtime[PLACE_PATH];
	char imports[PLACE_PATH];
	const char *import_roots[1];
	struct process_options options;
	struct blobs *blobs;
	struct processes *processes; /* NULL while closed */
	struct mutex lock;
	struct cond changed;
	size_t changes; /* told for any name */
};

/* cmocka's setup and teardown; teardown stops what still runs. */
int place_make(void **state);
int place_remove(void **state);

/* As a daemon that ends and one that starts. */
void place_close(struct place *p);
void place_open(struct place *p);

/* ' stands for ". The caller frees it. */
json_t *parse(const char *text);

void start(struct place *p, const char *name, const char *spec);
json_t *inspect(struct place *p, const char *name);
void stop(struct place *p, const char *name);

/* Is the process in that state now? */
bool is_in(struct place *p, const char *name, const char *state);

/* Waits for the state; *ret may be NULL, else the caller frees it. */
void await_state(struct place *p, const char *name, const char *state, json_t **ret);

/* Waits until a change was told after the count was `since`. */
void await_change(struct place *p, size_t since);
size_t change_count(struct place *p);

/* Below the process's folder. */
const char *file_of(
	const struct place *p, const char *name, const char *file, char path[PLACE_PATH]);
bool has_file(const struct place *p, const char *name, const char *file);
size_t lines_of(const struct place *p, const char *name, const char *file);
void await_lines_of(struct place *p, const char *name, const char *file, size_t n);

/* What process_open_file() gives; the caller frees it. */
char *read_through(struct place *p, const char *name, const char *path);

void put(const char *path, const char *text);
void make_blob(struct place *p, const char *text, char digest[SHA256_HEX_SIZE]);

long long number(const json_t *obj, const char *member);
bool truth(const json_t *obj, const char *member);

#define LOOKS 6000 /* of look_again(), about a minute */
void look_again(void);

#endif
