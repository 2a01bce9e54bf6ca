/* What a step was asked beside what it would be asked now. */
#ifndef ENGINE_INSPECT_DIFF_H
#define ENGINE_INSPECT_DIFF_H

#include "engine/inspect/runs.h"

/* Shows the difference, by diff(1) if PATH has it. RUN NULL is the newest. Returns 0: there is none;
 * 1; 2: ERROR says what went wrong; 3: there is no such run, or nothing to compare, which ERROR says. */
int diff_key(const char *dir, const char *run, const char *key, struct sink *, struct buf *error);

#endif
