/* A workflow file's text becomes a tree.
 *
 * One function a statement. Each first collects the line (its words, the names behind <, the text
 * behind |) and then says what the words mean. */
#include "parse/parse.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "parse/lex.h"
#include "parse/mem.h"
#include "parse/near.h"
#include "parse/text.h"

/* Where an attribute line goes. */
enum attr_level { ATTR_NOWHERE, ATTR_FILE, ATTR_STEP, ATTR_RUN, ATTR_GIT };

struct parser {
	struct lex lex;
	struct workflow *w;
	struct diags *diags;
	struct node *open;              /* the innermost block that has no end yet */
	struct node **tail;             /* where the next statement is linked */
	struct param **params;
	struct agent **agents;
	struct step **steps;
	int depth;
	int unread;                     /* blocks that could not be read as such: their `end` is no error */
	enum attr_level level;
	struct attrs *attrs;            /* of the level; NULL: nowhere */
	struct text *text;              /* what a line that begins with | adds to; NULL: nothing */
	int after_blank;                /* a blank line ended the text or the attributes above */
	struct pos pos;                 /* of the keyword of this line */
	const char *word;               /* the keyword */
	const char *start;              /* the line from its keyword on */
	struct text no_text;            /* what belongs to a statement that could not be read */
	struct attrs no_attrs;
};

enum { TAKES_NAMES = 1, TAKES_TEXT = 2 };

/* A collected line. */
struct phrase {
	struct words words, names;
	int has_names;
	struct text text;
};

static void
words_add(struct words *l, const struct word *w, struct arena *mem)
{
	l->list = arena_more(mem, l->list, l->n, sizeof *l->list);
	l->list[l->n++] = *w;
}

static void
text_add(struct text *t, struct line line, struct arena *mem)
{
	t->lines = arena_more(mem, t->lines, t->n, sizeof *t->lines);
	t->lines[t->n++] = line;
	t->there = 1;
}

/* The line could not be read, which was said: what it would have made is not missed, and what
 * belongs to it, below, is read without a word. */
static void
lose(struct parser *p)
{
	struct line line;

	line.pos = p->pos;
	line.s = p->start;
	line.n = (size_t)(p->lex.eol - p->start);
	text_add(&p->w->lost, line, &p->w->mem);
	memset(&p->no_text, 0, sizeof p->no_text);
	memset(&p->no_attrs, 0, sizeof p->no_attrs);
	p->text = &p->no_text;
	p->attrs = &p->no_attrs;
	p->level = ATTR_RUN;
}

static int
wrong_mark(struct parser *p, struct pos pos, const char *mark, int takes)
{
	if (*mark == '<' && (takes & TAKES_NAMES))
		diag_error(p->diags, pos, "a second <: all names stand behind the first");
	else if (*mark == '<')
		diag_error(p->diags, pos, "`%s` takes no <; it is for run, for, parallel and if", p->word);
	else
		diag_error(p->diags, pos, "`%s` takes no text, and there are no pipes here; quote '|' to mean it", p->word);
	lex_skip(&p->lex);
	return -1;
}

/* Collects the rest of the line. Returns -1 when it was wrong, which was said. */
static int
collect(struct parser *p, struct phrase *f, int takes)
{
	struct pos pos = p->pos, names = p->pos;
	enum lex_kind kind;
	struct word w;

	memset(f, 0, sizeof *f);
	while ((kind = lex_word(&p->lex, &w, f->has_names)) != LEX_EOL && kind != LEX_TEXT) {
		pos = w.pos;
		if (kind == LEX_BAD)
			return -1;
		if (kind == LEX_NAMES && (!(takes & TAKES_NAMES) || f->has_names))
			return wrong_mark(p, pos, "<", takes);
		if (kind == LEX_NAMES) {
			f->has_names = 1;
			names = pos;
		} else {
			words_add(f->has_names ? &f->names : &f->words, &w, &p->w->mem);
		}
	}
	if (kind == LEX_TEXT && !(takes & TAKES_TEXT))
		return wrong_mark(p, w.pos, "|", takes);
	if (kind == LEX_TEXT)
		text_add(&f->text, lex_rest(&p->lex), &p->w->mem);
	if (f->has_names && !f->names.n) {
		diag_error(p->diags, names, "no name behind <");
		return -1;
	}
	return 0;
}

/* Whether W is this keyword. */
static int
is(const struct word *w, const char *keyword)
{
	return !w->quoted && !strcmp(w->raw, keyword);
}

/* The word's bytes, when nothing is to be substituted in it; else says so, as WHAT. */
static const char *
literal(struct parser *p, const struct word *w, const char *what)
{
	const char *s;
	size_t n;

	if (!tmpl_literal(&w->t, &s, &n)) {
		diag_error(p->diags, w->pos, "%s is written out here, without {{", what);
		return NULL;
	}
	if (!n) {
		diag_error(p->diags, w->pos, "%s is empty", what);
		return NULL;
	}
	return s;
}

