/* A run that is looked at. */
#include "engine/inspect/run_state.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/clock.h"
#include "engine/load.h"
#include "engine/sched/plan.h"
#include "engine/task/results.h"
#include "parse/mem.h"

enum { OVER_BUDGET = 7 };       /* orch's exit status */

/* The events that tell how a step is. */
#define STEP_LINES (1u << LOG_START | LOG_TRIED | LOG_ASKED | 1u << LOG_OTHERWISE | 1u << LOG_FOUND)

const char *
step_state_word(enum step_state s)
{
	static const char *const words[] = { "waiting", "running", "interrupted", "failed", "done" };

	return words[s];
}

const char *
run_state_word(enum run_phase s)
{
	static const char *const words[] = { "new", "running", "ending", "complete", "failed", "interrupted", "interrupted", "over-budget" };

	return words[s];
}

static void
put_in_order(struct run_state *v, uint32_t id)
{
	struct run_step s = steps_get(&v->steps, id);

	if (s.in_order)
		return;
	ids_add(&v->order, id);
	s.in_order = 1;
	steps_put(&v->steps, id, &s);
}

static void
set_state(struct run_state *v, uint32_t id, enum step_state state)
{
	struct run_step s = steps_get(&v->steps, id);

	s.state = state;
	steps_put(&v->steps, id, &s);
}

static int
read_results(struct run_state *v)
{
	int bad = v->only ? results_of_keys(&v->keys, &v->store) : results_keys(&v->keys, &v->store);
	uint32_t id;

	for (id = 0; id < v->keys.n; id++)
		if (v->keys.list[id].flags & KEY_KEPT)
			set_state(v, id, STEP_DONE);
	return bad;
}

static void
end_line(struct run_state *v, const struct log_line *l)
{
	v->ended = l->ms;
	v->state = !l->value ? RUN_COMPLETE : l->value > 128 ? RUN_STOPPED : l->value == OVER_BUDGET ? RUN_OVER_BUDGET : RUN_FAILED;
	v->signal = l->value > 128 ? (int)(l->value - 128) : 0;
	free(v->reason);
	v->reason = l->text ? mem_dup(l->text, strlen(l->text)) : NULL;
}

static int
is_answered(const struct log_line *l)
{
	return (LOG_ASKED >> l->event & 1) || l->event == LOG_OTHERWISE || l->event == LOG_FOUND;
}

/* The time MS of the log on the axis; what a foreign log says may be any number. */
static long long
on_axis(const struct run_state *v, long long ms)
{
	uint64_t at = (uint64_t)ms - v->zero;

	return at > INT64_MAX ? 0 : (long long)at;
}

static void
walk_line(struct run_state *v, const struct log_line *l)
{
	v->zero = v->last ? v->zero + (uint64_t)l->ms - (uint64_t)v->last : (uint64_t)l->ms;
	sessions_line(&v->sessions, &v->keys, 0, l);
	v->walked = l->ms;
	v->walks++;
	v->state = RUN_INTERRUPTED;
	v->ended = 0;
	v->signal = 0;
}

/* What an event of a step says of the attempt. */
static void
set_attempt(struct run_state *v, struct run_step *s, const struct log_line *l)
{
	const char *from = log_taken_from(l);

	s->last = l->event;
	s->attempts = l->value;
	s->took = l->took;
	s->status = l->status;
	if (l->event == LOG_FOUND)
		s->began = l->ms;
	if (l->event == LOG_START) {
		s->continued = 0;
		s->began = l->ms;
		s->at = on_axis(v, l->ms);
		if (s->since < 0 || l->value <= 1)
			s->since = s->at;
	}
	if (l->event == LOG_START || (LOG_ASKED >> l->event & 1) || l->event == LOG_FOUND)
		s->otherwise = 0;
	if (is_answered(l))
		s->redo = 0;
	if (l->event == LOG_OTHERWISE)
		s->otherwise = 1;
	s->taken = from != NULL;
	step_set_text(s, is_answered(l) ? from : l->text);
}

/* What it says of the step: whether its result is there is for result/ to say; a START without an end is running, if
 * anybody is. */
static void
settle_step(struct run_state *v, struct run_step *s, const struct log_line *l, int kept)
{
	if (l->event == LOG_START)
		s->walk = kept && l->text ? v->walks : 0;
	if (kept && (!s->walk || is_answered(l))) {
		s->walk = 0;
		s->state = STEP_DONE;
		return;
	}
	s->state = l->event == LOG_START ? STEP_RUNNING : l->event == LOG_FAIL ? STEP_FAILED :
	    l->event == LOG_STOP ? STEP_INTERRUPTED : STEP_WAITING;
	if (kept || !is_answered(l))
		return;
	s->took = 0;
	v->state = RUN_INTERRUPTED;     /* done, and its result taken away since */
}

