/* Whether a result is there on all ways that lead to a line. */
#include "parse/ways.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "parse/buf.h"
#include "parse/glob.h"
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

/* Whether AT is in the arm IN_ELSE of an `if` that decides as N does. */
static int
is_guarded(const struct node *at, const struct node *n, int in_else)
{
	for (; at && at->parent; at = at->parent)
		if (at->parent->kind == NODE_IF && at->in_else == in_else && is_same(at->parent, n))
			return 1;
	return 0;
}

/* Whether the command of an `if` always decides so: while a workflow is written, it takes the place of another. */
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
	return v < 0 ? -2 : v;          /* what is not a number is refused elsewhere */
}

/* The block around AT that has the variable NAME, of N bytes; NULL: there is none. */
static const struct node *
block_of(const struct node *at, const char *name, size_t n)
{
	for (at = at ? at->parent : NULL; at && !node_has_var(at, name, n); at = at->parent)
		;
	return at;
}

static int
is_around(const struct node *block, const struct node *n)
{
	while (n && n != block)
		n = n->parent;
	return n == block;
}

/* One name of AT: its bytes, where they are known. A variable of a block that is around MADE as well has one value for both,
 * and is in the bytes as such. */
struct meant {
	const struct node *made, *at;
	struct buf value;
	enum { KNOWN, VARIES, UNKNOWN } kind;   /* VARIES: by a variable of a block around AT alone; UNKNOWN: by a result */
};

static void
put_variable(struct buf *b, const char *name, size_t n)
{
	buf_char(b, '\1');
	buf_add(b, name, n);
	buf_char(b, '\1');
}

static void
read_meant(const struct ways *w, struct meant *m, const struct tmpl *t)
{
	const struct node *block;
	const char *name, *value;
	size_t i, n;

	m->kind = t ? KNOWN : UNKNOWN;
	for (i = 0; t && i < t->n && m->kind == KNOWN; i++) {
		const struct part *p = &t->parts[i];

		if (p->kind == PART_TEXT)
			buf_add(&m->value, p->s, p->n);
		else if (p->kind != PART_NAME || !tmpl_literal(p->name, &name, &n))
			m->kind = UNKNOWN;
		else if ((block = block_of(m->at, name, n)) && is_around(block, m->made))
			put_variable(&m->value, name, n);
		else if (block)
			m->kind = VARIES;
		else if ((value = w->param(w->ctx, name, n)))
			buf_text(&m->value, value);
		else
			m->kind = UNKNOWN;
	}
}

static void
add_glob(struct buf *glob, const char *s, size_t n)
{
	unsigned short c;

	for (; n--; s++) {
		c = (unsigned char)*s;
		buf_add(glob, &c, sizeof c);
	}
}

/* Whether MADE makes what is meant where the variable of BLOCK is the N bytes at ITEM (NULL: anything). */
static int
makes_with(const struct ways *w, const struct meant *m, const struct node *block, const char *item, size_t n)
{
	static const unsigned short any = GLOB_ANY;
	const struct tmpl *t = &m->made->key->t;
	struct buf glob = { 0 }, variable = { 0 };
	const struct node *of;
	const char *name, *value;
	size_t i, len;
	int makes;

	for (i = 0; i < t->n; i++) {
		const struct part *p = &t->parts[i];

		if (p->kind == PART_TEXT) {
			add_glob(&glob, p->s, p->n);
		} else if (p->kind != PART_NAME || !tmpl_literal(p->name, &name, &len)) {
			buf_add(&glob, &any, sizeof any);
		} else if ((of = block_of(m->made, name, len)) == block && item && !block->vars) {
			add_glob(&glob, item, n);
		} else if (of && m->at && of != block && is_around(of, m->at)) {
			variable.n = 0;
			put_variable(&variable, name, len);
			add_glob(&glob, variable.s, variable.n);
		} else if (!of && (value = w->param(w->ctx, name, len))) {
			add_glob(&glob, value, strlen(value));
		} else {
			buf_add(&glob, &any, sizeof any);
		}
	}
	if (m->made->kind == NODE_CALL) {
		add_glob(&glob, "/", 1);
		buf_add(&glob, &any, sizeof any);
	}
	makes = glob_match((const unsigned short *)(const void *)glob.s, glob.n / sizeof any, buf_str((struct buf *)(uintptr_t)&m->value),
	    m->value.n);
	buf_free(&glob);
	buf_free(&variable);
	return makes;
}

enum {
	ITEM_NONE = -1, ITEM_UNKNOWN = -2, ITEM_PERHAPS = -3,   /* PERHAPS: of a range that may be empty */
	RANGE_MOST = 2000       /* passes of a range that are looked at */
};

/* Which pass of BLOCK is meant: *FOUND, counted from 0; -1 where more than one may be. */
struct passes {
	long long next, found;
	int n;
};

static void
look_at_pass(const struct ways *w, const struct meant *m, const struct node *block, struct passes *p, const char *item, size_t n)
{
	if (makes_with(w, m, block, item, n)) {
		p->found = p->next;
		p->n++;
	}
	p->next++;
}

/* Looks at all of the range; returns 0, or what that is. */
static int
look_at_range(const struct ways *w, const struct meant *m, const struct node *block, const struct item *item, struct passes *p)
{
	long long from = end_of(w, &item->from), to = end_of(w, &item->to), v;
	char number[32];

	if (from == -2 || to == -2 || to - from > RANGE_MOST)
		return ITEM_UNKNOWN;
	if (from < 0 || to < 0)
		return makes_with(w, m, block, NULL, 0) ? ITEM_PERHAPS : 0;
	for (v = from; v <= to; v++) {
		snprintf(number, sizeof number, "%lld", v);
		look_at_pass(w, m, block, p, number, strlen(number));
	}
	return 0;
}

