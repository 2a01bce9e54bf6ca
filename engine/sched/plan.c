/* What a workflow would do. */
#include "engine/sched/plan.h"

#include <stdlib.h>
#include <string.h>

#include "engine/task/depends.h"
#include "engine/task/items.h"
#include "engine/task/question.h"
#include "parse/mem.h"
#include "parse/text.h"

struct plan {
	struct results *results;
	struct results watched; /* the same; reading one that is pending is noted */
	unsigned char *pending; /* by key, npending of them: it is of a pure step that would be run again, and may come out the same */
	size_t npending;
	int saw_pending;
	const struct plan_with *with;   /* NULL: nothing else is looked at */
	uint32_t serials;
	struct ids made;        /* the keys that were reached */
	int unmade;             /* a step that was reached has no result yet, or is to be run again */
	struct arena mem;
	void (*each)(void *, const struct plan_step *);
	void *ctx;
};

/* What holds after what was reached. */
struct passed {
	struct newest newest;   /* SEQ_NOW: of what would be asked */
	int maybe;              /* a step that is not pure may be run again */
};

/* Where the walk is: what a branch of walk.c knows. */
struct cursor {
	struct context at;
	struct visible *visible;        /* at.visible, to add to */
	struct passed passed;
	int perhaps;            /* the call of this file may not be reached */
};

static int plan_nodes(struct plan *, struct cursor *, const struct node *);

static void
pass(struct passed *passed, const struct passed *other)
{
	newest_join(&passed->newest, &other->newest);
	passed->maybe |= other->maybe;
}

static int
is_perhaps(const struct node *n)
{
	for (n = n->parent; n; n = n->parent)
		if (n->kind == NODE_IF || (n->kind == NODE_FOR && node_breaks(n->body)))
			return 1;
	return 0;
}

static int
is_pending(const struct plan *p, const char *key)
{
	uint32_t id = keys_find(p->results->keys, key, strlen(key));

	return id < p->npending && p->pending[id];
}

static void
make_pending(struct plan *p, uint32_t id)
{
	size_t n = p->results->keys->cap;

	if (id >= p->npending) {
		p->pending = mem_grow(p->pending, n, 1);
		memset(p->pending + p->npending, 0, n - p->npending);
		p->npending = n;
	}
	p->pending[id] = 1;
}

static int
watch_read(void *ctx, const char *key, char **s, size_t *n)
{
	struct plan *p = ctx;

	p->saw_pending |= is_pending(p, key);
	return p->results->read(p->results->ctx, key, s, n);
}

/* Whether T sees a result that may be another by then. What its prompt holds was noted when that was read. */
static int
sees_pending(const struct plan *p, const struct task *t)
{
	const char *key = t->inputs;
	size_t i;

	if (p->saw_pending || (t->fork_key && is_pending(p, t->fork_key)))
		return 1;
	for (i = 0; i < t->ninputs; i++, key += strlen(key) + 1)
		if (is_pending(p, key))
			return 1;
	return 0;
}

/* What the kept step would be asked otherwise. */
static const char *
what_differs(struct plan *p, const struct cursor *cursor, struct plan_step *step, uint32_t id)
{
	const char *what;
	struct task t;

	if (!p->with || !p->with->differs || (step->node->kind == NODE_RUN && node_depends(step->node) && !cursor->at.files))
		return NULL;
	memset(&t, 0, sizeof t);
	p->saw_pending = 0;
	if (!task_asked(&t, p->with->around, &p->watched, &cursor->at, step->node, step->key)) {
		what = p->with->differs(p->with->ctx, id, &t);
		step->maybe = p->npending && sees_pending(p, &t);
	} else {
		what = p->with->again ? "what it would be asked cannot be told" : NULL;
	}
	task_free(&t);
	return what;
}

/* Whether the step forks the session of one that would be run again. */
static int
forks_pending(struct plan *p, const struct cursor *cursor, const struct node *n)
{
	uint32_t id;

	return n->kind == NODE_RUN && n->attrs.forks.n && p->npending && !expand_last(p->results, &cursor->at, &n->attrs.forks, &id) &&
	    id < p->npending && p->pending[id];
}

