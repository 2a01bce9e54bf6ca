/* The live view on the terminal. */
#include "engine/ui/screen.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <termios.h>
#include <unistd.h>

#include "engine/ui/watch.h"
#include "parse/mem.h"
#include "store/file.h"
#include "store/os.h"

enum {
	FIRST_MS = 250,         /* a run that is over by then shows no view */
	LOOK_MS = 200,
	IDLE_MS = 1000,         /* the same while nothing runs */
	DRAW_MS = 100,
	FRESH_MS = 100,         /* an attempt's files are made by then; until then they may be those of an earlier one */
	HIDE_MS = 2000,
	SETTLE_MS = 200,        /* after which a size is taken for the last of several */
	SAID_BYTES = 64 * 1024, /* kept of what was said */
	ROWS_MOST = 200
};

struct screen_row {
	unsigned long number;
	const struct branch *branch;
	int is_step;
	long long started;
	struct watched {
		unsigned long number;
		struct watch end;
	} *watched;             /* kept from look to look; it may be another row's until the look has ended */
};

int
screen_is_capable(void)
{
	const char *term = getenv("TERM");

	return term && *term && strcmp(term, "dumb") && isatty(2) && tcgetpgrp(2) >= 0;
}

static void
take_size(struct screen *s)
{
	s->is_sized = os_size(s->tty, &s->width, &s->height) == 0 && s->width && s->height;
	if (s->is_sized)
		return;
	s->width = 80;
	s->height = 24;
}

void
screen_open(struct screen *s, enum loudness loud, long long now)
{
	const char *no_colour = getenv("NO_COLOR");

	memset(s, 0, sizeof *s);
	s->tty = -1;
	if (loud == LOUD_QUIET || !screen_is_capable())
		return;
	s->tty = file_open_as(AT_FDCWD, "/dev/tty", O_WRONLY | O_NOCTTY | O_NONBLOCK);
	if (s->tty >= FD_SETSIZE) {
		close(s->tty);
		s->tty = -1;
	}
	s->colour = s->tty >= 0 && !(no_colour && *no_colour);
	s->shared = isatty(1);
	s->began = now;
	s->look = now + FIRST_MS;
	s->looked = s->look - DRAW_MS;
	take_size(s);
}

void
screen_stir(struct screen *s)
{
	if (s->look > s->looked + DRAW_MS)
		s->look = s->looked + DRAW_MS;
}

void
screen_resized(struct screen *s)
{
	if (s->has_drawn)
		s->look = 0;
}

void
screen_lost(struct screen *s)
{
	s->shown.n = 0;
	s->has_moved = 0;
	s->look = 0;
	screen_lend(s);
}

void
screen_lend(struct screen *s)
{
	s->is_lent = 1;
	s->has_drawn = 0;
}

/* What is above the view is of others too. */
static void
forget_said(struct screen *s)
{
	s->said.n = 0;
	s->is_ours = 0;
	s->is_lent = 0;
}

static int
has_other_size(const struct screen *s)
{
	return s->width != s->shown_width || s->height != s->shown_height;
}

/* Whether the view can still be found by going up, and parts of no earlier one have come back out of the
 * scrollback. When no bytes wait nothing was echoed: they were read, or an interrupt has dropped them. */
static void
look_at_terminal(struct screen *s)
{
	long waiting = os_waiting(s->tty);
	int width = s->width, height = s->height;

	take_size(s);
	if (s->width > width || s->height > height)
		s->is_ours = 0;         /* a terminal may have fetched lines out of its scrollback */
	if ((s->shown.n || s->has_drawn) && has_other_size(s))
		s->has_moved = 1;
	if (s->shown.n && waiting > 0 && waiting != s->waiting)
		s->has_moved = 1;
	s->waiting = waiting;
}

/* Looking. */

static void
add_left(void *ctx, const struct node *line, long long n)
{
	struct screen *s = ctx;

	s->view.waiting += n;
	live_work_add(&s->work, &s->times, line, n, -1);
}

