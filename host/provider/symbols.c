/*
 * The functions of libc and libm that providers may use, as tables.
 *
 * A name is here when what it does depends on its arguments alone and ends with its return:
 * no file, socket, stream, thread, process, signal, environment, clock or hidden state (so
 * no strtok or rand). Three exceptions: the allocator; errno, which the number readers need;
 * and abort with the message of assert, which only end the process. Also absent, though
 * harmless: setjmp (nothing may unwind out of a slot), locales, and thread-local variables.
 */
#include "provider/symbols.h"

#include <stddef.h>
#include <string.h>

#include "base/attr.h"

/* clang-format off */
static const char *const plain[] = {
	/* memory */
	"malloc", "calloc", "realloc", "reallocarray", "free", "aligned_alloc", "posix_memalign",
	"memchr", "memrchr", "rawmemchr", "memcmp", "memcpy", "mempcpy", "memccpy", "memmove",
	"memset", "memmem", "bcmp", "bcopy", "bzero", "explicit_bzero",
	/* text */
	"strlen", "strnlen", "strcmp", "strncmp", "strcasecmp", "strncasecmp", "strchr",
	"strrchr", "strchrnul", "strstr", "strcasestr", "strspn", "strcspn", "strpbrk", "strsep",
	"strtok_r", "__strtok_r", "strdup", "__strdup", "strndup", "__strndup", "strcpy",
	"stpcpy", "__stpcpy", "strncpy", "stpncpy", "strlcpy", "strlcat", "strcat", "strncat",
	"index", "rindex", "__rawmemchr",
	/* characters */
	"__ctype_b_loc", "__ctype_tolower_loc", "__ctype_toupper_loc", "tolower", "toupper",
	"isalnum", "isalpha", "isblank", "iscntrl", "isdigit", "isgraph", "islower", "isprint",
	"ispunct", "isspace", "isupper", "isxdigit",
	/* numbers and text; __isoc23_ is what newer headers make of the same names */
	"strtol", "strtoll", "strtoul", "strtoull", "strtoimax", "strtoumax", "strtod", "strtof",
	"strtold", "atoi", "atol", "atoll", "atof", "__isoc23_strtol", "__isoc23_strtoll",
	"__isoc23_strtoul", "__isoc23_strtoull", "__isoc23_strtoimax", "__isoc23_strtoumax",
	"abs", "labs", "llabs", "imaxabs", "div", "ldiv", "lldiv", "imaxdiv", "ffs", "ffsl",
	"ffsll", "snprintf", "vsnprintf", "sprintf", "vsprintf", "asprintf", "vasprintf",
	"sscanf", "vsscanf", "__isoc99_sscanf", "__isoc99_vsscanf", "__isoc23_sscanf",
	"__isoc23_vsscanf",
	/* the calendar of UTC */
	"gmtime_r", "timegm", "difftime",
	/* order */
	"qsort", "qsort_r", "bsearch",
	/* checks of fortified builds */
	"__memcpy_chk", "__mempcpy_chk", "__memmove_chk", "__memset_chk", "__explicit_bzero_chk",
	"__strcpy_chk", "__stpcpy_chk", "__strncpy_chk", "__stpncpy_chk", "__strcat_chk",
	"__strncat_chk", "__strlcpy_chk", "__strlcat_chk", "__snprintf_chk", "__vsnprintf_chk",
	"__sprintf_chk", "__vsprintf_chk", "__asprintf_chk", "__vasprintf_chk",
	/* what compilers add */
	"__stack_chk_fail", "__stack_chk_guard", "__cxa_finalize", "__errno_location", "abort",
	"__assert_fail",
};

/* Each also with f or l at its end, for the other two widths. */
static const char *const math[] = {
	"acos", "acosh", "asin", "asinh", "atan", "atan2", "atanh", "cbrt", "ceil", "copysign",
	"cos", "cosh", "erf", "erfc", "exp", "exp10", "exp2", "expm1", "fabs", "fdim", "floor",
	"fma", "fmax", "fmin", "fmod", "frexp", "hypot", "ilogb", "ldexp", "lgamma_r", "llrint",
	"llround", "log", "log10", "log1p", "log2", "logb", "lrint", "lround", "modf", "nan",
	"nearbyint", "nextafter", "nexttoward", "pow", "remainder", "remquo", "rint", "round",
	"roundeven", "scalbln", "scalbn", "sin", "sincos", "sinh", "sqrt", "tan", "tanh",
	"tgamma", "trunc", "__finite", "__fpclassify", "__isinf", "__isnan", "__signbit",
};
/* clang-format on */

/* Looked for at load time, never there in a daemon like ours. */
static const char *const weak_only[] = {
	"__gmon_start__",
	"_ITM_registerTMCloneTable",
	"_ITM_deregisterTMCloneTable",
};

