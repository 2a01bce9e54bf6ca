/* Attributes: lines below a step, a run, a worktree or a commit, or at the top of a file. */
#include "parse/parser.h"

#include <string.h>

#include "parse/parse.h"

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

	if (phrase_collect(p, &f, 0) || phrase_missing(p, &f.words, 1, usage) || phrase_too_many(p, &f.words, 1))
		return;
	if (!given_twice(p, *where != NULL))
		*where = f.words.list;
}

/* A duration that is written out, W (NULL: none is given), must be one. */
static void
check_duration(struct parser *p, const struct word *w, const char *message)
{
	const char *s;
	size_t n;

	if (w && tmpl_literal(&w->t, &s, &n) && duration_parse(s, n) < 0)
		diag_error(p->diags, w->pos, message, s);
}

static void
attr_timeout(struct parser *p, struct attrs *a)
{
	one_word(p, &a->timeout, "timeout 90s, 10m, 2h; 0 is none");
	check_duration(p, a->timeout, "invalid duration '%s': use 90s, 10m or 2h; 0 is none");
}

static void
attr_idle(struct parser *p, struct attrs *a)
{
	one_word(p, &a->idle, "idle 90s, 10m, 2h; 0 is none");
	check_duration(p, a->idle, "invalid duration '%s': use 90s, 10m or 2h; 0 is none");
}

static void
attr_retry(struct parser *p, struct attrs *a)
{
	struct phrase f;
	const char *s;
	size_t n;

	if (phrase_collect(p, &f, 0) || phrase_missing(p, &f.words, 1, "retry N [DELAY]") || phrase_too_many(p, &f.words, 2) ||
	    given_twice(p, a->retry != NULL))
		return;
	a->retry = f.words.list;
	a->delay = f.words.n > 1 ? f.words.list + 1 : NULL;
	if (tmpl_literal(&a->retry->t, &s, &n) && attempts_parse(s, n) < 0)
		diag_error(p->diags, a->retry->pos, "invalid number of attempts '%s': use retry N [DELAY]", s);
	check_duration(p, a->delay, "invalid duration '%s': use 5s, 10m or 2h");
}

