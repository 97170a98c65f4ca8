/* runs - finding runs by what the user calls them. [one thread] */
#ifndef CLI_RUNS_H
#define CLI_RUNS_H

struct cli;

/* The id that a word means: an id, or a name with or without how many before the newest
 * ("digits~1"). To be freed; NULL: told. */
char *runs_id(struct cli *c, const char *word);

#endif
