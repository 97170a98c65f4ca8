/*
 * cmd_serve - starts davitd. Without a configuration file it works on a small site in a folder
 * of the user, made at the first start: the local provider behind a Unix socket of that user.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fail.h"
#include "base/sha256.h"
#include "cli.h"
#include "cmd.h"
#include "place.h"
#include "platform/fs.h"

#define RUNTIME_MAX 52 /* bytes: names of sockets are short */
#define YAML_LIMIT  ((size_t)64 << 10)

struct site {
	char folder[PATH_MAX]; /* absolute */
	char config[PATH_MAX];
	char davitd[PATH_MAX];
};

/* A path as YAML and JSON both write a text. */
static void put_quoted(struct buf *out, const char *text)
{
	json_t *value = json_string(text);
	char *quoted = value != NULL ? json_dumps(value, JSON_ENCODE_ANY) : NULL;

	if (quoted != NULL)
		buf_text(out, quoted);
	else
		out->failed = true;
	free(quoted);
	json_decref(value);
}

/* --- where the sockets of model servers go --- */

/* A folder that is nobody else's, for sites whose own path is too long. */
static bool private_folder(const char *path, struct fail *f)
{
	struct stat st;

	if (mkdir(path, S_IRWXU) != 0 && errno != EEXIST)
		return fail_errno(f, errno, "make %s", path);
	if (lstat(path, &st) != 0)
		return fail_errno(f, errno, "look at %s", path);
	if (!S_ISDIR(st.st_mode) || st.st_uid != getuid() || (st.st_mode & 077) != 0)
		return fail_set(f, FAIL_FORBIDDEN, "%s belongs to others: remove it", path);
	return true;
}

static bool runtime_folder(const struct site *s, char *path, size_t size, struct fail *f)
{
	uint8_t digest[SHA256_BYTES];
	char hex[SHA256_HEX_SIZE];

	if (snprintf(path, size, "%s/run", s->folder) <= RUNTIME_MAX)
		return true;
	sha256_of(s->folder, strlen(s->folder), digest);
	sha256_hex(digest, hex);
	(void)snprintf(path, size, "/tmp/davit-%u-%.8s", (unsigned)getuid(), hex);
	return private_folder(path, f);
}

/* --- the site's files --- */

static bool put_import_roots(struct cli *c, struct buf *yaml, struct fail *f)
{
	const char *root;
	size_t at = 0;

	buf_text(yaml, "import_roots: [import");
	while ((root = args_next(&c->args, "import", &at)) != NULL) {
		char *absolute = realpath(root, NULL);

		if (absolute == NULL)
			return fail_errno(f, errno, "--import %s", root);
		buf_text(yaml, ", ");
		put_quoted(yaml, absolute);
		free(absolute);
	}
	buf_text(yaml, "]\n");
	return true;
}

/* In a build davitd does not find its companions by itself. */
static void put_companions(const struct site *s, struct buf *yaml)
{
	char folder[PATH_MAX], path[PATH_MAX];

	if (!fs_folder_of(folder, sizeof(folder), s->davitd, NULL) ||
		!fs_join(path, sizeof(path), folder, "../plugins/local/local.so", NULL) ||
		!fs_exists(path))
		return;
	(void)fs_join(path, sizeof(path), folder, "../plugins/local", NULL);
	buf_text(yaml, "provider_dir: ");
	put_quoted(yaml, path);
	(void)fs_join(path, sizeof(path), folder, "run/davit-run", NULL);
	buf_text(yaml, "\nrun_program: ");
	put_quoted(yaml, path);
	(void)fs_join(path, sizeof(path), folder, "worker/davit-worker", NULL);
	buf_text(yaml, "\nworker_program: ");
	put_quoted(yaml, path);
	buf_text(yaml, "\n");
}

