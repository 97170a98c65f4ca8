/* progress - see progress.h. */
#include "progress.h"

#include <stdarg.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "print.h"

enum {
	FIRST_MS = 500,
	TICK_MS = 200,
	USUAL_WIDTH = 80
};

static bool shown;

static size_t terminal_width(void)
{
	struct winsize size;

	return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col
	                                                                       : USUAL_WIDTH;
}

void progress_show(const char *fmt, ...)
{
	char line[1024];
	va_list list;

	va_start(list, fmt);
	(void)vsnprintf(line, sizeof(line), fmt, list);
	va_end(list);
	print_tame(line);
	/* A line that reaches the last column would wrap and be left behind. */
	print_cut(line, terminal_width() - 1);
	(void)fprintf(stderr, "\r\033[K%s", line);
	(void)fflush(stderr);
	shown = true;
}

void progress_hide(void)
{
	if (shown)
		(void)fputs("\r\033[K", stderr);
	shown = false;
}

void progress_begin(struct progress_bytes *p, const char *what, const char *name)
{
	*p = (struct progress_bytes){.what = what, .name = name, .began_ms = clock_mono_ms()};
}

void progress_bytes(struct progress_bytes *p, int64_t done, int64_t total)
{
	int64_t now_ms = clock_mono_ms();
	char moved[PRINT_SIZE], whole[PRINT_SIZE], rate[PRINT_SIZE];

	if (now_ms - p->began_ms < FIRST_MS || now_ms - p->told_ms < TICK_MS)
		return;
	p->told_ms = now_ms;
	(void)print_bytes(done, moved);
	(void)print_bytes(done * 1000 / (now_ms - p->began_ms), rate);
	if (total > 0)
		progress_show("%s %s: %d%%, %s of %s, %s/s", p->what, p->name,
			(int)((double)done * 100.0 / (double)total), moved,
			print_bytes(total, whole), rate);
	else
		progress_show("%s %s: %s, %s/s", p->what, p->name, moved, rate);
}
