/* orch status: every step of a run. */
#include "engine/inspect/runs.h"

#include <errno.h>
#include <string.h>
#include <sys/wait.h>

#include "engine/agent/outcome.h"
#include "engine/inspect/table.h"
#include "parse/text.h"

enum { PIECE = 64 * 1024 };

struct status {
	struct run_state *v;
	struct sink *sink;
	struct table table;
	struct buf out, key, why, used;
	int for_scripts, only_bad;
	size_t counts[STEP_DONE + 1], fallbacks;
	int bad;                /* the output cannot be written */
};

/* Writes what there is, if that is much. */
static void
write_piece(struct status *s, size_t least)
{
	if (s->out.n < least || s->bad)
		return;
	s->bad = s->for_scripts ? sink_emit_fields(s->sink, &s->out) : sink_emit(s->sink, &s->out);
}

/* Of a complete run, what it has not reached (the other arm of an `if`) waits for nothing, and what the workflow has no
 * more, and has no result, is of no concern. */
static int
is_shown(const struct run_state *v, const struct run_step *s)
{
	return v->state != RUN_COMPLETE || (s->state != STEP_WAITING && (s->state == STEP_DONE || !s->dropped));
}

/* The word for a state: where nobody works on the run, nothing waits. */
static const char *
word_of(const struct run_state *v, enum step_state s)
{
	return s != STEP_WAITING || v->state == RUN_RUNNING || v->state == RUN_ENDING ? step_state_word(s) : "not run";
}

/* Why a step is as it is, and who has ended it. */
static void
put_why(const struct run_state *v, const struct run_step *s, struct buf *b)
{
	if (s->redo && s->state == STEP_DONE) {
		buf_text(b, "to be re-run");
	} else if (s->otherwise) {
		buf_text(b, "fallback");
	} else if (s->last == LOG_STOP && s->state == STEP_INTERRUPTED) {
		if (v->signal && s->began >= v->walked)
			signal_text(v->signal, b);
	} else if (s->state == STEP_INTERRUPTED) {
		buf_text(b, "orch was killed or the machine went down");
	} else if (s->taken && s->state == STEP_DONE) {
		buf_text(b, "from ");
		visible_add(b, s->text, strlen(s->text), 0);
	} else if (s->text && s->state != STEP_DONE && !s->taken) {
		visible_add(b, s->text, strlen(s->text), 0);
	} else if (s->state == STEP_WAITING && s->began) {
		buf_text(b, "its result was removed");
	} else if (s->dropped) {
		buf_text(b, "not in the workflow now");
	}
}

/* The row of a step; its words live until the next. */
static void
make_row(struct status *t, uint32_t id, const struct run_step *s, struct table_row *r)
{
	const char *key = keys_text(&t->v->keys, id);
	struct usage used;

	memset(r, 0, sizeof *r);
	t->key.n = t->why.n = t->used.n = 0;
	visible_add(&t->key, key, strlen(key), 0);
	spent_of(&t->v->used, id, &used);
	usage_short_text(&used, &t->used);
	put_why(t->v, s, &t->why);
	r->state = s->state;
	r->word = word_of(t->v, s->state);
	r->key = buf_str(&t->key);
	r->why = buf_str(&t->why);
	r->used = buf_str(&t->used);
	r->attempts = s->attempts;
	r->continued = s->continued;
	r->is_fallback = s->otherwise && s->state == STEP_DONE;
	r->ms = s->state == STEP_RUNNING ? t->v->now - s->began : s->took ? s->took : -1;
	r->since = s->state == STEP_WAITING ? -1 : (double)s->since;
	r->at = (double)s->at;
	r->end = s->state == STEP_RUNNING ? (double)t->v->spent : (double)s->at + (double)s->took;
}

/* Whether the step has failed, was interrupted, or has a fallback. */
static int
is_bad(const struct run_step *s)
{
	return s->state == STEP_FAILED || s->state == STEP_INTERRUPTED || (s->state == STEP_DONE && s->otherwise);
}

/* Which steps: those that are bad, the others. */
enum { ROWS_BAD = 1, ROWS_GOOD = 2 };

static void
each_row(struct status *t, int which, void (*row)(struct status *, const struct table_row *))
{
	struct table_row r;
	size_t i;

	for (i = 0; i < t->v->order.n && !t->bad; i++) {
		uint32_t id = t->v->order.list[i];
		struct run_step s = steps_get(&t->v->steps, id);

		if (is_shown(t->v, &s) && (which & (is_bad(&s) ? ROWS_BAD : ROWS_GOOD))) {
			make_row(t, id, &s, &r);
			row(t, &r);
		}
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
		r.used = "";
		r.word = word_of(t->v, STEP_WAITING);
		r.ms = -1;
		r.since = -1;
		row(t, &r);
	}
}

