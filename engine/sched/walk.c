/* Deciding: what of a workflow may run next. Each kind of statement has its function here, in one table: that makes it long. */
#include "engine/sched/walk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/sched/ended.h"
#include "engine/sched/queue.h"
#include "engine/sched/reserve.h"
#include "engine/sched/rivals.h"
#include "engine/task/depends.h"
#include "parse/mem.h"
#include "parse/parse.h"
#include "parse/text.h"
#include "store/key.h"

enum {
	BUDGET = 500,
	TAKEN_MOST = 32,        /* results that are taken from an earlier run at once */
	AHEAD = 64              /* branches that are made though as many wait for a token or their agent: others may need neither */
};

/* Whether the statement has to wait for standard input to be read; then the branch does. */
static int
wait_for_stdin(struct walk *w, struct branch *b)
{
	const char *s;
	size_t i, n;

	for (i = 0; i < b->at->inputs.n; i++)
		if (tmpl_literal(&b->at->inputs.list[i].t, &s, &n) && n == 1 && *s == '-')
			break;
	if (i == b->at->inputs.n)
		return 0;
	if (w->stdin_state == STDIN_READ) {
		if (!w->stdin_told++)
			walk_say_stdin(w, 0);
		return 0;
	}
	if (w->stdin_state == STDIN_UNREAD)
		w->stdin_state = STDIN_WANTED;
	b->state = BRANCH_STDIN;
	list_add(&w->stdin_wait, b);
	return 1;
}

/* Statements. */

static int
read_items(struct walk *w, struct branch *b, struct items *items, uint32_t *total)
{
	struct context at;
	char *lines;
	size_t n;

	memset(items, 0, sizeof *items);
	branch_context(b, &at);
	if (inputs_read(w->results, &at, b->at, &lines, &n)) {
		branch_fail_results(w, b);
		return -1;
	}
	w->results->warning.n = 0;
	if (items_read(items, w->results, &at, b->at, lines, n)) {
		items_free(items);
		branch_fail_results(w, b);
		return -1;
	}
	if (w->results->warning.n) {
		struct buf text = { 0 };

		buf_fmt(&text, "warning: %s", buf_str(&w->results->warning));
		walk_say(w, EVENT_TROUBLE, NULL, buf_str(&text), 0);
		buf_free(&text);
	}
	if (reserve_items(w, b, items, total)) {
		items_free(items);
		return -1;
	}
	return 0;
}

static int
at_for(struct walk *w, struct branch *b)
{
	struct items items;
	struct frame *f;
	uint32_t total;

	if (wait_for_stdin(w, b) || read_items(w, b, &items, &total))
		return 0;
	f = frame_push(b);
	f->items = items;
	f->left = total;
	f->var.up = b->scope;
	f->var.name = b->at->var;
	b->scope = &f->var;
	if (total && b->at->body && branch_next_pass(b))
		return 1;
	frame_pop(b);
	branch_go_on(b);
	return 1;
}

/* Adds T, read at the branch's place, to OUT. -1: the branch has failed. */
static int
expand_here(struct walk *w, struct branch *b, const struct tmpl *t, struct buf *out)
{
	struct context at;

	branch_context(b, &at);
	if (!expand(w->results, &at, t, out))
		return 0;
	branch_fail_results(w, b);
	return -1;
}

/* The number after `max`; -1 when it is none, which was said. */
static long
read_max(struct walk *w, struct branch *b)
{
	struct buf s = { 0 }, text = { 0 };
	char quoted[TEXT_SHORT];
	long long max;

	if (!b->at->max)
		return 0;
	if (expand_here(w, b, &b->at->max->t, &s)) {
		buf_free(&s);
		return -1;
	}
	max = number_parse(buf_str(&s), s.n);
	if (max < 1) {
		buf_fmt(&text, "max must be a positive number, not %s", text_short(quoted, s.s));
		branch_fail_here(w, b, buf_str(&text));
	}
	buf_free(&s);
	buf_free(&text);
	return max < 1 ? -1 : max > 1000000000 ? 1000000000 : (long)max;
}

