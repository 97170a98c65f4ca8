/*
 * A provider's file from its bytes to the checked manifest and through every rule. The first
 * byte chooses what the rest is: a file as it is, a file whose manifest digest is put right
 * first (or no change of the JSON would ever get past it), or the JSON of a manifest alone.
 * What is refused must say why; what is taken must give sound names.
 */
#include <davit/manifest.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/sha256.h"
#include "provider/elf.h"
#include "provider/manifest.h"
#include "provider/names.h"
#include "provider/preflight.h"

#define SUBMISSION "0123456789abcdefghjkmnpq"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool right)
{
	if (!right)
		abort();
}

/* Every name derived from a manifest that was taken holds the submission and its limits. */
static void check_names(const json_t *entry)
{
	json_t *kinds = json_object_get(entry, "kinds");
	struct name_limits limits;
	const char *kind;
	json_t *value;
	char name[NAMES_SIZE];

	names_any(&limits);
	json_object_foreach(kinds, kind, value)
		must(names_narrow(&limits, json_object_get(value, "name_limits"), NULL));
	names_derive(&limits, SUBMISSION, name, sizeof(name));
	must(strlen(name) >= strlen(SUBMISSION) && strlen(name) <= limits.max);
	must(limits.first[(unsigned char)name[0]]);
	for (const char *p = name; *p != '\0'; p++)
		must(limits.any[(unsigned char)*p]);
}

static void check_manifest(json_t *manifest, const struct fail *f)
{
	json_t *interfaces = json_object_get(manifest, "interfaces");
	const char *id;
	json_t *entry;

	must(manifest != NULL || f->text[0] != '\0');
	json_object_foreach(interfaces, id, entry) check_names(entry);
	json_decref(manifest);
}

static void look_at_file(const uint8_t *bytes, size_t n)
{
	static struct elf e;
	struct preflight_site site = preflight_here();
	struct fail f = {0};

	site.sanitizers = false;
	if (!preflight_open(&e, bytes, n, &site, &f)) {
		must(f.text[0] != '\0');
		return;
	}
	check_manifest(manifest_read(&e, &f), &f);
	f = (struct fail){0};
	must(preflight_check(&e, &site, &f) || f.text[0] != '\0');
}

/* In a copy of exactly the size, so that a read past the end is found. */
static void look_at_mended_file(const uint8_t *bytes, size_t n)
{
	uint8_t *copy = malloc(n > 0 ? n : 1);
	uint8_t *head;
	size_t length, room;

	must(copy != NULL);
	memcpy(copy, bytes, n);
	head = memmem(copy, n, DAVIT_MANIFEST_MAGIC, 8);
	room = head != NULL ? n - (size_t)(head - copy) : 0;
	if (room > sizeof(davit_manifest_head)) {
		room -= sizeof(davit_manifest_head);
		length = elf_load(head + offsetof(davit_manifest_head, length), 4);
		if (length <= room)
			sha256_of(head + sizeof(davit_manifest_head), length,
				head + offsetof(davit_manifest_head, sha256));
	}
	look_at_file(copy, n);
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fail f = {0};

	if (size == 0)
		return 0;
	switch (data[0] & 3) {
	case 0:
		look_at_file(data + 1, size - 1);
		break;
	case 1:
		look_at_mended_file(data + 1, size - 1);
		break;
	default:
		check_manifest(manifest_parse((const char *)data + 1, size - 1, &f), &f);
	}
	return 0;
}
