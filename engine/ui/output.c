/* What orch writes while it walks. */
#include "engine/ui/output.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/clock.h"
#include "engine/ui/watch.h"
#include "parse/mem.h"
#include "parse/text.h"

enum {
	PATIENCE_MS = 400,      /* how long the live view waits for what is just being begun */
	SILENCE_MS = 60 * 1000, /* after which a sign of life is given; then after twice that, and so on */
	CHUNK = 512,            /* bytes of standard output at a time: POSIX's least PIPE_BUF */
	FILE_CHUNK = 64 * 1024  /* of a plain file, where no write waits for a reader */
};

/* A text for standard output. */
struct print {
	struct print *next;
	struct branch *branch;
	struct buf text;
	size_t done;
	unsigned long long after;       /* what had been said before it, as ->said counts */
};

static void
look_where(struct output *o)
{
	struct stat out, err;

	o->chunk = CHUNK;
	if (fstat(1, &out))
		return;
	if (S_ISREG(out.st_mode))
		o->chunk = FILE_CHUNK;
	o->shares = o->screen.tty < 0 && !fstat(2, &err) && out.st_dev == err.st_dev && out.st_ino == err.st_ino;
}

void
output_open(struct output *o, struct walk *w, struct store *s, struct progress *p, const struct running *slots, long long now)
{
	memset(o, 0, sizeof *o);
	o->walk = w;
	o->store = s;
	o->progress = p;
	o->slots = slots;
	o->last_print = &o->prints;
	screen_open(&o->screen, p->loud, now);
	p->colour = o->screen.colour;
	look_where(o);
}

/* Standard output. */

void
output_print(struct output *o, struct branch *b, struct buf *text)
{
	struct print *p = mem_zero(1, sizeof *p);

	p->branch = b;
	if (isatty(1)) {
		visible_add(&p->text, text->s, text->n, VISIBLE_TABS | VISIBLE_LINES);
		buf_free(text);
	} else {
		p->text = *text;
	}
	p->after = o->said + o->progress->out.n;
	*o->last_print = p;
	o->last_print = &p->next;
}

static void
end_print(struct output *o, int error)
{
	struct print *p = o->prints;

	o->prints = p->next;
	if (!o->prints)
		o->last_print = &o->prints;
	walk_printed(o->walk, p->branch, error);
	buf_free(&p->text);
	free(p);
}

void
output_drop(struct output *o)
{
	while (o->prints)
		end_print(o, 0);
}

