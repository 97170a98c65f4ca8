/* The table of keys as Markdown: docs/configuration.md. */
#include <inttypes.h>

#include "config/config.h"
#include "config/keys.h"

static const char *const kind_names[KEY_KIND_COUNT] = {
	[KEY_TEXT] = "text",
	[KEY_WORD] = "name of a provider",
	[KEY_PROVIDER] = "name of a provider",
	[KEY_LEVEL] = "level",
	[KEY_CHOICE] = "one of",
	[KEY_PATH] = "path",
	[KEY_STORE] = "store",
	[KEY_ADDRESS] = "address",
	[KEY_INT] = "integer",
	[KEY_BOOL] = "true or false",
	[KEY_OFFSET] = "offset",
	[KEY_JSON] = "map",
	[KEY_PATHS] = "list of paths",
	[KEY_TEXTS] = "list of texts",
	[KEY_PROXY] = "URL",
	[KEY_HOSTS] = "list of texts",
	[KEY_SECTION] = "map",
	[KEY_LISTENERS] = "list of maps",
	[KEY_CONNECTIONS] = "map of maps",
};

static void write_preset(FILE *out, const struct key *k)
{
	if (k->preset_told != NULL)
		fprintf(out, "%s", k->preset_told);
	else if (k->preset_text != NULL)
		fprintf(out, "`%s`", k->preset_text);
	else if (k->kind == KEY_INT)
		fprintf(out, "`%" PRId64 "`", k->preset);
	else if (k->kind == KEY_BOOL)
		fprintf(out, "`%s`", k->preset != 0 ? "true" : "false");
	else if (k->kind == KEY_OFFSET)
		fprintf(out, "`\"+00:00\"`");
}

static void write_key(FILE *out, const struct key *k)
{
	fprintf(out, "| `%s` | %s", k->name, kind_names[k->kind]);
	if (k->kind == KEY_INT)
		fprintf(out, ", %" PRId64 " to %" PRId64, k->least, k->most);
	if (k->kind == KEY_OFFSET)
		fprintf(out, ", `\"-14:00\"` to `\"+14:00\"`");
	for (size_t i = 0; k->words != NULL && k->words[i] != NULL; i++)
		fprintf(out, "%s `%s`", i > 0 ? "," : "", k->words[i]);
	fprintf(out, " | ");
	write_preset(out, k);
	fprintf(out, " | %s |\n", k->meaning);
}

static void write_section(FILE *out, const struct section *s)
{
	fprintf(out, "\n## %s\n\n%s\n\n| key | value | default | meaning |\n|---|---|---|---|\n",
		s->title, s->intro);
	for (size_t i = 0; i < s->count; i++)
		write_key(out, &s->keys[i]);
}

void config_reference(FILE *out)
{
	fprintf(out,
		"# Configuration\n\n"
		"Written by `davitd --print-config-reference`. Files are YAML 1.2 without "
		"anchors, aliases and tags; an unknown\nkey or a wrong value ends the start with "
		"file, line and the nearest right key. Relative paths are taken\nfrom the folder "
		"of the file they stand in. A key without a value is as absent.\n");
	for (size_t i = 0; i < keys_section_count; i++)
		write_section(out, keys_sections[i]);
}