static int
at_parallel(struct walk *w, struct branch *b)
{
	const struct node *n = b->at, *child;
	struct block *block;
	struct items items = { 0 };
	uint32_t total = 0;
	long max;

	if (wait_for_stdin(w, b) || (max = read_max(w, b)) < 0)
		return 0;
	if (n->var ? read_items(w, b, &items, &total) : reserve_places(w, b))
		return 0;
	for (child = n->var ? NULL : n->body; child; child = child->next)
		total++;
	if (!total || !n->body) {
		items_free(&items);
		branch_go_on(b);
		return 1;
	}
	block = mem_zero(1, sizeof *block);
	block->node = block->top = n;
	block->in = b;
	block->items = items;
	block->child = n->var ? NULL : n->body;
	block->total = total;
	block->max = max;
	block->prints = node_has_print(n->body);
	block->next = w->filling;
	w->filling = block;
	b->state = BRANCH_BLOCK;
	return 0;
}

/* Whether the key that the branch has come to can be made here; ERROR says why not. A call has no file of its own. */
static int
check_key(struct walk *w, const struct branch *b, struct buf *error)
{
	struct keys *keys = w->results->keys;
	const char *key = branch_step(w, b);
	uint32_t rival = KEY_NONE;

	if (keys->list[b->key].flags & KEY_MADE) {
		const struct node *line = keys_line(keys, b->key);

		buf_fmt(error, "duplicate key `%s` (first made on line %u of %s)", key, line->pos.line, line->pos.src->name);
	} else if (keys->list[b->key].flags & KEY_ODD) {
		buf_fmt(error, "result/%s is not a plain file; remove it", key);
	} else if (b->at->kind != NODE_CALL && (rival = keys_rival(keys, b->key)) != KEY_NONE) {
		rivals_say(error, keys, rival, key, b->at);
	}
	return error->n ? -1 : 0;
}

/* A key that was made before in this walk; otherwise it is now being made. */
static int
begin_key(struct walk *w, struct branch *b)
{
	struct keys *keys = w->results->keys;
	struct buf *s = &w->key, error = { 0 };
	struct context at;
	int bad;

	branch_context(b, &at);
	s->n = 0;
	if (key_expand(w->results, &at, b->at, s)) {
		branch_fail_results(w, b);
		return -1;
	}
	bad = key_is_valid(buf_str(s), s->n, &error);
	if (!bad) {
		b->key = keys_add(keys, s->s, s->n);
		bad = check_key(w, b, &error);
	}
	if (bad) {
		branch_fail_here(w, b, buf_str(&error));
	} else {
		keys->list[b->key].flags |= KEY_MADE;
		keys->list[b->key].line = b->at->number;
		keys->list[b->key].owner = 0;
	}
	buf_free(&error);
	return bad;
}

static int
is_choice(const struct task *t, const char *s, size_t n)
{
	size_t i;

	for (i = 0; i < t->nchoices; i++)
		if (strlen(t->choices[i]) == n && !memcmp(t->choices[i], s, n))
			return 1;
	return 0;
}

/* The branch fails: REPLY, the result of a question that somebody has written, is none of its choices. */
static void
refuse_reply(struct walk *w, struct branch *b, const struct task *t, const char *reply)
{
	struct buf why = { 0 }, path = { 0 };
	char said[TEXT_SHORT], name[KEY_NAME_MAX + 1];
	size_t i;

	buf_fmt(&why, "its result `%s` is not one of its choices", text_short(said, reply));
	for (i = 0; i < t->nchoices; i++)
		buf_fmt(&why, "%s%s", i ? " / " : " (", t->choices[i]);
	buf_text(&why, "); to answer: echo ANSWER >");
	key_encode(t->key, strlen(t->key), name);
	buf_fmt(&path, "%s/%s", w->around->results_dir, name);
	shell_add(&why, buf_str(&path));
	branch_fail_step(w, b, buf_str(&why));
	buf_free(&path);
	buf_free(&why);
}

/* Whether the kept result of the question T, which may have been written by hand, is a reply to it; else the branch fails. */
static int
check_reply(struct walk *w, struct branch *b, const struct task *t)
{
	char *reply;
	size_t n;
	int good;

	if (!t->nchoices || w->results->read(w->results->ctx, t->key, &reply, &n))
		return 1;
	n = without_newlines(reply, n);
	good = is_choice(t, reply, n);
	reply[n] = '\0';
	if (!good)
		refuse_reply(w, b, t, reply);
	free(reply);
	return good;
}

/* What becomes of a step that has its result: it is run again, it is kept, or its branch has failed. */
enum kept { RUN_AGAIN, KEEP, REFUSE };

