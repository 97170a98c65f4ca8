/* stray_set - see stray_set.h. */
#include "jobs/stray_set.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/sha256.h"

static const size_t texts[] = {
	offsetof(struct stray, provider),
	offsetof(struct stray, connection),
	offsetof(struct stray, interface),
	offsetof(struct stray, kind),
	offsetof(struct stray, object),
	offsetof(struct stray, name),
	offsetof(struct stray, state),
};

static const char **text_at(struct stray *stray, size_t offset)
{
	return (const char **)(void *)((char *)stray + offset);
}

static const char *text_of(const struct stray *stray, size_t offset)
{
	return *(const char *const *)(const void *)((const char *)stray + offset);
}

bool stray_label(const char *site, const char *label, char submission[ID_SIZE])
{
	size_t n = strlen(site);

	if (label == NULL || strncmp(label, site, n) != 0 || label[n] != '-' ||
		!id_valid(label + n + 1))
		return false;
	memcpy(submission, label + n + 1, ID_SIZE);
	return true;
}

bool stray_copy(struct stray *ret_stray, const struct stray *stray)
{
	struct buf block;
	char *at;

	buf_init(&block, SIZE_MAX);
	for (size_t i = 0; i < COUNT(texts); i++) {
		const char *text = text_of(stray, texts[i]);

		buf_add(&block, text, strlen(text) + 1);
	}
	at = buf_take(&block, NULL);
	if (at == NULL)
		return false;
	*ret_stray = *stray;
	ret_stray->block = at;
	for (size_t i = 0; i < COUNT(texts); i++) {
		*text_at(ret_stray, texts[i]) = at;
		at += strlen(at) + 1;
	}
	return true;
}

void stray_finish(struct stray *stray)
{
	free(stray->block);
	*stray = (struct stray){0};
}

static int compare_objects(const struct stray *a, const struct stray *b)
{
	int order = strcmp(a->provider, b->provider);

	if (order == 0)
		order = strcmp(a->interface, b->interface);
	return order != 0 ? order : strcmp(a->object, b->object);
}

bool stray_same(const struct stray *a, const struct stray *b)
{
	return strcmp(a->submission, b->submission) == 0 && compare_objects(a, b) == 0;
}

/* --- sets --- */

void stray_set_finish(struct stray_set *set)
{
	for (size_t i = 0; i < set->count; i++)
		stray_finish(&set->all[i]);
	free(set->all);
	*set = (struct stray_set){0};
}

bool stray_set_add(struct stray_set *set, const struct stray *stray)
{
	if (set->count == STRAYS_MAX) {
		set->full = true;
		return true;
	}
	if (set->count == set->room) {
		size_t room = set->room == 0 ? 16 : 2 * set->room;
		struct stray *all = realloc(set->all, room * sizeof(*all));

		if (all == NULL)
			return false;
		set->all = all;
		set->room = room;
	}
	if (!stray_copy(&set->all[set->count], stray))
		return false;
	set->count++;
	return true;
}

static int compare(const void *a, const void *b)
{
	const struct stray *left = a, *right = b;
	int order = strcmp(right->submission, left->submission);

	if (order == 0)
		order = compare_objects(left, right);
	return order != 0 ? order : strcmp(left->connection, right->connection);
}

static void drop_doubles(struct stray_set *set)
{
	size_t kept = 0;

	for (size_t i = 0; i < set->count; i++) {
		if (kept > 0 && stray_same(&set->all[kept - 1], &set->all[i]))
			stray_finish(&set->all[i]);
		else
			set->all[kept++] = set->all[i];
	}
	set->count = kept;
}

/* The same for one object in every sweep: whoever read it may use it after the next one. */
static void add_digest(struct stray *stray)
{
	struct buf text;
	uint8_t digest[SHA256_BYTES];

	buf_init(&text, SIZE_MAX);
	buf_printf(&text, "%s\n%s\n%s", stray->provider, stray->interface, stray->object);
	sha256_of(text.p, text.n, digest);
	buf_finish(&text);
	(void)snprintf(stray->id, sizeof(stray->id), "%s-%02x%02x%02x%02x", stray->submission,
		digest[0], digest[1], digest[2], digest[3]);
}

static bool alike(const struct stray_set *set, size_t i, size_t j)
{
	return j < set->count && strcmp(set->all[i].submission, set->all[j].submission) == 0;
}

/* Pages go by it. */
static int compare_ids(const void *a, const void *b)
{
	const struct stray *left = a, *right = b;

	return strcmp(right->id, left->id);
}

void stray_set_order(struct stray_set *set)
{
	if (set->count == 0)
		return;
	qsort(set->all, set->count, sizeof(*set->all), compare);
	drop_doubles(set);
	for (size_t i = 0; i < set->count; i++) {
		if (set->all[i].job[0] != '\0' || (i > 0 && alike(set, i, i - 1)) ||
			alike(set, i, i + 1))
			add_digest(&set->all[i]);
		else
			memcpy(set->all[i].id, set->all[i].submission, ID_SIZE);
	}
	qsort(set->all, set->count, sizeof(*set->all), compare_ids);
}

const struct stray *stray_set_find(const struct stray_set *set, const char *id)
{
	for (size_t i = 0; i < set->count; i++) {
		if (strcmp(set->all[i].id, id) == 0)
			return &set->all[i];
	}
	return NULL;
}

void stray_set_drop(struct stray_set *set, const struct stray *stray)
{
	for (size_t i = 0; i < set->count; i++) {
		if (!stray_same(&set->all[i], stray))
			continue;
		stray_finish(&set->all[i]);
		memmove(&set->all[i], &set->all[i + 1], (set->count - i - 1) * sizeof(*set->all));
		set->count--;
		return;
	}
}
