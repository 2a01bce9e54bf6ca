/* What orch says about a run while it goes on. */
#include "engine/ui/progress.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/task/question.h"
#include "parse/text.h"
#include "store/file.h"

enum {
	TAIL_LINES = 8,         /* of each stream of a failed step */
	TAIL_BYTES = 2048,
	SAID_BYTES = 32 * 1024, /* of standard error, with -v */
	BELL_MS = 60 * 1000,    /* the end of a walk of that rings the bell */
	BEFORE = 64,            /* of either not shown, where more was written: an escape sequence may end there */
	KEPT_SHOWN = 20,        /* kept steps in a row that get a line each */
	BUDGET_STATUS = 7,      /* orch's exit status when the budget is used up */
	NAMED = 3               /* keys of which one line is said for all */
};

static void
head(struct progress *p, const char *word, const char *key)
{
	const char *colour = !p->colour ? NULL : !strcmp(word, "failed") ? "\033[31m" : !strcmp(word, "kept") ? "\033[2m" : NULL;

	if (colour)
		buf_text(&p->out, colour);
	buf_fmt(&p->out, "%-9s ", word);
	if (colour)
		buf_text(&p->out, "\033[0m");
	visible_add(&p->out, key, strlen(key), 0);
}

/* Where the text begins in the N bytes at S, which a longer file ends with. */
static long
begin_of(const char *s, long n)
{
	long at = n > BEFORE ? BEFORE : 0;

	return at + (long)plain_rest(s, (size_t)n, (size_t)at);
}

/* The last lines of FD's file, each after a bar. */
static void
tail(struct progress *p, int fd, const char *what)
{
	char buf[TAIL_BYTES];
	struct stat st;
	long n = -1, from, first, lines = 0;

	if (fstat(fd, &st) == 0)
		n = file_read_at(fd, buf, sizeof buf, st.st_size > TAIL_BYTES ? (long long)st.st_size - TAIL_BYTES : 0);
	while (n > 0 && buf[n - 1] == '\n')
		n--;
	if (n <= 0)
		return;
	first = st.st_size > TAIL_BYTES ? begin_of(buf, n) : 0;
	for (from = n; from > first; from--)
		if (buf[from - 1] == '\n' && ++lines == TAIL_LINES)
			break;
	while (from < n) {
		const char *nl = memchr(buf + from, '\n', (size_t)(n - from));
		long end = nl ? nl - buf : n;

		buf_fmt(&p->out, "    %s| ", what);
		visible_add(&p->out, buf + from, (size_t)(end - from), VISIBLE_TABS | VISIBLE_PLAIN);
		buf_char(&p->out, '\n');
		from = end + 1;
	}
}

static void
tail_file(struct progress *p, int dir, const char *key, const char *what)
{
	char name[KEY_NAME_MAX + 1];
	int fd;

	if (key_encode(key, strlen(key), name) < 0)
		return;
	fd = file_open(dir, name);
	if (fd < 0)
		return;
	tail(p, fd, what);
	close(fd);
}

/* The lines of the N bytes at S, each under its key. */
static void
put_lines(struct progress *p, const char *key, const char *s, size_t n)
{
	const char *end = s + n;

	while (s < end) {
		const char *nl = memchr(s, '\n', (size_t)(end - s));
		size_t line = (size_t)((nl ? nl : end) - s);

		visible_add(&p->out, key, strlen(key), 0);
		buf_text(&p->out, "| ");
		visible_add(&p->out, s, line, VISIBLE_TABS | VISIBLE_PLAIN);
		buf_char(&p->out, '\n');
		s += line + (nl != NULL);
	}
}

/* What the agent has said on standard error, each line under its key; of very much the end. */
static void
say_errors(struct progress *p, const char *key)
{
	char name[KEY_NAME_MAX + 1], text[SAID_BYTES];
	long n, from;
	struct stat st;
	int fd;

	if (p->loud != LOUD_VERBOSE || key_encode(key, strlen(key), name) < 0 || (fd = file_open(p->store->errors, name)) < 0)
		return;
	if (fstat(fd, &st))
		st.st_size = 0;
	n = file_read_at(fd, text, sizeof text, st.st_size > SAID_BYTES ? (long long)st.st_size - SAID_BYTES : 0);
	close(fd);
	from = n > 0 && st.st_size > SAID_BYTES ? begin_of(text, n) : 0;
	if (n > from)
		put_lines(p, key, text + from, (size_t)(n - from));
}