/* Tells of it, with what it would be asked now. */
static enum kept
keep(struct walk *w, struct branch *b)
{
	struct event e = { 0 };
	struct task t;
	struct context at;
	uint32_t forked = KEY_NONE;
	int again, refused = 0;

	branch_context(b, &at);
	if (!task_asked(&t, w->around, w->results, &at, b->at, branch_step(w, b))) {
		e.task = &t;
		e.text = w->ops->differs(w->ops->ctx, b->key, &t);
		if (t.fork_key)
			forked = keys_find(w->results->keys, t.fork_key, strlen(t.fork_key));
	} else if (w->again) {
		e.text = "what it would be asked cannot be told";
	}
	again = result_is_outdated(w->results->keys, b->key, b->at, w->again, e.text, forked, &b->newest);
	b->is_redone |= again && !w->again;
	e.kind = again ? EVENT_AGAIN : EVENT_KEPT;
	e.key = branch_key(w, b, &e.id);
	refused = !again && e.task && !e.text && !check_reply(w, b, &t);
	if (!refused && (!again || e.text))
		w->ops->event(w->ops->ctx, &e);
	task_free(&t);
	return refused ? REFUSE : again ? RUN_AGAIN : KEEP;
}

/* The worktree that is the result of the statement the branch is at becomes its directory, if that was
 * said. Whether it is there, and still that worktree, is looked at by each task that works in it. */
int
walk_enter_worktree(struct walk *w, struct branch *b)
{
	struct results *a = w->results;
	struct buf text = { 0 };
	const struct worktree *made;
	struct context at;
	char *path;
	int bad = 0;

	if (b->at->kind != NODE_WORKTREE)
		return 0;
	branch_context(b, &at);
	path = results_path(a, branch_step(w, b));
	if (!path) {
		buf_fmt(&text, "the path of the worktree %s cannot be read: %s", branch_step(w, b), strerror(errno));
		branch_fail_here(w, b, buf_str(&text));
		bad = -1;
	} else if (expand(a, &at, &b->at->arg->t, &text)) {
		branch_fail_results(w, b);
		bad = -1;
	} else {
		made = worktree_add(&w->worktrees, path, buf_str(&text), b->dir, b->worktree);
		if (b->at->enter)
			branch_set_dir(b, path, made);
	}
	free(path);
	buf_free(&text);
	return bad;
}

/* Has the files that the step of the branch depends on looked at. Returns 0 if they have no names, which the results' error says. */
static int
look_at_files(struct walk *w, struct branch *b, int why)
{
	struct context at;

	branch_context(b, &at);
	branch_forget_files(b);
	b->files = depends_make(w->results, &at, b->at);
	if (!b->files)
		return 0;
	b->look = why;
	b->state = BRANCH_FILES;
	list_add(&w->to_look, b);
	w->nlooking++;
	return 1;
}

/* Whether the step that the branch is at may have its result in an earlier run. What is run again for `orch redo` is asked. */
static int
may_take(struct walk *w, const struct branch *b)
{
	return w->earlier && node_may_be_taken(b->at) && !b->is_redone && w->earlier(w->ops->ctx, b->key, NULL);
}

/* Any statement whose result is kept: run, worktree, commit, ask. */
static int
at_kept(struct walk *w, struct branch *b)
{
	enum kept kept = RUN_AGAIN;
	int compares;

	if (!b->looked) {
		if (wait_for_stdin(w, b) || begin_key(w, b))
			return 0;
		b->attempts = b->refused = b->busy = 0;
		b->is_redone = (w->results->keys->list[b->key].flags & KEY_REDO) != 0;
		b->refused_by = 0;
		b->otherwise = 0;
	}
	compares = (w->results->keys->list[b->key].flags & KEY_KEPT) && !(b->at->kind == NODE_RUN && node_is_always(b->at));
	if (compares && !b->looked && node_depends(b->at) && look_at_files(w, b, LOOK_KEPT))
		return 0;
	b->looked = 0;
	if (compares)
		kept = keep(w, b);
	if (kept == REFUSE)
		return 0;
	if (kept == KEEP) {
		branch_forget_files(b);
		visible_add_key(&b->visible, w->results->keys, b->key);
		if (walk_enter_worktree(w, b))
			return 0;
		branch_go_on(b);
		return 1;
	}
	b->state = BRANCH_QUEUED;
	list_add(may_take(w, b) ? &w->to_take : &w->queue, b);
	return 0;
}

