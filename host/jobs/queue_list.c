/* Rows of queues, see queue_list.h. */
#include "jobs/queue_list.h"

#include <stdlib.h>
#include <string.h>

static bool has_room(struct queue_list *l)
{
	size_t room = l->room == 0 ? 16 : l->room * 2;
	struct queue_view *rows;

	if (l->count < l->room)
		return true;
	rows = realloc(l->rows, room * sizeof(*rows));
	if (rows == NULL)
		return false;
	l->rows = rows;
	l->room = room;
	return true;
}

struct queue_view *queue_list_add(struct queue_list *l, const char *provider, const char *project)
{
	size_t n = strlen(provider) + 1;
	size_t m = project != NULL ? strlen(project) + 1 : 0;
	char *names = has_room(l) ? malloc(n + m) : NULL;
	struct queue_view *row;

	if (names == NULL)
		return NULL;
	memcpy(names, provider, n);
	if (project != NULL)
		memcpy(names + n, project, m);
	row = &l->rows[l->count++];
	*row = (struct queue_view){.project = project != NULL ? names + n : NULL};
	row->provider = names;
	return row;
}

void queue_list_finish(struct queue_list *l)
{
	for (size_t i = 0; i < l->count; i++)
		free(l->rows[i].provider);
	free(l->rows);
	*l = (struct queue_list){0};
}
