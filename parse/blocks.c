/* Blocks over items: their variables and their items. */
#include "parse/parser.h"

#include <string.h>

#include "parse/parse.h"

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

/* Whether the word, which is not a range, was to be one: A..B, without a /. */
static int
is_near_range(const struct tmpl *t, const char *raw)
{
	const char *dots = strstr(raw, "..");

	return dots && dots > raw && dots[2] && !tmpl_text_with(t, "/");
}

/* An unquoted item that means something to a shell or in another language, and here is that very word. */
static void
check_item(struct parser *p, const struct word *w, int alone)
{
	const char *raw = w->raw;
	size_t n = strlen(raw);
	int shell = phrase_globs(w);

	if (shell == '*' || shell == '?') {
		diag_error(p->diags, w->pos, "there is no globbing here: list files with a step, `run sh as files | ls %s`, then "
		    "`in < files`; or quote it to mean it as it is", raw);
	} else if (shell) {
		diag_error(p->diags, w->pos, "there is no shell here: list items with a step, `run sh as list | COMMAND`, then "
		    "`in < list`; or quote it to mean it as it is");
	} else if (*raw == '[' || (n > 1 && raw[n - 1] == ',')) {
		diag_error(p->diags, w->pos, "items are separated by blanks, without brackets or commas: in a b c; or quote it to mean it as it is");
	} else if (is_near_range(&w->t, raw)) {
		diag_error(p->diags, w->pos, "invalid range '%s': its ends are digits or {{NAME}}, as in 1..{{n}}; or quote it to mean it as it is", raw);
	} else if (alone && tmpl_text_with(&w->t, ",")) {
		diag_warn(p->diags, w->pos, "this is one item: items are separated by blanks, not commas; quote it to mean it as it is");
	}
}

static int
is_end(const struct word *w)
{
	return !strncmp(w->raw, "{{", 2) || (*w->raw && w->raw[strspn(w->raw, "0123456789")] == '\0');
}

/* Whether W, a word between two others, is the `..` of a range that has blanks. */
static int
is_split_range(const struct word *w)
{
	return !w->quoted && !strcmp(w->raw, "..") && is_end(w - 1) && is_end(w + 1);
}

/* `max N` at the end of L, where it belongs before the variable: is said. */
static int
late_max(struct parser *p, const struct node *n, const struct words *l)
{
	const struct word *w = l->n > 1 ? &l->list[l->n - 2] : NULL;

	if (!w || n->kind != NODE_PARALLEL || !phrase_is(w, "max") || w[1].quoted || strspn(w[1].raw, "0123456789") != strlen(w[1].raw))
		return 0;
	diag_error(p->diags, w->pos, "`max` goes before the variable: parallel max %s %s in ...", w[1].raw, n->var);
	return 1;
}

/* The items from the FIRST word on. */
static void
take_items(struct parser *p, struct node *n, const struct phrase *f, size_t first)
{
	size_t i;

	if (late_max(p, n, f->names.n ? &f->names : &f->words))
		return;
	n->inputs = f->names;
	n->items = arena_get(&p->w->mem, (f->words.n - first) * sizeof *n->items);
	for (i = first; i < f->words.n; i++) {
		struct item *item = &n->items[n->nitems++];

		item->word = f->words.list[i];
		if (i > first && i + 1 < f->words.n && is_split_range(&f->words.list[i]))
			diag_error(p->diags, item->word.pos, "a range is one word, as in 1..3; or quote it to mean it as it is");
		else if (!item->word.quoted && read_range(p, item))
			item->kind = ITEM_RANGE;
		else if (!item->word.quoted)
			check_item(p, &item->word, f->words.n == first + 1 && !f->names.n);
	}
	if (n->vars && n->nitems)
		diag_error(p->diags, n->items[0].word.pos, "with several variables, items are tab-separated lines of results: in < NAME");
	else if (!n->nitems && !n->inputs.n)
		diag_error(p->diags, p->pos, "missing items after `in`: ITEM... or < NAME...");
}

void
blocks_open(struct parser *p, struct node *n)
{
	if (++p->depth > NESTED_MOST) {         /* no tree is deeper, so recursion over it is safe */
		diag_error(p->diags, n->pos, "blocks are nested deeper than %d", (int)NESTED_MOST);
		phrase_lose(p);
		return;
	}
	p->open = n;
	p->tail = &n->body;
}

