/* child_spec - the parts of a process specification; see child.h. */
#include "child.h"

#include <string.h>

#include "command.h"

#define PYTHON_DEFAULT "/usr/bin/python3"

enum {
	COMMAND_SHOWN = 4096 /* bytes of a command line for people, beyond its entry */
};

const char *child_python(const struct local_call *c)
{
	return davit_sdk_text_at(c->settings, "/python", PYTHON_DEFAULT);
}

static bool has_shell(const struct local_call *c)
{
	return davit_sdk_bool_at(c->settings, "/shell", false);
}

/* The words of a command line; NULL: the call failed. */
static const char *split(struct local_call *c, const struct davit_sdk_json *command,
	const char *pointer, size_t *ret_count)
{
	size_t at = 0;
	char *words = local_alloc(c, command->text.n + 1);
	enum command_fault fault;

	if (words == NULL)
		return NULL;
	fault = command_split(command->text.p, command->text.n, words, ret_count, &at);
	if (fault == COMMAND_OK)
		return words;
	(void)davit_sdk_fail_at(&c->sdk, DAVIT_INVALID, pointer, "%s (at byte %d of \"%.200s\")",
		command_fault_text(fault), (int)at + 1, command->text.p);
	return NULL;
}

bool child_check_command(
	struct local_call *c, const struct davit_sdk_json *command, const char *pointer)
{
	size_t count;

	return has_shell(c) || split(c, command, pointer, &count) != NULL;
}

static const struct davit_sdk_json *first_of(const struct davit_sdk_json *object)
{
	bool holds = object != NULL &&
	             (object->kind == DAVIT_SDK_OBJECT || object->kind == DAVIT_SDK_ARRAY);

	return holds ? object->first : NULL;
}

/* line and one more word, quoted so that a shell takes it as it is. */
static const char *with_word(struct local_call *c, const char *line, davit_buf word)
{
	char *quoted = local_alloc(c, 4 * word.n + 1);
	char *to = quoted;

	for (size_t i = 0; quoted != NULL && i < word.n; i++) {
		*to++ = word.p[i];
		if (word.p[i] != '\'')
			continue;
		*to++ = '\\';
		*to++ = '\'';
		*to++ = '\'';
	}
	return local_text(c, "%s '%s'", line, quoted != NULL ? quoted : "");
}

static void put_shell(
	struct local_call *c, struct davit_sdk_writer *w, const struct child_program *program)
{
	const char *line = program->command->text.p;

	for (const struct davit_sdk_json *v = first_of(program->args); v != NULL; v = v->next)
		line = with_word(c, line, v->text);
	davit_sdk_put_text(w, "shell", line);
}

static void put_args(struct davit_sdk_writer *w, const struct child_program *program)
{
	for (const struct davit_sdk_json *v = first_of(program->args); v != NULL; v = v->next)
		davit_sdk_put_text(w, NULL, v->text.p);
}

static bool put_command(struct local_call *c, struct davit_sdk_writer *w,
	const struct child_program *program, const char *pointer)
{
	size_t count = 0;
	const char *word;

	if (has_shell(c)) {
		put_shell(c, w, program);
		return true;
	}
	word = split(c, program->command, pointer, &count);
	if (word == NULL)
		return false;
	davit_sdk_open_array(w, "argv");
	for (; count > 0; count--, word += strlen(word) + 1)
		davit_sdk_put_text(w, NULL, word);
	put_args(w, program);
	davit_sdk_close_array(w);
	return true;
}

bool child_put_program(struct local_call *c, struct davit_sdk_writer *w,
	const struct child_program *program, const char *pointer)
{
	if (program->command != NULL)
		return put_command(c, w, program, pointer);
	davit_sdk_open_array(w, "argv");
	davit_sdk_put_text(w, NULL, "python3");
	davit_sdk_put_text(w, NULL, program->script);
	put_args(w, program);
	davit_sdk_close_array(w);
	return true;
}

