/* read - fills the structs of config.h from YAML by the table of keys. Internal to config. */
#ifndef HOST_CONFIG_READ_H
#define HOST_CONFIG_READ_H

#include <stdbool.h>
#include <stddef.h>

struct config;
struct fail;
struct ytree;

/* Where a text comes from. */
struct read_file {
	const char *name;   /* for messages */
	const char *folder; /* absolute; relative paths are taken from here */
};

/* Reads the text of davit.yaml into *c, which is all zero; presets included, but not what
 * depends on other values or on this machine (config.c). *c is to be freed in any case. */
bool read_site(struct config *c, const struct read_file *file, const char *bytes, size_t n,
	struct fail *f);

/* Reads the text of one file of providers.d and appends it to c->providers. */
bool read_provider(struct config *c, const struct read_file *file, const char *bytes, size_t n,
	struct fail *f);

/* *at := a copy of text, in place of what is there. */
bool read_set(char **at, const char *text, struct fail *f);

/* What read_site() does to one listener that nobody wrote down: presets only. */
bool read_listener_presets(struct config *c, struct fail *f);

#endif
