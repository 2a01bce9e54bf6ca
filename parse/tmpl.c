/* Templates: bytes with {{names}} in them. */
#include "parse/tmpl.h"

#include <string.h>

#include "parse/glob.h"

enum { DEEPEST = 16 };

struct reader {
	const struct tmpl_in *in;
	size_t i;
	int depth, bad;
	struct arena *mem;
	struct diags *diags;
};

static struct pos
pos_at(const struct reader *r, size_t i)
{
	struct pos pos = r->in->pos;

	if (!r->in->col)
		pos.col += (unsigned)i;
	else if (i < r->in->n)
		pos.col = r->in->col[i];
	return pos;
}

/* Whether C is at I and is not literal. */
static int
at(const struct reader *r, size_t i, char c)
{
	return i < r->in->n && r->in->s[i] == c && !(r->in->literal && r->in->literal[i]);
}

static int
at_pair(const struct reader *r, size_t i, char c)
{
	return at(r, i, c) && at(r, i + 1, c);
}

static struct part *
add_part(struct tmpl *t, enum part_kind kind, struct pos pos, struct arena *mem)
{
	struct part *p;

	t->parts = arena_more(mem, t->parts, t->n, sizeof *t->parts);
	p = &t->parts[t->n++];
	memset(p, 0, sizeof *p);
	p->kind = kind;
	p->pos = pos;
	return p;
}

static void
add_text(struct tmpl *t, const char *s, size_t n, struct pos pos, struct arena *mem)
{
	struct part *p;

	if (!n)
		return;
	p = add_part(t, PART_TEXT, pos, mem);
	p->s = arena_dup(mem, s, n);
	p->n = n;
}

static void
wrong(struct reader *r, size_t i, const char *what)
{
	diag_error(r->diags, pos_at(r, i), "%s", what);
	r->bad = 1;
}

static void read_parts(struct reader *, struct tmpl *, int in_name);

static int
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* After {{: reads the name into T and passes over its }}; OPEN is where the braces are. */
static void
read_inside(struct reader *r, struct tmpl *t, size_t open)
{
	size_t first = r->i;

	if (++r->depth > DEEPEST) {
		wrong(r, open, "names are nested too deep");
		r->i = r->in->n;
	}
	read_parts(r, t, 1);
	r->depth--;
	if (!at_pair(r, r->i, '}')) {
		if (!r->bad)
			wrong(r, open, "{{ without its }}: write {{x}}, or \\{{ for a literal {{");
		return;
	}
	if (r->i == first)
		wrong(r, open, "no name between the braces: write {{x}}, or \\{{ for a literal {{");
	else if (is_blank(r->in->s[r->i - 1]))
		wrong(r, open, "no blanks inside the braces: write {{x}}, or \\{{ for a literal {{");
	r->i += 2;
}

/* At {{. What was wrong makes no part, for nobody should ask what it would have named. */
static void
read_name(struct reader *r, struct tmpl *t)
{
	size_t open = r->i;
	int was_bad = r->bad;
	struct tmpl *name;

	r->i += 2;
	if (r->i >= r->in->n || is_blank(r->in->s[r->i])) {
		wrong(r, open, "no blanks inside the braces: write {{x}}, or \\{{ for a literal {{");
		return;
	}
	name = arena_get(r->mem, sizeof *name);
	r->bad = 0;
	read_inside(r, name, open);
	if (!r->bad)
		add_part(t, PART_NAME, pos_at(r, open), r->mem)->name = name;
	r->bad |= was_bad;
}

static void
read_parts(struct reader *r, struct tmpl *t, int in_name)
{
	struct buf text = { 0 };
	size_t from = r->i;

	while (r->i < r->in->n && !(in_name && r->depth && at_pair(r, r->i, '}'))) {
		if (at(r, r->i, '\\') && at_pair(r, r->i + 1, '{')) {
			buf_text(&text, "{{");
			r->i += 3;
		} else if (at_pair(r, r->i, '{') || (in_name && at(r, r->i, '*'))) {
			add_text(t, text.s, text.n, pos_at(r, from), r->mem);
			text.n = 0;
			if (at(r, r->i, '*'))
				add_part(t, PART_STAR, pos_at(r, r->i++), r->mem);
			else
				read_name(r, t);
			from = r->i;
		} else {
			buf_char(&text, r->in->s[r->i++]);
		}
	}
	add_text(t, text.s, text.n, pos_at(r, from), r->mem);
	buf_free(&text);
}