static struct command
command_line(struct parser *p)
{
	struct command c = lex_command(&p->lex);

	if (!*c.s)
		diag_error(p->diags, c.pos, "missing command: %s COMMAND", p->word);
	else if (*c.s == '|')
		diag_error(p->diags, c.pos, "`%s` takes a command, without |: %s %s", p->word, p->word, c.s + 1 + (c.s[1] == ' '));
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

	if (phrase_collect(p, &f, 0) || phrase_missing(p, &f.words, 1, "env NAME=VALUE") || phrase_too_many(p, &f.words, 1))
		return;
	raw = f.words.list[0].raw;
	eq = strchr(raw, '=');
	n = eq ? (size_t)(eq - raw) : 0;
	if (!env_name(raw, n)) {
		diag_error(p->diags, f.words.list[0].pos, "env takes NAME=VALUE, with letters, digits and _ in NAME");
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
		phrase_literal(p, a->prompt, "the file's name");
}

/* An attribute that is one word alone. */
static void
alone(struct parser *p, int *where)
{
	struct phrase f;

	if (!phrase_collect(p, &f, 0) && !phrase_too_many(p, &f.words, 0) && !given_twice(p, *where))
		*where = 1;
}

static void
attr_interactive(struct parser *p, struct attrs *a)
{
	if (!a->interactive)
		a->interactive_pos = p->pos;
	alone(p, &a->interactive);
}

static void
attr_free(struct parser *p, struct attrs *a)
{
	alone(p, &a->free);
}

static void
attr_fork(struct parser *p, struct attrs *a)
{
	struct phrase f;

	if (phrase_collect(p, &f, TAKES_KEYS) || phrase_missing(p, &f.words, 1, "fork KEY...") || given_twice(p, a->forks.n != 0))
		return;
	a->forks = f.words;
	a->fork_pos = p->pos;
}

static void
attr_fresh(struct parser *p, struct attrs *a)
{
	alone(p, &a->fresh);
}

static void
attr_revise(struct parser *p, struct attrs *a)
{
	struct phrase f;

	if (phrase_collect(p, &f, TAKES_TEXT) || phrase_too_many(p, &f.words, 0) || given_twice(p, a->revise.there))
		return;
	if (!f.text.there) {
		diag_error(p->diags, p->pos, "revise | TEXT: what the next attempt is told");
		return;
	}
	a->revise = f.text;
	a->revise_pos = p->pos;
	p->text = &a->revise;
}

/* Files, one after another, added to those of the lines above. */
static void
attr_depends(struct parser *p, struct attrs *a)
{
	struct phrase f;
	size_t i;

	if (phrase_collect(p, &f, 0) || phrase_missing(p, &f.words, 1, "depends FILE..."))
		return;
	for (i = 0; i < f.words.n; i++) {
		struct word *w = &f.words.list[i];

		if (!w->quoted && phrase_globs(w))
			diag_error(p->diags, w->pos, "there is no globbing here: name each file, or one of a list as {{file}} inside of "
			    "`for file in < files`; or quote it to mean it as it is");
		phrase_words_add(&a->depends, w, &p->w->mem);
	}
}

static void
attr_pure(struct parser *p, struct attrs *a)
{
	alone(p, &a->pure);
}

static void
attr_always(struct parser *p, struct attrs *a)
{
	alone(p, &a->always);
}

static void
attr_budget(struct parser *p, struct attrs *a)
{
	struct word *w;

	one_word(p, &a->budget, "budget 5usd, 200ktok, 1.5Mtok");
	w = a->budget;
	if (w && phrase_literal(p, w, "the budget") && budget_parse(w->raw, strlen(w->raw), &a->budget_is))
		diag_error(p->diags, w->pos, "invalid budget '%s': its unit is usd, ktok or Mtok, as in 5usd or 0.6ktok", w->raw);
}

enum { BELOW, AT_TOP, ONLY_AT_TOP };

static const struct {
	const char *word;
	void (*read)(struct parser *, struct attrs *);
	int at_top;
} attributes[] = {
	{ "timeout", attr_timeout, 1 }, { "idle", attr_idle, 1 }, { "retry", attr_retry, 1 }, { "filter", attr_filter, 1 },
	{ "check", attr_check, 1 }, { "otherwise", attr_otherwise, 0 }, { "env", attr_env, 1 },
	{ "prompt", attr_prompt, 0 }, { "interactive", attr_interactive, 0 }, { "free", attr_free, 0 },
	{ "budget", attr_budget, ONLY_AT_TOP }, { "fork", attr_fork, 0 }, { "fresh", attr_fresh, 0 },
	{ "revise", attr_revise, 0 }, { "depends", attr_depends, 0 }, { "pure", attr_pure, 0 }, { "always", attr_always, 0 },
};

enum { ATTRIBUTES = sizeof attributes / sizeof *attributes };

static void
read_attribute(struct parser *p, size_t i)
{
	struct attrs nobody = { 0 };
	struct attrs *a = p->attrs ? p->attrs : &nobody;

	p->word = attributes[i].word;
	if (attributes[i].at_top == ONLY_AT_TOP && (!p->attrs || p->level != ATTR_FILE)) {
		diag_error(p->diags, p->pos, "`%s` holds for the whole file: it must come first, above everything else", p->word);
		a = &nobody;
	} else if (!p->attrs && !p->after_blank && attributes[i].read == attr_timeout)
		diag_error(p->diags, p->pos, "`timeout` must follow a step, run, worktree or commit, or come first in the file, before param");
	else if (!p->attrs)
		diag_error(p->diags, p->pos, "`%s` must follow %s", p->word, p->after_blank ?
		    "its step or run, without a blank line between" : attributes[i].at_top ?
		    "a step or run, or come first in the file, before param" : "a step or run");
	else if (p->level == ATTR_STEP && attributes[i].read == attr_fork) {
		diag_error(p->diags, p->pos, "`fork` must follow a run: which session is forked is for each run to say");
		a = &nobody;
	} else if (p->level == ATTR_FILE && !attributes[i].at_top)
		diag_error(p->diags, p->pos, "`%s` must follow a step or run; it cannot come at the top of the file", p->word);
	else if (p->level == ATTR_GIT && attributes[i].read != attr_timeout) {
		diag_error(p->diags, p->pos, "`%s` must follow a step or run; below worktree and commit only timeout may", p->word);
		a = &nobody;
	}
	attributes[i].read(p, a);
}

const char *
attribute_word(size_t i)
{
	return i < ATTRIBUTES ? attributes[i].word : NULL;
}

int
attribute_read(struct parser *p, const char *s, size_t n)
{
	size_t i;

	for (i = 0; i < ATTRIBUTES; i++)
		if (strlen(attributes[i].word) == n && !memcmp(attributes[i].word, s, n)) {
			read_attribute(p, i);
			return 1;
		}
	return 0;
}