/* How long an attempt has run, in whole seconds of the run: so that all times change at once. */
static long long
since(const struct screen *s, long long started)
{
	long long ms = s->began + s->view.ms - started;

	return ms > 0 ? ms : 0;
}

static void
make_room(struct screen *s)
{
	if (s->room >= s->fit)
		return;
	s->rows = mem_grow(s->rows, s->fit, sizeof *s->rows);
	for (; s->room < s->fit; s->room++)
		s->rows[s->room].watched = mem_zero(1, sizeof *s->rows->watched);
}

/* What is watched stays where it is. */
static void
put_row(struct screen_row *to, const struct screen_row *from)
{
	struct watched *watched = to->watched;

	*to = *from;
	to->watched = watched;
}

void
screen_begin(struct screen *s, struct walk *w, const struct progress *p, size_t running, long long now)
{
	struct usage used;

	int width = s->width, height = s->height;

	if (s->is_lent)
		forget_said(s);
	look_at_terminal(s);
	if (s->has_moved && (width != s->width || height != s->height))
		s->draw = now + SETTLE_MS;
	memset(&s->view, 0, sizeof s->view);
	memset(&s->work, 0, sizeof s->work);
	s->view.width = s->width;
	s->view.height = s->height;
	s->view.colour = s->colour;
	s->view.stopping = w->stop == STOP_ALL;
	s->view.all = running;
	s->view.done = p->done;
	s->view.kept = p->kept;
	s->view.failed = p->failed;
	s->used.n = 0;
	used = p->earlier;
	usage_add(&used, &p->used);
	usage_short_text(&used, &s->used);
	s->view.ms = (now - s->began) / 1000 * 1000;
	s->fit = live_fit(s->height, running);
	if (s->fit > ROWS_MOST)
		s->fit = ROWS_MOST;
	s->nrows = 0;
	make_room(s);
	s->left.ctx = s;
	s->left.each = add_left;
	s->left.more = 0;
	walk_remaining(w, &s->left);
}

/* Puts it among the rows, if it is one of those that run longest. */
static void
add_row(struct screen *s, const struct screen_row *new)
{
	size_t i = s->nrows < s->fit ? s->nrows++ : s->fit;

	for (; i && s->rows[i - 1].number > new->number; i--)
		if (i < s->fit)
			put_row(&s->rows[i], &s->rows[i - 1]);
	if (i < s->fit)
		put_row(&s->rows[i], new);
}

void
screen_task(struct screen *s, struct walk *w, unsigned long number, const struct branch *b, int is_step, long long started)
{
	struct screen_row row = { 0 };

	row.number = number;
	row.branch = b;
	row.is_step = is_step;
	row.started = started;
	add_row(s, &row);
	s->view.running += is_step;
	if (is_step)
		live_work_add(&s->work, &s->times, branch_line(b), 1, since(s, started));
	if (b)
		walk_remaining_of(w, b, &s->left);
}

void
screen_name(const struct walk *w, const struct branch *b, struct buf *out)
{
	uint32_t id;
	const char *key = branch_key(w, b, &id);

	if (key)
		buf_text(out, key);
	else if (b)
		buf_fmt(out, "%s:%u: if", branch_line(b)->pos.src->name, branch_line(b)->pos.line);
	else
		buf_text(out, "standard input");
	buf_str(out);
}

/* What the row's step wrote last. Rows move up only, so what is not found was not shown before. */
static const struct watch *
look_at_row(struct screen *s, size_t i, const struct store *store, const char *key)
{
	struct screen_row *row = &s->rows[i];
	char file[KEY_NAME_MAX + 1];
	struct watched *old;
	size_t k;

	for (k = i; k < s->room && s->rows[k].watched->number != row->number; k++)
		;
	if (k < s->room) {
		old = row->watched;
		row->watched = s->rows[k].watched;
		s->rows[k].watched = old;
	} else {
		memset(row->watched, 0, sizeof *row->watched);
		row->watched->number = row->number;
	}
	if (row->is_step && key_encode(key, strlen(key), file) >= 0)
		watch_look(&row->watched->end, store, file);
	return &row->watched->end;
}

