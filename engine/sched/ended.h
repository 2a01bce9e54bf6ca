/* What happens when a task has ended. walk.h has what the loop calls: walk_has_result, walk_ended, walk_refused, walk_printed. */
#ifndef ENGINE_SCHED_ENDED_H
#define ENGINE_SCHED_ENDED_H

#include "engine/sched/branch.h"

/* An attempt at the step that the branch is at has failed: it is tried again, gets its fallback, or has failed for good. */
void ended_step_failed(struct walk *, struct branch *, const char *why);

/* The files that the step of the branch depends on were looked at after its end: tells of one that it has changed itself. */
void ended_say_changed(struct walk *, struct branch *);

/* In walk.c: the worktree that is the result of the statement the branch is at becomes its directory, if that was said.
 * -1: the branch has failed. */
int walk_enter_worktree(struct walk *, struct branch *);

/* Tells the walk's caller of standard input; READ: it was read just now. */
void walk_say_stdin(struct walk *, int read);

#endif
