/* The prompts of steps. */
#ifndef PARSE_PROMPTS_H
#define PARSE_PROMPTS_H

#include "parse/check.h"
#include "parse/names.h"

/* What the parts of a check have in common. */
struct checker {
	struct workflow *w;
	const struct check_with *with;
	struct diags *diags;
	struct names names;
	int in_worktree;        /* the line comes after a `worktree ... enter` of its own branch, and no `cd` has led out of that */
};

/* Whether the run N, whose step is known, is given the terminal. */
int prompts_interactive(const struct node *n);

/* Adds a text's lines to a template. ENDS: whether its last line ends in a newline. */
void prompts_add(struct checker *, struct tmpl *out, const struct text *, int ends);

/* Warns of a $name in a text of AT that no shell reads, where that is a variable. */
void prompts_warn(struct checker *, const struct node *at, const struct text *);

/* Makes the prompt or program of the run N, whose agent is known: its step's text comes first, then its own. What is the
 * step's is read once. */
void prompts_make(struct checker *, struct node *n);

#endif
