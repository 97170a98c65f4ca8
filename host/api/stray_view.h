/* stray_view - a stray, seen by the REST surface. [any thread] */
#ifndef HOST_API_STRAY_VIEW_H
#define HOST_API_STRAY_VIEW_H

#include <jansson.h>

struct app;
struct stray;

/* All that is known of it: a new object, or NULL: out of memory. */
json_t *stray_view(const struct app *app, const struct stray *stray);

#endif
