/*
 * cmd_check - what the daemon would say of a provider's file before it loads it, by the same
 * code: nothing of the file is run. Works without a daemon.
 */
#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/fail.h"
#include "base/json.h"
#include "base/sha256.h"
#include "cli.h"
#include "cmd.h"
#include "platform/fs.h"
#include "print.h"
#include "provider/elf.h"
#include "provider/manifest.h"
#include "provider/preflight.h"
#include "show.h"

#define FILE_MAX     ((size_t)64 << 20) /* the daemon's own limit */
#define PROBLEMS_MAX 200                /* more say nothing new */

struct checked {
	struct elf elf;
	char sha256[SHA256_HEX_SIZE];
	size_t bytes;
	json_t *problems;
	json_t *manifest; /* NULL: it has none that is good */
	json_t *symbols;  /* names it takes from the system */
};

static void note(const struct fail *why, void *ctx)
{
	struct checked *k = ctx;

	if (json_array_size(k->problems) < PROBLEMS_MAX)
		(void)json_array_append_new(
			k->problems, json_text_any(why->text, strlen(why->text)));
}

static void list_symbols(struct checked *k)
{
	for (size_t i = 1; i < k->elf.symbol_count; i++) {
		struct elf_symbol s;

		if (elf_symbol(&k->elf, i, &s) && s.section == SHN_UNDEF)
			(void)json_array_append_new(
				k->symbols, json_text_any(s.name, strlen(s.name)));
	}
}

static void look_at(struct checked *k, const char *bytes, size_t n)
{
	struct preflight_site site = preflight_here();
	uint8_t digest[SHA256_BYTES];
	struct fail f = {0};

	k->bytes = n;
	sha256_of(bytes, n, digest);
	sha256_hex(digest, k->sha256);
	if (!preflight_open(&k->elf, bytes, n, &site, &f)) {
		note(&f, k);
		return;
	}
	list_symbols(k);
	k->manifest = manifest_read(&k->elf, &f);
	if (k->manifest == NULL)
		note(&f, k);
	(void)preflight_list(&k->elf, &site, note, k);
}

/* --- output --- */

static void print_interfaces(const json_t *manifest)
{
	const char *id;
	json_t *entry;
	bool first = true;

	json_object_foreach(json_object_get(manifest, "interfaces"), id, entry)
	{
		char *slots = show_words(json_object_get(entry, "slots"));

		print_pairf(stdout, first ? "offers" : "", "%s/%lld: %s", id,
			(long long)json_int_or(entry, "major", 0), slots);
		free(slots);
		first = false;
	}
}

static void print_checked(const char *file, const struct checked *k)
{
	char *grants = show_words(json_object_get(k->manifest, "grants"));
	char *plain = show_words(json_object_get(k->manifest, "plain"));
	char *symbols = show_words(k->symbols);
	char text[PRINT_SIZE];
	const json_t *problem;
	size_t i;

	json_array_foreach(k->problems, i, problem)
	{
		print_pair(stdout, "refused", json_string_value(problem));
	}
	print_pairf(stdout, "file", "%s, %s", file, print_bytes((int64_t)k->bytes, text));
	print_pair(stdout, "sha256", k->sha256);
	if (k->manifest != NULL)
		print_pairf(stdout, "provider", "%s %s, %s", json_text_or(k->manifest, "id", "?"),
			json_text_or(k->manifest, "version", "?"),
			json_text_or(k->manifest, "name", ""));
	print_pair(stdout, "grants", grants);
	if (plain != NULL && plain[0] != '\0')
		print_pair(stdout, "plain", plain);
	print_interfaces(k->manifest);
	print_pair(stdout, "uses", symbols);
	if (json_array_size(k->problems) == 0)
		(void)puts("nothing speaks against it; that it offers what its manifest says shows "
			   "when it is loaded");
	free(grants);
	free(plain);
	free(symbols);
}

static int answer(struct cli *c, const char *file, const struct checked *k)
{
	bool good = json_array_size(k->problems) == 0;

	if (c->json)
		(void)cli_json(json_pack("{s:s, s:b, s:O, s:s, s:I, s:O?, s:O}", "file", file, "ok",
			(int)good, "problems", k->problems, "sha256", k->sha256, "bytes",
			(json_int_t)k->bytes, "manifest", k->manifest, "symbols", k->symbols));
	else
		print_checked(file, k);
	return good ? EXIT_DONE : EXIT_NEGATIVE;
}

int cmd_check(struct cli *c)
{
	const char *file = args_word(&c->args, 0);
	struct checked *k = calloc(1, sizeof(*k)); /* too large for a stack of ours */
	struct fail f = {0};
	char *bytes = NULL;
	size_t n = 0;
	int code;

	if (k == NULL || !fs_read(file, FILE_MAX, &bytes, &n, &f)) {
		free(k);
		return cli_fail(c, EXIT_USAGE, "cannot %s", f.text);
	}
	k->problems = json_array();
	k->symbols = json_array();
	look_at(k, bytes, n);
	code = answer(c, file, k);
	json_decref(k->problems);
	json_decref(k->symbols);
	json_decref(k->manifest);
	free(k);
	free(bytes);
	return code;
}