/* A step that has its result; also for the first of two arms that share a key. Returns whether it is new. */
static int
plan_kept(struct plan *p, struct cursor *cursor, struct plan_step *step, uint32_t id)
{
	struct keys *keys = p->results->keys;
	const struct node *n = step->node;
	int again = p->with && (p->with->again || keys->is_redo), counts;

	if (keys->list[id].flags & KEY_MADE)
		return 0;
	step->differs = what_differs(p, cursor, step, id);
	step->again = p->with && result_is_outdated(keys, id, n, p->with->again, step->differs, KEY_NONE, &cursor->passed.newest);
	step->again |= again && forks_pending(p, cursor, n);
	counts = step->again || (p->with && p->with->again && !p->with->only_kept);
	if (p->with && n->kind == NODE_RUN && node_is_always(n))
		step->again = 1;        /* for redo that alone makes nothing later */
	step->maybe |= cursor->passed.maybe || (n->kind == NODE_ASK && p->npending);
	step->maybe &= again && !step->again && n->kind != NODE_WORKTREE;
	if (counts && (step->again || step->maybe) && node_is_pure(n))
		make_pending(p, id);
	else if (counts && step->again)
		cursor->passed.newest.seq = SEQ_NOW;
	cursor->passed.maybe |= step->maybe && !node_is_pure(n);
	keys->list[id].flags |= KEY_MADE;
	ids_add(&p->made, id);
	return 1;
}

static void
set_dir(struct plan *p, struct cursor *cursor, const char *dir)
{
	struct buf b = { 0 };

	context_dir(&cursor->at, dir, &b);
	cursor->at.dir = arena_dup(&p->mem, b.s, b.n);
	buf_free(&b);
}

static void
enter_worktree(struct plan *p, struct cursor *cursor, const char *key)
{
	char *path = results_path(p->results, key);

	if (path)
		set_dir(p, cursor, path);
	free(path);
}

/* The earlier run that may have the result of the step; NULL: none. */
static const char *
earlier_of(const struct plan *p, const struct plan_step *step, uint32_t id)
{
	if (!p->with || !p->with->earlier || id == KEY_NONE || !node_may_be_taken(step->node))
		return NULL;
	return p->with->earlier(p->with->ctx, id, NULL);
}

static int
has_pattern(const struct tmpl *t)
{
	size_t i;

	for (i = 0; i < t->n; i++)
		if (t->parts[i].kind == PART_NAME && tmpl_pattern(t->parts[i].name))
			return 1;
	return 0;
}

/* Looks whether the step, which would be run, has its result in an earlier run. Where it sees results that are not there yet it may. */
static void
look_at_earlier(struct plan *p, const struct cursor *cursor, struct plan_step *step, uint32_t id)
{
	const struct node *n = step->node;
	struct task t;

	if (!task_asked(&t, p->with->around, p->results, &cursor->at, n, step->key)) {
		step->taken = p->with->earlier(p->with->ctx, id, &t);
		step->may_be_taken = !step->taken && p->unmade && (n->inputs.n || has_pattern(&n->prompt) || (t.fork_key && !t.fork));
	} else {
		step->may_be_taken = 1;
	}
	task_free(&t);
}

/* The files that the step depends on, looked at; NULL: it depends on none, or they are not wanted. */
static struct depends *
look(struct plan *p, const struct cursor *cursor, const struct plan_step *step, int wanted)
{
	const struct plan_with *with = p->with;
	struct depends *files = NULL;

	if (with && with->looks && step->node->kind == NODE_RUN && node_depends(step->node) &&
	    (with->look_key ? !strcmp(with->look_key, step->key) : wanted))
		files = depends_make(p->results, &cursor->at, step->node);
	if (files)
		depends_look_all(files);
	return files;
}

