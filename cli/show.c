/* show - see show.h. */
#include "show.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "cli.h"
#include "http.h"
#include "object.h"
#include "print.h"
#include "table.h"

#define WORDS_LIMIT ((size_t)16 << 20)
#define NAMES_BYTES 1000 /* of names in a sentence */

int show_list(struct cli *c, json_t *list, const char *const *heads, size_t n, show_row *add,
	const char *none)
{
	int64_t now_ms = clock_now_ms();
	const json_t *object;
	struct table t;
	size_t i;

	if (list == NULL)
		return c->code;
	if (c->json)
		return cli_json(list);
	table_init(&t, heads, n);
	json_array_foreach(list, i, object)
	{
		add(&t, object, now_ms);
	}
	table_print(&t, stdout, none);
	json_decref(list);
	return EXIT_DONE;
}

int show_one(struct cli *c, json_t *object, void (*print)(const json_t *object))
{
	if (object == NULL)
		return c->code;
	if (c->json)
		return cli_json(object);
	print(object);
	json_decref(object);
	return EXIT_DONE;
}

int show_made(struct cli *c, json_t *object, const char *what)
{
	char *label;

	if (object == NULL)
		return c->code;
	if (c->json)
		return cli_json(object);
	label = object_label(object);
	print_line(stdout, "%s %s  %s  %s", what, label != NULL ? label : "?",
		json_text_or(object, "id", ""), json_text_or(object, "state", ""));
	free(label);
	json_decref(object);
	return EXIT_DONE;
}

static void put_word(struct buf *words, const char *text)
{
	buf_text(words, words->n > 0 ? " " : "");
	buf_text(words, text);
}

char *show_words(const json_t *array)
{
	struct buf words;
	const json_t *word;
	const char *name;
	json_t *value;
	size_t i;

	buf_init(&words, WORDS_LIMIT);
	json_array_foreach(array, i, word)
	{
		if (json_is_string(word))
			put_word(&words, json_string_value(word));
	}
	json_object_foreach((json_t *)array, name, value)
	{
		char text[PRINT_SIZE];

		put_word(&words, name);
		buf_printf(&words, "=%s", print_value(value, text));
	}
	return buf_take(&words, &i);
}

char *show_names(const json_t *object)
{
	struct buf names;
	const char *name;
	json_t *value;
	size_t n;

	buf_init(&names, WORDS_LIMIT);
	json_object_foreach((json_t *)object, name, value)
	{
		char text[PRINT_SIZE];

		if (names.n > NAMES_BYTES) {
			buf_text(&names, ", ...");
			break;
		}
		buf_printf(&names, "%s%s", names.n > 0 ? ", " : "", print_fit(name, text));
	}
	return buf_take(&names, &n);
}

json_t *show_values(struct cli *c, const char *option)
{
	json_t *values = json_array();
	const char *value;
	size_t at = 0;

	while ((value = args_next(&c->args, option, &at)) != NULL)
		(void)json_array_append_new(values, json_text_any(value, strlen(value)));
	return values;
}

/* POST of a body (taken over) to a route below the service with a word in it. */
static json_t *post(struct cli *c, const char *route, const char *word, json_t *body)
{
	struct buf path;
	json_t *row;

	buf_init(&path, PATH_LIMIT);
	buf_text(&path, SERVICE);
	http_path(&path, route, &word);
	row = cli_ask_path(c, "POST", body, &path, NULL);
	json_decref(body);
	return object_of_row(row);
}

int show_marks(struct cli *c, const char *route, const char *what)
{
	json_t *add = json_array();
	json_t *remove = show_values(c, "remove");
	json_t *object;
	char *marks, *label;

	for (size_t i = 1; i < c->args.word_count; i++)
		(void)json_array_append_new(add, json_string(c->args.words[i]));
	if (json_array_size(add) == 0 && json_array_size(remove) == 0) {
		json_decref(add);
		json_decref(remove);
		return cli_usage(
			c, "nothing to change: name what to add, or --remove what to take off");
	}
	object = post(c, route, args_word(&c->args, 0),
		json_pack("{s:o, s:o}", "add", add, "remove", remove));
	if (object == NULL || c->json)
		return object != NULL ? cli_json(object) : c->code;
	marks = show_words(object_at(object, strcmp(what, "tag") == 0 ? "tags" : "aliases"));
	label = object_label(object);
	print_line(stdout, "%s has %s %s", label != NULL ? label : "?", what,
		marks != NULL && marks[0] != '\0' ? marks : "none");
	free(label);
	free(marks);
	json_decref(object);
	return EXIT_DONE;
}

int show_exported(struct cli *c, const char *route)
{
	const char *to = args_text(&c->args, "to");
	json_t *body = json_pack(
		"{s:{s:s}}", "destination", strstr(to, "://") != NULL ? "uri" : "path", to);
	json_t *answer = post(c, route, args_word(&c->args, 0), body);
	const json_t *file;
	size_t i;

	if (answer == NULL || c->json)
		return answer != NULL ? cli_json(answer) : c->code;
	json_array_foreach(json_object_get(answer, "files"), i, file)
	{
		char bytes[PRINT_SIZE];

		print_line(stdout, "%s  %s", json_text_or(file, "path", ""),
			print_bytes(json_int_or(file, "bytes", 0), bytes));
	}
	json_decref(answer);
	return EXIT_DONE;
}

static json_t *delete_one(struct cli *c, const char *route, const char *word)
{
	struct buf path;

	buf_init(&path, PATH_LIMIT);
	buf_text(&path, SERVICE);
	http_path(&path, route, &word);
	return object_of_row(cli_ask_path(c, "DELETE", NULL, &path, NULL));
}

int show_deleted(struct cli *c, const char *route, const char *what)
{
	json_t *all = json_array();
	int worst = EXIT_DONE;

	for (size_t i = 0; i < c->args.word_count && !http_interrupted; i++) {
		json_t *object = delete_one(c, route, c->args.words[i]);
		char *label = object_label(object);

		if (object == NULL)
			worst = c->code;
		else
			(void)json_array_append_new(all, object);
		if (object != NULL && !c->json)
			print_line(stdout, "%s %s deleted", what, label != NULL ? label : "?");
		free(label);
	}
	if (c->json)
		return cli_json(all) == EXIT_DONE ? worst : EXIT_NEGATIVE;
	json_decref(all);
	return worst;
}
