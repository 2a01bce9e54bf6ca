/* Deciding: what of a workflow may run next. */
#include "engine/walk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "engine/hold.h"
#include "engine/items.h"
#include "parse/mem.h"
#include "parse/parse.h"

enum {
	BUDGET = 500,
	AHEAD = 64              /* branches that are made though as many wait for a token or their agent: others may need neither */
};

enum stdin_state { STDIN_UNREAD, STDIN_WANTED, STDIN_READING, STDIN_READ };

enum branch_state {
	BRANCH_READY,           /* it can go on */
	BRANCH_PLACE,           /* it waits for a place of -j, a token, or until its agent takes more */
	BRANCH_RUNNING,         /* a task of it runs */
	BRANCH_PAUSE,           /* between two tries */
	BRANCH_PRINT,           /* its text is to be written, or being written */
	BRANCH_STDIN,           /* it waits for standard input to be read */
	BRANCH_BLOCK            /* it waits for a block inside of it */
};

/* A `for` or an arm of an `if` that a branch is in. What is left again gives back the directory. */
struct frame {
	struct frame *up;
	const struct node *node;
	const char *dir;        /* that it was entered with */
	char *own_dir;
	struct items items;     /* these and what follows: of a `for` */
	struct scope var;
	const struct scope *outside;
	char number[ITEM_NUMBER];
	uint32_t left;          /* passes behind this one */
};

struct branch {
	struct branch *next;    /* in the list of its state */
	enum branch_state state;
	struct block *of;
	uint32_t index;         /* among the branches of its block, in input order */
	struct sight sight;
	const struct scope *scope;
	struct scope var;       /* its item, in the form of items */
	char number[ITEM_NUMBER];
	const char *dir;        /* absolute: its surroundings', until it is changed */
	char *own_dir;          /* the memory of one that it was changed to since the innermost frame; NULL: it was not */
	const struct workflow *flow;    /* the file that it is in */
	const char *prefix;     /* of its keys: what the calls around it are called, each with a / */
	const struct node *at;  /* the statement it is at; NULL: behind the last */
	struct frame *frame;    /* the innermost */
	int has_place;          /* it takes a place of -j */
	int pays;               /* and a token */
	int has_room;           /* it takes a place of its block's `max` */
	uint32_t passed;        /* the latest place of an answer that it has come by; asked in this walk: ASKED_NOW */

	/* Of the step it is at. */
	uint32_t key;
	long tries, refused;    /* tries, and how many of them the agent has refused */
	uint32_t round;         /* of its agent's hold, when it was asked */
	long long retries, delay, due;
	int has_otherwise, otherwise;
	int answered;           /* its agent has answered; the answer is being kept */
	char *reason;           /* why the latest try failed */
};

/* An agent that has refused in this walk. Of `sh` and `exec` each step is an agent of its own. */
struct held_agent {
	struct held_agent *next;
	const char *name;
	const struct step *step;        /* NULL: any */
	struct hold hold;
	struct branch_list waiting;
};

/* What is asked in this walk is later than all that was asked before. */
#define ASKED_NOW UINT32_MAX

struct failure {
	uint32_t index;
	char *text;
};

struct block {
	struct block *next;     /* among those that are filling */
	const struct node *node;        /* NULL: the root */
	const struct node *top; /* where its branches end: the node, but of a call, whose file has no parent */
	struct branch *in;      /* what waits for it; NULL: the root */
	struct arena mem;       /* of a call: its parameters and its prefix */
	const struct scope *scope;
	const char *prefix;
	struct items items;
	const struct node *child;       /* the form of different runs: the next of them */
	uint32_t total, started;
	long max, room_taken;   /* max 0: no cap */
	long live;              /* branches that have not ended */
	long held;              /* that ended without having come to their end */
	int doomed;             /* it will fail: nothing behind it is reached */
	uint32_t seen;          /* the look at what is left that came by here last */
	uint32_t passed;        /* the latest that its branches have come by */
	struct failure *failures;
	size_t nfailures;
	struct made *made;
	size_t nmade, made_cap;

	/* Standard output is in input order, so that it is the same over the answers that are kept: only the
	 * first branch that has not ended writes. All of it is unused where nothing is printed. */
	int prints;
	uint32_t head;          /* its index */
	unsigned char *ended;   /* a bit for each branch that has ended behind the head; NULL: none has */
	struct buf **early;     /* by index: what was printed before its turn; NULL: nothing was */
};

/* Lists of branches. */

static void
list_init(struct branch_list *l)
{
	l->first = NULL;
	l->last = &l->first;
}

static void
list_add(struct branch_list *l, struct branch *b)
{
	b->next = NULL;
	*l->last = b;
	l->last = &b->next;
}

/* Puts B before what *AT, in L, points to. */
static void
list_insert(struct branch_list *l, struct branch **at, struct branch *b)
{
	b->next = *at;
	*at = b;
	if (!b->next)
		l->last = &b->next;
}

static void
list_push(struct branch_list *l, struct branch *b)
{
	list_insert(l, &l->first, b);
}

static struct branch *
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

static void
list_move(struct branch_list *from, struct branch_list *to, enum branch_state state)
{
	struct branch *b;

	while ((b = list_take(from))) {
		b->state = state;
		list_add(to, b);
	}
}

static const char *
task_key(const struct walk *w, const struct branch *b)
{
	return keys_text(w->answers->keys, b->key);
}

/* Saying. */

static void
say(struct walk *w, enum event_kind kind, const struct branch *b, const char *text, long long ms)
{
	struct event e = { 0 };

	e.kind = kind;
	if (b && kind != EVENT_TROUBLE && kind != EVENT_NOTE) {
		e.key = branch_key(w, b, &e.id);
		e.tries = b->tries;
	}
	e.text = text;
	e.ms = ms;
	w->world->event(w->world->ctx, &e);
}

static void
put_place(const struct node *n, struct buf *b)
{
	buf_fmt(b, "%s:%u: ", n->pos.src->name, n->pos.line);
}

/* Branches and blocks. */

static struct frame *
push_frame(struct branch *b)
{
	struct frame *f = mem_zero(1, sizeof *f);

	f->up = b->frame;
	f->node = b->at;
	f->dir = b->dir;
	f->own_dir = b->own_dir;
	b->own_dir = NULL;
	f->outside = b->scope;
	b->frame = f;
	return f;
}

static void
set_dir(struct branch *b, const char *dir)
{
	char *copy = mem_dup(dir, strlen(dir));

	free(b->own_dir);
	b->dir = b->own_dir = copy;
}

/* To the directory that the innermost frame was entered with. */
static void
go_back(struct branch *b)
{
	free(b->own_dir);
	b->own_dir = NULL;
	b->dir = b->frame->dir;
}

static void
pop_frame(struct branch *b)
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
	struct ids made;

	if (!b)
		return mem_zero(1, sizeof *b);
	made = b->sight.made;
	memset(b, 0, sizeof *b);
	b->sight.made = made;
	return b;
}

