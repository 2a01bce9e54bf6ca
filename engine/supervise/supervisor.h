/* A supervisor: a fork of orch without exec, the parent of one step's agent, for one attempt. */
#ifndef ENGINE_SUPERVISE_SUPERVISOR_H
#define ENGINE_SUPERVISE_SUPERVISOR_H

#include <signal.h>
#include <stdint.h>
#include <sys/types.h>

#include "engine/agent/outcome.h"
#include "engine/task/task.h"
#include "store/store.h"

/* Orch's words to its supervisors; SIGCONT is the third. They are numbers that nobody else sends to a whole
 * group or service: a SIGTERM from there would be one with orch's while it is pending, and hide it. */
enum { SUPERVISOR_STOP = SIGUSR1, SUPERVISOR_SUSPEND = SIGUSR2 };

struct jobserver;

/* What every supervisor of a run is given. */
struct supervision {
	struct store *store;
	int report;             /* where outcomes are written */
	int life;               /* its other end is orch's alone: at its end orch is gone */
	int null;               /* /dev/null */
	pid_t orch;
	struct jobserver *jobserver;
	int nobody;             /* is at the terminal: no step uses it */
	pid_t job;              /* orch's process group, which has the terminal: asked for later, it may be gone */
};

/* Does the task in this process, which has just been forked, reports as SLOT, and exits. It blocks
 * until the step is over, and ends whatever the agent has left behind. */
void supervisor_run(const struct supervision *, struct task *, uint32_t slot);

/* The name in tmp/ of a result that a task of this kind, supervised by PID, has brought to its end; FILE is the key's. */
void supervisor_result_name(enum task_kind, const char *file, pid_t pid, char name[KEY_NAME_MAX + 1]);

#endif
