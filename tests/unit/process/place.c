/* A small daemon's worth of processes, and patience with limits. */
#include "unit/process/place.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/fail.h"
#include "platform/fs.h"
#include "store/blobs.h"
#include "unit/cmocka.h"

static void changed(const char *name, void *ctx)
{
	struct place *p = ctx;

	(void)name;
	mutex_lock(&p->lock);
	p->changes++;
	cond_broadcast(&p->changed);
	mutex_unlock(&p->lock);
}

static void below(char path[PLACE_PATH], const char *dir, const char *name)
{
	int n = snprintf(path, PLACE_PATH, "%s/%s", dir, name);

	assert_in_range(n, 1, PLACE_PATH - 1);
}

void place_open(struct place *p)
{
	struct fail f;

	p->processes = processes_open(&p->options, &f);
	if (p->processes == NULL)
		fail_msg("%s", f.text);
}

void place_close(struct place *p)
{
	processes_close(p->processes);
	p->processes = NULL;
}

int place_make(void **state)
{
	struct place *p = calloc(1, sizeof(*p));
	const char *tmp = getenv("TMPDIR"); /* NOLINT(concurrency-mt-unsafe): one thread yet */
	struct fail f;

	assert_non_null(p);
	snprintf(p->base, sizeof(p->base), "%s/davit-XXXXXX", tmp != NULL ? tmp : "/tmp");
	assert_non_null(mkdtemp(p->base));
	below(p->data, p->base, "data");
	below(p->runtime, p->base, "run");
	below(p->imports, p->base, "imports");
	assert_true(fs_mkdirs(p->data, &f) && fs_mkdirs(p->imports, &f));
	mutex_init(&p->lock);
	cond_init(&p->changed);
	p->blobs = blobs_open(p->data, &f);
	assert_non_null(p->blobs);
	p->import_roots[0] = p->imports;
	p->options = (struct process_options){
		.data_dir = p->data,
		.runtime_dir = p->runtime,
		.run_program = DAVIT_RUN_TEST,
		.cgroup = "off",
		.blobs = p->blobs,
		.import_roots = p->import_roots,
		.import_root_count = 1,
		.changed = changed,
		.ctx = p,
	};
	place_open(p);
	*state = p;
	return 0;
}

/* Whatever a failed test left is ended: the names are those the tests use. */
static void stop_all(struct place *p)
{
	static const char *const names[] = {"p1", "p2", "p3"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		json_t *state = NULL;

		if (!process_stop(p->processes, names[i], NULL))
			continue;
		for (int look = 0; look < LOOKS; look++) {
			bool over;

			json_decref(state);
			state = NULL;
			over = !process_inspect(p->processes, names[i], &state, NULL) ||
			       json_object_get(state, "finished_ms") != NULL;
			if (over)
				break;
			look_again();
		}
		json_decref(state);
	}
}

int place_remove(void **state)
{
	struct place *p = *state;
	struct fail f;
	bool good;

	if (p->processes == NULL)
		place_open(p);
	stop_all(p);
	place_close(p);
	blobs_close(p->blobs);
	/* A davit-run that just ended may still hold its folder for a moment. */
	good = fs_remove_tree(p->base, &f) || fs_remove_tree(p->base, &f);
	cond_finish(&p->changed);
	mutex_finish(&p->lock);
	free(p);
	return good ? 0 : -1;
}

json_t *parse(const char *text)
{
	char *copy = strdup(text);
	json_error_t e;
	json_t *v;

	assert_non_null(copy);
	for (char *c = copy; *c != '\0'; c++) {
		if (*c == '\'')
			*c = '"';
	}
	v = json_loads(copy, 0, &e);
	if (v == NULL)
		fail_msg("%s: %s", e.text, copy);
	free(copy);
	return v;
}

void start(struct place *p, const char *name, const char *spec)
{
	json_t *v = parse(spec);
	struct fail f;

	if (!process_start(p->processes, name, v, &f))
		fail_msg("%s", f.text);
	json_decref(v);
}

