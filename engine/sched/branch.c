/* The tree of branches: what they are in, whose turn it is to print, how they end. */
#include "engine/sched/branch.h"

#include <stdlib.h>
#include <string.h>

#include "engine/task/apart.h"
#include "engine/task/depends.h"
#include "parse/mem.h"
#include "parse/text.h"

enum { NAMED_MOST = 20 };        /* branches that the failure of a block names */

/* Lists of branches. */

void
list_init(struct branch_list *l)
{
	l->first = NULL;
	l->last = &l->first;
}

void
list_add(struct branch_list *l, struct branch *b)
{
	b->next = NULL;
	*l->last = b;
	l->last = &b->next;
}

void
list_insert(struct branch_list *l, struct branch **at, struct branch *b)
{
	b->next = *at;
	*at = b;
	if (!b->next)
		l->last = &b->next;
}

void
list_push(struct branch_list *l, struct branch *b)
{
	list_insert(l, &l->first, b);
}

struct branch *
list_take(struct branch_list *l)
{
	struct branch *b = l->first;

	if (b) {
		l->first = b->next;
		if (!l->first)
			l->last = &l->first;
	}
	return b;
}

void
list_move(struct branch_list *from, struct branch_list *to, enum branch_state state)
{
	struct branch *b;

	while ((b = list_take(from))) {
		b->state = state;
		list_add(to, b);
	}
}

void
branch_holds_no_more(struct branch *b)
{
	if (b->holds)
		b->holds->holding--;
	b->holds = NULL;
}

const char *
branch_step(const struct walk *w, const struct branch *b)
{
	return keys_text(w->results->keys, b->key);
}

/* Saying. */

void
walk_say(struct walk *w, enum event_kind kind, const struct branch *b, const char *text, long long ms)
{
	struct event e = { 0 };

	e.kind = kind;
	if (b && kind != EVENT_TROUBLE && kind != EVENT_NOTE) {
		e.key = branch_key(w, b, &e.id);
		e.attempts = b->attempts;
	}
	e.text = text;
	e.ms = ms;
	w->ops->event(w->ops->ctx, &e);
}

static void
put_pos(const struct node *n, struct buf *b)
{
	buf_fmt(b, "%s:%u: ", n->pos.src->name, n->pos.line);
}

/* Branches and blocks. */

struct frame *
frame_push(struct branch *b)
{
	struct frame *f = mem_zero(1, sizeof *f);

	f->up = b->frame;
	f->node = b->at;
	f->dir = b->dir;
	f->own_dir = b->own_dir;
	f->worktree = b->worktree;
	b->own_dir = NULL;
	f->outside = b->scope;
	b->frame = f;
	return f;
}

void
branch_set_dir(struct branch *b, const char *dir, const struct worktree *worktree)
{
	char *copy = mem_dup(dir, strlen(dir));

	free(b->own_dir);
	b->dir = b->own_dir = copy;
	b->worktree = worktree;
}

/* To the directory that the innermost frame was entered with. */
static void
go_back(struct branch *b)
{
	free(b->own_dir);
	b->own_dir = NULL;
	b->dir = b->frame->dir;
	b->worktree = b->frame->worktree;
}

void
frame_pop(struct branch *b)
{
	struct frame *f = b->frame;

	go_back(b);
	b->own_dir = f->own_dir;
	b->frame = f->up;
	b->scope = f->outside;
	items_free(&f->items);
	free(f);
}

static struct branch *
new_branch(struct walk *w)
{
	struct branch *b = list_take(&w->spare);

	if (!b)
		return mem_zero(1, sizeof *b);
	return memset(b, 0, sizeof *b);
}

struct branch *
branch_make(struct walk *w, struct block *block)
{
	struct branch *b = new_branch(w);

	b->of = block;
	b->index = block->started++;
	b->visible.serial = ++w->serials;
	b->has_room = 1;
	block->room_taken++;
	block->live++;
	if (block->in) {
		b->visible.up = &block->in->visible;
		b->scope = block->in->scope;
		b->flow = block->in->flow;
		b->newest = block->in->newest;
		b->prefix = block->in->prefix;
		b->dir = block->in->dir;
		b->worktree = block->in->worktree;
	}
	list_add(&w->ready, b);
	return b;
}

void
branch_forget_files(struct branch *b)
{
	depends_free(b->files);
	depends_free(b->after);
	b->files = b->after = NULL;
	b->looked = 0;
}

static void
free_branch(struct walk *w, struct branch *b)
{
	branch_forget_files(b);
	while (b->frame)
		frame_pop(b);
	free(b->own_dir);
	free(b->reason);
	list_push(&w->spare, b);
}

void
block_free(struct block *block)
{
	size_t i;

	for (i = 0; i < block->nfailures; i++)
		free(block->failures[i].text);
	free(block->failures);
	arena_free(&block->mem);
	apart_free(block->ended, block->ended ? block->total * sizeof *block->ended : 0);
	for (i = 0; block->early && i < block->total; i++)
		if (block->early[i]) {
			buf_free(block->early[i]);
			free(block->early[i]);
		}
	free(block->early);
	items_free(&block->items);
	free(block);
}