void
blocks_lose(struct parser *p)
{
	phrase_lose(p);
	p->text = NULL;
	p->attrs = NULL;
	p->level = ATTR_NOWHERE;
}

/* The Ith variable of a row's, from S on; NULL: it is not a name, or it is there already, which is said. */
static const char *
row_var(struct parser *p, struct node *n, const struct word *w, const char *s, size_t len, const char **vars)
{
	size_t i;

	if (!len) {
		diag_error(p->diags, w->pos, "missing variable next to a comma: use VAR,VAR,... in < NAME, without blanks");
		return NULL;
	}
	if (!variable_name(s, len)) {
		diag_error(p->diags, w->pos, "invalid variable name '%.*s': use a-z, 0-9, _ in VAR,VAR,... in < NAME (`_` alone and *_proxy "
		    "are read by programs)", (int)len, s);
		return NULL;
	}
	for (i = 0; i < n->nvars; i++)
		if (strlen(vars[i]) == len && !memcmp(vars[i], s, len)) {
			diag_error(p->diags, w->pos, "duplicate variable `%s`", vars[i]);
			return NULL;
		}
	return arena_dup(&p->w->mem, s, len);
}

/* The variables of a row, split by commas. -1: they are not, which was said. */
static int
row_vars(struct parser *p, struct node *n, const struct word *w, const char *s)
{
	const char **vars = arena_get(&p->w->mem, (strlen(s) + 1) * sizeof *vars);
	size_t len;

	n->vars = vars;
	for (;; s += len + 1) {
		len = strcspn(s, ",");
		vars[n->nvars] = row_var(p, n, w, s, len, vars);
		if (!vars[n->nvars])
			return -1;
		n->nvars++;
		if (!s[len])
			return 0;
	}
}

/* Gives the block its variables; "?" for what are no names, which was said. */
static void
take_vars(struct parser *p, struct node *n, const struct word *w)
{
	const char *s = phrase_literal(p, w, "a variable's name");
	int bad;

	if (s && strchr(s, ',')) {
		bad = row_vars(p, n, w, s);
		s = bad ? NULL : n->vars[0];
	} else if (s) {
		s = phrase_variable(p, w);
	}
	n->var = s ? s : "?";
	if (s)
		return;
	n->vars = NULL;
	blocks_lose(p);
}

void
blocks_for(struct parser *p)
{
	struct phrase f;
	struct node *n;
	int bad = phrase_collect(p, &f, TAKES_NAMES);

	n = phrase_node(p, NODE_FOR);
	blocks_open(p, n);
	n->var = "?";
	if (bad || phrase_missing(p, &f.words, 2, "for VAR in ITEM... [< NAME...]")) {
		blocks_lose(p);
		return;
	}
	take_vars(p, n, &f.words.list[0]);
	if (!phrase_is(&f.words.list[1], "in")) {
		diag_error(p->diags, f.words.list[1].pos, "missing `in`: for VAR in ITEM... [< NAME...]");
		return;
	}
	take_items(p, n, &f, 2);
}

void
blocks_parallel(struct parser *p)
{
	static const char usage[] = "parallel [max N] VAR in ITEM... [< NAME...], or parallel [max N]";
	struct phrase f;
	struct node *n;
	size_t i = 0;
	int bad = phrase_collect(p, &f, TAKES_NAMES);

	n = phrase_node(p, NODE_PARALLEL);
	blocks_open(p, n);
	if (bad) {
		n->var = "?";           /* which form it is cannot be known: complain of neither */
		blocks_lose(p);
		return;
	}
	if (f.words.n && phrase_is(&f.words.list[0], "max")) {
		n->max = phrase_option(p, &f.words, 0, "number");
		i = 2;
	}
	if (i >= f.words.n && !f.has_names)
		return;
	n->var = "?";
	if (i < f.words.n)
		take_vars(p, n, &f.words.list[i]);
	if (i + 1 >= f.words.n || !phrase_is(&f.words.list[i + 1], "in")) {
		diag_error(p->diags, i < f.words.n ? f.words.list[i].pos : p->pos, "missing `in`: %s", usage);
		return;
	}
	take_items(p, n, &f, i + 2);
}
