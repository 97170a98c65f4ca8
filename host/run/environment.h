/* environment - the variables a command gets: those of its specification and the documented ones.
 */
#ifndef HOST_RUN_ENVIRONMENT_H
#define HOST_RUN_ENVIRONMENT_H

struct child_options;
struct confine;

/* A list for execve(); the caller frees it by environment_free(). NULL: out of memory. */
char **environment_make(const struct child_options *options, const struct confine *confine);
void environment_free(char **env); /* NULL is fine */

/* The folder of the specification's prefix, which must have one. The caller frees it; NULL: out
 * of memory. */
char *environment_prefix(const struct child_options *options);

/* Takes what a specification gives out of spec.json, for good: it may have secrets. What fails is
 * said on standard error, as it may be tried again. */
void environment_forget(void);

#endif