int
variable_name(const char *s, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (!(s[i] == '_' || (s[i] >= 'a' && s[i] <= 'z') || (i && s[i] >= '0' && s[i] <= '9')))
			return 0;
	return n > 0 && !(n == 1 && *s == '_') && !(n >= 6 && !memcmp(s + n - 6, "_proxy", 6));
}

static const char *
variable(struct parser *p, const struct word *w)
{
	const char *s = literal(p, w, "a variable's name");

	if (s && !variable_name(s, strlen(s))) {
		diag_error(p->diags, w->pos, "`%s` is no name for a variable: lower case letters, digits and _, "
		    "but neither `_` nor *_proxy, which programs read", s);
		return NULL;
	}
	return s;
}

static int
too_many(struct parser *p, const struct words *l, size_t most)
{
	if (l->n <= most)
		return 0;
	diag_error(p->diags, l->list[most].pos, "`%s` does not belong here%s", l->list[most].raw,
	    most ? "; a text begins with |, a value with blanks is quoted" : "");
	return -1;
}

static int
missing(struct parser *p, const struct words *l, size_t least, const char *usage)
{
	if (l->n >= least)
		return 0;
	diag_error(p->diags, p->pos, "`%s` is not whole: %s", p->word, usage);
	return -1;
}

/* Numbers and durations. */

long long
number_parse(const char *s, size_t n)
{
	long long v = 0;
	size_t i;

	if (!n || n > 18)
		return -1;
	for (i = 0; i < n; i++) {
		if (s[i] < '0' || s[i] > '9')
			return -1;
		v = v * 10 + (s[i] - '0');
	}
	return v;
}

long long
duration_parse(const char *s, size_t n)
{
	long long v, unit;

	if (n == 1 && *s == '0')
		return 0;
	if (n < 2 || n > 10)
		return -1;
	unit = s[n - 1] == 's' ? 1000 : s[n - 1] == 'm' ? 60 * 1000 : s[n - 1] == 'h' ? 3600 * 1000 : 0;
	v = number_parse(s, n - 1);
	return v < 0 || !unit ? -1 : v * unit;
}

long long
tries_parse(const char *s, size_t n)
{
	long long v = number_parse(s, n);

	return v > TRIES_MOST ? -1 : v;
}

/* Statements that make the tree. */

static struct node *
node_add(struct parser *p, enum node_kind kind)
{
	struct node *n = arena_get(&p->w->mem, sizeof *n);

	n->kind = kind;
	n->pos = p->pos;
	n->parent = p->open;
	n->order = ++p->w->nodes;
	n->in_else = p->open && p->open->has_else;
	*p->tail = n;
	p->tail = &n->next;
	return n;
}

static void
take_text(struct parser *p, struct node *n, const struct phrase *f)
{
	n->text = f->text;
	p->text = &n->text;
}

/* A key that was not written: the N bytes at S. */
static struct word *
default_key(struct parser *p, struct node *n, const char *s, size_t len)
{
	struct word *w = arena_get(&p->w->mem, sizeof *w);
	struct tmpl_in in = { 0 };

	in.s = s;
	in.n = len;
	in.literal = memset(arena_get(&p->w->mem, len + 1), 1, len);
	in.pos = n->pos;
	tmpl_parse(&w->t, &in, 0, &p->w->mem, p->diags);
	w->raw = arena_dup(&p->w->mem, s, len);
	w->pos = n->pos;
	n->key_default = 1;
	return w;
}

static struct word *
keep_word(struct parser *p, const struct word *w)
{
	struct word *k = arena_get(&p->w->mem, sizeof *k);

	*k = *w;
	return k;
}

/* The word behind the I-th, which is an option that wants one; NULL and words when there is none. */
static struct word *
option_value(struct parser *p, const struct words *l, size_t i)
{
	if (i + 1 < l->n)
		return keep_word(p, &l->list[i + 1]);
	diag_error(p->diags, l->list[i].pos, "nothing stands behind `%s`", l->list[i].raw);
	return NULL;
}

/* Whether the I-th word is `as`. */
static int
is_as(const struct words *l, size_t i)
{
	return i < l->n && is(&l->list[i], "as");
}

/* Whether the I-th word is an `as` with no key behind it, which is said. */
static int
as_nothing(struct parser *p, const struct words *l, size_t i)
{
	return is_as(l, i) && !option_value(p, l, i);
}

/* The step of this name, among those above. */
static struct step *
step_find(struct parser *p, const char *name)
{
	struct step *s;

	for (s = p->w->steps; s; s = s->next)
		if (!strcmp(s->name, name))
			return s;
	return NULL;
}

