/*
 * follow - logs that are streamed while their jobs print them.
 *
 * One thread looks after all followers: every FOLLOW_MS it asks the provider of each for what
 * came since, by a short call. A follower holds no thread in between, few calls are made at
 * once, and none waits for a slow reader, so that followers keep nobody else from the provider.
 */
#ifndef HOST_API_FOLLOW_H
#define HOST_API_FOLLOW_H

#include <stdbool.h>
#include <stdint.h>

struct app;
struct exchange;
struct fail;
struct follows;

#define FOLLOW_MS 300

/* app is read at the first follower, not before. */
struct follows *follows_open(struct app *app, struct fail *f);

/* Ends every stream, cut off, and takes no more; before the server is stopped, which waits for
 * answers. NULL is fine. */
void follows_end(struct follows *fs);

/* After the last handler; ends first where that was not done. NULL is fine. */
void follows_close(struct follows *fs);

/*
 * Streams the log of the job from the byte offset on, as text/plain, until the job has ended and
 * all is out; once: only what there is by now. Owns x from then on. While the job waits, so
 * does the stream. FAIL_BUSY: too many
 * follow; FAIL_UNAVAILABLE: the daemon ends; x is the caller's then. [any thread]
 */
bool follow_log(struct follows *fs, struct exchange *x, const char *job, uint64_t offset, bool once,
	struct fail *f);

#endif
