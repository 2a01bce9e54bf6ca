/* Deciding: what of a workflow may run next. No process and no system call is in here; it is driven
 * by the loop, and in tests by hand.
 *
 * A walk is a tree of branches. A branch reads the statements one after another until it has to
 * wait: for a step, a command, a block inside of it, a pause before the next attempt, its turn to print.
 * A block makes its branches as they may start, so what waits for a slot costs nothing.
 *
 * walk_start; then walk_next again and again, until ->ended. Each ORDER_START is answered by walk_refused, or by
 * walk_ended, with walk_has_result before it where there is a result; each ORDER_PRINT by walk_printed; each ORDER_LOOK by
 * walk_looked, unless the walk is to stop. After its answer a branch may be gone. On ORDER_NONE the loop waits: for an end,
 * walk_wake's time, or a token if walk_wants one. walk_stop may come at any time; what runs is answered all the same. walk_free at
 * the end.
 *
 * Nothing here fails: what goes wrong in a workflow is told by ->event and ends its branch; ->failed and ->reason are the
 * walk's. A task in an order is the caller's, to be freed; what it points to of the workflow is not. */
#ifndef ENGINE_SCHED_WALK_H
#define ENGINE_SCHED_WALK_H

#include "engine/task/decisions.h"
#include "engine/task/expand.h"
#include "engine/agent/outcome.h"
#include "engine/task/task.h"

struct branch;
struct block;

enum event_kind {
	EVENT_KEPT,             /* KEY has its result already; task: what it would be asked now, if that can be told;
	                           text: what of it differs from what it was asked; NULL: nothing */
	EVENT_AGAIN,            /* the same, and it is asked again for this difference */
	EVENT_RETRY,            /* an attempt of KEY has failed, text says why; the next is in MS milliseconds */
	EVENT_RATE_LIMITED,     /* the agent of KEY is rate-limited, text says why; asked again in MS milliseconds */
	EVENT_FAILED,           /* KEY has failed, text says why */
	EVENT_TROUBLE,          /* a statement that is not a step has failed; text says where and why */
	EVENT_NOTE,             /* what `stop` says */
	EVENT_DECIDED,          /* the command of an `if` in a worktree has decided: KEY its place, yes, digest of the evaluation */
	EVENT_SAID,             /* what the command of an `if` has said on standard error: KEY its place, text */
	EVENT_STDIN,            /* standard input is used; yes: it was read just now; else the kept one is */
	EVENT_UNASKED,          /* before EVENT_FAILED: KEY cannot even be asked, so nothing else tells of an attempt */
	EVENT_MADE,             /* KEY has got its result */
	EVENT_CHANGED           /* it has itself changed a file that it depends on: text */
};

struct event {
	enum event_kind kind;
	const char *key;
	uint32_t id;            /* of the key */
	const char *text;
	long long ms;
	long attempts;          /* so far */
	const struct task *task;
	uint64_t digest;
	int yes;
};

/* What the walk asks of those who drive it. */
struct walk_ops {
	void *ctx;
	void (*event)(void *ctx, const struct event *);
	uint32_t (*random)(void *ctx);
	/* What would be asked otherwise: in what TASK differs from what the key ID, which has its result, was
	 * asked. NULL: in nothing. */
	const char *(*differs)(void *ctx, uint32_t id, const struct task *);
};

enum order_kind {
	ORDER_NONE,             /* nothing until something ends or is due */
	ORDER_MORE,             /* much was done; look at the signals and ask again */
	ORDER_START,            /* start the task: then walk_ended, or walk_refused */
	ORDER_PRINT,            /* write the text to standard output: then walk_printed */
	ORDER_LOOK              /* look at the files: then walk_looked, in the order of the orders */
};

struct order {
	enum order_kind kind;
	struct branch *branch;  /* to be handed back; may be NULL: standard input's, or a text of several */
	struct task task;       /* ORDER_START: the caller's, to be freed with task_free */
	struct buf text;        /* ORDER_PRINT: the caller's, to be freed with buf_free */
	struct depends *files;  /* ORDER_LOOK: the walk's, to be filled in; when the walk is to stop, it and the branch are gone */
};

enum stop {
	STOP_NONE,
	STOP_STARTING,          /* -x: something has failed; what runs goes on, nothing more starts */
	STOP_ALL               /* orch is told to stop */
};

struct branch_list {
	struct branch *first, **last;
};