static struct branch *
make_branch(struct walk *w, struct block *block)
{
	struct branch *b = new_branch(w);

	b->of = block;
	b->index = block->started++;
	b->sight.serial = ++w->serials;
	b->has_room = 1;
	block->room_taken++;
	block->live++;
	if (block->in) {
		b->sight.up = &block->in->sight;
		b->scope = block->in->scope;
		b->flow = block->in->flow;
		b->passed = block->in->passed;
		b->prefix = block->in->prefix;
		b->dir = block->in->dir;
	}
	list_add(&w->ready, b);
	return b;
}

static void
free_branch(struct walk *w, struct branch *b)
{
	while (b->frame)
		pop_frame(b);
	free(b->own_dir);
	free(b->reason);
	b->sight.made.n = 0;
	list_push(&w->spare, b);
}

static void
free_block(struct block *block)
{
	size_t i;

	for (i = 0; i < block->nfailures; i++)
		free(block->failures[i].text);
	free(block->failures);
	free(block->made);
	arena_free(&block->mem);
	free(block->ended);
	for (i = 0; block->early && i < block->total; i++)
		if (block->early[i]) {
			buf_free(block->early[i]);
			free(block->early[i]);
		}
	free(block->early);
	items_free(&block->items);
	free(block);
}

static int
is_full(const struct block *block)
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

/* The next branch of a block. */
static void
fill(struct walk *w, struct block *block)
{
	struct branch *b = make_branch(w, block);
	const char *s;
	size_t n;

	if (block->node->kind == NODE_CALL) {
		b->sight.up = NULL;     /* a called file sees its own alone */
		b->flow = block->node->called;
		b->scope = block->scope;
		b->prefix = block->prefix;
		b->at = b->flow->body;
	} else if (block->child) {
		b->at = block->child;
		block->child = block->child->next;
	} else if (items_next(&block->items, b->number, &s, &n)) {
		b->var.up = b->scope;
		b->var.name = block->node->var;
		b->var.value = s;
		b->var.n = n;
		b->scope = &b->var;
		b->at = block->node->body;
	}
	if (is_exhausted(block))
		stop_filling(w, block);
}

/* Printing. */

/* The branch, B or one that it is in, whose turn has not come; NULL: B may write. */
static struct branch *
not_in_turn(struct branch *b)
{
	for (; b->of->in; b = b->of->in)
		if (b->of->prints && b->index != b->of->head)
			return b;
	return NULL;
}

/* Prints for B without waiting: written in its turn. */
static void
print_later(struct walk *w, struct branch *b, const struct buf *text)
{
	struct branch *holder = not_in_turn(b);
	struct buf **held;

	if (!holder) {
		buf_add(&w->flush, text->s, text->n);
		return;
	}
	if (!holder->of->early)
		holder->of->early = mem_zero(holder->of->total, sizeof *holder->of->early);
	held = &holder->of->early[holder->index];
	if (!*held)
		*held = mem_zero(1, sizeof **held);
	buf_add(*held, text->s, text->n);
}

/* What the branch at the head, living or ended, has printed before its turn. */
static void
print_held(struct walk *w, struct block *block)
{
	struct buf **held = block->early && block->head < block->total ? &block->early[block->head] : NULL;

	if (!held || !*held)
		return;
	print_later(w, block->in, *held);
	buf_free(*held);
	free(*held);
	*held = NULL;
}

/* The branch at INDEX has ended: the turn of those behind it may have come. */
static void
pass_turn(struct walk *w, struct block *block, uint32_t index)
{
	if (index != block->head) {
		if (!block->ended)
			block->ended = mem_zero(block->total / 8 + 1, 1);
		block->ended[index / 8] |= (unsigned char)(1 << index % 8);
		return;
	}
	do {
		block->head++;
		print_held(w, block);
	} while (block->ended && block->head < block->total && (block->ended[block->head / 8] & 1 << block->head % 8));
}

static int
has_print(const struct node *n)
{
	for (; n; n = n->next)
		if (n->kind == NODE_PRINT || has_print(n->body) || has_print(n->other) ||
		    (n->called && has_print(n->called->body)))
			return 1;
	return 0;
}

static void end_branch(struct walk *, struct branch *, int held);
static void go_on(struct branch *);

static int
by_index(const void *va, const void *vb)
{
	const struct made *a = va, *b = vb;

	if (a->index != b->index)
		return a->index < b->index ? -1 : 1;
	return a->seq < b->seq ? -1 : a->seq > b->seq;
}

static int
failure_by_index(const void *va, const void *vb)
{
	const struct failure *a = va, *b = vb;

	return a->index < b->index ? -1 : a->index > b->index;
}

/* What the block's branches have made becomes its surroundings', in input order. */
static void
hand_up(struct walk *w, struct block *block)
{
	size_t i;

	for (i = 1; i < block->nmade && block->made[i - 1].index <= block->made[i].index; i++)
		;
	if (i < block->nmade)
		qsort(block->made, block->nmade, sizeof *block->made, by_index);
	for (i = 0; i < block->nmade; i++)
		sight_add(&block->in->sight, w->answers->keys, block->made[i].id);
}

static void fail_branch(struct walk *, struct branch *, const char *text);

/* The branch's name in its block's failure, when it has failed in something that is no step. */
static void
put_item(const struct branch *b, struct buf *out)
{
	if (b->of->node && b->of->node->var)
		buf_fmt(out, "%s=%.100s: ", b->of->node->var, b->var.value);
}

static void
fail_block(struct walk *w, struct block *block)
{
	struct buf text = { 0 }, named = { 0 };
	size_t i;

	qsort(block->failures, block->nfailures, sizeof *block->failures, failure_by_index);
	put_place(block->node, &text);
	buf_fmt(&text, "%zu of %lu branches failed: ", block->nfailures, (unsigned long)block->total);
	for (i = 0; i < block->nfailures; i++)
		buf_fmt(&text, "%s%s", i ? "; " : "", block->failures[i].text);
	if (block->held || !is_exhausted(block))
		buf_fmt(&text, "; %lu not run to the end", (unsigned long)(block->total - block->started) + (unsigned long)block->held);
	say(w, EVENT_TROUBLE, NULL, buf_str(&text), 0);
	put_item(block->in, &named);
	buf_add(&named, text.s, text.n);
	fail_branch(w, block->in, buf_str(&named));
	buf_free(&text);
	buf_free(&named);
}

/* Every branch of the block has ended, and no more will be made. */
static void
settle(struct walk *w, struct block *block)
{
	struct branch *in = block->in;

	stop_filling(w, block);
	if (!in) {
		w->ended = 1;
		w->failed = block->nfailures > 0;
		w->held = block->held > 0;
		if (w->failed)
			buf_text(&w->reason, block->failures[0].text);
	} else if (block->nfailures && block->node->kind == NODE_CALL) {
		fail_branch(w, in, block->failures[0].text);
	} else if (block->nfailures) {
		fail_block(w, block);
	} else if (block->held || !is_exhausted(block)) {
		end_branch(w, in, 1);
	} else {
		hand_up(w, block);
		if (block->passed > in->passed)
			in->passed = block->passed;
		in->state = BRANCH_READY;
		go_on(in);
		list_add(&w->ready, in);
	}
	free_block(block);
}

