/* Looking at runs. */
#include "engine/inspect/runs.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "store/clock.h"
#include "engine/agent/outcome.h"
#include "engine/inspect/table.h"
#include "engine/inspect/trust.h"
#include "parse/diag.h"
#include "parse/glob.h"
#include "parse/mem.h"
#include "parse/text.h"
#include "store/escape.h"
#include "store/file.h"

/* Which runs there are. */

struct run_line {
	char *name;             /* as a file */
	char *broken;           /* why it cannot be looked at; NULL: it can */
	long long started;
	long long order;        /* the same, but 0 where that is still to come: no run that was begun here has that */
	enum run_phase state;
	int is_trusted;
	long long ended;
	char *workflow;
	size_t done, failed;
};

struct run_lines {
	const char *dir;
	struct run_line *list;
	size_t n;
};

static struct run_line *
add_line(struct run_lines *l, const char *name)
{
	struct run_line *r;

	l->list = mem_grow(l->list, l->n + 1, sizeof *l->list);
	r = &l->list[l->n++];
	memset(r, 0, sizeof *r);
	r->name = mem_dup(name, strlen(name));
	return r;
}

int
runs_fail(struct buf *error, int status, const char *what, const char *why)
{
	buf_text(error, "orch: ");
	visible_add(error, what, strlen(what), 0);
	if (why)
		buf_fmt(error, ": %s", why);
	buf_char(error, '\n');
	return status;
}

/* Why the run NAME cannot be looked at. */
static void
put_error(const struct run_state *v, const char *name, struct buf *b)
{
	runs_fail(b, 1, v->store.what[0] ? v->store.what : name, v->store.told ? NULL : strerror(errno));
}

static void
add_run(void *ctx, const char *name)
{
	struct run_lines *l = ctx;
	char key[KEY_NAME_MAX + 1];
	int n = key_decode(name, key);
	struct run_line *r;
	struct run_state v;
	struct buf why = { 0 };
	uint32_t id;

	if (n < 0)
		return;
	if (run_state_open(&v, l->dir, key, (size_t)n, 0)) {
		if (errno != ENOENT) {          /* it was not removed meanwhile */
			put_error(&v, name, &why);
			add_line(l, name)->broken = buf_take(&why);
		}
	} else {
		r = add_line(l, name);
		r->started = v.record.started;
		r->order = r->started > v.now ? 0 : r->started;
		r->is_trusted = v.is_trusted;
		r->state = v.state;
		r->ended = v.ended;
		r->workflow = mem_dup(v.has_record ? v.record.workflow : "?", v.has_record ? strlen(v.record.workflow) : 1);
		for (id = 0; id < v.keys.n && id < v.nsteps; id++) {
			r->done += v.steps[id].state == STEP_DONE;
			r->failed += v.steps[id].state == STEP_FAILED;
		}
	}
	run_state_close(&v);
}

static int
newest_first(const void *va, const void *vb)
{
	const struct run_line *a = va, *b = vb;

	if (a->order != b->order)
		return a->order > b->order ? -1 : 1;
	return strcmp(b->name, a->name);
}

static int
find_runs(struct run_lines *l, const char *dir)
{
	memset(l, 0, sizeof *l);
	l->dir = dir;
	if (store_runs(dir, add_run, l))
		return -1;
	if (l->n)
		qsort(l->list, l->n, sizeof *l->list, newest_first);
	return 0;
}

static void
free_runs(struct run_lines *l)
{
	size_t i;

	for (i = 0; i < l->n; i++) {
		free(l->list[i].name);
		free(l->list[i].broken);
		free(l->list[i].workflow);
	}
	free(l->list);
}

static char *
decoded(const char *name)
{
	char key[KEY_NAME_MAX + 1];
	int n = key_decode(name, key);

	return mem_dup(key, n > 0 ? (size_t)n : 0);
}