static void
learn_row(struct status *t, const struct table_row *r)
{
	if (r->is_fallback)
		t->fallbacks++;
	else
		t->counts[r->state]++;
	if (!t->only_bad || r->state == STEP_FAILED || r->state == STEP_INTERRUPTED || r->is_fallback)
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
	runs_put_name(&t->out, v->store.name);
	buf_fmt(&t->out, ": %s", run_state_word(v->state));
	if (v->state == RUN_STOPPED && v->signal) {
		buf_text(&t->out, " (");
		signal_text(v->signal, &t->out);
		buf_char(&t->out, ')');
	}
	if (v->holder > 0)
		buf_fmt(&t->out, " (pid %ld)", v->holder);
	buf_text(&t->out, ", started ");
	runs_put_time(&t->out, v->record.started);
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

/* What all have used, if any has told. */
static void
put_used(struct status *t)
{
	struct usage used;

	spent_all(&t->v->used, &used);
	if (!used.told)
		return;
	buf_text(&t->out, "used ");
	usage_text(&used, &t->out);
	buf_char(&t->out, '\n');
}

/* How many steps are in which state, and why the run has failed. */
static void
put_foot(struct status *t)
{
	int s, any = 0;

	for (s = STEP_DONE; s >= 0; s--) {
		if (t->counts[s])
			buf_fmt(&t->out, "%s%zu %s", any++ ? ", " : "", t->counts[s], word_of(t->v, (enum step_state)s));
		if (s == STEP_DONE && t->fallbacks)
			buf_fmt(&t->out, "%s%zu fallback%s", any++ ? ", " : "", t->fallbacks, t->fallbacks > 1 ? "s" : "");
	}
	if (any)
		buf_char(&t->out, '\n');
	put_used(t);
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
	each_row(t, ROWS_BAD | ROWS_GOOD, learn_row);
	each_unknown(t, learn_row);
	put_head(t);
	table_axis(&t->table, &t->out);
	if (t->counts[STEP_FAILED] || t->counts[STEP_INTERRUPTED] || t->fallbacks)
		each_row(t, ROWS_BAD, draw_row);
	if (!t->only_bad) {
		each_row(t, ROWS_GOOD, draw_row);
		each_unknown(t, draw_row);
	}
	put_foot(t);
}

/* Who has ended an attempt that gave no result. */
static const char *
ended_by(const struct run_step *s)
{
	if (s->last == LOG_STOP)
		return "orch";
	if (s->text && !strncmp(s->text, "timed out after ", 16))
		return "timeout";
	if (s->text && !strncmp(s->text, "idle for ", 9))
		return "timeout";
	return s->status >= 0 && WIFSIGNALED(s->status) ? "other" : "";
}

static void
put_step_fields(const struct run_state *v, uint32_t id, const struct run_step *s, struct buf *b)
{
	int ended = s->state != STEP_DONE && (LOG_TRIED >> s->last & 1);
	struct usage used;

	buf_fmt(b, "%s\t", step_state_word(s->state));
	sink_put_field(b, keys_text(&v->keys, id));
	buf_char(b, '\t');
	if (s->began)
		buf_fmt(b, "%lld", s->began);
	buf_char(b, '\t');
	if ((LOG_ASKED >> s->last & 1) || ended)
		buf_fmt(b, "%lld", s->took);
	buf_char(b, '\t');
	if (s->began)
		buf_fmt(b, "%ld", s->attempts);
	buf_char(b, '\t');
	if (s->state == STEP_DONE && (LOG_ASKED >> s->last & 1) && !s->taken)
		buf_char(b, '0');
	else if (ended && s->status >= 0 && WIFEXITED(s->status))
		buf_fmt(b, "%d", WEXITSTATUS(s->status));
	buf_char(b, '\t');
	if (ended && s->status >= 0 && WIFSIGNALED(s->status))
		buf_fmt(b, "%d", WTERMSIG(s->status));
	buf_fmt(b, "\t%s\t", ended ? ended_by(s) : "");
	if (s->taken && s->state == STEP_DONE)
		buf_text(b, "from ");
	sink_put_field(b, s->otherwise ? "otherwise" : (ended || s->taken) && s->text ? s->text : "");
	spent_of(&v->used, id, &used);
	if (used.told & USAGE_TOKENS)
		buf_fmt(b, "\t%lld\t%lld\t%lld\t", used.input, used.cached, used.output);
	else
		buf_text(b, "\t\t\t\t");
	if (used.told & USAGE_MONEY)
		usage_money_text(used.nanos, USAGE_DECIMALS, b);
	buf_char(b, '\n');
}

static void
show_fields(struct status *t)
{
	size_t i;

	for (i = 0; i < t->v->order.n && !t->bad; i++) {
		uint32_t id = t->v->order.list[i];
		struct run_step s = steps_get(&t->v->steps, id);

		if (is_shown(t->v, &s) && (!t->only_bad || is_bad(&s))) {
			put_step_fields(t->v, id, &s, &t->out);
			write_piece(t, PIECE);
		}
	}
}

static int
exit_status(enum run_phase s)
{
	return s == RUN_COMPLETE ? 0 : s == RUN_FAILED ? 1 : s == RUN_OVER_BUDGET ? RUNS_OVER_BUDGET :
	    s == RUN_RUNNING || s == RUN_ENDING ? RUNS_GOING : RUNS_CUT_OFF;
}

int
runs_status(const char *dir, const char *run, int for_scripts, int only_bad, struct sink *sink, struct buf *error)
{
	struct status t = { 0 };
	struct run_state v;
	int status = runs_open(&v, dir, run, error);

	if (status)
		return status;
	t.v = &v;
	t.sink = sink;
	t.for_scripts = for_scripts;
	t.only_bad = only_bad;
	if (for_scripts)
		show_fields(&t);
	else
		show_table(&t);
	write_piece(&t, 1);
	status = t.bad ? runs_fail(error, RUNS_UNKNOWN, "standard output", strerror(errno)) : exit_status(v.state);
	buf_free(&t.out);
	buf_free(&t.key);
	buf_free(&t.why);
	buf_free(&t.used);
	run_state_close(&v);
	return status;
}
