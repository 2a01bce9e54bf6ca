/* The agents that are known: those of the command line, of the file, the built-in ones. */
#ifndef PARSE_AGENTS_H
#define PARSE_AGENTS_H

#include "parse/tree.h"

/* Adds claude, codex, sh and exec after the file's own agents. */
void agents_add_built_in(struct workflow *);

/* The agent that NAME means: of those in OVER (from -a), else of the file; NULL. */
const struct agent *agents_find(const struct workflow *, const struct agent *over, const char *name);

/* Whether NAME is one of the built-in agents' names. */
int agents_built_in(const char *name);

/* Whether among a step's own words are options of claude or codex that choose the format of what they write. */
int agents_choose_format(const struct words *);

/* The I-th word of what is started for STEP: its agent's words, then its own. NULL after the last. */
const struct word *agents_word(const struct step *step, int interactive, size_t i);

/* The agents whose reports and sessions are understood. */
enum agent_kind { AGENT_OTHER, AGENT_CLAUDE, AGENT_CODEX };

/* That of the agent NAME, started as ARGV: its program is claude or codex, or it has that name and one of its words is
 * that program, for ssh to start. The same of a step, as far as its words are written out. */
enum agent_kind agents_kind_of(const char *name, char *const *argv);
enum agent_kind agents_kind(const struct step *step);

/* Where the prompt of STEP goes. *AT is the place of {} among its words, if it has one. */
enum prompt_place agents_place(const struct step *step, int interactive, size_t *at);

#endif
