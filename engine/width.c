/* How wide text is on a terminal. */
#include "engine/width.h"

#include <stdint.h>
#include <sys/ioctl.h>

#include "parse/diag.h"

/* Characters that take no column or two, the large ranges of Unicode's East Asian Width (UAX #11). */
static const struct {
	uint32_t first, last;
	unsigned char columns;
} ranges[] = {
	{ 0x300, 0x36f, 0 }, { 0x483, 0x489, 0 }, { 0x591, 0x5bd, 0 }, { 0x64b, 0x65f, 0 }, { 0x93c, 0x93c, 0 },
	{ 0x941, 0x948, 0 }, { 0xe34, 0xe3a, 0 }, { 0x1100, 0x115f, 2 }, { 0x1ab0, 0x1aff, 0 }, { 0x200b, 0x200f, 0 },
	{ 0x20d0, 0x20ff, 0 }, { 0x2e80, 0x303e, 2 }, { 0x3041, 0x4dbf, 2 }, { 0x4e00, 0xa4cf, 2 }, { 0xac00, 0xd7a3, 2 },
	{ 0xf900, 0xfaff, 2 }, { 0xfe00, 0xfe0f, 0 }, { 0xfe20, 0xfe2f, 0 }, { 0xfe30, 0xfe6f, 2 }, { 0xff01, 0xff60, 2 },
	{ 0xffe0, 0xffe6, 2 }, { 0x1f300, 0x1f64f, 2 }, { 0x1f680, 0x1f6ff, 2 }, { 0x1f900, 0x1f9ff, 2 },
	{ 0x20000, 0x3fffd, 2 },
};

/* The columns of the character at S, and its *LEN bytes. */
static size_t
one(const char *s, size_t n, size_t *len)
{
	uint32_t c = (unsigned char)*s;
	size_t i;

	*len = utf8_len(s, n);
	if (*len < 2) {
		*len = 1;
		return 1;
	}
	for (c &= 0xffu >> (*len + 1), i = 1; i < *len; i++)
		c = c << 6 | ((unsigned char)s[i] & 0x3f);
	for (i = 0; i < sizeof ranges / sizeof *ranges; i++)
		if (c >= ranges[i].first && c <= ranges[i].last)
			return ranges[i].columns;
	return 1;
}

size_t
width_of(const char *s, size_t n)
{
	size_t i, len, columns = 0;

	for (i = 0; i < n; i += len)
		columns += one(s + i, n - i, &len);
	return columns;
}

/* How many bytes of S, of N, take MOST columns at the most. */
static size_t
front(const char *s, size_t n, size_t most)
{
	size_t i, len, columns = 0;

	for (i = 0; i < n; i += len) {
		columns += one(s + i, n - i, &len);
		if (columns > most)
			break;
	}
	return i;
}

size_t
width_cut(struct buf *b, const char *s, size_t n, size_t most)
{
	size_t columns = width_of(s, n), at = b->n, head, tail, len;

	if (columns <= most) {
		buf_add(b, s, n);
		return columns;
	}
	most = most < 5 ? 5 : most;
	head = front(s, n, (most - 3 + 1) / 2);
	columns -= width_of(s, head);
	for (tail = head; columns > (most - 3) / 2; tail += len)
		columns -= one(s + tail, n - tail, &len);
	buf_add(b, s, head);
	buf_text(b, "...");
	buf_add(b, s + tail, n - tail);
	return width_of(b->s + at, b->n - at);
}

int
width_of_terminal(int fd)
{
#ifdef TIOCGWINSZ
	struct winsize size;

	if (ioctl(fd, TIOCGWINSZ, &size) == 0)
		return size.ws_col;
#endif
	(void)fd;
	return 0;
}
