/* The results in result/, found by their keys. */
#ifndef ENGINE_TASK_RESULTS_H
#define ENGINE_TASK_RESULTS_H

#include "engine/task/expand.h"
#include "store/store.h"

/* Adds a key for each result that is there, KEY_KEPT; KEY_ODD for what is not a plain file. -1 and errno. */
int results_keys(struct keys *, struct store *);

/* The same of the keys that are there already, and of no others. */
int results_of_keys(struct keys *, struct store *);

/* From here on the results are those of the store. Both are still the caller's, and must live as long. */
void results_of_store(struct results *, struct keys *, struct store *);

#endif