int
block_is_full(const struct block *block)
{
	return block->max && block->room_taken >= block->max;
}

static int
is_exhausted(const struct block *block)
{
	return block->started == block->total;
}

static void
stop_filling(struct walk *w, struct block *block)
{
	struct block **p;

	for (p = &w->filling; *p; p = &(*p)->next)
		if (*p == block) {
			*p = block->next;
			return;
		}
}

void
block_fill(struct walk *w, struct block *block)
{
	struct branch *b = branch_make(w, block);
	const char *s;
	size_t n;

	if (block->node->kind == NODE_CALL) {
		b->visible.up = NULL;     /* a called file sees its own alone */
		b->flow = block->node->called;
		b->scope = block->scope;
		b->prefix = block->prefix;
		b->at = b->flow->body;
	} else if (block->child) {
		b->at = block->child;
		block->child = block->child->next;
	} else if (items_next(&block->items, b->number, &s, &n)) {
		scope_set(&b->var, b->scope, block->node, s, n);
		b->scope = &b->var;
		b->at = block->node->body;
	}
	if (is_exhausted(block))
		stop_filling(w, block);
}

/* Printing. */

struct branch *
branch_not_in_turn(struct branch *b)
{
	for (; b->of->in; b = b->of->in)
		if (b->of->prints && b->index != b->of->head)
			return b;
	return NULL;
}

void
branch_print_later(struct walk *w, struct branch *b, const struct buf *text)
{
	struct branch *holder = branch_not_in_turn(b);
	struct buf **early;

	if (!holder) {
		buf_add(&w->flush, text->s, text->n);
		return;
	}
	if (!holder->of->early)
		holder->of->early = mem_zero(holder->of->total, sizeof *holder->of->early);
	early = &holder->of->early[holder->index];
	if (!*early)
		*early = mem_zero(1, sizeof **early);
	buf_add(*early, text->s, text->n);
}

/* What the branch at the head, living or ended, has printed before its turn. */
static void
print_early(struct walk *w, struct block *block)
{
	struct buf **early = block->early && block->head < block->total ? &block->early[block->head] : NULL;

	if (!early || !*early)
		return;
	branch_print_later(w, block->in, *early);
	buf_free(*early);
	free(*early);
	*early = NULL;
}

/* The branch at INDEX has ended, FIRST is the first key that it has made: the turn of those after it may have come. */
static void
pass_turn(struct walk *w, struct block *block, uint32_t index, uint32_t first)
{
	uint32_t ended = first ? first : ENDED_NOTHING;

	if (index != block->head) {
		if (!block->ended)
			block->ended = apart_grow(NULL, 0, block->total * sizeof *block->ended);
		block->ended[index] = ended;
		return;
	}
	do {
		if (ended != ENDED_NOTHING)
			chain_join(&block->made, w->results->keys, ended);
		block->head++;
		print_early(w, block);
	} while (block->ended && block->head < block->total && (ended = block->ended[block->head]));
}

int
node_has_print(const struct node *n)
{
	for (; n; n = n->next)
		if (n->kind == NODE_PRINT || node_has_print(n->body) || node_has_print(n->other) ||
		    (n->called && node_has_print(n->called->body)))
			return 1;
	return 0;
}

static int
failure_by_index(const void *va, const void *vb)
{
	const struct failure *a = va, *b = vb;

	return a->index < b->index ? -1 : a->index > b->index;
}

static void fail_branch(struct walk *, struct branch *, const char *text);

/* The branch's name in its block's failure, when it has failed in something that is not a step. */
static void
put_item(const struct branch *b, struct buf *out)
{
	char quoted[TEXT_SHORT];

	if (b->of->node && b->of->node->var)
		buf_fmt(out, "%s=%s: ", b->of->node->var, text_short(quoted, b->var.value));
}

static void
fail_block(struct walk *w, struct block *block)
{
	struct buf text = { 0 }, named = { 0 };
	size_t i;

	qsort(block->failures, block->nfailures, sizeof *block->failures, failure_by_index);
	put_pos(block->node, &text);
	buf_fmt(&text, "%zu of %lu branches failed: ", block->nfailures, (unsigned long)block->total);
	for (i = 0; i < block->nfailures && i < NAMED_MOST; i++)
		buf_fmt(&text, "%s%s", i ? "; " : "", block->failures[i].text);
	if (i < block->nfailures)
		buf_fmt(&text, "; and %zu more", block->nfailures - i);
	if (block->unfinished || !is_exhausted(block))
		buf_fmt(&text, "; %lu did not finish", (unsigned long)(block->total - block->started) + (unsigned long)block->unfinished);
	walk_say(w, EVENT_TROUBLE, NULL, buf_str(&text), 0);
	put_item(block->in, &named);
	buf_add(&named, text.s, text.n);
	fail_branch(w, block->in, buf_str(&named));
	buf_free(&text);
	buf_free(&named);
}