static void
do_run(struct parser *p)
{
	struct phrase f;
	struct node *n;
	const char *name;

	if (collect(p, &f, TAKES_NAMES | TAKES_TEXT) ||
	    missing(p, &f.words, 1, "run STEP [as KEY] [< NAME...] [| TEXT]") ||
	    !(name = literal(p, &f.words.list[0], "the step's name")) || as_nothing(p, &f.words, 1)) {
		lose(p);
		return;
	}
	n = node_add(p, NODE_RUN);
	n->inputs = f.names;
	take_text(p, n, &f);
	p->attrs = &n->attrs;
	p->level = ATTR_RUN;
	n->step = arena_get(&p->w->mem, sizeof *n->step);
	n->step->name = name;                   /* check.c finds the step that is meant */
	n->step->pos = f.words.list[0].pos;
	if (is_as(&f.words, 1)) {
		n->key = &f.words.list[2];
		too_many(p, &f.words, 3);
	} else {
		n->key = default_key(p, n, name, strlen(name));
		too_many(p, &f.words, 1);
	}
}

/* Whether W, unquoted, is A..B with digits or one {{name}} at each end. */
static int
read_range(struct parser *p, struct item *item)
{
	const struct tmpl *t = &item->word.t;
	struct tmpl *side = &item->from;
	size_t i, k, from;
	int seen = 0;

	memset(&item->from, 0, sizeof item->from);
	memset(&item->to, 0, sizeof item->to);
	for (i = 0; i < t->n; i++) {
		const struct part *a = &t->parts[i];
		struct tmpl piece = { (struct part *)(uintptr_t)a, 1 };
		struct part text;

		if (a->kind == PART_NAME) {
			tmpl_append(side, &piece, "", &p->w->mem);
			continue;
		}
		for (from = k = 0; k <= a->n; k++) {
			if (k < a->n && a->s[k] >= '0' && a->s[k] <= '9')
				continue;
			text = *a;
			text.s = a->s + from;
			text.n = k - from;
			piece.parts = &text;
			if (text.n)
				tmpl_append(side, &piece, "", &p->w->mem);
			if (k == a->n)
				break;
			if (seen || a->s[k] != '.' || k + 1 >= a->n || a->s[k + 1] != '.')
				return 0;
			seen = 1;
			side = &item->to;
			from = ++k + 1;
		}
	}
	return seen && item->from.n == 1 && item->to.n == 1;
}

/* The items from the FIRST word on. */
static void
take_items(struct parser *p, struct node *n, const struct phrase *f, size_t first)
{
	size_t i;

	n->inputs = f->names;
	n->items = arena_get(&p->w->mem, (f->words.n - first) * sizeof *n->items);
	for (i = first; i < f->words.n; i++) {
		struct item *item = &n->items[n->nitems++];

		item->word = f->words.list[i];
		if (!item->word.quoted && read_range(p, item))
			item->kind = ITEM_RANGE;
	}
	if (!n->nitems && !n->inputs.n)
		diag_error(p->diags, p->pos, "nothing stands behind `in`: ITEM... or < NAME...");
}

static void
open_block(struct parser *p, struct node *n)
{
	if (++p->depth > NESTED_MOST) {         /* no tree is deeper, so recursion over it is safe */
		diag_error(p->diags, n->pos, "blocks are nested deeper than %d", (int)NESTED_MOST);
		lose(p);
		return;
	}
	p->open = n;
	p->tail = &n->body;
}

/* The line that opens a block could not be read; no text and no attributes belong to it. */
static void
lose_block(struct parser *p)
{
	lose(p);
	p->text = NULL;
	p->attrs = NULL;
	p->level = ATTR_NOWHERE;
}

/* The block's variable; "?" for one that is no name, which was said. */
static const char *
block_var(struct parser *p, const struct word *w)
{
	const char *s = variable(p, w);

	if (!s)
		lose_block(p);
	return s ? s : "?";
}

static void
do_for(struct parser *p)
{
	struct phrase f;
	struct node *n;
	int bad = collect(p, &f, TAKES_NAMES);

	n = node_add(p, NODE_FOR);
	open_block(p, n);
	n->var = "?";
	if (bad || missing(p, &f.words, 2, "for VAR in ITEM... [< NAME...]")) {
		lose_block(p);
		return;
	}
	n->var = block_var(p, &f.words.list[0]);
	if (!is(&f.words.list[1], "in")) {
		diag_error(p->diags, f.words.list[1].pos, "`in` is missing: for VAR in ITEM... [< NAME...]");
		return;
	}
	take_items(p, n, &f, 2);
}

static void
do_parallel(struct parser *p)
{
	static const char usage[] = "parallel [max N] VAR in ITEM... [< NAME...], or parallel [max N]";
	struct phrase f;
	struct node *n;
	size_t i = 0;
	int bad = collect(p, &f, TAKES_NAMES);

	n = node_add(p, NODE_PARALLEL);
	open_block(p, n);
	if (bad) {
		n->var = "?";           /* which form it is cannot be known: complain of neither */
		lose_block(p);
		return;
	}
	if (f.words.n && is(&f.words.list[0], "max")) {
		n->max = option_value(p, &f.words, 0);
		i = 2;
	}
	if (i >= f.words.n && !f.has_names)
		return;
	n->var = i < f.words.n ? block_var(p, &f.words.list[i]) : "?";
	if (i + 1 >= f.words.n || !is(&f.words.list[i + 1], "in")) {
		diag_error(p->diags, i < f.words.n ? f.words.list[i].pos : p->pos, "`in` is missing: %s", usage);
		return;
	}
	take_items(p, n, &f, i + 2);
}

