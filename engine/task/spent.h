/* What the steps of a run have used, as its log tells. */
#ifndef ENGINE_TASK_SPENT_H
#define ENGINE_TASK_SPENT_H

#include "engine/agent/usage.h"
#include "engine/task/keys.h"
#include "store/log.h"

struct spent_step {
	struct usage earlier;   /* by attempts before the latest that has told something */
	struct usage latest;    /* by that one */
	uint32_t walk;          /* its walk; 0: there is none */
	long attempt;
};

struct spent {
	struct usage all;       /* since the run began */
	struct usage since;     /* since it began, or was last complete: what its budget is about */
	struct spent_step *list;        /* by key */
	uint32_t n, walk;
	long untold;            /* attempts of ->all that have not told all money */
};

/* The events of the log that spent_line is to be given, each a bit. */
#define SPENT_LINES (1u << LOG_USAGE | 1u << LOG_WALK | 1u << LOG_END)

/* Takes a line into account; others than those are passed over. KEYS gets its key. */
void spent_line(struct spent *, struct keys *keys, const struct log_line *);

/* What the key ID has used, all its attempts together. */
void spent_of(const struct spent *, uint32_t id, struct usage *);

/* ->all, with whether there is more that was not told. */
void spent_all(const struct spent *, struct usage *);

void spent_free(struct spent *);

#endif
