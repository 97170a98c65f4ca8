/* Reads dates of HTTP. */
#include "kit/http_date.h"

#include <string.h>
#include <time.h>

static int number(const char *text, int digits)
{
	int n = 0;

	for (int i = 0; i < digits; i++) {
		if (text[i] < '0' || text[i] > '9')
			return -1;
		n = n * 10 + (text[i] - '0');
	}
	return n;
}

/* Of twelve words of three letters; -1: none of them. */
static int month(const char *text)
{
	static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

	for (int i = 0; i < 12; i++)
		if (strncmp(names + (size_t)i * 3, text, 3) == 0)
			return i;
	return -1;
}

int64_t http_date_ms(const char *text)
{
	static const char shape[] = "Sun, 06 Nov 1994 08:49:37 GMT";
	struct tm t = {0};

	if (strlen(text) != sizeof(shape) - 1 || strcmp(text + 25, shape + 25) != 0)
		return -1;
	for (size_t i = 3; i < sizeof(shape) - 1; i++)
		if (strchr(" ,:", shape[i]) != NULL && text[i] != shape[i])
			return -1;
	t.tm_mday = number(text + 5, 2);
	t.tm_mon = month(text + 8);
	t.tm_year = number(text + 12, 4) - 1900;
	t.tm_hour = number(text + 17, 2);
	t.tm_min = number(text + 20, 2);
	t.tm_sec = number(text + 23, 2);
	if (t.tm_mday < 1 || t.tm_mday > 31 || t.tm_mon < 0 || t.tm_year < 70 || t.tm_hour < 0 ||
		t.tm_hour > 23 || t.tm_min < 0 || t.tm_min > 59 || t.tm_sec < 0 || t.tm_sec > 60)
		return -1;
	return (int64_t)timegm(&t) * 1000;
}
