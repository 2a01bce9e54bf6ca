/* What happens when a task has ended: its step is done, is tried again, fails; an arm of an `if` is taken. */
#include "engine/sched/ended.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "engine/sched/queue.h"
#include "engine/task/depends.h"
#include "parse/mem.h"

enum { BUSY_MOST = 5 };         /* times that a step is asked again which could not begin beside others */

void
walk_has_result(struct walk *w, struct branch *b)
{
	if (!b)
		return;
	branch_leave_slot(w, b);
	if (b->at->kind == NODE_IF)
		return;                 /* its arms are still to come */
	b->answered = 1;
	if (branch_is_last(b))
		branch_leave_room(b);
}

void
walk_agent_waits(struct walk *w, struct branch *b, long seconds, long long now)
{
	struct throttled_agent *h = queue_make_throttle(w, b);

	if (seconds > 0) {
		throttle_until(&h->throttle, seconds * 1000LL, now);
	} else if (seconds < 0 && !b->holds) {
		b->holds = &h->throttle;
		h->throttle.holding++;
	} else if (!seconds) {
		branch_holds_no_more(b);
	}
}

void
ended_step_failed(struct walk *w, struct branch *b, const char *why)
{
	long long ms;

	free(b->reason);
	b->reason = mem_dup(why, strlen(why));
	/* Where the result was there, only keeping it has failed: nobody is asked twice for that. */
	if (b->attempts - b->refused <= b->retries && !b->answered && !b->otherwise && !w->stop) {
		ms = queue_delay(w, b);
		walk_say(w, EVENT_RETRY, b, why, ms);
		queue_pause(w, b, ms);
	} else if (w->over_budget && !b->answered && !b->otherwise && (b->attempts - b->refused <= b->retries || b->has_otherwise)) {
		walk_say(w, EVENT_RETRY, b, why, -1);
		branch_end(w, b, 1);    /* it is not asked again now; the next walk does */
	} else if (b->has_otherwise && !b->otherwise && !w->stop) {
		walk_say(w, EVENT_RETRY, b, why, -1);
		b->otherwise = 1;
		b->state = BRANCH_QUEUED;
		list_push(&w->queue, b);
	} else {
		branch_fail_step(w, b, why);
	}
}

/* Its agent is rate-limited: that is not a failure of the step, and no attempt of its `retry`. */
static void
step_refused(struct walk *w, struct branch *b, const struct outcome *o)
{
	struct throttled_agent *h = queue_make_throttle(w, b);
	struct branch **p;
	struct buf why = { 0 };
	int again = throttle_refused(&h->throttle, b->round, o->of.wait < 0 ? -1 : o->of.wait * 1000LL, b->delay,
	    w->ops->random(w->ops->ctx), w->now);

	outcome_text(o, 0, &why);
	if (!again) {
		b->retries = -1;
		ended_step_failed(w, b, buf_str(&why));
	} else if (w->stop) {
		branch_end(w, b, 1);
	} else {
		walk_say(w, EVENT_RATE_LIMITED, b, buf_str(&why), h->throttle.until - w->now);
		b->state = BRANCH_QUEUED;
		for (p = &h->waiting.first; *p && (*p)->refused; p = &(*p)->next)
			;
		list_insert(&h->waiting, p, b);
		b->refused++;
		w->nparked++;
	}
	buf_free(&why);
}

/* It could not begin beside others of its kind: asked again after a pause, a few times, which is not an attempt of its `retry`.
 * Whether it is. */
static int
step_is_busy(struct walk *w, struct branch *b, const struct outcome *o)
{
	struct buf why = { 0 };
	long long ms = b->delay;
	int i;

	if (b->busy == BUSY_MOST || w->stop)
		return 0;
	for (i = 0; i < b->busy; i++)
		ms *= 2;
	ms = throttle_jitter(ms, w->ops->random(w->ops->ctx));
	b->busy++;
	b->refused++;
	outcome_text(o, 0, &why);
	walk_say(w, EVENT_RATE_LIMITED, b, buf_str(&why), ms);
	buf_free(&why);
	queue_pause(w, b, ms);
	return 1;
}