/* The newest; of those that came from elsewhere only if there are no others. */
static char *
newest(const char *dir)
{
	struct run_lines l;
	char *name = NULL;
	size_t i;

	if (find_runs(&l, dir))
		return NULL;
	errno = 0;
	for (i = 0; i < l.n && !name; i++)
		if (l.list[i].is_trusted || l.list[i].broken)
			name = decoded(l.list[i].name);
	if (!name && l.n)
		name = decoded(l.list[0].name);
	free_runs(&l);
	return name;
}

char *
runs_newest_open(const char *dir, struct buf *say)
{
	struct run_lines l;
	char *name = NULL;
	size_t i;

	if (find_runs(&l, dir))
		return NULL;
	errno = 0;
	for (i = 0; i < l.n && !name; i++) {
		const struct run_line *r = &l.list[i];

		if (!r->broken && (r->state == RUN_COMPLETE || r->state == RUN_NEW))
			continue;
		name = decoded(r->name);
		if (r->broken || r->is_trusted)
			continue;
		trust_say_passed(say, dir, name);
		free(name);
		name = NULL;
	}
	free_runs(&l);
	errno = 0;
	return name;
}

static int
emit(struct sink *s, struct buf *b)
{
	int bad = b->n ? s->write(s->ctx, b->s, b->n) : 0;

	buf_free(b);
	return bad ? 1 : 0;
}

