/* completion - a bash script from the table of commands: names, second words, options; where
 * an option or a word is a file, files. */
#include <string.h>

#include "command.h"
#include "help.h"

static void put_options(FILE *out, const struct option_row *rows)
{
	for (; rows != NULL && rows->name != NULL; rows++)
		(void)fprintf(out, " --%s", rows->name);
}

static void put_tops(FILE *out)
{
	for (size_t i = 0; i < command_count; i++) {
		size_t n = command_top(&commands[i]);

		if (i == 0 || command_top(&commands[i - 1]) != n ||
			strncmp(commands[i].name, commands[i - 1].name, n) != 0)
			(void)fprintf(out, " %.*s", (int)n, commands[i].name);
	}
}

/* A case per group: its second words. */
static void put_groups(FILE *out)
{
	for (size_t g = 0; g < command_group_count; g++) {
		const char *group = command_groups[g].name;
		size_t n = strlen(group);

		(void)fprintf(out, "\t%s) echo \"", group);
		for (size_t i = 0; i < command_count; i++) {
			if (command_top(&commands[i]) == n && commands[i].name[n] == ' ' &&
				strncmp(commands[i].name, group, n) == 0)
				(void)fprintf(out, " %s", commands[i].name + n + 1);
		}
		(void)fputs("\" ;;\n", out);
	}
}

static void put_cases(FILE *out)
{
	for (size_t i = 0; i < command_count; i++) {
		(void)fprintf(out, "\t'%s') echo \"", commands[i].name);
		put_options(out, commands[i].options);
		(void)fputs("\" ;;\n", out);
	}
}

/* Options of all commands that take a value, as a pattern. */
static void put_valued(FILE *out)
{
	(void)fputs("--host", out);
	for (size_t i = 0; i < command_count; i++) {
		const struct option_row *row = commands[i].options;

		for (; row != NULL && row->name != NULL; row++) {
			if (row->value != NULL)
				(void)fprintf(out, "|--%s", row->name);
			if (row->value != NULL && row->letter != 0)
				(void)fprintf(out, "|-%c", row->letter);
		}
	}
}

static const char script_end[] =
	"_davit() {\n"
	"\tlocal word=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]}\n"
	"\tlocal -a words=()\n"
	"\tlocal i seconds name\n"
	"\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
	"\t\tif _davit_valued \"${COMP_WORDS[i]}\"; then i=$((i + 1)); continue; fi\n"
	"\t\t[[ ${COMP_WORDS[i]} == -* ]] || words+=(\"${COMP_WORDS[i]}\")\n"
	"\tdone\n"
	"\tCOMPREPLY=()\n"
	"\tif _davit_valued \"$previous\"; then\n"
	"\t\tmapfile -t COMPREPLY < <(compgen -f -- \"$word\")\n"
	"\t\treturn\n"
	"\tfi\n"
	"\tname=\"${words[0]-} ${words[1]-}\"\n"
	"\tseconds=$(_davit_seconds \"${words[0]-}\")\n"
	"\t[[ -n ${words[1]-} && \" $seconds \" == *\" ${words[1]} \"* ]] || name=${words[0]-}\n"
	"\tif [[ $word == -* ]]; then\n"
	"\t\tmapfile -t COMPREPLY < <(compgen -W \"$(_davit_options \"$name\") $_davit_everywhere\" "
	"-- \"$word\")\n"
	"\telif [[ ${#words[@]} -eq 0 ]]; then\n"
	"\t\tmapfile -t COMPREPLY < <(compgen -W \"$_davit_commands\" -- \"$word\")\n"
	"\telif [[ ${words[0]} == help && ${#words[@]} -eq 1 ]]; then\n"
	"\t\tmapfile -t COMPREPLY < <(compgen -W \"$_davit_commands\" -- \"$word\")\n"
	"\telif [[ ${#words[@]} -eq 1 && -n $seconds ]]; then\n"
	"\t\tmapfile -t COMPREPLY < <(compgen -W \"$seconds\" -- \"$word\")\n"
	"\telse\n"
	"\t\tmapfile -t COMPREPLY < <(compgen -f -- \"$word\")\n"
	"\tfi\n"
	"}\n"
	"complete -o filenames -F _davit davit\n";

void completion_bash(FILE *out)
{
	(void)fputs("# bash completion of davit, written by 'davit completion bash'\n"
		    "_davit_commands=\"",
		out);
	put_tops(out);
	(void)fputs("\"\n_davit_everywhere=\"", out);
	put_options(out, command_options);
	(void)fputs("\"\n_davit_valued() {\n\tcase $1 in ", out);
	put_valued(out);
	(void)fputs(") return 0 ;; esac\n\treturn 1\n}\n_davit_seconds() {\n\tcase $1 in\n", out);
	put_groups(out);
	(void)fputs("\tesac\n}\n_davit_options() {\n\tcase $1 in\n", out);
	put_cases(out);
	(void)fputs("\tesac\n}\n", out);
	(void)fputs(script_end, out);
}
