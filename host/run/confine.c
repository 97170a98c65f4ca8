/*
 * Confining a command: reading what the site wants, taking the steps in the child, and telling
 * what came of it. What is seen is made in confine_view.c, who it is in confine_user.c.
 */
#include "run/confine.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/fail.h"
#include "base/json.h"
#include "platform/fs.h"
#include "platform/sandbox.h"
#include "run/child.h"
#include "run/confine_parts.h"
#include "run/folder.h"
#include "run/spec.h"

/* --- what the site says --- */

static const struct json_field site_fields[] = {
	JSON_FIELD_JSON(struct confine_site, hidden, JSON_IN),
	JSON_FIELD_JSON(struct confine_site, read, JSON_IN),
	JSON_FIELD_JSON(struct confine_site, write, JSON_IN),
	JSON_FIELD_TEXT(struct confine_site, user, JSON_IN),
	JSON_FIELD_TEXT(struct confine_site, min_sandbox, JSON_IN),
	JSON_FIELD_BOOL(struct confine_site, network, JSON_IN),
	JSON_FIELD_BOOL(struct confine_site, off, JSON_IN),
};

bool confine_read(const char *text, struct confine_site *ret_site, struct fail *f)
{
	struct confine_site s = {.user = "auto", .min_sandbox = "none"};
	bool good;

	*ret_site = s;
	s.json = json_parse(text, strlen(text), f);
	if (s.json == NULL)
		return false;
	good = run_object_read(s.json, "", site_fields, COUNT(site_fields), &s, f) &&
	       (sandbox_read_word(s.min_sandbox, &s.least) ||
		       fail_at(f, FAIL_INVALID, "/min_sandbox", "there is no level \"%s\"",
			       s.min_sandbox));
	if (good)
		*ret_site = s;
	else
		json_decref(s.json);
	return good;
}

void confine_release(struct confine_site *site)
{
	json_decref(site->json);
	*site = (struct confine_site){0};
}

/* --- before the fork --- */

bool confine_prepare(struct confine *c, const struct child_options *o, struct fail *f)
{
	*c = (struct confine){.site = o->site};
	if (o->site == NULL || o->site->off)
		return true;
	c->network = o->site->network || o->spec->network;
	if (!confine_make_folders(c, o, f) || !confine_choose_user(c, o, f))
		return false;
	confine_look(c, o, true);
	c->room.paths = c->paths;
	c->room.path_count = c->count;
	c->room.place = c->place;
	c->room.network = c->network;
	c->why = c->failed ? 0 : sandbox_room_works(&c->room);
	c->in_room = c->why == 0;
	if (!c->in_room)
		confine_look(c, o, false);
	if (c->failed)
		return fail_errno(f, ENOMEM, "confine the command");
	return !c->in_room || confine_give(c, o, f);
}

void confine_finish(struct confine *c)
{
	confine_forget_paths(c);
	free(c->place);
	free(c->cwd);
	*c = (struct confine){0};
}

void confine_clean(void)
{
	static const char *const folders[] = {RUN_TMP, RUN_ROOM, RUN_SOCKETS};

	for (size_t i = 0; i < COUNT(folders); i++)
		(void)fs_remove_tree(folders[i], NULL);
}

uid_t confine_user(const struct confine *c)
{
	return c->in_room && c->room.uid != SANDBOX_SAME ? c->room.uid : getuid();
}

/* --- in the child --- */

static void note(
	struct sandbox_level *level, enum sandbox_step step, enum sandbox_got got, const char *text)
{
	struct sandbox_part *part = &level->part[step];

	part->got = got;
	strncpy(part->text, text, sizeof(part->text) - 1);
}

static void note_user(const struct confine *c, struct sandbox_level *level)
{
	struct sandbox_part *part = &level->part[SANDBOX_USER];
	bool own = c->in_room && c->room.uid != SANDBOX_SAME && getuid() == c->room.uid;

	part->got = own ? SANDBOX_FULL : SANDBOX_NONE;
	snprintf(part->text, sizeof(part->text), own ? "%u" : "that of the daemon, %u",
		(unsigned int)getuid());
}

