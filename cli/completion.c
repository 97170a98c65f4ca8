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

/* The options of all commands that this one takes. */
static void put_everywhere(FILE *out, const struct command *command)
{
	for (const struct option_row *row = command_options; row->name != NULL; row++) {
		if (!command->text || strcmp(row->name, "json") != 0)
			(void)fprintf(out, " --%s", row->name);
	}
}

static void put_cases(FILE *out)
{
	for (size_t i = 0; i < command_count; i++) {
		(void)fprintf(out, "\t'%s') echo \"", commands[i].name);
		put_options(out, commands[i].options);
		put_everywhere(out, &commands[i]);
		(void)fputs("\" ;;\n", out);
	}
	(void)fputs("\t*) echo \"$_davit_everywhere\" ;;\n", out);
}

/* Where a value is one of some words, those: of "csv|jsonl", and states of jobs. */
static void put_choices(FILE *out)
{
	for (size_t i = 0; i < command_count; i++) {
		const struct option_row *row = commands[i].options;

		for (; row != NULL && row->name != NULL; row++) {
			const char *values = row->value;

			if (values != NULL && strcmp(row->name, "state") == 0)
				values = "queued|submitting|running|recovering|needs_decision|"
					 "orphaned_provider|succeeded|failed|cancelled";
			if (values == NULL || strchr(values, '|') == NULL ||
				strpbrk(values, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != NULL)
				continue;
			(void)fprintf(out, "\t'%s --%s') echo \"", commands[i].name, row->name);
			for (; *values != '\0'; values++)
				(void)fputc(*values == '|' ? ' ' : *values, out);
			(void)fputs("\" ;;\n", out);
		}
	}
}

/* Options of all commands that take a value, as a pattern. */
static void put_valued(FILE *out)
{
	(void)fputs("--host|-H", out);
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
	"_davit_offer() {\n"
	"\tmapfile -t COMPREPLY < <(compgen -W \"$1\" -- \"$2\")\n"
	"}\n"
	"_davit_files() {\n"
	"\tcompopt -o filenames 2>/dev/null\n"
	"\tmapfile -t COMPREPLY < <(compgen -f -- \"$1\")\n"
	"}\n"
	"_davit() {\n"
	"\tlocal line=${COMP_LINE:0:COMP_POINT} part word previous= name seconds choices\n"
	"\tlocal -a parts=() words=()\n"
	"\t# Words by blanks: those of bash are cut at ':' and '=', too.\n"
	"\tread -ra parts <<< \"$line\"\n"
	"\t[[ $line == *[[:blank:]] ]] && parts+=('')\n"
	"\tword=${parts[-1]}\n"
	"\tfor part in \"${parts[@]:1:${#parts[@]}-2}\"; do\n"
	"\t\tif _davit_valued \"$previous\"; then previous=; continue; fi\n"
	"\t\tprevious=$part\n"
	"\t\t[[ $part == -?* ]] || words+=(\"$part\")\n"
	"\tdone\n"
	"\tCOMPREPLY=()\n"
	"\tname=\"${words[0]-} ${words[1]-}\"\n"
	"\tseconds=$(_davit_seconds \"${words[0]-}\")\n"
	"\t[[ -n ${words[1]-} && \" $seconds \" == *\" ${words[1]} \"* ]] || name=${words[0]-}\n"
	"\tif [[ $word == --*=* ]]; then\n"
	"\t\tprevious=${word%%=*} word=${word#*=}\n"
	"\tfi\n"
	"\tif _davit_valued \"$previous\"; then\n"
	"\t\tchoices=$(_davit_choices \"$name $previous\")\n"
	"\t\tif [[ -n $choices ]]; then _davit_offer \"$choices\" \"$word\"; else _davit_files \"$word\"; fi\n"
	"\telif [[ $word == -* ]]; then\n"
	"\t\t_davit_offer \"$(_davit_options \"$name\")\" \"$word\"\n"
	"\telif [[ ${#words[@]} -eq 0 || ( ${words[0]} == help && ${#words[@]} -eq 1 ) ]]; then\n"
	"\t\t_davit_offer \"$_davit_commands\" \"$word\"\n"
	"\telif [[ ${words[0]} == help && ${#words[@]} -eq 2 ]]; then\n"
	"\t\t_davit_offer \"$(_davit_seconds \"${words[1]}\")\" \"$word\"\n"
	"\telif [[ ${words[0]} == completion ]]; then\n"
	"\t\t_davit_offer bash \"$word\"\n"
	"\telif [[ ${#words[@]} -eq 1 && -n $seconds ]]; then\n"
	"\t\t_davit_offer \"$seconds\" \"$word\"\n"
	"\telse\n"
	"\t\t_davit_files \"$word\"\n"
	"\tfi\n"
	"\t# bash puts what is offered behind the last ':' or '=' alone.\n"
	"\tif [[ $word == *:* && $COMP_WORDBREAKS == *:* ]]; then\n"
	"\t\tpart=${word%\"${word##*:}\"}\n"
	"\t\tCOMPREPLY=(\"${COMPREPLY[@]#\"$part\"}\")\n"
	"\tfi\n"
	"}\n"
	"complete -F _davit davit\n";

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
	(void)fputs("\tesac\n}\n_davit_choices() {\n\tcase $1 in\n", out);
	put_choices(out);
	(void)fputs("\tesac\n}\n", out);
	(void)fputs(script_end, out);
}
