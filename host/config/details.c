/* What slots get of a connection: see config.h. */
#include "base/fail.h"
#include "config/config.h"

json_t *config_connection_details(const struct config_connection *c)
{
	if (c == NULL || !json_is_object(c->details))
		return json_object();
	return json_deep_copy(c->details);
}

json_t *config_connection_details_of(const struct config *config, const char *name, struct fail *f)
{
	const struct config_connection *c = NULL;
	json_t *details;

	if (name != NULL && name[0] != '\0') {
		c = config_connection_find(config, name);
		if (c == NULL) {
			(void)fail_set(f, FAIL_UNAVAILABLE,
				"connection '%.200s' is not in the configuration any more", name);
			return NULL;
		}
	}
	details = config_connection_details(c);
	if (details == NULL)
		(void)fail_set(f, FAIL_UNAVAILABLE, "out of memory");
	return details;
}