/* The < NAME... | of an `if`, when it is there; -1 when it was wrong, which was said. */
static int
if_names(struct parser *p, struct node *n)
{
	struct lex ahead = p->lex;
	enum lex_kind kind;
	struct word w;

	while (ahead.p < ahead.eol && (*ahead.p == ' ' || *ahead.p == '\t'))
		ahead.p++;
	if (ahead.p == ahead.eol || *ahead.p != '<' || (ahead.p + 1 < ahead.eol && !strchr(" \t", ahead.p[1])))
		return 0;
	lex_word(&p->lex, &w, 0);
	while ((kind = lex_word(&p->lex, &w, 1)) == LEX_WORD)
		words_add(&n->inputs, &w, &p->w->mem);
	if (kind == LEX_TEXT && n->inputs.n)
		return 0;
	if (kind == LEX_TEXT)
		diag_error(p->diags, p->pos, "no name behind <");
	else if (kind != LEX_BAD)
		diag_error(p->diags, p->pos, "`if` is not whole: if [< NAME... |] COMMAND");
	lex_skip(&p->lex);
	n->inputs.n = 0;
	return -1;
}

static void
do_if(struct parser *p)
{
	struct node *n = node_add(p, NODE_IF);

	open_block(p, n);
	if (if_names(p, n))
		return;
	n->command = lex_command(&p->lex);
	if (!*n->command.s)
		diag_error(p->diags, n->command.pos, "no command: if [< NAME... |] COMMAND");
}

static void
do_else(struct parser *p)
{
	struct phrase f;

	if (!collect(p, &f, 0) && f.words.n)
		diag_error(p->diags, f.words.list[0].pos, "`else` stands alone; another `if` goes on a line of its own below it");
	if (p->depth > NESTED_MOST)
		return;
	if (!p->open || p->open->kind != NODE_IF) {
		if (p->unread)
			return;
		diag_error(p->diags, p->pos, "`else` without an `if` above it");
		return;
	}
	if (p->open->has_else) {
		diag_error(p->diags, p->pos, "a second `else` for the `if` on line %u", p->open->pos.line);
		return;
	}
	p->open->has_else = 1;
	p->tail = &p->open->other;
}

static void
do_end(struct parser *p)
{
	struct phrase f;

	if (!collect(p, &f, 0))
		too_many(p, &f.words, 0);
	if (p->depth > NESTED_MOST) {
		p->depth--;
	} else if (p->open) {
		p->tail = &p->open->next;
		p->open = p->open->parent;
		p->depth--;
	} else if (p->unread) {
		p->unread--;
	} else {
		diag_error(p->diags, p->pos, "`end` without a block above it");
	}
}

static void
do_break(struct parser *p)
{
	struct phrase f;

	node_add(p, NODE_BREAK);
	if (!collect(p, &f, 0))
		too_many(p, &f.words, 0);
}

/* print, stop, fail: a text and no words. */
static void
do_say(struct parser *p)
{
	struct phrase f;
	int bad = collect(p, &f, TAKES_TEXT);

	if (!bad && f.words.n) {
		diag_error(p->diags, f.words.list[0].pos, "the text begins with |: %s | TEXT", p->word);
		bad = 1;
	}
	if (bad)
		lose(p);
	else
		take_text(p, node_add(p, *p->word == 'p' ? NODE_PRINT : *p->word == 's' ? NODE_STOP : NODE_FAIL), &f);
}

/* The key of a call that has none: FILE's name without directory and .orch. */
static struct word *
file_key(struct parser *p, struct node *n, const char *file)
{
	const char *slash = strrchr(file, '/'), *base = slash ? slash + 1 : file;
	size_t len = strlen(base);

	if (len > 5 && !strcmp(base + len - 5, ".orch"))
		len -= 5;
	return default_key(p, n, base, len);
}

static void
do_call(struct parser *p)
{
	struct phrase f;
	struct node *n;
	const char *file;
	size_t i;

	if (collect(p, &f, TAKES_TEXT) || missing(p, &f.words, 1, "call FILE [as NAME] [VAR=VALUE...] [| TEXT]") ||
	    !(file = literal(p, &f.words.list[0], "the file's name")) || as_nothing(p, &f.words, 1)) {
		lose(p);
		return;
	}
	n = node_add(p, NODE_CALL);
	take_text(p, n, &f);
	n->arg = &f.words.list[0];
	n->key = is_as(&f.words, 1) ? &f.words.list[2] : file_key(p, n, file);
	for (i = is_as(&f.words, 1) ? 3 : 1; i < f.words.n; i++) {
		const struct word *w = &f.words.list[i];
		const char *eq = strchr(w->raw, '=');

		if (!eq || !variable_name(w->raw, (size_t)(eq - w->raw)))
			diag_error(p->diags, w->pos, "VAR=VALUE is expected here");
		else
			words_add(&n->values, w, &p->w->mem);
	}
}