static void
add_said(struct said_keys *k, const char *key, const char *what)
{
	if (k->n++ < NAMED) {
		buf_text(&k->names, k->n > 1 ? ", " : "");
		visible_add(&k->names, key, strlen(key), 0);
	}
	if (k->n == 1)
		visible_add(&k->what, what, strlen(what), 0);
	else if (strcmp(buf_str(&k->what), what))
		k->differ = 1;
}

/* The keys in parentheses, and what is the matter with them. */
static void
put_said(struct progress *p, struct said_keys *k)
{
	buf_fmt(&p->out, " (%s%s", buf_str(&k->names), k->n > NAMED ? ", ..." : "");
	if (k->what.n && !k->differ)
		buf_fmt(&p->out, ": %s", buf_str(&k->what));
	buf_char(&p->out, ')');
	buf_free(&k->names);
	buf_free(&k->what);
}

void
progress_flush(struct progress *p)
{
	if (p->kept_run > KEPT_SHOWN && p->loud > LOUD_QUIET)
		buf_fmt(&p->out, "kept      %ld more\n", p->kept_run - KEPT_SHOWN);
	p->kept_run = 0;
}

/* A warning that the supervisor of a step has sent with its result. */
static void
say_warning(struct progress *p, const char *key, const char *text)
{
	buf_text(&p->out, "orch: warning: ");
	visible_add(&p->out, key, strlen(key), 0);
	buf_text(&p->out, ": ");
	visible_add(&p->out, text, strlen(text), 0);
	buf_char(&p->out, '\n');
}

void
progress_done(struct progress *p, const char *key, const struct outcome *o, long attempts, const char *note)
{
	progress_flush(p);
	say_errors(p, key);
	p->done++;
	if (*o->text && note != o->text)
		say_warning(p, key, o->text);
	if (p->loud == LOUD_QUIET)
		return;
	head(p, "done", key);
	buf_text(&p->out, "  ");
	duration_text(o->ms, &p->out);
	if (attempts > 1 || o->continued)
		buf_fmt(&p->out, "  attempt %ld%s", attempts, o->continued ? ", continued" : "");
	if (note) {
		buf_text(&p->out, "  ");
		visible_add(&p->out, note, strlen(note), 0);
	}
	buf_char(&p->out, '\n');
}

void
progress_otherwise(struct progress *p, const char *key, const char *word)
{
	progress_flush(p);
	p->fallbacks++;
	add_said(&p->fallen, key, "");
	if (p->loud == LOUD_QUIET)
		return;
	head(p, "fallback", key);
	buf_text(&p->out, "  ");
	visible_cut(&p->out, word, strlen(word), 60, 0);
	buf_char(&p->out, '\n');
}

void
progress_kept_fallback(struct progress *p, const char *key)
{
	add_said(&p->fallen, key, "");
}

void
progress_used_up(struct progress *p, const char *budget, const struct usage *used)
{
	progress_flush(p);
	buf_fmt(&p->out, "orch: the budget of %s is used up (", budget);
	usage_text(used, &p->out);
	buf_text(&p->out, "); nothing more is started\n");
}

void
progress_untold(struct progress *p, const char *key)
{
	if (!p->budget || p->untold_said++)
		return;
	progress_flush(p);
	buf_text(&p->out, "orch: warning: ");
	visible_add(&p->out, key, strlen(key), 0);
	buf_fmt(&p->out, ": its agent reports no usage, and counts as nothing in the budget of %s\n", p->budget);
}

void
progress_stdin(struct progress *p, const char *again)
{
	if (p->stdin_said++)
		return;
	progress_flush(p);
	if (again)
		buf_fmt(&p->out, "orch: standard input: the kept one is used (%s reads it again)\n", again);
	else
		buf_text(&p->out, "orch: standard input is empty: the kept one is used\n");
}

/* A step whose result is stale, and why. */
static void
add_stale(struct progress *p, const char *key, const char *differs)
{
	struct buf what = { 0 };

	question_text_of(&what, differs);
	add_said(&p->stale, key, buf_str(&what));
	buf_free(&what);
}

