/* requirement_line - see requirement_line.h. */
#include "requirement_line.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

#include "local.h"

#define ALNUM "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
#define SPACE " \t"

static const char bad_path[] = "names a file: name the package, and put the file where the site's "
			       "pip looks for packages";
static const char bad_option[] =
	"has an option that is not taken: known are --pre, --prefer-binary, --only-binary, "
	"--no-binary, --require-hashes, --index-url, --extra-index-url, and --hash behind a "
	"package";
static const char bad_requirement[] = "is no package with extras, versions, a marker and hashes";
static const char bad_character[] = "has a character that is not ASCII";

/* A part of a line: n bytes at p. */
struct part {
	const char *p;
	size_t n;
};

static struct part trimmed(struct part part)
{
	while (part.n > 0 && strchr(SPACE, part.p[0]) != NULL) {
		part.p++;
		part.n--;
	}
	while (part.n > 0 && strchr(SPACE, part.p[part.n - 1]) != NULL)
		part.n--;
	return part;
}

/* The next word of *rest, which then begins behind it; empty at the end. */
static struct part next_word(const char **rest)
{
	const char *p = *rest + strspn(*rest, SPACE);
	size_t n = strcspn(p, SPACE);

	*rest = p + n;
	return (struct part){p, n};
}

static bool is_text(struct part part, const char *text)
{
	return strlen(text) == part.n && memcmp(part.p, text, part.n) == 0;
}

static bool begins(struct part part, const char *text)
{
	return part.n >= strlen(text) && memcmp(part.p, text, strlen(text)) == 0;
}

/* Is there something, and is every byte of it one of these? */
static bool is_only(struct part part, const char *of)
{
	for (size_t i = 0; i < part.n; i++) {
		if (strchr(of, part.p[i]) == NULL)
			return false;
	}
	return part.n > 0;
}

/* An address that is no file, in one word without anything a shell would read. */
static bool is_web(struct part part)
{
	static const char *const begin[] = {"https://", "http://", "git+https://"};

	for (size_t i = 0; i < LOCAL_COUNT(begin); i++) {
		if (begins(part, begin[i]))
			return is_only(part, ALNUM "-._~:/?#[]@!$&()*+,;=%");
	}
	return false;
}

/* --- options --- */

static bool is_names(struct part value)
{
	return is_only(value, ALNUM "._-,:") && value.p[0] != '-';
}

static bool is_index(struct part value)
{
	return is_web(value) && !begins(value, "git+");
}

static bool is_hash(struct part value)
{
	return is_only(value, ALNUM ":") && value.p[0] != ':';
}

static const struct option {
	const char *word;
	bool (*takes)(struct part value); /* NULL: it has no value */
	bool behind;                      /* behind a package; else on a line of its own */
} options[] = {
	{"--pre", NULL, false},
	{"--prefer-binary", NULL, false},
	{"--require-hashes", NULL, false},
	{"--only-binary", is_names, false},
	{"--no-binary", is_names, false},
	{"-i", is_index, false},
	{"--index-url", is_index, false},
	{"--extra-index-url", is_index, false},
	{"--hash", is_hash, true},
};

/* The options in rest, with values as "--word value" or "--word=value". */
static const char *options_fault(const char *rest, bool behind)
{
	for (struct part word = next_word(&rest); word.n > 0; word = next_word(&rest)) {
		const char *equals = memchr(word.p, '=', word.n);
		size_t n = equals != NULL ? (size_t)(equals - word.p) : word.n;
		struct part value = {
			equals != NULL ? equals + 1 : "", equals != NULL ? word.n - n - 1 : 0};
		const struct option *option = NULL;

		for (size_t i = 0; i < LOCAL_COUNT(options); i++) {
			if (options[i].behind == behind &&
				is_text((struct part){word.p, n}, options[i].word))
				option = &options[i];
		}
		if (option == NULL || (option->takes == NULL && equals != NULL))
			return bad_option;
		if (option->takes != NULL && equals == NULL)
			value = next_word(&rest);
		if (option->takes != NULL && !option->takes(value))
			return bad_option;
	}
	return NULL;
}

/* --- packages --- */

/* What pip takes for the name of a file, wherever no address stands. */
static bool is_archive(struct part package)
{
	static const char *const ends[] = {".whl", ".zip", ".tar", ".gz", ".tgz", ".bz2", ".tbz",
		".xz", ".txz", ".lz", ".tlz", ".lzma", ".egg"};

	for (size_t i = 0; i < LOCAL_COUNT(ends); i++) {
		size_t n = strlen(ends[i]);

		if (package.n >= n && strncasecmp(package.p + package.n - n, ends[i], n) == 0)
			return true;
	}
	return false;
}

/* NAME, or NAME[EXTRA,…]; then, in a line without an address, versions. */
static const char *package_fault(struct part package, bool versions)
{
	const char *bracket;
	struct part plain = package;

	if (package.n == 0 || strchr(ALNUM, package.p[0]) == NULL ||
		!is_only(package, versions ? ALNUM SPACE "._-[],()<>=!~*+" : ALNUM SPACE "._-[],"))
		return memchr(package.p, '/', package.n) != NULL ||
		                       (package.n > 0 && package.p[0] == '.')
		               ? bad_path
		               : bad_requirement;
	bracket = memchr(package.p, '[', package.n);
	if (bracket != NULL)
		plain.n = (size_t)(bracket - package.p);
	return is_archive(package) || is_archive(trimmed(plain)) ? bad_path : NULL;
}

/* NAME @ ADDRESS, or an address alone; then nothing, or a marker behind a space. */
static const char *address_fault(struct part address)
{
	size_t n = 0;
	struct part marker;

	while (n < address.n && strchr(SPACE, address.p[n]) == NULL)
		n++;
	marker = trimmed((struct part){address.p + n, address.n - n});
	if (!is_web((struct part){address.p, n}))
		return bad_path;
	return marker.n > 0 && marker.p[0] != ';' ? bad_requirement : NULL;
}

static const char *requirement_fault(struct part line)
{
	const char *at = memchr(line.p, '@', line.n);
	const char *semicolon = memchr(line.p, ';', line.n);
	struct part head = line;

	if (is_web((struct part){line.p, strcspn(line.p, SPACE)}))
		return address_fault(line);
	if (at != NULL && (semicolon == NULL || at < semicolon)) {
		const char *fault;

		head.n = (size_t)(at - line.p);
		fault = package_fault(trimmed(head), false);
		return fault != NULL
		               ? fault
		               : address_fault(trimmed((struct part){at + 1, line.n - head.n - 1}));
	}
	if (semicolon != NULL)
		head.n = (size_t)(semicolon - line.p);
	return package_fault(trimmed(head), true);
}

/* Where the first word of it that is an option begins; its end where there is none. As pip sees
 * it, wherever that is: also amid a marker. */
static size_t options_at(const char *line)
{
	size_t at = 0;

	while (line[at] != '\0' && !(line[at] == '-' && (at == 0 || strchr(SPACE, line[at - 1]))))
		at++;
	return at;
}

const char *requirement_line_fault(const char *line)
{
	size_t at = options_at(line);
	const char *fault = NULL;

	for (const char *p = line; *p != '\0'; p++) {
		if ((unsigned char)*p >= 0x7f)
			return bad_character; /* some of these end a line for pip */
	}
	if (at > 0)
		fault = requirement_fault(trimmed((struct part){line, at}));
	return fault != NULL ? fault : options_fault(line + at, at > 0);
}