static void
do_worktree(struct parser *p)
{
	struct phrase f;
	struct node *n;
	size_t i;

	if (collect(p, &f, 0) || missing(p, &f.words, 1, "worktree BRANCH [enter] [from REF] [at PATH] [as KEY]")) {
		lose(p);
		return;
	}
	n = node_add(p, NODE_WORKTREE);
	n->arg = &f.words.list[0];
	for (i = 1; i < f.words.n; i++) {
		const struct word *w = &f.words.list[i];
		struct word **value = is(w, "from") ? &n->from : is(w, "at") ? &n->at : is(w, "as") ? &n->key : NULL;

		if (is(w, "enter")) {
			n->enter = 1;
		} else if (value && !*value) {
			*value = option_value(p, &f.words, i++);
		} else {
			diag_error(p->diags, w->pos, "`%s` does not belong here: worktree BRANCH [enter] [from REF] [at PATH] [as KEY]", w->raw);
			break;
		}
	}
	if (!n->key) {
		n->key = keep_word(p, n->arg);
		n->key_default = 1;
	}
	p->attrs = &n->attrs;
	p->level = ATTR_GIT;
}

static void
do_commit(struct parser *p)
{
	struct phrase f;
	struct node *n;

	if (collect(p, &f, TAKES_TEXT) || as_nothing(p, &f.words, 0) ||
	    too_many(p, &f.words, is_as(&f.words, 0) ? 2 : 0)) {
		lose(p);
		return;
	}
	n = node_add(p, NODE_COMMIT);
	take_text(p, n, &f);
	n->key = f.words.n ? &f.words.list[1] : default_key(p, n, "commit", 6);
	p->attrs = &n->attrs;
	p->level = ATTR_GIT;
}

static void
do_cd(struct parser *p)
{
	struct phrase f;
	struct node *n;

	if (collect(p, &f, 0) || missing(p, &f.words, 1, "cd DIR")) {
		lose(p);
		return;
	}
	n = node_add(p, NODE_CD);
	n->arg = &f.words.list[0];
	too_many(p, &f.words, 1);
}

static void
do_ask(struct parser *p)
{
	struct phrase f;
	struct node *n;
	size_t i;

	if (collect(p, &f, TAKES_TEXT) || missing(p, &f.words, 1, "ask KEY [CHOICE...] [default CHOICE] | TEXT")) {
		lose(p);
		return;
	}
	n = node_add(p, NODE_ASK);
	take_text(p, n, &f);
	n->key = &f.words.list[0];
	for (i = 1; i < f.words.n; i++) {
		if (is(&f.words.list[i], "default")) {
			n->fallback = option_value(p, &f.words, i);
			too_many(p, &f.words, i + 2);
			break;
		}
		words_add(&n->choices, &f.words.list[i], &p->w->mem);
	}
}

/* Statements outside of blocks. */

static int
outside(struct parser *p)
{
	if (!p->open)
		return 0;
	diag_error(p->diags, p->pos, "`%s` stands outside of blocks; the `%s` of line %u has no `end` yet",
	    p->word, node_word(p->open->kind), p->open->pos.line);
	return -1;
}

static void
do_param(struct parser *p)
{
	struct phrase f;
	struct param *v, *other;

	outside(p);
	if (collect(p, &f, 0) || missing(p, &f.words, 1, "param NAME [DEFAULT]")) {
		lose(p);
		return;
	}
	too_many(p, &f.words, 2);
	v = arena_get(&p->w->mem, sizeof *v);
	v->name = variable(p, &f.words.list[0]);
	v->pos = p->pos;
	v->fallback = f.words.n > 1 ? &f.words.list[1] : NULL;
	if (!v->name) {
		lose(p);
		return;
	}
	for (other = p->w->params; other; other = other->next)
		if (!strcmp(other->name, v->name))
			diag_error(p->diags, f.words.list[0].pos, "the parameter `%s` is there already, on line %u", v->name, other->pos.line);
	*p->params = v;
	p->params = &v->next;
}

static void
do_agent(struct parser *p)
{
	struct phrase f;
	struct agent *a;
	size_t i;

	outside(p);
	if (collect(p, &f, 0) || missing(p, &f.words, 2, "agent NAME WORD...")) {
		lose(p);
		return;
	}
	a = arena_get(&p->w->mem, sizeof *a);
	a->name = literal(p, &f.words.list[0], "an agent's name");
	a->pos = p->pos;
	if (!a->name) {
		lose(p);
		return;
	}
	for (i = 1; i < f.words.n; i++)
		words_add(&a->words, &f.words.list[i], &p->w->mem);
	a->terminal = a->words;
	*p->agents = a;
	p->agents = &a->next;
}

