/* show - what commands about objects share: lists, one object, changes. Each takes over the JSON
 * it is given (NULL: its maker has told why) and returns the exit code. [one thread] */
#ifndef CLI_SHOW_H
#define CLI_SHOW_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

struct cli;
struct table;

typedef void show_row(struct table *t, const json_t *object, int64_t now_ms);

int show_list(struct cli *c, json_t *list, const char *const *heads, size_t n, show_row *add,
	const char *none);
int show_one(struct cli *c, json_t *object, void (*print)(const json_t *object));

/* "data set digits@v2 1m7z… SUCCEEDED". */
int show_made(struct cli *c, json_t *object, const char *what);

/* The texts of an array with blanks between; an object: its members as NAME=VALUE. To be freed. */
char *show_words(const json_t *array);

/* The names of an object's members with ", " between, cut where they are many. To be freed; NULL:
 * out of memory. */
char *show_names(const json_t *object);

/* An array of the values of a repeated option. */
json_t *show_values(struct cli *c, const char *option);

/* Words 1… are added to the object of word 0, those of --remove taken off; route: where to POST
 * that, what: its name in the output. */
int show_marks(struct cli *c, const char *route, const char *what);

/* Lets the daemon write the object of word 0 to where --to says. */
int show_exported(struct cli *c, const char *route);

/* Deletes the object of each word. */
int show_deleted(struct cli *c, const char *route, const char *what);

#endif