static void
step_line(struct run_state *v, uint32_t id, const struct log_line *l)
{
	struct run_step s = steps_get(&v->steps, id);

	sessions_line(&v->sessions, &v->keys, id, l);
	set_attempt(v, &s, l);
	settle_step(v, &s, l, v->keys.list[id].flags & KEY_KEPT);
	steps_put(&v->steps, id, &s);
}

static void
set_redo(struct run_state *v, uint32_t id, int redo)
{
	struct run_step s = steps_get(&v->steps, id);

	if (s.redo == redo)
		return;
	s.redo = redo;
	steps_put(&v->steps, id, &s);
}

static void
mark_redo(struct run_state *v, const struct ids *ids)
{
	size_t i;

	for (i = 0; i < ids->n; i++)
		set_redo(v, ids->list[i], 1);
	v->has_redo = 1;
}

/* What a complete walk has not reached is not to be run again. */
static void
unmark_redo(struct run_state *v)
{
	uint32_t i;

	for (i = 0; v->has_redo && i < v->steps.n; i++)
		set_redo(v, i, 0);
	v->has_redo = 0;
}

static void
session_line(struct run_state *v, uint32_t id, const struct log_line *l)
{
	struct run_step s = steps_get(&v->steps, id);

	s.continued = l->text && !strncmp(l->text, "continued ", 10);
	steps_put(&v->steps, id, &s);
	sessions_line(&v->sessions, &v->keys, id, l);
}

/* A line that is about a step: where only some are looked at, those that are not are passed over. */
static void
key_line(struct run_state *v, const struct log_line *l)
{
	uint32_t id = v->only ? keys_find(&v->keys, l->key, l->n) : keys_add(&v->keys, l->key, l->n);

	if (id == KEY_NONE)
		return;
	if (l->event == LOG_SESSION)
		session_line(v, id, l);
	else if (l->event == LOG_REDO && redo_line(&v->redone, id, l->value))
		mark_redo(v, &v->redone.ids);
	else if (l->event == LOG_USAGE)
		spent_line(&v->used, &v->keys, l);
	else if (l->event != LOG_REDO)
		step_line(v, id, l);
}

static void
add_line(void *ctx, const struct log_line *l)
{
	struct run_state *v = ctx;

	if (l->event != LOG_USAGE)
		spent_line(&v->used, &v->keys, l);
	if (l->event == LOG_END) {
		if (!l->value)
			unmark_redo(v);
		end_line(v, l);
	} else if (l->event == LOG_WALK) {
		walk_line(v, l);
	} else if (l->event == LOG_PAUSED) {
		v->zero += (uint64_t)(l->value > 0 ? l->value : 0);
	} else if (l->event != LOG_IF) {
		key_line(v, l);
	}
	v->last = l->ms;
	v->spent = on_axis(v, l->ms);
}

/* A run whose log says that it is complete is not, when a result was taken away. A step that had none is
 * another matter: the workflow, or the text on standard input, has it no more. */
static void
check_complete(struct run_state *v)
{
	uint32_t id;

	for (id = 0; v->state == RUN_COMPLETE && id < v->keys.n; id++) {
		struct run_step s = steps_get(&v->steps, id);

		if (!(v->keys.list[id].flags & KEY_KEPT) && s.state == STEP_WAITING && s.began && s.last != LOG_RATE_LIMITED)
			v->state = RUN_INTERRUPTED;
	}
}

static void
add_planned(void *ctx, const struct plan_step *p)
{
	struct run_state *v = ctx;

	if (p->key) {
		put_in_order(v, keys_add(&v->keys, p->key, strlen(p->key)));
	} else {
		buf_text(&v->waiting, p->written);
		buf_char(&v->waiting, '\n');
	}
}

static void
add_seen(void *ctx, const struct log_line *l)
{
	struct run_state *v = ctx;
	uint32_t id = keys_find(&v->keys, l->key, l->n);

	if (id != KEY_NONE && steps_get(&v->steps, id).last != LOG_WALK)
		put_in_order(v, id);
}

/* What the workflow does not name (it may have changed), as the log first names it, then what has a result. */
static void
add_unnamed(struct run_state *v)
{
	size_t unnamed = 0;
	uint32_t id;

	for (id = 0; id < v->keys.n && !unnamed; id++) {
		struct run_step s = steps_get(&v->steps, id);

		unnamed += !s.in_order && s.last != LOG_WALK;
	}
	if (unnamed)
		log_read(v->store.run, STEP_LINES, add_seen, v);
	for (id = 0; id < v->keys.n; id++)
		if (v->keys.list[id].flags & KEY_KEPT)
			put_in_order(v, id);
}

/* What comes after the first N of the order is in a workflow no more, if all of its keys are known; but for what
 * was read from standard input. */
static void
mark_dropped(struct run_state *v, size_t n)
{
	for (; !v->waiting.n && n < v->order.n; n++) {
		uint32_t id = v->order.list[n];
		struct run_step s = steps_get(&v->steps, id);

		s.dropped = strcmp(keys_text(&v->keys, id), "-") != 0;
		steps_put(&v->steps, id, &s);
	}
}

