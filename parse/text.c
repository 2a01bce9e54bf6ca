/* Text as people read it: characters of UTF-8, what of them can be seen, how wide they are. */
#include "parse/text.h"

#include <stdarg.h>
#include <string.h>

/* Characters from FROM to TO. */
struct range {
	uint32_t from, to;
};

static int
is_in(const struct range *r, size_t n, unsigned long c)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (c >= r[i].from && c <= r[i].to)
			return 1;
	return 0;
}

#define IN(ranges, c) is_in(ranges, sizeof(ranges) / sizeof *(ranges), c)

size_t
utf8_len(const char *s, size_t n)
{
	const unsigned char *u = (const unsigned char *)s;
	size_t len, i;

	if (!n)
		return 0;
	if (u[0] < 0x80)
		return 1;
	len = u[0] < 0xc2 ? 0 : u[0] < 0xe0 ? 2 : u[0] < 0xf0 ? 3 : u[0] < 0xf5 ? 4 : 0;
	if (!len || len > n)
		return 0;
	for (i = 1; i < len; i++)
		if ((u[i] & 0xc0) != 0x80)
			return 0;
	if ((u[0] == 0xe0 && u[1] < 0xa0) || (u[0] == 0xed && u[1] > 0x9f) ||
	    (u[0] == 0xf0 && u[1] < 0x90) || (u[0] == 0xf4 && u[1] > 0x8f))
		return 0;
	return len;
}

size_t
utf8_next(const char *s, size_t n, unsigned long *c)
{
	size_t len = utf8_len(s, n), i;

	*c = (unsigned char)*s;
	if (len > 1)
		*c &= 0x7ful >> len;
	for (i = 1; i < len; i++)
		*c = *c << 6 | ((unsigned char)s[i] & 0x3f);
	return len;
}

static int
is_inside(char c)
{
	return ((unsigned char)c & 0xc0) == 0x80;
}

size_t
utf8_begun(const char *s, size_t n)
{
	static const char rest[] = "\x80\x80\x80\x90\x90\x90\xa0\xa0\xa0";
	size_t k, i;

	for (k = 1; k <= 3 && k <= n; k++) {
		char whole[4];

		if (is_inside(s[n - k]))
			continue;
		/* It is one that was begun if something can follow that makes it whole. */
		for (i = 0; i < sizeof rest - 1; i += 3) {
			memcpy(whole, s + n - k, k);
			memcpy(whole + k, rest + i, 4 - k < 3 ? 4 - k : 3);
			if (utf8_len(whole, 4) > k)
				return k;
		}
		return 0;
	}
	return 0;
}

size_t
utf8_rest(const char *s, size_t n)
{
	size_t i = 0;

	while (i < 3 && i < n && is_inside(s[i]))
		i++;
	return i;
}

size_t
utf8_cut(const char *s, size_t n, size_t most)
{
	return n <= most ? n : most - utf8_begun(s, most);
}

/* Whether the character C must not reach a terminal as it is: it drives it, or cannot be seen, so that two texts that
 * differ would look the same. */
static int
is_hidden(unsigned long c)
{
	static const struct range hidden[] = {
		{ 0, 0x1f }, { 0x7f, 0x9f },            /* C0, C1 */
		{ 0xad, 0xad },                         /* the soft hyphen */
		{ 0x61c, 0x61c }, { 0x200e, 0x200f }, { 0x2028, 0x202e }, { 0x2066, 0x2069 },   /* lines, directions */
		{ 0x200b, 0x200d }, { 0x2060, 0x2064 }, { 0xfeff, 0xfeff }, /* of no width */
		{ 0xe0000, 0xe01ef },                   /* tags, more variation selectors */
	};

	return (c < 0x20 || c > 0x7e) && IN(hidden, c);
}

/* The bytes of the escape sequence that the N bytes at S begin with; one that is not whole goes to their end. */
static size_t
escape_length(const char *s, size_t n)
{
	size_t i = 2;

	if (n < 2)
		return n;
	if (s[1] == '[') {              /* CSI: parameters and intermediates, a final byte */
		while (i < n && s[i] >= 0x20 && s[i] <= 0x3f)
			i++;
		return i < n ? i + 1 : n;
	}
	if (strchr("]PX^_", s[1])) {    /* OSC and the like: up to BEL or ST */
		for (; i < n; i++)
			if (s[i] == '\a' || (s[i] == '\\' && s[i - 1] == '\033'))
				return i + 1;
		return n;
	}
	while (i - 1 < n && s[i - 1] >= 0x20 && s[i - 1] <= 0x2f)
		i++;
	return i < n ? i : n;
}

