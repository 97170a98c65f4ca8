/* See clean_spawn.h. */
#include "platform/posix/clean_spawn.h"

#include <signal.h>

static int set_actions(posix_spawn_file_actions_t *actions, const struct clean_spawn *s)
{
	int err = s->streams(actions, s->fd);

	if (err == 0)
		err = posix_spawn_file_actions_addclosefrom_np(actions, s->keep);
	if (err == 0)
		err = posix_spawn_file_actions_addchdir_np(actions, "/");
	return err;
}

static int set_attributes(posix_spawnattr_t *attributes, short group)
{
	sigset_t all, none;
	int err;

	(void)sigfillset(&all);
	(void)sigemptyset(&none);
	err = posix_spawnattr_setflags(
		attributes, (short)(group | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK));
	if (err == 0)
		err = posix_spawnattr_setsigdefault(attributes, &all);
	if (err == 0)
		err = posix_spawnattr_setsigmask(attributes, &none);
	return err;
}

int clean_spawn(const struct clean_spawn *s, pid_t *ret_pid)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	int err = posix_spawn_file_actions_init(&actions);

	if (err != 0)
		return err;
	err = posix_spawnattr_init(&attributes);
	if (err == 0) {
		err = set_actions(&actions, s);
		if (err == 0)
			err = set_attributes(&attributes, s->group);
		if (err == 0) /* which writes to neither array */
			err = posix_spawn(ret_pid, s->argv[0], &actions, &attributes,
				(char *const *)s->argv, (char *const *)s->env);
		(void)posix_spawnattr_destroy(&attributes);
	}
	(void)posix_spawn_file_actions_destroy(&actions);
	return err;
}