static void
write_print(struct output *o)
{
	struct print *p = o->prints;
	size_t n = p->text.n - p->done;
	ssize_t done = 0;

	if (n)
		done = write(1, p->text.s + p->done, n > o->chunk ? o->chunk : n);
	if (done < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (done > 0)
		screen_printed(&o->screen, p->text.s + p->done, (size_t)done);
	if (done >= 0)
		p->done += (size_t)done;
	if (done < 0 || p->done == p->text.n)
		end_print(o, done < 0 ? errno : 0);
}

/* Whether a text may be written: on the terminal of the live view what was said goes before it, and the view
 * is not there; in a file of both what had been said before it goes before it. */
static int
may_print(const struct output *o)
{
	const struct screen *s = &o->screen;

	if (!o->prints || (o->shares && o->progress->out.n && o->said < o->prints->after))
		return 0;
	return !(s->tty >= 0 && s->shared && (s->shown.n || s->rest.n || o->progress->out.n));
}

/* Whether the progress may be written where there is no live view: not amid a text in the same file. */
static int
may_say(const struct output *o)
{
	return o->progress->out.n && !(o->shares && o->prints && o->prints->done);
}

/* Standard error: whole lines at a time, as far as select promises room. */
static void
write_progress(struct progress *p)
{
	size_t n = p->out.n > PIPE_BUF ? PIPE_BUF : p->out.n, k = n;
	ssize_t done;

	while (k && p->out.s[k - 1] != '\n')
		k--;
	done = write(2, p->out.s, k ? k : n);
	if (done < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (done < 0)
		done = (ssize_t)p->out.n;       /* nobody can be told */
	p->out.n -= (size_t)done;
	memmove(p->out.s, p->out.s + done, p->out.n);
}

void
output_say(struct progress *p)
{
	struct timespec wait = { 2, 0 };
	fd_set out;

	while (p->out.n) {
		FD_ZERO(&out);
		FD_SET(2, &out);
		if (pselect(3, NULL, &out, NULL, &wait, NULL) <= 0)
			return;
		write_progress(p);
	}
}

/* Signs of life. */

static void
give_sign(struct output *o, long long now)
{
	const struct running_step *s = running_oldest(o->slots);
	char file[KEY_NAME_MAX + 1];
	struct buf name = { 0 };
	long long quiet = -2;
	uint32_t id;
	const char *key = branch_key(o->walk, s->branch, &id);

	screen_name(o->walk, s->branch, &name);
	if (key && key_encode(key, strlen(key), file) >= 0)
		quiet = watch_quiet(o->store, file);
	if (quiet > now - s->started + CLOCK_STEP_MS)
		quiet = -1;             /* an earlier attempt's */
	progress_quiet(o->progress, name.s, now - s->started, quiet, (long)o->slots->running - 1);
	buf_free(&name);
	o->sign_given = 1;
}

/* Where there is no live view: a sign of life when nothing was said for long. Returns when to ask again. */
static long long
break_silence(struct output *o, long long now)
{
	int talks = !o->slots->running || o->slots->talking;
	long long ms;

	if (o->progress->loud == LOUD_QUIET)
		return -1;
	if (!o->progress->out.n)
		o->sign_given = 0;
	ms = live_silent(&o->silence, now, talks || (o->progress->out.n && !o->sign_given), SILENCE_MS);
	if (ms)
		return talks ? -1 : ms;
	give_sign(o, now);
	return live_silent(&o->silence, now, 0, SILENCE_MS);
}

/* The live view. */

/* Looks at what runs and what is left. While a text is written to the same terminal there is no view. */
static void
look(struct output *o, long long now)
{
	struct print *p;
	uint32_t i;

	screen_begin(&o->screen, o->walk, o->progress, o->slots->running, now);
	if (o->slots->talking)
		screen_lend(&o->screen);
	for (i = 0; i < o->slots->n; i++) {
		const struct running_step *s = &o->slots->list[i];

		if (s->pid)
			screen_task(&o->screen, o->walk, s->number, s->branch, s->kind != TASK_IF && s->kind != TASK_STDIN, s->started);
	}
	for (p = o->prints; p; p = p->next)
		if (p->branch)
			walk_remaining_of(o->walk, p->branch, &o->screen.left);
	screen_end(&o->screen, o->walk, o->store, o->slots->talking || (o->prints && o->screen.shared), now);
}

/* The live view is looked after. MORE: at once more will begin, which is to be seen too. Returns when to ask again;
 * *WRITE: there is something to be written now. */
static long long
show(struct output *o, int more, long long now, int *write)
{
	struct screen *s = &o->screen;
	int print = o->prints && s->shared;

	*write = 0;
	if (more && !print && now < s->looked + PATIENCE_MS)
		return -1;
	if (now >= s->look || (print && s->want.n))
		look(o, now);
	if (!screen_changed(s, o->progress))
		return s->look - now;
	*write = now >= s->draw || s->rest.n || print;
	return *write ? s->look - now : clock_sooner(s->look - now, s->draw - now);
}

long long
output_wants(struct output *o, int more, long long now, fd_set *set, int *last)
{
	int live = o->screen.tty, err = live >= 0 ? live : 2, say;
	long long ms;

	if (live >= 0) {
		ms = show(o, more, now, &say);
	} else {
		ms = break_silence(o, now);
		say = may_say(o);
	}
	if (may_print(o))
		FD_SET(1, set);
	if (say)
		FD_SET(err, set);
	*last = err > *last ? err : *last;
	return ms;
}

void
output_write(struct output *o, fd_set *set, long long now)
{
	if (may_print(o) && FD_ISSET(1, set))
		write_print(o);
	if (o->screen.tty >= 0 && FD_ISSET(o->screen.tty, set)) {
		if (!o->screen.rest.n)
			look(o, now);
		screen_write(&o->screen, o->progress, now);
	} else if (may_say(o) && FD_ISSET(2, set)) {
		o->said += o->progress->out.n;
		write_progress(o->progress);
		o->said -= o->progress->out.n;
	}
}