/* Of a run from standard input, what earlier texts have made comes first: N steps are the latest text's own. */
static void
put_earlier_first(struct run_state *v, size_t n)
{
	struct ids order = { 0 };
	size_t i;

	for (i = n; i < v->order.n; i++)
		ids_add(&order, v->order.list[i]);
	for (i = 0; i < n; i++)
		ids_add(&order, v->order.list[i]);
	ids_free(&v->order);
	v->order = order;
}

/* The workflow's order. */
static void
find_order(struct run_state *v)
{
	struct buf error = { 0 };
	struct flow f;
	int planned = 0;
	size_t own;

	results_of_store(&v->results, &v->keys, &v->store);
	if (v->has_record) {
		if (!load_read(&f, &v->record, v->record.workflow, &v->keys, &error) && !load_bind(&f, &v->record, &error)) {
			plan_walk(f.w, f.scope, &v->results, NULL, add_planned, v);
			planned = 1;
		}
		load_free(&f);
	}
	buf_free(&error);
	own = v->order.n;
	add_unnamed(v);
	if (v->record.text)
		put_earlier_first(v, own);
	else if (planned)
		mark_dropped(v, own);
}

static void
settle_states(struct run_state *v)
{
	uint32_t id;
	enum store_busy busy = store_busy(&v->store, &v->holder);

	for (id = 0; id < v->keys.n; id++) {
		struct run_step step = steps_get(&v->steps, id);

		/* What was begun again in an earlier walk, and not by the latest, is as its file says. */
		if (step.walk && step.walk != v->walks)
			set_state(v, id, STEP_DONE);
		else if (busy == STORE_FREE && step.state == STEP_RUNNING)
			set_state(v, id, STEP_INTERRUPTED);
	}
	check_complete(v);
	v->now = clock_epoch();
	if (busy == STORE_FREE)
		return;
	v->state = busy == STORE_RUNNING ? RUN_RUNNING : RUN_ENDING;
	v->spent = on_axis(v, v->now);
}

/* Says which file of the run it was about. */
static int
fail(struct run_state *v, const char *dir, const char *part)
{
	int saved = errno;

	store_blame(&v->store, dir, part);
	errno = saved;
	return -1;
}

/* Whether of these keys something is known. */
static int
know_all(const struct run_state *v)
{
	uint32_t id;

	for (id = 0; id < v->keys.n; id++)
		if (!(v->keys.list[id].flags & KEY_KEPT) && steps_get(&v->steps, id).last == LOG_WALK)
			return 0;
	return 1;
}

static int
open_record(struct run_state *v, const char *dir, const char *name, size_t n)
{
	if (store_open(&v->store, dir, name, n, STORE_READ))
		return -1;
	store_mark(&v->store, &v->mark);
	v->has_record = !record_read(&v->record, v->store.run, v->store.path);
	if (v->has_record)
		store_find_lock(&v->store);
	v->is_trusted = identity_is_of(&v->record.made, v->store.lock);
	v->now = clock_epoch();
	return 0;
}

static void
add_key(void *ctx, const struct log_line *l)
{
	struct run_state *v = ctx;

	keys_add(&v->keys, l->key, l->n);
}

/* The results and the log; of ->only those alone. Of a large run the keys are in memory in the order in which they are looked at
 * later, nearly the workflow's, not in that of a directory. */
static int
read_steps(struct run_state *v, const char *dir)
{
	if (!v->only && log_read(v->store.run, 1u << LOG_START, add_key, v))
		return fail(v, dir, "log");
	if (read_results(v))
		return fail(v, dir, "result");
	if (log_read(v->store.run, LOG_ALL, add_line, v))
		return fail(v, dir, "log");
	settle_states(v);
	return 0;
}

int
run_state_open(struct run_state *v, const char *dir, const char *name, size_t n, enum run_look look)
{
	memset(v, 0, sizeof *v);
	if (open_record(v, dir, name, n) || (look >= LOOK_STEPS && read_steps(v, dir)))
		return -1;
	if (look == LOOK_ORDER)
		find_order(v);
	return 0;
}

int
run_state_open_keys(struct run_state *v, const char *dir, const char *name, size_t n, char *const *keys, size_t nkeys, int *all)
{
	uint32_t id;
	size_t i;

	memset(v, 0, sizeof *v);
	v->only = 1;
	for (i = 0; i < nkeys; i++)
		keys_add(&v->keys, keys[i], strlen(keys[i]));
	if (open_record(v, dir, name, n) || read_steps(v, dir))
		return -1;
	for (id = 0; id < v->keys.n; id++)
		put_in_order(v, id);
	*all = know_all(v);
	return 0;
}

void
run_state_close(struct run_state *v)
{
	steps_free(&v->steps);
	spent_free(&v->used);
	sessions_free(&v->sessions);
	ids_free(&v->redone.ids);
	free(v->reason);
	ids_free(&v->order);
	buf_free(&v->waiting);
	buf_free(&v->results.error);
	keys_free(&v->keys);
	record_free(&v->record);
	store_close(&v->store);
}