static void
leave_room(struct branch *b)
{
	if (b->has_room)
		b->of->room_taken--;
	b->has_room = 0;
}

static void
leave_place(struct walk *w, struct branch *b)
{
	if (b->has_place)
		w->busy--;
	if (b->pays)
		w->paying--;
	b->has_place = b->pays = 0;
}

/* The branch is over: it came to its end (and was not fail_branch'ed), or it was HELD. */
static void
end_branch(struct walk *w, struct branch *b, int held)
{
	struct block *block = b->of;
	size_t i;

	block->held += held;
	if (b->passed > block->passed)
		block->passed = b->passed;
	for (i = 0; i < b->sight.made.n && block->in; i++) {
		if (block->nmade == block->made_cap) {
			block->made_cap = block->made_cap ? block->made_cap * 2 : 8;
			block->made = mem_grow(block->made, block->made_cap, sizeof *block->made);
		}
		block->made[block->nmade].index = b->index;
		block->made[block->nmade].seq = (uint32_t)i;
		block->made[block->nmade++].id = b->sight.made.list[i];
	}
	leave_place(w, b);
	leave_room(b);
	if (block->prints)
		pass_turn(w, block, b->index);
	block->live--;
	free_branch(w, b);
	if (!block->live && (is_exhausted(block) || w->halt))
		settle(w, block);
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
	b->sight.made.n = 0;
	if (w->stop_first)
		walk_halt(w, HALT_FIRST);
	end_branch(w, b, 0);
}

/* A statement that is no step has failed at the branch's place; TEXT says why. */
static void
fail_here(struct walk *w, struct branch *b, const char *text)
{
	struct buf line = { 0 }, named = { 0 };

	put_place(b->at, &line);
	buf_text(&line, text);
	say(w, EVENT_TROUBLE, NULL, buf_str(&line), 0);
	put_item(b, &named);
	buf_add(&named, line.s, line.n);
	fail_branch(w, b, buf_str(&named));
	buf_free(&line);
	buf_free(&named);
}

/* The same with what the answers say. */
static void
fail_answers(struct walk *w, struct branch *b)
{
	struct buf text = w->answers->error;

	memset(&w->answers->error, 0, sizeof w->answers->error);
	fail_here(w, b, buf_str(&text));
	buf_free(&text);
}

/* The step that the branch is at has failed for good. */
static void
fail_step(struct walk *w, struct branch *b, const char *why)
{
	struct buf text = { 0 };

	buf_fmt(&text, "%s: %s", task_key(w, b), why);
	say(w, EVENT_FAILED, b, why, 0);
	fail_branch(w, b, buf_str(&text));
	buf_free(&text);
}

/* Going from statement to statement. */

/* The next pass of the `for` that the branch is at the end of; 0: there is none, and its frame is gone. */
static int
next_pass(struct branch *b)
{
	struct frame *f = b->frame;
	const char *s;
	size_t n;

	if (!items_next(&f->items, f->number, &s, &n)) {
		pop_frame(b);
		return 0;
	}
	f->var.value = s;
	f->var.n = n;
	f->left--;
	go_back(b);
	b->at = f->node->body;
	return 1;
}

/* To the statement behind the one that the branch is at, out of what ends there. */
static void
go_on(struct branch *b)
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
		if (n->kind == NODE_FOR && next_pass(b))
			return;
		if (n->kind == NODE_IF)
			pop_frame(b);
	}
}

/* Whether nothing comes behind the statement that the branch is at. */
static int
is_last(const struct branch *b)
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

static void
place_of(const struct branch *b, struct place *at)
{
	at->scope = b->scope;
	at->sight = &b->sight;
	at->prefix = b->prefix;
	at->flow = b->flow;
	at->dir = b->dir;
}

/* Whether the statement has to wait for standard input to be read; then the branch does. */
static int
wait_for_stdin(struct walk *w, struct branch *b)
{
	const char *s;
	size_t i, n;

	for (i = 0; i < b->at->inputs.n; i++)
		if (tmpl_literal(&b->at->inputs.list[i].t, &s, &n) && n == 1 && *s == '-')
			break;
	if (i == b->at->inputs.n || w->stdin_state == STDIN_READ)
		return 0;
	if (w->stdin_state == STDIN_UNREAD)
		w->stdin_state = STDIN_WANTED;
	b->state = BRANCH_STDIN;
	list_add(&w->stdin_wait, b);
	return 1;
}

/* Keys. */

struct claim {
	struct walk *w;
	const struct node *block;
	struct items *items;
	struct scope var;
	char number[ITEM_NUMBER];
	struct place at;
	uint32_t first, tag;    /* the first item's turn, and this one's */
	uint32_t want;          /* only looking for the item that gave this key; KEY_NONE: claiming */
	int found;
	struct buf key;         /* the one that is looked at */
	struct buf *error;
};

static int
check_name(const char *s, size_t n, struct buf *error)
{
	char name[KEY_NAME_MAX + 1];

	if (memchr(s, '\0', n))
		buf_text(error, "a key with a NUL byte");
	else if (n == 1 && *s == '-')
		buf_text(error, "the key `-` is standard input's");
	else if ((n && n * 3 <= KEY_NAME_MAX) /* a byte is written as three at most */ || key_encode(s, n, name) >= 0)
		return 0;
	else if (!n)
		buf_text(error, "an empty key");
	else
		buf_fmt(error, "the key `%.60s...` is too long for a file's name: %d bytes, as %%XX written out, are the most",
		    s, (int)KEY_NAME_MAX);
	return -1;
}

/* The key of a statement, whole; of a call what all its keys begin with. */
static int
read_key(struct answers *a, const struct place *at, const struct node *n, struct buf *out)
{
	size_t from;

	buf_text(out, at->prefix);
	from = out->n;
	if (expand(a, at, &n->key->t, out))
		return -1;
	if (out->n == from)
		out->n = 0;             /* an empty key, whatever is in front of it */
	else if (n->kind == NODE_CALL)
		buf_char(out, '/');
	return 0;
}

static int claim_items(struct claim *);

/* Says who gave the key first. */
static void
say_twice(struct claim *c, const struct node *n, uint32_t id)
{
	struct keys *keys = c->w->answers->keys;
	struct claim again = *c;
	struct buf item = { 0 };

	memset(&again.key, 0, sizeof again.key);

	buf_add(&item, c->var.value, c->var.n > 100 ? 100 : c->var.n);
	again.want = id;
	again.found = 0;
	again.at.scope = &again.var;
	items_rewind(c->items);
	if (keys->list[id].claim >= c->first && keys->list[id].claim != c->tag && claim_items(&again) && again.found)
		buf_fmt(c->error, "the items `%.*s` and `%s` both give the key `%s`",
		    (int)(again.var.n > 100 ? 100 : again.var.n), again.var.value, buf_str(&item), keys_text(keys, id));
	else
		buf_fmt(c->error, "the key `%s` of line %u, item `%s`, is made on line %u already", keys_text(keys, id),
		    n->pos.line, buf_str(&item), keys->list[id].node ? keys->list[id].node->pos.line : 0);
	buf_free(&item);
	buf_free(&again.key);
}

