/* The tasks that are running, by numbers that supervisors report as, found by the process ids of supervisors. */
#ifndef ENGINE_SCHED_RUNNING_H
#define ENGINE_SCHED_RUNNING_H

#include <stdint.h>
#include <sys/types.h>

#include "engine/task/task.h"
#include "engine/sched/walk.h"

#define NO_RUNNING UINT32_MAX

struct running_step {
	pid_t pid;              /* its supervisor; 0: the slot is free, or its task has ended and waits to be finished */
	uint32_t next;          /* with the same hash of pid, or free */
	struct branch *branch;  /* NULL: standard input's */
	enum task_kind kind;
	struct usage used;      /* by its agent, as far as it was reported */
	int has_terminal;       /* a question, an agent that is given the terminal, standard input that is one */
	int is_due;             /* its supervisor is to tell that it runs, and has not */
	char *word;             /* of an otherwise, for the message */
	struct taking *taking;  /* its result is taken from an earlier run, and this said of it then (taken.c); NULL: it is not */
	char *dir;              /* where it works, below the root or absolute; NULL: it has no session */
	int continued;          /* it goes on where an earlier attempt was cut off */
	long long started;
	long long limit;        /* when its supervisor must have told of its end, as started; 0: it has no limit */
	int prodded;            /* it has not, and was told to go on, and to end */
	unsigned long number;   /* it was the NUMBERth to be started, from 1 */
};

struct running {
	struct running_step *list;
	uint32_t n, free, running;
	uint32_t talking;       /* tasks that have the terminal to themselves */
	uint32_t due;           /* whose supervisors are to tell that they run, and have not */
	unsigned long starts;   /* how many there were */
	uint32_t *by_pid;       /* heads of chains, n of them: a power of two */
};

void running_init(struct running *);
void running_free(struct running *);

/* A free slot; until running_use or running_drop it is the caller's. */
uint32_t running_take(struct running *);

/* PID supervises the slot I: it is running. The caller fills in the rest. */
struct running_step *running_use(struct running *, uint32_t i, pid_t pid);

/* The slot's supervisor has told that it runs. */
void running_begun(struct running *, uint32_t i);

/* The slot's supervisor has told of its end, or was killed: from here on its number is nobody's. */
void running_forget(struct running *, uint32_t i);

/* The slot is free. */
void running_drop(struct running *, uint32_t i);

/* Which slot PID supervises; NO_RUNNING: it is not a supervisor. */
uint32_t running_find(const struct running *, pid_t pid);

/* What has run longest; NULL: nothing runs. */
const struct running_step *running_oldest(const struct running *);

#endif