/* MS is 0 if it is not known. */
static void
put_time(struct buf *b, long long ms)
{
	time_t t = (time_t)(ms / 1000);
	struct tm *tm = localtime(&t);
	char text[40];

	buf_text(b, ms && tm && strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", tm) ? text : "?");
}

/* A run's name as it is said, from the name of its directory. */
static void
put_name(struct buf *b, const char *file)
{
	char *name = decoded(file);

	visible_add(b, name, strlen(name), 0);
	free(name);
}

/* Records for scripts: fields split by tabs, a control character and % in them as %XX. */

static void
put_field(struct buf *b, const char *s)
{
	size_t n = strlen(s);

	b->n += escape_add(buf_room(b, 3 * n), s, n);
}

/* Records are the same on a terminal but for what would drive it. */
static int
emit_fields(struct sink *s, struct buf *b)
{
	struct buf shown = { 0 };

	if (!s->visible)
		return emit(s, b);
	visible_add(&shown, b->s, b->n, VISIBLE_TABS | VISIBLE_LINES);
	buf_free(b);
	return emit(s, &shown);
}

static void
put_run_fields(const struct run_line *r, struct buf *b)
{
	char *name = decoded(r->name);

	buf_fmt(b, "%s\t", run_state_word(r->state));
	put_field(b, name);
	buf_fmt(b, "\t%lld\t", r->started);
	if (r->ended)
		buf_fmt(b, "%lld", r->ended);
	buf_fmt(b, "\t%zu\t%zu\t", r->done, r->failed);
	put_field(b, r->workflow);
	buf_char(b, '\n');
	free(name);
}

static void
put_run(const struct run_line *r, struct buf *b)
{
	buf_fmt(b, "%-11s  ", run_state_word(r->state));
	put_time(b, r->started);
	buf_text(b, "  ");
	put_name(b, r->name);
	buf_fmt(b, "  %zu done", r->done);
	if (r->failed)
		buf_fmt(b, ", %zu failed", r->failed);
	buf_text(b, "  ");
	visible_add(b, r->workflow, strlen(r->workflow), 0);
	if (!r->is_trusted)
		buf_text(b, "  (not trusted)");
	buf_char(b, '\n');
}

int
runs_list(const char *dir, int for_scripts, struct sink *sink, struct buf *error)
{
	struct run_lines l;
	struct buf b = { 0 };
	size_t i;

	if (find_runs(&l, dir))
		return runs_fail(error, 2, dir, strerror(errno));
	for (i = 0; i < l.n; i++) {
		const struct run_line *r = &l.list[i];

		if (r->broken)
			buf_text(error, r->broken);
		else if (for_scripts)
			put_run_fields(r, &b);
		else
			put_run(r, &b);
	}
	free_runs(&l);
	return (for_scripts ? emit_fields(sink, &b) : emit(sink, &b)) || error->n;
}

int
runs_open(struct run_state *v, const char *dir, const char *run, struct buf *error)
{
	char *name = run ? mem_dup(run, strlen(run)) : newest(dir);
	int status = 0;

	memset(v, 0, sizeof *v);
	if (!name)
		return errno ? runs_fail(error, 2, dir, strerror(errno)) : runs_fail(error, 3, dir, "there are no runs here; `orch run FILE` starts one");
	if (run_state_open(v, dir, name, strlen(name), 1)) {
		status = errno == ENOENT ? 3 : 2;
		if (status == 3)
			runs_fail(error, 3, name, "no such run; `orch runs` shows those that are there");
		else
			put_error(v, name, error);
		run_state_close(v);
	}
	free(name);
	return status;
}

/* Status. */

enum { PIECE = 64 * 1024 };

struct status {
	struct run_state *v;
	struct sink *sink;
	struct table table;
	struct buf out, key, why;
	int for_scripts;
	size_t counts[STEP_DONE + 1];
	int bad;                /* the output cannot be written */
};

/* Writes what there is, if that is much. */
static void
write_piece(struct status *s, size_t least)
{
	if (s->out.n < least || s->bad)
		return;
	s->bad = s->for_scripts ? emit_fields(s->sink, &s->out) : emit(s->sink, &s->out);
}

/* Of a complete run, what it has not reached (the other arm of an `if`) waits for nothing. */
static int
is_shown(const struct run_state *v, uint32_t id)
{
	return v->state != RUN_COMPLETE || v->steps[id].state != STEP_WAITING;
}

/* Why a step is as it is, and who has ended it. */
static void
put_why(const struct run_state *v, const struct run_step *s, struct buf *b)
{
	if (s->otherwise) {
		buf_text(b, "its `otherwise`");
	} else if (s->last == LOG_STOP && s->state == STEP_INTERRUPTED) {
		buf_text(b, "stopped by orch");
		if (v->signal && s->began >= v->walked) {
			buf_text(b, ", which got ");
			signal_text(v->signal, b);
		}
	} else if (s->state == STEP_INTERRUPTED) {
		buf_text(b, "cut off: orch was killed, or the machine went down");
	} else if (s->text && s->state != STEP_DONE) {
		visible_add(b, s->text, strlen(s->text), 0);
	} else if (s->state == STEP_WAITING && s->began) {
		buf_text(b, "its answer was removed");
	}
}

/* The row of a step; its words live until the next. */
static void
make_row(struct status *t, uint32_t id, struct table_row *r)
{
	const struct run_step *s = &t->v->steps[id];
	const char *key = keys_text(&t->v->keys, id);

	memset(r, 0, sizeof *r);
	t->key.n = t->why.n = 0;
	visible_add(&t->key, key, strlen(key), 0);
	put_why(t->v, s, &t->why);
	r->state = s->state;
	r->key = buf_str(&t->key);
	r->why = buf_str(&t->why);
	r->tries = s->tries;
	r->ms = s->state == STEP_RUNNING ? t->v->now - s->began : s->took ? s->took : -1;
	r->since = s->state == STEP_WAITING ? -1 : (double)s->since;
	r->at = (double)s->at;
	r->end = s->state == STEP_RUNNING ? (double)t->v->spent : (double)s->at + (double)s->took;
}

static void
each_row(struct status *t, void (*row)(struct status *, const struct table_row *))
{
	struct table_row r;
	size_t i;

	for (i = 0; i < t->v->order.n && !t->bad; i++)
		if (is_shown(t->v, t->v->order.list[i])) {
			make_row(t, t->v->order.list[i], &r);
			row(t, &r);
		}
}

/* Keys that are not known yet, as they are written. */
static void
each_unknown(struct status *t, void (*row)(struct status *, const struct table_row *))
{
	struct table_row r = { 0 };
	const char *line = buf_str(&t->v->waiting), *end;

	if (t->v->state == RUN_COMPLETE)
		return;
	for (; (end = strchr(line, '\n')); line = end + 1) {
		t->key.n = 0;
		visible_add(&t->key, line, (size_t)(end - line), 0);
		r.key = buf_str(&t->key);
		r.why = "for items that are not known yet";
		r.ms = -1;
		r.since = -1;
		row(t, &r);
	}
}

static void
learn_row(struct status *t, const struct table_row *r)
{
	t->counts[r->state]++;
	table_learn(&t->table, r);
}

static void
draw_row(struct status *t, const struct table_row *r)
{
	table_draw(&t->table, r, &t->out);
	write_piece(t, PIECE);
}

static void
put_head(struct status *t)
{
	const struct run_state *v = t->v;

	buf_text(&t->out, "run ");
	put_name(&t->out, v->store.name);
	buf_fmt(&t->out, ": %s", run_state_word(v->state));
	if (v->holder > 0)
		buf_fmt(&t->out, " (pid %ld)", v->holder);
	buf_text(&t->out, ", started ");
	put_time(&t->out, v->record.started);
	if (v->spent > 0) {
		buf_text(&t->out, ", took ");
		duration_text(v->spent, &t->out);
		buf_text(&t->out, v->state == RUN_RUNNING ? " so far" : "");
	}
	if (v->has_record) {
		buf_text(&t->out, ", ");
		visible_add(&t->out, v->record.workflow, strlen(v->record.workflow), 0);
	}
	buf_char(&t->out, '\n');
}

/* How many steps are in which state, and why the run has failed. */
static void
put_foot(struct status *t)
{
	int s, any = 0;

	for (s = STEP_DONE; s >= 0; s--)
		if (t->counts[s]) {
			buf_fmt(&t->out, "%s%zu %s", any ? ", " : "", t->counts[s], step_state_word((enum step_state)s));
			any = 1;
		}
	if (any)
		buf_char(&t->out, '\n');
	if (t->v->reason && t->v->state == RUN_FAILED) {
		buf_text(&t->out, "failed: ");
		visible_add(&t->out, t->v->reason, strlen(t->v->reason), 0);
		buf_char(&t->out, '\n');
	}
}

static void
show_table(struct status *t)
{
	t->table.columns = t->sink->columns;
	t->table.colour = t->sink->colour;
	t->table.axis = (double)t->v->spent;
	each_row(t, learn_row);
	each_unknown(t, learn_row);
	put_head(t);
	table_axis(&t->table, &t->out);
	each_row(t, draw_row);
	each_unknown(t, draw_row);
	put_foot(t);
}

/* Who has ended a try that gave no answer. */
static const char *
ended_by(const struct run_step *s)
{
	if (s->last == LOG_STOP)
		return "orch";
	if (s->text && !strncmp(s->text, "timed out after ", 16))
		return "timeout";
	return s->status >= 0 && WIFSIGNALED(s->status) ? "other" : "";
}

static void
put_step_fields(const struct run_state *v, uint32_t id, struct buf *b)
{
	const struct run_step *s = &v->steps[id];
	int ended = s->state != STEP_DONE && (LOG_TRIED >> s->last & 1);

	buf_fmt(b, "%s\t", step_state_word(s->state));
	put_field(b, keys_text(&v->keys, id));
	buf_char(b, '\t');
	if (s->began)
		buf_fmt(b, "%lld", s->began);
	buf_char(b, '\t');
	if (s->last == LOG_DONE || ended)
		buf_fmt(b, "%lld", s->took);
	buf_char(b, '\t');
	if (s->began)
		buf_fmt(b, "%ld", s->tries);
	buf_char(b, '\t');
	if (s->state == STEP_DONE && s->last == LOG_DONE)
		buf_char(b, '0');
	else if (ended && s->status >= 0 && WIFEXITED(s->status))
		buf_fmt(b, "%d", WEXITSTATUS(s->status));
	buf_char(b, '\t');
	if (ended && s->status >= 0 && WIFSIGNALED(s->status))
		buf_fmt(b, "%d", WTERMSIG(s->status));
	buf_fmt(b, "\t%s\t", ended ? ended_by(s) : "");
	put_field(b, s->otherwise ? "otherwise" : ended && s->text ? s->text : "");
	buf_char(b, '\n');
}

static void
show_fields(struct status *t)
{
	size_t i;

	for (i = 0; i < t->v->order.n && !t->bad; i++)
		if (is_shown(t->v, t->v->order.list[i])) {
			put_step_fields(t->v, t->v->order.list[i], &t->out);
			write_piece(t, PIECE);
		}
}

static int
exit_status(enum run_phase s)
{
	return s == RUN_COMPLETE ? 0 : s == RUN_FAILED ? 1 : s == RUN_RUNNING || s == RUN_ENDING ? RUNS_GOING : RUNS_CUT_OFF;
}

int
runs_status(const char *dir, const char *run, int for_scripts, struct sink *sink, struct buf *error)
{
	struct status t = { 0 };
	struct run_state v;
	int status = runs_open(&v, dir, run, error);

	if (status)
		return status;
	t.v = &v;
	t.sink = sink;
	t.for_scripts = for_scripts;
	if (for_scripts)
		show_fields(&t);
	else
		show_table(&t);
	write_piece(&t, 1);
	status = t.bad ? runs_fail(error, RUNS_UNKNOWN, "standard output", strerror(errno)) : exit_status(v.state);
	buf_free(&t.out);
	buf_free(&t.key);
	buf_free(&t.why);
	run_state_close(&v);
	return status;
}

/* The bytes of files. */

/* Shows FD from *AT on to its end, or, if it GROWS, to the end of the last whole character. */
static int
show_file(struct sink *sink, int fd, long long *at, int grows)
{
	char buf[32 * 1024];
	struct buf shown = { 0 };
	long n;
	int bad = 0;

	while (!bad && (n = file_read_at(fd, buf, sizeof buf, *at)) > 0) {
		if (sink->visible && (grows || n == (long)sizeof buf))
			n -= (long)utf8_begun(buf, (size_t)n);
		if (!n)
			break;
		*at += n;
		if (sink->visible) {
			visible_add(&shown, buf, (size_t)n, VISIBLE_TABS | VISIBLE_LINES);
			bad = emit(sink, &shown);
		} else {
			bad = sink->write(sink->ctx, buf, (size_t)n) ? 1 : 0;
		}
	}
	return bad || n < 0;
}

int
sink_file(struct sink *sink, int fd, long long *at)
{
	return show_file(sink, fd, at, 0);
}

static unsigned short *
pattern_of(const char *s, size_t *n)
{
	unsigned short *g;
	size_t i;

	*n = strlen(s);
	g = mem_grow(NULL, *n, sizeof *g);
	for (i = 0; i < *n; i++)
		g[i] = s[i] == '*' ? GLOB_ANY : (unsigned char)s[i];
	return g;
}

/* Calls EACH for the keys that S means: all that match if there is a *. Returns how many were found;
 * *STATUS is the first that EACH returned. */
static size_t
each_key(struct run_state *v, const char *s, int (*each)(void *, struct run_state *, uint32_t), void *ctx, int *status)
{
	size_t n, i, found = 0;
	unsigned short *g = pattern_of(s, &n);

	for (i = 0; i < v->order.n && !*status; i++) {
		uint32_t id = v->order.list[i];
		const char *key = keys_text(&v->keys, id);

		if (glob_match(g, n, key, strlen(key))) {
			found++;
			*status = each(ctx, v, id);
		}
	}
	free(g);
	return found;
}

struct cat {
	struct sink *sink;
	struct buf *error;
	int pattern;
	size_t found;
};

static int
cat_one(void *ctx, struct run_state *v, uint32_t id)
{
	struct cat *c = ctx;
	const char *key = keys_text(&v->keys, id);
	long long at = 0;
	int fd, bad;

	if (!(v->keys.list[id].flags & KEY_KEPT))
		return c->pattern ? 0 : runs_fail(c->error, 1, key, "this step has no answer yet");
	c->found++;
	fd = store_open_answer(&v->store, key);
	if (fd < 0)
		return runs_fail(c->error, 1, key, strerror(errno));
	bad = sink_file(c->sink, fd, &at);
	file_drop(fd);
	return bad;
}

int
runs_cat(const char *dir, const char *run, char *const *keys, size_t n, struct sink *sink, struct buf *error)
{
	struct cat c = { 0 };
	struct run_state v;
	size_t i;
	int status = runs_open(&v, dir, run, error);

	if (status)
		return status;
	c.sink = sink;
	c.error = error;
	for (i = 0; i < n && !status; i++) {
		c.pattern = strchr(keys[i], '*') != NULL;
		c.found = 0;
		if (!each_key(&v, keys[i], cat_one, &c, &status) || (c.pattern && !c.found && !status))
			status = runs_fail(error, 1, keys[i], c.pattern ? "no answer of this run matches" : "no step of this run is called so; `orch status` shows them");
	}
	run_state_close(&v);
	return status;
}

/* Logs. */

enum { LOOK_MS = 200, HELD_MOST = 32 };

/* One stream of one step, as far as it was shown. */
struct stream {
	long long at;
	ino_t ino;
	int fd;                 /* held open while its step runs, so that the next try's file is not taken for it; -1: not */
	int old;                /* it is an earlier try's: the latest has not made its own yet */
};

/* What was shown of a step: standard error, standard output. */
struct said {
	struct stream streams[2];
	long tries;
	int was_kept;           /* its answer was there already when this began */
	int over;               /* all of it was shown */
};

struct logs {
	struct sink *sink;
	int follow;
	int looks;              /* how often the run was looked at */
	struct keys keys;       /* by their number in here; a view's numbers change from look to look */
	struct said *said;
	uint32_t n;
	struct ids running;     /* that are asked for; the view's numbers */
	int open;               /* whether one that is asked for may still say something */
	int held;
	int any;                /* something was shown */
	uint32_t last_id;       /* whose head was shown last */
	int last_what;
	off_t size;             /* of the run's log, before it was looked at; -1: not yet */
};

/* Whether the step has its answer, and is not asked again. */
static int
is_done(const struct run_state *v, uint32_t id)
{
	return v->steps[id].state == STEP_DONE;
}

static void
put_log_head(struct logs *l, struct run_state *v, uint32_t id, uint32_t own, int what)
{
	const char *key = keys_text(&v->keys, id), *words = " <==\n";
	struct buf head = { 0 };

	if (l->any && l->last_id == own && l->last_what == what)
		return;
	if (what)
		words = is_done(v, id) ? " (standard output) <==\n" : v->steps[id].state == STEP_RUNNING ?
		    " (standard output, so far) <==\n" : " (standard output, not kept) <==\n";
	buf_text(&head, l->any ? "\n==> " : "==> ");
	visible_add(&head, key, strlen(key), 0);
	buf_text(&head, words);
	l->any = 1;
	l->last_id = own;
	l->last_what = what;
	emit(l->sink, &head);
}

/* Whether what FD has from AT on is no more than the beginning of a character. */
static int
is_begun(int fd, long long at)
{
	char s[4];
	long n = file_read_at(fd, s, sizeof s, at);

	return n > 0 && utf8_begun(s, (size_t)n) == (size_t)n;
}

/* Shows what FD, the file of a stream, has beyond what was shown. */
static int
log_more(struct logs *l, struct run_state *v, uint32_t id, uint32_t own, int what, int fd)
{
	struct stream *s = &l->said[own].streams[what];
	int grows = l->sink->visible && v->steps[id].state == STEP_RUNNING;
	struct stat st;

	if (fstat(fd, &st))
		return 0;
	if (st.st_size < s->at)
		s->at = 0;              /* it was cut off, and is written anew */
	if (st.st_size == s->at || (grows && st.st_size - s->at < 4 && is_begun(fd, s->at)))
		return 0;
	put_log_head(l, v, id, own, what);
	return show_file(l->sink, fd, &s->at, grows);
}

static void
let_go(struct logs *l, struct stream *s)
{
	if (s->fd < 0)
		return;
	close(s->fd);
	s->fd = -1;
	l->held--;
}

/* Shows the file that has the stream's name, if it is another than the one that is held. */
static int
log_named(struct logs *l, struct run_state *v, uint32_t id, uint32_t own, int what)
{
	const char *key = keys_text(&v->keys, id);
	struct stream *s = &l->said[own].streams[what];
	int kept = is_done(v, id) && what, dir = !what ? v->store.errors : kept ? v->store.result : v->store.tmp;
	char name[KEY_NAME_MAX + 1];
	struct stat st;
	int fd, bad;

	if (dir < 0 || key_encode(key, strlen(key), name) < 0 || fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW))
		return 0;
	if (s->fd >= 0 && st.st_ino == s->ino)
		return 0;
	if (what && s->ino && st.st_ino != s->ino && !s->old)
		return 0;               /* it was shown before a filter changed it */
	if ((fd = file_open(dir, name)) < 0)
		return 0;
	if (fstat(fd, &st) == 0 && st.st_ino != s->ino)
		s->at = 0;
	s->ino = st.st_ino;
	s->old = 0;
	let_go(l, s);
	bad = log_more(l, v, id, own, what, fd);
	if (l->follow && v->steps[id].state == STEP_RUNNING && l->held < HELD_MOST) {
		s->fd = fd;
		l->held++;
	} else {
		file_drop(fd);
	}
	return bad;
}

