/*
 * davit_sdk_json.h - the half of davit_sdk.c that reads and writes JSON. Private: included
 * there once, and by nobody else.
 */
#ifndef DAVIT_SDK_JSON_H
#define DAVIT_SDK_JSON_H

/* --- reading JSON --- */

struct reader {
	struct davit_sdk_mem *mem;
	const char *start;
	const char *p;
	const char *end;
	const char *reason; /* of the first failure; p stays where it was */
};

typedef struct davit_sdk_json node;

static bool read_value(struct reader *r, node *v, unsigned depth);

static bool refuse(struct reader *r, const char *reason)
{
	if (r->reason == NULL)
		r->reason = reason;
	return false;
}

/* The next byte; 0 at the end. */
static char this_byte(const struct reader *r)
{
	if (r->p == r->end)
		return '\0';
	return *r->p;
}

static void skip_space(struct reader *r)
{
	while (r->p < r->end && (*r->p == ' ' || *r->p == '\t' || *r->p == '\n' || *r->p == '\r'))
		r->p++;
}

/* Takes c after white space, if it comes next. */
static bool take(struct reader *r, char c)
{
	skip_space(r);
	if (r->p >= r->end || *r->p != c)
		return false;
	r->p++;
	return true;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* The four digits of a \u escape. */
static bool read_hex4(struct reader *r, uint32_t *ret_unit)
{
	uint32_t unit = 0;

	if (r->end - r->p < 4)
		return refuse(r, "a \\u escape has four hex digits");
	for (int i = 0; i < 4; i++) {
		int digit = hex_digit(r->p[i]);

		if (digit < 0)
			return refuse(r, "a \\u escape has four hex digits");
		unit = unit << 4 | (uint32_t)digit;
	}
	r->p += 4;
	*ret_unit = unit;
	return true;
}

/* What follows \u: one unit, or two that are a pair of surrogates. */
static bool read_unicode(struct reader *r, uint32_t *ret_code)
{
	uint32_t high, low;

	if (!read_hex4(r, &high))
		return false;
	if (high == 0)
		return refuse(r, "\\u0000 is not allowed in a text");
	if (high >= 0xDC00 && high <= 0xDFFF)
		return refuse(r, "a low surrogate without a high one before it");
	*ret_code = high;
	if (high < 0xD800 || high > 0xDBFF)
		return true;
	if (r->end - r->p < 2 || r->p[0] != '\\' || r->p[1] != 'u')
		return refuse(r, "a high surrogate without a low one after it");
	r->p += 2;
	if (!read_hex4(r, &low))
		return false;
	if (low < 0xDC00 || low > 0xDFFF)
		return refuse(r, "a high surrogate without a low one after it");
	*ret_code = 0x10000U + ((high - 0xD800U) << 10) + (low - 0xDC00U);
	return true;
}

/* What follows a backslash, written at *out. */
static bool read_escape(struct reader *r, char **out)
{
	static const char names[] = "\"\\/bfnrt";
	static const char bytes[] = "\"\\/\b\f\n\r\t";
	uint32_t code;

	char c = this_byte(r);
	const char *found = c != '\0' ? strchr(names, c) : NULL;
	if (found != NULL) {
		r->p++;
		*(*out)++ = bytes[found - names];
		return true;
	}
	if (c != 'u')
		return refuse(r, "an escape that JSON does not know");
	r->p++;
	if (!read_unicode(r, &code))
		return false;
	*out += utf8_write(*out, code);
	return true;
}

/* Bytes up to the closing quote; the decoded text is never longer. */
static size_t text_room(const struct reader *r)
{
	const char *p = r->p;

	while (p < r->end && *p != '"')
		p += *p == '\\' && r->end - p > 1 ? 2 : 1;
	return (size_t)(p - r->p);
}

/* One character of a text, written at *out. */
static bool read_character(struct reader *r, char **out)
{
	if (*r->p == '\\') {
		r->p++;
		return read_escape(r, out);
	}
	if ((unsigned char)*r->p < 0x20)
		return refuse(r, "a control character that is not escaped");
	size_t n = davit_sdk_utf8(r->p, (size_t)(r->end - r->p));
	if (n == 0)
		return refuse(r, "bytes that are not UTF-8");
	memcpy(*out, r->p, n);
	*out += n;
	r->p += n;
	return true;
}

/* The text after its opening quote. */
static bool read_text(struct reader *r, davit_buf *ret_text)
{
	char *text = mem_take(r->mem, text_room(r) + 1, 1);
	char *out = text;

	if (text == NULL)
		return refuse(r, "the text is larger than the memory for it");
	while (r->p < r->end && *r->p != '"')
		if (!read_character(r, &out))
			return false;
	if (!take(r, '"'))
		return refuse(r, "a text without its closing quote");
	*out = '\0';
	*ret_text = make_buf(text, (size_t)(out - text));
	return true;
}

static size_t count_digits(const struct reader *r, const char *p)
{
	size_t n = 0;

	while (p + n < r->end && p[n] >= '0' && p[n] <= '9')
		n++;
	return n;
}

/* Where the number at r->p ends; *ret_whole: has it neither fraction nor exponent? */
static bool scan_number(struct reader *r, const char **ret_end, bool *ret_whole)
{
	const char *p = r->p + (*r->p == '-' ? 1 : 0);
	size_t n = count_digits(r, p);

	if (n == 0 || (n > 1 && *p == '0'))
		return refuse(r, "a number begins with one digit, or one that is not 0");
	p += n;
	*ret_whole = true;
	if (p < r->end && *p == '.') {
		n = count_digits(r, ++p);
		if (n == 0)
			return refuse(r, "a fraction has a digit");
		p += n;
		*ret_whole = false;
	}
	if (p < r->end && (*p == 'e' || *p == 'E')) {
		p++;
		if (p < r->end && (*p == '+' || *p == '-'))
			p++;
		n = count_digits(r, p);
		if (n == 0)
			return refuse(r, "an exponent has a digit");
		p += n;
		*ret_whole = false;
	}
	*ret_end = p;
	return true;
}

/* The digits from p to end as int64_t; false if they do not fit. */
static bool whole_number(const char *p, const char *end, int64_t *ret_value)
{
	bool minus = *p == '-';
	uint64_t limit = (uint64_t)INT64_MAX + (minus ? 1U : 0U);
	uint64_t n = 0;

	for (p += minus ? 1 : 0; p < end; p++) {
		uint64_t digit = (uint64_t)(*p - '0');

		if (n > (limit - digit) / 10)
			return false;
		n = n * 10 + digit;
	}
	*ret_value = n == (uint64_t)INT64_MAX + 1U ? INT64_MIN : minus ? -(int64_t)n : (int64_t)n;
	return true;
}

static bool read_number(struct reader *r, node *v)
{
	const char *end;
	bool whole;

	if (!scan_number(r, &end, &whole))
		return false;
	if (whole && whole_number(r->p, end, &v->integer)) {
		v->kind = DAVIT_SDK_INTEGER;
		v->number = (double)v->integer;
		r->p = end;
		return true;
	}
	size_t n = (size_t)(end - r->p);
	char *text = mem_take(r->mem, n + 1, 1);
	if (text == NULL)
		return refuse(r, "the text is larger than the memory for it");
	memcpy(text, r->p, n);
	text[n] = '\0';
	v->kind = DAVIT_SDK_REAL;
	v->number = strtod(text, NULL);
	v->text = make_buf(text, n);
	if (v->number > DBL_MAX || v->number < -DBL_MAX)
		return refuse(r, "a number that is too large");
	r->p = end;
	return true;
}

static bool read_word(struct reader *r, node *v)
{
	static const struct {
		const char *word;
		size_t n;
		int32_t kind;
		int32_t value;
	} words[] = {{"true", 4, DAVIT_SDK_BOOL, 1}, {"false", 5, DAVIT_SDK_BOOL, 0},
		{"null", 4, DAVIT_SDK_NULL, 0}};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if ((size_t)(r->end - r->p) < words[i].n ||
			memcmp(r->p, words[i].word, words[i].n) != 0)
			continue;
		r->p += words[i].n;
		v->kind = words[i].kind;
		v->integer = words[i].value;
		return true;
	}
	return refuse(r, "not a JSON value");
}