static int
at_if(struct walk *w, struct branch *b)
{
	if (!wait_for_stdin(w, b)) {
		b->state = BRANCH_QUEUED;
		list_add(&w->queue, b);
	}
	return 0;
}

static int
at_stop(struct walk *w, struct branch *b)
{
	struct buf text = { 0 };
	int bad = expand_here(w, b, &b->at->prompt, &text);

	if (!bad) {
		text.n = without_newlines(buf_str(&text), text.n);
		if (text.n)
			walk_say(w, EVENT_NOTE, NULL, buf_str(&text), 0);
		b->at = NULL;
	}
	buf_free(&text);
	return !bad;
}

static int
at_fail(struct walk *w, struct branch *b)
{
	struct buf text = { 0 };
	int can_resume = w->can_resume;

	if (!expand_here(w, b, &b->at->prompt, &text)) {
		text.n = without_newlines(buf_str(&text), text.n);
		branch_fail_here(w, b, text.n ? buf_str(&text) : "fail");
		w->can_resume = can_resume;
	}
	buf_free(&text);
	return 0;
}

static int
at_break(struct walk *w, struct branch *b)
{
	(void)w;
	while (b->frame->node->kind != NODE_FOR)
		frame_pop(b);
	b->at = b->frame->node;
	frame_pop(b);
	branch_go_on(b);
	return 1;
}

static int
at_print(struct walk *w, struct branch *b)
{
	struct buf text = { 0 };
	int bad;

	if (branch_not_in_turn(b)) {
		bad = expand_here(w, b, &b->at->prompt, &text);
		if (!bad) {
			branch_print_later(w, b, &text);
			branch_go_on(b);
		}
		buf_free(&text);
		return !bad;
	}
	b->state = BRANCH_PRINT;
	list_add(&w->printing, b);
	return 0;
}

static int
at_cd(struct walk *w, struct branch *b)
{
	struct buf s = { 0 }, path = { 0 };
	struct context at;
	int bad;

	branch_context(b, &at);
	bad = expand_here(w, b, &b->at->arg->t, &s);
	if (!bad && !s.n) {
		bad = -1;
		branch_fail_here(w, b, "the directory to go to is empty");
	} else if (!bad) {
		context_dir(&at, buf_str(&s), &path);
		buf_str(&path);
		branch_set_dir(b, path.s, worktree_around(w->worktrees, path.s));
		branch_go_on(b);
	}
	buf_free(&s);
	buf_free(&path);
	return !bad;
}

/* Calls. */

static int
at_call(struct walk *w, struct branch *b)
{
	struct block *block;
	struct context at;
	const char *name;
	int bad = 0;

	if (begin_key(w, b))
		return 0;
	block = mem_zero(1, sizeof *block);
	block->node = b->at;
	block->in = b;
	block->total = 1;
	name = branch_step(w, b);
	block->prefix = arena_dup(&block->mem, name, strlen(name));
	branch_context(b, &at);
	block->scope = call_scope(w->results, &at, b->at, &block->mem, &bad);
	if (bad) {
		block_free(block);
		branch_fail_results(w, b);
		return 0;
	}
	block->next = w->filling;
	w->filling = block;
	b->state = BRANCH_BLOCK;
	return 0;
}

/* Reads one statement. The branch then goes on, or it waits, or is gone. */
static void
advance(struct walk *w, struct branch *b)
{
	static int (*const at[])(struct walk *, struct branch *) = {
		at_kept, at_for, at_parallel, at_if, at_break, at_print, at_stop, at_fail,
		at_call, at_kept, at_kept, at_cd, at_kept,
	};

	w->budget--;
	if (!b->at)
		branch_end(w, b, 0);
	else if (w->stop == STOP_STARTING && b->reason && !w->over_budget)
		branch_fail_step(w, b, b->reason);
	else if (w->stop)
		branch_end(w, b, 1);
	else if (at[b->at->kind](w, b))
		list_push(&w->ready, b);
}

/* Tasks. */

