/* JSON objects as they pass, a byte at a time. */
#include "engine/agent/json.h"

#include <string.h>

enum state {
	START,          /* of a line */
	FIRST_KEY,      /* after {: a key or } */
	KEY,            /* after a comma in an object */
	COLON,
	FIRST_VALUE,    /* after [: a value or ] */
	VALUE,
	AFTER,          /* a value: , or what ends its container */
	STRING,
	ESCAPE,         /* after \ */
	HEX,            /* after \u */
	SCALAR,
	DONE,           /* only blanks are left in the line */
	SKIP            /* it is none of ours: up to the newline */
};

void
json_begin(struct json *j, const struct json_ops *ops)
{
	memset(j, 0, sizeof *j);
	j->ops = ops;
	j->state = START;
}

static int
in_object(const struct json *j)
{
	return j->depth && (j->is_object[(j->depth - 1) / 8] >> (j->depth - 1) % 8 & 1);
}

/* The path. */

static int
is_known(const struct json *j)
{
	return !j->lost || j->depth < j->lost;
}

static void
path_add(struct json *j, const char *s, size_t n)
{
	if (!is_known(j))
		return;
	if (j->npath + n > JSON_PATH) {
		j->lost = j->depth;
		return;
	}
	memcpy(j->path + j->npath, s, n);
	j->npath += n;
}

/* Another member or element begins: the path is that of the container again. */
static void
path_back(struct json *j)
{
	if (is_known(j) && j->depth && j->depth <= JSON_LEVELS)
		j->npath = j->mark[j->depth - 1];
}

static void
open_container(struct json *j, int is_object)
{
	unsigned bit = j->depth % 8, at = j->depth / 8;

	if (j->depth == JSON_DEPTH) {
		j->state = SKIP;
		return;
	}
	if (j->depth > j->base && is_known(j))
		j->ops->value(j->ops->ctx, j->path, j->npath, JSON_CONTAINER);
	j->is_object[at] = (unsigned char)((j->is_object[at] & ~(1u << bit)) | (unsigned)is_object << bit);
	j->depth++;
	if (j->depth > JSON_LEVELS && !j->lost)
		j->lost = j->depth;
	if (!is_object && j->depth > 1)
		path_add(j, "[]", 2);
	if (is_known(j))
		j->mark[j->depth - 1] = (unsigned short)j->npath;
	j->state = is_object ? FIRST_KEY : FIRST_VALUE;
}

static void
close_container(struct json *j, int is_object)
{
	if (in_object(j) != is_object) {
		j->state = SKIP;
		return;
	}
	j->depth--;
	if (j->lost && j->depth < j->lost)
		j->lost = 0;
	j->state = AFTER;
	if (is_object && j->depth == j->base)
		j->ops->object(j->ops->ctx);
	if (!j->depth)
		j->state = DONE;
}

/* Values. */

static void
begin_value(struct json *j, enum json_type type)
{
	j->is_key = 0;
	j->high = 0;
	j->what = j->depth > j->base && is_known(j) ? j->ops->value(j->ops->ctx, j->path, j->npath, type) : 0;
	j->state = type == JSON_STRING ? STRING : SCALAR;
}

static void
put(struct json *j, const char *s, size_t n)
{
	char c;

	if (!j->is_key) {
		if (j->what)
			j->ops->bytes(j->ops->ctx, j->what, s, n);
		return;
	}
	for (; n; s++, n--) {
		c = strchr(".*[]", *s) ? '?' : *s;
		path_add(j, &c, 1);
	}
}

/* A character as UTF-8 (RFC 3629). */
static void
put_character(struct json *j, unsigned long c)
{
	char s[4];
	size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4, i;
	static const unsigned char first[] = { 0, 0, 0xc0, 0xe0, 0xf0 };

	for (i = n - 1; i; i--, c >>= 6)
		s[i] = (char)(0x80 | (c & 0x3f));
	s[0] = (char)(first[n] | c);
	put(j, s, n);
}

/* Half of a pair of surrogates without the other is not a character. */
static void
end_pair(struct json *j)
{
	if (j->high)
		put_character(j, 0xfffd);
	j->high = 0;
}

static void
put_unit(struct json *j)
{
	unsigned u = j->unit;

	if (u >= 0xdc00 && u < 0xe000 && j->high) {
		put_character(j, 0x10000 + ((unsigned long)(j->high - 0xd800) << 10) + (u - 0xdc00));
		j->high = 0;
		return;
	}
	end_pair(j);
	if (u >= 0xd800 && u < 0xdc00)
		j->high = u;
	else
		put_character(j, u >= 0xdc00 && u < 0xe000 ? 0xfffd : u);
}

static void
end_value(struct json *j)
{
	if (j->what)
		j->ops->end(j->ops->ctx, j->what);
	j->what = 0;
	j->state = AFTER;
}

static void
end_string(struct json *j)
{
	end_pair(j);
	if (j->is_key)
		j->state = COLON;
	else
		end_value(j);
}