static void
plan_step(struct plan *p, struct cursor *cursor, const struct node *n)
{
	struct plan_step step = { 0 };
	struct buf key = { 0 }, written = { 0 };
	uint32_t id = KEY_NONE;
	struct depends *files = NULL;
	const char *earlier;
	int is_new = 0;

	tmpl_show(&n->key->t, &written);
	step.node = n;
	step.written = buf_str(&written);
	step.at = &cursor->at;
	step.perhaps = cursor->perhaps || is_perhaps(n);
	buf_text(&key, cursor->at.prefix);
	if (!expand(p->results, &cursor->at, &n->key->t, &key)) {
		step.key = buf_str(&key);
		id = keys_find(p->results->keys, key.s, key.n);
		step.kept = id != KEY_NONE && (p->results->keys->list[id].flags & KEY_KEPT);
		earlier = earlier_of(p, &step, id);
		cursor->at.files = files = look(p, cursor, &step, step.kept || earlier);
		if (step.kept)
			is_new = plan_kept(p, cursor, &step, id);
		if (earlier && (!step.kept || step.again))
			look_at_earlier(p, cursor, &step, id);
	}
	p->unmade |= !step.kept || step.again;
	if (!step.kept && !step.perhaps && p->with && p->with->again && !p->with->only_kept)
		newest_made(&cursor->passed.newest, p->results->keys, id, n, 0);
	p->each(p->ctx, &step);
	depends_free(files);
	cursor->at.files = NULL;
	if (is_new)                     /* seen from here on: not by the line itself */
		visible_add_key(cursor->visible, p->results->keys, id);
	if (step.kept && n->enter && p->with)
		enter_worktree(p, cursor, step.key);
	buf_free(&key);
	buf_free(&written);
}

/* A branch of the block that AROUND is at begins. */
static void
begin_branch(struct plan *p, const struct cursor *around, struct cursor *cursor, struct visible *visible)
{
	*cursor = *around;
	memset(visible, 0, sizeof *visible);
	visible->serial = --p->serials;
	visible->up = around->visible;
	cursor->visible = visible;
	cursor->at.visible = visible;
}

/* And ends: what it has made is seen after the block. MADE and *PASSED are of the block. */
static void
end_branch(struct plan *p, const struct cursor *cursor, struct chain *made, struct passed *passed)
{
	chain_join(made, p->results->keys, cursor->visible->made.first);
	pass(passed, &cursor->passed);
}

static void
settle(struct plan *p, struct cursor *cursor, const struct chain *made, const struct passed *passed)
{
	visible_join(cursor->visible, p->results->keys, made->first);
	pass(&cursor->passed, passed);
}

/* The lines of a block for one item; VAR NULL: as they are written. */
static int
plan_item(struct plan *p, struct cursor *cursor, const struct node *n, const struct scope *var, struct chain *made, struct passed *passed)
{
	struct cursor inner = *cursor;
	struct visible visible;
	int ended;

	if (n->kind == NODE_PARALLEL)
		begin_branch(p, cursor, &inner, &visible);
	if (var)
		inner.at.scope = var;
	ended = plan_nodes(p, &inner, n->body);
	if (n->kind == NODE_PARALLEL)
		end_branch(p, &inner, made, passed);
	else
		cursor->passed = inner.passed;
	return ended;
}

/* The lines of a block, for every item; once as they are written when the items are not known yet. */
static int
plan_items(struct plan *p, struct cursor *cursor, const struct node *n)
{
	struct items items = { 0 };
	struct chain made = { 0 };
	struct scope var;
	struct passed passed = { { 0, 0 }, 0 };
	char number[ITEM_NUMBER], *lines;
	const char *s;
	size_t len;
	int ended = 0;

	if (inputs_read(p->results, &cursor->at, n, &lines, &len) || items_read(&items, p->results, &cursor->at, n, lines, len)) {
		ended = plan_item(p, cursor, n, NULL, &made, &passed);
	} else {
		while ((!ended || n->kind == NODE_PARALLEL) && items_next(&items, number, &s, &len)) {
			scope_set(&var, cursor->at.scope, n, s, len);
			ended |= plan_item(p, cursor, n, &var, &made, &passed);
		}
	}
	items_free(&items);
	settle(p, cursor, &made, &passed);
	return ended;
}

