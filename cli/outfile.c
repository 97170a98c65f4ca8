/* outfile - see outfile.h. */
#include "outfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fail.h"
#include "http.h"

static bool cannot(const char *file, int err, struct fail *f)
{
	if (err == EINTR && http_interrupted)
		return fail_set(f, FAIL_DEADLINE, "interrupted");
	return fail_set(f, FAIL_INTERNAL, "cannot write %s: %s", file, strerrordesc_np(err));
}

static bool is_standard_output(const struct stat *st)
{
	struct stat own;

	return fstat(STDOUT_FILENO, &own) == 0 && own.st_dev == st->st_dev &&
	       own.st_ino == st->st_ino;
}

static bool open_directly(struct outfile *o, struct fail *f)
{
	o->out = fopen(o->file, "we");
	return o->out != NULL || cannot(o->file, errno, f);
}

/* A link to what is not there yet: makes it, so that there is a path to it. */
static bool make_linked(const char *file)
{
	int fd = open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);

	return fd >= 0 && close(fd) == 0;
}

/* The path without links of a file that may be new. */
static bool resolve(struct outfile *o, struct fail *f)
{
	struct stat st;
	bool there = lstat(o->file, &st) == 0;

	if (there && S_ISLNK(st.st_mode) && !make_linked(o->file))
		return cannot(o->file, errno, f);
	if (there)
		return realpath(o->file, o->target) != NULL || cannot(o->file, errno, f);
	return snprintf(o->target, PATH_MAX, "%s", o->file) < PATH_MAX ||
	       cannot(o->file, ENAMETOOLONG, f);
}

static bool open_part(struct outfile *o, struct fail *f)
{
	if (!resolve(o, f))
		return false;
	if (snprintf(o->part, sizeof(o->part), "%s.part", o->target) >= (int)sizeof(o->part))
		return cannot(o->file, ENAMETOOLONG, f);
	o->out = fopen(o->part, "we");
	return o->out != NULL || cannot(o->part, errno, f);
}

bool outfile_open(struct outfile *o, const char *file, struct fail *f)
{
	bool standard = strcmp(file, "-") == 0;
	struct stat st;

	*o = (struct outfile){.file = file};
	if (!standard && stat(file, &st) != 0)
		return errno == ENOENT ? open_part(o, f) : cannot(file, errno, f);
	if (standard || is_standard_output(&st)) {
		o->out = stdout;
		return true;
	}
	if (S_ISDIR(st.st_mode))
		return cannot(file, EISDIR, f);
	return S_ISREG(st.st_mode) ? open_part(o, f) : open_directly(o, f);
}

/* What was not written shows now at the latest. */
static int end_stream(struct outfile *o)
{
	bool bad = ferror(o->out) != 0;
	int err = 0;

	if (o->out == stdout)
		return 0; /* main() looks at it */
	if (fclose(o->out) != 0)
		err = errno;
	o->out = NULL;
	return err == 0 && bad ? EIO : err;
}

bool outfile_finish(struct outfile *o, struct fail *f)
{
	int err = end_stream(o);

	if (err == 0 && o->part[0] != '\0' && rename(o->part, o->target) != 0)
		err = errno;
	if (err == 0)
		return true;
	if (o->part[0] != '\0')
		(void)remove(o->part);
	return cannot(o->file, err, f);
}

void outfile_drop(struct outfile *o)
{
	(void)end_stream(o);
	if (o->part[0] != '\0')
		(void)remove(o->part);
}

const char *outfile_leave(struct outfile *o)
{
	(void)end_stream(o);
	return o->part[0] != '\0' ? o->part : o->file;
}
