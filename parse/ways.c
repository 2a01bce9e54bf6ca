/* Whether a result is there on all ways that lead to a line. */
#include "parse/ways.h"

#include <string.h>

#include "parse/buf.h"
#include "parse/parse.h"

/* How a list of statements may be left. */
enum { LEAVES = 1, FAILS = 2 };         /* its end is never reached; nor is, but by a failure, that of the file */

static unsigned learn(struct workflow *, struct node *);

static unsigned
learn_one(struct workflow *w, struct node *n)
{
	unsigned body = learn(w, n->body), other = learn(w, n->other);
	struct node *up;

	n->body_leaves = body & LEAVES;
	n->other_leaves = other & LEAVES;
	switch (n->kind) {
	case NODE_STOP:
		if (!w->stop)
			w->stop = n;
		return LEAVES;
	case NODE_FAIL:
		return LEAVES | FAILS;
	case NODE_BREAK:
		for (up = n->parent; up && up->kind != NODE_FOR; up = up->parent)
			;
		if (up && !up->breaks)
			up->breaks = n;
		return LEAVES;
	case NODE_IF:
		return body & other;
	case NODE_CALL:
		return n->called && n->called->fails ? LEAVES | FAILS : 0;
	default:
		return 0;
	}
}

static unsigned
learn(struct workflow *w, struct node *n)
{
	unsigned all = 0;

	for (; n; n = n->next)
		all |= learn_one(w, n);
	return all;
}

void
ways_learn(struct workflow *w, struct node *n)
{
	w->fails = (learn(w, n) & FAILS) != 0;
}

/* Whether two `if` lines ask the same: then they decide alike. */
static int
is_same(const struct node *a, const struct node *b)
{
	size_t i;

	if (!a->command.s || !b->command.s || strcmp(a->command.s, b->command.s) || a->inputs.n != b->inputs.n)
		return 0;
	for (i = 0; i < a->inputs.n; i++)
		if (strcmp(a->inputs.list[i].raw, b->inputs.list[i].raw))
			return 0;
	return 1;
}

/* Whether AT stands in the arm IN_ELSE of an `if` that decides as N does. */
static int
is_guarded(const struct node *at, const struct node *n, int in_else)
{
	for (; at && at->parent; at = at->parent)
		if (at->parent->kind == NODE_IF && at->in_else == in_else && is_same(at->parent, n))
			return 1;
	return 0;
}

/* Whether the command of an `if` is one that always decides so: while a workflow is written, it stands for another. */
static int
always(const struct node *n, int in_else)
{
	const char *s = n->command.s + strspn(n->command.s, " \t"), *word = in_else ? "false" : *s == ':' ? ":" : "true";
	size_t len = strlen(word);

	return !n->inputs.n && !strncmp(s, word, len) && !s[len + strspn(s + len, " \t")];
}

/* The value of T, where it has no names but of parameters that are known. -1: it has others. */
static int
value_of(const struct ways *w, const struct tmpl *t, struct buf *out)
{
	const char *name, *value;
	size_t i, n;

	for (i = 0; i < t->n; i++) {
		const struct part *p = &t->parts[i];

		if (p->kind == PART_TEXT) {
			buf_add(out, p->s, p->n);
			continue;
		}
		if (p->kind != PART_NAME || !tmpl_literal(p->name, &name, &n) || !(value = w->param(w->ctx, name, n)))
			return -1;
		buf_text(out, value);
	}
	return 0;
}

/* What the variable of BLOCK is where the key T is MEANT: the bytes in the middle. -1: that cannot be told. */
static int
item_of(const struct ways *w, const struct node *block, const struct tmpl *t, const struct meant *meant, const char **item, size_t *n)
{
	struct buf head = { 0 }, tail = { 0 };
	struct tmpl piece;
	const char *name;
	size_t i, len;
	int bad = 0, holes = 0;

	for (i = 0; i < t->n && !bad; i++) {
		piece.parts = &t->parts[i];
		piece.n = 1;
		if (t->parts[i].kind == PART_NAME && tmpl_literal(t->parts[i].name, &name, &len) && strlen(block->var) == len &&
		    !memcmp(name, block->var, len))
			holes++;
		else
			bad = value_of(w, &piece, holes ? &tail : &head);
	}
	*item = meant->value + head.n;
	*n = meant->n - head.n - tail.n;
	if (holes != 1 || meant->n < head.n + tail.n)
		bad = -1;
	buf_free(&head);
	buf_free(&tail);
	return bad ? -1 : 0;
}

/* The end of a range: -1: not known before the walk; -2: known when the parameters are. */
static long long
end_of(const struct ways *w, const struct tmpl *t)
{
	struct buf b = { 0 };
	const char *name;
	size_t n;
	long long v;

	if (value_of(w, t, &b)) {
		buf_free(&b);
		return t->n == 1 && t->parts[0].kind == PART_NAME && tmpl_literal(t->parts[0].name, &name, &n) &&
		    w->is_param(w->ctx, name, n) ? -2 : -1;
	}
	v = number_parse(buf_str(&b), b.n);
	buf_free(&b);
	return v < 0 ? -2 : v;          /* what is no number is refused elsewhere */
}

