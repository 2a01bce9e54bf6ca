/* How wide text is on a terminal. */
#include "engine/ui/width.h"

#include "parse/text.h"
#include "store/os.h"

/* How many columns a character takes at most. Terminals do not agree: where they show one column or two, it
 * counts as two, and where they show none or one, as one, so that no line is ever too long. */
static size_t
char_width(unsigned long c)
{
	static const unsigned short wide[][2] = {
		{ 0x1100, 0x115f }, { 0x2300, 0x23ff }, { 0x25a0, 0x27bf }, { 0x2b00, 0x2bff }, { 0x2e80, 0xa4cf },
		{ 0xa960, 0xa97f }, { 0xac00, 0xd7a3 }, { 0xf900, 0xfaff }, { 0xfe10, 0xfe1f }, { 0xfe30, 0xfe6f },
		{ 0xff00, 0xff60 }, { 0xffe0, 0xffe6 },
	};
	size_t i;

	if (c >= 0x300 && c <= 0x36f)
		return 0;
	for (i = 0; i < sizeof wide / sizeof *wide; i++)
		if (c >= wide[i][0] && c <= wide[i][1])
			return 2;
	return c >= 0x10000 ? 2 : 1;
}

size_t
width_next(const char *s, size_t n, size_t *columns)
{
	unsigned long c;
	size_t len = utf8_next(s, n, &c), i;

	*columns = 0;
	if (*s == '\033') {
		for (i = 1; i < n && s[i] != 'm'; i++)
			;
		return i < n ? i + 1 : n;
	}
	*columns = char_width(c);
	return len ? len : 1;
}

size_t
width_of(const char *s, size_t n)
{
	size_t i, columns, sum = 0;

	for (i = 0; i < n; i += width_next(s + i, n - i, &columns), sum += columns)
		;
	return sum;
}

size_t
width_least(const char *s, size_t n)
{
	size_t i, len, columns, sum = 0;

	for (i = 0; i < n; i += len) {
		len = width_next(s + i, n - i, &columns);
		sum += columns && text_columns(s + i, len);
	}
	return sum;
}

/* How many bytes of S, of N, take MOST columns at the most. */
static size_t
front(const char *s, size_t n, size_t most)
{
	size_t i, len, columns, sum = 0;

	for (i = 0; i < n; i += len) {
		len = width_next(s + i, n - i, &columns);
		sum += columns;
		if (sum > most)
			break;
	}
	return i;
}

size_t
width_cut(struct buf *b, const char *s, size_t n, size_t most)
{
	size_t columns = width_of(s, n), at = b->n, head, tail, one;

	if (columns <= most) {
		buf_add(b, s, n);
		return columns;
	}
	most = most < 5 ? 5 : most;
	head = front(s, n, (most - 3 + 1) / 2);
	columns -= width_of(s, head);
	for (tail = head; columns > (most - 3) / 2; columns -= one)
		tail += width_next(s + tail, n - tail, &one);
	buf_add(b, s, head);
	buf_text(b, "...");
	buf_add(b, s + tail, n - tail);
	return width_of(b->s + at, b->n - at);
}

void
width_pad(struct buf *b, size_t have, size_t want)
{
	for (; have < want; have++)
		buf_char(b, ' ');
}

int
width_of_terminal(int fd)
{
	int width, height;

	return os_size(fd, &width, &height) ? 0 : width;
}