static void
do_step(struct parser *p)
{
	struct phrase f;
	struct step *s, *other;
	const char *name;
	size_t i;

	outside(p);
	if (collect(p, &f, TAKES_TEXT) || missing(p, &f.words, 2, "step NAME AGENT [WORD...] [| TEXT]") ||
	    !(name = literal(p, &f.words.list[0], "a step's name"))) {
		lose(p);
		return;
	}
	s = arena_get(&p->w->mem, sizeof *s);
	s->name = name;
	s->pos = p->pos;
	s->text = f.text;
	p->text = &s->text;
	p->attrs = &s->attrs;
	p->level = ATTR_STEP;
	other = step_find(p, s->name);
	if (other)
		diag_error(p->diags, f.words.list[0].pos, "the step `%s` is there already, on line %u", s->name, other->pos.line);
	if (literal(p, &f.words.list[1], "the agent's name")) {
		struct agent *meant = arena_get(&p->w->mem, sizeof *meant);

		meant->name = f.words.list[1].raw;      /* check.c finds the agent that is meant */
		meant->pos = f.words.list[1].pos;
		s->agent = meant;
	}
	for (i = 2; i < f.words.n; i++)
		words_add(&s->words, &f.words.list[i], &p->w->mem);
	*p->steps = s;
	p->steps = &s->next;
}

/* Attributes. */

static int
given_twice(struct parser *p, int there)
{
	if (there)
		diag_error(p->diags, p->pos, "`%s` is given twice", p->word);
	return there;
}

static void
one_word(struct parser *p, struct word **where, const char *usage)
{
	struct phrase f;

	if (collect(p, &f, 0) || missing(p, &f.words, 1, usage) || too_many(p, &f.words, 1))
		return;
	if (!given_twice(p, *where != NULL))
		*where = f.words.list;
}

static void
attr_timeout(struct parser *p, struct attrs *a)
{
	const char *s;
	size_t n;

	one_word(p, &a->timeout, "timeout 90s, 10m, 2h; 0 is none");
	if (a->timeout && tmpl_literal(&a->timeout->t, &s, &n) && duration_parse(s, n) < 0)
		diag_error(p->diags, a->timeout->pos, "`%s` is no time: write 90s, 10m or 2h; 0 is none", s);
}

static void
attr_retry(struct parser *p, struct attrs *a)
{
	struct phrase f;
	const char *s;
	size_t n;

	if (collect(p, &f, 0) || missing(p, &f.words, 1, "retry N [DELAY]") || too_many(p, &f.words, 2) ||
	    given_twice(p, a->retry != NULL))
		return;
	a->retry = f.words.list;
	a->delay = f.words.n > 1 ? f.words.list + 1 : NULL;
	if (tmpl_literal(&a->retry->t, &s, &n) && tries_parse(s, n) < 0)
		diag_error(p->diags, a->retry->pos, "`%s` is no number of tries: retry N [DELAY]", s);
	if (a->delay && tmpl_literal(&a->delay->t, &s, &n) && duration_parse(s, n) < 0)
		diag_error(p->diags, a->delay->pos, "`%s` is no time: write 5s, 10m or 2h", s);
}

static struct command
command_line(struct parser *p)
{
	struct command c = lex_command(&p->lex);

	if (!*c.s)
		diag_error(p->diags, c.pos, "no command: %s COMMAND", p->word);
	return c;
}

static void
attr_filter(struct parser *p, struct attrs *a)
{
	struct command c = command_line(p);

	if (!given_twice(p, a->filter.s != NULL))
		a->filter = c;
}

static void
attr_check(struct parser *p, struct attrs *a)
{
	struct command c = command_line(p);

	a->checks = arena_more(&p->w->mem, a->checks, a->nchecks, sizeof *a->checks);
	a->checks[a->nchecks++] = c;
}

static void
attr_otherwise(struct parser *p, struct attrs *a)
{
	one_word(p, &a->otherwise, "otherwise WORD");
}

static int
env_name(const char *s, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (!(s[i] == '_' || (s[i] >= 'a' && s[i] <= 'z') || (s[i] >= 'A' && s[i] <= 'Z') ||
		    (i && s[i] >= '0' && s[i] <= '9')))
			return 0;
	return n > 0;
}

