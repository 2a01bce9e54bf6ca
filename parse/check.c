/* What is wrong with a workflow as a whole: one function for each rule, called in one pass over the tree, which makes it long. */
#include "parse/check.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "parse/agents.h"
#include "parse/commands.h"
#include "parse/forks.h"
#include "parse/names.h"
#include "parse/near.h"
#include "parse/parse.h"
#include "parse/prompts.h"
#include "parse/ways.h"

/* Calls. */

/* The chain of files from the first to the one that is called again. */
static void
say_circle(struct checker *c, const struct node *n, const struct workflow *called)
{
	const struct workflow *chain[CALLS_MOST + 2], *w;
	struct buf b = { 0 };
	size_t i = 0;

	for (w = c->w; w && i < CALLS_MOST + 1; w = w->up) {
		chain[i++] = w;
		if (w == called)
			break;
	}
	while (i--)
		buf_fmt(&b, "%s calls ", chain[i]->src.name);
	diag_error(c->diags, n->arg->pos, "calls form a circle: %s%s", buf_str(&b), called->src.name);
	buf_free(&b);
}

static unsigned
depth_of(const struct workflow *w)
{
	unsigned d = 0;

	for (; w->up; w = w->up)
		d++;
	return d;
}

static void
bind_call(struct checker *c, struct node *n)
{
	const char *name, *error = "";
	struct workflow *called;
	size_t len;

	if (!c->with->call || !tmpl_literal(&n->arg->t, &name, &len))
		return;
	called = c->with->call(c->with->ctx, c->w, name, &error);
	if (!called) {
		diag_error(c->diags, n->arg->pos, "cannot read `%s`: %s", name, error);
		return;
	}
	if (called->checking == 1) {
		say_circle(c, n, called);
		return;
	}
	if (depth_of(c->w) + 1 + called->height > CALLS_MOST) {
		diag_error(c->diags, n->arg->pos, "calls are nested deeper than %d files", (int)CALLS_MOST);
		return;
	}
	if (!called->checking) {
		called->up = c->w;
		workflow_check(called, c->with, c->diags);
	}
	n->called = called;
	if (c->w->height < called->height + 1)
		c->w->height = called->height + 1;
}

static void
give_number(struct checker *c, struct node *n)
{
	struct workflow *first = c->w;

	while (first->up)
		first = first->up;
	if (first->nkeyed == KEYED_MOST) {
		diag_error(c->diags, n->pos, "this workflow, with those it calls, has more than %d statements with a key", (int)KEYED_MOST);
		return;
	}
	first->keyed = arena_more(&first->mem, first->keyed, first->nkeyed, sizeof *first->keyed);
	first->keyed[first->nkeyed++] = n;
	n->number = first->nkeyed;
}

static void
bind_nodes(struct checker *c, struct node *n)
{
	for (; n; n = n->next) {
		if (n->kind == NODE_CALL)
			bind_call(c, n);
		if (n->key)
			give_number(c, n);
		bind_nodes(c, n->body);
		bind_nodes(c, n->other);
	}
}

static int
is_given(const struct node *n, const char *name)
{
	size_t i, len = strlen(name);

	for (i = 0; i < n->values.n; i++)
		if (!strncmp(n->values.list[i].raw, name, len) && n->values.list[i].raw[len] == '=')
			return 1;
	return n->text.there && !strcmp(name, "prompt");
}

static const struct param *
find_param(const struct workflow *w, const char *name, size_t n)
{
	return map_find(&w->params_by_name, name, n);
}