/* The session that was to be continued is gone: the step starts over, which is not an attempt of its `retry`. */
static void
start_over(struct walk *w, struct branch *b)
{
	b->refused++;
	walk_say(w, EVENT_RETRY, b, "its session is gone: starting over", 0);
	queue_pause(w, b, 0);
}

/* Whether its agent has come to an end by itself, and has not refused. */
static int
by_itself(const struct outcome *o)
{
	return o->kind == OUT_OK || o->kind == OUT_ENDED || o->kind == OUT_PERMANENT || o->kind == OUT_FILTER || o->kind == OUT_CHECK;
}

/* Whether the step has failed for good, without another attempt or a fallback: where it was to work is not what it
 * should be, so it was not asked; or processes that nobody could end may still be at work. */
static int
is_final(const struct outcome *o)
{
	return o->kind == OUT_NO_SESSION || o->kind == OUT_NO_DIR || o->kind == OUT_NOT_WORKTREE || o->kind == OUT_STILL_OPEN ||
	    o->kind == OUT_LEFTOVERS || o->kind == OUT_UNENDED || (o->kind == OUT_LOST && *o->text);
}

/* The step has its result: what follows it is later, for -u; for redo only where it is a part of that. */
static void
note_made(struct walk *w, struct branch *b, int is_same)
{
	struct keys *keys = w->results->keys;
	struct key *k = &keys->list[b->key];
	int counts = w->again || b->is_redone;

	if (!w->again && !keys->is_redo)
		return;
	if (counts)
		newest_made(&b->newest, keys, b->key, b->at, is_same);
	else if (k->flags & KEY_REDONE)         /* in an earlier walk; now it is always run */
		newest_kept(&b->newest, keys, b->key, b->at);
	if (b->is_redone)
		k->flags |= KEY_REDONE;
	if (counts && !is_same)
		result_set_seq(keys, b->key, SEQ_NOW);
	else
		result_set_same(keys, b->key, SEQ_NOW);
}

/* The step has ended: what it depends on is looked at once more, before anybody else can have changed it. */
static void
look_after(struct walk *w, struct branch *b)
{
	struct context at;

	if (!b->files || b->otherwise || w->stop) {
		branch_forget_files(b);
		return;
	}
	branch_context(b, &at);
	b->after = depends_make(w->results, &at, b->at);
	if (!b->after) {                /* a result that names one is gone */
		branch_forget_files(b);
		return;
	}
	b->look = LOOK_AFTER;
	b->state = BRANCH_FILES;
	w->nlooking++;
}

void
ended_say_changed(struct walk *w, struct branch *b)
{
	struct event e = { 0 };
	size_t i;

	for (i = 0; i < b->after->n; i++)
		if (depends_changed(&b->files->list[i], &b->after->list[i]) && b->after->list[i].found != FILE_FAILED) {
			e.kind = EVENT_CHANGED;
			e.id = b->key;
			e.key = branch_step(w, b);
			e.text = b->after->list[i].name;
			w->ops->event(w->ops->ctx, &e);
			return;
		}
}

/* The earlier run has no result to the question of the branch, which is asked then; or taking it has failed: nobody is asked and paid
 * for where not even that can be kept. */
static void
untaken(struct walk *w, struct branch *b, const struct outcome *o)
{
	struct buf why = { 0 };

	if (o->kind == OUT_STOPPED) {
		branch_end(w, b, 1);
	} else if (o->kind == OUT_UNTAKEN) {
		queue_in_order(w, b);
		if (w->stop)
			list_move(&w->queue, &w->ready, BRANCH_READY);
	} else {
		outcome_text(o, 0, &why);
		b->retries = -1;
		b->has_otherwise = 0;
		ended_step_failed(w, b, buf_str(&why));
	}
	buf_free(&why);
}

/* The step has its result. */
static void
step_done(struct walk *w, struct branch *b, const struct outcome *o)
{
	walk_say(w, EVENT_MADE, b, NULL, 0);
	visible_add_key(&b->visible, w->results->keys, b->key);
	note_made(w, b, o->of.same && !b->otherwise);
	free(b->reason);
	b->reason = NULL;
	if (walk_enter_worktree(w, b))
		return;
	if (b->otherwise && w->stop_first) {
		branch_fail_here(w, b, "its fallback is kept, and stops the run (-x)");
		return;
	}
	b->state = BRANCH_READY;
	look_after(w, b);
	branch_go_on(b);
	list_add(b->state == BRANCH_FILES ? &w->to_look : &w->ready, b);
}