static int
make_task(struct walk *w, struct branch *b, struct task *t)
{
	struct context at;
	int bad;

	branch_context(b, &at);
	if (b->at->kind == NODE_IF) {
		bad = task_if(t, w->around, w->results, &at, b->at);
		b->question = t->question;
		return bad;
	}
	if (b->otherwise)
		return task_word(t, w->around, w->results, &at, b->at, branch_step(w, b));
	if (b->at->kind == NODE_RUN)
		bad = task_step(t, w->around, w->results, &at, b->at, branch_step(w, b));
	else
		bad = task_other(t, w->around, w->results, &at, b->at, branch_step(w, b));
	t->known = w->worktrees;
	if (bad)
		return bad;
	t->refused_by = t->revise ? b->refused_by : 0;
	b->retries = t->retries;
	b->delay = t->delay;
	b->has_otherwise = t->has_otherwise;
	b->answered = 0;
	b->attempts++;
	t->is_last = b->attempts - b->refused > b->retries;
	return 0;
}

/* The step that the branch is at cannot even be asked. */
static void
fail_task(struct walk *w, struct branch *b)
{
	struct buf why = w->results->error;

	memset(&w->results->error, 0, sizeof w->results->error);
	if (b->at->key) {
		walk_say(w, EVENT_UNASKED, b, buf_str(&why), 0);
		branch_fail_step(w, b, buf_str(&why));
	} else {
		branch_fail_here(w, b, buf_str(&why));
	}
	buf_free(&why);
}

/* A file that is missing is not a reason not to ask; it is said once. */
static void
say_missing(struct walk *w, const struct branch *b)
{
	struct buf text = { 0 };
	char key[TEXT_SHORT], file[TEXT_SHORT];
	size_t i, n;

	for (i = 0; b->files && i < b->files->n; i++) {
		const struct depended *f = &b->files->list[i];

		n = strlen(f->path);
		if (f->found != FILE_MISSING || keys_find(&w->missing, f->path, n) != KEY_NONE)
			continue;
		keys_add(&w->missing, f->path, n);
		text.n = 0;
		buf_fmt(&text, "warning: %s: %s, which it depends on, is missing", text_short(key, branch_step(w, b)), text_short(file, f->name));
		walk_say(w, EVENT_TROUBLE, NULL, buf_str(&text), 0);
	}
	buf_free(&text);
}

/* The agent was given up before the branch's turn came. */
static void
not_asked(struct walk *w, struct branch *b, const struct throttled_agent *h)
{
	struct buf why = { 0 };

	buf_fmt(&why, "skipped: %s rate-limited for ", h->name);
	duration_text(w->now - h->throttle.since, &why);
	branch_leave_slot(w, b);
	b->attempts--;
	b->retries = -1;
	ended_step_failed(w, b, buf_str(&why));
	buf_free(&why);
}

/* The branch takes a slot of -j, and a token where it needs one. */
static void
take_slot(struct walk *w, struct branch *b)
{
	if (b->has_slot)
		return;
	b->has_slot = 1;
	w->busy++;
	b->uses_token = !queue_is_free(b);
	w->tokens_used += b->uses_token;
}

static int
give_task(struct walk *w, struct branch *b, struct order *o)
{
	struct throttled_agent *h = queue_throttle(w, b);
	int bad = 0;

	if (b->at->kind == NODE_RUN && node_depends(b->at) && !b->otherwise) {
		if (!b->looked && look_at_files(w, b, LOOK_START)) {
			take_slot(w, b);
			return 0;
		}
		bad = !b->looked;
		b->looked = 0;
		if (h && throttle_waits(&h->throttle, w->now)) {
			branch_leave_slot(w, b);
			b->state = BRANCH_QUEUED;
			list_add(&h->waiting, b);
			w->nparked++;
			return 0;
		}
	}
	if (bad)
		memset(&o->task, 0, sizeof o->task);
	else
		bad = make_task(w, b, &o->task);
	if (bad) {
		task_free(&o->task);
		fail_task(w, b);
		return 0;
	}
	if (h && h->throttle.over) {
		task_free(&o->task);
		not_asked(w, b, h);
		return 0;
	}
	say_missing(w, b);
	b->round = h ? throttle_asked(&h->throttle, w->now) : 0;
	b->state = BRANCH_RUNNING;
	take_slot(w, b);
	o->task.uses_token = b->uses_token;
	o->kind = ORDER_START;
	o->branch = b;
	return 1;
}

