/* A workflow file's text becomes a tree.
 *
 * One function a statement, all in one table: that makes it long. Each first collects the line (its words, the names after <, the text
 * after |) and then says what the words mean. */
#include "parse/parse.h"

#include <stdint.h>
#include <stdlib.h>
#include <stdint.h>
#include <string.h>

#include "parse/agents.h"
#include "parse/lex.h"
#include "parse/mem.h"
#include "parse/near.h"
#include "parse/parser.h"
#include "parse/text.h"

/* Statements that make the tree. */

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

/* Whether the I-th word is `as`. */
static int
is_as(const struct words *l, size_t i)
{
	return i < l->n && phrase_is(&l->list[i], "as");
}

/* Whether the I-th word is an `as` with no key after it, which is said. */
static int
as_nothing(struct parser *p, const struct words *l, size_t i)
{
	return is_as(l, i) && !phrase_option(p, l, i, "key");
}

static struct step *
bare_step(struct parser *p, const char *name)
{
	struct step *s = (struct step *)(uintptr_t)map_find(&p->w->bare_steps, name, strlen(name));

	if (s)
		return s;
	s = arena_get(&p->w->mem, sizeof *s);
	s->name = name;
	map_add(&p->w->bare_steps, name, s);
	return s;
}

/* The MOSTth word is a prompt without its |. */
static void
say_prompt(struct parser *p, struct node *n, const struct words *l, size_t most)
{
	n->lost_text = 1;
	diag_error(p->diags, l->list[most].pos, "a prompt begins with '|': run %s%s%s | %s", l->list[0].raw, most == 3 ? " as " : "",
	    most == 3 ? l->list[2].raw : "", l->list[most].raw);
}

/* The words from the MOSTth on are the agent's arguments, which a run does not take. */
static void
say_arguments(struct parser *p, struct node *n, const struct words *l, size_t most)
{
	struct buf b = { 0 };
	size_t i;

	n->lost_text = 1;
	for (i = most; i < l->n; i++)
		buf_fmt(&b, l->list[i].quoted ? " '%s'" : " %s", l->list[i].raw);
	diag_error(p->diags, l->list[most].pos, "arguments go on a line of `step`: step NAME %s%s, then run NAME", l->list[0].raw, buf_str(&b));
	buf_free(&b);
}

/* Whether the run has more than MOST words, which is said, with what was probably meant. */
static void
run_too_many(struct parser *p, struct node *n, const struct words *l, size_t most)
{
	const struct word *w = l->n > most ? &l->list[most] : NULL;
	const char *attribute;
	size_t i;

	if (!w)
		return;
	for (i = 0; (attribute = attribute_word(i)) && !phrase_is(w, attribute); i++)
		;
	if (attribute)
		diag_error(p->diags, w->pos, "'%s' goes on a line of its own below", attribute);
	else if (w->quoted)
		say_prompt(p, n, l, most);
	else if (*w->raw == '-')
		say_arguments(p, n, l, most);
	else
		phrase_too_many(p, l, most);
}

/* `as KEY` among the names of a run, where it belongs before them: is said, and the key taken. */
static void
take_late_as(struct parser *p, struct node *n, const char *name)
{
	struct words *names = &n->inputs;
	size_t i;

	for (i = 1; i + 1 < names->n && !phrase_is(&names->list[i], "as"); i++)
		;
	if (i + 1 >= names->n)
		return;
	diag_error(p->diags, names->list[i].pos, "'as' goes before '<': run %s as %s < %s", name, names->list[i + 1].raw, names->list[0].raw);
	n->key = &names->list[i + 1];
	names->n = i;
}