/* Its result was to be taken from an earlier run. */
static void
taking_ended(struct walk *w, struct branch *b, const struct outcome *o)
{
	b->takes = 0;
	w->ntaking--;
	branch_forget_files(b);         /* nothing has worked on them; who is asked has them looked at again */
	if (o->kind == OUT_OK)
		step_done(w, b, o);
	else
		untaken(w, b, o);
}

static void
step_ended(struct walk *w, struct branch *b, const struct outcome *o)
{
	struct throttled_agent *h = queue_throttle(w, b);

	/* What was refused is what the next attempt is about, also if this one could not begin. */
	if (o->kind == OUT_FILTER || o->kind == OUT_CHECK)
		b->refused_by = o->pid;
	else if (o->kind != OUT_RATE_LIMITED && o->kind != OUT_BUSY)
		b->refused_by = 0;
	if (h && by_itself(o))
		throttle_ended(&h->throttle, b->round);
	if (o->kind == OUT_OK) {
		step_done(w, b, o);
	} else if (o->kind == OUT_STOPPED) {
		branch_end(w, b, 1);
	} else if (o->kind == OUT_RATE_LIMITED) {
		step_refused(w, b, o);
	} else if (o->kind == OUT_NO_SESSION && o->continued && w->stop) {
		branch_end(w, b, 1);
	} else if (o->kind == OUT_NO_SESSION && o->continued) {
		start_over(w, b);
	} else if (o->kind != OUT_BUSY || !step_is_busy(w, b, o)) {
		struct buf why = { 0 };

		if (o->kind == OUT_PERMANENT)
			b->retries = 0;
		if (is_final(o))
			b->retries = b->has_otherwise = 0;
		outcome_text(o, o->timeout, &why);
		if (o->kind == OUT_NO_SESSION && w->around->redo)
			w->around->redo(w->around->ctx, o->text, &why);
		ended_step_failed(w, b, buf_str(&why));
		buf_free(&why);
	}
}

/* Tells E, of the `if` that the branch is at. */
static void
say_of_if(struct walk *w, const struct branch *b, struct event *e)
{
	struct buf pos = { 0 };

	buf_fmt(&pos, "%s:%u", b->at->pos.src->name, b->at->pos.line);
	e->key = buf_str(&pos);
	w->ops->event(w->ops->ctx, e);
	buf_free(&pos);
}

/* What the `if` in a worktree has decided is remembered, and said. */
static void
remember(struct walk *w, const struct branch *b, uint64_t digest, int yes)
{
	struct event e = { 0 };

	decisions_set(w->decisions, digest, yes);
	e.kind = EVENT_DECIDED;
	e.yes = yes;
	e.digest = digest;
	say_of_if(w, b, &e);
}

/* What it has said is shown, whatever it decides: it may be that it could not do what it was to do. */
static void
say_said(struct walk *w, const struct branch *b, const char *text)
{
	struct event e = { 0 };

	e.kind = EVENT_SAID;
	e.text = text;
	if (*text)
		say_of_if(w, b, &e);
}

/* What the command of an `if` decides: 1 or 0; -1: nothing. One whose worktree is gone decides as it did last. */
static int
decide(struct walk *w, const struct branch *b, const struct outcome *o)
{
	int yes = o->kind == OUT_OK ? 1 : o->kind == OUT_ENDED && WIFEXITED(o->status) && WEXITSTATUS(o->status) == 1 ? 0 : -1;
	uint64_t digest;

	if (!b->worktree || !w->decisions)
		return yes;
	digest = decisions_next(w->decisions, b->question);
	if (o->kind == OUT_NOT_WORKTREE && o->of.worktree == WORKTREE_GONE)
		return decisions_get(w->decisions, digest);
	if (yes >= 0 && decisions_get(w->decisions, digest) != yes)
		remember(w, b, digest, yes);
	return yes;
}