/* The name and colon before a member's value. */
static bool read_name(struct reader *r, node *child)
{
	if (!take(r, '"'))
		return refuse(r, "a member begins with its name in quotes");
	if (!read_text(r, &child->name))
		return false;
	return take(r, ':') || refuse(r, "a colon between name and value");
}

/* The members of an object or items of an array, after its opening bracket. */
static bool read_children(struct reader *r, node *v, char close, unsigned depth)
{
	node *last = NULL;

	if (depth >= DAVIT_SDK_DEPTH_MAX)
		return refuse(r, "too many levels of objects and arrays");
	if (take(r, close))
		return true;
	do {
		node *child = (node *)davit_sdk_alloc(r->mem, sizeof(*child));

		if (child == NULL)
			return refuse(r, "the text is larger than the memory for it");
		child->parent = v;
		if (v->kind == DAVIT_SDK_OBJECT && !read_name(r, child))
			return false;
		if (!read_value(r, child, depth + 1))
			return false;
		if (last != NULL)
			last->next = child;
		else
			v->first = child;
		last = child;
		v->count++;
	} while (take(r, ','));
	return take(r, close) || refuse(r, "a comma or the closing bracket");
}

static bool read_value(struct reader *r, node *v, unsigned depth)
{
	skip_space(r);
	char c = this_byte(r);
	if (c == '-' || (c >= '0' && c <= '9'))
		return read_number(r, v);
	if (c != '{' && c != '[' && c != '"')
		return read_word(r, v);
	r->p++;
	if (c == '"') {
		v->kind = DAVIT_SDK_TEXT;
		return read_text(r, &v->text);
	}
	v->kind = c == '{' ? DAVIT_SDK_OBJECT : DAVIT_SDK_ARRAY;
	return read_children(r, v, c == '{' ? '}' : ']', depth);
}

