/* The agents that are known. */
#include "parse/agents.h"

#include <string.h>

enum { WORDS_MOST = 6, REPORTS_MOST = 4 };

static const struct {
	const char *name;
	const char *words[WORDS_MOST];
	const char *terminal[WORDS_MOST];
	const char *reports[REPORTS_MOST];      /* of its words: those that only make it report what it does */
} built_in[] = {
	{ "claude", { "claude", "-p", "--output-format", "stream-json", "--verbose" }, { "claude", "{}" },
	    { "--output-format", "stream-json", "--verbose" } },
	{ "codex", { "codex", "exec", "--json", "--skip-git-repo-check" }, { "codex", "--no-daemon", "{}" }, { "--json" } },
	{ "sh", { "sh", "-eu", "-c", "{}" }, { "sh", "-eu", "-c", "{}" }, { 0 } },
	{ "exec", { 0 }, { 0 }, { 0 } },
};

enum { BUILT_IN = sizeof built_in / sizeof *built_in };

static int
is_one_of(const char *const *list, size_t n, const char *s)
{
	size_t i;

	for (i = 0; i < n && list[i]; i++)
		if (!strcmp(list[i], s))
			return 1;
	return 0;
}

/* The words in S, but those in WITHOUT; what is in REPORTS is marked. */
static struct words
words_of(struct workflow *w, const char *const *s, const char *const *reports, const char *const *without)
{
	struct words words = { 0 };
	struct tmpl_in in = { 0 };
	size_t i;

	in.pos.src = &w->src;
	words.list = arena_get(&w->mem, WORDS_MOST * sizeof *words.list);
	for (i = 0; i < WORDS_MOST && s[i]; i++) {
		struct word *word = &words.list[words.n];

		if (without && is_one_of(without, REPORTS_MOST, s[i]))
			continue;
		words.n++;
		word->reports = is_one_of(reports, REPORTS_MOST, s[i]);
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
		a->words = words_of(w, built_in[i].words, built_in[i].reports, NULL);
		a->plain = words_of(w, built_in[i].words, built_in[i].reports, built_in[i].reports);
		a->terminal = words_of(w, built_in[i].terminal, built_in[i].reports, NULL);
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

int
agents_choose_format(const struct words *words)
{
	static const char *const options[] = { "--output-format", "--input-format", "--json", "--experimental-json" };
	const char *raw;
	size_t i, k, n;

	for (i = 0; i < words->n; i++)
		for (k = 0; k < sizeof options / sizeof *options; k++) {
			raw = words->list[i].raw;
			n = strlen(options[k]);
			if (!strncmp(raw, options[k], n) && (!raw[n] || raw[n] == '='))
				return 1;
		}
	return 0;
}

const struct word *
agents_word(const struct step *step, int interactive, size_t i)
{
	const struct agent *a = step->agent;
	const struct words *words = interactive ? &a->terminal : a->built_in && step->own_format ? &a->plain : &a->words;

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

/* What the word is, of an agent NAME; FIRST: it is the program. */
static enum agent_kind
kind_of_word(const char *name, const char *word, int first)
{
	static const char *const programs[] = { "claude", "codex" };
	const char *slash = strrchr(word, '/');
	int i;

	for (i = 0; i < 2; i++)
		if (!strcmp(slash ? slash + 1 : word, programs[i]) && (first || !strcmp(name, programs[i])))
			return (enum agent_kind)(AGENT_CLAUDE + i);
	return AGENT_OTHER;
}

enum agent_kind
agents_kind_of(const char *name, char *const *argv)
{
	enum agent_kind kind = AGENT_OTHER;
	size_t i;

	for (i = 0; !kind && argv[i]; i++)
		kind = kind_of_word(name, argv[i], !i);
	return kind;
}

enum agent_kind
agents_kind(const struct step *step)
{
	enum agent_kind kind = AGENT_OTHER;
	const struct word *w;
	size_t i;

	for (i = 0; !kind && (w = agents_word(step, 0, i)); i++)
		kind = kind_of_word(step->agent->name, w->raw, !i);
	return kind;
}