/* Bytes. */

static void
read_escape(struct json *j, char c)
{
	static const char names[] = "\"\\/bfnrt", bytes[] = "\"\\/\b\f\n\r\t";
	const char *p = c ? strchr(names, c) : NULL;

	j->state = STRING;
	if (c == 'u') {
		j->state = HEX;
		j->digits = j->unit = 0;
	} else if (p) {
		end_pair(j);
		put(j, bytes + (p - names), 1);
	} else {
		j->state = SKIP;
	}
}

static void
read_hex(struct json *j, char c)
{
	static const char digits[] = "0123456789abcdefABCDEF";
	const char *p = c ? strchr(digits, c) : NULL;

	if (!p) {
		j->state = SKIP;
		return;
	}
	j->unit = j->unit << 4 | (unsigned)(p - digits < 16 ? p - digits : p - digits - 6);
	if (++j->digits < 4)
		return;
	put_unit(j);
	j->state = STRING;
}

static void
begin_key(struct json *j)
{
	if (j->lost == j->depth && j->lost <= JSON_LEVELS)
		j->lost = 0;            /* only the member before was too long */
	path_back(j);
	j->is_key = 1;
	j->high = 0;
	j->state = STRING;
	path_add(j, ".", 1);
}

static void
read_value(struct json *j, char c)
{
	if (c == '{')
		open_container(j, 1);
	else if (c == '[')
		open_container(j, 0);
	else if (c == '"')
		begin_value(j, JSON_STRING);
	else if (c && strchr("-0123456789tfn", c)) {
		begin_value(j, JSON_SCALAR);
		put(j, &c, 1);
	} else
		j->state = SKIP;
}

static void
read_after(struct json *j, char c)
{
	if (c == ',' && j->depth) {
		j->state = in_object(j) ? KEY : VALUE;
		if (j->state == VALUE)
			path_back(j);
	} else if (c == '}' || c == ']') {
		close_container(j, c == '}');
	} else {
		j->state = SKIP;
	}
}

/* A byte outside of strings and scalars that is not a blank. */
static void
read_mark(struct json *j, char c)
{
	switch ((enum state)j->state) {
	case START:
		if (c == '{' || c == '[') {
			j->base = c == '[';
			open_container(j, c == '{');
		} else {
			j->state = SKIP;
		}
		break;
	case FIRST_KEY:
	case KEY:
		if (c == '"')
			begin_key(j);
		else if (c == '}' && j->state == FIRST_KEY)
			close_container(j, 1);
		else
			j->state = SKIP;
		break;
	case COLON:
		j->state = c == ':' ? VALUE : SKIP;
		break;
	case FIRST_VALUE:
		if (c == ']')
			close_container(j, 0);
		else
			read_value(j, c);
		break;
	case VALUE:
		read_value(j, c);
		break;
	case AFTER:
		read_after(j, c);
		break;
	default:
		j->state = SKIP;
	}
}

static void
end_line(struct json *j)
{
	if (j->state != START)
		j->ops->line(j->ops->ctx, j->state == DONE);
	j->state = START;
	j->depth = j->base = j->lost = 0;
	j->what = 0;
	j->npath = 0;
}

/* Reads on in a string. Returns how many bytes that were. */
static size_t
read_string(struct json *j, const char *s, size_t n)
{
	size_t i = 0;

	while (i < n && s[i] != '"' && s[i] != '\\' && s[i] != '\n')
		i++;
	if (i) {
		end_pair(j);
		put(j, s, i);
	}
	if (i == n || s[i] == '\n')
		return i;
	if (s[i] == '"')
		end_string(j);
	else
		j->state = ESCAPE;
	return i + 1;
}

static size_t
read_scalar(struct json *j, const char *s, size_t n)
{
	size_t i = 0;

	while (i < n && ((s[i] >= '0' && s[i] <= '9') || (s[i] >= 'a' && s[i] <= 'z') || s[i] == '.' || s[i] == '+' || s[i] == '-' ||
	    s[i] == 'E'))
		i++;
	if (i)
		put(j, s, i);
	if (i < n)
		end_value(j);
	return i;
}

void
json_feed(struct json *j, const char *s, size_t n)
{
	const char *nl;
	size_t k;

	for (; n; s += k, n -= k) {
		k = 1;
		if (*s == '\n')
			end_line(j);
		else if (j->state == SKIP)
			k = (nl = memchr(s, '\n', n)) ? (size_t)(nl - s) : n;
		else if (j->state == STRING)
			k = read_string(j, s, n);
		else if (j->state == SCALAR)
			k = read_scalar(j, s, n);
		else if (j->state == ESCAPE)
			read_escape(j, *s);
		else if (j->state == HEX)
			read_hex(j, *s);
		else if (*s != ' ' && *s != '\t' && *s != '\r')
			read_mark(j, *s);
	}
}

void
json_end(struct json *j)
{
	json_feed(j, "\n", 1);
}