/* What the call gives against what the called file takes. */
static void
check_values(struct checker *c, const struct node *n)
{
	const struct workflow *w = n->called;
	const struct param *v;
	struct near near;
	size_t i, k, len;

	for (i = 0; i < n->values.n; i++) {
		const struct word *given = &n->values.list[i];

		len = strcspn(given->raw, "=");
		for (k = 0; k < i; k++)
			if (!strncmp(n->values.list[k].raw, given->raw, len + 1))
				diag_error(c->diags, given->pos, "`%.*s` is given twice", (int)len, given->raw);
		if (find_param(w, given->raw, len))
			continue;
		near_start(&near, given->raw, len);
		for (v = w->params; v; v = v->next)
			near_try(&near, v->name, strlen(v->name));
		diag_error(c->diags, given->pos, "%s has no parameter `%.*s`%s%s%s", w->src.name, (int)len, given->raw,
		    near.best ? "; did you mean `" : "", near.best ? near.best : "", near.best ? "`?" : "");
	}
	v = find_param(w, "prompt", 6);
	if (n->text.there && !v)
		diag_error(c->diags, n->pos, "%s takes no text: it has no `param prompt`", w->src.name);
	for (i = 0; i < n->values.n && n->text.there; i++)
		if (!strncmp(n->values.list[i].raw, "prompt=", 7))
			diag_error(c->diags, n->values.list[i].pos, "prompt is given twice: the text is the prompt");
	for (v = w->params; v; v = v->next)
		if (!v->fallback && !is_given(n, v->name))
			diag_error(c->diags, n->pos, strcmp(v->name, "prompt") ? "%s needs %s=VALUE (its line %u)" :
			    "%s needs a text after |: its %s (its line %u)", w->src.name, v->name, v->pos.line);
}

/* Agents and steps. */

static const struct agent *
find_agent(struct checker *c, const char *name, struct pos pos)
{
	const struct agent *a = agents_find(c->w, c->with->agents, name);

	if (a && !a->built_in && a->pos.src == &c->w->src && a->pos.line > pos.line)
		diag_error(c->diags, pos, "the agent `%s` is used before it is defined (line %u)", name, a->pos.line);
	return a;
}

static void
bind_step(struct checker *c, struct step *s)
{
	const struct agent *a = s->agent, *other;
	struct near near;

	if (agents_find(c->w, NULL, s->name))
		diag_error(c->diags, s->pos, "a step cannot be named `%s`: that is an agent", s->name);
	if (!a)
		return;
	s->agent = find_agent(c, a->name, a->pos);
	if (s->agent || workflow_lost(c->w, a->name, strlen(a->name)))
		return;
	near_start(&near, a->name, strlen(a->name));
	for (other = c->w->agents; other; other = other->next)
		near_try(&near, other->name, strlen(other->name));
	if (near.best)
		diag_error(c->diags, a->pos, "unknown agent `%s`; did you mean `%s`?", a->name, near.best);
	else
		diag_error(c->diags, a->pos, "unknown agent `%s`; say how it is started: agent %s PROGRAM...", a->name, a->name);
}

/* Whether the file, or one that it calls, has an agent of this name. */
static int
knows_agent(const struct workflow *w, const struct node *n, const char *name)
{
	if (agents_find(w, NULL, name))
		return 1;
	for (; n; n = n->next)
		if ((n->called && knows_agent(n->called, n->called->body, name)) || knows_agent(w, n->body, name) ||
		    knows_agent(w, n->other, name))
			return 1;
	return 0;
}

/* An -a of an agent that there is not. */
static void
say_no_agent(struct checker *c, const struct agent *a)
{
	const struct step *s;

	for (s = c->w->steps; s && strcmp(s->name, a->name); s = s->next)
		;
	if (s && s->agent)
		diag_error(c->diags, a->pos, "`%s` is a step of the agent `%s`: -a '%s=...'", a->name, s->agent->name, s->agent->name);
	else
		diag_error(c->diags, a->pos, "this workflow has no agent `%s`", a->name);
}

static void
bind_agents(struct checker *c)
{
	const struct agent *a, *other;
	struct step *s;

	for (a = c->w->agents; a && !a->built_in; a = a->next) {
		other = agents_find(c->w, NULL, a->name);
		if (other != a)
			diag_error(c->diags, a->pos, "duplicate agent `%s` (first defined on line %u)", a->name, other->pos.line);
	}
	for (a = c->with->agents; a && !c->w->up; a = a->next)
		if (!knows_agent(c->w, c->w->body, a->name) && !workflow_lost(c->w, a->name, strlen(a->name)))
			say_no_agent(c, a);
	for (s = c->w->steps; s; s = s->next)
		bind_step(c, s);
}

