/* fork: a run that is asked in a copy of another run's session. */
#ifndef PARSE_FORKS_H
#define PARSE_FORKS_H

#include "parse/names.h"

/* Refuses what the `fork` of the run N cannot mean: what has no session, is asked by another kind of agent, or chooses sessions
 * itself. Where a stand-in of -a, which is in OVER, has none, that is a warning, and N's `fork` is dropped. To be called
 * when N and all above it are bound. */
void forks_check(struct names *, const struct agent *over, struct node *n);

/* Whether the run N can be asked in a copy of a session: it gets its prompt on standard input and chooses none itself. */
int forks_may(const struct node *n);

#endif
