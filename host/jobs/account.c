/* account - see account.h. */
#include "jobs/account.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "config/config.h"
#include "jobs/job.h"

#define WHY_MAX 1024

bool account_away(const struct config *config, const struct job *job, char **ret_why)
{
	const char *name = job->connection;
	struct buf why;

	*ret_why = NULL;
	if (name == NULL || name[0] == '\0' || strcmp(job->interface, "davit.flow") == 0 ||
		config_connection_find(config, name) != NULL)
		return true;
	buf_init(&why, WHY_MAX);
	buf_printf(&why,
		"connection '%.200s' of this job is not in the configuration any more: put it "
		"back and restart the daemon; nothing is sent for the job until then",
		name);
	*ret_why = buf_take(&why, NULL);
	return *ret_why != NULL;
}