static bool compose(struct cli *c, const struct site *s, struct buf *yaml, struct fail *f)
{
	char runtime[PATH_MAX];
	int64_t port = -1;

	if (!args_int(&c->args, "port", 0, 65535, &port, f) ||
		!runtime_folder(s, runtime, sizeof(runtime), f))
		return false;
	buf_text(yaml, "# Written by 'davit serve'; change it as you like. Every key:\n"
		       "# davitd --print-config-reference\n"
		       "data_dir: data\nruntime_dir: ");
	put_quoted(yaml, runtime);
	buf_text(yaml, "\ndefault_provider: local\n");
	put_companions(s, yaml);
	if (!put_import_roots(c, yaml, f))
		return false;
	buf_text(yaml, "listeners:\n  - {unix: davitd.sock}\n");
	if (port >= 0)
		buf_printf(yaml, "  - {address: 127.0.0.1, port: %" PRId64 "}\n", port);
	return !yaml->failed || fail_set(f, FAIL_INTERNAL, "out of memory");
}

/* The file that makes it a site comes last, so that a start cut short is made up for. */
static bool write_site(const struct site *s, const struct buf *yaml, struct fail *f)
{
	static const char provider[] = "provider: local\n";
	char path[PATH_MAX];

	return fs_join(path, sizeof(path), s->folder, "import", f) && fs_mkdirs(path, f) &&
	       fs_join(path, sizeof(path), s->folder, "providers.d", f) && fs_mkdirs(path, f) &&
	       fs_join(path, sizeof(path), s->folder, "providers.d/local.yaml", f) &&
	       fs_write_durable(path, provider, sizeof(provider) - 1, f) &&
	       fs_write_durable(s->config, yaml->p, yaml->n, f);
}

static bool make_site(struct cli *c, const struct site *s, struct fail *f)
{
	struct buf yaml;
	bool ok;

	if (fs_exists(s->config)) {
		if (args_has(&c->args, "port") || args_has(&c->args, "import"))
			(void)fprintf(stderr,
				"the site is there already and is started as it is: --port and "
				"--import changed nothing; what listens and may be imported stands "
				"in %s\n",
				s->config);
		return true;
	}
	buf_init(&yaml, YAML_LIMIT);
	ok = compose(c, s, &yaml, f) && write_site(s, &yaml, f);
	buf_finish(&yaml);
	return ok;
}

static bool find_site(struct cli *c, struct site *s, struct fail *f)
{
	const char *data = args_text(&c->args, "data");
	char given[PATH_MAX];

	if (data == NULL && !place_user_site(given, f))
		return false;
	if (data != NULL && snprintf(given, sizeof(given), "%s", data) >= (int)sizeof(given))
		return fail_set(f, FAIL_INVALID, "the path of --data is too long");
	if (!fs_mkdirs(given, f))
		return false;
	if (realpath(given, s->folder) == NULL)
		return fail_errno(f, errno, "--data %s", given);
	return fs_join(s->config, sizeof(s->config), s->folder, "davit.yaml", f);
}

/* --- the daemon --- */

static bool start(const struct site *s, struct fail *f)
{
	const char *argv[] = {"davitd", "--config", s->config, NULL};

	(void)signal(SIGPIPE, SIG_DFL);
	(void)fflush(NULL);
	(void)execv(s->davitd, (char *const *)argv); // NOLINT(clang-diagnostic-cast-qual)
	return fail_errno(f, errno, "start %s", s->davitd);
}

static bool serve(struct cli *c, struct site *s, struct fail *f)
{
	const char *config = args_text(&c->args, "config");

	if (!place_davitd(s->davitd, f))
		return false;
	if (config != NULL) {
		if (snprintf(s->config, sizeof(s->config), "%s", config) >= (int)sizeof(s->config))
			return fail_set(f, FAIL_INVALID, "the path of --config is too long");
		return start(s, f);
	}
	if (!find_site(c, s, f) || !make_site(c, s, f))
		return false;
	(void)fprintf(stderr,
		"site %s; talk to it with\n  export DAVIT_HOST=unix://%s/davitd.sock\n", s->folder,
		s->folder);
	return start(s, f);
}

int cmd_serve(struct cli *c)
{
	struct site s = {.folder = ""};
	struct fail f = {0};

	if (args_has(&c->args, "config") &&
		(args_has(&c->args, "data") || args_has(&c->args, "port") ||
			args_has(&c->args, "import")))
		return cli_usage(c, "--config says all: --data, --port and --import are for the "
				    "site that is made without it");
	if (serve(c, &s, &f))
		return EXIT_DONE;
	if (f.code == FAIL_INVALID)
		return cli_usage(c, "%s", f.text);
	return cli_fail(c, EXIT_NEGATIVE, "%s", f.text);
}
