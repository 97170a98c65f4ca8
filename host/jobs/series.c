/* series - see series.h. */
#include "jobs/series.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"

bool series_is_run(const char *interface, const char *kind)
{
	return interface != NULL && kind != NULL && strcmp(interface, "davit.training") == 0 &&
	       (strcmp(kind, "train") == 0 || strcmp(kind, "custom_script") == 0);
}

/* The points of series, shared. */
static json_t *points_of(const json_t *series)
{
	json_t *points = json_array();
	json_t *point;
	size_t i;

	json_array_foreach(series, i, point)
	{
		if (json_is_object(json_object_get(point, "values")) &&
			json_array_append(points, point) != 0) {
			json_decref(points);
			return NULL;
		}
	}
	return points;
}

/* n of the points, with both ends; n ≥ 2. */
static json_t *spread(const json_t *points, size_t n)
{
	size_t last = json_array_size(points) - 1;
	json_t *some = json_array();

	for (size_t i = 0; i < n; i++) {
		if (json_array_append(some, json_array_get(points, i * last / (n - 1))) != 0) {
			json_decref(some);
			return NULL;
		}
	}
	return some;
}

static size_t bytes_of(const json_t *points)
{
	size_t n = SERIES_BYTES_MAX + 1;
	char *text = json_compact(points, &n);

	free(text);
	return n;
}

json_t *series_thin(const json_t *series)
{
	json_t *points = points_of(series);
	size_t n = json_array_size(points);
	json_t *kept;

	if (points == NULL)
		return NULL;
	n = n < SERIES_POINTS_MAX ? n : SERIES_POINTS_MAX;
	kept = n < 2 ? json_incref(points) : spread(points, n);
	while (kept != NULL && n > 2 && bytes_of(kept) > SERIES_BYTES_MAX) {
		json_decref(kept);
		n = n / 2 > 2 ? n / 2 : 2;
		kept = spread(points, n);
	}
	json_decref(points);
	return kept;
}
