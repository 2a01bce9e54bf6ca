/* The words of a line. */
#include "parse/parser.h"

#include <string.h>

#include "parse/parse.h"

void
phrase_words_add(struct words *l, const struct word *w, struct arena *mem)
{
	l->list = arena_more(mem, l->list, l->n, sizeof *l->list);
	l->list[l->n++] = *w;
}

void
phrase_text_add(struct text *t, struct line line, struct arena *mem)
{
	t->lines = arena_more(mem, t->lines, t->n, sizeof *t->lines);
	t->lines[t->n++] = line;
	t->there = 1;
}

/* The line could not be read, which was said: what it would have made is not missed, and what
 * belongs to it, below, is read without a word. */
void
phrase_lose(struct parser *p)
{
	struct line line;

	line.pos = p->pos;
	line.s = p->start;
	line.n = (size_t)(p->lex.eol - p->start);
	phrase_text_add(&p->w->lost, line, &p->w->mem);
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
		diag_error(p->diags, pos, "a second <: put all names after the first");
	else if (*mark == '<')
		diag_error(p->diags, pos, "`%s` takes no <; it is for run, for, parallel and if", p->word);
	else
		diag_error(p->diags, pos, "`%s` takes no text, and there are no pipes here; quote '|' to mean it", p->word);
	lex_skip(&p->lex);
	return -1;
}

/* The words in B, for good. */
static void
take_words(struct parser *p, struct words *l, const struct buf *b)
{
	l->n = b->n / sizeof *l->list;
	if (!l->n)
		return;
	l->list = arena_get(&p->w->mem, b->n);
	memcpy(l->list, b->s, b->n);
}

/* Collects the rest of the line. Returns -1 when it was wrong, which was said. */
int
phrase_collect(struct parser *p, struct phrase *f, int takes)
{
	struct pos pos = p->pos, names = p->pos;
	enum lex_kind kind;
	struct word w;

	memset(f, 0, sizeof *f);
	p->words.n = p->names.n = 0;
	while ((kind = lex_word(&p->lex, &w, f->has_names || (takes & TAKES_KEYS))) != LEX_EOL && kind != LEX_TEXT) {
		pos = w.pos;
		if (kind == LEX_BAD)
			return -1;
		if (kind == LEX_NAMES && (!(takes & TAKES_NAMES) || f->has_names))
			return wrong_mark(p, pos, "<", takes);
		if (kind == LEX_NAMES) {
			f->has_names = 1;
			names = pos;
		} else {
			buf_add(f->has_names ? &p->names : &p->words, &w, sizeof w);
		}
	}
	if (kind == LEX_TEXT && !(takes & TAKES_TEXT))
		return wrong_mark(p, w.pos, "|", takes);
	if (kind == LEX_TEXT)
		phrase_text_add(&f->text, lex_rest(&p->lex), &p->w->mem);
	take_words(p, &f->words, &p->words);
	take_words(p, &f->names, &p->names);
	if (f->has_names && !f->names.n) {
		diag_error(p->diags, names, "missing name after <");
		return -1;
	}
	return 0;
}

int
phrase_globs(const struct word *w)
{
	const char *s = tmpl_text_with(&w->t, "*?`");

	if (s)
		return *s;
	s = tmpl_text_with(&w->t, "$");
	return s && s[1] == '(' ? '$' : 0;
}

/* Whether W is this keyword. */
int
phrase_is(const struct word *w, const char *keyword)
{
	return !w->quoted && !strcmp(w->raw, keyword);
}

/* The word's bytes, when nothing is to be substituted in it; else says so, as WHAT. */
const char *
phrase_literal(struct parser *p, const struct word *w, const char *what)
{
	const char *s;
	size_t n;

	if (!tmpl_literal(&w->t, &s, &n)) {
		diag_error(p->diags, w->pos, "%s must be literal, without {{", what);
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

const char *
phrase_variable(struct parser *p, const struct word *w)
{
	const char *s = phrase_literal(p, w, "a variable's name");

	if (s && !variable_name(s, strlen(s))) {
		if (strspn(s, "0123456789") == strlen(s) && !strcmp(p->word, "parallel"))
			diag_error(p->diags, w->pos, "invalid variable name '%s'; a number of branches is `parallel max %s`", s, s);
		else if (strcspn(s, "=") < strlen(s) && variable_name(s, strcspn(s, "=")) && !strcmp(p->word, "param"))
			diag_error(p->diags, w->pos, "a default comes after a blank: param %.*s %s", (int)strcspn(s, "="), s, strchr(s, '=') + 1);
		else
			diag_error(p->diags, w->pos, "invalid variable name '%s': use a-z, 0-9, _%s", s,
			    *s == '_' || strstr(s, "_proxy") ? " (`_` alone and *_proxy are read by programs)" : "");
		return NULL;
	}
	return s;
}

int
phrase_too_many(struct parser *p, const struct words *l, size_t most)
{
	if (l->n <= most)
		return 0;
	diag_error(p->diags, l->list[most].pos, "unexpected `%s`%s", l->list[most].raw,
	    most ? ": a text begins with |, and a value with blanks is quoted" : "");
	return -1;
}

int
phrase_missing(struct parser *p, const struct words *l, size_t least, const char *usage)
{
	if (l->n >= least)
		return 0;
	diag_error(p->diags, p->pos, "incomplete `%s`: %s", p->word, usage);
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
attempts_parse(const char *s, size_t n)
{
	long long v = number_parse(s, n);

	return v > ATTEMPTS_MOST ? -1 : v;
}

struct node *
phrase_node(struct parser *p, enum node_kind kind)
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

struct word *
phrase_keep(struct parser *p, const struct word *w)
{
	struct word *k = arena_get(&p->w->mem, sizeof *k);

	*k = *w;
	return k;
}

struct word *
phrase_option(struct parser *p, const struct words *l, size_t i, const char *what)
{
	if (i + 1 < l->n)
		return phrase_keep(p, &l->list[i + 1]);
	diag_error(p->diags, l->list[i].pos, "missing %s after '%s'", what, l->list[i].raw);
	return NULL;
}