struct walk {
	const struct workflow *w;
	const struct run_env *around;
	struct results *results;
	const struct walk_ops *ops;
	long jobs;              /* -j; 0: as many as there are */
	int stop_first;         /* -x */
	int (*used_up)(void *ctx);      /* whether the run's budget is; CTX as in ->ops; NULL: it has none */
	/* Whether an earlier run may have a result of the key ID; with TASK (which may be NULL) to that: then it gets the offer. CTX as
	 * in ->ops. NULL: there is no such run. */
	int (*earlier)(void *ctx, uint32_t id, struct task *);
	struct branch_list to_take;     /* whose results may be in it */
	long ntaking;           /* branches whose results are being taken: no slots, no tokens */
	int over_budget;        /* it was, and something was not started for it */
	int again;              /* -u: what would be asked otherwise is asked again, and what comes later */
	enum stop stop;
	long busy;              /* slots of -j that are taken */
	long tokens;            /* how many tasks may run that are not `free`, as the loop knows it; 0: no jobserver */
	long tokens_used;       /* that do run */
	struct branch_list ready, queue, printing, pausing, stdin_wait;
	struct branch_list to_look, looking;    /* whose files are to be looked at, and are being */
	struct branch_list looked;      /* that have been, and are about to start */
	long nlooking;          /* branches in the first two */
	struct keys missing;    /* paths of files that are missing, as far as that was said */
	struct branch_list spare;       /* that have ended, and serve the next */
	struct branch_list waiting_for_token;   /* they wait for a slot too, and for a token */
	struct worktree *worktrees;     /* that were reached */
	struct decisions *decisions;    /* of its `if` lines in worktrees; NULL: none is remembered */
	struct sessions *sessions;      /* of its steps; NULL: nobody wants to know */
	struct throttled_agent *throttled;      /* that took no more at some time, with those who wait for them */
	long nparked;           /* branches in these two */
	struct block *filling;  /* blocks that have branches to make, the newest first */
	uint32_t serials, looks;
	uint32_t tags;          /* the next item's turn to reserve its keys: serials count up, they down */
	int stdin_state;        /* enum stdin_state */
	int stdin_told;         /* EVENT_STDIN was */
	int budget;             /* statements until ORDER_MORE */
	int can_resume;         /* something has failed that need not fail again: no `fail` */
	int ended, failed, unfinished;  /* the root has ended: with a failure, or cut short */
	long long now;
	struct buf key;         /* the key that is being begun */
	struct buf flush;       /* for standard output: what was printed before its turn */
	int output_failed;      /* some of that could not be written */
	struct buf reason;      /* why it failed */
};

/* Starts a walk over WORKFLOW, which is checked and free of errors. SCOPE holds its parameters. All pointers
 * must outlive the walk. With ->again, set after it, the keys have their sequence numbers. */
void walk_start(struct walk *w, const struct workflow *workflow, const struct run_env *around, struct results *results,
    const struct scope *scope, const struct walk_ops *ops, long jobs, int stop_first);

/* What is to be done now; NOW in milliseconds of a clock that only goes forward. */
void walk_next(struct walk *, long long now, struct order *);

/* Milliseconds until walk_next has to be asked again though nothing has ended; -1: no such time. */
long long walk_wake(const struct walk *, long long now);

/* Whether one more of `tokens` would let a task start. */
int walk_wants(const struct walk *);

/* The task of the branch has left its slot: another may start. Comes before walk_ended. */
void walk_has_result(struct walk *, struct branch *);

/* After walk_start: standard input is read though it is kept; where it is empty, it stays as it was kept. */
void walk_read_stdin(struct walk *);

/* The agent of the branch, which runs, is rate-limited: for SECONDS; -1: until this attempt tells otherwise, or ends; 0: it
 * goes on. No more of that agent is started meanwhile. */
void walk_agent_waits(struct walk *, struct branch *, long seconds, long long now);

/* The files of the branch were looked at. */
void walk_looked(struct walk *, struct branch *, long long now);

/* How the task of the branch (NULL: standard input's) has ended; with OUT_OK its result is kept. */
void walk_ended(struct walk *, struct branch *, const struct outcome *, long long now);

/* The task could not be started for want of processes: it will be given out again. */
void walk_refused(struct walk *, struct branch *);

/* The text of the branch was written, or could not be: ERROR is an errno or 0. */
void walk_printed(struct walk *, struct branch *, int error);

/* What is left to do, as far as it can be told. EACH is called for a line of a step and how many such steps
 * are sure to begin yet if nothing fails; those whose results are kept are among them until the walk
 * passes. A line may come more than once. */
struct remaining {
	void *ctx;
	void (*each)(void *ctx, const struct node *line, long long n);
	int more;               /* set: there may be more, of lists that are not known yet, arms, loops that may break */
};

/* What waits, and what comes after it; then the same of what comes after the branch of a task that runs,
 * or of a text that is being written: one call each, for all of them together count nothing twice. */
void walk_remaining(struct walk *, struct remaining *);
void walk_remaining_of(struct walk *, const struct branch *, struct remaining *);

/* Nothing more is started. */
void walk_stop(struct walk *, enum stop);

/* The key that the branch is working on, the line that it is at, and which attempt of it this is. */
const char *branch_key(const struct walk *, const struct branch *, uint32_t *id);
const struct node *branch_line(const struct branch *);
long branch_attempt(const struct branch *);

/* Whether the branch is at the word of an `otherwise`. */
int branch_otherwise(const struct branch *);

/* Whether the key that it is working on has a result, which stays until the new one is there; whether it is re-run for redo. */
int branch_again(const struct walk *, const struct branch *);
int branch_is_redone(const struct branch *);

void walk_free(struct walk *);

#endif