const struct davit_sdk_json *davit_sdk_parse(
	struct davit_sdk_mem *mem, davit_buf text, struct davit_sdk_error *ret_error)
{
	const char *start = text.p != NULL ? text.p : "";
	struct reader r = {mem, start, start, start + (text.p != NULL ? text.n : 0), NULL};
	node *v = (node *)davit_sdk_alloc(mem, sizeof(*v));

	bool ok = v != NULL ? read_value(&r, v, 0)
	                    : refuse(&r, "the text is larger than the memory for it");
	if (ok) {
		skip_space(&r);
		ok = r.p == r.end || refuse(&r, "text after the value");
	}
	if (ok)
		return v;
	if (ret_error != NULL) {
		ret_error->reason = r.reason;
		ret_error->offset = (size_t)(r.p - r.start);
	}
	return NULL;
}

/* --- looking things up --- */

const struct davit_sdk_json *davit_sdk_member(const struct davit_sdk_json *v, const char *name)
{
	if (v == NULL || v->kind != DAVIT_SDK_OBJECT)
		return NULL;
	for (v = v->first; v != NULL; v = v->next)
		if (strcmp(v->name.p, name) == 0)
			return v;
	return NULL;
}

const struct davit_sdk_json *davit_sdk_item(const struct davit_sdk_json *v, size_t index)
{
	if (v == NULL || v->kind != DAVIT_SDK_ARRAY || index >= v->count)
		return NULL;
	for (v = v->first; index > 0; index--)
		v = v->next;
	return v;
}

/* Is the token of n bytes, in which ~0 is ~ and ~1 is /, the name? */
static bool token_is(const char *token, size_t n, davit_buf name)
{
	size_t k = 0;

	for (size_t i = 0; i < n; i++, k++) {
		char c = token[i];

		if (c == '~' && i + 1 < n && (token[i + 1] == '0' || token[i + 1] == '1'))
			c = (char)(token[++i] == '0' ? '~' : '/');
		if (k >= name.n || name.p[k] != c)
			return false;
	}
	return k == name.n;
}

