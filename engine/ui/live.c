/* The live view, as a text. */
#include "engine/ui/live.h"

#include <stdlib.h>
#include <string.h>

#include "engine/agent/outcome.h"
#include "engine/ui/width.h"
#include "parse/diag.h"
#include "parse/mem.h"
#include "parse/text.h"

enum {
	FREE_LINES = 4,         /* of the terminal, for what was said last and for the cursor */
	INDENT = 2,
	TIME_WIDTH = 6,         /* 59m59s */
	GAP = 2,
	NARROW = 16,            /* columns: below, a row is its key alone */
	SHORT = 32,             /* below, it is without what was written */
	WIDE = 60               /* from here on rows are set in */
};

/* The rows of one line. */
static size_t
rows_of(const char *s, size_t n, int width)
{
	size_t w = width > 0 ? (size_t)width : 1, wide = width_least(s, n);

	return wide ? (wide - 1) / w + 1 : 1;
}

size_t
live_lines(const char *s, size_t n, int width)
{
	size_t lines = 0;

	while (n) {
		const char *nl = memchr(s, '\n', n);
		size_t len = nl ? (size_t)(nl - s) : n;

		lines += rows_of(s, len, width);
		len += nl != NULL;
		s += len;
		n -= len;
	}
	return lines;
}

size_t
live_tail(const char *s, size_t n, size_t rows, int width)
{
	size_t from = n, end, have = 0;

	while (from && have < rows) {
		end = s[from - 1] == '\n' ? from - 1 : from;
		for (from = end; from && s[from - 1] != '\n'; from--)
			;
		have += rows_of(s + from, end - from, width);
	}
	return n - from;
}

/* The beginning of the N bytes at S that fits into WIDTH columns; colours are taken to their end. Returns how
 * many columns it takes. */
static size_t
put_cut(struct buf *out, const char *s, size_t n, size_t width)
{
	size_t sum = 0, wide, len;
	int full = 0;

	for (; n; s += len, n -= len) {
		len = width_next(s, n, &wide);
		full |= sum + wide > width;
		if (full && *s != '\033')
			continue;
		sum += wide;
		buf_add(out, s, len);
	}
	return sum;
}

/* What the keys of all rows have in common, which tells them not apart: bytes at their beginning, and at their end. */
struct common {
	size_t before, after;
};

enum { ELIDED = 3, ELIDED_LEAST = 4 };  /* columns of `...`; what is shorter is not worth them */

/* A key, as it is shown: without what is COMMON. */
static void
show_key(struct buf *b, const char *key, const struct common *common)
{
	size_t n = strlen(key);

	if (common->before)
		buf_text(b, "...");
	visible_add(b, key + common->before, n - common->before - common->after, 0);
	if (common->after)
		buf_text(b, "...");
}

/* A key in its column. */
static void
put_key(struct buf *out, const char *key, const struct common *common, size_t width)
{
	struct buf b = { 0 };

	show_key(&b, key, common);
	width_pad(out, width_cut(out, buf_str(&b), b.n, width), width);
	buf_free(&b);
}

/* Rows. */

size_t
live_fit(int height, size_t all)
{
	size_t room = height >= 2 * FREE_LINES ? (size_t)height - FREE_LINES : height > 1 ? (size_t)height / 2 : 0;

	if (room <= 1)
		return 0;
	room--;                         /* the line with the counts */
	return all <= room ? all : room > 1 ? room - 1 : room;
}

/* Whether nothing would be seen of it. */
static int
is_blank(const char *s, size_t n)
{
	struct buf b = { 0 };
	size_t i;

	visible_add(&b, s, n, VISIBLE_TABS | VISIBLE_PLAIN);
	for (i = 0; i < b.n && strchr("\t ", b.s[i]); i++)
		;
	n = b.n - i;
	buf_free(&b);
	return !n;
}

const char *
live_last(const char *s, size_t n, size_t *len)
{
	size_t from;

	do {
		while (n && strchr("\r\n\t ", s[n - 1]))
			n--;
		for (from = n; from && s[from - 1] != '\n' && s[from - 1] != '\r'; from--)
			;
		if (!is_blank(s + from, n - from))
			break;
		n = from;
	} while (n);
	while (from < n && strchr("\t ", s[from]))
		from++;
	*len = n - from;
	return s + from;
}

/* What it wrote, as far as it fits; a tab as a blank. */
static void
put_said(struct buf *out, const char *s, size_t n, size_t width)
{
	struct buf b = { 0 };
	size_t i, from;

	for (i = from = 0; i <= n; i++)
		if (i == n || s[i] == '\t') {
			visible_add(&b, s + from, i - from, VISIBLE_PLAIN);
			if (i < n)
				buf_char(&b, ' ');
			from = i + 1;
		}
	put_cut(out, b.s, b.n, width);
	buf_free(&b);
}

