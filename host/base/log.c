/*
 * Log lines: made on the caller's stack, kept in a ring under the logger's own mutex, written
 * by one write(2) outside of it. The logger is the one thing that is global on purpose.
 */
#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/utf8.h"
#include "base/veil.h"
#include "platform/thread.h"

#define LINE_SIZE 4096 /* PIPE_BUF of Linux: what fits is written in one piece */
#define KEPT_SIZE ((size_t)256 * 1024)

static const struct {
	const char *word;  /* in the configuration */
	const char *label; /* in a line */
} levels[] = {
	[LOG_DEBUG] = {"debug", "DEBUG"},
	[LOG_INFO] = {"info", "INFO "},
	[LOG_WARN] = {"warn", "WARN "},
	[LOG_ERROR] = {"error", "ERROR"},
};

static atomic_int least = LOG_INFO;

static struct {
	struct mutex m;
	size_t start; /* where the oldest line begins */
	size_t n;
	char bytes[KEPT_SIZE];
} kept = {.m = MUTEX_INIT};

void log_set_level(enum log_level level)
{
	atomic_store(&least, (int)level);
}

bool log_level_of(const char *word, enum log_level *ret_level)
{
	for (size_t i = 0; i < COUNT(levels); i++) {
		if (strcmp(levels[i].word, word) == 0) {
			*ret_level = (enum log_level)i;
			return true;
		}
	}
	return false;
}

static void drop_oldest_line(void)
{
	char c;

	do {
		c = kept.bytes[kept.start];
		kept.start = (kept.start + 1) % KEPT_SIZE;
		kept.n--;
	} while (c != '\n' && kept.n > 0);
}

static void keep(const char *line, size_t n)
{
	size_t at, first;

	mutex_lock(&kept.m);
	while (kept.n + n > KEPT_SIZE)
		drop_oldest_line();
	at = (kept.start + kept.n) % KEPT_SIZE;
	first = n < KEPT_SIZE - at ? n : KEPT_SIZE - at;
	memcpy(kept.bytes + at, line, first);
	memcpy(kept.bytes, line + first, n - first);
	kept.n += n;
	mutex_unlock(&kept.m);
}

static void put(const char *line, size_t n)
{
	ssize_t done;

	do
		done = write(STDERR_FILENO, line, n);
	while (done < 0 && errno == EINTR);
	/* A reader that is gone or slow must not stop the daemon: the line is in the ring. */
}

/* Appends the character at text to line as it may stand in a log; returns its bytes in text. */
static size_t add_character(char *line, size_t *n, const char *text, size_t left)
{
	size_t length = utf8_length(text, left);
	unsigned char c = (unsigned char)*text;

	if (length == 0 || c < 0x20 || c == 0x7f) {
		int escaped = snprintf(line + *n, 5, c == '\n' ? "\\n" : "\\x%02x", c);

		*n += escaped > 0 ? (size_t)escaped : 0;
		return 1;
	}
	memcpy(line + *n, text, length);
	*n += length;
	return length;
}

/* line has n bytes; adds what fits of text and the end of the line. Returns its length. */
static size_t finish_line(char line[LINE_SIZE], size_t n, const char *text)
{
	static const char cut[] = "...";
	size_t most = LINE_SIZE - sizeof(cut) - 5; /* one more character, the mark, the end */
	size_t left = strlen(text);

	while (left > 0 && n <= most) {
		size_t used = add_character(line, &n, text, left);

		text += used;
		left -= used;
	}
	if (left > 0) {
		memcpy(line + n, cut, sizeof(cut) - 1);
		n += sizeof(cut) - 1;
	}
	line[n] = '\n';
	return n + 1;
}

void log_line(enum log_level level, const char *id, const char *fmt, ...)
{
	char text[LINE_SIZE], line[LINE_SIZE], time[CLOCK_TEXT_SIZE];
	va_list args;
	int n;

	if ((int)level < atomic_load(&least))
		return;
	va_start(args, fmt);
	n = vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	if (n < 0)
		text[0] = '\0';
	else
		(void)veil_text(text, strlen(text), (size_t)n >= sizeof(text));
	clock_text_rfc3339(clock_now_ms(), time);
	n = snprintf(line, 128, "%s %s %.64s ", time, levels[level].label, id);
	if (n < 0)
		return;
	size_t length = finish_line(line, (size_t)n, text);
	keep(line, length);
	put(line, length);
}

char *log_recent(void)
{
	char *text = malloc(KEPT_SIZE + 1);
	size_t first, n;

	if (text == NULL)
		return NULL;
	mutex_lock(&kept.m);
	n = kept.n;
	first = n < KEPT_SIZE - kept.start ? n : KEPT_SIZE - kept.start;
	memcpy(text, kept.bytes + kept.start, first);
	memcpy(text + first, kept.bytes, n - first);
	mutex_unlock(&kept.m);
	text[n] = '\0';
	return text;
}
