/*
 * Builds the one text an error has. Formats into a copy first, as callers may pass parts of the
 * struct itself. Compiled into davit_platform, which stands below the rest of base.
 */
#include "base/fail.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"
#include "base/veil.h"

struct fail_row {
	const char *word;
	int status;
};

static const struct fail_row rows[FAIL_CODE_COUNT] = {
	[FAIL_NONE] = {"none", 200},
	[FAIL_INVALID] = {"invalid", 400},
	[FAIL_AUTH] = {"auth", 401},
	[FAIL_FORBIDDEN] = {"forbidden", 403},
	[FAIL_NOT_FOUND] = {"not_found", 404},
	[FAIL_METHOD] = {"method", 405},
	[FAIL_CONFLICT] = {"conflict", 409},
	[FAIL_TOO_LARGE] = {"too_large", 413},
	[FAIL_MEDIA_TYPE] = {"media_type", 415},
	[FAIL_UNPROCESSABLE] = {"unprocessable", 422},
	[FAIL_BUSY] = {"busy", 429},
	[FAIL_INTERNAL] = {"internal", 500},
	[FAIL_UNSUPPORTED] = {"unsupported", 501},
	[FAIL_UPSTREAM] = {"upstream", 502},
	[FAIL_UNAVAILABLE] = {"unavailable", 503},
	[FAIL_DEADLINE] = {"deadline", 504},
};

struct errno_row {
	int err;
	enum fail_code code;
};

static const struct errno_row errno_rows[] = {
	{ENOENT, FAIL_NOT_FOUND},
	{EEXIST, FAIL_CONFLICT},
	{ENOSPC, FAIL_UNAVAILABLE},
	{EDQUOT, FAIL_UNAVAILABLE},
	{EAGAIN, FAIL_UNAVAILABLE},
	{EMFILE, FAIL_UNAVAILABLE},
	{ENFILE, FAIL_UNAVAILABLE},
	{ENOMEM, FAIL_UNAVAILABLE},
};

static void make_utf8(char *text)
{
	size_t left = strlen(text);

	while (left > 0) {
		size_t n = utf8_length(text, left);

		if (n == 0) {
			*text = '?';
			n = 1;
		}
		text += n;
		left -= n;
	}
}

/* Ends a text that lost its tail in "...", at the border of a character. */
static void mark_cut(char *text, size_t size)
{
	size_t n = strnlen(text, size - sizeof("..."));

	while (n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80)
		n--;
	memcpy(text + n, "...", sizeof("..."));
}

/* text := format + tail, clean. */
static void format(char *text, size_t size, const char *tail, const char *fmt, va_list args)
	ATTR_PRINTF(4, 0);

static void format(char *text, size_t size, const char *tail, const char *fmt, va_list args)
{
	int n = vsnprintf(text, size, fmt, args);
	size_t used = n < 0 ? 0 : (size_t)n;
	size_t tail_length = strlen(tail);

	text[n < 0 ? 0 : size - 1] = '\0';
	if (used < size) {
		size_t room = size - 1 - used;
		size_t take = tail_length < room ? tail_length : room;

		memcpy(text + used, tail, take);
		text[used + take] = '\0';
	}
	if (used + tail_length >= size) {
		(void)veil_text(text, strlen(text), true); /* a part of a secret is none to whoever
		                                            * looks for it later */
		mark_cut(text, size);
	}
	make_utf8(text);
}

static bool set(struct fail *f, enum fail_code code, const char *pointer, const char *tail,
	const char *fmt, va_list args) ATTR_PRINTF(5, 0);

static bool set(struct fail *f, enum fail_code code, const char *pointer, const char *tail,
	const char *fmt, va_list args)
{
	struct fail made = {.code = code};

	if (f == NULL)
		return false;
	format(made.text, sizeof(made.text), tail, fmt, args);
	if ((size_t)snprintf(made.field, sizeof(made.field), "%s", pointer) >= sizeof(made.field))
		mark_cut(made.field, sizeof(made.field));
	make_utf8(made.field);
	*f = made;
	return false;
}

bool fail_set(struct fail *f, enum fail_code code, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	set(f, code, "", "", fmt, args);
	va_end(args);
	return false;
}

bool fail_at(struct fail *f, enum fail_code code, const char *pointer, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	set(f, code, pointer, "", fmt, args);
	va_end(args);
	return false;
}

static enum fail_code code_of_errno(int err)
{
	for (size_t i = 0; i < COUNT(errno_rows); i++) {
		if (errno_rows[i].err == err)
			return errno_rows[i].code;
	}
	return FAIL_INTERNAL;
}

bool fail_errno(struct fail *f, int err, const char *fmt, ...)
{
	const char *said = strerrordesc_np(err);
	char tail[128];
	va_list args;

	if (said != NULL)
		snprintf(tail, sizeof(tail), ": %s", said);
	else
		snprintf(tail, sizeof(tail), ": error %d", err);
	va_start(args, fmt);
	set(f, code_of_errno(err), "", tail, fmt, args);
	va_end(args);
	return false;
}

bool fail_wrap(struct fail *f, const char *fmt, ...)
{
	char text[sizeof(f->text)];
	char tail[sizeof(f->text) + 2];
	va_list args;

	if (f == NULL)
		return false;
	snprintf(tail, sizeof(tail), ": %s", f->text);
	va_start(args, fmt);
	format(text, sizeof(text), tail, fmt, args);
	va_end(args);
	memcpy(f->text, text, sizeof(text));
	return false;
}

const char *fail_word(enum fail_code code)
{
	return code < FAIL_CODE_COUNT ? rows[code].word : "internal";
}

int fail_status(enum fail_code code)
{
	return code < FAIL_CODE_COUNT ? rows[code].status : 500;
}
