/* Keys as file names. */
#include "store/key.h"

#include <errno.h>
#include <string.h>

#include "store/escape.h"

static int
plain(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '+' && c <= ':' && c != '/') || (c >= '@' && c <= 'Z') || c == '_' || c == '=';
}

/* How many of the N bytes of S, from its first, are written as they are. */
static size_t
plain_bytes(const unsigned char *s, size_t n)
{
	size_t i;

	for (i = 0; i < n && plain(s[i]) && (i || *s != '.'); i++)
		;
	return i;
}

/* The bytes of a well-formed character of UTF-8 beyond ASCII (Unicode, table 3-7): by its first byte,
 * how many there are and what the second may be. */
static const struct {
	unsigned char first, last, len, low, high;
} forms[] = {
	{ 0xc2, 0xdf, 2, 0x80, 0xbf }, { 0xe0, 0xe0, 3, 0xa0, 0xbf }, { 0xe1, 0xec, 3, 0x80, 0xbf },
	{ 0xed, 0xed, 3, 0x80, 0x9f }, { 0xee, 0xef, 3, 0x80, 0xbf }, { 0xf0, 0xf0, 4, 0x90, 0xbf },
	{ 0xf1, 0xf3, 4, 0x80, 0xbf }, { 0xf4, 0xf4, 4, 0x80, 0x8f },
};

static size_t
wide(const unsigned char *s, size_t n)
{
	size_t f, i;

	for (f = 0; f < sizeof forms / sizeof *forms; f++) {
		if (*s < forms[f].first || *s > forms[f].last || n < forms[f].len)
			continue;
		if (s[1] < forms[f].low || s[1] > forms[f].high)
			return 0;
		for (i = 2; i < forms[f].len; i++)
			if (s[i] < 0x80 || s[i] > 0xbf)
				return 0;
		return forms[f].len;
	}
	return 0;
}

int
key_encode(const char *key, size_t n, char name[KEY_NAME_MAX + 1])
{
	static const char digits[] = "0123456789ABCDEF";
	const unsigned char *s = (const unsigned char *)key;
	size_t i = 0, len, at = 0;

	if (!n) {
		errno = EINVAL;
		return -1;
	}
	while (i < n) {
		len = i && s[i] == '.' ? 1 : plain_bytes(s + i, n - i);
		if (!len)
			len = wide(s + i, n - i);
		if (at + (len ? len : 3) > KEY_NAME_MAX) {
			errno = ENAMETOOLONG;
			return -1;
		}
		if (len) {
			memcpy(name + at, s + i, len);
			at += len;
			i += len;
		} else {
			name[at++] = '%';
			name[at++] = digits[s[i] >> 4];
			name[at++] = digits[s[i] & 15];
			i++;
		}
	}
	name[at] = '\0';
	return (int)at;
}

int
key_decode(const char *name, char *key)
{
	char again[KEY_NAME_MAX + 1];
	size_t i, n = 0, len = strlen(name);

	if (len > KEY_NAME_MAX)
		return -1;
	if (len && plain_bytes((const unsigned char *)name, len) == len) {
		memcpy(key, name, len);
		return (int)len;
	}
	for (i = 0; name[i]; i++) {
		if (name[i] != '%') {
			key[n++] = name[i];
			continue;
		}
		if (hex_digit(name[i + 1]) < 0 || hex_digit(name[i + 2]) < 0)
			return -1;
		key[n++] = (char)(hex_digit(name[i + 1]) * 16 + hex_digit(name[i + 2]));
		i += 2;
	}
	/* A key has one name: %61 is not another for a. */
	if (key_encode(key, n, again) < 0 || strcmp(again, name))
		return -1;
	return (int)n;
}