/* The result of the next branch may be in an earlier run: a supervisor looks, and takes it. What cannot be there is asked. */
static int
give_taking(struct walk *w, struct order *o)
{
	struct branch *b = list_take(&w->to_take);
	int bad;

	if (node_depends(b->at) && !b->files && look_at_files(w, b, LOOK_TAKE))
		return 0;
	bad = make_task(w, b, &o->task);
	b->attempts--;
	if (bad || !w->earlier(w->ops->ctx, b->key, &o->task)) {
		task_free(&o->task);
		queue_in_order(w, b);
		return 0;
	}
	o->task.kind = TASK_TAKE;
	o->task.envp = NULL;
	o->task.timeout = o->task.idle = 0;
	b->takes = 1;
	w->ntaking++;
	b->state = BRANCH_RUNNING;
	o->kind = ORDER_START;
	o->branch = b;
	return 1;
}

static int
give_text(struct walk *w, struct order *o)
{
	struct branch *b = list_take(&w->printing);

	if (expand_here(w, b, &b->at->prompt, &o->text)) {
		buf_free(&o->text);
		return 0;
	}
	o->kind = ORDER_PRINT;
	o->branch = b;
	return 1;
}

/* The next files to be looked at. */
static void
give_files(struct walk *w, struct order *o)
{
	struct branch *b = list_take(&w->to_look);

	list_add(&w->looking, b);
	o->kind = ORDER_LOOK;
	o->branch = b;
	o->files = b->look == LOOK_AFTER ? b->after : b->files;
}

void
walk_looked(struct walk *w, struct branch *b, long long now)
{
	w->now = now;
	list_take(&w->looking);
	w->nlooking--;
	if (b->look == LOOK_AFTER) {
		ended_say_changed(w, b);
		branch_forget_files(b);
	} else {
		b->looked = b->look != LOOK_TAKE;
	}
	b->state = b->look == LOOK_START || b->look == LOOK_TAKE ? BRANCH_QUEUED : BRANCH_READY;
	list_add(b->look == LOOK_START ? &w->looked : b->look == LOOK_TAKE ? &w->to_take : &w->ready, b);
}

static struct block *
block_to_fill(const struct walk *w)
{
	struct block *block;

	for (block = w->filling; block && block_is_full(block); block = block->next)
		;
	return block;
}

/* Whether there is something that would be started, now or later. */
static int
is_wanted(const struct walk *w)
{
	return w->queue.first || w->pausing.first || w->looked.first || w->nparked || w->stdin_state == STDIN_WANTED;
}

void
walk_next(struct walk *w, long long now, struct order *o)
{
	struct block *block;
	struct branch *b;

	memset(o, 0, sizeof *o);
	w->now = now;
	w->budget = BUDGET;
	for (;;) {
		queue_end_pauses(w);
		if (!w->stop && w->used_up && is_wanted(w) && w->used_up(w->ops->ctx)) {
			w->over_budget = 1;
			walk_stop(w, STOP_STARTING);
		}
		if (w->budget <= 0) {
			o->kind = ORDER_MORE;
			return;
		}
		if (w->ready.first)
			advance(w, list_take(&w->ready));
		else if (w->flush.n && w->stop < STOP_ALL) {
			o->kind = ORDER_PRINT;
			o->text = w->flush;
			memset(&w->flush, 0, sizeof w->flush);
			return;
		} else if (w->stop)
			return;
		else if (w->printing.first) {
			if (give_text(w, o))
				return;
		} else if (w->stdin_state == STDIN_WANTED) {
			w->stdin_state = STDIN_READING;
			o->kind = ORDER_START;
			task_stdin(&o->task);
			return;
		} else if (w->to_look.first) {
			give_files(w, o);
			return;
		} else if (w->looked.first) {
			if (give_task(w, list_take(&w->looked), o))
				return;
		} else if (w->to_take.first && w->ntaking < TAKEN_MOST) {
			if (give_taking(w, o))
				return;
		} else if ((w->jobs && w->busy >= w->jobs) || w->nlooking >= AHEAD) {
			return;
		} else if ((b = queue_next(w))) {
			if (give_task(w, b, o))
				return;
		} else if (!w->to_take.first && w->nparked + w->nlooking < AHEAD && (block = block_to_fill(w))) {
			block_fill(w, block);
			w->budget--;
		} else {
			return;
		}
	}
}

int
walk_wants(const struct walk *w)
{
	return w->waiting_for_token.first && !queue_has_token(w) && (!w->jobs || w->busy < w->jobs);
}