void
visible_add(struct buf *b, const char *s, size_t n, int keep)
{
	size_t i = 0, k, len;
	unsigned long c;

	while (i < n) {
		if ((keep & VISIBLE_PLAIN) && (s[i] == '\r' || s[i] == '\033')) {
			i += s[i] == '\r' ? 1 : escape_length(s + i, n - i);
			continue;
		}
		len = utf8_next(s + i, n - i, &c);
		if ((s[i] == '\t' && (keep & VISIBLE_TABS)) || (s[i] == '\n' && (keep & VISIBLE_LINES)) ||
		    (len && !is_hidden(c))) {
			buf_add(b, s + i, len);
		} else {
			len = len ? len : 1;
			for (k = 0; k < len; k++)
				buf_fmt(b, "\\x%02x", (unsigned)(unsigned char)s[i + k]);
		}
		i += len;
	}
}

size_t
plain_rest(const char *s, size_t n, size_t at)
{
	size_t i = 0, end, len;

	for (; i < at; i += len) {
		len = 1;
		if (s[i] != '\033')
			continue;
		for (end = i; end < n && s[end] != '\n' && s[end] != '\r'; end++)
			;
		len = escape_length(s + i, end - i);
		if (i + len > at)
			return i + len - at;
	}
	return utf8_rest(s + at, n - at);
}

void
visible_cut(struct buf *b, const char *s, size_t n, size_t most, int keep)
{
	size_t cut = utf8_cut(s, n, most);

	visible_add(b, s, cut, keep);
	if (cut < n)
		buf_text(b, "...");
}

const char *
text_short(char out[TEXT_SHORT], const char *s)
{
	size_t n = strlen(s), cut = utf8_cut(s, n, TEXT_SHORT - 4);

	memcpy(out, s, cut);
	strcpy(out + cut, cut < n ? "..." : "");
	return out;
}

void
shell_add(struct buf *b, const char *s)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._/@+,:=-";
	size_t n;

	if (*s && !s[strspn(s, plain)]) {
		buf_text(b, s);
		return;
	}
	buf_char(b, '\'');
	for (; *s; s += n) {
		n = strcspn(s, "'");
		visible_add(b, s, n, 0);
		if (s[n]) {
			buf_text(b, "'\\''");
			n++;
		}
	}
	buf_char(b, '\'');
}

