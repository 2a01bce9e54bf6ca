/* The prompts of steps: what is written, or in a file that is named instead. */
#include "parse/prompts.h"

#include <string.h>

#include "parse/agents.h"
#include "parse/commands.h"

int
prompts_interactive(const struct node *n)
{
	return n->attrs.interactive || n->step->attrs.interactive;
}

static void
load_prompt(struct checker *c, struct attrs *a)
{
	struct source *src;
	const char *name, *error;
	size_t n;

	if (!a->prompt || a->prompt_src || !tmpl_literal(&a->prompt->t, &name, &n) || !n)
		return;
	src = arena_get(&c->w->mem, sizeof *src);
	a->prompt_src = src;
	src->name = name;
	src->text = "";
	error = c->with->load ? c->with->load(c->with->ctx, c->w, name, src, &c->w->mem) : NULL;
	if (error)
		diag_error(c->diags, a->prompt->pos, "cannot read `%s`: %s", name, error);
	else if (src->n && memchr(src->text, '\0', src->n))
		diag_error(c->diags, a->prompt->pos, "NUL byte in `%s`: not a text file", name);
}

/* The lines of a prompt's file, as a text; *ENDS says whether the last has its newline. */
static void
file_lines(struct checker *c, const struct source *src, struct text *t, int *ends)
{
	const char *p = src->text, *end = p + src->n, *nl;
	struct line line;

	memset(t, 0, sizeof *t);
	memset(&line, 0, sizeof line);
	line.pos.src = src;
	line.pos.col = 1;
	*ends = 1;
	for (t->there = 1; p < end; p = nl ? nl + 1 : end) {
		nl = memchr(p, '\n', (size_t)(end - p));
		line.s = p;
		line.n = (size_t)((nl ? nl : end) - p);
		line.pos.line++;
		t->lines = arena_more(&c->w->mem, t->lines, t->n, sizeof *t->lines);
		t->lines[t->n++] = line;
		*ends = nl != NULL;
	}
}

void
prompts_add(struct checker *c, struct tmpl *out, const struct text *t, int ends)
{
	size_t i;

	for (i = 0; i < t->n; i++) {
		struct tmpl_in in = { 0 };
		struct tmpl line, none = { 0 };

		in.s = t->lines[i].s;
		in.n = t->lines[i].n;
		in.pos = t->lines[i].pos;
		tmpl_parse(&line, &in, 0, &c->w->mem, c->diags);
		tmpl_append(out, &line, "", &c->w->mem);
		if (i + 1 < t->n || ends)
			tmpl_append(out, &none, "\n", &c->w->mem);
	}
}

static void
add_program(struct buf *b, const struct text *t)
{
	size_t i;

	for (i = 0; i < t->n; i++) {
		buf_add(b, t->lines[i].s, t->lines[i].n);
		buf_char(b, '\n');
	}
}

/* Lines of a program, each with its own place in the file. */
static void
check_program(struct checker *c, const struct node *at, const struct text *t)
{
	size_t i;

	for (i = 0; i < t->n; i++) {
		const char *s = arena_dup(&c->w->mem, t->lines[i].s, t->lines[i].n);

		names_check_program(&c->names, at, s, t->lines[i].pos);
	}
}

/* The text of a step or of a run: what is written, or what is in the file that is named instead. */
static void
find_text(struct checker *c, const struct text *written, struct attrs *a, struct text *t, int *ends)
{
	*t = *written;
	*ends = 1;
	if (!a->prompt)
		return;
	if (written->there)
		diag_error(c->diags, a->prompt->pos, "a text or a `prompt` file, not both");
	load_prompt(c, a);
	if (a->prompt_src)
		file_lines(c, a->prompt_src, t, ends);
}

static void
make_program(struct checker *c, struct node *n, const struct text *of_step, const struct text *of_run)
{
	struct buf b = { 0 };

	check_program(c, n, of_step);
	check_program(c, n, of_run);
	if (of_run->there || !n->step->program) {
		add_program(&b, of_step);
		add_program(&b, of_run);
		n->program = arena_dup(&c->w->mem, b.s, b.n);
		buf_free(&b);
	}
	/* Runs without a text of their own share their step's. */
	if (of_run->there)
		return;
	if (!n->step->program)
		n->step->program = n->program;
	n->program = n->step->program;
}

void
prompts_warn(struct checker *c, const struct node *at, const struct text *t)
{
	const char *s, *end;
	struct pos pos;
	size_t i, n;

	for (i = 0; i < t->n; i++)
		for (s = t->lines[i].s, end = s + t->lines[i].n; s < end && (s = memchr(s, '$', (size_t)(end - s))); s++) {
			const char *name = s + 1 + (s + 1 < end && s[1] == '{');

			for (n = 0; name + n < end && (name[n] == '_' || (name[n] >= 'a' && name[n] <= 'z') || (n && name[n] >= '0' && name[n] <= '9')); n++)
				;
			if (!n || (s > t->lines[i].s && (s[-1] == '\\' || s[-1] == '$')) || !names_variable(&c->names, at, name, n))
				continue;
			pos = t->lines[i].pos;
			pos.col += (unsigned)(s - t->lines[i].s);
			diag_warn(c->diags, pos, "no shell reads this text: write {{%.*s}}", (int)n, name);
			return;
		}
}

static int
is_shell(const struct node *n)
{
	const struct word *w = agents_word(n->step, prompts_interactive(n), 0);
	const char *s;
	size_t len;

	return !w || !tmpl_literal(&w->t, &s, &len) || commands_is_shell(s);
}

void
prompts_make(struct checker *c, struct node *n)
{
	struct text of_step, of_run;
	struct step *s = n->step;
	int step_ends, run_ends;

	find_text(c, &s->text, &s->attrs, &of_step, &step_ends);
	find_text(c, &n->text, &n->attrs, &of_run, &run_ends);
	if (n->place == PROMPT_PROGRAM) {
		make_program(c, n, &of_step, &of_run);
		return;
	}
	if (!is_shell(n)) {
		prompts_warn(c, n, &of_step);
		prompts_warn(c, n, &of_run);
	}
	if (!s->prompt.n)
		prompts_add(c, &s->prompt, &of_step, step_ends);
	n->prompt = s->prompt;
	if (of_run.there) {
		memset(&n->prompt, 0, sizeof n->prompt);
		tmpl_append(&n->prompt, &s->prompt, "", &c->w->mem);
		if (of_step.n && !step_ends)
			tmpl_append(&n->prompt, &(struct tmpl){ 0 }, "\n", &c->w->mem);
		prompts_add(c, &n->prompt, &of_run, run_ends);
	}
	names_check(&c->names, n, &n->prompt);
}
