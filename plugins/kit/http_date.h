/* http_date - the time of a header Date, as all servers write it now. [any] */
#ifndef PLUGINS_KIT_HTTP_DATE_H
#define PLUGINS_KIT_HTTP_DATE_H

#include <stdint.h>

/* Milliseconds since 1970 of "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110, IMF-fixdate), or -1. */
int64_t http_date_ms(const char *text);

#endif