/* Whether the value of T is the N bytes at S; -1: it is not known. */
static int
is_value(const struct ways *w, const struct tmpl *t, const char *s, size_t n)
{
	struct buf b = { 0 };
	int same = value_of(w, t, &b) ? -1 : b.n == n && !memcmp(buf_str(&b), s, n);

	buf_free(&b);
	return same;
}

enum { ITEM_NONE = -1, ITEM_UNKNOWN = -2, ITEM_PERHAPS = -3 };  /* PERHAPS: of a range that may be empty */

/* Which item of the BLOCK the N bytes at S are: its number from 0, where it is known to come. */
static long long
number_of(const struct ways *w, const struct node *block, const char *s, size_t n)
{
	long long v = number_parse(s, n), from, to;
	size_t i;
	int same;

	if (v >= 0 && n > 1 && *s == '0')
		v = -1;                 /* a range writes no such number */
	for (i = 0; i < block->nitems; i++) {
		const struct item *item = &block->items[i];

		if (item->kind == ITEM_RANGE) {
			from = end_of(w, &item->from);
			to = end_of(w, &item->to);
			if (from == -2 || to == -2)
				return ITEM_UNKNOWN;
			if (from < 0 || to < 0)
				return v < 0 ? ITEM_UNKNOWN : ITEM_PERHAPS;
			if (v >= from && v <= to)
				return (long long)i + v - from;
			continue;
		}
		same = is_value(w, &item->word.t, s, n);
		if (same)
			return same < 0 ? (long long)ITEM_UNKNOWN : (long long)i;
	}
	return block->inputs.n ? ITEM_UNKNOWN : ITEM_NONE;
}

/* Why MADE, in a pass or branch of BLOCK, may not have been reached. */
static enum lack
in_block(const struct ways *w, const struct node *made, const struct node *block, const struct meant *meant)
{
	long long item = ITEM_UNKNOWN;
	const char *s;
	size_t n;

	if (meant->value && made->key && !item_of(w, block, &made->key->t, meant, &s, &n))
		item = number_of(w, block, s, n);
	if (item == ITEM_NONE)
		return LACK_ITEM;
	if (item == ITEM_PERHAPS)
		return LACK_RANGE;
	if (!block->breaks || (item == 0 && made->order < block->breaks->order))
		return LACK_NONE;
	/* Where a result says which pass is meant, nobody but it knows. */
	return item >= 0 || (!meant->value && meant->varies) ? LACK_BREAK : LACK_NONE;
}

static enum lack climb(const struct ways *, const struct node *made, const struct node *to, const struct node *at, const struct meant *,
    const struct node **why);

/* Whether the arm IN_ELSE of the `if` N makes the key as well. */
static int
makes_too(const struct ways *w, const struct node *n, int in_else, const struct meant *meant)
{
	const struct node *other, *up, *why;
	size_t i;

	for (i = 0; (other = w->other(w->ctx, i)); i++) {
		for (up = other; up && up->parent != n; up = up->parent)
			;
		if (up && up->in_else == in_else && climb(w, other, n, NULL, meant, &why) == LACK_NONE)
			return 1;
	}
	return 0;
}

/* From MADE up to the block TO that it stands in, at any depth (NULL: the file). */
static enum lack
climb(const struct ways *w, const struct node *made, const struct node *to, const struct node *at, const struct meant *meant,
    const struct node **why)
{
	const struct node *n, *up;
	enum lack lack;

	for (n = made; (up = n->parent) != to; n = up) {
		*why = up;
		lack = LACK_NONE;
		if (up->kind == NODE_IF) {
			if (!(n->in_else ? up->body_leaves : up->other_leaves) && !is_guarded(at, up, n->in_else) &&
			    !makes_too(w, up, !n->in_else, meant) && !(up->command.s && always(up, n->in_else)))
				lack = LACK_ARM;
		} else if (up->var) {
			lack = in_block(w, made, up, meant);
		}
		if (lack != LACK_NONE)
			return lack;
	}
	return LACK_NONE;
}

enum lack
ways_lack(const struct ways *w, const struct node *made, const struct node *at, const struct meant *meant, const struct node **why)
{
	const struct node *up, *a;

	if (!at)
		return climb(w, made, NULL, NULL, meant, why);
	for (up = made->parent; up; up = up->parent) {
		for (a = at->parent; a && a != up; a = a->parent)
			;
		if (a)
			break;
	}
	/* Of what an earlier pass has made, the first knows nothing: that is how loops are written. */
	for (a = up; a && made->order >= at->order; a = a->parent)
		if (a->kind == NODE_FOR)
			return LACK_NONE;
	return climb(w, made, up, at, meant, why);
}
