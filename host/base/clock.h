/*
 * clock - the only source of time in the daemon, real or driven by a test.
 *
 * Real by default. After clock_virtual_start() time stands still until clock_advance();
 * waits end as the advanced time reaches them. [any thread]
 */
#ifndef HOST_BASE_CLOCK_H
#define HOST_BASE_CLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "platform/thread.h"

#define CLOCK_NEVER INT64_MAX

int64_t clock_now_ms(void);  /* since 1970-01-01 UTC */
int64_t clock_mono_ms(void); /* never runs backwards */

/* Waits on c (m is held) until it is signalled or clock_mono_ms() reaches mono_ms; false
 * when the time came. May wake early, as any condition. */
bool clock_wait(struct cond *c, struct mutex *m, int64_t mono_ms);

/* Tests only. Both clocks stand at the values given, then move by clock_advance(). Start before
 * the threads under test begin to wait: a wait that began by the real clock ends by it. The
 * caller of clock_advance() and clock_virtual_stop() holds no mutex that a waiter waits with. */
void clock_virtual_start(int64_t now_ms, int64_t mono_ms);
void clock_advance(int64_t ms);
void clock_virtual_stop(void); /* all waits wake */

/* Waits, at most real_ms by the real clock, until count threads wait for a virtual time that
 * has not come yet; false if they do not. */
bool clock_virtual_await(size_t count, int64_t real_ms);

/* The earliest time any thread now waits for (CLOCK_NEVER: none), so that a test can jump there. */
int64_t clock_virtual_next(void);

#define CLOCK_TEXT_SIZE 40

/* "2026-11-21 08:00:00.123000+00:00": six fraction digits always; offset_minutes east of
 * UTC. Returns text. */
const char *clock_text(int64_t ms, int offset_minutes, char text[CLOCK_TEXT_SIZE]);

/* "2026-11-21T08:00:00.123Z": RFC 3339, three fraction digits, UTC. Returns text. */
const char *clock_text_rfc3339(int64_t ms, char text[CLOCK_TEXT_SIZE]);

/* Reads RFC 3339 (any fraction length, Z or offset) to milliseconds; false if it is not. */
bool clock_parse_rfc3339(const char *text, int64_t *ret_ms);

#endif
