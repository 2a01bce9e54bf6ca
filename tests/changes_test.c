/* Only what has changed: random workflows over files that are edited at random, with `pure', `always', `depends', questions and side
 * effects; walked with and without -u, redone, killed anywhere. A reference beside it knows the rules of the manual and
 * computes every result from the files alone. After each walk it says what had to be run again and what must not have been, and after
 * a complete walk with -u every result is what a new run would give: no stale result, no call that was not needed.
 *
 * A step computes a number from 0 to 2, so that the same again is common: from a number in its line, its inputs, the files it depends on, files that steps
 * before it have written as side effects, and, if it is `always', files that nobody was told of.
 *
 * ORCH_SEED=n runs the history of that seed alone, ORCH_HISTORIES=n says how many, from ORCH_FIRST=n on. */
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "parse/mem.h"
#include "tests/help.h"
#include "tests/procs.h"
#include "tests/suites.h"
#include "tests/work.h"

enum {
	LINES = 14,             /* of steps, at most */
	STEPS = 40,             /* these make */
	INPUTS = 3,
	FILES = 4,              /* that are edited */
	WALKS = 14,
	END = 60 * 1000
};

enum kind { PURE, IMPURE, ALWAYS, ASK, KINDS };
enum form { SINGLE, FOR, PARALLEL };

/* A line that makes a step, or one for each item of its block. */
struct line {
	enum kind kind;
	int salt;
	int block;              /* a number, the same for lines of one block; 0: it is in none */
	enum form form;
	int nitems;
	int guarded;            /* the line at the top whose result must be 0, or it is not reached; -1: none */
	int inputs[INPUTS], ninputs;
	int sides[INPUTS], nsides;      /* lines before it whose side effect it reads */
	int declared[INPUTS];           /* that is a file it depends on */
	int file;               /* the file that it depends on; FILES: the one of its item; -1: none */
	int ext;                /* the file that it reads without a word; -1: none */
};

/* A step as it is reached, in order. */
struct step {
	const struct line *line;
	int n, item;            /* the number of its line */
	char key[32];
	/* What the reference knows. */
	char *question;         /* it was asked last, with a result */
	int value;              /* its result; -1: it has none */
	int side;               /* of its side effect, as its last call began; -1: none */
	long seq, changed;      /* when its result came, and was last another */
	long redone, rechanged; /* the same, as a part of the redo that is not complete; 0: not */
	int cut;                /* a later call than that has come to no end */
	int redo;               /* it was marked by redo, and was not run since */
	/* In the walk that is looked at. */
	int told;               /* a line of a redo is about it */
	int calls, started, ended;      /* as it says itself; as the log says */
	int same;
	int was;                /* its result before, when that came */
	long was_seq;
	struct stat was_file;
};

struct life {
	uint64_t chance;
	unsigned long seed;
	struct line lines[LINES];
	int nlines;
	struct step steps[STEPS];
	int nsteps;
	int files[FILES], ext[FILES];   /* what they hold; -1: it is missing */
	long seq;               /* the latest */
	int is_redo, is_complete;       /* a redo is not complete; the walk that is looked at was, and with it the redo */
	size_t log;             /* what of the log was read */
	size_t marks;
	struct buf told;        /* all that was done */
};

static const char calc[] =
    "key=$1 salt=$2 kind=$3 ext=$4; shift 4\n"
    "echo \"$key\" >>\"$ORCH_ROOT/marks\"\n"
    "n=$salt i=0\n"
    "add() { i=$((i + 1)); n=$((n + i * $1)); }\n"
    "while read -r x; do add \"$x\"; done\n"
    "for f; do if read -r x 2>/dev/null <\"$f\"; then add \"$x\"; else add 7; fi; done\n"
    "[ $ext = - ] || { read -r x <\"$ext\"; add \"$x\"; }\n"
    "v=$((n % 3))\n"
    "[ $kind != impure ] || echo $v >\"side-$key\"\n"
    "echo $v\n";

static int
dice(struct life *l, int n)
{
	return (int)work_dice(&l->chance, (uint32_t)n);
}

static void
wrong(struct life *l, const char *key, const char *why)
{
	fprintf(stderr, "---- workflow\n%s---- what was done\n%s---- log\n%s---- messages\n%s----\n", help_read("w.orch", NULL),
	    buf_str(&l->told), help_read(".orch/x/log", NULL), help_read("err", NULL));
	ck_abort_msg("ORCH_SEED=%lu: %s %s", l->seed, key, why);
}