size_t
text_columns(const char *s, size_t n)
{
	/* Combining marks of the scripts that are written most; the variation selectors. */
	static const struct range none[] = {
		{ 0x300, 0x36f }, { 0x483, 0x489 }, { 0x591, 0x5bd }, { 0x5bf, 0x5bf }, { 0x5c1, 0x5c2 }, { 0x5c4, 0x5c5 },
		{ 0x5c7, 0x5c7 }, { 0x610, 0x61a }, { 0x64b, 0x65f }, { 0x670, 0x670 }, { 0x6d6, 0x6dc }, { 0x6df, 0x6e4 },
		{ 0x6e7, 0x6e8 }, { 0x6ea, 0x6ed }, { 0x900, 0x902 }, { 0x93a, 0x93a }, { 0x93c, 0x93c }, { 0x941, 0x948 },
		{ 0x94d, 0x94d }, { 0x951, 0x957 }, { 0x962, 0x963 }, { 0xe31, 0xe31 }, { 0xe34, 0xe3a }, { 0xe47, 0xe4e },
		{ 0x1160, 0x11ff }, { 0x1ab0, 0x1aff }, { 0x1dc0, 0x1dff }, { 0x20d0, 0x20f0 }, { 0x302a, 0x302d },
		{ 0x3099, 0x309a }, { 0xfe00, 0xfe0f }, { 0xfe20, 0xfe2f },
	};
	/* East Asian Width W and F; what is not assigned among them too. */
	static const struct range wide[] = {
		{ 0x1100, 0x115f }, { 0x231a, 0x231b }, { 0x2329, 0x232a }, { 0x23e9, 0x23ec }, { 0x23f0, 0x23f0 }, { 0x23f3, 0x23f3 },
		{ 0x25fd, 0x25fe }, { 0x2614, 0x2615 }, { 0x2648, 0x2653 }, { 0x267f, 0x267f }, { 0x2693, 0x2693 }, { 0x26a1, 0x26a1 },
		{ 0x26aa, 0x26ab }, { 0x26bd, 0x26be }, { 0x26c4, 0x26c5 }, { 0x26ce, 0x26ce }, { 0x26d4, 0x26d4 }, { 0x26ea, 0x26ea },
		{ 0x26f2, 0x26f3 }, { 0x26f5, 0x26f5 }, { 0x26fa, 0x26fa }, { 0x26fd, 0x26fd }, { 0x2705, 0x2705 }, { 0x270a, 0x270b },
		{ 0x2728, 0x2728 }, { 0x274c, 0x274c }, { 0x274e, 0x274e }, { 0x2753, 0x2755 }, { 0x2757, 0x2757 }, { 0x2795, 0x2797 },
		{ 0x27b0, 0x27b0 }, { 0x27bf, 0x27bf }, { 0x2b1b, 0x2b1c }, { 0x2b50, 0x2b50 }, { 0x2b55, 0x2b55 }, { 0x2e80, 0x303e },
		{ 0x3040, 0x3247 }, { 0x3250, 0x4dbf }, { 0x4e00, 0xa4cf }, { 0xa960, 0xa97f }, { 0xac00, 0xd7a3 }, { 0xf900, 0xfaff },
		{ 0xfe10, 0xfe1f }, { 0xfe30, 0xfe6f }, { 0xff00, 0xff60 }, { 0xffe0, 0xffe6 }, { 0x16fe0, 0x18cff }, { 0x1b000, 0x1b2ff },
		{ 0x1f004, 0x1f004 }, { 0x1f0cf, 0x1f0cf }, { 0x1f18e, 0x1f18e }, { 0x1f191, 0x1f19a }, { 0x1f200, 0x1f320 },
		{ 0x1f32d, 0x1f335 }, { 0x1f337, 0x1f37c }, { 0x1f37e, 0x1f393 }, { 0x1f3a0, 0x1f3ca }, { 0x1f3cf, 0x1f3d3 },
		{ 0x1f3e0, 0x1f3f0 }, { 0x1f3f4, 0x1f3f4 }, { 0x1f3f8, 0x1f43e }, { 0x1f440, 0x1f440 }, { 0x1f442, 0x1f4fc },
		{ 0x1f4ff, 0x1f53d }, { 0x1f54b, 0x1f54e }, { 0x1f550, 0x1f567 }, { 0x1f57a, 0x1f57a }, { 0x1f595, 0x1f596 },
		{ 0x1f5a4, 0x1f5a4 }, { 0x1f5fb, 0x1f64f }, { 0x1f680, 0x1f6c5 }, { 0x1f6cc, 0x1f6cc }, { 0x1f6d0, 0x1f6d2 },
		{ 0x1f6d5, 0x1f6df }, { 0x1f6eb, 0x1f6ef }, { 0x1f6f4, 0x1f6ff }, { 0x1f7e0, 0x1f7eb }, { 0x1f90c, 0x1f93a },
		{ 0x1f93c, 0x1f945 }, { 0x1f947, 0x1f9ff }, { 0x1fa70, 0x1faff }, { 0x20000, 0x3fffd },
	};
	size_t i, len, columns = 0;
	unsigned long c;

	for (i = 0; i < n; i += len ? len : 1) {
		len = utf8_next(s + i, n - i, &c);
		columns += IN(none, c) ? 0 : IN(wide, c) ? 2 : 1;
	}
	return columns;
}

void
shell_fmt(struct buf *b, const char *fmt, ...)
{
	const char *p;
	va_list ap;

	va_start(ap, fmt);
	for (; (p = strstr(fmt, "%s")); fmt = p + 2) {
		buf_add(b, fmt, (size_t)(p - fmt));
		shell_add(b, va_arg(ap, const char *));
	}
	va_end(ap);
	buf_text(b, fmt);
}
