/*
 * keys - the one table of everything a site can say: type, default, limits, a sentence.
 * Reading, complaints and docs/configuration.md are driven by it. Internal to config.
 */
#ifndef HOST_CONFIG_KEYS_H
#define HOST_CONFIG_KEYS_H

#include <stddef.h>
#include <stdint.h>

enum key_kind {
	KEY_TEXT,        /* char *; not empty */
	KEY_WORD,        /* char *; the id a provider is given */
	KEY_PROVIDER,    /* char *; the id of a provider that providers.d configures */
	KEY_LEVEL,       /* char *; a level of the log */
	KEY_CHOICE,      /* char *; one of words */
	KEY_PATH,        /* char *; made absolute */
	KEY_STORE,       /* char *; "sqlite:PATH", the path made absolute */
	KEY_ADDRESS,     /* char *; a loopback address */
	KEY_INT,         /* int64_t, within least and most */
	KEY_BOOL,        /* bool */
	KEY_OFFSET,      /* int64_t minutes from "+05:30" */
	KEY_JSON,        /* json_t *; any map */
	KEY_PATHS,       /* char ** and, right behind it, a size_t: folders made absolute */
	KEY_TEXTS,       /* char ** and, right behind it, a size_t: texts that are not empty */
	KEY_PROXY,       /* char *; the URL of a proxy */
	KEY_HOSTS,       /* as KEY_TEXTS; names, addresses and networks */
	KEY_SECTION,     /* a map with keys of its own, below */
	KEY_LISTENERS,   /* a list of maps with keys, below */
	KEY_CONNECTIONS, /* a map of maps with keys, below, and any others */
	KEY_KIND_COUNT
};

struct key {
	const char *name;
	enum key_kind kind;
	size_t offset; /* of the member in the struct the section fills */
	int64_t least, most;
	int64_t preset;          /* of a number or truth */
	const char *preset_text; /* of a text; NULL: none, or worked out */
	const char *preset_told; /* what the reference says where it is worked out */
	const struct section *below;
	const char *const *words; /* of a choice; NULL ends them */
	const char *meaning;      /* a sentence */
};

struct section {
	const char *title; /* in the reference and in complaints */
	const char *intro;
	const struct key *keys;
	size_t count;
};

extern const struct section keys_site;       /* davit.yaml: struct config */
extern const struct section keys_listener;   /* struct config_listener */
extern const struct section keys_connection; /* struct config_connection */
extern const struct section keys_provider;   /* a file of providers.d: struct config_provider */

/* All sections, for the reference and for "it belongs below …". */
extern const struct section *const keys_sections[];
extern const size_t keys_section_count;

#endif