/* Whole seconds; what has just begun is at 0s. */
static void
put_time(long long ms, struct buf *b)
{
	if (ms < 1000)
		buf_text(b, "0s");
	else
		duration_text(ms / 1000 * 1000, b);
}

static void
put_row(const struct live_row *row, size_t usable, const struct common *common, size_t key, struct buf *out)
{
	struct buf time = { 0 };
	size_t at;

	width_pad(out, 0, usable < WIDE ? 0 : INDENT);
	put_key(out, row->key, common, key);
	if (usable < NARROW)
		return;
	put_time(row->ms, &time);
	width_pad(out, 0, GAP);
	width_pad(out, time.n, TIME_WIDTH);
	buf_add(out, time.s, time.n);
	buf_free(&time);
	if (row->attempts > 1 && usable >= SHORT)
		buf_fmt(out, "  attempt %ld", row->attempts);
	at = width_of(out->s, out->n) + GAP;
	if (row->nsaid && usable >= SHORT && at < usable) {
		width_pad(out, 0, GAP);
		put_said(out, row->said, row->nsaid, usable - at);
	}
}

static size_t
widest_key(const struct live *v, const struct common *common)
{
	size_t widest = 0, i, n;
	struct buf b = { 0 };

	for (i = 0; i < v->nrows; i++) {
		b.n = 0;
		show_key(&b, v->rows[i].key, common);
		n = width_of(buf_str(&b), b.n);
		if (n > widest)
			widest = n;
	}
	buf_free(&b);
	return widest;
}

/* What all keys begin with and end with, in whole characters. */
static void
find_common(const struct live *v, struct common *common)
{
	const char *first = v->rows[0].key, *key;
	size_t i, n = strlen(first), len;

	common->before = common->after = n;
	for (i = 1; i < v->nrows; i++) {
		size_t k = 0;

		key = v->rows[i].key;
		len = strlen(key);
		while (k < common->before && first[k] == key[k])
			k++;
		common->before = k;
		for (k = 0; k < common->after && k < len && first[n - 1 - k] == key[len - 1 - k]; k++)
			;
		common->after = k;
	}
	while (common->before && ((unsigned char)first[common->before] & 0xc0) == 0x80)
		common->before--;
	while (common->after && ((unsigned char)first[n - common->after] & 0xc0) == 0x80)
		common->after--;
	if (common->before < ELIDED + ELIDED_LEAST)
		common->before = 0;
	for (i = 0; i < v->nrows; i++)
		if (common->before + common->after >= strlen(v->rows[i].key))
			common->after = 0;      /* as of x-1 and x-11 */
	if (common->after < ELIDED + ELIDED_LEAST)
		common->after = 0;
}

/* As much of what is before is shown as there is ROOM for, in columns. */
static void
keep_some(const struct live *v, struct common *common, size_t room)
{
	const char *key = v->rows[0].key;

	if (common->before <= room)
		return;                 /* then `...` would be longer */
	common->before -= room;
	while (key[common->before] && ((unsigned char)key[common->before] & 0xc0) == 0x80)
		common->before++;
}

/* The columns for keys: as wide as the widest, before what was written gets any; where they do not fit, what COMMON gets is left out. */
static size_t
key_width(const struct live *v, size_t usable, struct common *common)
{
	size_t rest = GAP + TIME_WIDTH + (usable < WIDE ? 0 : INDENT), most = usable < NARROW ? usable : usable - rest, widest, after;

	memset(common, 0, sizeof *common);
	widest = widest_key(v, common);
	if (widest > most && v->nrows > 1) {
		find_common(v, common);
		after = common->after;
		common->after = 0;
		if (widest_key(v, common) > most)
			common->after = after;
		widest = widest_key(v, common);
		keep_some(v, common, widest < most ? most - widest : 0);
		widest = widest_key(v, common);
	}
	return widest < most ? widest : most;
}

/* The line with the counts: parts of it, the less important left out until the rest fits. */

enum part { PART_STOPPING, PART_DONE, PART_KEPT, PART_FAILED, PART_RUNNING, PART_WAITING, PART_TIME, PART_LEFT, PART_USED, PARTS };

static void
put_count(struct buf *b, long long n, const char *word, int more)
{
	if (n)
		buf_fmt(b, "%lld%s %s", n, more ? "+" : "", word);
	else if (more)
		buf_text(b, "maybe more");
}

/* As exact as it is: in steps of ten seconds, minutes, ten minutes. */
static void
put_left(const struct live *v, struct buf *b)
{
	long long s = v->left / 1000, step = s < 60 ? 10 : s < 3600 ? 60 : 600;

	if (!s)
		return;
	if (!v->at_least)
		buf_text(b, "about ");
	put_time((s + step - 1) / step * step * 1000, b);
	buf_text(b, v->at_least ? " or more left" : " left");
}

