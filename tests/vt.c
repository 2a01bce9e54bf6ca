/* A terminal in memory. */
#include "tests/vt.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "parse/buf.h"
#include "parse/text.h"

enum { VT_COVERED = 1 };

void
vt_open(struct vt *t, int width, int height, int does)
{
	memset(t, 0, sizeof *t);
	t->lines = calloc(VT_LINES, sizeof *t->lines);
	ck_assert_ptr_nonnull(t->lines);
	t->width = width;
	t->height = height;
	t->does = does;
}

void
vt_close(struct vt *t)
{
	free(t->lines);
	t->lines = NULL;
}

static struct vt_line *
line_at(struct vt *t, int row)
{
	ck_assert_int_lt(t->top + row, VT_LINES);
	return &t->lines[t->top + row];
}

static void
erase(struct vt *t, int row, int col)
{
	struct vt_line *l = line_at(t, row);

	memset(l->cells + col, 0, (size_t)(VT_COLS - col) * sizeof *l->cells);
	l->wraps = 0;
}

static void
go_down(struct vt *t)
{
	if (t->row < t->height - 1) {
		t->row++;
		return;
	}
	t->top++;
	erase(t, t->row, 0);
}

static int
limited(int n, int most)
{
	return n < 0 ? 0 : n > most ? most : n;
}

/* The sequence ESC [ N FINAL. */
static void
do_sequence(struct vt *t, int n, int final)
{
	int i, col = limited(t->col, t->width - 1);

	if (final == 'm')
		return;
	t->col = col;
	if (final == 'A')
		t->row = limited(t->row - (n ? n : 1), t->height - 1);
	else if (final == 'B')
		t->row = limited(t->row + (n ? n : 1), t->height - 1);
	else if (final == 'H')
		t->row = t->col = 0;
	else if (final == 'K')
		erase(t, t->row, col);
	else
		for (i = t->row; i < t->height; i++)
			erase(t, i, i == t->row ? col : 0);
	/* As tmux and others do, which have then two of all. */
	ck_assert_msg(final != 'J' || t->row || t->col || t->height == 1, "the whole screen is erased at once");
}

/* Returns its length; 0: it is not whole yet. */
static size_t
take_sequence(struct vt *t, const char *s, size_t n)
{
	size_t i = 2;

	if (n > 1)
		ck_assert_msg(s[1] == '[', "ESC %c was written", s[1]);
	while (i < n && s[i] >= '0' && s[i] <= ';')
		i++;
	if (i >= n)
		return 0;
	ck_assert_msg(strchr("ABHJKm", s[i]) && (strchr("ABm", s[i]) || i == 2), "ESC %.*s was written", (int)i, s + 1);
	do_sequence(t, atoi(s + 2), s[i]);
	return i + 1;
}

static void
put(struct vt *t, unsigned long c, int wide)
{
	struct vt_line *l;

	wide = limited(wide, t->width);
	if (!wide)
		return;
	if (t->col + wide > t->width) {
		line_at(t, t->row)->wraps = 1;
		go_down(t);
		t->col = 0;
	}
	l = line_at(t, t->row);
	l->cells[t->col] = c;
	if (wide > 1)
		l->cells[t->col + 1] = VT_COVERED;
	t->col += wide;
}

size_t
vt_take(struct vt *t, const char *s, size_t n)
{
	size_t i = 0, len;
	unsigned long c;

	for (; i < n; i += len) {
		len = 1;
		if (s[i] == '\033') {
			len = take_sequence(t, s + i, n - i);
			if (!len)
				return i;
		} else if (s[i] == '\r') {
			t->col = 0;
		} else if (s[i] == '\n') {
			go_down(t);
		} else if (s[i] == '\b') {
			t->col = limited(t->col - 1, t->width - 1);
		} else if (s[i] != '\a') {
			if (utf8_begun(s + i, n - i) == n - i)
				return i;
			len = utf8_next(s + i, n - i, &c);
			put(t, c, (int)text_columns(s + i, len));
		}
	}
	return i;
}

/* Other sizes. */

static int
is_empty(const struct vt_line *l)
{
	int i;

	for (i = 0; i < VT_COLS && !l->cells[i]; i++)
		;
	return i == VT_COLS;
}

/* All lines up to the cursor's, written again on a terminal of another width. */
static void
reflow(struct vt *t, int width)
{
	struct vt new;
	int i, k, last = t->top + t->row;

	vt_open(&new, width, t->height, t->does);
	for (i = 0; i <= last; i++) {
		const struct vt_line *l = &t->lines[i];

		for (k = 0; k < t->width && (i < last || k < t->col); k++)
			if (l->cells[k] != VT_COVERED && (l->cells[k] || (i == last && k < t->col)))
				put(&new, l->cells[k] ? l->cells[k] : ' ', l->cells[k + 1] == VT_COVERED ? 2 : 1);
		if (i < last && !l->wraps) {
			go_down(&new);
			new.col = 0;
		}
	}
	free(t->lines);
	*t = new;
}

static void
cut(struct vt *t, int width)
{
	int i;

	for (i = 0; i < t->height; i++) {
		struct vt_line *l = line_at(t, i);

		memset(l->cells + width, 0, (size_t)(VT_COLS - width) * sizeof *l->cells);
		l->wraps = 0;
	}
	t->col = limited(t->col, width - 1);
}

void
vt_resize(struct vt *t, int width, int height)
{
	int i, more;

	if (t->does & VT_REFLOWS)
		reflow(t, width);
	t->width = width;
	more = height - t->height;
	t->height = height;
	if (t->row >= height) {
		t->top += t->row - height + 1;
		t->row = height - 1;
	} else if (more > 0 && (t->does & VT_FETCHES)) {
		more = limited(more, t->top);
		t->top -= more;
		t->row += more;
	}
	for (i = t->row + 1; i < height; i++)
		erase(t, i, 0);
	if (!(t->does & VT_REFLOWS))
		cut(t, width);
}

/* As text. */

static void
add_cell(struct buf *b, unsigned long c)
{
	if (c < 0x80) {
		buf_char(b, c ? (int)c : ' ');
		return;
	}
	if (c < 0x800) {
		buf_char(b, (int)(0xc0 | c >> 6));
	} else {
		if (c < 0x10000)
			buf_char(b, (int)(0xe0 | c >> 12));
		else
			buf_fmt(b, "%c%c", (int)(0xf0 | c >> 18), (int)(0x80 | (c >> 12 & 0x3f)));
		buf_char(b, (int)(0x80 | (c >> 6 & 0x3f)));
	}
	buf_char(b, (int)(0x80 | (c & 0x3f)));
}

static const char *
text_from(const struct vt *t, int from)
{
	static struct buf text;
	int i, k, n, last = t->top + t->height - 1;

	text.n = 0;
	while (last >= from && is_empty(&t->lines[last]))
		last--;
	for (i = from; i <= last; i++) {
		const struct vt_line *l = &t->lines[i];

		for (n = VT_COLS; n && !l->cells[n - 1]; n--)
			;
		for (k = 0; k < n; k++)
			if (l->cells[k] != VT_COVERED)
				add_cell(&text, l->cells[k]);
		buf_char(&text, '\n');
	}
	return buf_str(&text);
}

const char *
vt_screen(const struct vt *t)
{
	return text_from(t, t->top);
}

const char *
vt_all(const struct vt *t)
{
	return text_from(t, 0);
}