/* Making. */

/* Whether the line A comes before B where B sees what it makes: in B's branch, or before B's block. */
static int
may_use(const struct life *l, int b, int a)
{
	const struct line *x = &l->lines[a], *y = &l->lines[b];

	if (x->kind == ASK || x->guarded >= 0)
		return 0;
	return !x->block || x->block == y->block;
}

static void
choose_sources(struct life *l, int b)
{
	struct line *y = &l->lines[b];
	int a;

	for (a = 0; a < b; a++) {
		if (!may_use(l, b, a))
			continue;
		if (y->ninputs < INPUTS && !dice(l, 3))
			y->inputs[y->ninputs++] = a;
		else if (y->nsides < INPUTS && l->lines[a].kind == IMPURE && y->kind != ASK && !dice(l, 2)) {
			y->declared[y->nsides] = dice(l, 2);
			y->sides[y->nsides++] = a;
		}
	}
	if (y->kind == ASK && y->ninputs > 1)
		y->ninputs = 1;
}

static void
make_line(struct life *l, int block, enum form form, int nitems)
{
	struct line *y = &l->lines[l->nlines++];

	memset(y, 0, sizeof *y);
	y->block = block;
	y->form = form;
	y->nitems = nitems;
	y->kind = (enum kind)dice(l, form == PARALLEL ? ASK : KINDS);
	if (form == FOR && y->kind == ASK)
		y->kind = PURE;
	y->salt = dice(l, 3);
	y->guarded = y->ext = y->file = -1;
	choose_sources(l, l->nlines - 1);
	if (y->kind == ALWAYS)
		y->ext = dice(l, FILES);
	else if (y->kind != ASK && dice(l, 2))
		y->file = block ? FILES : dice(l, FILES);
	if (!block && l->nlines > 1 && !dice(l, 5) && may_use(l, l->nlines - 1, l->nlines - 2) && !l->lines[l->nlines - 2].block)
		y->guarded = l->nlines - 2;
}

static void
add_step(struct life *l, int line, int item)
{
	struct step *s = &l->steps[l->nsteps++];

	memset(s, 0, sizeof *s);
	s->line = &l->lines[line];
	s->n = line;
	s->item = item;
	s->value = s->side = -1;
	if (s->line->block)
		snprintf(s->key, sizeof s->key, "k%d-%d", line, item);
	else
		snprintf(s->key, sizeof s->key, "k%d", line);
}

static void
make_lines(struct life *l)
{
	int i, k, m, block = 0, n = 4 + dice(l, 6), nitems;

	while (n-- > 0 && l->nlines < LINES - 3) {
		enum form form = dice(l, 3) ? SINGLE : dice(l, 2) ? FOR : PARALLEL;

		nitems = form == SINGLE ? 1 : 2 + dice(l, 2);
		m = form == SINGLE ? 1 : 1 + dice(l, 2);
		block += form != SINGLE;
		while (m--)
			make_line(l, form == SINGLE ? 0 : block, form, nitems);
	}
	for (i = 0; i < l->nlines; i = m) {
		for (m = i + 1; m < l->nlines && l->lines[i].block && l->lines[m].block == l->lines[i].block; m++)
			;
		for (k = 0; k < l->lines[i].nitems; k++)
			for (n = i; n < m; n++)
				add_step(l, n, k);
	}
}

/* The key of the line A as the line B writes it. */
static void
put_key(const struct life *l, int a, struct buf *b)
{
	buf_fmt(b, l->lines[a].block ? "k%d-{{b}}" : "k%d", a);
}

static const char *const words[] = { "pure", "impure", "always" };

static void
put_step(const struct life *l, int n, struct buf *b)
{
	const struct line *y = &l->lines[n];
	int i;

	if (y->kind == ASK)
		return;
	buf_fmt(b, "step s%d exec sh {{top}}/calc ", n);
	put_key(l, n, b);
	buf_fmt(b, " %d %s ", y->salt, words[y->kind]);
	buf_fmt(b, y->ext < 0 ? "-" : "e%d", y->ext);
	if (y->file >= 0)
		buf_fmt(b, y->file == FILES ? " f{{b}}" : " f%d", y->file);
	for (i = 0; i < y->nsides; i++) {
		buf_text(b, " side-");
		put_key(l, y->sides[i], b);
	}
	buf_text(b, "\n");
}