/* What helps who runs a program as if it were an agent. */
static const char *
remedy_for(const char *name)
{
	static const char *const shells[] = { "bash", "zsh", "dash", "ksh", "mksh", "busybox" };
	static const char *const others[] = { "python", "python3", "perl", "ruby", "node" };
	static char text[100];
	size_t i;

	for (i = 0; i < sizeof shells / sizeof *shells; i++)
		if (!strcmp(name, shells[i])) {
			snprintf(text, sizeof text, ": add 'agent %s %s -eu -c {}', or use sh", name, !strcmp(name, "busybox") ? "busybox sh" : name);
			return text;
		}
	for (i = 0; i < sizeof others / sizeof *others; i++)
		if (!strcmp(name, others[i])) {
			snprintf(text, sizeof text, ": add 'agent %s %s %s {}'", name, name, *name == 'p' && name[1] == 'y' ? "-c" : "-e");
			return text;
		}
	return "";
}

static void
unknown_step(struct checker *c, const struct step *want, struct pos pos)
{
	const struct agent *a;
	const struct step *s;
	struct near near;

	if (workflow_lost(c->w, want->name, strlen(want->name)))
		return;
	near_start(&near, want->name, strlen(want->name));
	for (s = c->w->steps; s; s = s->next)
		near_try(&near, s->name, strlen(s->name));
	for (a = c->w->agents; a; a = a->next)
		near_try(&near, a->name, strlen(a->name));
	if (near.best)
		diag_error(c->diags, pos, "unknown step `%s`; did you mean `%s`?", want->name, near.best);
	else
		diag_error(c->diags, pos, "unknown step `%s`: neither a step above nor an agent%s", want->name, remedy_for(want->name));
}

/* The step that a run names: one of the file, or an agent taken as it is. */
static void
bind_run(struct checker *c, struct node *n)
{
	struct step *want = n->step, *s = (struct step *)(uintptr_t)map_find(&c->w->steps_by_name, want->name, strlen(want->name));

	if (!s) {
		want->agent = find_agent(c, want->name, n->step_pos);
		if (!want->agent)
			unknown_step(c, want, n->step_pos);
		return;
	}
	if (s->pos.line > n->step_pos.line)
		diag_error(c->diags, n->step_pos, "the step `%s` is used before it is defined (line %u)", s->name, s->pos.line);
	n->step = s;
}

static int
has_prompt(const struct node *n)
{
	return n->text.there || n->step->text.there || n->attrs.prompt || n->step->attrs.prompt;
}

/* Whether the agent of -a is a stand-in for claude or codex, whose prompts are no programs. */
static int
is_stand_in(const struct checker *c, const struct agent *agent)
{
	const struct agent *a;

	for (a = c->with->agents; a && a != agent; a = a->next)
		;
	return a && (!strcmp(a->name, "claude") || !strcmp(a->name, "codex"));
}

/* How the step's agent is started: {} at most once, the rules of the built-in names, something to ask. */
static void
check_agent(struct checker *c, struct node *n)
{
	const struct step *s = n->step;
	const char *name = s->agent->name;
	size_t i, places = 0;
	const struct word *w;

	n->place = agents_place(s, prompts_interactive(n), &n->prompt_at);
	for (i = 0; (w = agents_word(s, prompts_interactive(n), i)); i++) {
		if (!w->quoted && !strcmp(w->raw, "{}") && places++)
			diag_error(c->diags, w->pos, "a second {}: the prompt can go to one place only");
		names_check(&c->names, n, &w->t);
	}
	if (!strcmp(name, "sh") && s->words.n)
		diag_error(c->diags, s->words.list[0].pos, "sh takes no arguments: its program is the text after |");
	if (!i)
		diag_error(c->diags, n->pos, "exec needs a program: define `step NAME exec PROGRAM...` and run that");
	if (agents_built_in(name) && strcmp(name, "exec") && !has_prompt(n) && !n->inputs.n) {
		if (!n->lost_text)
			diag_error(c->diags, n->pos, "no prompt: add '| TEXT' or '< NAME'");
	} else if (prompts_interactive(n) && n->place == PROMPT_STDIN && has_prompt(n))
		diag_error(c->diags, n->pos, "%s has no place for a prompt when interactive: put {} among its arguments", name);
	else if (n->place == PROMPT_PROGRAM && is_stand_in(c, s->agent))
		diag_error(c->diags, n->pos, "-a %s=... would run this prompt as a program: pass it on standard input, without {}", name);
	else if (n->place == PROMPT_PROGRAM && !has_prompt(n))
		diag_error(c->diags, n->pos, "no program for %s: it is the text after |", name);
}