void stop(struct place *p, const char *name)
{
	struct fail f;

	if (!process_stop(p->processes, name, &f))
		fail_msg("%s", f.text);
}

json_t *inspect(struct place *p, const char *name)
{
	json_t *state;
	struct fail f;

	if (!process_inspect(p->processes, name, &state, &f))
		fail_msg("%s", f.text);
	return state;
}

bool is_in(struct place *p, const char *name, const char *state)
{
	json_t *v = inspect(p, name);
	bool same = strcmp(json_string_value(json_object_get(v, "state")), state) == 0;

	json_decref(v);
	return same;
}

void look_again(void)
{
	static const struct timespec pause = {0, 10000000};

	nanosleep(&pause, NULL);
}

void await_state(struct place *p, const char *name, const char *state, json_t **ret)
{
	for (int i = 0; i < LOOKS; i++) {
		if (is_in(p, name, state)) {
			if (ret != NULL)
				*ret = inspect(p, name);
			return;
		}
		look_again();
	}
	fail_msg("process %s does not get %s", name, state);
}

size_t change_count(struct place *p)
{
	size_t n;

	mutex_lock(&p->lock);
	n = p->changes;
	mutex_unlock(&p->lock);
	return n;
}

void await_change(struct place *p, size_t since)
{
	struct timespec now;
	bool told = true;
	int64_t deadline;

	clock_gettime(CLOCK_MONOTONIC, &now);
	deadline = ((int64_t)now.tv_sec + 60) * 1000;
	mutex_lock(&p->lock);
	while (p->changes == since && told)
		told = cond_wait_until(&p->changed, &p->lock, deadline);
	mutex_unlock(&p->lock);
	assert_true(told);
}

const char *file_of(
	const struct place *p, const char *name, const char *file, char path[PLACE_PATH])
{
	int n = snprintf(path, PLACE_PATH, "%s/processes/%s/%s", p->data, name, file);

	assert_in_range(n, 1, PLACE_PATH - 1);
	return path;
}

bool has_file(const struct place *p, const char *name, const char *file)
{
	char path[PLACE_PATH];

	return access(file_of(p, name, file, path), F_OK) == 0;
}

size_t lines_of(const struct place *p, const char *name, const char *file)
{
	char path[PLACE_PATH];
	size_t n, lines = 0;
	char *text;

	if (!fs_read(file_of(p, name, file, path), 1u << 20, &text, &n, NULL))
		return 0;
	for (size_t i = 0; i < n; i++)
		lines += text[i] == '\n';
	free(text);
	return lines;
}

void await_lines_of(struct place *p, const char *name, const char *file, size_t n)
{
	for (int i = 0; i < LOOKS; i++) {
		if (lines_of(p, name, file) >= n)
			return;
		look_again();
	}
	fail_msg("%s of %s does not get %zu lines", file, name, n);
}

char *read_through(struct place *p, const char *name, const char *path)
{
	struct stat st;
	struct fail f;
	char *text;
	int fd;

	if (!process_open_file(p->processes, name, path, &fd, &f))
		fail_msg("%s", f.text);
	assert_int_equal(fstat(fd, &st), 0);
	text = calloc(1, (size_t)st.st_size + 1);
	assert_non_null(text);
	assert_int_equal(pread(fd, text, (size_t)st.st_size, 0), st.st_size);
	close(fd);
	return text;
}

void put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

void make_blob(struct place *p, const char *text, char digest[SHA256_HEX_SIZE])
{
	struct fail f;
	struct blob_writer *w = blob_begin(p->blobs, &f);

	assert_non_null(w);
	assert_true(blob_write(w, text, strlen(text), &f));
	assert_true(blob_seal(w, digest, &f));
}

long long number(const json_t *obj, const char *member)
{
	const json_t *v = json_object_get(obj, member);

	if (!json_is_integer(v))
		fail_msg("%s is no integer", member);
	return json_integer_value(v);
}

bool truth(const json_t *obj, const char *member)
{
	return json_is_true(json_object_get(obj, member));
}