int
tmpl_parse(struct tmpl *t, const struct tmpl_in *in, int as_name, struct arena *mem, struct diags *diags)
{
	struct reader r = { 0 };

	r.in = in;
	r.mem = mem;
	r.diags = diags;
	memset(t, 0, sizeof *t);
	read_parts(&r, t, as_name);
	return r.bad ? -1 : 0;
}

void
tmpl_append(struct tmpl *t, const struct tmpl *more, const char *text, struct arena *mem)
{
	static const struct pos nowhere;
	size_t i;

	add_text(t, text, strlen(text), more->n ? more->parts[0].pos : nowhere, mem);
	for (i = 0; i < more->n; i++) {
		struct part *p = add_part(t, more->parts[i].kind, more->parts[i].pos, mem);

		*p = more->parts[i];
	}
}

int
tmpl_literal(const struct tmpl *t, const char **s, size_t *n)
{
	if (t->n > 1 || (t->n == 1 && t->parts[0].kind != PART_TEXT))
		return 0;
	*s = t->n ? t->parts[0].s : "";
	*n = t->n ? t->parts[0].n : 0;
	return 1;
}

int
tmpl_pattern(const struct tmpl *t)
{
	size_t i;

	for (i = 0; i < t->n; i++)
		if (t->parts[i].kind == PART_STAR)
			return 1;
	return 0;
}

int
tmpl_holds(const struct tmpl *t, const char *name)
{
	const char *s;
	size_t i, n;

	for (i = 0; i < t->n; i++) {
		const struct part *p = &t->parts[i];

		if (p->kind != PART_NAME)
			continue;
		if (tmpl_literal(p->name, &s, &n) && n == strlen(name) && !memcmp(s, name, n))
			return 1;
		if (tmpl_holds(p->name, name))
			return 1;
	}
	return 0;
}

int
tmpl_same(const struct tmpl *a, const struct tmpl *b)
{
	size_t i;

	if (a->n != b->n)
		return 0;
	for (i = 0; i < a->n; i++) {
		const struct part *p = &a->parts[i], *q = &b->parts[i];

		if (p->kind != q->kind || p->n != q->n || (p->n && memcmp(p->s, q->s, p->n)))
			return 0;
		if (p->kind == PART_NAME && !tmpl_same(p->name, q->name))
			return 0;
	}
	return 1;
}

const unsigned short *
tmpl_glob(const struct tmpl *t, size_t *n, struct arena *mem)
{
	unsigned short *g;
	size_t i, k, len = 0;

	for (i = 0; i < t->n; i++)
		len += t->parts[i].kind == PART_TEXT ? t->parts[i].n : 1;
	g = arena_get(mem, len * sizeof *g);
	*n = len;
	for (i = 0, len = 0; i < t->n; i++) {
		const struct part *p = &t->parts[i];

		if (p->kind != PART_TEXT)
			g[len++] = GLOB_ANY;
		else
			for (k = 0; k < p->n; k++)
				g[len++] = (unsigned char)p->s[k];
	}
	return g;
}

void
tmpl_show(const struct tmpl *t, struct buf *b)
{
	size_t i;

	for (i = 0; i < t->n; i++) {
		const struct part *p = &t->parts[i];

		if (p->kind == PART_TEXT) {
			buf_add(b, p->s, p->n);
		} else if (p->kind == PART_STAR) {
			buf_char(b, '*');
		} else {
			buf_text(b, "{{");
			tmpl_show(p->name, b);
			buf_text(b, "}}");
		}
	}
}

const char *
tmpl_text_with(const struct tmpl *t, const char *c)
{
	size_t i, k;

	for (i = 0; i < t->n; i++)
		for (k = 0; t->parts[i].kind == PART_TEXT && k < t->parts[i].n; k++)
			if (strchr(c, t->parts[i].s[k]) && t->parts[i].s[k])
				return t->parts[i].s + k;
	return NULL;
}
