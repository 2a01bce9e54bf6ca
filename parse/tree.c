/* Where the statements of a workflow are to each other. */
#include "parse/tree.h"

#include <string.h>

const char *
node_word(enum node_kind kind)
{
	static const char *const words[] = {
		"run", "for", "parallel", "if", "break", "print", "stop", "fail",
		"call", "worktree", "commit", "cd", "ask",
	};

	return words[kind];
}

const char *
node_var(const struct node *n, size_t i)
{
	if (n->vars)
		return i < n->nvars ? n->vars[i] : NULL;
	return i ? NULL : n->var;
}

int
node_has_var(const struct node *n, const char *name, size_t len)
{
	const char *var;
	size_t i;

	for (i = 0; (var = node_var(n, i)); i++)
		if (strlen(var) == len && !memcmp(var, name, len))
			return 1;
	return 0;
}

static int
depth(const struct node *n)
{
	int d = 0;

	for (; n; n = n->parent)
		d++;
	return d;
}

/* Climbs from A and B to the two statements that are in the same block; returns that block. */
static const struct node *
meet(const struct node **a, const struct node **b)
{
	int da = depth(*a), db = depth(*b);

	for (; da > db; da--)
		*a = (*a)->parent;
	for (; db > da; db--)
		*b = (*b)->parent;
	while ((*a)->parent != (*b)->parent) {
		*a = (*a)->parent;
		*b = (*b)->parent;
	}
	return (*a)->parent;
}

int
node_exclusive(const struct node *a, const struct node *b)
{
	const struct node *block = meet(&a, &b);

	return block && block->kind == NODE_IF && a->in_else != b->in_else;
}

int
node_above(const struct node *b, const struct node *a)
{
	const struct node *a1 = a, *b1 = b, *block = meet(&a1, &b1);

	if (a->order >= b->order || a1 == b1)
		return 0;
	if (!block)
		return 1;
	if (block->kind == NODE_PARALLEL && !block->var)
		return 0;
	return block->kind != NODE_IF || a1->in_else == b1->in_else;
}

int
node_sees(const struct node *b, const struct node *a)
{
	const struct node *a1 = a, *b1 = b, *up;

	for (up = meet(&a1, &b1); up; up = up->parent)
		if (up->kind == NODE_FOR)
			return 1;
	return node_above(b, a);
}

static int
in_name(char c)
{
	return c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* Whether the N bytes at NAME are in LINE, and not as a piece of a longer name. */
static int
mentions(const struct line *line, const char *name, size_t n)
{
	size_t k;

	for (k = 0; k + n <= line->n; k++)
		if (!memcmp(line->s + k, name, n) && !(k && in_name(line->s[k - 1])) &&
		    !(k + n < line->n && in_name(line->s[k + n])))
			return 1;
	return 0;
}

int
workflow_lost(const struct workflow *w, const char *name, size_t n)
{
	size_t i;

	for (i = 0; i < w->lost.n; i++)
		if (mentions(&w->lost.lines[i], name, n))
			return 1;
	return 0;
}

const struct node *
node_parallel(const struct node *n)
{
	for (n = n->parent; n; n = n->parent)
		if (n->kind == NODE_PARALLEL)
			return n;
	return NULL;
}

int
node_is_always(const struct node *n)
{
	return n->attrs.always || (n->step && n->step->attrs.always);
}

int
node_is_pure(const struct node *n)
{
	return n->attrs.pure || (n->step && n->step->attrs.pure) || node_is_always(n);
}

int
node_may_be_taken(const struct node *n)
{
	return n->kind == NODE_RUN && node_is_pure(n) && !node_is_always(n) && !n->attrs.interactive && !n->step->attrs.interactive;
}

int
node_depends(const struct node *n)
{
	return n->attrs.depends.n || (n->step && n->step->attrs.depends.n);
}

int
node_breaks(const struct node *n)
{
	for (; n; n = n->next)
		if (n->kind == NODE_BREAK || node_breaks(n->body) || node_breaks(n->other))
			return 1;
	return 0;
}