static int
log_stream(struct logs *l, struct run_state *v, uint32_t id, uint32_t own, int what)
{
	struct stream *s = &l->said[own].streams[what];
	int bad = s->fd >= 0 ? log_more(l, v, id, own, what, s->fd) : 0;

	if (!bad)
		bad = log_named(l, v, id, own, what);
	if (v->steps[id].state != STEP_RUNNING)
		let_go(l, s);
	return bad;
}

/* What was shown of the step ID, by its number in L. */
static uint32_t
own_number(struct logs *l, struct run_state *v, uint32_t id)
{
	const char *key = keys_text(&v->keys, id);
	uint32_t own = keys_add(&l->keys, key, strlen(key));

	if (own == l->n) {
		l->said = mem_grow(l->said, l->keys.cap, sizeof *l->said);
		memset(l->said + own, 0, (l->keys.cap - own) * sizeof *l->said);
		for (; l->n < l->keys.cap; l->n++)
			l->said[l->n].streams[0].fd = l->said[l->n].streams[1].fd = -1;
	}
	return own;
}

static int
log_streams(struct logs *l, struct run_state *v, uint32_t id)
{
	uint32_t own = own_number(l, v, id);
	int kept = is_done(v, id);

	return log_stream(l, v, id, own, 0) ||
	    ((!kept || (l->follow && !l->said[own].was_kept)) && log_stream(l, v, id, own, 1));
}