static int
claim_key(struct claim *c, const struct node *n)
{
	struct keys *keys = c->w->answers->keys;
	uint32_t id;

	c->key.n = 0;
	/* A key that hangs on an answer that is still to come is looked at when it is made. */
	if (read_key(c->w->answers, &c->at, n, &c->key)) {
		c->w->answers->error.n = 0;
		return 0;
	}
	if (check_name(buf_str(&c->key), c->key.n, c->error))
		return -1;
	id = keys_add(keys, c->key.s, c->key.n);
	if (c->want != KEY_NONE) {
		c->found = id == c->want;
		return c->found ? -1 : 0;
	}
	if ((keys->list[id].flags & KEY_MADE) || ((keys->list[id].flags & KEY_CLAIMED) &&
	    (keys->list[id].claim != c->tag || !node_exclusive(keys->list[id].node, n)))) {
		say_twice(c, n, id);
		return -1;
	}
	keys->list[id].flags |= KEY_CLAIMED;
	keys->list[id].claim = c->tag;
	keys->list[id].node = n;
	return 0;
}

/* The keys that the item's lines will make, as far as they can be told now. */
static int
claim_nodes(struct claim *c, const struct node *n)
{
	for (; n; n = n->next) {
		if (n->key && claim_key(c, n))
			return -1;
		if (!n->var && (claim_nodes(c, n->body) || claim_nodes(c, n->other)))
			return -1;
	}
	return 0;
}

/* Claims for every item, and counts them. */
static int
claim_items(struct claim *c)
{
	const char *s;
	size_t n;

	while (items_next(c->items, c->number, &s, &n)) {
		c->var.value = s;
		c->var.n = n;
		if (c->want == KEY_NONE)
			c->tag = ++c->w->tags;
		if (claim_nodes(c, c->block->body))
			return -1;
	}
	return 0;
}

/* Refuses two items that give one key, before anything of the block starts. *TOTAL: how many there are. */
static int
claim(struct walk *w, struct branch *b, struct items *items, uint32_t *total)
{
	struct claim c = { 0 };
	struct buf error = { 0 };
	uint32_t before = w->tags;
	int bad;

	c.w = w;
	c.block = b->at;
	c.items = items;
	c.want = KEY_NONE;
	c.first = before + 1;
	c.error = &error;
	c.var.up = b->scope;
	c.var.name = b->at->var;
	place_of(b, &c.at);
	c.at.scope = &c.var;
	w->answers->error.n = 0;
	bad = claim_items(&c);
	buf_free(&c.key);
	*total = w->tags - before;
	items_rewind(items);
	if (bad)
		fail_here(w, b, buf_str(error.n ? &error : &w->answers->error));
	buf_free(&error);
	return bad;
}

/* Statements. */