/* The token as an index, without leading zeros; an array has no item SIZE_MAX. */
static size_t token_index(const char *token, size_t n)
{
	size_t index = 0;

	if (n == 0 || n > 9 || (n > 1 && token[0] == '0'))
		return SIZE_MAX;
	for (size_t i = 0; i < n; i++) {
		if (token[i] < '0' || token[i] > '9')
			return SIZE_MAX;
		index = index * 10 + (size_t)(token[i] - '0');
	}
	return index;
}

static const struct davit_sdk_json *step(
	const struct davit_sdk_json *v, const char *token, size_t n)
{
	if (v->kind == DAVIT_SDK_ARRAY)
		return davit_sdk_item(v, token_index(token, n));
	if (v->kind != DAVIT_SDK_OBJECT)
		return NULL;
	for (v = v->first; v != NULL; v = v->next)
		if (token_is(token, n, v->name))
			return v;
	return NULL;
}

const struct davit_sdk_json *davit_sdk_at(const struct davit_sdk_json *v, const char *pointer)
{
	while (v != NULL && *pointer != '\0') {
		if (*pointer != '/')
			return NULL;
		size_t n = strcspn(++pointer, "/");
		v = step(v, pointer, n);
		pointer += n;
	}
	return v;
}

/* As davit_sdk_at, and of that kind. */
static const struct davit_sdk_json *at_kind(
	const struct davit_sdk_json *v, const char *pointer, int32_t kind)
{
	v = davit_sdk_at(v, pointer);
	return v != NULL && v->kind == kind ? v : NULL;
}

const char *davit_sdk_text_at(
	const struct davit_sdk_json *v, const char *pointer, const char *otherwise)
{
	v = at_kind(v, pointer, DAVIT_SDK_TEXT);
	return v != NULL ? v->text.p : otherwise;
}

int64_t davit_sdk_int_at(const struct davit_sdk_json *v, const char *pointer, int64_t otherwise)
{
	v = at_kind(v, pointer, DAVIT_SDK_INTEGER);
	return v != NULL ? v->integer : otherwise;
}

double davit_sdk_number_at(const struct davit_sdk_json *v, const char *pointer, double otherwise)
{
	v = davit_sdk_at(v, pointer);
	if (v == NULL || (v->kind != DAVIT_SDK_INTEGER && v->kind != DAVIT_SDK_REAL))
		return otherwise;
	return v->number;
}

bool davit_sdk_bool_at(const struct davit_sdk_json *v, const char *pointer, bool otherwise)
{
	v = at_kind(v, pointer, DAVIT_SDK_BOOL);
	return v != NULL ? v->integer != 0 : otherwise;
}

/* Bytes of name as a pointer's token; written at out unless that is NULL. */
static size_t write_token(davit_buf name, char *out)
{
	size_t n = 0;

	for (size_t i = 0; i < name.n; i++) {
		const char *escaped = name.p[i] == '~' ? "~0" : name.p[i] == '/' ? "~1" : NULL;
		const char *bytes = escaped != NULL ? escaped : &name.p[i];
		size_t count = escaped != NULL ? 2 : 1;

		if (out != NULL)
			memcpy(out + n, bytes, count);
		n += count;
	}
	return n;
}

/* The token of v in its parent. index has room for the number of an item. */
static davit_buf own_token(const struct davit_sdk_json *v, char *index, size_t room)
{
	size_t i = 0;

	if (v->parent->kind == DAVIT_SDK_OBJECT)
		return v->name;
	for (const struct davit_sdk_json *c = v->parent->first; c != v; c = c->next)
		i++;
	(void)snprintf(index, room, "%zu", i);
	return davit_sdk_buf(index);
}

const char *davit_sdk_pointer_of(struct davit_sdk_mem *mem, const struct davit_sdk_json *v)
{
	char index[24];
	size_t n = 0;

	for (const struct davit_sdk_json *c = v; c->parent != NULL; c = c->parent)
		n += 1 + write_token(own_token(c, index, sizeof(index)), NULL);
	char *text = mem_take(mem, n + 1, 1);
	if (text == NULL)
		return "";
	text[n] = '\0';
	for (; v->parent != NULL; v = v->parent) {
		davit_buf token = own_token(v, index, sizeof(index));

		n -= 1 + write_token(token, NULL);
		text[n] = '/';
		write_token(token, text + n + 1);
	}
	return text;
}