static void
put_line(const struct life *l, int n, struct buf *b)
{
	const struct line *y = &l->lines[n];
	int i;

	if (y->kind == ASK) {
		buf_fmt(b, "ask k%d yes no default yes\n| Number %d", n, y->salt);
		for (i = 0; i < y->ninputs; i++) {
			buf_text(b, " {{");
			put_key(l, y->inputs[i], b);
			buf_text(b, "}}");
		}
		buf_text(b, "\n");
		return;
	}
	buf_fmt(b, "run s%d as ", n);
	put_key(l, n, b);
	for (i = 0; i < y->ninputs; i++) {
		buf_text(b, i ? " " : " < ");
		put_key(l, y->inputs[i], b);
	}
	buf_text(b, "\n");
	if (y->kind != IMPURE)
		buf_fmt(b, "    %s\n", words[y->kind]);
	if (y->file >= 0)
		buf_fmt(b, y->file == FILES ? "    depends f{{b}}\n" : "    depends f%d\n", y->file);
	for (i = 0; i < y->nsides; i++)
		if (y->declared[i]) {
			buf_text(b, "    depends side-");
			put_key(l, y->sides[i], b);
			buf_text(b, "\n");
		}
}

static void
write_workflow(const struct life *l)
{
	struct buf b = { 0 };
	int i, block = 0;

	buf_text(&b, "param top\n");
	for (i = 0; i < l->nlines; i++)
		put_step(l, i, &b);
	for (i = 0; i < l->nlines; i++) {
		const struct line *y = &l->lines[i];

		if (block && y->block != block)
			buf_text(&b, "end\n");
		if (y->block && y->block != block)
			buf_fmt(&b, y->nitems == 2 ? "%s b in 0 1\n" : "%s b in 0 1 2\n", y->form == FOR ? "for" : "parallel max 2");
		block = y->block;
		if (y->guarded >= 0) {
			buf_text(&b, "if < ");
			put_key(l, y->guarded, &b);
			buf_text(&b, " | grep -q 0\n");
		}
		put_line(l, i, &b);
		if (y->guarded >= 0)
			buf_text(&b, "end\n");
	}
	if (block)
		buf_text(&b, "end\n");
	help_bytes("w.orch", b.s, b.n);
	buf_free(&b);
}

static void
write_number(const char *name, int number)
{
	char text[16];

	if (number < 0) {
		unlink(name);
		return;
	}
	snprintf(text, sizeof text, "%d\n", number);
	help_bytes(name, text, strlen(text));
}

static void
edit(struct life *l, int ext, int i, int to)
{
	char name[16];

	(ext ? l->ext : l->files)[i] = to;
	snprintf(name, sizeof name, "%c%d", ext ? 'e' : 'f', i);
	write_number(name, to);
	buf_fmt(&l->told, "%s is %d\n", name, to);
}

/* Something is changed, or nothing. */
static void
change(struct life *l)
{
	int n = dice(l, 4), i;

	while (n--) {
		i = dice(l, l->nlines);
		switch (dice(l, 4)) {
		case 0:
			l->lines[i].salt = dice(l, 3);
			buf_fmt(&l->told, "line k%d has %d\n", i, l->lines[i].salt);
			write_workflow(l);
			break;
		case 1:
			edit(l, 1, dice(l, FILES), dice(l, 3));
			break;
		default:
			edit(l, 0, dice(l, FILES), dice(l, 4) - 1);
			break;
		}
	}
}

/* The reference. */

/* The step that the line A has made for the step S to see. */
static struct step *
source(struct life *l, const struct step *s, int a)
{
	int i;

	for (i = 0; i < l->nsteps; i++)
		if (l->steps[i].n == a && (!l->lines[a].block || l->steps[i].item == s->item))
			return &l->steps[i];
	return NULL;
}

/* Whether A comes before B: on a line above in its branch, or before its block. */
static int
is_before(const struct step *a, const struct step *b)
{
	if (a >= b)
		return 0;
	return !(a->line->block && a->line->block == b->line->block && a->line->form == PARALLEL && a->item != b->item);
}

static int
is_reached(struct life *l, const struct step *s)
{
	return s->line->guarded < 0 || source(l, s, s->line->guarded)->value == 0;
}

static int
file_of(const struct step *s)
{
	return s->line->file == FILES ? s->item : s->line->file;
}

