/* Fields of a line. */
#include "store/escape.h"

#include <string.h>

static int
is_plain(char c)
{
	return (unsigned char)c >= 0x20 && c != 0x7f && c != '%';
}

size_t
escape_cut(const char *s, size_t n, size_t most)
{
	size_t cut = n < most ? n : most, k;

	for (k = cut; cut < n && k && cut - k < 4 && ((unsigned char)s[k] & 0xc0) == 0x80; k--)
		;
	return cut < n && ((unsigned char)s[k] & 0xc0) == 0xc0 ? k : cut;
}

void
escape_append(char *out, size_t size, const char *s, size_t most)
{
	size_t at = strlen(out), n = strlen(s), room = size - at - 1;

	if (n > most || n > room) {
		n = escape_cut(s, n, most + 3 < room ? most : room < 3 ? 0 : room - 3);
		memcpy(out + at, s, n);
		at += n;
		s = "...";
		n = room < 3 ? 0 : 3;
	}
	memcpy(out + at, s, n);
	out[at + n] = '\0';
}

size_t
escape_byte(char out[3], char c)
{
	static const char digits[] = "0123456789ABCDEF";
	unsigned char u = (unsigned char)c;

	if (is_plain(c)) {
		out[0] = c;
		return 1;
	}
	out[0] = '%';
	out[1] = digits[u >> 4];
	out[2] = digits[u & 15];
	return 3;
}

size_t
escape_add(char *out, const char *s, size_t n)
{
	size_t i, at = 0;

	for (i = 0; i < n; i++)
		if (is_plain(s[i]))
			out[at++] = s[i];
		else
			at += escape_byte(out + at, s[i]);
	return at;
}

int
hex_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

size_t
escape_undo(char *s, size_t n)
{
	char *first = n ? memchr(s, '%', n) : NULL;
	size_t i = first ? (size_t)(first - s) : n, at = i;

	for (; i < n; i++) {
		if (s[i] == '%' && i + 2 < n && hex_digit(s[i + 1]) >= 0 && hex_digit(s[i + 2]) >= 0) {
			s[at++] = (char)(hex_digit(s[i + 1]) * 16 + hex_digit(s[i + 2]));
			i += 2;
		} else {
			s[at++] = s[i];
		}
	}
	s[at] = '\0';
	return at;
}