static int
read_items(struct walk *w, struct branch *b, struct items *items, uint32_t *total)
{
	struct place at;
	char *lines;
	size_t n;

	memset(items, 0, sizeof *items);
	place_of(b, &at);
	w->answers->error.n = 0;
	if (inputs_read(w->answers, &at, b->at, &lines, &n)) {
		fail_answers(w, b);
		return -1;
	}
	if (items_read(items, w->answers, &at, b->at, lines, n)) {
		items_free(items);
		fail_answers(w, b);
		return -1;
	}
	if (claim(w, b, items, total)) {
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
	f = push_frame(b);
	f->items = items;
	f->left = total;
	f->var.up = b->scope;
	f->var.name = b->at->var;
	b->scope = &f->var;
	if (total && b->at->body && next_pass(b))
		return 1;
	pop_frame(b);
	go_on(b);
	return 1;
}

/* The number behind `max`; -1 when it is none, which was said. */
static long
read_max(struct walk *w, struct branch *b)
{
	struct buf s = { 0 }, text = { 0 };
	struct place at;
	long long max = 0;

	place_of(b, &at);
	if (!b->at->max)
		return 0;
	w->answers->error.n = 0;
	if (expand(w->answers, &at, &b->at->max->t, &s)) {
		buf_free(&s);
		fail_answers(w, b);
		return -1;
	}
	max = number_parse(buf_str(&s), s.n);
	if (max < 1) {
		buf_fmt(&text, "max is followed by a positive number, not `%.60s`", s.s);
		fail_here(w, b, buf_str(&text));
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
	if (n->var && read_items(w, b, &items, &total))
		return 0;
	for (child = n->var ? NULL : n->body; child; child = child->next)
		total++;
	if (!total || !n->body) {
		items_free(&items);
		go_on(b);
		return 1;
	}
	block = mem_zero(1, sizeof *block);
	block->node = block->top = n;
	block->in = b;
	block->items = items;
	block->child = n->var ? NULL : n->body;
	block->total = total;
	block->max = max;
	block->prints = has_print(n->body);
	block->next = w->filling;
	w->filling = block;
	b->state = BRANCH_BLOCK;
	return 0;
}

/* A key that was made before in this walk; otherwise it is now being made. */
static int
begin_key(struct walk *w, struct branch *b)
{
	struct keys *keys = w->answers->keys;
	struct buf *s = &w->key, error = { 0 };
	struct place at;
	int bad;

	place_of(b, &at);
	w->answers->error.n = 0;
	s->n = 0;
	if (read_key(w->answers, &at, b->at, s)) {
		fail_answers(w, b);
		return -1;
	}
	bad = check_name(buf_str(s), s->n, &error);
	if (!bad) {
		b->key = keys_add(keys, s->s, s->n);
		if (keys->list[b->key].flags & KEY_MADE) {
			buf_fmt(&error, "the key `%s` was made already, on line %u of %s", s->s, keys->list[b->key].node->pos.line,
			    keys->list[b->key].node->pos.src->name);
			bad = -1;
		} else if (keys->list[b->key].flags & KEY_ODD) {
			buf_fmt(&error, "result/%s is no plain file; remove it", s->s);
			bad = -1;
		}
	}
	if (bad) {
		fail_here(w, b, buf_str(&error));
	} else {
		keys->list[b->key].flags |= KEY_MADE;
		keys->list[b->key].node = b->at;
		keys->list[b->key].owner = 0;
	}
	buf_free(&error);
	return bad;
}

/* Whether what the branch is at, which has its answer, is asked again: if it would be asked otherwise, or if
 * something before it was asked later than it. A worktree is no question: it is where the others work. */
static int
is_again(const struct walk *w, const struct branch *b, const char *differs)
{
	return w->again && (differs || (b->at->kind != NODE_WORKTREE && b->passed > keys_place(w->answers->keys, b->key)));
}

/* Tells of a step that has its answer, with what it would be asked now. Returns whether it is kept. */
static int
keep(struct walk *w, struct branch *b)
{
	const struct keys *keys = w->answers->keys;
	struct event e = { 0 };
	struct task t;
	struct place at;
	int again;

	place_of(b, &at);
	if (!task_asked(&t, w->around, w->answers, &at, b->at, task_key(w, b))) {
		e.task = &t;
		e.text = w->world->differs(w->world->ctx, b->key, &t);
	} else if (w->again) {
		e.text = "what it would be asked cannot be told";
	}
	again = is_again(w, b, e.text);
	e.kind = again ? EVENT_AGAIN : EVENT_KEPT;
	e.key = branch_key(w, b, &e.id);
	if (!again || e.text)
		w->world->event(w->world->ctx, &e);
	if (!again && !(keys->list[b->key].flags & KEY_FOUND) && keys_place(keys, b->key) > b->passed)
		b->passed = keys_place(keys, b->key);
	task_free(&t);
	return !again;
}

/* The worktree that is the answer of the statement the branch is at becomes its directory, if that was
 * said. One that is gone is never replaced by another directory. */
static int
enter_worktree(struct walk *w, struct branch *b)
{
	struct answers *a = w->answers;
	struct buf text = { 0 };
	char *path = NULL;
	size_t n;
	int bad;

	if (b->at->kind != NODE_WORKTREE)
		return 0;
	bad = a->read(a->ctx, task_key(w, b), &path, &n) ? errno : 0;
	if (!bad) {
		path[without_newlines(path, n)] = '\0';
		bad = w->world->enter(w->world->ctx, path);
	}
	if (bad) {
		buf_fmt(&text, "the worktree `%s` cannot be entered: %s: %s; if it was removed, remove its result too",
		    task_key(w, b), path ? path : "its path is not known", strerror(bad));
		fail_here(w, b, buf_str(&text));
		buf_free(&text);
	} else if (b->at->enter) {
		set_dir(b, path);
	}
	free(path);
	return bad;
}

/* Any statement whose answer is kept: run, worktree, commit, ask. */
static int
at_kept(struct walk *w, struct branch *b)
{
	if (wait_for_stdin(w, b) || begin_key(w, b))
		return 0;
	b->tries = b->refused = 0;
	b->otherwise = 0;
	if ((w->answers->keys->list[b->key].flags & KEY_KEPT) && keep(w, b)) {
		sight_add(&b->sight, w->answers->keys, b->key);
		if (enter_worktree(w, b))
			return 0;
		go_on(b);
		return 1;
	}
	b->state = BRANCH_PLACE;
	list_add(&w->places, b);
	return 0;
}

static int
at_if(struct walk *w, struct branch *b)
{
	if (!wait_for_stdin(w, b)) {
		b->state = BRANCH_PLACE;
		list_add(&w->places, b);
	}
	return 0;
}

static int
read_text(struct walk *w, struct branch *b, struct buf *out)
{
	struct place at;

	place_of(b, &at);
	w->answers->error.n = 0;
	if (!expand(w->answers, &at, &b->at->prompt, out))
		return 0;
	fail_answers(w, b);
	return -1;
}

static int
at_stop(struct walk *w, struct branch *b)
{
	struct buf text = { 0 };
	int bad = read_text(w, b, &text);

	if (!bad) {
		text.n = without_newlines(buf_str(&text), text.n);
		if (text.n)
			say(w, EVENT_NOTE, NULL, buf_str(&text), 0);
		b->at = NULL;
	}
	buf_free(&text);
	return !bad;
}

static int
at_fail(struct walk *w, struct branch *b)
{
	struct buf text = { 0 };

	if (!read_text(w, b, &text)) {
		text.n = without_newlines(buf_str(&text), text.n);
		fail_here(w, b, text.n ? buf_str(&text) : "`fail` was reached");
	}
	buf_free(&text);
	return 0;
}

static int
at_break(struct walk *w, struct branch *b)
{
	(void)w;
	while (b->frame->node->kind != NODE_FOR)
		pop_frame(b);
	b->at = b->frame->node;
	pop_frame(b);
	go_on(b);
	return 1;
}

static int
at_print(struct walk *w, struct branch *b)
{
	struct buf text = { 0 };
	int bad;

	if (not_in_turn(b)) {
		bad = read_text(w, b, &text);
		if (!bad) {
			print_later(w, b, &text);
			go_on(b);
		}
		buf_free(&text);
		return !bad;
	}
	b->state = BRANCH_PRINT;
	list_add(&w->printing, b);
	return 0;
}

/* The directory DIR as it is seen from the branch's own. */
static void
join_dir(const struct branch *b, const char *dir, struct buf *out)
{
	if (*dir != '/')
		buf_fmt(out, "%s/", strcmp(b->dir, "/") ? b->dir : "");
	buf_text(out, dir);
}

static int
at_cd(struct walk *w, struct branch *b)
{
	struct buf s = { 0 }, path = { 0 }, text = { 0 };
	struct place at;
	int bad;

	place_of(b, &at);
	w->answers->error.n = 0;
	bad = expand(w->answers, &at, &b->at->arg->t, &s);
	if (bad) {
		fail_answers(w, b);
	} else {
		join_dir(b, buf_str(&s), &path);
		bad = s.n ? w->world->enter(w->world->ctx, buf_str(&path)) : ENOENT;
		if (bad) {
			buf_fmt(&text, s.n ? "cannot go to %s: %s" : "the directory to go to is empty", path.s, strerror(bad));
			fail_here(w, b, buf_str(&text));
		} else {
			set_dir(b, path.s);
			go_on(b);
		}
	}
	buf_free(&s);
	buf_free(&path);
	buf_free(&text);
	return !bad;
}

/* Calls. */

static int
at_call(struct walk *w, struct branch *b)
{
	struct block *block;
	struct place at;
	const char *name;
	int bad = 0;

	if (begin_key(w, b))
		return 0;
	block = mem_zero(1, sizeof *block);
	block->node = b->at;
	block->in = b;
	block->total = 1;
	name = task_key(w, b);
	block->prefix = arena_dup(&block->mem, name, strlen(name));
	place_of(b, &at);
	w->answers->error.n = 0;
	block->scope = call_scope(w->answers, &at, b->at, &block->mem, &bad);
	if (bad) {
		free_block(block);
		fail_answers(w, b);
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
		end_branch(w, b, 0);
	else if (w->halt == HALT_FIRST && b->reason)
		fail_step(w, b, b->reason);
	else if (w->halt)
		end_branch(w, b, 1);
	else if (at[b->at->kind](w, b))
		list_push(&w->ready, b);
}

/* Tasks. */

static int
make_task(struct walk *w, struct branch *b, struct task *t)
{
	struct place at;
	int bad;

	place_of(b, &at);
	w->answers->error.n = 0;
	if (b->at->kind == NODE_IF)
		return task_if(t, w->around, w->answers, &at, b->at);
	if (b->otherwise)
		return task_word(t, w->around, w->answers, &at, b->at, task_key(w, b));
	if (b->at->kind == NODE_RUN)
		bad = task_step(t, w->around, w->answers, &at, b->at, task_key(w, b));
	else
		bad = task_other(t, w->around, w->answers, &at, b->at, task_key(w, b));
	if (bad)
		return bad;
	b->retries = t->retries;
	b->delay = t->delay;
	b->has_otherwise = t->has_otherwise;
	b->answered = 0;
	b->tries++;
	return 0;
}

/* The step that the branch is at cannot even be asked. */
static void
fail_task(struct walk *w, struct branch *b)
{
	struct buf why = w->answers->error;

	memset(&w->answers->error, 0, sizeof w->answers->error);
	if (b->at->key)
		fail_step(w, b, buf_str(&why));
	else
		fail_here(w, b, buf_str(&why));
	buf_free(&why);
}

/* Whether the agent is what a step makes of it. */
static int
is_shell(const struct agent *a)
{
	return a->built_in && (!strcmp(a->name, "sh") || !strcmp(a->name, "exec"));
}

/* What is known of the agent that the branch waits for, or has asked; NULL: it has not refused. */
static struct held_agent *
find_held(const struct walk *w, const struct branch *b)
{
	struct held_agent *h;

	if (!w->held_agents || b->at->kind != NODE_RUN || b->otherwise)
		return NULL;
	for (h = w->held_agents; h; h = h->next)
		if (h->step ? h->step == b->at->step : !strcmp(h->name, b->at->step->agent->name))
			return h;
	return NULL;
}

static struct held_agent *
make_held(struct walk *w, const struct branch *b)
{
	struct held_agent *h = find_held(w, b);

	if (h)
		return h;
	h = mem_zero(1, sizeof *h);
	h->name = b->at->step->agent->name;
	h->step = is_shell(b->at->step->agent) ? b->at->step : NULL;
	list_init(&h->waiting);
	h->next = w->held_agents;
	w->held_agents = h;
	return h;
}

/* The next of those whose agent may be asked again. */
static struct branch *
next_held(struct walk *w)
{
	struct held_agent *h;

	for (h = w->held_agents; h; h = h->next)
		if (h->waiting.first && !hold_waits(&h->hold, w->now)) {
			w->naside--;
			return list_take(&h->waiting);
		}
	return NULL;
}

/* A step that is `free` takes no token; all else that takes a place does. */
static int
is_free(const struct branch *b)
{
	const struct node *n = b->at;

	return n->kind == NODE_RUN && (n->attrs.free || n->step->attrs.free);
}

static int
has_token(const struct walk *w)
{
	return !w->tokens || w->paying < w->tokens;
}

static void step_failed(struct walk *, struct branch *, const char *why);

/* The agent was given up before the branch's turn came. */
static void
not_asked(struct walk *w, struct branch *b, const struct held_agent *h)
{
	struct buf why = { 0 };

	buf_fmt(&why, "not asked: %s has taken no more for ", h->name);
	duration_text(w->now - h->hold.since, &why);
	b->tries--;
	b->retries = -1;
	step_failed(w, b, buf_str(&why));
	buf_free(&why);
}

static int
give_task(struct walk *w, struct branch *b, struct order *o)
{
	struct held_agent *h = find_held(w, b);
	int bad = make_task(w, b, &o->task);

	if (bad || (h && h->hold.over)) {
		task_free(&o->task);
		if (bad)
			fail_task(w, b);
		else
			not_asked(w, b, h);
		return 0;
	}
	b->round = h ? hold_asked(&h->hold, w->now) : 0;
	b->state = BRANCH_RUNNING;
	b->has_place = 1;
	w->busy++;
	b->pays = o->task.pays = !is_free(b);
	w->paying += b->pays;
	o->kind = ORDER_START;
	o->branch = b;
	return 1;
}

/* The next that waits for a place. What its agent would refuse, or what lacks a token, steps aside: others may
 * need neither. */
static struct branch *
next_place(struct walk *w)
{
	struct held_agent *h;
	struct branch *b;

	for (;;) {
		if (w->unpaid.first && has_token(w)) {
			b = list_take(&w->unpaid);
			w->naside--;
		} else if (!(b = next_held(w)) && !(b = list_take(&w->places))) {
			return NULL;
		}
		h = find_held(w, b);
		if (h && hold_waits(&h->hold, w->now))
			list_add(&h->waiting, b);
		else if (!is_free(b) && !has_token(w))
			list_add(&w->unpaid, b);
		else
			return b;
		w->naside++;
	}
}

static int
give_text(struct walk *w, struct order *o)
{
	struct branch *b = list_take(&w->printing);

	if (read_text(w, b, &o->text)) {
		buf_free(&o->text);
		return 0;
	}
	o->kind = ORDER_PRINT;
	o->branch = b;
	return 1;
}

static void
end_pauses(struct walk *w)
{
	while (w->pausing.first && w->pausing.first->due <= w->now) {
		struct branch *b = list_take(&w->pausing);

		b->state = BRANCH_PLACE;
		list_add(&w->places, b);
	}
}

static struct block *
block_to_fill(const struct walk *w)
{
	struct block *block;

	for (block = w->filling; block && is_full(block); block = block->next)
		;
	return block;
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
		end_pauses(w);
		if (w->budget <= 0) {
			o->kind = ORDER_MORE;
			return;
		}
		if (w->ready.first)
			advance(w, list_take(&w->ready));
		else if (w->flush.n && w->halt < HALT_STOP) {
			o->kind = ORDER_PRINT;
			o->text = w->flush;
			memset(&w->flush, 0, sizeof w->flush);
			return;
		} else if (w->halt)
			return;
		else if (w->printing.first) {
			if (give_text(w, o))
				return;
		} else if (w->stdin_state == STDIN_WANTED) {
			w->stdin_state = STDIN_READING;
			o->kind = ORDER_START;
			task_stdin(&o->task);
			return;
		} else if (w->jobs && w->busy >= w->jobs) {
			return;
		} else if ((b = next_place(w))) {
			if (give_task(w, b, o))
				return;
		} else if (w->naside < AHEAD && (block = block_to_fill(w))) {
			fill(w, block);
			w->budget--;
		} else {
			return;
		}
	}
}

int
walk_wants(const struct walk *w)
{
	return w->unpaid.first && !has_token(w) && (!w->jobs || w->busy < w->jobs);
}

long long
walk_wake(const struct walk *w, long long now)
{
	const struct held_agent *h;
	long long due = w->pausing.first ? w->pausing.first->due : -1;

	for (h = w->held_agents; h; h = h->next)
		if (h->waiting.first && h->hold.until > w->now && (due < 0 || h->hold.until < due))
			due = h->hold.until;
	return due < 0 ? -1 : due > now ? due - now : 0;
}

/* What is left. */

static void rest_list(struct rest *, const struct node *, long long times);

/* How many items a block that was not reached will have; -1: its list is not known yet, or may be left early. */
static long long
items_written(const struct node *n)
{
	const char *from, *to;
	size_t nfrom, nto, i;
	long long sum = 0, more;

	for (i = 0; i < n->nitems; i++) {
		more = 1;
		if (n->items[i].kind == ITEM_RANGE) {
			if (!tmpl_literal(&n->items[i].from, &from, &nfrom) || !tmpl_literal(&n->items[i].to, &to, &nto))
				return -1;
			more = number_parse(to, nto) - number_parse(from, nfrom) + 1;
		}
		sum += more > 0 ? more : 0;
	}
	return n->inputs.n || (n->kind == NODE_FOR && node_breaks(n->body)) ? -1 : sum;
}

/* The statement N, TIMES times; 0 is perhaps. */
static void
rest_node(struct rest *r, const struct node *n, long long times)
{
	long long items = 1;

	if (n->called) {
		rest_list(r, n->called->body, times);
	} else if (n->key) {
		r->more |= !times;
		if (times)
			r->each(r->ctx, n, times);
	} else if (n->kind == NODE_IF) {
		rest_list(r, n->body, 0);
		rest_list(r, n->other, 0);
	} else {
		if (n->var)
			items = items_written(n);
		if (items)
			rest_list(r, n->body, items < 0 ? 0 : times * items);
	}
}

static void
rest_list(struct rest *r, const struct node *n, long long times)
{
	for (; n && n->kind != NODE_STOP && n->kind != NODE_FAIL && n->kind != NODE_BREAK; n = n->next)
		rest_node(r, n, times);
}

/* What comes behind the statement that the branch is at, the way that go_on goes. */
static void
rest_behind(const struct branch *b, struct rest *r)
{
	const struct node *n = b->at, *top = b->of->top;
	const struct frame *f = b->frame;

	while (n && !(top && !top->var && n->parent == top)) {
		rest_list(r, n->next, 1);
		n = n->parent;
		if (!n || n == top)
			return;
		if (n->kind == NODE_FOR && f->left)
			rest_list(r, n->body, node_breaks(n->body) ? 0 : f->left);
		f = f->up;
	}
}

/* The same of all that the block stands in, as far as nobody came by in this look. */
static void
rest_above(struct walk *w, struct block *block, struct rest *r)
{
	for (; block->in && !block->doomed && block->seen != w->looks; block = block->in->of) {
		block->seen = w->looks;
		rest_behind(block->in, r);
	}
}

static void
rest_waiting(struct walk *w, const struct branch *b, struct rest *r)
{
	for (; b; b = b->next) {
		if (b->at)
			rest_node(r, b->at, 1);
		rest_behind(b, r);
		rest_above(w, b->of, r);
	}
}

void
walk_rest(struct walk *w, struct rest *r)
{
	struct held_agent *h;
	struct block *block;

	w->looks++;
	if (w->halt)
		return;
	rest_waiting(w, w->ready.first, r);
	rest_waiting(w, w->places.first, r);
	rest_waiting(w, w->unpaid.first, r);
	for (h = w->held_agents; h; h = h->next)
		rest_waiting(w, h->waiting.first, r);
	rest_waiting(w, w->pausing.first, r);
	rest_waiting(w, w->printing.first, r);
	rest_waiting(w, w->stdin_wait.first, r);
	for (block = w->filling; block; block = block->next) {
		if (block->node->kind == NODE_CALL)
			rest_list(r, block->node->called->body, 1);
		else if (block->child)
			rest_list(r, block->child, 1);
		else
			rest_list(r, block->node->body, block->total - block->started);
		rest_above(w, block, r);
	}
}

void
walk_rest_of(struct walk *w, const struct branch *b, struct rest *r)
{
	if (w->halt)
		return;
	rest_behind(b, r);
	rest_above(w, b->of, r);
}

/* What has ended. */

void
walk_answered(struct walk *w, struct branch *b)
{
	if (!b)
		return;
	leave_place(w, b);
	if (b->at->kind == NODE_IF)
		return;                 /* its arms are still to come */
	b->answered = 1;
	if (is_last(b))
		leave_room(b);
}

static void
pause_branch(struct walk *w, struct branch *b, long long ms)
{
	struct branch **p;

	b->state = BRANCH_PAUSE;
	b->due = w->now + ms;
	for (p = &w->pausing.first; *p && (*p)->due <= b->due; p = &(*p)->next)
		;
	list_insert(&w->pausing, p, b);
}

/* The pause before the next try: doubling, at most a day, a quarter more or less by chance. */
static long long
next_delay(struct walk *w, const struct branch *b)
{
	const long long most = 24LL * 3600 * 1000;
	long long d = b->delay;
	long i;

	for (i = 1; i < b->tries - b->refused && d < most; i++)
		d *= 2;
	return hold_jitter(d < most ? d : most, w->world->random(w->world->ctx));
}

static void
step_failed(struct walk *w, struct branch *b, const char *why)
{
	long long ms;

	free(b->reason);
	b->reason = mem_dup(why, strlen(why));
	/* Where the answer was there, only keeping it has failed: nobody is asked twice for that. */
	if (b->tries - b->refused <= b->retries && !b->answered && !b->otherwise && !w->halt) {
		ms = next_delay(w, b);
		say(w, EVENT_RETRY, b, why, ms);
		pause_branch(w, b, ms);
	} else if (b->has_otherwise && !b->otherwise && !w->halt) {
		say(w, EVENT_RETRY, b, why, -1);
		b->otherwise = 1;
		b->state = BRANCH_PLACE;
		list_push(&w->places, b);
	} else {
		fail_step(w, b, why);
	}
}

/* Its agent takes no more for now: that is no failure of the step, and no try of its `retry`. */
static void
step_refused(struct walk *w, struct branch *b, const struct outcome *o)
{
	struct held_agent *h = make_held(w, b);
	struct branch **p;
	struct buf why = { 0 };
	int again = hold_refused(&h->hold, b->round, o->number < 0 ? -1 : o->number * 1000LL, b->delay,
	    w->world->random(w->world->ctx), w->now);

	outcome_text(o, 0, &why);
	if (!again) {
		b->retries = -1;
		step_failed(w, b, buf_str(&why));
	} else if (w->halt) {
		end_branch(w, b, 1);
	} else {
		say(w, EVENT_HELD, b, buf_str(&why), h->hold.until - w->now);
		b->state = BRANCH_PLACE;
		for (p = &h->waiting.first; *p && (*p)->refused; p = &(*p)->next)
			;
		list_insert(&h->waiting, p, b);
		b->refused++;
		w->naside++;
	}
	buf_free(&why);
}

/* Whether its agent has come to an end by itself, and has not refused. */
static int
by_itself(const struct outcome *o)
{
	return o->kind == OUT_OK || o->kind == OUT_ENDED || o->kind == OUT_FUTILE || o->kind == OUT_FILTER || o->kind == OUT_CHECK;
}

static void
step_ended(struct walk *w, struct branch *b, const struct outcome *o)
{
	struct held_agent *h = find_held(w, b);

	if (h && by_itself(o))
		hold_ended(&h->hold, b->round);
	if (o->kind == OUT_OK) {
		sight_add(&b->sight, w->answers->keys, b->key);
		b->passed = ASKED_NOW;
		free(b->reason);
		b->reason = NULL;
		if (enter_worktree(w, b))
			return;
		b->state = BRANCH_READY;
		go_on(b);
		list_add(&w->ready, b);
	} else if (o->kind == OUT_STOPPED) {
		end_branch(w, b, 1);
	} else if (o->kind == OUT_LATER) {
		step_refused(w, b, o);
	} else {
		struct buf why = { 0 };

		/* Processes that nobody could end may still be at work: no second try beside them. */
		if (o->kind == OUT_HELD || o->kind == OUT_LEFT || o->kind == OUT_FUTILE)
			b->retries = 0;
		outcome_text(o, o->timeout, &why);
		step_failed(w, b, buf_str(&why));
		buf_free(&why);
	}
}

static void
if_ended(struct walk *w, struct branch *b, const struct outcome *o)
{
	struct buf why = { 0 };
	int yes = o->kind == OUT_OK;

	if (o->kind == OUT_STOPPED) {
		end_branch(w, b, 1);
	} else if (yes || (o->kind == OUT_ENDED && WIFEXITED(o->status) && WEXITSTATUS(o->status) == 1)) {
		const struct node *arm = yes ? b->at->body : b->at->other;

		b->state = BRANCH_READY;
		if (arm) {
			push_frame(b);
			b->at = arm;
		} else {
			go_on(b);
		}
		list_add(&w->ready, b);
	} else {
		buf_text(&why, "the command of this `if` (0 is true, 1 is false): ");
		outcome_text(o, 0, &why);
		if (o->kind == OUT_ENDED && *o->text)
			buf_fmt(&why, ": %.*s", (int)without_newlines(o->text, strlen(o->text)), o->text);
		fail_here(w, b, buf_str(&why));
	}
	buf_free(&why);
}

static void
stdin_ended(struct walk *w, const struct outcome *o)
{
	struct branch *b;
	struct buf why = { 0 };

	if (o->kind == OUT_OK) {
		w->stdin_state = STDIN_READ;
		list_move(&w->stdin_wait, &w->ready, BRANCH_READY);
		return;
	}
	w->stdin_state = STDIN_UNREAD;
	outcome_text(o, 0, &why);
	while ((b = list_take(&w->stdin_wait))) {
		if (o->kind == OUT_STOPPED)
			end_branch(w, b, 1);
		else
			fail_here(w, b, buf_str(&why));
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
	leave_place(w, b);
	if (b->at->kind == NODE_IF)
		if_ended(w, b, o);
	else
		step_ended(w, b, o);
}

void
walk_refused(struct walk *w, struct branch *b)
{
	if (!b) {
		w->stdin_state = w->halt ? STDIN_UNREAD : STDIN_WANTED;
		if (w->halt)
			list_move(&w->stdin_wait, &w->ready, BRANCH_READY);
		return;
	}
	leave_place(w, b);
	if (!b->has_room) {
		b->has_room = 1;
		b->of->room_taken++;
	}
	if (b->at->key && !b->otherwise)
		b->tries--;
	b->state = BRANCH_PLACE;
	list_push(&w->places, b);
	if (w->halt)
		list_move(&w->places, &w->ready, BRANCH_READY);
}

void
walk_printed(struct walk *w, struct branch *b, int error)
{
	struct buf text = { 0 };

	if (error) {
		buf_fmt(&text, "standard output: %s", strerror(error));
		if (b) {
			fail_here(w, b, buf_str(&text));
		} else {
			w->output_failed = 1;
			say(w, EVENT_TROUBLE, NULL, buf_str(&text), 0);
			walk_halt(w, HALT_FIRST);
		}
		buf_free(&text);
		return;
	}
	if (!b)
		return;
	b->state = BRANCH_READY;
	go_on(b);
	list_add(&w->ready, b);
}

void
walk_halt(struct walk *w, enum halt how)
{
	struct held_agent *h;
	struct block *block, *next;

	if (w->halt >= how)
		return;
	w->halt = how;
	list_move(&w->places, &w->ready, BRANCH_READY);
	list_move(&w->unpaid, &w->ready, BRANCH_READY);
	for (h = w->held_agents; h; h = h->next)
		list_move(&h->waiting, &w->ready, BRANCH_READY);
	w->naside = 0;
	list_move(&w->pausing, &w->ready, BRANCH_READY);
	list_move(&w->printing, &w->ready, BRANCH_READY);
	if (w->stdin_state != STDIN_READING)
		list_move(&w->stdin_wait, &w->ready, BRANCH_READY);
	for (block = w->filling; block; block = next) {
		next = block->next;
		if (!block->live) {
			settle(w, block);
			next = w->filling;      /* what was behind it may have settled too */
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
	return task_key(w, b);
}

const struct node *
branch_line(const struct branch *b)
{
	return b ? b->at : NULL;
}

long
branch_try(const struct branch *b)
{
	return b ? b->tries : 1;
}

int
branch_again(const struct walk *w, const struct branch *b)
{
	return b && b->at->key && (w->answers->keys->list[b->key].flags & KEY_KEPT);
}

int
branch_otherwise(const struct branch *b)
{
	return b && b->otherwise;
}

void
walk_start(struct walk *w, const struct workflow *workflow, const struct surroundings *around, struct answers *answers,
    const struct scope *scope, const struct world *world, long jobs, int stop_first)
{
	struct block *root = mem_zero(1, sizeof *root);
	struct branch *b;

	memset(w, 0, sizeof *w);
	w->w = workflow;
	w->around = around;
	w->answers = answers;
	w->world = world;
	w->jobs = jobs;
	w->stop_first = stop_first;
	list_init(&w->spare);
	list_init(&w->ready);
	list_init(&w->places);
	list_init(&w->unpaid);
	list_init(&w->printing);
	list_init(&w->pausing);
	list_init(&w->stdin_wait);
	root->total = 1;
	b = make_branch(w, root);
	b->scope = scope;
	b->flow = workflow;
	b->prefix = "";
	b->dir = around->root;
	b->at = workflow->body;
	sight_give(&b->sight, answers->keys, workflow);
	if (keys_find(answers->keys, "-", 1) != KEY_NONE &&
	    (answers->keys->list[keys_find(answers->keys, "-", 1)].flags & KEY_KEPT))
		w->stdin_state = STDIN_READ;
}

void
walk_free(struct walk *w)
{
	struct held_agent *h;
	struct branch *b;

	/* Branches that run when orch gives up are not freed: only an end by signal leaves some, and then
	 * the process is gone. What ended normally has freed itself. */
	while ((h = w->held_agents)) {
		w->held_agents = h->next;
		free(h);
	}
	buf_free(&w->reason);
	buf_free(&w->flush);
	buf_free(&w->key);
	while ((b = list_take(&w->spare))) {
		ids_free(&b->sight.made);
		free(b);
	}
}
