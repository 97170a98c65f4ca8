/*
 * request - one request on its way through a front: from its first line to the last byte of
 * its answer. These are callbacks for MHD_start_daemon(); their first argument is the struct
 * front. [front thread]
 */
#ifndef HOST_HTTP_REQUEST_H
#define HOST_HTTP_REQUEST_H

#include <microhttpd.h>
#include <stddef.h>

/* Its first line came in. Returns the exchange, the context of all that follows. */
void *request_begun(void *arg, const char *target, struct MHD_Connection *c);

/* Its head came in, then each part of its body, then nothing more; once more when the answer
 * of a connection that was suspended is there. */
enum MHD_Result request_heard(void *arg, struct MHD_Connection *c, const char *url,
	const char *method, const char *version, const char *bytes, size_t *n, void **context);

/* The answer is sent, or the client is gone. */
void request_over(
	void *arg, struct MHD_Connection *c, void **context, enum MHD_RequestTerminationCode how);

#endif