static void
make_view(struct screen *s, struct walk *w, const struct store *store, long long now)
{
	struct live_row *rows = mem_zero(s->nrows + 1, sizeof *rows);
	struct buf *names = mem_zero(s->nrows + 1, sizeof *names);
	size_t i;

	for (i = 0; i < s->nrows; i++) {
		const struct watch *end;

		screen_name(w, s->rows[i].branch, &names[i]);
		rows[i].key = names[i].s;
		rows[i].ms = since(s, s->rows[i].started);
		rows[i].attempts = branch_attempt(s->rows[i].branch);
		if (now - s->rows[i].started < FRESH_MS)
			continue;
		end = look_at_row(s, i, store, names[i].s);
		rows[i].said = end->text + end->from;
		rows[i].nsaid = end->n;
	}
	s->view.rows = rows;
	s->view.nrows = s->nrows;
	s->view.used = buf_str(&s->used);
	live_frame(&s->view, &s->want);
	for (i = 0; i < s->nrows; i++)
		buf_free(&names[i]);
	free(names);
	free(rows);
}

void
screen_end(struct screen *s, struct walk *w, const struct store *store, int hidden, long long now)
{
	s->want.n = 0;
	s->looked = now;
	s->look = now + (s->view.all ? LOOK_MS : IDLE_MS);
	if (now - s->began < FIRST_MS)
		s->look = s->began + FIRST_MS;
	if (tcgetpgrp(s->tty) != getpgrp()) {
		screen_lend(s);
		return;
	}
	if (hidden || now - s->began < FIRST_MS)
		return;
	s->view.more = s->left.more;
	s->view.at_least = s->work.more || s->left.more;
	s->view.left = live_left(&s->work, s->view.running);
	make_view(s, w, store, now);
}

void
screen_took(struct screen *s, const struct branch *b, long long ms)
{
	live_took(&s->times, branch_line(b), ms);
}

/* Writing. */

int
screen_changed(const struct screen *s, const struct progress *p)
{
	return s->rest.n || p->out.n || s->want.n != s->shown.n || (s->want.n && memcmp(s->want.s, s->shown.s, s->want.n)) ||
	    s->has_moved;
}

/* To the first line of the view that is there, of which none was wrapped; never above it, whatever has
 * moved the cursor down. */
static void
go_up(struct screen *s)
{
	size_t lines = live_lines(s->shown.s, s->shown.n, INT_MAX);

	buf_char(&s->rest, '\r');
	if (lines)
		buf_fmt(&s->rest, "\033[%luA", (unsigned long)lines);
}

/* From the cursor on, which is at the beginning of a row, and not of the last one of several. In two
 * pieces: to erase from the first row on is for some terminals to clear the screen, and they put all
 * of it into the scrollback. */
static void
erase_below(struct screen *s)
{
	buf_text(&s->rest, "\033[K\033[B\033[J\033[A");
}

/* Keeps text that is above the view, as many lines as can be seen. When there are fewer for want of room,
 * some that can be seen are not kept. */
static void
keep_said(struct screen *s, const char *text, size_t n)
{
	size_t tail;

	buf_add(&s->said, text, n);
	tail = live_tail(s->said.s, s->said.n, (size_t)s->height, INT_MAX);
	while (tail > SAID_BYTES) {
		const char *nl = memchr(s->said.s + s->said.n - tail, '\n', tail);

		tail = nl ? (size_t)(s->said.s + s->said.n - nl - 1) : 0;
		s->is_ours = 0;
	}
	memmove(s->said.s, s->said.s + s->said.n - tail, tail);
	s->said.n = tail;
}

void
screen_printed(struct screen *s, const char *text, size_t n)
{
	if (s->tty >= 0 && s->shared)
		keep_said(s, text, n);
}

/* Puts what is above the cursor into the scrollback, unless all of it is kept; SHOWN are the lines of the view
 * that was there. From whatever row, so many newlines leave no row on the screen that was above. */