static void
say_kept(struct progress *p, const char *key, const char *differs)
{
	p->kept++;
	p->kept_run++;
	if (differs)
		add_stale(p, key, differs);
	if (p->loud == LOUD_QUIET || (p->kept_run > KEPT_SHOWN && !differs))
		return;
	head(p, "kept", key);
	buf_text(&p->out, differs ? "  stale\n" : "\n");
}

void
progress_taken(struct progress *p, const char *key, const char *run)
{
	p->kept++;
	progress_flush(p);
	if (p->loud == LOUD_QUIET)
		return;
	head(p, "kept", key);
	buf_text(&p->out, "  from ");
	visible_add(&p->out, run, strlen(run), 0);
	buf_char(&p->out, '\n');
}

static void
say_again(struct progress *p, const struct event *e)
{
	struct buf what = { 0 };

	progress_flush(p);
	if (p->loud == LOUD_QUIET)
		return;
	head(p, "rerun", e->key);
	buf_text(&p->out, "  ");
	question_text_of(&what, e->text);
	visible_add(&p->out, buf_str(&what), what.n, 0);
	buf_char(&p->out, '\n');
	buf_free(&what);
}

static void
say_retry(struct progress *p, const struct event *e)
{
	progress_flush(p);
	say_errors(p, e->key);
	if (p->loud == LOUD_QUIET)
		return;
	head(p, e->ms >= 0 ? "retry" : "attempt", e->key);
	buf_fmt(&p->out, e->ms >= 0 ? "  attempt %ld: " : "  %ld failed: ", e->attempts);
	visible_add(&p->out, e->text, strlen(e->text), 0);
	if (e->ms >= 0) {
		buf_text(&p->out, "; next in ");
		duration_text(e->ms, &p->out);
	}
	buf_char(&p->out, '\n');
}

/* Whole seconds. */
static void
put_seconds(struct progress *p, long long ms)
{
	duration_text(ms < 1000 ? 1000 : ms / 1000 * 1000, &p->out);
}

static void
say_held(struct progress *p, const struct event *e)
{
	progress_flush(p);
	say_errors(p, e->key);
	if (p->loud == LOUD_QUIET)
		return;
	head(p, "waiting", e->key);
	buf_text(&p->out, "  ");
	visible_add(&p->out, e->text, strlen(e->text), 0);
	buf_text(&p->out, "; retrying in ");
	put_seconds(p, e->ms + 999);
	buf_char(&p->out, '\n');
}

static void
say_failed(struct progress *p, const struct event *e)
{
	progress_flush(p);
	say_errors(p, e->key);
	p->failed++;
	head(p, "failed", e->key);
	buf_text(&p->out, "  ");
	visible_add(&p->out, e->text, strlen(e->text), 0);
	if (e->attempts > 1)
		buf_fmt(&p->out, " (%ld attempts)", e->attempts);
	buf_char(&p->out, '\n');
	if (!p->unasked)                /* what is there is of an earlier attempt */
		tail_file(p, p->store->tmp, e->key, "out");
	if (!p->unasked && p->loud != LOUD_VERBOSE)
		tail_file(p, p->store->errors, e->key, "err");
	p->unasked = 0;
}

/* What the command of an `if` has said on standard error. */
static void
say_said(struct progress *p, const struct event *e)
{
	progress_flush(p);
	put_lines(p, e->key, e->text, strlen(e->text));
}

void
progress_event(struct progress *p, const struct event *e)
{
	switch (e->kind) {
	case EVENT_KEPT:
		say_kept(p, e->key, e->text);
		break;
	case EVENT_AGAIN:
		say_again(p, e);
		break;
	case EVENT_RETRY:
		say_retry(p, e);
		break;
	case EVENT_RATE_LIMITED:
		say_held(p, e);
		break;
	case EVENT_CHANGED:
		add_said(&p->changed, e->key, e->text);
		break;
	case EVENT_UNASKED:
		p->unasked = 1;
		break;
	case EVENT_MADE:
	case EVENT_DECIDED:
	case EVENT_STDIN:
		break;
	case EVENT_SAID:
		say_said(p, e);
		break;
	case EVENT_FAILED:
		say_failed(p, e);
		break;
	case EVENT_TROUBLE:
		progress_flush(p);
		buf_text(&p->out, "orch: ");
		visible_add(&p->out, e->text, strlen(e->text), 0);
		buf_char(&p->out, '\n');
		break;
	case EVENT_NOTE:
		progress_flush(p);
		if (p->loud == LOUD_QUIET)
			break;
		buf_text(&p->out, "stopped   ");
		visible_add(&p->out, e->text, strlen(e->text), VISIBLE_LINES);
		buf_char(&p->out, '\n');
		break;
	}
}