/* A filter or a check. */
static void
check_command(struct checker *c, const struct node *n, const struct command *command)
{
	static const char help[] = "`%s` is a result, not a program or a file: its file is \"$ORCH_RESULTS/%s\"";

	names_check_program(&c->names, n, command->s, command->pos);
	commands_check(&c->names, c->with, n, command->s, command->pos, help);
}

/* The command of an `if`. */
static void
check_if(struct checker *c, const struct node *n)
{
	static const char help[] = "`%s` is a result, not a program or a file: write `if < %s | ...` (`./NAME` means a file)";

	names_check_program(&c->names, n, n->command.s, n->command.pos);
	commands_check(&c->names, c->with, n, n->command.s, n->command.pos, help);
}

/* Attributes, read where the run N is. */
static void
check_attrs(struct checker *c, const struct node *n, const struct attrs *a)
{
	const struct word *words[5];
	size_t i;

	words[4] = a->idle;
	words[0] = a->timeout;
	words[1] = a->retry;
	words[2] = a->delay;
	words[3] = a->otherwise;
	for (i = 0; i < 5; i++)
		if (words[i])
			names_check(&c->names, n, &words[i]->t);
	for (i = 0; i < a->nenv; i++)
		names_check(&c->names, n, &a->env[i].t);
	for (i = 0; i < a->depends.n; i++)
		names_check(&c->names, n, &a->depends.list[i].t);
	if (a->filter.s)
		check_command(c, n, &a->filter);
	for (i = 0; i < a->nchecks; i++)
		check_command(c, n, &a->checks[i]);
}

static void
check_inputs(struct checker *c, const struct node *n)
{
	const char *s;
	size_t i, len;

	for (i = 0; i < n->inputs.n; i++) {
		const struct word *w = &n->inputs.list[i];

		names_check_input(&c->names, n, w);
		if (c->with->from_stdin && tmpl_literal(&w->t, &s, &len) && len == 1 && *s == '-')
			diag_error(c->diags, w->pos, "standard input is the workflow itself here; `< -` needs it in a file");
	}
}

/* An interactive agent's standard input and output are the terminal. */
static void
check_interactive(struct checker *c, const struct node *n)
{
	if (n->inputs.n)
		diag_error(c->diags, n->inputs.list[0].pos, "an interactive step reads the terminal: write {{name}} in its text instead of <");
	if (n->attrs.idle || n->step->attrs.idle)
		diag_error(c->diags, n->pos, "idle is not for an interactive step: the person may take any time");
	if (n->attrs.filter.s || n->step->attrs.filter.s || n->attrs.nchecks || n->step->attrs.nchecks)
		diag_error(c->diags, n->pos, "an interactive step has no result for a filter or check to read");
}

/* What a refused result is answered with needs another attempt, and a prompt that is not a program. */
static void
check_revise(struct checker *c, struct node *n)
{
	const struct attrs *a = n->attrs.revise.there ? &n->attrs : &n->step->attrs;

	if (!a->revise.there)
		return;
	if (!n->attrs.retry && !n->step->attrs.retry && !c->w->attrs.retry)
		diag_error(c->diags, a->revise_pos, "revise needs another attempt: add `retry 2` to this step");
	if (n->place == PROMPT_PROGRAM)
		diag_error(c->diags, a->revise_pos, "revise is for a prompt: here the text is a program");
	if (prompts_interactive(n))
		diag_error(c->diags, a->revise_pos, "revise is not for an interactive step: it has no result to check");
	memset(&n->revise, 0, sizeof n->revise);
	prompts_add(c, &n->revise, &a->revise, 1);
	names_check(&c->names, n, &n->revise);
}