static void
do_run(struct parser *p)
{
	struct phrase f;
	struct node *n;
	const char *name;

	if (phrase_collect(p, &f, TAKES_NAMES | TAKES_TEXT) ||
	    phrase_missing(p, &f.words, 1, "run STEP [as KEY] [< NAME...] [| TEXT]") ||
	    !(name = phrase_literal(p, &f.words.list[0], "the step's name")) || as_nothing(p, &f.words, 1)) {
		phrase_lose(p);
		return;
	}
	n = phrase_node(p, NODE_RUN);
	n->inputs = f.names;
	take_text(p, n, &f);
	p->attrs = &n->attrs;
	p->level = ATTR_RUN;
	n->step = bare_step(p, name);           /* check.c finds the step that is meant */
	n->step_pos = f.words.list[0].pos;
	if (is_as(&f.words, 1)) {
		n->key = &f.words.list[2];
		run_too_many(p, n, &f.words, 3);
	} else {
		n->key = default_key(p, n, name, strlen(name));
		run_too_many(p, n, &f.words, 1);
		take_late_as(p, n, name);
	}
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
		phrase_words_add(&n->inputs, &w, &p->w->mem);
	if (kind == LEX_TEXT && n->inputs.n)
		return 0;
	if (kind == LEX_TEXT)
		diag_error(p->diags, p->pos, "missing name after <");
	else if (kind != LEX_BAD)
		diag_error(p->diags, p->pos, "incomplete `if`: if [< NAME... |] COMMAND");
	lex_skip(&p->lex);
	n->inputs.n = 0;
	return -1;
}

static void
do_if(struct parser *p)
{
	struct node *n = phrase_node(p, NODE_IF);

	blocks_open(p, n);
	if (if_names(p, n))
		return;
	n->command = lex_command(&p->lex);
	if (!*n->command.s)
		diag_error(p->diags, n->command.pos, "missing command: if [< NAME... |] COMMAND");
}

static void
do_else(struct parser *p)
{
	struct phrase f;

	struct lex ahead = p->lex;
	struct word w;

	if (lex_word(&ahead, &w, 0) == LEX_WORD && phrase_is(&w, "if")) {
		diag_error(p->diags, w.pos, "there is no 'else if': put an if inside the else");
		lex_skip(&p->lex);
	} else if (!phrase_collect(p, &f, 0) && f.words.n) {
		diag_error(p->diags, f.words.list[0].pos, "unexpected `%s`: nothing follows else on its line", f.words.list[0].raw);
	}
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

	if (!phrase_collect(p, &f, 0))
		phrase_too_many(p, &f.words, 0);
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

	phrase_node(p, NODE_BREAK);
	if (!phrase_collect(p, &f, 0))
		phrase_too_many(p, &f.words, 0);
}

/* print, stop, fail: a text and no words. */
static void
do_say(struct parser *p)
{
	struct phrase f;
	int bad = phrase_collect(p, &f, TAKES_TEXT);

	if (!bad && f.words.n) {
		diag_error(p->diags, f.words.list[0].pos, "the text begins with |: %s | TEXT", p->word);
		bad = 1;
	}
	if (bad)
		phrase_lose(p);
	else
		take_text(p, phrase_node(p, *p->word == 'p' ? NODE_PRINT : *p->word == 's' ? NODE_STOP : NODE_FAIL), &f);
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

	if (phrase_collect(p, &f, TAKES_TEXT) || phrase_missing(p, &f.words, 1, "call FILE [as NAME] [VAR=VALUE...] [| TEXT]") ||
	    !(file = phrase_literal(p, &f.words.list[0], "the file's name")) || as_nothing(p, &f.words, 1)) {
		phrase_lose(p);
		return;
	}
	n = phrase_node(p, NODE_CALL);
	take_text(p, n, &f);
	n->arg = &f.words.list[0];
	n->key = is_as(&f.words, 1) ? &f.words.list[2] : file_key(p, n, file);
	for (i = is_as(&f.words, 1) ? 3 : 1; i < f.words.n; i++) {
		const struct word *w = &f.words.list[i];
		const char *eq = strchr(w->raw, '=');

		if (!eq || !variable_name(w->raw, (size_t)(eq - w->raw)))
			diag_error(p->diags, w->pos, "VAR=VALUE is expected here");
		else
			phrase_words_add(&n->values, w, &p->w->mem);
	}
}