static void
attr_env(struct parser *p, struct attrs *a)
{
	static const char *const ours[] = { "ORCH_RUN", "ORCH_KEY", "ORCH_RESULTS", "ORCH_ROOT" };
	struct phrase f;
	const char *raw, *eq;
	size_t i, n;

	if (collect(p, &f, 0) || missing(p, &f.words, 1, "env NAME=VALUE") || too_many(p, &f.words, 1))
		return;
	raw = f.words.list[0].raw;
	eq = strchr(raw, '=');
	n = eq ? (size_t)(eq - raw) : 0;
	if (!env_name(raw, n)) {
		diag_error(p->diags, f.words.list[0].pos, "env is followed by NAME=VALUE, its NAME of letters, digits and _");
		return;
	}
	for (i = 0; i < sizeof ours / sizeof *ours; i++)
		if (n == strlen(ours[i]) && !memcmp(raw, ours[i], n))
			diag_error(p->diags, f.words.list[0].pos, "%s is set by orch", ours[i]);
	a->env = arena_more(&p->w->mem, a->env, a->nenv, sizeof *a->env);
	a->env[a->nenv++] = f.words.list[0];
}

static void
attr_prompt(struct parser *p, struct attrs *a)
{
	one_word(p, &a->prompt, "prompt FILE");
	if (a->prompt)
		literal(p, a->prompt, "the file's name");
}

static void
attr_interactive(struct parser *p, struct attrs *a)
{
	struct phrase f;

	if (collect(p, &f, 0) || too_many(p, &f.words, 0) || given_twice(p, a->interactive))
		return;
	a->interactive = 1;
	a->interactive_pos = p->pos;
}

static void
attr_free(struct parser *p, struct attrs *a)
{
	struct phrase f;

	if (!collect(p, &f, 0) && !too_many(p, &f.words, 0) && !given_twice(p, a->free))
		a->free = 1;
}

static const struct {
	const char *word;
	void (*read)(struct parser *);
} statements[] = {
	{ "param", do_param }, { "agent", do_agent }, { "step", do_step }, { "run", do_run },
	{ "for", do_for }, { "parallel", do_parallel }, { "if", do_if }, { "else", do_else },
	{ "end", do_end }, { "break", do_break }, { "print", do_say }, { "stop", do_say },
	{ "fail", do_say }, { "call", do_call }, { "worktree", do_worktree }, { "commit", do_commit },
	{ "cd", do_cd }, { "ask", do_ask },
};

static const struct {
	const char *word;
	void (*read)(struct parser *, struct attrs *);
	int at_top;
} attributes[] = {
	{ "timeout", attr_timeout, 1 }, { "retry", attr_retry, 1 }, { "filter", attr_filter, 1 },
	{ "check", attr_check, 1 }, { "otherwise", attr_otherwise, 0 }, { "env", attr_env, 1 },
	{ "prompt", attr_prompt, 0 }, { "interactive", attr_interactive, 0 }, { "free", attr_free, 0 },
};

enum { STATEMENTS = sizeof statements / sizeof *statements, ATTRIBUTES = sizeof attributes / sizeof *attributes };

static void
unknown_keyword(struct parser *p, const char *s, size_t n)
{
	static const char *const blocks[] = { "for", "parallel", "if" };
	struct near near;
	size_t i;

	near_start(&near, s, n);
	for (i = 0; i < STATEMENTS; i++)
		near_try(&near, statements[i].word, strlen(statements[i].word));
	for (i = 0; i < ATTRIBUTES; i++)
		near_try(&near, attributes[i].word, strlen(attributes[i].word));
	if (near.best)
		diag_error(p->diags, p->pos, "unknown keyword `%.*s%s`; did you mean `%s`?", (int)utf8_cut(s, n, 80), s, n > 80 ? "..." : "", near.best);
	else
		diag_error(p->diags, p->pos, "unknown keyword `%.*s%s`; a text line begins with |", (int)utf8_cut(s, n, 80), s, n > 80 ? "..." : "");
	for (i = 0; near.best && i < sizeof blocks / sizeof *blocks; i++)
		p->unread += !strcmp(near.best, blocks[i]);
	lex_skip(&p->lex);
	lose(p);
}

static void
read_attribute(struct parser *p, size_t i)
{
	struct attrs nobody = { 0 };
	struct attrs *a = p->attrs ? p->attrs : &nobody;

	p->word = attributes[i].word;
	if (!p->attrs && !p->after_blank && attributes[i].read == attr_timeout)
		diag_error(p->diags, p->pos, "`timeout` must follow a step, run, worktree or commit, or come first in the file, before param");
	else if (!p->attrs)
		diag_error(p->diags, p->pos, "`%s` stands directly below %s", p->word, p->after_blank ?
		    "its step or run, without a blank line between" : attributes[i].at_top ?
		    "a step or a run, or at the top of the file, above everything else" : "a step or a run");
	else if (p->level == ATTR_FILE && !attributes[i].at_top)
		diag_error(p->diags, p->pos, "`%s` stands directly below a step or a run, not at the top of the file", p->word);
	else if (p->level == ATTR_GIT && attributes[i].read != attr_timeout) {
		diag_error(p->diags, p->pos, "`%s` must follow a step or run; below worktree and commit only timeout may", p->word);
		a = &nobody;
	}
	attributes[i].read(p, a);
}

