/* Lines and words. */
#include "parse/lex.h"

#include <string.h>

static int
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static int
is_name_start(char c)
{
	return c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

void
lex_start(struct lex *l, const struct source *src, struct arena *mem, struct diags *diags)
{
	memset(l, 0, sizeof *l);
	l->src = src;
	l->next = src->n ? src->text : NULL;
	l->mem = mem;
	l->diags = diags;
}

struct pos
lex_pos(const struct lex *l)
{
	struct pos pos;

	pos.src = l->src;
	pos.line = l->line;
	pos.col = (unsigned)(l->p - l->start) + 1;
	return pos;
}

static int
take_line(struct lex *l)
{
	const char *end = l->src->text + l->src->n, *nl;

	if (!l->next)
		return 0;
	l->start = l->p = l->next;
	nl = memchr(l->p, '\n', (size_t)(end - l->p));
	l->eol = nl ? nl : end;
	l->next = nl && nl + 1 < end ? nl + 1 : NULL;
	if (l->eol > l->p && l->eol[-1] == '\r')
		l->eol--;
	l->line++;
	return 1;
}

static void
skip_blanks(struct lex *l)
{
	while (l->p < l->eol && is_blank(*l->p))
		l->p++;
}

enum line_kind
lex_line(struct lex *l)
{
	do {
		if (!take_line(l))
			return LINE_END;
		skip_blanks(l);
		if (l->p == l->eol)
			return LINE_BLANK;
	} while (*l->p == '#');
	return *l->p == '|' ? LINE_TEXT : LINE_STATEMENT;
}

/* Whether p is at the \ that joins the next line. */
static int
at_join(const struct lex *l)
{
	return l->p + 1 == l->eol && *l->p == '\\';
}

/* Passes over a \ at the end of the line; there being no next line is an error. */
static int
join(struct lex *l)
{
	if (l->next)
		return take_line(l), 0;
	diag_error(l->diags, lex_pos(l), "no line below for this \\ to join");
	l->p = l->eol;
	return -1;
}

/* The bytes of one word while it is read. */
struct piece {
	struct buf text, literal, cols;
	struct pos pos;                 /* of its first byte */
};

static void
take(struct lex *l, struct piece *w, int literal)
{
	unsigned col = l->line == w->pos.line ? lex_pos(l).col : w->pos.col;

	buf_char(&w->text, *l->p++);
	buf_char(&w->literal, literal);
	buf_add(&w->cols, &col, sizeof col);
}

/* What is in quotes; p is at the quote. */
static int
take_quoted(struct lex *l, struct piece *w)
{
	struct pos open = lex_pos(l);
	char quote = *l->p++;

	while (l->p < l->eol && *l->p != quote) {
		if (quote == '"' && *l->p == '\\' && l->p + 1 < l->eol &&
		    (l->p[1] == '"' || l->p[1] == '\\')) {
			l->p++;
			take(l, w, 1);
		} else {
			take(l, w, quote == '\'');
		}
	}
	if (l->p == l->eol) {
		diag_error(l->diags, open, "unclosed %c: a quote closes on its line", quote);
		return -1;
	}
	l->p++;
	return 0;
}

/* A word that means something to a shell and nothing here; returns the words that help, or NULL. */
static const char *
shell_help(const char *s, size_t n)
{
	if ((n == 2 && (!memcmp(s, "&&", 2) || !memcmp(s, "||", 2))) || (n == 1 && (*s == ';' || *s == '&')))
		return "there is no shell here: one statement a line, or `run sh | ...` for a shell's own";
	if (*s == '>' || (n > 1 && s[0] == '2' && s[1] == '>'))
		return "there is no shell here: the result is kept under its `as` key, standard error beside it";
	if (*s == '<')
		return "write < and the name with a blank between; a file is read by a step: run sh as x | cat FILE";
	if (*s == '|')
		return "a text begins with | and a blank";
	return NULL;
}

/* Refuses $name where a variable was meant. */
static int
check_dollar(struct lex *l, const struct piece *w, struct pos pos)
{
	size_t i;

	for (i = 0; i + 1 < w->text.n; i++) {
		const char *s = w->text.s + i;

		if (*s != '$' || w->literal.s[i] || !(is_name_start(s[1]) || s[1] == '{'))
			continue;
		memcpy(&pos.col, w->cols.s + i * sizeof pos.col, sizeof pos.col);
		diag_error(l->diags, pos, "there is no shell here: write {{name}} for a variable, or put it in '...'");
		return -1;
	}
	return 0;
}

static void
free_piece(struct piece *w)
{
	buf_free(&w->text);
	buf_free(&w->literal);
	buf_free(&w->cols);
}

/* Whether a quote here would be taken out of a word that is JSON: `{"a":1}` without quotes around it. */
static int
is_in_json(const struct piece *w)
{
	const char *s = w->text.s;
	size_t n = w->text.n;

	if (!n || *w->literal.s)
		return 0;
	if (!w->literal.s[n - 1] && (s[n - 1] == '[' || (s[n - 1] == '{' && (n == 1 || s[n - 2] != '{'))))
		return 1;
	return *s == '[' || (*s == '{' && (n == 1 || s[1] != '{'));
}

/* A quote that only typography knows, U+2018 or U+201C, at the beginning of a word. */
static int
is_typographic(const char *s, const char *end)
{
	return end - s > 2 && (!memcmp(s, "\342\200\230", 3) || !memcmp(s, "\342\200\234", 3));
}

static int
read_word(struct lex *l, struct piece *w, struct word *out)
{
	if (is_typographic(l->p, l->eol)) {
		diag_error(l->diags, out->pos, "a typographic quote: write ' or \"");
		return -1;
	}
	while (l->p < l->eol && !is_blank(*l->p)) {
		if (at_join(l)) {
			if (join(l))
				return -1;
		} else if (*l->p == '"' && is_in_json(w)) {
			diag_error(l->diags, lex_pos(l), "this quote would be taken out: put '...' around the whole word");
			return -1;
		} else if (*l->p == '\'' || *l->p == '"') {
			out->quoted = *l->p;
			if (take_quoted(l, w))
				return -1;
		} else {
			take(l, w, 0);
		}
	}
	return 0;
}

static int
finish_word(struct lex *l, const struct piece *w, struct word *out, int as_name)
{
	struct tmpl_in in;

	in.s = w->text.n ? w->text.s : "";
	in.n = w->text.n;
	in.literal = w->literal.s;
	in.col = (const unsigned *)(const void *)w->cols.s;
	in.pos = out->pos;
	if (check_dollar(l, w, out->pos))
		return -1;
	return tmpl_parse(&out->t, &in, as_name, l->mem, l->diags);
}

enum lex_kind
lex_word(struct lex *l, struct word *out, int as_name)
{
	struct piece w = { 0 };
	const char *help;
	int bad;

	memset(out, 0, sizeof *out);
	for (skip_blanks(l); l->p < l->eol && at_join(l); skip_blanks(l))
		if (join(l))
			return LEX_BAD;
	if (l->p == l->eol)
		return LEX_EOL;
	w.pos = out->pos = lex_pos(l);
	bad = read_word(l, &w, out);
	out->raw = arena_dup(l->mem, w.text.s, w.text.n);
	if (!bad && !out->quoted && w.text.n) {
		int mark = w.text.n == 1 ? *w.text.s : 0;

		if (mark == '<' || mark == '|') {
			free_piece(&w);
			return mark == '<' ? LEX_NAMES : LEX_TEXT;
		}
		help = shell_help(w.text.s, w.text.n);
		if (help) {
			diag_error(l->diags, out->pos, "%s", help);
			bad = 1;
		}
	}
	if (bad || finish_word(l, &w, out, as_name))
		bad = 1;
	free_piece(&w);
	if (bad)
		lex_skip(l);
	return bad ? LEX_BAD : LEX_WORD;
}

struct line
lex_rest(struct lex *l)
{
	struct line line;

	if (l->p < l->eol && is_blank(*l->p))
		l->p++;
	line.pos = lex_pos(l);
	line.n = (size_t)(l->eol - l->p);
	line.s = l->p;
	l->p = l->eol;
	return line;
}

struct command
lex_command(struct lex *l)
{
	struct command c;
	struct buf b = { 0 };
	const char *s;

	skip_blanks(l);
	c.pos = lex_pos(l);
	for (;;) {
		buf_add(&b, l->p, (size_t)(l->eol - l->p));
		l->p = l->eol;
		if (!b.n || b.s[b.n - 1] != '\\')
			break;
		l->p--;
		if (join(l))
			break;
		buf_char(&b, '\n');     /* sh joins it, by its own rules */
	}
	c.s = arena_dup(l->mem, b.n ? b.s : "", b.n);
	for (s = c.s; *s; s++)
		if ((s == c.s || is_blank(s[-1])) && is_typographic(s, c.s + b.n)) {
			diag_warn(l->diags, c.pos, "a typographic quote, which a shell does not know: write ' or \"");
			break;
		}
	buf_free(&b);
	return c;
}

void
lex_skip(struct lex *l)
{
	for (;;) {
		if (l->p < l->eol)
			l->p = l->eol - 1;
		if (l->p == l->eol || !at_join(l) || !l->next)
			break;
		take_line(l);
	}
	l->p = l->eol;
}
