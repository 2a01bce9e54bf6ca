/* What a workflow would do: a walk on paper. Nothing is started, nothing is written. */
#ifndef ENGINE_SCHED_PLAN_H
#define ENGINE_SCHED_PLAN_H

#include "engine/task/expand.h"
#include "engine/task/task.h"

struct plan_step {
	const struct node *node;
	const char *key;        /* NULL: it depends on a result that is not there yet */
	const char *written;    /* the key as it is written */
	int kept;               /* its result is there */
	const char *differs;    /* and it would be asked otherwise now: in this; NULL: not, or not looked at */
	int again;              /* and it would be asked again */
	int maybe;              /* the same, if a pure step before it, which would be asked again, gives another result */
	const char *taken;      /* of one that would be run: the earlier run that its result would be taken from */
	int may_be_taken;       /* or perhaps: what it is asked is not known yet */
	int perhaps;            /* it is in an arm of an `if`, or in a `for` that may break */
	const struct context *at;
};

/* What else is looked at. */
struct plan_with {
	const struct run_env *around;
	/* As in walk.h; NULL: it is not looked at. */
	const char *(*differs)(void *ctx, uint32_t id, const struct task *);
	void *ctx;
	int looks;              /* the files that kept steps depend on are looked at, in this process: that may block; else such a step
	                           differs in nothing */
	const char *look_key;   /* only those of this key are, kept or not; NULL: of all */
	int again;              /* -u: the keys have their sequence numbers */
	/* The name of the earlier run that may have a result of the key ID; with TASK (which may be NULL) that has the one to that. NULL:
	 * there is none; as a function: it is not looked at. */
	const char *(*earlier)(void *ctx, uint32_t id, struct task *);
	int only_kept;          /* what has no result yet makes nothing after it outdated */
};

/* Calls EACH for every step in the order of the workflow, with the results that are there; of an `if`
 * for those of both arms. WITH may be NULL: then no place has a directory. */
void plan_walk(const struct workflow *, const struct scope *, struct results *, const struct plan_with *with,
    void (*each)(void *ctx, const struct plan_step *), void *ctx);

/* Shows it: a line a step, what is kept, what would run, the first line of its prompt; WHOLE: all of it, below. */
void plan_show(const struct workflow *, const struct scope *, struct results *, const struct plan_with *with, int whole,
    struct buf *out);

#endif