/* Different runs. */
static void
plan_runs(struct plan *p, struct cursor *cursor, const struct node *n)
{
	struct chain made = { 0 };
	struct cursor inner;
	struct visible visible;
	struct passed passed = { { 0, 0 }, 0 };

	for (; n; n = n->next) {
		begin_branch(p, cursor, &inner, &visible);
		plan_step(p, &inner, n);
		end_branch(p, &inner, &made, &passed);
	}
	settle(p, cursor, &made, &passed);
}

/* A called file; its parameters as far as they can be told. */
static void
plan_call(struct plan *p, struct cursor *cursor, const struct node *n)
{
	struct buf prefix = { 0 };
	struct chain made = { 0 };
	struct arena mem = { 0 };
	struct cursor inner;
	struct visible visible;
	struct passed passed = { { 0, 0 }, 0 };

	begin_branch(p, cursor, &inner, &visible);
	buf_text(&prefix, cursor->at.prefix);
	if (expand(p->results, &cursor->at, &n->key->t, &prefix))
		tmpl_show(&n->key->t, &prefix);
	buf_char(&prefix, '/');
	visible.up = NULL;       /* a called file sees its own alone */
	inner.at.prefix = buf_str(&prefix);
	inner.at.flow = n->called;
	inner.at.scope = call_scope(p->results, &cursor->at, n, &mem, NULL);
	inner.perhaps |= is_perhaps(n);
	plan_nodes(p, &inner, n->called->body);
	end_branch(p, &inner, &made, &passed);
	settle(p, cursor, &made, &passed);
	buf_free(&prefix);
	arena_free(&mem);
}

/* Both arms: on paper it is not known which. */
static int
plan_if(struct plan *p, struct cursor *cursor, const struct node *n)
{
	struct cursor yes = *cursor, no = *cursor;
	int ended = plan_nodes(p, &yes, n->body);

	ended |= plan_nodes(p, &no, n->other);
	cursor->passed = yes.passed;
	pass(&cursor->passed, &no.passed);
	return ended;
}

static void
plan_cd(struct plan *p, struct cursor *cursor, const struct node *n)
{
	struct buf dir = { 0 };

	if (p->with && !expand(p->results, &cursor->at, &n->arg->t, &dir))
		set_dir(p, cursor, buf_str(&dir));
	buf_free(&dir);
}

/* Returns whether the file surely ends here. */
static int
plan_nodes(struct plan *p, struct cursor *cursor, const struct node *n)
{
	int ended = 0;

	for (; n && !ended; n = n->next) {
		if (n->kind == NODE_STOP || n->kind == NODE_FAIL)
			ended = !is_perhaps(n);
		else if (n->kind == NODE_CD)
			plan_cd(p, cursor, n);
		else if (n->called)
			plan_call(p, cursor, n);
		else if (n->key)
			plan_step(p, cursor, n);
		else if (n->var)
			ended = plan_items(p, cursor, n);
		else if (n->kind == NODE_PARALLEL)
			plan_runs(p, cursor, n->body);
		else if (n->kind == NODE_IF)
			ended = plan_if(p, cursor, n);
	}
	return ended;
}

void
plan_walk(const struct workflow *w, const struct scope *scope, struct results *a, const struct plan_with *with,
    void (*each)(void *, const struct plan_step *), void *ctx)
{
	struct plan p = { 0 };
	struct visible visible = { 0 };
	struct cursor cursor = { 0 };
	size_t i;

	p.results = a;
	p.watched.keys = a->keys;
	p.watched.read = watch_read;
	p.watched.ctx = &p;
	p.with = with;
	p.serials = UINT32_MAX;
	p.each = each;
	p.ctx = ctx;
	visible.serial = p.serials;
	cursor.visible = &visible;
	cursor.at.visible = &visible;
	cursor.at.scope = scope;
	cursor.at.prefix = "";
	cursor.at.flow = w;
	cursor.at.dir = with ? with->around->root : "";
	visible_give(&visible, a->keys, w);
	plan_nodes(&p, &cursor, w->body);
	for (i = 0; i < p.made.n; i++) {
		a->keys->list[p.made.list[i]].flags &= ~(unsigned)KEY_MADE;
		a->keys->list[p.made.list[i]].owner = 0;
	}
	ids_free(&p.made);
	free(p.pending);
	buf_free(&p.watched.error);
	buf_free(&p.watched.warning);
	arena_free(&p.mem);
}

