/* The steps of a run that is looked at, by the numbers of their keys. Nearly all of a large run were asked once and are
 * done: of those little is kept, 20 bytes each. */
#ifndef ENGINE_INSPECT_STEPS_H
#define ENGINE_INSPECT_STEPS_H

#include <stddef.h>
#include <stdint.h>

#include "store/log.h"

enum step_state { STEP_WAITING, STEP_RUNNING, STEP_INTERRUPTED, STEP_FAILED, STEP_DONE };

struct run_step {
	enum step_state state;
	int in_order;           /* it is in ->order of the run state */
	int dropped;            /* the workflow has it no more */
	int redo;               /* its result is to be replaced */
	int otherwise;          /* its result is the word of its `otherwise` */
	long walk;              /* the walk that had begun it again, though it has a result; 0: none */
	enum log_event last;    /* what the log says of it last; LOG_WALK: nothing */
	int status;             /* as wait() gives it, of an attempt that gave no result; -1: it does not say why */
	long attempts;
	int continued;          /* the latest went on where one before it was cut off */
	long long began, took;  /* milliseconds, of the latest attempt; began since the Epoch */
	long long since, at;    /* its first attempt and its latest, on the run's axis; since < 0: it had none */
	char *text;             /* why it failed; of one that is ->taken the run; the steps' own */
	int taken;              /* its result is from an earlier run */
};

struct steps {
	struct step_short *list;        /* by key */
	uint32_t n, cap;
	struct run_step *whole; /* those of which more is known than a short one holds */
	uint32_t nwhole, whole_cap;
	long long base;         /* what short ones began after, milliseconds since the Epoch; 0: nothing has begun */
};

void steps_free(struct steps *);

/* The step ID; one that nothing was said of waits. */
struct run_step steps_get(const struct steps *, uint32_t id);

/* From here on the step ID is S. Its text must come from the latter of these, or be what steps_get gave. */
void steps_put(struct steps *, uint32_t id, const struct run_step *s);
void step_set_text(struct run_step *s, const char *text);

#endif