/* --- writing JSON --- */

void davit_sdk_write_begin(struct davit_sdk_writer *w, struct davit_sdk_mem *mem)
{
	memset(w, 0, sizeof(*w));
	w->mem = mem;
}

/* Room for n bytes more; doubles, so that copying stays linear in the whole. */
static bool reserve(struct davit_sdk_writer *w, size_t n)
{
	if (w->failed)
		return false;
	if (n <= w->cap - w->n)
		return true;
	size_t cap = w->cap > 0 ? w->cap : 128;
	while (cap - w->n < n && cap <= SIZE_MAX / 2)
		cap *= 2;
	char *p = cap - w->n >= n ? mem_take(w->mem, cap, 1) : NULL;
	if (p == NULL) {
		w->failed = true;
		return false;
	}
	if (w->n > 0)
		memcpy(p, w->p, w->n);
	w->p = p;
	w->cap = cap;
	return true;
}

static void append(struct davit_sdk_writer *w, const char *p, size_t n)
{
	if (n == 0 || !reserve(w, n))
		return;
	memcpy(w->p + w->n, p, n);
	w->n += n;
}

/* One character of n bytes (0: a byte that is not UTF-8), escaped where JSON wants it. */
static void append_character(struct davit_sdk_writer *w, const char *p, size_t n)
{
	static const char names[] = "\"\\bfnrt";
	static const char bytes[] = "\"\\\b\f\n\r\t";
	char escape[8] = {'\\', '\0'};
	const char *found = *p != '\0' ? strchr(bytes, *p) : NULL;

	if (n == 0) {
		append(w, "\xEF\xBF\xBD", 3); /* U+FFFD */
	} else if (found != NULL) {
		escape[1] = names[found - bytes];
		append(w, escape, 2);
	} else if ((unsigned char)*p < 0x20) {
		(void)snprintf(escape, sizeof(escape), "\\u%04x", (unsigned)*p);
		append(w, escape, 6);
	} else {
		append(w, p, n);
	}
}

static void append_text(struct davit_sdk_writer *w, davit_buf text)
{
	append(w, "\"", 1);
	for (size_t i = 0; i < text.n && !w->failed;) {
		size_t n = davit_sdk_utf8(text.p + i, text.n - i);

		append_character(w, text.p + i, n);
		i += n > 0 ? n : 1;
	}
	append(w, "\"", 1);
}

/* Comma and name before a value. false: no value may stand here, the writer has failed. */
static bool begin_value(struct davit_sdk_writer *w, const char *key)
{
	uint64_t level = w->depth > 0 ? (uint64_t)1 << (w->depth - 1) : 0;
	bool in_object = (w->objects & level) != 0;

	if (w->done || in_object != (key != NULL))
		w->failed = true;
	if (w->failed)
		return false;
	if ((w->begun & level) != 0)
		append(w, ",", 1);
	w->begun |= level;
	if (key != NULL) {
		append_text(w, davit_sdk_buf(key));
		append(w, ":", 1);
	}
	return !w->failed;
}

static void end_value(struct davit_sdk_writer *w)
{
	w->done = w->depth == 0;
}

static void put_token(struct davit_sdk_writer *w, const char *key, const char *p, size_t n)
{
	if (!begin_value(w, key))
		return;
	append(w, p, n);
	end_value(w);
}

static void open_level(struct davit_sdk_writer *w, const char *key, bool object)
{
	if (w->depth >= DAVIT_SDK_DEPTH_MAX)
		w->failed = true;
	if (!begin_value(w, key))
		return;
	uint64_t level = (uint64_t)1 << w->depth++;
	w->objects = object ? w->objects | level : w->objects & ~level;
	w->begun &= ~level;
	append(w, object ? "{" : "[", 1);
}

static void close_level(struct davit_sdk_writer *w, bool object)
{
	uint64_t level = w->depth > 0 ? (uint64_t)1 << (w->depth - 1) : 0;

	if (level == 0 || ((w->objects & level) != 0) != object)
		w->failed = true;
	if (w->failed)
		return;
	append(w, object ? "}" : "]", 1);
	w->depth--;
	end_value(w);
}