static void
read_statement(struct parser *p)
{
	const char *s = p->lex.p;
	size_t n, i;

	p->start = s;
	while (p->lex.p < p->lex.eol && *p->lex.p != ' ' && *p->lex.p != '\t')
		p->lex.p++;
	n = (size_t)(p->lex.p - s);
	if (n > 1 && s[n - 1] == '\\' && p->lex.p == p->lex.eol) {
		n--;                    /* the \ that joins the next line */
		p->lex.p--;
	}
	for (i = 0; i < ATTRIBUTES; i++)
		if (strlen(attributes[i].word) == n && !memcmp(attributes[i].word, s, n)) {
			read_attribute(p, i);
			return;
		}
	p->after_blank = 0;
	for (i = 0; i < STATEMENTS; i++)
		if (strlen(statements[i].word) == n && !memcmp(statements[i].word, s, n)) {
			p->word = statements[i].word;
			p->attrs = NULL;
			p->level = ATTR_NOWHERE;
			p->text = NULL;
			statements[i].read(p);
			return;
		}
	unknown_keyword(p, s, n);
}

static void
read_text(struct parser *p)
{
	struct line line;

	p->lex.p++;
	line = lex_rest(&p->lex);
	if (p->text)
		text_add(p->text, line, &p->w->mem);
	else if (p->after_blank)
		diag_error(p->diags, p->pos, "a blank line has ended the text above; an empty line of text is a | alone");
	else
		diag_error(p->diags, p->pos, "there is no statement above that this text could belong to");
}

static void
read_lines(struct parser *p)
{
	enum line_kind kind;

	while ((kind = lex_line(&p->lex)) != LINE_END) {
		p->pos = lex_pos(&p->lex);
		if (kind == LINE_STATEMENT) {
			read_statement(p);
		} else if (kind == LINE_TEXT) {
			read_text(p);
		} else if (p->level != ATTR_FILE) {
			p->after_blank = p->text || p->attrs || p->after_blank;
			p->text = NULL;
			p->attrs = NULL;
			p->level = ATTR_NOWHERE;
		}
	}
}

/* A NUL byte, which no text file has. */
static int
has_nul(const struct source *src, struct diags *diags)
{
	const char *nul = memchr(src->text, '\0', src->n), *s;
	struct pos pos;

	if (!nul)
		return 0;
	pos.src = src;
	pos.line = 1;
	pos.col = 1;
	for (s = src->text; s < nul; s++) {
		pos.col = *s == '\n' ? 1 : pos.col + 1;
		pos.line += *s == '\n';
	}
	diag_error(diags, pos, "a NUL byte: this is no workflow");
	return 1;
}

struct workflow *
workflow_parse(const struct source *src, struct diags *diags)
{
	struct workflow *w = mem_zero(1, sizeof *w);
	struct parser p = { 0 };

	w->src = *src;
	if (!src->n || has_nul(src, diags))
		return w;
	lex_start(&p.lex, &w->src, &w->mem, diags);
	p.w = w;
	p.diags = diags;
	p.tail = &w->body;
	p.params = &w->params;
	p.agents = &w->agents;
	p.steps = &w->steps;
	p.attrs = &w->attrs;
	p.level = ATTR_FILE;
	read_lines(&p);
	for (; p.open; p.open = p.open->parent)
		diag_error(diags, p.open->pos, "this `%s` has no `end`", node_word(p.open->kind));
	return w;
}

void
workflow_free(struct workflow *w)
{
	if (!w)
		return;
	arena_free(&w->mem);
	free(w);
}

struct agent *
agent_parse(const struct source *src, struct arena *mem, struct diags *diags)
{
	const char *eq = memchr(src->text, '=', src->n);
	struct agent *a;
	struct lex lex;
	struct word w;
	enum lex_kind kind;

	lex_start(&lex, src, mem, diags);
	if (!eq || eq == src->text || memchr(src->text, '\n', src->n) || lex_line(&lex) != LINE_STATEMENT) {
		lex.p = lex.start ? lex.start : src->text;
		lex.start = lex.p;
		lex.line = 1;
		diag_error(diags, lex_pos(&lex), "-a is followed by NAME=WORD...");
		return NULL;
	}
	a = arena_get(mem, sizeof *a);
	a->name = arena_dup(mem, src->text, (size_t)(eq - src->text));
	a->pos = lex_pos(&lex);
	lex.p = eq + 1;
	while ((kind = lex_word(&lex, &w, 0)) == LEX_WORD)
		words_add(&a->words, &w, mem);
	if (kind == LEX_EOL && a->words.n) {
		a->terminal = a->words;
		return a;
	}
	if (kind != LEX_BAD)
		diag_error(diags, w.pos.src ? w.pos : a->pos, "-a is followed by NAME=WORD..., without < and |");
	return NULL;
}