/* A step, when the run is looked at. */
static int
log_one(void *ctx, struct run_state *v, uint32_t id)
{
	struct logs *l = ctx;
	uint32_t own = own_number(l, v, id);
	struct said *d = &l->said[own];
	const struct run_step *s = &v->steps[id];
	int what;

	if (!l->looks)
		d->was_kept = is_done(v, id);
	if (!is_done(v, id))
		l->open = 1;
	if (s->state == STEP_RUNNING)
		ids_add(&l->running, id);
	else if (d->over && d->tries == s->tries)
		return 0;
	for (what = 0; what < 2 && d->tries != s->tries; what++) {
		d->streams[what].old = 1;
		if (d->streams[what].fd < 0)
			d->streams[what].ino = 0;       /* the number may be another file's now */
	}
	d->tries = s->tries;
	d->over = s->state != STEP_RUNNING;
	return log_streams(l, v, id);
}

/* Whether there may be more to come. */
static int
goes_on(const struct run_state *v)
{
	return v->state == RUN_RUNNING || v->state == RUN_ENDING;
}

static int
show_logs(struct logs *l, struct run_state *v, char *const *keys, size_t n, struct buf *error)
{
	static const char *const all[] = { "*" };
	int status = 0;
	size_t i;

	l->running.n = 0;
	l->open = v->waiting.n != 0;
	if (!n)
		each_key(v, all[0], log_one, l, &status);
	for (i = 0; i < n && !status; i++)
		if (!each_key(v, keys[i], log_one, l, &status) && !(l->follow && goes_on(v) && v->waiting.n))
			status = runs_fail(error, 1, keys[i], "no step of this run is called so; `orch status` shows them");
	l->looks++;
	return status;
}