void
block_settle(struct walk *w, struct block *block)
{
	struct branch *in = block->in;

	stop_filling(w, block);
	if (!in) {
		w->ended = 1;
		w->failed = block->nfailures > 0;
		w->unfinished = block->unfinished > 0;
		if (w->failed)
			buf_text(&w->reason, block->failures[0].text);
	} else if (block->nfailures && block->node->kind == NODE_CALL) {
		fail_branch(w, in, block->failures[0].text);
	} else if (block->nfailures) {
		fail_block(w, block);
	} else if (block->unfinished || !is_exhausted(block)) {
		branch_end(w, in, 1);
	} else {
		visible_join(&in->visible, w->results->keys, block->made.first);
		newest_join(&in->newest, &block->newest);
		in->state = BRANCH_READY;
		branch_go_on(in);
		list_add(&w->ready, in);
	}
	block_free(block);
}

void
branch_leave_room(struct branch *b)
{
	if (b->has_room)
		b->of->room_taken--;
	b->has_room = 0;
}

void
branch_leave_slot(struct walk *w, struct branch *b)
{
	if (b->has_slot)
		w->busy--;
	if (b->uses_token)
		w->tokens_used--;
	b->has_slot = b->uses_token = 0;
}

void
branch_end(struct walk *w, struct branch *b, int unfinished)
{
	struct block *block = b->of;

	block->unfinished += unfinished;
	newest_join(&block->newest, &b->newest);
	branch_leave_slot(w, b);
	branch_leave_room(b);
	pass_turn(w, block, b->index, b->visible.made.first);
	block->live--;
	free_branch(w, b);
	if (!block->live && (is_exhausted(block) || w->stop))
		block_settle(w, block);
}

static void
fail_branch(struct walk *w, struct branch *b, const char *text)
{
	struct block *block = b->of;
	struct failure *f;

	block->failures = mem_grow(block->failures, block->nfailures + 1, sizeof *block->failures);
	f = &block->failures[block->nfailures++];
	f->index = b->index;
	f->text = mem_dup(text, strlen(text));
	for (; block && !block->doomed; block = block->in ? block->in->of : NULL)
		block->doomed = 1;
	memset(&b->visible.made, 0, sizeof b->visible.made);
	if (w->stop_first)
		walk_stop(w, STOP_STARTING);
	branch_end(w, b, 0);
}

void
branch_fail_here(struct walk *w, struct branch *b, const char *text)
{
	struct buf line = { 0 }, named = { 0 };

	w->can_resume = 1;
	put_pos(b->at, &line);
	buf_text(&line, text);
	walk_say(w, EVENT_TROUBLE, NULL, buf_str(&line), 0);
	put_item(b, &named);
	buf_add(&named, line.s, line.n);
	fail_branch(w, b, buf_str(&named));
	buf_free(&line);
	buf_free(&named);
}

void
branch_fail_results(struct walk *w, struct branch *b)
{
	struct buf text = w->results->error;

	memset(&w->results->error, 0, sizeof w->results->error);
	branch_fail_here(w, b, buf_str(&text));
	buf_free(&text);
}

void
branch_fail_step(struct walk *w, struct branch *b, const char *why)
{
	struct buf text = { 0 };

	w->can_resume = 1;
	buf_fmt(&text, "%s: %s", branch_step(w, b), why);
	walk_say(w, EVENT_FAILED, b, why, 0);
	fail_branch(w, b, buf_str(&text));
	buf_free(&text);
}

/* Going from statement to statement. */

int
branch_next_pass(struct branch *b)
{
	struct frame *f = b->frame;
	const char *s;
	size_t n;

	if (!items_next(&f->items, f->number, &s, &n)) {
		frame_pop(b);
		return 0;
	}
	scope_set(&f->var, f->var.up, f->node, s, n);
	f->left--;
	go_back(b);
	b->at = f->node->body;
	return 1;
}

void
branch_go_on(struct branch *b)
{
	const struct node *n = b->at, *top = b->of->top;

	for (;;) {
		b->at = NULL;
		if (top && !top->var && n->parent == top)
			return;         /* a branch of different runs is one statement */
		b->at = n->next;
		if (b->at)
			return;
		n = n->parent;
		if (n == top)
			return;
		if (n->kind == NODE_FOR && branch_next_pass(b))
			return;
		if (n->kind == NODE_IF)
			frame_pop(b);
	}
}

int
branch_is_last(const struct branch *b)
{
	const struct node *n = b->at, *top = b->of->top;

	for (;;) {
		if (top && !top->var && n->parent == top)
			return 1;
		if (n->next || n->kind == NODE_FOR)
			return 0;
		n = n->parent;
		if (n == top)
			return 1;
	}
}

void
branch_context(const struct branch *b, struct context *at)
{
	at->scope = b->scope;
	at->visible = &b->visible;
	at->prefix = b->prefix;
	at->flow = b->flow;
	at->dir = b->dir;
	at->worktree = b->worktree;
	at->files = b->look == LOOK_AFTER ? NULL : b->files;
}
