/*
 * object - what the daemon answers about data sets, models, endpoints and jobs, and finding
 * them by what the user calls them. [one thread]
 */
#ifndef CLI_OBJECT_H
#define CLI_OBJECT_H

#include <jansson.h>
#include <stdbool.h>

struct cli;

/* The neutral object of a row of /api/service/v1; takes row over. A row without one is itself the
 * object. NULL stays NULL. */
json_t *object_of_row(json_t *row);

/* The same for each row of a list. */
json_t *object_of_rows(json_t *rows);

/* A member of the object, or else of its "provider" part. Borrowed. */
const json_t *object_at(const json_t *object, const char *member);
const char *object_text(const json_t *object, const char *member); /* NULL: none */

/* The whole list of /api/service/v1/FAMILY/list as neutral objects; NULL: told. */
json_t *object_list(struct cli *c, const char *family);

/* One object by any reference the daemon takes; NULL: told. */
json_t *object_get(struct cli *c, const char *family, const char *reference);

/* The same; where there is none *missing is set and nobody told. */
json_t *object_find(struct cli *c, const char *family, const char *reference, bool *missing);

/* "digits@v3" where it has a version, else its name. To be freed. */
char *object_label(const json_t *object);

/* The id of the job that a word means: an id, what its provider calls it, or the name of the
 * newest job that runs or ran something. To be freed; NULL: told. */
char *object_job_id(struct cli *c, const char *word);

#endif