/* What S would be asked now, with the results and side effects that there are. */
static char *
question_of(struct life *l, const struct step *s)
{
	const struct line *y = s->line;
	struct buf b = { 0 };
	int i;

	buf_fmt(&b, "%d:", y->salt);
	for (i = 0; i < y->ninputs; i++)
		buf_fmt(&b, " %d", source(l, s, y->inputs[i])->value);
	if (y->file >= 0)
		buf_fmt(&b, " file %d", l->files[file_of(s)]);
	for (i = 0; i < y->nsides; i++)
		if (y->declared[i])
			buf_fmt(&b, " side %d", source(l, s, y->sides[i])->side);
	return buf_take(&b);
}

/* What calc would say. VALUES and SIDES are by step. */
static int
compute(struct life *l, const struct step *s, const int *values)
{
	const struct line *y = s->line;
	int n = y->salt, k = 0, i, v;

	for (i = 0; i < y->ninputs; i++)
		n += ++k * values[source(l, s, y->inputs[i]) - l->steps];
	if (y->file >= 0) {
		v = l->files[file_of(s)];
		n += ++k * (v < 0 ? 7 : v);
	}
	for (i = 0; i < y->nsides; i++)
		n += ++k * values[source(l, s, y->sides[i]) - l->steps];
	if (y->ext >= 0)
		n += ++k * l->ext[y->ext];
	return n % 3;
}

/* Every result is what a new run would give. */
static void
expect_fresh(struct life *l)
{
	int values[STEPS], i;

	for (i = 0; i < l->nsteps; i++) {
		struct step *s = &l->steps[i];

		values[i] = s->line->kind == ASK ? 0 : compute(l, s, values);
		if (s->line->guarded >= 0 && values[source(l, s, s->line->guarded) - l->steps])
			continue;
		if (s->value != values[i])
			wrong(l, s->key, "has a stale result");
	}
}

/* Whether S must be run by this walk, as far as the steps before it have come. AGAIN: with -u. */
static int
is_needed(struct life *l, const struct step *s, int again)
{
	int i, differs, later = 0, changed = 0;
	char *now;

	long seq = s->was_seq;

	if (s->was < 0 || s->line->kind == ALWAYS || s->redo)
		return 1;
	if (!again && !l->is_redo)
		return 0;
	for (i = 0; i < l->nsteps; i++) {
		const struct step *a = &l->steps[i];

		if (!is_before(a, s) || !is_reached(l, a))
			continue;
		if (a->line->kind == IMPURE || a->line->kind == ASK)
			later |= (again ? a->seq : a->redone) > seq;
		else
			changed |= (again ? a->changed : a->rechanged) > seq;
	}
	now = question_of(l, s);
	differs = (again && s->cut) || !s->question || strcmp(now, s->question);
	free(now);
	return (again && differs) || later || (changed && (differs || s->line->kind == ASK));
}

/* What was seen of a walk. */

static struct step *
find(struct life *l, const char *key, size_t n)
{
	int i;

	for (i = 0; i < l->nsteps; i++)
		if (strlen(l->steps[i].key) == n && !memcmp(l->steps[i].key, key, n))
			return &l->steps[i];
	wrong(l, key, "is nobody's key");
	return NULL;
}

static int
read_number(const char *dir, const char *key)
{
	char name[80];
	const char *s;

	snprintf(name, sizeof name, "%s%s", dir, key);
	if (!help_exists(name))
		return -1;
	s = help_read(name, NULL);
	return *s == 'y' ? 0 : atoi(s);
}

static void
stat_result(const char *key, struct stat *st)
{
	char name[80];

	snprintf(name, sizeof name, RESULT "%s", key);
	memset(st, 0, sizeof *st);
	if (stat(name, st))
		st->st_ino = 0;
}

/* The marks of this walk: who was called. */
static void
read_marks(struct life *l)
{
	size_t n;
	const char *s = help_read("marks", &n), *end = s + n, *nl;

	for (s += l->marks; s < end && (nl = memchr(s, '\n', (size_t)(end - s))); s = nl + 1)
		find(l, s, (size_t)(nl - s))->calls++;
	l->marks = n;
}

/* A line of a redo, LEFT of which follow: with the last all of them count, and not before. */
static void
add_redo(struct life *l, struct step *s, int left)
{
	int i;

	s->told = 1;
	if (left)
		return;
	l->is_redo = 1;
	for (i = 0; i < l->nsteps; i++)
		l->steps[i].redo |= l->steps[i].told;
}

