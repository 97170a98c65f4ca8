/* kept - see kept.h. */
#include "sim/kept.h"

#include <stdlib.h>

#include "base/attr.h"
#include "base/fail.h"
#include "sim/daemon.h"
#include "sim/world.h"
#include "store/store.h"

static void check_checkpoint(struct daemon_parts *d, const struct item *item)
{
	struct job job = {0};
	struct fail f = {0};
	uint64_t is;

	if (item->checkpoint == 0 || !store_job(d->store, item->row_id, &job, &f))
		return; /* a job that is not there is missed by others */
	is = job.checkpoint != NULL ? world_hash(job.checkpoint) : 0;
	if (is != item->checkpoint && is != item->checkpoints)
		world_wrong("lost: the checkpoint of %s was taken, and is forgotten", item->marker);
	job_finish(&job);
}

static void check_pair(struct daemon_parts *d, struct pair *p)
{
	struct fail f = {0};
	int64_t version;
	char *value = NULL;
	bool there = store_kv_get(d->store, p->instance, p->key, &value, &version, &f);
	uint64_t is = there ? world_hash(value) : 0;

	if (!there && f.code != FAIL_NOT_FOUND)
		world_wrong("crashed: a pair cannot be read: %s", f.text);
	else if (is != p->value && is != p->next)
		world_wrong("lost: the pair %s was %s, and is %s", p->key,
			p->value != 0 ? "kept" : "deleted", there ? "another" : "not there");
	p->value = p->next = is;
	free(value);
}

void kept_check(struct daemon_parts *d)
{
	for (size_t i = 0; i < world->item_count; i++)
		check_checkpoint(d, &world->items[i]);
	for (size_t i = 0; i < COUNT(world->pairs); i++) {
		if (world->pairs[i].key[0] != '\0')
			check_pair(d, &world->pairs[i]);
	}
}