static off_t
log_size(const struct run_state *v)
{
	struct stat st;

	return fstatat(v->store.run, "log", &st, AT_SYMLINK_NOFOLLOW) ? -1 : st.st_size;
}

/* Waits until the run has to be looked at again, not before REST milliseconds, and shows what those that run
 * say meanwhile. Returns whether there is an end: nobody reads any more, or the output cannot be written. */
static int
wait_for_more(struct logs *l, struct run_state *v, long long rest, int *status)
{
	struct pollfd out = { 0 };
	long long until = clock_ms() + rest;
	long holder;
	size_t i;

	out.fd = l->sink->fd;
	for (;;) {
		if (poll(&out, 1, LOOK_MS) > 0)
			return 1;
		for (i = 0; i < l->running.n && !*status; i++)
			*status = log_streams(l, v, l->running.list[i]);
		if (*status)
			return 1;
		if (clock_ms() >= until && (log_size(v) != l->size || store_busy(&v->store, &holder) == STORE_FREE))
			return 0;
	}
}

static void
free_logs(struct logs *l)
{
	uint32_t i;

	for (i = 0; i < l->n; i++) {
		let_go(l, &l->said[i].streams[0]);
		let_go(l, &l->said[i].streams[1]);
	}
	free(l->said);
	ids_free(&l->running);
	keys_free(&l->keys);
}

int
runs_logs(const char *dir, const char *run, char *const *keys, size_t n, int follow, struct sink *sink, struct buf *error)
{
	struct logs l = { 0 };
	struct run_state v;
	long long began = clock_ms();
	int status = runs_open(&v, dir, run, error), end = 0;
	char *name = status ? NULL : decoded(v.store.name);

	l.sink = sink;
	l.follow = follow;
	l.size = -1;
	while (!status) {
		status = show_logs(&l, &v, keys, n, error);
		end = status || !follow || !goes_on(&v) || (n && !l.open);
		/* Of a large run, most of the time is not for looking at it. */
		end = end || wait_for_more(&l, &v, 4 * (clock_ms() - began), &status);
		l.size = log_size(&v);
		run_state_close(&v);
		if (end)
			break;
		began = clock_ms();
		status = runs_open(&v, dir, name, error);
	}
	free(name);
	free_logs(&l);
	return status;
}
