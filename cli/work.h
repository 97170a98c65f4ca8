/* work - parts that commands which create something share. [one thread] */
#ifndef CLI_WORK_H
#define CLI_WORK_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct cli;

/* One command line: a word alone as it is, else all words quoted as POSIX sh reads them. To be
 * freed; NULL: too long. */
char *work_command_line(const char *const *words, size_t n);

/* {"text": …} of a file; NULL: told. */
json_t *work_file_source(struct cli *c, const char *file);

/* The same for a script, with "name", that of the file, where a daemon takes such a name. */
json_t *work_script_source(struct cli *c, const char *file);

/* Creates a data set of a file ("-": standard input); more (taken over, may be NULL) are further
 * members. The neutral object; NULL: told. */
json_t *work_upload(struct cli *c, const char *name, const char *file, json_t *more);

/* A data set by reference, or by a file, which is uploaded unless a data set of its name and
 * content is there. To be freed; NULL: told. */
char *work_dataset(struct cli *c, const char *word);

/* Adds {"NAME": VALUE…} of a repeated option as a member; false: told. */
bool work_put_pairs(
	struct cli *c, json_t *body, const char *member, const char *option, bool typed);

/* Adds {"text": …} of an option's file as a member; true also where the option is absent, false:
 * told. */
bool work_put_file(struct cli *c, json_t *body, const char *member, const char *option);

/* Writes a file that a job left to a file ("-": standard output); false: told. */
bool work_output(struct cli *c, const char *id, const char *name, const char *file);

/* POST SERVICE+route with the body, which it takes over; the neutral object, NULL: told. */
json_t *work_create(struct cli *c, const char *route, json_t *body);

#endif
