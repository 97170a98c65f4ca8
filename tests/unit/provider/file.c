/* Reading whole files for tests, without the code under test. */
#include "unit/provider/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "unit/cmocka.h"

struct file file_read(const char *path)
{
	FILE *in = fopen(path, "rbe");
	struct file file = {0};
	long n;

	if (in == NULL)
		fail_msg("cannot read %s", path);
	assert_int_equal(fseek(in, 0, SEEK_END), 0);
	n = ftell(in);
	assert_true(n > 0);
	rewind(in);
	file.n = (size_t)n;
	file.bytes = malloc(file.n);
	assert_non_null(file.bytes);
	assert_int_equal(fread(file.bytes, 1, file.n, in), file.n);
	assert_int_equal(fclose(in), 0);
	return file;
}

struct file file_part(const struct file *whole, size_t n)
{
	struct file part = {malloc(n > 0 ? n : 1), n};

	assert_non_null(part.bytes);
	memcpy(part.bytes, whole->bytes, n);
	return part;
}

void file_finish(struct file *file)
{
	free(file->bytes);
	*file = (struct file){0};
}
