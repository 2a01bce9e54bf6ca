/* The tasks that are running, by numbers that minders report as, found by the process ids of minders. */
#ifndef ENGINE_SCHED_RUNNING_H
#define ENGINE_SCHED_RUNNING_H

#include <stdint.h>
#include <sys/types.h>

#include "engine/task/task.h"
#include "engine/sched/walk.h"

#define NO_SLOT UINT32_MAX

struct slot {
	pid_t pid;              /* its minder; 0: the slot is free, or its task has ended and waits to be finished */
	uint32_t next;          /* with the same hash of pid, or free */
	struct branch *branch;  /* NULL: standard input's */
	enum task_kind kind;
	int has_terminal;       /* a question, an agent that is given the terminal, standard input that is one */
	int is_due;             /* its minder is to tell that it runs, and has not */
	char *word;             /* of an otherwise, for the message */
	long long started;
	long long limit;        /* when its supervisor must have told of its end, as started; 0: it has no limit */
	int prodded;            /* it has not, and was told to go on, and to end */
	unsigned long number;   /* it was the NUMBERth to be started, from 1 */
};

struct slots {
	struct slot *list;
	uint32_t n, free, running;
	uint32_t talking;       /* tasks that have the terminal to themselves */
	uint32_t due;           /* whose minders are to tell that they run, and have not */
	unsigned long starts;   /* how many there were */
	uint32_t *by_pid;       /* heads of chains, n of them: a power of two */
};

void slots_init(struct slots *);
void slots_free(struct slots *);

/* A free slot; until slots_use or slots_drop it is the caller's. */
uint32_t slots_take(struct slots *);

/* PID minds the slot I: it is running. The caller fills in the rest. */
struct slot *slots_use(struct slots *, uint32_t i, pid_t pid);

/* The slot's minder has told that it runs. */
void slots_begun(struct slots *, uint32_t i);

/* The slot's minder has told of its end, or was killed: from here on its number is nobody's. */
void slots_forget(struct slots *, uint32_t i);

/* The slot is free. */
void slots_drop(struct slots *, uint32_t i);

/* Which slot PID minds; NO_SLOT: it is no minder. */
uint32_t slots_find(const struct slots *, pid_t pid);

/* What has run longest; NULL: nothing runs. */
const struct slot *slots_oldest(const struct slots *);

#endif