/* The lines of the log that this walk has written: what has come to an end, in which order. A question that was begun counts as a call. */
static void
read_log(struct life *l)
{
	size_t n;
	const char *s = help_read(".orch/x/log", &n), *end = s + n, *nl;
	char event[16], key[64];
	long long ms;
	int left;
	struct step *step;

	for (s += l->log; s < end && (nl = memchr(s, '\n', (size_t)(end - s))); s = nl + 1) {
		left = -1;
		if (s == nl || sscanf(s, "%lld %15s %63s %d", &ms, event, key, &left) < 3)
			continue;
		if (!strcmp(event, "end") && !strcmp(key, "0"))
			l->is_complete = 1;
		if (!strcmp(event, "redo"))
			add_redo(l, find(l, key, strlen(key)), left);
		if (!strcmp(event, "start"))
			find(l, key, strlen(key))->started = 1;
		if (!strcmp(event, "start") && find(l, key, strlen(key))->line->kind == ASK)
			find(l, key, strlen(key))->calls++;
		if (strcmp(event, "done") && strcmp(event, "same"))
			continue;
		step = find(l, key, strlen(key));
		if (!step->started)
			continue;       /* its own line was lost by a kill, and comes now */
		step->ended++;
		step->seq = ++l->seq;
		step->same = !strcmp(event, "same");
		if (!step->same)
			step->changed = step->seq;
		if (!strcmp(event, "same") != (step->line->kind != IMPURE && step->line->kind != ASK && step->was == read_number(RESULT, key)))
			wrong(l, key, "is the same, and was not said to be, or the other way round");
	}
	l->log = n;
}

/* S has its result of this walk. Whether it is a part of a redo: if it was marked, or since a part of that comes before it. */
static void
note_redone(const struct life *l, struct step *s, int again, int needed)
{
	int follows = !again && needed && s->was >= 0 && s->line->kind != ALWAYS && s->ended;

	if (!l->is_redo || !(s->redo || follows))
		return;
	s->redone = s->seq;
	if (!s->same)
		s->rechanged = s->redone;
}

/* What was needed was run, and nothing else; then the walk is history. */
static void
check_walk(struct life *l, int again, int complete)
{
	struct stat now;
	int i, needed, came;

	for (i = 0; i < l->nsteps; i++)
		l->steps[i].value = read_number(RESULT, l->steps[i].key);
	for (i = 0; i < l->nsteps; i++) {
		struct step *s = &l->steps[i];

		stat_result(s->key, &now);
		came = now.st_ino != s->was_file.st_ino || now.st_mtim.tv_sec != s->was_file.st_mtim.tv_sec ||
		    now.st_mtim.tv_nsec != s->was_file.st_mtim.tv_nsec;
		needed = is_reached(l, s) && is_needed(l, s, again);
		if (s->calls > 1)
			wrong(l, s->key, "was run twice in a walk");
		if (s->calls && !needed)
			wrong(l, s->key, "was run and did not need to be");
		if (complete && needed && !s->calls)
			wrong(l, s->key, "was not run and had to be");
		if (s->calls && s->line->kind == IMPURE)
			s->side = read_number("side-", s->key);
		if (s->calls && !s->ended && came)      /* only its line was lost */
			s->seq = s->changed = ++l->seq;
		if (s->calls && (s->ended || came))
			note_redone(l, s, again, needed);
		if (s->calls && (s->ended || came)) {
			free(s->question);
			s->question = question_of(l, s);
			s->cut = s->redo = 0;
		} else if (s->calls || s->started) {
			s->cut = 1;
		}
	}
}

/* The marks of a redo of the KEY of S: itself, and what follows one that is not pure; what is run in any case needs none. */
static void
check_redo(struct life *l, const struct step *named, const unsigned char *marked)
{
	int want[STEPS], i, k;

	for (i = 0; i < l->nsteps; i++) {
		const struct step *s = &l->steps[i];

		want[i] = s == named || marked[i];
		for (k = 0; k < i; k++)
			if (want[k] && l->steps[k].was >= 0 && (l->steps[k].line->kind == IMPURE || l->steps[k].line->kind == ASK) &&
			    is_before(&l->steps[k], s) && s->line->kind != ALWAYS)
				want[i] = 1;
		want[i] &= s->was >= 0;
		if (!s->redo != !want[i])
			wrong(l, s->key, want[i] ? "is not marked by redo" : "is marked by redo");
	}
}

enum mode { RESUME, AGAIN, REDO };