struct shower {
	struct results *results;
	struct buf *out;
	int whole;              /* prompts are shown whole */
	size_t kept, taken, would, again, might;
};

/* All lines of the N bytes at TEXT, and below them the names of what follows them. */
static void
show_whole(struct shower *s, const struct plan_step *step, const char *text, size_t n)
{
	const char *end = text + n, *nl;
	struct buf name = { 0 };
	size_t i;

	for (; text < end; text = nl + 1) {
		nl = memchr(text, '\n', (size_t)(end - text));
		nl = nl ? nl : end;
		buf_text(s->out, "\n    | ");
		visible_add(s->out, text, (size_t)(nl - text), VISIBLE_TABS);
	}
	for (i = 0; i < step->node->inputs.n; i++) {
		name.n = 0;
		tmpl_show(&step->node->inputs.list[i].t, &name);
		buf_text(s->out, i ? " " : "\n    < ");
		visible_add(s->out, name.s, name.n, 0);
	}
	buf_free(&name);
}

static void
show_prompt(struct shower *s, const struct plan_step *step)
{
	struct buf text = { 0 };
	size_t n;

	if (step->node->program)
		buf_text(&text, step->node->program);
	else if (expand(s->results, step->at, &step->node->prompt, &text)) {
		text.n = 0;
		tmpl_show(&step->node->prompt, &text);
	}
	n = strcspn(buf_str(&text), "\n");
	if (s->whole) {
		show_whole(s, step, text.s, text.n);
	} else if (n) {
		buf_text(s->out, "  | ");
		visible_cut(s->out, text.s, n, 120, VISIBLE_TABS);
	}
	buf_free(&text);
}

static const char *
step_word(const struct plan_step *step)
{
	if (step->taken || step->may_be_taken)
		return step->taken ? "would be kept  " : "might be kept  ";
	return step->again ? "would run again  " : step->maybe ? "might run again  " : step->kept ? "kept       " : step->perhaps ? "might run  " : "would run  ";
}

static void
show_step(void *ctx, const struct plan_step *step)
{
	struct shower *s = ctx;
	const char *key = step->key ? step->key : step->written;
	struct buf what = { 0 };

	buf_text(s->out, step_word(step));
	visible_add(s->out, key, strlen(key), 0);
	if (!step->key)
		buf_text(s->out, "  (for items that are not known yet)");
	if (step->taken) {
		buf_text(s->out, "  from ");
		visible_add(s->out, step->taken, strlen(step->taken), 0);
	}
	if (step->differs && !step->taken) {
		buf_text(s->out, step->again ? "  " : "  stale: ");
		question_text_of(&what, step->differs);
		visible_add(s->out, buf_str(&what), what.n, 0);
		buf_free(&what);
	}
	if (!step->taken && (!step->kept || step->again))
		show_prompt(s, step);
	buf_char(s->out, '\n');
	if (step->taken)
		s->taken++;
	else if (step->may_be_taken)
		s->might++;
	else if (step->again)
		s->again++;
	else if (step->maybe)
		s->might++;
	else if (step->kept)
		s->kept++;
	else if (step->perhaps)
		s->might++;
	else
		s->would++;
}

void
plan_show(const struct workflow *w, const struct scope *scope, struct results *a, const struct plan_with *with, int whole,
    struct buf *out)
{
	struct shower s = { 0 };

	s.whole = whole;
	s.results = a;
	s.out = out;
	plan_walk(w, scope, a, with, show_step, &s);
	if (s.kept || !(s.taken || s.would || s.again || s.might))
		buf_fmt(out, "%zu kept, ", s.kept);
	if (s.taken)
		buf_fmt(out, "%zu would be kept, ", s.taken);
	if (s.would || !(s.taken || s.again || s.might))
		buf_fmt(out, "%zu would run, ", s.would);
	if (s.again)
		buf_fmt(out, "%zu would run again, ", s.again);
	if (s.might)
		buf_fmt(out, "%zu might, ", s.might);
	out->n -= 2;
	buf_char(out, '\n');
}
