/* Doing: the one loop of orch. It starts supervisors, waits for them, keeps what they bring. */
#ifndef ENGINE_LOOP_H
#define ENGINE_LOOP_H

#include "engine/ui/progress.h"
#include "engine/sched/walk.h"
#include "store/store.h"

enum { LOOP_OVER_BUDGET = 7 };

/* Walks to the end. The walk is started, the store locked; PROGRESS gets what there is to say and is
 * written to standard error. NOBODY: nobody is at the terminal, no step uses it. Returns 0 when the run is complete, 1 when something failed, 2 when nothing
 * could be started, LOOP_OVER_BUDGET when the budget is used up and something was not started for it, 128 and the signal
 * when orch was told to stop: then nothing runs any more, and the caller dies of it. */
int loop_run(struct walk *, struct store *, struct progress *, int nobody);

/* Before anything else: descriptors 0 to 2 exist, others are not handed on, signals are as they must
 * be. Returns -1 and errno. */
int loop_prepare(void);

/* Ends this process by the signal SIG. */
void loop_die(int sig);

#endif
