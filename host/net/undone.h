/*
 * undone - did the other side say that it did not touch a request? HTTP/2 has words for that: of a
 * stream REFUSED_STREAM, and of all streams past a number GOAWAY. Such a request may be sent again
 * whatever it changes. [the loop's thread, but for undone_watch()]
 */
#ifndef HOST_NET_UNDONE_H
#define HOST_NET_UNDONE_H

#include <curl/curl.h>
#include <stdbool.h>

/* All zeros: nothing was said. */
struct undone {
	bool said;
	unsigned long stream; /* the request's number in its connection */
};

/* From now on *u says what curl hears of this handle's request. Of itself curl then sends it again
 * only where it was not touched, or where the host wants HTTP/1.1 instead. */
void undone_watch(CURL *easy, struct undone *u);

/* One line of curl's log; for undone_watch() and tests. */
void undone_hear(struct undone *u, const char *text, size_t n);

#endif