static void
check_run(struct checker *c, struct node *n)
{
	const struct node *block = node_parallel(n);

	check_inputs(c, n);
	if (!n->step)
		return;
	bind_run(c, n);
	if (prompts_interactive(n) && block)
		diag_error(c->diags, n->attrs.interactive ? n->attrs.interactive_pos : n->pos,
		    "an interactive step cannot be in a parallel block (line %u): there is one terminal", block->pos.line);
	if (prompts_interactive(n))
		check_interactive(c, n);
	check_attrs(c, n, &n->attrs);
	check_attrs(c, n, &n->step->attrs);
	check_attrs(c, n, &c->w->attrs);
	if (!n->step->agent)
		return;
	check_agent(c, n);
	prompts_make(c, n);
	check_revise(c, n);
	forks_check(&c->names, c->with->agents, n);
}

/* Blocks. */

static void
check_max(struct checker *c, const struct node *n)
{
	const char *s;
	size_t len;

	if (!n->max)
		return;
	names_check(&c->names, n, &n->max->t);
	if (tmpl_literal(&n->max->t, &s, &len) && number_parse(s, len) < 1)
		diag_error(c->diags, n->max->pos, "max must be a positive number, not %s", s);
}

/* How many items a range of two literal ends has. */
static void
check_count(struct checker *c, const struct item *item)
{
	const char *from, *to;
	size_t n, m;

	if (tmpl_literal(&item->from, &from, &n) && tmpl_literal(&item->to, &to, &m) &&
	    number_parse(to, m) - number_parse(from, n) >= ITEMS_MOST)
		diag_error(c->diags, item->word.pos, "a block has at most %d items", (int)ITEMS_MOST);
}

/* The end of a range: digits that are a number, or names that are known. */
static void
check_end(struct checker *c, const struct node *n, const struct item *item, const struct tmpl *end)
{
	const char *s;
	size_t len;

	names_check(&c->names, n, end);
	if (tmpl_literal(end, &s, &len) && number_parse(s, len) < 0)
		diag_error(c->diags, item->word.pos, "`%.*s` is too large for a range", (int)len, s);
}

/* A result that is the only item is one item, however many lines it has. */
static void
check_single(struct checker *c, const struct node *n)
{
	const struct word *w = &n->items[0].word;
	struct buf shown = { 0 };
	const char *s;
	size_t len;

	if (n->nitems != 1 || n->inputs.n || w->quoted || w->t.n != 1 || w->t.parts[0].kind != PART_NAME)
		return;
	tmpl_show(w->t.parts[0].name, &shown);
	if (!tmpl_literal(w->t.parts[0].name, &s, &len) || (!names_variable(&c->names, n, s, len) && names_result(&c->names, n, buf_str(&shown))))
		diag_warn(c->diags, w->pos, "{{%s}} is one item: for its lines write `in < %s`, or quote it", buf_str(&shown), buf_str(&shown));
	buf_free(&shown);
}

static void
check_items(struct checker *c, const struct node *n)
{
	size_t i;

	if (n->nitems && n->items[0].kind == ITEM_WORD)
		check_single(c, n);
	for (i = 0; i < n->nitems; i++) {
		const struct item *item = &n->items[i];

		if (item->kind == ITEM_WORD) {
			names_check(&c->names, n, &item->word.t);
		} else {
			check_end(c, n, item, &item->from);
			check_end(c, n, item, &item->to);
			check_count(c, item);
		}
	}
}

static void
check_variable(struct checker *c, const struct node *n)
{
	const struct node *up, *made;
	const struct param *v;
	const char *var;
	size_t i;

	if (!n->var || !strcmp(n->var, "?"))
		return;
	for (i = 0; (var = node_var(n, i)); i++) {
		v = find_param(c->w, var, strlen(var));
		if (v)
			diag_error(c->diags, n->pos, "`%s` is already a parameter (line %u)", var, v->pos.line);
		for (up = n->parent; up; up = up->parent)
			if (node_has_var(up, var, strlen(var)))
				diag_error(c->diags, n->pos, "`%s` is already a variable (line %u)", var, up->pos.line);
		made = names_result(&c->names, n, var);
		if (made)
			diag_error(c->diags, n->pos, "`%s` is already a result (line %u)", var, made->pos.line);
	}
}