void davit_sdk_open_object(struct davit_sdk_writer *w, const char *key)
{
	open_level(w, key, true);
}

void davit_sdk_close_object(struct davit_sdk_writer *w)
{
	close_level(w, true);
}

void davit_sdk_open_array(struct davit_sdk_writer *w, const char *key)
{
	open_level(w, key, false);
}

void davit_sdk_close_array(struct davit_sdk_writer *w)
{
	close_level(w, false);
}

void davit_sdk_put_null(struct davit_sdk_writer *w, const char *key)
{
	put_token(w, key, "null", 4);
}

/* What the put functions do for a value that is not there. */
static void put_absent(struct davit_sdk_writer *w, const char *key)
{
	if (key == NULL)
		davit_sdk_put_null(w, key);
}

void davit_sdk_put_bytes(struct davit_sdk_writer *w, const char *key, davit_buf text)
{
	if (text.p == NULL) {
		put_absent(w, key);
		return;
	}
	if (!begin_value(w, key))
		return;
	append_text(w, text);
	end_value(w);
}

void davit_sdk_put_text(struct davit_sdk_writer *w, const char *key, const char *text)
{
	davit_sdk_put_bytes(w, key, davit_sdk_buf(text));
}

void davit_sdk_put_int(struct davit_sdk_writer *w, const char *key, int64_t value)
{
	char text[24];
	int n = snprintf(text, sizeof(text), "%lld", (long long)value);

	put_token(w, key, text, (size_t)n);
}

/* The shortest of three lengths that reads back as the same number, and as a real. */
void davit_sdk_put_number(struct davit_sdk_writer *w, const char *key, double value)
{
	char text[40];
	int n = 0;

	if (!(value <= DBL_MAX && value >= -DBL_MAX)) {
		w->failed = true;
		return;
	}
	for (int digits = 15; digits <= 17; digits++) {
		n = snprintf(text, sizeof(text) - 2, "%.*g", digits, value);
		double back = strtod(text, NULL);
		if (!(back < value) && !(back > value))
			break;
	}
	if (strpbrk(text, ".e") == NULL) {
		memcpy(text + n, ".0", 3);
		n += 2;
	}
	put_token(w, key, text, (size_t)n);
}

void davit_sdk_put_bool(struct davit_sdk_writer *w, const char *key, bool value)
{
	put_token(w, key, value ? "true" : "false", value ? 4 : 5);
}

static void put_children(
	struct davit_sdk_writer *w, const char *key, const struct davit_sdk_json *v)
{
	open_level(w, key, v->kind == DAVIT_SDK_OBJECT);
	for (const struct davit_sdk_json *c = v->first; c != NULL && !w->failed; c = c->next)
		davit_sdk_put_json(w, c->name.p, c);
	close_level(w, v->kind == DAVIT_SDK_OBJECT);
}

void davit_sdk_put_json(struct davit_sdk_writer *w, const char *key, const struct davit_sdk_json *v)
{
	if (v == NULL)
		put_absent(w, key);
	else if (v->kind == DAVIT_SDK_BOOL)
		davit_sdk_put_bool(w, key, v->integer != 0);
	else if (v->kind == DAVIT_SDK_INTEGER)
		davit_sdk_put_int(w, key, v->integer);
	else if (v->kind == DAVIT_SDK_REAL)
		put_token(w, key, v->text.p, v->text.n);
	else if (v->kind == DAVIT_SDK_TEXT)
		davit_sdk_put_bytes(w, key, v->text);
	else if (v->kind == DAVIT_SDK_NULL)
		davit_sdk_put_null(w, key);
	else
		put_children(w, key, v);
}

void davit_sdk_put_raw(struct davit_sdk_writer *w, const char *key, davit_buf json)
{
	if (json.p == NULL || json.n == 0)
		put_absent(w, key);
	else
		put_token(w, key, json.p, json.n);
}

davit_buf davit_sdk_write_end(const struct davit_sdk_writer *w)
{
	return w->done && !w->failed ? make_buf(w->p, w->n) : make_buf(NULL, 0);
}

#endif