/* A step that has a result; NULL: there is none. */
static const struct step *
choose_result(struct life *l)
{
	int i = dice(l, l->nsteps), k;

	for (k = 0; k < l->nsteps; k++, i = (i + 1) % l->nsteps)
		if (l->steps[i].value >= 0)
			return &l->steps[i];
	return NULL;
}

static void
begin_walk(struct life *l, unsigned char *marked)
{
	int i;

	for (i = 0; i < l->nsteps; i++) {
		struct step *s = &l->steps[i];

		s->told = s->calls = s->started = s->ended = 0;
		s->was = s->value;
		s->was_seq = s->seq;
		s->same = 0;
		stat_result(s->key, &s->was_file);
		marked[i] = (unsigned char)s->redo;
	}
}

/* Until some more steps have been called. */
static void
await_calls(const struct life *l, int more)
{
	long long until = help_ms() + 200;
	size_t n;

	do {
		help_pause(1);
		free(help_read("marks", &n));
	} while (n < l->marks + (size_t)more * 4 && help_ms() < until);
}

static void
forget_redo(struct life *l)
{
	int i;

	l->is_redo = 0;
	for (i = 0; i < l->nsteps; i++)
		l->steps[i].redo = 0;
	for (i = 0; i < l->nsteps; i++)
		l->steps[i].redone = l->steps[i].rechanged = 0;
}

static void
walk(struct life *l, enum mode mode, int signal_number)
{
	static const char *const commands[] = { "resume -q", "resume -q -u", "redo -q" };
	unsigned char marked[STEPS];
	const struct step *named = mode == REDO ? choose_result(l) : NULL;
	pid_t pid;
	int status;

	if (mode == REDO && !named)
		mode = RESUME;
	begin_walk(l, marked);
	l->is_complete = 0;
	if (!help_exists(".orch/x/run"))
		pid = procs_start("exec orch run -q%s -r x w.orch top=\"$PWD\"", mode == AGAIN ? " -u" : "");
	else
		pid = procs_start("exec orch %s -r x %s", commands[mode], named ? named->key : "");
	if (signal_number && dice(l, 2))
		help_pause(dice(l, 60));
	else if (signal_number)
		await_calls(l, 1 + dice(l, 8));
	if (signal_number)
		kill(pid, signal_number);
	status = procs_end(pid, END);
	procs_none_left(AFTER);
	buf_fmt(&l->told, "%s %s, signal %d: %d\n", commands[mode], named ? named->key : "", signal_number, status);
	if (status && status != 128 + signal_number)
		wrong(l, "orch", "has failed");
	read_marks(l);
	read_log(l);
	if (named && !status)
		check_redo(l, named, marked);
	check_walk(l, mode == AGAIN, !status);
	if (l->is_complete)
		forget_redo(l);
	if (mode == AGAIN && !status)
		expect_fresh(l);
}

static void
live(unsigned long seed)
{
	static const int signals[] = { SIGKILL, SIGKILL, SIGTERM, SIGINT };
	struct life *l = mem_zero(1, sizeof *l);
	int i, walks;

	l->seed = seed;
	l->chance = seed * 0x9e3779b97f4a7c15u | 1;
	make_lines(l);
	help_bytes("calc", calc, sizeof calc - 1);
	for (i = 0; i < FILES; i++) {
		edit(l, 0, i, dice(l, 4) - 1);
		edit(l, 1, i, dice(l, 3));
	}
	write_workflow(l);
	for (walks = 3 + dice(l, WALKS - 3); walks; walks--) {
		walk(l, dice(l, 3) ? AGAIN : dice(l, 2) ? RESUME : REDO, dice(l, 2) || procs_portable() ? 0 : signals[dice(l, LEN(signals))]);
		change(l);
	}
	walk(l, AGAIN, 0);
	walk(l, AGAIN, 0);
}

START_TEST(a_history_of_changes)
{
	live((unsigned long)_i);
}
END_TEST

Suite *
changes_suite(void)
{
	Suite *s = suite_create("changes");
	int seed = help_number("ORCH_SEED", 0), first = help_number("ORCH_FIRST", 1), n = help_number("ORCH_HISTORIES", help_torture() ? 4000 : 40);
	TCase *c = help_case(s, "random", procs_begin, 120);

	tcase_add_loop_test(c, a_history_of_changes, seed ? seed : first, seed ? seed + 1 : first + n);
	return s;
}