static void note_room(const struct confine *c, bool root, struct sandbox_level *level)
{
	struct sandbox_part *part = &level->part[SANDBOX_NAMESPACES];

	part->got = c->in_room ? SANDBOX_FULL : SANDBOX_NONE;
	if (c->in_room)
		snprintf(part->text, sizeof(part->text), "%smount, ipc, host name%s",
			root ? "" : "user, ", c->network ? "" : ", net");
	else
		snprintf(part->text, sizeof(part->text), "none (%s)", strerrordesc_np(c->why));
}

/* Without a room the daemon's own sockets have names: then nothing is connected to. */
static enum sandbox_sockets sockets_of(const struct confine *c)
{
	if (c->network || c->in_room)
		return SANDBOX_SOCKETS_NET;
	return SANDBOX_SOCKETS_OWN;
}

/* A user that the site named runs other commands too. */
static bool shares_user(const struct confine *c)
{
	return !c->in_room || c->room.uid == SANDBOX_SAME || c->room.group_count > 0;
}

static void note_network(const struct confine *c, struct sandbox_level *level)
{
	bool filtered = level->part[SANDBOX_SECCOMP].got == SANDBOX_FULL;

	if (c->network)
		note(level, SANDBOX_NETWORK, SANDBOX_NONE, "granted");
	else if (c->in_room)
		note(level, SANDBOX_NETWORK, SANDBOX_FULL, "a loopback of its own");
	else if (filtered)
		note(level, SANDBOX_NETWORK, SANDBOX_FULL, "none, connects to nothing");
	else
		note(level, SANDBOX_NETWORK, SANDBOX_NONE, "open");
}

/*
 * What it must not see or reach: files and sockets, the network, other processes (looked into:
 * any landlock; signalled: a new one, or another user), and what the kernel has besides.
 */
static void sum_up(const struct confine *c, struct sandbox_level *level)
{
	enum sandbox_got landlock = level->part[SANDBOX_LANDLOCK].got;
	bool filtered = level->part[SANDBOX_SECCOMP].got == SANDBOX_FULL;
	bool files = c->in_room || (landlock != SANDBOX_NONE && filtered && !c->network);
	bool net = c->network || level->part[SANDBOX_NETWORK].got == SANDBOX_FULL;
	bool others = landlock == SANDBOX_FULL || level->part[SANDBOX_USER].got == SANDBOX_FULL;
	bool rights = level->part[SANDBOX_PRIVILEGES].got == SANDBOX_FULL;

	if (files && net && others && rights && filtered)
		level->got = SANDBOX_FULL;
	else if (files || filtered || landlock != SANDBOX_NONE)
		level->got = SANDBOX_PARTIAL;
	else
		level->got = SANDBOX_NONE;
}

/* A change of user forgets it. The parent has waited for us until now: it was there. */
static bool die_with(pid_t parent)
{
	return prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == parent;
}

int confine_enter(const struct confine *c, struct sandbox_level *level)
{
	struct sandbox_files files = {.paths = c->paths, .path_count = c->count};
	bool root = geteuid() == 0;
	pid_t parent = getppid();
	int err;

	*level = (struct sandbox_level){0};
	if (c->site == NULL || c->site->off)
		return 0;
	files.no_tcp = !c->network && !c->in_room;
	err = c->in_room ? sandbox_enter_room(&c->room) : 0;
	if (err != 0)
		return err;
	if (chdir(c->cwd) != 0 || !die_with(parent))
		return errno;
	if (c->in_room && c->room.uid != SANDBOX_SAME)
		umask(022); /* what it makes for others is used by other users; its folder hides it
		             */
	note_room(c, root, level);
	note_user(c, level);
	sandbox_drop_rights(level);
	sandbox_landlock(&files, level);
	sandbox_filter_program(sockets_of(c), shares_user(c), level);
	note_network(c, level);
	sum_up(c, level);
	return 0;
}

/* --- afterwards --- */

bool confine_suffices(const struct confine *c, const struct sandbox_level *level, struct fail *f)
{
	char text[SANDBOX_JSON_MAX];

	if (c->site == NULL || level->got >= c->site->least)
		return true;
	sandbox_json(level, text);
	return fail_set(f, FAIL_FORBIDDEN,
		"the sandbox of this machine is not what the site demands (min_sandbox: %s): %.300s",
		c->site->min_sandbox, text);
}

json_t *confine_told(const struct sandbox_level *level)
{
	char text[SANDBOX_JSON_MAX];

	sandbox_json(level, text);
	return json_parse(text, strlen(text), NULL);
}
