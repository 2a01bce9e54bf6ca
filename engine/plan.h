/* What a workflow would do: a walk on paper. Nothing is started, nothing is written. */
#ifndef ENGINE_PLAN_H
#define ENGINE_PLAN_H

#include "engine/expand.h"
#include "engine/flow.h"

struct plan_step {
	const struct node *node;
	const char *key;        /* NULL: it depends on an answer that is not there yet */
	const char *written;    /* the key as it is written */
	int kept;               /* its answer is there */
	int perhaps;            /* it stands in an arm of an `if`, or in a `for` that may break */
	const struct place *at;
};

/* Calls EACH for every step in the order of the workflow, with the answers that are there; of an `if`
 * for those of both arms. */
void plan_walk(struct flow *, struct answers *, void (*each)(void *ctx, const struct plan_step *), void *ctx);

/* Shows it: a line a step, what is kept, what would run, the first line of its prompt. */
void plan_show(struct flow *, struct answers *, struct buf *out);

#endif