static void
if_ended(struct walk *w, struct branch *b, const struct outcome *o)
{
	struct buf why = { 0 };
	int yes = decide(w, b, o);

	if (o->kind == OUT_STOPPED) {
		branch_end(w, b, 1);
	} else if (yes >= 0) {
		const struct node *arm = yes ? b->at->body : b->at->other;

		if (o->kind == OUT_OK || o->kind == OUT_ENDED)
			say_said(w, b, o->text);
		b->state = BRANCH_READY;
		if (arm) {
			frame_push(b);
			b->at = arm;
		} else {
			branch_go_on(b);
		}
		list_add(&w->ready, b);
	} else {
		if (o->kind != OUT_NOT_WORKTREE)
			buf_text(&why, "the command of this `if` (0 is true, 1 is false): ");
		outcome_text(o, 0, &why);
		if (o->kind == OUT_ENDED && *o->text)
			buf_fmt(&why, ": %.*s", (int)without_newlines(o->text, strlen(o->text)), o->text);
		branch_fail_here(w, b, buf_str(&why));
	}
	buf_free(&why);
}

void
walk_say_stdin(struct walk *w, int read)
{
	struct event e = { 0 };

	e.kind = EVENT_STDIN;
	e.key = "-";
	e.yes = read;
	w->ops->event(w->ops->ctx, &e);
}

static void
stdin_ended(struct walk *w, const struct outcome *o)
{
	struct branch *b;
	struct buf why = { 0 };

	if (o->kind == OUT_OK) {
		w->stdin_state = STDIN_READ;
		w->stdin_told = 1;
		walk_say_stdin(w, 1);
		list_move(&w->stdin_wait, &w->ready, BRANCH_READY);
		return;
	}
	w->stdin_state = STDIN_UNREAD;
	outcome_text(o, 0, &why);
	while ((b = list_take(&w->stdin_wait))) {
		if (o->kind == OUT_STOPPED)
			branch_end(w, b, 1);
		else
			branch_fail_here(w, b, buf_str(&why));
	}
	buf_free(&why);
}

void
walk_ended(struct walk *w, struct branch *b, const struct outcome *o, long long now)
{
	w->now = now;
	if (!b) {
		stdin_ended(w, o);
		return;
	}
	branch_leave_slot(w, b);
	branch_holds_no_more(b);
	if (b->at->kind == NODE_IF)
		if_ended(w, b, o);
	else if (b->takes)
		taking_ended(w, b, o);
	else
		step_ended(w, b, o);
}

void
walk_refused(struct walk *w, struct branch *b)
{
	if (!b) {
		w->stdin_state = w->stop ? STDIN_UNREAD : STDIN_WANTED;
		if (w->stop)
			list_move(&w->stdin_wait, &w->ready, BRANCH_READY);
		return;
	}
	branch_leave_slot(w, b);
	branch_holds_no_more(b);
	if (!b->has_room) {
		b->has_room = 1;
		b->of->room_taken++;
	}
	if (b->takes) {
		b->takes = 0;
		w->ntaking--;
		b->state = BRANCH_QUEUED;
		list_push(&w->to_take, b);
		if (w->stop)
			list_move(&w->to_take, &w->ready, BRANCH_READY);
		return;
	}
	if (b->at->key && !b->otherwise)
		b->attempts--;
	b->state = BRANCH_QUEUED;
	list_push(&w->queue, b);
	if (w->stop)
		list_move(&w->queue, &w->ready, BRANCH_READY);
}

void
walk_printed(struct walk *w, struct branch *b, int error)
{
	struct buf text = { 0 };

	if (error) {
		buf_fmt(&text, "standard output: %s", strerror(error));
		if (b) {
			branch_fail_here(w, b, buf_str(&text));
		} else {
			w->output_failed = 1;
			walk_say(w, EVENT_TROUBLE, NULL, buf_str(&text), 0);
			walk_stop(w, STOP_STARTING);
		}
		buf_free(&text);
		return;
	}
	if (!b)
		return;
	b->state = BRANCH_READY;
	branch_go_on(b);
	list_add(&w->ready, b);
}