static size_t
put_parts(const struct buf *parts, unsigned left_out, int colour, struct buf *out)
{
	size_t from = out->n;
	int i, some = 0;

	for (i = 0; i < PARTS; i++) {
		if (!parts[i].n || (left_out & 1u << i))
			continue;
		if (some)
			buf_text(out, i >= PART_TIME ? "  " : ", ");
		some = i != PART_STOPPING;
		if (i == PART_FAILED && colour)
			buf_text(out, "\033[31m");
		buf_add(out, parts[i].s, parts[i].n);
		if (i == PART_FAILED && colour)
			buf_text(out, "\033[0m");
	}
	return width_of(out->s + from, out->n - from);
}

static void
put_counts(const struct live *v, size_t usable, struct buf *out)
{
	static const unsigned char order[] = { PART_KEPT, PART_RUNNING, PART_TIME, PART_WAITING, PART_LEFT, PART_USED, PART_DONE };
	struct buf parts[PARTS], line = { 0 };
	unsigned left_out = 0;
	size_t i;

	memset(parts, 0, sizeof parts);
	if (v->stopping)
		buf_text(&parts[PART_STOPPING], "stopping: ");
	put_count(&parts[PART_DONE], v->done, "done", 0);
	put_count(&parts[PART_KEPT], v->kept, "kept", 0);
	put_count(&parts[PART_FAILED], v->failed, "failed", 0);
	put_count(&parts[PART_RUNNING], v->running, "running", 0);
	put_count(&parts[PART_WAITING], v->waiting, "waiting", v->more);
	put_time(v->ms, &parts[PART_TIME]);
	put_left(v, &parts[PART_LEFT]);
	buf_text(&parts[PART_USED], v->used ? v->used : "");
	for (i = 0; put_parts(parts, left_out, v->colour, &line) > usable && i < sizeof order; i++) {
		left_out |= 1u << order[i];
		line.n = 0;
	}
	buf_add(out, line.s, line.n);
	buf_free(&line);
	for (i = 0; i < PARTS; i++)
		buf_free(&parts[i]);
}

/* A line of the view, whatever is in it not wider than the terminal. */
static void
put_line(struct buf *line, size_t usable, struct buf *out)
{
	put_cut(out, line->s, line->n, usable);
	buf_char(out, '\n');
	line->n = 0;
}

void
live_frame(const struct live *v, struct buf *out)
{
	size_t usable = v->width > 1 ? (size_t)v->width - 1 : 0, key, i;
	struct buf line = { 0 };
	struct common common;

	if (v->height < 2 || !usable)
		return;
	key = key_width(v, usable, &common);
	for (i = 0; i < v->nrows; i++) {
		put_row(&v->rows[i], usable, &common, key, &line);
		put_line(&line, usable, out);
	}
	if (v->nrows && v->nrows < v->all && live_fit(v->height, v->nrows + 1) == v->nrows + 1) {
		width_pad(&line, 0, usable < WIDE ? 0 : INDENT);
		buf_fmt(&line, "and %lu more", (unsigned long)(v->all - v->nrows));
		put_line(&line, usable, out);
	}
	put_counts(v, usable, &line);
	put_line(&line, usable, out);
	buf_free(&line);
}

/* Estimates. */

static struct live_time *
find_time(const struct live_times *t, const void *line)
{
	size_t i;

	for (i = 0; i < t->n; i++)
		if (t->list[i].line == line)
			return &t->list[i];
	return NULL;
}

void
live_took(struct live_times *t, const void *line, long long ms)
{
	struct live_time *e = find_time(t, line);

	if (!e) {
		t->list = mem_grow(t->list, t->n + 1, sizeof *t->list);
		e = &t->list[t->n++];
		e->line = line;
		e->n = 0;
		e->ms = 0;
	}
	e->n++;
	e->ms += ms;
}

void
live_work_add(struct live_work *w, const struct live_times *t, const void *line, long long n, long long done)
{
	const struct live_time *e = find_time(t, line);
	long long each;

	if (!e) {
		w->more = 1;
		return;
	}
	each = e->ms / e->n - (done > 0 ? done : 0);
	if (each < 0)
		each = 0;
	w->known = 1;
	w->ms += each * n;
	if (done >= 0 && each > w->longest)
		w->longest = each;
}

long long
live_left(const struct live_work *w, long long running)
{
	long long ms = running > 0 ? w->ms / running : 0;

	return !w->known || running <= 0 ? 0 : ms > w->longest ? ms : w->longest;
}

/* Silences. */

long long
live_silent(struct live_silence *s, long long now, int said, long long unit)
{
	if (said || !s->after) {
		s->since = now;
		s->after = unit;
	}
	if (now - s->since < s->after)
		return s->since + s->after - now;
	while (s->after <= now - s->since)
		s->after *= 2;
	return 0;
}