/* Of characters that mean nothing to a shell? */
static bool is_bare(davit_buf word)
{
	static const char bare[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				   "0123456789@%+=:,./_-";

	return word.n > 0 && strspn(word.p, bare) == word.n;
}

const char *child_command_text(struct local_call *c, const struct child_program *program)
{
	const davit_buf script = davit_sdk_buf(program->script);
	const char *line = program->command != NULL ? program->command->text.p : NULL;

	if (line == NULL)
		line = is_bare(script) ? local_text(c, "python3 %s", script.p)
		                       : with_word(c, "python3", script);
	for (const struct davit_sdk_json *v = first_of(program->args); v != NULL; v = v->next) {
		if (strlen(line) + v->text.n > COMMAND_SHOWN)
			return local_text(c, "%s ...", line);
		line = is_bare(v->text) ? local_text(c, "%s %s", line, v->text.p)
		                        : with_word(c, line, v->text);
	}
	return line;
}

bool child_check_environment(struct local_call *c, const struct davit_sdk_json *own)
{
	for (const struct davit_sdk_json *v = first_of(own); v != NULL; v = v->next) {
		if (v->name.n > 0 && strchr(v->name.p, '=') == NULL)
			continue;
		(void)davit_sdk_fail_at(&c->sdk, DAVIT_INVALID,
			davit_sdk_pointer_of(&c->sdk.mem, v),
			"no variable can have this name: it must not be empty, and hold no '='");
		return false;
	}
	return true;
}

static bool is_fixed(const char *name, const struct child_variable *fixed, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(fixed[i].name, name) == 0)
			return true;
	}
	return false;
}

/* Callers may write numbers and truths where a variable's text is meant. */
static void put_variable(
	struct local_call *c, struct davit_sdk_writer *w, const struct davit_sdk_json *v)
{
	const char *text = v->text.p;

	if (v->kind == DAVIT_SDK_INTEGER)
		text = local_text(c, "%lld", (long long)v->integer);
	else if (v->kind == DAVIT_SDK_BOOL)
		text = v->integer ? "true" : "false";
	else if (v->kind != DAVIT_SDK_TEXT && v->kind != DAVIT_SDK_REAL)
		return;
	davit_sdk_put_text(w, v->name.p, text);
}

void child_put_environment(struct local_call *c, struct davit_sdk_writer *w,
	const struct davit_sdk_json *own, const struct child_variable *fixed, size_t count)
{
	const struct davit_sdk_json *site = davit_sdk_member(c->settings, "environment");
	const struct davit_sdk_json *v;

	davit_sdk_open_object(w, "environment");
	for (v = first_of(site); v != NULL; v = v->next) {
		if (davit_sdk_member(own, v->name.p) == NULL && !is_fixed(v->name.p, fixed, count))
			put_variable(c, w, v);
	}
	for (v = first_of(own); v != NULL; v = v->next) {
		if (!is_fixed(v->name.p, fixed, count))
			put_variable(c, w, v);
	}
	for (size_t i = 0; i < count; i++)
		davit_sdk_put_text(w, fixed[i].name, fixed[i].value);
	davit_sdk_close_object(w);
}

static void put_limits(struct local_call *c, struct davit_sdk_writer *w,
	const struct davit_sdk_json *own, bool served)
{
	static const struct {
		const char *name;
		bool of_time;
	} limits[] = {
		{"wall_seconds", true},
		{"cpu_seconds", true},
		{"address_space_bytes", false},
		{"memory_bytes", false},
		{"open_files", false},
		{"file_bytes", false},
		{"processes", false},
	};
	const struct davit_sdk_json *site = davit_sdk_member(c->settings, "limits");

	davit_sdk_open_object(w, "limits");
	for (size_t i = 0; i < LOCAL_COUNT(limits); i++) {
		const char *pointer = local_text(c, "/%s", limits[i].name);
		int64_t most = davit_sdk_int_at(site, pointer, 0);
		int64_t asked = davit_sdk_int_at(own, pointer, 0);

		if (most == 0 || (asked > 0 && asked < most))
			most = asked;
		if (most > 0 && !(served && limits[i].of_time))
			davit_sdk_put_int(w, limits[i].name, most);
	}
	davit_sdk_close_object(w);
}

void child_put_common(struct local_call *c, struct davit_sdk_writer *w,
	const struct davit_sdk_json *own, bool served)
{
	const char *python = child_python(c);

	davit_sdk_open_object(w, "programs");
	davit_sdk_put_text(w, "python", python);
	davit_sdk_put_text(w, "python3", python);
	davit_sdk_close_object(w);
	davit_sdk_put_text(w, "cwd", "work");
	put_limits(c, w, own, served);
	davit_sdk_put_json(w, "log_bytes", davit_sdk_member(c->settings, "log_bytes"));
	davit_sdk_put_json(w, "grace_seconds", davit_sdk_member(c->settings, "grace_seconds"));
}

void child_put_input(
	struct davit_sdk_writer *w, const char *kind, const char *value, const char *as)
{
	davit_sdk_open_object(w, NULL);
	davit_sdk_put_text(w, kind, value);
	davit_sdk_put_text(w, "as", as);
	davit_sdk_close_object(w);
}