void
progress_quiet(struct progress *p, const char *key, long long ms, long long quiet, long others)
{
	progress_flush(p);
	buf_text(&p->out, "orch: ");
	visible_add(&p->out, key, strlen(key), 0);
	buf_text(&p->out, " has been running for ");
	put_seconds(p, ms);
	if (quiet == -1) {
		buf_text(&p->out, ", and has written nothing yet");
	} else if (quiet >= 0) {
		buf_text(&p->out, ", and last wrote something ");
		put_seconds(p, quiet);
		buf_text(&p->out, " ago");
	}
	if (others)
		buf_fmt(&p->out, "; %ld other%s", others, others > 1 ? "s run" : " runs");
	buf_char(&p->out, '\n');
}

/* What was used in this walk, and, if there were others, by the run. */
static void
say_used(struct progress *p)
{
	struct usage all = p->earlier;
	size_t from = p->out.n;

	usage_add(&all, &p->used);
	buf_text(&p->out, ", used ");
	usage_text(&p->used, &p->out);
	if (p->out.n == from + 7)
		p->out.n = from;
	if (!p->earlier.told)
		return;
	buf_text(&p->out, p->out.n > from ? " (the run: " : " (the run used ");
	usage_text(&all, &p->out);
	buf_char(&p->out, ')');
}

/* What there was of each, as far as there was any. */
static void
put_counts(struct progress *p)
{
	const struct {
		long n;
		const char *word;
	} counts[] = {
		{ p->done, "done" }, { p->kept, "kept" }, { p->fallbacks, p->fallbacks == 1 ? "fallback" : "fallbacks" }, { p->failed, "failed" },
		{ p->interrupted, "interrupted" }, { p->not_run, "not run" },
	};
	size_t i;
	int any = 0;

	for (i = 0; i < sizeof counts / sizeof *counts; i++)
		if (counts[i].n > 0)
			buf_fmt(&p->out, "%s%ld %s", any++ ? ", " : ": ", counts[i].n, counts[i].word);
}

void
progress_end(struct progress *p, const char *run, int status, long long ms, const char *hint, const char *again, const char *redo)
{
	progress_flush(p);
	if (p->stale.n) {
		buf_fmt(&p->out, "orch: %ld result%s stale", p->stale.n, p->stale.n > 1 ? "s are" : " is");
		put_said(p, &p->stale);
		buf_fmt(&p->out, "; to re-run with what follows: %s\n", again);
	}
	if (p->changed.n) {
		buf_fmt(&p->out, "orch: warning: a file that %ld step%s on changed while %s ran", p->changed.n, p->changed.n > 1 ? "s depend" : " depends",
		    p->changed.n > 1 ? "they" : "it");
		put_said(p, &p->changed);
		buf_fmt(&p->out, "; if the step itself does that, -u re-runs it every time\n");
	}
	if (p->fallen.n) {
		buf_fmt(&p->out, "orch: %ld result%s", p->fallen.n, p->fallen.n > 1 ? "s are fallbacks" : " is a fallback");
		put_said(p, &p->fallen);
		buf_fmt(&p->out, "; to re-run: %s\n", redo);
	}
	if (p->loud == LOUD_QUIET && !status)
		return;
	buf_fmt(&p->out, "orch: run %s ", run);
	buf_text(&p->out, !status ? "is complete" : status > 128 ? "was interrupted" : status == BUDGET_STATUS ? "is unfinished" : "failed");
	put_counts(p);
	buf_text(&p->out, ", in ");
	duration_text(ms, &p->out);
	say_used(p);
	if (status && *hint)
		buf_fmt(&p->out, "\norch: to resume: %s", hint);
	buf_text(&p->out, p->has_bell && ms >= BELL_MS ? "\a\n" : "\n");
}