/* The number of the pass or branch of BLOCK that makes what is meant. */
static long long
number_of(const struct ways *w, const struct meant *m, const struct node *block)
{
	struct passes p = { 0, -1, 0 };
	struct buf b = { 0 };
	size_t i;
	int kind = 0, perhaps = 0;

	for (i = 0; i < block->nitems && kind != ITEM_UNKNOWN; i++) {
		const struct item *item = &block->items[i];

		b.n = 0;
		if (item->kind == ITEM_RANGE)
			kind = look_at_range(w, m, block, item, &p);
		else if (value_of(w, &item->word.t, &b))
			kind = ITEM_UNKNOWN;
		else
			look_at_pass(w, m, block, &p, buf_str(&b), b.n);
		perhaps |= kind == ITEM_PERHAPS;
	}
	buf_free(&b);
	if (kind == ITEM_UNKNOWN || p.n > 1 || (!p.n && block->inputs.n))
		return ITEM_UNKNOWN;
	return p.n ? p.found : perhaps ? ITEM_PERHAPS : ITEM_NONE;
}

/* The statement directly in BLOCK that N is in. */
static const struct node *
top_in(const struct node *n, const struct node *block)
{
	while (n->parent != block)
		n = n->parent;
	return n;
}

/* Why MADE, in a pass or branch of BLOCK, may not have been reached. */
static enum lack
in_block(const struct ways *w, const struct meant *m, const struct node *block)
{
	long long item = m->kind == KNOWN ? number_of(w, m, block) : ITEM_UNKNOWN;

	if (item == ITEM_NONE)
		return LACK_ITEM;
	if (item == ITEM_PERHAPS)
		return LACK_RANGE;
	if (!block->breaks || (item == 0 && top_in(m->made, block)->order < top_in(block->breaks, block)->order))
		return LACK_NONE;
	/* Where a result says which pass is meant, nobody but it knows. */
	return item >= 0 || m->kind == VARIES ? LACK_BREAK : LACK_NONE;
}

/* Of the blocks that are around both: a pass of a `for` that comes later than the one that names it. Below an `if` nobody
 * knows. */
static enum lack
in_common(const struct ways *w, const struct meant *m, const struct node *block, const struct node **why)
{
	const struct node *n;
	long long item;

	for (n = m->at; block; block = block->parent) {
		for (; n != block; n = n->parent)
			if (n->kind == NODE_IF)
				return LACK_NONE;
		if (block->kind != NODE_FOR || m->kind != KNOWN || strchr(buf_str((struct buf *)(uintptr_t)&m->value), '\1'))
			continue;
		item = number_of(w, m, block);
		*why = block;
		if (item == ITEM_NONE)
			return LACK_ITEM;
		if (item > 0 || (item == 0 && m->made->order >= m->at->order))
			return LACK_LATER;
	}
	return LACK_NONE;
}

static enum lack climb(const struct ways *, const struct meant *, const struct node *to, const struct node **why);

/* Whether the arm IN_ELSE of the `if` N makes the key as well. */
static int
makes_too(const struct ways *w, const struct node *n, int in_else, const struct meant *meant)
{
	const struct node *other, *up, *why;
	struct meant same = *meant;
	size_t i;

	same.at = NULL;
	for (i = 0; (other = w->other(w->ctx, i)); i++) {
		for (up = other; up && up->parent != n; up = up->parent)
			;
		same.made = other;
		if (up && up->in_else == in_else && climb(w, &same, n, &why) == LACK_NONE)
			return 1;
	}
	return 0;
}

/* From what makes it up to the block TO that it is in, at any depth (NULL: the file). */
static enum lack
climb(const struct ways *w, const struct meant *m, const struct node *to, const struct node **why)
{
	const struct node *n, *up;
	enum lack lack;

	for (n = m->made; (up = n->parent) != to; n = up) {
		*why = up;
		lack = LACK_NONE;
		if (up->kind == NODE_IF) {
			if (!(n->in_else ? up->body_leaves : up->other_leaves) && !is_guarded(m->at, up, n->in_else) &&
			    !makes_too(w, up, !n->in_else, m) && !(up->command.s && always(up, n->in_else)))
				lack = LACK_ARM;
		} else if (up->var) {
			lack = in_block(w, m, up);
		}
		if (lack != LACK_NONE)
			return lack;
	}
	return LACK_NONE;
}

enum lack
ways_lack(const struct ways *w, const struct node *made, const struct node *at, const struct tmpl *t, const struct node **why)
{
	const struct node *up, *a;
	struct meant m = { 0 };
	enum lack lack = LACK_NONE;
	int earlier = 0;

	m.made = made;
	m.at = at;
	read_meant(w, &m, t);
	for (up = at ? made->parent : NULL; up && !is_around(up, at); up = up->parent)
		;
	/* Of what an earlier pass has made, the first knows nothing: that is how loops are written. */
	for (a = up; a && made->order >= at->order; a = a->parent)
		earlier |= a->kind == NODE_FOR;
	if (at)
		lack = in_common(w, &m, up, why);
	if (lack == LACK_NONE && !earlier)
		lack = climb(w, &m, up, why);
	buf_free(&m.value);
	return lack;
}
