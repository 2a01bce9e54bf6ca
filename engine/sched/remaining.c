/* What of a walk is left. */
#include <string.h>

#include "engine/sched/branch.h"
#include "parse/parse.h"

static void add_list(struct remaining *, const struct node *, long long times);

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
add_node(struct remaining *r, const struct node *n, long long times)
{
	long long items = 1;

	if (n->called) {
		add_list(r, n->called->body, times);
	} else if (n->key) {
		r->more |= !times;
		if (times)
			r->each(r->ctx, n, times);
	} else if (n->kind == NODE_IF) {
		add_list(r, n->body, 0);
		add_list(r, n->other, 0);
	} else {
		if (n->var)
			items = items_written(n);
		if (items)
			add_list(r, n->body, items < 0 ? 0 : times * items);
	}
}

static void
add_list(struct remaining *r, const struct node *n, long long times)
{
	for (; n && n->kind != NODE_STOP && n->kind != NODE_FAIL && n->kind != NODE_BREAK; n = n->next)
		add_node(r, n, times);
}

/* What comes after the statement that the branch is at, the way that branch_go_on goes. */
static void
add_after(const struct branch *b, struct remaining *r)
{
	const struct node *n = b->at, *top = b->of->top;
	const struct frame *f = b->frame;

	while (n && !(top && !top->var && n->parent == top)) {
		add_list(r, n->next, 1);
		n = n->parent;
		if (!n || n == top)
			return;
		if (n->kind == NODE_FOR && f->left)
			add_list(r, n->body, node_breaks(n->body) ? 0 : f->left);
		f = f->up;
	}
}

/* The same of all that the block is in, as far as nobody passed in this look. */
static void
add_above(struct walk *w, struct block *block, struct remaining *r)
{
	for (; block->in && !block->doomed && block->seen != w->looks; block = block->in->of) {
		block->seen = w->looks;
		add_after(block->in, r);
	}
}

static void
add_waiting(struct walk *w, const struct branch *b, struct remaining *r)
{
	for (; b; b = b->next) {
		if (b->at)
			add_node(r, b->at, 1);
		add_after(b, r);
		add_above(w, b->of, r);
	}
}

void
walk_remaining(struct walk *w, struct remaining *r)
{
	struct throttled_agent *h;
	struct block *block;

	w->looks++;
	if (w->stop)
		return;
	add_waiting(w, w->ready.first, r);
	add_waiting(w, w->queue.first, r);
	add_waiting(w, w->waiting_for_token.first, r);
	for (h = w->throttled; h; h = h->next)
		add_waiting(w, h->waiting.first, r);
	add_waiting(w, w->pausing.first, r);
	add_waiting(w, w->printing.first, r);
	add_waiting(w, w->stdin_wait.first, r);
	add_waiting(w, w->to_look.first, r);
	add_waiting(w, w->looking.first, r);
	add_waiting(w, w->looked.first, r);
	add_waiting(w, w->to_take.first, r);
	for (block = w->filling; block; block = block->next) {
		if (block->node->kind == NODE_CALL)
			add_list(r, block->node->called->body, 1);
		else if (block->child)
			add_list(r, block->child, 1);
		else
			add_list(r, block->node->body, block->total - block->started);
		add_above(w, block, r);
	}
}

void
walk_remaining_of(struct walk *w, const struct branch *b, struct remaining *r)
{
	if (w->stop)
		return;
	add_after(b, r);
	add_above(w, b->of, r);
}