static void
push_others(struct screen *s, size_t shown)
{
	int i;

	if (s->is_ours || live_lines(s->said.s, s->said.n, INT_MAX) + shown >= (size_t)s->height)
		return;
	for (i = 1; i < s->height; i++)
		buf_char(&s->rest, '\n');
}

/* Paints what was said above the view, from the first row on: all lines that can have been on the screen,
 * be it wider or narrower than before. So those for which there is no room are in the scrollback. */
static void
repaint_said(struct screen *s)
{
	size_t shown = live_lines(s->shown.s, s->shown.n, INT_MAX), tail;
	size_t want = live_lines(s->want.s, s->want.n, INT_MAX);
	size_t view = shown < want ? shown : want, height = (size_t)s->height;
	int width = s->width > s->shown_width ? s->width : s->shown_width;

	if (s->shown.n)
		erase_below(s);
	else
		buf_text(&s->rest, "\r\033[K");
	push_others(s, shown);
	buf_text(&s->rest, "\033[H");
	erase_below(s);
	tail = live_tail(s->said.s, s->said.n, height > view + 1 ? height - view - 1 : 0, width);
	buf_add(&s->rest, s->said.s + s->said.n - tail, tail);
	s->is_ours = 1;
}

static void
compose(struct screen *s, struct progress *p)
{
	const char *line, *nl;
	size_t left = s->want.n;

	look_at_terminal(s);
	if (s->shown.n)
		go_up(s);
	if (s->has_moved && s->is_sized)
		repaint_said(s);
	else if (s->shown.n && (p->out.n || !left || s->has_moved))
		erase_below(s);
	buf_add(&s->rest, p->out.s, p->out.n);
	keep_said(s, p->out.s, p->out.n);
	p->out.n = 0;
	for (line = s->want.s; left && (nl = memchr(line, '\n', left)); line = nl + 1) {
		buf_add(&s->rest, line, (size_t)(nl - line));
		buf_text(&s->rest, "\033[K\n");
		left -= (size_t)(nl - line) + 1;
	}
	if (s->want.n && s->shown.n)
		buf_text(&s->rest, "\033[J");
	s->shown.n = 0;
	buf_add(&s->shown, s->want.s, s->want.n);
	s->shown_width = s->view.width;
	s->shown_height = s->view.height;
	s->has_moved = 0;
	s->has_drawn |= s->want.n > 0;
}

void
screen_write(struct screen *s, struct progress *p, long long now)
{
	ssize_t done;

	if (!s->rest.n && screen_changed(s, p))
		compose(s, p);
	if (!s->rest.n)
		return;
	done = write(s->tty, s->rest.s, s->rest.n);
	if (done < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (done < 0)
		done = (ssize_t)s->rest.n;      /* nobody can be told */
	s->rest.n -= (size_t)done;
	memmove(s->rest.s, s->rest.s + done, s->rest.n);
	s->draw = now + (s->shown.n ? DRAW_MS : 0);
}

void
screen_hide(struct screen *s, struct progress *p)
{
	struct timespec wait = { HIDE_MS / 1000, 0 };
	fd_set out;

	screen_lend(s);
	s->want.n = 0;
	while (s->tty >= 0 && screen_changed(s, p)) {
		FD_ZERO(&out);
		FD_SET(s->tty, &out);
		if (pselect(s->tty + 1, NULL, &out, NULL, &wait, NULL) <= 0)
			return;
		screen_write(s, p, 0);
	}
}

void
screen_close(struct screen *s, struct progress *p)
{
	size_t i;

	if (s->tty < 0)
		return;
	screen_hide(s, p);
	close(s->tty);
	s->tty = -1;
	for (i = 0; i < s->room; i++)
		free(s->rows[i].watched);
	free(s->rows);
	free(s->times.list);
	buf_free(&s->used);
	buf_free(&s->want);
	buf_free(&s->shown);
	buf_free(&s->said);
	buf_free(&s->rest);
}