static void
do_worktree(struct parser *p)
{
	struct phrase f;
	struct node *n;
	size_t i;

	if (phrase_collect(p, &f, 0) || phrase_missing(p, &f.words, 1, "worktree BRANCH [enter] [from REF] [at PATH] [as KEY]")) {
		phrase_lose(p);
		return;
	}
	n = phrase_node(p, NODE_WORKTREE);
	n->arg = &f.words.list[0];
	for (i = 1; i < f.words.n; i++) {
		const struct word *w = &f.words.list[i];
		struct word **value = phrase_is(w, "from") ? &n->from : phrase_is(w, "at") ? &n->at : phrase_is(w, "as") ? &n->key : NULL;

		if (phrase_is(w, "enter")) {
			n->enter = 1;
		} else if (value && !*value) {
			*value = phrase_option(p, &f.words, i++, *w->raw == 'f' ? "commit" : w->raw[1] == 't' ? "path" : "key");
		} else {
			diag_error(p->diags, w->pos, "unexpected `%s`: worktree BRANCH [enter] [from REF] [at PATH] [as KEY]", w->raw);
			break;
		}
	}
	if (!n->key) {
		n->key = phrase_keep(p, n->arg);
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

	if (phrase_collect(p, &f, TAKES_TEXT) || as_nothing(p, &f.words, 0)) {
		phrase_lose(p);
		return;
	}
	if (f.words.n == 1 && f.words.list[0].quoted) {
		diag_error(p->diags, f.words.list[0].pos, "the message begins with |: commit | %s", f.words.list[0].raw);
		phrase_lose(p);
		return;
	}
	if (phrase_too_many(p, &f.words, is_as(&f.words, 0) ? 2 : 0)) {
		phrase_lose(p);
		return;
	}
	n = phrase_node(p, NODE_COMMIT);
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

	if (phrase_collect(p, &f, 0) || phrase_missing(p, &f.words, 1, "cd DIR")) {
		phrase_lose(p);
		return;
	}
	n = phrase_node(p, NODE_CD);
	n->arg = &f.words.list[0];
	phrase_too_many(p, &f.words, 1);
}

/* A choice that was to be several. */
static void
check_choice(struct parser *p, const struct word *w, int alone)
{
	size_t n = strlen(w->raw);

	if (!w->quoted && ((n > 1 && w->raw[n - 1] == ',') || !strcmp(w->raw, "/") || (alone && strchr(w->raw, '/'))))
		diag_error(p->diags, w->pos, "choices are separated by blanks: ask KEY yes no | TEXT; or quote it to mean it as it is");
}

static void
do_ask(struct parser *p)
{
	struct phrase f;
	struct node *n;
	size_t i;

	if (phrase_collect(p, &f, TAKES_TEXT) || phrase_missing(p, &f.words, 1, "ask KEY [CHOICE...] [default CHOICE] | TEXT")) {
		phrase_lose(p);
		return;
	}
	n = phrase_node(p, NODE_ASK);
	take_text(p, n, &f);
	n->key = &f.words.list[0];
	for (i = 1; i < f.words.n; i++) {
		if (phrase_is(&f.words.list[i], "default")) {
			n->fallback = phrase_option(p, &f.words, i, "choice");
			phrase_too_many(p, &f.words, i + 2);
			break;
		}
		phrase_words_add(&n->choices, &f.words.list[i], &p->w->mem);
	}
	for (i = 0; i < n->choices.n; i++)
		check_choice(p, &n->choices.list[i], n->choices.n == 1);
}

/* Statements outside of blocks. */

static int
outside(struct parser *p)
{
	if (!p->open)
		return 0;
	diag_error(p->diags, p->pos, "`%s` must be outside of blocks: the `%s` of line %u has no `end` yet",
	    p->word, node_word(p->open->kind), p->open->pos.line);
	return -1;
}

static void
do_param(struct parser *p)
{
	struct phrase f;
	const struct param *other;
	struct param *v;

	outside(p);
	if (phrase_collect(p, &f, 0) || phrase_missing(p, &f.words, 1, "param NAME [DEFAULT]")) {
		phrase_lose(p);
		return;
	}
	if (f.words.n > 2 && phrase_is(&f.words.list[1], "="))
		diag_error(p->diags, f.words.list[1].pos, "a default has no `=`: param %s %s", f.words.list[0].raw, f.words.list[2].raw);
	else if (f.words.n > 2)
		diag_error(p->diags, f.words.list[2].pos, "unexpected `%s`: quote a default with blanks: param %s '%s ...'", f.words.list[2].raw,
		    f.words.list[0].raw, f.words.list[1].raw);
	v = arena_get(&p->w->mem, sizeof *v);
	v->name = phrase_variable(p, &f.words.list[0]);
	v->pos = p->pos;
	v->fallback = f.words.n > 1 ? &f.words.list[1] : NULL;
	if (!v->name) {
		phrase_lose(p);
		return;
	}
	other = map_add(&p->w->params_by_name, v->name, v);
	if (other)
		diag_error(p->diags, f.words.list[0].pos, "duplicate parameter `%s` (first defined on line %u)", v->name, other->pos.line);
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
	if (phrase_collect(p, &f, 0) || phrase_missing(p, &f.words, 2, "agent NAME WORD...")) {
		phrase_lose(p);
		return;
	}
	a = arena_get(&p->w->mem, sizeof *a);
	a->name = phrase_literal(p, &f.words.list[0], "an agent's name");
	a->pos = p->pos;
	if (!a->name) {
		phrase_lose(p);
		return;
	}
	for (i = 1; i < f.words.n; i++)
		phrase_words_add(&a->words, &f.words.list[i], &p->w->mem);
	a->terminal = a->words;
	*p->agents = a;
	p->agents = &a->next;
}

static void
do_step(struct parser *p)
{
	struct phrase f;
	const struct step *other;
	struct step *s;
	const char *name;
	size_t i;

	outside(p);
	if (phrase_collect(p, &f, TAKES_TEXT) || phrase_missing(p, &f.words, 2, "step NAME AGENT [WORD...] [| TEXT]") ||
	    !(name = phrase_literal(p, &f.words.list[0], "a step's name"))) {
		phrase_lose(p);
		return;
	}
	s = arena_get(&p->w->mem, sizeof *s);
	s->name = name;
	s->pos = p->pos;
	s->text = f.text;
	p->text = &s->text;
	p->attrs = &s->attrs;
	p->level = ATTR_STEP;
	other = map_add(&p->w->steps_by_name, s->name, s);
	if (other)
		diag_error(p->diags, f.words.list[0].pos, "duplicate step `%s` (first defined on line %u)", s->name, other->pos.line);
	if (phrase_literal(p, &f.words.list[1], "the agent's name")) {
		struct agent *meant = arena_get(&p->w->mem, sizeof *meant);

		meant->name = f.words.list[1].raw;      /* check.c finds the agent that is meant */
		meant->pos = f.words.list[1].pos;
		s->agent = meant;
	}
	for (i = 2; i < f.words.n; i++)
		phrase_words_add(&s->words, &f.words.list[i], &p->w->mem);
	s->own_format = agents_choose_format(&s->words);
	*p->steps = s;
	p->steps = &s->next;
}

static const struct {
	const char *word;
	void (*read)(struct parser *);
} statements[] = {
	{ "param", do_param }, { "agent", do_agent }, { "step", do_step }, { "run", do_run },
	{ "for", blocks_for }, { "parallel", blocks_parallel }, { "if", do_if }, { "else", do_else },
	{ "end", do_end }, { "break", do_break }, { "print", do_say }, { "stop", do_say },
	{ "fail", do_say }, { "call", do_call }, { "worktree", do_worktree }, { "commit", do_commit },
	{ "cd", do_cd }, { "ask", do_ask },
};

enum { STATEMENTS = sizeof statements / sizeof *statements };

/* Words that other languages have; the last is NAME=VALUE. */
static const struct foreign {
	const char *word, *remedy;
	int opens;              /* an `end` may belong to it */
} foreign[] = {
	{ "elif", "put an `if` inside of `else`", 0 }, { "elsif", "put an `if` inside of `else`", 0 },
	{ "elseif", "put an `if` inside of `else`", 0 }, { "while", "for i in 1..10, with `break` in an `if`", 1 },
	{ "until", "for i in 1..10, with `break` in an `if`", 1 }, { "echo", "print | TEXT, or a command: run sh as KEY | echo ...", 0 },
	{ "done", "a block ends with `end`", 0 }, { "endif", "a block ends with `end`", 0 },
	{ "set", "a value is a parameter: param NAME VALUE", 0 }, { "let", "a value is a parameter: param NAME VALUE", 0 },
	{ "var", "a value is a parameter: param NAME VALUE", 0 }, { "=", "a value is a parameter: param NAME VALUE", 0 },
};

/* The one that the N bytes at S are; NULL: none. */
static const struct foreign *
find_foreign(const char *s, size_t n)
{
	const char *eq = memchr(s, '=', n);
	size_t i;

	for (i = 0; i < sizeof foreign / sizeof *foreign; i++)
		if (strlen(foreign[i].word) == n && !memcmp(foreign[i].word, s, n))
			return &foreign[i];
	return eq && variable_name(s, (size_t)(eq - s)) ? &foreign[i - 1] : NULL;
}

/* The keyword or attribute that the N bytes at S were to be; NULL: none is near. */
static const char *
near_keyword(const char *s, size_t n)
{
	const char *word;
	struct near near;
	size_t i;

	near_start(&near, s, n);
	for (i = 0; i < STATEMENTS; i++)
		near_try(&near, statements[i].word, strlen(statements[i].word));
	for (i = 0; (word = attribute_word(i)); i++)
		near_try(&near, word, strlen(word));
	return near.best;
}

static void
unknown_keyword(struct parser *p, const char *s, size_t n)
{
	static const char *const blocks[] = { "for", "parallel", "if" };
	const struct foreign *f = find_foreign(s, n);
	const char *near = f ? NULL : near_keyword(s, n);
	struct buf b = { 0 };
	size_t i;

	buf_fmt(&b, "unknown keyword `%.*s%s`", (int)utf8_cut(s, n, 80), s, n > 80 ? "..." : "");
	if (f)
		diag_error(p->diags, p->pos, "%s: %s", b.s, f->remedy);
	else if (near)
		diag_error(p->diags, p->pos, "%s; did you mean `%s`?", b.s, near);
	else
		diag_error(p->diags, p->pos, "%s; a text line begins with |", b.s);
	buf_free(&b);
	p->unread += f && f->opens;
	for (i = 0; near && i < sizeof blocks / sizeof *blocks; i++)
		p->unread += !strcmp(near, blocks[i]);
	lex_skip(&p->lex);
	phrase_lose(p);
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
	if (attribute_read(p, s, n))
		return;
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
		phrase_text_add(p->text, line, &p->w->mem);
	else if (p->after_blank)
		diag_error(p->diags, p->pos, "a blank line has ended the text above; an empty line of text is a | alone");
	else
		diag_error(p->diags, p->pos, "text without a statement above it");
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
	diag_error(diags, pos, "NUL byte: not a workflow");
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
		diag_error(diags, p.open->pos, "`%s` without `end`", node_word(p.open->kind));
	buf_free(&p.words);
	buf_free(&p.names);
	return w;
}

void
workflow_free(struct workflow *w)
{
	if (!w)
		return;
	map_free(&w->params_by_name);
	map_free(&w->agents_by_name);
	map_free(&w->steps_by_name);
	map_free(&w->bare_steps);
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
		diag_error(diags, lex_pos(&lex), "-a takes NAME=WORD...");
		return NULL;
	}
	a = arena_get(mem, sizeof *a);
	a->name = arena_dup(mem, src->text, (size_t)(eq - src->text));
	a->pos = lex_pos(&lex);
	lex.p = eq + 1;
	while ((kind = lex_word(&lex, &w, 0)) == LEX_WORD)
		phrase_words_add(&a->words, &w, mem);
	if (kind == LEX_EOL && a->words.n) {
		a->terminal = a->words;
		return a;
	}
	if (kind != LEX_BAD)
		diag_error(diags, w.pos.src ? w.pos : a->pos, "-a takes NAME=WORD..., without < and |");
	return NULL;
}