/* A statement directly inside of the heterogeneous form. */
static void
check_different(struct checker *c, const struct node *n)
{
	unsigned line = n->parent->pos.line;

	if (n->kind == NODE_RUN || (n->kind == NODE_WORKTREE && !n->enter))
		return;
	if (n->kind == NODE_CALL || n->kind == NODE_CD || n->kind == NODE_WORKTREE)
		diag_error(c->diags, n->pos, "`%s%s` needs the form `parallel VAR in ITEM...`, where each branch has a "
		    "directory of its own (the block of line %u has none)", node_word(n->kind),
		    n->kind == NODE_WORKTREE ? " ... enter" : "", line);
	else
		diag_error(c->diags, n->pos, "`%s` cannot be a branch: the `parallel` of line %u has no `VAR in ITEM...` "
		    "and takes single runs", node_word(n->kind), line);
}

static void
check_break(struct checker *c, const struct node *n)
{
	const struct node *up;

	for (up = n->parent; up && up->kind != NODE_FOR && up->kind != NODE_PARALLEL; up = up->parent)
		;
	if (!up)
		diag_error(c->diags, n->pos, "`break` outside of a `for`");
	else if (up->kind == NODE_PARALLEL)
		diag_error(c->diags, n->pos, "`break` cannot leave the parallel block of line %u", up->pos.line);
}

/* Whether the `cd` N leads out of where it is, as far as its letters tell. */
static int
leads_out(const struct node *n)
{
	struct buf dir = { 0 };
	const char *p;
	int out;

	tmpl_show(&n->arg->t, &dir);
	p = buf_str(&dir);
	for (out = *p == '/'; !out && p; p = strchr(p, '/') ? strchr(p, '/') + 1 : NULL)
		out = !strncmp(p, "..", 2) && (!p[2] || p[2] == '/');
	buf_free(&dir);
	return out;
}

/* The guards hold through calls. */
static void
check_called_in_parallel(struct checker *c, const struct node *n, const struct node *block)
{
	const struct node *t = n->called->terminal, *commit = n->called->commits;

	if (t)
		diag_error(c->diags, n->pos, "this call cannot be in a parallel block (line %u): line %u of %s uses the terminal, "
		    "and there is one", block->pos.line, t->pos.line, t->pos.src->name);
	if (commit && block->var && !c->in_worktree)
		diag_error(c->diags, n->pos, "this call in a parallel branch (line %u) needs a worktree of its own, `worktree BRANCH enter` "
		    "above it: line %u of %s commits", block->pos.line, commit->pos.line, commit->pos.src->name);
}

static void
check_place(struct checker *c, const struct node *n)
{
	const struct node *block = node_parallel(n);

	if (n->parent && n->parent->kind == NODE_PARALLEL && !n->parent->var)
		check_different(c, n);
	if (n->kind == NODE_BREAK)
		check_break(c, n);
	if (!block)
		return;
	if (n->kind == NODE_STOP)
		diag_error(c->diags, n->pos, "`stop` cannot be in a parallel branch (line %u): it ends the file", block->pos.line);
	if (n->kind == NODE_ASK)
		diag_error(c->diags, n->pos, "`ask` cannot be in a parallel block (line %u): there is one terminal", block->pos.line);
	if (n->kind == NODE_COMMIT && block->var && !c->in_worktree)
		diag_error(c->diags, n->pos, "`commit` in a parallel branch (line %u) needs a worktree of its own: "
		    "`worktree BRANCH enter` above it, and no `cd` out of that", block->pos.line);
	if (n->called)
		check_called_in_parallel(c, n, block);
}

/* What a file that calls this one has to know: whether the terminal is used, and where commits go. */
static void
note_for_callers(struct checker *c, const struct node *n)
{
	const struct workflow *called = n->called;
	const struct node *commit = called ? called->commits : n->kind == NODE_COMMIT ? n : NULL;

	if (!c->w->terminal)
		c->w->terminal = called ? called->terminal :
		    n->kind == NODE_ASK || (n->kind == NODE_RUN && n->step && prompts_interactive(n)) ? n : NULL;
	if (!c->w->commits && commit && !node_parallel(n) && !c->in_worktree)
		c->w->commits = commit;
}

static void
check_words(struct checker *c, const struct node *n)
{
	const struct word *single[6];
	size_t i;

	single[0] = n->key;
	single[1] = n->arg;
	single[2] = n->from;
	single[3] = n->at;
	single[4] = n->fallback;
	single[5] = NULL;
	for (i = 0; i < 5; i++)
		if (single[i])
			names_check(&c->names, n, &single[i]->t);
	for (i = 0; i < n->values.n; i++) {
		names_check(&c->names, n, &n->values.list[i].t);
		names_check_literal(&c->names, n, &n->values.list[i]);
	}
	for (i = 0; i < n->choices.n; i++)
		names_check(&c->names, n, &n->choices.list[i].t);
}

