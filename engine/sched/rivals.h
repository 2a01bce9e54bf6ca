/* Keys that are two and would have one file, where the file system takes their names for one (store/fold.h). */
#ifndef ENGINE_SCHED_RIVALS_H
#define ENGINE_SCHED_RIVALS_H

#include "engine/sched/plan.h"
#include "store/store.h"

/* The keys that have results have their files; nothing where the file system of S tells names apart. */
void rivals_begin(struct keys *, const struct store *s);

/* Says why the key of the statement N, which has no file yet, cannot have one: it is RIVAL's. */
void rivals_say(struct buf *out, const struct keys *, uint32_t rival, const char *key, const struct node *n);

/* Whether all keys that are known before anything starts would have files of their own, with the results that are
 * there, after rivals_begin. Returns 0, or 2 and ERROR. */
int rivals_check(const struct workflow *, const struct scope *, struct results *, struct buf *error);

#endif