long long
walk_wake(const struct walk *w, long long now)
{
	const struct throttled_agent *h;
	long long due = w->pausing.first ? w->pausing.first->due : -1;

	for (h = w->throttled; h; h = h->next)
		if (h->waiting.first && h->throttle.until > w->now && (due < 0 || h->throttle.until < due))
			due = h->throttle.until;
	return due < 0 ? -1 : due > now ? due - now : 0;
}

void
walk_stop(struct walk *w, enum stop how)
{
	struct throttled_agent *h;
	struct block *block, *next;

	if (w->stop >= how)
		return;
	w->stop = how;
	list_move(&w->queue, &w->ready, BRANCH_READY);
	list_move(&w->waiting_for_token, &w->ready, BRANCH_READY);
	for (h = w->throttled; h; h = h->next)
		list_move(&h->waiting, &w->ready, BRANCH_READY);
	w->nparked = w->nlooking = 0;
	list_move(&w->to_look, &w->ready, BRANCH_READY);
	list_move(&w->looking, &w->ready, BRANCH_READY);
	list_move(&w->looked, &w->ready, BRANCH_READY);
	list_move(&w->to_take, &w->ready, BRANCH_READY);
	list_move(&w->pausing, &w->ready, BRANCH_READY);
	list_move(&w->printing, &w->ready, BRANCH_READY);
	if (w->stdin_state != STDIN_READING)
		list_move(&w->stdin_wait, &w->ready, BRANCH_READY);
	for (block = w->filling; block; block = next) {
		next = block->next;
		if (!block->live) {
			block_settle(w, block);
			next = w->filling;      /* what was after it may have settled too */
		}
	}
}

const char *
branch_key(const struct walk *w, const struct branch *b, uint32_t *id)
{
	if (!b || !b->at->key) {
		*id = KEY_NONE;
		return NULL;
	}
	*id = b->key;
	return branch_step(w, b);
}

const struct node *
branch_line(const struct branch *b)
{
	return b ? b->at : NULL;
}

long
branch_attempt(const struct branch *b)
{
	return b ? b->attempts : 1;
}

int
branch_is_redone(const struct branch *b)
{
	return b->is_redone;
}

int
branch_again(const struct walk *w, const struct branch *b)
{
	return b && b->at->key && (w->results->keys->list[b->key].flags & KEY_KEPT);
}

int
branch_otherwise(const struct branch *b)
{
	return b && b->otherwise;
}

void
walk_start(struct walk *w, const struct workflow *workflow, const struct run_env *around, struct results *results,
    const struct scope *scope, const struct walk_ops *ops, long jobs, int stop_first)
{
	struct block *root = mem_zero(1, sizeof *root);
	struct branch *b;

	memset(w, 0, sizeof *w);
	w->w = workflow;
	w->around = around;
	w->results = results;
	w->ops = ops;
	w->jobs = jobs;
	w->stop_first = stop_first;
	w->tags = UINT32_MAX;
	results->keys->lines = workflow->keyed;
	list_init(&w->spare);
	list_init(&w->ready);
	list_init(&w->queue);
	list_init(&w->waiting_for_token);
	list_init(&w->printing);
	list_init(&w->pausing);
	list_init(&w->stdin_wait);
	list_init(&w->to_look);
	list_init(&w->looking);
	list_init(&w->looked);
	list_init(&w->to_take);
	root->total = 1;
	b = branch_make(w, root);
	b->scope = scope;
	b->flow = workflow;
	b->prefix = "";
	b->dir = around->root;
	b->at = workflow->body;
	visible_give(&b->visible, results->keys, workflow);
	if (keys_find(results->keys, "-", 1) != KEY_NONE &&
	    (results->keys->list[keys_find(results->keys, "-", 1)].flags & KEY_KEPT))
		w->stdin_state = STDIN_READ;
}

void
walk_read_stdin(struct walk *w)
{
	w->stdin_state = STDIN_UNREAD;
}

void
walk_free(struct walk *w)
{
	struct throttled_agent *h;
	struct branch *b;

	/* Branches that run when orch gives up are not freed: only an end by signal leaves some, and then
	 * the process is gone. What ended normally has freed itself. */
	while ((h = w->throttled)) {
		w->throttled = h->next;
		free(h);
	}
	buf_free(&w->reason);
	buf_free(&w->flush);
	buf_free(&w->key);
	keys_free(&w->missing);
	worktree_free_all(w->worktrees);
	while ((b = list_take(&w->spare)))
		free(b);
}
