/* find - rows of the table of commands by what the user typed. See command.h. */
#include <string.h>

#include "base/attr.h"
#include "base/schema.h"
#include "command.h"

#define NAMES_MAX 128

size_t command_top(const struct command *command)
{
	return strcspn(command->name, " ");
}

const struct command_group *command_group_find(const char *name, size_t n)
{
	for (size_t i = 0; i < command_group_count; i++) {
		if (strlen(command_groups[i].name) == n &&
			strncmp(command_groups[i].name, name, n) == 0)
			return &command_groups[i];
	}
	return NULL;
}

const struct command *command_by_name(const char *name)
{
	for (size_t i = 0; i < command_count; i++) {
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	}
	return NULL;
}

static const struct command *by_two(const char *first, const char *second)
{
	size_t n = strlen(first);

	for (size_t i = 0; i < command_count; i++) {
		const char *name = commands[i].name;

		if (strncmp(name, first, n) == 0 && name[n] == ' ' &&
			strcmp(name + n + 1, second) == 0)
			return &commands[i];
	}
	return NULL;
}

const struct command *command_find(int argc, char *const *argv, int *ret_used)
{
	const struct command *found = argc > 1 ? by_two(argv[0], argv[1]) : NULL;

	*ret_used = 2;
	if (found != NULL)
		return found;
	*ret_used = 1;
	found = command_by_name(argv[0]);
	if (found != NULL)
		return found;
	if (command_group_find(argv[0], strlen(argv[0])) != NULL) {
		/* A group alone lists what it has; with a word that is none of its own it is
		 * an error that names the nearest. */
		bool alone = argc == 1 || (argv[1][0] == '-' && strcmp(argv[1], "--help") != 0 &&
						  strcmp(argv[1], "-h") != 0);

		return alone ? by_two(argv[0], "list") : NULL;
	}
	*ret_used = 0;
	return NULL;
}

const char *command_nearest(const char *group, const char *word)
{
	const char *names[NAMES_MAX];
	size_t length = group != NULL ? strlen(group) : 0;
	size_t n = 0;

	for (size_t i = 0; i < command_count && n < NAMES_MAX; i++) {
		const char *name = commands[i].name;

		if (group == NULL && strchr(name, ' ') == NULL)
			names[n++] = name;
		else if (group != NULL && strncmp(name, group, length) == 0 && name[length] == ' ')
			names[n++] = name + length + 1;
	}
	for (size_t i = 0; group == NULL && i < command_group_count && n < NAMES_MAX; i++)
		names[n++] = command_groups[i].name;
	return schema_nearest(word, names, n);
}

const char *command_turned(const char *word, const char *after)
{
	bool known = command_by_name(after) != NULL || command_group_find(after, strlen(after));
	const char *top = known ? after : command_nearest(NULL, after);
	const struct command *found = top != NULL ? by_two(top, word) : NULL;

	if (found == NULL && top != NULL && strcmp(word, "list") == 0)
		found = command_by_name(top);
	return found != NULL ? found->name : NULL;
}
