/* The agents that are known. */
#include "parse/agents.h"

#include <string.h>

enum { WORDS_MOST = 6 };

static const struct {
	const char *name;
	const char *words[WORDS_MOST];
	const char *terminal[WORDS_MOST];
} built_in[] = {
	{ "claude", { "claude", "-p" }, { "claude", "{}" } },
	{ "codex", { "codex", "exec", "--skip-git-repo-check", "--color", "never" },
	    { "codex", "--no-daemon", "{}" } },
	{ "sh", { "sh", "-eu", "-c", "{}" }, { "sh", "-eu", "-c", "{}" } },
	{ "exec", { 0 }, { 0 } },
};

enum { BUILT_IN = sizeof built_in / sizeof *built_in };

static struct words
words_of(struct workflow *w, const char *const *s)
{
	struct words words = { 0 };
	struct tmpl_in in = { 0 };
	size_t i;

	in.pos.src = &w->src;
	words.list = arena_get(&w->mem, WORDS_MOST * sizeof *words.list);
	for (i = 0; i < WORDS_MOST && s[i]; i++) {
		struct word *word = &words.list[words.n++];

		in.s = s[i];
		in.n = strlen(s[i]);
		word->raw = s[i];
		word->pos = in.pos;
		tmpl_parse(&word->t, &in, 0, &w->mem, NULL);    /* {} alone cannot be wrong */
	}
	return words;
}

void
agents_add_built_in(struct workflow *w)
{
	struct agent **tail = &w->agents;
	struct agent *a;
	size_t i;

	while (*tail)
		tail = &(*tail)->next;
	for (i = 0; i < BUILT_IN; i++) {
		a = arena_get(&w->mem, sizeof *a);
		a->name = built_in[i].name;
		a->words = words_of(w, built_in[i].words);
		a->terminal = words_of(w, built_in[i].terminal);
		a->built_in = 1;
		a->pos.src = &w->src;
		*tail = a;
		tail = &a->next;
	}
	for (a = w->agents; a; a = a->next)
		map_add(&w->agents_by_name, a->name, a);
}

const struct agent *
agents_find(const struct workflow *w, const struct agent *over, const char *name)
{
	const struct agent *a;

	for (a = over; a; a = a->next)
		if (!strcmp(a->name, name))
			return a;
	return map_find(&w->agents_by_name, name, strlen(name));
}

int
agents_built_in(const char *name)
{
	size_t i;

	for (i = 0; i < BUILT_IN; i++)
		if (!strcmp(built_in[i].name, name))
			return 1;
	return 0;
}

const struct word *
agents_word(const struct step *step, int interactive, size_t i)
{
	const struct words *words = interactive ? &step->agent->terminal : &step->agent->words;

	if (i < words->n)
		return &words->list[i];
	i -= words->n;
	return i < step->words.n ? &step->words.list[i] : NULL;
}

enum prompt_place
agents_place(const struct step *step, int interactive, size_t *at)
{
	const struct word *w, *last = NULL;
	size_t i;

	for (i = 0; (w = agents_word(step, interactive, i)); last = w, i++)
		if (!w->quoted && !strcmp(w->raw, "{}")) {
			*at = i;
			return last && (!strcmp(last->raw, "-c") || !strcmp(last->raw, "-e")) ?
			    PROMPT_PROGRAM : PROMPT_ARG;
		}
	return PROMPT_STDIN;
}