static const char *const sanitizer_prefixes[] = {
	"__asan_",
	"__ubsan_",
	"__tsan_",
	"__lsan_",
	"__sanitizer_",
	"__sancov_",
	"__gcov_",
};

static bool listed(const char *const *list, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(list[i], name) == 0)
			return true;
	}
	return false;
}

static bool is_math(const char *name)
{
	for (size_t i = 0; i < COUNT(math); i++) {
		size_t n = strlen(math[i]);
		const char *width = name + n;

		if (strncmp(math[i], name, n) != 0)
			continue;
		if (*width == '\0' || strcmp(width, "f") == 0 || strcmp(width, "l") == 0)
			return true;
	}
	return strcmp(name, "lgammaf_r") == 0 || strcmp(name, "lgammal_r") == 0;
}

static bool of_sanitizer(const char *name)
{
	for (size_t i = 0; i < COUNT(sanitizer_prefixes); i++) {
		if (strncmp(name, sanitizer_prefixes[i], strlen(sanitizer_prefixes[i])) == 0)
			return true;
	}
	return false;
}

bool symbols_allowed(const char *name, bool weak, bool sanitizers)
{
	if (listed(plain, COUNT(plain), name) || is_math(name))
		return true;
	if (weak && listed(weak_only, COUNT(weak_only), name))
		return true;
	return sanitizers && of_sanitizer(name);
}

static const struct {
	const char *name; /* with '*' at its end: a prefix */
	const char *advice;
} advices[] = {
	{"socket*", "the network is reached through the host only"},
	{"connect", "the network is reached through the host only"},
	{"getaddrinfo", "the network is reached through the host only"},
	{"send*", "the network is reached through the host only"},
	{"recv*", "the network is reached through the host only"},
	{"open*", "files are the host's: use davit.host.blob, or files of davit.host.process"},
	{"fopen*", "files are the host's: use davit.host.blob, or files of davit.host.process"},
	{"read", "files are the host's: use davit.host.blob, or files of davit.host.process"},
	{"write", "files are the host's: use davit.host.blob, or files of davit.host.process"},
	{"stat*", "files are the host's: use davit.host.blob, or files of davit.host.process"},
	{"fork", "processes are started through davit.host.process"},
	{"vfork", "processes are started through davit.host.process"},
	{"exec*", "processes are started through davit.host.process"},
	{"posix_spawn*", "processes are started through davit.host.process"},
	{"system", "processes are started through davit.host.process"},
	{"popen", "processes are started through davit.host.process"},
	{"pthread_*", "the host runs slots on threads of its own"},
	{"thrd_*", "the host runs slots on threads of its own"},
	{"environ", "settings come with create()"},
	{"getenv", "settings come with create()"},
	{"setenv", "settings come with create()"},
	{"putenv", "settings come with create()"},
	{"signal", "signals are the host's"},
	{"sigaction", "signals are the host's"},
	{"kill", "signals are the host's"},
	{"raise", "signals are the host's"},
	{"std*", "messages go through log() of davit.host.core"},
	{"put*", "messages go through log() of davit.host.core"},
	{"printf", "messages go through log() of davit.host.core"},
	{"vprintf*", "messages go through log() of davit.host.core"},
	{"__printf_chk", "messages go through log() of davit.host.core"},
	{"fprintf", "messages go through log() of davit.host.core"},
	{"__fprintf_chk", "messages go through log() of davit.host.core"},
	{"syslog", "messages go through log() of davit.host.core"},
	{"time", "time comes from now_ms() and mono_ms() of davit.host.core"},
	{"clock*", "time comes from now_ms() and mono_ms() of davit.host.core"},
	{"gettimeofday", "time comes from now_ms() and mono_ms() of davit.host.core"},
	{"sleep", "waiting is sleep_ms() of davit.host.core"},
	{"usleep", "waiting is sleep_ms() of davit.host.core"},
	{"nanosleep", "waiting is sleep_ms() of davit.host.core"},
	{"rand*", "random numbers come from random() of davit.host.core"},
	{"srand*", "random numbers come from random() of davit.host.core"},
	{"getrandom", "random numbers come from random() of davit.host.core"},
	{"dl*", "a provider is one file"},
	{"__tls_get_addr", "a provider has no thread-local variables"},
	{"davit_*", "host services are found through the query given to create()"},
};

static bool matches(const char *pattern, const char *name)
{
	size_t n = strlen(pattern);

	if (pattern[n - 1] == '*')
		return strncmp(pattern, name, n - 1) == 0;
	return strcmp(pattern, name) == 0;
}

const char *symbols_advice(const char *name)
{
	for (size_t i = 0; i < COUNT(advices); i++) {
		if (matches(advices[i].name, name))
			return advices[i].advice;
	}
	return "only memory, text and math functions of libc and libm are allowed";
}
