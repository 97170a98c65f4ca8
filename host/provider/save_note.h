/*
 * save_note - what is being written where a caller named, noted in data_dir/exports while it is:
 * a daemon that starts again deletes by it what a crash left unfinished. [any thread]
 */
#ifndef HOST_PROVIDER_SAVE_NOTE_H
#define HOST_PROVIDER_SAVE_NOTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct config;
struct fail;

/* What is written: the names of files below folder, which is below root. Borrowed. */
struct save_note {
	const char *root;
	const char *folder;
	const char *const *names;
	size_t count;
	uint64_t mark; /* out: of fs_placing */
};

/* Notes it, durable, with a mark of its own. */
bool save_note_begin(const struct config *config, struct save_note *note, struct fail *f);
/* It is written, or undone. */
void save_note_end(const struct config *config, const struct save_note *note);

/* Deletes what is unfinished by all notes there are, and the notes; when nothing is written
 * yet. Only below roots that still are the site's. Failures are logged, and tried again with the
 * next start. */
void save_note_recover(const struct config *config);

#endif
