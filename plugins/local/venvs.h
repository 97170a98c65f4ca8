/*
 * venvs - the names of Python environments, as people list and delete them: a name may stand
 * for several environments, and an environment have several names. The one that lost its last
 * name is first written down (kv "environment-gone/DIGEST"), then deleted by a sweep once
 * nothing uses it.
 */
#ifndef PLUGINS_LOCAL_VENVS_H
#define PLUGINS_LOCAL_VENVS_H

#include "local.h"

/* A key that says something by being there. false: the call failed. */
bool venvs_put_mark(struct local_call *c, const char *key);

/* The environment is wanted, under the name of that job where it has one: if it was to be
 * deleted it stays. false: the call failed. */
bool venvs_want(struct local_call *c, const char *digest, const char *job_name);

/* In environments.c: deletes the environment; DAVIT_CONFLICT, which is no failure of the call,
 * while it is used or built. Else sdk.code. */
int32_t environment_delete(struct local_call *c, const char *digest);

#endif
