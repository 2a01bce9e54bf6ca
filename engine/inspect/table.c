/* The steps of a run as a person reads them.
 *
 *     STATE        KEY   TIME  TRY  WHY
 *     STATE        KEY   TIME  TRY  USED      ----====     wide terminals: what was used, a bar, and WHY in a line below it
 *
 * In a bar = is for a step's latest attempt and - for all from its first attempt to that; it ends in > while the
 * step runs, in x when it has failed, in ~ when it was stopped or cut off. */
#include "engine/inspect/table.h"

#include <string.h>

#include "engine/agent/outcome.h"
#include "engine/ui/width.h"

enum {
	STATE = 11,             /* the columns of the longest word for a state */
	GAP = 2,
	USED_MOST = 24,
	KEY_PLAIN = 40          /* keys that are longer do not push the others' columns */
};

static void
trim(struct buf *b, size_t from)
{
	while (b->n > from && b->s[b->n - 1] == ' ')
		b->n--;
	buf_char(b, '\n');
}

static int
has_bars(const struct table *t)
{
	return t->columns >= TABLE_BARS && t->axis > 0;
}

/* The most columns that a key takes. */
static size_t
key_most(const struct table *t)
{
	size_t most = (size_t)t->columns / (has_bars(t) ? 4 : 3);

	return !t->columns ? KEY_PLAIN : most < 12 ? 12 : most;
}

static size_t
time_text(const struct table_row *r, char text[32])
{
	struct buf b = { 0 };
	size_t n;

	if (r->ms >= 0)
		duration_text(r->ms, &b);
	n = b.n < 31 ? b.n : 31;
	memcpy(text, buf_str(&b), n);
	text[n] = '\0';
	buf_free(&b);
	return n;
}

static size_t
attempts_text(const struct table_row *r, struct buf *b)
{
	size_t at = b->n;

	if (r->attempts > 1 || r->continued)
		buf_fmt(b, "attempt %ld%s", r->attempts, r->continued ? ", continued" : "");
	return b->n - at;
}

static void
widen(size_t *column, size_t n, size_t most)
{
	if (*column < n)
		*column = n < most ? n : most;
}

void
table_learn(struct table *t, const struct table_row *r)
{
	struct buf b = { 0 };
	char text[32];

	widen(&t->key, width_of(r->key, strlen(r->key)), key_most(t));
	widen(&t->time, time_text(r, text), sizeof text);
	if (r->attempts > 1 || r->continued)
		widen(&t->attempts, attempts_text(r, &b), 24);
	if (has_bars(t))
		widen(&t->used, width_of(r->used, strlen(r->used)), USED_MOST);
	buf_free(&b);
}

/* Where the bars begin; how wide they are. */
static size_t
bar_from(const struct table *t)
{
	return STATE + GAP + t->key + GAP + t->time + (t->attempts ? GAP + t->attempts : 0) +
	    (t->used ? GAP + t->used : 0) + GAP;
}

static size_t
bar_width(const struct table *t)
{
	return (size_t)t->columns - bar_from(t) - 1;
}

void
table_axis(const struct table *t, struct buf *b)
{
	struct buf end = { 0 };
	size_t width;

	if (!has_bars(t))
		return;
	width = bar_width(t);
	duration_text((long long)t->axis, &end);
	width_pad(b, 0, bar_from(t));
	buf_char(b, '0');
	width_pad(b, 1 + end.n, width);
	buf_add(b, end.s, end.n);
	buf_char(b, '\n');
	buf_free(&end);
}

/* The column, from 0, in which the time MS is. */
static size_t
column_of(const struct table *t, double ms)
{
	double width = (double)bar_width(t), at = ms / t->axis * width;

	return at <= 0 ? 0 : at >= width - 1 ? (size_t)width - 1 : (size_t)at;
}

static void
draw_bar(const struct table *t, const struct table_row *r, struct buf *b)
{
	size_t from = column_of(t, r->since), at = column_of(t, r->at), to = column_of(t, r->end), i;

	width_pad(b, 0, from);
	at = at < from ? from : at;
	to = to < at ? at : to;
	for (i = from; i < at; i++)
		buf_char(b, '-');
	for (; i < to; i++)
		buf_char(b, '=');
	buf_char(b, r->state == STEP_RUNNING ? '>' : r->state == STEP_FAILED ? 'x' : r->state == STEP_INTERRUPTED ? '~' : '=');
}

static const char *
colour_of(enum step_state s)
{
	return s == STEP_FAILED ? "\033[31m" : s == STEP_INTERRUPTED ? "\033[33m" : s == STEP_RUNNING ? "\033[32m" : "";
}

void
table_draw(const struct table *t, const struct table_row *r, struct buf *b)
{
	const char *word = r->word ? r->word : step_state_word(r->state), *colour = t->colour ? colour_of(r->state) : "";
	size_t n = strlen(r->key), from = b->n;
	char text[32];

	buf_text(b, colour);
	buf_text(b, word);
	buf_text(b, *colour ? "\033[m" : "");
	width_pad(b, strlen(word), STATE + GAP);
	n = width_cut(b, r->key, n, t->columns ? t->key : n);
	width_pad(b, n, t->key);
	n = time_text(r, text);
	width_pad(b, n, t->time + GAP);
	buf_text(b, text);
	if (t->attempts) {
		width_pad(b, 0, GAP);
		width_pad(b, attempts_text(r, b), t->attempts);
	}
	if (t->used) {
		n = width_of(r->used, strlen(r->used));
		width_pad(b, n, GAP + t->used);
		buf_text(b, r->used);
	}
	width_pad(b, 0, GAP);
	if (has_bars(t) && r->since >= 0)
		draw_bar(t, r, b);
	if (*r->why && has_bars(t)) {
		trim(b, from);
		from = b->n;
		width_pad(b, 0, STATE + GAP);
	}
	buf_text(b, r->why);
	trim(b, from);
}