/* The default of an `ask` that offers choices is one of them; what is substituted, time will tell. */
static void
check_default(struct checker *c, const struct node *n)
{
	const char *s;
	size_t i, len;

	if (!n->fallback || !n->choices.n || !tmpl_literal(&n->fallback->t, &s, &len))
		return;
	for (i = 0; i < n->choices.n; i++)
		if (!tmpl_literal(&n->choices.list[i].t, &s, &len) || tmpl_same(&n->choices.list[i].t, &n->fallback->t))
			return;
	diag_error(c->diags, n->fallback->pos, "the default '%s' is not one of the choices", n->fallback->raw);
}

static void
check_text(struct checker *c, struct node *n)
{
	int wanted = n->kind == NODE_PRINT || n->kind == NODE_COMMIT || n->kind == NODE_ASK;

	if (wanted && !n->text.there && n->kind == NODE_ASK)
		diag_error(c->diags, n->pos, "missing text: ask KEY [CHOICE...] | TEXT");
	else if (wanted && !n->text.there)
		diag_error(c->diags, n->pos, "missing text: %s | TEXT", node_word(n->kind));
	prompts_warn(c, n, &n->text);
	prompts_add(c, &n->prompt, &n->text, 1);
	names_check(&c->names, n, &n->prompt);
}

/* The timeout of a worktree or a commit: its own, else the file's. */
static void
check_timeout(struct checker *c, const struct node *n)
{
	const struct word *w = n->attrs.timeout ? n->attrs.timeout : c->w->attrs.timeout;

	if (w)
		names_check(&c->names, n, &w->t);
}

static void check_nodes(struct checker *, struct node *);

/* The lines inside of N. A branch of a parallel block begins in no worktree of its own. */
static void
check_block(struct checker *c, const struct node *n)
{
	int around = c->in_worktree;

	if (n->kind == NODE_PARALLEL)
		c->in_worktree = 0;
	check_nodes(c, n->body);
	check_nodes(c, n->other);
	c->in_worktree = around;
}

static void
check_nodes(struct checker *c, struct node *n)
{
	int around = c->in_worktree;

	for (; n; n = n->next) {
		check_place(c, n);
		check_words(c, n);
		if (n->kind == NODE_RUN)
			check_run(c, n);
		note_for_callers(c, n);
		if (n->kind == NODE_RUN)
			continue;
		if ((n->kind == NODE_WORKTREE && n->enter) || (n->kind == NODE_CD && leads_out(n)))
			c->in_worktree = n->kind == NODE_WORKTREE;
		if (n->called)
			check_values(c, n);
		if (n->kind == NODE_WORKTREE || n->kind == NODE_COMMIT)
			check_timeout(c, n);
		check_text(c, n);
		check_default(c, n);
		check_inputs(c, n);
		check_variable(c, n);
		check_max(c, n);
		check_items(c, n);
		if (n->command.s)
			check_if(c, n);
		check_block(c, n);
	}
	c->in_worktree = around;
}

static void
check_params(struct checker *c)
{
	const struct param *v;
	struct node at = { 0 };

	for (v = c->w->params; v; v = v->next) {
		at.pos = v->pos;        /* sees the parameters above, and no results */
		if (v->fallback)
			names_check(&c->names, &at, &v->fallback->t);
	}
}

void
workflow_check(struct workflow *w, const struct check_with *with, struct diags *diags)
{
	struct checker c = { 0 };

	c.w = w;
	c.with = with;
	c.diags = diags;
	w->checking = 1;        /* what calls it now calls in a circle */
	agents_add_built_in(w);
	bind_nodes(&c, w->body);
	ways_learn(w, w->body);
	c.names.with = with;
	names_start(&c.names, w, diags);
	c.names.has_given = !w->up && with->given;
	bind_agents(&c);
	check_params(&c);
	check_nodes(&c, w->body);
	names_free(&c.names);
	w->checking = 2;
}
