/* fork. */
#include "parse/forks.h"

#include <stdio.h>
#include <string.h>

#include "parse/agents.h"
#include "parse/prompts.h"

static const char *const names_of_kinds[] = { "", "claude", "codex" };

/* The word of the run that chooses, copies or drops sessions; NULL: none does. */
static const struct word *
chooses_session(const struct node *n, enum agent_kind kind)
{
	static const char *const words[][8] = {
		{ NULL },
		{ "-c", "--continue", "-r", "--resume", "--session-id", "--fork-session", "--no-session-persistence", NULL },
		{ "resume", "fork", "review", "--ephemeral", NULL },
	};
	const struct word *w;
	size_t i, k, len;

	for (i = 0; (w = agents_word(n->step, 0, i)); i++)
		for (k = 0; words[kind][k]; k++) {
			len = strlen(words[kind][k]);
			if (!strncmp(w->raw, words[kind][k], len) && (!w->raw[len] || (w->raw[len] == '=' && len > 2)))
				return w;
		}
	return NULL;
}

static int
is_of(const struct agent *list, const struct agent *a)
{
	for (; list && list != a; list = list->next)
		;
	return list != NULL;
}

/* What is wrong with the session of N; 0: nothing. WHO is what it is called in the message. */
static int
refuse(struct diags *d, struct pos pos, const struct node *n, const char *who)
{
	enum agent_kind kind = agents_kind(n->step);
	const struct word *w;

	if (prompts_interactive(n))
		diag_error(d, pos, "%s is interactive: its session cannot be forked, and it cannot fork one", who);
	else if (n->place != PROMPT_STDIN)
		diag_error(d, pos, "%s gets its prompt in {}: only one on standard input goes into a session", who);
	else if ((w = chooses_session(n, kind)))
		diag_error(d, pos, "%s chooses its session itself by `%s`: take that out", who, w->raw);
	else
		return 0;
	return 1;
}

int
forks_may(const struct node *n)
{
	return n->step && n->place == PROMPT_STDIN && !prompts_interactive(n) && !chooses_session(n, agents_kind(n->step));
}

struct forking {
	struct names *names;
	const struct agent *over;
	struct node *node;
	const struct word *word;
	enum agent_kind kind;
	int bad, stand_in;
};

/* MADE is what the name may mean. */
static void
check_parent(void *ctx, const struct node *made)
{
	struct forking *f = ctx;
	struct diags *d = f->names->diags;
	enum agent_kind kind = AGENT_OTHER;
	char who[80];

	if (f->bad || f->stand_in)
		return;
	if (made->kind == NODE_RUN && made->step && made->step->agent)
		kind = agents_kind(made->step);
	if (kind == AGENT_OTHER && made->kind == NODE_RUN && made->step && made->step->agent && is_of(f->over, made->step->agent)) {
		f->stand_in = 1;
		return;
	}
	f->bad = 1;
	if (kind == AGENT_OTHER)
		diag_error(d, f->word->pos, "`%s` has no session: line %u is not a run of claude or codex", f->word->raw, made->pos.line);
	else if (kind != f->kind)
		diag_error(d, f->word->pos, "`%s` is a session of %s (line %u): %s cannot fork it", f->word->raw, names_of_kinds[kind], made->pos.line,
		    names_of_kinds[f->kind]);
	else {
		snprintf(who, sizeof who, "line %u, which makes `%.40s`,", made->pos.line, f->word->raw);
		f->bad = refuse(d, f->word->pos, made, who);
	}
}

void
forks_check(struct names *ns, const struct agent *over, struct node *n)
{
	struct forking f = { 0 };
	size_t i;

	if (!n->attrs.forks.n || !n->step || !n->step->agent)
		return;
	f.names = ns;
	f.over = over;
	f.node = n;
	f.kind = agents_kind(n->step);
	f.stand_in = f.kind == AGENT_OTHER && is_of(over, n->step->agent);
	if (f.kind == AGENT_OTHER && !f.stand_in) {
		diag_error(ns->diags, n->attrs.fork_pos, "fork is for claude and codex: %s has no sessions", n->step->agent->name);
		return;
	}
	if (!f.stand_in && refuse(ns->diags, n->attrs.fork_pos, n, "this step"))
		return;
	for (i = 0; i < n->attrs.forks.n; i++) {
		f.word = &n->attrs.forks.list[i];
		names_check_fork(ns, n, f.word);
		names_each(ns, n, &f.word->t, check_parent, &f);
	}
	if (!f.stand_in || f.bad)
		return;
	diag_warn(ns->diags, n->attrs.fork_pos, "a stand-in of -a has no sessions: this step is asked with its own prompt alone");
	n->attrs.forks.n = 0;
}
